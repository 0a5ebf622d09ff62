"""From accepted simulations to a posterior: local regression, weights, forests, reduction of summaries."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from valign.calibration.abc.posterior import Posterior, adjust, forest, regression, weighted_quantiles
from valign.calibration.abc.reduction import Reduction, scales
from valign.calibration.problem.priors import Prior
from valign.model.errors import InputError


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
    expected = np.clip(mean.params[0] + mean.resid * scale, u[near, 0].min(), u[near, 0].max())
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

    monkeypatch.setattr(
        "valign.calibration.abc.posterior.sklearn_ensemble", lambda: SimpleNamespace(RandomForestRegressor=Planted)
    )
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
