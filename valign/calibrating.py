"""`valign calibrate` and `valign rivals`: fit, compare, save, draw, print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store

from . import terminal
from .describing import for_report
from .working import REPORT, Job, Tables, carried_out, parameters_of

if TYPE_CHECKING:
    import pandas as pd

KEPT = "generations"  # of an unfinished calibration
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


def ranges(free: tuple[str, ...]) -> dict[str, tuple[float, float] | None] | None:
    """--free NAME or NAME=LOW:HIGH as a mapping; None when nothing is said."""
    found: dict[str, tuple[float, float] | None] = {}
    problems = []
    for text in free:
        name, equals, limits = text.partition("=")
        found[name.strip()] = None
        if equals:
            low, _, high = limits.partition(":")
            try:
                found[name.strip()] = (float(low), float(high))
            except ValueError:
                problems.append(f"--free {text}: NAME or NAME=LOW:HIGH is wanted, as in fit_effect=-0.2:0.7")
    if problems:
        raise InputError(problems)
    return found or None


def calibrate(wish: Request) -> None:
    from valign.calibration.calibrate import calibrate as fit
    from valign.results import calibration_text as text

    data, problem = _problem(wish)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = fit(data, wish.scenario, ranges(wish.free), wish.seed, simulations=wish.simulations,
                    folder=folder / KEPT, progress=told)
        return {
            "summary": found.summary, "posterior": found.draws, "generations": found.result.report(),
            "recovery": found.recovery.parameters, "recovered": found.recovery.estimates,
            "predictive": found.predictive, "checks": found.checks, "reference": found.reference,
            "remarks": _remarks(found.remarks()),
        }

    folder, tables = _published("calibrate", wish, problem, data, made)
    if wish.as_json:
        terminal.as_json({"data": data.name, "folder": str(folder), "summary": tables["summary"].to_dict("records"),
                          "recovery": tables["recovery"].to_dict("records"),
                          "remarks": tables["remarks"]["remark"].tolist()})
        return
    terminal.table(*text.posterior_table(tables["summary"]), numbers_from=2,
                   title=f"{data.title} · {int(tables['generations']['simulations'].sum()):,} simulations")
    _say(tables["remarks"], folder, wish)
    terminal.say(
        f"The posterior as parameters: valign run SCENARIO --parameters {folder / 'posterior.parquet'}", wish.quiet
    )


def rivals(wish: Request) -> None:
    from valign.calibration.calibrate import choose_model
    from valign.results import calibration_text as text

    data, problem = _problem(wish)

    def made(folder: Path, told: Callable[[int, int], None] | None) -> Tables:
        found = choose_model(data, wish.scenario, ranges(wish.free), wish.seed, simulations=wish.simulations,
                             progress=told)
        agree = ("Both methods put the same explanation first." if found.agree else
                 "The two methods put different explanations first: nothing is decided.")
        return {"shares": found.shares, "odds": found.odds, "confusion": found.confusion, "scores": found.scores,
                "folds": found.folds, "remarks": _remarks([*data.remarks, agree])}

    folder, tables = _published("rivals", wish, problem, data, made)
    if wish.as_json:
        terminal.as_json({"data": data.name, "folder": str(folder),
                          **{name: tables[name].to_dict("records") for name in ("shares", "confusion", "scores")}})
        return
    terminal.table(*text.rivals_table(tables), title=f"{data.title} · scores in communities not seen")
    _say(tables["remarks"], folder, wish)


def _problem(wish: Request) -> tuple[Any, Any]:
    """What was observed, and what is fitted to it."""
    from valign.calibration.data import load
    from valign.calibration.problem import Problem

    free, data = ranges(wish.free), load(wish.data)
    return data, Problem.of(data, wish.scenario, free)


def _work(command: str, wish: Request, problem: Any, data: Any) -> dict[str, Any]:
    """What is done, for the manifest: everything a result depends on."""
    import hashlib

    from valign.model.compiling import sources_hash

    digest = hashlib.blake2b(digest_size=8)
    for table in (data.people, data.ties):
        digest.update(b"" if table is None else table.to_csv(index=False).encode())
    digest.update(repr([(each.name, each.time.tolist(), each.share.tolist()) for each in data.series]).encode())
    digest.update(repr(data.patterns).encode())
    prior = problem.prior
    return {
        "command": command,
        "data": data.name,
        "data_hash": digest.hexdigest(),
        "scenario": problem.scenario.to_toml(),
        "free": {
            name: [float(low), float(high)] for name, low, high in zip(prior.names, prior.low, prior.high, strict=True)
        },
        "simulations": wish.simulations,
        "seed": wish.seed,
        "time_unit": data.time_unit,
        "code": sources_hash(),
    }


def _published(command: str, wish: Request, problem: Any, data: Any,
               made: Callable[[Path, Callable[[int, int], None] | None], Tables]) -> tuple[Path, Tables]:
    """Folder and tables of a calibration or of a comparison of rivals."""
    work = _work(command, wish, problem, data)
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
