"""The command ``keras-stablef``, which loads as little as it can.

To import a package is to import Keras and its backend, which takes seconds:
help and the list of functions need none, and of the other commands only
those that run ops need the backend that is configured.
"""

import importlib.util
import os
import sys
from types import ModuleType

PACKAGE = "keras_stablef"
WITHOUT_KERAS = ("", "list")
RUNS_OPS = ("diagnose", "plot", "report", "verify")


def main() -> int:
    """Run the command; returns the exit code."""
    given = sys.argv[1:]
    command = next((a for a in given if not a.startswith("-")), "")
    if command in WITHOUT_KERAS or {"-h", "--help", "--version"} & set(given):
        _stand_in()
    elif command not in RUNS_OPS:
        # To derive is to compute with numbers of our own.
        os.environ.setdefault("KERAS_BACKEND", "numpy")
    from keras_stablef.generator.cli import main as run

    return run()


def _stand_in() -> None:
    """The package's place without what is in it, for what lies below."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or PACKAGE in sys.modules:
        return
    module = ModuleType(PACKAGE)
    module.__path__ = list(found.submodule_search_locations or ())
    module.__file__, module.__spec__ = found.origin, found
    sys.modules[PACKAGE] = module


if __name__ == "__main__":
    sys.exit(main())
