"""Recovery first: would these data, in this amount, give the parameters back?

A table of simulations from the prior is both: the pseudo-data whose truth is known, and the simulations from which each
of them is estimated, leaving itself out. Bias, coverage, identifiability and simulation-based calibration (Talts et
al. 2018: the rank of the truth among posterior draws is uniform if, and in effect only if, the posteriors are right)
come from the same estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import kstest

from valign.model.errors import InputError
from valign.results.checkpoint import NOTHING_KEPT, Arrays, Parts
from valign.results.summaries import weighted_quantiles

from ..data.schema import Data
from ..problem.priors import Prior
from ..problem.problem import CalibrationProblem
from .posterior import INFORMED, adjust
from .reduction import Reduction
from .smc import batch_seeds, stream

RECOVERED, NEAREST_SHARE = 300, 20
LEVELS = (0.5, 0.8, 0.9)
KS_LEAST = 0.01


@dataclass(frozen=True, eq=False)
class ReferenceTable:
    """Simulations from the prior: points in probit space [n x d] and summaries [n x s]; gate : what the fit gate looks
    at, which begins with the summaries."""

    prior: Prior
    u: np.ndarray
    summaries: np.ndarray
    names: tuple[str, ...]
    gate: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Recovery:
    """estimates: one row per data set and parameter (truth, mean, sd, rank in [0, 1], covered at each level).

    parameters: one row per parameter: bias, coverage_50/80/90, rmse, correlation, contraction, identified, ks, ks_p,
    calibrated, covers (90 % intervals hold the truth in 90 % of data sets, within two standard errors).
    """

    estimates: pd.DataFrame
    parameters: pd.DataFrame


def reference_table(
    problem: CalibrationProblem,
    simulations: int,
    seed: int = 1,
    batch: int = 2048,
    progress: Callable[[int, int], None] | None = None,
    kept: Parts = NOTHING_KEPT,
) -> ReferenceTable:
    """Simulations from the prior, in batches that are kept as they are finished; failed runs are left out."""
    parts: list[Arrays] = []
    for number, start in enumerate(range(0, simulations, batch)):
        size = min(batch, simulations - start)
        parts.append(kept.part(f"batch-{number:03d}", partial(_batch, problem, seed, number, size)))
        if progress is not None:
            progress(start + size, simulations)
    points, summaries = (np.concatenate([part[name] for part in parts]) for name in ("u", "summaries"))
    known = np.isfinite(summaries).all(axis=1)
    gate, own = summaries[known], len(problem.names)
    return ReferenceTable(problem.prior, points[known], np.ascontiguousarray(gate[:, :own]), problem.names, gate)


def _batch(problem: CalibrationProblem, seed: int, number: int, size: int) -> dict[str, np.ndarray]:
    u = np.random.default_rng(stream(seed, 10_000, number, 0)).standard_normal((size, len(problem.prior)))
    seeds = batch_seeds(seed, 10_000, number, size)
    return {"u": u, "summaries": problem.run(problem.prior.theta(u), seeds, gate=True)[0]}


def recover(
    table: ReferenceTable,
    data_sets: int = RECOVERED,
    nearest: int | None = None,
    seed: int = 1,
    *,
    near: np.ndarray | None = None,
) -> Recovery:
    """Estimate `data_sets` simulations of a table from the others, by the estimator that is reported by default.

    near : observed summaries [s]; then the data sets are those most like them, instead of any that the prior gives.

    Raises InputError when the table is too small (fewer than 20 simulations for each data set).
    """
    n, d = table.u.shape
    if n < max(2000, 20 * data_sets):
        raise InputError(
            [f"{n} simulations are too few to recover {data_sets} data sets: {max(2000, 20 * data_sets)} are needed"]
        )
    nearest = max(200, n // NEAREST_SHARE // 2) if nearest is None else nearest
    rng = np.random.default_rng([seed, 20_000])
    first = Reduction(table.u, table.summaries)
    reduced = first(table.summaries)
    rows: list[dict[str, object]] = []
    if near is None:
        chosen = rng.choice(n, data_sets, replace=False)
    else:
        chosen = np.argsort((((reduced - first(near)) / first.unit) ** 2).sum(axis=1), kind="stable")[:data_sets]
    for data_set, row in enumerate(chosen):
        away = (((reduced - reduced[row]) / first.unit) ** 2).sum(axis=1)
        away[row] = np.inf
        near = np.argpartition(away, 5 * nearest)[: 5 * nearest]
        local = Reduction(table.u[near], table.summaries[near])
        found, weight = adjust(
            table.u[near], local(table.summaries[near]), local(table.summaries[row])[0], local.unit, None, nearest
        )
        for k in range(d):
            truth, draws = table.u[row, k], found[:, k]
            below, mean = float(weight[draws < truth].sum()), float(weight @ draws)
            sd = float(np.sqrt(weight @ (draws - mean) ** 2))
            cuts = {level: weighted_quantiles(draws, weight, (0.5 - level / 2, 0.5 + level / 2)) for level in LEVELS}
            theta = table.prior.theta(np.array([found[:, j] if j == k else np.zeros(len(found)) for j in range(d)]).T)[
                :, k
            ]
            rows.append(
                {
                    "data_set": data_set,
                    "parameter": table.prior.names[k],
                    "rank": below,
                    "truth": float(table.prior.theta(table.u[row][None])[0, k]),
                    "mean": float(weight @ theta),
                    "sd": float(np.sqrt(weight @ (theta - weight @ theta) ** 2)),
                    "truth_u": truth,
                    "mean_u": mean,
                    "sd_u": sd,
                    **{
                        f"covered_{round(100 * level)}": bool(low <= truth <= high)
                        for level, (low, high) in cuts.items()
                    },
                }
            )
    estimates = pd.DataFrame(rows)
    return Recovery(estimates, _by_parameter(estimates, table.prior))


def _by_parameter(estimates: pd.DataFrame, prior: Prior) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for name in prior.names:
        part = estimates[estimates["parameter"] == name]
        error = part["mean"] - part["truth"]
        test = kstest(part["rank"], "uniform")
        contraction = 1.0 - float((part["sd_u"] ** 2).mean())
        rows.append(
            {
                "parameter": name,
                "data_sets": len(part),
                "bias": float(error.mean()),
                "bias_se": float(error.std() / np.sqrt(len(part))),
                "rmse": float(np.sqrt((error**2).mean())),
                "prior_sd": float(part["truth"].std()),
                "correlation": float(np.corrcoef(part["mean"], part["truth"])[0, 1]),
                **{
                    f"coverage_{round(100 * level)}": float(part[f"covered_{round(100 * level)}"].mean())
                    for level in LEVELS
                },
                "contraction": contraction,
                "covers": bool(part["covered_90"].mean() >= 0.9 - 2 * np.sqrt(0.09 / len(part))),
                "identified": bool(contraction >= INFORMED),
                "ks": float(test.statistic),
                "ks_p": float(test.pvalue),
                "calibrated": bool(test.pvalue > KS_LEAST),
            }
        )
    return pd.DataFrame(rows)


def synthetic(problem: CalibrationProblem, theta: np.ndarray, seed: int = 1) -> Data:
    """Data as they would be were `theta` the truth: the same people, ties and censoring, simulated histories."""
    if problem.layout is None or problem.data.people is None:
        raise InputError(["synthetic histories need a data set with people"])
    _, times = problem.run(np.atleast_2d(theta), np.array([seed]), times=True)
    assert times is not None
    place = {text: row for row, text in enumerate(problem.layout.ids)}
    time = times[[place[text] for text in problem.data.people["id"]], 0].astype(float)
    return problem.data.with_times(time)
