"""Approximate Bayesian computation: a known posterior, budgets, interruptions, failures, priors."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import truncnorm

from valign.calibration.abc.kernel import Kernel, log_prior
from valign.calibration.abc.posterior import estimate, forest, regression
from valign.calibration.abc.smc import ess, one_blas_thread, smc
from valign.calibration.problem.priors import Prior
from valign.calibration.rivals.exact_check import exact_fit
from valign.model.errors import InputError
from valign.results.checkpoint import Parts

PRIOR = Prior.of({"a": (-4.0, 4.0), "b": (-4.0, 4.0)})

OBSERVED = np.array([1.2, -0.5, 0.0])

SD = np.array([0.5, 1.0])


def gaussian(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Two means seen with noise, and a summary that says nothing."""
    noise = np.array([np.random.default_rng(int(seed)).standard_normal(3) for seed in seeds]).reshape(-1, 3)
    return np.column_stack([theta + SD * noise[:, :2], 5.0 * noise[:, 2]])


def known(k: int):
    """The posterior: a normal cut at the ends of the prior."""
    low, high = ((end - OBSERVED[k]) / SD[k] for end in (-4.0, 4.0))
    return truncnorm(low, high, OBSERVED[k], SD[k])


@pytest.fixture(scope="module")
def result():
    return smc(gaussian, PRIOR, OBSERVED, particles=1000, simulations=30_000, seed=3)


def test_the_known_posterior_is_found(result) -> None:
    for name, found in estimate(result).items():
        assert found.method == name
        table = found.summary().set_index("parameter")
        for k, parameter in enumerate(PRIOR.names):
            truth, row = known(k), table.loc[parameter]
            # a forest has fewer effective draws; plain SMC keeps its tolerance in the spread
            off, wide = {"regression": (0.1, 1.1), "forest": (0.25, 1.4), "smc": (0.3, 1.6)}[name]
            assert abs(row["mean"] - truth.mean()) < off * truth.std(), (name, parameter)
            width, expected = row["q95"] - row["q05"], truth.ppf(0.95) - truth.ppf(0.05)
            assert 0.9 < width / expected < wide, (name, parameter, width / expected)
            assert row["informed"]
    with pytest.raises(InputError, match="regression, forest, smc"):
        estimate(result, ("forrest",))


def test_generations_report_and_the_budget_is_kept(result) -> None:
    report = result.report()
    assert report["simulations"].sum() == 30_000
    assert (report.loc[report["complete"], "accepted"] == 1000).all()
    assert report["epsilon"].iloc[-1] < 0.5 * report["epsilon"].iloc[0]
    assert report.loc[report["complete"], "ess"].min() > 300
    assert report["failed"].sum() == 0


def test_the_weights_of_the_table_give_back_the_prior(result) -> None:
    u, _ = result.table()
    log = result.log_weight(u)
    share = np.exp(log - log.max())
    share /= share.sum()
    assert ess(share) > 2000
    assert np.allclose(share @ u, 0, atol=0.06)
    assert np.allclose(share @ u**2, 1, atol=0.1)


def test_threads_and_interruptions_change_nothing(tmp_path) -> None:
    def ask(folder=None, simulate=gaussian):
        return smc(simulate, PRIOR, OBSERVED, particles=200, simulations=6000, seed=5, batch=500, folder=folder)

    def in_parts(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        cuts = [0, 7, 100, len(theta)]
        return np.concatenate([gaussian(theta[a:b], seeds[a:b]) for a, b in pairwise(cuts)])

    calls = 0

    def breaks(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return gaussian(theta, seeds)

    whole = ask()
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, breaks)
    assert (tmp_path / "generation-000.kept").exists()
    calls = 100
    for other in (ask(tmp_path, breaks), ask(None, in_parts)):
        for one, two in zip(whole.generations, other.generations, strict=True):
            np.testing.assert_array_equal(one.u, two.u)
            np.testing.assert_array_equal(one.summaries, two.summaries)
            np.testing.assert_array_equal(one.weight, two.weight)
    before = calls
    ask(tmp_path, breaks)
    assert calls == before  # finished: nothing is simulated again
    with pytest.raises(InputError, match=r"another calibration.*seed"):
        smc(gaussian, PRIOR, OBSERVED, particles=200, simulations=6000, seed=6, batch=500, folder=tmp_path)


def test_a_larger_budget_goes_on_from_a_smaller_one(tmp_path) -> None:
    """Whole generations and the batches of the one cut short are read; the numbers are those of one go."""
    simulated = 0

    def counted(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        nonlocal simulated
        simulated += len(theta)
        return gaussian(theta, seeds)

    def ask(budget: int, folder=None, **steps):
        return smc(counted, PRIOR, OBSERVED, particles=200, simulations=budget, seed=5, folder=folder, **steps)

    small = ask(2700, tmp_path)  # steps of 270 and 256, kept as they were begun
    assert (tmp_path / "cut-short.kept").exists()
    for budget in (3500, 6000):
        before = simulated
        grown = ask(budget, tmp_path)
        lost = 256  # a batch that the smaller budget made shorter is made again
        assert simulated - before <= budget - small.simulated + lost
        whole = ask(budget, first=400, batch=256)
        assert grown.simulated == whole.simulated == budget
        for one, two in zip(whole.generations, grown.generations, strict=True):
            np.testing.assert_array_equal(one.u, two.u)
            np.testing.assert_array_equal(one.weight, two.weight)
        small = grown
    before = simulated
    ask(6000, tmp_path)
    assert simulated == before


def test_the_first_acceptances_in_the_order_of_proposals_are_kept() -> None:
    from valign.calibration.abc.smc import distance

    result = smc(gaussian, PRIOR, OBSERVED, particles=200, simulations=6000, seed=5, batch=500)
    made = result.generations[1]
    within = np.flatnonzero(distance(made.summaries, OBSERVED, made.scale) <= made.epsilon)
    np.testing.assert_array_equal(np.flatnonzero(made.accepted), within[:200])


def test_failed_runs_are_never_accepted_and_counted() -> None:
    def fails(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        s = gaussian(theta, seeds)
        s[theta[:, 0] > 1.2] = np.nan
        return s

    result = smc(fails, PRIOR, OBSERVED, particles=300, simulations=5000, seed=1)
    u, *_ = result.particles()
    assert PRIOR.theta(u)[:, 0].max() <= 1.2
    assert result.report()["failed"].sum() > 0
    with pytest.raises(InputError, match="all runs failed"):
        smc(lambda t, _: np.full((len(t), 3), np.nan), PRIOR, OBSERVED, particles=10, simulations=100)


def test_too_small_an_effective_sample_is_a_result_with_a_warning() -> None:
    few = smc(gaussian, PRIOR, OBSERVED, particles=60, simulations=2000, seed=1)
    made = estimate(few, ("smc",))["smc"]
    assert not made.reliable
    assert "under 100" in made.warnings()[0]
    short = smc(gaussian, PRIOR, OBSERVED, particles=200, simulations=450, seed=1)
    assert "450 simulations ended before a second generation was complete" in short.particles()[2]
    assert not estimate(short, ("smc",))["smc"].reliable


def test_kernel_density_is_that_of_its_mixture() -> None:
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    centre, weight = rng.standard_normal((30, 3)), rng.random(30)
    kernel = Kernel.local(centre, weight, np.arange(30) < 20)
    points = rng.standard_normal((10, 3))
    expected = sum(
        w * multivariate_normal(c, f @ f.T).pdf(points)
        for w, c, f in zip(kernel.weight, kernel.centre, kernel.factor, strict=True)
    )
    np.testing.assert_allclose(np.exp(kernel.log_density(points)), expected, rtol=1e-9)
    assert np.exp(log_prior(np.zeros((1, 2))))[0] == pytest.approx(1 / (2 * np.pi))


def test_a_parameter_that_the_data_do_not_touch_is_said_to_be_uninformed() -> None:
    prior = Prior.of({"a": (-4.0, 4.0), "idle": (0.0, 1.0)})
    rng = np.random.default_rng(2)
    u = rng.standard_normal((20_000, 2))
    theta = prior.theta(u)
    s = np.column_stack([theta[:, 0] + 0.5 * rng.standard_normal(len(u)), rng.standard_normal(len(u))])
    for found in (regression(u, s, np.array([1.0, 0.0]), prior), forest(u, s, np.array([1.0, 0.0]), prior)):
        table = found.summary().set_index("parameter")
        assert table.loc["a", "informed"]
        assert not table.loc["idle", "informed"]
        assert abs(table.loc["idle", "mean"] - 0.5) < 0.05


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"simulations": 100}, "simulations = 100: at least 400 are needed for 200 particles"),
        ({"first": 50}, "at least 200 are needed for 200 particles"),
        ({"observed": np.array([1.2, np.nan, 0.0])}, "the observed summaries are not all finite"),
    ],
)
def test_wrong_budgets_and_observations(how, words) -> None:
    observed = how.pop("observed", OBSERVED)
    with pytest.raises(InputError, match=words):
        smc(gaussian, PRIOR, observed, **{"particles": 200, "simulations": 2000, **how})


def test_too_many_failures_from_the_prior_are_said() -> None:
    def mostly_fails(theta: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return np.where(theta[:, :1] > 3.9, gaussian(theta, seeds), np.nan)

    with pytest.raises(InputError, match=r"only \d+ of 2000 runs from the prior succeeded: 1000 are needed"):
        smc(mostly_fails, PRIOR, OBSERVED, particles=1000, simulations=5000)


def test_points_of_the_prior_come_back() -> None:
    theta = np.array([[-4.0, 4.0], [0.3, -2.0]])
    np.testing.assert_allclose(PRIOR.theta(PRIOR.u(theta)), theta, atol=1e-9)


def test_a_missing_library_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(InputError, match=r"scikit-learn is not installed.*valign\[calibration\]"):
        forest(np.zeros((9, 2)), np.zeros((9, 3)), OBSERVED, PRIOR)
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    with pytest.raises(InputError, match=r"statsmodels is not installed.*valign\[calibration\]"):
        exact_fit(pd.DataFrame(), PRIOR)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with one_blas_thread():  # does without
        assert np.eye(2).sum() == 2


def test_parts_that_cannot_be_kept_say_where(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        Parts(tmp_path / "file", {}, refused=lambda text: InputError([text]))
    kept = Parts(tmp_path / "kept", {}, refused=lambda text: InputError([text]))
    kept.write_arrays("part", {"x": np.zeros(2)})
    shutil.rmtree(tmp_path / "kept")
    with pytest.raises(InputError, match=r"kept: No such file"):
        kept.write_arrays("part", {"x": np.zeros(2)})


@pytest.mark.parametrize(
    ("bounds", "words"),
    [({}, "0 free parameters"), ({f"p{n}": (0, 1) for n in range(9)}, "1 to 8"), ({"a": (1.0, 1.0)}, "is empty")],
)
def test_wrong_priors(bounds, words) -> None:
    with pytest.raises(InputError, match=words):
        Prior.of(bounds)


def test_whole_numbers_are_rounded() -> None:
    prior = Prior.of({"months": (3.0, 12.0)}, integer=["months"])
    theta = prior.theta(np.random.default_rng(1).standard_normal((200, 1)))
    assert (theta % 1 == 0).all()
    assert theta.min() >= 3
    assert theta.max() <= 12
