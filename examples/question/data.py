"""CDNOW purchase histories, as shipped inside the wheel of ``lifetimes``.

One customer is a sequence of purchases, 1 to 56 of them: that is the
variable length.  The model sees the first 39 weeks and predicts in what
share of the days, or of the weeks, of the 39 weeks after them the customer
buys again.  For most that is 0, and for nearly all it is close to 0.
"""

from dataclasses import dataclass
from datetime import date
from importlib.metadata import files

import numpy as np

START = date(1997, 1, 1)
WEEKS_SEEN = 39
WEEKS_AHEAD = 39
FEATURES = 5
FILE = "CDNOW_sample.txt"


@dataclass(frozen=True)
class Histories:
    """``events[i]`` is (purchases, FEATURES); ``target`` is in [0, 1]."""

    events: list[np.ndarray]
    target: np.ndarray

    def padded(self, dtype: str = "float32") -> np.ndarray:
        """All histories as one array, short ones filled up with zeros."""
        longest = max(map(len, self.events))
        out = np.zeros((len(self.events), longest, FEATURES), dtype)
        for row, events in zip(out, self.events, strict=True):
            row[: len(events)] = events
        return out

    def ragged(self, dtype: str = "float32"):
        """The same as a ``tf.RaggedTensor``, with nothing filled up."""
        import tensorflow as tf

        return tf.RaggedTensor.from_row_lengths(
            np.concatenate(self.events).astype(dtype),
            [len(events) for events in self.events],
        )


def _read() -> dict[str, list[tuple[float, int, float]]]:
    """Customer -> [(week, CDs bought, dollars)], in order of time."""
    # The file is looked up and not imported: importing ``lifetimes`` needs
    # pkg_resources, which new setuptools no longer has.
    found = [f for f in files("lifetimes") or [] if f.name == FILE]
    if not found:
        raise FileNotFoundError(
            f"{FILE} not found in package 'lifetimes'; "
            "install the extra: pip install keras-stablef[demo]"
        )
    customers: dict[str, list[tuple[float, int, float]]] = {}
    for line in found[0].read_text().splitlines():
        _, customer, day, cds, dollars = line.split()
        when = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        week = (when - START).days / 7
        purchase = (week, int(cds), float(dollars))
        customers.setdefault(customer, []).append(purchase)
    return customers


def load(days: int, seed: int = 0) -> tuple[Histories, Histories]:
    """Training and validation customers (4 : 1), shuffled once.

    Args:
        days: of a period: the target is the share of periods with a purchase.
    """
    events, target = [], []
    for purchases in _read().values():
        seen = [p for p in purchases if p[0] < WEEKS_SEEN]
        weeks = np.array([p[0] for p in seen])
        events.append(
            np.stack(
                [
                    np.log1p(WEEKS_SEEN - weeks),  # how long ago
                    np.log1p(np.diff(weeks, prepend=weeks[0])),  # the gap
                    np.log(np.arange(1, len(seen) + 1)),  # which purchase
                    np.log1p([p[1] for p in seen]),
                    np.log1p([p[2] for p in seen]),
                ],
                axis=-1,
            )
        )
        ahead = {
            round(7 * p[0]) // days for p in purchases if p[0] >= WEEKS_SEEN
        }
        target.append(len(ahead) * days / (7 * WEEKS_AHEAD))
    order = np.random.default_rng(seed).permutation(len(events))
    cut = len(order) * 4 // 5
    return tuple(
        Histories(
            [events[i] for i in part],
            np.array([target[i] for i in part], "float32")[:, None],
        )
        for part in (order[:cut], order[cut:])
    )
