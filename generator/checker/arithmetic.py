"""+ - * / of numbers in lanes, each rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .machine import NO_GRID
from .machine import WIDEN
from .machine import Machine
from .machine import Real
from .machine import power_of_two
from .running import Number


def down(x: Any) -> Any:
    """A lower bound of a value that was rounded to long double."""
    return np.where(np.isinf(x), x, x - np.abs(x) * WIDEN)


def up(x: Any) -> Any:
    """An upper bound."""
    return -down(-x)


def rounded_once(
    machine: Machine,
    lo: Any,
    hi: Any,
    res: Any,
    noise: dict[int, tuple[Any, Any]],
    grid: Any,
    most: Any = None,
) -> Number:
    """One operation: exact on its grid, else rounded.

    Args:
        most: bound of what is rounded, if a better one is known.
    """
    wide = Number(machine, down(lo), up(hi), res, noise)
    carried = wide.error
    top = wide.size + carried
    fits = (grid >= machine.fmt.emin) & (
        top
        <= (1 + 2 * WIDEN)
        * power_of_two(np.clip(grid, -16000, 15900) + machine.fmt.precision)
    )
    half = machine.half_ulp(wide.size, top, np.maximum(wide.least - carried, 0))
    half = np.where(fits, Real(0), half)
    # Without error and on the grid both ends are floats: so is the result.
    sharp = fits & (carried == 0)
    wide.lo, wide.hi = (
        np.where(sharp, lo, wide.lo),
        np.where(sharp, hi, wide.hi),
    )
    # Beyond the largest number it may be infinite; of which sign has to be
    # known, or it may be either.
    below = top if most is None else np.minimum(top, most)
    huge = below >= machine.beyond
    sided = (wide.lo - carried > 0) | (wide.hi + carried < 0)
    res = np.where(huge & ~sided, Real(np.inf), res + half)
    made = Number(
        machine,
        wide.lo,
        wide.hi,
        res,
        noise,
        np.where(fits & ~huge, grid, NO_GRID),
        half,
        huge & sided,
    )
    made.most = _nearest(below, machine)
    return made


def _nearest(size: Any, machine: Machine) -> Any:
    """The float next to a bound, the larger one of two: none is larger that
    comes of rounding what is below the bound."""
    size = np.where(np.isfinite(size), size, Real(0)) * (1 + 4 * WIDEN)
    e = np.maximum(np.frexp(size)[1] - 1, machine.fmt.emin)
    e = e - machine.fmt.precision + 1
    units = np.floor(size * power_of_two(-e) + Real(0.5))
    found = units * power_of_two(e)
    return np.where(size > 0, found, Real(np.inf))


def _added(a: Number, b: Number) -> dict[int, tuple[Any, Any]]:
    noise = dict(a.noise)
    for key, (c, d) in b.noise.items():
        if key in noise:
            p, q = noise[key]
            noise[key] = (p + c, q + d)
        else:
            noise[key] = (c, d)
    return noise


def exact_sum(a: Number, b: Number) -> Number:
    """a + b without a rounding; of infinities nothing is known."""
    lo, hi = a.lo + b.lo, a.hi + b.hi
    return Number(
        a.m,
        down(lo),
        up(hi),
        a.res + b.res,
        _added(a, b),
    ).unless(a.huge | b.huge)


def total(a: Number, b: Number) -> Number:
    """fl(a + b)."""
    grid = np.where(
        (a.grid > NO_GRID) & (b.grid > NO_GRID),
        np.minimum(a.grid, b.grid),
        NO_GRID,
    )
    made = rounded_once(
        a.m, a.lo + b.lo, a.hi + b.hi, a.res + b.res, _added(a, b), grid
    )
    # A rounded sum is no further from the sum than either operand.
    limit = np.minimum(a.top, b.top)
    less = np.minimum(made.last, limit)
    made.res = np.where(np.isfinite(made.res), made.res - made.last + less,
                        made.res)  # fmt: skip
    made.last = less
    # inf + b is inf; a + b is no smaller if both have one sign.
    infinite = a.huge | b.huge
    if infinite.any():
        same = ((a.lo >= 0) & (b.lo >= 0)) | ((a.hi <= 0) & (b.hi <= 0))
        made.huge = made.huge | (infinite & same)
        made = made.unless(infinite & ~same)
    zero_a, zero_b = is_zero(a), is_zero(b)
    if zero_a.any():
        made = b.where(zero_a, made)
    if zero_b.any():
        made = a.where(zero_b, made)
    return made


def is_zero(a: Number) -> Any:
    """Lanes where it is 0."""
    return (a.lo == 0) & (a.hi == 0) & (a.error == 0)


def hull(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any]:
    """Products of [a, b] and [c, d]; 0 of 0 and infinity."""
    with np.errstate(invalid="ignore"):
        products = [x * y for x in _ends(a, b) for y in _ends(c, d)]
    low, high = products[0], products[0]
    for other in products[1:]:
        low, high = np.minimum(low, other), np.maximum(high, other)
    if np.isnan(low).any():  # as soon as one of them is
        products = [np.where(np.isnan(p), Real(0), p) for p in products]
        return np.minimum.reduce(products), np.maximum.reduce(products)
    return low, high


def _ends(a: Any, b: Any) -> tuple[Any, ...]:
    """Of one number both ends are the same."""
    return (a,) if a is b else (a, b)


def exact_product(a: Number, b: Number) -> Number:
    """a * b without a rounding; of infinities nothing is known."""
    lo, hi = hull(a.lo, a.hi, b.lo, b.hi)
    noise: dict[int, tuple[Any, Any]] = {}
    for x, y in ((a, b), (b, a)):
        for key, (c, d) in x.noise.items():
            p, q = hull(c, d, y.lo, y.hi)
            if key in noise:
                r, s = noise[key]
                p, q = p + r, q + s
            noise[key] = (p, q)
    ea, eb = a.error, b.error
    res = a.res * b.size + b.res * a.size + ea * eb
    # What is not known stays so, whatever it is multiplied by.
    res = np.where(np.isfinite(ea) & np.isfinite(eb), res, Real(np.inf))
    made = Number(a.m, down(lo), up(hi), res, noise)
    return made.unless(a.huge | b.huge)


def is_power_of_two(a: Number) -> Any:
    """Lanes where it is a known power of two."""
    return a.exactly & (np.abs(np.frexp(a.lo)[0]) == 0.5)


def product(a: Number, b: Number) -> Number:
    """fl(a * b)."""
    raw = exact_product(a, b)
    infinite = a.huge | b.huge
    grid = np.where(
        (a.grid > NO_GRID) & (b.grid > NO_GRID), a.grid + b.grid, NO_GRID
    )
    lo, hi = hull(a.lo, a.hi, b.lo, b.hi)
    with np.errstate(invalid="ignore"):
        most = a.top * b.top * (1 + 4 * WIDEN)
    most = np.where(np.isnan(most), Real(np.inf), most)
    made = rounded_once(a.m, lo, hi, raw.res, raw.noise, grid, most)
    scaling = is_power_of_two(a) | is_power_of_two(b)
    normal = raw.least - raw.error >= a.m.normal
    none = (is_zero(a) & ~b.huge) | (is_zero(b) & ~a.huge)
    none &= np.isfinite(a.error) & np.isfinite(b.error)
    free = (scaling & normal) | none
    made.res = np.where(free & ~infinite, raw.res, made.res)
    made.last = np.where(
        free & scaling, _moved_last(a, b), np.where(free, 0, made.last)
    )
    made.grid = np.where(scaling & normal & ~made.huge, grid, made.grid)
    if infinite.any():
        made = _infinite_product(a, b, made, infinite)
    for old, factor in ((a, b), (b, a)):  # 1.0 * x
        same = factor.exactly & (factor.lo == 1)
        if same.any():
            made = old.where(same, made)
        turned = factor.exactly & (factor.lo == -1)
        if turned.any():
            made = (-old).where(turned, made)
    return made


def _infinite_product(a: Number, b: Number, made: Number, lanes: Any) -> Number:
    """Where a factor may be infinite: so is a product that is no smaller."""
    kept = np.zeros(a.m.lanes, bool)
    certain = np.zeros(a.m.lanes, bool)
    for x, y in ((a, b), (b, a)):
        nearest = y.least - y.error
        kept |= x.huge & (nearest >= 1)
        certain |= np.isinf(x.lo) & (x.lo == x.hi) & (nearest > 0)
    errors = a.res * b.size + b.res * a.size + a.error * b.error
    errors = np.where(np.isfinite(a.error) & np.isfinite(b.error), errors,
                      Real(np.inf))  # fmt: skip
    half = a.m.half_ulp(made.size, made.size + errors, made.least)
    res = np.where(certain, Real(0), errors + half)
    keep = kept | certain
    own = Number(
        a.m, made.lo, made.hi, res, made.noise, None, half, keep
    ).unless(~keep)
    return own.where(lanes, made)


def _moved_last(a: Number, b: Number) -> Any:
    """The last rounding of a scaled number, scaled."""
    first = np.where(is_power_of_two(b), a.last * b.size, Real(0))
    return np.where(is_power_of_two(a), b.last * a.size, first)


def off_by(machine: Machine) -> Any:
    """What a quotient or root is off by before it is rounded, relatively.

    2**-18 ulp of float32, where a device has to correct it: bitwise.py.
    """
    if machine.fmt.name == "float64":
        return Real(0)
    return Real(2) ** (1 - machine.fmt.precision - 18)


def exact_quotient(a: Number, b: Number) -> Number:
    """a / b without a rounding, of what is finite.

    With errors x and y the computed one is off by (x - q y) / (b + y), q the
    exact one: (x - q y) / b, but for y / (b (b + y)) times x - q y.
    """
    gap = b.least - b.error
    bad = ~(gap > 0)
    one = Real(1)
    low, high = np.where(bad, one, b.lo), np.where(bad, one, b.hi)
    gap, least = np.where(bad, one, gap), np.where(bad, one, b.least)
    inverse = down(1 / high), up(1 / low)
    lo, hi = hull(a.lo, a.hi, *inverse)
    size = np.maximum(np.abs(lo), np.abs(hi))
    slope = hull(lo, hi, *inverse)
    noise = {k: hull(*ends, *inverse) for k, ends in a.noise.items()}
    for key, ends in b.noise.items():
        p, q = hull(*ends, *slope)
        r, s = noise.get(key, (a.m.fill(0), a.m.fill(0)))
        noise[key] = (r - q, s - p)
    more = (a.error + size * b.error) / gap * (b.error / least)
    res = (a.res + size * b.res) / least + np.where(b.error > 0, more, 0)
    res = np.where(bad | ~np.isfinite(more), Real(np.inf), res)
    return Number(a.m, lo, hi, res * (1 + 8 * WIDEN), noise)


def quotient(a: Number, b: Number) -> Number:
    """fl(a / b)."""
    far = a.huge & ~b.huge & (b.top <= 1)  # an infinity stays one
    lost = (a.huge | b.huge) & ~far
    kept = a.huge
    exact = exact_quotient(a, b)
    res = exact.res + exact.size * off_by(a.m)
    none = np.full(a.m.lanes, NO_GRID)
    made = rounded_once(a.m, exact.lo, exact.hi, res, exact.noise, none)
    made.huge = made.huge | (far & kept)
    return made.unless(lost)
