"""`verify`: whether what the bounds assume holds on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

import keras

from .._op import StableOp
from .._op import shared_ops
from .._progress import progress
from . import measure
from .shipped import ops_named
from .shipped import relying
from .shipped import worst_error

if TYPE_CHECKING:
    from .assumptions import Case


@dataclass(frozen=True)
class Check:
    """One figure.

    Attributes:
        what: an elementary function, a pair operation, or an op (its order
            as primes).
        dtype, mode: what was run, and how: "eager", "graph" or "jit".
        seen: worst error, in ulp.
        assumed: what bounds assume of it; of an op, its proved bound.
        note: of a check that failed, which bounds cannot be relied upon.
    """

    what: str
    dtype: str
    mode: str
    seen: float
    assumed: float
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is no worse than assumed."""
        return self.seen <= self.assumed


@dataclass(frozen=True)
class Verification:
    """What `verify` found; prints as a table.

    Attributes:
        backend, device, device_name: where.
        versions: of keras and the backend.
        checks: every figure.
        skipped: what could not be run, and why.
    """

    backend: str
    device: str
    device_name: str
    versions: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]
    skipped: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is worse than assumed."""
        return all(check.ok for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.ok)

    def __str__(self) -> str:
        head = ("function", "dtype", "mode", "worst seen", "assumed", "")
        rows = [
            (
                check.what,
                check.dtype,
                check.mode,
                f"{check.seen:.4g}",
                f"{check.assumed:.4g}",
                "ok" if check.ok else "NOT OK",
            )
            for check in self.checks
        ]
        widths = [max(map(len, column)) for column in zip(head, *rows)]  # noqa: B905
        lines = [
            "  ".join(
                cell.ljust(w) for cell, w in zip(row, widths, strict=True)
            )
            for row in (head, *rows)
        ]
        installed = ", ".join(f"{k} {v}" for k, v in self.versions)
        title = f"{self.backend} on {self.device} ({self.device_name}), "
        lines = [title + f"{installed}; errors in ulp", *lines]
        lines += [f"not run: {reason}" for reason in self.skipped]
        lines += [f"NOT OK: {check.note}" for check in self.failures]
        if self.ok:
            lines.append("Nothing seen is worse than the bounds assume.")
        return "\n".join(line.rstrip() for line in lines)


def verify(*names: str) -> Verification:
    """Measure on this machine what the error bounds assume.

    A bound |computed - f(x)| <= B ulp(f(x)) is proved from the errors of
    + - * / sqrt and exp, and from pairs of floats a + b whose parts
    compilers must not reorder.  These are measured here, on the backend and
    device in use, in float32 and float64, eagerly and compiled, on some
    thousand inputs that include every binade, the hard ones, and those
    where the tables of ``keras_stablef.generator`` have their worst.  Then
    the ops are run in float32 and compared with their float64 plans, at
    every seam too.  It takes about 20 seconds; float64 needs JAX's x64.

    Args:
        *names: of shipped ops; all of them if none is given.

    Returns:
        A `Verification`; its `ok` says whether everything is as assumed,
        its text which bounds cannot be relied upon if not.

    Raises:
        GeneratorError: no such op; says the nearest ones.  A `ValueError`.
        ValueError: a backend without autodiff (numpy, openvino).

    Example:
        >>> import keras_stablef as ks
        >>> report = ks.verify("stablef")
        >>> assert report.ok, report

    Sources: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd
    ed., section 3.3, for what is assumed; Dekker, A floating-point technique
    for extending the available precision, Numer. Math. 18 (1971), for pairs.
    """
    from .assumptions import cases  # with a generated module: not for all

    backend = keras.backend.backend()
    if backend not in measure.MODES:
        raise ValueError(
            f"Nothing to verify: expected a backend of "
            f"{', '.join(measure.MODES)}, received {backend}."
        )
    chosen = ops_named(names)
    skipped: list[str] = []
    dtypes = ["float32", *(["float64"] if _has_float64() else [])]
    if len(dtypes) == 1:
        skipped.append("float64: the backend makes float32 of it")
    checks: list[Check] = []
    with progress("preparing"):
        todo = [case for dtype in dtypes for case in cases(dtype)]
    for mode in measure.MODES[backend]:
        some = todo
        if (backend, mode) == ("torch", "jit"):
            some = [case for case in todo if not case.long]
            long = dict.fromkeys(case.what for case in todo if case.long)
            skipped.append(f"jit: {', '.join(long)} (minutes to compile)")
        with progress(f"elementary functions, {mode}"):
            checks += _functions(some, mode, skipped)
    if len(dtypes) == 2:
        checks += _ops(chosen)
    else:
        skipped.append("ops: they are judged by their float64 plans")
    device = measure.default_device()
    return Verification(
        backend,
        device,
        measure.device_name(device),
        tuple(measure.versions().items()),
        tuple(checks),
        tuple(skipped),
    )


def _has_float64() -> bool:
    x = keras.ops.convert_to_tensor(1.0, dtype="float64")
    return keras.backend.standardize_dtype(x.dtype) == "float64"


def _functions(
    todo: Sequence[Case], mode: str, skipped: list[str]
) -> Iterator[Check]:
    """All cases in one mode; compiled, they are one program."""
    arguments = [x for case in todo for x in measure.tensors(*case.inputs)]

    def everything(*tensors: Any) -> list[Any]:
        results: list[Any] = []
        place = 0
        for case in todo:
            count = len(case.inputs)
            results += case.run(*tensors[place : place + count])
            place += count
        return results

    try:
        results = measure.compiled(everything, mode)(*arguments)
        arrays = [measure.array(r) for r in results]
    except Exception as error:  # no compiler is no failure of a bound
        if mode == "eager":
            raise
        first = str(error).strip().splitlines() or [type(error).__name__]
        skipped.append(f"{mode}: {first[0]}")
        return
    place = 0
    for case in todo:
        got = arrays[place : place + case.outputs]
        place += case.outputs
        seen = case.judge(got)
        note = ""
        if seen > case.assumed:
            note = (
                f"{case.what} in {case.dtype} ({mode}) is {seen:.4g} ulp off, "
                f"assumed {case.assumed:.4g}: the {case.dtype} bounds of "
                f"{relying(case.what)} cannot be relied upon here."
            )
        yield Check(case.what, case.dtype, mode, seen, case.assumed, note)


def _ops(chosen: Sequence[StableOp]) -> Iterator[Check]:
    for op in chosen:
        with progress(f"ops: {op.function.name}"):
            for k, each in enumerate(shared_ops(op.function)):
                seen, where = worst_error(each)
                bound = each.error_bound("float32")
                what = f"{op.function.name}{chr(39) * k}"
                note = ""
                if seen > bound:
                    note = (
                        f"{what} in float32 is {seen:.4g} ulp off at "
                        f"{where:.9g}, proved {bound:.4g}: its bound cannot "
                        "be relied upon here."
                    )
                yield Check(what, "float32", "eager", seen, bound, note)
