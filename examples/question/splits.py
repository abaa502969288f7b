"""The cured run on other customers than those its setting was chosen by."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.table import Table

from examples.question.data import load
from examples.question.train import VARIANTS
from examples.question.train import Setting
from examples.question.train import best_constant
from examples.question.train import train

OURS = VARIANTS[-1]


@dataclass(frozen=True)
class Split:
    """Losses on held-out customers, of one way to draw them."""

    seed: int
    ours: float
    constant: float

    @property
    def less(self) -> float:
        """What part of the constant's loss is gone."""
        return 1 - self.ours / self.constant


def splits(
    setting: Setting, epochs: int, seeds: range, tick: Callable = lambda: None
) -> list[Split]:
    """Train on each; the setting was chosen on seed 0's customers."""
    found = []
    for seed in seeds:
        data = load(setting.days, seed)
        run = train(OURS, setting, data, epochs, tick)
        last = run.validation[-1]
        found.append(Split(seed, last, best_constant(data)))
    return found


def splits_table(found: list[Split], title: str) -> Table:
    """One row a split."""
    table = Table(title=title)
    for head in ("split", OURS.name, "best constant", "less by"):
        table.add_column(head, justify="right")
    for one in found:
        table.add_row(
            str(one.seed),
            f"{one.ours:.3g}",
            f"{one.constant:.3g}",
            f"{100 * one.less:.0f}%",
        )
    return table
