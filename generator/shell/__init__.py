"""The command ``keras-stablef``, which loads as little as it can.

Owns: what is loaded for which command.  To import the package is to import
Keras and its backend, which takes seconds, and it has to be so: a model is
loaded by who imports the package and no more.  Help and the list of functions
need none of it; what explains computes with numbers of its own, so that Keras
is a name to it; of the rest only what runs ops needs the backend that is
configured.  A wheel has this folder as `keras_stablef_shell`, beside the
package, since within it nothing can be loaded before the package is.

May know: `cli`, by name.  Entry: `main`.
"""

import importlib.util
import os
import sys
from types import ModuleType

PACKAGE = "keras_stablef"
WITHOUT_PACKAGE = ("", "explain", "list")
RUNS_OPS = ("diagnose", "plot", "report", "verify")
HELP = {"-h", "--help", "--version"}


def main() -> int:
    """Run the command; returns the exit code."""
    given = sys.argv[1:]
    command = next((a for a in given if not a.startswith("-")), "")
    if command in WITHOUT_PACKAGE or HELP & {*given}:
        _stand_in()
    elif command not in RUNS_OPS:
        # To derive is to compute with numbers of our own.
        os.environ.setdefault("KERAS_BACKEND", "numpy")
    from keras_stablef.generator.cli import main as run

    return run()


def _stand_in() -> None:
    """The package's place without what is in it, and Keras' names.

    What lies below is loaded as always.  The primitives of the runtime, whose
    operations are counted, import `ops` and `backend`; whoever asks these to
    compute is told that they cannot.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or {PACKAGE, "keras"} & {*sys.modules}:
        return
    module = ModuleType(PACKAGE)
    module.__path__ = list(found.submodule_search_locations or ())
    module.__file__, module.__spec__ = found.origin, found
    keras, ops, config = map(ModuleType, ("keras", "keras.ops", "keras.config"))
    vars(ops)["__getattr__"] = _nothing
    vars(config)["backend"] = lambda: _nothing("backend")
    vars(keras).update(ops=ops, config=config, __path__=[])
    sys.modules.update(
        {m.__name__: m for m in (module, keras, ops, config)},
    )


def _nothing(name: str) -> None:
    raise AttributeError(
        f"This command computes without Keras: expected no use of {name}."
    )


if __name__ == "__main__":
    sys.exit(main())
