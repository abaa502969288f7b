"""Local polynomials and the row that an input belongs to.

Source: Horner's rule and its running error, Higham, *Accuracy and Stability
of Numerical Algorithms*, 2nd ed., section 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from .constants import constant
from .constants import fixed
from .lookup import find_row
from .nouns import RowTable
from .pairs import split

# Rows whose numbers are chosen one after the other by comparisons: more rows
# are looked up.  A number of another row costs one operation; a gather costs
# as much as 25 of them compiled by XLA, as 15 in the mean over backends, eager
# and compiled (a million float32 on two cores: `make weigh`).
FEW = 16


def horner(coefficients: Sequence[Any], s: Any) -> Any:
    """c[0] + c[1] * s + c[2] * s**2 + ...

    Error: at most 2 n u * sum of |c[k]| |s|**k for degree n (Higham, (5.3));
    a plan counts each rounding at its own size.  Contraction only lessens it.
    """
    z = coefficients[-1]
    for c in coefficients[-2::-1]:
        z = z * s + c
    return z


def local_polynomials(t: Any, rows: RowTable, dtype: str) -> Any:
    """The local polynomial of the interval that t lies in.

    Args:
        rows: seams, table, divider and whether rows are scaled: see
            `tables.rows_of`.

    Error: that of `local_polynomial` in that row.  t has to lie between the
    first row's low and the last one's high.
    """
    seams, table, divider, scaled = rows
    if len(table) > FEW:
        columns = find_row(t, seams, table, dtype)
        return local_polynomial(t, columns, divider, scaled, dtype)
    above = [t >= constant(seam, dtype) for seam in seams]
    row = [chosen(column, above, dtype) for column in zip(*table, strict=True)]
    return local_polynomial(t, row, divider, scaled, dtype, numbers=True)


def chosen(column: Sequence[float], above: Sequence[Any], dtype: str) -> Any:
    """The number of the row of which the seams below are passed."""
    found: Any = column[0]
    for test, value in zip(above, column[1:], strict=True):
        if isinstance(found, float):
            if found == value:
                continue
            found = constant(found, dtype)
        found = ops.where(test, constant(value, dtype), found)
    return found


def local_polynomial(
    t: Any,
    row: Sequence[Any],
    divider: float | None,
    scaled: bool,
    dtype: str,
    numbers: bool = False,
) -> Any:
    """One local polynomial; numbers may be folded by compilers.

    A row: center, if `scaled` what t - center and the result are to be
    multiplied by, lead, with a `divider` the slope, then the other
    coefficients negated.  Sums that must not be reordered are written as
    differences: TensorFlow's graph optimizer gathers additions.

    Error: u |result| and the small part's roundings; t - center is exact for
    center / 2 <= t <= 2 center (Sterbenz) and counted as rounded elsewhere.
    With a slope the product slope * (t - center) is in two parts, so that a
    zero of f keeps its relative precision.
    """
    center, *row = row
    s = t - center
    if scaled:
        scale, gain, *row = row
        s = s * scale
    lead, *rest = row
    if divider:
        slope, *rest = rest
    z = horner(rest, s)
    if divider:
        high, low = split(s, divider, dtype)
        z = z - slope * low
        lead = lead + slope * high
    elif numbers:  # TensorFlow folds lead - (p + c) to (lead - c) - p
        z = fixed(z, dtype)
    return (lead - z) * gain if scaled else lead - z
