"""The page of a function, and the index of many.

A page is one file: pictures are in it as ``data:`` addresses, and its
policy (Content-Security-Policy) lets nothing be loaded and nothing run, so
that also what slipped through the escaping could do nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2

from ..formula.spec import Spec
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from ..pieces.cover import AnyPlan
from ..source.templates import template_folder
from ..text import at_most
from ..words.explain import pieces_of
from ..words.graph import graph
from ..words.graph import sketch
from ..words.phrases import Said
from ..words.typeset import mathml

KINDS = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
}


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters.update(at_most=at_most, signs=_signs)
    return made


def _signs(text: str) -> str:
    """A text with the signs that a keyboard lacks."""
    return text.replace("<=", "\N{LESS-THAN OR EQUAL TO}").replace(
        ">=", "\N{GREATER-THAN OR EQUAL TO}"
    )


def _address(kind: str, data: bytes) -> str:
    """Bytes as an address that holds them; its characters are harmless."""
    return f"data:{KINDS[kind]};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class Facts:
    """What is said of a function that does not follow from its formula.

    Attributes:
        title: its name, a derivative's with primes.
        order: of the derivative that the page is about.
        meaning, reference: of the catalogue; "" where there are none.
        how: the call that gives the op.
        bounds: in ulp, by format, then by order from `order` on.
        where: what the errors were measured with.
        errors: their picture, a PNG.
        caption: what it shows, for who cannot see it.
        certificate: as JSON.
        claim: of the certificate.
        assumed: name and value of each assumption.
        speed: rows of backend, mode, dtype, ratio, and half the distance of
            the quartiles; none where nothing was measured.
        source: name of a file and its text.
    """

    title: str
    order: int
    meaning: str
    reference: str
    how: str
    bounds: Mapping[str, Sequence[float]]
    where: str
    errors: bytes
    caption: str
    certificate: str
    claim: str
    assumed: Sequence[tuple[str, str]]
    speed: Sequence[tuple[str, str, str, float, float]]
    source: tuple[str, str]
    version: str


@dataclass(frozen=True)
class _Piece:
    """A stretch of the line: where and what, its bound, what is said."""

    head: Said
    body: tuple[Said, ...]


@dataclass(frozen=True)
class _Told:
    """One plan: a title with its bound, remarks, pieces."""

    title: Said
    remarks: tuple[Said, ...]
    pieces: tuple[_Piece, ...]


def _told(
    spec: Spec, plan: AnyPlan, formats: Mapping[str, FloatFormat]
) -> _Told:
    title, *rest = pieces_of(spec, plan, formats)
    begins = [k for k, said in enumerate(rest) if said.first == 2]
    first = begins[0] if begins else len(rest)
    pieces = [
        _Piece(rest[a], tuple(rest[a + 1 : b]))
        for a, b in zip(begins, [*begins[1:], len(rest)], strict=True)
    ]
    return _Told(title, tuple(rest[:first]), tuple(pieces))


def function_page(
    spec: Spec,
    facts: Facts,
    plans: Sequence[AnyPlan],
    home: str = "",
    formats: Mapping[str, FloatFormat] = FORMATS,
) -> str:
    """The page of one function, in the dtype of its plans.

    Args:
        plans: of one dtype, of every order from `facts.order` on.
        home: file name of the index, if there is one.
    """
    template = _environment().get_template("report.html.j2")
    return template.render(
        facts=facts,
        home=home,
        spec=spec,
        domain=_domain(spec),
        formulas=[mathml(spec, plan.order) for plan in plans[:3]],
        orders=[plan.order for plan in plans],
        dtype=plans[0].dtype,
        plans=[_told(spec, plan, formats) for plan in plans],
        graph=_address("svg", graph(spec, plans)),
        errors=_address("png", facts.errors),
        certificate=_address("json", facts.certificate.encode("utf-8")),
    )


def _domain(spec: Spec) -> str:
    """The domain in words."""
    low, high = spec.domain_text
    if (low, high) == ("-oo", "oo"):
        return "all real x"
    left = "" if low == "-oo" else f"{low} <= "
    right = "" if high == "oo" else f" <= {high}"
    return f"{left}x{right}"


@dataclass(frozen=True)
class Line:
    """What the index says of a function, and its page's file name."""

    spec: Spec
    file: str
    meaning: str
    bounds: Sequence[float]


def index_page(
    lines: Iterable[Line], dtype: str, where: str, version: str
) -> str:
    """Every function with its formula, a sketch and its bounds.

    Args:
        dtype: that the pages and the bounds are about.
    """
    template = _environment().get_template("reports.html.j2")
    return template.render(
        rows=[
            {
                "line": line,
                "formula": mathml(line.spec, 0),
                "domain": _domain(line.spec),
                "sketch": _address("svg", sketch(line.spec)),
            }
            for line in lines
        ],
        dtype=dtype,
        where=where,
        version=version,
    )
