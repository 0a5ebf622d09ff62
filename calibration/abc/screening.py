"""Which parameters to free: at most eight, those that move most what was observed.

Sequential ABC bears about eight free parameters. From more, Morris trajectories over the summaries of the data choose:
a parameter ranks by its largest effect on any summary (mu*, relative to the largest effect that any parameter has on
that summary). All rows of a trajectory share a seed; a dummy factor shows what noise alone would make of an effect.

Sources: Morris 1991; mu* of Campolongo, Cariboni & Saltelli 2007.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import numpy as np
import pandas as pd

from valign.experiments.design import MAX_SEED, whole
from valign.experiments.design_check import varies_in_block
from valign.experiments.sensitivity.factors import DUMMY, make_problem, uncertain
from valign.experiments.sensitivity.studies import rank_screened, study
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

from ..data.reading import load
from ..data.schema import Data, Differences
from ..problem.differences import is_difference, wanted
from ..problem.priors import MOST_FREE, Prior
from ..problem.given import scenario_for, society_of_data
from ..problem.problem import DEFAULT_FREE, CalibrationProblem, Free, bounds_of, terms_of

SCREEN = "screen"  # in the place of a name: all parameters that can be fitted are screened
TRAJECTORIES = 24


@dataclass(frozen=True, eq=False)
class Screened:
    """free : the parameters chosen, with their ranges. table : one row per candidate, the strongest first: parameter,
    low, high, share (of the largest effect on the summary on which it is strongest), summary, kept, why.
    """

    free: dict[str, tuple[float, float] | None]
    table: pd.DataFrame
    runs: int

    def remark(self) -> str:
        """Which were screened, and which left out."""
        left = self.table[~self.table["kept"]]
        shares = left.set_index("parameter")["share"].head(12)
        said = ", ".join(f"{name} ({100 * share:.0f} %)" for name, share in shares.items())
        more = f" and {len(left) - 12} more" if len(left) > 12 else ""
        return (
            f"Screened {len(self.table)} parameters (Morris, {self.runs} runs); free are {', '.join(self.free)}. "
            "Held at the scenario's value, with the largest effect on anything observed in % of the strongest: "
            f"{said}{more}."
        )


def wants_screening(free: Free | None) -> TypeGuard[Free]:
    """Whether more parameters are asked for than can be fitted, or a screening of all."""
    return free is not None and (SCREEN in free or len(free) > MOST_FREE)


def screen_free(
    data: Data,
    scenario: Scenario | str | Path | None,
    free: Free,
    seed: int = 1,
    *,
    trajectories: int = TRAJECTORIES,
    keep: int = MOST_FREE,
    threads: int | None = None,
) -> Screened:
    """Rank the parameters asked for ("screen": all that the scenario leaves uncertain) and keep the first `keep`.

    Raises InputError for names that cannot be fitted, or when every run fails.
    """
    made = scenario_for(data, scenario)
    given = dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
    if SCREEN in given:
        del given[SCREEN]
        names = [name for name in uncertain(made)[0] if name in PARAMETERS and varies_in_block(name)]
        given = {**dict.fromkeys(names), **DEFAULT_FREE, **given}
    bounds = bounds_of(given, made)
    names = list(bounds)
    low, high = (np.array(side) for side in zip(*bounds.values(), strict=True))
    society = None if data.people is None else society_of_data(data, made)
    integer = np.array([name in PARAMETERS and PARAMETERS[name].integer for name in names])
    problem = CalibrationProblem(data, made, Prior(tuple(names), low, high, integer), society, threads)

    def evaluate(design: pd.DataFrame) -> pd.DataFrame:
        summaries, _ = problem.run(design[names].to_numpy(float), design["seed"].to_numpy(np.int64))
        return pd.DataFrame(summaries, columns=list(problem.names), index=design.index)

    found = study(make_problem(made, names, bounds=bounds), evaluate, "morris", trajectories, seed=seed, missing="drop")
    moving = [name for name in problem.names if np.nanstd(found.values(name)) > 0]
    if not moving:
        raise InputError(["nothing to screen by: no parameter moves anything that was observed, or all runs failed"])
    indices = found.analysed(moving).indices
    share = rank_screened(indices)
    effect = indices[indices["index"] == "mu_star"].copy()
    effect["share"] = effect["value"] / effect.groupby("outcome")["value"].transform("max")
    noise = float(effect.loc[effect["factor"] == DUMMY, "share"].max())
    strongest = effect.sort_values("share", ascending=False, kind="stable").drop_duplicates("factor")
    table = pd.DataFrame(
        {
            "parameter": share.index,
            "low": [bounds[name][0] for name in share.index],
            "high": [bounds[name][1] for name in share.index],
            "share": share.to_numpy(),
            "summary": strongest.set_index("factor")["outcome"].reindex(share.index).to_numpy(),
        }
    )
    above = table["share"] > noise
    table["kept"] = above & (np.arange(len(table)) < keep)
    table["why"] = np.select(
        [table["kept"], ~above],
        ["among the strongest", "moves nothing that was observed more than noise does"],
        f"weaker than the {keep} that can be fitted",
    )
    kept = table.loc[table["kept"], "parameter"].tolist()
    if not kept:
        raise InputError(["no parameter moves what was observed more than noise does, so there is nothing to fit"])
    return Screened({name: bounds[name] for name in kept}, table, found.simulated)


def screened_problem(
    data: Data | str | Path,
    scenario: Scenario | str | Path | None = None,
    free: Free | None = None,
    seed: int = 1,
    *,
    threads: int | None = None,
    differences: Differences | Mapping[str, object] | None = None,
) -> tuple[CalibrationProblem, Screened | None]:
    """The problem of a calibration; of more parameters than can be fitted, with what a screening chose of them.

    differences : see `CalibrationProblem.of`; they are fitted in any case, and leave room for so many fewer.
    """
    seed = whole("seed", seed, 0, MAX_SEED)
    data = data if isinstance(data, Data) else load(data)
    if not wants_screening(free):
        return CalibrationProblem.of(data, scenario, free, threads=threads, differences=differences), None
    given = dict(free) if isinstance(free, Mapping) else dict.fromkeys(free)
    terms = {name: given.pop(name) for name in [*given] if is_difference(name)}
    made = scenario_for(data, scenario)
    society = None if data.people is None else society_of_data(data, made)
    _, offsets = terms_of(data, wanted(data, differences, terms), made, society)
    keep = MOST_FREE - (0 if offsets is None else len(offsets.bounds))
    screened = screen_free(data, scenario, given, seed, keep=keep, threads=threads)
    chosen = {**screened.free, **terms}
    return CalibrationProblem.of(data, scenario, chosen, threads=threads, differences=differences), screened
