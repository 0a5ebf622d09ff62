"""Which explanation is likelier: two methods on the same simulations, and how often each of them is right.

Sequential ABC with a model index (Toni et al. 2009), on the regression of the index on the summaries (Prangle et al.
2014), and a random forest (Pudlo et al. 2016). They have to agree; odds along the tolerance show whether they settle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from valign.results.checkpoint import NOTHING_KEPT, Parts

from ..abc.kernel import Kernel, log_prior
from ..abc.posterior import sklearn_ensemble
from ..abc.reduction import Both, Reduction
from ..abc.smc import LEAST_ESS, batch_seeds, ess, stream
from ..problem.problem import CalibrationProblem
from .explanations import Simulated

TOLERANCES = (0.2, 0.1, 0.05, 0.03)  # shares of the simulations from the priors: odds before anything sequential
LEAST_CENTRES = 60  # of a model's proposal: with fewer particles, its nearest simulations so far fill up
EVERY_MODEL = 0.5  # share of proposals spread evenly: the unlikely need more to be judged as well
WIDTH = 0.6  # of local kernels
PROPOSED = 1024


def choose_forest(
    tables: Mapping[str, Simulated], observed: np.ndarray, seed: int = 1, most: int = 4000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random-forest classifier: votes for the data, and the out-of-bag confusion matrix (rows: truth, sum to 1)."""
    names = list(tables)
    x = np.concatenate([table.summaries[:most] for table in tables.values()])
    y = np.repeat(np.arange(len(names)), [min(most, len(table.summaries)) for table in tables.values()])
    x = np.nan_to_num(x, posinf=0, neginf=0)
    model = sklearn_ensemble().RandomForestClassifier(
        300, min_samples_leaf=5, oob_score=True, n_jobs=-1, random_state=seed % 2**32
    )
    model.fit(x, y)
    share = model.predict_proba(observed[None])[0]
    guess = np.nan_to_num(model.oob_decision_function_, nan=1.0 / len(names)).argmax(axis=1)
    return pd.DataFrame({"method": "forest", "model": names, "share": share}), _confusion(names, y, guess)


def _confusion(names: list[str], truth: np.ndarray, guess: np.ndarray) -> pd.DataFrame:
    rows = [[float((guess[truth == a] == b).mean()) for b in range(len(names))] for a in range(len(names))]
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, "truth", names)
    return table


def choose_smc(
    tables: Mapping[str, Simulated],
    observed: np.ndarray,
    simulations: int = 20_000,
    particles: int = 500,
    seed: int = 1,
    quantile: float = 0.5,
    *,
    without: tuple[str, int] | None = None,
    kept: Parts = NOTHING_KEPT,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Sequential ABC with a model index; equal prior odds.

    The first tolerances are shares of the simulations from the priors; each that follows is a quantile of the distances
    accepted. A model proposes from a local kernel around its particles; one that has few around its nearest
    simulations as well, so that its chance is not left to draws from the prior (importance weights correct for any
    proposal). The generation that the budget cuts short counts if its effective sample size is at least 100.

    without : (model, row) of a simulation that plays the data and is left out. kept : finished generations.
    progress : called with the simulations done.

    Returns one row per tolerance and model: generation, proposals ("prior" or "sequential"), epsilon, model, prior,
    share (posterior), particles, ess, simulations (of that generation).
    """
    problems = [table.problem for table in tables.values()]
    pool, reduction = _simulated(tables, observed, particles, without)
    odds = _Odds(list(tables))
    order = np.argsort(pool.away, kind="stable")
    for count in [round(share * len(order)) for share in TOLERANCES if share * len(order) > particles] + [particles]:
        odds.note("prior", pool.at(order[:count]), np.full(count, 1.0 / count), len(order))
    now, weight = pool.at(order[:particles]), np.full(particles, 1.0 / particles)
    left = simulations

    def told(budget: int) -> None:
        if progress is not None:
            progress(simulations - budget)

    while left > 0:
        generation, epsilon = odds.generations, float(np.quantile(now.away, quantile))
        share = np.array([weight[now.model == m].sum() for m in range(len(problems))])
        chance = (1 - EVERY_MODEL) * share + EVERY_MODEL / len(problems)
        kernels = [_kernel(m, now, weight, epsilon, pool, len(problem.prior)) for m, problem in enumerate(problems)]
        proposal = _Proposal(problems, reduction, observed, chance, kernels, seed, 40_000 + generation)
        make = partial(proposal.simulations, particles, epsilon, left, told)
        made = kept.part(f"choice-{generation:03d}", make)
        simulated = Candidates(made["model"], made["u"], made["away"])
        left -= len(simulated.away)
        pool = pool + simulated
        here = np.flatnonzero(simulated.away <= epsilon)[:particles]
        if not len(here):
            break
        log = made["log"][here]
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        if len(here) < particles and ess(weight) < LEAST_ESS:
            break
        now = simulated.at(here)
        odds.note("sequential", now, weight, len(simulated.away), epsilon)
    return pd.DataFrame(odds.rows)


def settled(odds: pd.DataFrame) -> pd.DataFrame:
    """The rows of the smallest tolerance with an effective sample size of at least 100."""
    reliable = odds[odds["ess"] >= LEAST_ESS]
    return reliable[reliable["generation"].eq(reliable["generation"].max())]


def confusion_smc(
    tables: Mapping[str, Simulated],
    data_sets: int = 20,
    simulations: int = 4000,
    particles: int = 300,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Confusion matrix of `choose_smc`: the first `data_sets` simulations of each model play the data in turn.

    Rows: truth; they sum to 1.
    """
    names = list(tables)
    truth: list[int] = []
    guess: list[int] = []
    for m, name in enumerate(names):
        for row in range(data_sets):
            observed = tables[name].summaries[row]
            odds = settled(
                choose_smc(tables, observed, simulations, particles, seed + 1 + row, without=(name, row))
            ).set_index("model")["share"]
            truth.append(m)
            guess.append(names.index(str(odds.idxmax())))
            if progress is not None:
                progress(len(truth), data_sets * len(names))
    return _confusion(names, np.array(truth), np.array(guess))


# --- simulations of all models together -------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Candidates:
    """Simulations of several models beside one another."""

    model: np.ndarray  # n: number of the model
    u: np.ndarray  # n x d, NaN beyond a model's own parameters
    away: np.ndarray  # n: distance from the data

    def at(self, rows: np.ndarray) -> Candidates:
        """Some of them."""
        return Candidates(self.model[rows], self.u[rows], self.away[rows])

    def __add__(self, other: Candidates) -> Candidates:
        return Candidates(
            np.concatenate([self.model, other.model]),
            _side_by_side([self.u, other.u]),
            np.concatenate([self.away, other.away]),
        )


def _simulated(
    tables: Mapping[str, Simulated], observed: np.ndarray, particles: int, without: tuple[str, int] | None
) -> tuple[Candidates, Both]:
    """The simulations from the priors, as many of each model, and the regression of which their distances are taken."""
    names, least = list(tables), min(len(table.u) for table in tables.values())
    model = np.repeat(np.arange(len(names)), least)
    summaries = np.concatenate([table.summaries[:least] for table in tables.values()])
    usable = np.ones(len(model), bool)
    if without is not None:
        usable[names.index(without[0]) * least + without[1]] = False
    reduction = _indicator(model[usable], summaries[usable], observed, 5 * particles)
    away = np.where(usable, _away(reduction, summaries, observed), np.inf)
    return Candidates(model, _side_by_side([table.u[:least] for table in tables.values()]), away), reduction


class _Odds:
    """Shares of the models along the tolerance, as `choose_smc` gives them."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.rows: list[dict[str, object]] = []

    @property
    def generations(self) -> int:
        return len(self.rows) // len(self.names)

    def note(
        self, proposals: str, near: Candidates, weight: np.ndarray, done: int, epsilon: float | None = None
    ) -> None:
        """Add a tolerance (default: the distance of the last simulation that counts)."""
        generation = self.generations
        for m, name in enumerate(self.names):
            mine = near.model == m
            self.rows.append(
                {
                    "generation": generation,
                    "proposals": proposals,
                    "epsilon": float(near.away[-1]) if epsilon is None else epsilon,
                    "model": name,
                    "prior": 1.0 / len(self.names),
                    "share": float(weight[mine].sum()),
                    "particles": int(mine.sum()),
                    "ess": ess(weight),
                    "simulations": done,
                }
            )


def _side_by_side(parts: list[np.ndarray]) -> np.ndarray:
    """Points of models with different numbers of parameters in one array, NaN beyond a model's own."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate(
        [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan) for part in parts]
    )


def _indicator(index: np.ndarray, summaries: np.ndarray, observed: np.ndarray, least: int) -> Both:
    """The regression of the model index on the summaries, near the data and everywhere."""
    indicator = np.eye(index.max() + 1)[index][:, :-1]
    everywhere = Reduction(indicator, summaries)
    near = np.argsort(_away(everywhere, summaries, observed), kind="stable")[: max(len(index) // 5, least)]
    return Reduction(indicator[near], summaries[near]) + everywhere


def _away(reduction: Reduction | Both, summaries: np.ndarray, observed: np.ndarray) -> np.ndarray:
    away = np.sqrt((((reduction(summaries) - reduction(observed)) / reduction.unit) ** 2).sum(axis=1))
    return np.where(np.isfinite(away), away, np.inf)


# --- proposals -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class _Proposal:
    """How a generation proposes: the chance of each model, and its kernel."""

    problems: list[CalibrationProblem]
    reduction: Both
    observed: np.ndarray
    chance: np.ndarray
    kernels: list[Kernel]
    seed: int
    stage: int  # of the random streams

    def simulations(
        self, particles: int, epsilon: float, budget: int, told: Callable[[int], None]
    ) -> dict[str, np.ndarray]:
        """Batches until enough come within `epsilon`, or the budget is spent; `told` hears what is left of it."""
        parts: list[dict[str, np.ndarray]] = []
        found = 0
        while budget > 0 and found < particles:
            size = min(PROPOSED, budget)
            parts.append(self.batch(len(parts), size))
            found += int((parts[-1]["away"] <= epsilon).sum())
            budget -= size
            told(budget)
        return {
            "u": _side_by_side([each["u"] for each in parts]),
            **{name: np.concatenate([each[name] for each in parts]) for name in ("model", "away", "log")},
        }

    def batch(self, part: int, size: int) -> dict[str, np.ndarray]:
        """Model, point, distance and log weight of each of a batch of proposals."""
        rng = np.random.default_rng(stream(self.seed, self.stage, part, 0))
        drawn = rng.choice(len(self.problems), size, p=self.chance)
        seeds = batch_seeds(self.seed, self.stage, part, size)
        away, log = np.full(size, np.inf), np.zeros(size)
        points = np.full((size, max(len(each.prior) for each in self.problems)), np.nan)
        for m, (problem, kernel) in enumerate(zip(self.problems, self.kernels, strict=True)):
            mine = np.flatnonzero(drawn == m)
            if not len(mine):
                continue
            u = kernel.draw(len(mine), rng)
            summaries = problem.simulate(problem.prior.theta(u), seeds[mine])
            away[mine] = _away(self.reduction, summaries, self.observed)
            log[mine] = log_prior(u) - kernel.log_density(u) - np.log(len(self.problems) * self.chance[m])
            points[mine, : u.shape[1]] = u
        return {"model": drawn, "u": points, "away": away, "log": log}


def _kernel(m: int, now: Candidates, weight: np.ndarray, epsilon: float, pool: Candidates, d: int) -> Kernel:
    """The proposal of a model: around its particles, or, where these are few, around its nearest simulations."""
    mine = now.model == m
    if mine.sum() >= LEAST_CENTRES:
        centres = now.u[mine][:, :d]
        return Kernel.local(centres, weight[mine] / weight[mine].sum(), now.away[mine] <= epsilon, WIDTH)
    rows = np.flatnonzero(pool.model == m)
    rows = rows[np.argsort(pool.away[rows], kind="stable")[:LEAST_CENTRES]]
    return Kernel.local(pool.u[rows][:, :d], np.full(len(rows), 1.0 / len(rows)), np.ones(len(rows), bool), WIDTH)
