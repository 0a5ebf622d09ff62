"""What can be wrong with a scenario beyond types: unknown parameters, limits, sections that do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import unknown
from ..parameters import MECHANISMS, PARAMETERS

if TYPE_CHECKING:
    from .scenario import Change, Scenario

BYTES_PER_PERSON, MOST_BYTES = 1500, 64e9


def number_of(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("expected a number")
    number = float(value) if abs(value) < 1e300 else float("inf")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("expected a finite number")
    return number


def section_of(name: str) -> tuple[str, str]:
    """Section of a scenario file that holds a parameter, and its name there."""
    head, _, rest = name.partition(".")
    return (head, rest) if head in ("innovation", "ties") else ("parameters", name)


def is_service(number: str, count: int) -> bool:
    """Whether that is the number of one of `count` services alike."""
    return number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 12 and int(number) <= count


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return nested


def _flatten(nested: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping) and depth < 6:
            yield from _flatten(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value


def check_structure(raw: dict[str, Any]) -> Iterator[str]:
    """Flatten nested parameter tables in place and report unknown or impossible parameters."""
    in_general = [name for name in PARAMETERS if section_of(name)[0] == "parameters"]
    of_services = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]
    if isinstance(raw.get("parameters"), dict):
        raw["parameters"] = dict(_flatten(raw["parameters"]))
        yield from _check_parameters(raw["parameters"], in_general, "parameters", "")
    if isinstance(raw.get("ties"), dict):
        raw["ties"] = dict(_flatten(raw["ties"]))
        yield from _check_parameters(
            raw["ties"], [section_of(n)[1] for n in PARAMETERS if n.startswith("ties.")], "ties", "ties."
        )
    innovation = raw.get("innovation")
    if isinstance(innovation, dict):
        own = {name: innovation.pop(name) for name in list(innovation) if name not in ("name", "values", "emphasis")}
        innovation["parameters"] = dict(_flatten(own))
        short = [section_of(name)[1] for name in PARAMETERS if name.startswith("innovation.")]
        yield from _check_parameters(
            innovation["parameters"], short, "innovation", "innovation.", ("name", "values", "emphasis")
        )
    groups = raw.get("organisations")
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(group, dict) and isinstance(group.get("parameters"), dict):
            group["parameters"] = dict(_flatten(group["parameters"]))
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
        return f"{_short(value)}: {error} {allowed}"
    if not parameter.minimum <= number <= parameter.maximum:
        return f"{value!r}: expected a number {allowed}"
    if parameter.integer and number != int(number):
        return f"{value!r}: expected a whole number {allowed}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def explain(error: Mapping[str, Any], fields: Mapping[str, list[str]]) -> str:
    """A pydantic error in our words; fields: names allowed at the top ("") and in each section."""
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if error["type"] == "extra_forbidden":
        section = str(error["loc"][0]) if len(error["loc"]) > 1 else ""
        return f"{key}: {unknown(error['loc'][-1], fields[section], 'key')}"
    if error["type"] == "missing":
        return f"{key}: is missing"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    return (
        f"{key} = {_short(error['input'])}: {message}"
        if not isinstance(error["input"], (dict, list))
        else f"{key}: {message}"
    )


def cross_check(s: Scenario) -> Iterator[str]:
    """What can only be seen when sections are held against each other."""
    for name in dict.fromkeys(d for d in s.dimensions if s.dimensions.count(d) > 1):
        yield f"dimensions: {name!r} appears more than once"
    tables = {"innovation.values": s.innovation.values, "innovation.emphasis": s.innovation.emphasis}
    tables |= {f"profiles.{name}": profile for name, profile in s.profiles.items()}
    for where, table in tables.items():
        for name in [d for d in s.dimensions if d not in table]:
            yield f"{where}.{name}: is missing"
        for name in [d for d in table if d not in s.dimensions]:
            yield f"{where}: {unknown(name, s.dimensions, 'dimension')}"
    total = sum(s.innovation.emphasis.values())
    if abs(total - 1.0) > 1e-6:
        yield f"innovation.emphasis: sums to {total:g}; it should sum to 1"
    for number, (a, b, _) in enumerate(s.value_correlations):
        for name in (a, b):
            if name not in s.dimensions:
                yield f"value_correlations[{number}]: {unknown(name, s.dimensions, 'dimension')}"
        if a == b:
            yield f"value_correlations[{number}]: two different dimensions are needed"
    if s.value("service_share") + s.value("team_share") > 1.0:
        yield "parameters: service_share + team_share must not exceed 1"
    for name in dict.fromkeys(g for g in s.group_names if s.group_names.count(g) > 1):
        yield f"organisations: the name {name!r} appears more than once"
    for name in s.group_names:
        alike, _, number = name.rpartition(" ")
        if any(g.name == alike and g.count > 1 and is_service(number, g.count) for g in s.organisations):
            yield f"organisations: {name!r} is the name of a service of {alike!r} already"
    if "commissioners" in s.group_names:
        yield "organisations: 'commissioners' is not a name for a group of services"
    for n, group in enumerate(s.organisations):
        for role in ("staff", "manager", "peer", "client"):
            profile = getattr(group, f"{role}_profile")
            size = {"staff": group.staff, "manager": group.managers, "peer": group.peers, "client": 1}[role]
            if size and profile not in s.profiles:
                yield f"organisations[{n}].{role}_profile: {unknown(profile, s.profiles, 'profile')}"
        if group.staff + group.managers + group.peers == 0:
            yield f"organisations[{n}]: {group.name!r} has nobody: staff, managers and peers are all 0"
    if s.commissioners.count and s.commissioners.profile not in s.profiles:
        yield f"commissioners.profile: {unknown(s.commissioners.profile, s.profiles, 'profile')}"
    for n, change in enumerate(s.changes):
        yield from _check_change(s, n, change)
    if not s.alignment_roles and s.alignment_level is not None:
        yield "alignment_roles: is empty, so alignment_level moves nobody"
    needed = s.people() * BYTES_PER_PERSON
    if needed > MOST_BYTES:
        yield (
            f"organisations: {s.people():,} people would need about {needed / 1e9:,.0f} GB of memory; "
            f"at most {int(MOST_BYTES / BYTES_PER_PERSON):,} people are allowed"
        )


def _check_change(s: Scenario, n: int, change: Change) -> Iterator[str]:
    where = f"changes[{n}]"
    if change.month > s.months:
        yield f"{where}.month = {change.month}: after the horizon of {s.months} months"
    for place in change.organisations or ():
        try:
            s.group_of_service(place)
        except KeyError:
            if place not in s.group_names:
                yield f"{where}.organisations: {unknown(place, s.group_names, 'group or service')}"
    if change.organisations is not None and not change.organisations:
        yield f"{where}.organisations: is empty; leave it out to reach every service"
    if change.event is not None:
        if change.profile not in s.profiles:
            yield f"{where}.profile: {unknown(change.profile, s.profiles, 'profile')}"
        return
    name = str(change.parameter)
    allowed = [each for each, parameter in PARAMETERS.items() if parameter.scope != "society"]
    if name not in allowed:
        problem = (
            "shapes the society and cannot change during a run"
            if name in PARAMETERS
            else unknown(name, allowed, "parameter")
        )
        yield f"{where}.parameter: {name + ' ' if name in PARAMETERS else ''}{problem}"
        return
    if change.set is not None and (problem := _limits(name, change.set)):
        yield f"{where}.set = {problem}"
    if change.organisations is not None and PARAMETERS[name].scope != "organisation":
        yield f"{where}.organisations: {name} cannot differ between organisations"
