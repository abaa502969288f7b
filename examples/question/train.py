"""Eight runs that differ in one thing each, and what became of them."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import keras
import numpy as np

from examples.question import formulas
from examples.question import oracle
from examples.question.data import Histories
from examples.question.model import CountingAdam
from examples.question.model import LinkLoss
from examples.question.model import build

SHIFTS = (0.0, 50.0)
BATCH = 256
SEED = 1


@dataclass(frozen=True)
class Setting:
    """What all runs have in common.

    Attributes:
        days: of a period, see `data.load`.
        epochs: of a run.
        falls: the learning rate, to 0 by half a cosine.
        beta: Adam's second one.  The first steps have gradients near 1, those
            on the slow tail 1e-5: with 0.999 the first ones divide what is
            learnt for a thousand steps.
    """

    days: int
    learning_rate: float
    beta: float
    epochs: int
    falls: bool

    def rate(self, slower: float, steps: int) -> Any:
        """Of the optimizer."""
        first = self.learning_rate / slower
        if not self.falls:
            return first
        return keras.optimizers.schedules.CosineDecay(first, steps)


SETTINGS = {
    "days": Setting(1, 0.003, 0.999, 120, False),
    "weeks": Setting(7, 0.012, 0.9, 60, True),
}


@dataclass(frozen=True)
class Variant:
    name: str
    formula: Callable | None  # None: StableFLoss
    slower: float = 1.0
    dtype: str = "float32"
    judge: Callable = oracle.link64  # what its predictions are

    def loss(self) -> keras.losses.Loss:
        if self.formula is None:
            from keras_stablef.losses import StableFLoss

            return StableFLoss(shifts=SHIFTS)
        return LinkLoss(self.formula, SHIFTS, dtype=self.dtype)


VARIANTS = (
    Variant("single where", formulas.single_where),
    Variant("three-branch where", formulas.three_branches),
    Variant("learning rate / 10", formulas.single_where, slower=10),
    Variant("float64", formulas.single_where, dtype="float64"),
    Variant("sigmoid for f", formulas.sigmoid, judge=oracle.sigmoid64),
    Variant("-(x+expm1(-x))/(x expm1(-x))", formulas.expm1_form),
    Variant("-x/(2 expm1(-x))", formulas.small_x_form),
    Variant("StableFLoss", None),
)


@dataclass
class Run:
    """What is recorded; lists have one entry per epoch until all is nan."""

    name: str
    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    lowest_logit: list[float] = field(default_factory=list)
    bad_steps: list[int] = field(default_factory=list)
    steps: int = 0

    @property
    def first_nan(self) -> int | None:
        """The epoch, from 1, of the first bad gradient or loss."""
        rows = zip(self.loss, self.bad_steps, strict=True)
        for epoch, (loss, bad) in enumerate(rows, 1):
            if bad or not np.isfinite(loss):
                return epoch
        return None

    @property
    def last_finite_loss(self) -> float | None:
        return _last_finite(self.loss)

    @property
    def last_validation(self) -> float | None:
        return _last_finite(self.validation)

    def as_dict(self) -> dict:
        return asdict(self) | {"first_nan": self.first_nan}


def best_constant(data: tuple[Histories, Histories]) -> float:
    """The validation loss of the training customers' mean."""
    before, held_out = (part.target.astype("float64") for part in data)
    return float(np.mean((held_out - before.mean()) ** 2))


def _last_finite(values: list[float]) -> float | None:
    finite = [v for v in values if np.isfinite(v)]
    return finite[-1] if finite else None


class _Recorder(keras.callbacks.Callback):
    def __init__(
        self, run: Run, x, y: np.ndarray, judge: Callable, tick: Callable
    ):
        super().__init__()
        self.run, self.x, self.y, self.tick = run, x, y, tick
        self.judge = judge

    def on_epoch_end(self, epoch, logs=None):
        # Called, not predict(): that costs more than the epoch itself.
        logit = keras.ops.convert_to_numpy(self.model(self.x, training=False))
        # One judge for all that stand for f: the true f, in numpy float64.
        error = self.y - self.judge(logit, SHIFTS)
        self.run.loss.append(float(logs["loss"]))
        self.run.validation.append(float(np.mean(error**2)))
        self.run.lowest_logit.append(float(np.min(logit)))
        self.run.bad_steps.append(int(self.model.optimizer.bad_steps))
        self.run.steps = int(self.model.optimizer.iterations)
        # nan weights stay nan: nothing can come after this epoch.
        self.model.stop_training = not np.isfinite(logit).any()
        self.tick()


@contextmanager
def _precision(dtype: str):
    """floatx for one run; JAX must be told to have float64 at all."""
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(before)
        if keras.backend.backend() == "jax":
            jax.config.update("jax_enable_x64", False)


def train(
    variant: Variant,
    setting: Setting,
    data: tuple[Histories, Histories],
    epochs: int,
    tick: Callable = lambda: None,
) -> Run:
    """Train one variant; seed, order of batches and epochs never differ."""
    ragged = keras.backend.backend() == "tensorflow"
    run = Run(variant.name)
    # Drawn in float32 for all: in float64 the same seed draws other weights.
    keras.utils.set_random_seed(SEED)
    start = build(ragged).get_weights()
    with _precision(variant.dtype):
        x, held_out = (
            part.ragged(variant.dtype) if ragged else part.padded(variant.dtype)
            for part in data
        )
        steps = -(-len(data[0].events) // BATCH)
        model = build(ragged)
        model.set_weights(start)
        model.compile(
            optimizer=CountingAdam(
                setting.rate(variant.slower, epochs * steps),
                beta_2=setting.beta,
            ),
            loss=variant.loss(),
            # XLA has no ragged ranges, and "auto" picks XLA on a GPU.
            jit_compile=False if ragged else "auto",
        )
        # Now, so that its counter exists before TensorFlow traces a step.
        model.optimizer.build(model.trainable_variables)
        recorder = _Recorder(run, held_out, data[1].target, variant.judge, tick)
        model.fit(
            x,
            data[0].target.astype(variant.dtype),
            batch_size=BATCH,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[recorder],
        )
    return run
