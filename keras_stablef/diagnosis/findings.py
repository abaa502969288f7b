"""What a diagnosis found, and how it reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NAMES = ("value", "gradient")


@dataclass(frozen=True)
class Finding:
    """One interval on which something is wrong.

    Attributes:
        order: 0 of the value, 1 of the gradient.
        kind: "nan", "inf", "nan or inf", or "lost": less than half of the
            digits are right.
        low, high: the first and the last number of it.
        worst: error in ulp, infinite if a result is not finite.
        place: where that is.
        cause: in words; "" where nobody knows.
    """

    order: int
    kind: str
    low: float
    high: float
    worst: float
    place: float
    cause: str = ""

    @property
    def interval(self) -> str:
        """Where it is, such as "x <= -88.7228"."""
        if math.isnan(self.low):
            return "in this batch"
        if self.low == self.high:
            return f"x = {self.low:.6g}"
        if math.isinf(self.low) and math.isinf(self.high):
            return "all x"
        if math.isinf(self.low):
            return f"x <= {self.high:.6g}"
        if math.isinf(self.high):
            return f"x >= {self.low:.6g}"
        return f"{self.low:.6g} <= x <= {self.high:.6g}"

    @property
    def what(self) -> str:
        """What is wrong, such as "gradient is nan"."""
        if self.kind != "lost":
            return f"{NAMES[self.order]} is {self.kind}"
        return f"{NAMES[self.order]} is off by {self.worst:.2g} ulp"

    def __str__(self) -> str:
        because = f": {self.cause}" if self.cause else ""
        return f"{self.what} for {self.interval}{because}"


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found; prints as a table.

    Attributes:
        name: of the function, loss or model.
        backend, dtype: what it was run on, and in.
        findings: what is wrong, the value's first.
        against: what results were compared with.
        cure: a line of code; "" where nothing is wrong.
        measured: the points, and errors in ulp at them by order; for
            `plot`.
    """

    name: str
    backend: str
    dtype: str
    findings: tuple[Finding, ...]
    against: str
    cure: str = ""
    measured: tuple[Any, Sequence[Any]] | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        head = f"{self.name}, {self.dtype} on {self.backend}, {self.against}"
        if self.ok:
            return f"{head}\n  nothing found: {self._well()}"
        rows = [(f.what, f.interval, f.cause) for f in self.findings]
        widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
        lines = [head]
        for what, where, cause in rows:
            cells = f"{what.ljust(widths[0])}  {where.ljust(widths[1])}"
            lines.append(f"  {cells}  {cause}".rstrip())
        if self.cure:
            lines.append(f"cure: {self.cure}")
        return "\n".join(lines)

    def _well(self) -> str:
        """What is known where nothing was found, and no more."""
        if self.measured is None:
            return "all is finite"
        if all(np.isnan(errors).all() for errors in self.measured[1]):
            return "nothing is nan (what is inf may be right)"
        return "all is finite, half the digits right"

    def plot(self, path: Any) -> None:
        """A picture of the errors over the whole float line.

        Raises:
            ValueError: nothing was measured, or no file can be written.
        """
        from .._derived import refusal
        from .._exact import draw_flaws

        if self.measured is None:
            raise refusal(
                "Cannot plot: expected a function that was run over all "
                f"magnitudes, received {self.name}."
            )
        xs, errors = self.measured
        shown = {NAMES[k]: np.asarray(e) for k, e in enumerate(errors)}
        draw_flaws(path, f"{self.name}, {self.against}", self.dtype, xs, shown)
