"""The bond price of Vasicek's short rate, at any speed of reversion."""

from __future__ import annotations

from typing import Any

import keras

from .. import ops
from ._parts import grown
from ._parts import grown_slope
from ._parts import ones
from ._parts import per
from ._parts import slope
from ._parts import zeros
from ._rule import Recipe
from ._rule import all_of
from ._rule import finite

__all__ = ["vasicek_duration", "vasicek_log_price"]

# Up to it the series of E and phi2 cancel nothing, beyond it the closed form
# cancels little; they are as good as each other near 2.
FAR = 2.0


def _duration(kappa: Any, tau: Any) -> Any:
    return grown(tau, -kappa)


def _duration_by_kappa(kappa: Any, tau: Any) -> Any:
    return -grown_slope(tau, -kappa)


def _decay(kappa: Any, tau: Any) -> Any:
    return keras.ops.exp(-kappa * tau)


_INSIDE = (0.0, 1.0)
_DURATION = Recipe(
    "kappa tau",
    lambda kappa, tau: all_of(tau >= zeros(tau), finite(kappa, tau)),
    _INSIDE,
    _duration,
    (_duration_by_kappa, _decay),
)


def vasicek_duration(kappa: Any, tau: Any) -> Any:
    """``(1 - exp(-kappa tau))/kappa``, tau at kappa = 0.

    What a bond loses of its log price for one unit of the short rate; the
    factor by which any mean-reverting quantity adds up over tau.

    Args:
        kappa: any finite numbers, the speed of reversion.
        tau: numbers >= 0, the time to maturity.  They broadcast.

    Returns:
        A tensor of the broadcast shape and the arguments' float dtype (16
        bits are worked on in float32).  The gradient by kappa is ``-tau**2/2``
        at kappa = 0, by tau ``exp(-kappa tau)``.  For tau < 0, infinities
        and nan the value is nan and the gradient 0.

    Raises:
        TypeError: complex numbers, or a dtype that is no float of 16, 32 or
            64 bits.
        ValueError: shapes that do not broadcast.

    Example:
        >>> ks.recipes.vasicek_duration([0.0, 0.5], 10.0)

    Source: Vasicek, *An equilibrium characterization of the term structure*,
    J. Financial Economics 5, 1977, section 5.
    """
    return _DURATION(kappa, tau)


def _convexity(x: Any) -> Any:
    """``(x - 2(1 - exp(-x)) + (1 - exp(-2x))/2)/x**3``, 1/3 at 0."""
    far = x > FAR * ones(x)
    inner = keras.ops.where(far, ones(x), x)
    second = ops.phi2(-inner)
    near = second - ops.phi3(-inner) - inner * (second * second) / 2.0
    outer = keras.ops.where(far, x, ones(x))
    fall = keras.ops.exp(-outer)
    rest = (1.0 - fall) * (3.0 - fall) / 2.0  # 2(1 - e) - (1 - e**2)/2
    return keras.ops.where(far, per(outer - rest, outer, outer, outer), near)


def _convexity_slope(x: Any) -> Any:
    """``(exprel(-x)**2 - 3 convexity(x))/x`` beyond `FAR`."""
    far = x > FAR * ones(x)
    inner = keras.ops.where(far, ones(x), x)
    second, third = ops.phi2(-inner), slope("phi2", -inner)
    near = (slope("phi3", -inner) - third) - second * (
        second / 2.0 - inner * third
    )
    outer = keras.ops.where(far, x, ones(x))
    mean = ops.exprel(-outer)
    return keras.ops.where(
        far, (mean * mean - 3.0 * _convexity(outer)) / outer, near
    )


def _rest(kappa: Any, tau: Any) -> Any:
    """``tau - duration``."""
    return kappa * (tau * tau) * ops.phi2(-kappa * tau)


def _variance(kappa: Any, tau: Any) -> Any:
    """The integral of ``duration**2`` over tau."""
    return tau * tau * tau * _convexity(kappa * tau)


def _log_price(rate: Any, kappa: Any, theta: Any, sigma: Any, tau: Any) -> Any:
    spread = sigma * sigma / 2.0 * _variance(kappa, tau)
    return spread - (rate * _duration(kappa, tau) + theta * _rest(kappa, tau))


def _price_by_kappa(
    rate: Any, kappa: Any, theta: Any, sigma: Any, tau: Any
) -> Any:
    square = tau * tau
    spread = (sigma * square) * (sigma * square) / 2.0
    return (theta - rate) * _duration_by_kappa(kappa, tau) + (
        spread * _convexity_slope(kappa * tau)
    )


def _price_by_tau(
    rate: Any, kappa: Any, theta: Any, sigma: Any, tau: Any
) -> Any:
    length = _duration(kappa, tau)
    spread = (sigma * length) * (sigma * length) / 2.0
    mean = rate * _decay(kappa, tau) + theta * (kappa * length)
    return spread - mean


_LOG_PRICE = Recipe(
    "rate kappa theta sigma tau",
    lambda rate, kappa, theta, sigma, tau: all_of(
        tau >= zeros(tau), finite(rate, kappa, theta, sigma, tau)
    ),
    (0.0, 0.0, 0.0, 0.0, 1.0),
    _log_price,
    (
        lambda rate, kappa, theta, sigma, tau: -_duration(kappa, tau),
        _price_by_kappa,
        lambda rate, kappa, theta, sigma, tau: -_rest(kappa, tau),
        lambda rate, kappa, theta, sigma, tau: sigma * _variance(kappa, tau),
        _price_by_tau,
    ),
)


def vasicek_log_price(
    rate: Any, kappa: Any, theta: Any, sigma: Any, tau: Any
) -> Any:
    """The log price of a zero-coupon bond, the rate ``kappa (theta - r)``.

    ``-B rate - (tau - B) theta + (sigma**2/2) integral of B**2`` with
    ``B = vasicek_duration(kappa, tau)``; ``-tau rate + sigma**2 tau**3/6``
    at kappa = 0.

    Args:
        rate: the short rate now.
        kappa: the speed of reversion, any finite numbers.
        theta: the rate's mean under the pricing measure.
        sigma: its volatility.
        tau: numbers >= 0, the time to maturity.  All five broadcast.

    Returns:
        As `vasicek_duration`; 0 at tau = 0, with gradient -rate by tau.
        The gradient by kappa is ``(rate - theta) tau**2/2 - sigma**2
        tau**4/8`` at kappa = 0.  For tau < 0, infinities and nan the value
        is nan and the gradient 0.

    Raises:
        TypeError, ValueError: as `vasicek_duration`.

    Example:
        >>> ks.recipes.vasicek_log_price(0.03, 1e-9, 0.05, 0.01, 10.0)

    Source: Vasicek, *An equilibrium characterization of the term structure*,
    J. Financial Economics 5, 1977, equation (27); Brigo and Mercurio,
    *Interest Rate Models*, 2nd ed., section 3.2.1.
    """
    return _LOG_PRICE(rate, kappa, theta, sigma, tau)
