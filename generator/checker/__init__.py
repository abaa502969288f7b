"""An independent check of certificates.

It reads a certificate and the rendered module, and derives every claim
again: the truncation error from the formula and the coefficients alone, the
roundoff error from the module's own code.  It shares no code with the
engine: it has its own reader of formulas, its own enclosures and its own
analysis, so that an error of the engine is not repeated here.

What is looked at:

- Formula, domain, name, plans and formats, against what the caller expects
  (`Expected`; for what ships that is ``catalogue.toml``), since module and
  certificate may have been changed alike (stated.py).
- BODIES, COMPUTE, STORAGE, ROUNDING and BOUNDS, against the certificate and
  the formats; bounds of narrow formats, from those they are computed in.
- Assumed errors of functions, against the tables in ``primitives/``
  (assumptions.py).
- The source: nothing in it reaches further than keras.ops, every backend's
  branch is run, and helpers that a theorem stands for are the code that the
  theorem is about (source.py, statements.py).
- nan in, nan out; nan outside of the domain; limits, and infinities
  (outside.py).
- Truncation, of every piece against f (gaps.py, tails.py, programs.py).
- Roundoff on the whole float line, lane by lane (running.py): what is exact
  is shown to be exact there, what may overflow is not known, low parts that
  may be flushed are counted, and so is what XLA and TensorFlow's optimizer
  fold or reorder (folds.py).

What is not looked at: that the functions of the backends are no worse than
assumed, that clip, where and comparisons are what IEEE 754 says, that
compilers fold nothing else (tests/test_checker_running.py and
tests/test_pairs.py run them); derivatives by autodiff beyond the last order;
subnormal inputs that a compiler reads as 0; the limit of an end by logarithms
at the end itself.

It cannot confirm what it has no enclosure for: removable points at irrational
numbers, erf at infinity, exponentials at finite ends, sums of powers of a
logarithm beside an exponential, an absolute value that touches 0 without
changing sign, and 1 / a number in a body (TensorFlow's graphs have a
reciprocal of which no table says how far it is off).  Nothing that is shipped
has any of these.
"""

from .check import Finding
from .check import Report
from .check import check
from .stated import Expected

__all__ = ["Expected", "Finding", "Report", "check"]
