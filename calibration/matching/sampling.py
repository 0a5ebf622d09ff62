"""Points of probit space in proportion to prior x likelihood, and what importance weights are worth.

Elliptical slice sampling (Murray, Adams & MacKay 2010): nothing to be tuned, many chains at once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LogLikelihood = Callable[[np.ndarray], np.ndarray]  # [n, d] -> [n]
STARTS = 20  # prior draws for every chain, of which the likelier begin
MOST_SHRINKS = 60
STAGES = 3


def slice_sample(log_likelihood: LogLikelihood, n: int, d: int, steps: int, seed: np.random.SeedSequence) -> np.ndarray:
    """The last points [n, d] of n chains of so many steps; the prior is standard normal.

    The ellipses follow a normal that is learned from all chains twice on the way, and fixed in between (Nishihara,
    Murray & Adams 2014): where the facts leave little room, chains would hardly move on those of the prior.
    """
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((STARTS * n, d))
    level = log_likelihood(u)
    share = np.exp(level - level.max())
    u = u[rng.choice(len(u), n, p=share / share.sum())]
    centre, factor = np.zeros(d), np.eye(d)
    for stage in range(STAGES):
        if stage:
            shrunk = d / (n + d)  # few chains say little about so many directions
            centre = u.mean(axis=0)
            factor = np.linalg.cholesky((1 - shrunk) * np.cov(u, rowvar=False) + shrunk * np.eye(d))

        def target(x: np.ndarray, centre: np.ndarray = centre, factor: np.ndarray = factor) -> np.ndarray:
            """Log of prior x likelihood over the normal that the ellipses follow, at centre + x @ factor.T."""
            point = centre + x @ factor.T
            return log_likelihood(point) + 0.5 * ((x**2).sum(axis=1) - (point**2).sum(axis=1))

        x = np.linalg.solve(factor, (u - centre).T).T
        u = centre + _moved(target, x, steps // STAGES, rng) @ factor.T
    return u


def _moved(target: LogLikelihood, x: np.ndarray, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Points [n, d] after so many steps of elliptical slice sampling, where x is standard normal times exp(target)."""
    n, d = x.shape
    level = target(x)
    for _ in range(steps):
        other = rng.standard_normal((n, d))
        least = level + np.log(rng.random(n))
        angle = rng.uniform(0, 2 * np.pi, n)
        low, high = angle - 2 * np.pi, angle.copy()
        new, new_level, left = x.copy(), level.copy(), np.arange(n)
        for _ in range(MOST_SHRINKS):
            tried = x[left] * np.cos(angle[left, None]) + other[left] * np.sin(angle[left, None])
            reached = target(tried)
            good = reached > least[left]
            new[left[good]], new_level[left[good]] = tried[good], reached[good]
            left = left[~good]
            if not len(left):
                break
            low[left] = np.where(angle[left] < 0, angle[left], low[left])
            high[left] = np.where(angle[left] >= 0, angle[left], high[left])
            angle[left] = rng.uniform(low[left], high[left])
        x, level = new, new_level
    return x


def log_normal(away: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density, up to a constant, of deviations [n, p] under a normal with this covariance."""
    factor = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(factor, away.T)
    return -0.5 * (scaled**2).sum(axis=0)


def normalised(log_weight: np.ndarray) -> np.ndarray:
    """Weights that sum to 1; -inf and NaN weigh nothing."""
    log_weight = np.where(np.isfinite(log_weight), log_weight, -np.inf)
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()
