"""What a description of data (data.toml) may say, and data as they are after reading.

Individual histories (people with values or orientation, period of adoption, censoring; ties), aggregate series (counts
or shares by period, with their denominators and an observation error) and patterns (single numbers, each with its
uncertainty), any number of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from valign.model.errors import unknown
from valign.model.outcomes import OUTCOMES


class Part(BaseModel):
    """A part of the description of data: keys that are not declared are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class People(Part):
    """Columns of the table of people.

    first_period : the period that counts as the first, in the units of the table (1948, say). period, adopted : columns
    of a long table, a row per person and period: which period it is, and whether the person had adopted (0 or 1).
    """

    file: str
    id: str = "id"
    community: str | None = None
    role: str | None = None
    time: str = "time"
    observed_until: int | str | None = None
    not_adopted: tuple[str, ...] = ()
    first_period: int | None = None
    period: str | None = None
    adopted: str | None = None

    @model_validator(mode="after")
    def _long(self) -> People:
        if (self.period is None) != (self.adopted is None):
            raise ValueError("a long table needs both `period` and `adopted` (columns)")
        if self.period is not None and "time" in self.model_fields_set:
            raise ValueError("give either `time`, or `period` and `adopted` of a long table")
        return self


class Adoptions(Part):
    """Columns of a list of who adopted when, a row per adoption; whoever is not in it did not adopt."""

    file: str
    id: str = "id"
    time: str = "time"


class Orientation(Part):
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


class Ties(Part):
    """Columns of the table of ties, and what becomes of odd ones.

    direction : whom people look to: "out" to those whom they name, "in" to those who name them, "both" to either.
    """

    file: str
    source: str = Field(default="from", alias="from")
    target: str = Field(default="to", alias="to")
    kind: str | None = None
    dangling: Literal["error", "drop"] = "error"
    self_ties: Literal["error", "drop"] = "error"
    direction: Literal["both", "out", "in"] = "both"


class Differences(Part):
    """What a fit is to allow for besides the scenario.

    community_sd : communities differ by more than chance. baseline : pieces over time with base log-odds of their own
    (how many, or the periods in which they begin). covariates : columns of people. each_orientation : an effect for
    each orientation instead of one of their sum. signed : effects may be negative.
    """

    community_sd: bool = False
    baseline: int | tuple[int, ...] | None = None
    covariates: tuple[str, ...] = ()
    each_orientation: bool = False
    signed: bool = False


class Series(Part):
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


class Pattern(Part):
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
    ties : from, to (ids, both known), kind where there is one, or None; direction : of `Ties`. periods : the last
    period of anything observed. said : what was read, in words, as pairs.
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
    direction: str = "both"
    said: tuple[tuple[str, str], ...] = field(default=())
    columns: pd.DataFrame | None = None  # what else is known of people, as text, in the rows of `people`
    fit: Differences = field(default_factory=Differences)

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
        made.update(b"" if self.direction == "both" else self.direction.encode())
        return made.hexdigest()

    def part(self, rows: np.ndarray) -> Data:
        """The same data with some of the people (bool)."""
        assert self.people is not None
        people = self.people[rows].reset_index(drop=True)
        ties = self.ties
        if ties is not None:
            ids = set(people["id"])
            ties = ties[ties["from"].isin(ids) & ties["to"].isin(ids)].reset_index(drop=True)
        columns = None if self.columns is None else self.columns[rows].reset_index(drop=True)
        return replace(self, people=people, ties=ties, columns=columns)

    def with_times(self, time: np.ndarray) -> Data:
        """The same people with other periods of adoption (NaN or beyond `until`: not adopted)."""
        assert self.people is not None
        until = self.people["until"].to_numpy(float)
        people = self.people.assign(time=np.where((time >= 1) & (time <= until), time, np.nan))
        return replace(self, people=people, series=(), patterns=())
