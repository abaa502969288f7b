"""Measure the backends' elementary functions: ``make calibrate``.

Owns: the inputs (`inputs`: all of them, or many and the hard ones), the exact
results (`reference`), the worst seen (`sweep`), one backend in a process of
its own (`worker`), and the files ``program/measured/BACKEND-DEVICE-DTYPE.json``
(`table`: written whole, kept while versions are the same).  The figures are
measured, not proved; `program.assumed` reads them and adds a safety factor.

May know: `numbers`, and the package's `verification`, which it shares.

Entry: `__main__`.
"""
