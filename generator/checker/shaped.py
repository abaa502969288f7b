"""Whether bodies have the shape that lowering gives them: see shapes.py.

A body is straight-line, so a name is what was assigned to it last; it is
looked at as each backend runs it, with its branches decided.
"""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

from .arguments import Arguments
from .arguments import call_name
from .arguments import is_name
from .arguments import is_text
from .arguments import refused
from .assembly import NotRunnable
from .carried import Carried
from .carried import carried_forms
from .carried import statement
from .claims import FORMATS
from .claims import exact
from .claims import whole_number
from .shapes import CALLS
from .shapes import EXPONENTS
from .shapes import FLOATS
from .shapes import INPUT
from .shapes import TENSORS
from .shapes import TRUTH
from .shapes import TWO
from .shapes import Kind
from .shapes import Powers
from .shapes import computed
from .shapes import number
from .shapes import same_powers
from .transcripts import Transcript
from .transcripts import transcripts
from .transcripts import written

LONGEST = 4096  # of bodies: those of plans have some hundred lines


def check_shapes(tree: ast.Module, whole: dict[str, Any]) -> None:
    """Every body that BODIES lists has that shape.

    Args:
        whole: the certificate, which has the programs of closed forms.

    Raises:
        NotRunnable: with what is not, and where.
    """
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    tables = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    plans = {(p["dtype"], p["order"]): p for p in whole["plans"]}
    for name, (dtype, order) in _listed(tables.get("BODIES")).items():
        if name not in functions:  # another name of one, say
            raise NotRunnable(f"no body's shape: {name} is no function")
        plan = plans.get((dtype, order), {})
        _Shape(name, dtype, tables, plan).check(functions[name])


def _listed(bodies: ast.expr | None) -> dict[str, tuple[str, int]]:
    """The dtype and the order of each body."""
    if not isinstance(bodies, ast.Dict):
        raise NotRunnable("no body's shape: expected BODIES by dtype")
    found: dict[str, tuple[str, int]] = {}
    for key, row in zip(bodies.keys, bodies.values, strict=True):
        dtype = getattr(key, "value", None)
        listed = row.elts if isinstance(row, ast.Tuple) else [row]
        for order, body in enumerate(listed):
            if dtype not in FORMATS or not isinstance(body, ast.Name):
                raise refused(body, "BODIES by dtype")
            if body.id in found:
                raise refused(body, "a body of its own")
            found[body.id] = str(dtype), order
    return found


class _Shape(Arguments):
    """The statements of one body; names are what they are at that line."""

    def __init__(
        self,
        name: str,
        dtype: str,
        tables: dict[str, ast.expr],
        plan: dict[str, Any],
    ) -> None:
        super().__init__(name.upper(), dtype, tables)
        self.exponents = 0
        self.programs = transcripts(plan)
        self.own = {n: t for t in self.programs for n, _ in t.statements}
        self.carried = {n: c for c in carried_forms(plan) for n in c.names}
        self.open: Carried | None = None
        self.inputs: set[str] = set()  # of programs that have begun
        # Of ends with an exponential, the degrees of its argument.
        self.left = [_degree(e) for e in plan.get("ends", ()) if _degree(e)]
        self.known: dict[ast.expr, Kind] = {}  # each is looked at once

    def check(self, node: ast.FunctionDef) -> None:
        """Raises where a statement or an expression has no kind."""
        first, *rest = node.body
        if not (isinstance(first, ast.Expr) and is_text(first.value)):
            rest = node.body
        *rest, last = rest
        if len(rest) > LONGEST:
            raise refused(last, f"at most {LONGEST} statements")
        for line in rest:
            if isinstance(line, ast.Assign):
                self._assigned(line)
            elif not isinstance(line, ast.Pass):
                raise refused(line, "an assignment")
        if self.open is not None:
            raise refused(last, "the next statement of the certificate")
        if not isinstance(last, ast.Return) or last.value is None:
            raise refused(last, "return at the end")
        if self._expect(last.value, FLOATS).powers:
            raise refused(last, "all of the result")

    def _assigned(self, node: ast.Assign) -> None:
        (target,) = node.targets
        form = self.open
        for bound in names_of(target):
            form = form or self.carried.get(bound)
        if form is not None:
            self._carried(form, node)
            return
        if isinstance(target, ast.Name) and target.id in self.own:
            self._programmed(self.own[target.id], target.id, node)
            return
        kind = self.kind(node.value)
        name = call_name(node.value)
        if "x" in names_of(target):
            raise refused(node, "an x that is not bound again")
        begun = {p.input for p in self.programs if p.statements} & self.inputs
        if begun & set(names_of(target)):
            raise refused(node, "a program's input that stays what it is")
        if isinstance(target, ast.Name) and name not in TWO:
            self.names[target.id] = kind
        elif isinstance(target, ast.Tuple) and name in TWO:
            # One more exponent, of which the other part is the rest.
            self.exponents += 1
            if name == "_pair_exp" and not self._granted(node.value):
                raise refused(node, "an exponential of the certificate")
            if self.own.keys() & set(names_of(target)):
                raise refused(node, "a name that no program has")
            one: Powers = ((self.exponents, Fraction(1)),)
            for part, own in zip(target.elts, (TWO[name], kind), strict=True):
                self.names[ast.unparse(part)] = replace(own, powers=one)
        else:
            raise refused(node, "a name for each result")

    def _granted(self, node: ast.expr) -> bool:
        """Whether an end has an exponential of an argument like this one."""
        assert isinstance(node, ast.Call)
        degree = self.kind(node.args[0]).degree
        fitting = [most for most in self.left if degree <= most]
        if not fitting:
            return False
        self.left.remove(min(fitting))
        return True

    def _programmed(
        self, program: Transcript, name: str, node: ast.Assign
    ) -> None:
        """The next statement of a program, word for word."""
        known = self.names.get(program.input)
        self.inputs.add(program.input)
        made = written(node.value, self.narrow)
        if program.statements[:1] != [(name, made)]:
            raise refused(node, "the next statement of the certificate")
        if known is None or known.name != "input":
            raise refused(node, f"{program.input} that is the input")
        program.statements.pop(0)
        self.names.pop(name, None)
        if name == program.result and not program.statements:
            self.names[name] = Kind("number", degree=1)

    def _carried(self, form: Carried, node: ast.Assign) -> None:
        """The next statement of a form; of all that it binds, its result.

        No other statement stands between them, and none takes a part.
        """
        if form.lines[:1] != [statement(node, self.narrow)]:
            raise refused(node, "the next statement of the certificate")
        for name in (form.input, "t"):
            known = self.names.get(name)
            if known is None or known.name != "input":
                raise refused(node, f"{name} that is the input")
        form.lines.pop(0)
        self.open = form if form.lines else None
        if self.open is None:
            self.names[form.result] = Kind("number", degree=1)

    def _expect(self, node: ast.expr, names: str) -> Kind:
        kind = self.kind(node)
        if kind.name not in names.split():
            raise refused(node, names)
        return kind

    # -- expressions ------------------------------------------------------
    def kind(self, node: ast.expr) -> Kind:
        """What it is.

        Raises:
            NotRunnable: nothing that lowering writes.
        """
        if node not in self.known:
            self.known[node] = self._kind(node)
        return self.known[node]

    def _kind(self, node: ast.expr) -> Kind:
        found: Kind | None = None
        literal = self.literal(node)
        if literal is not None:
            found = literal if self.plain(literal) else None
        elif isinstance(node, ast.Name):
            found = self.names.get(node.id)
        elif isinstance(node, ast.UnaryOp):
            found = self._negated(self.kind(node.operand))
        elif isinstance(node, ast.BinOp):
            found = self._computed(node)
        elif isinstance(node, ast.Compare):
            found = self._compared(node)
        elif isinstance(node, ast.Tuple):
            found = self._pair(node)
        elif isinstance(node, ast.Subscript):
            found = self._high(node)
        elif isinstance(node, ast.Call):
            found = self._called(node)
        if found is None:
            raise refused(node, "what lowering writes")
        return found

    def _negated(self, a: Kind) -> Kind | None:
        if a.name == "filled":
            return replace(a, values=tuple(-v for v in a.values))
        known = ("number", "input", "whole", "mantissa")
        return a if a.name in known else None

    def _compared(self, node: ast.Compare) -> Kind | None:
        """The input, by what exact steps made of it, and a number."""
        (right,) = node.comparators
        if self.is_sign(node):
            return TRUTH
        if self.kind(node.left).name != "input":
            raise refused(node, "a comparison of the input with a number")
        other = self.kind(right)
        if other.name not in ("literal", "constant"):
            raise refused(node, "a comparison of the input with a number")
        return TRUTH if math.isfinite(other.values[0]) else None

    def _pair(self, node: ast.Tuple) -> Kind | None:
        """A float and a constant that it lost, or a pair negated."""
        if len(node.elts) != 2:
            return None
        if all(isinstance(n, ast.UnaryOp) for n in node.elts):
            parts = [getattr(n, "operand", n) for n in node.elts]
            if self._whole_pair(*parts):
                return replace(self.kind(parts[0]), name="pair")
        scaled = self._scaled_pair(*node.elts)
        if scaled is not None:
            return scaled
        first, second = map(self.kind, node.elts)
        if second.name == "constant":
            return Kind("factor") if first.name == "constant" else None
        if second.name == "filled" and first.name in FLOATS.split():
            return replace(first, name="pair", values=(), steps=0)
        return None

    def _scaled_pair(self, one: ast.expr, two: ast.expr) -> Kind | None:
        """Both parts of a pair, by the same power of two."""
        parts: list[ast.expr] = []
        for node in (one, two):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                parts.append(node.left)
                if call_name(node.right) != "_level_of":
                    return None
            elif call_name(node) == "_scale_by_power":
                assert isinstance(node, ast.Call)
                parts.append(node.args[0])
            else:
                return None
        first, second = map(ast.unparse, parts)
        alike = ast.unparse(one).replace(first, second, 1) == ast.unparse(two)
        if not (alike and self._whole_pair(*parts)):
            return None
        return replace(self.kind(one), name="pair")

    def _high(self, node: ast.expr) -> Kind | None:
        """The first part of a pair."""
        if self._part(node) != 0:
            return None
        assert isinstance(node, ast.Subscript)
        pair = self.kind(node.value)
        return number(pair.degree, pair.simple, pair.powers)

    def _part(self, node: ast.expr) -> int | None:
        """Which part of a pair it is."""
        if not (isinstance(node, ast.Subscript) and is_name(node.value)):
            return None
        if self.kind(node.value).name not in ("pair", "logs"):
            return None
        index = getattr(node.slice, "value", None)
        return index if type(index) is int else None

    def _whole_pair(self, first: ast.expr, second: ast.expr) -> bool:
        """name[0] and name[1]: a low part alone means nothing."""
        if (self._part(first), self._part(second)) != (0, 1):
            return False
        assert isinstance(first, ast.Subscript)
        assert isinstance(second, ast.Subscript)
        return ast.unparse(first.value) == ast.unparse(second.value)

    def _computed(self, node: ast.BinOp) -> Kind | None:
        way = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}.get(type(node.op), "")
        if not way:  # quotients are a primitive
            return None
        if way == "+" and self._whole_pair(node.left, node.right):
            return self.kind(node.left)
        a, b = self.kind(node.left), self.kind(node.right)
        return computed(way, a, b)

    # -- calls ------------------------------------------------------------
    def _called(self, node: ast.Call) -> Kind | None:
        name = call_name(node)
        if name == "_constant" and len(node.args) == 2:
            value = self.literal(node.args[0])
            if value is None or not self.argument(node.args[1], "dtype"):
                return None
            known = self.plain(value) or not math.isfinite(value.values[0])
            return replace(value, name="constant") if known else None
        if name == "ops.where" and len(node.args) == 3:
            return self._chosen(*node.args)
        for wanted, result in [*EXPONENTS.get(name, []), *CALLS.get(name, [])]:
            if len(wanted) != len(node.args):
                continue
            kinds = [
                self.argument(part, names)
                for part, names in zip(node.args, wanted, strict=True)
            ]
            if all(kinds):
                made = result if isinstance(result, Kind) else result(*kinds)
                if made is not None:
                    return made
        return None

    def _chosen(
        self, truth: ast.expr, one: ast.expr, other: ast.expr
    ) -> Kind | None:
        """The input or a number of the domain: still exact."""
        self._expect(truth, "truth")
        a, b = self._expect(one, TENSORS), self._expect(other, TENSORS)
        known = all(
            kind.name == "input"
            or (kind.name == "constant" and math.isfinite(kind.values[0]))
            for kind in (a, b)
        )
        if known and "input" in (a.name, b.name):
            return replace(INPUT, steps=max(a.steps, b.steps, 1))
        return number(max(a.degree, b.degree), False, same_powers(a, b))


def _degree(end: dict[str, Any]) -> int:
    """The largest power in an end's exponential; 0 where it has none."""
    if not end.get("exponent") or not exact(end.get("level", 0)):
        return 0
    return max(whole_number(power, "a power") for power, _ in end["exponent"])


def names_of(target: ast.expr) -> list[str]:
    """What an assignment binds."""
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
