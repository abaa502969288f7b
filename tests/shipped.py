"""The losses and metrics that ship, by the name each has."""

from __future__ import annotations

import keras_stablef as ks

LOSSES = {
    "stable_f_loss": ks.losses.StableFLoss,
    "continuous_bernoulli": ks.losses.ContinuousBernoulli,
    "log_cosh": ks.losses.LogCosh,
    "pseudo_huber": ks.losses.PseudoHuber,
}

METRICS = {
    "stable_f_loss": ks.metrics.StableFLoss,
    "continuous_bernoulli": ks.metrics.ContinuousBernoulli,
    "log_cosh": ks.metrics.LogCosh,
    "pseudo_huber": ks.metrics.PseudoHuber,
}
