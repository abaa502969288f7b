"""Next to 0 and 1 the kernels lose what is said there, in proportion."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from backends import BACKEND
from keras import ops
from keras_stablef.generator.program.carried_value import Carried
from keras_stablef.generator.program.kernel_errors import exp_error
from keras_stablef.generator.program.kernel_errors import log_error
from keras_stablef.generator.program.spans import Real
from keras_stablef.generator.program.spans import Span

from keras_stablef.runtime import kernels

pytestmark = pytest.mark.skipif(
    BACKEND not in ("tensorflow", "jax", "torch"), reason="autodiff backends"
)
PRECISION = {"float32": 24, "float64": 53}


def carried(x: np.ndarray) -> Carried:
    exact = x.astype(Real)
    return Carried(Span(exact, exact), np.zeros(len(x), Real))


@pytest.mark.parametrize("dtype", list(PRECISION))
@pytest.mark.parametrize("name", ["exp", "log"])
def test_pairs_are_as_good_as_is_said(name: str, dtype: str) -> None:
    """Of arguments beside 0 or 1, and up to where a power is taken out."""
    rng = np.random.default_rng(5)
    sizes = np.exp2(rng.uniform(-18, -1.8, 1500)) * rng.choice([-1, 1], 1500)
    ends = [0.3399, -0.3399] if name == "exp" else [-0.2926, 0.4138]
    x = np.concatenate([sizes, ends]).astype(dtype)
    if name == "log":
        x = (1 + x).astype(dtype)
    t = ops.convert_to_tensor(x, dtype=dtype)
    if name == "exp":
        made, n = kernels.pair_exp((t, None), dtype)
        assert not ops.convert_to_numpy(n).any()
    else:
        made = kernels.pair_log(t, ops.zeros_like(t), dtype)
    head, tail = (ops.convert_to_numpy(part) for part in made)
    unit = Real(2) ** -PRECISION[dtype]
    with mpmath.workprec(300):
        exact = [getattr(mpmath, name)(mpmath.mpf(float(v))) for v in x]
        off = np.array(
            [
                float(abs(mpmath.mpf(float(h)) + mpmath.mpf(float(k)) - e))
                for h, k, e in zip(head, tail, exact, strict=True)
            ]
        )
    size = np.abs(np.array([float(e) for e in exact])).astype(Real)
    if name == "exp":
        said = exp_error(carried(x), Span(size, size), unit)
    else:
        said = log_error(carried(x), size, unit)
    assert (off <= said).all()
    least = np.abs(x - (name == "log")) < 2.0**-12
    assert (said[least] < 2.0**-20 * unit).all()
