"""The committed decisions as a page in plain words: Markdown from the tables of `valign decide`."""

from __future__ import annotations

from collections.abc import Sequence

from ..numbers import pounds, significant
from ..page import Tables
from . import decide
from .claims_page import markdown
from .decide_tables import evsi_table, finalists_table, pilots_table, plan_table, waiting_table


def page(decisions: Sequence[tuple[str, int, str, Tables]], how: str) -> str:
    """The page. decisions : title, budget in £, beginning of the names of its files, tables. how : command, seeds."""
    lines = ["# What a budget should buy", "", how, "", decide.READING, ""]
    lines += ["## In short", "", *_short(decisions)]
    for title, budget, stem, tables in decisions:
        lines += [f"## {title}: {pounds(budget)}", "", f"![Money and gain]({stem}-decide.png)", ""]
        lines += [each for sentence in decide.findings(tables) for each in (f"- {sentence}",)]
        lines += ["", "How sure this is:", "", *(f"- {sentence}" for sentence in decide.certainty(tables)), ""]
        lines += ["**What not to conclude.**", "", *(f"- {sentence}" for sentence in decide.cautions(tables)), ""]
        if len(tables["plan"]):
            lines += [f"![Month by month]({stem}-plan.png)", "", *markdown(*plan_table(tables))]
        lines += [f"![Regret]({stem}-regret.png)", "", *markdown(*finalists_table(tables))]
        lines += markdown(*evsi_table(tables)) if len(tables["evsi"]) else []
        lines += markdown(*waiting_table(tables)) if len(tables["waiting"]) else []
        lines += markdown(*pilots_table(tables)) if len(tables["pilots"]) else []
    return "\n".join(lines).rstrip() + "\n"


def _short(decisions: Sequence[tuple[str, int, str, Tables]]) -> list[str]:
    """One table of all recommended mixes."""
    rows = []
    for title, budget, _, tables in decisions:
        best, unit = decide.best_of(tables), tables["asked"]["unit"].iloc[0]
        gain = f"{significant(best['gain'])} {unit} ({decide.in_between(best, unit)})"
        chance = decide.chance_in_words(best["chance_best"])
        rows.append([title, pounds(budget), best["label"], pounds(best["cost"]), gain, chance])
    columns = ("situation", "budget", "do this first", "cost", "gain over doing nothing", "chance of being best")
    return markdown(columns, rows)
