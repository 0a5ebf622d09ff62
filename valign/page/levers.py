"""What a page lets people change, and how each is said on the command line and in a scenario's file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

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
