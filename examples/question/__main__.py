"""python -m examples.question --backend tensorflow|jax|torch|all"""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

BACKENDS = ("tensorflow", "jax", "torch")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m examples.question",
        description="Trains the question's model eight times.",
    )
    parser.add_argument(
        "--backend", choices=[*BACKENDS, "all"], default=BACKENDS[0]
    )
    parser.add_argument(
        "--setting",
        choices=["weeks", "days"],
        default="weeks",
        help="what share is predicted: weeks (learns), days (dies later)",
    )
    parser.add_argument("--epochs", type=int, help="fewer for a quick look")
    parser.add_argument(
        "--splits",
        type=int,
        metavar="N",
        help="the cured run alone, on N other splits of the customers",
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.epochs is not None and args.epochs < 1:
        parser.error(f"--epochs: expected 1 or more, received {args.epochs}")
    if args.splits is not None and args.splits < 1:
        parser.error(f"--splits: expected 1 or more, received {args.splits}")
    args.out.mkdir(parents=True, exist_ok=True)
    if args.child and args.splits:
        _splits(args.backend, args.setting, args.epochs, args.splits)
        return 0
    if args.child:
        _one(args.backend, args.setting, args.epochs, args.out)
        return 0
    wanted = BACKENDS if args.backend == "all" else (args.backend,)
    return max(_in_a_process(backend, args) for backend in wanted)


def _in_a_process(backend: str, args: argparse.Namespace) -> int:
    """Keras takes one backend per process and keeps it."""
    command = [sys.executable, "-m", "examples.question", "--child"]
    command += ["--backend", backend, "--out", str(args.out)]
    command += ["--setting", args.setting]
    if args.epochs is not None:
        command += ["--epochs", str(args.epochs)]
    if args.splits is not None:
        command += ["--splits", str(args.splits)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    env = os.environ | quiet | {"KERAS_BACKEND": backend}
    # TensorFlow and XLA chat on stderr: shown only if it went wrong.
    done = subprocess.run(
        command, env=env, check=False, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode


def _console() -> Any:
    from rich.console import Console

    console = Console()
    # A pipe has no width; a table cut at 80 columns helps nobody.
    return console if console.is_terminal else Console(width=120)


def _splits(backend: str, name: str, epochs: int | None, count: int) -> None:
    from rich.progress import Progress

    from examples.question.splits import splits
    from examples.question.splits import splits_table
    from examples.question.train import SETTINGS

    console, setting = _console(), SETTINGS[name]
    epochs = epochs or setting.epochs
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("other splits", total=count * epochs)
        # 0 is the one that the setting was chosen by.
        seeds = range(1, count + 1)
        found = splits(setting, epochs, seeds, lambda: progress.advance(task))
    console.print(splits_table(found, f"{backend}, {name}, {epochs} epochs"))


def _one(backend: str, name: str, epochs: int | None, out: Path) -> None:
    from rich.progress import Progress

    from examples.question import report
    from examples.question import train
    from examples.question import ulps
    from examples.question.data import load

    console, setting = _console(), train.SETTINGS[name]
    epochs = epochs or setting.epochs
    data = load(setting.days)
    constant = train.best_constant(data)
    runs = []
    with Progress(
        console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        for variant in train.VARIANTS:
            task = progress.add_task(variant.name, total=epochs)
            runs.append(
                train.train(
                    variant,
                    setting,
                    data,
                    epochs,
                    lambda t=task: progress.advance(t),
                )
            )
            progress.update(task, completed=epochs)  # it may have stopped
        task = progress.add_task("errors in ulp", total=None)
        rows = ulps.table(lambda: progress.advance(task))
    shape = "ragged" if backend == "tensorflow" else "padded and masked"
    console.print(
        report.runs_table(
            runs, constant, f"{backend}, {shape}, {name}, {epochs} epochs"
        )
    )
    console.print(report.ulps_table(rows, f"{backend}, float32, eager"))
    report.plot(runs, constant, out / f"{backend}.png", f"{backend}, {name}")
    result = {
        "backend": backend,
        "setting": name,
        "epochs": epochs,
        "best_constant": constant,
        "runs": [run.as_dict() for run in runs],
        "ulps": [asdict(row) for row in rows],
    }
    text = json.dumps(result, indent=1)
    (out / f"{backend}.json").write_text(text + "\n")
    console.print(f"wrote {out / backend}.png and .json")


if __name__ == "__main__":
    sys.exit(main())
