"""Formulas that were wrong, or crashed, before; each stands for its kind.

A row: formula, domain, places where it was wrong.  What may be refused is
in `REFUSED`, by dtype, with the words of the message.
"""

from __future__ import annotations

import math

PI = math.pi
INF = ("-oo", "oo")

LISTED: dict[str, list[tuple[str, tuple[object, object], tuple]]] = {
    # XLA folds (x - c) - c' to x - (c + c').
    "multiple zeros that are no floats": [
        ("(x-pi)**2", (0, 10), (PI,)),
        ("(x**2-2)**2", INF, (2**0.5, -(2**0.5))),
        ("1+sin(x)", (0, 10), (1.5 * PI,)),
        ("1-cos(x)", (-10, 10), (0, 2 * PI, -2 * PI)),
        ("sin(x)**2", (1, 10), (PI, 2 * PI, 3 * PI)),
        ("(exp(x)-2)**2", (-1, 2), (math.log(2),)),
        ("(x-pi)**2*exp(x)", (0, 10), (PI,)),
        ("(x-sqrt(3))**2", (0, 5), (3**0.5,)),
    ],
    "multiple zeros at fractions that are no floats": [
        ("1-cos(x-0.3)", (-1, 1), (0.3,)),
        ("x*log(x/0.3)+(1-x)*log((1-x)/0.7)", (0, 1), (0.3,)),
        ("x-0.3-0.3*log(x/0.3)", (0, "oo"), (0.3,)),
        ("(x-0.3)**3", (-1, 1), (0.3,)),
        ("1-cos(x-1/3)", (-1, 1), (1 / 3,)),
    ],
    # Dekker's split of values above max / 4097.
    "splits that overflow": [
        ("x**40", (-10, 10), (7.46, 9.18)),
        ("x**30", (-20, 20), (14.4, 19.2)),
        ("x**64", (-10, 10), (3.5, 4)),
        ("1e36*sqrt(x)", (0, 3), (1,)),
        ("9e34*log(x)", (0, 3), (1,)),
        ("1e302*sqrt(x)", (0, 3), (1,)),
    ],
    # Of a higher order than terms of a series are kept at first.
    "zeros of high order": [
        ("exp(x**50)-1", ("-1/2", "1/2"), (0,)),
        ("sin(x**40)", (-1, 1), (0, 0.93)),
    ],
    "kinks that are no floats": [
        ("abs(x-2/3)", INF, (2 / 3,)),
        ("abs(x**2-2)", INF, (2**0.5, -(2**0.5))),
        ("abs(sin(x))", (1, 5), (PI,)),
        ("abs(x-pi)", (0, 10), (PI,)),
        ("abs(log(x)-1)", (1, 5), (math.e,)),
        ("exp(-abs(x-0.7))", INF, (0.7,)),
        ("log(1+abs(x-2/3))", INF, (2 / 3,)),
        ("sqrt((x-2/3)**2)", INF, (2 / 3,)),
    ],
    "derivatives that forget nan": [
        ("2*x+1", INF, (-0.5,)),
        ("abs(x)", INF, (0,)),
        ("0.1*x+0.3", INF, (-3,)),
    ],
    "ends of the domain": [
        ("exp(x)", (0.1234567890123456, 1), ()),
        ("exp(-x/1000)", (1234.5678901234567, 2000), ()),
        ("log(x)", (1e-300, 1), ()),
        ("1/(x-1)", (1.0000000000000002, 2), ()),
        ("exp(-x)", ("exp(exp(exp(9)))", "oo"), ()),
        ("1e400*x", (-1, 1), ()),
        ("exp(x)", ("1", "1.00000001"), ()),
        ("exp(-x)", ("exp(1000)", "oo"), ()),
    ],
}

# One of each kind runs with every test run, the others with `test-all`.
SLOW = "zeros of high order"  # a minute each
FIRST = {rows[0][0] for kind, rows in LISTED.items() if kind != SLOW}
FIRST |= {"x**40"}
