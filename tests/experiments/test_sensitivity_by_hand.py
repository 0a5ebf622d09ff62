"""Sensitivity statistics once more by hand: the bootstrap, shares of the variance, intervals, tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sensitivity_cases import ISHIGAMI, inside

from valign.experiments.sensitivity import REST, Factor, Sample, study, with_extras
from valign.experiments.sensitivity.indices import resampling, sobol, table_of, variance_shares


# --- SALib ------------------------------------------------------------------------------------------------------------
def test_the_bootstrap_repeats_row_blocks():
    """Standard deviations of indices over resamples, once more with the row-blocks repeated as often as drawn."""
    y = np.random.default_rng(2).normal(size=(40, 8, 3)).cumsum(axis=1)
    y[:, :, 1] = 4.0
    found = sobol(y, 3, second_order=True, resamples=30, seed=6)
    drawn = resampling(40, 30, 6)
    assert (drawn.sum(axis=1) == 40).all()
    for k in (0, 2):
        z = (y[:, :, k] - y[:, :, k].mean()) / y[:, :, k].std()
        again = []
        for times in drawn.astype(int):
            a, ab, ba, b = np.split(np.repeat(z, times, axis=0), [1, 4, 7], axis=1)
            variance = np.var(np.r_[a, b])
            first, total = (b * (ab - a)).mean(axis=0) / variance, ((a - ab) ** 2).mean(axis=0) / 2 / variance
            pairs = [
                [(ba[:, i] * ab[:, j] - (a * b)[:, 0]).mean() / variance - first[i] - first[j] for j in range(3)]
                for i in range(3)
            ]
            again.append(np.r_[first, total, np.ravel(pairs)])
        sd = np.std(again, axis=0, ddof=1)
        np.testing.assert_allclose(found.first_sd[k], sd[:3])
        np.testing.assert_allclose(found.total_sd[k], sd[3:6])
        upper = np.triu_indices(3, 1)
        np.testing.assert_allclose(found.second_sd[k][upper], sd[6:].reshape(3, 3)[upper])
        assert np.isnan(found.second_sd[k][np.tril_indices(3)]).all()
        if k == 0:
            np.testing.assert_allclose(found.resampled, np.array(again)[:, 3:6])
    for values in (found.first, found.first_sd, found.total, found.total_sd, found.second, found.second_sd):
        assert np.isnan(values[1]).all()  # what does not vary has no indices
    assert sobol(y, 6, resamples=30).second is None
    lost = y.copy()
    lost[3, 0, 0] = np.nan
    assert np.isnan(sobol(lost, 3, True, 30).first[0]).all()


@pytest.mark.parametrize(("common", "seed_factor"), [(True, False), (False, False), (True, True)])
def test_shares_of_the_variance_by_hand(common, seed_factor):
    """Variances and products once more, plainly; intervals from row-blocks repeated as often as drawn."""
    y = np.random.default_rng(3).normal(size=(30, 5, 3)) + np.random.default_rng(4).normal(size=(30, 1, 1))
    sample = Sample("sobol", with_extras(ISHIGAMI, seed_factor=seed_factor), 32, common=common, replicates=3)

    def shares(y):
        a, b = y[:, 0], y[:, -1]
        mean = np.r_[a, b].mean(axis=1)
        noise, variance = np.r_[a, b].var(axis=1, ddof=1).mean(), mean.var()
        if common and not seed_factor:  # other seeds too: replicates of different numbers
            products = np.mean(
                [[x[i] * z[j] for i in range(3) for j in range(3) if i != j] for x, z in zip(a, b, strict=True)]
            )
        else:
            products = (a.mean(axis=1) * b.mean(axis=1)).mean()
        return np.array(
            [
                variance,
                noise / 3 / variance,
                (products - mean.mean() ** 2) / variance,
                min(1, noise / (variance + noise * 2 / 3)),
            ]
        )

    found, plain = variance_shares(y, sample, 50), shares(y)
    again = np.array([shares(np.repeat(y, times, axis=0)) for times in resampling(30, 50).astype(int)])
    half = 1.959964 * again.std(axis=0, ddof=1)
    assert found["variance"] == pytest.approx(plain[0])
    for name, value, width in zip(("replicates", "societies", "single_run"), plain[1:], half[1:], strict=True):
        assert found[name] == pytest.approx(value)
        assert found[f"{name}_low"] == pytest.approx(max(0, value - width))
        assert found[f"{name}_high"] == pytest.approx(value + width)


def test_shares_of_the_variance_without_replicates_or_pairs():
    y = np.random.default_rng(5).normal(size=(30, 5, 1))
    problem = with_extras(ISHIGAMI)
    one = variance_shares(y, Sample("sobol", problem, 32))
    assert np.isnan([one[name] for name in ("replicates", "societies", "single_run")]).all()
    fresh = variance_shares(y, Sample("sobol", problem, 32, common=False))
    a, b = y[:, 0, 0], y[:, -1, 0]
    assert fresh["societies"] == pytest.approx(((a * b).mean() - np.r_[a, b].mean() ** 2) / np.r_[a, b].var())
    other = np.add(np.repeat(y, 2, axis=2), [0.0, 1.0])  # two replicates, of variance 1/2 within rows
    found = variance_shares(other, Sample("morris", problem, 30, replicates=2))
    assert np.isnan(found["societies"])
    assert found["variance"] == pytest.approx(y.var())
    assert found["replicates"] == pytest.approx(0.25 / y.var())
    assert found["single_run"] == pytest.approx(0.5 / (y.var() + 0.25))
    apart = variance_shares(
        np.tile([[[0.0, 9.0]]], (8, 2, 1)) + np.arange(8)[:, None, None] / 1e3,
        Sample("morris", problem, 8, replicates=2),
    )
    assert apart["single_run"] == 1.0  # never more


def test_rows_of_a_table_of_indices():
    table = table_of(["a", "b"], "ST", [0.3, 0.1], [0.1, 0.2], 0.0)
    assert list(table) == ["factor", "index", "value", "low", "high"]
    assert table.to_numpy().tolist() == [
        ["a", "ST", 0.3, pytest.approx(0.2), 0.4],
        ["b", "ST", 0.1, 0.0, pytest.approx(0.3)],
    ]
    assert table_of(["b"], "S1", [0.1], [0.2])["low"].tolist() == [-0.1]
    assert table_of(["b"], "S1", [0.1])[["low", "high"]].isna().all(axis=None)


def test_both_halves_of_many_factors_are_independent():
    """In a plain Sobol' sequence of 300 dimensions the two coordinates of some factors go together."""
    from scipy.stats import qmc

    D, n = 150, 256
    base = Sample("sobol", with_extras([Factor(f"x{k}", f"x{k}") for k in range(D - 1)]), n).base
    plain = qmc.Sobol(2 * D, scramble=True, rng=np.random.default_rng(1)).random(n)
    distance, without = (6 * ((x[:, :D] - x[:, D:]) ** 2).mean(axis=0) for x in (base, plain))
    error = np.sqrt(7 / 5 / n)  # of independent numbers, of which 1 is expected
    assert np.abs(distance - 1).max() < 4.5 * error
    assert np.abs(without - 1).max() > 6 * error
    for half in (base[:, :D], base[:, D:]):
        assert all(len(np.unique(np.floor(column * n))) == n for column in half.T)  # still one point in each of n parts


def test_intervals_hold_for_many_factors():
    weights = np.r_[np.linspace(2, 0.3, 24), np.full(126, 0.25)]
    names = [f"x{k}" for k in range(150)]
    problem = with_extras([Factor(name, name if k < 24 else REST) for k, name in enumerate(names)])
    known = np.r_[weights[:24] ** 2, (weights[24:] ** 2).sum()] / (weights**2).sum()
    held = []
    for seed in range(20):
        found = study(problem, lambda d: pd.DataFrame({"y": (d[names] * weights).sum(axis=1)}), n=128, seed=seed)
        held.append([inside(found.indices, index, known) for index in ("S1", "ST")])
    print(np.mean(held, axis=(0, 2)))
    assert (np.mean(held, axis=(0, 2)) >= 0.93).all()


# --- how settled ------------------------------------------------------------------------------------------------------
def test_constant_outcomes_have_no_indices():
    found = study(with_extras(ISHIGAMI), lambda d: pd.DataFrame({"y": np.ones(len(d))}), n=32)
    assert found.indices["value"].isna().all()
    assert "nothing varies" in found.words
    assert np.isnan(variance_shares(np.ones((32, 2, 3)), found.sample)["replicates"])
