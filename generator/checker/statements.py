"""Helpers as the theorems know them, written down once more.

operations.py replaces `_two_sum` and its kin by what is proved of them, and
kernels.py adds the truncation error of `_pair_log` and `_pair_exp`: true of
this code and of no other.  Every helper of one of these names has to have the
same syntax tree.  That this code does what the theorems say is tested with
exact arithmetic: tests/runtime/, tests/checker/test_checker_running.py.
"""

from __future__ import annotations

import ast

from .statements_of_division import DIVISION

HELPERS = """
def _entries(values, i, dtype):
    if backend() != "torch":
        return ops.take(ops.convert_to_tensor(values, dtype=dtype), i)
    column = ops.convert_to_tensor([[v] for v in values], dtype=dtype)
    return ops.take(column, i, axis=0)[..., 0]


class _Grid:
    def __init__(self, scale, first, counts):
        self.scale, self.first = scale, first
        self.rows = [row for row, n in enumerate(counts) for _ in range(n)]


def _find_row(t, seams, table, dtype):
    if isinstance(seams, _Grid):
        exact = t * seams.scale
        i = ops.cast(exact, "int32")
        if seams.first < 0:
            down = exact < ops.cast(i, dtype)
            i = i - ops.cast(down, "int32")
        i = i - seams.first
        i = ops.clip(i, 0, len(seams.rows) - 1)
        i = _entries(seams.rows, i, "int32")
    else:
        i = ops.zeros_like(t, dtype="int32")
        step = 1
        while step <= len(seams):
            step *= 2
        padded = list(seams) + [float("inf")] * (step - len(seams))
        while step > 1:
            step //= 2
            above = t >= _entries(padded, i + (step - 1), dtype)
            i = i + step * ops.cast(above, "int32")
    if backend() == "torch":
        row = ops.take(ops.convert_to_tensor(table, dtype=dtype), i, axis=0)
        return [row[..., k] for k in range(len(table[0]))]
    return [_entries(column, i, dtype) for column in zip(*table, strict=True)]


_BITS = {"float32": ("int32", 23, 127), "float64": ("int64", 52, 1023)}


def _sees_bits():
    if backend() == "numpy":
        return False
    if backend() == "openvino":
        return False
    if backend() == "torch":
        import torch

        return not torch.onnx.is_in_onnx_export()
    frame = _getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        home = str(frame.f_globals.get("__name__"))
        if home.startswith("keras.") and home.endswith((".onnx", ".litert")):
            return False
    return True


def _bits_of(t, dtype):
    return _reinterpret(ops.stop_gradient(t), _BITS[dtype][0])


def _reinterpret(t, dtype):
    if backend() == "tensorflow":
        import tensorflow as tf

        return tf.bitcast(t, dtype)
    return ops.view(t, dtype)


def _whole(n, dtype):
    integer, bits, bias = _BITS[dtype]
    if not _sees_bits():
        return ops.cast(n, integer)
    far = _constant(1.5 * 2.0**bits, dtype)
    far_bits = (2 * (bias + bits) + 1) * 2 ** (bits - 1)
    return _bits_of(ops.cast(n, dtype) + far, dtype) - far_bits


def _power_of_two(n, dtype):
    _, bits, bias = _BITS[dtype]
    if _sees_bits():
        return _reinterpret((n + bias) * 2**bits, dtype)
    table = [2.0**k for k in range(1 - bias, bias)]
    i = ops.clip(n + (bias - 1), 0, 2 * bias - 2)
    return _entries(table, i, dtype)


def _scale_by_power(y, n, dtype):
    most = 2.0 * (_BITS[dtype][2] - 1)
    return _by_whole(y, _whole(ops.clip(n, -most, most), dtype), dtype)


def _by_whole(y, n, dtype):
    half = ops.right_shift(n, 1) if _sees_bits() else ops.floor_divide(n, 2)
    return (y * _power_of_two(half, dtype)) * _power_of_two(n - half, dtype)


def _grown(y, n, dtype):
    bits = _BITS[dtype][1] + 1
    y = _apart(y * 2.0**bits, dtype)
    return y * _power_of_two(_whole(n, dtype) - bits, dtype)


def _grown_from(y, n, shift, dtype):
    return y * _power_of_two(_whole(n, dtype) - shift, dtype)


def _shrunk(y, n, dtype):
    bits = _BITS[dtype][1] + 1
    y = _apart(y * 2.0**-bits, dtype)
    return y * _power_of_two(bits - _whole(n, dtype), dtype)


def _pair_by_power(y, n, dtype):
    p = _power_of_two(_whole(n, dtype), dtype)
    return y[0] * p, y[1] * p


def _unit_of(n, dtype):
    most = _constant(_BITS[dtype][2] - 1.0, dtype)
    return _power_of_two(-_whole(ops.minimum(n, most), dtype), dtype)


def _split_exponent(t, root, dtype):
    integer, bits, bias = _BITS[dtype]
    if _sees_bits():
        up = (root + 1) // 2
        first = 2**bits * (bias - up)
        first += int(2**bits * (2.0 ** (up - 0.5 * root) - 1.0))
        n = ops.right_shift(_bits_of(t, dtype) - first, bits)
        if root == 2:
            n = n - ops.bitwise_and(n, 1)
        elif root > 2:
            n = ops.cast(root * ops.floor_divide(n, root), integer)
        return _by_whole(t, -n, dtype), ops.cast(n, dtype)
    n = ops.log(t) * (1.4426950408889634 / root)
    n = ops.cast(root * ops.floor(n + 0.5), dtype)
    return _scale_by_power(t, -n, dtype), n


def _split(s, divider, dtype):
    if _sees_bits():
        j = int(divider).bit_length() - 1
        half, kept = (
            _constant(v, _BITS[dtype][0]) for v in (2 ** (j - 1), -(2**j))
        )
        bits = ops.bitwise_and(_bits_of(s, dtype) + half, kept)
        high = _reinterpret(bits, dtype)
        return high, s - high
    high = divider * s
    high = high - (high - s)
    return high, s - high


def _fixed(p, dtype):
    last = {"float32": 3.4028235e38, "float64": 1.79e308}[dtype]
    return ops.clip(p, -last, last)


def _apart(v, dtype):
    return _fixed(v, dtype) if backend() == "tensorflow" else v


def _once(v, dtype):
    if backend() == "torch":
        return v
    last = {"float32": 3.4028235e38, "float64": 1.79e308}[dtype]
    return ops.maximum(v, _constant(-last, dtype))


def _two_sum(a, b):
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def _fast_two_sum(a, b):
    s = a + b
    return s, b - (s - a)


def _two_product(a, b, dtype):
    divider = {"float32": 4097.0, "float64": 134217729.0}[dtype]
    p = _fixed(a * b, dtype)
    ah, al = _split(a, divider, dtype)
    bh, bl = _split(b, divider, dtype)
    return p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)


def _high_part(a, dtype):
    if _sees_bits():
        integer, bits, _ = _BITS[dtype]
        cut = _constant(-(2 ** ((bits + 2) // 2)), integer)
        high = _reinterpret(ops.bitwise_and(_bits_of(a, dtype), cut), dtype)
        return high
    divider = {"float32": 4097.0, "float64": 134217729.0}[dtype]
    large = ops.abs(a) > 1.0 / _constant(2.0 ** (20 - _BITS[dtype][2]), dtype)
    down = ops.where(large, _constant(2.0**-40, dtype), _constant(1.0, dtype))
    up = ops.where(large, _constant(2.0**40, dtype), _constant(1.0, dtype))
    return _split(a * down, divider, dtype)[0] * up


def _product_of_halves(a, b, dtype):
    ah, bh = _high_part(a, dtype), _high_part(b, dtype)
    al, bl = a - ah, b - bh
    p = ah * bh
    rest = (ah * bl + al * bh) + al * bl
    return _fast_two_sum(p, rest)


def _short_quotient(x, y, dtype):
    q = _once(_quotient(x[0], y[0], dtype), dtype)
    p, e = _product_of_halves(q, y[0], dtype)
    rest = (x[0] - p) - e
    if x[1] is not None:
        rest = rest + x[1]
    if y[1] is not None:
        rest = rest - q * y[1]
    return q, _once(_quotient(rest, y[0], dtype), dtype)


def _short_root(x, dtype):
    head, tail, up = x[0], x[1], None
    if not _sees_bits():
        large = head > _constant(2.0 ** (_BITS[dtype][2] - 1), dtype)
        one = _constant(1.0, dtype)
        down = ops.where(large, _constant(2.0**-2, dtype), one)
        up = ops.where(large, _constant(2.0, dtype), one)
        head, tail = head * down, None if tail is None else tail * down
    r = _once(_square_root(head, dtype), dtype)
    p, e = _product_of_halves(r, r, dtype)
    rest = (head - p) - e
    if tail is not None:
        rest = rest + tail
    more = _once(_quotient(0.5 * rest, r, dtype), dtype)
    return (r, more) if up is None else (r * up, more * up)


def _pair_sum(x, y):
    s, e = _two_sum(x[0], y[0])
    return _fast_two_sum(s, e + (x[1] + y[1]))


def _pair_product(x, y, dtype):
    p, e = _two_product(x[0], y[0], dtype)
    return _fast_two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def _pair_quotient(x, y, dtype):
    q = _once(_quotient(x[0], y[0], dtype), dtype)
    p, e = _two_product(q, y[0], dtype)
    rest = (((x[0] - p) - e) + x[1]) - q * y[1]
    return _fast_two_sum(q, _once(_quotient(rest, y[0], dtype), dtype))


def _pair_power(x, n, dtype):
    y = x
    for _ in range(n - 1):
        y = _pair_product(y, x, dtype)
    return y


def _pair_root(m, degree, dtype):
    r = ops.sqrt(m) if degree == 2 else ops.exp(ops.log(m) / degree)
    r = _once(ops.cast(r, dtype), dtype)
    p = _pair_power((r, ops.zeros_like(r)), degree, dtype)
    slope = degree * r
    for _ in range(degree - 2):
        slope = slope * r
    more = _quotient((m - p[0]) - p[1], slope, dtype)
    return _fast_two_sum(r, _once(more, dtype))


def _pair_log(m, n, dtype):
    kernel, (one, two, three) = _LOG[dtype]
    r = m - 1.0
    p, e = _two_product(r, r, dtype)
    cubic = (r * p) * _horner(kernel, r)
    s, low = _fast_two_sum(r, -0.5 * p)
    s, more = _fast_two_sum(n * one, s)
    low = low + (more + (cubic - 0.5 * e))
    return _fast_two_sum(s, low + n * two + n * three)


def _pair_exp(x, dtype):
    kernel, (one, two, three) = _EXP[dtype]
    n = ops.cast(ops.floor(x[0] * 1.4426950408889634 + 0.5), dtype)
    r, e = _fast_two_sum(x[0] - n * one, -(n * two))
    e = e - n * three if x[1] is None else e + (x[1] - n * three)
    s, low = _two_sum(r, 1.0)
    rest = r * r * _horner(kernel, r)
    low = low + (rest + e * (s + rest))
    return _fast_two_sum(s, low), n


def _signed_exp(x, dtype):
    least = _constant({"float32": -87.0, "float64": -708.0}[dtype], dtype)
    held = ops.where(x[0] < least, least, x[0])
    m, n = _pair_exp((held, x[1]), dtype)
    zero = _constant(0.0, dtype)
    down = _pair_by_power(m, ops.minimum(n, zero), dtype)
    return down, ops.maximum(n, zero)


def _horner(coefficients, s):
    z = coefficients[-1]
    for c in coefficients[-2::-1]:
        z = z * s + c
    return z


def _log_rows(z, rows, dtype):
    seams, table, _, scaled = rows
    center, *columns = _find_row(z[0], seams, table, dtype)
    s = (z[0] - center) + z[1]
    gain = 1.0
    if scaled:
        scale, gain, *columns = columns
        s = s * scale
    lead, *rest = columns
    high, low = _two_sum(-_horner(rest, s), lead)
    return high * gain, low * gain
"""


def plain(node: ast.AST) -> str:
    """The tree as text, without docstrings and places."""
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            first = part.body[0]
            text = isinstance(first, ast.Expr) and isinstance(
                first.value, ast.Constant
            )
            if text and len(part.body) > 1:
                part.body = part.body[1:]
    return ast.dump(node)


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    assert isinstance(node, (ast.FunctionDef, ast.ClassDef))
    return node.name


TREES = ast.parse(HELPERS + DIVISION).body
STATED = {_name(node): plain(node) for node in TREES}
