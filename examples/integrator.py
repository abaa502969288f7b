"""The rate of a nearly neutral system, by Newton through an integrator.

    KERAS_BACKEND=jax python -m examples.integrator --out out/integrator.png

``u' = -rate u + sin(u)`` is integrated by an exponential method (ETD2RK),
whose coefficients are phi_1 and phi_2 of z = -rate h.  Newton's method fits
the rate to measurements of u and needs the second derivative of the misfit,
hence phi_2'' at z near 0, of which the textbook formula ``(exp(z) - 1 -
z)/z**2`` has no correct digit in float32.  The picture shows its error and
both fits.

Source: Cox and Matthews, *Exponential time differencing for stiff systems*,
J. Comput. Phys. 176, 2002; Hochbruck and Ostermann, *Exponential
integrators*, Acta Numerica 2010, section 2.1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import mpmath
import numpy as np
from keras import ops
from rich.progress import track

import keras_stablef as ks

TRUE_RATE, STEP, STEPS = 2e-3, 0.25, 16
START = 0.5  # the first guess of the rate
Function = Callable[[Any], Any]
Phis = tuple[Function, Function]
STABLE: Phis = (ks.ops.exprel, ks.ops.phi2)
TEXTBOOK: Phis = (
    lambda z: (ops.exp(z) - 1) / z,
    lambda z: (ops.exp(z) - 1 - z) / z**2,
)


def trajectory(rate: Any, phis: Phis) -> Any:
    """u after each step, from u = 1."""
    phi1, phi2 = phis
    z = -rate * STEP
    decay, first, second = ops.exp(z), STEP * phi1(z), STEP * phi2(z)
    u, found = ops.ones_like(z), []
    for _ in range(STEPS):
        slope = ops.sin(u)
        guess = decay * u + first * slope
        u = guess + second * (ops.sin(guess) - slope)
        found.append(u)
    return ops.stack(found)


def derivative(f: Function) -> Function:
    """x -> df/dx of a sum over f, by the backend's autodiff."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.grad(lambda x: ops.sum(f(x)))
    if backend == "torch":
        import torch

        return torch.func.grad(lambda x: f(x).sum())

    import tensorflow as tf

    def by_tape(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    return by_tape


def number(x: Any) -> float:
    """A tensor of one element as a float."""
    return float(ops.convert_to_numpy(x))


def newton(phis: Phis, measured: np.ndarray, steps: int) -> list[float]:
    """The rates that Newton's method goes through."""
    target = ops.convert_to_tensor(measured)

    def misfit(rate: Any) -> Any:
        return ops.sum((trajectory(rate, phis) - target) ** 2)

    slope = derivative(misfit)
    curvature = derivative(slope)
    rates = [START]
    for _ in track(range(steps), f"Newton, {phis[1]!r:.30}"):
        rate = ops.convert_to_tensor(rates[-1], dtype="float32")
        rates.append(rates[-1] - number(slope(rate)) / number(curvature(rate)))
    return rates


def exact(z: float, order: int) -> Any:
    """phi_2 and its derivatives in multiple precision."""
    with mpmath.workdps(60):
        n = order  # of the series sum z**k / (k + 2)!
        return mpmath.nsum(
            lambda k: mpmath.ff(k, n) * mpmath.mpf(z) ** (k - n)
            / mpmath.factorial(k + 2),
            [n, n + 30],
        )  # fmt: skip


def errors(phi2: Function, order: int, zs: np.ndarray) -> list[float]:
    """Relative errors of a derivative of phi_2 in float32."""
    f = phi2
    for _ in range(order):
        f = derivative(f)
    got = ops.convert_to_numpy(f(ops.convert_to_tensor(zs, dtype="float32")))
    wanted = [exact(float(z), order) for z in zs]
    return [
        float(abs(mpmath.mpf(float(g)) / w - 1))
        for g, w in zip(np.asarray(got), wanted, strict=True)
    ]


def picture(
    path: Path, zs: np.ndarray, fits: dict[str, list[float]]
) -> dict[str, float]:
    """Errors on the left, rates on the right; the worst errors of phi_2''."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4), layout="constrained"
    )
    worst = {}
    for name, phis, style in (
        ("keras_stablef", STABLE, "-"),
        ("textbook", TEXTBOOK, ":"),
    ):
        for order in range(3):
            found = errors(phis[1], order, zs)
            shown = [max(e, 1e-9) for e in found]
            left.loglog(
                -zs, shown, style, color=f"C{order}",
                label=f"phi_2{chr(39) * order}, {name}",
            )  # fmt: skip
        worst[name] = max(found)
    left.axhline(2**-24, color="gray", linewidth=0.8)
    left.set_xlabel("-z")
    left.set_ylabel("relative error in float32")
    left.legend(fontsize=8)
    for name, rates in fits.items():
        right.semilogy(
            [abs(r - TRUE_RATE) / TRUE_RATE for r in rates], "o-", label=name
        )
    right.set_xlabel("step of Newton's method")
    right.set_ylabel("relative error of the rate")
    right.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return worst


def main() -> None:
    """Fit with both, draw, print the last rates."""
    parser = argparse.ArgumentParser(description="Fit a rate by Newton.")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("out/integrator.png"))
    arguments = parser.parse_args()
    rate = ops.convert_to_tensor(TRUE_RATE, dtype="float32")
    measured = np.asarray(ops.convert_to_numpy(trajectory(rate, STABLE)))
    fits = {
        name: newton(phis, measured, arguments.steps)
        for name, phis in (("keras_stablef", STABLE), ("textbook", TEXTBOOK))
    }
    worst = picture(arguments.out, -np.logspace(-6, 0.5, 120), fits)
    for name, rates in fits.items():
        print(
            f"{name}: rate {rates[-1]:.6g} (true {TRUE_RATE:g}), worst "
            f"relative error of phi_2'' {worst[name]:.3g}"
        )


if __name__ == "__main__":
    main()
