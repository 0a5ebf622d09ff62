"""Words travel with the tables: what a folder of results says about its columns, and who needs the model for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

import valign as va
from valign.cli.app import main
from valign.model import outcomes
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.vocabulary import vocabulary
from valign.results import store
from valign.results.reports.render import rebuild
from valign.results.saved import load
from valign.results.vocabulary import Vocabulary, headlines, label, series_label, speak, speaking, spoken


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "run"
    assert main(["run", "two-services", "--runs", "4", "--months", "24", "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def speechless() -> Generator[None]:
    """As where no model is at hand."""
    before = spoken()
    speak(Vocabulary())
    yield
    speak(before)


def test_every_outcome_series_parameter_and_mechanism_has_words() -> None:
    words = Vocabulary.of(vocabulary())
    assert set(words.outcomes) == set(outcomes.OUTCOMES)
    assert set(words.parameters) == set(PARAMETERS)
    assert list(words.mechanisms) == list(MECHANISMS)
    series = {*outcomes.PEOPLE_SERIES, *outcomes.COMMISSIONER_SERIES, *outcomes.SERVICE_SERIES}
    assert set(words.series) == series
    of_people, of_services = outcomes.PEOPLE_SERIES, outcomes.SERVICE_SERIES
    shared = of_people.keys() & of_services.keys()
    assert all(of_people[name] == of_services[name] for name in shared)  # one name, one meaning
    assert len(series) == sum(map(len, (of_people, outcomes.COMMISSIONER_SERIES, of_services))) - len(shared)
    for each in (*words.outcomes.values(), *words.series.values(), *words.people.values(), *words.parameters.values()):
        assert all((each.text, each.meaning, each.unit))
        assert each.kind in ("share", "month", "thousands", "alignment", "number")
        assert each.low is None or each.high is None or each.low < each.high


def test_columns_by_name_are_those_of_the_declarations() -> None:
    for columns, names in (
        (outcomes.OUTCOME, outcomes.OUTCOMES),
        (outcomes.PATH, outcomes.PATH_SERIES),
        (outcomes.PEOPLE, outcomes.PEOPLE_SERIES),
        (outcomes.SERVICES, outcomes.SERVICE_SERIES),
        (outcomes.COMMISSIONERS, outcomes.COMMISSIONER_SERIES),
        (outcomes.PERSON, outcomes.AGENT_SERIES),
    ):
        assert columns._asdict() == {name: place for place, name in enumerate(names)}


def test_what_kernels_take_for_neighbours_are_neighbours() -> None:
    channels = ("financial", "economic", "social")
    for columns, family in (
        (outcomes.OUTCOME, "value_per_pound"),
        (outcomes.PATH, "returned"),
        (outcomes.PEOPLE, "belief"),
        (outcomes.COMMISSIONERS, "weight"),
    ):
        first = getattr(columns, f"{family}_financial")
        assert [getattr(columns, f"{family}_{channel}") for channel in channels] == [first, first + 1, first + 2]
    money = ("spending", "value_commissioners", "value_clients", "value_providers")
    for columns in (outcomes.PATH, outcomes.SERVICES):
        assert [getattr(columns, name) - columns.spending for name in money] == [0, 1, 2, 3]
    assert outcomes.PEOPLE.alignment_sd == outcomes.PEOPLE.alignment + 1
    assert outcomes.PEOPLE.fit_original_sd == outcomes.PEOPLE.fit_original + 1


def test_outcomes_stay_within_their_bounds_and_so_do_series() -> None:
    out = va.simulate("two-services", runs=6, seed=3)
    for name, each in outcomes.OUTCOMES.items():
        column = out.runs[name].dropna()
        assert each.low is None or (column >= each.low - 1e-12).all(), name
        assert each.high is None or (column <= each.high + 1e-12).all(), name
    for (role, name), table in out.series.groupby(["role", "variable"], observed=True):
        each = {**outcomes.PEOPLE_SERIES, **outcomes.COMMISSIONER_SERIES, **outcomes.SERVICE_SERIES}[name]
        assert each.low is None or (table["value"] >= each.low - 1e-12).all(), (role, name)
        assert each.high is None or (table["value"] <= each.high + 1e-12).all(), (role, name)


def test_a_folder_brings_its_words(folder: Path) -> None:
    words = load(folder).vocabulary
    assert words == Vocabulary.of(json.loads((folder / "vocabulary.json").read_text("utf-8")))
    assert words.outcomes == Vocabulary.of(vocabulary()).outcomes
    assert words.outcomes["time_to_50"].never
    assert words.parameters["fit_effect"].unit == "logit per 0.10"
    crate = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
    assert "vocabulary.json" in {each["@id"] for each in crate["@graph"]}


def test_a_report_needs_no_model(folder: Path, tmp_path: Path) -> None:
    rebuild(folder)
    before = (folder / "report.html").read_text("utf-8")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "report.html").unlink()
    code = (
        "import sys; from pathlib import Path; from valign.results.reports import render; "
        "render.rebuild(Path(sys.argv[1])); "
        "print([name for name in sys.modules if name.startswith(('valign.model', 'valign.experiments'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert (copy / "report.html").read_text("utf-8") == before


def test_the_words_of_a_folder_are_those_of_its_report(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    words = json.loads((copy / "vocabulary.json").read_text("utf-8"))
    words["outcomes"]["uptake_final"]["label"] = "people at work with it <in the end>"
    (copy / "vocabulary.json").write_text(json.dumps(words), "utf-8")
    rebuild(copy)
    text = (copy / "report.html").read_text("utf-8")
    assert "people at work with it &lt;in the end&gt;" in text
    assert "people engaged, at the end" not in text
    assert label("uptake_final").text == "people engaged, at the end"


def test_folders_older_than_these_words_are_read_with_those_of_the_version(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "vocabulary.json").unlink()
    (copy / "report.html").unlink(missing_ok=True)
    rebuild(copy)
    assert "people engaged, at the end" in (copy / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("speechless")
def test_without_words_and_without_a_model_it_says_so(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "vocabulary.json").unlink()
    with pytest.raises(store.StoreError, match=r"has no vocabulary\.json, which says what its columns mean"):
        rebuild(copy)


DAMAGED = ("", "{", "[]", '{"format": 9}', '{"format": 1, "outcomes": {"a": 3}}', '{"format": 1, "outcomes": []}')


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_words_are_named(folder: Path, tmp_path: Path, text: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "vocabulary.json").write_text(text, "utf-8")
    with pytest.raises(store.StoreError, match=r"vocabulary\.json cannot be read"):
        rebuild(copy)


def test_other_words_hold_meanwhile_only() -> None:
    other = Vocabulary.of({"outcomes": {"uptake_final": {"label": "in the end", "headline": True, "later": 1}}})
    with speaking(other):
        assert label("uptake_final").text == "in the end"
        assert label("spread_final").text == "spread final"
        assert (headlines(), series_label("in_use")) == (["uptake_final"], "in use")
    assert "spread_final" in headlines()
