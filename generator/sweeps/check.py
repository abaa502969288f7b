"""The fast reference of float32 against multiple precision.

The float64 plan is asked at 10**5 inputs and more where it could be wrong:
its own seams and those of float32, zeros, ends, every binade.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..errors import GeneratorError
from ..numbers.formats import FORMATS
from .clusters import exact_neighbours
from .evaluator import versions
from .floats import hexadecimal
from .judge import ulp_errors
from .points import CHECK
from .points import points
from .reference import Formula
from .results import Result
from .seams import plan_data
from .seams import seams
from .server import Server
from .units import GENERATED
from .units import Job

DEVICE = "reference"  # marks the rows of checks
BATCH = 2**15
# Of float64: 2**-26 ulp of float32, far below what 1% of a bound is.
TRUSTED_ULP = 8.0


def check_job(function: str, order: int) -> Job:
    """The job under which a check is kept."""
    return Job(function, order, "float64", "jax", DEVICE, False, False)


def check_reference(
    job: Job, server: Server, progress: Callable[[int], None]
) -> Result:
    """Judge the float64 plan.

    Raises:
        GeneratorError: it is off by more than `TRUSTED_ULP` ulp somewhere.
    """
    began = time.monotonic()
    fmt = FORMATS["float64"]
    places = [
        place
        for dtype in ("float32", "float64")
        for place in seams(plan_data(GENERATED, job.function, dtype, job.order))
    ]
    inputs = points(fmt, job.domain, places, CHECK)
    formula = Formula(job.spec.expr)
    result = Result(
        job.key(0, 1), job.code, job.function, job.order, job.dtype,
        job.backend, job.device, 0, 1, False, False, "jit", versions("jax"),
    )  # fmt: skip
    for piece in inputs.pieces():
        for indices in inputs.batches(piece, BATCH):
            if not len(indices):
                continue
            x = inputs.order.floats(indices)
            inside = (np.abs(x) >= float(fmt.smallest_normal)) | (x == 0)
            server.ask(job.function, job.order, x)
            want = exact_neighbours(formula, job.order, indices, x, inside)
            errors = ulp_errors(server.answer(), want, fmt)
            known = ~np.isnan(errors)
            errors[~known] = 0.0
            at = int(np.argmax(errors))
            if errors[at] > result.worst:
                where = hexadecimal(x[at])
                result = replace(result, worst=errors[at], where=where)
            result = replace(
                result,
                inputs=result.inputs + int(np.count_nonzero(known)),
                unknown=result.unknown + int(np.count_nonzero(inside & ~known)),
                total=result.total + float(errors[np.isfinite(errors)].sum()),
            )
            progress(len(indices))
    if result.worst > TRUSTED_ULP:
        raise GeneratorError(
            f"The float64 plan of {job.name} is no reference: expected "
            f"errors of at most {TRUSTED_ULP} ulp, received {result.worst} "
            f"at {result.where}."
        )
    return replace(
        result,
        worst=float(result.worst),
        seconds=time.monotonic() - began,
    )
