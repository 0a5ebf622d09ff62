"""A quick stand-in for the mean of each pattern as a function of the parameters, with what it leaves open.

Polynomials of second degree (all squares, products of the parameters that matter most) by ridge regression in
probit-of-prior space, where the prior is standard normal. What it leaves open is measured on simulations that it has
not seen and is part of every variance (Craig, Goldstein, Seheult & Smith 1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STRONGEST = 10  # parameters whose products are used
FOLDS = 5
ALPHAS = tuple(float(a) for a in np.logspace(-1, 5, 13))
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
        return features(u, self.pairs) @ self.slope + self.level

    @classmethod
    def fit(cls, u: np.ndarray, y: np.ndarray, runs: np.ndarray, chance: np.ndarray, local: np.ndarray) -> Emulator:
        """From means y [n, p] over so many `runs` [n] at points u [n, d] (NaN: not known, left out).

        chance : covariance of one run [p, p]. local : which points [n, bool] tell what is left open (those near where
        the emulator is used).
        """
        linear = np.stack(
            [_ridge(u[known], y[known, j])[0] for j in range(y.shape[1]) for known in [np.isfinite(y[:, j])]], axis=1
        )
        scale = np.maximum(np.nanstd(y, axis=0), 1e-12)
        strongest = np.sort(np.argsort(-np.abs(linear / scale).max(axis=1), kind="stable")[:STRONGEST])
        pairs = np.array([(a, b) for n, a in enumerate(strongest) for b in strongest[n + 1 :]], int).reshape(-1, 2)
        x = features(u, pairs)
        slope, level, residual = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1]), np.full(y.shape, np.nan)
        fold = np.arange(len(u)) % FOLDS
        for j in range(y.shape[1]):
            known = np.isfinite(y[:, j])
            slope[:, j], level[j], alpha = _ridge(x[known], y[known, j])
            for each in range(FOLDS):
                train, test = known & (fold != each), known & (fold == each)
                if train.sum() > FOLDS and test.any():
                    b, a, _ = _ridge(x[train], y[train, j], alpha)
                    residual[test, j] = y[test, j] - a - x[test] @ b
        return cls(pairs, slope, level, _open(residual, runs, chance, local, scale), chance)


def features(u: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """u, its squares (less their mean under the prior) and products [n, features]."""
    return np.concatenate([u, (u**2 - 1) / np.sqrt(2), u[:, pairs[:, 0]] * u[:, pairs[:, 1]]], axis=1)


def _ridge(x: np.ndarray, y: np.ndarray, alpha: float | None = None) -> tuple[np.ndarray, float, float]:
    from sklearn.linear_model import Ridge, RidgeCV

    model = (RidgeCV(alphas=ALPHAS) if alpha is None else Ridge(alpha)).fit(x, y)
    return model.coef_, float(model.intercept_), float(alpha if alpha is not None else model.alpha_)


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
