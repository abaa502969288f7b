"""One way to compute f on one interval, with its bound.

Owns: a frozen noun and a maker of each kind: `rows` and `powers` (local
polynomials, zeros), `ends`, `flat` and `logends` (infinity and singular
ends), `closed` (the formula rewritten), `candidates` and `tail_forms`; how
rows are laid over a stretch (`march`, `grid`, `fill`, `lookup`); and the
nouns they make up, `plan.Plan` and `cover.Cover`, checked by `sound`.

May know: `analysis` and below.  sympy and flint end here: a piece is numbers.

Entry: the maker in each module; `fill.fill` for a whole stretch.
"""
