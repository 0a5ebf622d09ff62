"""A prior from the worlds that agree with what is known, without the facts of the data at hand: none counts twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from valign.experiments.design import WEIGHT
from valign.experiments.worlds import data_sets, worlds
from valign.results.checkpoint import content_hash
from valign.results.vocabulary import setting_label

from .priors import Prior
from .problem import CalibrationProblem

GRID = np.linspace(0.0, 1.0, 201)  # of the distribution of each parameter over worlds


@dataclass(frozen=True, eq=False)
class KnownPrior(Prior):
    """Parameters distributed as over the worlds, each for itself; those that no world has, uniform.

    quantiles : by parameter, its values at the shares of `GRID`, within its range. left_out : the data set whose facts
    do not count ("": none of the facts is of the data).
    """

    quantiles: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    left_out: str = ""
    worth: float = 0.0  # of how many worlds of equal weight

    @property
    def said(self) -> dict[str, object]:
        """What a calibration depends on besides the ranges."""
        told = {name: content_hash(np.ascontiguousarray(each).tobytes()) for name, each in self.quantiles.items()}
        return {"worlds": told, "left_out": self.left_out}

    def theta(self, u: np.ndarray) -> np.ndarray:
        """Parameters [n x d] of points of probit space [n x d]."""
        value = super().theta(u)
        for j, name in enumerate(self.names):
            if name in self.quantiles:
                value[:, j] = np.interp(ndtr(u[:, j]), GRID, self.quantiles[name])
        return np.where(self.integer, np.round(value), value)

    def u(self, theta: np.ndarray) -> np.ndarray:
        """Points of probit space [n x d]; the ends of a range lie at +-8."""
        found = super().u(theta)
        for j, name in enumerate(self.names):
            if name in self.quantiles:
                share = np.interp(theta[:, j], self.quantiles[name], GRID)
                found[:, j] = ndtri(np.clip(share, 1e-15, 1 - 1e-15))
        return found

    def like(self, other: Prior) -> KnownPrior:
        """The same knowledge of other parameters (a rival's): what both have; the rest as `other` has it."""
        kept = {name: each for name, each in self.quantiles.items() if name in other.names}
        return KnownPrior(other.names, other.low, other.high, other.integer, kept, self.left_out, self.worth)


def with_worlds(problem: CalibrationProblem, path: str | Path | None = None) -> CalibrationProblem:
    """The problem with the worlds that agree with what is known as its prior, weighted anew without the facts that are
    of the same data; raises InputError where no worlds ship. path : of another table of worlds."""
    left_out = problem.data.name if problem.data.name in data_sets(path) else ""
    table, prior = worlds(path=path, without=left_out or None), problem.prior
    weight, quantiles = table[WEIGHT].to_numpy(), dict[str, np.ndarray]()
    for name, low, high in zip(prior.names, prior.low, prior.high, strict=True):
        if name not in table:
            continue
        value = table[name].to_numpy()
        inside = (value >= low) & (value <= high) & (weight > 0)
        if inside.sum() > 1:
            order = np.argsort(value[inside], kind="stable")
            reached = np.cumsum(weight[inside][order])
            middle = (reached - 0.5 * weight[inside][order]) / reached[-1]
            share, at = np.r_[0.0, middle, 1.0], np.r_[low, value[inside][order], high]
            quantiles[name] = _rising(np.interp(GRID, share, at))
    known = KnownPrior(
        prior.names, prior.low, prior.high, prior.integer, quantiles, left_out, float(1 / (weight**2).sum())
    )
    return replace(problem, prior=known)


def _rising(values: np.ndarray) -> np.ndarray:
    """The same values, each a little above the last, so that the distribution can be inverted."""
    step = 1e-9 * (values[-1] - values[0])
    return np.maximum.accumulate(values) + step * np.arange(len(values))


def remark(prior: Prior) -> list[str]:
    """What the prior is, where it comes from worlds."""
    if not isinstance(prior, KnownPrior):
        return []
    known = ", ".join(setting_label(name) for name in prior.names if name in prior.quantiles) or "none"
    without = (
        f"weighted anew without the facts of {prior.left_out}, so that none counts twice (worth {prior.worth:.0f} "
        "worlds of equal weight)"
        if prior.left_out
        else "with all facts, since none is of these data, as far as their name tells"
    )
    return [
        f"Prior: the worlds that agree with published facts, {without}; each parameter for itself ({known}). The other "
        "free parameters lie evenly in their ranges."
    ]
