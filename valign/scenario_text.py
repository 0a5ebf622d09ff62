"""A scenario in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS, ROLES
from valign.results.vocabulary import capital, variant_label

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario
    from valign.model.society.generate import Society

LISTED = 30  # services of an imported society that are named one by one
STAFFED = ("staff", "manager", "peer")
RULES = ("alignment_metric", "alignment_mode", "relationship_rule")


def changed_parameters(scenario: Scenario) -> dict[str, float]:
    """Registry parameters whose scenario-wide value is not the default."""
    return {name: scenario.value(name) for name, p in PARAMETERS.items() if scenario.value(name) != p.default}


def description(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain data, with what follows from it (number of people, services, settings that differ)."""
    society = imported(scenario)
    return {
        "name": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "months": scenario.months,
        "runs": scenario.runs,
        "people": scenario.people() if society is None else len(society.role),
        "services": len(scenario.service_names()) if society is None else len(society.group),
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
        "commissioners": _commissioners(scenario, society),
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
        what = f"{PARAMETERS[change.parameter].label} becomes {change.set:g}"
    else:
        what = f"{PARAMETERS[change.parameter].label} is multiplied by {change.scale:g}"
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
    society = imported(s) if observed is None else None
    parts = [" ".join(s.description.split()) or s.title or s.name, _size(s, observed, society)]
    if society is not None:
        parts.append("\n".join(["The services at the start:", *_imported_services(s, society)]))
    elif s.organisations and observed is None:
        parts.append("\n".join(["The services at the start:", *map(_service, s.organisations)]))
    if count := _commissioners(s, society):
        parts.append(f"{_counted(count, 'commissioner')} decide{'s' * (count == 1)} what is funded.")
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
                        f"  {PARAMETERS[name].meaning}: {value:g} instead of {PARAMETERS[name].default:g} "
                        f"({PARAMETERS[name].unit}; `{name}`)"
                        for name, value in changed.items()
                    ),
                ]
            )
        )
    if own := [rule for rule in RULES if getattr(s, rule) != type(s).model_fields[rule].default]:
        parts.append(f"Rules that are not the default: {', '.join(f'{rule} = {getattr(s, rule)}' for rule in own)}.")
    return parts


def imported(scenario: Scenario) -> Society | None:
    """The people of a scenario's tables; None where a society is generated, or its tables are not here."""
    if scenario.tables is None:
        return None
    from valign.model.errors import InputError
    from valign.model.society.tables import society_of

    try:
        return society_of(scenario, 0)
    except InputError:  # whoever simulates it says what is wrong
        return None


def _commissioners(s: Scenario, society: Society | None) -> int:
    """How many commissioners there are."""
    if society is not None:
        return int((society.role == ROLES.index("commissioner")).sum())
    return s.commissioners.count if s.commissioners else 0


def _imported_services(s: Scenario, society: Society) -> list[str]:
    """A line for each service of the tables, or for each kind of them where there are many."""
    count = len(society.group)
    names = society.names or [f"service {o + 1}" for o in range(count)]
    members = [society.role[society.organisation == o] for o in range(count)]
    if count > LISTED:
        return [
            f"  {_counted(int((society.group == g).sum()), 'service')} taken for {group.name}; {group.stage}"
            for g, group in enumerate(s.organisations)
            if (society.group == g).any()
        ]
    return [
        _in_service(
            names[o], [int((members[o] == ROLES.index(role)).sum()) for role in STAFFED], s, int(society.group[o])
        )
        for o in range(count)
    ]


def _size(s: Scenario, observed: Observed | None, society: Society | None) -> str:
    """How many people, where, and for how long."""
    if observed is not None:
        communities = f"{observed.communities:,} communit{'y' if observed.communities == 1 else 'ies'}"
        unit = observed.unit
        per = "" if unit == "month" else f" One step of the model is one {unit}: what is called monthly is per {unit}."
        return f"{communities} with {observed.people:,} people, followed for {_counted(s.months, unit)}.{per}"
    years = f" ({_counted(s.months / 12, 'year')})" if s.months % 6 == 0 and s.months else ""
    services, people = (
        (len(s.service_names()), f"about {s.people():,.0f}")
        if society is None
        else (len(society.group), f"{len(society.role):,}")
    )
    return (
        f"{_counted(services, 'service')} with {people} people, followed for "
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
    many = f"{g.count:,} × {g.name}, each with" if g.count > 1 else f"{g.name}, with"
    return f"  {many} {_staffed((g.staff, g.managers, g.peers))}; {_rest(g)}"


def _in_service(name: str, numbers: Sequence[int], s: Scenario, group: int) -> str:
    """A line for a service of imported tables."""
    return f"  {name}, with {_staffed(numbers)}; {_rest(s.organisations[group])}"


def _rest(g: Any) -> str:
    return g.stage + "".join(f"; {PARAMETERS[name].label} {value:g}" for name, value in g.parameters.items())


def _staffed(numbers: Sequence[float]) -> str:
    """Staff, managers and peers, those that there are."""
    words = ("staff", "manager", "peer advocate")
    return ", ".join(_counted(number, word) for number, word in zip(numbers, words, strict=True) if number) or "nobody"


def _counted(number: float, word: str) -> str:
    return f"{number:,g} {word}" + ("s" if number != 1 and word != "staff" else "")


def _wrapped(text: str) -> list[str]:
    import textwrap

    indent = "    " if text.startswith("  ") else ""
    return textwrap.wrap(text, 96, subsequent_indent=indent) or [""]
