"""The command line: ``keras-stablef generate | explain | diagnose | ...``.

Loaded when it is needed: help and ``list`` need neither Keras nor what the
extra ``generator`` installs.  `options` says what there is, and exit codes.
"""

from __future__ import annotations

import argparse
import json
import os
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
from .options import STANDARD_OUTPUT
from .options import as_json
from .options import read
from .plain import shown

if TYPE_CHECKING:
    from keras_stablef._op import StableOp


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = read(given, RUNS, _version())
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


def _version() -> str:
    from importlib import metadata

    return f"keras-stablef {metadata.version('keras-stablef')}"


# -- commands ----------------------------------------------------------------


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

    formula, domain, name, max_ulp = _asked(options)
    made: StableOp = ks.stabilize(
        formula, domain, name=name, max_ulp=max_ulp, outside=options.outside
    )
    return made


def _asked(options: argparse.Namespace) -> tuple[Any, ...]:
    """Formula, domain, name and goal."""
    domain = None if options.domain is None else tuple(options.domain)
    return options.formula.strip(" "), domain, options.name, options.max_ulp


def _list(options: argparse.Namespace) -> int:
    entries = load_catalogue()
    if options.json:
        print(as_json([vars(entry) for entry in entries]))
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

        print(as_json({**asdict(report), "ok": report.ok}))
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
        print(as_json({**data, "measured": None, "ok": found.ok}))
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
    from keras_stablef._exact import core_text
    from keras_stablef._named import certificate
    from keras_stablef._named import explanation
    from keras_stablef._named import function_of

    text, domain, name, max_ulp = _asked(options)
    function = function_of(text, domain, name, max_ulp, outside=options.outside)
    dtype = options.dtype
    if options.json:
        orders = range(function.orders)
        print(as_json([certificate(function, dtype, k) for k in orders]))
    elif options.fpcore:
        print(core_text(function, 0, dtype), end="")
    else:
        print(explanation(function, dtype), end="")
    return 0


def _plot(options: argparse.Namespace) -> int:
    standard = options.out == STANDARD_OUTPUT
    if not standard:
        _refuse_output(options.out)
    op = _op(options)
    # Refused before a folder is made for it.
    op.error_bound(options.dtype)
    if standard:
        from keras_stablef._study import panels

        picture, given = panels(op, options.dtype)
        sys.stdout.buffer.write(picture.drawn(".png", **given))
        return 0
    make_folder(options.out.parent)
    op.plot(options.out, options.dtype)
    return _written(options, [options.out])


def _written(options: argparse.Namespace, files: Sequence[Path]) -> int:
    if options.json:
        print(as_json({"files": [str(file) for file in files]}))
    return 0


def _report(options: argparse.Namespace) -> int:
    from keras_stablef._report import catalogue
    from keras_stablef._report import page_of

    out, dtype = options.out, options.dtype
    if options.formula is None:
        import keras_stablef as ks

        refuse_folder(out)
        ops = [getattr(ks.ops, entry.name) for entry in load_catalogue()]
        ops[0].error_bound(dtype)  # refused before a folder is made
        make_folder(out)
        files = []
        for file in catalogue(ops, out, dtype):
            files.append(out / file)
            if not options.json:
                print(files[-1], flush=True)
        return _written(options, files)
    if out == STANDARD_OUTPUT:
        print(page_of(_op(options), dtype), end="")
        return 0
    _refuse_output(out)
    op = _op(options)
    op.error_bound(dtype)
    make_folder(out.parent)
    op.report(out, dtype)
    return _written(options, [out])


def _all(options: argparse.Namespace) -> int:
    from .making import make_all

    return make_all(options)


def _check(options: argparse.Namespace) -> int:
    from .making import check_all

    return check_all(options)


RUNS = {
    "list": _list,
    "generate": _generate,
    "explain": _explain,
    "plot": _plot,
    "report": _report,
    "diagnose": _diagnose,
    "verify": _verify,
    "all": _all,
    "check": _check,
}

if __name__ == "__main__":
    sys.exit(main())
