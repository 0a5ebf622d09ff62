"""What was observed: a folder with a description (data.toml) and CSV tables; everything wrong is said at once.

Individual histories (people with values or orientation, period of adoption, censoring; ties), aggregate series (counts
or shares by period, with their denominators and an observation error) and patterns (single numbers, each with its
uncertainty), any number of each. docs/CALIBRATION.md shows a worked description.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from valign.model.errors import InputError, explain, unknown
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import ROLES
from valign.model.reading import TomlError, parse_toml, read_text, reason
from valign.model.society.codebook import MISSING, Table
from valign.model.society.tables import DATA_SETS, data_set_folder, missing_data

DESCRIPTION = "data.toml"
LEAST_PEOPLE = 10
MOST_PERIODS = 600
# The public data set, described as a user's own would be. `science` is read as an orientation: an inference.
MEDICAL_INNOVATION = """\
name = "medical-innovation"
title = "125 doctors of four cities and a new drug, 1953-55"
source = "Coleman, Katz & Menzel 1966; Burt 1987; netdiffuseR (T. W. Valente and others 2018)"
time_unit = "month"
[people]
file = "nodes.csv"
id = "id"
community = "community"
time = "toa"
not_adopted = ["18"]
observed_until = "last_period"
[orientation.science_first]
column = "science"
codes = { 1 = 0.85, 2 = 0.65, 3 = 0.45 }
innovation = 0.85
split = 0.75
[ties]
file = "edges.csv"
from = "ego"
to = "alter"
dangling = "drop"
"""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Part = TypeVar("Part", bound=_Part)


class People(_Part):
    """Columns of the table of people."""

    file: str
    id: str = "id"
    community: str | None = None
    role: str | None = None
    time: str = "time"
    observed_until: int | str | None = None
    not_adopted: tuple[str, ...] = ()


class Orientation(_Part):
    """A column that says what people value, and what the innovation embodies of it."""

    column: str
    low: float | None = None
    high: float | None = None
    codes: dict[str, float] | None = None
    innovation: float = Field(ge=0, le=1)
    emphasis: float = Field(default=1.0, gt=0)
    split: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _scale(self) -> Orientation:
        if (self.low is None) != (self.high is None) or (self.codes is not None and self.low is not None):
            raise ValueError("give either codes, or low and high together, or none of them")
        if self.low is not None and self.low == self.high:
            raise ValueError("low and high should be two different numbers")
        if any(not 0 <= value <= 1 for value in (self.codes or {}).values()):
            raise ValueError("codes should lead to numbers in [0, 1]")
        return self


class Ties(_Part):
    """Columns of the table of ties."""

    file: str
    source: str = Field(default="from", alias="from")
    target: str = Field(default="to", alias="to")
    dangling: Literal["error", "drop"] = "error"


class Series(_Part):
    """A curve: counts with their denominator, or shares."""

    name: str
    file: str
    time: str = "time"
    count: str | None = None
    share: str | None = None
    of: int | str | None = None
    variable: Literal["ever_engaged", "uptake", "in_use"] = "ever_engaged"
    error: float = Field(default=0.0, ge=0, le=0.5)

    @model_validator(mode="after")
    def _what(self) -> Series:
        if (self.count is None) == (self.share is None):
            raise ValueError("give either count (a column) or share (a column)")
        if self.count is not None and self.of is None:
            raise ValueError("counts need `of`: how many there are (a number or a column)")
        return self


class Pattern(_Part):
    """A number that was reported, with its standard error."""

    name: str
    kind: Literal["median_time", "median_difference", "share_adopted", "outcome"]
    value: float
    sd: float = Field(gt=0)
    orientation: str | None = None
    group: Literal["all", "high", "low"] = "all"
    at: int | None = Field(default=None, ge=1)
    outcome: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Pattern:
        if self.kind == "share_adopted" and self.at is None:
            raise ValueError("share_adopted needs `at`: the period")
        if self.kind == "outcome" and self.outcome not in OUTCOMES:
            raise ValueError(f"outcome: {unknown(self.outcome, OUTCOMES, 'outcome')}")
        if (self.kind == "median_difference" or self.group != "all") and self.orientation is None:
            raise ValueError("needs `orientation`: whose high and low group are meant")
        return self


@dataclass(frozen=True, eq=False)
class Curve:
    """A series as read: periods, shares and their denominators."""

    name: str
    variable: str
    time: np.ndarray
    share: np.ndarray
    of: np.ndarray  # NaN where not known
    error: float


@dataclass(frozen=True, eq=False)
class Data:
    """A data set as read and checked.

    people : one row per person, or None: id, community, time (period of adoption, NaN: not adopted while observed),
        until (last period observed), perhaps role, and a column per orientation (0-1, NaN: not known).
    ties : from, to (ids, both known), or None. periods : the last period of anything observed.
    """

    name: str
    title: str
    source: str
    time_unit: str
    folder: Path
    people: pd.DataFrame | None
    ties: pd.DataFrame | None
    orientation: Mapping[str, Orientation]
    series: Sequence[Curve]
    patterns: Sequence[Pattern]
    periods: int
    remarks: tuple[str, ...] = field(default=())

    def high(self, dimension: str) -> np.ndarray:
        """Who is in the high group of an orientation: 1, 0, or -1 where it is not known."""
        assert self.people is not None
        value, split = self.people[dimension].to_numpy(float), self.orientation[dimension].split
        known = np.isfinite(value)
        cut = float(np.median(value[known])) if split is None else split
        above = value >= cut if split is not None or not (value[known] > cut).any() else value > cut
        return np.where(known, above, -1).astype(np.int8)

    @cached_property
    def digest(self) -> str:
        """Hash of all that was observed and how it is to be read."""
        made = hashlib.blake2b(digest_size=8)
        for table in (self.people, self.ties):
            made.update(b"" if table is None else table.to_csv(index=False).encode())
        series = [
            (each.name, each.variable, each.time.tolist(), each.share.tolist(), each.of.tolist(), each.error)
            for each in self.series
        ]
        made.update(repr((series, dict(self.orientation), self.patterns)).encode())
        return made.hexdigest()

    def part(self, rows: np.ndarray) -> Data:
        """The same data with some of the people (bool)."""
        assert self.people is not None
        people = self.people[rows].reset_index(drop=True)
        ties = self.ties
        if ties is not None:
            ids = set(people["id"])
            ties = ties[ties["from"].isin(ids) & ties["to"].isin(ids)].reset_index(drop=True)
        return replace(self, people=people, ties=ties)

    def with_times(self, time: np.ndarray) -> Data:
        """The same people with other periods of adoption (NaN or beyond `until`: not adopted)."""
        assert self.people is not None
        until = self.people["until"].to_numpy(float)
        people = self.people.assign(time=np.where((time >= 1) & (time <= until), time, np.nan))
        return replace(self, people=people, series=(), patterns=())


def load(what: str | Path) -> Data:
    """Read a folder with data.toml, or a public data set by its name.

    Raises
    ------
    InputError : with everything that is wrong in the description and the tables in `.problems`.
    """
    if str(what) in DATA_SETS:
        folder = data_set_folder(str(what))
        if not (folder / "nodes.csv").is_file():
            raise missing_data(str(what))
        return read(parse_toml(MEDICAL_INNOVATION), folder)
    folder = Path(what)
    if not folder.is_dir():
        raise InputError([f"{folder}: is not a folder of data, and {unknown(str(what), DATA_SETS, 'public data set')}"])
    try:
        given = parse_toml(read_text(folder / DESCRIPTION))
    except FileNotFoundError:
        raise InputError(
            [
                f"{folder}: has no {DESCRIPTION} that says what the columns mean "
                "(docs/CALIBRATION.md has one to start from)"
            ]
        ) from None
    except TomlError as error:
        raise InputError([f"{folder / DESCRIPTION}: {error}"]) from None
    except (OSError, ValueError) as error:
        raise InputError([f"{folder / DESCRIPTION}: cannot be read: {reason(error)}"]) from None
    return read(given, folder)


SECTIONS = ("name", "title", "source", "time_unit", "missing", "people", "orientation", "ties", "series", "patterns")


def read(given: Mapping[str, Any], folder: Path) -> Data:
    """Check a description and read the tables that it names; see `load`."""
    problems: list[str] = []
    where = str(folder / DESCRIPTION)
    problems += [f"{where}: {unknown(key, SECTIONS, 'key')}" for key in given if key not in SECTIONS]
    text: dict[str, str] = {}
    for key, default in (("name", folder.name), ("title", ""), ("source", ""), ("time_unit", "month")):
        word = given.get(key, default)
        if not isinstance(word, str):
            problems.append(f"{where}: {key} = {word!r}: expected text in quotes")
        text[key] = str(word)
    missing = {*MISSING, *map(str, given.get("missing", ()))}
    people = _part(People, given.get("people"), f"{where}: people", problems)
    ties = _part(Ties, given.get("ties"), f"{where}: ties", problems)
    entries = _mapping(given.get("orientation", {}), f"{where}: orientation", problems)
    orientation = {
        str(key): found
        for key, entry in entries.items()
        if (found := _part(Orientation, entry, f"{where}: orientation.{key}", problems)) is not None
    }
    series = [
        found
        for n, entry in enumerate(_list(given.get("series", []), f"{where}: series", problems))
        if (found := _part(Series, entry, f"{where}: series {n + 1}", problems)) is not None
    ]
    patterns = [
        found
        for n, entry in enumerate(_list(given.get("patterns", []), f"{where}: patterns", problems))
        if (found := _part(Pattern, entry, f"{where}: patterns {n + 1}", problems)) is not None
    ]
    if not any(key in given for key in ("people", "series", "patterns")):
        problems.append(f"{where}: describes nothing that was observed: expected [people], [[series]] or [[patterns]]")
    if "people" not in given:
        problems += [f"{where}: {key} needs [people]" for key in ("ties", "orientation") if key in given]
    for pattern in patterns:
        if pattern.orientation is not None and pattern.orientation not in entries:
            problems.append(
                f"{where}: patterns: {pattern.name}: {unknown(pattern.orientation, entries, 'orientation')}"
            )
    table = None if people is None else _people(people, orientation, folder, missing, problems)
    joined = None if ties is None else _ties(ties, table, folder, missing, problems)
    curves = [found for each in series if (found := _curve(each, folder, missing, problems)) is not None]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    last = [] if table is None else [int(table["until"].max())]
    last += [int(each.time.max()) for each in curves] + [each.at for each in patterns if each.at is not None]
    remarks: list[str] = []
    if table is not None:
        for name in orientation:
            if lacking := int(table[name].isna().sum()):
                remarks.append(f"{lacking} of {len(table)} people have no {name}: drawn from the profile in each run")
    return Data(
        text["name"],
        text["title"] or text["name"],
        text["source"],
        text["time_unit"],
        folder,
        table,
        joined,
        orientation,
        tuple(curves),
        tuple(patterns),
        max(last, default=60),
        tuple(remarks),
    )


# --- the description -------------------------------------------------------------------------------------------------
def _mapping(given: object, where: str, problems: list[str]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return cast("Mapping[str, Any]", given)
    problems.append(f"{where}: expected a table")
    return {}


def _list(given: object, where: str, problems: list[str]) -> list[Any]:
    if isinstance(given, list):
        return cast("list[Any]", given)
    problems.append(f"{where}: expected a list of tables ([[...]])")
    return []


def _part(kind: type[Part], given: Any, where: str, problems: list[str]) -> Part | None:
    """A part of the description, or None with its problems noted."""
    if given is None:
        return None
    if isinstance(given, str) and kind is Orientation:
        given = {"column": given}
    if isinstance(given, Mapping):
        whole = cast("Mapping[str, Any]", given)
        if isinstance(whole.get("codes"), Mapping):
            given = {**whole, "codes": {str(key): value for key, value in whole["codes"].items()}}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fields = {"": [each.alias or name for name, each in kind.model_fields.items()]}
        problems += [f"{where}: {explain(each, fields)}" for each in error.errors()]
    return None


# --- the tables ------------------------------------------------------------------------------------------------------
def _numbers(table: Table, name: str, problems: list[str], needed: bool = True) -> np.ndarray | None:
    """A column as numbers, NaN where missing; texts are reported."""
    column = table.column(name, needed)
    if column is None:
        return None
    values, wrong = np.full(len(table), np.nan), np.zeros(len(table), bool)
    for row, text in enumerate(column):
        if text is not None:
            try:
                values[row] = float(text)
            except ValueError:
                wrong[row] = True
    infinite = np.isinf(values)
    table.each(column, wrong | infinite, lambda text: f"{name} = {text!r}: expected a number")
    values[infinite] = np.nan
    return values


def _people(
    of: People, orientation: Mapping[str, Orientation], folder: Path, missing: set[str], problems: list[str]
) -> pd.DataFrame | None:
    table = Table(folder / of.file, "people", missing, problems)
    if not table.usable:
        return None
    n = len(table)
    if n < LEAST_PEOPLE:
        problems.append(f"{table.name}: has {n} {'person' if n == 1 else 'people'}: at least {LEAST_PEOPLE} are needed")
    ids = table.column(of.id, True)
    community = np.full(n, "all", object) if of.community is None else table.column(of.community, True)
    if ids is not None:
        _identities(table, ids)
    if community is not None:
        table.report(np.flatnonzero(community == None), f"has no {of.community}")  # noqa: E711
    roles = None if of.role is None else table.column(of.role, True)
    if roles is not None:
        roles = table.coded(roles, {}, ROLES, "role")
        table.report(np.flatnonzero(roles == None), f"has no {of.role}")  # noqa: E711
    until = _until(of, table, problems)
    time = _times(of, table, until, problems)
    values = {name: _orientation(entry, table, problems) for name, entry in orientation.items()}
    for name, found in values.items():
        if n >= LEAST_PEOPLE and found is not None and len(np.unique(found[np.isfinite(found)])) == 1:
            problems.append(
                f"{table.name}: {orientation[name].column} is the same for everybody: it cannot tell who comes early"
            )
    if ids is None or community is None or until is None or time is None or any(v is None for v in values.values()):
        return None
    role = {} if roles is None else {"role": roles}
    return pd.DataFrame({"id": ids, "community": community, "time": time, "until": until, **role, **values})


def _identities(table: Table, ids: np.ndarray) -> None:
    table.report(np.flatnonzero(ids == None), "has no id")  # noqa: E711
    counts = pd.Series(ids).value_counts()
    twice = {text for text, count in counts.items() if count > 1}
    table.each(ids, np.array([text in twice for text in ids]), lambda text: f"the id {text!r} appears more than once")


def _until(of: People, table: Table, problems: list[str]) -> np.ndarray | None:
    """The last period in which each person was observed."""
    if isinstance(of.observed_until, str):
        until = _numbers(table, of.observed_until, problems)
        if until is not None:
            table.report(np.flatnonzero(np.isnan(until)), f"has no {of.observed_until}")
            wrong = ~np.isnan(until) & ((until < 1) | (until % 1 != 0) | (until > MOST_PERIODS))
            table.report(
                np.flatnonzero(wrong), f"{of.observed_until}: expected a whole number from 1 to {MOST_PERIODS}"
            )
        return until
    if of.observed_until is None:
        problems.append(
            f"{table.name}: people.observed_until is missing: the last period observed (a number or a column)"
        )
        return None
    if not 1 <= of.observed_until <= MOST_PERIODS:
        problems.append(
            f"people.observed_until = {of.observed_until}: expected a whole number from 1 to {MOST_PERIODS}"
        )
        return None
    return np.full(len(table), float(of.observed_until))


def _times(of: People, table: Table, until: np.ndarray | None, problems: list[str]) -> np.ndarray | None:
    """Period of adoption; NaN for those who did not adopt while observed."""
    before = set(table.missing)
    table.missing |= set(of.not_adopted)
    said = len(problems)
    time = _numbers(table, of.time, problems)
    table.missing = before
    if time is None:
        return None
    readable = len(problems) == said
    known = ~np.isnan(time)
    table.report(
        np.flatnonzero(known & ((time < 1) | (time % 1 != 0))),
        f"{of.time}: periods are whole numbers from 1 (empty, or a code in not_adopted: did not adopt)",
    )
    late = np.zeros(len(time), bool) if until is None else known & (time > until)
    if until is not None:
        table.report(
            np.flatnonzero(late),
            f"{of.time} lies beyond the last period observed "
            f"({', '.join(f'{t:g} > {u:g}' for t, u in zip(time[late][:3], until[late][:3], strict=True))}): for "
            "people who had not adopted by then, leave the cell empty or give a code in not_adopted",
        )
    if len(time) >= LEAST_PEOPLE and known.all() and not late.any():
        problems.append(
            f"{table.name}: everybody adopted, so nothing tells those who adopt from those who do not "
            "(is observed_until too late, or are those who did not adopt missing?)"
        )
    if len(time) >= LEAST_PEOPLE and readable and not known.any():
        problems.append(f"{table.name}: nobody adopted, so there is nothing to fit")
    return time


def _orientation(of: Orientation, table: Table, problems: list[str]) -> np.ndarray | None:
    """Values in [0, 1], NaN where not known."""
    if of.codes is not None:
        column = table.column(of.column, True)
        if column is None:
            return None
        coded = table.coded(column, of.codes, None, f"code of {of.column!r}")
        return np.array([np.nan if each is None else float(each) for each in coded])
    said = len(problems)
    values = _numbers(table, of.column, problems)
    if values is None:
        return None
    readable = len(problems) == said
    low, high = (0.0, 1.0) if of.low is None or of.high is None else (of.low, of.high)
    scaled = (values - low) / (high - low)
    with np.errstate(invalid="ignore"):
        out = (scaled < 0) | (scaled > 1)
    table.report(
        np.flatnonzero(out), f"{of.column}: expected a number from {min(low, high):g} to {max(low, high):g} (low, high)"
    )
    if readable and not np.isfinite(values).any():
        problems.append(f"{table.name}: {of.column} has no values")
    return scaled


def _ties(
    of: Ties, people: pd.DataFrame | None, folder: Path, missing: set[str], problems: list[str]
) -> pd.DataFrame | None:
    table = Table(folder / of.file, "ties", missing, problems)
    if not table.usable:
        return None
    a, b = table.column(of.source, True), table.column(of.target, True)
    if a is None or b is None:
        return None
    for name, column in ((of.source, a), (of.target, b)):
        table.report(np.flatnonzero(column == None), f"has no {name}")  # noqa: E711
    if people is None:
        return None
    ids = set(people["id"])
    known = np.array([x in ids and y in ids for x, y in zip(a, b, strict=True)], bool)
    if of.dangling == "error":
        out = np.array([{x, y} - ids - {None} != set() for x, y in zip(a, b, strict=True)], bool)
        names = sorted({x for x in (*a[out], *b[out]) if x is not None and x not in ids})
        said = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        are = "are" if len(names) > 1 else "is"
        table.report(
            np.flatnonzero(out),
            f'ties to {said}, who {are} not among the people (ties.dangling = "drop" leaves such ties out)',
        )
    if not known.any():
        problems.append(f"{table.name}: no tie joins two of the people")
    return pd.DataFrame({"from": a[known], "to": b[known]})


def _curve(of: Series, folder: Path, missing: set[str], problems: list[str]) -> Curve | None:
    table = Table(folder / of.file, f"series {of.name}", missing, problems)
    if not table.usable:
        return None
    if not len(table):
        problems.append(f"{table.name}: has no rows")
        return None
    time = _numbers(table, of.time, problems)
    value = _numbers(table, str(of.count or of.share), problems)
    size = (
        _numbers(table, of.of, problems)
        if isinstance(of.of, str)
        else np.full(len(table), np.nan if of.of is None else of.of)
    )
    if time is None or value is None or size is None:
        return None
    share = value / size if of.count is not None else value
    for wrong, say in (
        (
            np.isnan(time) | (time < 1) | (time % 1 != 0) | (time > MOST_PERIODS),
            f"{of.time}: periods are whole numbers from 1 to {MOST_PERIODS}",
        ),
        (np.isnan(value), f"has no {of.count or of.share}"),
        (~np.isnan(share) & ((share < 0) | (share > 1)), "the share lies outside 0 to 1"),
        (np.isnan(size) if of.count is not None else size <= 0, "the denominator is missing or not positive"),
    ):
        table.report(np.flatnonzero(wrong), say)
    if len(np.unique(time[~np.isnan(time)])) < (~np.isnan(time)).sum():
        problems.append(f"{table.name}: a period appears more than once")
    order = np.argsort(time)
    return Curve(of.name, of.variable, time[order], share[order], size[order], of.error)
