"""The command line: ``keras-stablef all | check | generate``.

Exit codes: 0 done, 1 the generated files are not up to date, 2 the input
cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from .build import Built
from .build import build
from .catalogue import Entry
from .catalogue import load_catalogue
from .derive import AnyPlan
from .errors import GeneratorError
from .files import differences
from .files import write_if_changed
from .formats import FORMATS
from .formats import get_format
from .readme import with_bounds
from .report import table

EXAMPLES = """examples:
  keras-stablef generate "1/(1-exp(-x)) - 1/x" --name f --out my_op.py
  keras-stablef all
  keras-stablef check
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        return int(options.run(options, console))
    except GeneratorError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("interrupted: nothing was left half written")
        return 130


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
        command.set_defaults(run=run)
    one = commands.add_parser("generate", help="derive one formula")
    one.add_argument("formula", help="in one variable, such as (exp(x)-1)/x")
    one.add_argument("--name", default="f", help="of the op (default: f)")
    one.add_argument(
        "--domain", nargs=2, default=("-oo", "oo"), metavar=("LOW", "HIGH")
    )
    one.add_argument(
        "--dtypes", nargs="+", default=list(FORMATS), metavar="DTYPE"
    )
    one.add_argument("--out", type=Path, required=True, help="file to write")
    one.set_defaults(run=_generate)
    return parser


def _package_folder() -> Path:
    """The folder of the shipped modules, in a checkout or a wheel."""
    import keras_stablef

    return Path(keras_stablef.__file__).parent / "generated"


def _readme() -> Path | None:
    path = Path(__file__).resolve().parent.parent / "README.md"
    return path if path.is_file() else None


def _build(
    entries: Sequence[Entry],
    dtypes: Sequence[str],
    console: Console,
    fresh: bool = False,
) -> list[Built]:
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("deriving", total=None)

        def report(label: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=label)

        return build(entries, dtypes, progress=report, fresh=fresh)


def _everything(
    console: Console, fresh: bool
) -> tuple[dict[str, str], list[AnyPlan]]:
    built = _build(load_catalogue(), list(FORMATS), console, fresh)
    files = {name: text for b in built for name, text in b.files.items()}
    return files, [plan for b in built for plan in b.plans]


def _all(options: argparse.Namespace, console: Console) -> int:
    files, plans = _everything(console, options.fresh)
    folder = _package_folder()
    changed = [n for n, t in files.items() if write_if_changed(folder / n, t)]
    readme = _readme()
    if readme:
        text = with_bounds(readme.read_text(encoding="utf-8"), plans)
        changed += ["README.md"] if write_if_changed(readme, text) else []
    Console().print(table(plans))
    Console().print(f"changed: {', '.join(changed) or 'nothing'}")
    return 0


def _check(options: argparse.Namespace, console: Console) -> int:
    files, plans = _everything(console, options.fresh)
    problems = differences(_package_folder(), files)
    readme = _readme()
    if readme:
        text = readme.read_text(encoding="utf-8")
        if with_bounds(text, plans) != text:
            problems.append("README.md has another table of bounds")
    for line in problems:
        console.print(f"[red]{line}[/red]; run `make generate`")
    if not problems:
        Console().print(f"{len(files)} generated files are up to date")
    return 1 if problems else 0


def _generate(options: argparse.Namespace, console: Console) -> int:
    for dtype in options.dtypes:
        get_format(dtype)
    if not options.out.parent.is_dir():
        raise GeneratorError(
            f"Cannot write: expected a folder, received {options.out.parent}."
        )
    entry = Entry(
        options.name,
        options.formula,
        tuple(options.domain),
        "Derived by keras-stablef.",
        "the formula itself.",
    )
    (built,) = _build([entry], options.dtypes, console)
    write_if_changed(options.out, built.files[f"{options.name}.py"])
    Console().print(table(built.plans))
    return 0


if __name__ == "__main__":
    sys.exit(main())
