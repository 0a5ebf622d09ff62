"""The exact check: with values held fixed, histories have a likelihood, that of a discrete-time logit (Allison 1982).

In the limit (`fixed_limit`) everybody is aware, nobody lapses, values and ties stay as observed, and what is not
observed has no effect, so that the monthly log-odds of engaging (docs/ODD.md 5.13) are base + fit z + peers x with z
and x known from the data. statsmodels fits them; importance sampling gives the exact posterior under the same uniform
prior; sequential ABC has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import multivariate_t

from valign.model.errors import InputError
from valign.model.parameters import MECHANISMS
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import METRIC_REFERENCE, METRIC_UNIT

from ..abc.posterior import Posterior, estimate
from ..abc.smc import smc
from ..data.schema import Data
from ..problem.priors import Prior
from ..problem.given import scenario_of, society_of_data
from ..problem.problem import CalibrationProblem, prior_of
from ..problem.summaries import person_periods

FITTED = ("base_staff", "fit_effect", "peer_effect")
RANGES: dict[str, tuple[float, float] | None] = {
    "base_staff": (-6.0, 0.0),
    "fit_effect": (-0.7, 0.7),
    "peer_effect": (-3.0, 3.0),
}
NOT_OBSERVED = (
    "norm_effect",
    "climate_gate",
    "evidence_effect",
    "climate_effect",
    "identity_effect",
    "workload_effect",
    "frailty_sd",
    "fit_climate",
    "fit_peers",
)
AGREE = 0.25  # posterior standard deviations


def fixed_limit(scenario: Scenario) -> Scenario:
    """The scenario with all that is not observed held fixed or without effect."""
    return scenario.replace(
        {
            **{f"mechanisms.{name}": name == "engagement" for name in MECHANISMS},
            **dict.fromkeys(NOT_OBSERVED, 0.0),
            "everybody_aware": True,
            "innovation.clarity": 1.0,
            "lapse_base": -50.0,
            "alignment_level": "natural",
        }
    )


def limit_problem(data: Data, scenario: Scenario | None = None) -> CalibrationProblem:
    """The calibration problem in the limit: three free parameters, missing orientations set to the mean."""
    made = fixed_limit(scenario_of(data) if scenario is None else scenario)
    return CalibrationProblem(
        data, made.replace({"months": data.periods}), prior_of(RANGES, made), society_of_data(data, made, fill=True)
    )


def limit_table(problem: CalibrationProblem, time: np.ndarray | None = None) -> pd.DataFrame:
    """Person-periods with alignment z (in units of .10, as the equation has it) and exposure x."""
    layout, society, scenario = problem.layout, problem.society, problem.scenario
    assert layout is not None
    assert society is not None
    assert society.values is not None
    if scenario.alignment_metric != "distance":
        raise InputError(["the exact check is written for the metric 'distance'"])
    emphasis = np.array([scenario.innovation.emphasis[name] for name in scenario.dimensions])
    values = np.array([scenario.innovation.values[name] for name in scenario.dimensions])
    alignment = 1.0 - np.abs(society.values - values) @ (emphasis / emphasis.sum())
    table = person_periods(layout, time)
    table["alignment"] = ((alignment - METRIC_REFERENCE[0]) / METRIC_UNIT[0])[table["person"]]
    return table


@dataclass(frozen=True, eq=False)
class ExactFit:
    """Maximum likelihood (mean, covariance) and exact posterior draws with weights."""

    estimate: np.ndarray
    covariance: np.ndarray
    posterior: Posterior
    summary: str


def statsmodels_api() -> Any:
    try:
        return import_module("statsmodels.api")
    except ImportError:
        raise InputError(
            ["statsmodels is not installed; calibration needs it: pip install 'valign[calibration]'"]
        ) from None


def exact_fit(table: pd.DataFrame, prior: Prior, draws: int = 20_000, seed: int = 1) -> ExactFit:
    """Discrete-time logit by statsmodels, and the posterior under the uniform prior by importance sampling."""
    sm = statsmodels_api()
    x = np.column_stack([np.ones(len(table)), table["alignment"], table["exposure"]])
    y = table["adopts"].to_numpy(float)
    fit = sm.GLM(y, x, family=sm.families.Binomial()).fit()
    covariance = np.asarray(fit.cov_params())
    rng = np.random.default_rng(seed)
    proposal = multivariate_t(fit.params, 1.5 * covariance, df=5, seed=rng)
    beta = np.concatenate(
        [proposal.rvs(draws // 2), prior.low + (prior.high - prior.low) * rng.random((draws // 2, 3))]
    )
    inside = ((beta >= prior.low) & (beta <= prior.high)).all(axis=1)
    mixture = 0.5 * proposal.pdf(beta) + 0.5 * inside / np.prod(prior.high - prior.low)
    groups, inverse = np.unique(np.column_stack([x, y]), axis=0, return_inverse=True)
    times = np.bincount(inverse)
    log = np.concatenate(
        [
            (times * (groups[:, 3] * eta - np.logaddexp(0, eta))).sum(axis=1)
            for part in np.array_split(beta, 40)
            for eta in [part @ groups[:, :3].T]
        ]
    )
    weight = np.where(inside, np.exp(log - log[inside].max()) / mixture, 0.0)
    kept = weight > 0
    posterior = Posterior("exact", prior, prior.u(beta[kept]), weight[kept] / weight[kept].sum())
    return ExactFit(np.asarray(fit.params), covariance, posterior, str(fit.summary(xname=list(FITTED))))


def agreement(
    data: Data, scenario: Scenario | None = None, simulations: int = 30_000, particles: int = 500, seed: int = 1
) -> pd.DataFrame:
    """ABC beside the exact posterior in the limit of fixed values.

    Returns one row per parameter and ABC method: exact_mean, exact_sd, mean, sd, apart (difference of means in exact
    posterior SDs), ratio (of SDs), agrees (apart within .25).
    """
    problem = limit_problem(data, scenario)
    exact = exact_fit(limit_table(problem), problem.prior).posterior.summary().set_index("parameter")
    result = smc(
        problem.simulate,
        problem.prior,
        problem.observed,
        particles=particles,
        simulations=simulations,
        seed=seed,
        reduce=True,
    )
    rows = []
    for method, posterior in estimate(result, ("regression", "smc")).items():
        for _, row in posterior.summary().iterrows():
            truth = exact.loc[row["parameter"]]
            apart = (row["mean"] - truth["mean"]) / truth["sd"]
            rows.append(
                {
                    "method": method,
                    "parameter": row["parameter"],
                    "exact_mean": truth["mean"],
                    "exact_sd": truth["sd"],
                    "mean": row["mean"],
                    "sd": row["sd"],
                    "apart": apart,
                    "ratio": row["sd"] / truth["sd"],
                    "agrees": bool(abs(apart) <= AGREE),
                }
            )
    return pd.DataFrame(rows)
