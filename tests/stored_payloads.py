"""Payloads that try to run, and whether one of them did."""

from __future__ import annotations

import builtins
from typing import Any

from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st

FLAG = "KERAS_STABLEF_RAN"
CODE = f"setattr(__import__('builtins'), '{FLAG}', 1)"
FORMULA = "exp(x)"


def ran() -> bool:
    """Whether a payload ran since this was last asked."""
    return vars(builtins).pop(FLAG, None) is not None


# As formulas, from the issue and of its kinds.
LISTED = (
    f'x*exp(x) # "; {CODE}; Z="',
    'exp(x) # the "textbook" form',
    'exp(x) # """',
    f'exp(x) # """\n{CODE}\n"""',
    f"exp(x)\r\n{CODE}",
    "exp(\nx)",
    "x*exp(x)\\",
    "exp(x)\r\n#",
    "x if 1 else x",
    "(lambda: x)()",
    "f'{x}'",
    f"{{{{ {CODE} }}}}",
    f"{{% set x = {CODE} %}}exp(x)",
    f"exp(x) if {CODE} else exp(x)",
    f"exp({CODE})",
    "exp(x)\0",
    f"exp(x)\u2028{CODE}",
    f"exp(x)\x85{CODE}",
    "\uff45xp(x)",
    "exp(x)\u037e 1",
    "exp if __import__('os').system('true') else ops.exp",
    "__import__('os').system",
    "/dev/zero",
    "os.system",
)
FRAGMENTS = (
    *("'", '"', "'''", '"""', "\\", "\\'", '\\"', "\n", "\r", "\t", "\0"),
    *("#", ";", "{{", "}}", "{%", "%}", "{#", "#}", "%s", "{0}", "f'{", "}'"),
    *("\u2028", "\x85", "\u037e", "\u201c", "\uff08", "\u0435", "\ud800"),
    *("(", ")", ",", ":=", "lambda: ", "@", "`", "$", " if 1 else ", "=", "_"),
    *(
        CODE,
        f"eval({CODE!r})",
        "__import__('os')",
        FORMULA,
        "x",
        " ",
        "\\u0027",
    ),
)
HOSTILE = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6)
# Before, after and instead of a formula.
TEXTS = st.one_of(
    st.sampled_from(LISTED),
    HOSTILE.map(lambda parts: FORMULA + " # " + "".join(parts)),
    HOSTILE.map(lambda parts: FORMULA + "".join(parts)),
    HOSTILE.map(lambda parts: "".join(parts) + FORMULA),
    HOSTILE.map("".join),
    st.text(max_size=20),
)
NUMBERS = (
    *(99, -1, 3, True, False, None, 1.0, 0.5, 10**30, -(10**30), 2**63),
    *(float("nan"), float("inf"), -float("inf"), 1e308, 5e-324),
)
OTHERS = ([], {}, [[]], ["x"], {"class_name": "os"}, [None, None], {"": {}})


def slow_is_fine(**kwargs: Any) -> Any:
    return settings(
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        **kwargs,
    )
