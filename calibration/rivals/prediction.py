"""Predictions of what was held out: communities, and the last third of the periods.

Every explanation is fitted to the rest and simulated anew; scored are the log score of each person's period, the chance
of being early (AUC) and the CRPS of adopters per period, against curves without agents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from valign.results.checkpoint import NOTHING_KEPT, Parts
from valign.results.summaries import t_quantile

from ..abc.posterior import Posterior, regression
from ..abc.smc import batch_seeds
from ..problem.summaries import Layout, Summariser
from .curves import fit_baseline
from .explanations import RIVAL_MODELS, Rival, Simulated
from .regression import simulated_by_regression

LOGIT = "logit"  # the plain regression, which knows of people and ties
BASELINES = ("bass", "logistic", "constant", LOGIT)
MOST_FOLDS, DRAWS, SMOOTHING, RESAMPLES = 10, 1000, 20.0, 2000
PART = 2048  # simulations summarised at once
REFERENCES = ("bass", "logistic", "full")  # that every model is compared with
INTERVAL = (0.025, 0.975)
AUC_RESAMPLES = 400
MANY_FOLDS_DRAWS = 500  # with more than five folds: their people are pooled in the scores


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


def out_of_sample(
    tables: Mapping[str, Simulated],
    parts: list[Fold],
    layout: Layout,
    draws: int = DRAWS,
    seed: int = 1,
    *,
    kept: Parts = NOTHING_KEPT,
    progress: Callable[[int], None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of what was held out.

    Every model is fitted to the rest (agents: regression-adjusted ABC; others: maximum likelihood) and simulated anew.

    Returns
    -------
    people : one row per person, fold and model: log_score (log chance of the period in which the person adopted, or of
        not adopting), early (1: adopted by the middle of the training times), chance (of that).
    counts : one row per fold and model: crps of the number of adopters per period, mean over periods, per 100 people.
    """
    individual, counts = [], []
    for number, fold in enumerate(parts):
        for place, name in enumerate((*tables, *BASELINES)):

            def make(name=name, fold=fold):
                times = (
                    simulated_by_regression(fold.train, layout, draws, seed)
                    if name == LOGIT
                    else _curves(name, fold, layout, draws, seed)
                    if name in BASELINES
                    else _predicted(tables[name], RIVAL_MODELS[name], fold.train, draws, seed)
                )
                person, crps = _scores(fold, layout, times, curves=name in BASELINES and name != LOGIT)
                return {**{key: person[key].to_numpy() for key in person}, "crps": crps}

            found = dict(kept.part(f"fold-{number:02d}-{name}", make))
            counts.append({"fold": fold.name, "model": name, "crps": float(found.pop("crps"))})
            individual.append(pd.DataFrame(found).assign(fold=fold.name, model=name))
            if progress is not None and place < len(tables):
                progress((number * len(tables) + place + 1) * draws)
    return pd.concat(individual, ignore_index=True), pd.DataFrame(counts)


def _predicted(table: Simulated, rival: Rival, observed: Layout, draws: int, seed: int) -> np.ndarray:
    """Periods of adoption [N x draws] from the posterior given what the rival sees of the part observed."""
    summariser = Summariser(observed, rival.values, rival.peers)
    used = summariser.relevant
    summaries = np.concatenate(
        [
            summariser(np.ascontiguousarray(table.times[:, start : start + PART], np.int32))[used].T
            for start in range(0, len(table.u), PART)
        ]
    )
    posterior = regression(table.u, summaries, summariser.observed[used], table.problem.prior)
    theta = _resampled(posterior, draws, seed)
    _, times = table.problem.run(theta, batch_seeds(seed, 60_000, 0, draws), times=True)
    assert times is not None
    return times


def _curves(name: str, fold: Fold, layout: Layout, draws: int, seed: int) -> np.ndarray:
    """The same by a curve without agents."""
    curve = fit_baseline(name, fold.train.time, fold.train.until, draws, seed)
    rng = np.random.default_rng([seed, 70_000])
    cut = curve.chances(layout.periods).cumsum(axis=1)
    drawn = (rng.random((len(layout.until), draws))[:, :, None] > cut[None]).sum(axis=2) + 1
    return np.where(drawn > layout.periods, 0, drawn).astype(np.int16)


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


def compare_scores(
    people: pd.DataFrame, counts: pd.DataFrame, seed: int = 1, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """One row per kind of fold, score, model and reference: mean and difference with its 95 % interval.

    kind : "communities" (people of communities not seen) or "last third". score : log_score and auc (bootstrap over
    people within folds), crps (t interval over folds; none with a single fold). reference : bass, logistic and full.
    """
    rng = np.random.default_rng([seed, 90_000])
    rows: list[dict[str, object]] = []
    for kind in ("communities", "last third"):
        of_people, of_counts = ((each["fold"] == "last third") == (kind == "last third") for each in (people, counts))
        if of_people.any():
            by_fold = counts[of_counts].pivot(index="fold", columns="model", values="crps")
            rows += _compared(kind, people[of_people], by_fold, resamples, rng)
    return pd.DataFrame(rows)


def _compared(
    kind: str, people: pd.DataFrame, by_fold: pd.DataFrame, resamples: int, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Every model against every reference, over folds of one kind."""
    wide, likely = (
        people.pivot(index=["fold", "person"], columns="model", values=of) for of in ("log_score", "chance")
    )
    early = people[people["model"] == "full"].set_index(["fold", "person"])["early"].reindex(wide.index).to_numpy()
    fold = wide.index.get_level_values("fold").to_numpy()
    members = [np.flatnonzero(fold == each) for each in np.unique(fold)]
    picks = [np.concatenate([rng.choice(each, len(each)) for each in members]) for _ in range(resamples)]
    aucs = {name: auc(early, likely[name].to_numpy(), fold) for name in wide}
    several = {
        name: np.array([auc(early[pick], likely[name].to_numpy()[pick], fold[pick]) for pick in picks[:AUC_RESAMPLES]])
        for name in wide
    }
    rows: list[dict[str, object]] = []
    for name, reference in product(wide, REFERENCES):
        if name == reference:
            continue
        row = partial(_row, kind, name, reference)
        gap = (wide[name] - wide[reference]).to_numpy()
        spread = np.array([gap[pick].mean() for pick in picks])
        apart = (by_fold[name] - by_fold[reference]).to_numpy()
        half = _half_width(apart)
        rows += [
            row("log_score", wide[name].mean(), gap.mean(), *np.quantile(spread, INTERVAL)),
            row(
                "auc",
                aucs[name],
                aucs[name] - aucs[reference],
                *np.nanquantile(several[name] - several[reference], INTERVAL),
            ),
            row("crps", by_fold[name].mean(), apart.mean(), apart.mean() - half, apart.mean() + half),
        ]
    return rows


def _half_width(apart: np.ndarray) -> float:
    """Of the 95 % t interval of a mean; NaN of a single number."""
    n = len(apart)
    return float(t_quantile(0.975, n - 1) * apart.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")


def _row(
    kind: str, model: str, reference: str, score: str, mean: float, gap: float, low: float, high: float
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
