"""`StableOp`: a function as one Keras operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras

from ._config import known_function
from ._config import read_config
from ._derived import shown
from ._function import Function
from ._ragged import is_ragged
from ._tensors import as_float_tensor
from ._tensors import complex_refused
from ._tensors import format_name
from ._towers import towers


@keras.saving.register_keras_serializable(package="keras_stablef")
class StableOp(keras.Operation):
    """f^(order) of a generated function, elementwise.

    Calling it takes a tensor of the backend, a `KerasTensor` (one node of
    the graph), a `tf.RaggedTensor`, a NumPy array, a list or a number.
    The result has the same shape; a float dtype is kept, integers, booleans
    and Python numbers become `keras.config.floatx()`.

    `domain` says where f is defined and `error_bound` how far off a result
    can be.  At a removable point the value and every derivative are those
    of the filled-in function; at ±inf they are the limits (of the gradient
    too); nan gives nan.  For `stablef`: f(0) = 1/2 with gradient 1/12,
    f(-inf) = 0 and f(inf) = 1 with gradient 0.  XLA and TensorFlow read a
    subnormal x as 0, see `error_bound`.  Autodiff of f is the op of
    f', planned and bounded like f; the backward pass keeps only x.

    Example:
        >>> import keras_stablef as ks
        >>> ks.ops.stablef([0.0, -1e30])  # 0.5, 1e-30
        >>> ks.ops.stablef.derivative()(0.0)  # 1/12

    Raises:
        TypeError: complex or non-numeric input, a float dtype that no plan
            was generated for, or one that the backend does not keep.
        ValueError: an integer beyond every float.

    Sources: minimax polynomials about removable points and closed forms in
    exp(-|x|) far out, Muller, *Elementary Functions*, 3rd ed., chapters 3
    and 11; running error analysis, Higham, *Accuracy and Stability of
    Numerical Algorithms*, 2nd ed., section 3.3.
    """

    def __init__(
        self,
        function: Function,
        order: int = 0,
        name: str | None = None,
        format: str | None = None,
    ) -> None:
        super().__init__(name=name or _base_name(function, order))
        self.function, self.order, self.format = function, order, format
        self._is_node = name is not None
        # Looked up here and not when called: a compiler that traces the
        # call sees only the function of its dtype.
        self._by_dtype = {
            function.storage[name]: tower[order]
            for name, tower in towers(function).items()
            if name == (format or function.storage[name])
        }
        self.__doc__ = (
            f"f^({order})(x) for f(x) = {function.expression}.\n\n"
            f"{(type(self).__doc__ or '').split(chr(10), 2)[2]}"
        )

    @property
    def expression(self) -> str:
        """The formula of f as text."""
        return self.function.expression

    @property
    def domain(self) -> tuple[str, str]:
        """Where f is defined and the bounds hold."""
        return self.function.domain

    @property
    def orders(self) -> int:
        """How many derivatives are generated, f itself included."""
        return self.function.orders

    def derivative(self, order: int = 1) -> StableOp:
        """The op of the derivative, `order` higher than this one's.

        Example:
            >>> ks.ops.stablef.derivative(2)(0.5)

        Raises:
            ValueError: no such derivative was generated; autodiff of the
                last one gives the next without a bound.
        """
        if isinstance(order, bool) or not isinstance(order, int) or order < 0:
            raise ValueError(
                f"Bad order: expected an integer >= 0, received {shown(order)}."
            )
        total = self.order + order
        if total >= self.orders:
            raise ValueError(
                f"No derivative of order {shown(total)} of "
                f"{self.function.name}: expected at most {self.orders - 1}, "
                f"received {shown(total)}. "
                "Higher ones come from autodiff of the last, without a bound."
            )
        if order == 0:
            return self
        return shared_ops(self.function, self.format)[total]

    def in_format(self, name: str) -> StableOp:
        """This op with its result rounded to a format, whatever the dtype.

        For formats that have no dtype of their own, such as tf32 in a
        float32: an op like any other, its derivatives in the format too.
        x is a tensor of the format's storage and taken exactly as it is;
        Python numbers and integers become that dtype, and the result has
        it.

        Args:
            name: of a format the function was generated for.

        Example:
            >>> op = ks.stabilize("log(1+x)/x", (-1, "oo"),
            ...     formats="examples/tf32.toml")
            >>> op.in_format("tf32")(0.5)  # 0.8110352, f is 0.8109302

        Raises:
            ValueError: it was not.
        """
        formats = self.function.compute
        if not isinstance(name, str) or name not in formats:
            raise ValueError(
                f"No such format of {self.name}: expected one of "
                f"{', '.join(formats)}, received {shown(name)}."
            )
        return shared_ops(self.function, name)[self.order]

    def error_bound(self, dtype: str, order: int = 0) -> float:
        """Proved bound of ``|computed - f^(order)(x)|`` in ulp.

        It holds for every float x of the domain; for narrow formats it is
        half an ulp (the one rounding) and a little.  `dtype` may be the
        name of a format without a dtype.  `order` counts from this op.

        Two exceptions.  XLA and TensorFlow read a subnormal x, ``0 < |x| <
        2**-126`` in float32 and bfloat16 (2**-1022 in float64, none of
        float16), as 0, of either sign.  Where 0 is a singular end of the
        domain, as of ``sqrt(x)``, that x has the result of 0: of a value or
        slope with a pole there -inf or inf.  And where f^(order)(x) is
        within the bound of the largest number of the dtype, the result may
        be infinite.

        Raises:
            ValueError: unknown dtype or order.
        """
        bounds = self.function.bounds
        name = format_name(dtype, bounds)
        if name not in bounds:
            raise ValueError(
                f"No such bound: expected one of {', '.join(bounds)}, received "
                f"{shown(dtype)}."
            )
        return bounds[name][self.derivative(order).order]

    def _family(self, format: str | None) -> tuple[StableOp, ...]:
        """The ops of f, f', f'' ... in a format."""
        return shared_ops(self.function, format)

    def explain(self, dtype: str | None = None) -> str:
        """How f and its derivatives are computed: pieces, thresholds, why.

        Args:
            dtype: only this one; by default every dtype that has a plan of
                its own.

        Example:
            >>> print(ks.ops.log_cosh.explain("float32"))
        """
        from ._study import explain

        return explain(self, dtype)

    def plot(self, path: Any, dtype: str | None = None) -> None:
        """A picture of the error in ulp over the whole float line.

        This op and its gradient (of f'' alone f''), the textbook formula
        beside them, the proved bounds and the seams; needs matplotlib.

        Args:
            path: of a file that ends in .png, .svg or .pdf.
            dtype: a dtype, or the name of a format without one, in which
                everything is computed and in whose ulp errors are; by
                default the op's own format, else float32.

        Raises:
            ValueError: unknown dtype, or a file that cannot be written.

        Example:
            >>> ks.ops.log_cosh.plot("log_cosh.png")
            >>> ks.ops.log_cosh.derivative().plot("tanh.png", "bfloat16")
        """
        from ._study import plot

        plot(self, path, dtype)

    def report(self, path: Any, dtype: str | None = None) -> None:
        """One page of HTML with all that is known of this op.

        Formula, graph, pieces, certificate, the errors of `plot`, source.

        Args:
            path: of a file that ends in .html.
            dtype: as of `plot`.

        Raises:
            ValueError: as of `plot`.

        Example:
            >>> ks.ops.log_cosh.report("log_cosh.html")
        """
        from ._report import report

        report(self, path, dtype)

    def certificate(self, dtype: str, order: int = 0) -> dict[str, Any]:
        """What is claimed of one dtype and order, and on what grounds.

        Pieces with their intervals, exact coefficients, truncation errors
        and total bounds, the errors assumed of elementary functions, and
        what is claimed.  `order` counts from this op; a dtype that is
        computed in a wider one has that one's plan.  To be read, not
        checked: `keras_stablef.generator.checker` takes the text of a whole
        certificate, of all plans, and of the module rendered with it, as
        ``NAME.json`` and ``NAME.py`` in ``keras_stablef/generated`` for what
        ships; no module that `save` wrote.

        Example:
            >>> ks.ops.log_cosh.certificate("float32", order=1)["plan"]["ulp"]

        Raises:
            ValueError: unknown dtype or order.
        """
        from ._study import certificate

        return certificate(self, dtype, self.derivative(order).order)

    def fpcore(self, dtype: str = "float32") -> str:
        """The formula as FPCore 2.0, for the field's other tools.

        Args:
            dtype: whose precision it is to name.

        Example:
            >>> print(ks.ops.log_cosh.fpcore())

        Raises:
            ValueError: unknown dtype, or a function that FPCore has not.
        """
        from ._exact import core_text

        return core_text(self.function, self.order, dtype)

    def save(
        self,
        path: Any,
        dtypes: str | Sequence[str] | None = None,
        formats: Any = None,
    ) -> None:
        """Write a module that computes f and imports only keras.

        It holds every order and the derivative rules, and offers a function
        of this op's name.  Of a derivative it holds this one and the higher
        ones: ``ks.ops.stablef.derivative().save(...)`` offers
        ``stablef_d1(x)``, which is f', and ``stablef_d1(x, order=1)``, f''.

        Args:
            path: of a file in a folder that exists.
            dtypes: those it is to serve (one, or several), all of them by
                default; one that is computed in a wider dtype brings that
                along, and with it the others that are computed in that.
            formats: a TOML file of formats of your own (docs/dtypes.md),
                which it shall serve too.

        Raises:
            ValueError: unknown dtype, or a file that cannot be written.

        Example:
            >>> ks.stabilize("log(1+x)/x", (-1, "oo"), name="rel").save(
            ...     "rel.py"
            ... )
        """
        from ._study import save

        save(self, path, dtypes, formats)

    def call(self, x: Any) -> Any:
        if is_ragged(x):
            import tensorflow as tf

            return tf.ragged.map_flat_values(self.call, x)
        x = as_float_tensor(x, self._default_dtype)
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype not in self._by_dtype:
            raise TypeError(
                f"{self.name}: expected a dtype of "
                f"{', '.join(self._by_dtype)}, received {dtype}."
            )
        y = self._by_dtype[dtype](x)
        if keras.backend.standardize_dtype(y.dtype) != dtype:
            # Keras 3.15 does that to float64 on its numpy backend; the
            # bound would be gone in silence.
            raise TypeError(
                f"{self.name}: keras.ops lost the dtype on the "
                f"{keras.backend.backend()} backend: expected {dtype}, "
                f"received {y.dtype}. Use float32 there."
            )
        return y

    def __call__(self, x: Any) -> Any:
        if not keras.utils.is_keras_tensor(x):
            return self.call(x)
        if self._is_node:
            return self.symbolic_call(x)
        # The one op that everybody shares makes a node of its own for each
        # use in a graph: Keras saves a model by its nodes and their names.
        name = _node_name(_base_name(self.function, self.order))
        node = StableOp(self.function, self.order, name, self.format)
        return node.symbolic_call(x)

    def compute_output_spec(self, x: Any) -> Any:
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype.startswith("complex"):
            raise TypeError(complex_refused(dtype))
        if not keras.backend.is_float_dtype(dtype):
            dtype = self._default_dtype
        if self.format and dtype != self._default_dtype:
            raise TypeError(
                f"{self.name}: expected a dtype of {self._default_dtype}, "
                f"received {dtype}."
            )
        if getattr(x, "ragged", False):
            return keras.KerasTensor(
                x.shape, dtype, ragged=True, ragged_rank=x.ragged_rank
            )
        return keras.KerasTensor(x.shape, dtype=dtype)

    @property
    def _default_dtype(self) -> str:
        """What numbers without a float dtype become."""
        if self.format:
            return self.function.storage[self.format]
        floatx: str = keras.config.floatx()
        return floatx

    def get_config(self) -> dict[str, Any]:
        return {
            "function": self.function.name,
            "order": self.order,
            "name": self.name,
            **({"format": self.format} if self.format else {}),
            **self.function.config,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StableOp:
        """The op of a saved configuration, which is data from anywhere.

        Raises:
            ValueError: an entry is none that an op can have (`_config`).
        """
        saved = read_config(config)
        return cls(known_function(saved), saved.order, saved.name, saved.format)

    def __repr__(self) -> str:
        primes = "'" * self.order
        kind = f" in {self.format}" if self.format else ""
        more = ""
        if self.function.outside == "clip":
            low, high = self.domain
            more = f", x clipped to ({low}, {high})"
        return (
            f"<StableOp {self.function.name}{primes}{kind}: "
            f"{self.expression}{more}>"
        )


def _base_name(function: Function, order: int) -> str:
    return f"{function.name}_d{order}" if order else function.name


_USES: Counter[str] = Counter()


def _node_name(base: str) -> str:
    """`base`, then base_1, base_2 ..., as Keras names layers."""
    _USES[base] += 1
    return base if _USES[base] == 1 else f"{base}_{_USES[base] - 1}"


_SHARED: dict[tuple[str, str | None], tuple[StableOp, ...]] = {}


def shared_ops(
    function: Function, format: str | None = None
) -> tuple[StableOp, ...]:
    """The ops of f, f', f'' ... that everybody shares."""
    key = function.key, format
    if key not in _SHARED:
        orders = range(function.orders)
        _SHARED[key] = tuple(
            StableOp(function, k, format=format) for k in orders
        )
    return _SHARED[key]
