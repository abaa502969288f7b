"""Verification sweeps: every shipped op against multiple precision.

    python -m keras_stablef.generator.sweeps --functions stablef --quick

`points` says which inputs, `reference` and `clusters` what is exact there,
`evaluator` how an op runs on a backend, `judge` how far off it is, `run`
does one unit of work, `results` keeps it, `document` writes docs/accuracy.md.
No part of the engine: nothing here is used to derive a plan.
"""
