"""Planted truths get their verdict; the statistics behind it; where a claim fails."""

from __future__ import annotations

import numpy as np
import pytest
from claim_cases import TRUTHS, example, planted

from valign.experiments.claims import verdict
from valign.experiments.claims.explanation import where
from valign.experiments.claims.results import claim_tables
from valign.experiments.claims.testing import test_claim
from valign.experiments.claims.worlds import Evaluated
from valign.experiments.worlds import plausible_worlds
from valign.results.reports import claims

pytestmark = pytest.mark.usefixtures("in_the_checkout")


REPETITIONS = 100
QUICK = ("supported",)  # of the truths, in `make test`


# --- planted truths --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "truth", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in TRUTHS]
)
def test_planted_truths_get_their_verdict(truth):
    rng = np.random.default_rng(1)
    found = [
        test_claim(example(), 100, 8, repetition, evaluate=planted(TRUTHS[truth], 0.06, rng), shipped_runs=0)
        for repetition in range(REPETITIONS)
    ]
    assert sum(each.verdict == truth for each in found) >= 95
    # The null, where the planted effect is taken away, must not be called supported in more than 5 %.
    assert sum(each.null.says.startswith("supported") for each in found) <= 5


def test_a_null_that_shows_the_effect_too_takes_the_support_away():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        values = {
            arm.key: dict.fromkeys(outcomes, (arm.settings["slack"] > 0.3) * 0.2 + np.zeros(runs.shape)) for arm in arms
        }
        return Evaluated(values, {}, 0)

    found = test_claim(example(), 60, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.says, found.null.says, found.verdict) == ("supported", "supported", "not supported")


def test_an_assumed_claim_is_quantified_never_supported():
    claim = example().model_copy(update={"grade": "assumed"})
    toy = planted(TRUTHS["supported"], 0.02, np.random.default_rng(1))
    assert test_claim(claim, 60, 4, evaluate=toy, shipped_runs=0).verdict == "quantified"


def test_too_few_worlds_leave_it_undecided_and_say_how_many_more():
    toy = planted(TRUTHS["supported conditionally"], 0.02, np.random.default_rng(2))
    found = test_claim(example(), 12, 4, evaluate=toy, shipped_runs=0)
    assert found.verdict == "undecided"
    assert found.more_worlds > 0


def test_worlds_that_fail_are_counted_and_named():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        values = {
            arm.key: {
                name: np.where(np.arange(len(runs))[:, None] < 5, np.nan, 0.3) + np.zeros(runs.shape)
                for name in outcomes
            }
            for arm in arms
        }
        return Evaluated(values, {world: "no such level" for world in range(5)}, 0)

    found = test_claim(example(), 50, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.worlds, found.judged.failed) == (45, 5)
    assert (found.judged.classes[:5] == -1).all()
    _, tables = claim_tables([found])
    assert tables["failures"]["world"].tolist() == [0, 1, 2, 3, 4]


def test_a_claim_that_no_world_can_test_stays_undecided():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        return Evaluated({arm.key: dict.fromkeys(outcomes, np.full(runs.shape, np.nan)) for arm in arms}, {}, 0)

    found = test_claim(example(), 10, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.worlds, found.judged.failed, found.verdict) == (0, 10, "undecided")
    assert found.more_worlds is None
    assert found.table["effect"].isna().all()
    assert "too few worlds" in found.where.words()
    summary, tables = claim_tables([found])
    assert len(tables["failures"]) == 10
    assert "too near a limit for any number of worlds" in claims.in_words(summary.iloc[0].to_dict())


# --- statistics ------------------------------------------------------------------------------------------------------
def test_noise_is_taken_out_of_the_shares():
    """True effects 0 with noise as large as half the smallest effect: classed by their means, 2 in 100 would pass."""
    rng = np.random.default_rng(3)
    judged = verdict.judge([rng.normal(0, 0.5 * 0.05 * np.sqrt(8), (2000, 8))], [0.05])
    naive = (verdict.world_effects(rng.normal(0, 0.5 * 0.05 * np.sqrt(8), (2000, 8)))[0] >= 0.05).mean()
    assert naive > 0.015
    assert judged.predicted < 0.005
    assert judged.reversed < 0.005


def test_shares_of_known_worlds():
    effects = np.repeat([0.2, 0.0, -0.2], [60, 30, 10])[:, None] + np.random.default_rng(4).normal(0, 0.02, (100, 8))
    judged = verdict.judge([effects], [0.05])
    assert (judged.predicted, judged.absent, judged.reversed) == pytest.approx((0.6, 0.3, 0.1), abs=0.005)
    assert np.bincount(judged.classes).tolist() == [60, 30, 10]


def test_wilson_as_published():
    """Newcombe 1998, table I, method 3: 81 of 263, and 0 of 20."""
    assert verdict.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert verdict.wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_holm():
    assert verdict.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert verdict.holm([0.01], family=18) == pytest.approx([0.18])


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ((0.95, 0.0), "supported"),
        ((0.0, 0.9), "reversed"),
        ((0.02, 0.02), "not supported"),
        ((0.3, 0.3), "supported conditionally"),
        ((0.7, 0.3), "supported conditionally"),
        ((0.5, 0.0), "undecided"),
    ],
)
def test_readings(shares, says):
    assert verdict.decide(*shares, 500) == says


def test_the_level_at_which_it_is_decided_is_that_level():
    level = verdict.decisive_level(0.6, 0.0, 200)
    assert verdict.decide(0.6, 0.0, 200, level * 1.01) == "supported"
    assert verdict.decide(0.6, 0.0, 200, level * 0.99) == "undecided"
    more = verdict.worlds_needed(0.55, 0.0, 100)
    assert verdict.decide(0.55, 0.0, 100 + more) == "supported"
    assert verdict.decide(0.55, 0.0, 100) == "undecided"


# --- where it fails --------------------------------------------------------------------------------------------------
def test_the_tree_finds_a_planted_condition_and_admits_when_there_is_none():
    worlds = plausible_worlds(200, 1)
    planted_in = np.where((worlds["peer_effect"] > 0.4) & (worlds["dialogue"] > 6), 0, 1)
    found = where(worlds, planted_in)
    assert found.told
    assert found.accuracy > 0.93 > found.base_rate
    assert "peer_effect" in found.words()
    assert "dialogue" in found.words()
    chance = where(worlds, np.random.default_rng(1).permutation(planted_in))
    assert not chance.told
    assert "No simple condition" in chance.words()


# --- the whole -------------------------------------------------------------------------------------------------------
def test_without_scikit_learn_only_the_tree_is_missing(monkeypatch):
    import sys

    toy = planted(TRUTHS["supported conditionally"], 0.02, np.random.default_rng(5))
    found = test_claim(example(), 60, 4, evaluate=toy, shipped_runs=0)
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    summary, _ = claim_tables([found])
    assert "needs scikit-learn" in summary["where"][0]


def test_worlds_near_the_smallest_effect_are_told_apart_where_they_are_known_well():
    mean = np.repeat([0.045, 0.055], 40)
    found = verdict.probabilities(mean, np.zeros(80), 0.05)
    assert (found[:40, 1] > 0.95).all()
    assert (found[40:, 0] > 0.95).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-9)
