"""Functions that have a name and are made of others."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from .arithmetic import larger
from .arithmetic import smaller

# Of the tanh that stands for erf in the approximate gelu.
CUBE = sympy.Rational(44715, 1000000)


def sigmoid(a: sympy.Expr) -> sympy.Expr:
    """1 / (1 + exp(-a))."""
    return 1 / (1 + sympy.exp(-a))


def softplus(a: sympy.Expr) -> sympy.Expr:
    """log(1 + exp(a))."""
    return sympy.log(1 + sympy.exp(a))


def silu(a: sympy.Expr) -> sympy.Expr:
    """a sigmoid(a)."""
    return a / (1 + sympy.exp(-a))


def ndtr(a: sympy.Expr) -> sympy.Expr:
    """The normal distribution function."""
    return (1 + sympy.erf(a / sympy.sqrt(2))) / 2


def gelu(a: sympy.Expr) -> sympy.Expr:
    """a times the normal distribution function."""
    return a * (1 + sympy.erf(a / sympy.sqrt(2))) / 2


def gelu_tanh(a: sympy.Expr) -> sympy.Expr:
    """What keras.ops.gelu computes unless it is told otherwise."""
    inner = sympy.sqrt(2 / sympy.pi) * (a + CUBE * a**3)
    return a * (1 + sympy.tanh(inner)) / 2


def relu(a: sympy.Expr) -> sympy.Expr:
    """max(a, 0)."""
    return larger(a, sympy.Integer(0))


def elu(a: sympy.Expr, slope: sympy.Expr) -> sympy.Expr:
    """a above 0, slope (exp(a) - 1) below."""
    return relu(a) + slope * (sympy.exp(smaller(a, sympy.Integer(0))) - 1)


def hard_sigmoid(a: sympy.Expr) -> sympy.Expr:
    """1/2 + a/6, held between 0 and 1."""
    return smaller(relu(a + 3), sympy.Integer(6)) / 6


def log_of_sum(parts: Sequence[sympy.Expr]) -> sympy.Expr:
    """log(exp(a) + exp(b) + ...)."""
    return sympy.log(sympy.Add(*(sympy.exp(part) for part in parts)))
