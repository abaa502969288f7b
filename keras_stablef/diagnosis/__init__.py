"""Why a function, a loss or a model gives nan, inf or noise.

Owns: the run of a function and its gradient (`running`), the search over all
magnitudes and to the edge (`search`), what was found and how it prints
(`findings`), the cause in words (`causes`), one pass through a model
(`models`), and the choice among these (`diagnose`).

May know: the ops; of the generator what `_derived` hands out.

Entry: `diagnose.diagnose`, which is `keras_stablef.diagnose`.
"""

from .diagnose import diagnose

__all__ = ["diagnose"]
