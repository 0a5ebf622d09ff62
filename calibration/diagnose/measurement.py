"""What answers say about people, with errors of measurement taken out.

Every value is asked by two items. Fit, 1 − Σ ω |v − p|, is folded: errors make every distance look larger, most where
people are near the innovation. What they add on average, by role and value, follows from how answers come about
(`response`), and is taken away from every distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data.answers import Answers
from .response import Latent, distances, fixed_distance, latent


SIMULATED = 8_000


def spearman_brown(half: float) -> float:
    """Reliability of a test of which each half has the correlation `half` with the other (Spearman, Brown 1910)."""
    return float(np.clip(2 * half / (1 + half), 0.0, 1.0)) if half > -1 else 0.0


def reliabilities(items: np.ndarray) -> np.ndarray:
    """Split-half reliability of the mean of two items [K], stepped up; NaN with fewer than three people."""
    out = np.full(items.shape[1], np.nan)
    for k in range(items.shape[1]):
        pairs = items[np.isfinite(items[:, k]).all(axis=1), k]
        if len(pairs) > 2 and (pairs.std(axis=0) > 0).all():
            out[k] = spearman_brown(float(np.corrcoef(pairs.T)[0, 1]))
    return out


def mean_of(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of what is there, NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=axis) / np.maximum(1, count), np.nan)


@dataclass(eq=False)
class Measured:
    """Answers as measures of values, readings and fit."""

    answers: Answers

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each value counts for fit [K]; they sum to 1."""
        emphasis = self.answers.emphasis
        return emphasis / emphasis.sum()

    @cached_property
    def own(self) -> np.ndarray:
        """What matters to people [N × K], the mean of the items answered."""
        return mean_of(self.answers.own, axis=2)

    @cached_property
    def reads(self) -> np.ndarray:
        """What the innovation stands for as people read it [N × K]."""
        return mean_of(self.answers.reads, axis=2)

    @cached_property
    def groups(self) -> np.ndarray:
        """Roles as numbers from 0 without gaps [N]; those who did not say are one of their own."""
        return np.unique(self.answers.role, return_inverse=True)[1]

    @cached_property
    def values(self) -> Latent:
        """What lies behind the answers on what matters."""
        return latent(self.answers.own, self.groups)

    @cached_property
    def readings(self) -> Latent:
        """What lies behind the answers on the innovation."""
        return latent(self.answers.reads, self.groups)

    @cached_property
    def correlation(self) -> np.ndarray:
        """Of what people value and how they read the innovation, within roles, without errors [K]."""
        first, second = (self._by_role(x) for x in (self.own, self.reads))
        there = np.isfinite(first) & np.isfinite(second)
        both = np.where(there, first * second, 0).sum(axis=0) / np.maximum(1, there.sum(axis=0) - 1)
        lasting = []
        for items in (self.answers.own, self.answers.reads):
            rest = np.stack([self._by_role(items[..., h]) for h in (0, 1)], axis=2)
            pairs = np.isfinite(rest).all(axis=2)
            lasting.append(
                np.where(pairs, rest[..., 0] * rest[..., 1], 0).sum(axis=0) / np.maximum(1, pairs.sum(axis=0) - 1)
            )
        scale = np.sqrt(np.maximum(1e-4, lasting[0]) * np.maximum(1e-4, lasting[1]))
        return np.clip(both / scale, -0.9, 0.9)

    def _by_role(self, x: np.ndarray) -> np.ndarray:
        out = x.copy()
        for g in range(int(self.groups.max()) + 1):
            out[self.groups == g] -= mean_of(x[self.groups == g])
        return out

    @cached_property
    def _distances(self) -> tuple[np.ndarray, np.ndarray]:
        return distances(self.values, self.readings, self.correlation)

    @cached_property
    def distance(self) -> np.ndarray:
        """|v − p| of every person and value [N × K], free of what errors, steps and ends of the scale add on average.

        Where an answer is missing, what is to be expected of the person's role.
        """
        true, observed = self._distances
        counts = [np.isfinite(items).sum(axis=2) for items in (self.answers.own, self.answers.reads)]
        return self._free(np.abs(self.own - self.reads), true, self._of_person(observed, counts[0], counts[1]))

    def distance_to(self, point: np.ndarray, reads: bool = False) -> np.ndarray:
        """|v − m| (or |p − m|) of every person and value [N × K] to a point [K], likewise."""
        items, behind, seen = (
            (self.answers.reads, self.readings, self.reads) if reads else (self.answers.own, self.values, self.own)
        )
        true, observed = fixed_distance(behind, point)
        count = np.isfinite(items).sum(axis=2)
        return self._free(np.abs(seen - point), true, self._of_person(observed[..., None, :], 1 + 0 * count, count))

    def _of_person(
        self, expected: np.ndarray, first: np.ndarray, second: np.ndarray, role: np.ndarray | None = None
    ) -> np.ndarray:
        """Entries of [R × K × a × b] for each person and value, by how many items they answered."""
        k = np.arange(expected.shape[1])[None]
        role = self.groups if role is None else role
        return expected[role[:, None], k, np.maximum(first, 1) - 1, np.maximum(second, 1) - 1]

    def _free(self, apart: np.ndarray, true: np.ndarray, observed: np.ndarray) -> np.ndarray:
        expected = true[self.groups]
        return np.where(np.isfinite(apart), apart + expected - observed, expected)

    @cached_property
    def _free_fit(self) -> np.ndarray:
        """Fit from corrected distances [N]: right on average, its differences still too small by `slope`."""
        there = np.isfinite(self.own - self.reads) & (self.weights > 0)
        return np.where(there.any(axis=1), 1 - self.distance @ self.weights, np.nan)

    @cached_property
    def simulated(self) -> tuple[float, float]:
        """Slope of measured on true fit within roles, and the variance of its error: people like these are simulated,
        and answer as these did."""
        rng = np.random.default_rng(7)
        rows = rng.integers(len(self.answers), size=SIMULATED)
        role, K = self.groups[rows], len(self.weights)
        z = rng.standard_normal((2, SIMULATED, K))
        z[1] = self.correlation * z[0] + np.sqrt(1 - self.correlation**2) * z[1]
        held, seen = [], []
        for behind, items, normal in ((self.values, self.answers.own, z[0]), (self.readings, self.answers.reads, z[1])):
            true = np.clip(behind.mean[role] + behind.sd * normal, 0, 1)
            drawn = true[..., None] + behind.error[:, None] * rng.standard_normal((*true.shape, 2))
            drawn = np.clip(np.round(behind.steps * drawn) / behind.steps, 0, 1)
            held.append(true)
            seen.append(mean_of(np.where(np.isfinite(items[rows]), drawn, np.nan), axis=2))
        true, observed = self._distances
        counts = [np.isfinite(items[rows]).sum(axis=2) for items in (self.answers.own, self.answers.reads)]
        expected = self._of_person(observed, counts[0], counts[1], role)
        free = np.abs(seen[0] - seen[1]) + true[role] - expected
        measured = -np.where(np.isfinite(free), free, true[role]) @ self.weights
        fit = -np.abs(held[0] - held[1]) @ self.weights
        for g in range(int(role.max()) + 1):
            measured[role == g] -= measured[role == g].mean() if (role == g).any() else 0
            fit[role == g] -= fit[role == g].mean() if (role == g).any() else 0
        slope = float(np.clip((measured @ fit) / max(fit @ fit, 1e-12), 0.2, 1.2))
        error = measured - slope * fit
        return slope, float(error @ error) / SIMULATED / slope**2

    @cached_property
    def fit(self) -> np.ndarray:
        """Fit of every person [N] on the scale of true fit: a person's value is uncertain, a mean is right.

        NaN for those of whom no value can be held against the innovation.
        """
        middle = self._role_mean(self._free_fit)
        return middle + (self._free_fit - middle) / self.simulated[0]

    def _role_mean(self, x: np.ndarray) -> np.ndarray:
        means = np.array(
            [
                np.nanmean(x[self.groups == g]) if np.isfinite(x[self.groups == g]).any() else np.nan
                for g in range(int(self.groups.max()) + 1)
            ]
        )
        return means[self.groups]

    @cached_property
    def lasting(self) -> float:
        """Share of the variance of `fit` within services that is no error of measurement."""
        rest = self._within(self.fit[:, None])[:, 0]
        there = np.isfinite(rest)
        freedom = max(1, int(there.sum()) - len(np.unique(self.answers.service[there])))
        whole = float(np.nansum(rest * rest)) / freedom
        return float(np.clip(1 - self.simulated[1] / whole, 0.02, 0.98)) if whole > 0 else 0.5

    @cached_property
    def naive_fit(self) -> float:
        """Mean fit as it would be without any correction."""
        return float(1 - np.nansum(mean_of(np.abs(self.own - self.reads)) * self.weights))

    @cached_property
    def half_correlation(self) -> float:
        """Correlation of fit by the first items and by the second within services, over all pairs of values that are
        there: a missing answer costs precision, and does not bias it."""
        first, second = (np.abs(self.answers.own[..., h] - self.answers.reads[..., h]) for h in (0, 1))
        both = self._weighted_covariance(first, second)
        alone = self._weighted_covariance(first, first), self._weighted_covariance(second, second)
        return float(both / np.sqrt(alone[0] * alone[1])) if min(alone) > 0 else 0.0

    @cached_property
    def reliability(self) -> float:
        """Split-half reliability of one person's fit within services, stepped up by Spearman–Brown."""
        return spearman_brown(self.half_correlation)

    def _weighted_covariance(self, x: np.ndarray, y: np.ndarray) -> float:
        """ω' cov(x, y) ω within services, each covariance over those who have both."""
        x, y = self._within(x), self._within(y)
        there = np.isfinite(x).astype(float), np.isfinite(y).astype(float)
        count = there[0].T @ there[1]
        products = np.nan_to_num(x).T @ np.nan_to_num(y) / np.maximum(1.0, count - len(np.unique(self.answers.service)))
        return float(self.weights @ np.where(count > 2, products, 0.0) @ self.weights)

    def _within(self, x: np.ndarray) -> np.ndarray:
        out = x.copy()
        for g in np.unique(self.answers.service):
            rows = self.answers.service == g
            out[rows] -= mean_of(x[rows])
        return out
