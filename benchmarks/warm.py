"""How long one waits for a short command: `python -m benchmarks.warm`; part of `make bench`.

What is compared with: importing NumPy, pandas and pyplot, which whoever analyses data in Python waits for anyhow. Taken
in turns, so that both see the same machine; medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("-c", "import numpy, pandas, matplotlib.pyplot")
IMPORT = ("-c", "import valign")
HELP = ("-m", "valign.cli.app", "--help")
RUN = ("-m", "valign.cli.app", "run", "two-services", "--runs", "100")


def seconds(*arguments: str, first_text: bool = False) -> float:
    """Time of a Python process in an empty folder, or until it says something."""
    keep_bytecode = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**keep_bytecode, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.perf_counter() - begun
        process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
        return first if first_text else time.perf_counter() - begun


def measure(repeats: int = 5) -> list[tuple[str, str, str]]:
    """What was measured, the result and its bound."""
    seconds(*RUN)  # compiles, where that was never done
    asked: dict[str, Callable[[], float]] = {
        "libraries": lambda: seconds(*LIBRARIES),
        "run": lambda: seconds(*RUN),
        "first": lambda: seconds(*RUN, first_text=True),
        "import": lambda: seconds(*IMPORT),
        "help": lambda: seconds(*HELP),
    }
    taken = {name: [one()] for name, one in asked.items()}
    for _ in range(repeats - 1):
        for name, one in asked.items():
            taken[name].append(one())
    found = {name: statistics.median(each) for name, each in taken.items()}
    libraries = found["libraries"]
    return [
        ("importing NumPy, pandas and pyplot", f"{libraries:.2f} s", "baseline"),
        *(
            (what, f"{found[name]:.2f} s, {found[name] / libraries:.2f} times the libraries", bound)
            for what, name, bound in (
                ("valign run two-services --runs 100, warm", "run", "at most 2 s, or 2 times"),
                ("its first text", "first", "at most 0.5 s"),
                ("import valign", "import", "at most 0.3 s"),
                ("valign --help", "help", "at most 0.3 s"),
            )
        ),
    ]


if __name__ == "__main__":
    for what, measured, bound in measure():
        print(f"{what:45s} {measured:>35s}   {bound}")
