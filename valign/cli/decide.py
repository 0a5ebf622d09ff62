"""`valign actions` and `valign decide`: what can be done, and what to do with a budget."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valign.model.errors import InputError

from . import terminal
from .job import REPORT, UNFINISHED, Job, Tables, carried_out, parameters_of
from .options import Options

if TYPE_CHECKING:
    from valign.experiments.decide.question import Question


@dataclass(frozen=True)
class DecideOptions(Options):
    """The options of `valign decide`."""

    question: Question | None = None


def months_of(text: str) -> int:
    """A horizon: 6y, 72m or 72 (months)."""
    found = re.fullmatch(r"(\d{1,4})\s*(y|m|)", text.strip().lower())
    if not found:
        raise InputError([f"--horizon {text}: expected years or months, e.g. 6y or 72m"])
    return int(found[1]) * (12 if found[2] == "y" else 1)


def starts_of(text: str) -> tuple[int, ...]:
    """Months in which an action may begin, separated by commas."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError([f"--starts {text}: expected months separated by commas, e.g. 1,13,25"]) from None


def actions(own: Sequence[Path], as_json: bool, quiet: bool) -> None:
    """List the actions that ship, and those of one's own."""
    from valign.experiments.actions.declaration import actions_from
    from valign.results.numbers import pounds

    found = actions_from(own)
    if as_json:
        terminal.as_json([each.model_dump(mode="json") for each in found])
        return

    def cost(value: float, per: str) -> str:
        return f"{value:g} x price" if per == "price of the model of care" else pounds(value)

    terminal.table(
        ["action", "what is done", "cost (low, likely, high)", "for each", "effect", "how large it is"],
        [
            [
                each.id,
                each.name,
                ", ".join(cost(value, each.cost.per) for value in (each.cost.low, each.cost.likely, each.cost.high)),
                each.cost.per,
                f"after {each.to_effect} month{'s' * (each.to_effect != 1)}",
                each.grade,
            ]
            for each in found
        ],
        numbers_from=9,
    )
    terminal.say(
        "`valign actions --json` prints all of it; `valign decide SCENARIO --budget 300000` chooses among them.", quiet
    )


def decide(name: str, options: DecideOptions) -> None:
    """What to do with a budget."""
    from valign.experiments.bases import tables_hash
    from valign.experiments.decide.decide import check_decision, decided
    from valign.experiments.decide.options import with_horizon
    from valign.experiments.decide.worlds import worlds_key
    from valign.model.compiled.compiling import sources_hash
    from valign.results import store

    from ..scenario_text import for_report

    scenario, question = options.scenario(name), options.question
    assert question is not None
    check_decision(scenario, question)
    scenario = with_horizon(scenario, question.horizon)
    work = {
        "command": "decide",
        "scenario": scenario.to_toml(),
        "tables": tables_hash(scenario),
        "code": sources_hash(),
        "drawn_from": worlds_key(),
        **question.described(),
    }
    folder = options.out or store.default_folder(f"decide-{scenario.name}", work)

    def computed() -> Tables:
        with terminal.progress(f"{scenario.name}: what to do", options.silent, ahead=True) as told:
            found = decided(scenario, question, progress=told, folder=folder / UNFINISHED)
        return {**found.tables(), "parameters": parameters_of(scenario)}

    tables = carried_out(
        Job(
            work,
            folder,
            scenario.title or scenario.name,
            for_report(scenario),
            computed,
            scenario=scenario.to_toml(),
            begun=UNFINISHED,
        ),
        options.silent,
    )
    _print(tables, folder, options)


def _print(tables: Tables, folder: Path, options: DecideOptions) -> None:
    from valign.results.reports.decide import findings

    if options.as_json:
        shown = ("asked", "finalists", "views", "steps", "rule", "plan", "evppi", "evsi")
        terminal.as_json({"folder": str(folder), **{name: tables[name].to_dict("records") for name in shown}})
        return
    for sentence in findings(tables):
        terminal.show(f"{sentence}\n")
    for text in tables["unavailable"]["action"].tolist():
        terminal.say(f"Not possible here: {text}", options.quiet)
    terminal.say(f"Figures and report: {folder / REPORT}; tables: {folder}", options.quiet)
