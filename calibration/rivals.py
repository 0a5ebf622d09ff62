"""Rival explanations of the same data: which is likelier, and which predicts what it has not seen?

Five models with agents (values and peers, either alone, broadcast, lasting differences) and two curves without (Bass,
logistic). Model choice by two methods that have to agree: sequential ABC with a model index (Toni et al. 2009), on the
regression of the index on the summaries (Prangle et al. 2014), and a random forest (Pudlo et al. 2016). Odds without a
confusion matrix and a prediction mean little: both are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.summaries import t_quantile

from .baselines import fit_baseline
from .data import Data
from .estimators import Posterior, _sklearn, regression
from .histories import Layout, Summariser
from .problem import Problem, prior_of
from .reduction import Both, Reduction
from .smc import Kernel, ess, log_prior, run_seeds, stream

NO_VALUES = {"fit_effect": 0.0, "lapse_fit": 0.0, "fit_climate": 0.0, "fit_peers": 0.0, "practice_alignment": 0.0}
NO_PEERS = {"peer_effect": 0.0, "awareness_by_ties": 0.0, "belief_sharing": 0.0, "fit_peers": 0.0}


@dataclass(frozen=True)
class Rival:
    """An explanation: what is switched off, and what is free besides what the full model leaves free."""

    title: str
    fixed: Mapping[str, float]
    free: Mapping[str, tuple[float, float] | None]


RIVALS: dict[str, Rival] = {
    "full": Rival("values and peers", {}, {}),
    "peers": Rival("peers only (contagion)", NO_VALUES, {}),
    "values": Rival("values only", NO_PEERS, {}),
    "broadcast": Rival("evidence and broadcast only", {**NO_VALUES, **NO_PEERS}, {"evidence_effect": None}),
    "selection": Rival("lasting differences nobody measured", {**NO_VALUES, **NO_PEERS}, {"frailty_sd": (0.0, 2.0)}),
}
BASELINES = ("bass", "logistic")
MOST_FOLDS, DRAWS, SMOOTHING, RESAMPLES = 10, 1000, 20.0, 2000


def rival_problem(problem: Problem, name: str) -> Problem:
    """The problem as a rival sees it: same data, people and summaries, other mechanisms and free parameters."""
    rival = RIVALS[name]
    scenario = problem.scenario.replace(dict(rival.fixed)) if rival.fixed else problem.scenario
    bounds: dict[str, tuple[float, float] | None] = {
        parameter: (float(low), float(high))
        for parameter, low, high in zip(problem.prior.names, problem.prior.low, problem.prior.high, strict=True)
        if parameter not in rival.fixed
    }
    bounds |= {parameter: limits for parameter, limits in rival.free.items() if parameter not in bounds}
    return Problem(problem.data, scenario, prior_of(bounds, scenario), problem.society, problem.threads)


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulations of a rival from its prior."""

    problem: Problem
    u: np.ndarray  # n x d
    summaries: np.ndarray  # n x s
    times: np.ndarray  # N x n int16


def simulate_rivals(
    problem: Problem,
    simulations: int,
    seed: int = 1,
    batch: int = 2048,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Simulated]:
    """`simulations` runs of every rival from its prior. Raises InputError for data without people and orientation."""
    if problem.layout is None or not problem.layout.orientations:
        raise InputError(["rivals are told apart by people's histories: the data need [people] and an [orientation]"])
    tables, done = {}, 0
    for number, name in enumerate(RIVALS):
        of, u, s, t = rival_problem(problem, name), [], [], []
        for part, start in enumerate(range(0, simulations, batch)):
            size = min(batch, simulations - start)
            u.append(
                np.random.default_rng(stream(seed, 30_000 + number, part, 0)).standard_normal((size, len(of.prior)))
            )
            summaries, times = of.run(of.prior.theta(u[-1]), run_seeds(seed, 30_000 + number, part, size), times=True)
            assert times is not None
            known = np.isfinite(summaries).all(axis=1)
            u[-1] = u[-1][known]
            s.append(summaries[known])
            t.append(times[:, known])
            done += size
            if progress is not None:
                progress(done, simulations * len(RIVALS))
        tables[name] = Simulated(of, np.concatenate(u), np.concatenate(s), np.concatenate(t, axis=1))
    return tables


# --- model choice ----------------------------------------------------------------------------------------------------
def choose_forest(
    tables: Mapping[str, Simulated], observed: np.ndarray, seed: int = 1, most: int = 4000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random-forest classifier: votes for the data, and the out-of-bag confusion matrix (rows: truth, sum to 1)."""
    ensemble = _sklearn().RandomForestClassifier
    names = list(tables)
    x = np.concatenate([table.summaries[:most] for table in tables.values()])
    y = np.repeat(np.arange(len(names)), [min(most, len(table.summaries)) for table in tables.values()])
    x = np.nan_to_num(x, posinf=0, neginf=0)
    model = ensemble(300, min_samples_leaf=5, oob_score=True, n_jobs=-1, random_state=seed).fit(x, y)
    share = model.predict_proba(observed[None])[0]
    oob = np.nan_to_num(model.oob_decision_function_, nan=1.0 / len(names))
    guess = oob.argmax(axis=1)
    confusion = pd.DataFrame(
        [[float((guess[y == a] == b).mean()) for b in range(len(names))] for a in range(len(names))], columns=names
    )
    confusion.insert(0, "truth", names)
    return pd.DataFrame({"method": "forest", "model": names, "share": share}), confusion


def choose_smc(
    tables: Mapping[str, Simulated],
    observed: np.ndarray,
    simulations: int = 20_000,
    particles: int = 500,
    seed: int = 1,
    quantile: float = 0.5,
) -> pd.DataFrame:
    """Sequential ABC with a model index; equal prior odds.

    Returns one row per generation and model: generation, epsilon, model, prior, share (posterior), particles, ess.
    """
    names, problems = list(tables), [table.problem for table in tables.values()]
    K, least = len(names), min(len(table.u) for table in tables.values())
    index = np.repeat(np.arange(K), least)
    points = [table.u[:least] for table in tables.values()]
    summaries = np.concatenate([table.summaries[:least] for table in tables.values()])
    indicator = np.eye(K)[index][:, :-1]
    everywhere = Reduction(indicator, summaries)
    near = np.argsort(_away(everywhere, summaries, observed, everywhere.unit))[: max(len(index) // 5, 5 * particles)]
    reduction = Reduction(indicator[near], summaries[near]) + everywhere
    unit = reduction.unit
    away = _away(reduction, summaries, observed, unit)
    away[np.arange(len(away)) % least >= 5 * particles // K] = np.inf  # start wide: the tolerance shrinks from there
    kept = np.argsort(away, kind="stable")[:particles]
    epsilon = float(away[kept].max())
    flat = [(int(m), points[m][row - m * least]) for row in kept for m in [index[row]]]
    weight, distances = np.full(particles, 1.0 / particles), away[kept]
    rows, left, generation = [], simulations, 0
    rows += _shares(generation, epsilon, names, flat, weight)
    while left > 0:
        generation += 1
        epsilon = float(np.quantile(distances, quantile))
        models = np.array([m for m, _ in flat])
        share = np.array([weight[models == m].sum() for m in range(K)])
        chance = 0.8 * share + 0.2 / K
        kernels: list[Kernel | None] = []
        for m in range(K):
            mine = models == m
            of = np.array([flat[n][1] for n in np.flatnonzero(mine)])
            kernels.append(
                Kernel.local(of, weight[mine] / weight[mine].sum(), distances[mine] <= epsilon)
                if mine.sum() > 4 * len(problems[m].prior)
                else None
            )
        found: list[tuple[int, np.ndarray]] = []
        logs, distances_found, part = np.empty(0), np.empty(0), 0
        while left > 0 and len(found) < particles:
            size = min(1024, left)
            rng = np.random.default_rng(stream(seed, 40_000 + generation, part, 0))
            drawn = rng.choice(K, size, p=chance)
            seeds = run_seeds(seed, 40_000 + generation, part, size)
            away, log, at = np.full(size, np.inf), np.zeros(size), [np.empty(0)] * size
            for m in np.unique(drawn):
                mine, kernel, prior = np.flatnonzero(drawn == m), kernels[m], problems[m].prior
                u = rng.standard_normal((len(mine), len(prior))) if kernel is None else kernel.draw(len(mine), rng)
                away[mine] = _away(reduction, problems[m].simulate(prior.theta(u), seeds[mine]), observed, unit)
                log[mine] = -np.log(K * chance[m])
                if kernel is not None:
                    log[mine] += log_prior(u) - kernel.log_density(u)
                for row, point in zip(mine, u, strict=True):
                    at[row] = point
            kept = np.flatnonzero(away <= epsilon)[: particles - len(found)]
            found += [(int(drawn[row]), at[row]) for row in kept]
            logs, distances_found = np.append(logs, log[kept]), np.append(distances_found, away[kept])
            left -= size
            part += 1
        complete = len(found) == particles
        if not complete:
            break
        weight = np.exp(logs - logs.max())
        weight /= weight.sum()
        flat, distances = found, distances_found
        rows += _shares(generation, epsilon, names, flat, weight)
    return pd.DataFrame(rows)


def _away(reduction: Reduction | Both, summaries: np.ndarray, observed: np.ndarray, unit: np.ndarray) -> np.ndarray:
    away = np.sqrt((((reduction(summaries) - reduction(observed)) / unit) ** 2).sum(axis=1))
    return np.where(np.isfinite(away), away, np.inf)


def _shares(
    generation: int, epsilon: float, names: list[str], flat: list[tuple[int, np.ndarray]], weight: np.ndarray
) -> list[dict[str, object]]:
    models = np.array([m for m, _ in flat])
    return [
        {
            "generation": generation,
            "epsilon": epsilon,
            "model": name,
            "prior": 1.0 / len(names),
            "share": float(weight[models == m].sum()),
            "particles": int((models == m).sum()),
            "ess": ess(weight),
        }
        for m, name in enumerate(names)
    ]


# --- out of sample ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Fold:
    """What is held out: people (all their periods), or the periods after `until` of everybody."""

    name: str
    train: Layout
    people: np.ndarray  # N bool: scored
    after: int  # scored are periods after this one


def folds(layout: Layout, seed: int = 1) -> list[Fold]:
    """One per community (grouped into ten where there are more), and the last third of the periods.

    With a single community, people are held out in five random parts.
    """
    C = len(layout.communities)
    rng = np.random.default_rng([seed, 50_000])
    if C == 1:
        part, names = rng.integers(0, 5, len(layout.until)), [f"part {n + 1}" for n in range(5)]
    elif C <= MOST_FOLDS:
        part, names = layout.community, layout.communities
    else:
        group = rng.permutation(C) % MOST_FOLDS
        part, names = group[layout.community], [f"communities {n + 1}" for n in range(MOST_FOLDS)]
    made = [
        Fold(name, layout.only(part != n), (part == n) & (layout.until > 0), 0)
        for n, name in enumerate(names)
        if (part == n).any() and ((layout.time > 0) & (part != n)).any()
    ]
    end = round(2 * layout.periods / 3)
    if end >= 2:
        made.append(Fold("last third", layout.only(until=end), layout.until > end, end))
    return made


def out_of_sample(tables: Mapping[str, Simulated], layout: Layout, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of what was held out.

    Every model is fitted to the rest (agents: regression-adjusted ABC; curves: maximum likelihood) and simulated anew.

    Returns
    -------
    people : one row per person, fold and model: log_score (log chance of the period in which the person adopted, or of
        not adopting), early (1: adopted by the middle of the training times), chance (of that).
    counts : one row per fold and model: crps of the number of adopters per period, mean over periods, per 100 people.
    """
    individual, counts = [], []
    for fold in folds(layout, seed):
        summariser = Summariser(fold.train)
        chances = {}
        for name, table in tables.items():
            summaries = summariser(np.ascontiguousarray(table.times, np.int32)).T
            posterior = regression(table.u, summaries, summariser.observed, table.problem.prior)
            theta = _resampled(posterior, DRAWS, seed)
            _, times = table.problem.run(theta, run_seeds(seed, 60_000, 0, DRAWS), times=True)
            assert times is not None
            chances[name] = times
        for name in BASELINES:
            curve = fit_baseline(name, fold.train.time, fold.train.until, DRAWS, seed)
            rng = np.random.default_rng([seed, 70_000])
            cut = curve.chances(layout.periods).cumsum(axis=1)
            drawn = (rng.random((len(layout.until), DRAWS))[:, :, None] > cut[None]).sum(axis=2) + 1
            chances[name] = np.where(drawn > layout.periods, 0, drawn).astype(np.int16)
        for name, times in chances.items():
            person, count = _scores(fold, layout, times, curves=name in BASELINES)
            individual.append(person.assign(fold=fold.name, model=name))
            counts.append({"fold": fold.name, "model": name, "crps": count})
    return pd.concat(individual, ignore_index=True), pd.DataFrame(counts)


def _resampled(posterior: Posterior, n: int, seed: int) -> np.ndarray:
    which = np.random.default_rng([seed, 80_000]).choice(len(posterior.weight), n, p=posterior.weight)
    return posterior.theta[which]


def _scores(fold: Fold, layout: Layout, times: np.ndarray, curves: bool) -> tuple[pd.DataFrame, float]:
    """Log scores and chances by person, and the mean CRPS of adopters per period in a fold."""
    rows = np.flatnonzero(fold.people & ((layout.time == 0) | (layout.time > fold.after)))
    periods, draws = layout.periods, times.shape[1]
    limit = layout.until[:, None]
    times = np.where((times >= 1) & (times <= limit), times, 0).astype(np.int64)
    chance = np.stack([np.bincount(times[row], minlength=periods + 1) for row in rows]).astype(float)
    chance[:, 1 : fold.after + 1] = 0.0
    pooled = chance.sum(axis=0) + 1e-3
    pooled /= pooled.sum()
    chance = (
        np.tile(pooled, (len(rows), 1))
        if curves
        else (chance + SMOOTHING * pooled) / (chance.sum(axis=1, keepdims=True) + SMOOTHING)
    )
    observed = layout.time[rows]
    log = np.log(chance[np.arange(len(rows)), observed])
    adopted = fold.train.time[fold.train.time > 0]
    middle = int(np.median(adopted)) if fold.after == 0 else periods
    early = ((observed >= 1) & (observed <= middle)).astype(int)
    likely = chance[:, fold.after + 1 : middle + 1].sum(axis=1)
    people = pd.DataFrame({"person": rows, "log_score": log, "early": early, "chance": likely})
    mine = np.flatnonzero(fold.people)
    crps = []
    for period in range(fold.after + 1, periods + 1):
        ensemble = np.sort((times[mine] == period).sum(axis=0)).astype(float)
        seen = float((layout.time[mine] == period).sum())
        spread = 2.0 * (ensemble * (2 * np.arange(1, draws + 1) - draws - 1)).sum() / draws**2
        crps.append(np.abs(ensemble - seen).mean() - 0.5 * spread)
    return people, float(np.mean(crps)) * 100.0 / len(mine)


def auc(early: np.ndarray, chance: np.ndarray, fold: np.ndarray) -> float:
    """Share of pairs from the same fold, one early and one not, in which the early one was given the higher chance."""
    right = pairs = 0.0
    for part in np.unique(fold):
        a, b = chance[(fold == part) & (early == 1)], chance[(fold == part) & (early == 0)]
        right += float((a[:, None] > b).sum() + 0.5 * (a[:, None] == b).sum())
        pairs += float(len(a) * len(b))
    return right / pairs if pairs else float("nan")


def compare(people: pd.DataFrame, counts: pd.DataFrame, seed: int = 1, resamples: int = RESAMPLES) -> pd.DataFrame:
    """One row per kind of fold, score, model and reference: mean and difference with its 95 % interval.

    kind : "communities" (people of communities not seen) or "last third". score : log_score and auc (bootstrap over
    people within folds), crps (t interval over folds; none with a single fold). reference : bass, logistic and full.
    """
    rows = []
    rng = np.random.default_rng([seed, 90_000])
    for kind in ("communities", "last third"):
        part = people[(people["fold"] == "last third") == (kind == "last third")]
        if part.empty:
            continue
        wide = part.pivot(index=["fold", "person"], columns="model", values="log_score")
        likely = part.pivot(index=["fold", "person"], columns="model", values="chance")
        early = part[part["model"] == "full"].set_index(["fold", "person"])["early"].reindex(wide.index).to_numpy()
        fold = wide.index.get_level_values("fold").to_numpy()
        members = [np.flatnonzero(fold == each) for each in np.unique(fold)]
        picks = [np.concatenate([rng.choice(each, len(each)) for each in members]) for _ in range(resamples)]
        aucs = {name: auc(early, likely[name].to_numpy(), fold) for name in wide}
        several = {
            name: np.array([auc(early[pick], likely[name].to_numpy()[pick], fold[pick]) for pick in picks[:400]])
            for name in wide
        }
        by_fold = counts[(counts["fold"] == "last third") == (kind == "last third")].pivot(
            index="fold", columns="model", values="crps"
        )
        for name in wide:
            for reference in ("bass", "logistic", "full"):
                if reference == name:
                    continue
                gap = (wide[name] - wide[reference]).to_numpy()
                spread = np.array([gap[pick].mean() for pick in picks])
                rows.append(
                    _row(
                        kind,
                        "log_score",
                        name,
                        reference,
                        wide[name].mean(),
                        gap.mean(),
                        *np.quantile(spread, (0.025, 0.975)),
                    )
                )
                differences = several[name] - several[reference]
                rows.append(
                    _row(
                        kind,
                        "auc",
                        name,
                        reference,
                        aucs[name],
                        aucs[name] - aucs[reference],
                        *np.nanquantile(differences, (0.025, 0.975)),
                    )
                )
                apart = (by_fold[name] - by_fold[reference]).to_numpy()
                half = (
                    t_quantile(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart))
                    if len(apart) > 1
                    else np.nan
                )
                rows.append(
                    _row(
                        kind,
                        "crps",
                        name,
                        reference,
                        by_fold[name].mean(),
                        apart.mean(),
                        apart.mean() - half,
                        apart.mean() + half,
                    )
                )
    return pd.DataFrame(rows)


def _row(
    kind: str, score: str, model: str, reference: str, mean: float, gap: float, low: float, high: float
) -> dict[str, object]:
    return {
        "kind": kind,
        "score": score,
        "model": model,
        "mean": float(mean),
        "reference": reference,
        "difference": float(gap),
        "low": float(low),
        "high": float(high),
    }


@dataclass(frozen=True, eq=False)
class Choice:
    """Rivals compared: shares (method, model, share), odds (along the tolerance), confusion, scores, folds."""

    data: Data
    shares: pd.DataFrame
    odds: pd.DataFrame
    confusion: pd.DataFrame
    scores: pd.DataFrame
    folds: pd.DataFrame

    @property
    def agree(self) -> bool:
        """Whether both methods put the same model first."""
        first = self.shares.loc[self.shares.groupby("method")["share"].idxmax()]
        return first["model"].nunique() == 1


def choose(
    problem: Problem, simulations: int = 50_000, seed: int = 1, progress: Callable[[int, int], None] | None = None
) -> Choice:
    """All comparisons of rivals within a budget: two thirds from the priors, a third along the tolerance."""
    each = max(2000, 2 * simulations // (3 * len(RIVALS)))
    tables = simulate_rivals(problem, each, seed, progress=progress)
    odds = choose_smc(tables, problem.observed, max(5000, simulations // 3), seed=seed)
    forest, confusion = choose_forest(tables, problem.observed, seed)
    last = odds[odds["generation"] == odds["generation"].max()]
    shares = pd.concat([forest, last[["model", "share"]].assign(method="smc")], ignore_index=True)
    assert problem.layout is not None
    people, counts = out_of_sample(tables, problem.layout, seed)
    return Choice(problem.data, shares, odds, confusion, compare(people, counts, seed), counts)
