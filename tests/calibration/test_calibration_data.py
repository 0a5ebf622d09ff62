"""Data sets: what is read, and that everything wrong is said at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration.data import medical_innovation
from valign.calibration.data.reading import load
from valign.calibration.problem.given import scenario_of
from valign.model.errors import InputError

TOML = """
name = "pilot"
time_unit = "quarter"
[people]
file = "people.csv"
id = "who"
community = "town"
time = "adopted_in"
observed_until = 8
not_adopted = ["never"]
[orientation.openness]
column = "open"
low = 1
high = 5
innovation = 0.9
[ties]
file = "ties.csv"
[[series]]
name = "register"
file = "register.csv"
count = "using"
of = 200
error = 0.02
[[patterns]]
name = "open people are earlier"
kind = "median_difference"
orientation = "openness"
value = -2
sd = 0.5
"""
PEOPLE = """
[people]
file = "people.csv"
id = "who"
time = "adopted_in"
observed_until = 8
not_adopted = ["never"]
"""


def people(n: int = 24) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "who": [f"p{k}" for k in range(n)],
            "town": ["a", "b"] * (n // 2) + ["a"] * (n % 2),
            "adopted_in": [str(1 + k % 8) if k % 3 else "never" for k in range(n)],
            "open": [1 + k % 5 for k in range(n)],
        }
    )


TIES = pd.DataFrame({"from": ["p0", "p1", "p2"], "to": ["p1", "p2", "p3"]})
REGISTER = pd.DataFrame({"time": [1, 4, 8], "using": [10, 50, 120]})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def made(text: str = TOML, **tables: pd.DataFrame) -> Path:
        (tmp_path / "data.toml").write_text(text, "utf-8")
        for name, table in ({"people": people(), "ties": TIES, "register": REGISTER} | tables).items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        return tmp_path

    return made


def test_a_data_set_is_read(write) -> None:
    found = load(write())
    assert found.name == "pilot"
    assert found.periods == 8
    assert found.people["openness"].tolist()[:5] == [0, 0.25, 0.5, 0.75, 1]
    assert found.people["time"].isna().sum() == 8
    assert (found.people["until"] == 8).all()
    assert found.high("openness").mean() == pytest.approx(9 / 24)
    assert found.ties.values.tolist() == TIES.values.tolist()
    np.testing.assert_allclose(found.series[0].share, [0.05, 0.25, 0.6])
    assert found.patterns[0].value == -2
    part = found.part((found.people["community"] == "a").to_numpy())
    assert len(part.people) == 12
    assert not len(part.ties)


@pytest.mark.parametrize("change", [
    ("error = 0.02", "error = 0.03"), ("of = 200", "of = 201"), ("error = 0.02", 'error = 0.02\nvariable = "uptake"'),
    ("innovation = 0.9", "innovation = 0.8"), ("innovation = 0.9", "innovation = 0.9\nsplit = 0.6"),
    ("sd = 0.5", "sd = 0.6"),
])  # fmt: skip
def test_data_that_are_read_in_another_way_are_other_data(write, change: tuple[str, str]) -> None:
    assert load(write()).digest == load(write()).digest
    assert load(write()).digest != load(write(TOML.replace(*change))).digest


def test_dangling_ties_are_left_out_on_demand(write) -> None:
    ties = pd.concat([TIES, pd.DataFrame({"from": ["p0"], "to": ["nobody"]})])
    assert (
        len(load(write(TOML.replace('file = "ties.csv"', 'file = "ties.csv"\ndangling = "drop"'), ties=ties)).ties) == 3
    )
    with pytest.raises(InputError, match="ties to 'nobody', who is not among the people"):
        load(write(ties=ties))


def test_many_dangling_ties_are_one_line(write) -> None:
    ties = pd.DataFrame({"from": ["p0"] * 9, "to": [*(f"x{k}" for k in range(8)), "p1"]})
    with pytest.raises(InputError) as caught:
        load(write(ties=ties))
    assert len(caught.value.problems) == 1
    assert "'x0', 'x1', 'x2', 'x3', 'x4' and 3 more, who are not" in caught.value.problems[0]


def test_a_text_in_numbers_is_not_also_nobody_adopted(write) -> None:
    with pytest.raises(InputError) as caught:
        load(write(people=people().assign(adopted_in="soon")))
    assert len(caught.value.problems) == 1


def broken(change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    return change(people())


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (people().drop(columns="open"), "'open' is not a column"),
        (people().drop(columns=["who", "town"]), "'who' is not a column"),
        (people().assign(adopted_in=[9, *["never", "1"] * 11, 2]), r"line 2: adopted_in lies beyond .* \(9 > 8\)"),
        (
            people().assign(adopted_in=[0, *["never", "1"] * 11, 2]),
            "line 2: adopted_in: periods are whole numbers from 1",
        ),
        (people().assign(adopted_in=["soon", *["never", "1"] * 11, 2]), "adopted_in = 'soon': expected a number"),
        (people().assign(who=["p0", "p0", *[f"p{k}" for k in range(2, 24)]]), "the id 'p0' appears more than once"),
        (people().assign(adopted_in=3), "everybody adopted"),
        (people().assign(adopted_in="never"), "nobody adopted"),
        (people(1), "has 1 person: at least 10"),
        (people().assign(open="x"), "open = 'x': expected a number"),
        (people().assign(open=9), "open: expected a number from 1 to 5"),
        (people().assign(open=4), "open is the same for everybody"),
        (people().assign(open=None), "open has no values"),
        (people().assign(town=[None, *["a"] * 23]), "has no town"),
        (people().assign(again="p").rename(columns={"again": "who"}), "the column 'who' appears more than once"),
    ],
)
def test_broken_tables(write, table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(write(people=table))


def test_everything_wrong_is_said_at_once(write) -> None:
    table = people().assign(adopted_in=[12, "soon", *["never", "1"] * 11], open=7)
    table.loc[3, "who"] = "p2"
    text = TOML.replace("sd = 0.5", "sd = -1\nvalu = 3").replace('time_unit = "quarter"', 'time_units = "q"')
    register = REGISTER.assign(using=[10, 500, "many"])
    with pytest.raises(InputError) as caught:
        load(write(text, people=table, ties=TIES.assign(to="x"), register=register))
    said = "\n".join(caught.value.problems)
    for words in (
        "did you mean 'time_unit'",
        "did you mean 'value'",
        "sd = -1",
        "beyond the last period",
        "'soon'",
        "more than once",
        "expected a number from 1 to 5",
        "ties to 'x'",
        "using = 'many'",
        "outside 0 to 1",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [", "not valid TOML"),
        ("name = 'n'", "describes nothing that was observed"),
        (TOML.replace("innovation = 0.9", ""), "openness: innovation is missing"),
        (TOML.replace("high = 5", ""), "low and high together"),
        (TOML.replace("observed_until = 8", ""), "people.observed_until is missing"),
        (TOML.replace('orientation = "openness"', 'orientation = "opennes"'), "did you mean 'openness'"),
        (TOML.replace("of = 200", ""), "counts need `of`"),
        (TOML.replace('name = "pilot"', "name = 3"), "name = 3: expected text in quotes"),
        (f"orientation = 3\n{PEOPLE}", "orientation: expected a table"),
        (f"orientation.openness = 'open'\n{PEOPLE}", "orientation.openness: innovation is missing"),
        (f"orientation.openness = 3\n{PEOPLE}", "orientation.openness: expected a section of its own"),
        (TOML.replace('time = "adopted_in"', 'time = "adopted"'), "'adopted' is not a column"),
        (TOML.replace('"open"\nlow = 1\nhigh = 5', '"opn"\ncodes = { 1 = 1 }'), "did you mean 'open'"),
        (f"series = 3\n{PEOPLE}", r"series: expected a list of tables \(\[\[...\]\]\)"),
        ("[ties]\nfile = 'ties.csv'\n[[patterns]]\n", r"ties needs \[people\]"),
        (TOML.replace("low = 1\nhigh = 5", "low = 5\nhigh = 5"), "low and high should be two different numbers"),
        (TOML.replace("low = 1\nhigh = 5", "codes = { 1 = 3 }"), r"codes should lead to numbers in \[0, 1\]"),
        (TOML.replace("low = 1\nhigh = 5", "codes = { 1 = 0.1, 2 = 0.2 }"), "code of 'open'"),
        (TOML.replace('count = "using"\n', ""), r"give either count \(a column\) or share \(a column\)"),
        (TOML.replace('"median_difference"', '"share_adopted"'), "share_adopted needs `at`"),
        (TOML.replace('orientation = "openness"\n', ""), "needs `orientation`"),
        (
            TOML.replace("observed_until = 8", "observed_until = 0"),
            "observed_until = 0: expected a whole number from 1 to 600",
        ),
        (TOML.replace("observed_until = 8", 'observed_until = "ends"'), "'ends' is not a column"),
        (TOML.replace("of = 200", 'of = "asked"'), "'asked' is not a column"),
        (TOML.replace('file = "ties.csv"', 'file = "ties.csv"\nfrom = "frm"'), "'frm' is not a column"),
        (TOML.replace('file = "ties.csv"', 'file = "nowhere.csv"'), r"nowhere\.csv"),
        (TOML.replace('file = "register.csv"', 'file = "nowhere.csv"'), r"nowhere\.csv"),
        (TOML.replace('file = "people.csv"', 'file = "nowhere.csv"'), r"nowhere\.csv"),
        (
            TOML.replace('kind = "median_difference"', 'kind = "outcome"\noutcome = "sustained24"'),
            "did you mean 'sustained_24'",
        ),
    ],
)
def test_broken_descriptions(write, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(write(text))


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"ties": TIES.assign(to="stranger")[:0]}, "no tie joins two of the people"),
        ({"ties": TIES.assign(to=["p1", None, "p3"])}, "line 3: has no to"),
        ({"register": REGISTER[:0]}, "has no rows"),
        ({"register": REGISTER.assign(time=[1, 4, 4])}, "a period appears more than once"),
        ({"register": REGISTER.assign(time=[1, 4.5, 601])}, "lines 3, 4: time: periods are whole numbers"),
        ({"register": REGISTER.assign(using=[10, None, 120])}, "line 3: has no using"),
    ],
)
def test_broken_ties_and_series(write, tables: dict[str, pd.DataFrame], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(write(**tables))


def test_each_may_have_been_observed_for_a_time_of_their_own(write) -> None:
    table = people().assign(ends=[9, *[8] * 22, 5], adopted_in=[9, *["never", "1"] * 11, "never"])
    text = TOML.replace("observed_until = 8", 'observed_until = "ends"')
    found = load(write(text, people=table))
    assert found.periods == 9
    assert found.people["until"].tolist() == table["ends"].tolist()
    assert found.people["time"].iloc[0] == 9
    for wrong, words in ((None, "line 3: has no ends"), (0, "line 3: ends: expected a whole number from 1 to 600"),
                         (2.5, "line 3: ends: expected a whole number")):  # fmt: skip
        with pytest.raises(InputError, match=words):
            load(write(text, people=table.assign(ends=[9, wrong, *[8] * 21, 5])))


def test_roles_codes_and_shares(write) -> None:
    text = TOML.replace("low = 1\nhigh = 5", "codes = { 1 = 0.1, 2 = 0.2, 3 = 0.3, 4 = 0.4, 5 = 0.9 }")
    text = text.replace('id = "who"', 'id = "who"\nrole = "job"').replace('count = "using"\nof = 200', 'share = "part"')
    register = pd.DataFrame({"time": [8, 1], "part": [0.6, 0.05]})
    found = load(write(text, people=people().assign(job=["staff", "manager"] * 12), register=register))
    assert found.people["role"].tolist()[:2] == ["staff", "manager"]
    assert found.people["openness"].tolist()[:5] == [0.1, 0.2, 0.3, 0.4, 0.9]
    assert found.series[0].time.tolist() == [1, 8]
    assert found.series[0].share.tolist() == [0.05, 0.6]
    assert np.isnan(found.series[0].of).all()
    with pytest.raises(InputError, match="role"):
        load(write(text, people=people().assign(job=["staff", "boss"] * 12), register=register))


def test_people_without_ties_or_values_can_be_read_and_divided(write) -> None:
    found = load(write(PEOPLE))
    assert found.ties is None
    assert found.people["community"].unique().tolist() == ["all"]
    part = found.part(found.people["time"].notna().to_numpy())
    assert part.ties is None
    assert len(part.people) == 16
    assert found.digest != part.digest


def test_no_such_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder of data"):
        load(tmp_path / "none")
    with pytest.raises(InputError, match=r"no data\.toml"):
        load(tmp_path)
    (tmp_path / "data.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(InputError, match=r"data\.toml: cannot be read: is not UTF-8 text"):
        load(tmp_path)


def test_the_public_data_set_is_described_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up doctors in the columns of the converted tables."""
    folder = tmp_path / "medical-innovation"
    folder.mkdir()
    rows = np.arange(30)
    pd.DataFrame(
        {
            "id": 1000 + rows, "community": 1 + rows % 2, "toa": np.where(rows % 5, 1 + rows % 17, 18),
            "last_period": 17, "science": [np.nan, *(1 + rows[1:] % 3)],
        }
    ).to_csv(folder / "nodes.csv", index=False)  # fmt: skip
    pd.DataFrame({"ego": [1000, 1001, 1002], "alter": [1002, 1003, 9999]}).to_csv(folder / "edges.csv", index=False)
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path))
    found = load("medical-innovation")
    assert found.periods == 17
    assert found.people["time"].isna().sum() == 6
    assert found.people["science_first"].tolist()[1:4] == [0.65, 0.45, 0.85]
    assert len(found.ties) == 2
    assert scenario_of(found).name == "medical-innovation"
    assert found.remarks == ("1 of 30 people have no science_first: drawn from the profile in each run",)


def test_the_public_data_set(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path))
    with pytest.raises(InputError, match="valign data get medical-innovation"):
        load("medical-innovation")
    medical_innovation.get("medical-innovation", published)
    found = load("medical-innovation")
    assert len(found.people) == 125
    assert found.people["time"].notna().sum() == 109
    assert found.periods == 17
    assert found.people["community"].nunique() == 4
    assert found.people["science_first"].isna().sum() == 4
