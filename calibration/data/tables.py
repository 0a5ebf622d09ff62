"""The tables that a description of data names: people, ties and curves, every wrong cell noted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.parameters import ROLES
from valign.model.society.codebook import Table

from .diffnet import Diffnet, is_diffnet, read_diffnet
from .memory import room_to_read
from .long import UNTIL, from_periods, with_adoptions
from .schema import Adoptions, Curve, Orientation, People, Series, Ties

LEAST_PEOPLE = 10
Missing = Mapping[str, set[str]]  # codes by column; those of the column "" hold everywhere
MOST_PERIODS = 600
# Attributes of the table of people: what else is known of them, which period is the first, whose values change.
OTHERS, FIRST, CHANGING = "others", "first", "changing"


class Columns(Table):
    """A table whose columns have codes of their own for what is missing."""

    def __init__(self, given: Path | pd.DataFrame, what: str, missing: Missing, problems: list[str]) -> None:
        if isinstance(given, Path):
            room_to_read(given)
        super().__init__(given, what, set(missing[""]), problems)
        self.own = missing
        self.first = 1  # the period that counts as period 1
        self.changing = 0  # people of a long table whose values change

    def made(self, frame: pd.DataFrame) -> Columns:
        """A table made of this one, a row per person."""
        other = Columns(frame, "people", self.own, self.problems)
        other.name, other.row, other.offset = self.name, "person", 1
        return other

    def column(self, name: str, needed: bool) -> np.ndarray | None:
        before, self.missing = self.missing, self.missing | self.own.get(name, set())
        found = super().column(name, needed)
        self.missing = before
        return found


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


def _blank(column: np.ndarray) -> np.ndarray:
    """Rows where a column has no text."""
    return np.flatnonzero([text is None for text in column])


def read_people(
    of: People,
    orientation: Mapping[str, Orientation],
    folder: Path,
    missing: Missing,
    problems: list[str],
    adoptions: Adoptions | None = None,
) -> pd.DataFrame | None:
    """The table of people as `Data.people` holds it, or None with its problems noted.

    adoptions : a list of who adopted when, where that is not in the table itself.
    """
    of, table = _in_shape(of, folder, missing, problems, adoptions)
    if table is None:
        return None
    n = len(table)
    if n < LEAST_PEOPLE:
        problems.append(f"{table.name}: has {n} {'person' if n == 1 else 'people'}: at least {LEAST_PEOPLE} are needed")
    ids = table.column(of.id, True)
    community = np.full(n, "all", object) if of.community is None else table.column(of.community, True)
    if ids is not None:
        _identities(table, ids)
    if community is not None:
        table.report(_blank(community), f"has no {of.community}")
    roles = None if of.role is None else table.column(of.role, True)
    if roles is not None:
        roles = table.coded(roles, {}, ROLES, "role")
        table.report(_blank(roles), f"has no {of.role}")
    until = _until(of, table, problems)
    _lost_adopters(of, table)
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
    found = pd.DataFrame({"id": ids, "community": community, "time": time, "until": until, **role, **values})
    found.attrs |= {OTHERS: _others(table), FIRST: table.first, CHANGING: table.changing}
    return found


def _in_shape(
    of: People, folder: Path, missing: Missing, problems: list[str], adoptions: Adoptions | None
) -> tuple[People, Columns | None]:
    """A table with a row per person, of whatever shape the file has, and what its columns are then."""
    file = folder / of.file
    if is_diffnet(file):
        net = _diffnet(file, problems)
        if net is None:
            return of, None
        table = Columns(net.people, "people", missing, problems)
        table.name, table.row, table.offset = str(file), "person", 1
        first, last = net.first, net.last
    else:
        table = Columns(file, "people", missing, problems)
        if not table.usable:
            return of, None
        first, last = 1, None
    if of.period is not None:
        before = len(problems)
        frame, changing = from_periods(of, table)
        if len(problems) > before or not len(frame):
            return of, None
        first = int(pd.to_numeric(table.frame[of.period]).min())
        table, last = table.made(frame), UNTIL
        table.changing = changing
    if adoptions is not None:
        listed = Columns(folder / adoptions.file, "adoptions", missing, problems)
        if not listed.usable:
            return of, None
        with_adoptions(of, adoptions, table, listed)
    table.first = first if of.first_period is None else of.first_period
    until = last if of.observed_until is None else of.observed_until
    return of.model_copy(update={"observed_until": until}), table


def _diffnet(file: Path, problems: list[str]) -> Diffnet | None:
    try:
        return read_diffnet(file)
    except InputError as error:
        problems += error.problems
        return None


def _others(table: Columns) -> pd.DataFrame:
    """The columns of people that are not in use, as text, None where missing."""
    used: set[str] = {*cast("Any", table).used, UNTIL}
    names = [str(name) for name in table.frame if str(name) not in used]
    return pd.DataFrame({name: table.column(name, False) for name in names}, index=range(len(table)))


def _identities(table: Table, ids: np.ndarray) -> None:
    table.report(_blank(ids), "has no id")
    counts = pd.Series(ids).value_counts()
    twice = {text for text, count in counts.items() if count > 1}
    table.each(ids, np.array([text in twice for text in ids]), lambda text: f"the id {text!r} appears more than once")


def _lost_adopters(of: People, table: Columns) -> None:
    """A code that means "missing" everywhere and is a period here: which of both is meant has to be said."""
    if of.time not in table.frame:
        return
    cells = table.frame[of.time].astype(str).str.strip()
    for code in sorted(table.own[""] - table.own.get(of.time, set()) - set(of.not_adopted)):
        rows = np.flatnonzero(cells == code)
        if len(rows) and code.isdigit() and int(code) >= 1:
            table.report(
                rows,
                f"{of.time} = {code}: is this period {code}, or missing? `missing` holds {code} for all columns, which "
                f"would turn {len(rows):,} who adopted into people who did not: give the codes by column "
                f'([missing] with COLUMN = ["{code}"]), or list {code} in people.not_adopted',
            )


def _until(of: People, table: Columns, problems: list[str]) -> np.ndarray | None:
    """The last period in which each person was observed, counted from 1."""
    before = table.first - 1
    if isinstance(of.observed_until, str):
        until = _numbers(table, of.observed_until, problems)
        if until is not None:
            table.report(np.flatnonzero(np.isnan(until)), f"has no {of.observed_until}")
            until -= before
            wrong = ~np.isnan(until) & ((until < 1) | (until % 1 != 0) | (until > MOST_PERIODS))
            table.report(np.flatnonzero(wrong), f"{of.observed_until}: expected a whole number {_allowed(table.first)}")
        return until
    if of.observed_until is None:
        problems.append(
            f"{table.name}: people.observed_until is missing: the last period observed (a number or a column)"
        )
        return None
    if not 1 <= of.observed_until - before <= MOST_PERIODS:
        problems.append(f"people.observed_until = {of.observed_until}: expected a whole number {_allowed(table.first)}")
        return None
    return np.full(len(table), float(of.observed_until - before))


def _allowed(first: int) -> str:
    return f"from {first} to {first - 1 + MOST_PERIODS}"


def _times(of: People, table: Columns, until: np.ndarray | None, problems: list[str]) -> np.ndarray | None:
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
    before = table.first - 1
    time -= before
    table.report(
        np.flatnonzero(known & ((time < 1) | (time % 1 != 0))),
        f"{of.time}: periods are whole numbers from {table.first} (empty, or a code in not_adopted: did not adopt)",
    )
    late = np.zeros(len(time), bool) if until is None else known & (time > until)
    if until is not None:
        table.report(
            np.flatnonzero(late),
            f"{of.time} lies beyond the last period observed "
            f"({', '.join(f'{t + before:g} > {u + before:g}' for t, u in _pairs(time[late], until[late]))}): for "
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


def _pairs(a: np.ndarray, b: np.ndarray) -> list[tuple[float, float]]:
    """The first three of two columns, row by row."""
    return list(zip(a[:3].tolist(), b[:3].tolist(), strict=True))


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


def read_ties(
    of: Ties, people: pd.DataFrame | None, folder: Path, missing: Missing, problems: list[str]
) -> pd.DataFrame | None:
    """Ties between two of the people, or None with their problems noted."""
    file = folder / of.file
    net = _diffnet(file, problems) if is_diffnet(file) else None
    if is_diffnet(file) and net is None:
        return None
    table = Columns(file if net is None else net.ties, "ties", missing, problems)
    if net is not None:
        table.name, table.offset = str(file), 1
    if not table.usable:
        return None
    a, b = table.column(of.source, True), table.column(of.target, True)
    if a is None or b is None:
        return None
    for name, column in ((of.source, a), (of.target, b)):
        table.report(_blank(column), f"has no {name}")
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
    own = known & (a == b)
    if of.self_ties == "error":
        table.report(
            np.flatnonzero(own), 'is a tie of a person with themselves (ties.self_ties = "drop" leaves such ties out)'
        )
    kept = known & ~own
    if not kept.any():
        problems.append(f"{table.name}: no tie joins two of the people")
    found = pd.DataFrame({"from": a[kept], "to": b[kept]})
    if of.kind is not None and (kind := table.column(of.kind, True)) is not None:
        found["kind"] = kind[kept]
    found.attrs["dropped"] = {"people who were not asked": int((~known).sum()), "themselves": int(own.sum())}
    return found


def ties_of_pairs(people: pd.DataFrame, pairs: np.ndarray) -> pd.DataFrame:
    """Ties between rows of people [ties x 2], as `read_ties` gives them."""
    ids = people["id"].to_numpy()
    return pd.DataFrame({"from": ids[pairs[:, 0]], "to": ids[pairs[:, 1]]})


def read_curve(of: Series, folder: Path, missing: Missing, problems: list[str]) -> Curve | None:
    """A series in the order of its periods, or None with its problems noted."""
    table = Columns(folder / of.file, f"series {of.name}", missing, problems)
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
