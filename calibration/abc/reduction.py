"""Summaries made comparable, and made few: one number per parameter (Fearnhead & Prangle 2012)."""

from __future__ import annotations

import numpy as np

from valign.model.errors import InputError


def scales(summaries: np.ndarray) -> np.ndarray:
    """Median absolute deviation of each summary; a summary that (almost) never varies counts for nothing (inf)."""
    known = summaries[np.isfinite(summaries).all(axis=1)]
    if not len(known):
        raise InputError(["no simulation of a generation could be summarised: all runs failed"])
    deviation = np.median(np.abs(known - np.median(known, axis=0)), axis=0)
    deviation = np.where(deviation > 0, deviation, known.std(axis=0))
    floor = 1e-12 * np.maximum(1.0, np.abs(np.median(known, axis=0)))
    return np.where(deviation > floor, deviation, np.inf)


class Reduction:
    """The regression of the parameters on summaries and their squares: one number per parameter.

    `unit`, its residual standard deviation, is the unit of distances: about one posterior standard deviation, so that a
    parameter of which the summaries say nothing (its number hardly varies) does not keep others from coming close.
    A summary beyond all simulations that the regression was made of counts as the last of them: what a model cannot
    give says nothing about its parameters, and squares far out would.
    """

    def __init__(self, u: np.ndarray, summaries: np.ndarray) -> None:
        self.centre = np.median(summaries, axis=0)
        self.scale = scales(summaries)
        self.reach = np.full((2, 1), [[-20.0], [20.0]])
        z = self._z(summaries)
        self.reach = np.stack([z.min(axis=0), z.max(axis=0)])
        features = self._features(summaries)
        gram = features.T @ features
        gram[np.diag_indices_from(gram)] += 1e-6 * len(u)
        self.coefficients = np.linalg.solve(gram, features.T @ u)
        self.unit = np.maximum((u - features @ self.coefficients).std(axis=0), 1e-12)  # what the summaries leave open

    def __add__(self, other: Reduction) -> Both:
        return Both(self, other)

    def _z(self, summaries: np.ndarray) -> np.ndarray:
        return np.clip((np.atleast_2d(summaries) - self.centre) / self.scale, *self.reach)

    def _features(self, summaries: np.ndarray) -> np.ndarray:
        z = self._z(summaries)
        return np.concatenate([np.ones((len(z), 1)), z, z * np.abs(z)], axis=1)

    def __call__(self, summaries: np.ndarray) -> np.ndarray:
        """[n x s] -> [n x d]."""
        with np.errstate(invalid="ignore"):
            return self._features(summaries) @ self.coefficients


class Both:
    """Two reductions side by side: one made where it has to be good, and one made everywhere, which keeps away what the
    first, far from where it was made, would take to be near."""

    def __init__(self, near: Reduction, everywhere: Reduction) -> None:
        self.parts = (near, everywhere)
        self.unit = np.concatenate([near.unit, everywhere.unit])

    def __call__(self, summaries: np.ndarray) -> np.ndarray:
        """[n x s] -> [n x 2 d]."""
        return np.concatenate([part(summaries) for part in self.parts], axis=1)
