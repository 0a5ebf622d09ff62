"""`valign run`, `levels` and `compare`: simulate, summarise, draw, save, print."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from valign.model.errors import InputError, nearest
from valign.model.reading import TomlError, parse_toml
from valign.results import store

from ..scenario_text import difference_in_words, for_report, paragraphs
from . import terminal
from .job import REPORT, Job, Tables, carried_out, parameters_of
from .where import Where

if TYPE_CHECKING:
    import pandas as pd

    from valign.experiments.batch.batch import How
    from valign.model.scenario.scenario import Scenario

RECORDS = ("series", "decomposition", "events", "agents", "ablations")
ABLATED = 64  # most runs of each ablation
SERIES_BYTES = 91 * 8 * 4  # a run and month: all series, and room to turn them into tables

BEGUN, RUNS, ASKED = "kept", "runs", "asked.json"  # until all is done: a batch of the runs, and what it is for

KEPT_FROM = 5e6  # person-months: some ten seconds

Told = Callable[[int, int], None] | None
T = TypeVar("T")


@dataclass(frozen=True)
class Wish:
    """The options that `run`, `levels` and `compare` share."""

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
    where: Where | None = None


def setting(text: str, before: str = "--set ") -> tuple[str, Any]:
    """KEY=VALUE as typed: numbers, true, false and lists as in TOML, anything else is a word. before: for messages."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError([f"{before}{text}: expected KEY=VALUE, e.g. coproduction_intensity=0.3"])
    try:
        return key.strip(), parse_toml(f"value = {value}")["value"]
    except TomlError:
        return key.strip(), value.strip()


def load(name: str, wish: Wish) -> Scenario:
    """The scenario with the changes of the command line."""
    from valign.model.scenario.scenario import Scenario

    changes = dict(map(setting, wish.settings))
    if wish.months is not None:
        changes["months"] = wish.months
    scenario = Scenario.load(name)
    return scenario.replace(changes) if changes else scenario


@dataclass(frozen=True)
class Task:
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


def run(name: str, wish: Wish, drawn: Path | None = None) -> None:
    """drawn: a posterior (of `valign calibrate`) from which every run takes its parameters."""
    scenario = load(name, wish)
    record = wish.record
    if wrong := [each for each in record if each not in RECORDS]:
        near = nearest(wrong[0], list(RECORDS))
        raise InputError(
            [
                f"--record {wrong[0]}: expected one of {', '.join(RECORDS)}"
                + (f" (did you mean {near}?)" if near else "")
            ]
        )
    ablate = "ablations" in record
    record = tuple(name for name in dict.fromkeys(("series", *record)) if name != "ablations")
    if ablate and drawn is not None:
        raise InputError(["--record ablations cannot go with --parameters, where every run has its own parameters"])

    def simulated(told: Told, _: Path | None) -> Tables:
        from valign.experiments.attribution import attribution
        from valign.experiments.simulate import simulate

        if drawn is None:
            tables = simulate(scenario, wish.runs, wish.seed, wish.societies, record, progress=told).tables()
            tables |= _society(scenario, tables["runs"])
            if ablate:
                count = min(ABLATED, len(tables["runs"]))
                nested = None if wish.societies is None else min(count, wish.societies)
                tables["attribution"] = attribution(scenario, count, wish.seed, nested, progress=told)
            return tables
        found = simulate(design, base=scenario, record=record, progress=told)
        return {**found.parts[0][1].tables(), "runs": found.runs}

    asked: dict[str, Any] = {"record": [*record, *(["ablations"] if ablate else [])]}
    settings: tuple[str, ...] = ()
    if drawn is not None:
        from valign.calibration.calibrate import posterior_design
        from valign.experiments.design import SEEDS

        design = posterior_design(
            drawn, scenario, scenario.runs if wish.runs is None else wish.runs, wish.seed, wish.societies
        )
        settings = tuple(name for name in design if name not in SEEDS)
        asked["posterior"] = hashlib.blake2b(drawn.read_bytes(), digest_size=8).hexdigest()
    _publish(Task("run", scenario, asked, 1, settings, simulated), wish)


def replay(name: str | None, folder: Path | None, row: int | None, wish: Wish, *others: object) -> None:
    """Rerun one row of earlier results with everything recorded; its outcomes must be the same bits.

    others : options that a replay does not take either, None where they were not given.
    """
    from valign.experiments.batch.replay import replayed

    if folder is None or row is None:
        raise InputError(["--replay DIR and --row N go together"])
    if (
        any(each is not None for each in (wish.runs, wish.societies, wish.months, *others))
        or wish.settings
        or wish.record
    ):
        raise InputError(
            [
                "a replay takes everything from the results: leave out --runs, --societies, --seed, "
                "--months, --set, --record and --parameters"
            ]
        )
    found = replayed(folder, row)
    if name is not None and load(name, wish).name != found.scenario.name:
        raise InputError([f"{folder} holds runs of {found.scenario.name!r}, not of {name!r}"])
    asked = {
        "record": list(RECORDS[:4]),
        "replay": {"row": row, "settings": found.settings, "seed": found.seed, "society_seed": found.society_seed},
    }
    wish = replace(wish, runs=1, seed=found.seed, out=wish.out or Path("runs") / f"{folder.name}-row-{row}")
    _publish(Task("run", found.scenario, asked, 1, (), lambda *_: found.simulated().tables()), wish)
    terminal.say(
        f"Row {row} of {folder}, bit for bit; agents.parquet and events.parquet hold everybody's months and decisions",
        wish.quiet,
    )


def _society(scenario: Scenario, runs: pd.DataFrame) -> Tables:
    """The society of the first run that did not fail."""
    from valign.experiments.snapshot import snapshot

    first = runs[runs["status"] == "ok"].iloc[0]
    return snapshot(scenario, int(first["seed"]), int(first["society_seed"]))


def levels(name: str, chosen: str | None, innovations: tuple[str, ...], evidence: str | None, wish: Wish) -> None:
    """innovations: NAME (a scenario whose innovation is taken) or LABEL: KEY=VALUE, ...; evidence: strengths."""
    scenario, how = load(name, wish), _how(wish)
    wanted = None if chosen is None else _numbers("--levels", chosen, "0.55,0.7,0.85")
    strengths = None if evidence is None else _numbers("--evidence", evidence, "0.2,0.8")
    named = list(map(_innovation, innovations))
    others = dict(named) or None
    if others is not None and len(others) < len(named):
        raise InputError([f"--innovation: {', '.join(label for label, _ in named)}: each needs its own label"])
    asked: dict[str, Any] = {"levels": wanted}
    if others is not None:
        from valign.experiments.levels import innovations_of

        others = {scenario.innovation.name: {}} | others
        asked["innovations"] = {each: made.to_toml() for each, made in innovations_of(scenario, others).items()}

    def simulated(told: Told, begun: Path | None) -> Tables:
        from valign.experiments.levels import levels as at_levels

        return at_levels(
            scenario,
            wanted,
            wish.runs,
            wish.seed,
            wish.societies,
            innovations=others,
            evidence=strengths,
            progress=told,
            folder=begun,
            how=how,
        ).tables()

    settings = ("alignment_level", *(("innovation.evidence_strength",) if strengths else ()))
    if strengths:
        asked["evidence"] = strengths
    ensembles = len(wanted or (1, 2, 3)) * len(strengths or (1,)) * len(others or (1,))
    _publish(Task("levels", scenario, asked, ensembles, settings, simulated, begun=BEGUN), wish)


def _innovation(text: str) -> tuple[str, Any]:
    """SCENARIO, or LABEL: KEY=VALUE, KEY=VALUE."""
    from valign.model.scenario.scenario import Scenario

    name, colon, changes = text.partition(":")
    if not colon:
        return name, Scenario.load(name)
    return name.strip(), dict(setting(each, f"--innovation {name}:") for each in changes.split(","))


def compare(names: Sequence[str], precision: tuple[str, ...], wish: Wish) -> None:
    """names: scenarios, each perhaps with changes as in two-services+slack=0.3; precision: OUTCOME=HALF_WIDTH."""
    scenarios, how = {}, _how(wish)
    first, *_ = _parts(names[0])
    for text in names:
        name, *changes = _parts(text)
        scenario = load(name, wish)
        own = name == first and changes  # changes of the first scenario are known by the changes
        scenarios[", ".join(changes) if own else text] = (
            scenario.replace(dict(setting(each, f"{name}+") for each in changes)) if changes else scenario
        )
    if len(scenarios) < 2 or len(scenarios) < len(names):
        raise InputError(
            [
                "compare: expected two or more different scenarios, e.g. "
                "`valign compare two-services two-services+coproduction_intensity=0.4`"
            ]
        )
    wanted = dict(map(_precision, precision or ("uptake_final=0.01",)))

    from valign.experiments.simulate import tables_hash

    def simulated(told: Told, begun: Path | None) -> Tables:
        from valign.experiments.compare import compare as side_by_side

        found = side_by_side(scenarios, wish.runs, wish.seed, wish.societies, progress=told, folder=begun, how=how)
        return found.tables(wanted)

    base, *others = scenarios
    situation, *rest = paragraphs(scenarios[base])
    told = "\n\n".join(
        [
            f"{base}: {situation}",
            *(difference_in_words(scenarios[base], scenarios[each], each) for each in others),
            *rest,
        ]
    )
    asked = {
        "scenarios": {name: each.to_toml() for name, each in scenarios.items()},
        "tables": {name: tables_hash(each) for name, each in scenarios.items()},
        "precision": wanted,
    }
    compared = tuple(scenarios.values())
    _publish(Task("compare", compared[0], asked, len(scenarios), (), simulated, told, compared[1:], BEGUN), wish)


def _parts(text: str) -> list[str]:
    """SCENARIO and its changes; the plus sign of a number, as in 1e+1, parts nothing."""
    return re.split(r"\+(?=[A-Za-z])", text)


def _precision(text: str) -> tuple[str, float]:
    from valign.model.errors import unknown
    from valign.model.outcomes import OUTCOMES

    name, _, number = text.partition("=")
    if name not in OUTCOMES:
        raise InputError([f"--precision {unknown(name, OUTCOMES, 'outcome')}"])
    try:
        width = float(number)
    except ValueError:
        width = 0.0
    if not 0 < width < float("inf"):
        raise InputError([f"--precision {text}: expected OUTCOME=HALF_WIDTH, e.g. --precision uptake_final=0.01"])
    return name, width


def _numbers(option: str, text: str, example: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError([f"{option} {text}: expected numbers separated by commas, e.g. {example}"]) from None


def _check_memory(scenario: Scenario, runs: int, levels: int) -> None:
    """Refuse ensembles whose monthly series would not fit into memory, with what they would need."""
    if not isinstance(runs, int) or runs < 1:
        return  # `simulate` says what is wrong with it
    needed = runs * levels * (scenario.months + 1) * SERIES_BYTES
    from valign.experiments.simulate import machine_memory

    there = machine_memory()
    if needed > 0.8 * there:
        raise InputError(
            [
                f"--runs {runs}: the monthly series of this many runs need about {needed / 2**30:,.1f} GB "
                f"of memory, and this machine has {there / 2**30:,.1f} GB; "
                f"at most {int(0.8 * there * runs / needed):,} runs fit"
            ]
        )


def _how(wish: Wish) -> How:
    from valign.experiments.batch.batch import How

    return How() if wish.where is None else wish.where.how()


def resume(folder: Path, where: Where) -> None:
    """Go on with `valign levels` or `compare` that was stopped, as it was asked for."""
    from valign.experiments.batch import batch as batches
    from valign.experiments.batch.kept import KeptOutcomes
    from valign.experiments.compare import Comparison
    from valign.experiments.levels import Levels
    from valign.model.scenario.scenario import Scenario

    kept = folder / BEGUN
    asked = json.loads((kept / ASKED).read_text("utf-8"))
    quiet = where.quiet or where.as_json

    def computed() -> Tables:
        with terminal.progress(asked["title"], quiet) as told:
            found = KeptOutcomes(_told_where(folder, lambda: batches.resume(kept / RUNS, where.how(), told)))
        scenario = Scenario.from_toml(asked["work"]["scenario"], str(kept / ASKED))
        made = Levels(found, scenario) if asked["work"]["command"] == "levels" else Comparison(found)
        made.check()
        tables = made.tables(asked["work"]["precision"]) if isinstance(made, Comparison) else made.tables()
        return {**tables, "parameters": parameters_of(scenario)}

    beside = {name: kept / RUNS / name for name in asked["beside"]}
    job = Job(folder=folder, computed=computed, begun=BEGUN, **{**asked, "beside": beside})
    tables = carried_out(job, quiet)
    wish = Wish(None, None, 1, None, (), (), folder, False, where.quiet, where.as_json)
    _print(asked["work"]["command"], Scenario.from_toml(asked["work"]["scenario"]), tables, folder, wish)


def _worth_keeping(task: Task, runs: int, wish: Wish) -> bool:
    """Whether runs are kept as they are finished: writing and reading them takes longer than a small ensemble."""
    elsewhere = wish.where is not None and (wish.where.workers is not None or wish.where.cluster is not None)
    person_months = sum(each.people() * each.months for each in (task.scenario, *task.others))
    of_all = person_months * runs * task.ensembles / (1 + len(task.others))
    return bool(task.begun) and (elsewhere or of_all >= KEPT_FROM)


def _told_where(folder: Path, go_on: Callable[[], T]) -> T:
    """The message of an interruption names the folder that was asked for, not the one in it."""
    from valign.experiments.batch.batch import Interrupted

    try:
        return go_on()
    except Interrupted:
        again = shlex.join(["valign", "resume", str(folder)])
        raise KeyboardInterrupt(f"interrupted; what is finished is kept: `{again}` goes on") from None


def _publish(task: Task, wish: Wish) -> None:
    """Simulate unless the folder holds the same work already; save, draw, print."""
    from valign.experiments.simulate import table_files, tables_hash
    from valign.model.compiled.compiling import sources_hash

    scenario = task.scenario
    toml = scenario.to_toml()
    runs = scenario.runs if wish.runs is None else wish.runs
    work = {
        "command": task.command,
        "scenario": toml,
        "runs": runs,
        "seed": wish.seed,
        "societies": wish.societies,
        "code": sources_hash(),
        "tables": tables_hash(scenario),
        **task.asked,
    }
    _check_memory(scenario, runs, task.ensembles)
    folder = wish.out or store.default_folder(scenario.name, work)
    quiet = wish.quiet or wish.as_json

    beside = {name: path for each in (*task.others, scenario) for name, path in table_files(each).items()}
    told: dict[str, Any] = {
        "work": work,
        "title": scenario.title or scenario.name,
        "description": task.description or for_report(scenario),
        "scenario": toml,
        "settings": task.settings,
    }

    def computed() -> Tables:
        begun = folder / BEGUN if _worth_keeping(task, runs, wish) or (folder / BEGUN).exists() else None
        if begun is not None:
            begun.mkdir(exist_ok=True)
            store.replace(begun / ASKED, json.dumps(told | {"beside": list(beside)}).encode())
        try:
            with terminal.progress(scenario.name, quiet) as progress:
                tables = _told_where(folder, lambda: task.simulated(progress, begun and begun / RUNS))
        finally:
            if begun is not None and not (begun / RUNS).exists():  # nothing was begun
                shutil.rmtree(begun)
        return {**tables, "parameters": parameters_of(scenario)}

    tables = carried_out(Job(folder=folder, computed=computed, begun=task.begun, beside=beside, **told), quiet)
    _print(task.command, scenario, tables, folder, wish)


def _print(command: str, scenario: Scenario, tables: Mapping[str, pd.DataFrame], folder: Path, wish: Wish) -> None:
    from valign.results.reports import rows as report

    picture = folder / f"{command}.png"
    if wish.as_json:
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
    terminal.table(
        *report.main_table(command, tables),
        title=f"{scenario.title or scenario.name} · {report.counted(tables['runs'])}",
    )
    for remark in report.remarks(tables["runs"]):
        terminal.say(remark, wish.quiet)
    if "observed" in tables:
        terminal.say(report.misfit_in_words(tables["curves"], tables["observed"]), wish.quiet)
    if "precision" in tables:
        for sentence in report.precision_in_words(tables["precision"]):
            terminal.say(sentence, wish.quiet)
    shown = wish.show and terminal.show_picture(str(picture))
    terminal.say(
        f"{'Shown and saved' if shown else 'Figure'}: {picture}; report: {folder / REPORT}; tables: {folder}",
        wish.quiet,
    )
