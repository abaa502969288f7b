"""Verification sweeps: every shipped op against multiple precision.

    python -m keras_stablef.generator.sweeps --functions stablef --quick

Owns: which inputs (`points`), what is exact there (`reference`, `clusters`),
how an op runs on a backend (`evaluator`), how far off it is (`judge`), one
unit of work (`run`), what is kept of it (`results`), and docs/accuracy.md
(`document`).

May know: all rooms; nothing here is used to derive a plan.

Entry: `__main__`, which is ``make certify``.
"""
