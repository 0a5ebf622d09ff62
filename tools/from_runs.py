"""Summaries and paired differences from the runs alone, written anew: what stored tables are held against."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from valign.results.vocabulary import label


def clustered(x: np.ndarray, cluster: np.ndarray) -> tuple[float, float, float]:
    """Mean of values and its 95 % interval, those of a cluster being alike."""
    there = ~np.isnan(x)
    x, cluster = x[there], cluster[there]
    mean, kinds = (x.mean() if len(x) else np.nan), np.unique(cluster)
    if len(kinds) < 2:
        cluster, kinds = np.arange(len(x)), np.arange(len(x))
    k = len(kinds)
    if k < 2:
        return mean, np.nan, np.nan
    sums = np.array([(x[cluster == each] - mean).sum() for each in kinds])
    half = stats.t.ppf(0.975, k - 1) * np.sqrt(k / (k - 1) * (sums**2).sum()) / len(x)
    return mean, mean - half, mean + half


def summed_up(runs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean with interval, median and band of every outcome, by group, from the runs alone."""
    good, rows = runs[runs["status"] == "ok"], []
    outcomes = [name for name in list(runs)[runs.columns.get_loc("status") + 1 :] if runs[name].dtype.kind == "f"]
    for values, part in good.groupby(by, sort=False) if by else [((), good)]:
        alike = part["world" if "world" in part else "society_seed"].to_numpy()
        for outcome in outcomes:
            x, never = part[outcome].to_numpy(float), label(outcome).never
            mean, low, high = (np.nan,) * 3 if never else clustered(x, alike)
            if label(outcome).kind == "share":
                low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
            found = np.where(np.isnan(x), np.inf, x) if never else x[~np.isnan(x)]
            method = "inverted_cdf" if never else "linear"
            band = np.quantile(found, (0.5, 0.05, 0.95), method=method) if len(found) else np.full(3, np.nan)
            rows.append([*values, outcome, mean, low, high, *band])
    return pd.DataFrame(rows, columns=[*by, "outcome", "mean", "mean_low", "mean_high", "median", "low", "high"])


def pairs(runs: pd.DataFrame, by: str, base: object, outcomes: list[str]) -> pd.DataFrame:
    """Differences within pairs of runs with the same seeds."""
    good, rows = runs[runs["status"] == "ok"].set_index("run"), []
    first = good[good[by] == base]
    for value in dict.fromkeys(runs[by]):
        second = good[good[by] == value]
        shared = first.index.intersection(second.index)
        if value == base or not len(shared):
            continue
        alike = first.loc[shared, "world" if "world" in first else "society_seed"].to_numpy()
        for outcome in outcomes:
            x, y = (each.loc[shared, outcome].to_numpy(float) for each in (first, second))
            if label(outcome).never:
                higher = np.where(np.isnan(y), np.inf, y) > np.where(np.isnan(x), np.inf, x)
            else:
                higher = (y > x)[~np.isnan(x) & ~np.isnan(y)]
            rows.append([value, outcome, *clustered(y - x, alike), higher.mean() if len(higher) else np.nan])
    return pd.DataFrame(rows, columns=[by, "outcome", "difference", "low", "high", "higher"])
