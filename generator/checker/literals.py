"""The numbers of a piece that a module is rendered with."""

from __future__ import annotations

from fractions import Fraction

from .claims import Piece
from .claims import exact


def numbers_of(piece: Piece) -> list[Fraction]:
    """All of them, as the certificate has them; none of a program's."""
    if piece.kind in ("row", "logrow"):
        names: tuple[str, ...] = ("low", "high", "center", "lead", "slope")
        return [*(piece[k] for k in names), *piece.numbers("rest")]
    if piece.kind == "power":
        names = ("low", "high", "center", "factor")
        values = [*(piece[k] for k in names), *piece.numbers("rest")]
        return [*values, *piece.numbers("offset")]
    if piece.kind != "end":
        return []
    values = [piece["bound"]]
    for factor in piece.raw("factors"):
        values += [exact(factor["head"]), exact(factor["tail"])]
        values += [exact(c) for c in factor["rest"]]
    return values
