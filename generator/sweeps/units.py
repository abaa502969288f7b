"""Units of work, and the key under which a finished one is kept.

A key holds the hash of the code that was swept: the function's body in the
generated module and all that it uses, comments left out.  A module that is
generated again with the same code keeps its results.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import keras_stablef

from ..checker.assembly import assembled
from ..errors import GeneratorError
from ..errors import UnknownDtypeError
from ..formula.catalogue import Entry
from ..formula.catalogue import load_catalogue
from ..formula.spec import Spec
from ..formula.spec import make_spec
from ..numbers.floats import FloatFormat
from ..numbers.formats import FORMATS
from .floats import FloatOrder
from .points import FULL
from .points import GPU
from .points import QUICK
from .points import Piece
from .points import Points
from .points import points
from .seams import plan_data
from .seams import seams

GENERATED = Path(keras_stablef.__file__).parent / "generated"
BACKENDS = ("jax", "tensorflow", "torch")
ORDERS = (0, 1, 2)
METHOD = 1  # of the sweep; another one makes all results stale


@dataclass(frozen=True)
class Job:
    """One function, order, format, backend and device."""

    function: str
    order: int
    dtype: str
    backend: str
    device: str
    exhaustive: bool
    quick: bool

    @property
    def fmt(self) -> FloatFormat:
        return FORMATS[self.dtype]

    @property
    def entry(self) -> Entry:
        (entry,) = [e for e in load_catalogue() if e.name == self.function]
        return entry

    @property
    def spec(self) -> Spec:
        return make_spec(self.entry.formula, self.function, self.entry.domain)

    @property
    def domain(self) -> tuple[float, float]:
        """Its ends, infinite ones included."""
        low, high = self.spec.domain
        return float(low), float(high)

    def plan(self, next_order: int = 0) -> object:
        """The certificate's data of this plan, or of a higher order's."""
        order = min(self.order + next_order, ORDERS[-1])
        return plan_data(GENERATED, self.function, self.fmt.compute, order)

    def points(self) -> Points:
        """The inputs."""
        found = FloatOrder(self.fmt).bits
        budget = (QUICK if self.quick else FULL).get(found)
        if budget and self.device == "gpu" and not self.quick:
            budget = GPU
        if self.exhaustive and not self.quick:
            budget = None
        return points(self.fmt, self.domain, seams(self.plan()), budget)

    @property
    def name(self) -> str:
        """For people."""
        primes = "'" * self.order
        return f"{self.function}{primes} {self.dtype} {self.backend}"

    @property
    def code(self) -> str:
        """Hash of what is swept, see the module."""
        return code_hash(self.function, self.fmt.compute, self.order)

    def key(self, part: int, parts: int) -> str:
        """Under which the result of a part is kept."""
        version = importlib.metadata.version(self.backend)
        text = repr((METHOD, self, self.code, version, part, parts))
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Unit:
    """A part of a job: one piece of its inputs."""

    job: Job
    part: int
    parts: int
    piece: Piece

    @property
    def key(self) -> str:
        return self.job.key(self.part, self.parts)


def units(job: Job) -> list[Unit]:
    """All parts of a job."""
    pieces = job.points().pieces()
    return [Unit(job, i, len(pieces), p) for i, p in enumerate(pieces)]


def jobs(
    functions: Sequence[str],
    orders: Sequence[int],
    dtypes: Sequence[str],
    backend: str,
    device: str,
    exhaustive: bool,
    quick: bool,
) -> Iterator[Job]:
    """All combinations; nothing given means all of a kind.

    Raises:
        GeneratorError: an unknown function, order or backend.
        UnknownDtypeError: an unknown dtype.
    """
    names = [e.name for e in load_catalogue()]
    _known("function", functions, names)
    _known("order", orders, ORDERS)
    _known("backend", [backend], BACKENDS)
    _known("dtype", dtypes, list(FORMATS), UnknownDtypeError)
    for dtype in dtypes or FORMATS:
        for function in functions or names:
            for order in orders or ORDERS:
                yield Job(
                    function, order, dtype, backend, device,
                    exhaustive and dtype == "float32", quick,
                )  # fmt: skip


def _known(
    kind: str,
    given: Sequence[object],
    known: Sequence[object],
    error: type[GeneratorError] = GeneratorError,
) -> None:
    for value in given:
        if value not in known:
            raise error(
                f"Unknown {kind}: expected one of "
                f"{', '.join(map(str, known))}; received {value!r}."
            )


def shard_of(text: str) -> tuple[int, int]:
    """``"i/n"`` as a pair, 0 <= i < n.

    Raises:
        GeneratorError: it is none.
    """
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not found or int(found[1]) >= int(found[2]):
        raise GeneratorError(
            "Bad shard: expected i/n with 0 <= i < n, such as 0/2; "
            f"received {text!r}."
        )
    return int(found[1]), int(found[2])


@cache
def code_hash(function: str, compute: str, order: int) -> str:
    """Hash of a body, of the next derivative's, and of all they use."""
    text, claims = (
        (GENERATED / f"{function}.{kind}").read_text(encoding="utf-8")
        for kind in ("py", "json")
    )
    definitions: dict[str, ast.AST] = {}
    # With the primitives and the tables that it refers to.
    for node in assembled(ast.parse(text), json.loads(claims)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            definitions[node.name] = _without_docstring(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    definitions[target.id] = node
    last = order + 1 if order < ORDERS[-1] else order
    wanted = [f"{function}_{k}_{compute}" for k in range(order, last + 1)]
    used: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in definitions and name not in used:
            used.add(name)
            walk = ast.walk(definitions[name])
            wanted += [n.id for n in walk if isinstance(n, ast.Name)]
    digest = hashlib.sha256()
    for name in sorted(used):
        digest.update(ast.dump(definitions[name]).encode())
    return digest.hexdigest()[:16]


def _without_docstring(
    node: ast.FunctionDef | ast.ClassDef,
) -> ast.FunctionDef | ast.ClassDef:
    """The docstring states the bound, which is no part of the code."""
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return node
