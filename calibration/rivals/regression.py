"""The plain regression beside every fit: a discrete-time logit of who adopts when (Allison 1982), by statsmodels.

One row per person and period at risk; the terms are those of the model's own log-odds (docs/ODD.md 5.13): nearness in
each orientation, the share of one's ties and of one's community who have adopted, besides a constant and the period. It
needs no simulation, so a reader sees what the simulation adds: people who are unaware, and what cannot be observed.

Errors allow for people of a community being alike. From 30 communities: the usual sandwich. From 6: the one that is
corrected for few (CR2), with Student's t and degrees of freedom of Bell & McCaffrey 2002 (Pustejovsky & Tipton 2018).
With fewer none can be given, and none is.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from ..problem.summaries import Layout, person_periods
from .exact_check import statsmodels_api

MANY, FEW = 30, 6  # communities
TERMS = ("constant", "period", "exposure", "community")
RIDGE = 0.01  # of the fit that is simulated from: a normal prior of SD 10
METHODS = {
    "sandwich": "errors clustered by {n} communities",
    "CR2": "errors clustered by {n} communities, corrected for so few (CR2, Student's t)",
    "none": "no intervals, since {n} communities are too few to say how much communities differ",
}


@dataclass(frozen=True, eq=False)
class Regression:
    """A plain regression of histories.

    table : one row per term: term, coefficient (log-odds), sd (of the term), odds_ratio (of the monthly chance, per
    SD; the constant's is per unit), low, high (95 %, NaN where there are no errors), rows (person-periods).
    method : "sandwich", "CR2" or "none". communities : how many.
    """

    table: pd.DataFrame
    method: str
    communities: int


def regression_rows(layout: Layout, time: np.ndarray | None = None) -> pd.DataFrame:
    """Person-periods (`person_periods`) with the share of one's community who had adopted before the period."""
    time = layout.time if time is None else time
    rows = person_periods(layout, time)
    seen = layout.until > 0
    held = np.where(seen & (time >= 1) & (time <= layout.until), time, 0)
    adopted = np.zeros((len(layout.communities), layout.periods + 2))
    np.add.at(adopted, (layout.community[held > 0], held[held > 0]), 1.0)
    size = np.bincount(layout.community[seen], minlength=len(layout.communities)).clip(1)
    before = np.cumsum(adopted, axis=1) / size[:, None]
    return rows.assign(community=before[layout.community[rows["person"]], rows["period"] - 1])


def terms_of(rows: pd.DataFrame, layout: Layout) -> np.ndarray:
    """Terms [rows x (4 + D)]: constant, period / periods, exposure, community, orientations."""
    return np.column_stack(
        [
            np.ones(len(rows)),
            rows["period"] / layout.periods,
            rows["exposure"],
            rows["community"],
            *(rows[f"z_{name}"] for name in layout.columns),
        ]
    )


def regression(layout: Layout) -> Regression:
    """Fit the regression to the observed histories. Raises InputError where statsmodels is missing."""
    sm = statsmodels_api()
    rows = regression_rows(layout)
    x, y = terms_of(rows, layout), rows["adopts"].to_numpy(float)
    names = [*TERMS, *layout.columns]
    used = np.array([name == "constant" or float(np.ptp(x[:, k])) > 0 for k, name in enumerate(names)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation shows in the numbers
        fit = sm.GLM(y, x[:, used], family=sm.families.Binomial()).fit()
    beta = np.asarray(fit.params)
    community = layout.community[rows["person"]]
    count = len(np.unique(community))
    method = "sandwich" if count >= MANY else "CR2" if count >= FEW else "none"
    covariance, freedom = _errors(method, x[:, used], y, beta, community)
    spread = np.sqrt(np.diag(covariance))
    quantile = np.where(np.isfinite(freedom), t.ppf(0.975, np.clip(freedom, 1e-3, 1e9)), norm.ppf(0.975))
    sd = np.array([1.0 if name == "constant" else float(x[:, k].std()) for k, name in enumerate(names)])[used]
    table = pd.DataFrame(
        {
            "term": [name for name, kept in zip(names, used, strict=True) if kept],
            "coefficient": beta,
            "error": spread,
            "sd": sd,
            "odds_ratio": _exp(beta * sd),
            "low": _exp((beta - quantile * spread) * sd),
            "high": _exp((beta + quantile * spread) * sd),
            "freedom": freedom,
            "rows": len(rows),
        }
    )
    return Regression(table, method, count)


def _exp(value: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(value, -700, 700))


def _errors(
    method: str, x: np.ndarray, y: np.ndarray, beta: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the coefficients [d x d] and degrees of freedom [d] (inf: normal)."""
    d = x.shape[1]
    if method == "none":
        return np.full((d, d), np.nan), np.full(d, np.inf)
    p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
    root = np.sqrt(p * (1 - p))
    scaled, left = x * root[:, None], (y - p) / root
    bread = np.linalg.pinv(scaled.T @ scaled)
    parts = [np.flatnonzero(cluster == each) for each in np.unique(cluster)]
    if method == "sandwich":
        score = np.array([scaled[rows].T @ left[rows] for rows in parts])
        groups, n = len(parts), len(y)
        return bread @ (score.T @ score) @ bread * groups / (groups - 1) * (n - 1) / (n - d), np.full(d, np.inf)
    return _corrected(scaled, left, bread, parts)


def _corrected(
    x: np.ndarray, left: np.ndarray, bread: np.ndarray, parts: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """CR2: residuals of a cluster times (I - H_gg)^(-1/2), and the degrees of freedom of each coefficient.

    H_gg = X_g M X_g' has rank d at most, so its root comes from a thin singular value decomposition.
    """
    value, vector = np.linalg.eigh(bread)
    half = vector * np.sqrt(np.clip(value, 0, None))
    weighted: list[np.ndarray] = []  # (I - H_gg)^(-1/2) X_g M, per cluster [rows x d]
    score = np.zeros((len(parts), x.shape[1]))
    for g, rows in enumerate(parts):
        u, s, _ = np.linalg.svd(x[rows] @ half, full_matrices=False)
        grow = 1.0 / np.sqrt(np.maximum(1.0 - s**2, 1e-8)) - 1.0
        own = x[rows] + (u * grow) @ (u.T @ x[rows])
        score[g] = own.T @ left[rows]
        weighted.append(own @ bread)
    covariance = bread @ (score.T @ score) @ bread
    freedom = np.zeros(x.shape[1])
    for k in range(x.shape[1]):
        size = np.array([each[:, k] @ each[:, k] for each in weighted])
        cross = np.array([x[rows].T @ each[:, k] for rows, each in zip(parts, weighted, strict=True)])
        p = np.diag(size) - cross @ bread @ cross.T
        freedom[k] = np.trace(p) ** 2 / max(float((p * p).sum()), 1e-300)
    return covariance, freedom


# --- as a rival ------------------------------------------------------------------------------------------------------
def simulated_by_regression(train: Layout, layout: Layout, draws: int, seed: int) -> np.ndarray:
    """Periods of adoption [N x draws] of everybody from the regression fitted to `train`, each with its own draw of the
    coefficients (normal around the estimate)."""
    rows = regression_rows(train)
    x, y = terms_of(rows.assign(period=rows["period"] * train.periods / layout.periods), train), rows["adopts"]
    beta, covariance = _penalised(x, y.to_numpy(float))
    rng = np.random.default_rng([seed, 120_000])
    coefficients = rng.multivariate_normal(beta, covariance, draws, method="eigh").T  # d x draws
    people, periods = len(layout.until), layout.periods
    own = coefficients[0] + layout.z @ coefficients[len(TERMS) :]
    total = np.array([layout.weight[a:b].sum() for a, b in zip(layout.start[:-1], layout.start[1:], strict=True)])
    ego = np.repeat(np.arange(people), np.diff(layout.start))
    from scipy.sparse import csr_matrix

    share = layout.weight / np.maximum(total, 1e-12)[ego]
    looks = csr_matrix((share, (ego, layout.neighbour)), (people, people))
    size = np.bincount(layout.community, minlength=len(layout.communities)).clip(1)
    lives = csr_matrix((1.0 / size[layout.community], (layout.community, np.arange(people))))
    time, adopted = np.zeros((people, draws), np.int16), np.zeros((people, draws))
    for period in range(1, periods + 1):
        eta = own + coefficients[1] * period / periods + coefficients[2] * (looks @ adopted)
        eta += coefficients[3] * (lives @ adopted)[layout.community]
        now = (adopted == 0) & (rng.random((people, draws)) < 1.0 / (1.0 + np.exp(-np.clip(eta, -30, 30))))
        time[now] = period
        adopted[now] = 1.0
    return time


def _penalised(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and covariance of a logit with a normal prior of SD 10, so that they exist for any data."""
    beta, penalty = np.zeros(x.shape[1]), RIDGE * np.eye(x.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + penalty
        step = np.linalg.solve(curvature, x.T @ (y - p) - RIDGE * beta)
        beta += np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-10:
            break
    return beta, np.linalg.inv(curvature)
