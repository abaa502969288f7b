"""Polynomials of lower degree: Chebyshev economization in balls.

Source: Mason and Handscomb, Chebyshev Polynomials, section 6.4; within a
small factor of minimax where the Taylor coefficients fall off.
"""

from __future__ import annotations

from functools import lru_cache

from flint import arb
from flint import arb_mat
from flint import arb_poly
from flint import fmpz_mat


@lru_cache(maxsize=8)
def _tables(size: int) -> tuple[fmpz_mat, arb_mat]:
    """Chebyshev polynomials in powers, and powers in Chebyshev."""
    rows = [[0] * size for _ in range(size)]
    rows[0][0] = 1
    if size > 1:
        rows[1][1] = 1
    for k in range(2, size):
        for i in range(size):
            rows[k][i] = (2 * rows[k - 1][i - 1] if i else 0) - rows[k - 2][i]
    forward = [[arb(0)] * size for _ in range(size)]
    # x**n = 2**(1-n) * sum of binomial(n, k) T_(n-2k), T_0 halved.
    for n in range(size):
        binomial = 1
        for k in range(n // 2 + 1):
            weight = arb((binomial, 1 - n))
            forward[n - 2 * k][n] = weight / 2 if n == 2 * k else weight
            binomial = binomial * (n - k) // (k + 1)
    return fmpz_mat(rows), arb_mat(forward)


class Economized:
    """A polynomial on [low, high] in Chebyshev form, to be cut anywhere."""

    def __init__(self, poly: arb_poly, low: arb, high: arb) -> None:
        self.middle, self.half = (low + high) / 2, (high - low) / 2
        inner = poly(arb_poly([self.middle, self.half]))
        cs = inner.coeffs() or [arb(0)]
        self.size = len(cs)
        self._to_powers, forward = _tables(self.size)
        column = arb_mat(self.size, 1, cs)
        made = forward * column
        self.chebyshev = [made[i, 0] for i in range(self.size)]
        self.tails = [arb(0)] * (self.size + 1)
        for i in reversed(range(self.size)):
            self.tails[i] = self.tails[i + 1] + abs(self.chebyshev[i])

    def dropped(self, degree: int) -> float:
        """Bound of what cutting after `degree` changes."""
        if degree + 1 >= self.size:
            return 0.0
        return float(self.tails[degree + 1].upper()) * (1 + 1e-12)

    def cut(self, degree: int) -> arb_poly:
        """Of that degree, in the variable of the polynomial given."""
        n = min(degree + 1, self.size)
        powers = [arb(0)] * n
        for k in range(n):
            for i in range(k % 2, k + 1, 2):
                factor = int(self._to_powers[k, i])
                powers[i] += self.chebyshev[k] * factor
        inverse = arb_poly([-self.middle / self.half, 1 / self.half])
        return arb_poly(powers)(inverse)
