"""Certificates and modules for tests of the checker, and what it says."""

from __future__ import annotations

import ast
import functools
import json
from typing import Any

from keras_stablef.generator.checker import Expected
from keras_stablef.generator.checker import assembly
from keras_stablef.generator.checker import check
from keras_stablef.generator.checker.__main__ import shipped
from keras_stablef.generator.formula.spec import make_spec
from keras_stablef.generator.pipeline import derive
from keras_stablef.generator.pipeline import to_source
from keras_stablef.generator.source.inline import inlined
from keras_stablef.generator.source.templates import formatted
from keras_stablef.generator.words.certificate import certify


@functools.cache
def made(formula: str, low: str, high: str, orders: int = 3) -> tuple[str, str]:
    """Certificate and module in float32, formatted as what ships."""
    spec = make_spec(formula, "f", (low, high))
    plans = [derive(spec, "float32", order) for order in range(orders)]
    expression, domain = str(spec.expr), (low, high)
    module = to_source(expression, domain, "f.", plans)
    source = formatted(inlined(module.text))
    return certify(expression, domain, plans).text, source


def findings(
    data: Any,
    source: str,
    order: int,
    dtype: str,
    expected: Expected | None = None,
) -> list[str]:
    """What the checker says of one plan, up to the first complaint."""
    report = check(
        json.dumps(data),
        source,
        only=lambda p: p.order == order and p.fmt.name == dtype,
        first=True,
        expected=expected,
    )
    return [str(f) for f in report.findings]


def with_runtime(old: str, new: str) -> dict[str, dict[str, ast.stmt]]:
    """The runtime's definitions for the checker, one of them another."""
    return {
        home: {
            name: ast.parse(ast.unparse(node).replace(old, new)).body[0]
            for name, node in own.items()
        }
        for home, own in assembly._homes().items()
    }


def changed(name: str, old: str, new: str) -> tuple[str, str]:
    """Certificate and module that ship, with another text in the module."""
    text = (shipped() / f"{name}.json").read_text()
    source = (shipped() / f"{name}.py").read_text()
    assert old in source
    return text, source.replace(old, new, 1)
