"""Assumed errors of the backends' elementary functions, as data.

The figures are in ``measured/BACKEND-DEVICE-DTYPE.json``, written by
``make calibrate``: the worst error seen on each.  Assumed is the worst over
all files of a dtype, times a safety factor for processors, versions and
devices that were not at hand.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import GeneratorError

FOLDER = Path(__file__).with_name("measured")
SAFETY = 1.25
CORRECT = 0.5  # ulp: what IEEE 754 asks of + - * / and sqrt; none is better


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


def tables(dtype: str) -> list[dict[str, Any]]:
    """What was measured in `dtype`, a table for each backend and device.

    Raises:
        GeneratorError: nothing was, or a file cannot be read.
    """
    paths = sorted(FOLDER.glob(f"*-{dtype}.json"))
    if not paths:
        raise GeneratorError(
            f"No calibration: expected a file *-{dtype}.json in "
            f"{FOLDER.name}/ (run `make calibrate`), found none."
        )
    try:
        return [json.loads(p.read_text(encoding="utf-8")) for p in paths]
    except (OSError, ValueError) as error:
        raise GeneratorError(
            f"Cannot read a calibration: expected JSON, received {error}."
        ) from error


@cache
def primitive_errors(dtype: str) -> PrimitiveErrors:
    """The assumed errors for `dtype`: the worst seen, times `SAFETY`.

    What was correctly rounded everywhere needs no factor: that is asked of
    it, and 0.5 ulp or not is no matter of degree.  A table of a device may
    have some of the functions only, and not what they are off by below the
    normal range.
    """
    found = [table["functions"] for table in tables(dtype)]
    ulps, tiny = {}, {}
    for name in {name: None for table in found for name in table}:
        cells = [table[name] for table in found if name in table]
        worst = max(cell["ulp"] for cell in cells)
        worst *= SAFETY if worst > CORRECT else 1.0
        known = [c["underflow"] for c in cells if c["underflow"] is not None]
        under = max(known, default=1.0) * SAFETY
        ulps[name] = _hundredths(max(worst, CORRECT))
        tiny[name] = _hundredths(max(under, 1.0))
    return PrimitiveErrors(dtype, tuple(ulps.items()), tuple(tiny.items()))


def _hundredths(value: float) -> Fraction:
    return Fraction(math.ceil(value * 100), 100)
