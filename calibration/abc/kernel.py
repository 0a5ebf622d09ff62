"""Where the next generation of a sequential ABC proposes: around its particles, in probit-of-prior space.

Sources: Filippi et al. 2013 (local covariance: each particle's kernel is the covariance, around it, of the particles
that meet the next tolerance); Hesterberg 1995 (a share from one wide normal).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WIDE = 0.1  # share of proposals from a wide normal


@dataclass(frozen=True, eq=False)
class Kernel:
    """A mixture of normals around particles, each with a covariance of its own."""

    centre: np.ndarray  # N x d
    weight: np.ndarray  # N, sums to 1
    factor: np.ndarray  # N x d x d: lower Cholesky factors

    @classmethod
    def local(cls, centre: np.ndarray, weight: np.ndarray, near: np.ndarray, width: float = 1.0) -> Kernel:
        """The covariance of the particles `near` (bool, those that meet the next tolerance) around each particle.

        A tenth comes from one wide normal over all of them, so that no weight gets out of hand (Hesterberg 1995).
        width : of the local normals, in standard deviations; below 1 more are accepted, with more even weights, as long
            as the particles are many for their number of dimensions.
        """
        d = centre.shape[1]
        weight = weight / weight.sum()
        points, share = centre[near], weight[near]
        if len(points) <= 2 * d:  # too few to say anything
            points, share = centre, weight
        share = share / share.sum()
        mean = share @ points
        spread = (points - mean).T @ ((points - mean) * share[:, None])
        away = mean - centre
        covariance: np.ndarray = width**2 * (spread + away[:, :, None] * away[:, None, :])
        middle = weight @ centre
        whole = 2.0 * (centre - middle).T @ ((centre - middle) * weight[:, None])
        covariance = np.concatenate([covariance, whole[None]])
        covariance += (1e-9 * np.trace(whole) / d + 1e-12) * np.eye(d)
        return cls(
            np.concatenate([centre, middle[None]]), np.append((1 - WIDE) * weight, WIDE), np.linalg.cholesky(covariance)
        )

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n points [n x d]."""
        which = rng.choice(len(self.weight), n, p=self.weight)
        return self.centre[which] + np.einsum(
            "nij,nj->ni", self.factor[which], rng.standard_normal((n, len(self.centre[0])))
        )

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Log density at points [n x d], as one matrix product: the quadratic form is linear in u_i u_j, u_i and 1."""
        d = u.shape[1]
        inverse = np.linalg.inv(self.factor)
        precision = np.swapaxes(inverse, 1, 2) @ inverse
        linear = np.einsum("nij,nj->ni", precision, self.centre)
        constant = (
            np.log(self.weight)
            - np.log(np.abs(np.einsum("nii->ni", self.factor))).sum(axis=1)
            - 0.5 * d * np.log(2 * np.pi)
            - 0.5 * np.einsum("ni,ni->n", linear, self.centre)
        )
        i, j = np.triu_indices(d)
        pairs = -0.5 * precision[:, i, j] * np.where(i == j, 1.0, 2.0)
        coefficient = np.concatenate([pairs, linear, constant[:, None]], axis=1).T
        out = np.empty(len(u))
        for start in range(0, len(u), 2000):
            part = u[start : start + 2000]
            terms = np.concatenate([part[:, i] * part[:, j], part, np.ones((len(part), 1))], axis=1) @ coefficient
            top = terms.max(axis=1)
            out[start : start + 2000] = top + np.log(np.exp(terms - top[:, None]).sum(axis=1))
        return out


def log_prior(u: np.ndarray) -> np.ndarray:
    """Log density of the prior in probit space: standard normal."""
    return -0.5 * (u**2).sum(axis=1) - 0.5 * u.shape[1] * np.log(2 * np.pi)
