"""Patterns: files that say what they should, and estimators that find what is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import valign as va
from valign.calibration.patterns import asking
from valign.calibration.patterns.estimators import Seen, estimate, grouped_logit, known
from valign.calibration.patterns.pattern import FOLDER, errors, patterns, read, without
from valign.experiments import facts
from valign.experiments.worlds import unknown_parameters
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

GOOD = (FOLDER / "sustained-without-a-break.toml").read_text("utf-8")


def test_there_are_many_and_care_comes_first() -> None:
    found = patterns()
    assert len(found) >= 25
    assert all(each.source and each.where and each.data for each in found)
    assert [each.near for each in found[:11]] == [True] * 11
    assert all(each.note for each in found if each.grade == "from memory")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("error = 0.071", "error = 0.0"), "error: input should be greater than 0"),
        (("error = 0.071", "eror = 0.071"), "eror"),
        (("outcome:continuous", "outcome:continous"), "estimator = 'outcome:continous'"),
        (('"housing-first"', '"housing-frist"'), "housing-first"),
        (("adoption_norm = 0.0", "adoption_nrom = 0.0"), "adoption_norm"),
        (("months = 72", "months = 0"), "months"),
        (("value = 0.47", 'value = -0.47\nscale = "log"'), "above 0"),
        (("value = 0.47", "value = "), "pattern.toml"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(change: tuple[str, str], said: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(InputError, match=r"pattern\.toml") as error:
        read(GOOD.replace(*change), "pattern.toml")
    assert said in str(error.value)


def test_no_fact_counts_twice_and_what_shares_data_shares_its_errors() -> None:
    found = patterns()
    left = without(["medical-innovation"], found)
    assert 0 < len(left) < len(found)
    assert not any("medical-innovation" in each.data for each in left)
    covariance = errors(found)
    assert np.linalg.eigvalsh(covariance).min() > 0
    a, b = (next(n for n, each in enumerate(found) if each.name == name)
            for name in ("sustained-without-a-break", "stopped-and-restarted"))  # fmt: skip
    assert covariance[a, b] == pytest.approx(0.5 * np.sqrt(covariance[a, a] * covariance[b, b]))


def test_bounds_are_only_missed_on_one_side() -> None:
    pattern = next(each for each in patterns() if each.bound == "at most")
    assert pattern.away(np.array([pattern.target - 1, pattern.target + 1])).tolist() == [0, 1]


def test_grouped_logits_are_those_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    run = np.repeat([0, 1, 2], 900)
    group = run * 5 + np.tile(np.repeat(np.arange(3), 300), 3)
    x = rng.normal(size=(len(run), 2))
    slope = np.array([[0.5, -0.2], [0.0, 0.8], [-0.4, 0.1]])
    logit = -1.5 + 0.4 * (group % 5) + (x * slope[run]).sum(axis=1)
    y = (rng.random(len(run)) < 1 / (1 + np.exp(-logit))).astype(float)
    found = grouped_logit(y, x, group, run, 4)
    for each in range(3):
        of = run == each
        dummies = (group[of][:, None] == np.unique(group[of])).astype(float)
        expected = api.Logit(y[of], np.hstack([x[of], dummies])).fit(disp=0).params[:2]
        assert found[each] == pytest.approx(expected, abs=2e-3)
    assert found[3].tolist() == [0, 0]  # a run without rows


@pytest.fixture(scope="module")
def seen() -> tuple[Seen, va.Outcomes, Scenario]:
    scenario = Scenario.load("two-services").replace({"months": 36})
    out = va.simulate(scenario, runs=3, seed=4, societies=1, record=("agents", "services"))
    return Seen(scenario, out, {"disapproval": np.array([0.1, 0.2, 0.3])}), out, scenario


def test_estimates_are_those_of_the_tables(seen: tuple[Seen, va.Outcomes, Scenario]) -> None:
    block, out, scenario = seen
    for name, by_table in (("auc", facts.auc), ("spearman", facts.spearman), ("opposed", facts.opposed)):
        expected = [by_table(table, pd.Series(dtype=float), scenario) for _, table in out.agents.groupby("run")]
        assert estimate(name, [block]) == pytest.approx(expected, nan_ok=True), name
    assert estimate("outcome:restarted", [block]).tolist() == out.runs["restarted"].tolist()
    assert estimate("odds_of:disapproval", [block]).tolist() == [0.1, 0.2, 0.3]
    used = out.services.assign(used=out.services["stage"].isin(["piloting", "commissioned", "sustained"]))
    count = used.pivot_table(index="run", columns="month", values="used", aggfunc="sum", observed=True)
    assert estimate("growth:36", [block]) == pytest.approx(np.log(np.maximum(count[36], 0.5) / count[0]).to_numpy())
    assert np.isfinite(estimate("odds_ratio:fit", [block])).any()


def test_unknown_estimators_are_named_with_the_nearest() -> None:
    assert "auc" in known("aux")
    assert known("growth:x")
    assert not known("growth:12")


def test_worlds_are_asked_with_the_same_chances_again_and_what_a_question_sets_stays() -> None:
    found = [each for each in patterns() if each.name in ("opinion-leaders", "return-of-a-pilot")]
    worlds = pd.DataFrame({name: [PARAMETERS[name].default] * 2 for name in unknown_parameters()})
    worlds.loc[1, "practice_base"] = 0.2
    once, again = (asking.asked(found, worlds, 1, 3) for _ in range(2))
    assert np.array_equal(once, again)
    assert once.shape == (2, 1, 2)
    assert once[0, 0, 1] > once[1, 0, 1]  # poorer practice returns less
    late = asking.asked(found, worlds, 1, 3, last=True)
    assert np.isnan(late).all()
    assert asking.person_months(found) > 0


def test_the_list_says_what_the_defaults_give() -> None:
    plain = va.patterns(runs=None)
    assert len(plain) == len(patterns())
    assert "model" not in plain
    with pytest.raises(InputError, match="runs"):
        va.patterns(runs=0)
