"""A calibration gives back what data were made with; simulation-based calibration notices when not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.calibration.abc.posterior import adjust, weighted_quantiles
from valign.calibration.abc.recovery import ReferenceTable, _by_parameter, recover, reference_table, synthetic
from valign.calibration.abc.reduction import Reduction
from valign.calibration.abc.smc import batch_seeds
from valign.calibration.problem.priors import Prior
from valign.calibration.problem.problem import CalibrationProblem
from valign.model.errors import InputError


def toy(noise: float, claimed: float = 1.0, n: int = 12_000) -> ReferenceTable:
    """Two parameters seen with noise; `claimed` below 1 makes summaries of the data sets look surer than they are."""
    prior = Prior.of({"a": (0.0, 1.0), "idle": (0.0, 1.0)})
    rng = np.random.default_rng(4)
    u = rng.standard_normal((n, 2))
    return ReferenceTable(prior, u, np.column_stack([u[:, 0] + noise * claimed * rng.standard_normal(n)]), ("s",))


def test_recovery_of_a_toy() -> None:
    found = recover(toy(0.5)).parameters.set_index("parameter")
    assert found["calibrated"].all()
    assert found.loc["a", "identified"]
    assert not found.loc["idle", "identified"]
    assert found.loc["a", "contraction"] == pytest.approx(0.8, abs=0.04)  # 1 - .25 / 1.25
    assert abs(found.loc["a", "bias"]) < 4 * found.loc["a", "bias_se"]
    assert found.loc["a", "coverage_90"] == pytest.approx(0.9, abs=0.06)
    with pytest.raises(InputError, match="too few to recover"):
        recover(toy(0.5, n=1000))


def test_simulation_based_calibration_bites() -> None:
    """Ranks from posteriors that are too narrow fail the test that right ones pass."""
    from scipy.stats import kstest

    good = recover(toy(0.5)).estimates.query("parameter == 'a'")
    z = (good["truth_u"] - good["mean_u"]) / (good["sd_u"] / 1.8)
    from scipy.special import ndtr

    assert kstest(ndtr(z), "uniform").pvalue < 0.01


def test_estimates_of_a_data_set_step_by_step() -> None:
    """Once more, plainly: the nearest other simulations, their regression moved to the one that plays the data."""
    table = toy(0.5, n=2000)
    found = recover(table, 3, nearest=200).estimates
    first = Reduction(table.u, table.summaries)
    reduced = first(table.summaries)
    for data_set, row in enumerate(np.random.default_rng([1, 20_000]).choice(2000, 3, replace=False)):
        away = (((reduced - reduced[row]) / first.unit) ** 2).sum(axis=1)
        near = np.argsort(away)[1:1001]  # the nearest is the simulation itself
        local = Reduction(table.u[near], table.summaries[near])
        points, weight = adjust(
            table.u[near], local(table.summaries[near]), local(table.summaries[row])[0], local.unit, None, 200
        )
        theta, truth = table.prior.theta(points), table.prior.theta(table.u[row][None])[0]
        for k, name in enumerate(("a", "idle")):
            part = found[(found["data_set"] == data_set) & (found["parameter"] == name)].iloc[0]
            mean, mean_u = weight @ theta[:, k], weight @ points[:, k]
            expected = {
                "truth": truth[k],
                "truth_u": table.u[row, k],
                "mean": mean,
                "mean_u": mean_u,
                "sd": np.sqrt(weight @ (theta[:, k] - mean) ** 2),
                "sd_u": np.sqrt(weight @ (points[:, k] - mean_u) ** 2),
                "rank": weight[points[:, k] < table.u[row, k]].sum(),
            }
            assert part[list(expected)].to_dict() == pytest.approx(expected, rel=1e-6)
            for level in (50, 80, 90):
                cuts = weighted_quantiles(points[:, k], weight, (0.5 - level / 200, 0.5 + level / 200))
                assert part[f"covered_{level}"] == (cuts[0] <= table.u[row, k] <= cuts[1])
    pd.testing.assert_frame_equal(recover(table, 3).estimates, found)  # at least 200 are near
    larger = toy(0.5)
    pd.testing.assert_frame_equal(recover(larger, 2).estimates, recover(larger, 2, nearest=300).estimates)
    assert len(recover(table, 100).estimates) == 200
    with pytest.raises(InputError, match="2020 are needed"):
        recover(table, 101)
    with pytest.raises(InputError, match="2000 are needed"):
        recover(toy(0.5, n=1999), 3)


def test_what_recovery_says_of_a_parameter_by_hand() -> None:
    """Errors .5, 0, -.5, 1; ranks no further than .15 from those of a uniform distribution."""
    estimates = pd.DataFrame(
        {
            "parameter": "a",
            "truth": [1.0, 2, 3, 4],
            "mean": [1.5, 2, 2.5, 5],
            "rank": [0.9, 0.4, 0.6, 0.1],
            "sd_u": [0.5, 0.5, 1, 1],
            "covered_50": [True, False, False, True],
            "covered_80": True,
            "covered_90": [True, True, True, False],
        }
    )
    prior = Prior.of({"a": (0.0, 9.0)})
    row = _by_parameter(estimates, prior).iloc[0]
    expected = {
        "data_sets": 4,
        "bias": 0.25,
        "bias_se": np.sqrt(1.25 / 3) / 2,
        "rmse": np.sqrt(1.5 / 4),
        "prior_sd": np.sqrt(5 / 3),
        "correlation": 5.5 / np.sqrt(5 * 7.25),
        "coverage_50": 0.5,
        "coverage_80": 1.0,
        "coverage_90": 0.75,
        "contraction": 0.375,
        "ks": 0.15,
    }
    assert row[list(expected)].to_dict() == pytest.approx(expected)
    assert (row["identified"], row["calibrated"]) == (True, True)
    other = _by_parameter(estimates.assign(rank=[0.0, 0.01, 0.02, 0.03], sd_u=0.84), prior).iloc[0]
    assert (other["identified"], other["calibrated"]) == (False, False)  # contraction 1 - .84^2 = .29


def test_simulations_from_the_prior_come_in_batches() -> None:
    prior = Prior.of({"a": (0.0, 1.0)})

    def run(theta: np.ndarray, seeds: np.ndarray, gate: bool) -> tuple[np.ndarray, None]:
        assert gate
        found = np.where(theta > 0.9, np.nan, theta + seeds[:, None])
        return np.column_stack([found, 2 * found]), None  # the second is for the fit gate alone

    problem: Any = SimpleNamespace(prior=prior, names=("s",), run=run)
    told: list[tuple[int, int]] = []
    table = reference_table(problem, 2500, batch=1000, progress=lambda *each: told.append(each))
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]
    seeds = np.concatenate([batch_seeds(1, 10_000, part, size) for part, size in ((0, 1000), (1, 1000), (2, 500))])
    assert table.gate is not None
    assert table.summaries.shape[1] == 1
    np.testing.assert_array_equal(table.gate, np.column_stack([table.summaries, 2 * table.summaries]))
    never: Any = SimpleNamespace(**vars(problem) | {"run": lambda theta, seeds, gate: (theta, None)})
    whole = reference_table(never, 2500, batch=1000)
    assert (len(whole.u), len(np.unique(whole.u))) == (2500, 2500)
    kept = prior.theta(whole.u)[:, 0] <= 0.9  # failed runs are left out
    np.testing.assert_array_equal(table.u, whole.u[kept])
    np.testing.assert_array_equal(table.summaries[:, 0], (whole.summaries[:, 0] + seeds)[kept])
    np.testing.assert_array_equal(reference_table(problem, 1000, batch=1000).u, table.u[: np.sum(kept[:1000])])
    reference_table(problem, 3000, progress=lambda *each: told.append(each))
    assert told[3:] == [(2048, 3000), (3000, 3000)]


def test_the_model_gives_its_parameters_back(problem: CalibrationProblem) -> None:
    found = recover(reference_table(problem, 8000)).parameters.set_index("parameter")
    assert found["calibrated"].all(), found
    assert found.loc[["base_staff", "fit_effect"], "identified"].all()
    assert found["coverage_90"].between(0.82, 0.97).all(), found


def test_synthetic_data_are_data(problem: CalibrationProblem) -> None:
    data = synthetic(problem, np.array([-2.5, 0.4, 0.1]), seed=3)
    again = CalibrationProblem(data, problem.scenario, problem.prior, problem.society)
    summaries = problem.simulate(np.array([[-2.5, 0.4, 0.1]]), np.array([3]))[0]
    same = [not name.startswith("score") for name in problem.names]
    np.testing.assert_allclose(again.observed[same], summaries[same])
