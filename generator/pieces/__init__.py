"""One way to compute f on one interval, with its bound.

Owns: a frozen noun and a maker of each kind: `rows` and `powers` (local
polynomials, zeros), `ends`, `flat` and `logends` (infinity and singular
ends), `closed` (the formula rewritten), `candidates` and `tail_forms`; how
rows are laid over a stretch (`march`, `grid`, `fill`, `lookup`); and the
nouns they make up, `plan.Plan` and `cover.Cover`, checked by `sound`.

May know: `analysis` and below.  A piece is numbers: of what is made of it
only `words` computes with sympy and flint, for f beside a plan, in pictures
and where a gap is filled; so do `checker`, `sweeps` and `calibration`, which
judge.

Entry: the maker in each module; `fill.fill` for a whole stretch.
"""
