"""A posterior on its way out: as a design whose rows are drawn from it, and as netCDF that ArviZ opens."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.design import checked_ensemble, read_design, run_seeds, society_seeds
from valign.experiments.design_check import check_design, varies_in_block
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results.marks import mark_of

from .problem.differences import is_difference
from .problem.priors import Prior


def to_netcdf(path: Path, draws: pd.DataFrame, observed: pd.DataFrame, prior: Prior) -> bool:
    """Write a posterior as netCDF that ArviZ opens as it is; False where the libraries for it are missing.

    Groups: `posterior` and `prior` (chain, draw), `observed_data` (the summaries of the data). draws : a column per
    parameter, with the mark of the posterior. observed : columns summary and observed.
    """
    try:
        import_module("h5netcdf")  # xarray asks for it when it writes
        xarray: Any = import_module("xarray")
    except ImportError:
        return False
    before = prior.theta(np.random.default_rng(0).standard_normal((len(draws), len(prior))))
    told = {**{key: str(value) for key, value in mark_of(draws).items()}, "inference_library": "valign"}

    def sampled(columns: dict[str, np.ndarray]) -> Any:
        return xarray.Dataset(
            {name: (("chain", "draw"), value[None].astype(float)) for name, value in columns.items()},
            coords={"chain": [0], "draw": np.arange(len(draws))},
            attrs=told,
        )

    groups = {
        "posterior": sampled({name: draws[name].to_numpy() for name in prior.names}),
        "prior": sampled({name: before[:, k] for k, name in enumerate(prior.names)}),
        "observed_data": xarray.Dataset(
            {"summaries": ("summary", observed["observed"].to_numpy(float))},
            coords={"summary": observed["summary"].tolist()},
            attrs=told,
        ),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, (name, group) in enumerate(groups.items()):
        group.to_netcdf(path, group=name, mode="a" if number else "w", engine="h5netcdf")
    return True


def posterior_design(
    file: str | Path, scenario: Scenario, runs: int, seed: int = 1, societies: int | None = None
) -> pd.DataFrame:
    """A design that draws a row of a posterior (Parquet or CSV, a column per parameter) for each run.

    Raises InputError for a file that cannot be read, columns that are no parameters of the scenario, or runs, seed or
    societies that cannot be.
    """
    runs, seed, societies = checked_ensemble(runs, seed, societies)
    draws = read_design(file)
    beside = [str(name) for name in draws if is_difference(str(name))]
    draws = draws.drop(columns=beside)
    problems: list[str] = []
    if beside:
        problems.append(
            f"{file}: was fitted with {', '.join(beside)}, which a scenario does not hold, and the other parameters "
            "would mean something else without: fit without, to use it so"
        )
    problems += [
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
