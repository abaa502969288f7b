"""What the form at an end computes, for people."""

from __future__ import annotations

from fractions import Fraction

from .end_kinds import AnyEnd
from .end_kinds import ExponentialEnd
from .end_kinds import FloatEnd
from .end_kinds import LogEnd


def end_formula(form: AnyEnd) -> str:
    """What the form computes, for people."""
    if isinstance(form, LogEnd):
        t = "|x|" if form.point is None else "t"
        lead = f"{_power(t, Fraction(form.power))} " if form.power else ""
        return f"{lead}G(log {t})"
    t = "|x|" if form.point is None else "t"
    sign = -1 if form.point is None else 1
    if isinstance(form, FloatEnd) and form.is_flat:
        return f"{form.limit:g}"
    root = form.root
    factors = (form.factor,) if isinstance(form, FloatEnd) else form.factors
    terms = []
    for j, factor in enumerate(factors):
        if not factor.head and not factor.rest:
            continue
        w = "1/" + t if form.point is None else t
        if root > 1:
            w = f"({w})**(1/{root})"
        inner = f"{float(factor.head):g}" if factor.head else ""
        if factor.rest:
            more = (
                f"{w} P_{j}({w})"
                if len(factor.rest) > 1
                else (f"{float(factor.rest[0]):g} {w}")
            )
            inner = f"{inner} + {more}" if inner else more
        log = f"log({w})" + (f"**{j}" if j > 1 else "")
        if j:
            inner = f"{log} ({inner})" if " " in inner else f"{inner} {log}"
            inner = inner.removeprefix("1 ")
        terms.append(inner)
    body = " + ".join(terms).replace("+ -1 ", "- ").replace("+ -", "- ")
    power = Fraction(form.power * sign, root)
    if power:
        body = f"({body})" if " " in body else body
        body = _power(t, power) if body == "1" else f"{_power(t, power)} {body}"
    if isinstance(form, ExponentialEnd):
        g = " + ".join(
            _times(-form.level * c, _power(t, Fraction(-sign * p, root)))
            for p, c in form.exponent
        )
        body = f"exp({g})" if body == "1" else f"exp({g}) {body}"
    return body


def _power(base: str, exponent: Fraction) -> str:
    if exponent == 1:
        return base
    whole = exponent.denominator == 1 and exponent > 0
    return f"{base}**{exponent}" if whole else f"{base}**({exponent})"


def _times(factor: Fraction, text: str) -> str:
    if abs(factor) == 1:
        return text if factor > 0 else f"-{text}"
    shown = factor if factor.denominator < 1000 else f"{float(factor):g}"
    return f"{shown} {text}"
