"""What can be wrong with a scenario beyond types: unknown parameters, limits, sections that do not fit each other.

All on plain values, as a file gives them: `Scenario` calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import short, unknown
from ..outcomes import WAITED_FOR
from ..parameters import MECHANISMS, PARAMETERS
from .settings import flat, group_of, is_service, of_section, section_of

BYTES_PER_PERSON, MOST_BYTES = 1500, 64e9


def number_of(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("expected a number")
    number = float(value) if abs(value) < 1e300 else float("inf")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("expected a finite number")
    return number


def check_structure(raw: dict[str, Any]) -> Iterator[str]:
    """Flatten nested parameter tables in place and report unknown or impossible parameters."""
    of_services = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]
    if isinstance(raw.get("parameters"), dict):
        raw["parameters"] = dict(flat(raw["parameters"]))
        yield from _check_parameters(raw["parameters"], of_section("parameters"), "parameters", "")
    if isinstance(raw.get("ties"), dict):
        raw["ties"] = dict(flat(raw["ties"]))
        yield from _check_parameters(raw["ties"], of_section("ties"), "ties", "ties.")
    innovation = raw.get("innovation")
    if isinstance(innovation, dict):
        own = {name: innovation.pop(name) for name in list(innovation) if name not in ("name", "values", "emphasis")}
        innovation["parameters"] = dict(flat(own))
        yield from _check_parameters(
            innovation["parameters"],
            of_section("innovation"),
            "innovation",
            "innovation.",
            ("name", "values", "emphasis"),
        )
    groups = raw.get("organisations")
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(group, dict) and isinstance(group.get("parameters"), dict):
            group["parameters"] = dict(flat(group["parameters"]))
            yield from _check_parameters(group["parameters"], of_services, f"organisations[{number}].parameters", "")
    mechanisms = raw.get("mechanisms")
    if isinstance(mechanisms, dict):
        for name in [name for name in mechanisms if name not in MECHANISMS]:
            del mechanisms[name]
            yield f"mechanisms: {unknown(name, MECHANISMS, 'mechanism')}"
        raw["mechanisms"] = dict.fromkeys(MECHANISMS, True) | mechanisms


def _check_parameters(
    given: dict[str, Any], allowed: list[str], where: str, prefix: str, others: tuple[str, ...] = ()
) -> Iterator[str]:
    for name in list(given):
        if name not in allowed:
            del given[name]
            if prefix + name in PARAMETERS and where.startswith("organisations"):
                yield f"{where}.{name}: cannot differ between organisations; set it in [parameters]"
            else:
                yield f"{where}: {unknown(name, [*allowed, *others], 'parameter')}"
            continue
        problem = _limits(prefix + name, given[name])
        if problem:
            del given[name]
            yield f"{where}.{name} = {problem}"


def _limits(name: str, value: Any) -> str | None:
    """What is wrong with a value of a parameter, if anything."""
    parameter = PARAMETERS[name]
    allowed = f"from {parameter.minimum:g} to {parameter.maximum:g} ({parameter.unit})"
    try:
        number = number_of(value)
    except ValueError as error:
        return f"{short(value)}: {error} {allowed}"
    if not parameter.minimum <= number <= parameter.maximum:
        return f"{value!r}: expected a number {allowed}"
    if parameter.integer and number != int(number):
        return f"{value!r}: expected a whole number {allowed}"
    return None


def cross_check(s: Mapping[str, Any]) -> Iterator[str]:
    """What can only be seen when sections are held against each other; s: the whole scenario, defaults filled in."""
    yield from _check_dimensions(s)
    if _value(s, "service_share") + _value(s, "team_share") > 1.0:
        yield "parameters: service_share + team_share must not exceed 1"
    yield from _check_groups(s)
    commissioners, profiles = s["commissioners"], s["profiles"]
    if commissioners["count"] and commissioners["profile"] not in profiles:
        yield f"commissioners.profile: {unknown(commissioners['profile'], profiles, 'profile')}"
    for n, change in enumerate(s["changes"]):
        yield from _check_change(s, n, change)
    if not s["alignment_roles"] and s["alignment_level"] is not None:
        yield "alignment_roles: is empty, so alignment_level moves nobody"
    people = people_of(s)
    needed = people * BYTES_PER_PERSON
    if needed > MOST_BYTES:
        yield (
            f"organisations: {people:,} people would need about {needed / 1e9:,.0f} GB of memory; "
            f"at most {int(MOST_BYTES / BYTES_PER_PERSON):,} people are allowed"
        )


def people_of(s: Mapping[str, Any]) -> int:
    """Expected number of people of a whole scenario."""
    groups = s["organisations"]
    return s["commissioners"]["count"] + sum(g["count"] * (g["staff"] + g["managers"] + g["peers"]) for g in groups)


def _value(s: Mapping[str, Any], name: str) -> float:
    section, own = section_of(name)
    given = s["innovation"]["parameters"] if section == "innovation" else s[section]
    return given.get(own, PARAMETERS[name].default)


def _check_dimensions(s: Mapping[str, Any]) -> Iterator[str]:
    dimensions, innovation = s["dimensions"], s["innovation"]
    for name in _repeated(dimensions):
        yield f"dimensions: {name!r} appears more than once"
    tables = {f"innovation.{part}": innovation[part] for part in ("values", "emphasis")}
    tables |= {f"profiles.{name}": profile for name, profile in s["profiles"].items()}
    for where, table in tables.items():
        for name in [d for d in dimensions if d not in table]:
            yield f"{where}.{name} is missing"
        for name in [d for d in table if d not in dimensions]:
            yield f"{where}: {unknown(name, dimensions, 'dimension')}"
    total = sum(innovation["emphasis"].values())
    if abs(total - 1.0) > 1e-6:
        yield f"innovation.emphasis: sums to {total:g}; it should sum to 1"
    for number, (a, b, _) in enumerate(s["value_correlations"]):
        for name in (a, b):
            if name not in dimensions:
                yield f"value_correlations[{number}]: {unknown(name, dimensions, 'dimension')}"
        if a == b:
            yield f"value_correlations[{number}]: two different dimensions are needed"


def _repeated(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if names.count(name) > 1))


def _check_groups(s: Mapping[str, Any]) -> Iterator[str]:
    groups, profiles = s["organisations"], s["profiles"]
    names = [group["name"] for group in groups]
    for name in _repeated(names):
        yield f"organisations: the name {name!r} appears more than once"
    for name in names:
        alike, _, number = name.rpartition(" ")
        if any(g["name"] == alike and g["count"] > 1 and is_service(number, g["count"]) for g in groups):
            yield f"organisations: {name!r} is the name of a service of {alike!r} already"
    if "commissioners" in names:
        yield "organisations: 'commissioners' is not a name for a group of services"
    for n, group in enumerate(groups):
        sizes = {"staff": group["staff"], "manager": group["managers"], "peer": group["peers"], "client": 1}
        for role, size in sizes.items():
            profile = group[f"{role}_profile"]
            if size and profile not in profiles:
                yield f"organisations[{n}].{role}_profile: {unknown(profile, profiles, 'profile')}"
        if group["staff"] + group["managers"] + group["peers"] == 0:
            yield f"organisations[{n}]: {group['name']!r} has nobody: staff, managers and peers are all 0"


def _check_condition(
    s: Mapping[str, Any], where: str, month: int, when: Mapping[str, Any], groups: list[tuple[str, int]]
) -> Iterator[str]:
    if when["series"] not in WAITED_FOR:
        yield f"{where}.series: {unknown(when['series'], WAITED_FOR, 'series that a change can wait for')}"
    last = s["months"] if when["until"] is None else when["until"]
    if not month <= last <= s["months"]:
        yield f"{where}.until = {last}: expected a month from {month} (the change's) to {s['months']} (the horizon)"
    places = when["organisations"]
    if places is not None and str(when["series"]).startswith("commissioner."):
        yield f"{where}.organisations: commissioners are seen as a whole; leave it out"
    if places is not None and not places:
        yield f"{where}.organisations: is empty; leave it out to look at every service"
    for place in places or ():
        try:
            group_of(place, groups)
        except KeyError:
            yield f"{where}.organisations: {unknown(place, [name for name, _ in groups], 'group or service')}"


def _check_change(s: Mapping[str, Any], n: int, change: Mapping[str, Any]) -> Iterator[str]:
    where, services = f"changes[{n}]", change["organisations"]
    groups = [(group["name"], group["count"]) for group in s["organisations"]]
    if change["month"] > s["months"]:
        yield f"{where}.month = {change['month']}: after the horizon of {s['months']} months"
    for place in services or ():
        try:
            group_of(place, groups)
        except KeyError:
            yield f"{where}.organisations: {unknown(place, [name for name, _ in groups], 'group or service')}"
    if services is not None and not services:
        yield f"{where}.organisations: is empty; leave it out to reach every service"
    if change["when"] is not None:
        yield from _check_condition(s, f"{where}.when", change["month"], change["when"], groups)
    if change["event"] is not None:
        if change["profile"] not in s["profiles"]:
            yield f"{where}.profile: {unknown(change['profile'], s['profiles'], 'profile')}"
        return
    name = str(change["parameter"])
    allowed = [each for each, parameter in PARAMETERS.items() if parameter.scope != "society"]
    if name not in allowed:
        problem = (
            "shapes the society and cannot change during a run"
            if name in PARAMETERS
            else unknown(name, allowed, "parameter")
        )
        yield f"{where}.parameter: {name + ' ' if name in PARAMETERS else ''}{problem}"
        return
    if change["set"] is not None and (problem := _limits(name, change["set"])):
        yield f"{where}.set = {problem}"
    if services is not None and PARAMETERS[name].scope != "organisation":
        yield f"{where}.organisations: {name} cannot differ between organisations"
