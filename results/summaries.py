"""Tables in, smaller tables out: what a set of runs says, and how sure it is.

Two kinds of uncertainty are kept apart. A *band* (5 to 95 %) is how much single runs differ: what may happen to one
set of services. An *interval* (95 %) is how well the mean over runs is known: it shrinks with more runs.

Where runs were made in several worlds (column `world`), the band has two parts, which are never mixed: *chance*, how
much runs of one world differ, and *not knowing*, how much worlds that agree with what is known differ in their means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .vocabulary import label

LOW, HIGH = 0.05, 0.95
CONFIDENCE = 0.95
MOST_SOCIETIES = 1e12  # more than anybody makes, and few enough to be counted one by one


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; low and high are NaN where there are too few runs to tell."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(
    values: Sequence[float] | np.ndarray,
    clusters: Sequence[int] | np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Mean and t interval; NaN values are left out.

    clusters : the society of each value. Runs in one society are alike, so the interval is built from societies
        (cluster-robust, t with as many degrees of freedom as societies less one). With a single society the interval
        holds for that society only.
    """

    x = np.asarray(values, float)
    there = ~np.isnan(x)
    mean, low, high = _intervals(x[None, there], None if clusters is None else np.asarray(clusters)[there], confidence)
    return Interval(float(mean[0]), float(low[0]), float(high[0]), int(there.sum()))


def t_quantile(share: float, freedom: int) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def _intervals(
    rows: np.ndarray, clusters: np.ndarray | None, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low, high of every row; rows with missing values are done by themselves."""
    n = rows.shape[1]
    mean, half = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    missing = np.isnan(rows).any(axis=1)
    if n:
        mean[~missing] = rows[~missing].mean(axis=1)
        groups = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
        if groups.max() == 0:
            groups = np.arange(n)
        k = int(groups.max()) + 1
        if k > 1:
            order = np.argsort(groups, kind="stable")
            starts = np.searchsorted(groups[order], np.arange(k))
            sums = np.add.reduceat((rows[~missing] - mean[~missing, None])[:, order], starts, axis=1)
            half[~missing] = t_quantile(0.5 + confidence / 2, k - 1) * np.sqrt(k / (k - 1) * (sums**2).sum(axis=1)) / n
    low, high = mean - half, mean + half
    for row in np.flatnonzero(missing):
        known = ~np.isnan(rows[row])
        alone = _intervals(rows[row : row + 1, known], None if clusters is None else clusters[known], confidence)
        mean[row], low[row], high[row] = (each[0] for each in alone)
    return mean, low, high


APART = ("unknown_low", "unknown_high", "chance_low", "chance_high", "of_unknown")


def apart(rows: np.ndarray, worlds: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
    """Chance and not knowing, apart, for every row of values [k, runs]; runs that are missing (NaN) are left out.

    Columns `unknown_low`, `unknown_high`: 5 to 95 % of the means of worlds, drawn together by what chance adds to means
    of few runs (equal where no more is seen than chance adds). `chance_low`, `chance_high`: 5 to 95 % of runs of one
    world, about the mean of all. `of_unknown`: share of the variance of single runs that lies between worlds. NaN where
    no world has two runs.
    """
    found = {name: np.full(len(rows), np.nan) for name in APART}
    which = np.unique(np.asarray(worlds), return_inverse=True)[1]
    count_of_worlds = int(which.max()) + 1 if len(which) else 0
    of_world = (which[:, None] == np.arange(count_of_worlds)).astype(float)
    there = ~np.isnan(rows)
    count = there.astype(float) @ of_world
    told = np.flatnonzero((count > 1).any(axis=1))
    if not len(told):
        return found
    rows, there, count = rows[told], there[told], count[told]
    sums = np.where(there, rows, 0.0) @ of_world
    means = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    away = rows - means[:, which]
    chance = np.nansum(away**2, axis=1) / np.maximum(count - 1, 0).sum(axis=1)
    middle, spread = np.nanmean(means, axis=1), np.nan_to_num(np.nanvar(means, axis=1, ddof=0))
    seen = (count > 0).sum(axis=1)
    spread = spread * seen / np.maximum(seen - 1, 1)
    added = chance * np.where(count > 0, 1 / np.maximum(count, 1), 0).sum(axis=1) / seen
    between = np.maximum(spread - added, 0.0)
    drawn = np.sqrt(between / np.where(spread > 0, spread, 1.0))
    unknown = quantiles(middle[:, None] + drawn[:, None] * (means - middle[:, None]), (LOW, HIGH))
    more = np.sqrt(count / np.maximum(count - 1, 1))[:, which]
    by_chance = quantiles(np.where(count[:, which] > 1, away * more, np.nan), (LOW, HIGH))
    low, high, mean = np.nanmin(rows, axis=1), np.nanmax(rows, axis=1), np.nanmean(rows, axis=1)
    whole = between + chance
    share = np.where(whole > 0, between / np.where(whole > 0, whole, 1.0), np.nan)
    for name, each in zip(APART, (*unknown, *(np.clip(mean + by, low, high) for by in by_chance), share), strict=True):
        found[name][told] = each
    return found


def clusters_of(runs: pd.DataFrame) -> pd.Series | None:
    """What makes runs alike: their world, else their society."""
    return runs["world"] if "world" in runs else runs.get("society_seed")


def weighted_quantiles(values: np.ndarray, weight: np.ndarray, shares: np.ndarray | Sequence[float]) -> np.ndarray:
    """Quantiles of weighted values [n], interpolated between midpoints of their weights."""
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return np.interp(shares, middle / weight.sum(), values[order])


def quantiles(values: np.ndarray, shares: Sequence[float], never: bool = False) -> np.ndarray:
    """Quantiles over the last axis; with `never`, NaN counts as later than everything (inf), else it is left out."""
    x = np.asarray(values, float)
    if never and x.size:
        return np.quantile(np.where(np.isnan(x), np.inf, x), shares, axis=-1, method="inverted_cdf")
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])  # of no runs too, where -1 would be any number
    out = np.full((len(shares), len(rows)), np.nan)
    missing = np.isnan(rows).any(axis=1)
    if rows.size:
        out[:, ~missing] = np.quantile(rows[~missing], shares, axis=-1)
    for n in np.flatnonzero(missing):  # one by one: nanquantile warns about rows without a value, and is slow
        if len(known := rows[n][~np.isnan(rows[n])]):
            out[:, n] = np.quantile(known, shares)
    return out.reshape(len(shares), *x.shape[:-1])


def _ok(runs: pd.DataFrame) -> pd.DataFrame:
    """Without the runs that failed: what is missing in them is not known, and did not "never happen"."""
    return runs[runs["status"] == "ok"] if "status" in runs else runs


def summarise(runs: pd.DataFrame, outcomes: Sequence[str]) -> pd.DataFrame:
    """One row per outcome: n, mean with 95 % interval, median, 5 to 95 % band, happened (share of runs with a value).

    For times of events (`time_to_50`) runs without the event count as later than all others: median and band may be
    infinite, and no mean is given. Intervals of shares are cut at 0 and 1. Runs that failed (`status`) do not count.
    """
    runs, rows = _ok(runs), []
    for outcome in outcomes:
        x = runs[outcome].to_numpy(float)
        never = label(outcome).never
        interval = mean_interval(x, clusters_of(runs))
        floor, ceiling = (0.0, 1.0) if label(outcome).kind == "share" else (-np.inf, np.inf)
        low, median, high = quantiles(x, (LOW, 0.5, HIGH), never)
        rows.append(
            {
                "outcome": outcome,
                "n": interval.n,
                "mean": np.nan if never else interval.mean,
                "mean_low": np.nan if never else np.maximum(interval.low, floor),
                "mean_high": np.nan if never else np.minimum(interval.high, ceiling),
                "median": median,
                "low": low,
                "high": high,
                "happened": interval.n / max(1, len(x)),
            }
            | (_apart(x, runs, never))
        )
    return pd.DataFrame(rows)


def _apart(x: np.ndarray, runs: pd.DataFrame, never: bool) -> dict[str, float]:
    """`apart` of one outcome, where runs were made in worlds; of times that may never come nothing is said."""
    if "world" not in runs:
        return {}
    if never or np.isnan(x).all():
        return dict.fromkeys(APART, np.nan)
    return {name: float(each[0]) for name, each in apart(x[None], runs["world"].to_numpy()).items()}


def summarise_by(runs: pd.DataFrame, outcomes: Sequence[str], by: str | Sequence[str]) -> pd.DataFrame:
    """`summarise` for every combination of the columns `by`, which come first."""
    by = [by] if isinstance(by, str) else list(by)
    parts = []
    for values, part in runs.groupby(by, sort=False):
        table = summarise(part, outcomes)
        for place, (name, value) in enumerate(zip(by, values, strict=True)):
            table.insert(place, name, value)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def paired_differences(runs: pd.DataFrame, outcomes: Sequence[str], by: str, base: object) -> pd.DataFrame:
    """What changes from `base`, run by run with the same seeds. One row per other value of `by` and outcome.

    n : pairs with both values. difference, low, high : mean of the paired differences and its 95 % interval (clusters:
    societies). standardised : the mean difference in units of the pooled standard deviation of single runs (Cohen's d).
    higher, higher_low, higher_high : share of pairs in which the value is higher than the base's (equal ones are not),
    with its interval; what did not happen counts as later than all else. variance_reduction : variance of the
    mean difference with independent seeds, estimated from the same runs, over that with pairing. Pairs of which a run
    failed (`status`) do not count.
    """
    keyed = _ok(runs).set_index("run")
    reference = keyed[keyed[by] == base]
    rows = []
    for value in dict.fromkeys(runs[by]):
        if value == base:
            continue
        other = keyed[keyed[by] == value]
        first = reference[reference.index.isin(other.index)]
        second = other.reindex(first.index)
        alike = clusters_of(first)
        clusters = None if alike is None else alike.to_numpy()
        for outcome in outcomes:
            x, y = first[outcome].to_numpy(float), second[outcome].to_numpy(float)
            never = label(outcome).never
            found = _paired(x, y, clusters, never) | _apart(y - x, first, never)
            rows.append({by: value, "base": base, "outcome": outcome, **found})
    return pd.DataFrame(rows, columns=[by, "base", "outcome", *_PAIRED, *(APART if "world" in runs else ())])


_PAIRED = (
    "n",
    "difference",
    "low",
    "high",
    "standardised",
    "higher",
    "higher_low",
    "higher_high",
    "variance_reduction",
)


def _paired(x: np.ndarray, y: np.ndarray, clusters: np.ndarray | None, never: bool) -> dict[str, float]:
    """`paired_differences` of one outcome: x of the base, y of the other."""
    both = ~np.isnan(x) & ~np.isnan(y)
    within = None if clusters is None else clusters[both]
    between = mean_interval((y - x)[both], within)
    arms = [mean_interval(each[both], within) for each in (x, y)]
    widths = [each.high - each.mean for each in (*arms, between)]
    spread = np.sqrt((x[both].var(ddof=1) + y[both].var(ddof=1)) / 2) if both.sum() > 1 else np.nan
    if never:
        x, y = (np.where(np.isnan(each), np.inf, each) for each in (x, y))
    compared = ~np.isnan(x) & ~np.isnan(y)
    higher = mean_interval((y > x).astype(float)[compared], None if clusters is None else clusters[compared])
    return {
        "n": between.n,
        "difference": between.mean,
        "low": between.low,
        "high": between.high,
        "standardised": between.mean / spread if spread > 0 else np.nan,
        "higher": higher.mean,
        "higher_low": np.maximum(higher.low, 0.0),
        "higher_high": np.minimum(higher.high, 1.0),
        "variance_reduction": (widths[0] ** 2 + widths[1] ** 2) / widths[2] ** 2 if widths[2] > 0 else np.nan,
    }


def runs_needed(
    differences: np.ndarray, clusters: np.ndarray, half_width: float, confidence: float = CONFIDENCE
) -> dict[str, float]:
    """How many runs make the interval of a mean ± `half_width`, from a pilot; as many runs in a society as there.

    Returns runs, societies, and `reached`: the pilot's own half-width. NaN where the pilot has one society, or so many
    runs were needed that nobody makes them.
    """
    there = ~np.isnan(differences)
    found = mean_interval(differences[there], clusters[there], confidence)
    k = len(np.unique(clusters[there]))
    reached = found.high - found.mean
    if not reached >= 0 or k < 2:
        return {"runs": np.nan, "societies": np.nan, "reached": np.nan}
    error = reached / t_quantile(0.5 + confidence / 2, k - 1) * np.sqrt(k)  # SD of societies' means
    wide = t_quantile(0.5 + confidence / 2, 10**9) * error
    if wide >= half_width * MOST_SOCIETIES**0.5:
        return {"runs": np.nan, "societies": np.nan, "reached": float(reached)}
    needed = max(2, int((wide / half_width) ** 2))
    while t_quantile(0.5 + confidence / 2, needed - 1) * error / np.sqrt(needed) > half_width:
        needed += 1
    return {"runs": float(np.ceil(needed * there.sum() / k)), "societies": float(needed), "reached": float(reached)}


def curve_summary(
    curves: np.ndarray, clusters: Sequence[int] | None = None, worlds: Sequence[int] | None = None
) -> pd.DataFrame:
    """Months x runs -> one row per month: mean with 95 % interval, median, 25-75 % and 5-95 % bands; with the world of
    each run, chance and not knowing apart (`apart`)."""
    return pd.DataFrame({"month": np.arange(len(curves)), **_bands(np.asarray(curves, float), clusters, worlds)})


def _bands(
    rows: np.ndarray, clusters: Sequence[int] | None, worlds: Sequence[int] | None = None
) -> dict[str, np.ndarray]:
    """The numbers of `curve_summary` by row; runs without any value (they failed) are left out."""
    kept = ~np.isnan(rows).all(axis=0)
    rows = rows[:, kept]
    low, lower, median, upper, high = quantiles(rows, (LOW, 0.25, 0.5, 0.75, HIGH))
    alike = clusters if worlds is None else worlds
    mean, mean_low, mean_high = _intervals(rows, None if alike is None else np.asarray(alike)[kept])
    return {
        "mean": mean,
        "mean_low": mean_low,
        "mean_high": mean_high,
        "median": median,
        "lower": lower,
        "upper": upper,
        "low": low,
        "high": high,
    } | ({} if worlds is None else apart(rows, np.asarray(worlds)[kept]))


def curve_summaries(
    curves: Mapping[tuple[str, str], np.ndarray],
    clusters: Sequence[int] | None = None,
    worlds: Sequence[int] | None = None,
) -> pd.DataFrame:
    """`curve_summary` of each (role, variable), one below the other."""
    curves = {pair: each for pair, each in curves.items() if not np.isnan(each).all()}
    if not curves:
        return pd.DataFrame(columns=["role", "variable", "month"])
    months = [len(each) for each in curves.values()]
    role, variable = zip(*curves, strict=True)
    return pd.DataFrame(
        {
            "role": np.repeat(role, months),
            "variable": np.repeat(variable, months),
            "month": np.concatenate([np.arange(count) for count in months]),
            **_bands(
                np.concatenate(list(curves.values())), clusters, worlds
            ),  # all at once: a table for each takes longer
        }
    )
