"""Calibration from data to verdict, and the explanations that compete with the model."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_up import FREE

from tests.made_up import made_up
from valign.calibration.calibrate import calibrate, choose_model
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.rivals.compare import Choice, choose
from valign.calibration.rivals.curves import bass, fit_baseline, logistic
from valign.calibration.rivals.explanations import RIVAL_MODELS, chosen_rivals, simulate_rivals
from valign.calibration.rivals.model_choice import choose_forest
from valign.calibration.rivals.prediction import auc, compare_scores, folds
from valign.model.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")


# --- calibration ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_calibrate_finds_the_effect_of_values_and_resumes(problem: CalibrationProblem, tmp_path: Path) -> None:
    found = calibrate(
        problem.data, free=FREE, simulations=10_000, particles=300, methods=("regression",), folder=tmp_path,
        accept_misfit=True,
    )  # fmt: skip
    row = found.summary.set_index("parameter").loc["fit_effect"]
    assert row["q05"] > 0.1
    assert row["informed"]
    assert found.predictive.groupby("group")["period"].max().eq(18).all()
    assert found.checks["inside"].mean() > 0.7
    assert len(found.draws) == 4000
    again = calibrate(
        problem.data, free=FREE, simulations=10_000, particles=300, methods=("regression",), folder=tmp_path,
        accept_misfit=True,
    )  # fmt: skip
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
    assert auc(early, chance, np.zeros(4)) == 0.75
    assert auc(early, chance, np.array([0, 0, 1, 1])) == 0.5
    assert auc(early, np.ones(4), np.zeros(4)) == 0.5


def test_what_is_held_out_is_not_seen(problem: CalibrationProblem) -> None:
    layout = problem.layout
    assert layout is not None
    made = folds(layout)
    assert [fold.name for fold in made] == ["town 0", "town 1", "town 2", "town 3", "last third"]
    for fold in made[:4]:
        assert not ((fold.train.until > 0) & fold.people).any()
        assert ((fold.train.time > 0) <= (fold.train.until > 0)).all()
    assert made[4].train.time.max() <= 12


def test_many_communities_are_held_out_in_ten_groups(tmp_path: Path) -> None:
    layout = CalibrationProblem.of(made_up(tmp_path, people=240, places=24)).layout
    assert layout is not None
    made = folds(layout)
    assert len(made) == 11
    held = np.stack([fold.people for fold in made[:10]])
    assert (held.sum(axis=0) == 1).all()  # everybody once, with all of their community
    assert all(len(set(layout.community[each]) & set(layout.community[~each])) == 0 for each in held)


def test_some_rivals_only(problem: CalibrationProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    every, some = (simulate_rivals(problem, 40, seed=3, names=chosen_rivals(names)) for names in (None, ["values"]))
    assert list(some) == ["full", "values"]
    np.testing.assert_array_equal(some["values"].summaries, every["values"].summaries)
    asked: list = []

    def simulated(*_: object, names: tuple[str, ...], **__: object) -> None:
        asked.append(names)
        raise InterruptedError

    monkeypatch.setattr("valign.calibration.rivals.compare.simulate_rivals", simulated)
    for given, expected in ((["peers", "full"], ("full", "peers")), (None, tuple(RIVAL_MODELS))):
        with pytest.raises(InterruptedError):
            choose_model(problem.data, free=FREE, rivals=given)
        assert asked[-1] == expected
    for wrong, words in ((["valeus"], "did you mean 'values'"), ([], "a list of some of"), (["full"], "a list of")):
        with pytest.raises(InputError, match=words):
            choose_model(problem.data, free=FREE, rivals=wrong)


def test_a_missing_library_is_named_first(problem: CalibrationProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    for asked in (choose_model, calibrate):
        told: list[int] = []
        with pytest.raises(InputError, match="scikit-learn is not installed"):
            asked(problem.data, free=FREE, progress=lambda done, _, told=told: told.append(done))
        assert not told


def test_every_seed_is_a_seed_of_the_forest(problem: CalibrationProblem) -> None:
    tables = simulate_rivals(problem, 40, names=("full", "values"))
    assert choose_forest(tables, problem.observed, 2**63 - 1)[0]["share"].sum() == pytest.approx(1.0)


def test_people_of_one_place_are_held_out_in_five_parts(tmp_path: Path) -> None:
    layout = CalibrationProblem.of(made_up(tmp_path, people=60, places=1, periods=2)).layout
    assert layout is not None
    made = folds(layout)
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
    found = compare_scores(people, counts, resamples=50)
    assert set(found["kind"]) == {"communities"}
    row = found.set_index(["score", "model", "reference"]).loc[("log_score", "full", "bass")]
    assert 0.8 < row["low"] < row["difference"] < row["high"] < 1.2
    assert found.set_index(["score", "model", "reference"]).loc[("auc", "full", "bass"), "mean"] == 1


def test_what_two_methods_say_is_put_in_words() -> None:
    def choice(forest: dict[str, float]) -> Choice:
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
        return Choice(data, shares, odds, none, none, none, {}, None)

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


def test_rivals_need_people_with_values(problem: CalibrationProblem) -> None:
    bare = replace(problem.data, orientation={}, people=problem.data.people.drop(columns="openness"))
    without = CalibrationProblem(bare, problem.scenario, problem.prior, problem.society)
    with pytest.raises(InputError, match=r"the data need \[people\] and an \[orientation\]"):
        choose(without, 100)


def test_the_reported_method_cannot_be_left_out(problem: CalibrationProblem) -> None:
    with pytest.raises(InputError, match="methods: must include 'regression', the one that is reported"):
        calibrate(problem.data, free=FREE, methods=("forest",))


@pytest.mark.slow
def test_rivals_are_told_apart(tmp_path: Path) -> None:
    """With strong values and no peers, explanations without values lose, by both methods and out of sample."""
    data = made_up(tmp_path, people=300, fit=1.3, level=-3.0)
    found = choose(CalibrationProblem.of(data, free=FREE), 24_000)
    shares = found.shares.pivot(index="model", columns="method", values="share")
    assert shares.sum().to_numpy() == pytest.approx(1.0)
    assert (shares.loc[["full", "values"]].sum() > 0.8).all(), shares
    scores = found.scores.query("kind == 'communities' and reference == 'bass'").set_index(["score", "model"])
    assert scores.loc[("auc", "values"), "low"] > 0
    assert scores.loc[("log_score", "values"), "low"] > 0
    right = found.confusion.set_index("truth")
    assert (np.diag(right) > 1.5 / len(right)).all(), right
