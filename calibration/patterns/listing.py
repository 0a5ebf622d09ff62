"""The patterns as a table, with what the model gives at its defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from valign.experiments.design import checked_ensemble
from valign.experiments.worlds import unknown_parameters
from valign.model.parameters import PARAMETERS
from valign.results.summaries import mean_interval

from .asking import asked
from .pattern import FOLDER, Pattern
from .pattern import patterns as read

TOLD = ("name", "title", "value", "error", "unit", "scale", "bound", "where", "when", "source", "grade", "data", "note")


def patterns(runs: int | None = 8, seed: int = 1, folder: str | Path | None = None) -> pd.DataFrame:
    """Published facts that the model is held against, care first, with what it gives at its defaults.

    Parameters
    ----------
    runs : of every question at the defaults (None: the facts alone, nothing is simulated).
    seed : of these runs, 0 to 2^63 - 1.
    folder : of pattern files (default: those that ship).

    Returns
    -------
    One row a pattern: name, title, value, error (on the scale of comparison), unit, scale, bound, where, when, source,
    grade, data, note; and, in the unit of the fact, `model` (mean over runs), `low` and `high` (its 95 % interval:
    chance alone), and `away`: how many standard deviations of the fact's error, the stated discrepancy and chance that
    mean is from the fact.

    Raises
    ------
    InputError : a pattern file that is wrong, or a number of runs that is none.
    """
    found = read(FOLDER if folder is None else Path(folder))
    table = pd.DataFrame([{name: getattr(each, name) for name in TOLD} for each in found])
    if runs is None:
        return table
    runs, seed, _ = checked_ensemble(runs, seed, None)
    defaults = pd.DataFrame({name: [PARAMETERS[name].default] for name in unknown_parameters()})
    given = asked(found, defaults, runs, seed)[0]
    return pd.concat([table, pd.DataFrame([compared(each, given[:, j]) for j, each in enumerate(found)])], axis=1)


def compared(pattern: Pattern, values: np.ndarray) -> dict[str, float]:
    """What the estimates of some runs say of a pattern: `model`, `low`, `high` and `away`, as `patterns` has them."""
    mean = mean_interval(np.where(np.isfinite(values), values, np.nan))
    chance = 0.0 if mean.n < 2 else float(np.nanvar(values, ddof=1)) / mean.n
    spread = np.sqrt(pattern.error**2 + pattern.discrepancy**2 + chance)
    numbers = {"model": mean.mean, "low": mean.low, "high": mean.high}
    away = float(pattern.away(np.array([mean.mean]))[0]) / spread
    return {name: float(pattern.natural(each)) for name, each in numbers.items()} | {"away": away}
