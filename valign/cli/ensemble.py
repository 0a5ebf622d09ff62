"""An ensemble on the command line: simulated unless its folder holds it already; saved, drawn, printed, resumed."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from valign.model.errors import InputError

from ..scenario_text import for_report
from . import terminal
from .job import Job, Tables, carried_out, parameters_of, say_where
from .options import EnsembleOptions
from .where import Where

if TYPE_CHECKING:
    import pandas as pd

    from valign.model.scenario.scenario import Scenario

SERIES_BYTES = 91 * 8 * 4  # a run and month: all series, and room to turn them into tables
BEGUN, RUNS, ASKED = "kept", "runs", "asked.json"  # until all is done: a batch of the runs, and what it is for
SHOWN = 5  # settings named in a sentence
KEPT_FROM = 5e6  # person-months: some ten seconds

Told = Callable[[int, int], None] | None
T = TypeVar("T")


@dataclass(frozen=True)
class EnsembleCommand:
    """What a command does: its name, the (first) scenario, what else was asked, and how the tables come about.

    ensembles: how many times `runs` runs are simulated. settings: columns of `runs` that are settings of the scenario.
    others: scenarios that the first is compared with. begun: the folder (of the results') that keeps unfinished runs.
    simulated takes who is told of the progress, and that folder.
    """

    command: str
    scenario: Scenario
    asked: Mapping[str, Any]
    ensembles: int
    settings: tuple[str, ...]
    simulated: Callable[[Told, Path | None], Tables]
    description: str = ""
    others: tuple[Scenario, ...] = ()
    begun: str = ""


def say_what(scenario: Scenario, ensembles: int, options: EnsembleOptions) -> None:
    """Say what will be simulated, before anything that takes long to load."""
    runs = options.count(scenario)
    if runs > 0:
        where = ""
        if options.worlds is not None:
            from valign.experiments.default_worlds import called

            where = f" in {options.worlds:,} {called()}"
        terminal.say(f"{scenario.name}: {ensembles * runs:,} runs of {scenario.months} months{where}", options.silent)


def _check_memory(scenario: Scenario, runs: int, levels: int) -> None:
    """Refuse ensembles whose monthly series would not fit into memory, with what they would need."""
    if not isinstance(runs, int) or runs < 1:
        return  # `simulate` says what is wrong with it
    needed = runs * levels * (scenario.months + 1) * SERIES_BYTES
    from valign.experiments.blocks import machine_memory

    there = machine_memory()
    if needed > 0.8 * there:
        raise InputError(
            [
                f"--runs {runs}: the monthly series of this many runs need about {needed / 2**30:,.1f} GB "
                f"of memory, and this machine has {there / 2**30:,.1f} GB; "
                f"at most {int(0.8 * there * runs / needed):,} runs fit"
            ]
        )


def resume(folder: Path, where: Where) -> None:
    """Go on with `valign levels` or `compare` that was stopped, as it was asked for."""
    from valign.experiments.batch import batch
    from valign.experiments.batch.kept import KeptOutcomes
    from valign.experiments.compare import Comparison
    from valign.experiments.levels import Levels
    from valign.model.scenario.scenario import Scenario

    kept = folder / BEGUN
    asked = json.loads((kept / ASKED).read_text("utf-8"))
    quiet = where.quiet or where.as_json

    def computed() -> Tables:
        with terminal.progress(asked["title"], quiet) as told:
            found = KeptOutcomes(_told_where(folder, lambda: batch.resume(kept / RUNS, where.how(), told)))
        scenario = Scenario.from_toml(asked["work"]["scenario"], str(kept / ASKED))
        made = Levels(found, scenario) if asked["work"]["command"] == "levels" else Comparison(found)
        made.check()
        tables = made.tables(asked["work"]["precision"]) if isinstance(made, Comparison) else made.tables()
        return {**tables, "parameters": parameters_of(scenario)}

    beside = {name: kept / RUNS / name for name in asked["beside"]}
    job = Job(folder=folder, computed=computed, begun=BEGUN, **{**asked, "beside": beside})
    tables = carried_out(job, quiet)
    options = EnsembleOptions(1, None, (), folder, False, where.quiet, where.as_json)
    _print(asked["work"]["command"], Scenario.from_toml(asked["work"]["scenario"]), tables, folder, options)


def _worth_keeping(ensemble: EnsembleCommand, runs: int, options: EnsembleOptions) -> bool:
    """Whether runs are kept as they are finished: writing and reading them takes longer than a small ensemble."""
    elsewhere = options.where is not None and (options.where.workers is not None or options.where.cluster is not None)
    person_months = sum(each.people() * each.months for each in (ensemble.scenario, *ensemble.others))
    of_all = person_months * runs * ensemble.ensembles / (1 + len(ensemble.others))
    return bool(ensemble.begun) and (elsewhere or of_all >= KEPT_FROM)


def _told_where(folder: Path, go_on: Callable[[], T]) -> T:
    """The message of an interruption names the folder that was asked for, not the one in it."""
    from valign.experiments.batch.batch import Interrupted

    try:
        return go_on()
    except Interrupted:
        again = shlex.join(["valign", "resume", str(folder)])
        raise KeyboardInterrupt(f"interrupted; what is finished is kept: `{again}` goes on") from None


def _of_worlds(options: EnsembleOptions) -> dict[str, Any]:
    """What worlds the runs are made in, where they are."""
    if options.worlds is None:
        return {}
    from valign.experiments.worlds import alike
    from valign.results.checkpoint import content_hash

    table = alike(options.worlds)
    return {"worlds": options.worlds, "of_worlds": content_hash(",".join(table).encode(), table.to_numpy().tobytes())}


def _stays(scenario: Scenario) -> str:
    """What does not differ between worlds, since the scenario says it itself; empty where there is nothing."""
    from valign.experiments.worlds import said_itself
    from valign.results.vocabulary import listed, setting_label

    if not (own := said_itself(scenario)):
        return ""
    named = listed([setting_label(name) for name in own[:SHOWN]])
    more = f" and {len(own) - SHOWN} more" if len(own) > SHOWN else ""
    return f"The same in all worlds, since the scenario sets it itself: {named}{more}."


def publish(ensemble: EnsembleCommand, options: EnsembleOptions) -> None:
    """Simulate unless the folder holds the same work already; save, draw, print."""
    from valign.experiments.bases import table_files, tables_hash
    from valign.model.compiled.compiling import sources_hash
    from valign.results import store

    scenario = ensemble.scenario
    toml = scenario.to_toml()
    runs = options.count(scenario)
    work = {
        "command": ensemble.command,
        "scenario": toml,
        "runs": options.each(scenario),
        "seed": options.seed,
        "societies": options.societies,
        "code": sources_hash(),
        "tables": tables_hash(scenario),
        **ensemble.asked,
        **_of_worlds(options),
    }
    _check_memory(scenario, runs, ensemble.ensembles)
    folder = options.out or store.default_folder(scenario.name, work)
    beside = {name: path for each in (*ensemble.others, scenario) for name, path in table_files(each).items()}
    stays = "" if options.worlds is None else _stays(scenario)
    told: dict[str, Any] = {
        "work": work,
        "title": scenario.title or scenario.name,
        "description": "\n\n".join(filter(None, [ensemble.description or for_report(scenario), stays])),
        "scenario": toml,
        "settings": ensemble.settings,
    }

    def computed() -> Tables:
        begun = folder / BEGUN if _worth_keeping(ensemble, runs, options) or (folder / BEGUN).exists() else None
        if begun is not None:
            begun.mkdir(exist_ok=True)
            store.replace(begun / ASKED, json.dumps(told | {"beside": list(beside)}).encode())
        try:
            with terminal.progress(scenario.name, options.silent) as progress:
                tables = _told_where(folder, lambda: ensemble.simulated(progress, begun and begun / RUNS))
        finally:
            if begun is not None and not (begun / RUNS).exists():  # nothing was begun
                shutil.rmtree(begun)
        return {**tables, "parameters": parameters_of(scenario)}

    tables = carried_out(
        Job(folder=folder, computed=computed, begun=ensemble.begun, beside=beside, **told), options.silent
    )
    _print(ensemble.command, scenario, tables, folder, options)
    if stays:
        terminal.say(stays, options.silent)


def _print(
    command: str, scenario: Scenario, tables: Mapping[str, pd.DataFrame], folder: Path, options: EnsembleOptions
) -> None:
    from valign.results.figures.common import in_worlds
    from valign.results.reports.findings import misfit_in_words, precision_in_words, remarks
    from valign.results.reports.rows import counted, main_table

    picture = folder / f"{command}.png"
    if options.as_json:
        terminal.as_json(
            {
                "scenario": scenario.name,
                "folder": str(folder),
                "figure": str(picture),
                **{
                    name: tables[name].to_dict("records")
                    for name in ("summary", "differences", "precision")
                    if name in tables
                },
            }
        )
        return
    title = f"{scenario.title or scenario.name} · {counted(tables['runs'])}"
    terminal.table(*main_table(command, tables, short=True), title=title)
    if in_worlds(tables["summary"]):
        terminal.show("In brackets: not knowing | chance.")
    for remark in remarks(tables["runs"]):
        terminal.say(remark, options.quiet)
    if "observed" in tables:
        terminal.say(misfit_in_words(tables["curves"], tables["observed"]), options.quiet)
    if "precision" in tables:
        for sentence in precision_in_words(tables["precision"]):
            terminal.say(sentence, options.quiet)
    say_where(folder, picture, options.show, options.quiet)
