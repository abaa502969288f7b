"""The command line: ``keras-stablef generate | explain | verify | ...``.

``all`` and ``check`` are for the catalogue of a checkout.  ``all`` with other
formats than those that ship writes modules that import only keras to a folder
of their own, so that what ships stays what `check` expects.  Exit codes: 0
done, 1 the generated files are not up to date or the machine is worse than
bounds assume, 2 the input cannot be used or the output not be written,
130 interrupted, 141 nobody reads the output to its end.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from .build import Built
from .build import build
from .errors import GeneratorError
from .files import differences
from .files import make_folder
from .files import refuse_folder
from .files import refuse_place
from .files import write_if_changed
from .formula.catalogue import Entry
from .formula.catalogue import load_catalogue
from .numbers.floats import FloatFormat
from .numbers.format_file import tables_of
from .numbers.formats import FORMATS
from .numbers.formats import formats_with
from .numbers.formats import get_format
from .pieces.cover import AnyPlan
from .plain import shown
from .source.render import render_kernels
from .source.standalone import standalone
from .words.bounds_page import with_bounds
from .words.report import table

if TYPE_CHECKING:
    from keras_stablef._op import StableOp

EXAMPLES = """examples:
  keras-stablef list
  keras-stablef generate "1/(1-exp(-x)) - 1/x" --name f --out my_op.py
  keras-stablef generate "log(1+x)/x" --domain -1 oo --out my_op.py
  keras-stablef generate "tanh(x)/x" --dtypes tf32 --formats tf32.toml \
      --out my_op.py
  keras-stablef explain "(1-cos(x))/x**2" --domain -3 3 --dtype float32
  keras-stablef explain log_cosh
  keras-stablef plot log_cosh --out log_cosh.png
"""

WIDE = 1000  # columns, where nobody sees an edge
LIKE = "a formula such as (exp(x)-1)/x, or a name that `list` shows"


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
    console = Console(stderr=True)
    try:
        code = int(options.run(options, console))
        if sys.stdout is not None:  # it may be closed
            # Here, and not when nobody can say why it failed.
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # nobody reads on: no error of ours
        _give_up_output()
        return 141  # as of a process that SIGPIPE ends
    except ValueError as error:  # GeneratorError, or a bad dtype
        # Escaped: "[x]" is no markup but what was received.
        text = escape(str(error))
        console.print(f"[red]error:[/red] {text}", highlight=False)
        return 2
    except OSError as error:  # a full disk, say
        _give_up_output()
        console.print(f"[red]error:[/red] {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        console.print("interrupted: nothing was left half written")
        return 130


class _Console(Console):
    """One that leaves it to `main` to say that nobody reads on."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-stablef",
        description="Numerically stable Keras ops from a formula.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("all", _all, "derive and write every function of the catalogue"),
        ("check", _check, "derive every function, compare, write nothing"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--fresh", action="store_true", help="use no cached plan"
        )
        if name == "all":
            _add_formats(command)
            command.add_argument(
                "--out",
                type=Path,
                default=Path("out/generated"),
                help="folder for formats that do not ship",
            )
        command.set_defaults(run=run)
    listing = commands.add_parser("list", help="the functions that ship")
    listing.set_defaults(run=_list)
    verifying = commands.add_parser(
        "verify", help="measure here what the error bounds assume"
    )
    verifying.add_argument("names", nargs="*", help="of ops; default: all")
    verifying.set_defaults(run=_verify)
    for name, run, text in (
        ("generate", _generate, "write a module that imports only keras"),
        ("explain", _explain, "say how it is computed, and why so"),
        ("plot", _plot, "draw the error over the whole float line"),
    ):
        command = commands.add_parser(
            name,
            help=text,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("formula", help=LIKE)
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
        if name == "generate":
            _add_formats(command)
        else:
            command.add_argument("--dtype", default="float32")
        if name != "explain":
            command.add_argument(
                "--out", type=Path, required=True, help="file to write"
            )
        command.set_defaults(run=run)
    return parser


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


def _asked(
    options: argparse.Namespace,
) -> tuple[dict[str, FloatFormat], list[str]]:
    """The formats there are, and the names of those asked for."""
    formats = formats_with(options.formats)
    names = list(dict.fromkeys(options.dtypes or formats))
    for name in names:
        get_format(name, formats)
    return formats, names


def _output() -> Console:
    """Of standard output; in a pipe or a file no table is cut or folded."""
    console = _Console()
    return console if console.is_terminal else _Console(width=WIDE)


def _give_up_output() -> None:
    """What cannot be written is not tried again when Python ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


def _package_folder() -> Path:
    """The folder of the shipped modules, in a checkout or a wheel."""
    import keras_stablef

    return Path(keras_stablef.__file__).parent / "generated"


def _triton_folder() -> Path:
    """The folder of the Triton kernels, beside it."""
    return _package_folder().parent / "kernels"


def _kernels() -> tuple[Path, str]:
    """The numbers of the runtime's kernels: their place, and the file."""
    source = render_kernels()
    folder = _package_folder().parent / "runtime"
    return folder / f"{source.name}.py", source.text


def _bounds_page() -> Path | None:
    """docs/ops.md in a checkout; a wheel has none."""
    path = Path(__file__).resolve().parent.parent / "docs" / "ops.md"
    return path if path.is_file() else None


def _build(
    entries: Sequence[Entry],
    dtypes: Sequence[str],
    console: Console,
    fresh: bool = False,
    formats: Mapping[str, FloatFormat] = FORMATS,
    certified: bool = False,
) -> list[Built]:
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("deriving", total=None)

        def report(label: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=label)
            tenth = 10 * done // total
            if not console.is_terminal and tenth > 10 * (done - 1) // total:
                console.print(f"derived {done} of {total} plans")

        return build(
            entries,
            dtypes,
            progress=report,
            fresh=fresh,
            formats=formats,
            certified=certified,
        )


def _everything(
    console: Console, fresh: bool
) -> tuple[dict[Path, dict[str, str]], list[AnyPlan]]:
    """The files of each folder, and the plans."""
    if fresh and not console.is_terminal:
        console.print("deriving every plan anew; some minutes")
    built = _build(
        load_catalogue(), list(FORMATS), console, fresh, certified=True
    )
    files = {
        _package_folder(): {n: t for b in built for n, t in b.files.items()},
        _triton_folder(): {n: t for b in built for n, t in b.kernels.items()},
    }
    return files, [plan for b in built for plan in b.plans]


def _all(options: argparse.Namespace, console: Console) -> int:
    formats, names = _asked(options)
    if set(names) != set(FORMATS):
        return _others(options, console, formats, names)
    files, plans = _everything(console, options.fresh)
    changed = [
        f"{folder.name}/{name}"
        for folder, texts in files.items()
        for name, text in texts.items()
        if write_if_changed(folder / name, text)
    ]
    place, text = _kernels()
    changed += [place.name] if write_if_changed(place, text) else []
    page = _bounds_page()
    if page:
        text = with_bounds(page.read_text(encoding="utf-8"), plans)
        changed += ["docs/ops.md"] if write_if_changed(page, text) else []
    _output().print(table(plans))
    _output().print(f"changed: {', '.join(changed) or 'nothing'}")
    return 0


def _others(
    options: argparse.Namespace,
    console: Console,
    formats: Mapping[str, FloatFormat],
    names: Sequence[str],
) -> int:
    """Modules for the named formats, beside the package and not in it."""
    folder: Path = options.out
    refuse_folder(folder)
    # Every shipped format computed as they are costs nothing; of a file's
    # own only those asked for.
    served = {n: f for n, f in formats.items() if n in names or n in FORMATS}
    built = _build(
        load_catalogue(), names, console, options.fresh, formats=served
    )
    files = {}
    with console.status("formatting"):
        for b in built:
            for name, text in b.files.items():
                files[name] = text
                if name.endswith(".py"):
                    entry = b.entry
                    files[name] = standalone(text, entry.name, entry.formula)
    make_folder(folder)
    changed = [n for n, t in files.items() if write_if_changed(folder / n, t)]
    plans = [plan for b in built for plan in b.plans]
    _output().print(table(plans, {n: formats[n] for n in names}))
    _output().print(
        f"{len(changed)} of {len(files)} files changed in "
        f"{escape(str(folder))}; the "
        "package's own are for all the formats that ship and left alone"
    )
    return 0


def _check(options: argparse.Namespace, console: Console) -> int:
    files, plans = _everything(console, options.fresh)
    problems = [
        f"{folder.name}/{line}"
        for folder, texts in files.items()
        for line in differences(folder, texts)
    ]
    place, text = _kernels()
    if place.read_text(encoding="utf-8") != text:
        problems.append(f"{place.name} differs")
    page = _bounds_page()
    if page:
        text = page.read_text(encoding="utf-8")
        if with_bounds(text, plans) != text:
            problems.append("docs/ops.md has another table of bounds")
    for line in problems:
        console.print(f"[red]{escape(line)}[/red]; run `make generate`")
    if not problems:
        count = sum(map(len, files.values()))
        _output().print(f"{count} generated files are up to date")
    return 1 if problems else 0


def _op(options: argparse.Namespace) -> StableOp:
    """The op that the formula, or the name, stands for."""
    import keras_stablef as ks

    made: StableOp = ks.stabilize(
        options.formula,
        None if options.domain is None else tuple(options.domain),
        name=options.name,
        max_ulp=options.max_ulp,
    )
    return made


def _list(options: argparse.Namespace, console: Console) -> int:
    del options, console
    view = Table("name", "formula", "domain", "meaning", box=None)
    for entry in load_catalogue():
        low, high = entry.domain
        view.add_row(entry.name, entry.formula, f"{low} {high}", entry.meaning)
    _output().print(view)
    return 0


def _verify(options: argparse.Namespace, console: Console) -> int:
    import keras_stablef as ks

    unknown = set(options.names) - set(ks.ops.__all__)
    if unknown:
        raise GeneratorError(
            f"No such op: expected names that `list` shows, received "
            f"{shown(', '.join(sorted(unknown)))}."
        )
    del console
    report = ks.verify(*options.names)
    print(report)
    return 0 if report.ok else 1


def _generate(options: argparse.Namespace, console: Console) -> int:
    from keras_stablef._study import save

    refuse_place(options.out)
    formats, names = _asked(options)
    own = {n: formats[n] for n in names if n not in FORMATS}
    op = _op(options)
    with console.status("deriving every dtype and order"):
        bounds = save(op, options.out, names, tables_of(own) if own else None)
    for name, row in bounds.items():
        print(f"{name}: f, f', f'' within {row} ulp")
    return 0


def _explain(options: argparse.Namespace, console: Console) -> int:
    op = _op(options)
    with console.status("deriving"):
        text = op.explain(options.dtype)
    print(text, end="")
    return 0


def _plot(options: argparse.Namespace, console: Console) -> int:
    refuse_place(options.out)
    op = _op(options)
    with console.status("drawing"):
        op.plot(options.out, options.dtype)
    return 0


if __name__ == "__main__":
    sys.exit(main())
