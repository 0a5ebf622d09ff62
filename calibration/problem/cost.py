"""What a calibration will take, measured on a few runs before anything is spent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .problem import CalibrationProblem

TRIED = 256  # runs that are timed
MEMORY = Path("/proc/meminfo")
SHARE = 0.8  # of the memory available that may be filled


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


def available() -> float | None:
    """Bytes of memory available; None where the system does not say."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024.0 * float(kilobytes[0]) if kilobytes else None


def cost_of(problem: CalibrationProblem, simulations: int, histories: bool) -> Cost:
    """What `simulations` runs take, by the time of a few. histories : everybody's periods are kept of every run."""
    people = 0 if problem.society is None else len(problem.society.role)
    kept = simulations * (8.0 * (len(problem.names) + len(problem.prior)) + (2.0 * people if histories else 0.0))
    theta = problem.prior.theta(np.random.default_rng(0).standard_normal((TRIED, len(problem.prior))))
    seeds = np.arange(TRIED, dtype=np.int64)
    problem.simulate(theta[:1], seeds[:1])  # compiles, or loads what is compiled
    start = time.perf_counter()
    problem.simulate(theta, seeds)
    return Cost((time.perf_counter() - start) * simulations / TRIED, kept)
