"""`valign calibrate` and `valign rivals`: fit, compare, save, draw, print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valign.model.errors import InputError
from valign.results import store

from ..scenario_text import Observed, for_report
from . import terminal
from .options import loaded
from .job import REPORT, UNFINISHED, Job, Tables, carried_out, parameters_of, parts_folder

if TYPE_CHECKING:
    import pandas as pd

    from valign.calibration.abc.screening import Screened
    from valign.calibration.data.schema import Data, Differences
    from valign.calibration.rivals.regression import Regression
    from valign.calibration.problem.problem import CalibrationProblem

Ranges = dict[str, tuple[float, float] | None]  # of free parameters; None: the declared range
NETCDF = "posterior.nc"
GROWS = ("simulations", "accept_misfit")  # of a calibration: asked for more of them, it goes on
LONG = ("posterior", "reference", "recovered")


@dataclass(frozen=True)
class CalibrationOptions:
    """The options that both commands share."""

    data: str
    scenario: str | None
    free: tuple[str, ...]
    simulations: int
    seed: int
    out: Path | None
    quiet: bool
    as_json: bool
    accept_misfit: bool = False
    differences: Differences | None = None
    worlds: bool = False


def differences(
    community_sd: bool, baseline: int | None, covariates: Sequence[str] | None, each_orientation: bool, signed: bool
) -> Differences:
    """What a fit allows for besides the scenario, as typed."""
    from valign.calibration.data.schema import Differences

    return Differences(
        community_sd=community_sd,
        baseline=baseline,
        covariates=tuple(covariates or ()),
        each_orientation=each_orientation,
        signed=signed,
    )


def ranges(free: tuple[str, ...]) -> Ranges | None:
    """--free NAME or NAME=LOW:HIGH as a mapping; None when nothing is said."""
    found: Ranges = {}
    problems = []
    for text in free:
        name, equals, limits = text.partition("=")
        found[name.strip()] = None
        if equals:
            low, _, high = limits.partition(":")
            try:
                found[name.strip()] = (float(low), float(high))
            except ValueError:
                problems.append(f"--free {text}: expected NAME or NAME=LOW:HIGH, e.g. fit_effect=-0.2:0.7")
    if problems:
        raise InputError(problems)
    return found or None


def _problem(what: str, options: CalibrationOptions) -> tuple[CalibrationProblem, Screened | None]:
    """What is fitted to the data; `what` is said before parameters are screened, which may take long."""
    from valign.calibration.abc.screening import screened_problem
    from valign.calibration.data.reading import load
    from valign.calibration.problem.known import with_worlds

    free, data = ranges(options.free), load(options.data)
    quiet = options.quiet or options.as_json
    told = f"{what} {data.name}, with at most {options.simulations:,} simulations"
    terminal.say(told, quiet)
    for name, value in data.said:
        terminal.say(f"  {name}: {value}", quiet)
    scenario = None if options.scenario is None else loaded(options.scenario)
    problem, screened = screened_problem(data, scenario, free, options.seed, differences=options.differences)
    problem = with_worlds(problem) if options.worlds else problem
    terminal.say(f"  Free: {', '.join(problem.prior.names)}", quiet)
    return problem, screened


def calibrate(options: CalibrationOptions) -> None:
    from valign.calibration.calibrate import fit
    from valign.calibration.exported import to_netcdf
    from valign.calibration.problem.known import remark
    from valign.results.reports import calibration

    problem, screened = _problem("Fitting the model to", options)
    beside: dict[str, Path] = {}

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = fit(
            problem,
            options.seed,
            simulations=options.simulations,
            accept_misfit=options.accept_misfit,
            folder=parts_folder(folder),
            progress=told,
            screened=screened,
        )
        tables = {
            "fit": found.fit,
            "fit_summaries": found.gate.summaries,
            "recovery": found.recovery.parameters,
            "nearby": found.nearby.parameters,
            "recovered": found.recovery.estimates,
            "remarks": _remarks([*found.remarks(), *remark(problem.prior)]),
            **_regression(found.regression),
            **_screening(found.screened),
        }
        if not found.posteriors:
            return tables
        assert found.result is not None
        netcdf = parts_folder(folder) / NETCDF
        if to_netcdf(netcdf, found.draws, found.gate.summaries, problem.prior):
            beside[NETCDF] = netcdf
        return tables | {
            "summary": found.summary,
            "posterior": found.draws,
            "generations": found.result.report(),
            "predictive": found.predictive,
            "checks": found.checks,
            "reference": found.reference,
        }

    folder, tables = _published("calibrate", options, problem, made, beside, GROWS)
    if options.as_json:
        _as_json(problem.data.name, folder, tables)
        return
    first, *rest = tables["remarks"]["remark"]
    terminal.show(first)
    if "summary" in tables and tables["fit"]["fits"].iloc[0]:
        terminal.table(
            *calibration.posterior_table(tables["summary"]),
            numbers_from=2,
            title=f"{problem.data.title} · {int(tables['generations']['simulations'].sum()):,} simulations",
        )
    else:
        terminal.table(*calibration.fit_table(tables["fit_summaries"]), title=f"{problem.data.title} · fit")
    _tell_regression(tables)
    _say(rest, folder, options)
    if "summary" in tables:
        terminal.say(
            f"The posterior as parameters: valign run SCENARIO --parameters {folder / 'posterior.parquet'}",
            options.quiet,
        )
        if not tables["summary"]["reliable"].all():
            terminal.say(
                f"The same command with --simulations {2 * options.simulations} --out {folder} goes on from here",
                options.quiet,
            )


def _tell_regression(tables: Tables) -> None:
    """The plain regression beside what was fitted."""
    from valign.results.reports import calibration

    if "regression" in tables:
        terminal.table(
            *calibration.regression_table(tables["regression"]), title="The plain regression of the same data"
        )


def _as_json(data: str, folder: Path, tables: Tables) -> None:
    """What a calibration found; whether the model fits comes first."""
    remarks = tables["remarks"]["remark"].tolist()
    summary = {"summary": tables["summary"].to_dict("records")} if "summary" in tables else {}
    terminal.as_json(
        {
            "said": remarks[0],
            "fit": tables["fit"].to_dict("records")[0],
            "data": data,
            "folder": str(folder),
            **summary,
            "fit_summaries": tables["fit_summaries"].to_dict("records"),
            "recovery": tables["recovery"].to_dict("records"),
            "regression": tables["regression"].to_dict("records") if "regression" in tables else [],
            "remarks": remarks,
        }
    )


def rivals(options: CalibrationOptions) -> None:
    from valign.calibration.problem.known import remark
    from valign.calibration.rivals.compare import choose
    from valign.results.reports import calibration

    problem, screened = _problem("Comparing explanations of", options)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = choose(problem, options.simulations, options.seed, told, folder=folder / UNFINISHED, screened=screened)
        return {
            "shares": found.shares,
            "odds": found.odds,
            "confusion": found.confusion,
            "scores": found.scores,
            "folds": found.folds,
            "reference": found.reference,
            "remarks": _remarks([*found.remarks(), *remark(problem.prior)]),
            **_regression(found.regression),
            **_screening(found.screened),
        }

    folder, tables = _published("rivals", options, problem, made)
    if options.as_json:
        terminal.as_json(
            {
                "data": problem.data.name,
                "folder": str(folder),
                **{name: tables[name].to_dict("records") for name in ("shares", "confusion", "scores")},
            }
        )
        return
    terminal.table(*calibration.rivals_table(tables), title=f"{problem.data.title} · scores in communities not seen")
    _tell_regression(tables)
    _say(tables["remarks"]["remark"].tolist(), folder, options)


def _published(
    command: str,
    options: CalibrationOptions,
    problem: CalibrationProblem,
    made: Callable[[Path, Callable[[int, int], None] | None], Tables],
    beside: Mapping[str, Path] | None = None,
    grows: tuple[str, ...] = (),
) -> tuple[Path, Tables]:
    """Folder and tables of a calibration or of a comparison of rivals; `beside` may fill while it is made.

    grows : what may be more than the folder holds, which is then gone on from.
    """
    data = problem.data
    work = {
        "command": command,
        **problem.work,
        "time_unit": data.time_unit,
        "simulations": options.simulations,
        "seed": options.seed,
    }
    if options.accept_misfit:
        work["accept_misfit"] = True
    folder = options.out or store.default_folder(f"{command}-{work['data']}", work)
    quiet = options.quiet or options.as_json

    def computed() -> Tables:
        _say_cost(problem, command, options)
        with terminal.progress(command, quiet) as told:
            return {**made(folder, told), "read": _read(data), "parameters": parameters_of(problem.scenario)}

    source = f" Source: {data.source}." if data.source else ""
    description = f"Observed: {data.title}.{source}\n\nFitted to it: {for_report(problem.told, _observed(problem))}"
    job = Job(
        work,
        folder,
        data.title,
        description,
        computed,
        problem.told.to_toml(),
        long=LONG,
        begun=UNFINISHED,
        beside={} if beside is None else beside,
        grows=grows,
    )
    return folder, carried_out(job, quiet)


def _say_cost(problem: CalibrationProblem, command: str, options: CalibrationOptions) -> None:
    """What it will take, before it is spent. Raises InputError where memory does not suffice."""
    from valign.calibration.problem.cost import cost_of

    histories = command == "rivals"
    simulations = options.simulations + max(6000, options.simulations // 4)
    cost = cost_of(problem, simulations, histories)
    if problems := cost.problems():
        raise InputError(problems)
    terminal.say(
        f"At most {simulations:,} simulations: about {terminal.duration(cost.seconds)} on this machine, and "
        f"{cost.bytes / 1e6:,.0f} MB of memory for what is kept",
        options.quiet or options.as_json,
    )


def _observed(problem: CalibrationProblem) -> Observed | None:
    """The people who are simulated, from the arrays of their society."""
    society = problem.society
    if society is None:
        return None
    return Observed(len(society.role), len(society.first) - 2, problem.data.time_unit)


def _read(data: Data) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(data.said, columns=["what", "read"])


def _regression(found: Regression | None) -> Tables:
    return (
        {} if found is None else {"regression": found.table.assign(errors=found.method, communities=found.communities)}
    )


def _screening(screened: Screened | None) -> Tables:
    return {} if screened is None else {"screening": screened.table}


def _remarks(remarks: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"remark": pd.Series(remarks, dtype=str)})


def _say(remarks: Sequence[str], folder: Path, options: CalibrationOptions) -> None:
    for remark in remarks:
        terminal.say(remark, options.quiet)
    terminal.say(f"Tables and figures: {folder}; report: {folder / REPORT}", options.quiet)
