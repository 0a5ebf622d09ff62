"""Studies: which assumptions drive the outcomes of a scenario, in one step or after a screening.

What runs the designs of a study is a function of a design, as a rule `simulator`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.model.outcomes import COMMISSIONER_SERIES, OUTCOMES, PEOPLE_SERIES, SERIES_ROLES, SERVICE_SERIES
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import Parts
from valign.results.reports import sensitivity as sensitivity_text

from ..bases import tables_hash
from ..design import MAX_SEED, whole
from ..simulate import simulate
from ..worlds import marginals, said_itself
from .factors import EXTRA, REST, Problem, make_problem, uncertain
from .runs import Evaluate, Progress, Runs, run_sample
from .samples import DEFAULT_N, METHODS, Sample, sampler_hash
from .tables import Sensitivity
from .values import known_missing

SERIES_AT_ONCE = 4e8  # of monthly series in memory at once
DEFAULT_OUTCOMES = ("uptake_final", "spread_final", "continuous", "alignment_final")
SPOTS = np.array([0.01, 0.2, 0.45, 0.75, 0.99])  # where a distribution is looked at to tell it from another
REPLICATES = 8  # runs of a parameter set
KEPT_IN_SCREENING, SCREENING_N = 24, 16


# --- what runs a design ----------------------------------------------------------------------------------------------
def curve_pair(name: str) -> tuple[str, str]:
    """(role, variable) of a monthly curve: "engaged" (everybody), "staff.alignment", "in_use" (services)."""
    pairs = {f"{role}.{variable}": (role, variable) for role in SERIES_ROLES for variable in PEOPLE_SERIES}
    pairs |= {f"service.{variable}": ("service", variable) for variable in SERVICE_SERIES}
    pairs |= {f"commissioner.{variable}": ("commissioner", variable) for variable in COMMISSIONER_SERIES}
    short = {variable: ("all", variable) for variable in PEOPLE_SERIES}
    short |= {variable: ("service", variable) for variable in SERVICE_SERIES if variable not in short}
    if name not in pairs | short:
        raise InputError([unknown(name, [*short, *pairs], "monthly curve")])
    return (pairs | short)[name]


def simulator(scenario: Scenario, curves: Sequence[str] = (), threads: int | None = None) -> Evaluate:
    """What runs the designs of a study: a column for every outcome, `status`, and NAME@MONTH for every curve."""
    pairs = {name: curve_pair(name) for name in curves}

    def evaluate(design: pd.DataFrame) -> pd.DataFrame:
        parts = [some(design.iloc[start : start + at_once]) for start in range(0, len(design), at_once)]
        return pd.concat(parts, ignore_index=True)

    # a run that is asked for one monthly curve records all of them, which fills the memory
    at_once = max(64, int(SERIES_AT_ONCE / (8 * 91 * (scenario.months + 1)))) if pairs else 10**9

    def some(design: pd.DataFrame) -> pd.DataFrame:
        found = simulate(design, base=scenario, record=("series",) if pairs else (), threads=threads)
        columns = ["status", *OUTCOMES] + [f"{name}@{month}" for name in pairs for month in range(scenario.months + 1)]
        tables: list[pd.DataFrame] = []
        for rows, outcomes in found.parts:
            monthly = [outcomes.curves(*pair).T for pair in pairs.values()]
            table = outcomes.runs[["status", *OUTCOMES]]
            series = zip(columns[len(table.columns) :], np.hstack(monthly).T, strict=True) if monthly else ()
            tables.append(pd.DataFrame({**{name: table[name] for name in table}, **dict(series)}).set_axis(rows))
        return (pd.concat(tables) if len(tables) > 1 else tables[0]).sort_index()

    return evaluate


# --- studies ---------------------------------------------------------------------------------------------------------
def study(
    problem: Problem,
    evaluate: Evaluate,
    method: str = "sobol",
    n: int | None = None,
    outcomes: Sequence[str] | None = None,
    curves: Sequence[str] = (),
    *,
    replicates: int = 1,
    seed: int = 1,
    second_order: bool = False,
    common_seeds: bool = True,
    missing: str = "refuse",
    folder: Path | None = None,
    spec: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """A study of anything that turns a design into a table of outcomes.

    evaluate : takes a DataFrame with a column for every factor, `seed` and `society_seed`, gives one row for each of
        its rows: a column for every outcome, NAME@MONTH for monthly curves, perhaps `status` ("ok" or the error).
    folder : keeps the runs; the same study, or a larger one, goes on from there.
    spec : what, besides the sample, the runs depend on. Others: see `sensitivity`.
    """
    if method not in METHODS:
        raise InputError([unknown(method, METHODS, "method")])
    n = whole("n", DEFAULT_N[method] if n is None else n, 1, 2**30)
    replicates = whole("replicates", replicates, 1, 10_000)
    sample = Sample(method, problem, n, whole("seed", seed, 0, MAX_SEED), replicates, second_order, common_seeds)
    missing = known_missing(missing)
    work = {
        **(spec or {}),
        "sampler": sampler_hash(),
        "method": method,
        "seed": seed,
        "replicates": replicates,
        "second_order": second_order,
        "common_seeds": common_seeds,
        "curves": list(curves),
        **({"n": n} if method == "fast" else {}),
        "factors": [[f.name, f.group, f.described(), [str(v) for v in f.values(SPOTS)]] for f in problem.factors],
    }
    runs = Runs(Parts(folder, work, "study", lambda text: InputError([text])))
    run_sample(sample, evaluate, runs, progress)
    scalars = tuple(name for name in runs.names if "@" not in name)
    return Sensitivity(sample, runs, evaluate, scalars if outcomes is None else tuple(outcomes), tuple(curves), missing)


class Varied(TypedDict, total=False):
    """What varies, and over what: as `factors.make_problem` takes it."""

    group_by: str | Mapping[str, Sequence[str]] | None
    bounds: Mapping[str, tuple[float, float]] | None
    levels: Mapping[str, Sequence[Any]] | None
    distributions: Mapping[str, Any] | None
    seed_factor: bool
    society_factor: bool


class Options(Varied, total=False):
    """How a scenario is studied: what varies, and how it is sampled (as `study` takes it)."""

    replicates: int
    seed: int
    second_order: bool
    common_seeds: bool
    missing: str


def sensitivity(
    scenario: Scenario | str | Path,
    method: str = "sobol",
    n: int | None = None,
    outcomes: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
    *,
    worlds: bool = False,
    curves: Sequence[str] = (),
    folder: str | Path | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> Sensitivity:
    """Which assumptions drive the outcomes of a scenario, and which do not matter.

    Sobol' indices after Saltelli et al. 2010; the other methods by SALib.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML.
    method : "sobol" (share of variance: first and total indices), "morris" (screening), "pawn", "delta" (whole
        distributions), "fast", "rbd_fast" (first order from few runs), "dgsm" (derivatives), "shapley".
    n : base points (a power of 2 for sobol, pawn, delta, dgsm), trajectories (morris, shapley), or points of a curve
        (fast). Rows: sobol n * (groups + 2), morris n * (groups + 1), dgsm and shapley n * (factors + 1).
    outcomes : columns of `Outcomes.runs` (default: final uptake and spread, unbroken use, final alignment).
    parameters : keys of `Scenario.replace` (default: all uncertain parameters but those that shape the ties).
    worlds : whether each parameter varies as it does over the worlds that agree with published facts, instead of evenly
        over its plausible range (default: no). Each by itself: indices of this kind need parameters that do not depend
        on each other, so that what facts say of two together is left out (`experiments.worlds.finding("pairs")`). A
        range given for a parameter counts more; what the scenario says itself is left as it is unless it is named.
    curves : monthly curves ("engaged", "in_use", "staff.alignment") whose indices are followed over time.
    folder : where runs are kept as they finish; the same study goes on from there, and so does one with a larger n.
    threads, progress : as for `simulate`.
    options : what varies, and how it is sampled:
        group_by : "mechanism", or {group: parameters}: a group is one factor (sobol and morris).
        bounds, levels, distributions : instead of the declared ranges; see `factors.make_problem`.
        seed_factor, society_factor : the chances (the people and ties) of a run as factors of their own, which makes
        their total index the noise floor (default: no).
        replicates : runs of every parameter set (default: 8), which share their society; indices are of their mean.
        seed : of points and runs, 0 to 2^63 - 1 (default: 1). common_seeds : rows of a row-block share seeds and
        society (default: yes). second_order : interactions of pairs too (sobol: twice as many rows; default: no).
        missing : "refuse" (default) or "drop", see `Sensitivity`.

    Returns
    -------
    Sensitivity, with the indices and their 95 % intervals as tables, and a paragraph in words.

    Raises
    ------
    InputError : wrong arguments; later, when a table is asked for, failed runs or outcomes without a value.
    """
    scenario, chosen = Scenario.load(scenario), parameters
    outcomes = DEFAULT_OUTCOMES if outcomes is None else tuple(outcomes)
    varied: dict[str, Any] = {name: value for name, value in options.items() if name in Varied.__annotations__}
    others: dict[str, Any] = {"replicates": REPLICATES}
    others |= {name: value for name, value in options.items() if name not in varied}
    own: list[str] = []
    if worlds:
        ranges: list[Mapping[str, Any]] = [varied.get(each) or {} for each in ("bounds", "levels", "distributions")]
        given = {name for each in ranges for name in each}
        own = [] if parameters is not None else [name for name in said_itself(scenario) if name not in given]
        parameters = [name for name in uncertain(scenario)[0] if name not in own] if parameters is None else parameters
        known = {name: each for name, each in marginals().items() if name in parameters and name not in given}
        varied["distributions"] = {**known, **(varied.get("distributions") or {})}
    problem = _checked_problem(scenario, parameters, outcomes, curves, varied)
    run = simulator(scenario, curves, threads)
    spec = {"scenario": scenario.to_toml(), "tables": tables_hash(scenario), "code": sources_hash()}
    others |= {"folder": None if folder is None else Path(folder), "spec": spec, "progress": progress}
    found = study(problem, run, method, n, outcomes, curves, **others)
    found.title = scenario.title or scenario.name
    found.left_out = uncertain(scenario)[1] if chosen is None else {}
    if worlds:
        found.worlds = True
        found.left_out |= {"the scenario says it": own} if own else {}
    return found


def _checked_problem(
    scenario: Scenario,
    parameters: Sequence[str] | None,
    outcomes: Sequence[str],
    curves: Sequence[str],
    varied: Mapping[str, Any],
) -> Problem:
    """The factors of the study. Raises InputError with everything that is wrong with them, outcomes and curves."""
    problems = [unknown(name, OUTCOMES, "known outcome") for name in outcomes if name not in OUTCOMES]
    for name in curves:
        try:
            curve_pair(name)
        except InputError as error:
            problems += error.problems
    if not outcomes:
        problems.append("outcomes: expected at least one")
    try:
        problem = make_problem(scenario, parameters, **varied)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    return problem


# --- screening, then Sobol' ------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Screening:
    """Two steps: `morris` over all parameters, `sobol` with the `kept` ones alone and all others as one factor.

    The total index of that one factor (`factors.REST`) is the share of variance neglected by whoever fixes the others:
    `rest`, the names in it.
    """

    morris: Sensitivity
    sobol: Sensitivity
    kept: list[str]
    rest: list[str]

    @cached_property
    def neglected(self) -> pd.DataFrame:
        """By outcome: total index of everything else with its interval."""
        table = self.sobol.indices
        found = table[(table["factor"] == REST) & (table["index"] == "ST")]
        return found[["outcome", "value", "low", "high"]].reset_index(drop=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the second step, with `screening` (indices of the first) and `neglected`."""
        return {**self.sobol.tables, "screening": self.morris.indices, "neglected": self.neglected}

    @property
    def words(self) -> str:
        """What was screened out and what that neglects, then the words of the second step."""
        return (
            sensitivity_text.screening(
                self.morris.size, self.morris.outcomes, len(self.kept), len(self.rest), self.neglected
            )
            + "\n\n"
            + self.sobol.words
        )


def rank_screened(indices: pd.DataFrame) -> pd.Series:
    """Factors by the largest share, over outcomes, of the largest mu* of the outcome; the largest first."""
    table = indices[(indices["index"] == "mu_star") & ~indices["factor"].isin(EXTRA)]
    share = table["value"] / table.groupby("outcome")["value"].transform("max")
    return share.groupby(table["factor"], sort=False).max().sort_values(ascending=False, kind="stable")


def _screenable(found: Sensitivity) -> list[str]:
    """Outcomes that enough trajectories have a value of; one missing row spoils a whole trajectory.

    Raises InputError when there is none, or when missing values are to be refused.
    """
    usable: list[str] = []
    problems: list[str] = []
    for outcome in found.outcomes:
        try:
            found.row_means(outcome)
            usable.append(outcome)
        except InputError as error:
            problems += error.problems
    if problems and (found.missing == "refuse" or not usable):
        raise InputError(problems)
    return usable


def screen(
    scenario: Scenario | str | Path,
    n: int | None = None,
    outcomes: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None,
    *,
    keep: int = KEPT_IN_SCREENING,
    screening_n: int = SCREENING_N,
    folder: str | Path | None = None,
    progress: Progress | None = None,
    **others: Any,
) -> Screening:
    """Screen all parameters with Morris, then Sobol' on those that matter; what is neglected is measured, not assumed.

    Elementary effects: Morris 1991, Campolongo et al. 2007 (mu*). Total indices: Saltelli et al. 2010.

    Parameters
    ----------
    scenario, outcomes, parameters, folder, progress : as for `sensitivity`.
    n : base points of the second step, a power of 2. screening_n : trajectories of the first.
    keep : how many parameters stand for themselves in the second step (the largest mu*, relative to the largest of an
        outcome, over all outcomes). All others vary together as one factor.
    others : as for `sensitivity`, but for method and group_by.

    Returns
    -------
    Screening: both studies, what was kept, and the total index of everything else.

    Raises
    ------
    InputError : as for `sensitivity`; no outcome that enough trajectories have a value of.
    """
    keep = whole("keep", keep, 1, 10_000)
    if wrong := [name for name in ("method", "group_by") if name in others]:
        raise InputError([f"{wrong[0]}: screening chooses it"])
    folder = None if folder is None else Path(folder)
    second = {
        name: others.pop(name) for name in ("curves", "second_order", "seed_factor", "society_factor") if name in others
    }
    first = sensitivity(
        scenario,
        "morris",
        screening_n,
        outcomes,
        parameters,
        progress=progress,
        folder=folder and folder / "morris",
        **others,
    )
    first = first.analysed(_screenable(first))
    ranked = rank_screened(first.indices).index.tolist()
    names = [name for name in first.sample.problem.names if name not in EXTRA]
    kept, rest = ranked[:keep], [name for name in names if name not in ranked[:keep]]
    if len(rest) < 1:
        raise InputError([f"keep = {keep}: there are {len(names)} parameters, so nothing would be screened out"])
    found = sensitivity(
        scenario,
        "sobol",
        n,
        outcomes,
        [*kept, *rest],
        group_by={REST: rest},
        progress=progress,
        folder=folder and folder / "sobol",
        **others,
        **second,
    )
    found.left_out = first.left_out
    return Screening(first, found, kept, rest)
