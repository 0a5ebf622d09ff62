"""Waves and weights where the answer is known: a linear model, normal errors, twenty parameters."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration.abc.smc import ess
from valign.calibration.matching.known_truth import misfit, noticed, proposed, truths, without
from valign.calibration.matching.sampling import log_normal, normalised, slice_sample
from valign.calibration.matching.waves import Matching, Plan, matched
from valign.calibration.patterns.pattern import patterns
from valign.results.checkpoint import Parts

D, P = 20, 8
EARLY = np.arange(P) < P - 1  # the last pattern is asked last
PLAN = Plan(worlds=(512, 256, 1024, 2048), runs=(1, 2, 1, 1), steps=60, batch=256, seed=3)
SMALL = Plan(worlds=(128, 64), runs=(2, 1), steps=10, batch=32, seed=4)


class Linear:
    """Patterns that are linear in the parameters, with chance; the posterior is normal and known."""

    def __init__(self) -> None:
        rng = np.random.default_rng(8)
        self.slope = rng.normal(size=(P, D)) / D**0.5
        self.chance = np.diag(rng.uniform(0.15, 0.45, P)) ** 2
        self.facts = np.diag(rng.uniform(0.2, 0.5, P)) ** 2
        self.value = self.slope @ rng.standard_normal(D) + rng.multivariate_normal(np.zeros(P), self.facts)
        self.calls = 0

    def simulate(self, u: np.ndarray, runs: int, seed: int, last: bool) -> np.ndarray:
        self.calls += 1
        noise = np.random.default_rng([seed, last]).multivariate_normal(np.zeros(P), self.chance, (len(u), runs))
        found = (u @ self.slope.T)[:, None] + noise
        found[:, :, last == EARLY] = np.nan
        return found

    def away(self, values: np.ndarray) -> np.ndarray:
        return values - self.value

    @property
    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        covariance = np.linalg.inv(np.eye(D) + self.slope.T @ np.linalg.inv(self.facts) @ self.slope)
        return covariance @ self.slope.T @ np.linalg.inv(self.facts) @ self.value, covariance


@pytest.fixture(scope="module")
def linear() -> Linear:
    return Linear()


@pytest.fixture(scope="module")
def found(linear: Linear) -> Matching:
    return matched(linear.simulate, linear.away, linear.facts, D, PLAN, early=EARLY)


def test_weights_agree_with_the_closed_form(linear: Linear, found: Matching) -> None:
    mean, covariance = linear.posterior
    weight, u = found.weight, found.waves[-1].u
    assert found.effective > 500
    error = np.sqrt(np.diag(covariance) / found.effective)
    away = (weight @ u - mean) / error
    assert np.abs(away).max() < 4
    assert (away**2).mean() < 3  # what the emulator leaves open moves it a little
    spread = np.sqrt(weight @ (u - weight @ u) ** 2 / np.diag(covariance))
    assert spread == pytest.approx(np.ones(D), abs=4 / np.sqrt(2 * found.effective) + 0.03)
    assert np.sqrt(np.diag(covariance)).min() < 0.85  # the facts do tell something


def test_leaving_a_fact_out_is_another_closed_form(linear: Linear, found: Matching) -> None:
    left_out = {j: np.delete(np.arange(P), j) for j in range(P)}
    weights = {j: normalised(found.log_weight(kept)) for j, kept in left_out.items()}
    j = max(weights, key=lambda j: ess(weights[j]))
    kept, weight = left_out[j], weights[j]
    assert ess(weight) > 100
    slope, facts = linear.slope[kept], linear.facts[np.ix_(kept, kept)]
    covariance = np.linalg.inv(np.eye(D) + slope.T @ np.linalg.inv(facts) @ slope)
    mean = covariance @ slope.T @ np.linalg.inv(facts) @ linear.value[kept]
    predicted = weight @ (found.waves[-1].u @ linear.slope[j])
    spread = np.sqrt(linear.slope[j] @ covariance @ linear.slope[j])
    assert abs(predicted - linear.slope[j] @ mean) < 4 * spread / ess(weight) ** 0.5


def test_slice_sampling_reaches_the_posterior(linear: Linear) -> None:
    mean, covariance = linear.posterior

    def likelihood(u: np.ndarray) -> np.ndarray:
        return log_normal(u @ linear.slope.T - linear.value, linear.facts)

    u = slice_sample(likelihood, 2000, D, 60, np.random.SeedSequence(5))
    assert np.abs((u.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / 2000)).max() < 4
    assert u.var(axis=0) / np.diag(covariance) == pytest.approx(np.ones(D), abs=0.15)


KILLED = """
import os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import test_matching as at

class Killed(at.Linear):
    def simulate(self, *arguments):
        if self.calls == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().simulate(*arguments)

it = Killed()
at.matched(it.simulate, it.away, it.facts, at.D, at.SMALL, early=at.EARLY, kept=at.Parts(Path(sys.argv[2]), {"a": 1}))
"""


def test_a_matching_that_was_killed_goes_on_to_the_same_worlds(linear: Linear, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.glob("*.kept"))
    whole = matched(linear.simulate, linear.away, linear.facts, D, SMALL, early=EARLY)
    linear.calls = 0
    again = matched(linear.simulate, linear.away, linear.facts, D, SMALL, early=EARLY, kept=Parts(tmp_path, {"a": 1}))
    assert linear.calls < 12
    assert np.array_equal(again.waves[-1].u, whole.waves[-1].u)
    assert np.array_equal(again.weight, whole.weight)


def test_intervals_hold_a_known_truth_as_often_as_they_say(found: Matching) -> None:
    each, coverage = truths(found, 20, 5, [f"p{j}" for j in range(D)])
    assert 0.85 < coverage["covered"].mean() < 0.95  # 400 cases, those of a truth correlated
    assert (each["ruled_out_by"] < 2).all()
    assert (each["misfit"] > 0.01).mean() > 0.9


def test_a_mechanism_is_removed_in_the_world_alone() -> None:
    chosen = patterns()
    arms = [arm for each in chosen for arm in each.question.arms]
    removed = [arm for each in without("climate", chosen) for arm in each.question.arms]
    assert not any(arm.mechanisms["climate"] for arm in removed)
    assert [arm.replace({"mechanisms.climate": False}) for arm in arms] == removed
    assert any(arm.mechanisms["climate"] for each in chosen for arm in each.question.arms)  # as it was
    wrong = pd.DataFrame({"removed": ["nothing", "climate", "climate"], "misfit": [0.5, 0.001, 0.4]})
    right = pd.DataFrame({"misfit": np.linspace(0.0, 1.0, 101)})
    assert noticed(wrong, right).to_dict() == {"nothing": 0.0, "climate": 0.5}


def test_facts_that_no_world_has_are_noticed(linear: Linear, found: Matching) -> None:
    value = linear.value + 6 * np.sqrt(np.diag(linear.facts)) * np.where(np.arange(P) % 2, 1, -1)
    u, _ = proposed(found, value, [1])
    assert misfit(found, value, u)["misfit"] < 0.01 < misfit(found, linear.value, found.waves[-1].u)["misfit"]
