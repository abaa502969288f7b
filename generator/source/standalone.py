"""A module that needs nothing but keras: a rendered one and its rules."""

from __future__ import annotations

import ast
import symtable
import textwrap
from importlib import metadata
from pathlib import Path

from .. import plain
from ..errors import GeneratorError
from .inline import inlined
from .templates import environment
from .templates import formatted
from .templates import with_sorted_imports

HEAD = "Written by keras_stablef {}; to change it, save another: {}"
ADAPTERS = ("_eager", "_autodiff", "_rounding")


def standalone(
    module: str, name: str, expression: str, how: str, order: int = 0
) -> str:
    """The rendered `module` with derivative rules and a function `name`.

    Args:
        how: the line of code that writes it.
        order: of the derivative of `expression` that `name` is; the module
            has this one and the higher ones.

    Raises:
        GeneratorError: no name or plain text, or a name that the module
            itself uses.
    """
    plain.name(name)
    imports, rules = _rules()
    head = "from keras import ops\n"
    if module.count(head) != 1:
        raise GeneratorError(
            f"Cannot save {name}: expected one import of keras.ops, received "
            f"{module.count(head)}."
        )
    # The two lines of its head speak to who works in the checkout.
    body = module.split("\n", 2)[2].replace(head, f"{imports}\n{head}")
    made = HEAD.format(metadata.version("keras-stablef"), plain.text(how))
    lines = textwrap.wrap(made, 77, break_long_words=False)
    whole = "\n".join([*(f"# {line}" for line in lines), body])
    if name in _taken(inlined(f"{whole}\n{rules}")):
        raise GeneratorError(
            "Cannot save: expected a name that the module does not use "
            f"itself, received {name!r}."
        )
    text = (
        environment()
        .get_template("standalone.py.j2")
        .render(
            module=whole,
            rules=rules,
            name=name,
            expression=expression,
            primes="'" * order,
        )
    )
    return formatted(with_sorted_imports(inlined(text)))


def _taken(source: str) -> set[str]:
    """Names that a module defines, imports or looks up outside."""
    found: set[str] = set()

    def look(table: symtable.SymbolTable, top: bool) -> None:
        for symbol in table.get_symbols():
            if top or symbol.is_global():
                found.add(symbol.get_name())
        for child in table.get_children():
            look(child, False)

    look(symtable.symtable(source, "module", "exec"), True)
    return found


def _rules() -> tuple[str, str]:
    """Imports and body of the package's own adapters, as they are."""
    import keras_stablef

    imports: list[str] = []
    rest: list[str] = []
    for name in ADAPTERS:
        path = Path(keras_stablef.__file__).with_name(f"{name}.py")
        _split(path.read_text(encoding="utf-8"), imports, rest)
    return "\n".join(sorted(set(imports))), "\n".join(rest)


def _split(source: str, imports: list[str], rest: list[str]) -> None:
    """Adds a module's imports and the rest of it, its docstring left out."""
    nodes = ast.parse(source).body
    lines = source.splitlines()
    for k, node in enumerate(nodes):
        last = nodes[k + 1].lineno - 1 if k + 1 < len(nodes) else len(lines)
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)]) - 1
        text = "\n".join(lines[first:last])
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            # What one of them takes from another stands in the file.
            if getattr(node, "module", "") not in ("__future__", *ADAPTERS):
                own = text.strip().replace("from .", "from keras_stablef.", 1)
                imports.append(own)
        elif not isinstance(node, ast.Expr):
            rest.append(text)
