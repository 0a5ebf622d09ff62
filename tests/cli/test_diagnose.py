"""`valign survey new` and `valign diagnose`, and a filled-in questionnaire in place of a scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from valign.calibration.diagnose.example import EXAMPLE
from valign.calibration.diagnose.society import safe_name
from valign.model.scenario.scenario import Scenario
from valign.results.plain_text import FORMULA
from valign.results.reports import diagnosis_text

BEFORE, AFTER = EXAMPLE / "before.xlsx", EXAMPLE / "after.xlsx"


def test_a_questionnaire_is_written_once(valign: Callable, tmp_path: Path) -> None:
    said = valign("survey", "new", "--services", "hostel, outreach", "--out", "q")
    assert said.code == 0, said.err
    assert sorted(path.name for path in (tmp_path / "q").iterdir()) == [
        "codebook.csv",
        "questionnaire.html",
        "questionnaire.xlsx",
    ]
    again = valign("survey", "new", "--out", "q")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "nothing is overwritten" in again.err
    assert valign("survey", "new", "--innovation", "housing-frist", "--out", "p").code == 2
    twice = valign("survey", "new", "--services", "a, a", "--out", "p")
    assert "appears more than once" in twice.err


def test_two_waves_become_a_report(valign: Callable, tmp_path: Path) -> None:
    said = valign("diagnose", BEFORE, AFTER, "--runs", 2, "--worlds", 2, "--out", "d")
    assert said.code == 0, said.err
    assert "3,405 of 3,405 answers used" in said.err
    report = (tmp_path / "d" / "report.html").read_text()
    for words in (
        "answered both questionnaires",
        "What moved",
        "people deciding for themselves",
        "not validated",
        "Hostel North",
        "Where to pilot first",
    ):
        assert words in report, words
    for name in ("values", "services-map", "moved", "levers"):
        assert (tmp_path / "d" / f"{name}.svg").stat().st_size > 0
    overview = pd.read_csv(tmp_path / "d" / "overview.csv").set_index("measure")
    assert f"Alignment is {overview.loc['fit', 'estimate']:.2f} on average" in said.out.replace("\n  ", " ")
    again = valign("diagnose", BEFORE, AFTER, "--runs", 2, "--worlds", 2, "--out", "d")
    assert (again.code, again.out) == (0, said.out)
    assert "already holds these results" in again.err
    assert valign("diagnose", BEFORE, "--runs", 2, "--worlds", 2, "--out", "d").code == 2
    assert valign("report", "d").code == 0


def test_every_number_of_the_findings_comes_from_the_tables(valign: Callable, tmp_path: Path) -> None:
    assert valign("diagnose", BEFORE, "--runs", 0, "--out", "d", "--quiet").code == 0
    tables = {
        path.stem: pd.read_csv(path, keep_default_na=False, na_values=[""]) for path in (tmp_path / "d").glob("*.csv")
    }
    told = " ".join(diagnosis_text.findings(tables, "Housing First"))
    worst = tables["values"].query("group == 'everybody'").sort_values("lost").iloc[-1]
    assert f"{worst['own']:.2f} against {worst['intended']:.2f}" in told
    first = tables["by_service"].iloc[0]
    assert f"together, {first['service']} is the most ready" in told
    assert "In the model" not in told
    assert " nan" not in told
    assert "_" not in told


@pytest.mark.parametrize(
    ("lows", "highs", "told"),
    [
        ((0.01, 0.02), (0.1, 0.1), " Nine in ten worlds agree that these raise use."),
        ((0.01, -0.02), (0.1, 0.1), " That it raises use, nine in ten worlds agree for “a” alone."),
        ((-0.1, -0.2), (0.1, 0.1), " That is an average: in more than one world in twenty it does"),
        ((0.05, -0.2), (0.05, 0.1), " For “b” that is an average: in more than one world in twenty"),
        ((0.05, 0.01), (0.05, 0.1), " That it raises use, nine in ten worlds agree for “b” alone."),
        ((0.05, 0.06), (0.05, 0.06), ""),
    ],
    ids=["all", "one", "none", "one not seen, one harms", "one not seen, one helps", "none seen to differ"],
)
def test_worlds_are_said_to_agree_only_where_they_are_seen_to_differ(lows: tuple, highs: tuple, told: str) -> None:
    rows = pd.DataFrame({"scenario": ["a", "b"], "unknown_low": lows, "unknown_high": highs})
    said = diagnosis_text._agreement_of_worlds(rows)
    assert said.startswith(told)
    assert bool(said) == bool(told)


def test_json_holds_the_estimates(valign: Callable) -> None:
    said = valign("diagnose", BEFORE, "--runs", 0, "--json", "--out", "d")
    found = json.loads(said.out)
    assert {"overview", "by_service", "by_role", "answers"} <= set(found)
    assert len(found["by_service"]) == 6


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.xlsx"], "cannot be read"),
        ([EXAMPLE.parent / "my-claim.toml"], "no header of the questionnaire"),
        ([BEFORE, "--runs", "1"], "--runs 1: expected 2 to 1,000"),
        ([BEFORE, "--innovation", "housing-frist"], "did you mean"),
    ],
)
def test_wrong_input_gets_one_message(valign: Callable, words: list[object], told: str) -> None:
    said = valign("diagnose", *words)
    assert said.code == 2
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_filled_in_questionnaire_is_a_scenario_for_every_command(valign: Callable, tmp_path: Path) -> None:
    described = valign("describe", BEFORE)
    assert "Hostel North" in described.out
    assert valign("validate", BEFORE).code == 0
    said = valign("run", BEFORE, "--runs", 2, "--months", 6, "--out", "r", "--quiet")
    assert said.code == 0, said.err
    runs = pd.read_csv(tmp_path / "r" / "runs.csv")
    assert runs["alignment_start"].between(0.65, 0.85).all()
    changed = valign(
        "compare", "--at-defaults", BEFORE, f"{BEFORE}+slack=0.5", "--runs", 2, "--months", 4, "--quiet", "--out", "c"
    )
    assert changed.code == 0, changed.err
    (folder,) = (tmp_path / "runs").glob("before-society-*")
    standing = ["by_role.csv", "by_service.csv"]
    assert sorted(path.name for path in folder.iterdir()) == [*standing, "edges.csv", "nodes.csv", "scenario.toml"]
    asked = ("--worlds", 2, "--seeds", 2, "--quiet", "--out", "claim")
    said = valign("claims", "C7", "--scenario", BEFORE, *asked)
    assert said.code == 0, said.err
    assert "Scenario: before." in (tmp_path / "claim" / "report.html").read_text()
    assert "'nowhere' is not a shipped scenario" in valign("claims", "C7", "--scenario", "nowhere", *asked).err


def test_what_was_simulated_is_told_from_the_people_that_were(valign: Callable, tmp_path: Path) -> None:
    """Numbers of people, services and commissioners: of tables that the scenario's own services know nothing of."""
    people = ["id,organisation,role,manager,commissioner"]
    for service, staff in (("North", 4), ("South", 3), ("East", 2)):
        people += [f"{service}{n},{service},staff,{service}m,k1" for n in range(staff)]
        people.append(f"{service}m,{service},manager,,k1")
    people += ["k1,,commissioner,,", "k2,,commissioner,,"]
    (tmp_path / "nodes.csv").write_text("\n".join(people))
    (tmp_path / "edges.csv").write_text("from,to\nNorth0,South1\nSouth0,East1\n")
    (tmp_path / "book.toml").write_text('[groups]\nNorth = "hostel"\nSouth = "hostel"\nEast = "outreach"\n')
    scenario = Scenario.load("two-services").to_mapping()
    scenario |= {"tables": {"nodes": "nodes.csv", "edges": "edges.csv", "codebook": "book.toml"}, "months": 3}
    Scenario.from_mapping(scenario, "mine").to_toml(tmp_path / "mine.toml")
    assert valign("run", "mine.toml", "--runs", 2, "--out", "r", "--quiet").code == 0
    report = (tmp_path / "r" / "report.html").read_text()
    kept = pd.read_csv(tmp_path / "r" / "people.csv")
    snapshot = pd.read_csv(tmp_path / "r" / "snapshot.csv")
    assert f"{len(snapshot)} services with {len(kept)} people" in report
    assert f"{(kept['role'] == 'commissioner').sum()} commissioners" in report
    assert (len(snapshot), len(kept)) == (3, 14)
    for name, staff in (("North", 4), ("South", 3), ("East", 2)):
        assert f"{name}, with {staff} staff, 1 manager" in report
    told = json.loads(valign("describe", "mine.toml", "--json").out)
    assert (told["services"], told["people"], told["commissioners"]) == (3, 14, 2)


@pytest.mark.parametrize("name", ["=1+1", "+cmd|calc", "@x", "-2", " ='a'", "=", "St. Anne's"])
def test_no_service_of_a_society_is_a_formula_of_a_spreadsheet(name: str) -> None:
    safe = safe_name(name, 4)
    assert safe
    assert not safe.startswith(FORMULA)
    assert "." not in safe
    assert safe_name("St Anne's", 0) == "St Anne's"
