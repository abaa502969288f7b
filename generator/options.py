"""What the command line takes, and what its help says."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

# As pieces.cover has them, which takes a second to load.
OUTSIDE = ("nan", "clip")
Run = Callable[[argparse.Namespace], int]

STANDARD_OUTPUT = Path("-")
LIKE = "a formula such as (exp(x)-1)/x, or a name that `list` shows"
ABOUT = """Numerically stable Keras ops from a formula.

A formula is in one variable, as in Python: + - * / ** and exp, log, sqrt,
sin, cos, tanh and their kin.  What is derived has a proved bound for every
float of the domain, in units in the last place (ulp)."""
CODES = """exit codes:
  0    done
  1    generated files are not up to date; verify: the machine is worse than
       bounds assume; diagnose: there is a flaw
  2    the input cannot be used, or the output not be written
  130  interrupted
  141  nobody reads the output to its end
"""
# By command: what it does, more of it, and lines to try.
HELP: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "list": (
        "the functions that ship",
        "Each is an op ks.ops.NAME; its name stands for its formula and its "
        "domain in the other commands.",
        ("list", "list --json"),
    ),
    "generate": (
        "write a module that imports only keras",
        "The module holds f, f' and f'' with the rules of differentiation, "
        "and offers a function of the op's name.",
        (
            'generate "1/(1-exp(-x)) - 1/x" --name f --out my_op.py',
            'generate "log(1+x)/x" --domain -1 oo --out - > my_op.py',
            'generate "tanh(x)/x" --dtypes tf32 --formats tf32.toml '
            "--out my_op.py",
        ),
    ),
    "explain": (
        "say how it is computed, and why so",
        "Which piece is where, with its bound; as data with --json.",
        (
            "explain log_cosh",
            'explain "(1-cos(x))/x**2" --domain -3 3 --dtype float64',
            "explain log_cosh --json",
        ),
    ),
    "plot": (
        "draw the error over the whole float line",
        "The op and its gradient beside the textbook formula, each measured "
        "here against multiple precision.",
        (
            "plot log_cosh --out log_cosh.png",
            'plot "-x*log(x)" --domain 0 oo --dtype bfloat16 --out plot.svg',
        ),
    ),
    "report": (
        "write a page about it, or about all that ship",
        "One file of HTML that loads nothing: formula, graph, pieces, "
        "certificate, errors, source.  With no formula a page for each "
        "function that ships and an index, in a folder.",
        (
            "report log_cosh --out log_cosh.html",
            "report --out pages/",
        ),
    ),
    "diagnose": (
        "find where a function is nan, inf or noise, and say why",
        "Runs it over all magnitudes on the backend that is configured "
        "(KERAS_BACKEND).",
        (
            "diagnose my_module:my_loss",
            'diagnose my_module:f --formula "log(1+x)/x" --domain -1 oo',
        ),
    ),
    "verify": (
        "measure here what the error bounds assume",
        "On the backend that is configured (KERAS_BACKEND); takes about 20 "
        "seconds for all.",
        ("verify", "verify stablef log_cosh --json"),
    ),
    "all": (
        "derive and write every function of the catalogue",
        "What `make generate` does in a checkout.",
        ("all", "all --dtypes tf32 --formats tf32.toml --out generated/"),
    ),
    "check": (
        "derive every function, compare, write nothing",
        "What `make check` does in a checkout.",
        ("check", "check --fresh"),
    ),
}
_MADE = "in a folder that is made if need be"
OUT = {
    "generate": f"file to write, {_MADE}; - for standard output",
    "plot": f"file to write, .png, .svg or .pdf, {_MADE}; - for a PNG on "
    "standard output",
    "report": f"file to write, .html, {_MADE}; - for standard output; the "
    "folder of the pages where no formula is given",
}


class _Parser(argparse.ArgumentParser):
    """One whose errors say what would help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See {self.prog} --help.\n")


def read(
    given: list[str], runs: Mapping[str, Run], version: str
) -> argparse.Namespace:
    """The options of a command line; `run` is what does the work.

    Raises:
        SystemExit: help was asked for (0), or there is no such option (2).
    """
    parser = _parser(runs, version)
    if not given:
        parser.print_help(sys.stderr)
        raise SystemExit(2)
    # One minus begins a number or a formula here, "-oo" or "-x*log(x)", and
    # no option but -h; two begin an option.
    return parser.parse_args(
        [f" {a}" if re.match(r"-[^-]", a) and a != "-h" else a for a in given]
    )


def _parser(runs: Mapping[str, Run], version: str) -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="keras-stablef",
        description=ABOUT,
        epilog=f"{_examples(*HELP)}\n\n{CODES}",
        formatter_class=shape,
    )
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, more, _) in HELP.items():
        made = commands.add_parser(
            name,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.\n\n{_folded(more)}",
            epilog=f"{_examples(name)}\n\n{CODES}",
            formatter_class=shape,
        )
        made.set_defaults(run=runs[name])
        ADDED[name](made)
    return parser


def _folded(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 78)


def _examples(*names: str) -> str:
    lines = [line for name in names for line in HELP[name][2]]
    if len(names) > 1:  # of each command the first
        lines = [HELP[name][2][0] for name in names[:-2]]
    return "\n  ".join(["examples:", *(f"keras-stablef {a}" for a in lines)])


def path(text: str) -> Path:
    """A place, which may begin with a minus (see `read`)."""
    return Path(text[1:] if text.startswith(" -") else text)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--json", action="store_true", help="for programs to read"
    )


def _add_domain(command: argparse.ArgumentParser, default: str) -> None:
    command.add_argument(
        *("--domain",), nargs=2, metavar=("LOW", "HIGH"), help=default
    )


def _add_formula(command: argparse.ArgumentParser, needed: bool = True) -> None:
    if needed:
        command.add_argument("formula", help=LIKE)
    else:
        command.add_argument(
            *("formula",), nargs="?", help=f"{LIKE}; default: all that ship"
        )
    command.add_argument("--name", help="of the op (default: f)")
    _add_domain(command, "default: all reals, or that of the named op")
    command.add_argument(
        "--max-ulp", type=float, help="default: 2 (f, f') and 4 (f'')"
    )
    command.add_argument(
        "--outside",
        choices=OUTSIDE,
        default="nan",
        help="what an input outside of the domain gives; clip: the nearest end",
    )
    _add_json(command)


def _add_formats(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dtypes", nargs="+", metavar="FORMAT", help="default: all of them"
    )
    command.add_argument(
        "--formats",
        type=Path,
        metavar="FILE",
        help="a TOML file of formats of your own (docs/dtypes.md)",
    )


def _add_fresh(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--fresh", action="store_true", help="use no cached plan"
    )


def _add_dtype(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dtype", default="float32", help="default: float32")


def _generate(command: argparse.ArgumentParser) -> None:
    _add_formula(command)
    _add_formats(command)
    command.add_argument(
        *("--out",), type=path, required=True, help=OUT["generate"]
    )


def _explain(command: argparse.ArgumentParser) -> None:
    _add_formula(command)
    _add_dtype(command)
    command.add_argument(
        "--fpcore", action="store_true", help="the formula as FPCore"
    )


def _plot(command: argparse.ArgumentParser) -> None:
    _add_formula(command)
    _add_dtype(command)
    command.add_argument(
        *("--out",), type=path, required=True, help=OUT["plot"]
    )


def _report(command: argparse.ArgumentParser) -> None:
    _add_formula(command, needed=False)
    _add_dtype(command)
    command.add_argument(
        *("--out",), type=path, required=True, help=OUT["report"]
    )


def _diagnose(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "target", help="module:function, loss or model of yours"
    )
    _add_domain(command, "where to look; default: all reals")
    command.add_argument("--formula", help="what it is meant to compute")
    command.add_argument("--dtype", help="default: keras.config.floatx()")
    command.add_argument("--out", type=path, help="a picture of the errors")
    _add_json(command)


def _verify(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", help="of ops; default: all")
    _add_json(command)


def _all(command: argparse.ArgumentParser) -> None:
    _add_fresh(command)
    _add_formats(command)
    command.add_argument(
        "--out",
        type=path,
        default=Path("out/generated"),
        help="folder for formats that do not ship",
    )


ADDED: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "list": _add_json,
    "generate": _generate,
    "explain": _explain,
    "plot": _plot,
    "report": _report,
    "diagnose": _diagnose,
    "verify": _verify,
    "all": _all,
    "check": _add_fresh,
}


def as_json(data: object) -> str:
    """JSON that any program reads: what is not finite is a text."""
    return json.dumps(_finite(data), indent=1, allow_nan=False)


def _finite(data: object) -> object:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if isinstance(data, float) and (data != data or abs(data) == float("inf")):
        return str(data)
    return data
