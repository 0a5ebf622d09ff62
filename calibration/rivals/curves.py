"""Curves without agents, fitted by maximum likelihood (scipy): Bass, logistic, constant hazard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


def bass(parameters: np.ndarray, periods: int) -> np.ndarray:
    """Chance of adopting in each period [..., periods]: hazard p + q F (Bass 1969); parameters are log p, log q."""
    p, q = np.exp(np.minimum(parameters[..., 0], 0)), np.exp(np.minimum(parameters[..., 1], 3))
    adopted, out = np.zeros(np.shape(p)), []
    for _ in range(periods):
        now = (1 - adopted) * np.clip(p + q * adopted, 0, 1)
        out.append(now)
        adopted = adopted + now
    return np.stack(out, axis=-1)


def logistic(parameters: np.ndarray, periods: int) -> np.ndarray:
    """Chance of adopting in each period: a logistic curve from 0 to a ceiling.

    Parameters are the logit of the ceiling, the middle and the log of the width.
    """
    ceiling, middle, width = expit(parameters[..., 0, None]), parameters[..., 1, None], np.exp(parameters[..., 2, None])
    curve = expit((np.arange(periods + 1) - middle) / width)
    start = curve[..., :1]
    return np.diff(ceiling * (curve - start) / np.maximum(1 - start, 1e-9), axis=-1)


def constant(parameters: np.ndarray, periods: int) -> np.ndarray:
    """Chance of adopting in each period: the same hazard throughout; the parameter is its logit."""
    hazard = expit(parameters[..., 0, None])
    return hazard * (1 - hazard) ** np.arange(periods)


@dataclass(frozen=True, eq=False)
class Baseline:
    """A fitted curve: estimates and draws of its parameters (normal around the maximum)."""

    name: str
    curve: Callable[[np.ndarray, int], np.ndarray]
    estimate: np.ndarray
    draws: np.ndarray

    def chances(self, periods: int) -> np.ndarray:
        """Chance of adopting in each period, then of not adopting [draws x (periods + 1)]."""
        found = np.clip(self.curve(self.draws, periods), 0, 1)
        return np.concatenate([found, np.clip(1 - found.sum(axis=1, keepdims=True), 0, 1)], axis=1)


STARTS = {
    "bass": (bass, ((-3.0, -1.5), (-2.0, -3.0), (-4.0, -1.0))),
    "constant": (constant, ((-3.0,), (-1.0,))),
    "logistic": (logistic, ((1.0, None, 1.0), (2.0, None, 0.3), (0.0, None, 1.5))),
}


def fit_baseline(name: str, time: np.ndarray, until: np.ndarray, draws: int = 1000, seed: int = 1) -> Baseline:
    """Fit to periods of adoption (0: not by `until`)."""
    curve, starts = STARTS[name]
    seen = until > 0
    time, until, last = time[seen], until[seen], int(until.max())

    def loss(parameters: np.ndarray) -> float:
        chance = np.maximum(curve(np.asarray(parameters), last), 1e-300)
        left = np.maximum(1 - np.cumsum(chance), 1e-12)
        ridge = 0.001 * float(np.sum(np.asarray(parameters) ** 2))  # keeps a curve without a turn from running away
        return ridge - float(np.log(np.where(time > 0, chance[time - 1], left[until - 1])).sum())

    fits = [
        minimize(loss, [last / 3 if value is None else value for value in start], method="BFGS") for start in starts
    ]
    best = min(fits, key=lambda fit: fit.fun)
    spread = np.atleast_2d(best.hess_inv)
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 1e-12, 4.0))
    noise = np.random.default_rng(seed).standard_normal((draws, len(best.x)))
    return Baseline(name, curve, best.x, best.x + noise @ root.T)
