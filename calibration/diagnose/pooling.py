"""Means of groups that pull small groups toward the whole, and how well they rank the groups.

The mean answer of group g with n of its N people is ȳ_g ~ N(θ_g, s²/n − t²/N), θ_g the mean of the people who are
there, s² the variance of answers within groups and t² the part of it that is no error of measurement; and
θ_g ~ N(μ, σ² + t²/N). μ has a flat prior, σ a wide one (half normal); both are integrated out on a grid (Gelman &
Hill 2007, ch. 12; Rao & Molina 2015 for finite groups).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 3000  # of the posterior
# Scale of the prior of σ for fit: in three data sets communities hold .01 to .21 of the variance of values
# (docs/EVIDENCE.md §3), which is a σ of .01 to .04 where people of one service differ by .08.
WIDEST = 0.04
GOAL = 0.8  # agreement of ranks that is asked for
DOUBT = 0.1  # where it is likelier than this that a goal can be reached, nobody is told that it cannot
MOST = 500  # answers of a group where nobody said how many people there are


@dataclass(frozen=True)
class Pooled:
    """Groups' means [G] with 95 % intervals, and draws of their posterior [draws × G]."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: np.ndarray
    sigma: np.ndarray  # draws of the spread between groups
    variances: tuple[float, float]  # s² and t²
    people: np.ndarray

    def agreement(self) -> float:
        """Kendall's τ between the ranks of these means and the true ones that is to be expected; NaN for one group."""
        return _agreement(self.mean, self.draws)

    def agreement_at(self, answers: int) -> float:
        """The same for a new survey with so many answers in each group (or all people where there are fewer)."""
        return float(self.agreements_at(answers).mean())

    def agreements_at(self, answers: float) -> np.ndarray:
        """The same by how far groups may differ, which few answers leave open [draws]."""
        s, t = self.variances
        answered = np.minimum(answers, self.people)
        lasting = self.sigma[:, None] ** 2 + t / self.people
        noise = np.maximum(0.0, s / answered - t / self.people)
        quality = np.sqrt(lasting / np.maximum(lasting + noise, 1e-12))
        return (2 / np.pi * np.arcsin(np.minimum(1.0, quality))).mean(axis=1)

    def answers_needed(self, goal: float = GOAL) -> int | None:
        """Fewest answers in each group for an agreement of `goal`; None where the people there are do not suffice, or
        where that cannot be told (`out_of_reach`)."""
        most = int(min(MOST, self.people.max()))
        if not self.agreement_at(most) >= goal:
            return None
        low, high = 1, most
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.agreement_at(middle) >= goal else (middle + 1, high)
        return low

    def out_of_reach(self, goal: float = GOAL) -> bool:
        """Whether it is sure enough that even answers from everybody would not give an agreement of `goal`."""
        return bool((self.agreements_at(min(MOST, self.people.max())) >= goal).mean() < DOUBT)


def pool(
    values: np.ndarray, group: np.ndarray, groups: int, people: np.ndarray, reliability: float, widest: float = WIDEST
) -> Pooled:
    """Means of groups of answers `values` [N] (NaN: none).

    group : of each answer, 0 … groups − 1. people : how many there are in each group (inf: not known). reliability : of
    one answer within groups, which says what an answer from everybody would leave uncertain. widest : scale of the
    prior of the spread between groups.
    """
    there = np.isfinite(values) & (group >= 0)
    y, g = values[there], group[there]
    n = np.bincount(g, minlength=groups).astype(float)
    mean = np.bincount(g, y, minlength=groups) / np.maximum(1, n)
    rest = y - mean[g]
    freedom = len(y) - (n > 0).sum()
    s = float(rest @ rest / freedom) if freedom > 0 else float(y.var() + 1e-6) if len(y) else 1e-2
    s = max(s, 1e-8)
    people = np.maximum(people, np.maximum(n, 1))
    t = reliability * s
    rng = np.random.default_rng(20)
    sigma = np.linspace(0.0, 3 * widest, 301)
    seen = n > 0
    variance = sigma[:, None] ** 2 + (s / n[seen])[None] if seen.any() else np.full((301, 1), 1.0)
    precision = 1 / variance
    whole = precision.sum(axis=1)
    centre = (precision @ mean[seen]) / whole if seen.any() else np.full(301, 0.5)
    gap = mean[seen][None] - centre[:, None] if seen.any() else np.zeros((301, 1))
    log_weight = -0.5 * (np.log(variance).sum(axis=1) + np.log(whole) + (precision * gap * gap).sum(axis=1))
    log_weight -= 0.5 * (sigma / widest) ** 2
    weight = np.exp(log_weight - log_weight.max())
    chosen = rng.choice(len(sigma), DRAWS, p=weight / weight.sum())
    middle = centre[chosen] + rng.standard_normal(DRAWS) / np.sqrt(whole[chosen])
    lasting = sigma[chosen, None] ** 2 + t / people
    noise = np.where(seen, np.maximum(0.0, s / np.maximum(1, n) - t / people), np.inf)
    pull = np.where(np.isinf(noise), 0.0, lasting / np.maximum(lasting + noise, 1e-15))
    expected = pull * mean + (1 - pull) * middle[:, None]
    left = np.where(np.isinf(noise), lasting, pull * np.where(np.isinf(noise), 0.0, noise))
    draws = expected + np.sqrt(left) * rng.standard_normal((DRAWS, groups))
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    return Pooled(expected.mean(axis=0), low, high, draws, sigma[chosen], (s, t), people)


def _agreement(mean: np.ndarray, draws: np.ndarray) -> float:
    if len(mean) < 2:
        return float("nan")
    i, j = np.triu_indices(len(mean), 1)
    order = np.sign(mean[i] - mean[j])
    return float((order * np.sign(draws[:, i] - draws[:, j])).mean())
