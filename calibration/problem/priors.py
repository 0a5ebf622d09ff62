"""Priors: independent uniform ranges, and the probit space in which they are all standard normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from valign.model.errors import InputError

MOST_FREE = 8  # with more, the effective sample size of sequential ABC collapses (20 parameters: 6 of 500)


@dataclass(frozen=True, eq=False)
class Prior:
    """Uniform on [low, high] in each of d parameters; u = probit((theta - low) / (high - low)) is standard normal."""

    names: tuple[str, ...]
    low: np.ndarray  # d
    high: np.ndarray  # d
    integer: np.ndarray  # d, bool: rounded to whole numbers

    @classmethod
    def of(cls, bounds: Mapping[str, tuple[float, float]], integer: Sequence[str] = ()) -> Prior:
        """From bounds by name. Raises InputError: no parameter, more than eight, an empty range."""
        problems = [
            f"{name}: the range from {low:g} to {high:g} is empty"
            for name, (low, high) in bounds.items()
            if not low < high
        ]
        if not 1 <= len(bounds) <= MOST_FREE:
            problems.append(
                f"{len(bounds)} free parameters: expected 1 to {MOST_FREE} "
                "(`valign calibrate DATA --free screen` chooses those that matter most)"
            )
        if problems:
            raise InputError(problems)
        low, high = (np.array(side, float) for side in zip(*bounds.values(), strict=True))
        return cls(tuple(bounds), low, high, np.array([name in integer for name in bounds]))

    @property
    def said(self) -> dict[str, object]:
        """What a calibration depends on besides the ranges."""
        return {}

    def __len__(self) -> int:
        return len(self.names)

    def theta(self, u: np.ndarray) -> np.ndarray:
        """Parameters [n x d] of points of probit space [n x d]."""
        value = self.low + (self.high - self.low) * ndtr(u)
        return np.where(self.integer, np.round(value), value)

    def u(self, theta: np.ndarray) -> np.ndarray:
        """Points of probit space [n x d]; the ends of a range lie at +-8."""
        share = np.clip((theta - self.low) / (self.high - self.low), 1e-15, 1 - 1e-15)
        return ndtri(share)
