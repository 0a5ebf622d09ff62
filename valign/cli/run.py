"""`valign run`, `levels` and `compare`: simulate, summarise, draw, save, print."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError, nearest
from valign.results import store

from . import terminal
from ..scenario_text import difference_in_words, for_report, paragraphs
from .job import REPORT, Job, Tables, carried_out, parameters_of

if TYPE_CHECKING:
    import pandas as pd

    from valign.model.scenario.scenario import Scenario

NOT_OUTCOMES = (
    "run",
    "seed",
    "society_seed",
    "status",
    "alignment_level",
    "innovation",
    "evidence_strength",
    "scenario",
)
RECORDS = ("series", "decomposition", "events", "agents", "ablations")
ABLATED = 64  # most runs of each ablation
SERIES_BYTES = 91 * 8 * 4  # a run and month: all series, and room to turn them into tables

Told = Callable[[int, int], None] | None


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


def setting(text: str, before: str = "--set ") -> tuple[str, Any]:
    """KEY=VALUE as typed: numbers, true, false and lists as in TOML, anything else is a word. before: for messages."""
    import tomllib

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError([f"{before}{text}: KEY=VALUE is wanted, for instance coproduction_intensity=0.3"])
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
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
    others: scenarios that the first is compared with.
    """

    command: str
    scenario: Scenario
    asked: Mapping[str, Any]
    ensembles: int
    settings: tuple[str, ...]
    simulated: Callable[[Told], Tables]
    description: str = ""
    others: tuple[Scenario, ...] = ()


def run(name: str, wish: Wish, drawn: Path | None = None) -> None:
    """drawn: a posterior (of `valign calibrate`) from which every run takes its parameters."""
    scenario = load(name, wish)
    record = wish.record
    if wrong := [each for each in record if each not in RECORDS]:
        near = nearest(wrong[0], list(RECORDS))
        raise InputError(
            [f"--record {wrong[0]}: allowed are {', '.join(RECORDS)}" + (f" (did you mean {near}?)" if near else "")]
        )
    ablate = "ablations" in record
    record = tuple(name for name in dict.fromkeys(("series", *record)) if name != "ablations")
    if ablate and drawn is not None:
        raise InputError(["--record ablations: not with --parameters, where every run has parameters of its own"])

    def simulated(told: Told) -> Tables:
        from valign.experiments.attribution import attribution
        from valign.experiments.simulate import simulate

        if drawn is None:
            tables = run_tables(simulate(scenario, wish.runs, wish.seed, wish.societies, record, progress=told))
            tables |= _society(scenario, tables["runs"])
            if ablate:
                count = min(ABLATED, len(tables["runs"]))
                nested = None if wish.societies is None else min(count, wish.societies)
                tables["attribution"] = attribution(scenario, count, wish.seed, nested, progress=told)
            return tables
        found = simulate(design, base=scenario, record=record, progress=told)
        return {**run_tables(found.parts[0][1]), "runs": found.runs}

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
                "a replay takes everything from the results: leave --runs, --societies, --seed, --months, "
                "--set, --record and --parameters out"
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
    _publish(Task("run", found.scenario, asked, 1, (), lambda _: run_tables(found.simulated())), wish)
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
    scenario = load(name, wish)
    wanted = None if chosen is None else _numbers("--levels", chosen, "0.55,0.7,0.85")
    strengths = None if evidence is None else _numbers("--evidence", evidence, "0.2,0.8")
    named = list(map(_innovation, innovations))
    others = dict(named) or None
    if others is not None and len(others) < len(named):
        raise InputError([f"--innovation: {[label for label, _ in named]}: each needs a label of its own"])
    asked: dict[str, Any] = {"levels": wanted}
    if others is not None:
        from valign.experiments.levels import innovations_of

        others = {scenario.innovation.name: {}} | others
        asked["innovations"] = {each: made.to_toml() for each, made in innovations_of(scenario, others).items()}

    def simulated(told: Told) -> Tables:
        from valign.experiments.levels import levels as at_levels

        return levels_tables(
            at_levels(
                scenario,
                wanted,
                wish.runs,
                wish.seed,
                wish.societies,
                innovations=others,
                evidence=strengths,
                progress=told,
            )
        )

    settings = ("alignment_level", *(("innovation.evidence_strength",) if strengths else ()))
    if strengths:
        asked["evidence"] = strengths
    ensembles = len(wanted or (1, 2, 3)) * len(strengths or (1,)) * len(others or (1,))
    _publish(Task("levels", scenario, asked, ensembles, settings, simulated), wish)


def _innovation(text: str) -> tuple[str, Any]:
    """SCENARIO, or LABEL: KEY=VALUE, KEY=VALUE."""
    from valign.model.scenario.scenario import Scenario

    name, colon, changes = text.partition(":")
    if not colon:
        return name, Scenario.load(name)
    return name.strip(), dict(setting(each, f"--innovation {name}:") for each in changes.split(","))


def compare(names: Sequence[str], precision: tuple[str, ...], wish: Wish) -> None:
    """names: scenarios, each perhaps with changes as in two-services+slack=0.3; precision: OUTCOME=HALF_WIDTH."""
    scenarios = {}
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
                "compare: two or more different scenarios are wanted, as in "
                "`valign compare two-services two-services+coproduction_intensity=0.4`"
            ]
        )
    wanted = dict(map(_precision, precision or ("uptake_final=0.01",)))

    from valign.experiments.simulate import tables_hash

    def simulated(told: Told) -> Tables:
        from valign.experiments.compare import compare as side_by_side

        return compare_tables(side_by_side(scenarios, wish.runs, wish.seed, wish.societies, progress=told), wanted)

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
    _publish(Task("compare", compared[0], asked, len(scenarios), (), simulated, told, compared[1:]), wish)


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
        raise InputError([f"--precision {text}: OUTCOME=HALF_WIDTH is wanted, as in --precision uptake_final=0.01"])
    return name, width


def _numbers(option: str, text: str, example: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError([f"{option} {text}: numbers with commas between are wanted, as in {example}"]) from None


def run_tables(outcomes: Any) -> dict[str, pd.DataFrame]:
    """The tables of an ensemble (`Outcomes`): runs, summary, curves and what was recorded."""
    from valign.results.summaries import summarise

    runs = outcomes.runs
    tables = {
        "runs": runs,
        "summary": summarise(runs, _outcome_columns(runs)),
        "curves": _curves(outcomes, {}),
        "series": outcomes.series,
    }
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


def levels_tables(found: Any) -> Tables:
    """The tables of a comparison of levels (`Levels`)."""
    import pandas as pd

    from valign.results.summaries import paired_differences, summarise_by

    curves = pd.concat([_curves(cell.outcomes, cell.factors) for cell in found.cells], ignore_index=True)
    outcomes, others = _outcome_columns(found.runs), list(found.factors[1:])
    differences = [
        paired_differences(part, outcomes, "alignment_level", found.levels[0]).assign(
            **dict(zip(others, values, strict=True))
        )
        for values, part in (found.runs.groupby(others, sort=False) if others else [((), found.runs)])
    ]
    tables = {
        "runs": found.runs,
        "summary": summarise_by(found.runs, outcomes, found.factors),
        "curves": curves,
        "differences": pd.concat(differences, ignore_index=True)[
            ["alignment_level", *others, *(name for name in differences[0] if name not in ("alignment_level", *others))]
        ],
    }
    return tables | ({"decomposition": found.decomposition} if len(found.decomposition) else {})


def compare_tables(found: Any, precision: Mapping[str, float]) -> Tables:
    """The tables of a `Comparison`; precision: wished half-widths by outcome."""
    import pandas as pd

    from valign.results.summaries import summarise_by

    pairs = [
        pair
        for pair in next(iter(found.outcomes.values())).variables()
        if pair[1] in ("engaged", "ever_engaged", "in_use", "alignment")
    ]
    return {
        "runs": found.runs,
        "summary": summarise_by(found.runs, _outcome_columns(found.runs), "scenario"),
        "curves": pd.concat(
            [_curves(each, {"scenario": name}) for name, each in found.outcomes.items()], ignore_index=True
        ),
        "differences": found.differences,
        "difference_curves": pd.concat([found.curves(*pair) for pair in pairs], ignore_index=True),
        "precision": pd.concat([found.runs_needed(*wish) for wish in precision.items()], ignore_index=True),
    }


def _curves(outcomes: Any, factors: Mapping[str, Any]) -> pd.DataFrame:
    from valign.results.summaries import curve_summaries

    pairs = {pair: outcomes.curves(*pair) for pair in outcomes.variables()}
    return curve_summaries(pairs, outcomes.runs["society_seed"]).assign(**factors)


def _outcome_columns(runs: pd.DataFrame) -> list[str]:
    return [name for name in runs.columns if name not in NOT_OUTCOMES]


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
        raise InputError(
            [
                f"--runs {runs}: the monthly series of so many runs need about {needed / 2**30:,.1f} GB of "
                f"memory, this machine has {there / 2**30:,.1f}; "
                f"up to {int(0.8 * there * runs / needed):,} runs fit"
            ]
        )


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

    def computed() -> Tables:
        with terminal.progress(scenario.name, quiet) as told:
            return {**task.simulated(told), "parameters": parameters_of(scenario)}

    beside = {name: path for each in (*task.others, scenario) for name, path in table_files(each).items()}
    tables = carried_out(
        Job(
            work,
            folder,
            scenario.title or scenario.name,
            task.description or for_report(scenario),
            computed,
            toml,
            task.settings,
            beside=beside,
        ),
        quiet,
    )
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
        f"{'Shown and kept' if shown else 'Figure'}: {picture}; report: {folder / REPORT}; tables: {folder}", wish.quiet
    )
