"""A quick stand-in for the mean of each pattern as a function of the parameters, with what it leaves open.

Legendre polynomials of where in its range each parameter lies, up to the third degree, its place in probit space (for
the ends of ranges), and for every pattern the products of two parameters that its residuals ask for, by ridge
regression (a polynomial chaos: Sudret 2008). What the emulator leaves open is measured on simulations that it has not
seen, the choice of products included, and is part of every variance
(Craig, Goldstein, Seheult & Smith 1997).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

ROUNDS, MOST_PRODUCTS = 2, 80  # of the choice of products; most of them in a round
ASKED_FOR = 3.5  # correlation with the residual, in its standard errors: about two of 4,656 products by chance
FOLDS = 5
ALPHAS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
FLOOR = 1e-4  # of the open variance, as a share of the variance over the worlds


@dataclass(frozen=True, eq=False)
class Emulator:
    """Means of p patterns at points u [n, d] of probit space: `mean(u)` [n, p]; `left` [p, p]: covariance of what it
    leaves open; `chance` [p, p]: covariance of one run about its mean."""

    pairs: np.ndarray  # k x 2: parameters whose products are used
    slope: np.ndarray  # features x p
    level: np.ndarray  # p
    left: np.ndarray
    chance: np.ndarray

    def mean(self, u: np.ndarray) -> np.ndarray:
        """Predicted means [n, p]."""
        x = _polynomials(u)
        return np.concatenate([x, _products(x, self.pairs)], axis=1) @ self.slope + self.level

    @classmethod
    def fit(cls, u: np.ndarray, y: np.ndarray, runs: np.ndarray, chance: np.ndarray, local: np.ndarray) -> Emulator:
        """From means y [n, p] over so many `runs` [n] at points u [n, d] (NaN: not known, left out).

        chance : covariance of one run [p, p]. local : which points [n, bool] tell what is left open (those near where
        the emulator is used).
        """
        x, d, p = _polynomials(u), u.shape[1], y.shape[1]
        sums = _Sums(x)
        fold = np.random.default_rng(FOLDS).permutation(len(u)) % FOLDS
        lines: list[_Line] = []
        residual = np.full(y.shape, np.nan)
        for j in range(p):
            known = np.isfinite(y[:, j])
            best, seen = _line(sums, y[:, j], known, known & False, ALPHAS, d), np.inf
            apart = {alpha: np.full(len(u), np.nan) for alpha in ALPHAS}
            for each in range(FOLDS if known.sum() > 2 * FOLDS else 0):
                train, test = known & (fold != each), known & (fold == each)
                for line in _line(sums, y[:, j], train, test, ALPHAS, d):
                    apart[line.alpha][test] = y[test, j] - line.seen
            for line in best:
                error = np.nanmean(apart[line.alpha][known & local] ** 2) if (known & local).any() else np.inf
                if error < seen or not np.isfinite(seen):
                    seen, residual[:, j], chosen = error, apart[line.alpha], line
            lines.append(chosen)
        pairs = np.unique(np.concatenate([line.pairs for line in lines]), axis=0).reshape(-1, 2)
        slope = np.zeros((x.shape[1] + len(pairs), p))
        place = {tuple(pair): n for n, pair in enumerate(pairs.tolist())}
        for j, line in enumerate(lines):
            slope[: x.shape[1], j] = line.slope[: x.shape[1]]
            slope[[x.shape[1] + place[tuple(pair)] for pair in line.pairs.tolist()], j] = line.slope[x.shape[1] :]
        level = np.array([line.level for line in lines])
        scale = np.maximum(np.nanstd(y, axis=0), 1e-12)
        return cls(pairs, slope, level, _open(residual, runs, chance, local, scale), chance)


class _Line(NamedTuple):
    """One pattern's regression with one penalty, and what it predicts where it was to be tested."""

    alpha: float
    pairs: np.ndarray
    slope: np.ndarray
    level: float
    seen: np.ndarray


@dataclass(eq=False)
class _Sums:
    """Sums of squares and products of the polynomials over some rows: the same for every pattern known there."""

    x: np.ndarray
    kept: dict[bytes, np.ndarray] = field(default_factory=dict[bytes, np.ndarray])

    def gram(self, rows: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Of the rows [n, bool], whose polynomials are `first`."""
        key = rows.tobytes()
        if key not in self.kept:
            self.kept[key] = first.T @ first
        return self.kept[key]


def _line(
    sums: _Sums, y: np.ndarray, train: np.ndarray, test: np.ndarray, alphas: tuple[float, ...], d: int
) -> list[_Line]:
    """Choose products and regress on `train`, with every penalty."""
    pairs, (a, b) = np.zeros((0, 2), int), np.triu_indices(d, 1)
    known, first = y[train], sums.x[train]
    middle = known.mean() if len(known) else 0.0
    away = known - middle

    def regressed(pairs: np.ndarray, alphas: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        more = _products(first, pairs)
        here = np.concatenate([first, more], axis=1)
        mean, m = here.mean(axis=0), first.shape[1]
        gram = np.empty((here.shape[1], here.shape[1]))
        gram[:m, :m], gram[m:, :] = sums.gram(train, first), more.T @ here
        gram[:m, m:] = gram[m:, :m].T
        gram -= len(here) * np.outer(mean, mean)
        return here, mean, [np.linalg.solve(gram + alpha * np.eye(len(gram)), here.T @ away) for alpha in alphas]

    for _ in range(ROUNDS):
        here, mean, (slope,) = regressed(pairs, (100.0,))
        left = away - (here - mean) @ slope
        found = ((first[:, :d] * left[:, None]).T @ first[:, :d])[a, b] / np.sqrt(len(left))
        strong = np.abs(found) / max(left.std(), 1e-12)
        asked = np.argsort(-strong, kind="stable")[: min(MOST_PRODUCTS, int((strong > ASKED_FOR).sum()))]
        pairs = np.unique(np.concatenate([pairs, np.stack([a[asked], b[asked]], axis=1)]), axis=0)
    _, mean, slopes = regressed(pairs, alphas)
    there = np.concatenate([sums.x[test], _products(sums.x[test], pairs)], axis=1)
    levels = [float(middle - mean @ slope) for slope in slopes]
    return [
        _Line(alpha, pairs, slope, level, there @ slope + level)
        for alpha, slope, level in zip(alphas, slopes, levels, strict=True)
    ]


def _polynomials(u: np.ndarray) -> np.ndarray:
    """Legendre polynomials of every parameter and its place in probit space [n, 4 d], those of the first degree
    first; each has variance 1."""
    z = 2 * ndtr(u) - 1
    second = z * z
    return np.concatenate([3**0.5 * z, 5**0.5 / 2 * (3 * second - 1), 7**0.5 / 2 * z * (5 * second - 3), u], axis=1)


def _products(x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return x[:, pairs[:, 0]] * x[:, pairs[:, 1]]


def _open(
    residual: np.ndarray, runs: np.ndarray, chance: np.ndarray, local: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """What residuals of unseen simulations have beyond chance: a covariance [p, p]."""
    p = residual.shape[1]
    found = np.zeros((p, p))
    for a in range(p):
        for b in range(a, p):
            both = np.isfinite(residual[:, a] * residual[:, b]) & local
            if both.sum() > 1:
                found[a, b] = found[b, a] = (residual[both, a] * residual[both, b] - chance[a, b] / runs[both]).mean()
    values, vectors = np.linalg.eigh(found / np.outer(scale, scale))  # the nearest covariance, in units of the spread
    return (vectors * np.maximum(values, FLOOR)) @ vectors.T * np.outer(scale, scale)


def chance_of(estimates: np.ndarray) -> np.ndarray:
    """Covariance of one run about its world's mean [p, p], from estimates [worlds, runs, p] of two runs or more."""
    apart = estimates - estimates.mean(axis=1, keepdims=True)
    p, runs = estimates.shape[2], estimates.shape[1]
    flat = apart.reshape(-1, p)
    known = np.isfinite(estimates).all(axis=1)  # worlds x p
    found = np.zeros((p, p))
    for a in range(p):
        for b in range(a, p):
            both = np.repeat(known[:, a] & known[:, b], runs)
            if both.any():
                found[a, b] = found[b, a] = (flat[both, a] * flat[both, b]).sum() / (both.sum() / runs * (runs - 1))
    return found
