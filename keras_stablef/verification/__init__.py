"""Whether the bounds hold on this machine.

Owns: the run of an elementary function or a pair operation on the backend at
hand (`measure`), the inputs that are hard (`inputs`), what bounds assume, as
cases (`assumptions`), the shipped ops against their float64 plans
(`shipped`), and the report (`verify`).  `measure` and `inputs` serve the
calibration too.

May know: the ops and the runtime; of the generator what `_derived` hands out.

Entry: `verify.verify`, which is `keras_stablef.verify`.
"""

from .verify import verify

__all__ = ["verify"]
