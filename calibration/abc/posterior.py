"""Posteriors from a table of simulations, by two methods that share nothing but the table.

`regression`: summaries are first reduced to one number per parameter, the regression of the parameters on them
(Fearnhead & Prangle 2012), then the nearest simulations are moved to the observation by a local-linear regression
with a correction of their spread (Beaumont, Zhang & Balding 2002; Blum & Francois 2010).
`forest`: a random forest of all summaries; simulations weigh as often as they share a leaf with the observation, times
their importance weight (Meinshausen 2006; Raynal et al. 2019). Both work in probit-of-prior space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.summaries import weighted_quantiles

from ..problem.priors import Prior
from .reduction import Reduction, scales
from .smc import LEAST_ESS, Result, ess

ESTIMATORS = ("regression", "forest", "smc")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EDGE, PILED = 0.05, 0.2  # a posterior with a fifth of its mass in the last twentieth of a prior piles up at its edge
INFORMED = 0.3  # share of the prior's variance that has to go before a parameter counts as informed by the data
EXTRAPOLATES = "what was observed lies outside the range of the nearest simulations, so they were not adjusted to it."
NEAREST, FOREST_ROWS, TREES, LEAF, TREE_ROWS = 2000, 30_000, 200, 12, 6000


@dataclass(eq=False)
class Posterior:
    """Weighted points in probit space, by one method."""

    method: str
    prior: Prior
    u: np.ndarray  # n x d
    weight: np.ndarray  # n, sums to 1
    note: str = ""  # what went wrong with it, for people

    @property
    def ess(self) -> float:
        return ess(self.weight)

    @property
    def theta(self) -> np.ndarray:
        return self.prior.theta(self.u)

    @property
    def reliable(self) -> bool:
        """Whether its effective sample size is at least 100 and nothing went wrong."""
        return self.ess >= LEAST_ESS and not self.note

    def warnings(self) -> list[str]:
        """Why it is not to be relied on, in sentences."""
        few = (
            [
                f"{self.method}: the effective sample size is {self.ess:.0f}, under {LEAST_ESS:.0f}: its numbers are "
                "too uncertain to be used (more simulations or fewer free parameters help)."
            ]
            if self.ess < LEAST_ESS
            else []
        )
        return [*([f"{self.method}: {self.note}"] if self.note else []), *few]

    def draws(self, n: int, seed: int = 1) -> pd.DataFrame:
        """n rows of parameters, drawn by weight."""
        which = np.random.default_rng(seed).choice(len(self.weight), n, p=self.weight)
        return pd.DataFrame(self.theta[which], columns=list(self.prior.names))

    def summary(self) -> pd.DataFrame:
        """One row per parameter: method, parameter, mean, sd, quantiles, prior, contraction, informed, ...

        contraction : 1 less the ratio of posterior to prior variance, in probit space. informed : at least .3.
        edge : "lower" or "upper" where more than a fifth of the posterior lies in the last twentieth of the prior's
        range at that end, else empty. reliable : see `Posterior.reliable`.
        """
        theta = self.theta
        rows: list[dict[str, object]] = []
        for k, name in enumerate(self.prior.names):
            mean = self.weight @ theta[:, k]
            spread = self.weight @ (self.u[:, k] - self.weight @ self.u[:, k]) ** 2
            cuts = weighted_quantiles(theta[:, k], self.weight, QUANTILES)
            rows.append(
                {
                    "method": self.method,
                    "parameter": name,
                    "mean": mean,
                    "sd": float(np.sqrt(self.weight @ (theta[:, k] - mean) ** 2)),
                    **{f"q{round(100 * q):02d}": cut for q, cut in zip(QUANTILES, cuts, strict=True)},
                    "prior_low": self.prior.low[k],
                    "prior_high": self.prior.high[k],
                    "contraction": 1.0 - spread,
                    "informed": bool(1.0 - spread >= INFORMED),
                    "edge": self._edge(theta[:, k], k),
                    "ess": self.ess,
                    "reliable": self.reliable,
                }
            )
        return pd.DataFrame(rows)

    def _edge(self, theta: np.ndarray, k: int) -> str:
        """At which end of its prior a parameter piles up, if at one."""
        margin = EDGE * (self.prior.high[k] - self.prior.low[k])
        below = float(self.weight[theta <= self.prior.low[k] + margin].sum())
        above = float(self.weight[theta >= self.prior.high[k] - margin].sum())
        return "" if max(below, above) <= PILED else "lower" if below > above else "upper"


def adjust(
    u: np.ndarray,
    reduced: np.ndarray,
    target: np.ndarray,
    unit: np.ndarray,
    log_weight: np.ndarray | None,
    nearest: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Points near the target, moved to it: local-linear regression of mean and log-variance, Epanechnikov kernel.

    No point is moved beyond the range of the points used.
    """
    away = np.sqrt((((reduced - target) / unit) ** 2).sum(axis=1))
    nearest = min(nearest, len(u))
    rows = np.argpartition(away, nearest - 1)[:nearest]
    points: np.ndarray = u[rows]
    width = away[rows].max()
    kernel = np.maximum(1.0 - (away[rows] / (width if width > 0 else 1.0)) ** 2, 1e-12)
    if log_weight is not None:
        log = log_weight[rows]
        kernel = kernel * np.exp(log - log.max())
    kernel /= kernel.sum()
    x = np.concatenate([np.ones((nearest, 1)), reduced[rows] - target], axis=1)
    weighted: np.ndarray = x * kernel[:, None]
    gram = weighted.T @ x + 1e-12 * np.eye(x.shape[1])
    mean = np.linalg.solve(gram, weighted.T @ points)
    residual = points - x @ mean
    spread = np.linalg.solve(gram, weighted.T @ np.log(residual**2 + 1e-12))
    shrink = np.exp(np.clip(0.5 * (spread[0] - x @ spread), -2, 2))
    return np.clip(mean[0] + residual * shrink, points.min(axis=0), points.max(axis=0)), kernel


def regression(
    u: np.ndarray,
    summaries: np.ndarray,
    observed: np.ndarray,
    prior: Prior,
    log_weight: Callable[[np.ndarray], np.ndarray] | None = None,
    nearest: int | None = None,
) -> Posterior:
    """Regression-adjusted ABC.

    u [n x d], summaries [n x s]: the table; log_weight: importance weights of points that do not come from the prior;
    nearest: how many simulations are used (default: a fifteenth of the table, 500 to 2,000).

    A regression beyond the simulations it was made of leads anywhere (Frazier, Robert & Rousseau 2020). Two rules:
    where the observation lies outside the range of the simulations used, in any of the numbers they are reduced to,
    nothing is adjusted (the nearest simulations stand for themselves, and a note says so); and no point is ever moved
    beyond the range of the points used.
    """
    nearest = max(500, min(NEAREST, len(u) // 15)) if nearest is None else nearest
    reduction = Reduction(u, summaries)
    rows = _nearest(reduction, summaries, observed, max(5 * nearest, len(u) // 5))
    reduction = Reduction(u[rows], summaries[rows])  # once more, where it has to be good
    near = rows[_nearest(reduction, summaries[rows], observed, nearest)]
    reduced, target = reduction(summaries[near]), reduction(observed)[0]
    log = None if log_weight is None else log_weight(u[near])
    if ((target < reduced.min(axis=0)) | (target > reduced.max(axis=0))).any():
        share = np.full(len(near), 1.0) if log is None else np.exp(log - log.max())
        return Posterior("regression", prior, u[near], share / share.sum(), EXTRAPOLATES)
    moved, weight = adjust(u[near], reduced, target, reduction.unit, log, nearest)
    return Posterior("regression", prior, moved, weight)


def _nearest(reduction: Reduction, summaries: np.ndarray, observed: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` simulations nearest to the observation, once reduced."""
    reduced, target = reduction(summaries), reduction(observed)[0]
    away = (((reduced - target) / reduction.unit) ** 2).sum(axis=1)
    return np.argsort(away, kind="stable")[: min(len(away), count)]


def forest(
    u: np.ndarray,
    summaries: np.ndarray,
    observed: np.ndarray,
    prior: Prior,
    log_weight: Callable[[np.ndarray], np.ndarray] | None = None,
    rows: int = FOREST_ROWS,
    seed: int = 1,
) -> Posterior:
    """Random-forest posterior from the `rows` simulations nearest to the observation. Needs scikit-learn."""
    ensemble = sklearn_ensemble().RandomForestRegressor
    z = np.clip((summaries - observed) / scales(summaries), -20, 20)
    near = np.argsort((z**2).sum(axis=1), kind="stable")[: min(rows, len(u))]
    share = np.ones(len(near))
    if log_weight is not None:
        log = log_weight(u[near])
        share = np.exp(log - log.max())
    model = ensemble(
        TREES,
        min_samples_leaf=LEAF,
        max_features=0.7,
        n_jobs=-1,
        random_state=seed,
        max_samples=min(1.0, TREE_ROWS / len(near)),
    )
    model.fit(z[near], u[near])
    same = share[:, None] * (model.apply(z[near]) == model.apply(np.zeros((1, z.shape[1]))))
    weight = (same / same.sum(axis=0)).mean(axis=1)
    kept = weight > 0
    return Posterior("forest", prior, u[near[kept]], weight[kept] / weight[kept].sum())


def sklearn_ensemble() -> Any:
    try:
        return import_module("sklearn.ensemble")
    except ImportError:
        raise InputError(
            ["scikit-learn is not installed; random forests need it: pip install 'valign[calibration]'"]
        ) from None


def estimate(result: Result, methods: tuple[str, ...] = ESTIMATORS) -> dict[str, Posterior]:
    """Posteriors from all simulations of a calibration, by method; the first is the one reported by default."""
    u, s = result.table()
    found: dict[str, Posterior] = {}
    for method in methods:
        if method == "regression":
            found[method] = regression(u, s, result.observed, result.prior, result.log_weight)
        elif method == "forest":
            found[method] = forest(u, s, result.observed, result.prior, result.log_weight)
        elif method == "smc":
            found[method] = Posterior("smc", result.prior, *result.particles())
        else:
            raise InputError([f"method = {method!r}: expected one of {', '.join(ESTIMATORS)}"])
    return found
