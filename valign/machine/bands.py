"""Bands of a scenario that is too large for a browser: the first years of a few runs soon, then all of more."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.design import replicate
from valign.experiments.design_outcomes import DesignOutcomes
from valign.experiments.simulate import simulate
from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.model.vocabulary import vocabulary

from .situation import Situation

RUNS, SEED, SOCIETIES = 16, 1, 2  # eight runs of a society are computed at once, as fast as four
SOON = 12, 36  # months that are shown before all of them
CURVES = {"uptake": ("all", "engaged"), "in_use": ("service", "in_use")}
CARDS = ("uptake_final", "spread_final", "sustained_24", "alignment_final", "money_spent", "time_to_50")
PARTS = {"median": 0.5, "low": 0.05, "high": 0.95, "lower": 0.25, "upper": 0.75}


def bands(at: Situation, say: Callable[..., None]) -> dict[str, Any]:
    """Quantiles of monthly curves and outcomes: of the first society's runs for a year and three, then of all.

    The months of a run do not depend on how many there are, so what is shown first stays as it is.
    """
    runs = at.runs(RUNS)
    design = replicate(pd.DataFrame(index=[0]), runs, SEED, SOCIETIES)
    first = design[design["society_seed"] == design["society_seed"].iloc[0]].reset_index(drop=True)
    for months in SOON:
        if at.now.months > months:
            soon = simulate(first, base=at.now.replace({"months": months}), record=("series",))
            years = f"{months // 12} year{'s' * (months > 12)}"
            say(result=_found(at, soon, runs), told=f"the first {years} of {len(first)} runs")
    return _found(at, simulate(design, base=at.now, record=("series",)), runs)


def _found(at: Situation, outcomes: DesignOutcomes, runs: int) -> dict[str, Any]:
    months = outcomes.base.months if isinstance(outcomes.base, Scenario) else at.now.months
    return {
        "done": len(outcomes.runs),
        "of": runs,
        "months": at.now.months,
        "shown": months,
        "curves": {name: _quantiles(outcomes.curves(*pair)) for name, pair in CURVES.items()},
        "cards": _cards(outcomes.runs) if months == at.now.months else [],
        "command": shlex.join(
            ["valign", "run", *at.words, "--runs", str(runs), "--societies", str(SOCIETIES), "--seed", str(SEED)]
        ),
    }


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
