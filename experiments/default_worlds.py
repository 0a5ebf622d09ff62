"""How many worlds and runs an ensemble has, unless told otherwise, and what its worlds are called.

Loads nothing large.
"""

from __future__ import annotations

from pathlib import Path

from valign.model.scenario.scenario import Scenario

SHIPPED = Path(__file__).resolve().parents[1] / "results" / "reference" / "worlds.parquet"
# Of `levels` and `compare`: about as many runs as at the defaults. Two of a world tell chance from not knowing.
WORLDS, RUNS_IN_WORLD = 50, 2


def runs_of(scenario: Scenario, runs: int | None, worlds: int | None) -> int:
    """Runs of an ensemble, in each world where there are some: unless told, what the scenario suggests, or two in each
    world."""
    if runs is not None:
        return runs
    return scenario.runs if worlds is None else RUNS_IN_WORLD


def called() -> str:
    """What the worlds of an ensemble are called."""
    return "worlds that agree with published facts" if shipped() else "plausible worlds"


def shipped() -> bool:
    """Whether worlds that agree with what is known ship with this installation."""
    return SHIPPED.is_file()
