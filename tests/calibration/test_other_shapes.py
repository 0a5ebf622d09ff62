"""Tables of people in other shapes: a row per person and period, a list of adoptions, a diffnet of netdiffuseR."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.made_up import write
from valign.calibration.data.reading import load
from valign.calibration.data.schema import Data
from valign.model.errors import InputError

FIRST = 1946


@pytest.fixture
def plain(tmp_path: Path) -> Data:
    return load(write(tmp_path / "plain", people=40, places=3, periods=12))


def text_of(data: Data) -> pd.DataFrame:
    return pd.read_csv(data.folder / "people.csv", dtype=str, keep_default_na=False)


def again(data: Data, folder: Path, **changed: str) -> Path:
    """A folder with the same description but for some of its lines, by how they begin."""
    folder.mkdir()
    lines = (data.folder / "data.toml").read_text().splitlines()
    for begin, line in changed.items():
        lines = [line if each.startswith(begin) else each for each in lines]
    (folder / "data.toml").write_text("\n".join(lines), "utf-8")
    (folder / "ties.csv").write_bytes((data.folder / "ties.csv").read_bytes())
    return folder


def same(one: Data, two: Data) -> bool:
    columns = ["time", "until", "openness", "community"]
    a, b = (each.people.set_index("id")[columns].sort_index() for each in (one, two) if each.people is not None)
    return a.equals(b)


def long_table(data: Data) -> pd.DataFrame:
    """A row per person and period, in calendar years."""
    rows = [
        {"id": each.id, "place": each.place, "open": each.open, "year": FIRST + n,
         "uses": int(each.month != "" and int(each.month) <= n + 1)}
        for each in text_of(data).itertuples()
        for n in range(12)
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1.0, random_state=1)


def test_a_long_table_says_the_same(plain: Data, tmp_path: Path) -> None:
    folder = again(plain, tmp_path / "long", observed="", time='period = "year"\nadopted = "uses"')
    text = (folder / "data.toml").read_text().replace('period = "year"', "", 1)  # `time_unit` begins so too
    text = text.replace('adopted = "uses"', 'time_unit = "year"', 1)
    (folder / "data.toml").write_text(text)
    table = long_table(plain)
    table.to_csv(folder / "people.csv", index=False)
    found = load(folder)
    assert same(plain, found)
    assert dict(found.said)["Observed until"] == "year 12 (year 1 is 1946); one step of the model is one year"
    table.loc[table["year"] > 1950, "open"] = "7"
    table.to_csv(folder / "people.csv", index=False)
    assert any("have values that change over time: the first known ones" in each for each in load(folder).remarks)
    assert same(plain, load(folder))
    for column, value, said in (
        ("uses", "perhaps", "uses = 'perhaps': expected 1"),
        ("year", "1946.5", "year = '1946.5': expected a whole number"),
    ):
        wrong = table.astype(object)
        wrong.iloc[3, wrong.columns.get_loc(column)] = value
        wrong.to_csv(folder / "people.csv", index=False)
        with pytest.raises(InputError) as error:
            load(folder)
        assert any(said in each and "line 5" in each for each in error.value.problems)


def test_a_person_is_observed_until_their_last_row(plain: Data, tmp_path: Path) -> None:
    folder = again(plain, tmp_path / "long", observed="", time_unit="", time='period = "year"\nadopted = "uses"')
    (folder / "data.toml").write_text((folder / "data.toml").read_text().replace("time_unit", "#", 1))
    table = long_table(plain)
    left = table[(table["id"] != "p3") | (table["year"] < 1950)]
    left.to_csv(folder / "people.csv", index=False)
    people = load(folder).people
    assert people is not None
    assert people.set_index("id").loc["p3", "until"] == 4
    pd.concat([left, left.head(1)]).to_csv(folder / "people.csv", index=False)
    with pytest.raises(InputError, match="a second row of a person in the same year"):
        load(folder)


def test_a_list_of_adoptions_says_the_same(plain: Data, tmp_path: Path) -> None:
    folder = again(plain, tmp_path / "list", time="")
    text = (folder / "data.toml").read_text()
    (folder / "data.toml").write_text(f'{text}\n[adoptions]\nfile = "when.csv"\ntime = "month"\n')
    people = text_of(plain)
    people.drop(columns="month").to_csv(folder / "people.csv", index=False)
    when = people.loc[people["month"] != "", ["id", "month"]]
    twice = when.assign(month=(when["month"].astype(int) + 1).clip(upper=12).astype(str))
    pd.concat([twice, when]).to_csv(folder / "when.csv", index=False)  # the first one counts
    assert same(plain, load(folder))
    pd.concat([when, pd.DataFrame({"id": ["nobody"], "month": ["3"]})]).to_csv(folder / "when.csv", index=False)
    with pytest.raises(InputError, match=rf"when.csv, line {len(when) + 2}: 'nobody' is not among the people"):
        load(folder)


def test_periods_may_be_calendar_years(plain: Data, tmp_path: Path) -> None:
    folder = again(plain, tmp_path / "years", observed=f"observed_until = {FIRST + 11}\nfirst_period = {FIRST}")
    people = text_of(plain)
    people["month"] = [str(int(each) + FIRST - 1) if each else "" for each in people["month"]]
    people.to_csv(folder / "people.csv", index=False)
    assert same(plain, load(folder))
    people.loc[0, "month"] = str(FIRST + 20)
    people.to_csv(folder / "people.csv", index=False)
    with pytest.raises(InputError, match="1966 > 1957"):
        load(folder)


# --- diffnet ---------------------------------------------------------------------------------------------------------
def diffnet_of(data: Data) -> Mapping[str, Any]:
    """The data as rdata gives a diffnet of netdiffuseR: a sparse matrix by column for each period."""
    people, ties = text_of(data), pd.read_csv(data.folder / "ties.csv")
    place = {text: row for row, text in enumerate(people["id"])}
    pairs = sorted((place[b], place[a]) for a, b in zip(ties["from"], ties["to"], strict=True))
    count = np.bincount([column for column, _ in pairs], minlength=len(people))
    matrix = SimpleNamespace(i=np.array([row for _, row in pairs]), p=np.concatenate([[0], np.cumsum(count)]),
                             x=np.ones(len(pairs)))  # fmt: skip
    toa = np.array([int(each) + FIRST - 1 if each else np.nan for each in people["month"]])
    return {
        "graph": {str(FIRST + n): matrix for n in range(12)},
        "toa": toa,
        "vertex.static.attrs": people[["place", "open"]].set_index(people["id"]),
        "meta": {"ids": people["id"].to_numpy(), "pers": np.arange(FIRST, FIRST + 12)},
    }


@pytest.fixture
def as_r(plain: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, Any]]:
    """A folder with a file that R is said to have saved, and what it is said to hold."""
    rdata = pytest.importorskip("rdata")
    folder = again(plain, tmp_path / "net", file="", observed="", time="")
    text = (folder / "data.toml").read_text()
    text = text.replace("[people]", '[people]\nfile = "net.rda"').replace("[ties]", '[ties]\nfile = "net.rda"')
    (folder / "data.toml").write_text(text)
    (folder / "net.rda").write_bytes(b"-")
    held: dict[str, Any] = {"net": diffnet_of(plain)}
    monkeypatch.setattr(rdata.parser, "parse_data", lambda content: content)
    monkeypatch.setattr(rdata.conversion, "convert", lambda _: held)
    return folder, held


def test_a_diffnet_says_the_same(plain: Data, as_r: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = as_r
    found = load(folder)
    assert same(plain, found)
    assert found.ties is not None
    assert plain.ties is not None
    assert {*zip(found.ties["from"], found.ties["to"], strict=True)} == {
        *zip(plain.ties["from"], plain.ties["to"], strict=True)
    }
    assert "(month 1 is 1946)" in dict(found.said)["Observed until"]


def test_a_file_of_r_without_one_diffnet_is_refused(as_r: tuple[Path, dict[str, Any]]) -> None:
    folder, held = as_r
    held["other"] = held["net"]
    with pytest.raises(InputError, match=r"holds several diffnets \(net, other\)"):
        load(folder)
    held.clear()
    held["table"] = pd.DataFrame()
    with pytest.raises(InputError, match=r"holds no diffnet \(table\)"):
        load(folder)
    held.clear()
    held["net"] = {"graph": {"1946": 3}, "toa": [1946.0], "meta": {}}
    with pytest.raises(InputError, match="net is not a diffnet as netdiffuseR makes it"):
        load(folder)


def test_a_damaged_file_of_r_is_a_message(plain: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rdata")
    folder = again(plain, tmp_path / "bad", file='file = "net.rds"')
    (folder / "net.rds").write_bytes(b"\x1f\x8b\x08\x00 no such thing")
    with pytest.raises(InputError, match=r"net.rds: cannot be read as a file of R"):
        load(folder)
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(InputError, match=r"pip install 'valign\[data\]'"):
        load(folder)
