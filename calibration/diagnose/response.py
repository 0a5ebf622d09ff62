"""From what people hold to what they tick, and back.

A person of role r holds v = clip(v*), v* ~ N(μ_r, τ²) in one value, and ticks the step of the scale nearest to v + e,
e ~ N(0, σ²); whoever would go beyond an end ticks the end. So answers near an end are pulled inward, steps blur, and
errors make distances look larger. μ, τ and σ are those at which means of items, their variance and the covariance of
the two items of a value are what was observed (method of moments, by fixed-point iteration).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

NODES = 15
ROUNDS = 25
_z, _w = np.polynomial.hermite_e.hermegauss(NODES)
Z, W = _z, _w / _w.sum()
LEAST = 0.01  # of a standard deviation that is divided by


@dataclass(frozen=True)
class Latent:
    """Means by role [R × K], standard deviations of people [K] and of errors of one item [K], on a scale of `steps`."""

    mean: np.ndarray
    sd: np.ndarray
    error: np.ndarray
    steps: int

    def held(self, noise: np.ndarray) -> np.ndarray:
        """What people hold, by role and value, for standard normal `noise` [...]: [R × K × ...]."""
        shape = (..., *(None,) * noise.ndim)
        return np.clip(self.mean[shape] + self.sd[shape] * noise, 0.0, 1.0)

    def true_mean(self) -> np.ndarray:
        """Mean of what people hold [R × K]."""
        return self.held(Z) @ W

    def levels(self, held: np.ndarray, items: int) -> np.ndarray:
        """Probabilities of the mean of one or two items being 0, 1/(2 steps), …, 1, for people who hold `held`
        [R × K × ...]: [R × K × ... × (2 steps + 1)]."""
        shape = (..., *(None,) * (held.ndim - 2))
        one = ticked(held, self.error[shape], self.steps)
        out = np.zeros((*held.shape, 2 * self.steps + 1))
        if items == 1:
            out[..., ::2] = one
        else:
            for j in range(self.steps + 1):
                out[..., j : j + self.steps + 1] += one[..., j, None] * one
        return out


def ticked(held: np.ndarray, error: np.ndarray, steps: int) -> np.ndarray:
    """Probability of each step 0 … steps for a person who holds `held`: [... × (steps + 1)]."""
    edges = (np.arange(steps) + 0.5) / steps
    below = ndtr((edges - held[..., None]) / np.maximum(LEAST, error)[..., None])
    ends = np.ones((*held.shape, 1))
    return np.diff(np.concatenate([0 * ends, below, ends], axis=-1), axis=-1)


def steps_of(items: np.ndarray) -> int:
    """Steps of the scale: four (five words) where all answers lie on them, else a hundred (percentages)."""
    there = items[np.isfinite(items)]
    return 4 if np.allclose(4 * there, np.round(4 * there)) else 100


def latent(items: np.ndarray, role: np.ndarray, errors: np.ndarray | None = None) -> Latent:
    """What lies behind items [N × K × 2] of people with roles [N] (as numbers 0 … R − 1)."""
    steps, R, K = steps_of(items), int(role.max()) + 1 if len(role) else 1, items.shape[1]
    mean, count = np.full((R, K), 0.5), np.zeros((R, K))
    for r in range(R):
        part = items[role == r].transpose(0, 2, 1).reshape(-1, K)
        there = np.isfinite(part)
        count[r] = there.sum(axis=0)
        overall = np.nanmean(items[:, k_there(items)]) if np.isfinite(items).any() else 0.5
        mean[r] = np.where(there, part, 0).sum(axis=0) / np.maximum(1, count[r])
        mean[r][count[r] == 0] = overall
    rest = items - mean[role][..., None]
    both = np.isfinite(rest).all(axis=2)
    pairs = np.maximum(1, both.sum(axis=0) - 1)
    covariance = np.where(both, rest[..., 0] * rest[..., 1], 0).sum(axis=0) / pairs
    gap = np.where(both, rest[..., 0] - rest[..., 1], 0)
    few = both.sum(axis=0) < 6
    noise = (gap * gap).sum(axis=0) / pairs / 2 - (gap.sum(axis=0) / np.maximum(1, both.sum(axis=0))) ** 2 / 2
    if few.any():
        known = both.sum()
        noise = np.where(few, (gap * gap).sum() / max(1, known) / 2 if known else 0.02, noise)
        covariance = np.where(few, 0.03, covariance)
    return _inverted(mean, np.maximum(covariance, 1e-4), np.maximum(noise, 1e-4), count, steps)


def k_there(items: np.ndarray) -> np.ndarray:
    """Values of which anything was answered."""
    return np.isfinite(items).any(axis=(0, 2))


def _inverted(mean: np.ndarray, covariance: np.ndarray, noise: np.ndarray, count: np.ndarray, steps: int) -> Latent:
    """The latent means and standard deviations that give the observed ones."""
    share = np.maximum(count, 1e-9) / np.maximum(count, 1e-9).sum(axis=0)
    at, sd, error = np.clip(mean, 0.01, 0.99), np.sqrt(covariance), np.sqrt(noise)
    scale = np.arange(steps + 1) / steps
    for _ in range(ROUNDS):
        found = Latent(at, sd, error, steps)
        chances = ticked(found.held(Z), error[:, None], steps)
        first, second = chances @ scale, chances @ (scale * scale)
        expected = first @ W
        model_covariance = ((first * first) @ W - expected * expected) * share
        model_noise = ((second - first * first) @ W) * share
        at = np.clip(at + (mean - expected), -0.5, 1.5)
        sd = np.clip(sd * np.sqrt(covariance / np.maximum(1e-6, model_covariance.sum(axis=0))), LEAST, 0.6)
        error = np.clip(error * np.sqrt(noise / np.maximum(1e-6, model_noise.sum(axis=0))), LEAST, 0.8)
    return Latent(at, sd, error, steps)


def distances(own: Latent, other: Latent, correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E|v − p| of what people hold [R × K], and of what they tick with one or two items on either side
    [R × K × 2 × 2], v and p with a correlation [K] of their standard normal parts."""
    z = Z[:, None], correlation[:, None, None] * Z[:, None] + np.sqrt(1 - correlation**2)[:, None, None] * Z[None]
    weights = W[:, None] * W[None]
    held = own.held(Z), np.clip(other.mean[..., None, None] + other.sd[:, None, None] * z[1], 0, 1)
    true = (np.abs(held[0][..., None] - held[1]) * weights).sum(axis=(-1, -2))
    top = 2 * own.steps + 1
    grid = np.arange(top) / (top - 1)
    apart = np.abs(grid[:, None] - (np.arange(2 * other.steps + 1) / (2 * other.steps))[None])
    observed = np.zeros((*true.shape, 2, 2))
    for b in (0, 1):
        reached = np.einsum("rkijl,ij,ml->rkim", other.levels(held[1], b + 1), weights, apart)
        for a in (0, 1):
            observed[..., a, b] = (own.levels(held[0], a + 1) * reached).sum(axis=(-1, -2))
    return true, observed


def fixed_distance(own: Latent, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E|v − m| of what people hold [R × K], and of what they tick with one or two items [R × K × 2], to a point [K]."""
    true = np.abs(own.held(Z) - point[:, None]) @ W
    grid = np.arange(2 * own.steps + 1) / (2 * own.steps)
    apart = np.abs(grid[None] - point[:, None])
    return true, np.stack([((own.levels(own.held(Z), n) * apart[:, None]).sum(axis=-1)) @ W for n in (1, 2)], axis=-1)
