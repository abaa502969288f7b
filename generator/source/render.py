"""Python source from bodies alone: printed, and laid out by a template."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType

from keras_stablef import runtime

from .. import plain
from ..lowering.body import Body
from ..lowering.body import Rows
from ..lowering.tables import row_table
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..numbers.literals import number
from ..pieces.kernels import KERNELS
from ..pieces.kernels import kernel
from ..pieces.plan import narrowed_bound
from ..pieces.sound import require_sound_format
from ..text import shown_bound
from .printer import body_lines
from .printer import definition
from .printer import reference
from .printer import tuple_text
from .templates import environment
from .templates import formatted

KERNEL_NUMBERS = "kernel_numbers"


@dataclass(frozen=True)
class Source:
    """A rendered module.

    Attributes:
        name: of the function and of the module.
        text: the whole file, formatted.
    """

    name: str
    text: str


@dataclass(frozen=True)
class _Printed:
    function: str
    title: str
    lines: list[str]


def render(
    expression: str,
    domain: tuple[str, str],
    summary: str,
    bodies: Sequence[Body],
    tidy: bool = True,
    formats: Mapping[str, FloatFormat] = FORMATS,
    certified: bool = False,
) -> Source:
    """The module with the bodies of one function.

    Every text is checked, whoever made it.

    Args:
        bodies: for each dtype in ascending order.
        formats: those it serves, if computed in one that has a plan.
        tidy: format it, for people.
        certified: it reads its tables from the certificate beside it, where
            they stand once.

    Raises:
        GeneratorError: a body, a format or a text holds what cannot be
            written as a number, a name or plain text.
    """
    name = bodies[0].name
    ulps = {(b.dtype, b.order): b.ulp for b in bodies}
    orders = sorted({b.order for b in bodies})
    planned = list(dict.fromkeys(b.dtype for b in bodies))
    served = {d: f for d, f in formats.items() if f.compute in planned}
    for d, f in served.items():
        plain.name(d, "name of a format")
        require_sound_format(f)
    text = (
        environment()
        .get_template("module.py.j2")
        .render(
            name=name,
            expression=expression,
            domain=domain,
            summary=textwrap.wrap(plain.text(summary, "summary"), 76),
            imports=_imports(bodies, certified),
            tables=_tables(bodies, certified),
            bodies=[
                _Printed(body.function, _title(body), body_lines(body))
                for body in bodies
            ],
            table={
                dtype: [b.function for b in bodies if b.dtype == dtype]
                for dtype in planned
            },
            computes={d: f.compute for d, f in served.items()},
            storages={d: f.storage for d, f in served.items()},
            roundings={
                d: {
                    k: str(v) if isinstance(v, int) else number(v)
                    for k, v in steps.items()
                }
                for d, f in served.items()
                if (steps := f.rounding(FORMATS[f.compute]))
            },
            bounds={
                d: [
                    shown_bound(narrowed_bound(ulps[f.compute, order], f))
                    for order in orders
                    if (f.compute, order) in ulps
                ]
                for d, f in served.items()
            },
        )
    )
    return Source(name, formatted(text) if tidy else text)


def render_wide(
    expression: str, bodies: Sequence[Body], orders: int, tidy: bool = True
) -> Source:
    """The module with the bodies that compute in a wider dtype.

    Args:
        orders: how many there may be of each dtype.

    Raises:
        GeneratorError: a body or a text holds what cannot be written as a
            number, a name or plain text.
    """
    name = bodies[0].name
    by_place = {(b.narrow or b.dtype, b.order): b for b in bodies}
    found: dict[str, list[Body | None]] = {
        dtype: [by_place.get((dtype, k)) for k in range(orders)]
        for dtype in sorted({dtype for dtype, _ in by_place})
    }
    text = (
        environment()
        .get_template("wide.py.j2")
        .render(
            name=name,
            expression=expression,
            imports=_imports(bodies, False),
            bodies=[
                _Printed(body.function, _title(body), body_lines(body))
                for body in bodies
            ],
            table={
                dtype: [body and body.function for body in row]
                for dtype, row in found.items()
            },
            bounds={
                dtype: [body and shown_bound(body.ulp) for body in row]
                for dtype, row in found.items()
            },
        )
    )
    return Source(name, formatted(text) if tidy else text)


def render_kernels(dtypes: Sequence[str] = ("float32", "float64")) -> Source:
    """The module of the runtime that has the numbers of its kernels."""
    found = {
        name: {
            dtype: (
                tuple_text(kernel(name, FORMATS[dtype]).coefficients, dtype),
                tuple_text(kernel(name, FORMATS[dtype]).log2, dtype),
            )
            for dtype in dtypes
        }
        for name in sorted(KERNELS)
    }
    text = (
        environment()
        .get_template(f"{KERNEL_NUMBERS}.py.j2")
        .render(kernels=found)
    )
    return Source(KERNEL_NUMBERS, formatted(text))


@cache
def _homes() -> dict[str, str]:
    """The runtime module of each primitive."""
    return {
        name: module.__name__.rpartition(".")[2]
        for module in runtime.MODULES
        for name, value in vars(module).items()
        if isinstance(value, (FunctionType, type))
        and value.__module__ == module.__name__
    }


def _imports(bodies: Sequence[Body], certified: bool) -> list[tuple[str, str]]:
    """Modules of the runtime, and what is taken from them."""
    tables = [(b.dtype, table) for b in bodies for table in b.tables]
    needed = {(_homes()[call], call) for body in bodies for call in body.calls}
    if certified:
        needed |= {
            ("tables", "rows_of" if isinstance(t, Rows) else "numbers_of")
            for _, t in tables
        }
    elif any(
        isinstance(t, Rows) and row_table(t.rows, dtype).lookup.counts
        for dtype, t in tables
    ):
        needed.add((_homes()["Grid"], "Grid"))
    return sorted(needed, key=lambda pair: (pair[0], pair[1].lower()))


def _tables(bodies: Sequence[Body], certified: bool) -> list[str]:
    lines = []
    for body in bodies:
        for table in body.tables:
            lines += (
                reference(table, body)
                if certified
                else definition(table, body.dtype)
            )
    return lines


def prime(order: int) -> str:
    """f, f', f'' ..."""
    return "f" + "'" * order if order < 4 else f"f^({order})"


def _title(body: Body) -> str:
    dtype = body.dtype
    if body.narrow is not None:
        dtype = f"{body.narrow} by way of {dtype}"
    return (
        f"{prime(body.order)} in {dtype}, proved within "
        f"{shown_bound(body.ulp)} ulp."
    )
