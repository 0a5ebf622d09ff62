"""The matching of the model with the patterns: parameters, simulator, and the matching as `make worlds` makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.worlds import unknown_parameters
from valign.model.compiled.compiling import sources_hash
from valign.model.parameters import PARAMETERS
from valign.results.checkpoint import content_hash

from ..patterns.asking import asked
from ..patterns.pattern import Pattern, errors
from ..problem.priors import Prior
from .waves import Plan


def prior() -> Prior:
    """Uniform over the plausible range of every parameter that is not known."""
    ranges = unknown_parameters()
    low, high = (np.array(side, float) for side in zip(*ranges.values(), strict=True))
    return Prior(tuple(ranges), low, high, np.array([PARAMETERS[name].integer for name in ranges]))


def table_of(u: np.ndarray) -> pd.DataFrame:
    """Worlds at points of probit space [n, d]: a column for every parameter, in its unit."""
    known = prior()
    return pd.DataFrame(known.theta(u), columns=list(known.names))


def simulator(patterns: Sequence[Pattern]) -> Callable[[np.ndarray, int, int, bool], np.ndarray]:
    """What `waves.matched` simulates with."""
    return lambda u, runs, seed, last: asked(patterns, table_of(u), runs, seed, last)


def away_from(patterns: Sequence[Pattern]) -> Callable[[np.ndarray], np.ndarray]:
    """How far simulated values [n, p] are from the facts."""
    return lambda values: np.stack([each.away(values[:, j]) for j, each in enumerate(patterns)], axis=1)


EMULATOR = "Legendre polynomials"  # how what was simulated is generalised: changes what is asked next
FAR = 12.0  # standard deviations of a fact, beyond which it does not matter how far a world is


def within(patterns: Sequence[Pattern]) -> tuple[np.ndarray, np.ndarray]:
    """Values of each pattern beyond which a world is ruled out however far it is [p], [p]."""
    target = np.array([each.target for each in patterns])
    reach = FAR * np.sqrt(np.diag(errors(patterns)))
    return target - reach, target + reach


def covariance(patterns: Sequence[Pattern]) -> np.ndarray:
    """Of the facts' errors and the discrepancies [p, p]."""
    return errors(patterns)


def work(patterns: Sequence[Pattern], plan: Plan) -> Mapping[str, Any]:
    """All that a matching depends on."""
    said = [each.model_dump_json().encode() for each in patterns]
    return {
        "study": "worlds",
        "emulator": EMULATOR,
        "patterns": content_hash(*said),
        "parameters": {name: list(bounds) for name, bounds in unknown_parameters().items()},
        "steps": plan.steps,
        "batch": plan.batch,
        "seed": plan.seed,
        "code": sources_hash(),
    }
