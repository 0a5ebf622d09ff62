"""Medical Innovation: fetched, checked, converted, and a society of 125 doctors."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration.data import medical_innovation
from valign.experiments.observed import observed_curve
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.society.tables import data_set_folder, society_of

ROOT = Path(__file__).resolve().parents[2]
NAME = medical_innovation.MEDICAL_INNOVATION
PLAN = """
name = "doctors"
months = 17
dimensions = ["science_first"]
[innovation.values]
science_first = 0.85
[innovation.emphasis]
science_first = 1.0
[profiles.doctor]
science_first = 0.65
[[organisations]]
name = "city"
count = 4
staff = 31
managers = 0
stage = "commissioned"
staff_profile = "doctor"
client_profile = "doctor"
[tables]
data = "medical-innovation"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for data."""
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_conversion_gives_the_known_tables(published: Path, place: Path) -> None:
    folder = medical_innovation.get(NAME, published)
    assert folder == place / NAME
    known = [published.with_name(table) for table in medical_innovation.TABLES]
    if not all(path.is_file() for path in known):
        pytest.skip("the tables to compare with are not beside the published file")
    for path in known:
        assert (folder / path.name).read_text("utf-8") == path.read_text("utf-8"), path.name
    assert sorted(path.name for path in folder.iterdir()) == sorted([*medical_innovation.TABLES, "codebook.toml"])


def test_observed_curve(published: Path, place: Path) -> None:
    medical_innovation.get(NAME, published)
    curve = observed_curve(NAME)
    assert curve["month"].tolist() == list(range(18))
    assert curve["share"].iloc[0] == 0
    assert (curve["share"].diff().dropna() >= 0).all()
    assert curve["share"].iloc[-1] == 109 / 125
    assert curve.loc[curve["share"] >= 0.5, "month"].iloc[0] == 7  # the median adopter
    cities = [observed_curve(NAME, community=city)["share"].iloc[-1] for city in (1, 2, 3, 4)]
    assert np.average(cities, weights=[62, 24, 21, 18]) == pytest.approx(109 / 125)
    with pytest.raises(InputError, match="expected one of 1, 2, 3, 4"):
        observed_curve(NAME, community=5)


def test_a_society_of_doctors(published: Path, place: Path) -> None:
    folder = medical_innovation.get(NAME, published)
    plan = Scenario.from_toml(PLAN)
    society = society_of(plan, 1)
    nodes, edges = pd.read_csv(folder / "nodes.csv"), pd.read_csv(folder / "edges.csv")
    assert society.ids == [str(each) for each in sorted(nodes["id"])]
    assert np.diff(society.first).tolist() == [62, 24, 21, 18, 0]
    assert society.names == ["city 1", "city 2", "city 3", "city 4"]
    assert (society.role == 0).all()
    assert (society.commissioner == -1).all()
    known = set(nodes["id"])
    named = {tuple(sorted(pair)) for pair in zip(edges["ego"], edges["alter"], strict=True) if set(pair) <= known}
    ids = np.array(society.ids, int)
    assert {(a, b) for a, b in zip(ids[society.tie_a], ids[society.tie_b], strict=True)} == named
    science = nodes.set_index("id")["science"].loc[ids].map({1: 0.85, 2: 0.65, 3: 0.45})
    assert society.values is not None
    np.testing.assert_array_equal(society.values[:, 0], science.to_numpy())
    assert np.isnan(society.values).sum() == 4
    assert np.nanstd(society.values) == pytest.approx(0.175, abs=0.003)
    outcomes = simulate(plan, runs=2, seed=1, society=society)
    assert (outcomes.runs["uptake_final"].between(0, 1)).all()


def test_one_description_is_that_of_histories_and_of_the_society() -> None:
    assert medical_innovation.codebook() == {
        "id": "id",
        "organisation": "community",
        "organisations": {"1": "city 1", "2": "city 2", "3": "city 3", "4": "city 4"},
        "values": {"science_first": {"column": "science", "codes": {"1": 0.85, "2": 0.65, "3": 0.45}}},
        "edges": {"from": "ego", "to": "alter", "dangling": "drop"},
    }
    described = tomllib.loads(medical_innovation.DESCRIPTION)
    innovation = Scenario.load(NAME).innovation
    assert {name: of["innovation"] for name, of in described["orientation"].items()} == innovation.values
    assert described["people"]["not_adopted"] == ["18"]


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the published form with ten doctors whom nobody asked, taken for the published one."""
    unparser = pytest.importorskip("rdata.unparser")
    from rdata.conversion import convert_python_to_r_data, convert_python_to_r_object
    from rdata.conversion.to_r import ConverterFromPythonToR, build_r_list

    named = {name: np.full(10, np.nan) for name in ("net1_1", "net2_1", "net3_2")}
    named["net1_1"][:3] = 2, 3, 99
    named["net3_2"][9] = 6
    table = pd.DataFrame({
        "city": [1.0] * 5 + [2.0] * 5, "id": np.arange(1.0, 11), "commun": [1.0] * 5 + [2.0] * 5, "study": 1.0,
        "toa": [1.0, 1, 2, 18, 17, 3, 3, 4, 18, 18], "science": [1.0, 2, 3, np.nan, 1, 2, 3, 1, 2, 3], **named,
    })  # fmt: skip
    written = convert_python_to_r_data({"medInnovations": table}, file_type="rda")
    labels = convert_python_to_r_object(np.array([f"What {name} says" for name in table]))
    last = written.object.value[0].attributes
    while last.value[1].value is not None:
        last = last.value[1]
    last.value = (last.value[0], build_r_list([(ConverterFromPythonToR().convert_to_r_sym("var.labels"), labels)]))
    file = tmp_path / "made-up.rdata"
    unparser.unparse_file(file, written, file_type="rda")
    monkeypatch.setattr(medical_innovation, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def test_what_is_made_of_a_file_of_the_published_form(made_up: Path, place: Path) -> None:
    folder = medical_innovation.get(NAME, made_up)
    nodes, edges, codebook = (pd.read_csv(folder / name) for name in ("nodes.csv", "edges.csv", "codebook.csv"))
    assert list(nodes) == ["id", "community", "toa", "adopted", "last_period", "science"]
    assert nodes["id"].tolist() == [1001, 1002, 1003, 1004, 1005, 2006, 2007, 2008, 2009, 2010]
    assert nodes["adopted"].tolist() == [1, 1, 1, 0, 1, 1, 1, 1, 0, 0]
    assert edges[["ego", "alter", "relation", "alter_surveyed"]].to_numpy().tolist() == [
        [1001, 1002, "advice", 1], [1002, 1003, "advice", 1], [1003, 1099, "advice", 0], [2010, 2006, "friend", 1],
    ]  # fmt: skip
    known = codebook.set_index("variable")
    assert known.loc["science", "label"] == "What science says"
    assert known.loc["science", ["n_missing", "n_levels"]].tolist() == [1, 3]
    assert known.loc["science", "counts"] == "1.0:3; 2.0:3; 3.0:3; nan:1"
    assert pd.isna(known.loc["net1_1", "counts"])
    curve = pd.read_csv(folder / "curve.csv").query("community == '1'").set_index("t")
    assert curve["cum_adopters"].loc[[1, 2, 16, 17]].tolist() == [2, 3, 3, 4]
    assert curve["hazard"].loc[[1, 2, 3]].tolist() == [0.4, round(1 / 3, 4), 0.0]
    assert observed_curve(NAME, community=2)["share"].tolist()[2:6] == [0, 0.4, 0.6, 0.6]
    with pytest.raises(InputError, match="community = 3: expected one of 1, 2"):
        observed_curve(NAME, community=3)
    with pytest.raises(InputError, match="did you mean 'medical-innovation'"):
        observed_curve("medical-inovation")


def test_a_run_of_public_data_is_shown_beside_what_was_observed(made_up: Path, place: Path, valign: Callable) -> None:
    assert valign("data", "get", NAME, "--from", made_up, "--quiet").code == 0
    said = valign("run", NAME, "--runs", 3, "--out", "out")
    assert said.code == 0, said.err
    seen = pd.read_csv(made_up.parent / "out" / "observed.csv")
    assert seen["share"].iloc[[0, 1, -1]].tolist() == [0, 0.2, 0.7]
    assert len(pd.read_csv(made_up.parent / "out" / "people.csv")) == 10
    assert "nothing was tuned to these data" in said.err


def test_a_file_that_is_there_is_not_fetched_again(made_up: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pooch = pytest.importorskip("pooch")

    def nothing(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", nothing)
    with pytest.raises(InputError, match=r"could not be fetched: no route to host.*--from FILE"):
        medical_innovation.get(NAME)
    place.joinpath(NAME).mkdir(parents=True, exist_ok=True)
    place.joinpath(NAME, "medInnovations.rdata").write_bytes(made_up.read_bytes())  # fetched before
    assert medical_innovation.get(NAME) == place / NAME
    assert medical_innovation.available() == {NAME: place / NAME}


def test_a_table_is_written_whole_or_not_at_all(made_up: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medical_innovation.get(NAME, made_up)
    before = {path.name: path.read_bytes() for path in (place / NAME).iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(InputError, match=r"cannot be written: No space left.*VALIGN_DATA"):
        medical_innovation.get(NAME, made_up)
    assert {path.name: path.read_bytes() for path in (place / NAME).iterdir()} == before


def test_a_missing_library_is_named(made_up: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(InputError, match=r"rdata is not installed.*valign\[data\]"):
        medical_innovation.get(NAME, made_up)


def test_without_the_data_one_sentence_says_how_to_get_them(place: Path) -> None:
    for ask in (lambda: society_of(Scenario.from_toml(PLAN), 1), lambda: observed_curve(NAME)):
        with pytest.raises(InputError) as error:
            ask()
        assert len(error.value.problems) == 1
        assert f"valign data get {NAME}" in str(error.value)
        assert "--from FILE" in str(error.value)
    assert medical_innovation.available() == {NAME: None}


def test_another_file_is_refused(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.rdata"
    other.write_bytes(b"RDX3")
    wrong = {other: "is not the published", tmp_path / "nowhere": "cannot be read", tmp_path: "cannot be read"}
    for file, words in wrong.items():
        with pytest.raises(InputError, match=words) as error:
            medical_innovation.get(NAME, file)
        assert str(file) in str(error.value)
    assert not place.exists()
    with pytest.raises(InputError, match="did you mean 'medical-innovation'"):
        medical_innovation.get("medical-inovation")


def test_a_folder_that_cannot_be_written(made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be written.*VALIGN_DATA"):
        medical_innovation.get(NAME, made_up)


def test_where_data_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VALIGN_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert data_set_folder(NAME) == tmp_path / "valign" / NAME
    monkeypatch.setenv("VALIGN_DATA", "")
    assert data_set_folder(NAME) == tmp_path / "valign" / NAME


def test_the_project_ships_no_individual_data() -> None:
    ignored = (".venv", ".cache")
    left = [path for path in ROOT.rglob("*.rdata") if not any(part.startswith(ignored) for part in path.parts)]
    assert left == []
