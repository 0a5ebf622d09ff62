"""`valign run` and `valign levels`: simulate, summarise, draw, save, print."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError, nearest
from valign.results import store

from . import terminal

if TYPE_CHECKING:
    import pandas as pd

    from valign.model.scenario import Scenario

SHOWN = ("runs", "summary", "curves", "differences", "observed")
RECORDS = ("series", "decomposition", "events", "agents")
SERIES_BYTES = 91 * 8 * 4  # a run and month: all series, and room to turn them into tables
DRAWN = (("all", "engaged"), ("all", "ever_engaged"), ("service", "in_use"))


@dataclass(frozen=True)
class Wish:
    """The options that `run` and `levels` share."""

    runs: int | None
    societies: int | None
    seed: int
    months: int | None
    settings: tuple[str, ...]
    record: tuple[str, ...]
    out: Path | None
    show: bool
    quiet: bool
    as_json: bool


def setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE as typed: numbers, true, false and lists as in TOML, anything else is a word."""
    import tomllib

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError([f"--set {text}: KEY=VALUE is wanted, for instance --set coproduction_intensity=0.3"])
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def load(name: str, wish: Wish) -> Scenario:
    """The scenario with the changes of the command line."""
    from valign.model.scenario import Scenario

    changes = dict(map(setting, wish.settings))
    if wish.months is not None:
        changes["months"] = wish.months
    scenario = Scenario.load(name)
    return scenario.replace(changes) if changes else scenario


def run(name: str, wish: Wish, drawn: Path | None = None) -> None:
    scenario = load(name, wish)
    record = wish.record
    if unknown := [each for each in record if each not in RECORDS]:
        near = nearest(unknown[0], list(RECORDS))
        raise InputError([f"--record {unknown[0]}: allowed are {', '.join(RECORDS)}"
                          + (f" (did you mean {near}?)" if near else "")])
    record = tuple(dict.fromkeys(("series", *record)))

    def simulated(told: Callable[[int, int], None] | None) -> dict[str, pd.DataFrame]:
        from valign.experiments.simulate import simulate

        if drawn is not None:
            outcomes = simulate(design, base=scenario, record=record, progress=told).parts[0][1]
            return {**run_tables(outcomes), "parameters": design.rename_axis("run").reset_index()}
        return run_tables(simulate(scenario, wish.runs, wish.seed, wish.societies, record, progress=told))

    asked: dict[str, Any] = {"record": list(record)}
    if drawn is not None:
        import hashlib

        from valign.calibration.calibrate import posterior_design

        design = posterior_design(drawn, scenario, scenario.runs if wish.runs is None else wish.runs, wish.seed,
                                  wish.societies)
        asked["parameters"] = hashlib.blake2b(drawn.read_bytes(), digest_size=8).hexdigest()
    _publish("run", scenario, wish, asked, simulated)


def levels(name: str, chosen: str | None, wish: Wish) -> None:
    scenario = load(name, wish)
    wanted = None if chosen is None else _numbers(chosen)

    def simulated(told: Callable[[int, int], None] | None) -> dict[str, pd.DataFrame]:
        from valign.experiments.levels import levels as at_levels

        return levels_tables(at_levels(scenario, wanted, wish.runs, wish.seed, wish.societies, progress=told))

    _publish("levels", scenario, wish, {"levels": wanted}, simulated)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError([f"--levels {text}: numbers with commas between are wanted, as in 0.55,0.7,0.85"]) from None


def run_tables(outcomes: Any) -> dict[str, pd.DataFrame]:
    """The tables of an ensemble (`Outcomes`): runs, summary, curves and what was recorded."""
    from valign.results.summaries import curve_summaries, summarise

    runs = outcomes.runs
    curves = curve_summaries({pair: outcomes.curves(*pair) for pair in outcomes.variables()}, runs["society_seed"])
    tables = {"runs": runs, "summary": summarise(runs, _outcome_columns(runs)), "curves": curves,
              "series": outcomes.series}
    for name in ("decomposition", "events", "agents"):
        table = getattr(outcomes, name)
        if len(table):
            tables[name] = table
    if "events" in tables:
        import json

        terms = [json.dumps(each, default=float) for each in tables["events"]["terms"]]
        tables["events"] = tables["events"].assign(terms=terms)
    if (seen := observed(outcomes.scenario)) is not None:
        tables["observed"] = seen
    return tables


def levels_tables(found: Any) -> dict[str, pd.DataFrame]:
    """The tables of a comparison of levels (`Levels`)."""
    import pandas as pd

    from valign.results.summaries import curve_summaries, paired_differences, summarise_by

    curves = pd.concat([
        curve_summaries({pair: each.curves(*pair) for pair in each.variables()}, each.runs["society_seed"])
        .assign(alignment_level=level) for level, each in zip(found.levels, found.outcomes, strict=True)],
        ignore_index=True)
    outcomes = _outcome_columns(found.runs)
    tables = {
        "runs": found.runs, "summary": summarise_by(found.runs, outcomes, "alignment_level"), "curves": curves,
        "differences": paired_differences(found.runs, outcomes, "alignment_level", found.levels[0]),
    }
    return tables | ({"decomposition": found.decomposition} if len(found.decomposition) else {})


def _outcome_columns(runs: pd.DataFrame) -> list[str]:
    return [name for name in runs.columns if name not in ("run", "seed", "society_seed", "status", "alignment_level")]


def observed(scenario: Scenario) -> pd.DataFrame | None:
    """The observed curve (month, share) of a scenario built on public data; None for others."""
    if scenario.tables is None or not getattr(scenario.tables, "data", None):
        return None
    from valign.experiments import data

    return data.observed_curve(scenario.tables.data)


def _check_memory(scenario: Scenario, runs: int, levels: int) -> None:
    """Refuse ensembles whose monthly series would not fit into memory, with what they would need."""
    if not isinstance(runs, int) or runs < 1:
        return  # `simulate` says what is wrong with it
    needed = runs * levels * (scenario.months + 1) * SERIES_BYTES
    from valign.experiments.simulate import machine_memory

    there = machine_memory()
    if needed > 0.8 * there:
        raise InputError([f"--runs {runs}: the monthly series of so many runs need about {needed / 2**30:,.1f} GB of "
                          f"memory, this machine has {there / 2**30:,.1f}; "
                          f"up to {int(0.8 * there * runs / needed):,} runs fit"])


def _publish(command: str, scenario: Scenario, wish: Wish, asked: Mapping[str, Any],
             simulated: Callable[[Callable[[int, int], None] | None], dict[str, pd.DataFrame]]) -> None:
    """Simulate unless the folder holds the same work already; save, draw, print."""
    from valign.model.compiling import sources_hash

    toml = scenario.to_toml()
    runs = scenario.runs if wish.runs is None else wish.runs
    work = {"command": command, "scenario": toml, "runs": runs, "seed": wish.seed, "societies": wish.societies,
            "code": sources_hash(), **asked}
    _check_memory(scenario, runs, len(asked.get("levels") or (1, 2, 3)) if command == "levels" else 1)
    folder = wish.out or store.default_folder(scenario.name, work)
    quiet = wish.quiet or wish.as_json
    if store.prepare(folder, work):
        terminal.say(f"{folder} holds this very work already; showing it", quiet)
        saved = store.load(folder)
        tables = {name: saved[name] for name in saved.manifest["tables"] if name in SHOWN}
    else:
        started = datetime.now(UTC)
        try:
            if not _compiled_before():
                terminal.say("Compiling the model, once on this machine: a minute or so", quiet)
            threading.Thread(target=_import_ahead, daemon=True).start()
            with terminal.progress(scenario.name, quiet) as told:
                tables = simulated(told)
        except BaseException:
            store.discard_if_empty(folder)
            raise
        _draw(command, scenario, tables, folder)
        store.save(folder, tables, work, scenario=toml, command=" ".join(["valign", *sys.argv[1:]]), started=started)
    _print(command, scenario, tables, folder, wish)


def _compiled_before() -> bool:
    """Whether this Python's compiled kernels are on disk (or nothing is compiled at all)."""
    from valign.model import compiling

    if not compiling.COMPILED:
        return True
    tag = f".py{sys.version_info.major}{sys.version_info.minor}.nbi"
    return compiling.CACHE is not None and any(Path(compiling.CACHE).rglob(f"engine.*{tag}"))


def _import_ahead() -> None:
    """Load what drawing and saving need while the kernels, which hold no lock, compute."""
    for name in ("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg",
                 "pyarrow.parquet"):
        import_module(name)


def _draw(command: str, scenario: Scenario, tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    from valign.results import figures

    curves, runs = tables["curves"], tables["runs"]
    title = scenario.title or scenario.name
    if command == "levels":
        curves = curves[[pair in DRAWN for pair in zip(curves["role"], curves["variable"], strict=True)]]
        each = len(runs) // runs["alignment_level"].nunique()
        figure = figures.levels_figure(curves, f"{title}: what the level of alignment does", each)
    elif "observed" in tables:
        figure = figures.observed_figure(curves, tables["observed"], f"{title}: simulated and observed", len(runs))
    else:
        figure = figures.run_figure(curves, title, len(runs))
    drawn = curves[curves["variable"].isin(["engaged", "ever_engaged", "in_use", "alignment"])]
    try:
        figures.save(figure, folder, command, drawn)
    except OSError as error:
        raise store.StoreError(f"cannot write to {folder}: {error.strerror or error}") from None


def _print(command: str, scenario: Scenario, tables: Mapping[str, pd.DataFrame], folder: Path, wish: Wish) -> None:
    from valign.results import report

    picture = folder / f"{command}.png"
    if wish.as_json:
        terminal.as_json({"scenario": scenario.name, "folder": str(folder), "figure": str(picture),
                          "summary": tables["summary"].to_dict("records"),
                          **({"differences": tables["differences"].to_dict("records")} if command == "levels" else {})})
        return
    if command == "levels":
        terminal.table(*report.levels_table(tables["summary"], tables["differences"]),
                       title=f"{scenario.title or scenario.name} · {report.counted(tables['runs'])}")
    else:
        terminal.table(*report.run_table(tables["summary"]),
                       title=f"{scenario.title or scenario.name} · {report.counted(tables['runs'])}")
    for remark in report.remarks(tables["runs"]):
        terminal.say(remark, wish.quiet)
    if "observed" in tables:
        terminal.say(report.misfit_in_words(tables["curves"], tables["observed"]), wish.quiet)
    shown = wish.show and terminal.show_picture(str(picture))
    terminal.say(f"{'Shown and kept' if shown else 'Figure'}: {picture}; tables: {folder}", wish.quiet)
