"""Planted decisions: mixes whose outcome in a world is known, with noise that is common to them or their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True, eq=False)
class Planted:
    """outcome of mix d in world θ: mean_d + slope_d · θ + common chance + own chance; θ standard normal."""

    mean: np.ndarray  # mixes
    slope: np.ndarray  # mixes x things
    own: float = 1.0
    common: float = 1.0

    def drawn(self, worlds: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """θ [worlds x things] and outcomes [mixes x worlds]."""
        theta = rng.standard_normal((worlds, self.slope.shape[1]))
        chance = self.common * rng.standard_normal(worlds) + self.own * rng.standard_normal((len(self.mean), worlds))
        return theta, self.mean[:, None] + self.slope @ theta.T + chance

    def worth_of_two(self, share: float = 1.0, things: tuple[int, ...] = (0,)) -> float:
        """Value of knowing the things, of two mixes, in closed form: E max - max E of a normal difference.

        share : of the variance of what would be known that a study explains (1: it is known exactly).
        """
        difference = self.mean[1] - self.mean[0]
        sd = share**0.5 * float(np.sqrt(((self.slope[1] - self.slope[0])[list(things)] ** 2).sum()))
        gain = difference * norm.cdf(difference / sd) + sd * norm.pdf(difference / sd)
        return float(gain - max(difference, 0.0))
