"""A continuous Bernoulli autoencoder of scikit-learn's digits.

    KERAS_BACKEND=jax python -m examples.vae --out out/vae.png

Pixels are numbers in [0, 1], for which the Bernoulli likelihood lacks its
normaliser.  The same network is trained twice: with
`keras_stablef.losses.ContinuousBernoulli`, and in float16 with the formula
as one types it, ``log((exp(l) - 1)/l) - l*y``.  The picture shows digits,
their reconstructions, samples, and both curves.

Source: Loaiza-Ganem and Cunningham, *The continuous Bernoulli: fixing a
pervasive error in variational autoencoders*, NeurIPS 2019.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from rich.progress import Progress

import keras_stablef as ks

PIXELS, LATENT = 64, 8
SEED = 1


class Sample(keras.layers.Layer):
    """z ~ N(mean, exp(log variance)); adds the divergence from N(0, 1)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(SEED)

    def call(self, inputs: Any) -> Any:
        mean, log_variance = ops.split(ops.cast(inputs, "float32"), 2, -1)
        divergence = 0.5 * ops.sum(
            ops.exp(log_variance) + mean**2 - 1.0 - log_variance, -1
        )
        # Per pixel, as the loss is.
        self.add_loss(ops.mean(divergence) / PIXELS)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


def network(dtype: str) -> tuple[keras.Model, keras.Model]:
    """The autoencoder and its decoder; the policy is that of the logits."""
    keras.utils.set_random_seed(SEED)
    pixels = keras.Input((PIXELS,))
    h = keras.layers.Dense(128, activation="relu")(pixels)
    z = Sample()(keras.layers.Dense(2 * LATENT)(h))
    latent = keras.Input((LATENT,))
    h = keras.layers.Dense(128, activation="relu")(latent)
    decoder = keras.Model(latent, keras.layers.Dense(PIXELS, dtype=dtype)(h))
    return keras.Model(pixels, decoder(z)), decoder


def textbook(y_true: Any, y_pred: Any) -> Any:
    """The formula as typed, in the dtype of the logits."""
    y_true = ops.cast(y_true, y_pred.dtype)
    zero = ops.equal(y_pred, 0)
    safe = ops.where(zero, ops.ones_like(y_pred), y_pred)
    log_norm = ops.log((ops.exp(safe) - 1) / safe)
    log_norm = ops.where(zero, ops.zeros_like(y_pred), log_norm)
    return ops.mean(log_norm - y_pred * y_true, axis=-1)


class Textbook(keras.losses.Loss):
    """`textbook` as a loss."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return textbook(y_true, y_pred)


def train(
    loss: keras.losses.Loss, dtype: str, x: np.ndarray, epochs: int
) -> tuple[keras.Model, keras.Model, list[float]]:
    """A network, its decoder, and the loss per pixel after each epoch."""
    model, decoder = network(dtype)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    with Progress() as progress:
        task = progress.add_task(f"{loss.name}, {dtype}", total=epochs)
        step = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: progress.advance(task)
        )
        history = model.fit(
            x, x, batch_size=64, epochs=epochs, verbose=0, callbacks=[step]
        )
    return model, decoder, history.history["loss"]


def mean_of(logits: Any) -> np.ndarray:
    """Mean pixels."""
    d = ks.distributions.ContinuousBernoulli(ops.cast(logits, "float32"))
    return np.asarray(ops.convert_to_numpy(d.mean()))


def picture(
    path: Path, rows: dict[str, np.ndarray], curves: dict[str, list[float]]
) -> None:
    """Digits in rows on the left, the training curves on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    count = 8
    figure = plt.figure(figsize=(11, 3.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.3, 1))
    axes = left.subplots(len(rows), count)
    for line, (name, digits) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axis, digit in zip(line, digits[:count], strict=True):
            axis.imshow(digit.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
    axis = right.subplots()
    for name, curve in curves.items():
        finite = [v for v in curve if math.isfinite(v)]
        style = "--" if "float16" in name else "-"
        epochs = range(1, len(finite) + 1)
        (line,) = axis.plot(epochs, finite, style, label=name)
        if len(finite) < len(curve):
            at, colour = len(finite) + 1, line.get_color()
            axis.axvline(at, color=colour, linestyle="--")
            axis.text(at + 0.5, 0.05, f"nan in epoch {at}", color=colour,
                      transform=axis.get_xaxis_transform())  # fmt: skip
    axis.set_xlabel("epoch")
    axis.set_ylabel("loss per pixel")
    axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Train both, draw, print the last losses."""
    parser = argparse.ArgumentParser(description="A VAE of digits.")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("out/vae.png"))
    arguments = parser.parse_args()
    from sklearn.datasets import load_digits

    x = (load_digits().data / 16).astype("float32")
    stable = ks.losses.ContinuousBernoulli()
    model, decoder, curve = train(stable, "float32", x, arguments.epochs)
    curves = {"keras_stablef, float32": curve}
    for name, loss in (
        ("keras_stablef", ks.losses.ContinuousBernoulli(dtype="float16")),
        ("textbook", Textbook(name="textbook", dtype="float16")),
    ):
        _, _, curves[f"{name}, float16"] = train(
            loss, "mixed_float16", x, arguments.epochs
        )
    noise = np.random.default_rng(SEED).normal(size=(8, LATENT))
    rows = {
        "digits": x[:8],
        "mean": mean_of(model.predict(x[:8], verbose=0)),
        "samples": mean_of(decoder.predict(noise, verbose=0)),
    }
    picture(arguments.out, rows, curves)
    for name, found in curves.items():
        print(f"{name}: first {found[0]:.4f}, last {found[-1]:.4f}")


if __name__ == "__main__":
    main()
