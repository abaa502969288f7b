"""The primitives of `runtime` as Triton's device functions, name by name.

Owns: what the kernels of `keras_stablef.kernels` call: keras.ops (`ops`),
constants, division and exponents (`numbers`), pairs of floats (`pairs`), log
and exp of pairs (`transcendental`), tables of polynomials (`polynomials`).

May know: triton, and the numbers of `runtime.kernel_numbers`.  Imported by
kernels alone, since triton may not be there.

Each does the operations of its twin in `runtime` one for one, in the same
order, so its error is its twin's and is stated there; here stands what is
another matter on a GPU.  That holds for three reasons:

- Nothing is contracted: kernels are launched with ``enable_fp_fusion=False``,
  which keeps LLVM and ptxas (``--fmad=false``) from making a product and a
  sum one fused multiply-add.  Fusing alone would be allowed; but Triton
  computes an operand again where it is used twice, and may fuse one and not
  the other: then the low part of a pair is that of another product.
- Division and square root are asked for by the name of the correctly rounded
  ones; ``a / b`` of float32 is off by 2 ulp (triton issue 10661).
- exp and log are those of libdevice, as torch's own are on CUDA; ``tl.exp`` of
  float32 is an approximation.

Triton makes a float32 of a Python number that is given a name: numbers stand
where they are used, or go through `constant`.
"""
