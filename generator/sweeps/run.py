"""One unit: its inputs through an op, each result judged."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np

from ..errors import GeneratorError
from ..store import store
from .clusters import exact_neighbours
from .clusters import exact_points
from .evaluator import Evaluator
from .evaluator import versions
from .floats import Array
from .floats import hexadecimal
from .judge import Exact
from .judge import ulp_errors
from .points import Points
from .reference import Formula
from .results import Result
from .seams import piece_count
from .server import Server
from .units import Job
from .units import Unit

BATCH = {"cpu": 2**18, "gpu": 2**22}
NEAR_BOUND = 0.98  # of it: then multiple precision judges too
EDGES = 256  # of runs of gradients that are not finite, looked at in a batch


@dataclass
class Sweep:
    """One job on this process's backend.

    Args:
        job: what.
        server: the fast reference, used for float32.
    """

    job: Job
    server: Server
    formula: Formula = field(init=False)
    points: Points = field(init=False)
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        import keras_stablef as ks

        job = self.job
        self.formula = Formula(job.spec.expr)
        self.points = job.points()
        pieces = piece_count(job.plan()), piece_count(job.plan(1))
        self.op = getattr(ks.ops, job.function)
        self.batch = BATCH[job.device]
        if self.points.order.bits <= 16:
            self.batch = 2**self.points.order.bits
        self.evaluator = Evaluator(
            self.op,
            job.spec,
            job.order,
            self.points.order,
            pieces,
            job.device == "gpu",
            self.batch,
        )
        self.bound = self.op.error_bound(job.dtype, job.order)
        self.table = self._table() if self.points.order.bits <= 16 else None

    def run(self, unit: Unit, progress: Callable[[int], None]) -> Result:
        """Judge the inputs of a unit.

        Args:
            progress: called with the inputs done since the last call.

        Raises:
            GeneratorError: the fast reference was wrong.
        """
        began = time.monotonic()
        job = self.job
        result = Result(
            unit.key, job.code, job.function, job.order, job.dtype,
            job.backend, job.device, unit.part, unit.parts,
            self.points.exhaustive, job.quick, self.evaluator.mode,
            versions(job.backend),
        )  # fmt: skip
        for indices in self.points.batches(unit.piece, self.batch):
            if len(indices):
                result = _joined(result, self._judged(indices))
            progress(len(indices))
        if result.where and np.isfinite(result.worst):
            # The largest error is stated by multiple precision alone.
            x = np.array([float.fromhex(result.where)])
            held = x.astype(self.points.order.scalar)
            again = self._again(x, self.evaluator(self.evaluator.value, held))
            if abs(again[0] - result.worst) > 1e-3:
                raise GeneratorError(
                    f"The reference of {job.name} is wrong at {result.where}: "
                    f"expected an error of {again[0]} ulp by multiple "
                    f"precision, received {result.worst}."
                )
            result = dataclasses.replace(result, worst=float(again[0]))
        return dataclasses.replace(result, seconds=time.monotonic() - began)

    def _judged(self, indices: Array) -> dict[str, Any]:
        """What one batch adds to a result."""
        fmt = self.job.fmt
        held = self.points.order.floats(indices)
        with np.errstate(invalid="ignore"):  # nan among all bit patterns
            x = held.astype(np.float64)
        low, high = self.job.domain
        inside = (x > low) & (x < high) & np.isfinite(x)
        small = (np.abs(x) < float(fmt.smallest_normal)) & (x != 0)
        if self.points.order.bits == 64:
            inside &= ~small  # one by one they would take half of the time
        if self.points.order.bits == 32:
            self.server.ask(self.job.function, self.job.order, x)
        got = self.evaluator(self.evaluator.value, held)
        gradient = None
        if self.evaluator.gradient is not None:
            gradient = self.evaluator(self.evaluator.gradient, held)
        naive = self.evaluator.textbook_results(held)
        want = self._exact(indices, x, inside)
        errors = ulp_errors(got, want, fmt)
        found: dict[str, Any] = {}
        judged = inside & ~small & ~np.isnan(errors)
        outside = (x < low) | (x > high) | np.isnan(x)
        found["kept"] = int(np.count_nonzero(outside & ~small & ~np.isnan(got)))
        found["unknown"] = int(np.count_nonzero(inside & np.isnan(errors)))
        found["inputs"] = int(np.count_nonzero(judged))
        found["subnormal"] = self._subnormal(errors, got, inside & small)
        if gradient is not None:
            found |= self._gradients(x, gradient, inside & ~small)
        if not judged.any():
            return found
        errors[~judged] = 0.0
        again = judged & (errors >= NEAR_BOUND * self.bound)
        again &= np.isfinite(errors) & (self.points.order.bits == 32)
        errors[again] = self._again(x[again], got[again])
        found["again"] = int(np.count_nonzero(again))
        wrong = np.isinf(errors)
        found["bad"] = int(np.count_nonzero(wrong))
        found["bad_where"] = hexadecimal(x[wrong][0]) if wrong.any() else ""
        found["total"] = float(errors[~wrong].sum())
        at = int(np.argmax(errors))
        found["worst"], found["where"] = float(errors[at]), hexadecimal(x[at])
        if naive is not None:
            theirs = np.where(judged, ulp_errors(naive, want, fmt), 0.0)
            at = int(np.argmax(theirs))
            found["textbook"] = float(theirs[at])
            found["textbook_where"] = hexadecimal(x[at])
        return found

    def _exact(self, indices: Array, x: Array, inside: Array) -> Exact:
        """f^(order) at the inputs; outside the domain it is not asked for."""
        if self.table is not None:
            high = self.table[indices + len(self.table) // 2]
            return Exact(high, known=~np.isnan(high))
        if self.points.order.bits == 32:
            return Exact(self.server.answer())
        order = self.job.order
        return exact_neighbours(self.formula, order, indices, x, inside)

    def _again(self, x: Array, got: Array) -> Array:
        """Errors by multiple precision, input by input."""
        want = exact_points(self.formula, self.job.order, x)
        return ulp_errors(got, want, self.job.fmt)

    def _subnormal(self, errors: Array, got: Array, at: Array) -> float:
        """The worst error at subnormal x, which may be read as 0."""
        if not at.any():
            return 0.0
        kept = errors[at]
        low, high = self.job.domain
        if low < 0 < high:
            zero = self.formula.split_at(0.0, self.job.order)
            assert zero is not None, "a removable point is filled in"
            one = np.array([np.ldexp(zero.high, -zero.scale)])
            want = Exact(np.broadcast_to(one, kept.shape).copy())
            flushed = ulp_errors(got[at], want, self.job.fmt)
        else:
            # 0 is the end of the domain, where the op gives the limit.
            held = np.zeros(1, self.points.order.scalar)
            limit = self.evaluator(self.evaluator.value, held)
            flushed = np.where(got[at] == limit, 0.0, np.inf)
        return float(np.nanmax(np.fmin(kept, flushed)))

    def _gradients(
        self, x: Array, gradient: Array, inside: Array
    ) -> dict[str, Any]:
        """Gradients that are nan or infinite where f^(order+1) is neither.

        Those beyond an overflow come in runs, so the ends of runs are
        looked at, and some between.
        """
        wrong = np.zeros(x.shape, bool)
        largest = float(self.job.fmt.max_finite)
        for i in _ends(np.flatnonzero(inside & ~np.isfinite(gradient))):
            value = self.formula.split_at(float(x[i]), self.job.order + 1)
            if value is None:
                continue
            with np.errstate(over="ignore"):
                plain = np.ldexp(value.high, -value.scale)
            opposite = np.isinf(gradient[i]) and plain * gradient[i] < 0
            wrong[i] = abs(plain) <= largest or opposite
        places = x[wrong]
        return {
            "bad_gradient": len(places),
            "bad_gradient_where": hexadecimal(places[0]) if len(places) else "",
        }

    def _table(self) -> Array:
        """f^(order) at every bit pattern, kept beside the plans."""
        job = self.job
        half = 2 ** (self.points.order.bits - 1)
        text = repr((job.entry.formula, job.domain, job.dtype, job.order))
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        folder = store.folder()
        path = folder and folder / f"exact-{digest}.npy"
        if path and path.is_file():
            return np.asarray(np.load(path, allow_pickle=False))
        x = self.points.order.floats(np.arange(-half, half)).astype(np.float64)
        low, high = job.domain
        inside = (x > low) & (x < high)
        found = exact_points(self.formula, job.order, x[inside])
        table = np.full(x.shape, np.nan)
        assert found.scale is not None and found.known is not None
        with np.errstate(over="ignore"):
            plain = np.ldexp(found.high, -found.scale)
        table[inside] = np.where(found.known, plain, np.nan)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path.with_suffix(f".{os.getpid()}"), "wb") as stream:
                np.save(stream, table)
            os.replace(stream.name, path)
        return table


def _joined(result: Result, more: dict[str, Any]) -> Result:
    """A result with another batch added."""
    new: dict[str, Any] = {}
    for name in ("inputs", "unknown", "total", "bad", "bad_gradient", "kept"):
        new[name] = getattr(result, name) + more.get(name, 0)
    new["again"] = result.again + more.get("again", 0)
    new["subnormal"] = max(result.subnormal, more["subnormal"])
    for name in ("bad_where", "bad_gradient_where"):
        new[name] = getattr(result, name) or more.get(name, "")
    for name, place in (("worst", "where"), ("textbook", "textbook_where")):
        before, now = getattr(result, name), more.get(name)
        if now is not None and (
            before is None or now > before or not getattr(result, place)
        ):
            new[name], new[place] = now, more[place]
    return dataclasses.replace(result, **new)


def _ends(places: Array) -> Array:
    """The ends of runs of neighbours, and some between, `EDGES` of each."""
    if len(places) <= EDGES:
        return places
    breaks = np.flatnonzero(np.diff(places) != 1)
    edges = np.concatenate([places[:1], places[breaks], places[breaks + 1]])
    between = places[:: len(places) // EDGES + 1]
    return np.unique(np.concatenate([edges[:EDGES], between, places[-1:]]))
