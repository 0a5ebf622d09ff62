"""What a set of mixes comes to: gains, who is best and how sure that is, regret, the front. Tables of numbers in and
out.

Two doubts are kept apart. *Chance*: with more worlds and runs, would another mix have the higher mean? *Not knowing*:
in which worlds would another mix be better, were the world known?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from valign.results.summaries import Interval, mean_interval

BOOTSTRAP = 500
DRAWS = 20_000  # of the means, for the chance of being best


def gains(outcome: np.ndarray, base: int = 0) -> np.ndarray:
    """Outcome [mixes x worlds] less that of the mix `base` in the same world: paired by common random numbers."""
    return outcome - outcome[base]


def gain_interval(outcome: np.ndarray, mix: int, base: int, clusters: np.ndarray) -> Interval:
    """Mean gain of a mix over another and its 95 % interval, by society. outcome : [mixes x worlds]."""
    return mean_interval(outcome[mix] - outcome[base], clusters)


def covariance_of_means(outcome: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Covariance of the means of the mixes [mixes x mixes], cluster-robust. outcome : [mixes x worlds]."""
    n = outcome.shape[1]
    groups, number = np.unique(clusters, return_inverse=True)
    k = len(groups)
    centred = outcome - outcome.mean(axis=1, keepdims=True)
    if k < 2:
        groups, number, k = np.arange(n), np.arange(n), n
    sums = np.zeros((len(outcome), k))
    np.add.at(sums.T, number, centred.T)
    return k / max(1, k - 1) * sums @ sums.T / n**2


def chance_of_best(outcome: np.ndarray, clusters: np.ndarray, seed: int = 1, draws: int = DRAWS) -> np.ndarray:
    """Probability of each mix that its mean over worlds is the highest, were there worlds and runs without end.

    The means are taken as normal around what was found, with the covariance of the pairing, and drawn toward each other
    as far as chance alone explains how they differ (empirical Bayes): without that the leader of many looks too sure.

    outcome : [mixes x worlds]. clusters : society of each world. seed, draws : of the means.
    """
    k = len(outcome)
    if k == 1:
        return np.ones(1)
    mean, V = outcome.mean(axis=1), covariance_of_means(outcome, clusters)
    contrast = np.eye(k) - 1.0 / k
    noise = np.trace(contrast @ V @ contrast) / (k - 1)
    prior = max(0.0, mean.var(ddof=1) - noise)
    if mean.var() == 0 and noise == 0:
        return np.full(k, 1.0 / k)
    # prior: means normal with that variance around a level of which nothing is known; V and prior as precisions
    scale = max(noise, prior, 1e-300)
    level = 1e6 * scale
    T = max(prior, 1e-9 * scale) * np.eye(k) + level
    gain = T @ np.linalg.pinv(T + V, hermitian=True)
    centre = mean.mean()
    posterior = centre + gain @ (mean - centre)
    spread = T - gain @ T
    spread = contrast @ ((spread + spread.T) / 2) @ contrast  # a level that all share decides nothing
    values, vectors = np.linalg.eigh(spread)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    drawn = posterior + np.random.default_rng(seed).standard_normal((draws, k)) @ root.T
    best = drawn >= drawn.max(axis=1, keepdims=True) - 1e-15 * scale**0.5
    return (best / best.sum(axis=1, keepdims=True)).mean(axis=0)


def shortfall(means: np.ndarray, costs: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
    """How far each mix lies behind the front of money and goals; 0 on it [mixes].

    Another mix that costs no more is ahead by the *least* of its leads over the goals (the additive epsilon indicator;
    Zitzler et al. 2003). means : [goals x mixes], more is better. costs : £. scale : unit of each goal.
    """
    unit = np.ones(len(means)) if scale is None else np.where(scale > 0, scale, 1.0)
    scaled = means / unit[:, None]
    lead = (scaled[:, None, :] - scaled[:, :, None]).min(axis=0)  # [behind x ahead]
    lead[costs[None, :] > costs[:, None]] = -np.inf
    return np.maximum(0.0, lead.max(axis=1))


def front(means: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Mixes that no other beats: none costs no more, gives no less of any goal, and is better in one [mixes, bool]."""
    no_worse = (means[:, None, :] >= means[:, :, None]).all(axis=0) & (costs[None, :] <= costs[:, None])
    better = (means[:, None, :] > means[:, :, None]).any(axis=0) | (costs[None, :] < costs[:, None])
    return ~(no_worse & better).any(axis=1)


def worst_tenth(outcome: np.ndarray) -> np.ndarray:
    """Mean outcome of each mix over the tenth of worlds in which it does worst [mixes]; outcome : [mixes x worlds]."""
    n = max(1, round(outcome.shape[1] / 10))
    return np.sort(outcome, axis=1)[:, :n].mean(axis=1)


def worst_tenth_interval(outcome: np.ndarray, mix: int, base: int, seed: int = 1) -> Interval:
    """How much more the worst tenth of one mix holds than that of another, with a bootstrap interval over worlds (95
    %).
    """
    pair, rng = outcome[[mix, base]], np.random.default_rng(seed)
    n = pair.shape[1]
    drawn = [np.subtract(*worst_tenth(pair[:, rng.integers(0, n, n)])) for _ in range(BOOTSTRAP)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(np.subtract(*worst_tenth(pair))), float(low), float(high), n)


@dataclass(frozen=True, eq=False)
class Choice:
    """The best of some mixes by one view: its number, the value of the view for each, the runner-up."""

    best: int
    values: np.ndarray
    second: int


def best_within(values: np.ndarray, costs: np.ndarray, budget: float, allowed: Sequence[int] | None = None) -> Choice:
    """The mix of highest value that the budget pays for; of equal ones the cheaper."""
    able = np.flatnonzero(costs <= budget) if allowed is None else np.array([n for n in allowed if costs[n] <= budget])
    order = able[np.lexsort((costs[able], -values[able]))]
    return Choice(int(order[0]), values, int(order[1]) if len(order) > 1 else int(order[0]))
