"""Patterns: files that say what they should, and estimators that find what is planted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, spearmanr

import valign as va
from valign.calibration.patterns import asking
from valign.calibration.patterns import study
from valign.calibration.patterns.estimators import estimate, known
from valign.calibration.patterns.pattern import FOLDER, errors, patterns, read, without
from valign.calibration.patterns.seen import AWARE, ENGAGED, STAFF, Seen, grouped_logit
from valign.experiments.worlds import unknown_parameters
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import PEER

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


class Planted:
    """Outcomes of one run with people who engage with a hazard of logit -3 + log_odds × fit (per SD)."""

    def __init__(self, log_odds: float, people: int = 3000, months: int = 24) -> None:
        rng = np.random.default_rng(1)
        fit = rng.normal(size=people)
        fit = (fit - fit.mean()) / fit.std(ddof=1)
        engaged = np.zeros((months + 1, people), bool)
        for t in range(1, months + 1):
            engaged[t] = engaged[t - 1] | (rng.random(people) < 1 / (1 + np.exp(3 - log_odds * fit)))
        self.stage = np.where(engaged, ENGAGED, AWARE)
        self.alignment, self.exposure = np.tile(0.75 + 0.1 * fit, (months + 1, 1)), rng.random(engaged.shape)
        self.holder, self.role = np.zeros(engaged.shape, int), np.where(np.arange(people) % 3, STAFF, PEER)
        self.service = 2 * np.arange(people) // people  # people stand by service

    def blocks_of_people(self) -> Iterator[tuple]:
        yield [0], self.role, self.service, lambda variable, month: getattr(self, variable)[month][..., None]

    def seen(self) -> Seen:
        scenario = Scenario.load("two-services").replace({"months": len(self.stage) - 1})
        return Seen(scenario, cast(va.Outcomes, self), {})


@pytest.mark.parametrize("log_odds", [0.0, 0.4, -0.3])
def test_planted_odds_of_adopting_are_recovered(log_odds: float) -> None:
    block = Planted(log_odds).seen()
    assert estimate("odds_ratio:fit", [block])[0] == pytest.approx(log_odds, abs=0.1)
    assert estimate("odds_ratio:exposure", [block])[0] == pytest.approx(0.0, abs=0.1)
    few = Planted(log_odds, people=12, months=2).seen()
    assert np.isnan(estimate("odds_ratio:fit", [few])).all()


def test_auc_and_spearman_are_those_of_scipy() -> None:
    made = Planted(0.4)
    fit, adopted = made.alignment[0], made.stage[-1] == ENGAGED
    expected = mannwhitneyu(fit[adopted], fit[~adopted]).statistic / (adopted.sum() * (~adopted).sum())
    assert estimate("auc", [made.seen()])[0] == pytest.approx(expected)
    month = np.where(adopted, (made.stage == ENGAGED).argmax(axis=0), 25)
    assert estimate("spearman", [made.seen()])[0] == pytest.approx(spearmanr(fit, month).statistic)
    assert estimate("spearman", [Planted(0.0).seen()])[0] == pytest.approx(0.0, abs=0.06)


def test_who_leaves_is_censored() -> None:
    made = Planted(0.4)
    made.holder[3:, 0], made.stage[:3, 0] = 1, AWARE
    month, last, counted = made.seen().adoption
    assert (month[0, 0], last[0, 0], counted[0, 0]) == (0, 2, True)


@pytest.fixture(scope="module")
def seen() -> tuple[Seen, va.Outcomes, Scenario]:
    scenario = Scenario.load("two-services").replace({"months": 36})
    out = va.simulate(scenario, runs=3, seed=4, societies=1, record=("agents", "services"), width=3)
    return Seen(scenario, out, {"disapproval": np.array([0.1, 0.2, 0.3])}), out, scenario


def opposed_by_table(agents: pd.DataFrame, scenario: Scenario) -> float:
    there = agents[(agents["role"] != "commissioner") & (agents["holder"] == 0)].set_index(["month", "person"])
    end = there.loc[36]
    change = end[scenario.dimensions] - there.loc[0].loc[end.index, scenario.dimensions]
    return change["client_agency"].corr(change["safety_and_rules"])


def test_estimates_are_those_of_the_tables(seen: tuple[Seen, va.Outcomes, Scenario]) -> None:
    block, out, scenario = seen
    expected = [opposed_by_table(table, scenario) for _, table in out.agents.groupby("run")]
    assert estimate("opposed", [block]) == pytest.approx(expected, nan_ok=True)
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


def test_distances_have_their_verdict() -> None:
    assert [study.verdict(away) for away in (0.0, -1.9, 2.0, -2.9, 3.0, -8.0)] == [
        "agrees",
        "agrees",
        "doubtful",
        "doubtful",
        "speaks against the model",
        "speaks against the model",
    ]


def test_the_committed_table_is_whole() -> None:
    """`make facts`: every pattern, at the defaults and without effects of fit."""
    table = pd.read_csv(study.OUT / "facts.csv")
    assert table["name"].tolist() == [each.name for each in patterns()]
    assert (table["runs"] >= 100).all()
    for of in ("", "no_fit_"):
        assert [study.verdict(away) for away in table[f"{of}away"]] == table[f"{of}verdict"].tolist()
    assert (table["verdict"] == "agrees").sum() >= 20  # the rest is stated in the README
    text = (study.OUT / "facts.md").read_text("utf-8")
    assert study.as_markdown(table, study.SEED).splitlines()[2] == text.splitlines()[2]
    assert all(title in text for title in table["title"])
