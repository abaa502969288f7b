"""The continuous Bernoulli distribution, stable at every logit."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import keras

from . import ops
from ._continuous_bernoulli import negative_log_likelihood
from ._continuous_bernoulli import quantile
from ._continuous_bernoulli_parts import density
from ._continuous_bernoulli_parts import deviation
from ._continuous_bernoulli_parts import distribution
from ._continuous_bernoulli_parts import divergence
from ._continuous_bernoulli_parts import entropy
from ._derived import shown
from ._dtypes import largest
from ._tensors import MOST_AXES
from ._tensors import as_float_tensor
from ._tensors import as_tensor
from ._tensors import refuse_shapes

MOST_BYTES = 2**63  # that an array can be said to have
SEEDS = 2**32  # Keras' seeds are 32 bits, whatever holds them


class ContinuousBernoulli:
    """The density ``exp(l x) / exprel(l)`` on [0, 1], from the logit l.

    With ``exprel(l) = (exp(l) - 1)/l`` and ``f(l) = 1/(1 - exp(-l)) - 1/l``:
    mean f(l), variance f'(l), log-normaliser ``log exprel(l)``.  At l = 0 it
    is the uniform distribution (mean 1/2, variance 1/12); far out it is the
    exponential of rate |l|, from 0 for l < 0 and from 1 for l > 0.  All of
    it is finite at every finite l, and so are the gradients.

    Args:
        logits: a float tensor of any shape; float16, bfloat16, float32 and
            float64 are kept, other numbers become floatx.

    Raises:
        TypeError: complex logits.

    Example:
        >>> d = ks.distributions.ContinuousBernoulli([-1e6, 0.0, 30.0])
        >>> d.mean(), d.variance(), d.sample((5,), seed=1)

    Source: Loaiza-Ganem and Cunningham, *The continuous Bernoulli: fixing a
    pervasive error in variational autoencoders*, NeurIPS 2019.
    """

    def __init__(self, logits: Any) -> None:
        self.logits = as_float_tensor(logits, keras.config.floatx())

    def __repr__(self) -> str:
        shape = tuple(self.logits.shape)
        dtype = keras.backend.standardize_dtype(self.logits.dtype)
        return f"<ContinuousBernoulli: logits of shape {shape}, {dtype}>"

    def mean(self) -> Any:
        """f(l): 0 at -inf, 1/2 at 0 (gradient 1/12), 1 at inf."""
        return ops.stablef(self.logits)

    def variance(self) -> Any:
        """f'(l): 1/12 at 0, about ``1/l**2`` far out, 0 at ±inf."""
        return ops.stablef.derivative()(self.logits)

    def stddev(self) -> Any:
        """The square root of the variance.

        ``1/sqrt(12)`` at 0 with gradient 0, ``1/|l|`` far out (the variance
        is 0 there, below the smallest number), 0 at ±inf.  Within 8 ulp,
        measured; so is the gradient.
        """
        return deviation(self._bounded())

    def mode(self) -> Any:
        """Where the density is largest: 0 for l < 0, 1 for l > 0.

        1/2, their middle, at l = 0, where it is the same everywhere; nan
        for nan.  The gradient is 0.
        """
        a = keras.ops.stop_gradient(self.logits)
        zeros = keras.ops.zeros_like(a)
        found = keras.ops.where(a > zeros, zeros + 1.0, zeros + 0.5)
        found = keras.ops.where(a < zeros, zeros, found)
        return keras.ops.where(keras.ops.isnan(a), a, found)

    def entropy(self) -> Any:
        """The differential entropy ``log exprel(l) - l f(l)``, at most 0.

        0 at l = 0 (there ``-l**2/24``), about ``1 - log|l|`` far out; its
        gradient is ``-l f'(l)``.  A logit of ±inf counts as the largest
        number.  Within 8 ulp, measured.
        """
        return entropy(self._bounded())

    def kl_divergence(self, other: ContinuousBernoulli) -> Any:
        """The Kullback-Leibler divergence of `other` from this one.

        ``(p - q) f(p) - log exprel(p) + log exprel(q)`` of the logits p of
        this and q of the other, at least 0; right where both are near, where
        it is ``(p - q)**2 f'(p)/2``.

        Args:
            other: whose logits broadcast against these.

        Returns:
            A tensor of the broadcast shape; its gradient is ``(p - q)
            f'(p)`` by p and ``f(q) - f(p)`` by q.  A logit of ±inf counts
            as the largest number.  Within 16 ulp, measured.

        Raises:
            TypeError: `other` is none.
            ValueError: shapes that do not broadcast.

        Example:
            >>> d = ks.distributions.ContinuousBernoulli(0.0)
            >>> d.kl_divergence(ks.distributions.ContinuousBernoulli(1e-3))
        """
        if not isinstance(other, ContinuousBernoulli):
            raise TypeError(
                "Bad distribution: expected a ContinuousBernoulli, received "
                f"{shown(type(other).__name__)}."
            )
        return divergence(self._bounded(), other._bounded())

    def _bounded(self) -> Any:
        """The logits, ±inf as the largest number with that sign."""
        most = largest(keras.backend.standardize_dtype(self.logits.dtype))
        return keras.ops.clip(self.logits, -most, most)

    def log_normalizer(self) -> Any:
        """``log((exp(l) - 1)/l)``, 0 at 0; its derivative is the mean."""
        return ops.log_exprel(self.logits)

    def log_prob(self, x: Any) -> Any:
        """``l x - log((exp(l) - 1)/l)`` for x in [0, 1], -inf outside.

        Args:
            x: broadcasts against the logits.

        Returns:
            A tensor of the broadcast shape and the logits' dtype; its
            gradient by l is ``x - f(l)``, 0 outside; nan gives nan.

        Raises:
            TypeError: complex x.
            ValueError: a shape that does not broadcast.
        """
        x = as_tensor(x, self.logits.dtype)
        refuse_shapes(x, self.logits, "x and the logits")
        zero = keras.ops.zeros_like(x)
        outside = keras.ops.logical_or(x < zero, x > zero + 1.0)
        inside = keras.ops.where(outside, zero, x)
        value = -negative_log_likelihood(inside, self.logits)
        nothing = keras.ops.zeros_like(value) - float("inf")
        return keras.ops.where(outside, nothing, value)

    def prob(self, x: Any) -> Any:
        """The density ``exp(l x)/exprel(l)`` for x in [0, 1], 0 outside.

        Args:
            x: broadcasts against the logits.

        Returns:
            A tensor of the broadcast shape and the logits' dtype; its
            gradient by l is ``prob (x - f(l))``, by x ``l prob``, 0 outside;
            nan gives nan.  An exponential of z = l x is off by |z| ulp.

        Raises:
            TypeError: complex x.
            ValueError: a shape that does not broadcast.
        """
        return self._on_unit(density, x, 0.0)

    def cdf(self, x: Any) -> Any:
        """``(exp(l x) - 1)/(exp(l) - 1)``, x at l = 0; 0 and 1 outside.

        Relatively right near 0, for l of both signs; 1 minus it is the
        `cdf` of the logits -l at 1 - x.

        Args:
            x: broadcasts against the logits.

        Returns:
            A tensor of the broadcast shape and the logits' dtype; its
            gradient by x is `prob`, by l ``x (x - 1)/2`` at l = 0; nan gives
            nan.  An exponential of z = l x is off by |z| ulp.

        Raises:
            TypeError: complex x.
            ValueError: a shape that does not broadcast.
        """
        return self._on_unit(distribution, x, 1.0)

    def _on_unit(self, recipe: Any, x: Any, above: float) -> Any:
        """0 below 0 and `above` above 1."""
        x = as_tensor(x, self.logits.dtype)
        refuse_shapes(x, self.logits, "x and the logits")
        low, high = x < keras.ops.zeros_like(x), x > keras.ops.ones_like(x)
        inside = keras.ops.where(low, keras.ops.zeros_like(x), x)
        inside = keras.ops.where(high, keras.ops.ones_like(x), inside)
        found = recipe(inside, self._bounded())
        zeros = keras.ops.zeros_like(found)
        nothing = keras.ops.where(keras.ops.isnan(found), found, zeros)
        found = keras.ops.where(low, nothing, found)
        return keras.ops.where(high, nothing + above, found)

    def quantile(self, u: Any) -> Any:
        """The inverse of the distribution function, for u in [0, 1].

        ``log(1 + u (exp(l) - 1))/l``; u itself at l = 0.  Differentiable in
        l, at 0 too (there ``u (1 - u)/2``), so that a sample carries the
        gradient (reparametrisation).

        Args:
            u: broadcasts against the logits.  16-bit logits are worked on
                in float32.

        Returns:
            Numbers in [0, 1] of the broadcast shape and the logits' dtype:
            0 for u = 0 and 1 for u = 1 exactly, with gradient 0; nan for u
            outside [0, 1] and for nan.

        Raises:
            TypeError: complex u.
            ValueError: a shape that does not broadcast.
        """
        dtype = keras.backend.standardize_dtype(self.logits.dtype)
        wide = dtype if dtype == "float64" else "float32"
        u = as_tensor(u, wide)
        refuse_shapes(u, self.logits, "u and the logits")
        found = quantile(u, keras.ops.cast(self.logits, wide))
        return keras.ops.cast(found, dtype)

    def sample(self, shape: int | Sequence[int] = (), seed: Any = None) -> Any:
        """Samples by the inverse of the distribution function.

        Args:
            shape: put before the logits' shape; 5 is (5,).
            seed: an integer from 0 to 2**32 - 1 or a
                `keras.random.SeedGenerator`; None for Keras' own.

        Returns:
            A tensor of shape ``(*shape, *logits.shape)`` in [0, 1], its
            gradient by the logits that of `quantile`.

        Raises:
            TypeError: a shape that is no integer and no sequence of them,
                or another seed.
            ValueError: a negative integer, or one too large: of the shape
                in all, of the seed.
        """
        own = keras.ops.shape(self.logits)
        size = (*_checked_shape(shape, own), *own)
        # A uniform number of 16 bits has too few values for the tails.
        double = keras.backend.standardize_dtype(self.logits.dtype)
        dtype = "float64" if double == "float64" else "float32"
        seed = _checked_seed(seed)
        return self.quantile(keras.random.uniform(size, dtype=dtype, seed=seed))


def _checked_shape(shape: Any, own: Sequence[Any]) -> tuple[int, ...]:
    """The sizes that are put before the logits' own.

    Raises:
        TypeError: no integers.
        ValueError: a negative one, or more numbers in all than can be.
    """
    sizes = []
    count = math.prod(n for n in own if isinstance(n, int) and n)
    try:
        for n in shape if isinstance(shape, Iterable) else (shape,):
            sizes.append(operator.index(n))
            # An axis of none counts as one: backends multiply the others.
            count *= max(sizes[-1], 1)
            if count * 8 >= MOST_BYTES or len(sizes) > MOST_AXES:
                break
    except Exception:  # of a foreign object, a symbolic tensor say
        raise TypeError(
            "Bad shape: expected an integer or a sequence of integers, "
            f"received {shown(shape)}."
        ) from None
    if any(n < 0 for n in sizes):
        raise ValueError(
            f"Bad shape: expected integers >= 0, received {shown(shape)}."
        )
    if count * 8 >= MOST_BYTES or len(sizes) > MOST_AXES:
        raise ValueError(
            f"Bad shape: expected at most {MOST_AXES} axes and fewer than "
            f"2**60 numbers in all, received {shown(shape)} for logits of "
            f"shape {shown(tuple(own))}."
        )
    return tuple(sizes)


def _checked_seed(seed: Any) -> Any:
    """The seed itself; each backend takes other integers.

    Raises:
        TypeError: no integer, and nothing that Keras draws one from.
        ValueError: an integer out of range.
    """
    if seed is None or isinstance(seed, keras.random.SeedGenerator):
        return seed
    try:
        if isinstance(seed, bool):
            raise TypeError
        number = operator.index(seed)
    except Exception:  # of a foreign object
        raise TypeError(
            "Bad seed: expected an integer or a SeedGenerator, received "
            f"{shown(seed)}."
        ) from None
    if not 0 <= number < SEEDS:
        raise ValueError(
            f"Bad seed: expected an integer from 0 to {SEEDS - 1}, received "
            f"{shown(seed)}."
        )
    return number
