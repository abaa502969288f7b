"""The pseudo-Huber loss and its slope at every delta, without overflow.

``delta**2 (sqrt(1 + (x/delta)**2) - 1)`` composed of an op of x/delta fails
in both directions: x/delta and delta**2 leave the range of the dtype long
before the loss or its gradient do.  With ``a = |x|``, r the smaller of a and
delta over the larger one, and ``q = sqrt(1 + r**2)``, so that
``hypot(x, delta)`` is the larger one times q:

    value  a (a/(1 + q))      or  delta (a/(q + r))   for a > delta
    slope  x/q                or  ±delta/q
    curve  1/q**3             or  (r/q)**3

r is in [0, 1] and q in [1, sqrt(2)]; a/(1 + q) and a/(q + r) are at most a,
and the last product is the result.  So nothing overflows or underflows but
the result, and r, and r**2, which q then does not see.

Errors, for x and delta as they are and u = half an ulp of 1, with + - * / and
sqrt to nearest: r is off by u, 1 + r**2 by 2.5u (r**2 has at most half of the
sum and 3u), q by 2.25u, 1 + q by at most 2.25u q/(1 + q) + u <= 2.4u, q + r by
3.25u.  So value 5.25u and slope 3.25u, to first order: 5.3 and 3.3 ulp
(`VALUE_ULP`, `SLOPE_ULP`).  A delta that is no float is rounded to one: 1u
more of each (neither changes by a larger factor than delta does).
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import keras

from ._autodiff import attach
from ._derived import shown
from ._dtypes import FORMATS
from ._dtypes import largest
from ._tensors import checked_dtype

VALUE_ULP, SLOPE_ULP = 6.3, 4.3  # the rounding of delta included


def _parts(x: Any, delta: Any) -> tuple[Any, Any, Any, Any]:
    """|x|, where it is at most delta, and r and q."""
    where = keras.ops.where
    a = where(x < keras.ops.zeros_like(x), -x, x)
    near = a <= delta
    # Two selections: a compiler would divide by a constant delta as
    # 1/delta, which is subnormal and flushed for one near the maximum.
    r = where(near, a, delta) / where(near, delta, a)
    return a, near, r, keras.ops.sqrt(1.0 + r * r)


def _value(x: Any, delta: Any) -> Any:
    a, near, r, q = _parts(x, delta)
    return keras.ops.where(near, a * (a / (1.0 + q)), delta * (a / (q + r)))


def _slope(x: Any, delta: Any) -> Any:
    _, near, _, q = _parts(x, delta)
    end = keras.ops.where(x < keras.ops.zeros_like(x), -delta, delta)
    return keras.ops.where(near, x, end) / q


def _curve(x: Any, delta: Any) -> Any:
    _, near, r, q = _parts(x, delta)
    root = keras.ops.where(near, keras.ops.ones_like(r), r) / q
    return root * root * root


# Of a difference x and of delta as tensors; at import, for a compiler that
# traces the loss must not meet the making of the rules.
_TOWER = attach((_value, _slope, _curve))


def pseudo_huber_of(x: Any, delta: float) -> Any:
    """The loss of differences x, elementwise; float32 or float64."""
    return _TOWER[0](x, keras.ops.convert_to_tensor(delta, dtype=x.dtype))


def working_dtype(dtype: str) -> str:
    """The dtype in which the loss of one dtype is computed."""
    return "float64" if dtype == "float64" else "float32"


def checked_delta(delta: Any, dtype: str) -> float:
    """delta, if the dtype has it and the loss can be computed with it.

    Raises:
        TypeError: no real number.
        ValueError: not positive, not finite, or out of range: above the
            dtype's largest number, below its smallest, or below the
            smallest normal number of the dtype of the computation, which
            XLA would read as 0.
    """
    if isinstance(delta, bool) or not isinstance(delta, Real):
        raise TypeError(
            f"Bad delta: expected a real number, received {shown(delta)}."
        )
    checked_dtype(dtype, FORMATS, "PseudoHuber")
    try:
        number = float(delta)
    except OverflowError:  # an integer above every float
        number = math.inf
    if not (math.isfinite(number) and number > 0):
        raise ValueError(
            "Bad delta: expected a positive finite number, received "
            f"{shown(delta)}."
        )
    precision, emin = FORMATS[dtype]
    _, normal = FORMATS[working_dtype(dtype)]
    least, most = 2.0 ** max(emin - precision + 1, normal), largest(dtype)
    if not least <= number <= most:
        raise ValueError(
            f"Bad delta: expected a number of {dtype}, from {least:.3g} to "
            f"{most:.3g}, received {shown(delta)}."
        )
    return number
