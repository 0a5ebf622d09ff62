"""What moved between two waves, in the terms of the model, with errors of measurement taken out.

Fit of those who answered twice is a function of means and spreads: F = 1 − Σ_k ω_k E|v_k − p_k|. Four things can change
it: the mean of what people value (people moved), how far they are spread about it (moved closer together or apart), the
mean of how the innovation is read (its local version moved) and the spread of readings (it became clearer). Each gets
its Shapley value, the mean of what it adds over all orders (Shapley 1953), so that the four add up. Judgement that
moved apart from fit, and those who left and came, complete the change of alignment as people judge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import factorial

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import f as fisher
from scipy.stats import t as student

from ..data.answers import Answers
from .measurement import mean_of
from .response import LEAST, W, Z, steps_of, ticked

REPEATS = 200  # of each bootstrap
FEW_SERVICES, FEW_PEOPLE = 8, 10
WORTH = 0.02  # a change of alignment below this is none worth the name
ENTRIES = ("people", "spread", "version", "clarity", "judgement", "left", "came")
MOVES = ENTRIES[:4]
ROUNDS = 25
EXACT = 4  # repeats


def folded(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """E|x| of a normal x (Leone, Nelson & Nottingham 1961), elementwise."""
    sd = np.maximum(sd, 1e-6)
    z = mean / sd
    return sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * z * z) + mean * (1 - 2 * ndtr(-z))


def shapley(value: Mapping[tuple[int, ...], np.ndarray]) -> list[np.ndarray]:
    """Shapley values of players that are at 0 or 1, from the value of all their combinations."""
    players = len(next(iter(value)))
    out = []
    for player in range(players):
        gains = 0.0
        for others in product((0, 1), repeat=players - 1):
            with_it = (*others[:player], 1, *others[player:])
            without = (*others[:player], 0, *others[player:])
            size = sum(others)
            share = factorial(size) * factorial(players - 1 - size) / factorial(players)
            gains = gains + share * (value[with_it] - value[without])
        out.append(np.asarray(gains))
    return out


@dataclass(frozen=True)
class Block:
    """Means and spreads [repeats × K] behind the items of one block in one wave."""

    mean: np.ndarray
    sd: np.ndarray
    covariance: np.ndarray  # of the two items as observed

    def moments(self, spread: Block | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of what people hold, with the spread of another wave."""
        sd = (self if spread is None else spread).sd
        held = np.clip(self.mean[..., None] + sd[..., None] * Z, 0, 1)
        mean = held @ W
        return mean, np.sqrt(np.maximum(0.0, (held * held) @ W - mean * mean))


def block(weights: np.ndarray, items: np.ndarray) -> Block:
    """What lies behind items [N × K × 2] under weights of people [repeats × N] (`response` says how)."""
    steps = steps_of(items)
    mean = _weighted(weights, mean_of(items, axis=2))
    centre = mean_of(mean_of(items, axis=2))
    both = np.isfinite(items).all(axis=2)
    first, second = (np.where(both, items[..., h] - centre, np.nan) for h in (0, 1))
    covariance = _weighted(weights, first * second) - _weighted(weights, first) * _weighted(weights, second)
    gap = first - second
    noise = (_weighted(weights, gap * gap) - _weighted(weights, gap) ** 2) / 2
    size = np.maximum(2.0, weights.sum(axis=1, keepdims=True))
    covariance = np.maximum(2e-4, np.nan_to_num(covariance * size / (size - 1), nan=0.02))
    noise = np.maximum(1e-4, np.nan_to_num(noise * size / (size - 1), nan=0.02))
    seen = np.stack([np.nan_to_num(mean, nan=0.5), covariance, noise])
    at, sd = _behind(seen, steps) if len(weights) <= EXACT else _nearby(seen, steps)
    return Block(at, sd, covariance)


def _nearby(seen: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """What `_behind` gives for many repeats [3 × repeats × K] near each other: by straight lines from
    their middle, up and down."""
    middle = np.median(seen, axis=1)
    size = np.maximum(1.5 * seen.std(axis=1), 1e-5)
    shifts = np.zeros((7, *middle.shape))
    for row in range(3):
        shifts[1 + 2 * row, row], shifts[2 + 2 * row, row] = size[row], -size[row]
    points = np.maximum(middle + shifts, 1e-5)
    at, sd = _behind(points.transpose(1, 0, 2), steps)
    gap = seen - middle[:, None]
    out = []
    for each in (at, sd):
        up, down = each[1::2] - each[0], each[0] - each[2::2]
        steep = np.where(gap > 0, up[:, None], down[:, None]) / size[:, None]
        out.append(each[0] + (steep * gap).sum(axis=0))
    return np.clip(out[0], -0.5, 1.5), np.clip(out[1], LEAST, 0.6)


def _behind(seen: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations that give the means, covariances and noise `seen` [3 × repeats × K]."""
    mean, covariance, noise = seen
    at, sd, error = np.clip(mean, 0.01, 0.99), np.sqrt(covariance), np.sqrt(noise)
    scale = np.arange(steps + 1) / steps
    for _ in range(ROUNDS):
        chances = ticked(np.clip(at[..., None] + sd[..., None] * Z, 0, 1), error[..., None], steps)
        first, second = chances @ scale, chances @ (scale * scale)
        expected = first @ W
        found = np.maximum(1e-6, (first * first) @ W - expected * expected)
        within = np.maximum(1e-6, (second - first * first) @ W)
        at = np.clip(at + (mean - expected), -0.5, 1.5)
        sd = np.clip(sd * np.sqrt(covariance / found), LEAST, 0.6)
        error = np.clip(error * np.sqrt(noise / within), LEAST, 0.8)
    return at, sd


def _weighted(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Means over people [repeats × K] of x [N × K], over those who have it."""
    there = np.isfinite(x)
    total = weights @ there.astype(float)
    return np.where(total > 0, weights @ np.where(there, x, 0.0) / np.maximum(total, 1e-12), np.nan)


@dataclass(eq=False)
class Wave:
    """One wave of some people, under weights [repeats × N]."""

    answers: Answers
    weights: np.ndarray

    @cached_property
    def own(self) -> Block:
        return block(self.weights, self.answers.own)

    @cached_property
    def reads(self) -> Block:
        return block(self.weights, self.answers.reads)

    @cached_property
    def judged(self) -> np.ndarray:
        """Mean of how well people say it fits [repeats]."""
        return block(self.weights, self.answers.fits[:, None, :]).moments()[0][:, 0]

    def fit(self) -> np.ndarray:
        """Mean fit [repeats]."""
        return fit_of(self, self, self, self)


def fit_of(values: Wave, value_spread: Wave, version: Wave, reading_spread: Wave) -> np.ndarray:
    """Mean fit [repeats] with each part as it was in one wave; all of the same people, or all one wave."""
    weights = values.answers.emphasis / values.answers.emphasis.sum()
    own, own_sd = values.own.moments(value_spread.own)
    reads, reads_sd = version.reads.moments(reading_spread.reads)
    first, second = (mean_of(items, axis=2) for items in (value_spread.answers.own, reading_spread.answers.reads))
    first, second = (x - np.nan_to_num(mean_of(x)) for x in (first, second))
    there = np.isfinite(first) & np.isfinite(second)
    x, y = np.where(there, first, np.nan), np.where(there, second, np.nan)
    w = value_spread.weights
    covariance = _weighted(w, x * y) - _weighted(w, x) * _weighted(w, y)
    scale = np.sqrt(value_spread.own.covariance * reading_spread.reads.covariance)
    correlation = np.clip(np.nan_to_num(covariance / scale), -0.95, 0.95)
    sd = np.sqrt(np.maximum(0.0, own_sd**2 + reads_sd**2 - 2 * correlation * own_sd * reads_sd))
    return 1 - folded(own - reads, sd) @ weights


@dataclass(eq=False)
class Change:
    """Two waves of the same questionnaire."""

    before: Answers
    after: Answers

    @cached_property
    def pairs(self) -> np.ndarray:
        """Rows (before, after) of those who answered both times [n × 2]."""
        later = {person: row for row, person in enumerate(self.after.person) if person}
        found = [(row, later[person]) for row, person in enumerate(self.before.person) if person and person in later]
        return np.array(found, int).reshape(-1, 2)

    @cached_property
    def judged(self) -> bool:
        """Whether people said how well it fits, both times."""
        return all(np.isfinite(each.fits).any() for each in (self.before, self.after))

    def _stayed(self, weights: np.ndarray) -> tuple[Wave, Wave]:
        """Both waves of those who answered twice, under weights of the pairs."""
        return Wave(self.before.of(self.pairs[:, 0]), weights), Wave(self.after.of(self.pairs[:, 1]), weights)

    def _entries(self, first: np.ndarray, second: np.ndarray, waves: tuple[Wave, Wave]) -> np.ndarray:
        """Entries of the balance [repeats × 7] under weights of all before and of all after."""
        one, two = waves
        moves = shapley(
            {
                combination: fit_of(*(waves[n] for n in combination))
                for combination in product((0, 1), repeat=len(MOVES))
            }
        )
        all_one, all_two = Wave(self.before, first), Wave(self.after, second)
        measure = (lambda wave: wave.judged) if self.judged else (lambda wave: wave.fit())
        left, came = measure(one) - measure(all_one), measure(all_two) - measure(two)
        judgement = two.judged - one.judged - sum(moves) if self.judged else np.zeros(len(one.weights))
        return np.stack([*moves, judgement, left, came], axis=1)

    def _measures(self, first: np.ndarray, second: np.ndarray, stayed: np.ndarray) -> np.ndarray:
        """The entries, their sum, that of `MOVES`, and by how much people came to read it nearer to what is meant."""
        waves = self._stayed(stayed)
        found = self._entries(first, second, waves)
        away = [
            np.abs(wave.reads.moments()[0] - of.intended) @ (of.emphasis / of.emphasis.sum())
            for wave, of in zip(waves, (self.before, self.after), strict=True)
        ]
        more = (found.sum(axis=1), found[:, : len(MOVES)].sum(axis=1), away[0] - away[1])
        return np.concatenate([found, np.stack(more, axis=1)], axis=1)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """Everything estimated, by name: change, 95 % interval, and whether it can be told.

        `ENTRIES` and their sum; `fit`, what people's values and readings did to fit; `nearer`, how much nearer to what
        is meant they read it (both of those who answered twice).
        """
        estimate = self._measures(*(np.ones((1, len(each))) for each in (self.before, self.after, self.pairs)))[0]
        spread, freedom = self.errors
        half = student.ppf(0.975, freedom) * spread
        names = (*ENTRIES, "sum", "fit", "nearer")
        return pd.DataFrame(
            {
                "entry": names,
                "change": estimate,
                "low": estimate - half,
                "high": estimate + half,
                "told": [told(value, width) for value, width in zip(estimate, half, strict=True)],
            }
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """The balance: entries, the sum last."""
        asked = [name for name in (*ENTRIES, "sum") if self.judged or name != "judgement"]
        return self.measures.set_index("entry").loc[asked].reset_index()

    @cached_property
    def beside(self) -> pd.DataFrame:
        """`fit` and `nearer`, with how many answered twice, the first time alone and the second time alone."""
        rows = self.measures.set_index("entry").loc[["fit", "nearer"]].reset_index()
        twice = len(self.pairs)
        return rows.assign(twice=twice, left=len(self.before) - twice, came=len(self.after) - twice)

    @cached_property
    def errors(self) -> tuple[np.ndarray, float]:
        """Standard errors of `measures`, and degrees of freedom.

        People are drawn anew within their services; where services drawn anew scatter more than that, and more than
        chance would have it (an F test at 5 %), services count.
        """
        rng = np.random.default_rng(11)
        services = np.unique(np.concatenate([self.before.service, self.after.service]))
        place = {int(g): n for n, g in enumerate(services)}
        of = [np.array([place[int(g)] for g in each.service]) for each in (self.before, self.after)]
        people, freedom = self._spread(self._people_anew(rng, of)), float(max(2, len(self.pairs) - len(services)))
        if len(services) < FEW_SERVICES:
            return people, freedom
        counts = rng.multinomial(len(services), np.full(len(services), 1 / len(services)), REPEATS).astype(float)
        together = self._spread((counts[:, of[0]], counts[:, of[1]])) * np.sqrt(len(services) / (len(services) - 1))
        limit = fisher.ppf(0.95, len(services) - 1, freedom)
        return np.where(together**2 > limit * people**2, together, people), freedom

    def _spread(self, weights: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        first, second = weights
        stayed = first[:, self.pairs[:, 0]]
        second = second.copy()
        second[:, self.pairs[:, 1]] = stayed
        drawn = self._measures(first, second, stayed)
        middle = np.quantile(drawn, (0.1587, 0.8413), axis=0)  # the middle of the draws: a wild one does no harm
        return (middle[1] - middle[0]) / 2

    def _people_anew(self, rng: np.random.Generator, of: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Weights of people drawn with replacement within their service."""
        out = []
        for service in of:
            weights = np.ones((REPEATS, len(service)))
            for g in np.unique(service):
                rows = np.flatnonzero(service == g)
                drawn = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), REPEATS)
                # else the scatter of a few drawn from themselves is too small by (n - 1)/n (Rao & Wu 1988)
                weights[:, rows] = 1 + np.sqrt(len(rows) / max(1, len(rows) - 1)) * (drawn - 1)
            out.append(np.maximum(0.0, weights))
        return out[0], out[1]


def told(change: float, half: float) -> str:
    """What the interval allows one to say: rose, fell, none (none worth the name), or unknown."""
    if not np.isfinite(half):
        return "unknown"
    if abs(change) > half:
        return "rose" if change > 0 else "fell"
    return "none" if abs(change) + half < WORTH else "unknown"
