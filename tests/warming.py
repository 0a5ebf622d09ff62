"""Compiles all kernels, in two processes, into the cache of the checkout.

Without this each of several pytest processes, and each command that they start, would compute in WebAssembly and begin
to compile beside it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("blocks", "single")


def warm() -> None:
    """Compile what is not compiled yet."""
    print("Kernels for the tests: a minute where the model has changed, else seconds", flush=True)
    command = [sys.executable, "-m", "valign.model.run.compile_all"]
    working = [subprocess.Popen([*command, kind], cwd=ROOT) for kind in KINDS]
    if any([process.wait() for process in working]):
        pytest.exit("the kernels could not be compiled: see above", 1)


if __name__ == "__main__":
    warm()
