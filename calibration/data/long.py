"""Tables of people in other shapes, as the one table of people: a row per person and period, or a list of adoptions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from valign.model.society.codebook import Table

from .schema import Adoptions, People

YES, NO = {"1", "yes", "true", "TRUE", "True"}, {"0", "no", "false", "FALSE", "False"}
UNTIL = "valign: last period"  # a column that no file has


def from_periods(of: People, table: Table) -> tuple[pd.DataFrame, int]:
    """One row per person of a table with a row per person and period; and how many people have values that change.

    The period of adoption (`of.time`) is the first in which `of.adopted` holds, the last period observed that of the
    person's last row; everything else is as it was in the person's first row in which it is known.
    """
    ids, period, adopted = (table.column(name, True) for name in (of.id, str(of.period), str(of.adopted)))
    if ids is None or period is None or adopted is None:
        return pd.DataFrame(), 0
    number = pd.to_numeric(pd.Series(period), errors="coerce").to_numpy(float)
    for column, name in ((ids, of.id), (period, of.period), (adopted, of.adopted)):
        table.report(np.flatnonzero([text is None for text in column]), f"has no {name}")
    told = np.array([text is not None for text in period])
    table.each(period, told & ~(number % 1 == 0), lambda text: f"{of.period} = {text!r}: expected a whole number")
    known = np.array([text is None or text in YES | NO for text in adopted], bool)
    table.each(adopted, ~known, lambda text: f"{of.adopted} = {text!r}: expected 1 (had adopted) or 0")
    rows = pd.DataFrame({"id": ids, "period": number, "adopted": [text in YES for text in adopted]})
    twice = rows.duplicated(["id", "period"]) & rows["period"].notna()
    table.report(np.flatnonzero(twice), f"a second row of a person in the same {of.period}")
    order = rows.sort_values("period", kind="stable").index
    names = [str(name) for name in table.frame if str(name) not in (of.id, of.period, of.adopted, of.time)]
    texts = pd.DataFrame({name: table.column(name, False) for name in names}, index=rows.index)
    by_person = texts.loc[order].groupby(rows["id"].loc[order].rename(None), sort=False)
    people = by_person.first()
    changing = (by_person.nunique() > 1).any(axis=1) if names else pd.Series(False, people.index)
    time = rows[rows["adopted"]].groupby("id")["period"].min().reindex(people.index)
    until = rows.groupby("id")["period"].max().reindex(people.index)
    made = people.assign(**{of.time: _texts(time), UNTIL: _texts(until)}).rename_axis(of.id).reset_index()
    return made.reindex(columns=[of.id, of.time, UNTIL, *names]).fillna(""), int(changing.sum())


def _texts(numbers: pd.Series) -> pd.Series:
    return numbers.map(lambda each: "" if pd.isna(each) else f"{each:g}")


def with_adoptions(of: People, given: Adoptions, people: Table, adoptions: Table) -> None:
    """Put the period of adoption, of a list of adoptions, into the table of people; the first counts of several."""
    ids, times = adoptions.column(given.id, True), adoptions.column(given.time, True)
    if of.id not in people.frame or ids is None or times is None:
        return
    for column, name in ((ids, given.id), (times, given.time)):
        adoptions.report(np.flatnonzero([text is None for text in column]), f"has no {name}")
    own = people.column(of.id, True)
    assert own is not None
    there = {*own}
    strange = np.array([text is not None and text not in there for text in ids], bool)
    adoptions.each(ids, strange, lambda text: f"{text!r} is not among the people")
    number = pd.to_numeric(pd.Series(times), errors="coerce")
    wrong = number.isna().to_numpy() & np.array([text is not None for text in times])
    adoptions.each(times, wrong, lambda text: f"{given.time} = {text!r}: expected a number")
    if of.time in people.frame:
        people.problems.append(f"{people.name}: has a column {of.time!r} beside [adoptions]: which one is meant?")
        return
    first = number.groupby(ids).min()
    people.frame[of.time] = _texts(pd.Series(own).map(first)).to_numpy()
