"""A scenario in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS
from valign.results.vocabulary import capital, variant_label

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario

RULES = ("alignment_metric", "alignment_mode", "relationship_rule")


def changed_parameters(scenario: Scenario) -> dict[str, float]:
    """Registry parameters whose scenario-wide value is not the default."""
    return {name: scenario.value(name) for name, p in PARAMETERS.items() if scenario.value(name) != p.default}


def description(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain data, with what follows from it (number of people, services, settings that differ)."""
    return {
        "name": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "months": scenario.months,
        "runs": scenario.runs,
        "people": scenario.people(),
        "services": len(scenario.service_names()),
        "dimensions": list(scenario.dimensions),
        "alignment_level": getattr(scenario, "alignment_level", None),
        **{rule: getattr(scenario, rule) for rule in RULES},
        "organisations": [
            {
                "name": g.name,
                "count": g.count,
                "staff": g.staff,
                "managers": g.managers,
                "peers": g.peers,
                "stage": g.stage,
                "parameters": dict(g.parameters),
            }
            for g in scenario.organisations
        ],
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


@dataclass(frozen=True)
class Observed:
    """What was simulated in the place of a scenario's own people: those of a data set, in steps of its unit of time."""

    people: int
    communities: int
    unit: str


def paragraphs(scenario: Scenario, observed: Observed | None = None) -> list[str]:
    """What a reader has to know of the scenario beside its values, a paragraph each; the first two in short."""
    s = scenario
    parts = [" ".join(s.description.split()) or s.title or s.name, _size(s, observed)]
    if s.organisations and observed is None:
        parts.append("\n".join(["The services at the start:", *map(_service, s.organisations)]))
    if s.commissioners and s.commissioners.count:
        parts.append(
            f"{_counted(s.commissioners.count, 'commissioner')} "
            f"decide{'s' * (s.commissioners.count == 1)} what is funded."
        )
    level = getattr(s, "alignment_level", None)
    if level is not None:
        parts.append(f"People's values are moved so that the mean alignment at the start is {level:g}.")
    if s.changes:
        parts.append("\n".join(["What changes on the way:", *(f"  {change_in_words(change)}" for change in s.changes)]))
    if off := [name for name, on in s.mechanisms.items() if not on]:
        parts.append(f"Switched off: {', '.join(off)}.")
    if changed := changed_parameters(s):
        parts.append(
            "\n".join(
                [
                    "Assumptions that are not the defaults:",
                    *(
                        f"  {name}: {value:g} (default {PARAMETERS[name].default:g}, {PARAMETERS[name].unit}): "
                        f"{PARAMETERS[name].meaning}"
                        for name, value in changed.items()
                    ),
                ]
            )
        )
    if own := [rule for rule in RULES if getattr(s, rule) != type(s).model_fields[rule].default]:
        parts.append(f"Rules that are not the default: {', '.join(f'{rule} = {getattr(s, rule)}' for rule in own)}.")
    return parts


def _size(s: Scenario, observed: Observed | None) -> str:
    """How many people, where, and for how long."""
    if observed is not None:
        communities = f"{observed.communities:,} communit{'y' if observed.communities == 1 else 'ies'}"
        unit = observed.unit
        per = "" if unit == "month" else f" One step of the model is one {unit}: what is called monthly is per {unit}."
        return f"{communities} with {observed.people:,} people, followed for {_counted(s.months, unit)}.{per}"
    years = f" ({_counted(s.months / 12, 'year')})" if s.months % 6 == 0 and s.months else ""
    return (
        f"{_counted(len(s.service_names()), 'service')} with about {s.people():,.0f} people, followed for "
        f"{_counted(s.months, 'month')}{years}."
        + (" People and ties come from imported tables." if s.tables is not None else "")
    )


def for_report(scenario: Scenario, observed: Observed | None = None) -> str:
    """The scenario in words, paragraphs apart."""
    return "\n\n".join(paragraphs(scenario, observed))


def difference_in_words(base: Scenario, other: Scenario, name: str) -> str:
    """What makes another scenario of a comparison different: parameters by name, else the scenario as a whole."""
    changed = {
        each: (base.value(each), other.value(each)) for each in PARAMETERS if base.value(each) != other.value(each)
    }
    called = capital(variant_label(name)) if "=" in name else name
    same = base.replace({each: new for each, (_, new) in changed.items()}) if changed else base
    if same.to_toml() != other.to_toml():
        return f"The scenario {called}:\n\n{for_report(other)}"
    return "\n".join(
        [
            f"{called}: the same but for",
            *(
                f"  {PARAMETERS[each].meaning}: {new:g} instead of {old:g} ({PARAMETERS[each].unit}; `{each}`)"
                for each, (old, new) in changed.items()
            ),
        ]
    )


def in_words(scenario: Scenario) -> str:
    """A page about the scenario, for a terminal."""
    title = f"{scenario.name}: {scenario.title}" if scenario.title else scenario.name
    s = scenario
    held = sorted(s.dimensions, key=lambda name: -s.innovation.emphasis[name])
    values = [
        f"The innovation, {s.innovation.name}, stands for these values (0: not at all, 1: wholly; in brackets "
        "how much each counts for its fit):",
        *(
            f"  {name.replace('_', ' ')}: {s.innovation.values[name]:g} ({100 * s.innovation.emphasis[name]:.0f} %)"
            for name in held
        ),
    ]
    lines = [line for part in (*paragraphs(s), "\n".join(values)) for line in ("", *part.split("\n"))]
    return "\n".join([title, *(each for line in lines for each in _wrapped(line))])


def _service(g: Any) -> str:
    own = "".join(f"; {name} {value:g}" for name, value in g.parameters.items())
    people = [
        _counted(number, word)
        for number, word in ((g.staff, "staff"), (g.managers, "manager"), (g.peers, "peer advocate"))
        if number
    ]
    many = f"{g.count:,} × {g.name}, each with" if g.count > 1 else f"{g.name}, with"
    return f"  {many} {', '.join(people)}; {g.stage}{own}"


def _counted(number: float, word: str) -> str:
    return f"{number:,g} {word}" + ("s" if number != 1 and word != "staff" else "")


def _wrapped(text: str) -> list[str]:
    import textwrap

    indent = "    " if text.startswith("  ") else ""
    return textwrap.wrap(text, 96, subsequent_indent=indent) or [""]
