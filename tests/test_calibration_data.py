"""Data sets: what is read, and that everything wrong is said at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration import data
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
    found = data.load(write())
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
    assert data.load(write()).digest == data.load(write()).digest
    assert data.load(write()).digest != data.load(write(TOML.replace(*change))).digest


def test_dangling_ties_are_left_out_on_demand(write) -> None:
    ties = pd.concat([TIES, pd.DataFrame({"from": ["p0"], "to": ["nobody"]})])
    assert (
        len(data.load(write(TOML.replace('file = "ties.csv"', 'file = "ties.csv"\ndangling = "drop"'), ties=ties)).ties)
        == 3
    )
    with pytest.raises(InputError, match="ties to 'nobody', who is not among the people"):
        data.load(write(ties=ties))


def test_many_dangling_ties_are_one_line(write) -> None:
    ties = pd.DataFrame({"from": ["p0"] * 9, "to": [*(f"x{k}" for k in range(8)), "p1"]})
    with pytest.raises(InputError) as caught:
        data.load(write(ties=ties))
    assert len(caught.value.problems) == 1
    assert "'x0', 'x1', 'x2', 'x3', 'x4' and 3 more, who are not" in caught.value.problems[0]


def test_a_text_in_numbers_is_not_also_nobody_adopted(write) -> None:
    with pytest.raises(InputError) as caught:
        data.load(write(people=people().assign(adopted_in="soon")))
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
        (people().assign(adopted_in=["soon", *["never", "1"] * 11, 2]), "adopted_in = 'soon': a number is wanted"),
        (
            people().assign(who=["p0", "p0", *[f"p{k}" for k in range(2, 24)]]),
            "the id 'p0' stands there more than once",
        ),
        (people().assign(adopted_in=3), "everybody adopted"),
        (people().assign(adopted_in="never"), "nobody adopted"),
        (people(1), "has 1 person: at least 10"),
        (people().assign(open="x"), "open = 'x': a number is wanted"),
        (people().assign(open=9), "open: allowed is 1 to 5"),
        (people().assign(open=4), "open is the same for everybody"),
        (people().assign(open=None), "open has no values"),
        (people().assign(town=[None, *["a"] * 23]), "has no town"),
        (people().assign(again="p").rename(columns={"again": "who"}), "the column 'who' stands there more than once"),
    ],
)
def test_broken_tables(write, table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        data.load(write(people=table))


def test_everything_wrong_is_said_at_once(write) -> None:
    table = people().assign(adopted_in=[12, "soon", *["never", "1"] * 11], open=7)
    table.loc[3, "who"] = "p2"
    text = TOML.replace("sd = 0.5", "sd = -1\nvalu = 3").replace('time_unit = "quarter"', 'time_units = "q"')
    register = REGISTER.assign(using=[10, 500, "many"])
    with pytest.raises(InputError) as caught:
        data.load(write(text, people=table, ties=TIES.assign(to="x"), register=register))
    said = "\n".join(caught.value.problems)
    for words in (
        "did you mean 'time_unit'",
        "did you mean 'value'",
        "sd = -1",
        "beyond the last period",
        "'soon'",
        "more than once",
        "allowed is 1 to 5",
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
        (
            TOML.replace('kind = "median_difference"', 'kind = "outcome"\noutcome = "sustained24"'),
            "did you mean 'sustained_24'",
        ),
    ],
)
def test_broken_descriptions(write, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        data.load(write(text))


def test_no_such_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder of data"):
        data.load(tmp_path / "none")
    with pytest.raises(InputError, match=r"no data\.toml"):
        data.load(tmp_path)


def test_the_public_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from valign.experiments import data as public

    monkeypatch.setenv("VALIGN_DATA", str(tmp_path))
    with pytest.raises(InputError, match="valign data get medical-innovation"):
        data.load("medical-innovation")
    named = os.environ.get("VALIGN_MEDICAL_INNOVATION")
    if not named:
        pytest.skip("medInnovations.rdata is not here: name it in VALIGN_MEDICAL_INNOVATION")
    path = Path(named)
    public.get("medical-innovation", path / "medInnovations.rdata" if path.is_dir() else path)
    found = data.load("medical-innovation")
    assert len(found.people) == 125
    assert found.people["time"].notna().sum() == 109
    assert found.periods == 17
    assert found.people["community"].nunique() == 4
    assert found.people["science_first"].isna().sum() == 4
