"""Checks of what losses and metrics are given, beside tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from itertools import islice
from numbers import Real
from typing import Any

import keras

from ._derived import shown

MOST_SHIFTS = 1000  # each is a call of the op in the graph


def checked_shifts(shifts: Iterable[float]) -> tuple[float, ...]:
    """The numbers s of ``sum over s of f(y_pred + s)``.

    Raises:
        TypeError: no sequence of real numbers.
        ValueError: none, too many, or one that is not finite.
    """
    if isinstance(shifts, (str, bytes)) or not isinstance(shifts, Iterable):
        raise TypeError(
            "Bad shifts: expected a sequence of numbers, received "
            f"{shown(shifts)}."
        )
    try:
        found = tuple(islice(shifts, MOST_SHIFTS + 1))
    except Exception as error:  # of a foreign object, a symbolic tensor say
        raise TypeError(
            "Bad shifts: expected a sequence of numbers, received "
            f"{shown(shifts)} ({type(error).__name__}: {error})."
        ) from None
    if len(found) > MOST_SHIFTS:
        raise ValueError(
            f"Bad shifts: expected at most {MOST_SHIFTS} numbers, received "
            "more."
        )
    for shift in found:
        if isinstance(shift, bool) or not isinstance(shift, Real):
            raise TypeError(
                f"Bad shifts: expected real numbers, received {shown(shift)} "
                f"in {shown(found)}."
            )
    try:
        numbers = tuple(float(s) for s in found)
    except OverflowError:  # an integer above every float
        numbers = (math.inf,)
    if not numbers or not all(math.isfinite(s) for s in numbers):
        raise ValueError(
            "Bad shifts: expected at least one number, all finite; "
            f"received {shown(found)}."
        )
    return numbers


def check_words(name: Any, reduction: Any = None) -> None:
    """What Keras takes unseen, and a configuration may be anybody's.

    Raises:
        ValueError: one of them is neither text nor None.
    """
    for word, value in (("name", name), ("reduction", reduction)):
        if value is not None and not isinstance(value, str):
            raise ValueError(
                f"Bad {word}: expected text or None, received {shown(value)}."
            )


def base_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """The function (y_true, y_pred) -> values, last axis reduced.

    Raises:
        ValueError: no loss that Keras knows.
    """
    if not isinstance(loss, (str, dict)) and not callable(loss):
        raise _unknown(loss)
    try:
        found = keras.losses.get(loss)
        if isinstance(found, type):
            found = found()
    except Exception as error:  # of whatever class or configuration it is
        raise _unknown(loss, f" ({type(error).__name__}: {error})") from None
    if isinstance(found, keras.losses.Loss):
        if type(found).call is keras.losses.Loss.call:
            raise _unknown(loss, ", which has no `call`")
        return found.call  # type: ignore[no-any-return]
    if not callable(found):
        raise _unknown(loss)
    return found  # type: ignore[no-any-return]


def _unknown(loss: Any, why: str = "") -> ValueError:
    return ValueError(
        "Unknown loss: expected a Keras loss, its name or its configuration, "
        f"received {shown(loss)}{why}."
    )
