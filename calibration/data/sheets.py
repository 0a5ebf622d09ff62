"""What a workbook says beside the answers: the innovation and the services."""

from __future__ import annotations

import numpy as np

from valign.model.errors import InputError
from valign.model.scenario.scenario import DIMENSIONS, Scenario

from .cells import Sheet
from .questionnaire import VALUE_WORDS, plain
from .scales import MISSING, number, percent

SERVICES, INNOVATION = "Services", "Innovation"  # sheets
SERVICE_STAGES = ("outside", "piloting", "commissioned", "sustained")


def named_innovation(sheets: list[Sheet], header: list[str], rows: list[tuple[int, list[str]]], where: str) -> str:
    """The scenario that a file is about. Raises InputError where it does not say."""
    for sheet in sheets:
        if plain(sheet.name) == plain(INNOVATION):
            for _, row in sheet.rows:
                if len(row) > 1 and plain(row[0]) == "scenario" and row[1]:
                    return row[1]
    places = [n for n, text in enumerate(header) if plain(text) == "innovation"]
    said = list(dict.fromkeys(row[n] for n in places for _, row in rows if n < len(row) and row[n]))
    if len(said) == 1:
        return said[0]
    if said:
        raise InputError(
            [f"{where}: is about {len(said)} innovations ({', '.join(said[:3])}): expected one in each file"]
        )
    raise InputError(
        [f"{where}: does not say what it is about: add --innovation NAME, e.g. --innovation housing-first"]
    )


def scenario_of(name: str, where: str) -> Scenario:
    """The scenario of an innovation. Raises InputError where there is none that the questionnaire fits."""
    try:
        found = Scenario.load(name)
    except InputError as error:
        raise InputError([f"{where}: innovation: {problem}" for problem in error.problems]) from None
    if list(found.dimensions) != DIMENSIONS:
        raise InputError(
            [f"{where}: innovation {name!r} has values of its own; the questionnaire asks about the usual seven"]
        )
    return found


def innovation_of(sheets: list[Sheet], scenario: Scenario, where: str) -> tuple[np.ndarray, np.ndarray, str, list[str]]:
    """What the innovation stands for and how much each value counts, its title, and remarks."""
    innovation = scenario.innovation
    intended = np.array([innovation.values[d] for d in DIMENSIONS])
    emphasis = np.array([innovation.emphasis[d] for d in DIMENSIONS])
    title = innovation.name
    problems: list[str] = []
    words = {plain(VALUE_WORDS[d]): k for k, d in enumerate(DIMENSIONS)} | {
        plain(d): k for k, d in enumerate(DIMENSIONS)
    }
    for sheet in [each for each in sheets if plain(each.name) == plain(INNOVATION)]:
        for line, row in sheet.rows:
            if plain(row[0]) == "innovation" and len(row) > 1 and row[1]:
                title = row[1][:100]
            k = words.get(plain(row[0]))
            if k is None:
                continue
            for at, target, what in ((1, intended, "what it stands for"), (2, emphasis, "how much it counts")):
                if at < len(row) and row[at]:
                    share = percent(row[at])
                    if share is None:
                        problems.append(
                            f"{where}: sheet {sheet.name!r}, row {line}: {row[at]!r}: expected {what}, as in 80 %"
                        )
                    else:
                        target[k] = share
    if problems or not emphasis.sum() > 0:
        raise InputError(
            problems or [f"{where}: sheet {INNOVATION!r}: no value counts: expected shares that sum to 100 %"]
        )
    return intended, emphasis / emphasis.sum(), title, []


def services_of(sheets: list[Sheet], where: str) -> tuple[list[str], dict[str, float], dict[str, str], list[str]]:
    """Names in their order, people who work in each, stage at the start, and remarks."""
    names: list[str] = []
    people: dict[str, float] = {}
    stage: dict[str, str] = {}
    remarks: list[str] = []
    for sheet in [each for each in sheets if plain(each.name) == plain(SERVICES)]:
        for line, row in sheet.rows:
            name = row[0]
            if not name or plain(name) == "service":
                continue
            names.append(name)
            if len(row) > 1 and plain(row[1]) not in MISSING:
                count = number(row[1])
                if count is None or count < 1 or count > 1e6:
                    remarks.append(f"sheet {sheet.name!r}, row {line}: {row[1]!r} is no number of people")
                else:
                    people[plain(name)] = count
            if len(row) > 2 and plain(row[2]) not in MISSING:
                if plain(row[2]) in SERVICE_STAGES:
                    stage[plain(name)] = plain(row[2])
                else:
                    remarks.append(
                        f"sheet {sheet.name!r}, row {line}: {row[2]!r}: expected one of {', '.join(SERVICE_STAGES)}"
                    )
    return names, people, stage, remarks
