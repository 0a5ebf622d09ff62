"""`valign run`, `levels` and `compare`: simulate, summarise, draw, save, print."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError, nearest

from ..scenario_text import difference_in_words, paragraphs
from . import terminal
from .ensemble import BEGUN, EnsembleCommand, Told, publish, say_what
from .job import Tables
from .options import EnsembleOptions, innovation_of, numbers_of, precision_of, setting, split_changes

if TYPE_CHECKING:
    import pandas as pd

    from valign.model.scenario.scenario import Scenario

RECORDED = ("series", "decomposition", "events", "services", "agents", "ablations")
BESIDE = ("services",)  # that a comparison may record beside its series
ABLATED = 64  # most runs of each ablation


def run(name: str, options: EnsembleOptions, drawn: Path | None = None) -> None:
    """drawn: a posterior (of `valign calibrate`) from which every run takes its parameters."""
    scenario = options.scenario(name)
    record = options.record
    if wrong := [each for each in record if each not in RECORDED]:
        near = nearest(wrong[0], list(RECORDED))
        raise InputError(
            [
                f"--record {wrong[0]}: expected one of {', '.join(RECORDED)}"
                + (f" (did you mean {near}?)" if near else "")
            ]
        )
    ablate = "ablations" in record
    record = tuple(name for name in dict.fromkeys(("series", *record)) if name != "ablations")
    if ablate and drawn is not None:
        raise InputError(["--record ablations cannot go with --parameters, where every run has its own parameters"])
    if options.worlds is not None:
        _check_in_worlds(record, drawn, ablate)
    say_what(scenario, 1, options)

    def simulated(told: Told, _: Path | None) -> Tables:
        from valign.experiments.outcomes import FailedRunsWarning, check_possible
        from valign.experiments.side_by_side import CellOutcomes
        from valign.experiments.simulate import simulate

        if options.worlds is not None:
            runs, seed, of = options.each(scenario), options.seed, options.societies
            made = simulate(scenario, runs, seed, of, record, worlds=options.worlds, progress=told)
            cell = CellOutcomes(made, made.runs.index.to_numpy())
            check_possible(cell.runs)
            return cell.tables()
        if drawn is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FailedRunsWarning)  # what is printed in the end says it
                found = simulate(scenario, options.runs, options.seed, options.societies, record, progress=told)
            tables = found.tables()
            tables |= _society(scenario, tables["runs"])
            if "services" in record:
                from valign.experiments.by_service import by_service, names_of

                tables["by_service"] = by_service(tables["services"], {None: names_of(scenario)})
            if ablate:
                from valign.experiments.attribution import attribution

                count = min(ABLATED, len(tables["runs"]))
                nested = None if options.societies is None else min(count, options.societies)
                tables["attribution"] = attribution(scenario, count, options.seed, nested, progress=told)
            return tables
        found = simulate(design, base=scenario, record=record, progress=told)
        return {**found.parts[0][1].tables(), "runs": found.runs}

    asked: dict[str, Any] = {"record": [*record, *(["ablations"] if ablate else [])]}
    settings: tuple[str, ...] = ()
    if drawn is not None:
        from valign.calibration.exported import posterior_design
        from valign.experiments.design import NO_SETTINGS
        from valign.results.marks import mark_of

        design = posterior_design(
            drawn, scenario, scenario.runs if options.runs is None else options.runs, options.seed, options.societies
        )
        if not (mark := mark_of(design)).get("fits", True):
            terminal.say(f"{drawn} is of a model that does not fit its data. {mark.get('said', '')}", options.quiet)
        settings = tuple(name for name in design if name not in NO_SETTINGS)
        asked["posterior"] = hashlib.blake2b(drawn.read_bytes(), digest_size=8).hexdigest()
    publish(EnsembleCommand("run", scenario, asked, 1, settings, simulated), options)


def _check_in_worlds(record: tuple[str, ...], drawn: Path | None, ablate: bool) -> None:
    """Refuse what cannot go with `--worlds`."""
    if drawn is not None:
        raise InputError(["--worlds cannot go with --parameters: both say what differs from run to run"])
    if ablate or (wrong := [each for each in record if each in ("events", "agents")]):
        name = "ablations" if ablate else wrong[0]
        raise InputError([f"--record {name} cannot go with --worlds, where every run has its own parameters"])


def replay(name: str | None, folder: Path | None, row: int | None, options: EnsembleOptions, *others: object) -> None:
    """Rerun one row of earlier results with everything recorded; its outcomes must be the same bits.

    others : options that a replay does not take either, None where they were not given.
    """
    from valign.experiments.batch.replay import replayed

    if folder is None or row is None:
        raise InputError(["--replay DIR and --row N go together"])
    if (
        any(each is not None for each in (options.runs, options.societies, options.months, *others))
        or options.settings
        or options.record
    ):
        raise InputError(
            [
                "a replay takes everything from the results: leave out --runs, --societies, --seed, "
                "--months, --set, --record and --parameters"
            ]
        )
    found = replayed(folder, row)
    if name is not None and options.scenario(name).name != found.scenario.name:
        raise InputError([f"{folder} holds runs of {found.scenario.name!r}, not of {name!r}"])
    asked = {
        "record": list(RECORDED[:4]),
        "replay": {"row": row, "settings": found.settings, "seed": found.seed, "society_seed": found.society_seed},
    }
    options = replace(options, runs=1, seed=found.seed, out=options.out or Path("runs") / f"{folder.name}-row-{row}")
    publish(EnsembleCommand("run", found.scenario, asked, 1, (), lambda *_: found.simulated().tables()), options)
    terminal.say(
        f"Row {row} of {folder}, bit for bit; agents.parquet and events.parquet hold everybody's months and decisions",
        options.quiet,
    )


def _society(scenario: Scenario, runs: pd.DataFrame) -> Tables:
    """The society of the first run that did not fail."""
    from valign.experiments.snapshot import snapshot

    first = runs[runs["status"] == "ok"].iloc[0]
    alone = runs["society_seed"].is_unique  # blocks are runs that share a society
    return snapshot(scenario, int(first["seed"]), int(first["society_seed"]), alone=alone)


def levels(
    name: str, chosen: str | None, innovations: tuple[str, ...], evidence: str | None, options: EnsembleOptions
) -> None:
    """innovations: NAME (a scenario whose innovation is taken) or LABEL: KEY=VALUE, ...; evidence: strengths."""
    scenario = options.scenario(name)
    wanted = None if chosen is None else numbers_of("--levels", chosen, "0.55,0.7,0.85")
    strengths = None if evidence is None else numbers_of("--evidence", evidence, "0.2,0.8")
    named = list(map(innovation_of, innovations))
    others = dict(named) or None
    if others is not None and len(others) < len(named):
        raise InputError([f"--innovation: {', '.join(label for label, _ in named)}: each needs its own label"])
    ensembles = len(wanted or (1, 2, 3)) * len(strengths or (1,)) * (len(named) + 1)
    if wrong := [each for each in options.record if each != "decomposition"]:
        raise InputError([f"--record {wrong[0]}: levels record decomposition"])
    say_what(scenario, ensembles, options)
    how = options.how()
    asked: dict[str, Any] = {"levels": wanted} | ({"record": list(options.record)} if options.record else {})
    if others is not None:
        from valign.experiments.levels import innovations_of

        others = {scenario.innovation.name: {}} | others
        asked["innovations"] = {each: made.to_toml() for each, made in innovations_of(scenario, others).items()}

    def simulated(told: Told, begun: Path | None) -> Tables:
        from valign.experiments.levels import levels

        return levels(
            scenario,
            wanted,
            options.each(scenario),
            options.seed,
            options.societies,
            worlds=options.worlds,
            innovations=others,
            evidence=strengths,
            record=("series", *options.record),
            progress=told,
            folder=begun,
            how=how,
        ).tables()

    settings = ("alignment_level", *(("innovation.evidence_strength",) if strengths else ()))
    if strengths:
        asked["evidence"] = strengths
    publish(EnsembleCommand("levels", scenario, asked, ensembles, settings, simulated, begun=BEGUN), options)


def _compared(names: Sequence[str], options: EnsembleOptions) -> dict[str, Scenario]:
    """The scenarios that are compared, by what they are called."""
    scenarios: dict[str, Scenario] = {}
    first, *_ = split_changes(names[0])
    for text in names:
        name, *changes = split_changes(text)
        scenario = options.scenario(name)
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
    return scenarios


def compare(names: Sequence[str], precision: tuple[str, ...], options: EnsembleOptions) -> None:
    """names: scenarios, each perhaps with changes as in two-services+slack=0.3; precision: OUTCOME=HALF_WIDTH."""
    scenarios = _compared(names, options)
    wanted = dict(map(precision_of, precision or (("uptake_final=0.01",) if options.worlds is None else ())))
    if precision and options.worlds is not None:
        raise InputError(
            [
                f"--precision {precision[0]}: more runs make chance smaller, not what differs between worlds; give "
                "--at-defaults with it"
            ]
        )
    if wrong := [each for each in options.record if each not in BESIDE]:
        raise InputError([f"--record {wrong[0]}: a comparison records {' or '.join(BESIDE)}"])
    services = "services" in options.record
    say_what(next(iter(scenarios.values())), len(scenarios), options)
    how = options.how()

    from valign.experiments.bases import tables_hash

    def simulated(told: Told, begun: Path | None) -> Tables:
        from valign.experiments.compare import compare

        first = next(iter(scenarios.values()))
        found = compare(
            scenarios,
            options.each(first),
            options.seed,
            options.societies,
            ("series", "services") if services else ("series",),
            worlds=options.worlds,
            progress=told,
            folder=None if services else begun,
            how=how,
        )
        tables = found.tables(wanted)
        if services:
            from valign.experiments.by_service import by_service, names_of

            names = {name: names_of(each) for name, each in scenarios.items()}
            tables["by_service"] = by_service(found.services, names, "scenario")
        return tables

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
        **({"record": ["services"]} if services else {}),
    }
    compared, begun = tuple(scenarios.values()), "" if services else BEGUN
    publish(
        EnsembleCommand("compare", compared[0], asked, len(scenarios), (), simulated, told, compared[1:], begun),
        options,
    )
