"""Which explanation is likelier: two methods on the same simulations, and how often each of them is right.

Sequential ABC with a model index (Toni et al. 2009), on the regression of the index on the summaries (Prangle et al.
2014), and a random forest (Pudlo et al. 2016). They have to agree; odds along the tolerance show whether they settle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from ..abc.posterior import sklearn_ensemble
from ..keeping import NOTHING_KEPT, Kept
from ..problem.problem import CalibrationProblem
from ..abc.reduction import Both, Reduction
from .explanations import Simulated
from ..abc.smc import LEAST_ESS, Kernel, ess, log_prior, batch_seeds, stream

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
    kept: Kept = NOTHING_KEPT,
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
    names, problems = list(tables), [table.problem for table in tables.values()]
    K, least = len(names), min(len(table.u) for table in tables.values())
    index = np.repeat(np.arange(K), least)
    u = _side_by_side([table.u[:least] for table in tables.values()])
    summaries = np.concatenate([table.summaries[:least] for table in tables.values()])
    usable = np.ones(len(index), bool)
    if without is not None:
        usable[names.index(without[0]) * least + without[1]] = False
    reduction = _indicator(index[usable], summaries[usable], observed, 5 * particles)
    away = np.where(usable, _away(reduction, summaries, observed), np.inf)
    order = np.argsort(away, kind="stable")
    rows: list[dict[str, object]] = []

    def note(proposals: str, epsilon: float, models: np.ndarray, weight: np.ndarray, done: int) -> None:
        rows.extend(
            {
                "generation": len(rows) // K,
                "proposals": proposals,
                "epsilon": epsilon,
                "model": name,
                "prior": 1.0 / K,
                "share": float(weight[models == m].sum()),
                "particles": int((models == m).sum()),
                "ess": ess(weight),
                "simulations": done,
            }
            for m, name in enumerate(names)
        )

    near = order[:particles]
    for count in [round(share * len(order)) for share in TOLERANCES if share * len(order) > particles] + [particles]:
        within = order[:count]
        note("prior", float(away[within[-1]]), index[within], np.full(count, 1.0 / count), len(order))
    models, at, weight, distances = index[near], u[near], np.full(particles, 1.0 / particles), away[near]
    pool = (index, u, away)
    left = simulations
    while left > 0:
        generation, epsilon = len(rows) // K, float(np.quantile(distances, quantile))
        share = np.array([weight[models == m].sum() for m in range(K)])
        chance = (1 - EVERY_MODEL) * share + EVERY_MODEL / K
        kernels = [_kernel(m, models, at, weight, distances, epsilon, pool, len(problems[m].prior)) for m in range(K)]

        def make(
            generation: int = generation,
            epsilon: float = epsilon,
            chance: np.ndarray = chance,
            kernels: list[Kernel] = kernels,
            budget: int = left,
        ) -> dict[str, np.ndarray]:
            parts: list[dict[str, np.ndarray]] = []
            found = 0
            while budget > 0 and found < particles:
                size = min(PROPOSED, budget)
                parts.append(
                    _propose(problems, reduction, observed, kernels, chance, seed, generation, len(parts), size)
                )
                found += int((parts[-1]["away"] <= epsilon).sum())
                budget -= size
                if progress is not None:
                    progress(simulations - budget)
            return {
                "model": np.concatenate([each["model"] for each in parts]),
                "u": _side_by_side([each["u"] for each in parts]),
                "away": np.concatenate([each["away"] for each in parts]),
                "log": np.concatenate([each["log"] for each in parts]),
            }

        made = kept.part(f"choice-{generation:03d}", make)
        left -= len(made["away"])
        pool = tuple(
            _side_by_side([old, made[name]]) if name == "u" else np.concatenate([old, made[name]])
            for name, old in zip(("model", "u", "away"), pool, strict=True)
        )
        here = np.flatnonzero(made["away"] <= epsilon)[:particles]
        if not len(here):
            break
        log = made["log"][here]
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        if len(here) < particles and ess(weight) < LEAST_ESS:
            break
        models, at, distances = made["model"][here], made["u"][here], made["away"][here]
        note("sequential", epsilon, models, weight, len(made["away"]))
    return pd.DataFrame(rows)


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


# --- parts -----------------------------------------------------------------------------------------------------------
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


def _kernel(
    m: int,
    models: np.ndarray,
    at: np.ndarray,
    weight: np.ndarray,
    distances: np.ndarray,
    epsilon: float,
    pool: tuple[np.ndarray, ...],
    d: int,
) -> Kernel:
    """The proposal of a model: around its particles, or, where these are few, around its nearest simulations."""
    mine = models == m
    if mine.sum() >= LEAST_CENTRES:
        return Kernel.local(at[mine][:, :d], weight[mine] / weight[mine].sum(), distances[mine] <= epsilon, WIDTH)
    of, points, away = pool
    rows = np.flatnonzero(of == m)
    rows = rows[np.argsort(away[rows], kind="stable")[:LEAST_CENTRES]]
    return Kernel.local(points[rows][:, :d], np.full(len(rows), 1.0 / len(rows)), np.ones(len(rows), bool), WIDTH)


def _propose(
    problems: list[CalibrationProblem],
    reduction: Both,
    observed: np.ndarray,
    kernels: list[Kernel],
    chance: np.ndarray,
    seed: int,
    generation: int,
    part: int,
    size: int,
) -> dict[str, np.ndarray]:
    """A batch of proposals: model, point, distance and log weight of each."""
    rng = np.random.default_rng(stream(seed, 40_000 + generation, part, 0))
    drawn = rng.choice(len(problems), size, p=chance)
    seeds = batch_seeds(seed, 40_000 + generation, part, size)
    away, log = np.full(size, np.inf), np.zeros(size)
    points = np.full((size, max(len(each.prior) for each in problems)), np.nan)
    for m, (problem, kernel) in enumerate(zip(problems, kernels, strict=True)):
        mine = np.flatnonzero(drawn == m)
        if not len(mine):
            continue
        u = kernel.draw(len(mine), rng)
        away[mine] = _away(reduction, problem.simulate(problem.prior.theta(u), seeds[mine]), observed)
        log[mine] = log_prior(u) - kernel.log_density(u) - np.log(len(problems) * chance[m])
        points[mine, : u.shape[1]] = u
    return {"model": drawn, "u": points, "away": away, "log": log}
