"""What a page lets people change, and how each is said on the command line and in a scenario's file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from valign.calibration.data.questionnaire import VALUE_WORDS
from valign.calibration.data.workbook import has_questionnaire
from valign.experiments.bases import imported
from valign.model.parameters import PARAMETERS, ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.state.scenario_arrays import Lowered
from valign.model.vocabulary import vocabulary

# Parameters that a page shows first, with what they are called there
MAIN = {
    "coproduction_intensity": "Co-production: share of people who take part",
    "power_sharing": "Power of peers in co-production",
    "leadership_strength": "Strength of leadership",
    "innovation.clarity": "Clarity of the innovation",
    "innovation.evidence_strength": "Strength of the published evidence",
    "dialogue": "Meetings of commissioners and services",
    "budget": "Budget of commissioners",
    "slack": "Time and money to spare in services",
    "turnover_staff": "Staff who leave in a year",
}
LEVEL = "alignment_level"
FIRST_LEVEL = 0.7
CLOSER = 0.1  # how much closer a group's values come when it is tried what convincing it would do


@dataclass(frozen=True)
class Event:
    """A change that may be scheduled: what it is called, and an entry of `[[changes]]` without its month."""

    label: str
    parameter: str
    to: float
    month: int


EVENTS = (
    Event("National money for pilots", "pilot_funds", 1.0, 6),
    Event("Funding ends everywhere", "funding", 0.0, 36),
    Event("The mandate ends", "mandate", 0.0, 60),
)


def with_events(scenario: Scenario, events: tuple[Event, ...] = EVENTS) -> Scenario:
    """The scenario with all of them scheduled, behind its own changes."""
    extra = [{"month": _month(scenario, each), "parameter": each.parameter, "set": each.to} for each in events]
    return with_changes(scenario, extra)


def with_changes(scenario: Scenario, changes: Sequence[Mapping[str, Any]]) -> Scenario:
    """The scenario with more changes scheduled, behind those that happen in it anyhow. Raises ScenarioError."""
    mapping = scenario.to_mapping()
    mechanisms = {**mapping.get("mechanisms", {}), "changes": True}
    own = mapping.get("changes", ()) if scenario.mechanisms["changes"] else ()
    whole = {**mapping, "mechanisms": mechanisms, "changes": [*own, *changes]}
    return Scenario.from_mapping(whole, scenario.name, scenario.folder)


def _month(scenario: Scenario, event: Event) -> int:
    return min(event.month, scenario.months)


def parameter_lever(scenario: Scenario, name: str, label: str) -> dict[str, Any]:
    p, value = PARAMETERS[name], float(scenario.value(name))
    low, high = min(p.low, value), max(p.high, value)
    return {
        "key": name,
        "kind": "parameter",
        "label": label,
        "meaning": p.meaning,
        "unit": p.unit,
        "low": low,
        "high": high,
        "step": 1 if p.integer else _round_step((high - low) / 100),
        "value": value,
        "grade": p.grade,
        "source": p.source,
    }


def _round_step(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten, so that a slider stops at round numbers."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(float(f"{n * power:.12g}") for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9))


def level_lever(scenario: Scenario) -> dict[str, Any]:
    """The level of alignment at the start; off: as people's values are."""
    set_to = scenario.alignment_level
    return {
        "key": LEVEL,
        "kind": "level",
        "label": "Alignment of values at the start",
        "meaning": "mean alignment of people's values with those of the innovation; off: as the profiles are",
        "unit": "0 to 1",
        "low": 0.4,
        "high": 0.9,
        "step": 0.01,
        "value": set_to,
        "first": set_to or FIRST_LEVEL,
        "grade": "",
        "source": "",
    }


def event_lever(
    scenario: Scenario, number: int, label: str, month: int, on: bool, made: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A scheduled change: its month, or none. made : what it changes, where the scenario does not say so itself."""
    return {
        "key": f"changes.{number}.month",
        "kind": "event",
        "label": label,
        "meaning": "a change from a month on; off: it never happens",
        "unit": "month",
        "low": 1,
        "high": scenario.months,
        "step": 1,
        "value": month if on else None,
        "first": month,
        "change": made,
        "grade": "",
        "source": "",
    }


def answer_levers(scenario: Scenario, lowered: Lowered, given: Society | None) -> list[dict[str, Any]]:
    """What each group of people holds important, value by value, 0 to 1, as in the scenario's profiles.

    lowered : the scenario as the page has it. given : the society, where it was imported. who : the group, which may
    have several profiles. stands, counts : what the innovation stands for, and how much that value counts for fit.
    Nothing where people's own answers stand for what they hold important.
    """
    if given is not None and given.values is not None:
        return []
    asked, width = has_questionnaire(scenario), lowered.parameters.shape[1]
    found = []
    for role, profiles in _profiles(scenario).items():
        who = vocabulary()["roles"][role]
        if any(group.client_profile in profiles for group in scenario.organisations):
            who += " and the clients they speak for"  # who share their values
        for profile, (n, d) in product(profiles, enumerate(scenario.dimensions)):
            key = f"profiles.{profile}.{d}"
            row = lowered.rows[key]
            found.append(
                {
                    "key": key,
                    "kind": "answer",
                    "who": who,
                    "label": _about(d),
                    "items": f"A{n + 1}, A{n + 1 + len(scenario.dimensions)}" if asked else "",
                    "unit": "0 to 1",
                    "low": 0.0,
                    "high": 1.0,
                    "step": 0.0001,
                    "value": scenario.profiles[profile][d],
                    **_fitting(scenario, d),
                    "writes": [["parameters", list(range(row * width, (row + 1) * width))]],
                }
            )
    return found


def answered(scenario: Scenario) -> dict[str, Any] | None:
    """People's own answers, where they stand for what people hold important: by person, and what values are about.

    at : where the first of a person's answers is written; own : the answers, 0 to 1, None where it is not known.
    """
    given = imported(scenario, None)
    if given is None or given.values is None:
        return None
    answers, roles = np.asarray(given.values, float), vocabulary()["roles"]
    return {
        "values": [{"label": _about(d), **_fitting(scenario, d)} for d in scenario.dimensions],
        "people": [
            {
                "who": roles[ROLES[role]],
                "at": n * len(own),
                "own": [None if np.isnan(each) else round(float(each), 4) for each in own],
            }
            for n, (role, own) in enumerate(zip(given.role, answers, strict=True))
            if not np.isnan(own).all()
        ],
    }


def _about(dimension: str) -> str:
    return VALUE_WORDS.get(dimension, dimension.replace("_", " "))


def _fitting(scenario: Scenario, dimension: str) -> dict[str, float]:
    """What the innovation stands for in a value, and how much it counts for fit."""
    return {"stands": scenario.innovation.values[dimension], "counts": scenario.innovation.emphasis[dimension]}


def _profiles(scenario: Scenario) -> dict[str, list[str]]:
    """Profiles by role, of roles that there are."""
    found: dict[str, list[str]] = {}
    for group in scenario.organisations:
        for role, there, profile in (
            ("staff", group.staff, group.staff_profile),
            ("manager", group.managers, group.manager_profile),
            ("peer", group.peers, group.peer_profile),
        ):
            if there:
                found.setdefault(role, []).append(profile)
    if scenario.commissioners.count:
        found["commissioner"] = [scenario.commissioners.profile]
    return {role: list(dict.fromkeys(profiles)) for role, profiles in found.items()}
