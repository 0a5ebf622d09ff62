"""Which values the misfit is about, and whether people disagree with the innovation or read it otherwise than meant.

v − p = (v − m) + (m − p): people disagree where what they value is far from what the innovation stands for (m), and
misread it where they see something else in it. The two ask for different things to be done.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from .measurement import Measured, mean_of

GAP = 0.10  # a gap between mean and intended value that is worth acting on
DISAGREED, MISREAD, BOTH, NEITHER, UNKNOWN = "disagreed with", "misread", "both", "neither", "cannot be told"


def misfit(measured: Measured, groups: dict[str, np.ndarray]) -> pd.DataFrame:
    """By group of people (rows by name) and value: what it stands for, what people value and how they read it, with
    95 % intervals, what the value takes from their fit, and what kind of misfit it is."""
    answers = measured.answers
    distance = measured.distance
    values, readings = (_unbent(seen, behind, measured) for seen, behind in (
        (measured.own, measured.values), (measured.reads, measured.readings)))  # fmt: skip
    rows = []
    for name, of in groups.items():
        service = answers.service[of]
        for k, dimension in enumerate(answers.dimensions):
            own, own_half = mean_and_half(values[of, k], service)
            reads, reads_half = mean_and_half(readings[of, k], service)
            m = float(answers.intended[k])
            rows.append(
                {
                    "group": name,
                    "value": dimension,
                    "answers": int(np.isfinite(values[of, k]).sum()),
                    "counts": float(measured.weights[k]),
                    "intended": m,
                    "own": own,
                    "own_low": max(0.0, own - own_half),
                    "own_high": min(1.0, own + own_half),
                    "reads": reads,
                    "reads_low": max(0.0, reads - reads_half),
                    "reads_high": min(1.0, reads + reads_half),
                    "lost": float(measured.weights[k] * np.nanmean(distance[of, k])),
                    "kind": kind(own - m, own_half, reads - m, reads_half),
                }
            )
    return pd.DataFrame(rows)


def _unbent(seen: np.ndarray, behind, measured: Measured) -> np.ndarray:
    """Answers [N × K], moved by role so that their mean is that of what people hold: ends of the scale pull it in."""
    expected = np.stack([mean_of(seen[measured.groups == g]) for g in range(int(measured.groups.max()) + 1)])
    return seen + np.nan_to_num(behind.true_mean() - expected)[measured.groups]


def mean_and_half(x: np.ndarray, service: np.ndarray) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval, by service where there are five or more."""
    there = np.isfinite(x)
    x, service = x[there], service[there]
    if len(x) < 2:
        return (float(x[0]), np.inf) if len(x) else (np.nan, np.inf)
    mean, rest = float(x.mean()), x - x.mean()
    alone = float(rest @ rest) / (len(x) - 1) / len(x)
    names, of = np.unique(service, return_inverse=True)
    if len(names) < 5:
        return mean, float(student.ppf(0.975, len(x) - 1) * np.sqrt(alone))
    sums = np.bincount(of, rest)
    together = float(sums @ sums) / len(x) ** 2 * len(names) / (len(names) - 1)
    return mean, float(student.ppf(0.975, len(names) - 1) * np.sqrt(max(together, 0.5 * alone)))


def kind(disagreed: float, disagreed_half: float, misread: float, misread_half: float) -> str:
    """What a gap of a value is: one counts where it is wide enough to act on and its interval does not hold 0."""
    known = [
        abs(gap) >= GAP and abs(gap) > half for gap, half in ((disagreed, disagreed_half), (misread, misread_half))
    ]
    unsure = [
        not np.isfinite(half) or (not sure and abs(gap) + half >= 2 * GAP)
        for sure, gap, half in zip(known, (disagreed, misread), (disagreed_half, misread_half), strict=True)
    ]
    if any(known):
        return BOTH if all(known) else DISAGREED if known[0] else MISREAD
    return UNKNOWN if any(unsure) else NEITHER


def if_read_as_meant(measured: Measured) -> tuple[float, float]:
    """What would change in mean fit if everybody read the innovation as it is meant, and half its 95 % interval."""
    gain = (measured.distance - measured.distance_to(measured.answers.intended)) @ measured.weights
    return mean_and_half(np.where(np.isfinite(measured.fit), gain, np.nan), measured.answers.service)
