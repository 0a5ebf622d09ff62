"""Decisions with a known answer: who is best and how surely, what the winner gains, what knowing is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from decide_cases import Planted
from scipy.stats import norm

from valign.experiments.decide.information import evppi, fitted, folds_of, value_of_knowing
from valign.experiments.decide.judge import chance_of_best, covariance_of_means, front, shortfall, worst_tenth
from valign.experiments.decide.race import planned_runs, race
from valign.experiments.decide.rule import when_wrong

TWO = Planted(np.array([0.0, 0.1]), np.array([[0.0, 0.0, 0.0], [0.8, 0.4, 0.0]]), own=0.7)


@pytest.mark.parametrize(("name", "things"), [("first", (0,)), ("second", (1,)), ("both", (0, 1)), ("idle", (2,))])
def test_the_value_of_knowing_an_unknown(name, things):
    theta, outcome = TWO.drawn(6000, np.random.default_rng(3))
    worlds = pd.DataFrame(theta, columns=["first", "second", "idle"])
    groups = {"first": ["first"], "second": ["second"], "both": ["first", "second"], "idle": ["idle"]}
    found = evppi(outcome, 1, worlds, groups).set_index("unknown").loc[name]
    known = TWO.worth_of_two(things=things) if name != "idle" else 0.0
    assert abs(found["value"] - known) < max(0.05 * known, 2 * found["error"])


@pytest.mark.parametrize("size", [1, 4, 25])
def test_the_value_of_a_study(size):
    """A study sees the first unknown with a noise of 1 / sqrt(size): it explains size / (size + 1) of its variance."""
    rng = np.random.default_rng(5)
    theta, outcome = TWO.drawn(6000, rng)
    seen = theta[:, :1] + rng.standard_normal((6000, 1)) / np.sqrt(size)
    found = value_of_knowing(outcome[1], outcome, seen, folds_of(6000))
    known = TWO.worth_of_two(size / (size + 1))
    assert abs(found.value - known) < max(0.05 * known, 2 * found.error)
    better = value_of_knowing(outcome[1], outcome, theta[:, :1], folds_of(6000))
    assert found.value < better.value + 2 * found.error


def test_many_things_that_tell_nothing_are_worth_nothing():
    """Fitted and judged on the same worlds, forty idle unknowns look valuable; cross-fitted they do not."""
    rng, many = np.random.default_rng(8), 40
    outcome = rng.standard_normal((3, 300))
    idle = rng.standard_normal((300, many))
    folds = folds_of(300)
    found = value_of_knowing(outcome[0], outcome, idle, folds)
    assert abs(found.value) < 3 * found.error
    gain = outcome - outcome[0]
    design = np.column_stack([np.ones(300), idle])
    naive = design @ np.linalg.lstsq(design, gain.T, rcond=None)[0]
    assert naive.max(axis=1).mean() - max(naive.mean(axis=0)) > 3 * found.error
    assert fitted(gain, np.ones((300, 2)), folds).std(axis=1).max() < 0.2  # what never differs tells nothing


def test_the_chance_of_being_best_is_calibrated():
    rng, said, was = np.random.default_rng(21), [], []
    for seed in range(500):
        mean = rng.normal(0, 0.2, 6)
        _, outcome = Planted(mean, np.zeros((6, 1))).drawn(64, rng)
        said.append(chance_of_best(outcome, np.arange(64), seed, 4000))
        was.append(np.arange(6) == mean.argmax())
    p, hit = np.ravel(said), np.ravel(was)
    p = np.clip(p, 1e-4, 1 - 1e-4)
    z = ((hit - p) * (1 - 2 * p)).sum() / np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())  # Spiegelhalter 1986
    assert 2 * norm.sf(abs(z)) > 0.01
    assert np.isclose(np.array(said).sum(axis=1), 1).all()
    leader = p.reshape(500, 6).max(axis=1)
    assert abs(leader.mean() - hit.reshape(500, 6)[np.arange(500), p.reshape(500, 6).argmax(axis=1)].mean()) < 0.06


def test_equal_mixes_share_the_chance():
    outcome = np.tile(np.random.default_rng(2).standard_normal(50), (4, 1))
    assert chance_of_best(outcome, np.arange(50)) == pytest.approx([0.25] * 4, abs=0.02)


def test_societies_widen_the_covariance():
    rng = np.random.default_rng(4)
    outcome = np.repeat(rng.standard_normal((2, 10)), 30, axis=1)
    alone = covariance_of_means(outcome, np.arange(300))
    together = covariance_of_means(outcome, np.repeat(np.arange(10), 30))
    assert together[0, 0] > 20 * alone[0, 0]


def raced(planted: Planted, costs: np.ndarray, worlds: int, rng: np.random.Generator):
    _, outcome = planted.drawn(worlds, rng)
    calls = []

    def evaluate(mixes, first, last):
        calls.append((len(mixes), last - first))
        return outcome[None, list(mixes), first:last]

    found = race(evaluate, lambda: costs, [0], worlds)
    assert found.runs == sum(mixes * more for mixes, more in calls)
    return found, outcome


def test_the_gain_of_the_winner_is_unbiased_on_fresh_worlds_and_not_on_those_that_chose_it():
    fresh, naive = [], []
    for repetition in range(100):
        rng = np.random.default_rng([9, repetition])
        planted = Planted(np.r_[0.0, rng.normal(0, 0.05, 80)], np.zeros((81, 1)))
        found, _ = raced(planted, np.zeros(81), 128, rng)
        means = found.outcome[0].mean(axis=1)
        best = max(found.finalists, key=lambda mix: means[mix])
        _, again = planted.drawn(128, rng)
        fresh.append((again[best] - again[0]).mean() - planted.mean[best])
        naive.append(means[best] - means[0] - planted.mean[best])
    z = [np.mean(each) / (np.std(each, ddof=1) / 10) for each in (fresh, naive)]
    assert abs(z[0]) < 3
    assert z[1] > 3, "the winner's curse is there to be seen"


def area(costs: np.ndarray, gains: np.ndarray, most: float) -> float:
    """Hypervolume of two goals: what the front covers, up to a cost and down to no gain."""
    total, best = 0.0, 0.0
    for cost, gain in sorted(zip(costs, gains, strict=True)):
        if gain > best:
            total, best = total + (gain - best) * (most - cost), gain
    return total


def test_the_race_finds_the_front_for_a_tenth_of_the_runs():
    assert planned_runs(200, 1000) <= 0.1 * 200 * 1000
    ratios, stays = [], []
    for repetition in range(20):
        rng = np.random.default_rng([17, repetition])
        costs = np.r_[0.0, rng.integers(1, 11, 199) / 10]
        slope = np.r_[np.zeros((1, 2)), rng.normal(0, 0.15, (199, 2))]
        planted = Planted(np.r_[0.0, 0.8 * np.sqrt(costs[1:]) - rng.exponential(0.3, 199)], slope, own=0.3)
        found, outcome = raced(planted, costs, 1000, rng)
        assert found.runs <= 0.1 * outcome.size
        chosen = np.array(found.finalists)
        mine = chosen[front(found.outcome[:, chosen].mean(axis=2), costs[chosen])]
        every = np.flatnonzero(front(outcome[None].mean(axis=2), costs))
        _, again = planted.drawn(1000, rng)
        gain = (again - again[0]).mean(axis=1)
        ratios.append(area(costs[mine], gain[mine], 1.0) / area(costs[every], gain[every], 1.0))
        error = (again - again[0]).std(axis=1) / np.sqrt(1000)
        for mix in mine:
            rivals = [other for other in chosen if costs[other] <= costs[mix] and other != mix]
            stays.append(all(gain[mix] + 2 * error[mix] > gain[other] - 2 * error[other] for other in rivals))
    assert np.mean(ratios) > 0.98
    assert np.mean(stays) > 0.95


def test_the_front_and_what_lies_behind_it():
    costs = np.array([0.0, 1.0, 2.0, 2.0])
    goals = np.array([[0.0, 3.0, 2.0, 4.0], [0.0, 1.0, 2.0, 1.0]])
    assert front(goals, costs).tolist() == [True, True, True, True]
    assert front(goals[:1], costs).tolist() == [True, True, False, True]
    assert shortfall(goals[:1], costs).tolist() == [0, 0, 2, 0]
    assert shortfall(goals, costs).tolist() == [0, 0, 0, 0]


def test_mixes_that_join_catch_up_on_the_worlds_of_the_others():
    costs, seen, asked, told = [0.0, 1.0], {}, [], []

    def evaluate(mixes, first, last):
        for mix in mixes:
            seen.setdefault(mix, []).extend(range(first, last))
        return np.array([[[float(mix)] * (last - first) for mix in mixes]])

    def grow(kept, gains):
        asked.append(list(kept))
        told.append(gains.tolist())
        if len(costs) > 2:
            return []
        costs.append(1.0)
        return [2]

    found = race(evaluate, lambda: np.array(costs), [0], 64, grow=grow)
    assert found.finalists[0] == 2
    assert all(worlds == list(range(64)) for worlds in (seen[0], seen[2]))
    assert found.runs == sum(map(len, seen.values()))
    assert asked[0][0] == 1
    assert told[:2] == [[0.0, 1.0], [0.0, 1.0, 2.0]]


def test_the_worst_tenth():
    outcome = np.array([np.arange(20.0), np.full(20, 3.0)])
    assert worst_tenth(outcome).tolist() == [0.5, 3.0]


def test_a_planted_rule_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(31)
    known = pd.DataFrame(rng.uniform(0, 1, (600, 8)), columns=[f"x{k}" for k in range(8)])
    better = (known["x1"] > 0.7) & (known["x4"] <= 0.5)
    outcome = np.stack([np.zeros(600), np.where(better, 1.0, -0.5)]) + 0.3 * rng.standard_normal((2, 600))
    rule = when_wrong(outcome, 0, [1], known)
    assert rule is not None
    assert {each.parameter for each in rule.conditions} >= {"x1", "x4"}
    assert len(rule.conditions) <= 3
    threshold = next(each.threshold for each in rule.conditions if each.parameter == "x1" and each.above)
    assert threshold == pytest.approx(0.7, abs=0.1)
    assert rule.density > 0.85
    assert rule.coverage > 0.5
    assert when_wrong(outcome[::-1] * 0 + rng.standard_normal((2, 600)), 0, [1], known) is None
