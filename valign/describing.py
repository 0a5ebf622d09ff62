"""A scenario in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS

if TYPE_CHECKING:
    from valign.model.scenario import Scenario

RULES = ("alignment_metric", "alignment_mode", "sustainment_rule", "relationship_rule")


def changed_parameters(scenario: Scenario) -> dict[str, float]:
    """Registry parameters whose scenario-wide value is not the default."""
    return {name: scenario.value(name) for name, p in PARAMETERS.items() if scenario.value(name) != p.default}


def description(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain data, with what follows from it (number of people, services, settings that differ)."""
    return {
        "name": scenario.name, "title": scenario.title, "description": scenario.description,
        "months": scenario.months, "runs": scenario.runs, "people": scenario.people(),
        "services": len(scenario.service_names()), "dimensions": list(scenario.dimensions),
        "alignment_level": getattr(scenario, "alignment_level", None),
        **{rule: getattr(scenario, rule) for rule in RULES},
        "organisations": [{"name": g.name, "count": g.count, "staff": g.staff, "managers": g.managers, "peers": g.peers,
                           "stage": g.stage, "parameters": dict(g.parameters)} for g in scenario.organisations],
        "commissioners": scenario.commissioners.count if scenario.commissioners else 0,
        "mechanisms_off": [name for name, on in scenario.mechanisms.items() if not on],
        "changed_parameters": changed_parameters(scenario),
        "changes": [change_in_words(change) for change in scenario.changes],
        "toml": scenario.to_toml(),
    }


def change_in_words(change: Any) -> str:
    where = "everywhere" if change.organisations is None else "in " + ", ".join(change.organisations)
    if change.event is not None:
        what = f"{str(change.event).replace('_', ' ')} with profile {change.profile}"
    elif change.set is not None:
        what = f"{change.parameter} becomes {change.set:g}"
    else:
        what = f"{change.parameter} is multiplied by {change.scale:g}"
    return f"month {change.month}: {what}, {where}"


def in_words(scenario: Scenario) -> str:
    """A page about the scenario."""
    s = scenario
    lines = [f"{s.name}: {s.title}" if s.title else s.name, ""]
    lines += [*(_wrapped(s.description)), ""] if s.description else []
    lines.append(f"{len(s.service_names()):,} services, about {s.people():,.0f} people, {s.months} months; "
                 f"{s.runs} runs suggested.")
    if s.tables is not None:
        lines.append("People and ties come from imported tables.")
    if s.organisations:
        lines += ["", "Services"]
    for g in s.organisations:
        own = "".join(f", {name} {value:g}" for name, value in g.parameters.items())
        lines.append(f"  {g.name}: {g.count} x {g.staff:g} staff, {g.managers:g} managers, {g.peers:g} peers, "
                     f"{g.stage} at the start{own}")
    if s.commissioners and s.commissioners.count:
        lines.append(f"  commissioners: {s.commissioners.count}")
    lines += ["", f"Innovation: {getattr(s.innovation, 'name', '') or 'unnamed'}"]
    lines.append("  dimension, its value, its emphasis")
    lines += [f"  {name}: {s.innovation.values[name]:g}, {s.innovation.emphasis[name]:g}" for name in s.dimensions]
    lines += ["", "Rules", *(f"  {rule}: {getattr(s, rule)}" for rule in RULES)]
    level = getattr(s, "alignment_level", None)
    lines.append(f"  alignment_level: {'natural (profiles as they are)' if level is None else level}")
    if off := [name for name, on in s.mechanisms.items() if not on]:
        lines.append(f"  switched off: {', '.join(off)}")
    if s.changes:
        lines += ["", "Scheduled changes", *(f"  {change_in_words(change)}" for change in s.changes)]
    if changed := changed_parameters(s):
        lines += ["", "Parameters that are not at their defaults"]
        lines += [f"  {name}: {value:g} {PARAMETERS[name].unit} (default {PARAMETERS[name].default:g})"
                  for name, value in changed.items()]
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(text.split()), 96)
