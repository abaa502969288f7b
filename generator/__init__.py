"""From a formula to stable, bounded Keras ops.

A formula goes one way, a room a step (`pipeline` is the table of contents):

``formula``   text, sympy or a function over keras.ops -> Spec
``analysis``  what is hard about f: zeros, singular points, where it is real
``pieces``    one way to compute f on one interval, with a proved bound
``plan``      which piece on which interval -> Cover
``lowering``  the operations that run, and their cost
``source``    a Python module, laid out by a template
``words``     the same plan for people, and as a certificate

Below them ``numbers`` (arithmetic that knows no f) and ``program``
(straight-line programs and their roundoff); beside them ``store`` (plans on
disk) and ``checker``, which derives every claim again and imports nothing of
this.  ``build`` takes the declared functions through, ``cli`` is the command,
``sweeps`` and ``calibration`` measure.  A file imports its own room and rooms
below: tests/house/test_rooms.py.  docs/design.md has the words and the proofs.
"""
