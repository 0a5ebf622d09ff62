"""What moved between two questionnaires, in words."""

from __future__ import annotations

import pandas as pd

from ..page import Tables

TOLD = {"rose": "rose", "fell": "fell", "none": "no change worth the name", "unknown": "too few answers to tell"}
ENTRIES = {
    "people": "people's values moved",
    "spread": "people came closer together in their values, or moved apart",
    "version": "what people take it to stand for moved (its local version)",
    "clarity": "people came to read it more alike (clearer), or less",
    "judgement": "people came to judge that it fits better, or worse, beyond what their values and reading say",
    "left": "people who left, or did not answer again",
    "came": "people who came, or answered for the first time",
    "sum": "all together",
}
DIRECTIONS = {
    ("people", "rose"): "people's values came nearer to it",
    ("people", "fell"): "people's values moved away from it",
    ("spread", "rose"): "people came closer together in their values",
    ("spread", "fell"): "people moved apart in their values",
    ("version", "rose"): "what people take it to stand for (its local version) came nearer to what they value",
    ("version", "fell"): "what people take it to stand for (its local version) moved away from what they value",
    ("clarity", "rose"): "people came to read it more alike (clearer)",
    ("clarity", "fell"): "people came to read it less alike (less clear)",
    ("judgement", "rose"): "people came to judge that it fits better than their values and reading say",
    ("judgement", "fell"): "people came to judge that it fits worse than their values and reading say",
}


def between_waves(tables: Tables) -> list[str]:
    """What moved alignment, what cannot be told, and what those who were least aligned at first did."""
    rows = entries(tables["change"])
    whole = rows[rows["entry"] == "sum"].iloc[0]
    said = [
        f"Between the waves alignment as people judge it {_moved(whole)}."
        if (rows["entry"] == "judgement").any()
        else f"Between the waves alignment {_moved(whole)}."
    ]
    known = rows[rows["told"].isin(("rose", "fell")) & (rows["entry"] != "sum")]
    if len(known):
        ranked = known.reindex(known["value"].abs().sort_values(ascending=False).index)
        parts = [
            f"{DIRECTIONS.get((r.entry, r.told), r.words)} ({signed(r.value)}, {signed(r.low)} to {signed(r.high)})"
            for r in ranked.itertuples()
        ]
        said.append(f"What moved it: {'; '.join(parts)}.")
    else:
        said.append("No part of it can be told apart from chance.")
    unknown = rows[(rows["told"] == "unknown") & (rows["entry"] != "sum")]["words"].tolist()
    if unknown:
        said.append(f"With so few answers this cannot be told: {'; '.join(unknown)}.")
    low = tables["lowest"].iloc[0]
    beyond = low["beyond"]
    verdict = (
        f"beyond that they rose by {signed(beyond)}"
        if beyond > low["half"]
        else f"beyond that they fell by {signed(-beyond)}"
        if beyond < -low["half"]
        else "beyond that nothing can be told"
    )
    said.append(
        f"The third who were least aligned at first ({low['people']:.0f} people) seem to have changed by "
        f"{signed(low['rose'])}; errors of measurement alone would make it look like "
        f"{signed(low['by_chance'])}; {verdict}."
    )
    return said


def _moved(row: pd.Series) -> str:
    between = f"({signed(row['low'])} to {signed(row['high'])})"
    if row["told"] in ("rose", "fell"):
        return f"{row['told']} by {abs(row['value']):.2f} {between}"
    if row["told"] == "none":
        return f"did not change by anything worth the name {between}"
    return f"cannot be said to have changed, with so few answers {between}"


def entries(change: pd.DataFrame) -> pd.DataFrame:
    """The balance with words, ready to be drawn."""
    table = change.rename(columns={"change": "value"})
    return table.assign(words=table["entry"].map(ENTRIES))


def signed(value: float) -> str:
    """A difference of alignment, with its sign."""
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0.00"
