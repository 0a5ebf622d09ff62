"""Recovery of known truths, rivals told apart, predictions scored, and all of it from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.made_up import made_up, write

from valign.calibration.rivals import prediction as held_out, compare as rivals
from valign.calibration.rivals.curves import bass, fit_baseline, logistic
from valign.calibration.calibrate import calibrate, choose_model, posterior_design
from valign.calibration.rivals.model_choice import choose_forest
from valign.calibration.abc.posterior import adjust, weighted_quantiles
from valign.calibration.rivals.explanations import RIVALS, chosen_rivals, simulate_rivals
from valign.calibration.problem.priors import Prior
from valign.calibration.problem.problem import Problem
from valign.calibration.abc.recovery import Table, _by_parameter, recover, reference_table, synthetic
from valign.calibration.abc.reduction import Reduction
from valign.calibration.abc.smc import run_seeds
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

FREE = {"base_staff": (-5.0, -1.0), "fit_effect": None, "peer_effect": None}


@pytest.fixture(scope="module")
def problem(tmp_path_factory) -> Problem:
    return Problem.of(made_up(tmp_path_factory.mktemp("made_up"), fit=1.3, level=-3.0), free=FREE)


# --- recovery ---------------------------------------------------------------------------------------------------------
def toy(noise: float, claimed: float = 1.0, n: int = 12_000) -> Table:
    """Two parameters seen with noise; `claimed` below 1 makes summaries of the data sets look surer than they are."""
    prior = Prior.of({"a": (0.0, 1.0), "idle": (0.0, 1.0)})
    rng = np.random.default_rng(4)
    u = rng.standard_normal((n, 2))
    return Table(prior, u, np.column_stack([u[:, 0] + noise * claimed * rng.standard_normal(n)]), ("s",))


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
    problem: Any = SimpleNamespace(
        prior=prior, names=("s",), simulate=lambda theta, seeds: np.where(theta > 0.9, np.nan, theta + seeds[:, None])
    )
    told: list[tuple[int, int]] = []
    table = reference_table(problem, 2500, batch=1000, progress=lambda *each: told.append(each))
    assert told == [(1000, 2500), (2000, 2500), (2500, 2500)]
    seeds = np.concatenate([run_seeds(1, 10_000, part, size) for part, size in ((0, 1000), (1, 1000), (2, 500))])
    never: Any = SimpleNamespace(**vars(problem) | {"simulate": lambda theta, seeds: theta})
    whole = reference_table(never, 2500, batch=1000)
    assert (len(whole.u), len(np.unique(whole.u))) == (2500, 2500)
    kept = prior.theta(whole.u)[:, 0] <= 0.9  # failed runs are left out
    np.testing.assert_array_equal(table.u, whole.u[kept])
    np.testing.assert_array_equal(table.summaries[:, 0], (whole.summaries[:, 0] + seeds)[kept])
    np.testing.assert_array_equal(reference_table(problem, 1000, batch=1000).u, table.u[: np.sum(kept[:1000])])
    reference_table(problem, 3000, progress=lambda *each: told.append(each))
    assert told[3:] == [(2048, 3000), (3000, 3000)]


def test_the_model_gives_its_parameters_back(problem: Problem) -> None:
    found = recover(reference_table(problem, 8000)).parameters.set_index("parameter")
    assert found["calibrated"].all(), found
    assert found.loc[["base_staff", "fit_effect"], "identified"].all()
    assert found["coverage_90"].between(0.82, 0.97).all(), found


def test_synthetic_data_are_data(problem: Problem) -> None:
    data = synthetic(problem, np.array([-2.5, 0.4, 0.1]), seed=3)
    again = Problem(data, problem.scenario, problem.prior, problem.society)
    summaries = problem.simulate(np.array([[-2.5, 0.4, 0.1]]), np.array([3]))[0]
    same = [not name.startswith("score") for name in problem.names]
    np.testing.assert_allclose(again.observed[same], summaries[same])


# --- calibration ------------------------------------------------------------------------------------------------------
def test_calibrate_finds_the_effect_of_values_and_resumes(problem: Problem, tmp_path: Path) -> None:
    found = calibrate(
        problem.data, free=FREE, simulations=10_000, particles=300, methods=("regression",), folder=tmp_path
    )
    row = found.summary.set_index("parameter").loc["fit_effect"]
    assert row["q05"] > 0.1
    assert row["informed"]
    assert found.predictive.groupby("group")["period"].max().eq(18).all()
    assert found.checks["inside"].mean() > 0.7
    assert len(found.draws) == 4000
    again = calibrate(
        problem.data, free=FREE, simulations=10_000, particles=300, methods=("regression",), folder=tmp_path
    )
    pd.testing.assert_frame_equal(found.summary, again.summary)
    pd.testing.assert_frame_equal(found.reference, again.reference)


# --- baselines and scores ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("curve", "truth"), [(bass, [-3.0, -1.2]), (logistic, [1.5, 7.0, 0.8])])
def test_baselines_recover_their_parameters(curve, truth: list[float]) -> None:
    periods, rng = 16, np.random.default_rng(2)
    chance = curve(np.array(truth), periods)
    time = rng.choice(periods + 1, 4000, p=[*chance, 1 - chance.sum()]) + 1
    time[time > periods] = 0
    found = fit_baseline(curve.__name__, time, np.full(4000, periods))
    np.testing.assert_allclose(found.curve(found.estimate, periods), chance, atol=0.012)
    assert np.allclose(found.chances(periods).sum(axis=1), 1, atol=1e-9)


def test_auc_counts_pairs_of_a_fold() -> None:
    early, chance = np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.2, 0.8])
    assert held_out.auc(early, chance, np.zeros(4)) == 0.75
    assert held_out.auc(early, chance, np.array([0, 0, 1, 1])) == 0.5
    assert held_out.auc(early, np.ones(4), np.zeros(4)) == 0.5


def test_what_is_held_out_is_not_seen(problem: Problem) -> None:
    layout = problem.layout
    assert layout is not None
    made = held_out.folds(layout)
    assert [fold.name for fold in made] == ["town 0", "town 1", "town 2", "town 3", "last third"]
    for fold in made[:4]:
        assert not ((fold.train.until > 0) & fold.people).any()
        assert ((fold.train.time > 0) <= (fold.train.until > 0)).all()
    assert made[4].train.time.max() <= 12


def test_many_communities_are_held_out_in_ten_groups(tmp_path: Path) -> None:
    layout = Problem.of(made_up(tmp_path, people=240, places=24)).layout
    assert layout is not None
    made = held_out.folds(layout)
    assert len(made) == 11
    held = np.stack([fold.people for fold in made[:10]])
    assert (held.sum(axis=0) == 1).all()  # everybody once, with all of their community
    assert all(len(set(layout.community[each]) & set(layout.community[~each])) == 0 for each in held)


def test_some_rivals_only(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    every, some = (simulate_rivals(problem, 40, seed=3, names=chosen_rivals(names)) for names in (None, ["values"]))
    assert list(some) == ["full", "values"]
    np.testing.assert_array_equal(some["values"].summaries, every["values"].summaries)
    asked: list = []

    def simulated(*_: object, names: tuple[str, ...], **__: object) -> None:
        asked.append(names)
        raise InterruptedError

    monkeypatch.setattr(rivals, "simulate_rivals", simulated)
    for given, expected in ((["peers", "full"], ("full", "peers")), (None, tuple(RIVALS))):
        with pytest.raises(InterruptedError):
            choose_model(problem.data, free=FREE, rivals=given)
        assert asked[-1] == expected
    for wrong, words in ((["valeus"], "did you mean 'values'"), ([], "a list of some of"), (["full"], "a list of")):
        with pytest.raises(InputError, match=words):
            choose_model(problem.data, free=FREE, rivals=wrong)


def test_a_missing_library_is_named_first(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    for asked in (choose_model, calibrate):
        told: list[int] = []
        with pytest.raises(InputError, match="scikit-learn is not installed"):
            asked(problem.data, free=FREE, progress=lambda done, _, told=told: told.append(done))
        assert not told


def test_every_seed_is_a_seed_of_the_forest(problem: Problem) -> None:
    tables = simulate_rivals(problem, 40, names=("full", "values"))
    assert choose_forest(tables, problem.observed, 2**63 - 1)[0]["share"].sum() == pytest.approx(1.0)


def test_people_of_one_place_are_held_out_in_five_parts(tmp_path: Path) -> None:
    layout = Problem.of(made_up(tmp_path, people=60, places=1, periods=2)).layout
    assert layout is not None
    made = held_out.folds(layout)
    assert [fold.name for fold in made] == [f"part {n}" for n in range(1, 6)]  # two periods have no last third
    assert (np.stack([fold.people for fold in made]).sum(axis=0) == 1).all()


def test_scores_of_the_folds_that_there_are() -> None:
    """Nobody was left to adopt in the last third: only communities are compared."""
    rng = np.random.default_rng(1)
    people = pd.concat(
        pd.DataFrame(
            {"person": np.arange(20), "log_score": rng.normal(off - 2, 0.1, 20), "early": np.arange(20) % 2,
             "chance": np.arange(20) % 2 * off + 0.1, "fold": fold, "model": name}
        ) for fold in ("town 0", "town 1") for name, off in (("full", 1.0), ("bass", 0.0), ("logistic", 0.0))
    )  # fmt: skip
    counts = people.groupby(["fold", "model"])["log_score"].mean().abs().rename("crps").reset_index()
    found = held_out.compare(people, counts, resamples=50)
    assert set(found["kind"]) == {"communities"}
    row = found.set_index(["score", "model", "reference"]).loc[("log_score", "full", "bass")]
    assert 0.8 < row["low"] < row["difference"] < row["high"] < 1.2
    assert found.set_index(["score", "model", "reference"]).loc[("auc", "full", "bass"), "mean"] == 1


def test_what_two_methods_say_is_put_in_words() -> None:
    def choice(forest: dict[str, float]) -> rivals.Choice:
        smc = {"full": 0.7, "peers": 0.3}
        shares = pd.DataFrame(
            [
                {"method": method, "model": name, "share": share}
                for method, of in (("smc", smc), ("forest", forest))
                for name, share in of.items()
            ]
        )
        odds = pd.DataFrame({"generation": [0, 0, 1, 1], "epsilon": [2.0, 2.0, 0.5, 0.5], "ess": [300.0] * 4,
                             "model": ["full", "peers"] * 2, "share": [0.5, 0.5, 0.7, 0.3]})  # fmt: skip
        data, none = SimpleNamespace(remarks=("4 people have no values",)), pd.DataFrame()
        return rivals.Choice(data, shares, odds, none, none, none, {})

    alike = choice({"full": 0.6, "peers": 0.4})
    assert alike.agree
    assert alike.remarks() == [
        "4 people have no values", "Both methods put the same explanation first: values and peers.",
        "Shares of sequential ABC: after 2 tolerances, 2.00 to 0.50, with an effective sample size of 300.",
    ]  # fmt: skip
    apart = choice({"full": 0.2, "peers": 0.8})
    assert not apart.agree
    assert apart.remarks()[1] == (
        "The two methods disagree, nothing is decided: sequential ABC puts first values and peers, the forest peers "
        "only (contagion)."
    )
    assert "The methods differ on values and peers: 70 % by sequential ABC, 20 % by the forest." in apart.remarks()


def test_rivals_need_people_with_values(problem: Problem) -> None:
    bare = replace(problem.data, orientation={}, people=problem.data.people.drop(columns="openness"))
    without = Problem(bare, problem.scenario, problem.prior, problem.society)
    with pytest.raises(InputError, match=r"the data need \[people\] and an \[orientation\]"):
        rivals.choose(without, 100)


def test_the_reported_method_cannot_be_left_out(problem: Problem) -> None:
    with pytest.raises(InputError, match="methods: must include 'regression', the one that is reported"):
        calibrate(problem.data, free=FREE, methods=("forest",))


@pytest.mark.slow
def test_rivals_are_told_apart(tmp_path: Path) -> None:
    """With strong values and no peers, explanations without values lose, by both methods and out of sample."""
    data = made_up(tmp_path, people=300, fit=1.3, level=-3.0)
    found = rivals.choose(Problem.of(data, free=FREE), 24_000)
    shares = found.shares.pivot(index="model", columns="method", values="share")
    assert shares.sum().to_numpy() == pytest.approx(1.0)
    assert (shares.loc[["full", "values"]].sum() > 0.8).all(), shares
    scores = found.scores.query("kind == 'communities' and reference == 'bass'").set_index(["score", "model"])
    assert scores.loc[("auc", "values"), "low"] > 0
    assert scores.loc[("log_score", "values"), "low"] > 0
    right = found.confusion.set_index("truth")
    assert (np.diag(right) > 1.5 / len(right)).all(), right


# --- the command line -------------------------------------------------------------------------------------------------
def test_calibrate_from_the_command_line(valign: Callable, tmp_path: Path) -> None:
    write(tmp_path / "data", people=80, periods=12)
    asked = (
        "calibrate",
        "data",
        "--simulations",
        3000,
        "--free",
        "base_staff=-5:-1",
        "--free",
        "fit_effect",
        "--out",
        "out",
    )
    said = valign(*asked)
    assert said.code == 0, said.err
    assert "fit_effect" in said.out
    assert "valign run SCENARIO --parameters out/posterior.parquet" in said.err
    for name in (
        "posterior.parquet",
        "summary.csv",
        "recovery.csv",
        "generations.csv",
        "reference.parquet",
        "figure-posterior.png",
        "figure-predictive.svg",
        "figure-ranks.png",
        "manifest.json",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert "already holds these results" in valign(*asked).err
    again = json.loads(valign(*asked, "--json").out)
    assert {row["parameter"] for row in again["summary"]} == {"base_staff", "fit_effect"}
    assert valign("calibrate", "data", "--simulations", 4000, "--out", "out").code == 2
    said = valign(
        "run",
        "two-services",
        "--months",
        6,
        "--runs",
        5,
        "--parameters",
        "out/posterior.parquet",
        "--out",
        "policy",
        "--quiet",
    )
    assert said.code == 0, said.err
    drawn = pd.read_parquet(tmp_path / "policy" / "runs.parquet")
    assert drawn["fit_effect"].nunique() == 5
    (tmp_path / "x.csv").write_text("fit_efect\n1\n")
    said = valign("run", "two-services", "--parameters", "x.csv")
    assert said.code == 2
    assert "'fit_efect' is not a parameter" in said.err


def test_an_interrupted_calibration_keeps_what_is_finished_and_says_where(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write(tmp_path / "data", people=60, periods=8)
    monkeypatch.setattr("valign.calibration.abc.smc.smc", interrupted)
    said = valign("calibrate", "data", "--simulations", 3000, "--out", "out")
    assert said.code == 130
    assert "what is finished is kept in out/unfinished: run the same command to go on" in said.err
    assert len(list((tmp_path / "out" / "unfinished" / "recovery").glob("batch-*.npz"))) == 3
    assert (
        "Continuing from what is finished in out/unfinished"
        in valign("calibrate", "data", "--simulations", 3000, "--out", "out").err
    )


def test_wrong_input_is_one_report(valign: Callable, tmp_path: Path) -> None:
    folder = write(tmp_path / "data", people=60)
    people = pd.read_csv(folder / "people.csv").drop(columns="open")
    people.loc[0, "month"] = 99
    people.to_csv(folder / "people.csv", index=False)
    for command in ("calibrate", "rivals"):
        said = valign(command, "data")
        assert said.code == 2
        assert "'open' is not a column" in said.err
        assert "99 > 18" in said.err
    assert valign("calibrate", "nowhere").code == 2
    assert "NAME=LOW:HIGH" in valign("calibrate", "data", "--free", "fit_effect=a:b").err


def test_a_posterior_is_a_design(tmp_path: Path) -> None:
    draws = pd.DataFrame({"fit_effect": np.linspace(0.1, 0.6, 50), "base_staff": np.linspace(-4, -3, 50)})
    draws.to_parquet(tmp_path / "p.parquet")
    scenario = Scenario.load("two-services")
    design = posterior_design(tmp_path / "p.parquet", scenario, 20, seed=2, societies=4)
    assert design["society_seed"].nunique() == 4
    np.testing.assert_allclose(design["base_staff"], -4 + 2 * (design["fit_effect"] - 0.1))  # rows stay together
    assert design.equals(posterior_design(tmp_path / "p.parquet", scenario, 20, seed=2, societies=4))
    draws.assign(months=3).to_csv(tmp_path / "q.csv", index=False)
    with pytest.raises(InputError, match="'months' is not a parameter"):
        posterior_design(tmp_path / "q.csv", scenario, 20)
    draws[:0].to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(InputError, match=r"r\.csv: has no rows"):
        posterior_design(tmp_path / "r.csv", scenario, 20)
