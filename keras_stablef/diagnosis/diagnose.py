"""`diagnose`: where a function, a loss or a model goes wrong, and why."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from .._derived import entry
from .._derived import refusal
from .._derived import shown
from .._exact import Errors
from .._exact import array_type
from .._exact import reference
from .._exact import shipped_like
from .._exact import steps_of
from .._op import StableOp
from .causes import cause
from .findings import Diagnosis
from .findings import Finding
from .running import Array
from .running import Runner
from .search import edge
from .search import filled
from .search import form_of
from .search import points
from .search import runs

ALL_REALS = ("-oo", "oo")
DTYPES = ("float16", "bfloat16", "float32", "float64")


def diagnose(
    target: Any,
    x: Any = None,
    y: Any = None,
    *,
    domain: tuple[object, object] | None = None,
    formula: Any = None,
    dtype: str | None = None,
    y_true: float = 0.0,
) -> Diagnosis:
    """Finds the inputs where a value or a gradient is nan, inf or noise.

    Numbers of all magnitudes are tried, and the edge of each bad interval is
    found to the last float.  Results are compared with the exact function
    where the target can be read as `stabilize` reads it, or `formula` says
    what it is; else with the target in float64.  Where it can be read the
    cause is named, too.

    Args:
        target: a function of one tensor (over anything that runs on the
            active backend), a `StableOp`, a Keras loss (an object or a
            function of y_true and y_pred), or a model.
        x, y: of a model, the batch that it goes wrong on; see below.
        domain: where to look, all reals by default; see `stabilize`.
        formula: what the target is meant to compute: text, sympy, or the
            name of an op that ships.
        dtype: to run it in, `keras.config.floatx()` by default.
        y_true: of a loss, the one that y_pred goes beside.

    Returns:
        A `Diagnosis`: ``print`` shows it as a table, ``.findings`` has what
        is wrong, ``.ok`` says whether nothing is, ``.cure`` what to write,
        and ``.plot(path)`` draws the errors.  Of a model it is one forward
        and backward pass: the first layer and operation that makes a number
        that is not finite.

    Raises:
        ValueError: no such dtype, a formula that cannot be read, a model
            without data, or a function that fails, gives no floats of its
            argument's shape, or makes a number depend on the others.

    Example:
        >>> f = lambda x: 1 / (1 - keras.ops.exp(-x)) - 1 / x
        >>> print(ks.diagnose(f))
        >>> print(ks.diagnose(keras.losses.LogCosh()))
        >>> print(ks.diagnose(model, x, y))
    """
    if isinstance(target, keras.Model):
        from .subclassed import diagnose_model

        return diagnose_model(target, x, y)
    if inspect.isclass(target):
        raise refusal(
            "Cannot diagnose a class: expected a function, a Keras loss or a "
            f"model, received {shown(target)}; an object of it may be one."
        )
    if not callable(target):
        raise refusal(
            "Cannot diagnose: expected a function, a Keras loss or a model, "
            f"received {shown(target)}."
        )
    dtype = dtype or keras.config.floatx()
    if dtype not in DTYPES:
        raise refusal(
            f"Cannot diagnose in this dtype: expected one of "
            f"{', '.join(DTYPES)}, received {shown(dtype)}."
        )
    runner = Runner(*_elementwise(target, y_true, dtype))
    if not isinstance(target, StableOp):
        runner.refuse_others()
    return _Search(target, runner, domain, formula).run()


def _elementwise(
    target: Any, y_true: float, dtype: str
) -> tuple[Callable[[Any], Any], str, bool]:
    """The target as a function of one tensor."""
    call = target.call if isinstance(target, keras.losses.Loss) else target
    try:
        names = list(inspect.signature(call).parameters)
    except (TypeError, ValueError):
        names = []
    if names[:2] != ["y_true", "y_pred"]:
        return target, dtype, False

    def loss(x: Any) -> Any:
        return call(keras.ops.full_like(x, y_true), x)

    loss.__name__ = name_of(target)
    return loss, dtype, True


def name_of(target: Any) -> str:
    """Of a function, an op or a class, for people."""
    name = getattr(target, "__name__", None) or getattr(target, "name", None)
    return name if isinstance(name, str) else type(target).__name__


class _Search:
    """One function, looked at over all magnitudes."""

    def __init__(
        self, target: Any, runner: Runner, domain: Any, formula: Any
    ) -> None:
        self.target, self.runner = target, runner
        self.name = name_of(target)
        self.kind = array_type(runner.dtype)
        self.steps = self._read(domain)
        self.domain = domain
        self.text = ""
        errors, ends = self._compared(formula)
        self.errors: Errors | None = errors
        self.low, self.high = ends
        self.limit = 2.0 ** (_precision(self.kind) / 2)

    def _read(self, domain: Any) -> Any:
        """The steps of the target; None where it cannot be read."""
        if isinstance(self.target, StableOp):
            return None
        shape = (None, 1) if self.runner.column else (None,)
        try:
            return steps_of(
                self.runner.function,
                domain or ALL_REALS,
                self.runner.dtype,
                shape,
            )
        except (ValueError, ImportError):
            return None

    def _compared(
        self, formula: Any
    ) -> tuple[Errors | None, tuple[float, float]]:
        """What results are compared with, and where."""
        domain = self.domain
        if isinstance(self.target, StableOp) and formula is None:
            formula = self.target.expression
            domain = domain or self.target.domain
            if self.target.order:
                return self._of_derivative(formula, domain)
        elif isinstance(formula, str) and formula.strip().isidentifier():
            known = entry(formula.strip())
            if known is not None:
                formula, domain = known.formula, domain or known.domain
        elif formula is None and self.steps is not None:
            formula = self.steps.formula
            if not formula.free_symbols:  # a constant is a function, too
                formula = f"{formula}+0*x"
        if formula is None:
            *_, ends = reference("x", domain or ALL_REALS, self.runner.dtype)
            return None, ends
        errors, self.text, ends = reference(
            formula, domain or ALL_REALS, self.runner.dtype
        )
        return errors, ends

    def _of_derivative(
        self, formula: str, domain: Any
    ) -> tuple[Errors, tuple[float, float]]:
        errors, self.text, ends = reference(formula, domain, self.runner.dtype)
        first = self.target.order
        return lambda order, x, got: errors(order + first, x, got), ends

    # -- what is bad -----------------------------------------------------

    def run(self) -> Diagnosis:
        xs = points(self.kind, self.low, self.high)
        got = self.runner.run(xs)
        measured = [
            self.measure(order, xs, got[order]) for order in self.runner.orders
        ]
        findings = []
        for order, errors in enumerate(measured):
            results = got[order]
            for lost in (False, True):
                bad = self.flags(errors, results, lost)
                if lost:  # noise is small here and there
                    bad = filled(bad, np.isfinite(results))
                for run in runs(bad):
                    findings.append(self._finding(order, lost, xs, run))
        against = "with no exact function to compare"
        if self.errors is not None:
            against = f"beside {self.text}"
        elif self._float64() is not None:
            against = "beside itself in float64"
        made = Diagnosis(
            self.name,
            keras.backend.backend(),
            self.runner.dtype,
            tuple(findings),
            against,
            measured=(xs, measured),
        )
        return replace(made, cure="" if made.ok else self._cure())

    def measure(self, order: int, xs: Array, got: Array) -> Array:
        """Errors in ulp; nan where nobody knows."""
        if self.errors is not None:
            found = [
                self.errors(order, float(x), float(v))
                for x, v in zip(xs, got, strict=True)
            ]
            return np.array([np.nan if e is None else e for e in found])
        wide = self._float64()
        if wide is None:
            return np.where(np.isnan(got), np.inf, np.nan)
        want = wide.run(xs)[order]
        form = form_of(self.kind)
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(want), float(form.smallest_normal))
            unit = np.exp2(np.floor(np.log2(size))) * float(form.eps)
            error = np.abs(got - want) / unit
            beyond = np.abs(want) > float(form.max)
            error[beyond & (got == np.sign(want) * np.inf)] = 0.0
            error[(np.abs(want) < float(form.smallest_normal)) & (got == 0)] = 0
        error[np.isnan(want)] = np.nan
        error[np.isnan(got)] = np.inf
        return np.asarray(error)

    def _float64(self) -> Runner | None:
        """The target in float64, where that says more."""
        if self.runner.dtype == "float64":
            return None
        wide = replace(self.runner, dtype="float64")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # JAX has no float64 by itself
                held = wide.tensor(np.array([0.5]))
            kept = keras.backend.standardize_dtype(held.dtype) == "float64"
            wide.run(np.array([0.5]))
        except Exception:  # of whatever function it is
            return None
        return wide if kept else None

    def flags(self, errors: Array, got: Array, lost: bool) -> Array:
        """Which results are bad in one of the two ways."""
        finite = np.isfinite(got)
        if lost:
            with np.errstate(invalid="ignore"):
                return np.asarray(finite & (errors > self.limit))
        return np.asarray(~finite & (errors == np.inf))

    def _finding(
        self,
        order: int,
        lost: bool,
        xs: Array,
        run: tuple[int, int],
    ) -> Finding:
        def is_bad(grid: Array) -> Array:
            got = self.runner.run(grid)[order]
            return self.flags(self.measure(order, grid, got), got, lost)

        first, last = run
        low, high = float(xs[first]), float(xs[last])
        if first > 0:
            low = edge(float(xs[first - 1]), low, self.kind, is_bad)
        if last + 1 < len(xs):
            high = edge(float(xs[last + 1]), high, self.kind, is_bad)
        inner = np.array([low, *xs[first : last + 1], high])
        got = self.runner.run(inner)[order]
        errors = np.nan_to_num(self.measure(order, inner, got), nan=0.0)
        at = int(np.argmax(np.where(np.isfinite(errors), errors, -1)))
        kind, worst = "lost", float(errors[at])
        place = float(inner[at])
        if not lost:
            names = {
                "nan" if np.isnan(v) else "inf" for v in got[~np.isfinite(got)]
            }
            kind, worst = " or ".join(sorted(names, reverse=True)), math.inf
            ends = [v for v, k in ((low, first), (high, last - len(xs) + 1))
                    if k]  # fmt: skip
            place = max(ends or [low, high], key=abs)
        return Finding(
            order,
            kind,
            -math.inf if first == 0 and math.isinf(self.low) else low,
            math.inf if last + 1 == len(xs) and math.isinf(self.high) else high,
            worst,
            place,
            self._cause(order, [place, *inner[:: len(inner) // 2]], lost),
        )

    def _cause(self, order: int, places: list[float], lost: bool) -> str:
        """The first that one of these places tells.

        At the edge one number alone may come out as it does not among many.
        """
        if self.steps is None:
            return ""
        for place in places:
            try:
                with np.errstate(all="ignore"):
                    why = cause(self.steps, self.runner, place, order, lost)
            except Exception:  # what explains is not to hide what was found
                why = ""
            if why:
                return why
        return ""

    def _cure(self) -> str:
        from .. import losses

        own = self.name if self.runner.column else ""
        if own in losses.__all__:
            called = "()" if own[:1].isupper() else "(y_true, y_pred)"
            return f"ks.losses.{own}{called}"
        if not self.text:
            return (
                "write it over keras.ops, and ks.stabilize(function) makes "
                "an op of it"
            )
        known = shipped_like(self.text)
        if known:
            return f"ks.ops.{known}(x)"
        where = f", domain={self.domain!r}" if self.domain else ""
        if self.steps is not None and not self.runner.column:
            name = self.name if self.name.isidentifier() else "function"
            return f"{name} = ks.stabilize({name}{where})"
        return f'ks.stabilize("{self.text}"{where})'


def _precision(kind: np.dtype) -> int:
    return int(form_of(kind).nmant) + 1
