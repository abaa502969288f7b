"""`stabilize`: an op from anybody's formula, derived when it is needed."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import overload

import keras

from ._autodiff import Body
from ._op import StableOp
from ._op import shared_ops
from ._progress import progress

if TYPE_CHECKING:
    from .generator.formula.catalogue import Entry
    from .generator.pieces.cover import AnyPlan

ORDERS = 3
READING = 10.0  # seconds for a formula's text
ALL_REALS = ("-oo", "oo")
Domain = tuple[object, object]


class Derived:
    """What a generated module offers, derived by dtype and order on demand.

    Plans are kept in memory and on disk (``generator/store``).
    """

    def __init__(
        self,
        formula: Any,
        domain: Domain,
        name: str,
        max_ulp: float | None,
        formats: Any = None,
    ) -> None:
        from .generator.formula.spec import checked_goal
        from .generator.formula.spec import make_spec
        from .generator.limits import within
        from .generator.numbers.format_file import tables_of
        from .generator.numbers.formats import FORMATS
        from .generator.numbers.formats import formats_with

        # First, as reading a formula takes longer than refusing these.
        self.formats = formats_with(formats)
        max_ulp = checked_goal(max_ulp)

        self.spec = within(READING, lambda: make_spec(formula, name, domain))
        self.NAME = name
        self.EXPRESSION = self.spec.text
        self.DOMAIN = self.spec.domain_text
        known = self.formats.items()
        self.COMPUTE = {d: f.compute for d, f in known}
        self.STORAGE = {d: f.storage for d, f in known}
        self.ROUNDING: dict[str, dict[str, Any]] = {
            d: dict(f.rounding(FORMATS[f.compute]))
            for d, f in known
            if f.compute != d
        }
        self.BODIES: dict[str, tuple[Body, ...]] = {
            dtype: tuple(_Lazy(self, dtype, k) for k in range(ORDERS))
            for dtype in dict.fromkeys(self.COMPUTE.values())
        }
        self.BOUNDS = _Bounds(self)
        self.CONFIG: dict[str, Any] = {
            "formula": self.EXPRESSION,
            "domain": list(self.DOMAIN),
            "max_ulp": max_ulp,
        }
        own = {d: f for d, f in known if d not in FORMATS}
        if own:
            self.CONFIG["formats"] = tables_of(own)
        text = repr((name, sorted(self.CONFIG.items(), key=str)))
        self.KEY = hashlib.sha256(text.encode()).hexdigest()
        self._max_ulp = max_ulp
        self._plans: dict[tuple[str, int], AnyPlan] = {}
        self._bodies: dict[tuple[str, int], Callable[[Any], Any]] = {}

    def plan(self, dtype: str, order: int) -> AnyPlan:
        """The plan for a dtype that is computed in itself."""
        from .generator.numbers.formats import get_format
        from .generator.pipeline import derive
        from .generator.store.store import remembered

        key = dtype, order
        if key not in self._plans:
            parts = (
                str(self.spec.expr),
                self.DOMAIN,
                self._max_ulp,
                repr(get_format(dtype)),
            )
            with progress(f"deriving {self.NAME}{chr(39) * order} {dtype}"):
                self._plans[key] = remembered(
                    (self.NAME, dtype, order),
                    parts,
                    lambda: derive(self.spec, dtype, order, self._max_ulp),
                )
        return self._plans[key]

    def body(self, dtype: str, order: int) -> Callable[[Any], Any]:
        """The function that computes the derivative of that order."""
        from .generator.source.render import render

        key = dtype, order
        if key not in self._bodies:
            plan = self.plan(dtype, order)
            text = render(
                self.EXPRESSION, self.DOMAIN, "Derived.", [plan], tidy=False
            ).text
            # Under a name that tracebacks and AutoGraph can look up.
            place = f"<keras_stablef {self.KEY[:16]} {dtype} {order}>"
            lines = text.splitlines(keepends=True)
            linecache.cache[place] = (len(text), None, lines, place)
            namespace: dict[str, Any] = {"__name__": f"{__name__}.derived"}
            exec(compile(text, place, "exec"), namespace)  # our own source
            self._bodies[key] = namespace["BODIES"][dtype][0]
        return self._bodies[key]


class _Lazy:
    """A body that is derived when it is first called."""

    def __init__(self, derived: Derived, dtype: str, order: int) -> None:
        self.derived, self.dtype, self.order = derived, dtype, order

    def __call__(self, x: Any) -> Any:
        return self.derived.body(self.dtype, self.order)(x)


class _Row(Sequence[float]):
    """Bounds of one dtype by order."""

    def __init__(self, derived: Derived, dtype: str) -> None:
        self.derived, self.dtype = derived, dtype

    def __len__(self) -> int:
        return ORDERS

    def __getitem__(self, order: Any) -> Any:
        from .generator.pieces.plan import narrowed_bound
        from .generator.text import shown_bound

        fmt = self.derived.formats[self.dtype]
        plan = self.derived.plan(fmt.compute, order)
        return shown_bound(narrowed_bound(plan.ulp, fmt))


class _Bounds(Mapping[str, Sequence[float]]):
    """Bounds by dtype, then by order; asking derives."""

    def __init__(self, derived: Derived) -> None:
        self.derived = derived

    def __getitem__(self, dtype: str) -> _Row:
        if dtype not in self.derived.COMPUTE:
            raise KeyError(dtype)
        return _Row(self.derived, dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self.derived.COMPUTE)

    def __len__(self) -> int:
        return len(self.derived.COMPUTE)


@overload
def stabilize(
    formula: None = None,
    domain: Domain | None = ...,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
) -> Callable[[Callable[[Any], Any]], StableOp]: ...
@overload
def stabilize(
    formula: Any,
    domain: Domain | None = ...,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
) -> StableOp: ...
def stabilize(
    formula: Any = None,
    domain: Domain | None = None,
    *,
    name: str | None = None,
    max_ulp: float | None = None,
    formats: Any = None,
) -> Any:
    """An op that computes a formula to a few ulp, and its derivatives too.

    Args:
        formula: text such as ``"log(1+x)/x"``, a sympy expression in one
            variable, or a Python function of one argument over
            `keras.ops` that does not branch on it.  With no formula it is a
            decorator for such a function.  Text is parsed by a whitelist
            and never evaluated; its numbers are exact, 0.1 is one tenth,
            and so are floats in a sympy expression or a function.  The name
            of an op that ships, such as ``"log_cosh"``, stands for its
            formula and its domain: with nothing else given it is that op.
        domain: the interval on which the bound shall hold, all reals by
            default; numbers, text or sympy.  A float (Python's, NumPy's or
            sympy's) is that float exactly, text is exact as in formulas:
            0.1 is 0x1.999999999999ap-4 and "0.1" one tenth.  "oo", "inf"
            and "infinity" are infinity.  Outside it the op gives nan.
        name: of the op; "f", or the function's own name, by default.
        max_ulp: the bound to meet, in ulp; by default 2 for f and f' and 4
            for f''.
        formats: a TOML file of formats of your own (docs/dtypes.md), or its
            tables as a mapping: `StableOp.in_format` gives the op in one.

    Returns:
        A `StableOp`: any shape, float16, bfloat16, float32, float64 or
        float8, on TensorFlow, JAX and PyTorch.  At a removable point of the
        formula value and derivatives are those of the filled-in function,
        at an end of the domain they are the limits.  At a kink that is a
        number of the dtype, such as 0 for ``abs(x)``, derivatives are the
        limits from above; of an even or odd function this is so for x >= 0,
        and those for x < 0 are mirrored.  At any other kink every number is
        on one side of it.  The value and gradient for
        `keras.config.floatx()` are derived now; another dtype or order when
        it is first used, and all are kept on disk.

    Raises:
        NotAnExpressionError, VariableError, DomainError: bad input; a bare
            name of several letters is one, the nearest ones are said.
        GeneratorError: `name` is no lower-case identifier, `max_ulp` no
            positive number.
        NoFloatError: no dtype has a number in the domain; where only some
            have none it is raised when one of these is used.
        SingularityError: a pole or branch point inside the domain; where.
        NotRealError: not real on part of the domain; which.
        FormatError: `formats` has an entry that cannot be.
        BoundNotMetError: `max_ulp` cannot be met; the best, and where.
        TimeLimitError: the formula takes too long to analyse (a minute of
            this thread's computing), or too much memory.
        All are subclasses of `ValueError`.

    Example:
        >>> import keras_stablef as ks
        >>> op = ks.stabilize("(1-cos(x))/x**2", domain=(-3, 3))
        >>> op(1e-8)  # 0.5
        >>> op.derivative()(0.0)  # 0.0
        >>> op.error_bound("float32", order=1)  # below 2

    Source: local Taylor models with relative remainders (Chevillard,
    Harrison, Joldes and Lauter, 2011), running error analysis (Higham,
    *Accuracy and Stability of Numerical Algorithms*, section 3.3), pairs of
    floats (Dekker, 1971).
    """
    if formula is None:
        return lambda function: stabilize(
            function, domain, name=name, max_ulp=max_ulp, formats=formats
        )
    if isinstance(formula, str):
        entry = _shipped(formula)
        if entry is not None:
            if (domain, name, max_ulp, formats) == (None,) * 4:
                from . import ops

                return getattr(ops, entry.name)
            formula, name = entry.formula, name or entry.name
            domain = entry.domain if domain is None else domain
    if callable(formula) and not hasattr(formula, "free_symbols"):
        from .generator.formula.lift import lift

        own = getattr(formula, "__name__", None)
        name = name or (own.lower() if isinstance(own, str) else "f")
        formula = lift(formula, READING)
    if domain is None:
        domain = ALL_REALS
    derived = Derived(formula, domain, _named(name), max_ulp, formats)
    floatx = keras.config.floatx()
    _derive_now(derived, derived.COMPUTE.get(floatx, "float32"))
    return shared_ops(derived)[0]


def saved_op(
    formula: str,
    domain: Domain,
    name: str | None,
    max_ulp: float | None,
    formats: Any,
) -> StableOp:
    """The op of a saved model: read now, derived when it is first used.

    A model may name any number of formulas, and its loading must not take
    the seconds of all of them.
    """
    derived = Derived(formula, domain, _named(name), max_ulp, formats)
    return shared_ops(derived)[0]


def _shipped(text: str) -> Entry | None:
    """The entry of the catalogue of that name."""
    from .generator.formula.catalogue import load_catalogue

    if not text.strip().isidentifier():
        return None
    return {e.name: e for e in load_catalogue()}.get(text.strip())


def _derive_now(derived: Derived, dtype: str) -> None:
    """f and f' in one dtype; if it has a number in the domain.

    Where another dtype has some it is the one that is meant, and the error
    is for those who use this one.
    """
    from .generator.errors import NoFloatError
    from .generator.numbers.formats import get_format
    from .generator.plan.coverer import ends_of

    try:
        for order in (0, 1):
            derived.plan(dtype, order)
    except NoFloatError as error:
        for other in derived.BODIES:
            try:
                ends_of(derived.spec.domain, get_format(other))
                return
            except NoFloatError:
                continue
        raise error


def _named(name: str | None) -> str:
    return "f" if name is None or name == "<lambda>" else name
