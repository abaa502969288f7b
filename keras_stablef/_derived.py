"""The one door to the generator, which is loaded when something asks.

`Derived` is a function that is derived on demand; the others are what the
package needs of a room, each in the words of the package.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from ._function import Function
from ._missing import needs_generator
from ._progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from .generator.formula.catalogue import Entry
    from .generator.formula.lift import Lifted
    from .generator.numbers.floats import FloatFormat
    from .generator.pieces.cover import AnyPlan

ORDERS = 3
READING = 10.0  # seconds for a formula's text


class Derived(Function):
    """A function derived by dtype and order when that is asked for.

    Plans are kept in memory and on disk (``generator/store``).
    """

    @needs_generator
    def __init__(
        self,
        formula: Any,
        domain: tuple[object, object],
        name: str,
        max_ulp: float | None,
        formats: Any = None,
        outside: str = "nan",
    ) -> None:
        from .generator.formula.spec import checked_goal
        from .generator.formula.spec import make_spec
        from .generator.limits import within
        from .generator.numbers.format_file import tables_of
        from .generator.numbers.formats import FORMATS
        from .generator.numbers.formats import formats_with
        from .generator.pieces.sound import checked_outside

        # First, as reading a formula takes longer than refusing these.
        self._formats = formats_with(formats)
        max_ulp = checked_goal(max_ulp)
        self.outside = checked_outside(outside)

        self.spec = within(READING, lambda: make_spec(formula, name, domain))
        self.name = name
        self.expression = self.spec.text
        self.domain = self.spec.domain_text
        known = self._formats.items()
        self.compute = {d: f.compute for d, f in known}
        self.storage = {d: f.storage for d, f in known}
        self.rounding = {
            d: dict(f.rounding(FORMATS[f.compute]))
            for d, f in known
            if f.compute != d
        }
        self.bodies = {
            dtype: tuple(_Lazy(self, dtype, k) for k in range(ORDERS))
            for dtype in dict.fromkeys(self.compute.values())
        }
        self.bounds = _Bounds(self)
        config: dict[str, Any] = {
            "formula": self.expression,
            "domain": list(self.domain),
            "max_ulp": max_ulp,
        }
        if outside != "nan":
            config["outside"] = outside
        own = {d: f for d, f in known if d not in FORMATS}
        if own:
            config["formats"] = tables_of(own)
        self.config = config
        text = repr((name, sorted(config.items(), key=str)))
        self.key = hashlib.sha256(text.encode()).hexdigest()
        self._max_ulp = max_ulp
        self._plans: dict[tuple[str, int], AnyPlan] = {}
        self._bodies: dict[tuple[str, int], Callable[[Any], Any]] = {}
        self._twins: dict[tuple[str, int], Callable[[Any], Any] | None] = {}
        self._kernels: dict[tuple[str, int], tuple[Any, Sequence[Any]]] = {}

    @property
    def formats(self) -> Mapping[str, FloatFormat]:
        return self._formats

    def plan(self, dtype: str, order: int) -> AnyPlan:
        from dataclasses import replace

        import sympy

        from .generator.numbers.formats import get_format
        from .generator.pieces.cover import Cover
        from .generator.pipeline import derive
        from .generator.store.store import remembered

        key = dtype, order
        if key not in self._plans:
            # Whatever they are called: others ask for the same mathematics.
            x = sympy.Symbol("x", real=True)
            expr = self.spec.expr.xreplace({self.spec.variable: x})
            spec = replace(self.spec, name="f", expr=expr, variable=x)
            parts = (
                str(spec.expr),
                self.domain,
                self._max_ulp,
                repr(get_format(dtype)),
            )
            with progress(f"deriving {self.name}{chr(39) * order} {dtype}"):
                found = remembered(
                    (spec.name, dtype, order),
                    parts,
                    lambda: derive(spec, dtype, order, self._max_ulp),
                )
            found = replace(found, name=self.name)
            # What is outside is no part of what is derived.
            if isinstance(found, Cover):
                found = replace(found, outside=self.outside)
            self._plans[key] = found
        return self._plans[key]

    def claims(self, dtype: str, order: int) -> dict[str, Any]:
        import json

        from .generator.words.certificate import certify

        plans = [self.plan(dtype, order)]
        found: dict[str, Any] = json.loads(
            certify(self.expression, self.domain, plans).text
        )
        return found

    def body(self, dtype: str, order: int) -> Callable[[Any], Any]:
        """The function that computes the derivative of that order."""
        from .generator.pipeline import to_source

        key = dtype, order
        if key not in self._bodies:
            plan = self.plan(dtype, order)
            text = to_source(
                self.expression, self.domain, "Derived.", [plan], tidy=False
            ).text
            # Under a name that tracebacks and AutoGraph can look up.
            place = f"<keras_stablef {self.key[:16]} {dtype} {order}>"
            self._bodies[key] = self._run(text, place)["BODIES"][dtype][0]
        return self._bodies[key]

    def twin(self, dtype: str, order: int) -> Callable[[Any], Any] | None:
        from .generator.pipeline import to_wide_source

        key = dtype, order
        if key not in self._twins:
            plan = self.plan(dtype, order)
            source = to_wide_source(self.expression, [plan], tidy=False)
            self._twins[key] = None
            if source is not None:
                place = f"<keras_stablef {self.key[:16]} {dtype} {order} wide>"
                found = self._run(source.text, place)["WIDE"][dtype]
                self._twins[key] = found[order]
        return self._twins[key]

    def kernel(self, dtype: str, order: int) -> tuple[Any, Sequence[Any]]:
        from types import SimpleNamespace

        from .generator.build import kernels_of

        key = dtype, order
        if key not in self._kernels:
            tables = self.body(dtype, order).__globals__
            plans = [self.plan(dtype, order)]
            text = kernels_of(self.expression, plans, shipped=False)
            # Triton reads its source where tracebacks do.
            place = f"<keras_stablef {self.key[:16]} {dtype} {order} kernel>"
            namespace = self._run(text, place, plain=SimpleNamespace(**tables))
            self._kernels[key] = namespace["KERNELS"][dtype][0]
        return self._kernels[key]

    def forget(self) -> None:
        """Plans are derived, or looked up, anew; what runs goes on."""
        self._plans.clear()

    @staticmethod
    def _run(text: str, place: str, **given: Any) -> dict[str, Any]:
        """The names of a module that was rendered now."""
        lines = text.splitlines(keepends=True)
        linecache.cache[place] = (len(text), None, lines, place)
        namespace = {"__name__": f"{__name__}.derived", **given}
        exec(compile(text, place, "exec"), namespace)  # our own source
        return namespace

    def derive_now(self, dtype: str) -> None:
        """f and f' in one dtype; if it has a number in the domain.

        Where another dtype has some it is the one that is meant, and the
        error is for those who use this one.
        """
        from .generator.analysis.domain_ends import ends_of
        from .generator.errors import NoFloatError
        from .generator.numbers.formats import get_format

        try:
            for order in (0, 1):
                self.plan(dtype, order)
        except NoFloatError as error:
            for other in self.bodies:
                try:
                    ends_of(self.spec.domain, get_format(other))
                    return
                except NoFloatError:
                    continue
            raise error


_KNOWN: dict[str, Derived] = {}


@needs_generator
def derived(
    formula: Any,
    domain: tuple[object, object],
    name: str | None,
    max_ulp: float | None,
    formats: Any = None,
    outside: str = "nan",
) -> Derived:
    """The function of these, the same for the same ones."""
    if name is None or name == "<lambda>":
        name = "f"
    found = Derived(formula, domain, name, max_ulp, formats, outside)
    return _KNOWN.setdefault(found.key, found)


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
        fmt = self.derived.formats[self.dtype]
        return bound(self.derived.plan(fmt.compute, order), fmt)


class _Bounds(Mapping[str, Sequence[float]]):
    """Bounds by dtype, then by order; asking derives."""

    def __init__(self, derived: Derived) -> None:
        self.derived = derived

    def __getitem__(self, dtype: str) -> _Row:
        if dtype not in self.derived.compute:
            raise KeyError(dtype)
        return _Row(self.derived, dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self.derived.compute)

    def __len__(self) -> int:
        return len(self.derived.compute)


# -- errors ------------------------------------------------------------------


@needs_generator
def shown(value: object) -> str:
    """What was received, for a message: short, in ASCII, on one line."""
    from .generator.plain import shown

    return shown(value)


@needs_generator
def refusal(message: str) -> ValueError:
    """The generator's own error."""
    from .generator.errors import GeneratorError

    return GeneratorError(message)


@needs_generator
def saved_op_refusal(message: str) -> ValueError:
    """The error for the configuration of a saved op."""
    from .generator.errors import SavedOpError

    return SavedOpError(message)


@needs_generator
def names_a_place(error: ValueError) -> bool:
    """Whether a formula was refused for where it has no value."""
    from .generator.errors import NotRealError
    from .generator.errors import SingularityError

    return isinstance(error, (NotRealError, SingularityError))


@needs_generator
def nearest(name: str, known: Collection[str]) -> str:
    """ ", did you mean ...", or nothing, for a message."""
    from .generator.formula.spec import nearest

    return nearest(name, known)


# -- formulas and formats ----------------------------------------------------


@needs_generator
def formats(source: Any = None) -> Mapping[str, FloatFormat]:
    """The formats that ship and those of a file, or of its tables."""
    from .generator.numbers.formats import formats_with

    return formats_with(source)


@needs_generator
def format_of(name: str, known: Mapping[str, FloatFormat]) -> FloatFormat:
    """The format of that name, or an error that says which there are."""
    from .generator.numbers.formats import get_format

    return get_format(name, known)


@needs_generator
def lifted(
    function: Callable[[Any], Any], domain: tuple[object, object], dtype: str
) -> Lifted:
    """The formula of a Python function over keras.ops."""
    from .generator.formula.lift import lift

    return lift(function, READING, domain, dtype)


@needs_generator
def entry(name: str) -> Entry | None:
    """The declared function of that name."""
    from .generator.formula.catalogue import load_catalogue

    return {e.name: e for e in load_catalogue()}.get(name)


# -- plans, and what is made of them -----------------------------------------


@needs_generator
def forget_plans() -> int:
    """Removes the plans that are kept on disk; how many there were."""
    from .generator.store.store import forgotten

    for known in _KNOWN.values():
        known.forget()
    return forgotten()


@needs_generator
def claimed_plan(
    certificate: Mapping[str, Any],
    twins: Mapping[str, Any] | None,
    dtype: str,
    order: int,
) -> AnyPlan:
    """The plan that a shipped module, and its twins, were rendered from."""
    from .generator.store.claimed import claimed_plan
    from .generator.store.claimed import with_twin

    plan = claimed_plan(certificate, dtype, order)
    return plan if twins is None else with_twin(plan, twins)


@needs_generator
def bound(plan: AnyPlan, fmt: FloatFormat) -> float:
    """The bound of a plan in a format computed in its dtype, rounded up."""
    from .generator.pieces.plan import narrowed_bound
    from .generator.text import shown_bound

    return shown_bound(narrowed_bound(plan.ulp, fmt))


@needs_generator
def words(function: Function, plans: Sequence[AnyPlan]) -> str:
    """How a function and its derivatives are computed."""
    from .generator.words.explain import explain

    return explain(
        function.expression, function.domain, plans, function.formats
    )


@needs_generator
def write(path: Path, text: str) -> None:
    """The whole file or nothing of it."""
    from .generator.files import write_if_changed

    write_if_changed(path, text)
