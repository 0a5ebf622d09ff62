"""Settings by dotted key, as people type them: taken apart, read and written here and nowhere else.

"slack", "ties.between", "innovation.cost" (parameters), "months" (a field), "mechanisms.leadership",
"innovation.values.client_agency", "profiles.NAME.DIMENSION", "organisations.GROUP.slack", "organisations.GROUP.staff",
"commissioners.count", "changes.0.month".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..parameters import PARAMETERS, Parameter

OWN_SECTIONS = ("innovation", "ties")  # of the file, whose parameters carry the section's name in theirs
IN_BLOCK = ("innovation", "profiles", "changes")  # sections that may differ between runs that share a block
NATURAL = "natural"  # alignment_level as the profiles have it, where a value is needed


@dataclass(frozen=True)
class Key:
    """A dotted key. section : of the scenario file ("": a field of the scenario itself, or no section at all).
    of : which group of services, profile, change or part ("values") of the innovation ("": there is none to choose).
    field : what is set there. parameter : the declared parameter that the field is, if it is one.
    """

    section: str
    of: str
    field: str
    parameter: Parameter | None = None

    @property
    def varies_in_block(self) -> bool:
        """Whether it may differ between runs that share a block (else rows with different values run apart)."""
        if self.parameter is not None:
            return self.parameter.scope != "society"
        if self.section == "changes":
            return self.field in ("month", "set", "scale")
        return self.field == "alignment_level" if not self.section else bool(self.of) and self.section in IN_BLOCK


def parsed(name: str) -> Key:
    """A key taken apart; whether there is such a setting is another matter (`Scenario.settable`)."""
    if name in PARAMETERS:
        section, short = section_of(name)
        return Key(section, "", short, PARAMETERS[name])
    section, *path = name.split(".")
    if not path:
        return Key("", "", name)
    if len(path) == 1:
        return Key(section, "", path[0])
    field = ".".join(path[1:])
    return Key(section, path[0], field, PARAMETERS.get(field) if section == "organisations" else None)


def declared(name: str) -> Parameter | None:
    """The parameter behind a key ("slack", "organisations.hostel.slack"), if there is one."""
    return parsed(name).parameter


def section_of(name: str) -> tuple[str, str]:
    """Section of a scenario file that holds a parameter, and its name there."""
    head, _, rest = name.partition(".")
    return (head, rest) if head in OWN_SECTIONS else ("parameters", name)


def of_section(section: str) -> list[str]:
    """Parameters that a section of the file holds, by their names there."""
    return [short for name in PARAMETERS for own, short in (section_of(name),) if own == section]


def write(raw: dict[str, Any], name: str, value: Any) -> None:
    """Set a key in the nested mappings of a scenario. Raises KeyError, IndexError or ValueError where there is none."""
    key = parsed(name)
    if not key.section:
        if key.field == "alignment_level" and value in (None, NATURAL):
            raw.pop(key.field, None)
        else:
            raw[key.field] = value
        return
    if key.section == "changes" and not key.of:  # a whole change, or one more
        changes = raw.setdefault("changes", [])
        changes[int(key.field) : int(key.field) + 1] = [value]
        return
    place = raw.setdefault(key.section, {})
    path = [key.of, key.field] if key.of else key.field.split(".")
    if key.section == "organisations":
        place = place[[group["name"] for group in place].index(key.of)]
        path = [key.field] if key.parameter is None else ["parameters", *key.field.split(".")]
    elif key.section == "changes":
        place, path = place[int(key.of)], [key.field]
        if key.field in ("set", "scale"):
            place.pop("scale" if key.field == "set" else "set", None)
    *parents, last = path
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested mappings."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return nested


def flat(nested: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Nested mappings as dotted names with their values."""
    for name, value in nested.items():
        if isinstance(value, Mapping) and depth < 6:
            yield from flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value


def group_of(service: str, groups: Iterable[tuple[str, int]]) -> int:
    """Number (from 0) of the group, of (name, count) each, that a service belongs to. Raises KeyError for none."""
    for number, (name, count) in enumerate(groups):
        if service == name or (
            count > 1 and service.startswith(f"{name} ") and is_service(service[len(name) + 1 :], count)
        ):
            return number
    raise KeyError(service)


def is_service(number: str, count: int) -> bool:
    """Whether that is the number of one of `count` services alike."""
    return number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 12 and int(number) <= count
