"""A planned study in plain words, every number taken from its tables."""

from __future__ import annotations

import pandas as pd

from ..figures.calibration import RIVAL_TITLES
from ..page import Tables

LIMITS = (
    "The chance holds among these five explanations, with effects within the ranges of the plan: if the truth lies "
    "outside, the study may do better or worse.",
    "People, services and ties are made up as the plan describes them; one such society was simulated for each size.",
    "Naming the right explanation in most studies does not make a single study certain.",
)
WORDS = {
    "Chance": "How often a random forest names the explanation that made a study simulated as planned, of studies "
    "that it had not learned from.",
    "Width": "From the lower to the upper end of a 90 % interval of an effect, as the study would leave it.",
    "Power": "How often the plain regression would show, at the 5 % level, that values matter, if services did not "
    "differ.",
}


def design_in_words(row: pd.Series) -> str:
    """A design as one would describe it to a funder."""
    ties = ", and whom they look to" if row["ties"] else ""
    answer = "" if row["answer"] == 1 else f", {100 * row['answer']:.0f} % of whom answer"
    return (
        f"{int(row['services']):,} services with {int(row['people']):,} people each{answer}, asked "
        f"{int(row['waves'])} times over {int(row['months'])} months{ties}"
    )


def cheapest(designs: pd.DataFrame, enough: float) -> pd.Series | None:
    """The cheapest design that reaches what is enough; None where none does."""
    reach = designs[designs["chance"] >= enough]
    return None if reach.empty else reach.sort_values(["cost", "chance"], ascending=[True, False]).iloc[0]


def findings(designs: pd.DataFrame, enough: float) -> list[str]:
    """The sentence for the application, then what differs between designs."""
    best = cheapest(designs, enough)
    if best is not None:
        told = [
            f"{_capital(design_in_words(best))}, would name the right one of five explanations in "
            f"{100 * best['chance']:.0f} % of studies ({100 * best['low']:.0f} to {100 * best['high']:.0f} %): the "
            f"cheapest of {len(designs)} designs that reaches {100 * enough:.0f} % (cost {best['cost']:,.0f})."
        ]
    else:
        best = designs.sort_values("chance").iloc[-1]
        told = [
            f"None of {len(designs)} designs names the right one of five explanations in {100 * enough:.0f} % of "
            f"studies; the best, {design_in_words(best)}, does in {100 * best['chance']:.0f} % "
            f"({100 * best['low']:.0f} to {100 * best['high']:.0f} %)."
        ]
    told.append(
        f"The effect of values (`fit_effect`) would be known to within an interval {best['width_fit_effect']:.2f} "
        f"wide, and the plain regression would show it in {100 * best['power']:.0f} % of studies."
    )
    return told


def certainty(designs: pd.DataFrame, confusion: pd.DataFrame, enough: float) -> list[str]:
    """What is confused with what in the design that is proposed."""
    best = cheapest(designs, enough)
    row = designs.sort_values("chance").iloc[-1] if best is None else best
    part = confusion[confusion["design"] == row["design"]].set_index("truth")
    names = [name for name in RIVAL_TITLES if name in part.index]
    worst = min(names, key=lambda name: part.loc[name, name])
    others = {name: part.loc[worst, name] for name in names if name != worst}
    taken = max(others, key=lambda name: others[name])
    return [
        f"Hardest to tell is “{RIVAL_TITLES[worst]}”: named in {100 * part.loc[worst, worst]:.0f} % of the studies "
        f"that it made, and taken for “{RIVAL_TITLES[taken]}” in {100 * others[taken]:.0f} %.",
        "Guessing would be right in 20 %.",
    ]


def designs_table(designs: pd.DataFrame) -> tuple[tuple[str, ...], list[list[str]]]:
    """A row for each design, the cheapest first."""
    columns = (
        "services",
        "people each",
        "months",
        "waves",
        "ties",
        "answer",
        "cost",
        "chance",
        "95 %",
        "width, values",
    )
    return (*columns, "power"), [
        [
            f"{row.services:,}",
            f"{row.people:,}",
            f"{row.months}",
            f"{row.waves}",
            "asked" if row.ties else "not asked",
            f"{100 * row.answer:.0f} %",
            f"{row.cost:,.0f}",
            f"{100 * row.chance:.0f} %",
            f"{100 * row.low:.0f} to {100 * row.high:.0f} %",
            f"{row.width_fit_effect:.2f}",
            f"{100 * row.power:.0f} %",
        ]
        for row in designs.sort_values(["cost", "chance"], ascending=[True, False]).itertuples()
    ]


def confusion_table(tables: Tables) -> tuple[tuple[str, ...], list[list[str]]]:
    """Which explanation is named for studies that each made, over all designs."""
    wide = tables["confusion"].drop(columns="design").groupby("truth").mean()
    names = [name for name in RIVAL_TITLES if name in wide.index]
    return ("made by", *(RIVAL_TITLES[name] for name in names)), [
        [RIVAL_TITLES[name], *(f"{100 * wide.loc[name, other]:.0f} %" for other in names)] for name in names
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
