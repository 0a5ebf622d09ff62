"""Summaries as rows that people read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ..figures.common import in_worlds
from ..numbers import percent, two_decimals
from ..page import Tables
from ..vocabulary import headlines, label, variant_label

NOT_SEEN = "too small to see"  # worlds differ by no more than chance makes them differ, in these runs
Rows = tuple[Sequence[str], list[list[str]]]


def mean_in_words(row: Mapping, short: bool = False) -> str:
    """A mean with its interval, as in 31 % (28–34); of runs in several worlds, with what is not known and with chance,
    as in 31 % (not knowing 20–43, chance 25–37), or in short 31 % (20–43 | 25–37)."""
    write = label(row["outcome"]).write
    if math.isnan(row["mean"]):
        return "-"
    if not math.isnan(row.get("unknown_low", math.nan)):
        unknown, chance = (
            NOT_SEEN
            if name == "unknown" and row["unknown_low"] == row["unknown_high"]
            else _range(write(row[f"{name}_low"]), write(row[f"{name}_high"]).removesuffix(" %"))
            for name in ("unknown", "chance")
        )
        return f"{write(row['mean'])} ({_doubts(unknown, chance, short)})"
    if math.isnan(row["mean_low"]):
        return write(row["mean"])
    return f"{write(row['mean'])} ({_range(write(row['mean_low']), write(row['mean_high']).removesuffix(' %'))})"


def _doubts(unknown: str, chance: str, short: bool) -> str:
    return f"{unknown} | {chance}" if short else f"not knowing {unknown}, chance {chance}"


def _band(row: Mapping) -> str:
    write = label(row["outcome"]).write
    return _range(write(row["low"]), write(row["high"]))


def _range(low: str, high: str) -> str:
    return low.removesuffix(" %") + (" to " if low.startswith("-") else "–") + high


def run_table(summary: pd.DataFrame, short: bool = False) -> Rows:
    """Columns and rows of the main outcomes of an ensemble."""
    rows = []
    for outcome in headlines():
        for _, row in summary[(summary["outcome"] == outcome) & (summary["n"] > 0)].iterrows():
            rows.append(
                [label(outcome).text, label(outcome).write(row["median"]), _band(row), mean_in_words(row, short)]
            )
    return ("outcome", "median", "5 to 95 % of runs", f"mean ({_in_brackets(summary)})"), rows


def _in_brackets(table: pd.DataFrame) -> str:
    return "not knowing, chance" if in_worlds(table) else "95 % interval"


def _headlines(summary: pd.DataFrame, by: str, values: Sequence, short: bool) -> Iterator[tuple[str, list[str]]]:
    """Main outcomes that have a value, each with its label and its mean (of times: median) for every value of `by`."""
    for outcome in headlines():
        of = summary[summary["outcome"] == outcome].set_index(by, drop=False)
        if of.empty or not of["n"].any():
            continue
        shown = label(outcome)
        yield (
            outcome,
            [shown.text]
            + [
                shown.write(of.loc[value, "median"]) if shown.never else mean_in_words(of.loc[value], short)
                for value in values
            ],
        )


def levels_table(summary: pd.DataFrame, differences: pd.DataFrame, short: bool = False) -> Rows:
    """Main outcomes at each level, and the paired difference between the highest and the lowest."""
    levels = sorted(summary["alignment_level"].unique())
    columns = ["outcome", *(f"alignment {level:.2f}" for level in levels)]
    if len(levels) > 1:
        columns.append("highest less lowest, paired")
    rows = []
    for outcome, row in _headlines(summary, "alignment_level", levels, short):
        never = label(outcome).never
        if len(levels) > 1:
            between = differences[(differences["outcome"] == outcome) & (differences["alignment_level"] == levels[-1])]
            row.append("-" if never or between.empty else difference(between.iloc[0], short))
        rows.append(row)
    return columns, rows


def compare_table(summary: pd.DataFrame, differences: pd.DataFrame, short: bool = False) -> Rows:
    """Main outcomes of each scenario, and for each but the first the paired difference and how often it is higher."""
    names = list(dict.fromkeys(summary["scenario"]))
    told = [variant_label(name) for name in names]
    columns = ["outcome", *told]
    for name in told[1:]:
        columns += [f"{name} less {told[0]}, paired", "higher in"]
    rows = []
    for outcome, row in _headlines(summary, "scenario", names, short):
        never = label(outcome).never
        for name in names[1:]:
            gap = differences[(differences["outcome"] == outcome) & (differences["scenario"] == name)].iloc[0]
            row += ["-" if never else difference(gap, short), percent(gap["higher"])]
        rows.append(row)
    return columns, rows


def main_table(command: str, tables: Tables, short: bool = False) -> Rows:
    """The table that a command prints (in short) and a report shows; levels varied with other factors: of the first of
    these."""
    if command == "compare":
        return compare_table(tables["summary"], tables["differences"], short)
    if command == "levels":
        summary, differences = tables["summary"], tables["differences"]
        for factor in ("innovation", "evidence_strength"):
            if factor in summary:
                first = summary[factor].iloc[0]
                summary, differences = (each[each[factor] == first] for each in (summary, differences))
        return levels_table(summary, differences, short)
    return run_table(tables["summary"], short)


def detail_table(table: pd.DataFrame) -> Rows:
    """All paired differences as people read them."""
    by = [name for name in table.columns[: table.columns.get_loc("outcome")] if name != "base"]
    columns = [
        *(name.replace("_", " ") for name in by),
        "outcome",
        f"difference ({_in_brackets(table)})",
        "standardised",
        "higher in",
        "variance reduced by pairing",
    ]
    rows = []
    for _, row in table[table["n"] > 0].iterrows():
        plain = [f"{row[name]:g}" if isinstance(row[name], float) else variant_label(str(row[name])) for name in by]
        rows.append(
            [
                *plain,
                label(row["outcome"]).text,
                difference(row),
                two_decimals(row["standardised"]),
                percent(row["higher"]),
                two_decimals(row["variance_reduction"], " times"),
            ]
        )
    return columns, rows


def difference(row: pd.Series, short: bool = False) -> str:
    kind = label(row["outcome"]).kind
    factor, digits, unit = {"share": (100, 0, " points"), "thousands": (1, 0, "")}.get(kind, (1, 2, ""))
    worlds = tuple(f"{name}_{end}" for name in ("unknown", "chance") for end in ("low", "high"))
    numbers = [factor * row.get(name, math.nan) for name in ("difference", "low", "high", *worlds)]
    if math.isnan(numbers[0]):
        return "-"
    mean, low, high, *apart = (
        text if float((text := f"{number:+,.{digits}f}").replace(",", "")) else text[1:] for number in numbers
    )
    if not math.isnan(numbers[3]):
        unknown = NOT_SEEN if numbers[3] == numbers[4] else f"{apart[0]} to {apart[1]}"
        return f"{mean}{unit} ({_doubts(unknown, f'{apart[2]} to {apart[3]}', short)})"
    return f"{mean}{unit}" + ("" if math.isnan(numbers[1]) else f" ({low} to {high})")


def counted(runs: pd.DataFrame) -> str:
    """ "100 runs in 8 societies"."""
    kinds = [name for name in ("alignment_level", "innovation", "evidence_strength", "scenario") if name in runs]
    by = len(runs[kinds].drop_duplicates()) if kinds else 1
    each, societies = len(runs) // max(1, by), runs["society_seed"].nunique()
    what = "scenarios" if kinds == ["scenario"] else "levels" if kinds == ["alignment_level"] else "combinations"
    at = "of" if what == "scenarios" else "at"
    text = f"{each} run{'s' * (each != 1)}" + (f" {at} each of {by} {what}" if by > 1 else "")
    return text if societies == each else f"{text} in {societies} societ{'y' if societies == 1 else 'ies'}"


def written(value: object) -> str:
    """The value of a setting: three digits of a number, a word as it is."""
    return value if isinstance(value, str) else f"{value:.3g}"
