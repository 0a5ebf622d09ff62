"""Scenario: what is simulated, as validated TOML.

A file is checked as a whole: every problem is reported at once, with file and key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..errors import InputError, explain, unknown
from ..parameters import MECHANISMS, PARAMETERS
from ..reading import TomlError, parse_toml, read_text, reason
from .settings import NATURAL, group_of, nest, parsed, section_of, write
from .validation import check_structure, cross_check, number_of, people_of

SHIPPED = Path(__file__).resolve().parents[1] / "scenarios"
DIMENSIONS = [
    "client_agency",
    "lived_experience_voice",
    "relational_care",
    "safety_and_rules",
    "proof_of_effect",
    "cashable_savings",
    "wider_social_value",
]
STAGES = ("outside", "piloting", "commissioned", "sustained")
MOST_MONTHS = 12_000


class ScenarioError(InputError):
    """A scenario that cannot be used."""


Number = Annotated[float, BeforeValidator(number_of)]
Share = Annotated[float, BeforeValidator(number_of), Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^.\x00-\x1f\x7f]+$", strict=True)]
Text = Annotated[str, Field(strict=True)]
Line = Annotated[str, Field(strict=True, max_length=1_000)]
Month = Annotated[int, Field(strict=True, ge=1, le=MOST_MONTHS)]
Positive = Annotated[int, Field(strict=True, ge=1, le=10**9)]
People = Annotated[int, Field(strict=True, ge=0, le=10**12)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Innovation(_Part):
    """What spreads.

    name : of the innovation. values : by dimension, in [0, 1]. emphasis : by dimension, 0 or more, how much a
    dimension counts in alignment; they sum to 1. parameters : own settings of `innovation.*` parameters.
    """

    name: Line = "innovation"
    values: dict[str, Share]
    emphasis: dict[str, Annotated[float, BeforeValidator(number_of), Field(ge=0)]]
    parameters: dict[str, Number] = {}


class Group(_Part):
    """A group of services alike.

    name : without dots. count : number of services. staff : mean number a service (it varies by size_spread when
    count > 1). managers, peers : number in each. stage : of the services at the start, "outside", "piloting",
    "commissioned" or "sustained". staff_profile, manager_profile, peer_profile, client_profile : names of profiles.
    parameters : own settings of parameters whose scope is "organisation".
    """

    name: Name
    count: Positive = 1
    staff: People = 10
    managers: People = 1
    peers: People = 0
    stage: Literal["outside", "piloting", "commissioned", "sustained"] = "outside"
    staff_profile: Text = "staff"
    manager_profile: Text = "manager"
    peer_profile: Text = "peer"
    client_profile: Text = "client"
    parameters: dict[str, Number] = {}


class Commissioners(_Part):
    """Who funds: their number (`count`) and the name of their value profile (`profile`)."""

    count: Annotated[int, Field(strict=True, ge=0, le=10**9)] = 0
    profile: Text = "commissioner"


class Condition(_Part):
    """What a change waits for, looked at in each month from the change's on, as the month before left it.

    series : a mean, as in "staff.engaged", "service.in_use" or "commissioner.weight_social" (docs/ODD.md §5.1), over the
    services named in `organisations` (default: all). at_least or below : the threshold, in the unit of the series.
    until : the last month in which it is looked at (default: the horizon). after : months from when it is found to hold until
    the change happens.
    """

    series: Text
    at_least: Number | None = None
    below: Number | None = None
    organisations: tuple[Text, ...] | None = None
    until: Month | None = None
    after: Annotated[int, Field(strict=True, ge=0, le=MOST_MONTHS)] = 0

    @model_validator(mode="after")
    def _one_threshold(self) -> Condition:
        if (self.at_least is None) == (self.below is None):
            raise ValueError("a condition needs either `at_least` or `below`")
        return self

    @property
    def threshold(self) -> float:
        """The number that the series is held against."""
        return self.below if self.at_least is None else self.at_least  # type: ignore[return-value]


class Change(_Part):
    """Something that changes at the beginning of a month (docs/ODD.md §5.1).

    month : from 1 to the horizon, or 0: never (a design can then say so for some of its rows). parameter with `set` (its new value, in its unit) or `scale` (a factor), or
    event = "new_leader" with the `profile` of the managers who come. organisations : names of the services concerned
    (default: all). when : what it waits for; it then happens once, when that is first found to hold.
    """

    month: Annotated[int, Field(strict=True, ge=0, le=MOST_MONTHS)]
    parameter: Text | None = None
    set: Number | None = None
    scale: Number | None = None
    event: Literal["new_leader"] | None = None
    profile: Text | None = None
    organisations: tuple[Text, ...] | None = None
    when: Condition | None = None

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
                raise ValueError('`profile` belongs to event = "new_leader"')
        elif self.profile is None or not self.parameter is self.set is self.scale is None:
            raise ValueError('event = "new_leader" needs `profile` and neither `parameter`, `set` nor `scale`')
        return self


class Tables(_Part):
    """An imported society.

    nodes, edges : CSV files, paths from the scenario file on; codebook : TOML that says what their columns are (see
    `society_from_tables`). Or data : the name of a data set.
    """

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
    change one with `replace`. All raise ScenarioError, which lists every problem found. Nothing of it can be assigned to.

    Attributes
    ----------
    name, title, description : what it is called, in a word, a line and some sentences.
    months : horizon, 1 to 12,000.
    runs : how many are simulated unless asked otherwise, from 1.
    dimensions : names of the K value dimensions (default: seven).
    value_correlations : (dimension, dimension, correlation from -1 to 1) of people's values.
    alignment_metric : how values and the innovation as perceived are held against each other: "distance", "centred" or
        "profile" (docs/ODD.md §3).
    alignment_level : mean alignment at the start, in [0, 1], that values are moved to (None: as the profiles have it).
    alignment_mode : how (§4): "shift" moves all alike, "contract" toward the innovation.
    alignment_roles : of whom.
    relationship_rule : "bounded" (the farther apart, the less people influence each other, and not at all beyond the
        width), "hard" (all alike up to the width) or "constant" (§5.4).
    everybody_aware : whether all know the innovation at the start.
    parameters, ties : settings that differ from the defaults, by name.
    mechanisms : on or off, by name.
    innovation : what spreads.
    profiles : mean values in [0, 1] by name and dimension.
    organisations : groups of services, at least one.
    commissioners : who funds.
    changes : what changes when.
    tables : an imported society in place of a generated one.
    """

    name: Name
    title: Line = ""
    description: Text = ""
    months: Month = 72
    runs: Positive = 100
    dimensions: Annotated[list[Name], Field(min_length=1, max_length=64)] = DIMENSIONS
    value_correlations: list[tuple[Text, Text, Annotated[float, BeforeValidator(number_of), Field(ge=-1, le=1)]]] = []
    alignment_metric: Literal["distance", "centred", "profile"] = "distance"
    alignment_mode: Literal["shift", "contract"] = "shift"
    alignment_level: Share | None = None
    alignment_roles: list[Literal["staff", "manager", "peer", "commissioner"]] = ["staff", "manager", "peer"]
    relationship_rule: Literal["bounded", "hard", "constant"] = "bounded"
    everybody_aware: Annotated[bool, Field(strict=True)] = False
    parameters: dict[str, Number] = {}
    mechanisms: dict[str, Annotated[bool, Field(strict=True)]] = Field(
        default_factory=lambda: dict.fromkeys(MECHANISMS, True)
    )
    innovation: Innovation
    ties: dict[str, Number] = {}
    profiles: dict[Name, dict[str, Share]]
    organisations: Annotated[list[Group], Field(min_length=1)]
    commissioners: Commissioners = Commissioners()
    changes: list[Change] = []
    tables: Tables | None = None

    # --- reading -------------------------------------------------------------------------------------------------
    @classmethod
    def load(cls, name_or_path: str | Path | Scenario) -> Scenario:
        """A shipped scenario by name, or a TOML file by path (a Scenario stays as it is).

        Raises ScenarioError where name_or_path is neither, the file cannot be read, or something in it is wrong.
        """
        if isinstance(name_or_path, Scenario):
            return name_or_path
        text = str(name_or_path)
        if text in scenario_names():
            return cls.from_toml((SHIPPED / f"{text}.toml").read_text("utf-8"), where=f"{text}.toml")
        path = Path(text)
        looks_like_path = path.suffix == ".toml" or len(path.parts) > 1
        if "\0" in text or not text or (not looks_like_path and not path.exists()):
            raise ScenarioError(
                [f"{unknown(text, scenario_names(), 'shipped scenario')} (a path to a .toml file works too)"]
            )
        try:
            content = read_text(path)
        except (OSError, ValueError) as error:
            raise ScenarioError([f"{text}: cannot be read: {reason(error)}"]) from None
        return cls.from_toml(content, where=text)

    @classmethod
    def from_toml(cls, text: str, where: str = "scenario") -> Scenario:
        """A scenario from TOML text; `where` names the file in messages, and paths of tables start in its folder.

        Raises ScenarioError with every problem found.
        """
        try:
            raw = parse_toml(text)
        except TomlError as error:
            raise ScenarioError([f"{where}: {error}"]) from None
        scenario = cls.from_mapping(raw, where, Path(where).parent)
        vars(scenario)["_toml"] = text
        return scenario

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any], where: str = "scenario", folder: str | Path = ".") -> Scenario:
        """A scenario from nested mappings, as TOML gives them; `where` begins every problem in messages.

        folder : where the paths of tables start.

        Raises ScenarioError with every problem found in `raw`.
        """
        try:
            raw = copy.deepcopy(dict(raw))
        except RecursionError:
            raise ScenarioError([f"{where}: nested too deeply"]) from None
        problems, scenario = list(check_structure(raw)), None
        try:
            scenario = cls.model_validate(raw)
        except ValidationError as error:
            problems += [explain(each, _FIELDS) for each in error.errors()]
        else:
            problems += cross_check(scenario.model_dump())
        if scenario is None or problems:
            raise ScenarioError([f"{where}: {problem}" for problem in dict.fromkeys(problems)])
        vars(scenario)["folder"] = str(folder)
        return scenario

    # --- writing and changing ------------------------------------------------------------------------------------
    def to_toml(self, path: str | Path | None = None) -> str:
        """The scenario as TOML: the text it was read from, else written anew; also written to `path` if given.

        Raises ScenarioError where `path` cannot be written.
        """
        import tomli_w

        text: str | None = vars(self).get("_toml")
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
        if flat := raw.pop("parameters", {}):
            raw["parameters"] = nest(flat)
        raw["innovation"] |= nest(raw["innovation"].pop("parameters", {}))
        for group in raw["organisations"]:
            if "parameters" in group:
                group["parameters"] = nest(group["parameters"])
        for change in raw.get("changes", ()):
            for part in (change, change.get("when", {})):
                if "organisations" in part:
                    part["organisations"] = list(part["organisations"])
        if "value_correlations" in raw:
            raw["value_correlations"] = [list(each) for each in raw["value_correlations"]]
        order = [*type(self).model_fields]
        plain = [name for name in order if name in raw and not _is_table(raw[name])]
        return {name: raw[name] for name in [*plain, *(n for n in order if n in raw and n not in plain)]}

    def replace(self, settings: Mapping[str, Any]) -> Scenario:
        """A copy with other settings, validated.

        Keys: any parameter, a field of the scenario ("months"), "mechanisms.leadership", "innovation.values.client_agency",
        "profiles.NAME.DIMENSION", "organisations.GROUP.staff", "organisations.GROUP.slack", "commissioners.count",
        "changes.0.month"; "changes" takes a list of scheduled changes, "changes.N" one of them, where N = their number
        adds one (only one at a time). alignment_level = "natural" takes the level away. Values in the unit of the setting.

        Raises ScenarioError for unknown keys (with the nearest) and values that are not allowed.
        """
        raw = self.to_mapping()
        problems: list[str] = []
        raw.setdefault("mechanisms", dict(self.mechanisms))
        settable = {*self.settable(), "changes", *(f"changes.{n}" for n in range(len(self.changes) + 1))}
        for key, value in settings.items():
            if str(key) in settable:
                write(raw, str(key), value)
            else:
                problems.append(unknown(key, self.settable(), "key"))
        if problems:
            raise ScenarioError(problems)
        return type(self).from_mapping(raw, self.name, self.folder)

    def settable(self) -> list[str]:
        """Every key that `replace` accepts."""
        simple = [
            name
            for name in type(self).model_fields
            if name
            not in (
                "parameters",
                "mechanisms",
                "innovation",
                "ties",
                "profiles",
                "organisations",
                "commissioners",
                "changes",
                "tables",
            )
        ]
        keys = [
            *PARAMETERS,
            *simple,
            *(f"mechanisms.{name}" for name in MECHANISMS),
            "innovation.name",
            "commissioners.count",
            "commissioners.profile",
        ]
        keys += [f"innovation.{part}.{d}" for part in ("values", "emphasis") for d in self.dimensions]
        keys += [f"profiles.{p}.{d}" for p in self.profiles for d in self.dimensions]
        own = [name for name, parameter in PARAMETERS.items() if parameter.scope == "organisation"]
        fields = [name for name in Group.model_fields if name not in ("name", "parameters")]
        keys += [f"organisations.{g}.{name}" for g in self.group_names for name in (*fields, *own)]
        keys += [f"changes.{n}.{name}" for n in range(len(self.changes)) for name in ("month", "set", "scale")]
        return keys

    # --- what the model asks -------------------------------------------------------------------------------------
    def value(self, name: str) -> float:
        """Scenario-wide value of the declared parameter `name`, in its unit. Raises KeyError for any other name."""
        section, short = section_of(name)
        given = {"innovation": self.innovation.parameters, "ties": self.ties, "parameters": self.parameters}[section]
        return given.get(short, PARAMETERS[name].default)

    def setting(self, group: int, name: str) -> float:
        """Value of the parameter `name` in a group of services (its number, from 0): its own, else the scenario's.

        Raises KeyError for a name and IndexError for a group that is none.
        """
        return self.organisations[group].parameters.get(name, self.value(name))

    def read(self, key: str) -> Any:
        """What the scenario says for any key that `replace` takes, its own settings filled up with the defaults.

        A level of alignment that is not set is "natural". Raises KeyError, ValueError or IndexError for any other key.
        """
        at = parsed(key)
        if at.section == "organisations":
            group = self.group_names.index(at.of)
            return (
                getattr(self.organisations[group], at.field) if at.parameter is None else self.setting(group, at.field)
            )
        if at.parameter is not None:
            return self.value(key)
        if not at.section:
            value = getattr(self, key)
            return NATURAL if key == "alignment_level" and value is None else value
        place: Any = getattr(self, at.section)
        if at.section == "changes":
            return getattr(place[int(at.of)], at.field)
        for name in filter(None, (at.of, at.field)):
            place = cast(dict[str, Any], place)[name] if isinstance(place, dict) else getattr(place, name)
        return place

    @cached_property
    def folder(self) -> str:
        """Where the paths in `tables` start: the folder of the file that the scenario was read from."""
        return "."

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
        """Number (from 0) of the group that the service `name` belongs to. Raises KeyError where none has it."""
        return group_of(name, [(group.name, group.count) for group in self.organisations])

    def people(self) -> int:
        """Expected number of people: staff by their mean, managers, peers and commissioners."""
        return people_of(self.model_dump(include={"commissioners", "organisations"}))


def scenario_names() -> list[str]:
    """Names of the scenarios that ship, in order of the alphabet: what `Scenario.load` takes."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def _is_table(value: dict[str, Any] | list[Any] | str | float) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _services(group: Group) -> Iterator[str]:
    if group.count == 1:
        yield group.name
    else:
        yield from (f"{group.name} {number}" for number in range(1, group.count + 1))


_FIELDS = {
    "": list(Scenario.model_fields),
    **{
        name: list(part.model_fields)
        for name, part in (
            ("innovation", Innovation),
            ("organisations", Group),
            ("commissioners", Commissioners),
            ("changes", Change),
            ("tables", Tables),
        )
    },
}
