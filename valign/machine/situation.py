"""What a visitor's page asks about: a scenario, what is set in it, and the ceilings on both."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from valign.model.errors import InputError, explain
from valign.model.reading import TomlError, parse_toml
from valign.model.scenario.scenario import Scenario

from ..cli.options import setting
from ..page.levers import with_changes

MOST_PEOPLE, MOST_SERVICES, MOST_MONTHS, MOST_CHANGES = 60_000, 5_000, 600, 100
MOST_PERSON_MONTHS = 150e6  # of the runs of one question
FEWEST_RUNS = 4
CHANGED = "your-setting.toml"
OWN = "scenario.toml"  # in a folder of what was read

Word = Annotated[str, Field(max_length=200)]
Words = Annotated[list[Word], Field(max_length=40)]


class Asked(BaseModel):
    """What a page may ask for. set, changes: of the page's levers; more: any setting, as typed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Word
    scenario: Word = ""
    set: Annotated[dict[Word, bool | int | float | Word], Field(max_length=300)] = {}
    changes: Annotated[list[dict[Word, Any]], Field(max_length=MOST_CHANGES)] = []
    more: Annotated[str, Field(max_length=20_000)] = ""
    files: Annotated[dict[Word, Word], Field(max_length=4)] = {}
    budget: Annotated[float, Field(allow_inf_nan=False)] = 300_000
    goal: Literal["use", "sustained", "value"] = "use"
    years: Annotated[int, Field(ge=1, le=20)] = 6
    never: Words = []
    claim: Word = "C1"
    here: bool = True
    factors: Words = []
    outcome: Word = "uptake_final"


def asked_of(body: Mapping[str, Any]) -> Asked:
    """What a page asks for, checked. Raises InputError listing all that is wrong."""
    try:
        return Asked.model_validate(body)
    except ValidationError as error:
        problems = [explain(each, {"": Asked.model_fields}) for each in error.errors()[:20]]
        raise InputError(list(dict.fromkeys(problems))) from None


@dataclass(frozen=True)
class Situation:
    """The scenario as it stands (base) and with everything that is set (now).

    words : what stands for it on the command line. settings : what is set, by name.
    """

    base: Scenario
    now: Scenario
    name: str
    words: Sequence[str]
    settings: Mapping[str, Any]

    @property
    def changed(self) -> bool:
        return len(self.words) > 1 or self.words[0] != self.name

    def runs(self, wanted: int, ensembles: int = 1) -> int:
        """So many runs, or fewer of a large scenario. Raises InputError where too few are left to say anything."""
        load = self.now.people() * self.now.months * ensembles
        runs = min(wanted, int(MOST_PERSON_MONTHS // load))
        if runs < FEWEST_RUNS:
            raise InputError(
                [
                    f"{self.now.people():,} people over {self.now.months} months are more than this page computes: "
                    "fewer months or people need less, and the command line has no such limit"
                ]
            )
        return runs


def typed(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Settings as typed, NAME = VALUE in each line, and changes as in a scenario's file. Raises InputError."""
    lines = [line.strip() for line in text.splitlines()]
    first = next((n for n, line in enumerate(lines) if line.startswith("[")), len(lines))
    settings = dict(setting(line, "") for line in lines[:first] if line and not line.startswith("#"))
    try:
        rest = parse_toml("\n".join(lines[first:]))
    except TomlError as error:
        raise InputError([f"scheduled changes: {error}"]) from None
    changes = rest.pop("changes", [])
    if rest or not isinstance(changes, list) or not all(isinstance(each, dict) for each in changes):
        raise InputError(["after the settings, only scheduled changes are expected, each under [[changes]]"])
    return settings, changes


def situation(asked: Asked, source: Mapping[str, str]) -> Situation:
    """The scenario that is asked about; files that it needs are put into the working folder. Raises InputError.

    source : the name of a shipped scenario, or the folder of what a visitor's file was made into.
    """
    if folder := source.get("folder"):
        for path in Path(folder).iterdir():
            if path.is_file():
                shutil.copy(path, path.name)
        name = OWN
    else:
        name = source["name"]
    base = Scenario.load(name)
    more, scheduled = typed(asked.more)
    settings, changes = {**asked.set, **more}, [*asked.changes, *scheduled]
    now = base.replace(settings) if settings else base
    if changes:
        now = with_changes(now, changes)
    check_size(now)
    words = [name, *(part for key, value in settings.items() for part in ("--set", f"{key}={_as_typed(value)}"))]
    if changes:
        Path(CHANGED).write_text(now.to_toml(), "utf-8")
        words = [CHANGED]
    return Situation(base, now, name, words, settings)


def _as_typed(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def check_size(scenario: Scenario) -> None:
    """Raise InputError for what is too large for the page, before anything of that size is built."""
    sizes = (
        ("people", scenario.people(), MOST_PEOPLE),
        ("services", sum(group.count for group in scenario.organisations), MOST_SERVICES),
        ("months", scenario.months, MOST_MONTHS),
        ("scheduled changes", len(scenario.changes), MOST_CHANGES),
    )
    problems = [
        f"{what}: {number:,}; this page takes at most {most:,} (`valign run` takes more)"
        for what, number, most in sizes
        if number > most
    ]
    ties = (
        min(scenario.value("ties.team_size"), scenario.people()) * scenario.value("ties.team_density")
        + 2 * scenario.value("ties.cross_team")
        + 2 * scenario.value("ties.between")
    )
    if ties * scenario.people() > 50 * MOST_PEOPLE or not math.isfinite(ties):
        problems.append("ties: more than this page computes (`valign run` takes more)")
    if problems:
        raise InputError(problems)
