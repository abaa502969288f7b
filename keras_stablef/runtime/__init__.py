"""What generated modules call: each primitive with its error bound.

Owns: constants and clips (`constants`), polynomials (`polynomials`), how the
row of an input is found (`lookup`), division (`division`), exponents (`bits`,
`exponents`), pairs of floats (`pairs`), log and exp of pairs (`kernels`), zeros
of higher order (`powers`), exp and log in float64 of what float32 needs
(`wide`), and tables read from certificates (`tables`).

May know: keras.ops alone.  A docstring says what the result is off by (u is
2**-p, half an ulp of 1), for which operands, and who proved it.  Allowed
anywhere: a product and a sum contracted to a fused multiply-add.

Entry: each function; `op.save` writes them into the file that it saves.
"""

import types
from typing import Any

from . import bits
from . import constants
from . import division
from . import exponents
from . import kernel_numbers
from . import kernels
from . import lookup
from . import pairs
from . import polynomials
from . import powers
from . import wide

# In an order in which each knows those before it.
MODULES = (
    *(constants, bits, lookup, exponents, division, pairs, polynomials),
    *(kernel_numbers, kernels, powers, wide),
)


def primitives(**stand_ins: Any) -> dict[str, Any]:
    """All primitives by name, over other operations than keras.ops.

    Args:
        stand_ins: what `ops` and `backend` are, in every primitive.

    Example:
        >>> over = primitives(ops=keras.ops, backend=lambda: "jax")
        >>> over["two_sum"](1.0, 1e-9)  # (1.000000001, 8.3e-17)
    """
    space: dict[str, Any] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, types.FunctionType):
                value = types.FunctionType(
                    value.__code__, space, name, value.__defaults__
                )
            elif name.startswith("__") or isinstance(value, types.ModuleType):
                continue
            space[name] = value
    space.update(stand_ins)
    return space
