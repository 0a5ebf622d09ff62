"""What a session has set, its limits, and its link: text that is parsed and checked, never evaluated."""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from valign.model.errors import InputError, unknown
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.scenario.scenario import Scenario, ScenarioError, scenario_names

RUNS, SOCIETIES, SEED = 64, 4, 1
MOST_TOML, MOST_LINK, MOST_CHANGES = 200_000, 16_000, 100
MOST_PEOPLE, MOST_SERVICES, MOST_MONTHS = 60_000, 5_000, 600
MOST_PERSON_MONTHS = 30e6  # people x months x runs of one ensemble, at a dozen ties a person
FEWEST_RUNS = 2
VIEWS = ("results", "compare", "levels", "why", "society", "changes", "claims", "sensitivity", "files")
UPLOAD = "upload"  # in a link: an uploaded survey and network were there, which do not travel

MAIN = (  # parameters that stand first
    "coproduction_intensity",
    "power_sharing",
    "leadership_strength",
    "innovation.clarity",
    "innovation.evidence_strength",
    "dialogue",
    "slack",
    "turnover_staff",
)


@dataclass(frozen=True)
class Settings:
    """A scenario and what was changed of it. toml: the text of one's own scenario, instead of a shipped one.

    mechanisms: switches that differ. level: a number, "natural", or None for the scenario's own. changes: the schedule
    as mappings, None for the scenario's own.
    """

    scenario: str = "two-services"
    toml: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    mechanisms: Mapping[str, bool] = field(default_factory=dict)
    level: float | str | None = None
    months: int | None = None
    changes: tuple[Mapping[str, Any], ...] | None = None

    def base(self) -> Scenario:
        """The scenario with everything that runs of a block share; the same object each time, so ties are kept."""
        shared = {name: value for name, value in self.parameters.items() if PARAMETERS[name].scope == "society"}
        shared |= {f"mechanisms.{name}": on for name, on in self.mechanisms.items()}
        shared |= {} if self.months is None else {"months": self.months}
        changes = None if self.changes is None else json.dumps(self.changes, sort_keys=True)
        return _base(self.scenario, self.toml, tuple(sorted(shared.items())), changes)

    def row(self) -> dict[str, float]:
        """What may differ between runs of a block: a row of a design, without seeds."""
        row = {name: value for name, value in self.parameters.items() if PARAMETERS[name].scope != "society"}
        if self.level is not None:
            row["alignment_level"] = math.nan if self.level == "natural" else float(self.level)
        return row

    def whole(self) -> Scenario:
        """The scenario with all settings, as one would write it to a file. Raises ScenarioError."""
        row: dict[str, Any] = self.row()
        if self.level is not None:
            row["alignment_level"] = self.level
        return self.base().replace(row) if row else self.base()

    def with_parameter(self, name: str, value: float) -> Settings:
        """The same with one parameter changed; at the scenario's own value it is no change."""
        rest = {key: each for key, each in self.parameters.items() if key != name}
        own = original(self).value(name)
        return replace(self, parameters=rest if value == own else {**rest, name: value})

    def with_mechanism(self, name: str, on: bool) -> Settings:
        rest = {key: each for key, each in self.mechanisms.items() if key != name}
        return replace(self, mechanisms=rest if original(self).mechanisms[name] == on else {**rest, name: on})


def original(settings: Settings) -> Scenario:
    """The scenario before any change."""
    return _base(settings.scenario, settings.toml, (), None)


@lru_cache(maxsize=64)
def _base(name: str, toml: str, shared: tuple[tuple[str, Any], ...], changes: str | None) -> Scenario:
    if shared or changes is not None:
        scenario = _base(name, toml, (), None)
        scenario = scenario.replace(dict(shared)) if shared else scenario
        if changes is not None:
            scenario = Scenario.from_mapping(
                scenario.to_mapping() | {"changes": json.loads(changes)}, scenario.name, scenario.folder
            )
        check_size(scenario)
        return scenario
    if not toml:
        if name not in scenario_names():  # never a path: the page reads no files
            raise ScenarioError([unknown(name, scenario_names(), "shipped scenario")])
        return Scenario.load(name)
    if len(toml) > MOST_TOML:
        raise ScenarioError([f"the scenario has {len(toml):,} characters; at most {MOST_TOML:,} are taken"])
    scenario = Scenario.from_toml(toml, name)
    if scenario.tables is not None and scenario.tables.data is None:
        raise ScenarioError(
            [
                f"{name}: [tables] names files, which this page does not read: "
                "take the section out and upload survey and network beside the scenario"
            ]
        )
    check_size(scenario)
    return scenario


# --- limits ----------------------------------------------------------------------------------------------------------
def check_size(scenario: Scenario) -> None:
    """Raise ScenarioError for what is too large for the page, before anything of that size is built."""
    services, people = sum(group.count for group in scenario.organisations), scenario.people()
    problems = [
        f"{what}: {number:,}; this page takes at most {most:,} (`valign run` takes more)"
        for what, number, most in (
            ("people", people, MOST_PEOPLE),
            ("services", services, MOST_SERVICES),
            ("months", scenario.months, MOST_MONTHS),
            ("scheduled changes", len(scenario.changes), MOST_CHANGES),
        )
        if number > most
    ]
    if problems:
        raise ScenarioError(problems)


def runs_allowed(scenario: Scenario, people: int, wanted: int = RUNS) -> int:
    """How many runs of a scenario the page computes: as wanted, or fewer of a large one; InputError where too few."""
    ties = (
        min(scenario.value("ties.team_size"), people) * scenario.value("ties.team_density")
        + 2 * scenario.value("ties.cross_team")
        + 2 * scenario.value("ties.between")
    )
    load = max(1, people) * scenario.months * (1 + max(0.0, ties - 12) / 12)
    runs = int(min(wanted, MOST_PERSON_MONTHS // load))
    if runs < FEWEST_RUNS:
        raise InputError(
            [
                f"{people:,} people over {scenario.months} months are more than this page computes "
                f"({MOST_PERSON_MONTHS / 1e6:.0f} million person-months for {FEWEST_RUNS} runs or more); fewer "
                "months, people or ties need less, and `valign run` has no such limit"
            ]
        )
    return runs


# --- the link --------------------------------------------------------------------------------------------------------
def encode(now: Settings, pinned: Settings | None = None, view: str = "results", uploads: Sequence[str] = ()) -> str:
    """The query of a link that restores the state. Raises InputError where it would be too long for a browser.

    uploads : "upload" where the settings have an uploaded survey and network, "pin.upload" where those pinned have:
    the link says so, and no more, since files do not travel in it.
    """
    pairs = [
        *((name, "yes") for name in uploads),
        *_pairs(now),
        *((f"pin.{key}", value) for key, value in (_pairs(pinned) if pinned is not None else ())),
    ]
    text = urlencode(pairs + ([("view", view)] if view != "results" else []))
    if len(text) > MOST_LINK:
        raise InputError(
            [
                f"the link would have {len(text):,} characters, at most {MOST_LINK:,} work everywhere: download "
                "the scenario instead"
            ]
        )
    return text


def _pairs(settings: Settings) -> Iterable[tuple[str, str]]:
    yield "scenario", settings.scenario
    if settings.toml:
        yield "toml", base64.urlsafe_b64encode(zlib.compress(settings.toml.encode(), 9)).decode()
    yield from ((name, repr(float(value))) for name, value in settings.parameters.items())
    for word, wanted in (("on", True), ("off", False)):
        if names := [name for name, on in settings.mechanisms.items() if on == wanted]:
            yield word, ",".join(names)
    if settings.level is not None:
        yield "level", settings.level if isinstance(settings.level, str) else repr(settings.level)
    if settings.months is not None:
        yield "months", str(settings.months)
    if settings.changes is not None:
        yield from (("change", json.dumps(each, separators=(",", ":"))) for each in settings.changes or ("none",))


def decode(pairs: Sequence[tuple[str, str]]) -> tuple[Settings, Settings | None, str]:
    """Settings, pinned settings and view of a link's query. Raises InputError with everything that is wrong."""
    problems: list[str] = []
    if sum(len(key) + len(value) for key, value in pairs) > 4 * MOST_LINK:
        raise InputError(["the link is too long"])
    view = next((value for key, value in pairs if key == "view"), "results")
    if view not in VIEWS:
        problems.append(unknown(view, VIEWS, "view"))
    pairs = [pair for pair in pairs if pair[0] not in ("view", UPLOAD, f"pin.{UPLOAD}")]
    own = [pair for pair in pairs if not pair[0].startswith("pin.")]
    pin = [(key[4:], value) for key, value in pairs if key.startswith("pin.")]
    now, pinned = _settings(own, problems), _settings(pin, problems) if pin else None
    for each in [now, pinned] if not problems else []:
        try:
            if each is not None:
                each.whole()
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return now, pinned, view


def _settings(pairs: Sequence[tuple[str, str]], problems: list[str]) -> Settings:
    parameters: dict[str, float] = {}
    mechanisms: dict[str, bool] = {}
    given: dict[str, Any] = {}
    changes: list[Any] = []
    for key, value in pairs:
        try:
            if key in PARAMETERS:
                parameters[key] = number(value)
            elif key == "scenario":
                given["scenario"] = value[:100]
            elif key == "toml":
                given["toml"] = _unpacked(value)
            elif key in ("on", "off"):
                names = value.split(",")
                problems += [unknown(name, MECHANISMS, "mechanism") for name in names if name not in MECHANISMS]
                mechanisms |= {name: key == "on" for name in names if name in MECHANISMS}
            elif key == "level":
                given["level"] = value if value == "natural" else number(value)
            elif key == "months":
                given["months"] = int(number(value))
            elif key == "change":
                changes.append(json.loads(value))
                given["changes"] = ()
            else:
                problems.append(
                    unknown(key, [*PARAMETERS, "scenario", "on", "off", "level", "months", "change", "view"], "setting")
                )
        except (ValueError, OverflowError, RecursionError):
            problems.append(f"{key} = {value[:60]!r}: cannot be read")
    if "changes" in given:
        given["changes"] = tuple(each for each in changes if each != "none")
        problems += [
            f"change = {str(each)[:60]!r}: expected a table" for each in given["changes"] if not isinstance(each, dict)
        ]
    return Settings(parameters=parameters, mechanisms=mechanisms, **given)


def number(text: str) -> float:
    """A finite number. Raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _unpacked(text: str) -> str:
    """The TOML of a link, with a limit on what it may unpack to."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.urlsafe_b64decode(text.encode()), MOST_TOML)
    except (binascii.Error, zlib.error) as error:
        raise ValueError("toml") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("toml")
    return content.decode("utf-8")
