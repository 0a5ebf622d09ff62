"""`valign study`: a plan is read, designs are compared by simulated studies, the cheapest that will do is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration.planning.people import NAME, pairs_within, planned_people
from valign.calibration.planning.plan import designs_of, read_plan
from valign.calibration.planning.studies import fresh_chance, plan_study, seen
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.study_planning import DESIGNS, FOLDER
from valign.model.errors import InputError
from valign.results.figures.study import series_of
from valign.results.reports.study import certainty, cheapest, design_in_words, findings

PLAN = """
title = "A small one"
enough = 0.3
[designs]
services = [3, 8]
people = 8
months = 8
waves = [2, 4]
[cost]
service = 100
"""


def test_every_combination_is_a_design_with_its_cost(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    table = designs_of(read_plan(tmp_path / "plan.toml"))
    assert table[["services", "waves"]].to_numpy().tolist() == [[3, 2], [3, 4], [8, 2], [8, 4]]
    assert table["total"].tolist() == [24, 24, 64, 64]
    assert table["cost"].tolist() == [300 + 48, 300 + 96, 800 + 128, 800 + 256]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"designs": {"people": 8}}, "designs.services is missing"),
        ({"designs": {"services": 1}}, "services"),
        ({"designs": {"services": 8, "waves": 30}}, "more waves than months"),
        ({"designs": {"services": 8, "wave": 3}}, "did you mean 'waves'"),
        ({"designs": {"services": 2000, "people": 5000}}, "at most 20,000"),
        ({"designs": {"services": list(range(2, 99))}}, "at most 60"),
        ({"designs": {"services": 8}, "effects": {"fit_effect": [0.5, 0.1]}}, "a lower and a higher number"),
    ],
)
def test_a_wrong_plan_is_refused(changed: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_plan(changed)


def test_people_know_others_of_their_own_service() -> None:
    data = planned_people(6, 10, 8, 4.0)
    assert data.people is not None
    assert data.ties is not None
    service = data.people.set_index("id")["community"]
    assert (service[data.ties["from"]].to_numpy() == service[data.ties["to"]].to_numpy()).all()
    assert len(data.ties) == 120
    assert data.people[NAME].between(0, 1).all()
    few = pairs_within(np.random.default_rng(1), np.repeat([0, 1], 2), 100)
    assert few.tolist() in ([[0, 1], [2, 3]], [[2, 3], [0, 1]])


def test_a_study_sees_what_its_design_lets_it_see() -> None:
    problem = CalibrationProblem.of(planned_people(6, 10, 8))
    layout = problem.layout
    assert layout is not None
    times = np.tile(np.array([[0, 1, 4, 5, 8]], np.int16), (60, 1))
    design = {"waves": 2, "months": 8, "ties": True, "answer": 1.0}
    own, waves = seen(layout, times, design, 1)
    assert waves[0].tolist() == [0, 1, 1, 2, 2]
    assert (own.until == 2).all()
    assert len(own.neighbour) == len(layout.neighbour)
    half, waves = seen(layout, times, {**design, "ties": False, "answer": 0.5}, 1)
    assert not len(half.neighbour)
    assert half.start.tolist() == [0] * 61
    silent = half.until == 0
    assert 0.2 < silent.mean() < 0.8
    assert not waves[silent].any()


@pytest.fixture(scope="module")
def planned():
    return plan_study({"enough": 0.3, "designs": {"services": [3, 8], "people": 8, "months": 8, "waves": [2, 4]}},
                      studies=60)  # fmt: skip


def test_more_people_tell_more(planned) -> None:
    by_size = planned.designs.groupby("services")
    assert by_size["chance"].mean()[8] > by_size["chance"].mean()[3] > 0.2
    assert by_size["width_fit_effect"].mean()[8] <= by_size["width_fit_effect"].mean()[3]
    assert by_size["power"].mean()[8] > by_size["power"].mean()[3]
    assert (planned.designs["low"] < planned.designs["chance"]).all()
    shares = planned.confusion.drop(columns=["truth", "design"])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    right = [row[row["truth"]] for _, row in planned.confusion[planned.confusion["design"] == 2].iterrows()]
    assert np.mean(right) == pytest.approx(planned.designs["chance"][2])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(planned) -> None:
    again = plan_study(planned.plan, studies=60)
    pd.testing.assert_frame_equal(again.designs, planned.designs)


@pytest.mark.slow
def test_the_chance_is_that_of_fresh_studies(planned) -> None:
    fresh, error = fresh_chance(planned.plan, planned, 3, 60)
    assert fresh == pytest.approx(planned.designs["chance"][3], abs=0.05 + 4 * error)


def test_chances_of_ten_designs_are_those_of_fresh_studies() -> None:
    """The committed study (`make studies`)."""
    found = pd.read_csv(FOLDER / "chances.csv")
    assert len(found) == len(found[["services", "waves"]].drop_duplicates()) == 10
    assert set(found["services"]) == set(DESIGNS["designs"]["services"])
    assert (found["fresh_studies"] >= 2000).all()
    assert (abs(found["chance"] - found["fresh"]) <= 0.05).all()
    assert (found["seconds"] <= 360).all()  # three minutes on two cores


def test_the_cheapest_design_that_reaches_enough_is_named(planned) -> None:
    best = cheapest(planned.designs, 0.3)
    assert best is not None
    assert planned.cheapest is not None
    assert best["cost"] == planned.designs[planned.designs["chance"] >= 0.3]["cost"].min() == planned.cheapest["cost"]
    told = findings(planned.designs, 0.3)[0]
    assert (
        f"{int(best['services'])} services with 8 people each, asked {int(best['waves'])} times over 8 months" in told
    )
    assert "the cheapest of 4 designs that reaches 30 %" in told
    assert "None of 4 designs" in findings(planned.designs, 0.999)[0]
    assert "Hardest to tell is" in certainty(planned.designs, planned.confusion, 0.3)[0]
    row = pd.Series({"services": 3, "people": 4, "waves": 2, "months": 9, "ties": True, "answer": 0.7})
    assert design_in_words(row) == (
        "3 services with 4 people each, 70 % of whom answer, asked 2 times over 9 months, and whom they look to"
    )
    assert list(series_of(planned.designs)) == ["2 waves", "4 waves"]


@pytest.mark.slow
def test_study_from_the_command_line(valign: Callable, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace("[3, 8]", "3").replace("[2, 4]", "2"))
    said = valign("study plan.toml --studies 50 --out out")
    assert said.code == 0, said.err
    assert "3 services with 8 people each" in said.out
    for name in ("designs.csv", "confusion.csv", "figure-study.svg", "plan.toml", "report.html"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    told = json.loads(valign("study plan.toml --studies 50 --out out --json").out)
    assert next(iter(told)) == "said"
    (tmp_path / "bad.toml").write_text(PLAN.replace("waves", "wave"))
    wrong = valign("study bad.toml")
    assert wrong.code == 2
    assert "did you mean" in wrong.err
    assert valign("study nowhere.toml").code == 2
