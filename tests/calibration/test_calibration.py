"""Sequential ABC and the estimators, on a toy whose posterior is known."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import truncnorm

from valign.calibration.abc import posterior as estimators
from valign.calibration.rivals import exact_check as hazard
from valign.calibration.abc.posterior import Posterior, adjust, estimate, forest, regression, weighted_quantiles
from valign.calibration.keeping import Kept
from valign.calibration.problem.priors import Prior
from valign.calibration.abc.reduction import Reduction, scales
from valign.calibration.abc.smc import Kernel, ess, log_prior, one_blas_thread, smc
from valign.model.errors import InputError

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
    assert (tmp_path / "generation-000.npz").exists()
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
    u, _ = result.particles()
    assert PRIOR.theta(u)[:, 0].max() <= 1.2
    assert result.report()["failed"].sum() > 0
    with pytest.raises(InputError, match="all runs failed"):
        smc(lambda t, _: np.full((len(t), 3), np.nan), PRIOR, OBSERVED, particles=10, simulations=100)


def test_too_small_an_effective_sample_is_not_summarised() -> None:
    few = smc(gaussian, PRIOR, OBSERVED, particles=60, simulations=2000, seed=1)
    with pytest.raises(InputError, match="of 60 particles: under 100 no result is reported"):
        few.particles()
    short = smc(gaussian, PRIOR, OBSERVED, particles=200, simulations=450, seed=1)
    with pytest.raises(InputError, match="450 simulations ended before a second generation was complete"):
        short.particles()
    with pytest.raises(InputError, match="under 100"):
        Posterior("x", PRIOR, np.zeros((50, 2)), np.full(50, 0.02)).summary()


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
        hazard.exact_fit(pd.DataFrame(), PRIOR)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with one_blas_thread():  # does without
        assert np.eye(2).sum() == 2


def test_parts_that_cannot_be_kept_say_where(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        Kept(tmp_path / "file", {})
    kept = Kept(tmp_path / "kept", {})
    shutil.rmtree(tmp_path / "kept")
    with pytest.raises(InputError, match=r"kept: No such file"):
        kept.write("part", {"x": np.zeros(2)})


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


def test_local_regression_weighs_by_distance_and_carries_to_the_target():
    """Beaumont et al. 2002: Epanechnikov weights of the distance; exact where parameters are linear in summaries."""
    rng = np.random.default_rng(5)
    reduced, unit, target = rng.normal(2.0, 1.0, (400, 2)), np.array([1.0, 3.0]), np.array([1.5, 2.5])
    u = reduced @ np.array([[0.7], [-0.2]]) + 0.3
    points, weights = adjust(u, reduced, target, unit, None, 60)
    np.testing.assert_allclose(points, target @ np.array([0.7, -0.2]) + 0.3, atol=1e-4)
    away = np.sort(np.sqrt((((reduced - target) / unit) ** 2).sum(axis=1)))[:60]
    expected = np.maximum(1 - (away / away[-1]) ** 2, 1e-12)
    np.testing.assert_allclose(np.sort(weights), np.sort(expected / expected.sum()), rtol=1e-9, atol=1e-15)
    _, tilted = adjust(u, reduced, target, unit, np.log(np.arange(1.0, 401.0)), 60)
    assert not np.allclose(tilted, weights)


def test_local_regression_is_weighted_least_squares():
    """Mean and log-variance where they change with the summaries, against statsmodels."""
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(6)
    reduced, target, unit = rng.normal(size=(300, 2)), np.array([0.3, -0.2]), np.array([1.0, 2.0])
    u = (reduced @ [0.5, -1.0] + np.exp(reduced[:, 0]) * rng.normal(size=300))[:, None]
    log_weight = rng.normal(size=300)
    points, weights = adjust(u, reduced, target, unit, log_weight, 100)
    away = np.sqrt((((reduced - target) / unit) ** 2).sum(axis=1))
    near = np.argsort(away)[:100]
    kernel = (1 - (away[near] / away[near].max()) ** 2) * np.exp(log_weight[near])
    x = api.add_constant(reduced[near] - target)
    mean = api.WLS(u[near, 0], x, kernel).fit()
    spread = api.WLS(np.log(mean.resid**2), x, kernel).fit()
    scale = np.exp(np.clip((spread.params[0] - spread.fittedvalues) / 2, -2, 2))
    expected = mean.params[0] + mean.resid * scale
    order = np.lexsort((points[:, 0],)), np.lexsort((expected,))
    np.testing.assert_allclose(points[order[0], 0], expected[order[1]], rtol=1e-6)
    np.testing.assert_allclose(weights[order[0]], (kernel / kernel.sum())[order[1]], rtol=1e-6, atol=1e-12)
    # a summary that says nothing at all: every simulation is as near, and counts alike but for its weight
    flat, even = adjust(u, np.zeros((300, 1)), np.zeros(1), np.ones(1), None, 500)
    assert len(flat) == 300
    np.testing.assert_allclose(even, 1 / 300)


def test_summary_of_weighted_points_by_hand():
    """Four groups of fifty points at u = -1, 0, 1, 2 with weights .1, .2, .3, .4; the prior is uniform from 0 to 10."""
    from scipy.stats import norm

    u, share = np.repeat([-1.0, 0.0, 1.0, 2.0], 50), np.repeat([0.1, 0.2, 0.3, 0.4], 50) / 50
    prior = Prior.of({"a": (0.0, 10.0), "b": (0.0, 1.0)})
    posterior = Posterior("by hand", prior, np.column_stack([u, np.tile([-0.84, 0.84], 100)]), share)
    assert posterior.ess == pytest.approx(1 / (50 * ((np.array([0.1, 0.2, 0.3, 0.4]) / 50) ** 2).sum()))
    row = posterior.summary().iloc[0]
    theta = 10 * norm.cdf(u)
    mean = (share * theta).sum()
    expected = {
        "mean": mean,
        "sd": np.sqrt((share * (theta - mean) ** 2).sum()),
        "contraction": 0.0,
        "prior_low": 0.0,
        "prior_high": 10.0,
        "ess": posterior.ess,
    }  # 1 less the variance of u, which is 1
    assert row[list(expected)].to_dict() == pytest.approx(expected, abs=1e-9)
    middles = np.cumsum(share) - share / 2
    cuts = [row[f"q{q}"] for q in ("05", "25", "50", "75", "95")]
    assert cuts == pytest.approx(np.interp([0.05, 0.25, 0.5, 0.75, 0.95], middles, theta))
    assert posterior.summary()["informed"].tolist() == [False, False]  # contractions 0 and 1 - .84^2 = .29
    narrow = Posterior("by hand", prior, np.column_stack([u, np.tile([-0.83, 0.83], 100)]), share).summary()
    assert narrow["informed"].tolist() == [False, True]
    draws = posterior.draws(20_000)
    assert list(draws) == ["a", "b"]
    assert draws["a"].mean() == pytest.approx(mean, abs=0.1)
    assert draws.equals(posterior.draws(20_000, 1))


def test_weighted_quantiles_by_hand():
    shares = (0.0, 0.125, 0.25, 0.375, 0.75, 1.0)
    found = weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([2.0, 1.0, 1.0]), shares)
    assert found.tolist() == pytest.approx([1, 1, 1.5, 2, 3, 3])  # midpoints at 1/8, 3/8 and 3/4


@pytest.mark.parametrize(("table", "used"), [(600, 500), (12_000, 800), (45_000, 2000)])
def test_how_many_simulations_the_regression_uses(table: int, used: int):
    rng = np.random.default_rng(7)
    u = rng.standard_normal((table, 1))
    s = u + 0.5 * rng.standard_normal((table, 1))
    prior = Prior.of({"a": (-4.0, 4.0)})
    found = regression(u, s, np.array([1.0]), prior)
    assert len(found.u) == used
    assert found.weight @ found.u[:, 0] == pytest.approx(0.8, abs=0.12)  # 1 / 1.25
    tilted = regression(u, s, np.array([1.0]), prior, lambda points: 3 * points[:, 0])
    assert tilted.weight @ tilted.u[:, 0] > found.weight @ found.u[:, 0]
    far = regression(u, s, np.array([1e3]), prior)  # what no simulation gives is fitted to the nearest of them
    assert 1 < far.weight @ far.u[:, 0] < 5


def test_a_point_weighs_what_it_shares_of_the_leaves_of_the_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meinshausen 2006 (JMLR 7): in each tree the points in the observation's leaf share a weight of 1."""
    leaves = np.array([[1, 1], [1, 2], [2, 2], [2, 2]])  # four points, two trees; the observation: leaf 1

    class Planted:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def fit(self, *_: object) -> None:
            pass

        def apply(self, z: np.ndarray) -> np.ndarray:
            return np.ones((1, 2), int) if len(z) == 1 else leaves

    monkeypatch.setattr(estimators, "sklearn_ensemble", lambda: SimpleNamespace(RandomForestRegressor=Planted))
    u, s = np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([[0.0], [1.0], [2.0], [3.0]])
    prior = Prior.of({"a": (-4.0, 4.0)})
    found = forest(u, s, np.array([0.0]), prior)
    np.testing.assert_allclose(found.weight, [0.75, 0.25])  # (1/2 + 1)/2 and (1/2 + 0)/2
    doubled = forest(u, s, np.array([0.0]), prior, lambda points: np.log(np.where(points[:, 0] == 0.2, 2.0, 1.0)))
    np.testing.assert_allclose(doubled.weight, [2 / 3, 1 / 3])  # (1/3 + 1)/2 and (2/3 + 0)/2


def test_forests_use_the_nearest_simulations_and_their_weights():
    rng = np.random.default_rng(8)
    u = rng.standard_normal((4000, 1))
    s = np.column_stack([u[:, 0] + 0.3 * rng.standard_normal(4000), np.zeros(4000)])
    prior = Prior.of({"a": (-4.0, 4.0)})
    plain = forest(u, s, np.array([0.5, 0.0]), prior)
    assert plain.weight.sum() == pytest.approx(1)
    assert (plain.weight > 0).all()
    near = forest(u, s, np.array([0.5, 0.0]), prior, rows=300)
    kept = np.argsort(np.abs(s[:, 0] - 0.5))[:300]
    assert set(near.u[:, 0]) <= set(u[kept, 0])
    assert len(near.u) > 30
    even = forest(u, s, np.array([0.5, 0.0]), prior, lambda points: np.full(len(points), 7.0))
    np.testing.assert_allclose(even.weight, plain.weight, rtol=1e-12)
    cut = forest(u, s, np.array([0.5, 0.0]), prior, lambda points: np.where(points[:, 0] > 0.5, 0.0, -60.0))
    assert cut.weight[cut.u[:, 0] <= 0.5].sum() < 1e-12
    assert cut.weight @ cut.u[:, 0] > 0.5


# --- what summaries are reduced to ------------------------------------------------------------------------------------
def test_scales_of_summaries():
    columns = np.column_stack([[1.0, 2, 3, 4, 10], [0, 0, 0, 0, 5], [7, 7, 7, 7, 7], [1e6, 1e6, 1e6, 1e6, 1e6 + 1e-7]])
    assert scales(columns) == pytest.approx([1, 2, np.inf, np.inf])  # median deviation; else the standard deviation
    assert scales(np.r_[columns, [[np.nan, 1, 1, 1]]]) == pytest.approx([1, 2, np.inf, np.inf])
    tiny = 1e-12 * np.column_stack([[-1.5, -1.5, 0, 1.5, 1.5], [-0.5, -0.5, 0, 0.5, 0.5]])
    assert scales(tiny) == pytest.approx([1.5e-12, np.inf], abs=0)  # of numbers about 0, less than 1e-12 is rounding
    with pytest.raises(InputError, match="all runs failed"):
        scales(columns * np.nan)


def test_reduction_is_a_regression_on_summaries_and_their_squares():
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(9)
    s = rng.normal(3, 2, (500, 2))
    z = (s - np.median(s, axis=0)) / scales(s)
    u = np.column_stack([z[:, 0] + 0.3 * z[:, 1] * np.abs(z[:, 1]), z[:, 1]]) + 0.5 * rng.normal(size=(500, 2))
    found, x = Reduction(u, s), np.column_stack([np.ones(500), z, z * np.abs(z)])
    fits = [api.OLS(u[:, k], x).fit() for k in range(2)]
    np.testing.assert_allclose(found.coefficients, np.column_stack([fit.params for fit in fits]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.unit, [fit.resid.std() for fit in fits], rtol=1e-6)
    np.testing.assert_allclose(found(s[:5]), x[:5] @ found.coefficients, rtol=1e-9)
    beyond = np.array([[s[:, 0].max() + 9, s[:, 1].min() - 9], [s[:, 0].max(), s[:, 1].min()]])
    np.testing.assert_array_equal(found(beyond[0]), found(beyond[1:]))
    both = found + Reduction(u[:100], s[:100])
    assert both(s[:3]).shape == (3, 4)
    np.testing.assert_array_equal(both(s[:3])[:, :2], found(s[:3]))
    np.testing.assert_array_equal(both.unit[:2], found.unit)
    assert Reduction(np.zeros((500, 1)), s).unit == [1e-12]  # nothing is left open
    s[:2] = np.median(s, axis=0) + [[99, -99], [-99, 99]] * scales(s)
    np.testing.assert_allclose(Reduction(u, s).reach, [[-20, -20], [20, 20]])
