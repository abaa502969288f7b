"""Measure the backends' elementary functions: ``make calibrate``.

For each backend, device and dtype a file ``generator/program/measured/
BACKEND-DEVICE-DTYPE.json`` with the worst error seen of every function that
rendered bodies call and bounds rest on, run eagerly and compiled.  The
figures are measured, not proved; `program.assumed` reads
them and adds a safety factor.

``inputs``     which inputs: all of them, or many and the hard ones
``reference``  what the exact results are
``sweep``      runs a function over its inputs, keeps the worst
``table``      the file: written whole, kept while versions are the same
``worker``     one backend, in a process of its own
"""
