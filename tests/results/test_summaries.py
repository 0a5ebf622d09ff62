"""Summaries: means, intervals, quantiles and paired differences of runs in societies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from valign.results import summaries
from valign.results.vocabulary import label


def test_interval_is_the_t_interval() -> None:
    x = np.random.default_rng(1).normal(3, 2, 25)
    found = summaries.mean_interval(x)
    low, high = stats.t.interval(0.95, 24, x.mean(), stats.sem(x))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((x.mean(), low, high, 25))


def test_equal_clusters_give_the_t_interval_of_their_means() -> None:
    x = np.random.default_rng(2).normal(0, 1, (6, 5)) + np.arange(6)[:, None]
    found = summaries.mean_interval(x.ravel(), np.repeat(np.arange(6), 5))
    low, high = stats.t.interval(0.95, 5, x.mean(), stats.sem(x.mean(axis=1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_missing_values_are_left_out_and_few_values_give_no_interval() -> None:
    assert summaries.mean_interval([1.0, np.nan, 3.0]).mean == 2.0
    assert np.isnan(summaries.mean_interval([1.0]).low)
    assert summaries.mean_interval([np.nan]).n == 0


def test_intervals_cover_the_mean_of_nested_runs() -> None:
    rng = np.random.default_rng(3)
    societies = np.repeat(np.arange(8), 10)
    covered = 0
    for _ in range(600):
        found = summaries.mean_interval(rng.normal(0, 1, 8)[societies] + rng.normal(0, 1, 80), societies)
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / 600 <= 0.98


def test_never_counts_as_later_than_everything() -> None:
    times = np.array([10.0, 20.0, np.nan, np.nan, np.nan])
    assert summaries.quantiles(times, (0.05, 0.5, 0.95), never=True).tolist() == [10.0, np.inf, np.inf]
    assert label("time_to_50").write(np.inf) == "never"


@pytest.mark.parametrize("never", [False, True])
def test_of_no_values_there_are_no_quantiles(never: bool) -> None:
    found = summaries.quantiles(np.empty((4, 0)), (0.05, 0.5), never)
    assert found.shape == (2, 4)
    assert np.isnan(found).all()


def test_summary_of_times_gives_no_mean() -> None:
    runs = pd.DataFrame(
        {"run": range(4), "time_to_50": [12.0, 30.0, 31.0, np.nan], "uptake_final": [0.1, 0.2, 0.3, 0.4]}
    )
    table = summaries.summarise(runs, ["time_to_50", "uptake_final"]).set_index("outcome")
    assert np.isnan(table.loc["time_to_50", "mean"])
    assert table.loc["time_to_50", "median"] == 30.0
    assert table.loc["time_to_50", "happened"] == 0.75
    assert table.loc["uptake_final", "mean"] == pytest.approx(0.25)


def test_a_run_that_failed_is_not_one_in_which_nothing_happened() -> None:
    runs = pd.DataFrame(
        {"run": range(4), "status": ["ok", "ok", "ok", "cannot be reached"], "time_to_50": [10.0, 11.0, 12.0, np.nan]}
    )
    row = summaries.summarise(runs, ["time_to_50"]).iloc[0]
    assert (row["low"], row["median"], row["high"], row["happened"]) == (10.0, 11.0, 12.0, 1.0)


def test_intervals_of_shares_stay_shares() -> None:
    runs = pd.DataFrame({"run": range(3), "uptake_final": [0.9, 1.0, 1.0]})
    assert summaries.summarise(runs, ["uptake_final"]).loc[0, "mean_high"] == 1.0


def test_paired_differences_use_the_pairs() -> None:
    noise = np.random.default_rng(4).normal(0, 10, 30)
    runs = pd.concat(
        [
            pd.DataFrame({"level": 0.8, "run": np.arange(30), "uptake_final": noise + 0.2}).sample(
                frac=1, random_state=1
            ),
            pd.DataFrame({"level": 0.6, "run": np.arange(30), "uptake_final": noise}),
        ]
    )
    found = summaries.paired_differences(runs, ["uptake_final"], "level", 0.6).iloc[0]
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((0.2, 0.2, 0.2))


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_curve_summary_agrees_with_numpy(seed: int, runs: int) -> None:
    curves = np.random.default_rng(seed).random((5, runs))
    curves[2, 0] = np.nan
    table = summaries.curve_summary(curves)
    assert table["median"].to_numpy() == pytest.approx(np.nanmedian(curves, axis=1))
    assert table["mean"].to_numpy() == pytest.approx(np.nanmean(curves, axis=1))
    assert table["low"].to_numpy() == pytest.approx(np.nanquantile(curves, 0.05, axis=1))
    assert (table["low"] <= table["lower"]).all()
    assert (table["upper"] <= table["high"]).all()


def test_intervals_of_unequal_societies_are_those_of_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(5)
    clusters = rng.permutation(np.repeat([7, 3, 11, 5], [2, 9, 4, 6]))
    x = rng.normal(1, 2, 21) + clusters / 4
    for confidence in (0.95, 0.8):
        fit = api.OLS(x, np.ones(21)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
        for values, of in ((x, clusters), (np.r_[np.nan, x, np.nan], np.r_[3, clusters, 99])):
            found = summaries.mean_interval(values, of, confidence)
            assert (found.mean, found.n) == (pytest.approx(x.mean()), 21)
            assert (found.low, found.high) == pytest.approx(fit.conf_int(1 - confidence)[0])
    assert summaries.mean_interval(x, np.full(21, 4)) == summaries.mean_interval(x)  # of that society only


def test_curves_are_summarised_month_by_month() -> None:
    rng = np.random.default_rng(6)
    curves, societies = rng.normal(size=(4, 9)), np.array([1, 1, 2, 2, 2, 3, 3, 4, 4])
    curves[0, 3] = curves[2, 1:] = curves[3] = curves[:, 8] = np.nan
    for clusters in (societies, None):
        table = summaries.curve_summary(curves, clusters)
        assert table["month"].tolist() == [0, 1, 2, 3]
        for month, row in enumerate(curves):
            known = ~np.isnan(row)
            of = summaries.mean_interval(row[known], None if clusters is None else clusters[known])
            shares = np.full(5, np.nan) if month == 3 else np.quantile(row[known], (0.05, 0.25, 0.5, 0.75, 0.95))
            found = table.loc[month, ["mean", "mean_low", "mean_high", "low", "lower", "median", "upper", "high"]]
            np.testing.assert_allclose(found.to_numpy(float), [of.mean, of.low, of.high, *shares])
    both = summaries.curve_summaries(
        {("staff", "aware"): curves, ("peer", "aware"): curves[3:], ("service", "climate"): curves + 1}, societies
    )
    assert list(both)[:3] == ["role", "variable", "month"]
    assert both["role"].tolist() == ["staff"] * 4 + ["service"] * 4
    np.testing.assert_allclose(both["mean"][4:], both["mean"][:4] + 1)
    assert list(summaries.curve_summaries({("peer", "aware"): curves[3:]})) == ["role", "variable", "month"]
    assert summaries.curve_summary(curves[3:]).drop(columns="month").isna().all(axis=None)  # nobody has the role


def test_a_summary_of_every_outcome_and_group() -> None:
    rng = np.random.default_rng(7)
    runs = pd.DataFrame(
        {
            "level": np.repeat([0.8, 0.6], 10),
            "arm": ["a", "b"] * 10,
            "society_seed": np.repeat(np.arange(10), 2),
            "stopped": np.r_[0.0, 0.9, np.zeros(18)],
            "money_spent": rng.normal(0, 1, 20),
        }
    )
    runs.loc[3, "money_spent"] = np.nan
    table = summaries.summarise(runs, ["stopped", "money_spent"]).set_index("outcome")
    for outcome in ("stopped", "money_spent"):
        x = runs[outcome]
        of, row = summaries.mean_interval(x, runs["society_seed"]), table.loc[outcome]
        assert (row["n"], row["happened"], row["mean"]) == (of.n, of.n / 20, of.mean)
        assert row[["low", "median", "high"]].tolist() == pytest.approx(x.quantile([0.05, 0.5, 0.95]).tolist())
        assert row["mean_high"] == of.high
        assert row["mean_low"] == (0.0 if outcome == "stopped" else of.low)
        assert of.low < 0
    nothing = summaries.summarise(runs[:0].assign(time_to_50=1.0), ["stopped", "time_to_50"])
    assert nothing[["n", "happened"]].to_numpy().tolist() == [[0, 0], [0, 0]]
    assert nothing[["mean", "median", "high"]].isna().all(axis=None)
    by = summaries.summarise_by(runs, ["stopped", "money_spent"], ["level", "arm"])
    assert list(by)[:3] == ["level", "arm", "outcome"]
    groups = by[["level", "arm"]].drop_duplicates().to_numpy().tolist()
    assert groups == [[0.8, "a"], [0.8, "b"], [0.6, "a"], [0.6, "b"]]
    alone = summaries.summarise(runs[(runs["level"] == 0.6) & (runs["arm"] == "b")], ["stopped", "money_spent"])
    pd.testing.assert_frame_equal(by.iloc[6:, 2:].reset_index(drop=True), alone)
    assert summaries.summarise_by(runs, ["stopped"], "arm")["arm"].tolist() == ["a", "b"]


def paired(x: list[float], y: list[float], outcome: str = "money_spent") -> pd.Series:
    runs = pd.DataFrame({"arm": np.repeat(["x", "y"], len(x)), "run": [*range(len(x))] * 2, outcome: [*x, *y]})
    return summaries.paired_differences(runs, [outcome], "arm", "x").iloc[0]


def test_paired_differences_by_hand() -> None:
    """Differences 1, 0, 2, -1: SD 1.290994; variances of the arms 5/3 and 2; t(.975; 3) = 3.182446."""
    found = paired([1, 2, 3, 4, np.nan, 5], [2, 2, 5, 3, 9, np.nan])
    expected = {
        "n": 4,
        "difference": 0.5,
        "low": 0.5 - 2.0542603,
        "high": 0.5 + 2.0542603,
        "standardised": 0.5 / np.sqrt(11 / 6),
        "higher": 0.5,
        "higher_low": 0.0,
        "higher_high": 1.0,
        "variance_reduction": 2.2,
    }
    assert found[list(expected)].to_dict() == pytest.approx(expected, rel=1e-6)
    wide = paired([0.0] * 24, [1.0] * 12 + [-1.0] * 12)
    half = stats.t.ppf(0.975, 23) * np.sqrt(0.25 * 24 / 23 / 24)
    assert (wide["higher_low"], wide["higher_high"]) == pytest.approx((0.5 - half, 0.5 + half))
    later = paired([10, np.nan, 20, np.nan], [12, 15, np.nan, np.nan], "time_to_50")  # later, earlier, later, the same
    assert (later["n"], later["difference"], later["higher"]) == (1, 2, 0.5)
    assert np.isnan(later["standardised"])
    shift = paired([1, 2, 4], [1.5, 2.5, 4.5])
    assert shift["standardised"] == pytest.approx(0.5 / np.sqrt(7 / 3))
    assert np.isnan(shift["variance_reduction"])  # nothing is left of the variance
    assert np.isnan(paired([1, 1], [2, 2])["standardised"])


def test_all_against_the_base_in_the_order_of_the_table() -> None:
    runs = pd.DataFrame(
        {"arm": [*"ccbbaa"], "run": [0, 1] * 3, "stopped": [0.1, 0.2, 0.3, 0.5, 0.0, 0.0], "restarted": 0.0}
    )
    table = summaries.paired_differences(runs, ["stopped", "restarted"], "arm", "b")
    assert list(zip(table["arm"], table["outcome"], strict=True)) == [
        ("c", "stopped"),
        ("c", "restarted"),
        ("a", "stopped"),
        ("a", "restarted"),
    ]
    assert table["difference"].tolist() == pytest.approx([-0.25, 0, -0.4, 0])
    assert list(summaries.paired_differences(runs[2:4], ["stopped"], "arm", "b")) == list(table)


@pytest.mark.parametrize(("half_width", "confidence"), [(3.0, 0.95), (0.5, 0.95), (0.11, 0.95), (0.3, 0.8)])
def test_the_fewest_societies_that_reach_a_precision(half_width: float, confidence: float) -> None:
    rng = np.random.default_rng(8)
    means, sizes = rng.normal(0, 1, 6), 3
    gaps = (means[:, None] + np.array([-0.4, 0.1, 0.3])).ravel()
    sd, share = means.std(ddof=1), 0.5 + confidence / 2
    fewest = next(k for k in range(2, 10_000) if stats.t.ppf(share, k - 1) * sd / np.sqrt(k) <= half_width)
    expected = {"runs": sizes * fewest, "societies": fewest, "reached": stats.t.ppf(share, 5) * sd / np.sqrt(6)}
    clusters = np.repeat(np.arange(6), sizes)
    assert summaries.runs_needed(gaps, clusters, half_width, confidence) == pytest.approx(expected)
    missing = summaries.runs_needed(np.r_[gaps, np.nan], np.r_[clusters, 6], half_width, confidence)
    assert missing == pytest.approx(expected)
    two = summaries.runs_needed(gaps[:5], clusters[:5], half_width)
    assert two["runs"] == np.ceil(2.5 * two["societies"])
    for one in (gaps[:3], gaps[:1]):
        assert np.isnan(list(summaries.runs_needed(one, clusters[: len(one)], half_width).values())).all()
    assert summaries.runs_needed(np.zeros(4), np.arange(4), half_width) == {"runs": 2, "societies": 2, "reached": 0}
