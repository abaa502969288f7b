"""The door to what formulas say: exact values, steps, pictures, FPCore.

What bounds assume of elementary functions is said here, too.  `_derived` is
the other one, to what is derived.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from ._derived import READING
from ._function import Function
from ._missing import needs_generator

if TYPE_CHECKING:
    from .generator.numbers.floats import FloatFormat
    from .generator.pieces.cover import AnyPlan
    from .generator.program.assumed import PrimitiveErrors

# Of f^(order) at x, of what was computed there, in ulp.
Errors = Callable[[int, float, float], float | None]


@needs_generator
def steps_of(
    function: Callable[[Any], Any],
    domain: tuple[object, object],
    dtype: str,
    shape: tuple[int | None, ...],
) -> Any:
    """A Python function over keras.ops, operation by operation."""
    from .generator.formula.steps import steps_of

    return steps_of(function, READING, domain, dtype, shape)


@needs_generator
def reference(
    formula: Any, domain: tuple[object, object], dtype: str
) -> tuple[
    Callable[[int, float, float], float | None], str, tuple[float, float]
]:
    """Errors in ulp of f and f', its text, and the ends of its domain.

    The errors are None where there is no exact value: outside of the
    domain, at poles and kinks.
    """
    from .generator.formula.exact import exact_function
    from .generator.formula.spec import make_spec
    from .generator.limits import within
    from .generator.numbers.formats import get_format
    from .generator.words.pointwise import ulp_error

    spec = within(READING, lambda: make_spec(formula, "f", domain))
    fmt = get_format(dtype)
    # Who writes a formula with a hole has it at a number of few digits.
    holes = {n / 8 for n in range(-800, 801)}
    exact = exact_function(spec.expr, spec.variable, holes)

    def error(order: int, x: float, got: float) -> float | None:
        want = exact(order, x)
        return None if want is None else ulp_error(got, want, fmt)

    low, high = (float(end) for end in spec.domain)
    return error, spec.text, (low, high)


@needs_generator
def shipped_like(text: str) -> str | None:
    """The name of the function that ships and is the same formula."""
    from .generator.formula.catalogue import load_catalogue
    from .generator.formula.exact import exact_function
    from .generator.formula.spec import make_spec

    places = (0.375, 1.625, 2.75)

    def values(formula: str) -> list[Any]:
        spec = make_spec(formula)
        exact = exact_function(spec.expr, spec.variable, ())
        return [exact(0, x) for x in places]

    own = values(text)
    for known in load_catalogue():
        pairs = list(zip(own, values(known.formula), strict=True))
        if all(
            a is not None and b is not None and a.overlaps(b) for a, b in pairs
        ):
            return known.name
    return None


@needs_generator
def draw_flaws(
    path: Any, title: str, dtype: str, xs: Any, errors: Mapping[str, Any]
) -> None:
    """A picture of errors over the float line, a panel for each name."""
    from pathlib import Path

    from .generator.numbers.formats import get_format
    from .generator.words.flaws import draw_errors

    draw_errors(Path(path), title, get_format(dtype), xs, errors)


@needs_generator
def array_type(storage: str) -> Any:
    """NumPy's type of a dtype."""
    from .generator.words.pointwise import array_type

    return array_type(storage)


@needs_generator
def drawing(function: Function) -> Any:
    """The module that draws, and the function's exact values in `spec`."""
    from .generator.formula.spec import make_spec
    from .generator.words import picture

    spec = make_spec(function.expression, function.name, function.domain)
    return picture, spec


@needs_generator
def function_page(
    function: Function, plans: Sequence[AnyPlan], home: str, **facts: Any
) -> str:
    """The page about a function; `facts` are those of `pages.page.Facts`."""
    from .generator.formula.spec import make_spec
    from .generator.pages.page import Facts
    from .generator.pages.page import function_page

    spec = make_spec(function.expression, function.name, function.domain)
    return function_page(spec, Facts(**facts), plans, home, function.formats)


@needs_generator
def index_page(
    lines: Sequence[tuple[Function, str, Sequence[float]]],
    dtype: str,
    where: str,
    version: str,
) -> str:
    """The index of functions with their pages and bounds."""
    from .generator.formula.catalogue import load_catalogue
    from .generator.formula.spec import make_spec
    from .generator.pages.page import Line
    from .generator.pages.page import index_page

    meanings = {entry.name: entry.meaning for entry in load_catalogue()}
    rows = [
        Line(
            make_spec(f.expression, f.name, f.domain),
            file,
            meanings.get(f.name, ""),
            bounds,
        )
        for f, file, bounds in lines
    ]
    return index_page(rows, dtype, where, version)


@needs_generator
def core_of(text: str) -> Any:
    """What an FPCore says; None for a text that is none."""
    from .generator.formula.fpcore import is_fpcore
    from .generator.formula.fpcore import read_fpcore

    return read_fpcore(text) if is_fpcore(text) else None


@needs_generator
def core_text(function: Function, order: int, dtype: str) -> str:
    """f^(order) as FPCore, of the precision of a dtype."""
    from .generator.formula.derivative import derivative
    from .generator.formula.fpcore import to_fpcore
    from .generator.formula.spec import make_spec
    from .generator.numbers.formats import get_format

    spec = make_spec(function.expression, function.name, function.domain)
    expr = derivative(spec.expr, spec.variable, order)
    fmt = get_format(dtype, function.formats)
    exponent = (fmt.emax - fmt.emin + 2).bit_length()
    width = fmt.precision + exponent
    usual = (exponent, width) in ((5, 16), (8, 32), (11, 64))
    return to_fpcore(
        expr,
        spec.name + "'" * order,
        spec.domain_text,
        f"binary{width}" if usual else f"(float {exponent} {width})",
    )


@needs_generator
def assumed_errors(dtype: str) -> PrimitiveErrors:
    """What bounds assume of elementary functions in a dtype."""
    from .generator.program.assumed import primitive_errors

    return primitive_errors(dtype)


@needs_generator
def measured_tables(dtype: str) -> Sequence[Mapping[str, Any]]:
    """The tables that ``make calibrate`` wrote."""
    from .generator.program.assumed import tables

    return tables(dtype)


@needs_generator
def module_text(
    function: Function,
    name: str,
    order: int,
    plans: Sequence[AnyPlan],
    served: Mapping[str, FloatFormat],
    how: str,
) -> str:
    """A module that computes f^(order) and imports only keras."""
    from dataclasses import replace

    from .generator.pipeline import to_source
    from .generator.source.standalone import standalone

    summary = "Saved by StableOp.save."
    if order:
        primes = "'" * order
        summary += f" {name} is f{primes}; that is its order 0."
    source = to_source(
        function.expression,
        function.domain,
        summary,
        [replace(plan, name=name) for plan in plans],
        formats=served,
    )
    return standalone(source.text, name, function.expression, how, order)


@needs_generator
def standing_alone(function: Function, name: str, text: str, how: str) -> str:
    """`module_text` of all there is, from the text of a module."""
    from .generator.source.standalone import standalone

    return standalone(text, name, function.expression, how)
