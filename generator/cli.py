"""The command line: ``keras-stablef generate | explain | diagnose | ...``.

Loaded when it is needed: help and ``list`` need neither Keras nor what the
extra ``generator`` installs.  Exit codes are in `CODES`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from .errors import GeneratorError
from .files import make_folder
from .files import refuse_folder
from .files import refuse_place
from .formula.catalogue import load_catalogue
from .plain import shown

if TYPE_CHECKING:
    from keras_stablef._op import StableOp

EXAMPLES = """examples:
  keras-stablef list
  keras-stablef diagnose my_module:my_loss
  keras-stablef generate "1/(1-exp(-x)) - 1/x" --name f --out my_op.py
  keras-stablef generate "log(1+x)/x" --domain -1 oo --out - > my_op.py
  keras-stablef generate "tanh(x)/x" --dtypes tf32 --formats tf32.toml \
      --out my_op.py
  keras-stablef explain "(1-cos(x))/x**2" --domain -3 3 --dtype float32
  keras-stablef explain log_cosh --json
  keras-stablef plot log_cosh --out log_cosh.png
  keras-stablef report log_cosh --out log_cosh.html
  keras-stablef report --out pages/
"""
CODES = """exit codes:
  0    done
  1    generated files are not up to date; verify: the machine is worse than
       bounds assume; diagnose: there is a flaw
  2    the input cannot be used, or the output not be written
  130  interrupted
  141  nobody reads the output to its end
"""
LIKE = "a formula such as (exp(x)-1)/x, or a name that `list` shows"
STANDARD_OUTPUT = Path("-")
_MADE = "in a folder that is made if need be"
OUT = {
    "generate": f"file to write, {_MADE}; - for standard output",
    "plot": f"file to write, .png, .svg or .pdf, {_MADE}",
    "report": f"file to write, .html, {_MADE}; - for standard output; the "
    "folder of the pages where no formula is given",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else list(arguments)
    # One minus begins a number or a formula here, "-oo" or "-x*log(x)", and
    # no option but -h; two begin an option.
    given = [
        f" {a}" if re.match(r"-[^-]", a) and a != "-h" else a for a in given
    ]
    options = parser.parse_args(given)
    try:
        code = int(options.run(options))
        if sys.stdout is not None:  # it may be closed
            # Here, and not when nobody can say why it failed.
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # nobody reads on: no error of ours
        _give_up_output()
        return 141  # as of a process that SIGPIPE ends
    except ValueError as error:  # GeneratorError, or a bad dtype
        return _failed(error)
    except ImportError as error:  # what the extra `generator` installs
        from keras_stablef._missing import explained

        return _failed(explained(error))
    except OSError as error:  # a full disk, say
        _give_up_output()
        return _failed(error)
    except KeyboardInterrupt:
        print("interrupted: nothing was left half written", file=sys.stderr)
        return 130


def _failed(error: BaseException) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _give_up_output() -> None:
    """What cannot be written is not tried again when Python ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


# -- options -----------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-stablef",
        description="Numerically stable Keras ops from a formula.",
        epilog=f"{EXAMPLES}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text[:1].upper() + text[1:] + ".",
            epilog=f"{EXAMPLES}\n{CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    _add_json(command("list", _list, "the functions that ship"))
    for name, run, text in (
        ("generate", _generate, "write a module that imports only keras"),
        ("explain", _explain, "say how it is computed, and why so"),
        ("plot", _plot, "draw the error over the whole float line"),
        ("report", _report, "write a page about it, or about all that ship"),
    ):
        made = command(name, run, text)
        _add_formula(made, name != "report")
        if name == "generate":
            _add_formats(made)
        else:
            made.add_argument("--dtype", default="float32")
        if name != "explain":
            made.add_argument(
                "--out",
                type=_path,
                required=True,
                help=OUT[name],
            )
        if name in ("explain", "generate"):
            _add_json(made)
        if name == "explain":
            made.add_argument(
                "--fpcore", action="store_true", help="the formula as FPCore"
            )
    made = command(
        "diagnose",
        _diagnose,
        "find where a function is nan, inf or noise, and say why",
    )
    made.add_argument("target", help="module:function, loss or model of yours")
    made.add_argument("--domain", nargs=2, metavar=("LOW", "HIGH"))
    made.add_argument("--formula", help="what it is meant to compute")
    made.add_argument("--dtype", help="default: keras.config.floatx()")
    made.add_argument("--out", type=_path, help="a picture of the errors")
    _add_json(made)
    made = command(
        "verify", _verify, "measure here what the error bounds assume"
    )
    made.add_argument("names", nargs="*", help="of ops; default: all")
    _add_json(made)
    for name, run, text in (
        ("all", _all, "derive and write every function of the catalogue"),
        ("check", _check, "derive every function, compare, write nothing"),
    ):
        made = command(name, run, text)
        made.add_argument(
            "--fresh", action="store_true", help="use no cached plan"
        )
        if name == "all":
            _add_formats(made)
            made.add_argument(
                "--out",
                type=_path,
                default=Path("out/generated"),
                help="folder for formats that do not ship",
            )
    return parser


def _path(text: str) -> Path:
    return Path(text[1:] if text.startswith(" -") else text)  # see `main`


def _version() -> str:
    from importlib import metadata

    return f"keras-stablef {metadata.version('keras-stablef')}"


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--json", action="store_true", help="for programs to read"
    )


def _add_formula(command: argparse.ArgumentParser, needed: bool) -> None:
    if needed:
        command.add_argument("formula", help=LIKE)
    else:
        command.add_argument(
            *("formula",), nargs="?", help=f"{LIKE}; default: all that ship"
        )
    command.add_argument("--name", help="of the op (default: f)")
    command.add_argument(
        "--domain",
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="default: all reals, or that of the named op",
    )
    command.add_argument(
        "--max-ulp", type=float, help="default: 2 (f, f') and 4 (f'')"
    )


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


# -- commands ----------------------------------------------------------------


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=1))


def _print_table(rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their longest entry; nothing is cut or folded."""
    lines = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (c.ljust(w) for c, w in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def _op(options: argparse.Namespace) -> StableOp:
    """The op that the formula, or the name, stands for."""
    import keras_stablef as ks

    made: StableOp = ks.stabilize(
        options.formula.strip(" "),
        None if options.domain is None else tuple(options.domain),
        name=options.name,
        max_ulp=options.max_ulp,
    )
    return made


def _list(options: argparse.Namespace) -> int:
    entries = load_catalogue()
    if options.json:
        _print_json([vars(entry) for entry in entries])
        return 0
    head = ("name", "formula", "domain", "meaning")
    rows = [(e.name, e.formula, " ".join(e.domain), e.meaning) for e in entries]
    _print_table([head, *rows])
    return 0


def _verify(options: argparse.Namespace) -> int:
    import keras_stablef as ks

    unknown = set(options.names) - set(ks.ops.__all__)
    if unknown:
        raise GeneratorError(
            f"No such op: expected names that `list` shows, received "
            f"{shown(', '.join(sorted(unknown)))}."
        )
    report = ks.verify(*options.names)
    if options.json:
        from dataclasses import asdict

        _print_json({**asdict(report), "ok": report.ok})
    else:
        print(report)
    return 0 if report.ok else 1


def _diagnose(options: argparse.Namespace) -> int:
    import keras_stablef as ks

    if options.out:
        _refuse_output(options.out)
    found = ks.diagnose(
        _theirs(options.target),
        domain=None if options.domain is None else tuple(options.domain),
        formula=options.formula,
        dtype=options.dtype,
    )
    if options.json:
        from dataclasses import asdict

        data = asdict(found)
        _print_json({**data, "measured": None, "ok": found.ok})
    else:
        print(found)
    if options.out:
        make_folder(options.out.parent)
        found.plot(options.out)
    return 0 if found.ok else 1


def _theirs(target: str) -> Any:
    """What ``module:name`` stands for; the module is run, as Python would."""
    import importlib

    module, _, names = target.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:  # whatever the module raises
        why = shown(f"{type(error).__name__}: {error}")
        raise GeneratorError(
            "Cannot diagnose: expected module:function, of a module in this "
            f"folder or installed, received {shown(target)}, which says {why}."
        ) from error
    return found


def _refuse_output(path: Path) -> None:
    """Raises where no file can be, before any work is done for it."""
    refuse_folder(path.parent)
    if path.parent.is_dir():
        refuse_place(path)


def _generate(options: argparse.Namespace) -> int:
    from keras_stablef._study import module_of
    from keras_stablef._study import write_module

    from .numbers.format_file import tables_of
    from .numbers.formats import FORMATS
    from .numbers.formats import asked_formats

    standard = options.out == STANDARD_OUTPUT
    if not standard:
        _refuse_output(options.out)
    formats, names = asked_formats(options.formats, options.dtypes)
    own = {n: formats[n] for n in names if n not in FORMATS}
    op = _op(options)
    text, bounds = module_of(op, names, tables_of(own) if own else None)
    if standard:
        print(text, end="")
    else:
        make_folder(options.out.parent)
        write_module(options.out, text)
    # What was written alone goes to standard output where that was asked.
    stream = sys.stderr if standard else sys.stdout
    if options.json:
        print(json.dumps({"name": op.name, "bounds": bounds}), file=stream)
        return 0
    for name, row in bounds.items():
        print(f"{name}: f, f', f'' within {row} ulp", file=stream)
    return 0


def _explain(options: argparse.Namespace) -> int:
    op = _op(options)
    if options.json:
        bounds = [
            op.certificate(options.dtype, order) for order in range(op.orders)
        ]
        _print_json(bounds)
    elif options.fpcore:
        print(op.fpcore(options.dtype), end="")
    else:
        print(op.explain(options.dtype), end="")
    return 0


def _plot(options: argparse.Namespace) -> int:
    _refuse_output(options.out)
    op = _op(options)
    # Refused before a folder is made for it.
    op.error_bound(options.dtype)
    make_folder(options.out.parent)
    op.plot(options.out, options.dtype)
    return 0


def _report(options: argparse.Namespace) -> int:
    from keras_stablef._report import catalogue
    from keras_stablef._report import page_of

    if options.formula is None:
        import keras_stablef as ks

        refuse_folder(options.out)
        ops = [getattr(ks.ops, entry.name) for entry in load_catalogue()]
        ops[0].error_bound(options.dtype)  # refused before a folder is made
        make_folder(options.out)
        for file in catalogue(ops, options.out, options.dtype):
            print(options.out / file, flush=True)
        return 0
    if options.out == STANDARD_OUTPUT:
        print(page_of(_op(options), options.dtype), end="")
        return 0
    _refuse_output(options.out)
    op = _op(options)
    op.error_bound(options.dtype)
    make_folder(options.out.parent)
    op.report(options.out, options.dtype)
    return 0


def _all(options: argparse.Namespace) -> int:
    from .making import make_all

    return make_all(options)


def _check(options: argparse.Namespace) -> int:
    from .making import check_all

    return check_all(options)


if __name__ == "__main__":
    sys.exit(main())
