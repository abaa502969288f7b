"""All declared functions of a checkout, made or compared.

Owns: the commands ``all`` and ``check``.  ``all`` with other formats than
those that ship writes modules that import only keras to a folder of their
own, so that what ships stays what `check` expects.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from .build import Built
from .build import build
from .files import differences
from .files import make_folder
from .files import refuse_folder
from .files import write_if_changed
from .formula.catalogue import Entry
from .formula.catalogue import load_catalogue
from .made_of import RECORD
from .made_of import as_recorded
from .made_of import record
from .made_of import sample
from .numbers.floats import FloatFormat
from .numbers.formats import FORMATS
from .numbers.formats import asked_formats
from .pieces.cover import AnyPlan
from .source.render import render_kernels
from .source.standalone import standalone
from .words.bounds_page import with_bounds
from .words.report import table

WIDE = 1000  # columns, where nobody sees an edge


class _Console(Console):
    """One that leaves it to `cli.main` to say that nobody reads on."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _output() -> Console:
    """Of standard output; in a pipe or a file no table is cut or folded."""
    console = _Console()
    return console if console.is_terminal else _Console(width=WIDE)


def _package_folder() -> Path:
    """The folder of the shipped modules, in a checkout or a wheel."""
    import keras_stablef

    return Path(keras_stablef.__file__).parent / "generated"


def _triton_folder() -> Path:
    """The folder of the Triton kernels, beside it."""
    return _package_folder().parent / "kernels"


def _wide_folder() -> Path:
    """The folder of the bodies in float64."""
    return _package_folder().parent / "wide"


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
    console: Console, fresh: bool, entries: Sequence[Entry] = ()
) -> tuple[dict[Path, dict[str, str]], list[AnyPlan]]:
    """The files of each folder, and the plans."""
    if fresh and not console.is_terminal:
        console.print("deriving plans anew; some minutes")
    built = _build(
        entries or load_catalogue(),
        list(FORMATS),
        console,
        fresh,
        certified=True,
    )
    files = {
        _package_folder(): {n: t for b in built for n, t in b.files.items()},
        _triton_folder(): {n: t for b in built for n, t in b.kernels.items()},
        _wide_folder(): {n: t for b in built for n, t in b.wide.items()},
    }
    return files, [plan for b in built for plan in b.plans]


def make_all(options: argparse.Namespace) -> int:
    """Derive and write every function."""
    console = Console(stderr=True)
    formats, names = asked_formats(options.formats, options.dtypes)
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
    write_if_changed(RECORD, record(files, [page] if page else []))
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
                    how = f"keras-stablef all --dtypes {' '.join(names)}"
                    files[name] = standalone(
                        text, entry.name, entry.formula, how
                    )
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


def check_all(options: argparse.Namespace) -> int:
    """Compare what there is with what comes out.

    Where the sources and the files are as `all` recorded them, of a few
    functions; else, and with ``--fresh``, of every one.
    """
    console = Console(stderr=True)
    page = _bounds_page()
    folders = [_package_folder(), _triton_folder(), _wide_folder()]
    known = None
    if not options.fresh:
        known = as_recorded(folders, [page] if page else [])
    picked = sample(load_catalogue()) if known else []
    files, plans = _everything(console, options.fresh or bool(known), picked)
    problems = [
        f"{folder.name}/{line}"
        for folder, texts in files.items()
        for line in differences(folder, texts, whole=not known)
    ]
    place, text = _kernels()
    if place.read_text(encoding="utf-8") != text:
        problems.append(f"{place.name} differs")
    if page and not known:
        text = page.read_text(encoding="utf-8")
        if with_bounds(text, plans) != text:
            problems.append("docs/ops.md has another table of bounds")
    for line in problems:
        console.print(f"[red]{escape(line)}[/red]; run `make generate`")
    if not problems:
        count = known or sum(map(len, files.values()))
        names = ", ".join(entry.name for entry in picked)
        how = f"; derived anew: {names}" if names else ""
        _output().print(f"{count} generated files are up to date{how}")
    return 1 if problems else 0
