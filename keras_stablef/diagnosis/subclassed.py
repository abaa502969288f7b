"""One forward and backward pass through a model that has no graph.

Its layers are watched while it runs.  To the input and to the output of each
a tensor of zeros is added, of which there is a gradient in one backward pass:
what reaches them is what comes back to the layer and what it hands on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .._derived import refusal
from .._derived import shown
from .findings import Diagnosis
from .findings import Finding
from .models import Named
from .models import Pass
from .models import tensor
from .running import DIFFERENTIATE
from .running import as_array
from .running import pulled

Noted = Callable[[Any, int, Any], Any]


def diagnose_model(model: Any, x: Any, y: Any) -> Diagnosis:
    """See `diagnose`."""
    if x is None:
        raise refusal(
            "Cannot diagnose a model: expected a batch, as diagnose(model, x, "
            "y), received none."
        )
    if not model.built or not hasattr(model, "operations"):
        model(keras.tree.map_structure(tensor, x))
    graph = getattr(model, "_functional", None) or model
    layers = [
        layer
        for layer in getattr(graph, "layers", [])
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    if layers and hasattr(graph, "inputs"):
        return Pass(model, graph, layers).run(x, y)
    return Watched(model).run(x, y)


@dataclass
class _Step:
    """One call of a layer.

    Attributes:
        given, made: what went in first, and what came out.
    """

    layer: Any
    given: Any
    made: Any = None


class Watched(Named):
    """A model whose layers are seen only while it runs."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = [
            layer
            for layer in model._flatten_layers(include_self=False)
            if not list(layer._flatten_layers(include_self=False))
        ]

    def run(self, x: Any, y: Any) -> Diagnosis:
        """See `diagnose`."""
        x = keras.tree.map_structure(tensor, x)
        steps: list[_Step] = []

        def noted(layer: Any, end: int, value: Any) -> Any:
            if not end:
                steps.append(_Step(layer, value))
            else:
                last = next(s for s in reversed(steps) if s.layer is layer)
                last.made = value
            return value

        with self._watched(noted):
            result = self.model(x)
        if not keras.ops.is_tensor(result):
            raise refusal(
                "Cannot diagnose this model: expected one that gives a "
                f"tensor, received {shown(type(result).__name__)}."
            )
        found = self._forward(steps, result)
        loss = self.loss()
        if found is None and y is not None and loss is not None:
            found = self._backward(steps, x, tensor(y), result, loss)
        return self.diagnosis(found, y)

    @contextmanager
    def _watched(self, noted: Noted) -> Iterator[None]:
        """What goes into the layers and comes out of them is `noted`."""
        try:
            for layer in self.layers:
                vars(layer)["call"] = _noting(layer, layer.call, noted)
            yield
        finally:
            for layer in self.layers:
                vars(layer).pop("call", None)

    def _forward(
        self, steps: list[_Step], result: Any
    ) -> tuple[Finding, str] | None:
        """The first layer that makes a bad tensor of a good one."""
        for k, step in enumerate(steps):
            for end, value in enumerate((step.given, step.made)):
                at = _bad(value)
                if at is None:
                    continue
                if end:
                    before = step.given
                    return self.named(step.layer, before, at[0], 0, at[1])
                return self._between(steps[:k], 0, at[1])
        at = _bad(result)
        return None if at is None else self._between(steps, 0, at[1])

    def _between(
        self, steps: list[_Step], order: int, kind: str
    ) -> tuple[Finding, str]:
        """The code of the model itself, which has no name but its place."""
        where = f"{type(self.model).__name__}.call, "
        where += f"after layer {steps[-1].layer.name}" if steps else "at first"
        said = f"{where}: what it computes itself, outside of its layers"
        nowhere = math.nan
        finding = Finding(
            order, kind, nowhere, nowhere, math.inf, nowhere, said
        )
        return finding, "ks.diagnose(function) of what it computes there"

    def _backward(
        self, steps: list[_Step], x: Any, y: Any, result: Any, loss: Any
    ) -> tuple[Finding, str] | None:
        """The first part, from the loss on, that makes a gradient bad."""
        if keras.backend.backend() not in DIFFERENTIATE:
            return None

        def total(p: Any) -> Any:
            return keras.ops.mean(loss(y, p))

        value, (slope,) = pulled(total, [result])
        numbers = as_array(slope)
        if _bad(slope) or _bad(value):
            return self.bad_loss(loss, y, result, numbers, value)
        watched = [
            (step, end)
            for step in steps
            for end in (0, 1)
            if _is_float((step.given, step.made)[end])
        ]
        zeros = [
            keras.ops.zeros_like((step.given, step.made)[end])
            for step, end in watched
        ]

        def again(*added: Any) -> Any:
            left = list(zip(watched, added, strict=True))

            def noted(layer: Any, end: int, value: Any) -> Any:
                if left and left[0][0][0].layer is layer:
                    if left[0][0][1] == end:
                        return value + left.pop(0)[1]
                return value

            with self._watched(noted):
                return total(self.model(x))

        _, slopes = pulled(again, zeros)
        for k in reversed(range(len(watched))):
            at = _bad(slopes[k])
            if at is None:
                continue
            step, end = watched[k]
            if end:  # what took its output on is no layer
                later = steps.index(step) + 1
                return self._between(steps[:later], 1, at[1])
            return self.named(step.layer, step.given, at[0], 1, at[1])
        return None


def _noting(layer: Any, call: Any, noted: Noted) -> Callable[..., Any]:
    def watched(*args: Any, **given: Any) -> Any:
        if args:
            args = (noted(layer, 0, args[0]), *args[1:])
        else:
            noted(layer, 0, None)
        return noted(layer, 1, call(*args, **given))

    return watched


def _is_float(value: Any) -> bool:
    return keras.ops.is_tensor(value) and keras.backend.is_float_dtype(
        keras.backend.standardize_dtype(value.dtype)
    )


def _bad(value: Any) -> tuple[int, str] | None:
    """The first place that is not finite, and what is there or elsewhere."""
    if not _is_float(value):
        return None
    numbers = as_array(value).reshape(-1)
    where = np.flatnonzero(~np.isfinite(numbers))
    if not where.size:
        return None
    return int(where[0]), "nan" if np.isnan(numbers).any() else "inf"
