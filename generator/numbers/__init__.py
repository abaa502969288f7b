"""Arithmetic that knows no f.

Owns: float formats and exact arithmetic on their numbers (`floats`,
`formats`), numbers as text of a program (`literals`), the value of an
expression in any algebra (`evaluate`), power series with remainders that hold
on an interval (`series`), expansions at infinity and at singular ends
(`expansion`, `places`), Chebyshev economization and minimax fits
(`chebyshev`, `minimax`), where differences are exact (`differences`).

May know: nothing above the ground floor.  sympy is taken apart here, flint's
balls are made here.

Entry: `places.expand` for an expression at a place; `formats.get_format`.
"""
