"""Scenario: what is simulated, as validated TOML.

A file is checked as a whole: every problem is reported at once, with file and key.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .errors import InputError, unknown
from .parameters import MECHANISMS, PARAMETERS

SHIPPED = Path(__file__).resolve().parent / "scenarios"
DIMENSIONS = ["client_agency", "lived_experience_voice", "relational_care", "safety_and_rules", "proof_of_effect",
              "cashable_savings", "wider_social_value"]
STAGES = ("outside", "piloting", "commissioned", "sustained")
BYTES_PER_PERSON, MOST_BYTES = 1500, 64e9
MOST_MONTHS = 12_000


class ScenarioError(InputError):
    """A scenario that cannot be used."""


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("a number is wanted")
    number = float(value) if abs(value) < 1e300 else float("inf")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("a finite number is wanted")
    return number


Number = Annotated[float, BeforeValidator(_number)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^.\x00-\x1f\x7f]+$", strict=True)]
Text = Annotated[str, Field(strict=True)]


def _whole(low: int, high: int) -> Any:
    return Annotated[int, Field(strict=True, ge=low, le=high)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Innovation(_Part):
    """What spreads: values in [0, 1], emphasis (shares, sum 1), and own settings of `innovation.*` parameters."""

    name: Text = "innovation"
    values: dict[str, Share]
    emphasis: dict[str, Annotated[float, BeforeValidator(_number), Field(ge=0)]]
    parameters: dict[str, Number] = {}


class Group(_Part):
    """A group of services alike. staff: mean number (varies by size_spread when count > 1)."""

    name: Name
    count: _whole(1, 10**9) = 1
    staff: _whole(0, 10**12) = 10
    managers: _whole(0, 10**12) = 1
    peers: _whole(0, 10**12) = 0
    stage: Literal["outside", "piloting", "commissioned", "sustained"] = "outside"
    staff_profile: Text = "staff"
    manager_profile: Text = "manager"
    peer_profile: Text = "peer"
    client_profile: Text = "client"
    parameters: dict[str, Number] = {}


class Commissioners(_Part):
    """Who funds: number and profile."""

    count: _whole(0, 10**9) = 0
    profile: Text = "commissioner"


class Change(_Part):
    """At `month`, set or scale a parameter, or (event) bring in a new leader of a profile."""

    month: _whole(1, MOST_MONTHS)
    parameter: Text | None = None
    set: Number | None = None
    scale: Number | None = None
    event: Literal["new_leader"] | None = None
    profile: Text | None = None
    organisations: tuple[Text, ...] | None = None

    @property
    def value(self) -> float:
        """The number that the change sets or multiplies by."""
        return self.scale if self.set is None else self.set  # type: ignore[return-value]

    @model_validator(mode="after")
    def _one_thing(self) -> Change:
        if self.event is None:
            if self.parameter is None:
                raise ValueError("a change needs `parameter` with `set` or `scale`, or `event`")
            if (self.set is None) == (self.scale is None):
                raise ValueError("a change of a parameter needs either `set` or `scale`")
            if self.profile is not None:
                raise ValueError("`profile` belongs to event = \"new_leader\"")
        elif self.profile is None or not self.parameter is self.set is self.scale is None:
            raise ValueError("event = \"new_leader\" needs `profile` and neither `parameter`, `set` nor `scale`")
        return self


class Tables(_Part):
    """An imported society: nodes and edges (CSV, beside the scenario file), or a data set by name."""

    nodes: Text | None = None
    edges: Text | None = None
    codebook: Text | None = None
    data: Text | None = None

    @model_validator(mode="after")
    def _either(self) -> Tables:
        if (self.data is None) == (self.nodes is None) or (self.nodes is None) != (self.edges is None):
            raise ValueError("give either `data`, or `nodes` and `edges`")
        return self


class Scenario(_Part):
    """A scenario: who there is, what spreads, what happens when.

    Make one with `Scenario.load("two-services")`, `Scenario.load("mine.toml")`, `Scenario.from_toml(text)`, or
    change one with `replace`. All raise ScenarioError, which lists every problem found.
    """

    name: Name
    title: Text = ""
    description: Text = ""
    months: _whole(1, MOST_MONTHS) = 72
    runs: _whole(1, 10**9) = 100
    dimensions: Annotated[list[Name], Field(min_length=1, max_length=64)] = DIMENSIONS
    value_correlations: list[tuple[Text, Text, Annotated[float, BeforeValidator(_number), Field(ge=-1, le=1)]]] = []
    alignment_metric: Literal["distance", "centred", "profile"] = "distance"
    alignment_mode: Literal["shift", "contract"] = "shift"
    alignment_level: Share | None = None
    alignment_roles: list[Literal["staff", "manager", "peer", "commissioner"]] = ["staff", "manager", "peer"]
    sustainment_rule: Literal["emergent", "direct"] = "emergent"
    relationship_rule: Literal["bounded", "constant"] = "bounded"
    everybody_aware: Annotated[bool, Field(strict=True)] = False
    parameters: dict[str, Number] = {}
    mechanisms: dict[str, Annotated[bool, Field(strict=True)]] = Field(default_factory=lambda: dict.fromkeys(MECHANISMS, True))
    innovation: Innovation
    ties: dict[str, Number] = {}
    profiles: dict[Name, dict[str, Share]]
    organisations: Annotated[list[Group], Field(min_length=1)]
    commissioners: Commissioners = Commissioners()
    changes: list[Change] = []
    tables: Tables | None = None

    # --- reading -------------------------------------------------------------------------------------------------
    @classmethod
    def load(cls, name_or_path: str | Path) -> Scenario:
        """A shipped scenario by name, or a TOML file by path."""
        text = str(name_or_path)
        if text in scenario_names():
            return cls.from_toml((SHIPPED / f"{text}.toml").read_text("utf-8"), where=f"{text}.toml")
        path = Path(text)
        looks_like_path = path.suffix == ".toml" or len(path.parts) > 1
        if "\0" in text or not text or (not looks_like_path and not path.exists()):
            raise ScenarioError([unknown(text, scenario_names(), "shipped scenario") + " A path to a .toml file works too."])
        try:
            content = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            raise ScenarioError([f"{text}: cannot be read: {reason}"]) from None
        return cls.from_toml(content, where=text)

    @classmethod
    def from_toml(cls, text: str, where: str = "scenario") -> Scenario:
        """A scenario from TOML text; `where` names the file in messages."""
        try:
            raw = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            raise ScenarioError([f"{where}: not valid TOML: {error}"]) from None
        scenario = cls.from_mapping(raw, where)
        scenario.__dict__["_toml"], scenario.__dict__["folder"] = text, str(Path(where).parent)
        return scenario

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any], where: str = "scenario") -> Scenario:
        """A scenario from nested mappings, as TOML gives them."""
        raw = copy.deepcopy(dict(raw))
        problems = list(_structure(raw))
        try:
            scenario = cls.model_validate(raw)
        except ValidationError as error:
            problems += [_explain(each) for each in error.errors()]
        except RecursionError:
            problems.append("nested too deeply")
        else:
            problems += _cross_check(scenario)
        if problems:
            raise ScenarioError([f"{where}: {problem}" for problem in dict.fromkeys(problems)])
        return scenario

    # --- writing and changing ------------------------------------------------------------------------------------
    def to_toml(self, path: str | Path | None = None) -> str:
        """The scenario as TOML: the text it was read from, else written anew; also written to `path` if given."""
        import tomli_w

        text = self.__dict__.get("_toml")
        if text is None:
            text = tomli_w.dumps(self.to_mapping())
        if path is not None:
            try:
                Path(path).write_text(text, "utf-8")
            except OSError as error:
                raise ScenarioError([f"{path}: cannot be written: {error.strerror}"]) from None
        return text

    def to_mapping(self) -> dict[str, Any]:
        """Nested mappings, as a TOML file of this scenario would give them; what is unset or default is left out."""
        raw = self.model_dump(exclude_none=True, exclude_defaults=True)
        if all(self.mechanisms.values()):
            raw.pop("mechanisms", None)
        for section, flat in [(raw, raw.pop("parameters", {}))]:
            if flat:
                section["parameters"] = _nest(flat)
        raw["innovation"] |= _nest(raw["innovation"].pop("parameters", {}))
        for group in raw["organisations"]:
            if "parameters" in group:
                group["parameters"] = _nest(group["parameters"])
        for change in raw.get("changes", ()):
            if "organisations" in change:
                change["organisations"] = list(change["organisations"])
        if "value_correlations" in raw:
            raw["value_correlations"] = [list(each) for each in raw["value_correlations"]]
        order = [*type(self).model_fields]
        plain = [name for name in order if name in raw and not _is_table(raw[name])]
        return {name: raw[name] for name in [*plain, *(n for n in order if n in raw and n not in plain)]}

    def replace(self, settings: Mapping[str, Any]) -> Scenario:
        """A copy with other settings, validated.

        Keys: any parameter, a field of the scenario ("months"), "mechanisms.leadership", "innovation.values.client_agency",
        "profiles.NAME.DIMENSION", "organisations.GROUP.staff", "organisations.GROUP.slack", "commissioners.count",
        "changes.0.month". alignment_level = "natural" takes the level away.
        """
        raw, problems = self.to_mapping(), []
        raw.setdefault("mechanisms", dict(self.mechanisms))
        for key, value in settings.items():
            try:
                self._set(raw, str(key), value)
            except (KeyError, IndexError, ValueError):
                problems.append(unknown(key, self.keys(), "key"))
        if problems:
            raise ScenarioError(problems)
        changed = type(self).from_mapping(raw, self.name)
        changed.__dict__["folder"] = self.__dict__.get("folder", ".")
        return changed

    def keys(self) -> list[str]:
        """Everything `replace` accepts."""
        simple = [name for name in type(self).model_fields
                  if name not in ("parameters", "mechanisms", "innovation", "ties", "profiles", "organisations", "commissioners",
                                  "changes", "tables")]
        keys = [*PARAMETERS, *simple, *(f"mechanisms.{name}" for name in MECHANISMS), "innovation.name",
                "commissioners.count", "commissioners.profile"]
        keys += [f"innovation.{part}.{d}" for part in ("values", "emphasis") for d in self.dimensions]
        keys += [f"profiles.{p}.{d}" for p in self.profiles for d in self.dimensions]
        own = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]
        fields = [name for name in Group.model_fields if name not in ("name", "parameters")]
        keys += [f"organisations.{g}.{name}" for g in self.group_names for name in (*fields, *own)]
        keys += [f"changes.{n}.{name}" for n in range(len(self.changes)) for name in ("month", "set", "scale")]
        return keys

    def _set(self, raw: dict[str, Any], key: str, value: Any) -> None:
        if key not in self.keys():
            raise KeyError(key)
        if key in PARAMETERS:
            section, short = _section(key)
            place = raw.setdefault(section, {})
            *parents, last = short.split(".")
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = value
        elif key == "alignment_level" and value in (None, "natural"):
            raw.pop(key, None)
        elif "." not in key:
            raw[key] = value
        else:
            section, *path = key.split(".")
            place = raw.setdefault(section, {})
            if section == "organisations":
                place = place[self.group_names.index(path[0])]
                path = path[1:] if path[1] in Group.model_fields else ["parameters", *path[1:]]
            elif section == "changes":
                place, path = place[int(path[0])], path[1:]
                if path[0] in ("set", "scale"):
                    place.pop("scale" if path[0] == "set" else "set", None)
            for parent in path[:-1]:
                place = place.setdefault(parent, {})
            place[path[-1]] = value

    # --- what the model asks -------------------------------------------------------------------------------------
    def value(self, name: str) -> float:
        """Scenario-wide value of a declared parameter."""
        section, short = _section(name)
        given = {"innovation": self.innovation.parameters, "ties": self.ties, "parameters": self.parameters}[section]
        return given.get(short, PARAMETERS[name].default)

    def setting(self, group: int, name: str) -> float:
        """Value of a parameter in a group of services: its own, else the scenario's."""
        return self.organisations[group].parameters.get(name, self.value(name))

    @cached_property
    def group_names(self) -> list[str]:
        """Names of the groups of services."""
        return [group.name for group in self.organisations]

    @cached_property
    def profile_names(self) -> list[str]:
        """Names of the value profiles."""
        return list(self.profiles)

    def service_names(self) -> list[str]:
        """Names of all services: the group's, numbered when there are several."""
        return [name for group in self.organisations for name in _services(group)]

    def group_of_service(self, name: str) -> int:
        """Number of the group that a service belongs to. Raises KeyError."""
        for number, group in enumerate(self.organisations):
            if name == group.name or (name.startswith(f"{group.name} ") and group.count > 1
                                      and _is_service(name[len(group.name) + 1:], group.count)):
                return number
        raise KeyError(name)

    def people(self) -> int:
        """Expected number of people."""
        return self.commissioners.count + sum(g.count * (g.staff + g.managers + g.peers) for g in self.organisations)


def scenario_names() -> list[str]:
    """Names of the scenarios that ship."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _services(group: Group) -> Iterator[str]:
    if group.count == 1:
        yield group.name
    else:
        yield from (f"{group.name} {number}" for number in range(1, group.count + 1))


def _is_service(number: str, count: int) -> bool:
    return number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 12 and int(number) <= count


def _section(name: str) -> tuple[str, str]:
    """Section of a scenario file that holds a parameter, and its name there."""
    head, _, rest = name.partition(".")
    return (head, rest) if head in ("innovation", "ties") else ("parameters", name)


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
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


def _structure(raw: dict[str, Any]) -> Iterator[str]:
    """Flatten nested parameter tables in place and report unknown or impossible parameters."""
    in_general = [name for name in PARAMETERS if _section(name)[0] == "parameters"]
    of_services = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]
    if isinstance(raw.get("parameters"), dict):
        raw["parameters"] = dict(_flatten(raw["parameters"]))
        yield from _check_parameters(raw["parameters"], in_general, "parameters", "")
    if isinstance(raw.get("ties"), dict):
        raw["ties"] = dict(_flatten(raw["ties"]))
        yield from _check_parameters(raw["ties"], [_section(n)[1] for n in PARAMETERS if n.startswith("ties.")], "ties", "ties.")
    innovation = raw.get("innovation")
    if isinstance(innovation, dict):
        own = {name: innovation.pop(name) for name in list(innovation) if name not in ("name", "values", "emphasis")}
        innovation["parameters"] = dict(_flatten(own))
        short = [_section(name)[1] for name in PARAMETERS if name.startswith("innovation.")]
        yield from _check_parameters(innovation["parameters"], short, "innovation", "innovation.", ("name", "values", "emphasis"))
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


def _check_parameters(given: dict[str, Any], allowed: list[str], where: str, prefix: str,
                      others: tuple[str, ...] = ()) -> Iterator[str]:
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
    allowed = f"allowed is {parameter.minimum:g} to {parameter.maximum:g} ({parameter.unit})"
    try:
        number = _number(value)
    except ValueError as error:
        return f"{_short(value)}: {error}; {allowed}"
    if not parameter.minimum <= number <= parameter.maximum:
        return f"{value!r}: {allowed}"
    if parameter.integer and number != int(number):
        return f"{value!r}: a whole number is wanted; {allowed}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _explain(error: Mapping[str, Any]) -> str:
    """A pydantic error in our words."""
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if error["type"] == "extra_forbidden":
        allowed = _fields_at(error["loc"][:-1])
        return f"{key}: {unknown(error['loc'][-1], allowed, 'key')}"
    if error["type"] == "missing":
        return f"{key}: is missing"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    return f"{key} = {_short(error['input'])}: {message}" if not isinstance(error["input"], (dict, list)) else f"{key}: {message}"


def _fields_at(path: tuple[Any, ...]) -> list[str]:
    parts = {"innovation": Innovation, "organisations": Group, "commissioners": Commissioners, "changes": Change, "tables": Tables}
    return [*(parts[path[0]] if path else Scenario).model_fields]


def _cross_check(s: Scenario) -> Iterator[str]:
    """What can only be seen when sections are held against each other."""
    for name in dict.fromkeys(d for d in s.dimensions if s.dimensions.count(d) > 1):
        yield f"dimensions: {name!r} stands there more than once"
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
        yield f"organisations: the name {name!r} stands there more than once"
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
        yield (f"organisations: {s.people():,} people would need about {needed / 1e9:,.0f} GB of memory; "
               f"at most {int(MOST_BYTES / BYTES_PER_PERSON):,} people are allowed")


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
        problem = "shapes the society and cannot change during a run" if name in PARAMETERS else unknown(name, allowed, "parameter")
        yield f"{where}.parameter: {name + ' ' if name in PARAMETERS else ''}{problem}"
        return
    if change.set is not None and (problem := _limits(name, change.set)):
        yield f"{where}.set = {problem}"
    if change.organisations is not None and PARAMETERS[name].scope != "organisation":
        yield f"{where}.organisations: {name} cannot differ between organisations"

