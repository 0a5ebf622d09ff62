"""A posterior on its way out: as a design whose rows are drawn from it, and as netCDF that ArviZ opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from valign.experiments.design import (
    check_design,
    checked_ensemble,
    read_design,
    run_seeds,
    society_seeds,
    varies_in_block,
)
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario


def posterior_design(
    file: str | Path, scenario: Scenario, runs: int, seed: int = 1, societies: int | None = None
) -> pd.DataFrame:
    """A design that draws a row of a posterior (Parquet or CSV, a column per parameter) for each run.

    Raises InputError for a file that cannot be read, columns that are no parameters of the scenario, or runs, seed or
    societies that cannot be.
    """
    runs, seed, societies = checked_ensemble(runs, seed, societies)
    draws = read_design(file)
    problems = [
        f"{file}: column {name!r} is not a parameter that can differ between runs of {scenario.name!r}"
        for name in draws
        if name not in scenario.settable() or not varies_in_block(str(name))
    ]
    if not len(draws) or not len(draws.columns):
        problems.append(f"{file}: has no rows")
    if problems:
        raise InputError(problems)
    rows = np.random.default_rng([seed, 110_000]).choice(len(draws), runs, replace=runs > len(draws))
    design = draws.iloc[rows].reset_index(drop=True)
    design["seed"] = run_seeds(seed, runs)
    design["society_seed"] = society_seeds(seed, design["seed"].tolist(), societies)
    return check_design(scenario, design)
