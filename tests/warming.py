"""Compiles the kernels that tests use, in two processes, into the cache of the checkout.

Kernels are compiled for blocks of one run and of several; every step of the month apart from the others, so that one
scenario with every mechanism, a level and a change, with and without a decomposition, makes all of them. Without this
each of several pytest processes would compile for itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def compile_kernels(width: int) -> None:
    from valign.experiments.simulate import simulate
    from valign.model.parameters import MECHANISMS
    from valign.model.scenario.scenario import Scenario

    change = {"month": 2, "parameter": "slack", "set": 0.1}
    settings = {"months": 3, "alignment_level": 0.7, **{f"mechanisms.{name}": True for name in MECHANISMS}}
    scenario = Scenario.load("two-services").replace(settings)
    for scheduled, record in (([], ()), ([change], ("series", "decomposition"))):
        with_changes = Scenario.from_mapping({**scenario.to_mapping(), "changes": scheduled})
        simulate(with_changes, runs=2, seed=1, societies=1, width=width, threads=1, record=record)


def warm() -> None:
    """Compile what is not compiled yet."""
    print("Kernels for the tests: a minute where the model has changed, else seconds", flush=True)
    working = [subprocess.Popen([sys.executable, __file__, str(width)], cwd=ROOT) for width in (1, 2)]
    if any([process.wait() for process in working]):
        pytest.exit("the kernels could not be compiled: see above", 1)


if __name__ == "__main__":
    compile_kernels(int(sys.argv[1]))
