"""From more parameters than can be fitted, those that matter are chosen; the others are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_up import made_up, write
from valign.calibration.abc.screening import Screened, screen_free, wants_screening
from valign.calibration.calibrate import calibrate
from valign.calibration.data.schema import Data
from valign.calibration.problem.problem import CalibrationProblem
from valign.model.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")

IDLE = {"voice_peer": None, "displacement": None, "innovation.cost": None}  # their mechanisms are off
MANY = {
    "base_staff": (-5.0, -1.0),
    "fit_effect": None,
    "peer_effect": None,
    "awareness_in_service": None,
    "evidence_effect": None,
    "frailty_sd": None,
    "reengage_base": None,
    **IDLE,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Data:
    return made_up(tmp_path_factory.mktemp("made_up"), people=80, periods=12)


def test_when_to_screen() -> None:
    assert not wants_screening(None)
    assert not wants_screening(["fit_effect"])
    assert wants_screening(["screen"])
    assert wants_screening(MANY)


def test_the_strongest_are_kept_and_the_idle_are_not(data: Data) -> None:
    found = screen_free(data, None, MANY, keep=4)
    assert len(found.free) == 4
    assert {"base_staff", "fit_effect"} <= set(found.free)
    assert found.free["base_staff"] == (-5.0, -1.0)
    table = found.table.set_index("parameter")
    assert set(table.index) == set(MANY)
    assert table["share"].is_monotonic_decreasing
    assert (table.loc[list(IDLE), "share"] == 0).all()
    assert table.loc[list(IDLE), "why"].str.contains("no more than noise|more than noise").all()
    assert table.loc["base_staff", "share"] == 1
    for name in set(MANY) - set(found.free):
        assert name in found.remark()
    pd.testing.assert_frame_equal(found.table, screen_free(data, None, MANY, keep=4, threads=1).table)


def test_at_most_eight_of_all_that_is_uncertain(data: Data) -> None:
    found = screen_free(data, None, {"screen": None, "fit_effect": (0.0, 0.6)}, trajectories=8)
    assert 1 <= len(found.free) <= 8
    assert found.free["fit_effect"] == (0.0, 0.6)
    assert found.free["base_staff"] == (-6.0, 0.0)
    assert len(found.table) > 60
    CalibrationProblem.of(data, free=found.free)


def test_more_than_eight_are_refused_where_nothing_screens(data: Data) -> None:
    with pytest.raises(InputError, match=r"10 free parameters: expected 1 to 8 .*--free screen"):
        CalibrationProblem.of(data, free=MANY)
    with pytest.raises(InputError, match="did you mean 'fit_effect'"):
        screen_free(data, None, [*MANY, "fit_efect"])


def test_what_moves_nothing_leaves_nothing_to_fit(data: Data) -> None:
    with pytest.raises(InputError, match="no parameter moves"):
        screen_free(data, None, IDLE, trajectories=4)


def test_calibrate_screens(data: Data) -> None:
    found = calibrate(data, free=MANY, simulations=8000, particles=300, methods=("regression",))
    assert found.screened is not None
    assert len(found.problem.prior) <= 8
    assert not set(IDLE) & set(found.draws)
    assert found.remarks().count(found.screened.remark()) == 1


@pytest.mark.slow
def test_screening_from_the_command_line(valign: Callable, tmp_path: Path) -> None:
    write(tmp_path / "data", people=60, periods=10)
    free = [part for name in MANY for part in ("--free", name)]
    asked = ("calibrate", "data", "--simulations", 4000, *free, "--out", "out")
    said = valign(*asked, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    screening = pd.read_csv(tmp_path / "out" / "screening.csv")
    kept = screening.query("kept")["parameter"].tolist()
    assert {row["parameter"] for row in told["summary"]} == set(kept)
    assert np.isin(["base_staff", "fit_effect"], kept).all()
    assert sum("Screened 10 parameters" in remark for remark in told["remarks"]) == 1
    assert "already holds these results" in valign(*asked).err
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Which parameters are fitted" in report
    for row in screening.itertuples():
        assert row.parameter in report
    assert screening.query("not kept")["why"].iloc[0] in report


@pytest.mark.parametrize("command", ["calibrate", "rivals"])
def test_a_command_assembles_its_problem_once_and_hands_on_what_was_screened(
    command: str, valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, handed_on = [], []
    assemble = CalibrationProblem.of

    def counted(*given: object, **options: object) -> CalibrationProblem:
        made.append(assemble(*given, **options))
        return made[-1]

    def solve(problem: CalibrationProblem, *_: object, screened: Screened | None = None, **__: object) -> None:
        handed_on.append((problem, screened))
        raise KeyboardInterrupt

    monkeypatch.setattr(CalibrationProblem, "of", counted)
    monkeypatch.setattr("valign.calibration.calibrate.fit", solve)
    monkeypatch.setattr("valign.calibration.rivals.compare.choose", solve)
    write(tmp_path / "data", people=60, periods=8)
    assert valign(command, "data", *(part for name in MANY for part in ("--free", name)), "--out", "out").code == 130
    ((problem, screened),) = handed_on
    assert made == [problem]
    assert screened is not None
    assert set(problem.prior.names) == set(screened.free)
