"""Claims in plain words and as rows of tables: those of `valign claims` in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..numbers import guarded_percent, percent_range, significant
from ..page import Table, Tables
from ..vocabulary import capital, listed

GRADE_MEANINGS = {
    "assumed": "an equation of the model states it, so it can only be quantified",
    "partly": "the model assumes it in part",
    "emergent": "no equation states it: it emerges or not",
}
AS_WELL = 0.8  # a rival makes a pattern as well from this share of the model's own worlds on


def counted(summary: pd.DataFrame) -> list[str]:
    """How many claims came to each verdict, in one sentence; of a single claim, none."""
    if len(summary) < 2:
        return []
    verdicts = [f"{number} {verdict}" for verdict, number in summary["verdict"].value_counts().items()]
    return [f"Of {len(summary)} claims: {listed(verdicts)}."]


def changed(tables: Tables) -> pd.DataFrame:
    """Claims whose verdict is another in plausible worlds: claim, title, verdict, there, predicted, predicted_there."""
    summary, beside = tables["claims"], tables.get("plausible", pd.DataFrame())
    columns = ["claim", "title", "verdict", "there", "predicted", "predicted_there"]
    if beside.empty:
        return pd.DataFrame(columns=columns)
    there = beside[["claim", "verdict", "predicted"]].rename(
        columns={"verdict": "there", "predicted": "predicted_there"}
    )
    both = summary.merge(there, on="claim", sort=False)
    return both.loc[both["verdict"] != both["there"], columns].reset_index(drop=True)


def changed_in_words(tables: Tables) -> list[str]:
    """What the facts do to the verdicts, where the claims were tested in plausible worlds as well: how many are other
    verdicts there, and which."""
    beside = tables.get("plausible", pd.DataFrame())
    if beside.empty:
        return []
    found = changed(tables)
    if found.empty:
        return [
            "In plausible worlds, which fill the ranges of the parameters whatever the facts say, "
            + ("the verdict is the same." if len(tables["claims"]) == 1 else "every verdict is the same.")
        ]
    each = "; ".join(
        f"{row.claim} {row.title}: {row.verdict}, there {row.there} (as predicted in "
        f"{guarded_percent(row.predicted)}, there in {guarded_percent(row.predicted_there)})"
        for row in found.itertuples()
    )
    one = f"{len(found)} of {len(tables['claims'])} verdicts {'is' if len(found) == 1 else 'are'}"
    return [
        "In plausible worlds, which fill the ranges of the parameters whatever the facts say, "
        f"{'the verdict is' if len(tables['claims']) == 1 else one} different.",
        f"{each}.",
    ]


def rows_of_changed(tables: Tables) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the verdicts that are another in plausible worlds."""
    columns = ["claim", "verdict", "in plausible worlds", "as predicted", "as predicted in plausible worlds"]
    return columns, [
        [
            f"{row.claim} {row.title}",
            row.verdict,
            row.there,
            guarded_percent(row.predicted),
            guarded_percent(row.predicted_there),
        ]
        for row in changed(tables).itertuples()
    ]


def in_words(row: Mapping[str, Any]) -> str:
    """What was found for a claim over the worlds, in one or two sentences."""
    text = (
        f"As predicted in {guarded_percent(row['predicted'])} of worlds "
        f"({percent_range(row['predicted_low'], row['predicted_high'])}), "
        f"absent in {guarded_percent(row['absent'])}, reversed in {guarded_percent(row['reversed'])}. "
        f"Without the assumption: as predicted in {guarded_percent(row['null_predicted'])}."
    )
    if row["null_predicted"] > 0.5 and row["grade"] != "assumed":
        text += " The pattern does not need the assumption."
    if row["verdict"] == "undecided":
        more = row["more_worlds"]
        text += (
            " The shares lie too near a limit for any number of worlds in reach to decide."
            if more is None or pd.isna(more)
            else f" About {more:,.0f} worlds more would decide."
        )
    if row["failed"]:
        text += (
            f" {row['failed']:,.0f} worlds in which runs failed, or the outcome does not exist in enough of them, "
            "are left out."
        )
    return text


def overview_rows(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table of verdicts."""
    columns = ["claim", "grade", "verdict", "as predicted", "absent", "reversed", "null as predicted"]
    return columns, [
        [
            f"{row.claim} {row.title}",
            row.grade,
            row.verdict,
            f"{guarded_percent(row.predicted)} ({percent_range(row.predicted_low, row.predicted_high)})",
            guarded_percent(row.absent),
            guarded_percent(row.reversed),
            guarded_percent(row.null_predicted),
        ]
        for row in summary.itertuples()
    ]


def rivals_in_words(claim: str, rivals: pd.DataFrame, own: float) -> str:
    """Which rivals make the pattern too; own: the model's share in the same worlds."""
    part = rivals[rivals["claim"] == claim] if len(rivals) else rivals
    if part.empty:
        return ""
    told = ", ".join(f"{row.rival} {guarded_percent(row.predicted)}" for row in part.itertuples())
    as_well = [row.rival for row in part.itertuples() if own > 0.1 and row.predicted >= AS_WELL * own]
    text = f"Rivals alone, as predicted in the same worlds: {told} (the full model {guarded_percent(own)})."
    if as_well:
        text += f" The pattern is weak evidence for alignment: {' and '.join(as_well)} makes it as well."
    return text


READING = (
    "A share says in how many worlds (sets of values for everything that is not known) a claim turns out; in brackets "
    "its 95 % interval. The worlds agree with published facts; what facts say nothing about fills its plausible range. "
    "So a share is about what is not known; chance is taken out of it."
)
LIMITS = (
    "A claim that is supported holds in the model, in worlds that agree with what is known; that is no proof that it "
    "holds in services.",
    "What the model assumes it cannot support: such a claim is quantified, whatever its share.",
    "A claim that is not supported may still be true for reasons that the model does not hold.",
)
WORDS = {
    "World": "A set of values for all parameters that are not known, with a society of its own. Every arm of a test "
    "runs in it with the same chances.",
    "Plausible worlds": "Worlds that fill the plausible ranges of all parameters evenly, whatever the facts say.",
    "As predicted": "The effect goes in the predicted direction and is at least the smallest of interest.",
    "Absent, reversed": "Smaller than the smallest effect of interest in either direction; or large the other way.",
    "Null": "The same test in the same worlds without the assumption that the claim rests on.",
    "Supported": "As predicted in more than half of the worlds and reversed in fewer than a tenth.",
    "Not supported": "As predicted in fewer than a tenth of the worlds, or made without the assumption too.",
    "Conditionally": "In between: it holds in some worlds, and the findings say in which.",
    "Undecided": "The intervals leave it open; more worlds would decide.",
    **{f"Grade: {grade}": f"{capital(words)}." for grade, words in GRADE_MEANINGS.items()},
}


def certainty(tables: Tables) -> list[str]:
    """How many worlds and runs stand behind the shares, and what else makes the pattern."""
    summary = tables["claims"]
    told = [
        f"Each claim was tested in {summary['worlds'].max():,} worlds that agree with published facts, with "
        f"{summary['seeds'].max()} runs of every arm in each, {summary['runs'].sum():,} runs in "
        "all. Brackets are 95 % intervals of the share of worlds; noise from chance is taken out of the shares, and "
        "error levels are corrected for the number of claims."
    ]
    for row in summary.to_dict("records"):
        told += [f"{row['claim']}. {sentence}" for sentence in otherwise(row, tables)]
    return told


def rows_of_tests(tests: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the tests of claims."""
    columns = [
        "test",
        "outcome",
        "predicted, at least",
        "mean effect (5 to 95 % of worlds)",
        "as predicted",
        "reversed",
        "null as predicted",
    ]
    return columns, [
        [
            test["test"] + ("" if test["counts"] else " (for information)"),
            test["meaning"],
            f"{test['direction']}, {significant(test['smallest'], False)}",
            f"{significant(test['effect'])} ({significant(test['effect_5'])} to {significant(test['effect_95'])})",
            guarded_percent(test["predicted"]),
            guarded_percent(test["reversed"]),
            guarded_percent(test["null_predicted"]),
        ]
        for test in tests.to_dict("records")
    ]


def rows_of_shipped(shipped: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the effects in the shipped scenarios."""
    return ["scenario", "test", "effect", "SDs", "runs"], [
        [
            each["scenario"],
            each["test"],
            f"{significant(each['effect'])} ({significant(each['low'])} to {significant(each['high'])})",
            significant(each["standardised"]),
            f"{each['runs']}",
        ]
        for each in shipped.to_dict("records")
    ]


def tables_of_tests(tables: Tables) -> list[Table]:
    """The tests of every claim, and their effects in the shipped scenarios, for a report."""
    shown = []
    shipped = tables.get("shipped", pd.DataFrame())
    for row in tables["claims"].to_dict("records"):
        of = tables["tests"][tables["tests"]["claim"] == row["claim"]]
        shown.append(Table(f"{row['claim']} {row['title']}: its tests", *rows_of_tests(of), words=True))
        if len(shipped) and (part := shipped[shipped["claim"] == row["claim"]]).size:
            shown.append(
                Table(f"{row['claim']} {row['title']} in the shipped scenarios", *rows_of_shipped(part), folded=True)
            )
    return shown


def otherwise(row: Mapping[str, Any], tables: Tables) -> list[str]:
    """What other measures and rival explanations give for a claim, where they were tried."""
    told, own, variants = [], row["predicted"], tables.get("variants", pd.DataFrame())
    if len(variants) and (variants["claim"] == row["claim"]).any():
        part = variants[variants["claim"] == row["claim"]]
        own = float(part["predicted"].iloc[0])
        told.append(
            f"Otherwise measured, in the first {part['worlds'].max():,} worlds: "
            + "; ".join(
                f"{each.variant} {guarded_percent(each.predicted)} as predicted, "
                f"{guarded_percent(each.reversed)} reversed"
                for each in part.itertuples()
            )
            + "."
        )
    if rivals := rivals_in_words(row["claim"], tables.get("rivals", pd.DataFrame()), own):
        told.append(rivals)
    return told
