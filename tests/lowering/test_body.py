"""One plan has one body; it is what is weighed, printed, saved and run."""

from __future__ import annotations

import ast
import functools
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keras_stablef.generator.build import plan_of
from keras_stablef.generator.checker import assembly
from keras_stablef.generator.formula.catalogue import load_catalogue
from keras_stablef.generator.lowering import costs
from keras_stablef.generator.lowering.body import Rows
from keras_stablef.generator.lowering.lower import lower
from keras_stablef.generator.lowering.tables import evaluated
from keras_stablef.generator.lowering.tables import row_table
from keras_stablef.generator.pieces.cover import AnyPlan
from keras_stablef.generator.pieces.cover import Cover
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.source.inline import inlined
from sampling import sampled

from keras_stablef import generated
from keras_stablef import runtime
from keras_stablef.runtime import lookup
from keras_stablef.runtime import tables

pytestmark = pytest.mark.once
ENTRIES = {entry.name: entry for entry in load_catalogue()}
# Together they have every kind of piece.
SOME = ("stablef", "exprel", "log1prel", "log_cosh", "two_sqrt", "sinc")


@functools.cache
def plans_of(name: str, dtype: str = "float32") -> list[AnyPlan]:
    return [plan_of(ENTRIES[name], dtype, order) for order in range(3)]


def functions(text: str) -> dict[str, str]:
    """The bodies of a module, as syntax trees."""
    return {
        node.name: ast.dump(node)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
        and node.name.endswith(("_float32", "_float64"))
    }


@pytest.mark.parametrize("name", SOME)
def test_alone_and_beside_its_derivatives(name: str) -> None:
    plans = plans_of(name)
    together = functions(to_source("f", ("", ""), "Test.", plans, False).text)
    for plan in plans:
        alone = to_source("f", ("", ""), "Test.", [plan], False).text
        for function, tree in functions(alone).items():
            assert together[function] == tree


@pytest.mark.parametrize("name", SOME)
def test_what_ships_is_what_is_lowered(name: str) -> None:
    """Also where tables are taken from the certificate."""
    text = (Path(generated.__file__).parent / f"{name}.py").read_text()
    shipped = functions(text)
    for plan in plans_of(name):
        alone = to_source("f", ("", ""), "Test.", [plan]).text
        for function, tree in functions(alone).items():
            assert shipped[function] == tree


def run_on_a_tape(plan: Cover) -> Counter[str]:
    """What the printed body does, counted."""
    text = inlined(to_source("f", ("", ""), "Test.", [plan], False).text)
    lines = [s for s in text.splitlines() if not s.startswith("from keras")]
    tape = costs._Tape()
    space: dict[str, Any] = {"ops": tape, "backend": lambda: "jax"}
    exec("\n".join(lines), space)  # what was just rendered
    space["BODIES"][plan.dtype][0](costs._Counted(tape))
    return tape.counts


@pytest.mark.parametrize("name", SOME[1:])
def test_costs_count_what_is_printed(name: str) -> None:
    for plan in plans_of(name):
        assert isinstance(plan, Cover)
        assert costs.operations(lower(plan)) == run_on_a_tape(plan)


def _same(got: Any, want: Any) -> None:
    """Seams, tables, divider and scaling, bit for bit."""
    grids = [seams for seams in (got[0], want[0]) if hasattr(seams, "rows")]
    if grids:
        a, b = grids
        assert (a.scale, a.first, a.rows) == (b.scale, b.first, b.rows)
    else:
        assert got[0] == want[0]
    assert repr(got[1:]) == repr(want[1:])


def certified(name: str) -> Iterator[dict[str, Any]]:
    """The plans with rows of a function's certificate."""
    path = Path(generated.__file__).parent / f"{name}.json"
    for entry in json.loads(path.read_text())["plans"]:
        if entry.get("rows", {"values": []})["values"]:
            yield entry


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_tables_are_those_of_the_certificate(name: str) -> None:
    """As the runtime reads them and as the checker does."""
    space = {"Grid": lookup.Grid, "__builtins__": {}}
    for entry in certified(name):
        ours = tables.rows_of(name, entry["dtype"], entry["order"])
        tree = ast.fix_missing_locations(
            ast.Expression(assembly.RESOLVERS["rows_of"](entry))
        )
        _same(ours, eval(compile(tree, "table", "eval"), space))


TABLES = list(itertools.product(sorted(ENTRIES), ("float32", "float64")))


# Where nothing is kept yet all of the catalogue takes minutes to derive.
@pytest.mark.parametrize(
    ("name", "dtype"),
    sampled(TABLES, 0, [(name, "float32") for name in SOME]),
)
def test_tables_are_those_of_the_plan(name: str, dtype: str) -> None:
    for entry in certified(name):
        if entry["dtype"] != dtype:
            continue
        ours = tables.rows_of(name, dtype, entry["order"])
        for table in lower(plans_of(name, dtype)[entry["order"]]).tables:
            if isinstance(table, Rows) and table.end is None:
                _same(ours, evaluated(row_table(table.rows, dtype)))


def test_the_checker_reads_every_module_of_the_runtime() -> None:
    names = [m.__name__.rpartition(".")[2] for m in runtime.MODULES]
    # That of bodies in float64 has a checker of its own.
    assert sorted([*assembly.MODULES, "wide"]) == sorted(names)


def test_coefficients_stand_once() -> None:
    """Of what ships: 7 MB with its certificates, and no table in code."""
    folder = Path(generated.__file__).parent
    assert sum(p.stat().st_size for p in folder.glob("*.*")) < 7e6
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple):
                numbers = [n for n in node.elts if isinstance(n, ast.Constant)]
                assert len(numbers) < 6, ast.unparse(node)
