"""One forward and backward pass through a model: the first bad layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .._exact import reference
from .._exact import shipped_like
from .._exact import steps_of
from .causes import cause
from .findings import Diagnosis
from .findings import Finding
from .running import DIFFERENTIATE
from .running import Runner
from .running import as_array
from .running import pulled

ALL_REALS = ("-oo", "oo")


class Named:
    """What is bad in a model, in words."""

    model: Any

    def diagnosis(self, found: tuple[Finding, str] | None, y: Any) -> Diagnosis:
        findings, cure = ((found[0],), found[1]) if found else ((), "")
        return Diagnosis(
            self.model.name,
            keras.backend.backend(),
            keras.config.floatx(),
            findings,
            "one batch forwards" + (" and backwards" if y is not None else ""),
            cure,
        )

    def loss(self) -> Callable[[Any, Any], Any] | None:
        """The loss that the model was compiled with."""
        given = getattr(self.model, "loss", None)
        if given is None:
            return None
        return keras.losses.get(given) if isinstance(given, str) else given

    def bad_loss(
        self, loss: Any, y: Any, predicted: Any, slope: Any, value: Any
    ) -> tuple[Finding, str]:
        """The place in the batch where the loss itself goes wrong."""
        label = getattr(loss, "name", None) or getattr(loss, "__name__", "loss")
        call = loss.call if isinstance(loss, keras.losses.Loss) else loss
        flat = as_array(predicted).reshape(-1)
        order = 0 if not np.isfinite(as_array(value)) else 1
        at = 0
        if order or not np.isfinite(slope).all():
            at = int(np.flatnonzero(~np.isfinite(slope).reshape(-1))[0])
        true = float(np.broadcast_to(as_array(y), slope.shape).reshape(-1)[at])

        def function(x: Any) -> Any:
            return call(keras.ops.full_like(x, true), x)

        function.__name__ = str(label)
        why, cure = _explained(function, float(flat[at]), order, True)
        kind = "nan" if np.isnan(slope).any() else "inf"
        said = f"loss {label} at y_true = {true:.6g}: {why}".rstrip(": ")
        x = float(flat[at])
        return Finding(order, kind, x, x, math.inf, x, said), cure

    def named(
        self, layer: Any, before: Any, at: int, order: int, kind: str
    ) -> tuple[Finding, str]:
        """A layer, and the operation in it, at one place of the batch."""
        where = f"layer {layer.name} ({type(layer).__name__})"
        function = getattr(layer, "activation", None) or getattr(
            layer, "function", None
        )
        if isinstance(layer, keras.layers.Activation):
            function = layer.activation
        given = None if before is None else self._given(layer, before)
        if given is None or not callable(function):
            return Finding(order, kind, math.nan, math.nan, math.inf,
                           math.nan, where), ""  # fmt: skip
        values = as_array(given).reshape(-1)
        # Of layers that mix places the first place that is bad by itself.
        x = float(values[at]) if at < values.size else float(values[0])
        runner = Runner(function, keras.config.floatx())
        with np.errstate(all="ignore"):
            alone = runner.run(values.astype(np.float64))[order]
        bad = np.flatnonzero(~np.isfinite(alone))
        if bad.size:
            x = float(values[bad[0]])
        why, cure = _explained(function, x, order, False)
        said = f"{where}: {why}".rstrip(": ")
        return Finding(order, kind, x, x, math.inf, x, said), cure

    def _given(self, layer: Any, before: Any) -> Any:
        """What the activation of a layer is applied to."""
        if isinstance(layer, (keras.layers.Activation, keras.layers.Lambda)):
            return before
        if not hasattr(layer, "activation"):
            return None
        own = layer.activation
        layer.activation = keras.activations.linear
        try:
            return layer(before)
        finally:
            layer.activation = own


class Pass(Named):
    """The batch through a graph, layer by layer."""

    def __init__(self, model: Any, graph: Any, layers: list[Any]) -> None:
        self.model, self.layers = model, layers
        self.probe = keras.Model(
            graph.inputs, [layer.output for layer in layers]
        )
        self.graph = graph

    def run(self, x: Any, y: Any) -> Diagnosis:
        outputs = self.probe(keras.tree.map_structure(tensor, x))
        outputs = outputs if isinstance(outputs, list) else [outputs]
        given = dict(
            zip((id(v.output) for v in self.layers), outputs, strict=True)
        )
        first = keras.tree.map_structure(tensor, x)
        given[id(self.graph.inputs[0])] = (
            first[0] if isinstance(first, list) else first
        )
        found = self._forward(given)
        if found is None and y is not None:
            loss = self.loss()
            if loss is not None:
                found = self._backward(given, loss, tensor(y))
        return self.diagnosis(found, y)

    def _forward(self, given: dict[int, Any]) -> tuple[Finding, str] | None:
        """The first layer that makes a bad tensor of a good one."""
        for layer in self.layers:
            out = as_array(given[id(layer.output)])
            if np.isfinite(out).all():
                continue
            before = given.get(id(_input_of(layer)))
            kind = "nan" if np.isnan(out).any() else "inf"
            at = int(np.flatnonzero(~np.isfinite(out).reshape(-1))[0])
            return self.named(layer, before, at, 0, kind)
        return None

    def _backward(
        self, given: dict[int, Any], loss: Any, y: Any
    ) -> tuple[Finding, str] | None:
        """The first part, from the loss on, that makes a gradient bad."""
        if keras.backend.backend() not in DIFFERENTIATE:
            return None

        def total(p: Any) -> Any:
            return keras.ops.mean(loss(y, p))

        predicted = given[id(self.layers[-1].output)]
        value, (slope,) = pulled(total, [predicted])
        numbers = as_array(slope)
        if not (np.isfinite(numbers).all() and np.isfinite(as_array(value))):
            return self.bad_loss(loss, y, predicted, numbers, value)
        for layer in reversed(self.layers):
            before = given.get(id(_input_of(layer)))
            if before is None:
                continue
            rest = keras.Model(_input_of(layer), self.layers[-1].output)

            def after(h: Any, rest: Any = rest) -> Any:
                return total(rest(h))

            _, (slope,) = pulled(after, [before])
            numbers = as_array(slope)
            if np.isfinite(numbers).all():
                continue
            kind = "nan" if np.isnan(numbers).any() else "inf"
            at = int(np.flatnonzero(~np.isfinite(numbers).reshape(-1))[0])
            return self.named(layer, before, at, 1, kind)
        return None


def _explained(
    function: Any, x: float, order: int, column: bool
) -> tuple[str, str]:
    """Why a function is bad at x, and what cures it."""
    dtype = keras.config.floatx()
    shape = (None, 1) if column else (None,)
    try:
        steps = steps_of(function, ALL_REALS, dtype, shape)
    except (ValueError, ImportError):
        return "", ""
    runner = Runner(function, dtype, column)
    with np.errstate(all="ignore"):
        why = cause(steps, runner, x, order, False)
    error, text, _ = reference(steps.formula, ALL_REALS, dtype)
    if error(order, x, math.nan) is None:
        return why, f"{text} has no value there: hold x in its domain"
    name = getattr(function, "__name__", "function")
    known = shipped_like(text)
    if known and not column:
        return why, f"ks.ops.{known}"
    if column:
        return why, f'ks.stabilize("{text}") in the loss'
    name = name if str(name).isidentifier() else "the function"
    return why, f"ks.stabilize({name})"


def _input_of(layer: Any) -> Any:
    found = layer.input
    return found[0] if isinstance(found, (list, tuple)) else found


def tensor(x: Any) -> Any:
    return keras.ops.convert_to_tensor(x)
