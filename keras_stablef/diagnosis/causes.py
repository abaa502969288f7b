"""Why a result is bad at one x: the operation that makes it so, in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import keras
import numpy as np

from .running import Array
from .running import Runner
from .running import as_array
from .running import pulled

KEPT = 0.5  # of the digits: gradients that cancel to fewer are named
SEEN = 64.0  # times as far off as its operands: what an operation lost


# Whose slopes are beyond all floats where they themselves are not yet.
UNBOUNDED = ("Divide", "TrueDivide", "Log", "Power", "Reciprocal", "Sqrt")


class Walk:
    """One x through the steps of a function, forwards and backwards."""

    def __init__(self, steps: Any, runner: Runner, x: float) -> None:
        self.steps, self.x = steps, x
        self.values: dict[int, Any] = {
            steps.argument: runner.tensor(np.array([x]))
        }
        self.texts: dict[int, str] = {steps.argument: "x"}
        for step in steps.steps:
            self.texts[step.key] = step.text
            self.values[step.key] = self._call(step)()

    def _call(self, step: Any) -> Callable[..., Any]:
        """The operation, as a function of its tensors in order."""
        keys = self.needs(step)

        def run(*tensors: Any) -> Any:
            given = dict(zip(keys, tensors, strict=True)) if tensors else {}

            def filled(arg: Any) -> Any:
                if isinstance(arg, keras.KerasTensor):
                    return given.get(id(arg), self.values[id(arg)])
                return arg

            args = keras.tree.map_structure(filled, list(step.args))
            return step.operation(*args)

        return run

    def needs(self, step: Any) -> list[int]:
        """The keys of tensors that a step is of, each once."""
        flat = keras.tree.flatten(list(step.args))
        keys = [id(a) for a in flat if isinstance(a, keras.KerasTensor)]
        return list(dict.fromkeys(keys))

    def number(self, key: int) -> float:
        """The value of a step."""
        return float(as_array(self.values[key]).reshape(-1)[0])

    # -- forwards --------------------------------------------------------

    def first_not_finite(self, among: set[int] | None = None) -> Any:
        """The first step that makes no number of numbers."""
        for step in self.steps.steps:
            if among is not None and step.key not in among:
                continue
            if math.isfinite(self.number(step.key)):
                continue
            if all(math.isfinite(self.number(k)) for k in self.needs(step)):
                return step
        return None

    def origin(self, step: Any) -> str:
        """What a step that is not finite does, as a clause."""
        needs = [self.number(k) for k in self.needs(step)]
        text = self.texts[step.key]
        if "Divide" in step.kind and 0.0 in needs:
            return f"{text} divides by 0"
        if step.kind == "Reciprocal" or (step.kind == "Log" and 0.0 in needs):
            return f"{text} is taken of 0"
        value = self.number(step.key)
        if math.isinf(value):
            return f"{text} overflows to {value:g}"
        return f"{text} is nan where x = {self.x:.6g}"

    def value_not_finite(self) -> str:
        first = self.first_not_finite()
        if first is None:
            return ""
        clause = self.origin(first)
        for step in self.steps.steps:
            if not math.isnan(self.number(step.key)):
                continue
            needs = [self.number(k) for k in self.needs(step)]
            if not any(math.isnan(v) for v in needs) and step is not first:
                sign = {"Subtract": "-", "Add": "+", "Multiply": "*"}
                between = sign.get(step.kind, "/")
                said = f" {between} ".join(f"{v:g}" for v in needs[:2])
                return f"{clause}, and {self.texts[step.key]} is {said}"
        return clause

    def digits_lost(self) -> str:
        """The step that loses them, by the exact values of all steps."""
        errors: dict[int, float] = {self.steps.argument: 0.0}
        tiny = float(np.finfo(np.float64).tiny)
        worst, found = 0.0, None
        unit = _unit(self.values[self.steps.argument])
        for step in self.steps.steps:
            exact = self.steps.exact(step, self.x)
            if exact is None:
                continue
            want = float(exact.mid())
            gap = abs(self.number(step.key) - want) / max(abs(want), tiny)
            errors[step.key] = gap
            before = [errors.get(k, 0.0) for k in self.needs(step)]
            ratio = gap / max([unit, *before])
            if ratio > worst:
                worst, found = ratio, step
        if found is None or worst < SEEN:
            return ""
        needs = self.needs(found)
        left = max(0, round(-math.log10(max(errors[found.key], tiny))))
        digits = round(-math.log10(unit))
        kept = f"keeps {left} of {digits} digits" if left else "keeps no digit"
        if found.kind in ("Subtract", "Add"):
            size = max([abs(self.number(k)) for k in needs], default=1.0)
            return (
                f"{self.texts[found.key]} subtracts numbers near "
                f"{size:.3g} and {kept}"
            )
        return f"{self.texts[found.key]} {kept}"

    # -- backwards -------------------------------------------------------

    def gradient(self) -> str:
        """What spoils the gradient."""
        arrived: dict[int, list[Any]] = {self.steps.result: [None]}
        for step in reversed(self.steps.steps):
            if step.key not in arrived:
                continue
            upstream = _sum(arrived[step.key])
            keys = [k for k in self.needs(step) if self._floats(k)]
            if not keys:
                continue
            run = self._call_of(step, keys)
            _, found = pulled(run, [self.values[k] for k in keys], upstream)
            for key, one in zip(keys, found, strict=True):
                if not np.isfinite(as_array(one)).all():
                    return self._spoiled(step, upstream)
                arrived.setdefault(key, []).append(one)
        return self._cancelled(arrived)

    def _call_of(self, step: Any, keys: list[int]) -> Callable[..., Any]:
        run, needs = self._call(step), self.needs(step)

        def called(*tensors: Any) -> Any:
            given = dict(zip(keys, tensors, strict=True))
            return run(*(given.get(k, self.values[k]) for k in needs))

        return called

    def _floats(self, key: int) -> bool:
        dtype = keras.backend.standardize_dtype(self.values[key].dtype)
        return bool(keras.backend.is_float_dtype(dtype))

    def _spoiled(self, step: Any, upstream: Any) -> str:
        """A step whose gradient is not finite, of one that is."""
        size = 1.0 if upstream is None else float(_flat(upstream)[0])
        before = self._before(step.key)
        first = self.first_not_finite(before)
        if first is not None:
            clause = self.origin(first)
        else:
            text = self.texts[step.key]
            clause = (
                f"the slope of {text} overflows"
                if step.kind in UNBOUNDED
                else f"the backend's own gradient of {text} fails"
            )
        if size == 0:
            clause += " and the backward pass multiplies it by 0"
        branch = self._not_taken(step.key)
        return clause + (f", in the branch that {branch} did not take"
                         if branch else "")  # fmt: skip

    def _before(self, key: int) -> set[int]:
        """A step and all that it is of."""
        by_key = {step.key: step for step in self.steps.steps}
        found: set[int] = set()
        stack = [key]
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                if one in by_key:
                    stack += self.needs(by_key[one])
        return found

    def _not_taken(self, key: int) -> str:
        """The where that does not take what comes through a step."""
        for step in self.steps.steps:
            if step.kind != "Where":
                continue
            truth, *branches = step.args
            taken = bool(_flat(self.values[id(truth)])[0])
            one, other = branches if taken else branches[::-1]
            inside = key in self._before(id(other))
            if inside and key not in self._before(id(one)):
                return "`where`"
        return ""

    def patched(self) -> str:
        """What stands in the formula's place."""
        guards = {guard.symbol: guard for guard in self.steps.guards.found}
        for step in reversed(self.steps.steps):
            guard = step.term and guards.get(step.term.literal)
            if not guard or not guard.stands:
                continue
            if not self.steps.guards.at(Fraction(self.x), guard.active):
                continue
            if step.kind != "Where":
                return f"{step.kind.lower()} holds the formula off there"
            truth, *branches = step.args
            taken = bool(_flat(self.values[id(truth)])[0])
            one = branches[0 if taken else 1]
            text = self.texts.get(id(one), str(one))
            return f"`where` takes {text} there, which is another function"
        return ""

    def _cancelled(self, arrived: dict[int, list[Any]]) -> str:
        """The tensor at which what arrives cancels most."""
        worst, said = 1.0, ""
        unit = _unit(self.values[self.steps.argument])
        for key, parts in arrived.items():
            sizes = [float(_flat(p)[0]) for p in parts if p is not None]
            total, most = abs(sum(sizes)), max(map(abs, sizes), default=0.0)
            if len(sizes) > 1 and most > 0 and total / most < worst:
                worst = total / most
                one, two = sorted(sizes, key=abs)[-2:]
                said = (
                    f"two ways lead back to {self.texts[key]}, with "
                    f"{one:.3g} and {two:.3g}, which cancel"
                )
        return said if worst < unit**KEPT else ""


def _sum(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _flat(tensor: Any) -> Array:
    return as_array(tensor).reshape(-1)


def _unit(tensor: Any) -> float:
    name = keras.backend.standardize_dtype(tensor.dtype)
    return {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8}.get(
        name, 2.0**-11
    )


def cause(steps: Any, runner: Runner, x: float, order: int, lost: bool) -> str:
    """Why the value or the gradient is bad at x; "" where nobody knows."""
    walk = Walk(steps, runner, x)
    if order:
        why = walk.gradient() or (walk.digits_lost() if lost else "")
    else:
        why = walk.digits_lost() if lost else walk.value_not_finite()
    return why or (walk.patched() if lost else "")
