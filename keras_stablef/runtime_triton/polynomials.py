"""Local polynomials: see `runtime.polynomials`, `lookup` and `powers`.

A row is chosen by comparisons among those of a table that is known when a
kernel is compiled (`few`), or looked up where a pointer leads (`many`).
"""

import triton
import triton.language as tl

from .numbers import clamp
from .numbers import constant
from .numbers import fixed
from .numbers import level_of
from .ops import known
from .ops import negative
from .pairs import pair_power
from .pairs import split
from .pairs import two_product
from .pairs import two_sum


def laid_out(rows, search=True):
    """A table of `runtime.tables` as a head and one list of numbers.

    First the row of each bin of a grid, or the seams; then the rows, one
    after the other.

    Args:
        search: the row is to be found by its place in memory, where the seams
            are filled up to a power of two of them.

    Returns:
        The head: width, divider, whether rows are scaled, scale of the grid
        (0: none), its first bin, how many numbers stand before the rows, and
        steps of a bisection.  And the numbers.
    """
    seams, table, divider, scaled = rows
    scale, first, steps = 0.0, 0, 0
    if hasattr(seams, "scale"):
        scale, first, before = seams.scale, seams.first, seams.rows
    elif search:
        steps = len(seams).bit_length()
        before = [*seams, *[float("inf")] * (2**steps - len(seams))]
    else:
        before = seams
    numbers = [float(v) for v in before] + [v for row in table for v in row]
    head = len(table[0]), divider, scaled, scale, first, len(before), steps
    return head, numbers


def few(rows):
    """A table whole, for a kernel that chooses among its rows."""
    head, numbers = laid_out(rows, search=False)
    return known((*head, *numbers))


def many(rows):
    """The head of a table whose numbers a kernel looks up."""
    return known(laid_out(rows)[0])


@triton.jit
def horner(coefficients, s):
    """c[0] + c[1] * s + c[2] * s**2 + ..."""
    last: tl.constexpr = len(coefficients) - 1
    z = tl.full(s.shape, coefficients[last], s.dtype)
    for k in tl.static_range(last - 1, -1, -1):
        z = z * s + coefficients[k]
    return z


@triton.jit
def find_row(t, rows: tl.constexpr, numbers):
    """Where the row of t begins; t itself where it is chosen.

    An nan gets some row, by way of a number: of nan a cast has no value.
    """
    if numbers is None:
        return t
    else:
        before: tl.constexpr = rows[5]
        steps: tl.constexpr = rows[6]
        t = tl.where(t == t, t, tl.zeros_like(t))
        if steps == 0:
            exact = t * rows[3]
            i = exact.to(tl.int32)
            i = i - (exact < i.to(t.dtype)).to(tl.int32) - rows[4]
            i = tl.minimum(tl.maximum(i, 0), before - 1)
            i = tl.load(numbers + i).to(tl.int32)
        else:
            i = tl.zeros_like(t).to(tl.int32)
            for k in tl.static_range(steps):
                seam = tl.load(numbers + (i + ((before >> (k + 1)) - 1)))
                i = i + (t >= seam).to(tl.int32) * (before >> (k + 1))
        return numbers + (i * rows[0] + before)


@triton.jit
def entry(at, rows: tl.constexpr, numbers, column: tl.constexpr):
    """A number of the row that `find_row` found."""
    if numbers is None:
        seams: tl.constexpr = rows[5]
        first: tl.constexpr = 7 + seams + column
        y = tl.full(at.shape, rows[first], at.dtype)
        for k in tl.static_range(seams):
            y = tl.where(at >= rows[7 + k], rows[first + (k + 1) * rows[0]], y)
        return y
    else:
        return tl.load(at + column)


@triton.jit
def rest_of(at, rows: tl.constexpr, numbers, first: tl.constexpr, s):
    """Horner's rule on the numbers of a row from `first` on."""
    last: tl.constexpr = rows[0] - 1
    z = entry(at, rows, numbers, last)
    for k in tl.static_range(last - 1, first - 1, -1):
        z = z * s + entry(at, rows, numbers, k)
    return z


@triton.jit
def local_polynomials(t, rows: tl.constexpr, dtype: tl.constexpr, numbers=None):
    """The local polynomial of the interval that t lies in."""
    divider: tl.constexpr = rows[1]
    scaled: tl.constexpr = rows[2]
    first: tl.constexpr = 4 if scaled else 2
    at = find_row(t, rows, numbers)
    s = t - entry(at, rows, numbers, 0)
    if scaled:
        s = s * entry(at, rows, numbers, 1)
    lead = entry(at, rows, numbers, first - 1)
    if divider is not None:
        z = rest_of(at, rows, numbers, first + 1, s)
        slope = entry(at, rows, numbers, first)
        high, low = split(s, divider, dtype)
        y = (lead + slope * high) - (z - slope * low)
    else:
        z = rest_of(at, rows, numbers, first, s)
        # As the twin has it, for TensorFlow's graphs.
        y = lead - (fixed(z, dtype) if numbers is None else z)
    return y * entry(at, rows, numbers, 2) if scaled else y


@triton.jit
def log_rows(z, rows: tl.constexpr, dtype: tl.constexpr, numbers=None):
    """A local polynomial of a variable that is a pair; so is the result."""
    scaled: tl.constexpr = rows[2]
    first: tl.constexpr = 4 if scaled else 2
    at = find_row(z[0], rows, numbers)
    s = (z[0] - entry(at, rows, numbers, 0)) + z[1]
    if scaled:
        s = s * entry(at, rows, numbers, 1)
    rest = rest_of(at, rows, numbers, first, s)
    high, low = two_sum(negative(rest), entry(at, rows, numbers, first - 1))
    if scaled:
        gain = entry(at, rows, numbers, 2)
        return high * gain, low * gain
    else:
        return high, low


@triton.jit
def power_row(
    s,
    offset,
    order: tl.constexpr,
    factor: tl.constexpr,
    rest,
    levels,
    dtype: tl.constexpr,
):
    """factor * d**order + d**order * (rest[0] + rest[1] * d + ...)."""
    if levels[3] is not None:
        s = clamp(s, -levels[3], levels[3], dtype)
    high = s
    low = tl.zeros_like(s)
    if offset[0] != 0:
        high, low = two_sum(fixed(s, dtype), constant(-offset[0], dtype))
        low = low - offset[1]
    up = level_of(tl.abs(high), levels[0], levels[1], dtype)
    p = pair_power((high * up, low * up), order, dtype)
    y, e = two_product(p[0], constant(factor, dtype), dtype)
    y = y - (p[0] * horner(rest, high) - (e + p[1] * factor))
    return y * level_of(tl.abs(high), levels[0], levels[2], dtype)
