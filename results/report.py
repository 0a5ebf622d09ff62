"""Summaries as rows that people read."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from .figures import misfit
from .labels import HEADLINES, label

Rows = tuple[Sequence[str], list[list[str]]]


def _mean(row: pd.Series) -> str:
    """A mean with its interval, as in 31 % (28–34)."""
    write = label(row["outcome"]).write
    if math.isnan(row["mean"]):
        return "-"
    if math.isnan(row["mean_low"]):
        return write(row["mean"])
    return f"{write(row['mean'])} ({_range(write(row['mean_low']), write(row['mean_high']).removesuffix(' %'))})"


def _band(row: pd.Series) -> str:
    write = label(row["outcome"]).write
    return _range(write(row["low"]), write(row["high"]))


def _range(low: str, high: str) -> str:
    return low.removesuffix(" %") + (" to " if low.startswith("-") else "–") + high


def run_table(summary: pd.DataFrame) -> Rows:
    """Columns and rows of the main outcomes of an ensemble."""
    rows = []
    for outcome in HEADLINES:
        for _, row in summary[(summary["outcome"] == outcome) & (summary["n"] > 0)].iterrows():
            rows.append([label(outcome).text, label(outcome).write(row["median"]), _band(row), _mean(row)])
    return ("outcome", "median", "5 to 95 % of runs", "mean (95 % interval)"), rows


def levels_table(summary: pd.DataFrame, differences: pd.DataFrame) -> Rows:
    """Main outcomes at each level, and the paired difference between the highest and the lowest."""
    levels = sorted(summary["alignment_level"].unique())
    columns = ["outcome", *(f"alignment {level:.2f}" for level in levels)]
    if len(levels) > 1:
        columns.append("highest less lowest, paired")
    rows = []
    for outcome in HEADLINES:
        of = summary[summary["outcome"] == outcome].set_index("alignment_level", drop=False)
        if of.empty or not of["n"].any():
            continue
        never = label(outcome).never
        row = [label(outcome).text] + [label(outcome).write(of.loc[level, "median"]) if never else _mean(of.loc[level])
                                       for level in levels]
        if len(levels) > 1:
            between = differences[(differences["outcome"] == outcome) & (differences["alignment_level"] == levels[-1])]
            row.append("-" if never or between.empty else _difference(between.iloc[0]))
        rows.append(row)
    return columns, rows


def _difference(row: pd.Series) -> str:
    kind = label(row["outcome"]).kind
    factor, digits, unit = (100, 0, " points") if kind == "share" else (1, 2, "")
    numbers = [factor * row[name] for name in ("difference", "low", "high")]
    if math.isnan(numbers[0]):
        return "-"
    mean, low, high = (f"{number:+.{digits}f}" for number in numbers)
    return f"{mean}{unit}" + ("" if math.isnan(numbers[1]) else f" ({low} to {high})")


def counted(runs: pd.DataFrame) -> str:
    """"100 runs in 8 societies"."""
    by = runs["alignment_level"].nunique() if "alignment_level" in runs else 1
    each, societies = len(runs) // max(1, by), runs["society_seed"].nunique()
    text = f"{each} run{'s' * (each != 1)}" + (f" at each of {by} levels" if by > 1 else "")
    return text if societies == each else f"{text} in {societies} societ{'y' if societies == 1 else 'ies'}"


def remarks(runs: pd.DataFrame) -> list[str]:
    """What a reader has to know to read the table rightly."""
    out = ["Median and band: how single runs differ. Mean: how well it is known, which more runs improve."]
    if "alignment_level" in runs:
        out = ["Means over runs with 95 % intervals (for months: medians); the same seeds at every level."]
    failed = runs[runs["status"] != "ok"]
    if len(failed):
        out.append(f"{len(failed)} of {len(runs)} runs failed and are left out; the first: {failed['status'].iloc[0]}")
    if len(runs) > 1 and runs["society_seed"].nunique() == 1:
        out.append("All runs share one society: the intervals hold for that society.")
    return out


def misfit_in_words(curves: pd.DataFrame, observed: pd.DataFrame, variable: str = "ever_engaged") -> str:
    """How far the simulated uptake is from the observed."""
    gap = misfit(curves[(curves["role"] == "all") & (curves["variable"] == variable)], observed)
    return (f"Observed uptake lies inside the 5 to 95 % band in {gap['inside']:.0f} of {gap['months']:.0f} months; the "
            f"simulated median is {100 * gap['mean_gap']:.0f} points off on average and "
            f"{abs(100 * gap['final_gap']):.0f} points {'above' if gap['final_gap'] > 0 else 'below'} at the end. "
            "Parameters are defaults: nothing was tuned to these data.")
