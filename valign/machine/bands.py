"""Bands of a scenario that is too large for a browser: a few runs at once, then more of the same ensemble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.design import replicate
from valign.experiments.simulate import simulate
from valign.model.outcomes import OUTCOMES
from valign.model.vocabulary import vocabulary

from .situation import Situation

FIRST, RUNS, SEED, SOCIETIES = 4, 16, 1, 2
CURVES = {"uptake": ("all", "engaged"), "in_use": ("service", "in_use")}
CARDS = ("uptake_final", "spread_final", "sustained_24", "alignment_final", "money_spent", "time_to_50")
PARTS = {"median": 0.5, "low": 0.05, "high": 0.95, "lower": 0.25, "upper": 0.75}


def bands(at: Situation, say: Callable[..., None]) -> dict[str, Any]:
    """Quantiles of monthly curves and outcomes, told again with every few runs."""
    runs = at.runs(RUNS)
    design = replicate(pd.DataFrame(index=[0]), runs, SEED, min(SOCIETIES, runs))
    curves: dict[str, list[np.ndarray]] = {name: [] for name in CURVES}
    tables: list[pd.DataFrame] = []
    found: dict[str, Any] = {}
    for first in range(0, runs, FIRST):
        part = design.iloc[first : first + FIRST].reset_index(drop=True)
        outcomes = simulate(part, base=at.now, record=("series",))
        tables.append(outcomes.runs)
        for name, pair in CURVES.items():
            curves[name].append(outcomes.curves(*pair))
        done = first + len(part)
        found = {
            "done": done,
            "of": runs,
            "months": at.now.months,
            "curves": {name: _quantiles(np.concatenate(each, axis=1)) for name, each in curves.items()},
            "cards": _cards(pd.concat(tables)),
            "command": " ".join(["valign run", *at.words, f"--runs {runs} --societies {SOCIETIES} --seed {SEED}"]),
        }
        say(result=found, told=f"{done} of {runs} runs")
    return found


def _quantiles(curves: np.ndarray) -> dict[str, list[float]]:
    return {part: np.nanquantile(curves, p, axis=1).round(6).tolist() for part, p in PARTS.items()}


def _cards(runs: pd.DataFrame) -> list[dict[str, Any]]:
    words = vocabulary()["outcomes"]
    return [
        {
            "name": name,
            "label": words[name]["label"],
            "meaning": words[name]["meaning"],
            "kind": words[name]["kind"],
            "values": [None if not np.isfinite(each) else float(each) for each in np.sort(runs[name].to_numpy(float))],
        }
        for name in CARDS
        if name in OUTCOMES
    ]
