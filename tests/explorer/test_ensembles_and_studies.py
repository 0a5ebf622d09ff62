"""What the page computes is what the command line gives: ensembles, claims, sensitivity, what moved alignment."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree

import pandas as pd
import pytest
from explorer_cases import CHANGED, asked

import valign as va
from valign.experiments.ablation import ablations
from valign.explorer import charts, files, studies, words, work
from valign.explorer.state import Settings
from valign.explorer.work import Question, Superseded, what_moved
from valign.model.errors import InputError


def test_the_page_shows_the_numbers_that_the_command_line_gives():
    found = asked(CHANGED)
    again = va.simulate(va.Scenario.from_toml(files.scenario_file(CHANGED).decode()), 64, 1, 4)
    assert found.scenario.changes[0].month == 12
    pd.testing.assert_frame_equal(found.runs[again.runs.columns], again.runs, check_exact=True)
    assert (found.curves["all", "engaged"] == again.curves("all", "engaged")).all()


def test_only_structural_settings_redraw_the_society():
    base = Settings().base()
    assert Settings(parameters={"slack": 0.2}).base() is base
    assert Settings(parameters={"ties.between": 2.0}).base() is not base


def test_work_that_nobody_waits_for_is_dropped():
    with pytest.raises(Superseded):
        asked(Settings(months=3), stale=lambda: True)


def test_large_scenarios_show_a_quarter_of_each_societys_runs_first(monkeypatch):
    seen = []

    async def first(found):
        seen.append(found)

    monkeypatch.setattr(work, "QUICK", 0)
    whole = asked(Settings(months=6), first=first)
    (early,) = seen
    assert (len(early.runs), early.whole, whole.whole) == (16, False, True)
    assert early.runs["society_seed"].value_counts().tolist() == [4] * 4
    columns = early.runs["run"].to_numpy()
    assert (early.curves["all", "engaged"] == whole.curves["all", "engaged"][:, columns]).all()
    monkeypatch.undo()
    pd.testing.assert_frame_equal(whole.runs, asked(Settings(months=6)).runs, check_exact=True)


def test_a_claim_in_parts_is_the_claim_as_a_whole(monkeypatch):
    monkeypatch.setattr(studies, "PART", 20_000)
    done = []
    own, row = studies.test_here("C11", None, 20, lambda: False, lambda *numbers: done.append(numbers))
    again = va.test_claim("C11", 20, studies.SEEDS, 1)
    assert len(done) > 3
    assert done[-1][0] == done[-1][1] == own.runs
    assert own.table.equals(again.table)
    assert own.summary() == again.summary()
    pd.testing.assert_frame_equal(own.shipped, again.shipped)
    ElementTree.fromstring(f"<div>{words.claim(own, row, 'here')}</div>")


def test_a_claim_here_keeps_what_was_set_and_says_where_it_cannot_be_tested():
    question = Question(Settings(months=48, parameters={"slack": 0.3}, changes=CHANGED.changes[:1]))
    claim = studies.ClaimHere.of("C11", question)
    base = claim.base()
    assert (base.months, claim.settings["slack"], len(base.changes)) == (60, 0.3, len(claim.changes) + 1)
    assert base.changes[1].parameter == "fit_effect"
    with pytest.raises(InputError, match="the same in these settings"):
        studies.check_arms(studies.ClaimHere.of("C13", question))
    with pytest.raises(InputError, match="cannot be tested here"):
        studies.test_here("C13", question, 20, lambda: False, lambda *_: None)
    with pytest.raises(InputError, match="claim"):
        studies.ClaimHere.of("../C7", question)
    with pytest.raises(InputError, match="command line"):
        studies.worlds_allowed(studies.ClaimHere.of("C1", Question(Settings("england"))), 60)
    with pytest.raises(Superseded):
        studies.test_here("C1", question, 20, lambda: True, lambda *_: None)


def test_a_quick_sensitivity_study_is_that_of_the_command_line(monkeypatch):
    monkeypatch.setattr(studies, "LARGEST_N", 16)
    monkeypatch.setattr(studies, "PART", 20_000)
    question, factors, outcomes = Question(Settings(months=6)), ["slack", "fit_effect"], ["uptake_final"]
    found = studies.sensitivity_here(question, factors, outcomes, lambda: False, lambda *_: None)
    again = va.sensitivity(question.settings.whole(), "sobol", 16, outcomes, factors, replicates=studies.REPLICATES)
    pd.testing.assert_frame_equal(found.indices, again.indices)
    ElementTree.fromstring(f"<div>{words.sensitivity(found)}</div>")
    for wrong, what in ((["slack"], "2 to 12"), (["slack", "slak"], "did you mean")):
        with pytest.raises(InputError, match=what):
            studies.sensitivity_here(question, wrong, outcomes, lambda: False, lambda *_: None)
    with pytest.raises(InputError, match="command line"):
        studies.sensitivity_here(Question(Settings("england")), factors, outcomes, lambda: False, lambda *_: None)


def test_what_cannot_be_reached_is_said():
    with pytest.raises(InputError, match="cannot be reached"):
        asked(Settings(level=0.99, months=3))


def test_the_waterfall_is_the_decomposition_beside_ablations():
    settings = Settings(months=12)
    table = asyncio.run(what_moved(Question(settings), lambda: False, 8))
    ElementTree.fromstring(charts.waterfall(table, {}))
    moved = table.set_index("mechanism")
    known = ablations(settings.whole(), 8, 1, 4).drop(columns="runs").query("balance == 'alignment'")
    known = known.drop(columns="balance").set_index("mechanism")
    pd.testing.assert_frame_equal(moved.loc[known.index], known)
    assert table["booked"].sum() == pytest.approx(table.attrs["end"] - table.attrs["start"])
