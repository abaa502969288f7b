"""What the runtime's `pair_exp` and `pair_log` are off by, on boxes.

Both are polynomials of what is left of the argument, r, added to terms that
are exact.  Next to 0, or to 1, where no power of two is taken out, r is known
exactly and their errors shrink with its powers, down to u**2 of exp(x): of
exp(x) - 1 and log(1 + x) the precision is kept as x goes to 0.  Units are
u = 2**-p.
"""

from __future__ import annotations

import numpy as np

from .carried_value import Carried
from .spans import Array
from .spans import Real
from .spans import Span

# exp r = 1 + r + r**2 P(r).  Half ulps: 0.0625 u of r**2 <= 0.1203, 0.5 u of P
# (0.6 u with what its Horner sum carries), 0.0313 u of r**2 P where r < 0 and
# twice that where r > 0, and as much for each of the two sums.  Over exp r
# that is 0.276 u at most, next to r = -log(2)/2; 2**-6 u are left out of P.
EXP_UNITS = Real(0.30)  # relative
SPLIT_UNITS = Real(2) ** -10  # of n log(2), in three parts, and of r with it
# Of r**2: P is below 0.57, off by 1.3 u of itself, and its product with r**2
# meets two roundings more, and two sums.
EXP_SQUARE = Real(3.2)
EXP_NEAR = Real(0.34)  # n = 0: |x| < log(2) / 2 = 0.3465

# log(m 2**n) = n log(2) + (r - r**2 / 2) + r**3 P(r), r = m - 1 exact.  The
# last term meets six roundings and what P leaves out, all in proportion to
# |r|**3: 0.12 u at most, for r = sqrt(2) - 1, where it is 0.0181.
LOG_UNITS = Real(0.12)  # absolute
# |r|**3 P is below 0.4294 |r|**3 (for r < 0), and 0.0181 for sqrt(2) - 1.
LOG_CUBIC = LOG_UNITS * Real(0.4294) / Real(0.0181)
# m = t and n = 0: sqrt(1/2) < t < sqrt(2), and 2**-13 of it further in, where
# n is guessed.
LOG_NEAR = Real(0.7073), Real(1.4139)
# Of what tails are rounded by: of 1 (exp), of r (log), of an argument.
LOW = 4


def exp_error(a: Carried, exact: Span, unit: Array) -> Array:
    """The error of exp of a, with what a is off by."""
    far = exact.size * (EXP_UNITS + 2 * SPLIT_UNITS) * unit
    r = (a.exact.size + a.error + a.low_part) * (1 + unit)
    near = np.minimum(EXP_SQUARE * r * r, EXP_UNITS * exact.size)
    near = near * unit + LOW * unit * (a.low_part + unit)
    own = np.where(r < EXP_NEAR, near, far)
    return (exact.size + own) * np.expm1(a.error) + own


def log_error(a: Carried, size: Array, unit: Array) -> Array:
    """The error of the logarithm of the head of a.

    Args:
        size: of the logarithm, at most.
    """
    far = (LOG_UNITS + size * SPLIT_UNITS) * unit
    off = a.error + a.low_part
    low, high = a.exact.low - off, a.exact.high + off
    r = np.maximum(np.abs(low - 1), np.abs(high - 1)) * (1 + unit)
    near = np.minimum(LOG_CUBIC * r * r * r, LOG_UNITS) * unit
    near = near + LOW * unit * unit * r
    return np.where((low > LOG_NEAR[0]) & (high < LOG_NEAR[1]), near, far)
