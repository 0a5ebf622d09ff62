"""What a fit allows for besides the scenario: communities, a baseline over time, covariates, an effect of each
orientation; and that nothing changes where it is off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_up import write
from valign.calibration.abc.screening import screened_problem
from valign.calibration.data.reading import load
from valign.calibration.data.schema import Data
from valign.calibration.exported import posterior_design
from valign.calibration.problem.differences import covariates_of, is_difference, pieces
from valign.calibration.problem.problem import DEFAULT_FREE, CalibrationProblem, left_out
from valign.calibration.rivals.explanations import rival_problem
from valign.calibration.rivals.regression import regression
from valign.model.compiled import engine
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

RUNS = 64
ALL = {"community_sd": True, "baseline": 3, "covariates": ("school", "job"), "each_orientation": True}
FREE = {"base_staff": (-6.0, 0.0), "peer_effect": None}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    folder = write(tmp_path_factory.mktemp("differing"), people=120, places=6, periods=12)
    people = pd.read_csv(folder / "people.csv", dtype=str, keep_default_na=False)
    rng = np.random.default_rng(3)
    people["school"] = rng.integers(0, 12, len(people)).astype(str)
    people["job"] = rng.choice(["nurse", "nurse", "porter", ""], len(people))
    people["same"] = "x"
    people.to_csv(folder / "people.csv", index=False)
    return load(folder)


def run(problem: CalibrationProblem, **values: float) -> tuple[np.ndarray, np.ndarray]:
    """Summaries and periods of adoption of runs with these values, and the middle of the prior of all else."""
    theta = np.tile(problem.prior.theta(np.zeros((1, len(problem.prior)))), (RUNS, 1))
    for name in problem.prior.names:
        if is_difference(name) or name in values:
            theta[:, problem.prior.names.index(name)] = values.get(name, 0.0)
    summaries, times = problem.run(theta, np.arange(RUNS), times=True)
    assert times is not None
    return summaries, times


def test_without_differences_nothing_changes(data: Data) -> None:
    """Terms of size zero leave every history as it is, and a fit that asks for none is the one it was."""
    plain = CalibrationProblem.of(data, free=FREE)
    wide = CalibrationProblem.of(
        data, free=FREE, differences={"community_sd": True, "baseline": 4, "covariates": ["school"]}
    )
    assert plain.offsets is None
    assert "differences" not in plain.work
    np.testing.assert_array_equal(run(plain)[1], run(wide)[1])


def test_webassembly_adds_the_same(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = CalibrationProblem.of(data, free=FREE, differences=ALL)
    values = {"community_sd": 1.0, "baseline_from_5": 1.5, "covariate_school": 0.5, "effect_openness": -0.4}
    here = run(problem, **values)[1]
    monkeypatch.setattr(engine.CHOICE, "only", engine.WEBASSEMBLY)
    np.testing.assert_array_equal(here, run(problem, **values)[1])


def test_communities_differ_by_what_their_members_share(data: Data) -> None:
    problem = CalibrationProblem.of(data, free=FREE, differences={"community_sd": True})
    spread = problem.names.index("spread of communities")
    alike, apart = (run(problem, community_sd=sd)[0][:, spread].mean() for sd in (0.0, 1.5))
    assert apart > 1.5 * alike
    assert problem.layout is not None
    assert problem.offsets is not None
    added = problem.offsets.of_runs({"community_sd": np.full(2000, 1.5)}, range(2000))
    assert added is not None
    assert added.std() == pytest.approx(1.5, rel=0.05)
    assert (pd.DataFrame(added).groupby(problem.layout.community).nunique() == 1).all(axis=None)


def test_a_piece_of_the_baseline_begins_in_its_period(data: Data) -> None:
    problem = CalibrationProblem.of(data, free=FREE, differences={"baseline": 3})
    assert problem.prior.names == ("base_staff", "peer_effect", "baseline_from_5", "baseline_from_9")
    before, after = run(problem)[1], run(problem, baseline_from_5=2.0, baseline_from_9=-4.0)[1]
    early = (before > 0) & (before < 5)
    np.testing.assert_array_equal(np.where(early, before, 0), np.where((after > 0) & (after < 5), after, 0))
    assert (after == 5).sum() > 2 * (before == 5).sum()
    assert (after >= 9).sum() < 0.2 * (before >= 9).sum()


def test_pieces_of_the_baseline() -> None:
    assert pieces(4, 19) == (6, 11, 15)
    assert pieces((1, 3, 9), 12) == (3, 9)
    assert pieces(None, 12) == ()
    for wrong, said in (
        (1, "expected 2 to 6 pieces"),
        ((3, 14), "period 14 lies outside the 12"),
        ((9, 3), "ascending"),
    ):
        with pytest.raises(InputError, match=said):
            pieces(wrong, 12)


def test_covariates_are_standardised_or_levels(data: Data) -> None:
    found = covariates_of(data, ["school", "job"])
    assert list(found) == ["school", "job=porter"]
    assert found.mean().abs().max() < 1e-12
    assert found["school"].std(ddof=0) == pytest.approx(1.0)
    assert found["job=porter"].nunique() == 3  # porters, nurses, and those of whom it is not known
    with pytest.raises(InputError) as wrong:
        covariates_of(data, ["scool", "same"])
    assert "'scool'" in wrong.value.problems[0]
    assert "did you mean 'school'?" in wrong.value.problems[0]
    assert "same: has 1 different values" in wrong.value.problems[1]


def test_a_covariate_and_an_orientation_have_effects_of_their_own(data: Data) -> None:
    problem = CalibrationProblem.of(data, free=FREE, differences=ALL)
    assert problem.scenario.value("fit_effect") == 0.0
    layout = problem.layout
    assert layout is not None
    assert layout.columns == ["openness", "school", "job=porter"]
    for name, column in (("effect_openness", 0), ("covariate_school", 1), ("covariate_job=porter", 2)):
        score = problem.names.index(f"{layout.columns[column]}: more if high")
        less, more = (run(problem, **{name: value})[0][:, score].mean() for value in (-1.0, 1.0))
        assert more > less + 0.1
    assert {"openness", "school", "job=porter"} <= set(regression(layout).table["term"])


def test_an_explanation_without_values_has_no_effect_of_orientations(data: Data) -> None:
    problem = CalibrationProblem.of(data, free=FREE, differences=ALL)
    names = {name: rival_problem(problem, name).prior.names for name in ("full", "peers", "values")}
    assert "effect_openness" in names["full"]
    assert "effect_openness" in names["values"]
    assert "effect_openness" not in names["peers"]
    assert all({"community_sd", "covariate_school", "baseline_from_5"} <= set(each) for each in names.values())
    assert run(rival_problem(problem, "peers"), effect_openness=1.0)[1].any()


def test_of_the_defaults_as_many_are_free_as_there_is_room_for(data: Data) -> None:
    problem = CalibrationProblem.of(data, differences=ALL)
    assert len(problem.prior) == 8
    assert problem.prior.names[:2] == ("base_staff", "peer_effect")
    assert problem.left == ("norm_effect", "awareness_in_service")
    assert "norm_effect, awareness_in_service (--free chooses others)" in left_out(problem)[0]
    with pytest.raises(InputError, match="9 free parameters: expected 1 to 8"):
        CalibrationProblem.of(data, free={**FREE, "norm_effect": None}, differences=ALL)
    assert left_out(CalibrationProblem.of(data)) == []


def test_where_no_sign_is_known_ranges_have_both(data: Data) -> None:
    problem = CalibrationProblem.of(data, differences={"signed": True})
    ranges = dict(zip(problem.prior.names, zip(problem.prior.low, problem.prior.high, strict=True), strict=True))
    assert ranges["fit_effect"] == (-0.7, 0.7)
    assert ranges["peer_effect"] == (-0.6, 0.6)
    assert ranges["base_staff"] == DEFAULT_FREE["base_staff"]
    assert ranges["awareness_in_service"][0] > 0  # a chance
    given = CalibrationProblem.of(data, free={"fit_effect": (0.0, 0.5)}, differences={"signed": True})
    assert (given.prior.low[0], given.prior.high[0]) == (0.0, 0.5)


def test_ranges_can_be_given_and_the_description_may_ask(data: Data, tmp_path: Path) -> None:
    problem = CalibrationProblem.of(data, free={**FREE, "community_sd": (0.0, 0.7)})
    assert problem.prior.names[-1] == "community_sd"
    assert problem.prior.high[-1] == 0.7
    folder = write(tmp_path, people=60, places=3)
    text = (folder / "data.toml").read_text()
    (folder / "data.toml").write_text(f"{text}[fit]\ncommunity_sd = true\nbaseline = [1, 4, 10]\n")
    described = CalibrationProblem.of(load(folder), free=FREE)
    assert described.prior.names[2:] == ("community_sd", "baseline_from_4", "baseline_from_10")
    (folder / "data.toml").write_text(f"{text}[fit]\ncommunity = true\n")
    with pytest.raises(InputError, match=r"fit: .*community_sd"):
        load(folder)


def test_screening_leaves_room_for_what_differs(data: Data) -> None:
    names = [*DEFAULT_FREE, "frailty_sd", "lapse_base", "evidence_effect", "climate_effect"]
    problem, screened = screened_problem(data, free=names, differences={"community_sd": True, "baseline": 3})
    assert screened is not None
    assert len(screened.free) <= 5
    assert problem.prior.names[-3:] == ("community_sd", "baseline_from_5", "baseline_from_9")


def test_what_cannot_be_had_is_refused(data: Data, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"differences: .*did you mean 'community_sd'"):
        CalibrationProblem.of(data, differences={"comunity_sd": True})
    with pytest.raises(InputError, match="no place beside one of each orientation"):
        CalibrationProblem.of(data, free={"fit_effect": None}, differences={"each_orientation": True})
    turning = CalibrationProblem.of(data).scenario.replace({"mechanisms.turnover": True})
    with pytest.raises(InputError, match=r"mechanisms.turnover = false"):
        CalibrationProblem.of(data, turning, differences={"community_sd": True})
    pair = load(write(tmp_path, people=40, places=2))
    with pytest.raises(InputError, match="at least three communities to differ, and there are two"):
        CalibrationProblem.of(pair, differences={"community_sd": True})


def test_a_posterior_with_differences_is_no_design(tmp_path: Path) -> None:
    pd.DataFrame({"fit_effect": [0.3], "community_sd": [0.5]}).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match="was fitted with community_sd, which a scenario does not hold"):
        posterior_design(tmp_path / "p.csv", Scenario.load("two-services"), 5)


def test_the_options_are_checked_before_anything_runs(valign: Callable, tmp_path: Path) -> None:
    write(tmp_path / "data", people=40, places=2)
    for asked, said in (
        (("--baseline", "9"), "--baseline 9: expected 2 to 6 pieces"),
        (("--covariate", "opn"), "--covariate 'opn'"),
        (("--community-sd",), "at least three communities"),
    ):
        found = valign("calibrate", "data", *asked)
        assert found.code == 2
        assert said in found.err
