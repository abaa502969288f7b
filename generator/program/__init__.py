"""Straight-line programs: what is bounded, printed and run.

Owns: the representation (`program`), the one compiler from sympy
(`compile`), running error analysis of each operation (`roundoff`), the judge
of ulp (`bounds`), and what is assumed of exp, log, sqrt on each backend
(`assumed`, tables in ``measured/``, written by `calibration`).

May know: `numbers` and `formula`.

Entry: `compile.compiled`, and `roundoff.Analyzer` on what it gives.
"""
