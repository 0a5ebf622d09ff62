"""The fit gate: can the model, anywhere in its prior, give data like these? Asked before any posterior is shown.

The observed summaries are compared with those of data sets that the model made itself, in two ways.
Reach: how far the nearest simulations are, where distances are taken of one number per parameter (`Reduction`); data
that lie beyond what any parameters give are farther from them than simulated data are from one another.
Shape: of the simulations nearest in these numbers (those with parameters like the ones the data speak for), a
regression says which summaries are to be expected; what the data leave unexplained is measured by the largest of the
standardised residuals and by all of them jointly (Mahalanobis), beside the same of these simulations.
Each is a rank among simulated data sets, so it is right by construction when the model is. The chance of data as odd
as these is twice the smaller one of the two (Bonferroni); below .05 the model is said not to fit.

Sources: Marin, Pillai, Robert & Rousseau 2014 and Lemaire et al. 2016 (goodness of fit of ABC from distances of
simulated data sets); Frazier, Robert & Rousseau 2020 (regression adjustment under misfit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from .reduction import Reduction, scales
from .smc import one_blas_thread

LEVEL = 0.05  # chance of data as odd as these, below which the model is said not to fit
NEAR, COMPARED, NEIGHBOURS = 1000, 1000, 20
ALONE = 0.01  # chance below which a single summary is named


@dataclass(frozen=True, eq=False)
class FitGate:
    """Whether the model can give what was observed.

    chance : of data as odd as these if the model were right (0-1). reach, shape : the two chances that it is made of.
    summaries : one row per summary: observed, low, expected, high (5 and 95 % of simulations nearest to the data),
    apart (in standard deviations), chance (of one as far), missed, direction ("too low" or "too high": what the model
    gives). simulations : of the prior that were compared.
    """

    chance: float
    reach: float
    shape: float
    summaries: pd.DataFrame
    simulations: int

    @property
    def fits(self) -> bool:
        return self.chance >= LEVEL


class Compared:
    """Simulations from the prior, points u [n x d] and summaries [n x s], that data sets are held against."""

    def __init__(self, u: np.ndarray, summaries: np.ndarray) -> None:
        self.summaries, self.varies = summaries, np.isfinite(scales(summaries))
        self.middle = np.median(summaries, axis=0)
        self.reduction = Reduction(u, summaries)
        self.place = self.reduction(summaries) / self.reduction.unit
        self.tree = cKDTree(self.place)
        rows = np.linspace(0, len(u) - 1, min(COMPARED, len(u))).astype(int)
        # the nearest of all is the simulation itself
        self.others = self.tree.query(self.place[rows], [NEIGHBOURS + 1])[0][:, 0]

    def reach(self, target: np.ndarray) -> float:
        """Share of simulations whose nearest others are at least as far as those of the data."""
        mine = self.tree.query(target, [NEIGHBOURS])[0][0]
        return float((1 + (self.others >= mine).sum()) / (1 + len(self.others)))


@one_blas_thread()
def fit_gate(compared: Compared, observed: np.ndarray, names: Sequence[str]) -> FitGate:
    """Compare observed summaries [s] with simulations from the prior."""
    place, summaries, varies = compared.place, compared.summaries, compared.varies
    fixed = ~varies & (np.abs(observed - compared.middle) > 1e-9)
    target = compared.reduction(observed)[0] / compared.reduction.unit
    reach = compared.reach(target)
    near = np.argsort(((place - target) ** 2).sum(axis=1), kind="stable")[: min(NEAR, len(place))]
    expected, own, theirs = _residuals(place[near] - target, summaries[near], observed)
    shape = 0.0 if fixed.any() else _shape(own[varies], theirs[:, varies])
    table = _table(names, observed, summaries[near], expected, own, theirs, fixed)
    chance = min(1.0, 2.0 * min(reach, shape))
    return FitGate(chance, reach, shape, table, len(place))


def _residuals(away: np.ndarray, near: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summaries to be expected of the data [s], standardised residuals of data [s] and simulations [n x s].

    away : of the simulations from the data, in numbers per parameter [n x d].
    """
    features = np.concatenate([np.ones((len(away), 1)), away, away * np.abs(away)], axis=1)
    gram = features.T @ features + 1e-6 * len(away) * np.eye(features.shape[1])
    fitted = np.linalg.solve(gram, features.T @ near)
    left = near - features @ fitted
    spread = left.std(axis=0)
    floor = 1e-9 * np.maximum(1.0, np.abs(observed))
    spread = np.where(spread > floor, spread, np.inf)
    return fitted[0], (observed - fitted[0]) / spread, left / spread


def _shape(own: np.ndarray, theirs: np.ndarray) -> float:
    """Chance of residuals as odd as the data's: the smaller of two ranks, itself ranked among the simulations."""
    both = np.concatenate([own[None], theirs])
    correlation = np.corrcoef(theirs, rowvar=False).reshape(theirs.shape[1], -1)
    correlation = 0.95 * np.nan_to_num(correlation) + 0.05 * np.eye(theirs.shape[1])
    joint = np.einsum("ni,ij,nj->n", both, np.linalg.inv(correlation), both)
    least = np.minimum(_above(joint), _above(np.abs(both).max(axis=1)))
    return float((1 + (least[1:] <= least[0]).sum()) / len(both))


def _above(odd: np.ndarray) -> np.ndarray:
    """Share of all that are at least as odd as each."""
    ordered = np.sort(odd)
    return (len(odd) - np.searchsorted(ordered, odd, side="left")) / len(odd)


def _table(
    names: Sequence[str],
    observed: np.ndarray,
    near: np.ndarray,
    expected: np.ndarray,
    own: np.ndarray,
    theirs: np.ndarray,
    fixed: np.ndarray,
) -> pd.DataFrame:
    """What the gate says of each summary."""
    chance = (1 + (np.abs(theirs) >= np.abs(own)).sum(axis=0)) / (1 + len(theirs))
    low, high = np.quantile(near - near.mean(axis=0), (0.05, 0.95), axis=0) + expected
    low, expected, high = (np.clip(each, near.min(axis=0), near.max(axis=0)) for each in (low, expected, high))
    return pd.DataFrame(
        {
            "summary": list(names),
            "observed": observed,
            "low": low,
            "expected": expected,
            "high": high,
            "apart": own,
            "chance": np.where(fixed, 0.0, chance),
            "missed": (chance < ALONE) | fixed,
            "direction": np.where(observed > expected, "too low", "too high"),
        }
    )
