"""How every computation begins and ends: the folder, what compiling takes, tables, figures, report."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import terminal

if TYPE_CHECKING:
    import pandas as pd

    from valign.model.scenario.scenario import Scenario

Tables = dict[str, "pd.DataFrame"]
REPORT = "report.html"
UNFINISHED = "unfinished"  # the folder of finished parts; it goes when all is saved
KEPT = "simulations"  # the same where it stays, so that more of the same work can go on from it


@dataclass(frozen=True)
class Job:
    """A piece of work.

    work : everything that a result depends on. folder : where results go. title, description : of the report, the
    scenario in words. computed : makes the tables. scenario : as TOML. settings : columns of `runs` that are settings.
    long : tables that are kept as Parquet alone. begun : a folder in `folder` that unfinished work leaves.
    beside : files that the scenario needs, to be kept by these names. grows : entries of the work that may grow: a
    folder with less of them is gone on from.
    """

    work: Mapping[str, Any]
    folder: Path
    title: str
    description: str
    computed: Callable[[], Tables]
    scenario: str | None = None
    settings: Sequence[str] = ()
    long: tuple[str, ...] = ("series", "decomposition", "services", "agents")
    begun: str = ""
    beside: Mapping[str, Path] = field(default_factory=dict)
    grows: tuple[str, ...] = ()


def carried_out(job: Job, quiet: bool) -> Tables:
    """The tables of a piece of work: read where its folder holds them already, else computed, saved and reported.

    Raises StoreError where the folder holds something else or cannot be written.
    """
    from valign.results.checkpoint import locked

    with locked(job.folder):
        return _carried_out(job, quiet)


def _carried_out(job: Job, quiet: bool) -> Tables:
    from valign.results import store
    from valign.results.figures.helper import HELPER
    from valign.results.reports import render
    from valign.results.saved import load

    folder = job.folder
    if goes_on(job):
        terminal.say(f"Going on from what is kept in {parts_folder(folder)}", quiet)
    elif unfinished(job):
        terminal.say(f"Continuing from what is finished in {folder / job.begun}", quiet)
    elif store.prepare(folder, job.work):
        terminal.say(f"{folder} already holds these results; showing them", quiet)
        if not (folder / REPORT).exists():
            render.rebuild(folder)
        return render.shown(load(folder))
    started = datetime.now(UTC)
    try:
        say_if_compiling(quiet)
        tables = job.computed()
        store.save(
            folder,
            tables,
            job.work,
            scenario=job.scenario,
            command=as_typed(),
            started=started,
            settings=job.settings,
            description=job.description,
            title=job.title,
            only_parquet=job.long,
            beside=job.beside,
        )
        if job.grows and (folder / job.begun).is_dir():
            shutil.rmtree(folder / KEPT, ignore_errors=True)
            (folder / job.begun).rename(folder / KEPT)
        elif job.begun:
            shutil.rmtree(folder / job.begun, ignore_errors=True)
        render.rebuild(folder, tables, HELPER.get())
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(str(interrupt) or left(job)) from None
    return tables


def left(job: Job) -> str:
    """What an interrupted piece of work has left in its folder; empty where it left nothing."""
    from valign.results import store

    folder = job.folder
    saving = store.has_manifest(folder)
    if saving and store.read_manifest(folder)["status"] == "done":
        return f"interrupted; the tables are in {folder}, but not the report: run the same command to make it"
    if job.begun and (folder / job.begun).is_dir():
        return f"interrupted; what is finished is kept in {folder / job.begun}: run the same command to go on"
    return f"interrupted; what {folder} holds is incomplete: run the same command to redo it" if saving else ""


def goes_on(job: Job) -> bool:
    """Whether the folder holds finished work that is the same but for being less."""
    from valign.results import store
    from valign.results.checkpoint import work_hash

    if not job.grows or not parts_folder(job.folder).is_dir() or not store.has_manifest(job.folder):
        return False
    before: dict[str, Any] = store.read_manifest(job.folder)["work"]
    same = {key: value for key, value in before.items() if key not in job.grows}
    less = [float(before.get(key, 0)) for key in job.grows], [float(job.work.get(key, 0)) for key in job.grows]
    return (
        work_hash(same) == work_hash({key: value for key, value in job.work.items() if key not in job.grows})
        and less[0] != less[1]
        and all(old <= new for old, new in zip(*less, strict=True))
    )


def parts_folder(folder: Path) -> Path:
    """Where the finished parts of work that may grow are."""
    return folder / (KEPT if (folder / KEPT).is_dir() else UNFINISHED)


def unfinished(job: Job) -> bool:
    """Whether the folder holds the beginning of such work."""
    from valign.results import store

    return bool(job.begun) and (job.folder / job.begun).is_dir() and not store.has_manifest(job.folder)


def say_where(folder: Path, picture: Path, show: bool, quiet: bool) -> None:
    """Show the picture where that was asked for, and say where everything is."""
    shown = show and terminal.show_picture(str(picture))
    what = "Shown and saved" if shown else "Figure"
    terminal.say(f"{what}: {picture}; report: {folder / REPORT}; tables: {folder}", quiet)


def as_typed() -> str:
    """The command line, for the manifest: to be pasted into a shell."""
    return shlex.join(["valign", *terminal.TYPED.get(sys.argv[1:])])


def say_if_compiling(quiet: bool) -> None:
    """Say if the model has to be compiled before anything is simulated."""
    from valign.model.compiled import engine

    if not all(map(engine.has_machine_code, engine.KINDS)) and (why := engine.why_not_webassembly()):
        terminal.say(f"Compiling the model, once on this machine; this takes about a minute ({why})", quiet)


def parameters_of(scenario: Scenario) -> pd.DataFrame:
    """Every parameter with the scenario's value, and what is known of it."""
    import pandas as pd

    from valign.model.parameters import PARAMETERS

    return pd.DataFrame(
        [
            {
                "name": name,
                "value": scenario.value(name),
                "default": p.default,
                "low": p.low,
                "high": p.high,
                "unit": p.unit,
                "meaning": p.meaning,
                "grade": p.grade,
                "source": p.source,
            }
            for name, p in PARAMETERS.items()
        ]
    )


def report(folder: Path, brief: bool = False) -> Path:
    """Draw figures and report of a folder anew, or make its one-page brief.

    A batch, which keeps runs alone, is told of its scenario first.
    """
    from valign.model.scenario.scenario import Scenario
    from valign.results import store
    from valign.results.checkpoint import locked
    from valign.results.reports import render
    from valign.results.saved import Saved

    from ..scenario_text import for_report

    saved = Saved(folder)
    saved.check()
    manifest = saved.manifest
    with locked(folder):
        if (
            manifest["status"] == "done"
            and manifest["work"].get("command") == "batch"
            and "parameters" not in manifest["tables"]
        ):
            scenario = Scenario.load(folder / "scenario.toml")
            store.add(
                folder,
                "parameters",
                parameters_of(scenario),
                description=for_report(scenario),
                title=scenario.title or scenario.name,
            )
        return render.rebuild(folder, name="brief.html" if brief else "report.html")
