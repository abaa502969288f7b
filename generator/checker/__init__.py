"""An independent check of certificates.

Owns: a reader of certificates and of modules, runtime and tables put in their
places (`claims`, `assembly`, `source`), the shape that bodies have (`shapes`),
formulas and enclosures of its own (`formula`, `enclosure`, `gaps`), and its
own error analysis, which executes the module's code on the whole float line
(`running`, `folds`, `lanes`).

May know: nothing of the engine, so that an error of the engine is not
repeated here; of the package the text of the runtime and of what is checked.
docs/design.md says what is looked at, and what is not.

Entry: `check.check`; ``python -m keras_stablef.generator.checker``.
"""

from .check import Finding
from .check import Report
from .check import check
from .stated import Expected

__all__ = ["Expected", "Finding", "Report", "check"]
