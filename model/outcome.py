"""What an outcome is declared as: its name, its words, and how its numbers are written and summarised."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One declared column: an outcome of a run, a variable of a monthly series, or a person's.

    name : of the column. label : for tables and axes. meaning : what the number is. unit : what it is counted in.
    kind : how it is written, "share" (31 %), "alignment" and "number" (0.31), "thousands" (1,234) or "month".
    low, high : bounds. never : the time of an event; a run without a value is one in which it did not happen, later
    than all others, so that medians are given and no means. headline : whether reports lead with it.
    """

    name: str
    label: str
    meaning: str
    unit: str
    kind: str = "number"
    low: float | None = None
    high: float | None = None
    never: bool = False
    headline: bool = False


def share(name: str, label: str, meaning: str, *, headline: bool = False) -> Outcome:
    """A share of people or services, in per cent for people."""
    return Outcome(name, label, meaning, "share", "share", 0.0, 1.0, headline=headline)


def unit_interval(name: str, label: str, meaning: str, *, headline: bool = False) -> Outcome:
    """A number from 0 to 1 that is no share."""
    return Outcome(name, label, meaning, "0-1", "alignment", 0.0, 1.0, headline=headline)


def month(name: str, label: str, meaning: str, *, headline: bool = False) -> Outcome:
    """The month of an event, which may never come."""
    return Outcome(name, label, meaning, "month", "month", 0.0, None, never=True, headline=headline)


def declared(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    """Outcomes by name, in the order of their columns."""
    return {each.name: each for each in outcomes}


def columns(title: str, names: Iterable[str] | Mapping[str, Outcome]) -> Any:
    """Columns by name, as in OUTCOME.uptake_peak: numbers that compiled code takes as constants."""
    names = list(names)
    return namedtuple(title, names)(*range(len(names)))
