"""An independent check of certificates.

It reads a certificate and the rendered module, and derives every claim
again: the truncation error from the formula and the coefficients alone, the
roundoff error from the module's own code.  It shares no code with the
engine: it has its own reader of formulas, its own enclosures and its own
analysis, so that an error of the engine is not repeated here.

It cannot confirm what it has no enclosure for: removable points at irrational
numbers, erf at infinity, exponentials at finite ends, and sums of powers of a
logarithm beside an exponential.  Nothing that is shipped has any of these.
"""

from .check import Finding
from .check import Report
from .check import check
from .stated import Expected

__all__ = ["Expected", "Finding", "Report", "check"]
