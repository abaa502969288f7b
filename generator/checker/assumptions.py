"""Assumed errors of functions against the tables that were measured.

``measured/BACKEND-DEVICE-DTYPE.json`` holds the worst error seen on each
backend and device.  Assumed has to be the worst of them and a quarter more,
rounded up to hundredths: what was not measured (other processors, versions)
is assumed to be no more than that worse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from .claims import Malformed
from .claims import exact

FOLDER = Path(__file__).parent.parent / "program" / "measured"
MARGIN = Fraction(5, 4)
HALF = Fraction(1, 2)  # ulp: correctly rounded, which needs no margin
HUNDREDTH = Fraction(1, 100)
# The analysis counts half an ulp for each of these.
ROUNDED = ("add", "subtract", "multiply", "divide")


@dataclass
class Assumed:
    """Errors of elementary functions, in ulp and below the normal range."""

    ulps: dict[str, float]
    tiny: dict[str, float]


@cache
def measured(
    dtype: str, folder: Path = FOLDER
) -> dict[str, tuple[Fraction, Fraction]]:
    """By function: the worst error in ulp, and below the normal range."""
    worst: dict[str, tuple[Fraction, Fraction]] = {}
    for path in sorted(folder.glob(f"*-{dtype}.json")):
        table = json.loads(
            path.read_text(encoding="utf-8"),
            parse_float=Fraction,
            parse_int=Fraction,
        )
        for name, cell in table["functions"].items():
            ulp, under = worst.get(name, (Fraction(0), Fraction(0)))
            # None: not measured on that device.
            worst[name] = (
                max(ulp, cell["ulp"]),
                max(under, cell["underflow"] or Fraction(0)),
            )
    return worst


def read_assumed(whole: dict[str, Any], dtype: str) -> Assumed:
    """What a certificate assumes in a format.

    Raises:
        Malformed: it does not say.
    """
    try:
        table = whole["assumptions"]["elementary functions"][dtype]
        return Assumed(
            {name: float(exact(v["ulp"])) for name, v in table.items()},
            {name: float(exact(v["underflow"])) for name, v in table.items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(
            f"No assumed errors: expected ulp and underflow of each function "
            f"in {dtype}, received something else ({error!r})."
        ) from None


def check_assumed(whole: dict[str, Any], dtype: str) -> Iterator[str]:
    """What is assumed otherwise than the tables say."""
    found, table = measured(dtype), read_assumed(whole, dtype)
    if not found:
        yield f"no table of measured errors in {dtype}"
        return
    if set(table.ulps) != set(found):
        yield (
            f"assumed errors: expected those of {', '.join(sorted(found))}, "
            f"received {', '.join(sorted(table.ulps))}"
        )
    data = whole["assumptions"]["elementary functions"][dtype]
    for name in sorted(set(found) & set(table.ulps)):
        ulp, under = found[name]
        ulp = max(ulp * MARGIN if ulp > HALF else ulp, HALF)
        under = max(under * MARGIN, Fraction(1))
        for key, least in (("ulp", ulp), ("underflow", under)):
            claim = exact(data[name][key])
            if not least <= claim <= least + HUNDREDTH:
                yield (
                    f"assumed error of {name} in {dtype}: expected "
                    f"{float(least):g} {key} by the tables, received "
                    f"{float(claim):g}"
                )
        if name in ROUNDED and ulp > HALF:
            yield (
                f"{name} in {dtype}: the analysis counts half an ulp, "
                f"measured are {float(found[name][0]):g}"
            )
