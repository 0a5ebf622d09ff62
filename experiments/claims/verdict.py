"""From paired effects in many worlds to a verdict. Numbers in, numbers out: nothing here simulates.

A world is a point of the parameter space with a society of its own. Its effect is the mean over its seeds of the
contrast, turned so that the predicted direction is positive. Seeds leave noise in that mean; were worlds classed by
it, noise would pass for effects of both signs. So the distribution of true effects over worlds is estimated with
the noise taken out (nonparametric maximum likelihood, Kiefer & Wolfowitz 1956, by EM on a grid), and each world has
probabilities of being one where the effect is *as predicted* (at least the smallest of interest), *absent* (smaller
than that in either direction: equivalence) or *reversed*. Shares of worlds are their means. Their Wilson intervals
take n / (1 + (noise / smallest)^2) for the number of worlds, noise being the mean standard error of a world's effect:
in planted worlds with noise up to the smallest effect, the spread of the estimates was about what that gives.

The verdict is what the shares say, if everything inside their Wilson intervals says the same:

    supported                as predicted in more than half of the worlds, reversed in fewer than a tenth
    reversed                 reversed in more than half, as predicted in fewer than a tenth
    not supported            as predicted in fewer than a tenth (and not reversed in more than half)
    supported conditionally  anything else: it depends on the world
    undecided                the intervals hold more than one of these

A claim whose null, the same test with the assumption taken away, is as predicted in more than half of the worlds
too is not supported, whatever the test says: the pattern does not need what the claim names. A claim that an equation
states is `quantified`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST, FEW = 0.5, 0.1
ALPHA = 0.05
GRID, STEPS = 121, 200
PRIOR_FREEDOM = 4.0  # weight, in degrees of freedom, of the pooled noise variance in each world's own
MOST_WORLDS = 200_000


def wilson(share: float, n: int, confidence: float = 1 - ALPHA) -> tuple[float, float]:
    """Wilson interval of a share of n."""
    from scipy.special import ndtri

    if n == 0:
        return 0.0, 1.0
    z2 = float(ndtri(0.5 + confidence / 2)) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def world_effects(effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean effect and its standard error in every world, from effects [worlds, seeds] (NaN: missing).

    The variance between seeds is pooled over worlds as far as a few seeds tell little of their own. Worlds with fewer
    than two seeds get NaN.
    """
    n = (~np.isnan(effects)).sum(axis=1)
    known = n >= 2
    mean, error = np.full(len(n), np.nan), np.full(len(n), np.nan)
    if known.any():
        freedom = n[known] - 1
        own = np.nanvar(effects[known], axis=1, ddof=1)
        pooled = float((own * freedom).sum() / freedom.sum())
        mean[known] = np.nanmean(effects[known], axis=1)
        variance = (own * freedom + pooled * PRIOR_FREEDOM) / (freedom + PRIOR_FREEDOM)
        error[known] = np.sqrt(variance / n[known])
    return mean, error


def probabilities(mean: np.ndarray, error: np.ndarray, smallest: float) -> np.ndarray:
    """For every world the probability that its true effect is as predicted, absent, reversed [worlds, 3]."""
    if not len(mean):
        return np.empty((0, 3))
    reach = max(float(np.abs(mean).max()) + float(error.max()), 2 * smallest)
    grid = np.linspace(-reach, reach, GRID)
    grid = np.sort(np.concatenate([grid, np.linspace(-2 * smallest, 2 * smallest, 41)]))
    error = np.maximum(error, (grid[-1] - grid[0]) / GRID / 4)  # no sharper than the grid
    log = -0.5 * ((mean[:, None] - grid) / error[:, None]) ** 2
    likelihood = np.exp(log - log.max(axis=1, keepdims=True))
    weights = np.full(len(grid), 1 / len(grid))
    for _ in range(STEPS):
        posterior = likelihood * weights
        posterior /= posterior.sum(axis=1, keepdims=True)
        weights = posterior.mean(axis=0)
    tolerance = 1e-9 * smallest
    above, below = grid >= smallest - tolerance, grid <= -smallest + tolerance
    found = np.stack([posterior[:, above].sum(axis=1), np.zeros(len(mean)), posterior[:, below].sum(axis=1)], axis=1)
    found[:, 1] = np.clip(1 - found[:, 0] - found[:, 2], 0, 1)
    return found


def combined(each: Sequence[np.ndarray]) -> np.ndarray:
    """Probabilities for a claim of several tests: it holds where all do, is reversed where one is."""
    holds, none = np.ones(len(each[0])), np.ones(len(each[0]))
    for one in each:
        holds, none = holds * one[:, 0], none * (1 - one[:, 2])
    reverses = np.clip(1 - none, 0, 1 - holds)
    return np.stack([holds, 1 - holds - reverses, reverses], axis=1)


def reading(predicted: float, reversed_: float) -> str:
    """What two known shares of worlds say."""
    if predicted > MOST and reversed_ < FEW:
        return "supported"
    if predicted < FEW:
        return "reversed" if reversed_ > MOST else "not supported"
    return "supported conditionally"


def decide(predicted: float, reversed_: float, n: int, alpha: float = ALPHA) -> str:
    """The reading that all shares inside the Wilson intervals share, or "undecided"."""
    intervals = [wilson(share, n, 1 - alpha) for share in (predicted, reversed_)]
    readings = {reading(p, r) for p in intervals[0] for r in intervals[1] if p + r <= 1.0 + 1e-9}
    return readings.pop() if len(readings) == 1 else "undecided"


def decisive_level(predicted: float, reversed_: float, n: int) -> float:
    """The smallest error level at which the verdict is decided: the claim's p-value for the correction."""
    if decide(predicted, reversed_, n, 0.999) == "undecided":
        return 1.0
    low, high = -40.0, np.log(0.999)  # log levels: undecided below, decided at high
    if decide(predicted, reversed_, n, np.exp(low) + 1e-15) != "undecided":
        return 1e-15
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if decide(predicted, reversed_, n, np.exp(middle)) != "undecided" else (middle, high)
    return float(np.exp(high))


def worlds_needed(predicted: float, reversed_: float, n: int, alpha: float = ALPHA) -> int | None:
    """How many worlds more would decide, were the shares to stay as they are; None: no number in reach."""
    more = n
    while more <= MOST_WORLDS:
        if decide(predicted, reversed_, more, alpha) != "undecided":
            return more - n
        more = int(more * 1.05) + 1
    return None


def holm(levels: Sequence[float], family: int | None = None) -> list[float]:
    """Holm's correction. family: how many claims are tested in all (those not given count as the least decisive)."""
    m = max(len(levels), family or 0)
    order = np.argsort(levels, kind="stable")
    corrected, running = [0.0] * len(levels), 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, (m - place) * levels[index]))
        corrected[index] = running
    return corrected


@dataclass(frozen=True)
class Judgement:
    """Shares of worlds with Wilson intervals, what they say, and how sure that is."""

    worlds: int
    failed: int
    predicted: float
    absent: float
    reversed: float
    intervals: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    says: str  # the reading, or "undecided"
    level: float  # smallest error level at which it is decided
    classes: np.ndarray  # most probable class of each world: 0 as predicted, 1 absent, 2 reversed, -1 failed
    effective: int  # worlds that the intervals count


def judge(
    effects: Sequence[np.ndarray], smallest: Sequence[float], alpha: float = ALPHA, distinct: float = 1.0
) -> Judgement:
    """Shares and reading of a claim from effects [worlds, seeds] of each of its tests, predicted direction positive.

    distinct : what the worlds are worth, as a share of their number, where some stand for more than one.
    """
    means = [world_effects(each) for each in effects]
    known = np.all([~np.isnan(mean) for mean, _ in means], axis=0)
    each = [
        probabilities(mean[known], error[known], least) for (mean, error), least in zip(means, smallest, strict=True)
    ]
    found = combined(each)
    n = int(known.sum())
    noise = (
        max(
            (float(error[known].mean()) / least for (_, error), least in zip(means, smallest, strict=True)), default=0.0
        )
        if n
        else 0.0
    )
    effective = max(1, round(n * distinct / (1 + noise**2)))
    shares = found.mean(axis=0) if n else np.full(3, np.nan)
    classes = np.full(len(known), -1)
    classes[known] = found.argmax(axis=1)
    if not n:
        return Judgement(0, len(known), *map(float, shares), ((0, 1),) * 3, "undecided", 1.0, classes, 0)
    p, a, r = map(float, shares)
    return Judgement(
        n,
        len(known) - n,
        p,
        a,
        r,
        tuple(wilson(share, effective, 1 - alpha) for share in (p, a, r)),
        decide(p, r, effective, alpha),
        decisive_level(p, r, effective),
        classes,
        effective,
    )


def verdict(grade: str, judged: Judgement, null: Judgement | None, corrected: float, alpha: float = ALPHA) -> str:
    """The verdict in words, after the correction for several claims. The shares of an assumed claim are its verdict."""
    if grade == "assumed" and judged.worlds:
        return "quantified"
    if judged.says == "undecided" or corrected > alpha:
        return "undecided"
    if null is not None and null.worlds and null.predicted > MOST and judged.says.startswith("supported"):
        return "not supported"
    return judged.says
