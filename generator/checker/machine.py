"""The state of a run over lanes: roundings by name, and open decisions."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from types import ModuleType
from typing import Any

import numpy as np

from .claims import Format

Real = np.longdouble
WIDEN = Real(1.25) * Real(2) ** -63  # an operation and the widening itself
NO_GRID = -(10**6)
# 2**e of every e that a long double has, 0 below and infinity above.
EXPONENTS = range(-16446, 16385)
with np.errstate(over="ignore"):
    POWERS = np.ldexp(Real(1), np.array(EXPONENTS))


def power_of_two(e: Any) -> Any:
    """2**e, as ldexp has it: a table takes a third of the time."""
    return np.take(POWERS, e - EXPONENTS.start, mode="clip")


def extended_range() -> bool:
    """Whether this machine's long double is wide enough."""
    info = np.finfo(Real)
    return bool(info.nmant >= 63 and info.maxexp >= 16384)


@dataclass
class Machine:
    """The state of one run.

    Attributes:
        fmt: the format computed in.
        lanes: how many intervals of inputs are looked at together.
        ulps, tiny: assumed errors of elementary functions.
        choices: by place in the code, what an undecided comparison or
            rounding to an integer is taken for in each lane, 0 or 1.
        rules: how it adds, multiplies, divides and negates: the module
            `folds`, which knows what compilers make of these.
        undecided: places where some lane was undecided, and the lanes.
        seen: what is decided, by place, and lanes where it is not; None
            where nobody asks.
    """

    fmt: Format
    lanes: int
    ulps: dict[str, float]
    tiny: dict[str, float]
    choices: dict[int, Any]
    rules: ModuleType
    undecided: dict[int, Any] = field(default_factory=dict)
    seen: list[tuple[Any, Any, Any]] | None = None
    place: int = 0
    sizes: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.normal = Real(2) ** self.fmt.emin
        self.unit = Real(2) ** -self.fmt.precision
        # From half an ulp above the largest number on, infinite.
        half = self.unit / 2
        self.beyond = Real(2) ** self.fmt.emax * 2 * (1 - half)
        self.largest = Real(2) ** self.fmt.emax * 2 * (1 - self.unit)

        # What most numbers have; nobody writes into them.
        self.zero, self.no_grid, self.never = (
            np.full(self.lanes, value) for value in (Real(0), NO_GRID, False)
        )
        for shared in (self.zero, self.no_grid, self.never):
            shared.flags.writeable = False

    def fill(self, value: Any) -> Any:
        """One value for all lanes."""
        return np.full(self.lanes, Real(value))

    def noise(self, size: Any) -> int:
        """A new rounding error, by its largest size."""
        self.sizes.append(size)
        return len(self.sizes) - 1

    def next_place(self) -> int:
        """A number for the place at hand; the same in every run."""
        self.place += 1
        return self.place

    def decides(self, place: Any, value: Any, unknown: Any) -> None:
        """For who asks what is decided (decisions.py)."""
        if self.seen is not None:
            self.seen.append((place, value, unknown))

    def choice(self, place: int | None, lanes: Any) -> Any:
        """What is taken where `lanes` are undecided."""
        place = self.next_place() if place is None else place
        if lanes.any():
            self.undecided[place] = lanes
        return self.choices.get(place, np.int64(0))

    def half_ulp(self, size: Any, top: Any, least: Any) -> Any:
        """Half an ulp of numbers up to `size`, computed ones up to `top`.

        A number carried over a power of two by less than the ulp below it
        rounds back to it.
        """
        fmt = self.fmt
        # A size that was widened over a power of two counts as on it, and
        # what is above it as an error.
        m, e = np.frexp(size * (1 - 16 * WIDEN))
        e = np.where(m == 0.5, e - 1, e)  # all are at most 2**e
        e = np.where(size > 0, e, -16000)
        below = np.maximum(e - 1, fmt.emin) - fmt.precision + 1
        unit = power_of_two(below)
        edge = power_of_two(np.clip(e, -16000, 16000))
        above = np.frexp(np.where(np.isfinite(top), top, 1))[1] - 1
        wide = power_of_two(np.maximum(above, fmt.emin) - fmt.precision + 1)
        half = np.where(top <= edge + unit, unit, wide) / 2
        flushed = np.minimum(top, self.normal)
        half = np.where(least < self.normal, np.maximum(half, flushed), half)
        half = half + np.maximum(size - edge, 0)
        half = np.where(top == 0, Real(0), half)
        return np.where(np.isfinite(top), half, np.inf)
