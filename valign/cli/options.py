"""What is typed after the commands that simulate: the options that they share, and how their values are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.model.reading import TomlError, parse_toml

from .where import Where

if TYPE_CHECKING:
    from valign.experiments.batch.executors import How
    from valign.model.scenario.scenario import Scenario


@dataclass(frozen=True)
class Options:
    """The options of a command that simulates a scenario."""

    seed: int
    months: int | None
    settings: tuple[str, ...]
    out: Path | None
    show: bool
    quiet: bool
    as_json: bool

    @property
    def silent(self) -> bool:
        """Whether nothing is said beside the result."""
        return self.quiet or self.as_json

    def scenario(self, name: str) -> Scenario:
        """The scenario with the changes of the command line."""
        return scenario_of(name, self.settings, self.months)


@dataclass(frozen=True)
class EnsembleOptions(Options):
    """The options that `run`, `levels` and `compare` share."""

    runs: int | None = None
    societies: int | None = None
    record: tuple[str, ...] = ()
    where: Where | None = None
    worlds: int | None = None

    def count(self, scenario: Scenario) -> int:
        """How many runs that is of one scenario: `--runs`, in each world where worlds are asked for."""
        return self.each(scenario) * (1 if self.worlds is None else self.worlds)

    def each(self, scenario: Scenario) -> int:
        """Runs in each world, or of the scenario where none are asked for."""
        from valign.experiments.default_worlds import runs_of

        return runs_of(scenario, self.runs, self.worlds)

    def how(self) -> How:
        """Where runs are computed."""
        from valign.experiments.batch.executors import How

        return How() if self.where is None else self.where.how()


def in_worlds(worlds: int | None, at_defaults: bool) -> int | None:
    """In how many worlds `levels` and `compare` make their runs."""
    if not at_defaults:
        from valign.experiments.default_worlds import WORLDS

        return WORLDS if worlds is None else worlds
    if worlds is not None:
        raise InputError(["--at-defaults cannot go with --worlds: either worlds differ, or there is only one"])
    return None


def setting(text: str, before: str = "--set ") -> tuple[str, Any]:
    """KEY=VALUE as typed: numbers, true, false and lists as in TOML, anything else is a word. before: for messages."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError([f"{before}{text}: expected KEY=VALUE, e.g. coproduction_intensity=0.3"])
    try:
        return key.strip(), parse_toml(f"value = {value}")["value"]
    except TomlError:
        return key.strip(), value.strip()


def loaded(name: str) -> Scenario:
    """A scenario by its name, from a TOML file, or from a filled-in questionnaire."""
    from valign.model.scenario.scenario import Scenario

    from . import survey

    return survey.as_scenario(name) if survey.is_survey(name) else Scenario.load(name)


def scenario_name(name: str) -> str:
    """A scenario's name or file as it stands; of a filled-in questionnaire, the file that is made of it."""
    from . import survey

    return str(survey.scenario_file(name)) if survey.is_survey(name) else name


def scenario_of(name: str, settings: tuple[str, ...], months: int | None = None) -> Scenario:
    """The scenario with the changes of the command line."""
    changes = dict(map(setting, settings)) | ({} if months is None else {"months": months})
    scenario = loaded(name)
    return scenario.replace(changes) if changes else scenario


def innovation_of(text: str) -> tuple[str, Any]:
    """SCENARIO, or LABEL: KEY=VALUE, KEY=VALUE."""
    from valign.model.scenario.scenario import Scenario

    name, colon, changes = text.partition(":")
    if not colon:
        return name, Scenario.load(name)
    return name.strip(), dict(setting(each, f"--innovation {name}:") for each in changes.split(","))


def split_changes(text: str) -> list[str]:
    """SCENARIO and its changes; the plus sign of a number, as in 1e+1, parts nothing."""
    return re.split(r"\+(?=[A-Za-z])", text)


def precision_of(text: str) -> tuple[str, float]:
    from valign.model.errors import unknown
    from valign.model.outcomes import OUTCOMES

    name, _, number = text.partition("=")
    if name not in OUTCOMES:
        raise InputError([f"--precision {unknown(name, OUTCOMES, 'outcome')}"])
    try:
        width = float(number)
    except ValueError:
        width = 0.0
    if not 0 < width < float("inf"):
        raise InputError([f"--precision {text}: expected OUTCOME=HALF_WIDTH, e.g. --precision uptake_final=0.01"])
    return name, width


def numbers_of(option: str, text: str, example: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError([f"{option} {text}: expected numbers separated by commas, e.g. {example}"]) from None
