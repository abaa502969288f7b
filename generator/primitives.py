"""Assumed errors of the backends' elementary functions, as data.

The figures are in ``primitives.json``, written by `calibrate`: the worst
error seen over all backends, times a stated safety factor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

from .errors import GeneratorError


@dataclass(frozen=True)
class PrimitiveErrors:
    """Assumed worst errors of elementary functions in one format."""

    dtype: str
    ulps: tuple[tuple[str, Fraction], ...]
    tiny: tuple[tuple[str, Fraction], ...]

    def ulp(self, name: str) -> Fraction:
        """Error in ulp of the computed result where that is normal."""
        return self._get(self.ulps, name)

    def underflow(self, name: str) -> Fraction:
        """Absolute error below it, in units of the smallest normal."""
        return dict(self.tiny).get(name, Fraction(1))

    def _get(
        self, rows: tuple[tuple[str, Fraction], ...], name: str
    ) -> Fraction:
        try:
            return dict(rows)[name]
        except KeyError:
            raise GeneratorError(
                f"No calibrated error: expected one of "
                f"{', '.join(k for k, _ in rows)} for {self.dtype}, "
                f"received {name!r}."
            ) from None


@cache
def primitive_errors(dtype: str) -> PrimitiveErrors:
    """The assumed errors for `dtype`."""
    path = Path(__file__).with_name("primitives.json")
    rows = json.loads(path.read_text(encoding="utf-8"))["assumed"][dtype]
    return PrimitiveErrors(
        dtype,
        tuple((k, Fraction(str(v["ulp"]))) for k, v in rows.items()),
        tuple(
            (k, Fraction(str(v.get("underflow", 1)))) for k, v in rows.items()
        ),
    )
