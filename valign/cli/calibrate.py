"""`valign calibrate` and `valign rivals`: fit, compare, save, draw, print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store

from . import terminal
from ..scenario_text import for_report
from .job import REPORT, Job, Tables, carried_out, parameters_of

if TYPE_CHECKING:
    import pandas as pd

Ranges = dict[str, tuple[float, float] | None]  # of free parameters; None: the declared range
KEPT = "unfinished"  # the folder of finished parts; it goes when all is saved
LONG = ("posterior", "reference", "recovered")


@dataclass(frozen=True)
class Request:
    """The options that both commands share."""

    data: str
    scenario: str | None
    free: tuple[str, ...]
    simulations: int
    seed: int
    out: Path | None
    quiet: bool
    as_json: bool


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


@dataclass(frozen=True)
class Asked:
    """Data, the free parameters (after a screening where more were asked for than can be fitted) and the problem."""

    data: Any
    free: Ranges | None
    problem: Any
    remarks: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def asked(wish: Request) -> Asked:
    from valign.calibration.data.reading import load
    from valign.calibration.problem.problem import Problem
    from valign.calibration.abc.screening import screen_free, wants_screening

    free, data = ranges(wish.free), load(wish.data)
    if free is None or not wants_screening(free):
        return Asked(data, free, Problem.of(data, wish.scenario, free))
    found = screen_free(data, wish.scenario, free, wish.seed)
    return Asked(
        data, found.free, Problem.of(data, wish.scenario, found.free), (found.remark(),), {"screening": found.table}
    )


def calibrate(wish: Request) -> None:
    from valign.calibration.calibrate import calibrate as fit
    from valign.results.reports import calibration as text

    ask = asked(wish)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = fit(
            ask.data,
            wish.scenario,
            ask.free,
            wish.seed,
            simulations=wish.simulations,
            folder=folder / KEPT,
            progress=told,
        )
        return {
            "summary": found.summary,
            "posterior": found.draws,
            "generations": found.result.report(),
            "recovery": found.recovery.parameters,
            "recovered": found.recovery.estimates,
            "predictive": found.predictive,
            "checks": found.checks,
            "reference": found.reference,
            "remarks": _remarks([*ask.remarks, *found.remarks()]),
            **ask.tables,
        }

    folder, tables = _published("calibrate", wish, ask, made)
    if wish.as_json:
        terminal.as_json(
            {
                "data": ask.data.name,
                "folder": str(folder),
                "summary": tables["summary"].to_dict("records"),
                "recovery": tables["recovery"].to_dict("records"),
                "remarks": tables["remarks"]["remark"].tolist(),
            }
        )
        return
    terminal.table(
        *text.posterior_table(tables["summary"]),
        numbers_from=2,
        title=f"{ask.data.title} · {int(tables['generations']['simulations'].sum()):,} simulations",
    )
    _say(tables["remarks"], folder, wish)
    terminal.say(
        f"The posterior as parameters: valign run SCENARIO --parameters {folder / 'posterior.parquet'}", wish.quiet
    )


def rivals(wish: Request) -> None:
    from valign.calibration.calibrate import choose_model
    from valign.results.reports import calibration as text

    ask = asked(wish)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = choose_model(
            ask.data,
            wish.scenario,
            ask.free,
            wish.seed,
            simulations=wish.simulations,
            folder=folder / KEPT,
            progress=told,
        )
        return {
            "shares": found.shares,
            "odds": found.odds,
            "confusion": found.confusion,
            "scores": found.scores,
            "folds": found.folds,
            "reference": found.reference,
            "remarks": _remarks([*ask.remarks, *found.remarks()]),
            **ask.tables,
        }

    folder, tables = _published("rivals", wish, ask, made)
    if wish.as_json:
        terminal.as_json(
            {
                "data": ask.data.name,
                "folder": str(folder),
                **{name: tables[name].to_dict("records") for name in ("shares", "confusion", "scores")},
            }
        )
        return
    terminal.table(*text.rivals_table(tables), title=f"{ask.data.title} · scores in communities not seen")
    _say(tables["remarks"], folder, wish)


def _published(
    command: str, wish: Request, ask: Asked, made: Callable[[Path, Callable[[int, int], None] | None], Tables]
) -> tuple[Path, Tables]:
    """Folder and tables of a calibration or of a comparison of rivals."""
    data, problem = ask.data, ask.problem
    work = {
        "command": command,
        **problem.work,
        "time_unit": data.time_unit,
        "simulations": wish.simulations,
        "seed": wish.seed,
    }
    folder = wish.out or store.default_folder(f"{command}-{work['data']}", work)
    quiet = wish.quiet or wish.as_json

    def computed() -> Tables:
        with terminal.progress(command, quiet) as told:
            return {**made(folder, told), "parameters": parameters_of(problem.scenario)}

    source = f" Source: {data.source}." if data.source else ""
    description = f"Observed: {data.title}.{source}\n\nFitted to it: {for_report(problem.scenario)}"
    job = Job(work, folder, data.title, description, computed, problem.scenario.to_toml(), long=LONG, begun=KEPT)
    return folder, carried_out(job, quiet)


def _remarks(remarks: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"remark": pd.Series(remarks, dtype=str)})


def _say(remarks: pd.DataFrame, folder: Path, wish: Request) -> None:
    for remark in remarks["remark"]:
        terminal.say(remark, wish.quiet)
    terminal.say(f"Tables and figures: {folder}; report: {folder / REPORT}", wish.quiet)
