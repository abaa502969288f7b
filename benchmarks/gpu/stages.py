"""What runs: processes, what each needs, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One process.

    Attributes:
        name: what `--stages` calls it.
        module: of this package, what is run.
        backend: of Keras in it.
        needs: importable names, beside what all need.
    """

    name: str
    module: str
    backend: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Processes that run at the same time, and the seconds they have.

    What a group leaves of its time the next ones have.
    """

    seconds: float
    stages: tuple[Stage, ...]


GENERATOR = ("flint", "sympy", "mpmath")

# First what is compiled most; the clock is looked at where nothing else runs.
GROUPS = (
    Group(
        130,
        (
            Stage("kernels", "kernels", "torch"),
            Stage("jax accuracy", "accuracy_jax", "jax"),
        ),
    ),
    Group(
        110,
        (
            Stage("torch accuracy", "accuracy_torch", "torch"),
            Stage("torch saved", "saved_torch", "torch", ("ruff",)),
            Stage("torch narrow", "narrow", "torch"),
            Stage("jax narrow", "narrow", "jax"),
            Stage("torch functions", "functions", "torch", GENERATOR),
            Stage("jax functions", "functions", "jax", GENERATOR),
            Stage("torch tests", "tested", "torch", (*GENERATOR, "pytest")),
            Stage("jax tests", "tested", "jax", (*GENERATOR, "pytest")),
        ),
    ),
    Group(45, (Stage("jax speed", "speed_jax", "jax", GENERATOR),)),
    Group(45, (Stage("torch speed", "speed_torch", "torch", GENERATOR),)),
)
SECONDS = 340.0  # of all of them, with 10 more to start and to write


def chosen(names: list[str]) -> tuple[Group, ...]:
    """The groups, of some stages only."""
    if not names:
        return GROUPS
    known = {stage.name for group in GROUPS for stage in group.stages}
    for name in names:
        if name not in known:
            raise ValueError(
                f"No such stage: expected one of {', '.join(sorted(known))}, "
                f"received {name!r}."
            )
    groups = [
        Group(g.seconds, tuple(s for s in g.stages if s.name in names))
        for g in GROUPS
    ]
    return tuple(group for group in groups if group.stages)
