"""What moved between two questionnaires, in words."""

from __future__ import annotations

import pandas as pd

from ..page import Tables
from ..vocabulary import listed

TOLD = {"rose": "rose", "fell": "fell", "none": "a change of less than 0.02", "unknown": "too few answers to tell"}
ENTRIES = {
    "people": "people's values moved nearer (+) or away",
    "spread": "people came closer together in their values (+) or apart",
    "version": "what people take it to stand for moved nearer to what they value (+) or away",
    "clarity": "people came to read it more alike (+) or less",
    "judgement": "people judge that it fits better (+) or worse than their values and readings say",
    "left": "people who left, or did not answer again",
    "came": "people who came, or answered for the first time",
    "sum": "how well people say it fits: total",
}
DIRECTIONS = {
    ("people", "rose"): "people's values moved nearer to it",
    ("people", "fell"): "people's values moved away from it",
    ("spread", "rose"): "people came closer together in their values",
    ("spread", "fell"): "people moved apart in their values",
    ("version", "rose"): "what people take it to stand for moved nearer to what they value",
    ("version", "fell"): "what people take it to stand for moved away from what they value",
    ("clarity", "rose"): "people came to read it more alike",
    ("clarity", "fell"): "people came to read it less alike",
    ("judgement", "rose"): "people judge that it fits better than their values and readings say",
    ("judgement", "fell"): "people judge that it fits worse than their values and readings say",
}


def between_questionnaires(tables: Tables, innovation: str) -> list[str]:
    """What moved, by how much, what cannot be told, and what those who were least aligned at first did."""
    rows = entries(tables["change"])
    beside = tables["change_beside"].rename(columns={"change": "value"}).set_index("entry")
    whole, fit = rows[rows["entry"] == "sum"].iloc[0], beside.loc["fit"]
    judged = bool((rows["entry"] == "judgement").any())
    direct = f" Asked directly, how well people say it fits {_moved(whole)}, leavers and newcomers included."
    of = f"alignment of the {fit['twice']:,.0f} people who answered both questionnaires"
    said = [
        f"What people value, and how they read {innovation}: by these, {of} {_moved(fit)}." + direct * judged,
        f"{fit['left']:,.0f} people answered only the first questionnaire, {fit['came']:,.0f} only the second: so the "
        "averages of the two are partly of other people." + _stages(tables["change_services"]),
    ]
    known = rows[rows["told"].isin(("rose", "fell")) & (rows["entry"] != "sum")]
    if len(known):
        ranked = known.reindex(known["value"].abs().sort_values(ascending=False).index)
        parts = [f"{DIRECTIONS.get((r.entry, r.told), r.words)} ({_interval(r)})" for r in ranked.itertuples()]
        said.append(f"What moved: {'; '.join(parts)}.")
    else:
        said.append("No part of the change can be told apart from chance.")
    nearer = beside.loc["nearer"]
    if nearer["told"] in ("rose", "fell"):
        way = "nearer to" if nearer["told"] == "rose" else "further from"
        said.append(
            f"People now read {innovation} {way} what it is meant to stand for, by {abs(nearer['value']):.3f} on "
            f"average over its values (95 % interval {signed(nearer['low'])} to {signed(nearer['high'])} nearer)."
        )
    unknown = rows[(rows["told"] == "unknown") & (rows["entry"] != "sum")]["words"].tolist()
    if unknown:
        said.append(f"With so few answers this cannot be told: {'; '.join(unknown)}.")
    return [*said, _least_aligned(tables["lowest"].iloc[0])]


def _stages(services: pd.DataFrame) -> str:
    """Services that began or stopped between the questionnaires."""
    told = [
        f"{listed(services.loc[services['began'] == sign, 'service'].tolist())} {word}"
        for sign, word in ((1, "began to use it"), (-1, "stopped"))
        if (services["began"] == sign).any()
    ]
    how = "by the sheet on services, else by whether a fifth of those who answered use it"
    return f" In between, {' and '.join(told)} ({how})." if told else ""


def _least_aligned(low: pd.Series) -> str:
    who = f"the {low['people']:.0f} people who were least aligned at first"
    seen = (
        f"their answers moved by {signed(low['rose'])}, and errors of measurement alone would make it look like "
        f"{signed(low['by_chance'])}"
    )
    if abs(low["beyond"]) <= low["half"]:
        return f"Whether {who} came nearer cannot be told: {seen}."
    way = "nearer" if low["beyond"] > 0 else "further away"
    return f"{who[0].upper()}{who[1:]} came {way}, by {abs(low['beyond']):.3f}: {seen}."


def _moved(row: pd.Series) -> str:
    between = f"(95 % interval {signed(row['low'])} to {signed(row['high'])})"
    if row["told"] in ("rose", "fell"):
        return f"{row['told']} by {abs(row['value']):.3f} {between}"
    seen = f"is seen to change by {signed(row['value'])} {between}"
    return f"{seen}: less than 0.02" if row["told"] == "none" else f"{seen}: too few answers to say that it did"


def _interval(row: object) -> str:
    value, low, high = (signed(getattr(row, name)) for name in ("value", "low", "high"))
    return f"{value}; 95 % interval {low} to {high}"


def entries(change: pd.DataFrame) -> pd.DataFrame:
    """The balance with words, ready to be drawn."""
    table = change.rename(columns={"change": "value"})
    return table.assign(words=table["entry"].map(ENTRIES))


def signed(value: float, digits: int = 3) -> str:
    """A difference of alignment, with its sign."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if float(f"{value:.{digits}f}") else f"{0:.{digits}f}"
