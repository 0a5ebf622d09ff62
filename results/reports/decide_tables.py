"""A decision as tables that people read; see `decide`, which says it in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..numbers import guarded_percent, pounds, significant
from ..page import Table, Tables
from ..vocabulary import capital
from .decide import (
    amount,
    best_of,
    chance_in_words,
    gain_in_words,
    in_between,
    price_of_unit,
    rule_in_words,
    size_in_words,
    unknown_in_words,
)


def letters(finalists: pd.DataFrame) -> list[str]:
    """A letter for each finalist, for figures."""
    return [chr(ord("A") + n) if n < 26 else str(n + 1) for n in range(len(finalists))]


def finalists_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    unit = tables["asked"]["unit"].iloc[0]
    columns = (
        "mix",
        "cost",
        f"gain, {unit} (95 % interval)",
        "chance of being best",
        "regret",
        "recommissioned",
        "money spent by funders",
    )
    rows = [
        [
            f"{letter} {row['label']}",
            pounds(row["cost"]),
            f"{significant(row['gain'])} ({in_between(row, unit)})",
            chance_in_words(row["chance_best"]) if row["affordable"] else "over budget",
            significant(row["regret"], False),
            guarded_percent(row["mean_recommissioned"]),
            pounds(1000 * row["mean_money_spent"]),
        ]
        for letter, row in zip(letters(tables["finalists"]), tables["finalists"].to_dict("records"), strict=True)
    ]
    return columns, rows


def evppi_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    unit = tables["asked"]["unit"].iloc[0]
    shown = tables["evppi"].head(20)
    return ("unknown", f"value, {unit}", "standard error"), [
        [capital(unknown_in_words(row["unknown"])), significant(row["value"]), significant(row["error"], False)]
        for row in shown.to_dict("records")
    ]


def evsi_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    unit, price = tables["asked"]["unit"].iloc[0], price_of_unit(best_of(tables))
    return ("study", "size", "tells after", "cost", f"value, {unit} (standard error)", "value less cost"), [
        [
            row["name"],
            size_in_words(row),
            f"{row['months']:.0f} months" if row["months"] else "weeks",
            pounds(row["cost"]),
            f"{significant(row['value'])} ({significant(row['error'], False)})",
            pounds(row["value"] * price - row["cost"]),
        ]
        for row in tables["evsi"].to_dict("records")
    ]


def plan_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    return (
        "action",
        "where",
        "from month",
        "has an effect in months",
        "paid until month",
        "cost (low to high)",
        "paid by",
        "how large the effect is",
    ), [
        [
            f"{row['name']} ({row['intensity']})",
            row["place"],
            f"{row['start']:.0f}",
            f"{row['effect_from']:.0f} to {row['effect_until']:.0f}",
            f"{row['paid_until']:.0f}",
            f"{pounds(row['cost'])} ({pounds(row['cost_low'])} to {pounds(row['cost_high'])})",
            row["paid_by"],
            row["grade"],
        ]
        for row in tables["plan"].to_dict("records")
    ]


def waiting_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    unit = tables["asked"]["unit"].iloc[0]
    return ("rule", "triggered in", "cost on average", f"over doing nothing, {unit}", "over beginning now"), [
        [
            capital(rule_in_words(row)),
            guarded_percent(row["done"]),
            pounds(row["cost"]),
            f"{significant(row['gain'])} ({in_between(row, unit)})",
            f"{significant(row['over_now'])} ({in_between(row, unit, 'over_now_low', 'over_now_high')})",
        ]
        for row in tables["waiting"].to_dict("records")
    ]


def pilots_table(tables: Tables) -> tuple[Sequence[str], list[list[str]]]:
    return ("chosen by", "services", "gain over no pilot", "what greedy choice gains over it"), [
        [
            capital(row["rule"]),
            row["services"],
            gain_in_words(row, row["unit"]),
            f"{amount(row['greedy_over'], row['unit'], True)} "
            f"({in_between(row, row['unit'], 'greedy_over_low', 'greedy_over_high')})",
        ]
        for row in tables["pilots"].to_dict("records")
    ]


def tables_of(tables: Tables) -> list[Table]:
    """The tables of a report."""
    found = [Table("The mixes that were judged afresh, best first", *finalists_table(tables))]
    if len(tables["plan"]):
        found.append(Table("The recommended mix", *plan_table(tables)))
    if len(tables["waiting"]):
        found.append(Table("Rules that wait and see", *waiting_table(tables), folded=True))
    if len(tables["pilots"]):
        found.append(Table("Where to pilot first", *pilots_table(tables)))
    if len(tables["evsi"]):
        found.append(Table("What studies would be worth for this choice", *evsi_table(tables)))
    found.append(
        Table("What knowing would be worth: the twenty unknowns that matter most", *evppi_table(tables), folded=True)
    )
    return found
