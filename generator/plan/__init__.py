"""The planners: which piece on which interval.

Owns: the general one (`coverer`) and the one of closed forms (`planner`).
Candidates are made by `pieces`, weighed by `lowering`, and the cheapest that
meets the bound is taken; where none does, the error says the best, and where.

May know: `lowering` and below.

Entry: `coverer.make_cover`.
"""
