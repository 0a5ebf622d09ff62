"""What a calibration will take, measured on a few runs before anything is spent."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ..data.memory import SHARE, available
from .problem import CalibrationProblem

TRIED = (8, 256)  # runs that are timed: a few, and many where those took no second


@dataclass(frozen=True)
class Cost:
    """seconds : of all simulations, at most, if this machine has nothing else to do. bytes : kept in memory at once."""

    seconds: float
    bytes: float

    def problems(self) -> list[str]:
        """Why it cannot be done here; empty where it can, or where the memory available is not known."""
        left = available()
        if left is None or self.bytes <= SHARE * left:
            return []
        return [
            f"the histories of all simulations would take {self.bytes / 1e9:.1f} GB of memory, and {left / 1e9:.1f} GB "
            "are available: use fewer simulations (--simulations), or fewer people"
        ]


def cost_of(problem: CalibrationProblem, simulations: int, histories: bool) -> Cost:
    """What `simulations` runs take, by the time of a few. histories : everybody's periods are kept of every run."""
    people = 0 if problem.society is None else len(problem.society.role)
    kept = simulations * (8.0 * (len(problem.names) + len(problem.prior)) + (2.0 * people if histories else 0.0))
    theta = problem.prior.theta(np.random.default_rng(0).standard_normal((TRIED[-1], len(problem.prior))))
    seeds = np.arange(TRIED[-1], dtype=np.int64)
    problem.simulate(theta[:1], seeds[:1])  # compiles, or loads what is compiled
    seconds = 0.0
    for runs in TRIED:
        start = time.perf_counter()
        problem.simulate(theta[:runs], seeds[:runs])
        seconds = (time.perf_counter() - start) / runs
        if seconds * runs > 1.0:
            break
    return Cost(seconds * simulations, kept)
