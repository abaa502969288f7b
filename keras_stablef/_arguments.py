"""Checks of what losses and metrics are given, beside tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from numbers import Real
from typing import Any

import keras


def checked_shifts(shifts: Iterable[float]) -> tuple[float, ...]:
    """The numbers s of ``sum over s of f(y_pred + s)``.

    Raises:
        TypeError: no sequence of real numbers.
        ValueError: none, or one that is not finite.
    """
    if isinstance(shifts, (str, bytes)) or not isinstance(shifts, Iterable):
        raise TypeError(
            f"Bad shifts: expected a sequence of numbers, received {shifts!r}."
        )
    found = tuple(shifts)
    for shift in found:
        if isinstance(shift, bool) or not isinstance(shift, Real):
            raise TypeError(
                f"Bad shifts: expected real numbers, received {shift!r} "
                f"in {found!r}."
            )
    try:
        numbers = tuple(float(s) for s in found)
    except OverflowError:  # an integer above every float
        numbers = (math.inf,)
    if not numbers or not all(math.isfinite(s) for s in numbers):
        raise ValueError(
            "Bad shifts: expected at least one number, all finite; "
            f"received {found!r}."
        )
    return numbers


def base_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """The function (y_true, y_pred) -> values, last axis reduced.

    Raises:
        ValueError: no loss that Keras knows.
    """
    try:
        found = keras.losses.get(loss)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            "Unknown loss: expected a Keras loss, its name or its "
            f"configuration, received {loss!r} ({error})."
        ) from None
    if isinstance(found, type):
        found = found()
    if isinstance(found, keras.losses.Loss):
        return found.call  # type: ignore[no-any-return]
    if not callable(found):
        raise ValueError(
            f"Unknown loss: expected a Keras loss, its name or its "
            f"configuration, received {loss!r}."
        )
    return found  # type: ignore[no-any-return]
