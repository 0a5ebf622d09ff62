"""Data and scenario as a simulator of summaries; the exact likelihood where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.made_up import made_up
from valign.calibration.abc.recovery import synthetic
from valign.calibration.data.reading import read
from valign.calibration.data.schema import Data, Pattern
from valign.calibration.problem.given import scenario_of
from valign.calibration.problem.problem import CalibrationProblem, prior_of
from valign.calibration.problem.summaries import Summariser, auxiliary_fit, person_periods
from valign.calibration.rivals.exact_check import agreement, exact_fit, limit_problem, limit_table
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Data:
    return made_up(tmp_path_factory.mktemp("made_up"))


@pytest.fixture(scope="module")
def problem(data: Data) -> CalibrationProblem:
    return CalibrationProblem.of(data)


def test_a_scenario_is_made_of_the_description(data: Data, problem: CalibrationProblem) -> None:
    scenario = scenario_of(data)
    assert scenario.dimensions == ["openness"] or tuple(scenario.dimensions) == ("openness",)
    assert problem.scenario.months == 18
    assert problem.society is not None
    assert len(problem.society.role) == 200
    assert sorted(problem.society.names or []) == [f"town {n}" for n in range(4)]


def test_summaries_against_a_plain_count(problem: CalibrationProblem) -> None:
    """Every summary once more, slowly, from the person-periods."""
    layout, summariser = problem.layout, problem.summariser
    assert layout is not None
    assert summariser is not None
    rng = np.random.default_rng(3)
    time = rng.integers(0, 26, (200, 3)).astype(np.int32)
    found = dict(zip(summariser.names, summariser(time), strict=True))
    for run in range(3):
        t = np.where((time[:, run] >= 1) & (time[:, run] <= 18), time[:, run], 0)
        restricted = np.where(t > 0, t, 19)
        for knot in summariser.knots:
            assert found[f"share adopted by {knot}"][run] == pytest.approx(((t > 0) & (t <= knot)).mean())
        assert found["mean time"][run] == pytest.approx(restricted.mean())
        means = pd.Series(restricted).groupby(layout.community).transform("mean")
        assert found["spread of communities"][run] == pytest.approx(means.std(ddof=0))
        high = layout.high[:, 0] == 1
        assert found["openness: later if low"][run] == pytest.approx(restricted[~high].mean() - restricted[high].mean())
        table = person_periods(layout, t)
        b = summariser.coefficients
        eta = b[0] + b[1] * table["period"] / 18 + b[2] * table["exposure"] + b[3] * table["z_openness"]
        residual = table["adopts"] - 1 / (1 + np.exp(-eta))
        for name, column in (
            ("level", 1.0),
            ("period", table["period"] / 18),
            ("exposure", table["exposure"]),
            ("openness", table["z_openness"]),
        ):
            assert found[f"score: {name}"][run] == pytest.approx((residual * column).sum(), abs=1e-9)
        person = np.repeat(np.arange(200), np.diff(layout.start))
        assert found["likeness of ties"][run] == pytest.approx(
            np.abs(restricted[person] - restricted[layout.neighbour]).mean()
        )


def test_a_part_held_out_says_nothing(problem: CalibrationProblem) -> None:
    layout = problem.layout
    assert layout is not None
    inside = layout.community != 2
    part = Summariser(layout.only(inside, until=12))
    time = layout.time[:, None].astype(np.int32)
    other = time.copy()
    other[~inside] = 1
    other[time > 12] = 0
    np.testing.assert_array_equal(part(time), part(other))
    assert not np.array_equal(part(time), problem.summariser(time)[: len(part.names)])


def test_simulations_are_those_of_simulate(problem: CalibrationProblem) -> None:
    rng = np.random.default_rng(1)
    theta, seeds = problem.prior.theta(rng.standard_normal((70, len(problem.prior)))), np.arange(70)
    summaries, times = problem.run(theta, seeds, times=True)
    assert times is not None
    people = simulate(
        problem.design(theta, seeds), base=problem.scenario, society=problem.society, record="agents"
    ).agents
    first = people[people["stage"] == "engaged"].groupby(["run", "person"])["month"].min().unstack(fill_value=0)
    first = first.reindex(index=range(70), columns=range(200), fill_value=0).to_numpy().T
    np.testing.assert_array_equal(times, first)
    np.testing.assert_array_equal(summaries, problem.summariser(first).T)
    np.testing.assert_array_equal(problem.simulate(theta[5:9], seeds[5:9]), summaries[5:9])


@pytest.mark.slow
def test_series_and_patterns_are_targets_too(tmp_path) -> None:
    pd.DataFrame({"quarter": [1, 2, 4], "services": [2, 5, 9]}).to_csv(tmp_path / "register.csv", index=False)
    data = read(
        {
            "name": "register",
            "series": [
                {
                    "name": "uptake",
                    "file": "register.csv",
                    "time": "quarter",
                    "count": "services",
                    "of": 40,
                    "variable": "uptake",
                    "error": 0.01,
                }
            ],
            "patterns": [
                {"name": "early", "kind": "share_adopted", "at": 3, "value": 0.2, "sd": 0.05},
                {"name": "kept", "kind": "outcome", "outcome": "spread_final", "value": 0.5, "sd": 0.1},
            ],
        },
        tmp_path,
    )
    problem = CalibrationProblem.of(data, Scenario.load("two-services"), {"base_staff": None})
    assert problem.names == ("uptake at 1", "uptake at 2", "uptake at 4", "early", "kept")
    np.testing.assert_allclose(problem.observed, [0.05, 0.125, 0.225, 0.2, 0.5])
    theta, seeds = np.full((300, 1), -3.0), np.arange(300)
    found = problem.simulate(theta, seeds)
    np.testing.assert_array_equal(found, problem.simulate(theta, seeds))
    runs = simulate(problem.design(theta, seeds), base=problem.scenario).runs
    noise = found[:, 4] - runs["spread_final"].to_numpy()
    assert noise.std() == pytest.approx(0.1, rel=0.15)
    assert abs(noise.mean()) < 0.02


def test_patterns_of_groups_are_medians_and_shares(data: Data) -> None:
    """Medians and shares of the open and of the others, from the periods in which they adopted."""
    patterns = [
        Pattern(name="all", kind="median_time", value=9, sd=0.1),
        Pattern(name="open", kind="median_time", orientation="openness", group="high", value=9, sd=0.1),
        Pattern(name="earlier", kind="median_difference", orientation="openness", value=-1, sd=0.1),
        Pattern(name="by 6", kind="share_adopted", orientation="openness", group="low", at=6, value=0.3, sd=0.01),
    ]
    problem = CalibrationProblem.of(replace(data, patterns=patterns))
    theta = np.repeat([[-2.5, 0.5, 0.5, 0.2, 0.0]], 40, axis=0)
    summaries, times = problem.run(theta, np.arange(40), times=True)
    assert times is not None
    layout = problem.layout
    assert layout is not None
    wanted = np.where((times >= 1) & (times <= 18), times, 19)
    high = layout.high[:, 0] == 1
    expected = np.stack([
        np.median(wanted, axis=0), np.median(wanted[high], axis=0),
        np.median(wanted[high], axis=0) - np.median(wanted[~high], axis=0), (wanted[~high] <= 6).mean(axis=0),
    ])  # fmt: skip
    error = summaries[:, -4:].T - expected
    sd = np.array([0.1, 0.1, 0.1, 0.01])
    assert np.abs(error.mean(axis=1) / sd).max() < 4 / np.sqrt(40)
    np.testing.assert_allclose(error.std(axis=1) / sd, 1, atol=0.4)


def test_what_no_scenario_can_be_made_of(data: Data) -> None:
    with pytest.raises(InputError, match=r"has no people to make a scenario from: .*--scenario"):
        CalibrationProblem.of(replace(data, people=None, ties=None, orientation={}))
    with pytest.raises(InputError, match=r"has no \[orientation\]: name a scenario"):
        CalibrationProblem.of(replace(data, orientation={}))
    numbers = CalibrationProblem.of(
        replace(data, people=None, ties=None), Scenario.load("two-services"), {"base_staff": None}
    )
    with pytest.raises(InputError, match="need a data set with people"):
        synthetic(numbers, np.array([-3.0]))


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (["fit_efect"], "did you mean 'fit_effect'"),
        (["ties.peer"], "cannot be fitted"),
        ({"fit_effect": (3.0, 9.0)}, "expected limits within -5 to 5"),
        (["innovation.values.openness"], "has no declared range"),
        ({"fit_effect": (0.5, 0.5)}, "is empty"),
        (["fit_effect"] * 0, "0 free parameters"),
    ],
)
def test_wrong_free_parameters(data: Data, free, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prior_of(free, scenario_of(data))


def test_a_scenario_without_the_orientation_is_refused(data: Data) -> None:
    with pytest.raises(InputError, match="'openness' is not a dimension"):
        CalibrationProblem.of(data, "two-services")


# --- the exact check --------------------------------------------------------------------------------------------------
def test_in_the_limit_the_model_is_the_logit(data: Data) -> None:
    """Simulated with known effects, the exact fit finds them."""
    problem = limit_problem(data)
    truth = np.array([-2.2, 0.25, 0.8])
    _, times = problem.run(np.repeat(truth[None], 40, axis=0), np.arange(40), times=True)
    assert times is not None
    fits = np.array(
        [exact_fit(limit_table(problem, times[:, run].astype(int)), problem.prior, 100).estimate for run in range(40)]
    )
    apart = (fits.mean(axis=0) - truth) / (fits.std(axis=0) / np.sqrt(40))
    assert np.abs(apart).max() < 3.5, apart


def test_the_exact_check_knows_one_metric(data: Data) -> None:
    problem = limit_problem(data)
    other = CalibrationProblem(
        data, problem.scenario.replace({"alignment_metric": "profile"}), problem.prior, problem.society
    )
    with pytest.raises(InputError, match="written for the metric 'distance'"):
        limit_table(other)


def test_abc_agrees_with_the_exact_posterior(data: Data) -> None:
    table = agreement(data, simulations=30_000)
    reported = table[table["method"] == "regression"]
    assert reported["agrees"].all(), table
    assert reported["ratio"].between(0.8, 1.25).all(), table


def test_the_auxiliary_fit_is_the_maximum(problem: CalibrationProblem) -> None:
    sm = pytest.importorskip("statsmodels.api")
    layout = problem.layout
    assert layout is not None
    table = person_periods(layout)
    x = np.column_stack([np.ones(len(table)), table["period"] / 18, table["exposure"], table["z_openness"]])
    np.testing.assert_allclose(auxiliary_fit(layout), sm.Logit(table["adopts"], x).fit(disp=0).params, atol=0.02)
