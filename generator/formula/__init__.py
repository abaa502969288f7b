"""What f is.

Owns: text, FPCore and Python functions read by a whitelist (`parse`,
`fpcore`, `lift` with `tracing`, `keras_names`, `meant` and `guards`), sizes
before sympy evaluates (`arithmetic`), a formula printed anew (`written`), its
exact values (`exact`), the interval (`domain`), symmetry (`parity`),
derivatives (`derivative`), names (`shorthand`), formulas that are one number
(`constant`), and the declared functions (`catalogue`).

May know: `numbers`.  Nothing of what was given is kept but what was parsed;
whatever comes from outside ends here.

Entry: `spec.make_spec`, from text or sympy to a frozen `Spec`.
"""
