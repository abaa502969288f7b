"""An independent reading of formulas: text to mpmath, with no code of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import mpmath as mp

_TOKENS = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|([A-Za-z]\w*)|(\*\*|[-+*/^()]))",
    re.ASCII,
)
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    name: getattr(mp, name)
    for name in (
        *("exp", "log", "sqrt", "cbrt", "expm1", "sin", "cos", "tan", "cot"),
        *("sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
        *("coth", "sech", "csch", "asinh", "acosh", "atanh", "erf", "erfc"),
    )
}
_FUNCTIONS["ln"] = mp.log
_FUNCTIONS["log1p"] = lambda a: mp.log(1 + a)
_FUNCTIONS["log2"] = lambda a: mp.log(a) / mp.log(2)
_FUNCTIONS["log10"] = lambda a: mp.log(a) / mp.log(10)
_FUNCTIONS["sigmoid"] = lambda a: 1 / (1 + mp.exp(-a))
_FUNCTIONS["softplus"] = lambda a: mp.log(1 + mp.exp(a))
_FUNCTIONS["abs"] = _FUNCTIONS["Abs"] = abs


def reading(text: str, x: Any) -> Any:
    """The value of a formula at x, by descent over the whole text."""
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKENS.match(text, at)
        assert found is not None, f"no token at {at} of {text!r}"
        tokens.append(found[1] or found[2] or found[3])
        at = found.end()
    return _Reader(tokens, x).whole()


class _Reader:
    def __init__(self, tokens: list[str], x: Any) -> None:
        self.tokens, self.x = [*tokens, ""], x

    def take(self, *wanted: str) -> str:
        return self.tokens.pop(0) if self.tokens[0] in wanted else ""

    def whole(self) -> Any:
        value = self.sum()
        assert self.tokens == [""], self.tokens
        return value

    def sum(self) -> Any:
        value = self.product()
        while sign := self.take("+", "-"):
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self) -> Any:
        value = self.signed()
        while sign := self.take("*", "/"):
            other = self.signed()
            value = value * other if sign == "*" else value / other
        return value

    def signed(self) -> Any:
        if sign := self.take("+", "-"):
            value = self.signed()
            return -value if sign == "-" else value
        base = self.atom()
        return base ** self.signed() if self.take("**", "^") else base

    def atom(self) -> Any:
        token = self.tokens.pop(0)
        if token == "(":
            value = self.sum()
            assert self.take(")")
            return value
        if token[0].isdigit() or token[0] == ".":
            if token[:2].lower() == "0x":
                return mp.mpf(int(token, 16))
            return mp.mpf(token)
        if token in _FUNCTIONS:
            assert self.take("(")
            value = self.sum()
            assert self.take(")")
            return _FUNCTIONS[token](value)
        return {"pi": +mp.pi, "e": +mp.e, "E": +mp.e}.get(token, self.x)
