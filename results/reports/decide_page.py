"""The committed decisions as a page in plain words: Markdown from the tables of `valign decide`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from ..numbers import pounds, significant
from ..page import Tables
from . import decide, decide_certainty
from .claims_page import markdown
from .decide_tables import evsi_table, finalists_table, pilots_table, plan_table, waiting_table


def page(decisions: Sequence[tuple[str, int, str, Tables]], how: str) -> str:
    """The page. decisions : title, budget in £, beginning of the names of its files, tables. how : command, seeds."""
    lines = ["# What a budget should buy", "", how, "", decide.READING, ""]
    lines += ["## In short", "", *_short(decisions)]
    for title, budget, stem, tables in decisions:
        lines += [f"## {title}: {pounds(budget)}", "", f"![Money and gain]({stem}-decide.png)", ""]
        lines += [each for sentence in decide.findings(tables) for each in (f"- {sentence}",)]
        lines += [
            "",
            "How sure this is:",
            "",
            *(f"- {sentence}" for sentence in decide_certainty.certainty(tables)),
            "",
        ]
        lines += [
            "**What not to conclude.**",
            "",
            *(f"- {sentence}" for sentence in decide_certainty.cautions(tables)),
            "",
        ]
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


def method_page(raced: pd.DataFrame, pilots: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """What racing and greedy choice come to beside running everything. raced, pilots : the tables of the check (either
    may be empty). titles : of scenarios.
    """
    lines = [
        "# How far racing and greedy choice fall short",
        "",
        "Made by `python -m valign.experiments.decide --check`, over the worlds that decisions are judged over. What "
        "is chosen by few runs and by all of them is judged anew, on the same fresh worlds and runs.",
        "",
    ]
    if len(raced):
        told = [f"- {_raced(row, titles)}" for row in raced.to_dict("records")]
        said = (
            "What a front covers is the hypervolume of money and gain, from doing nothing up to a budget of £300,000."
        )
        lines += ["## Racing", "", *told, "", said, ""]
    if len(pilots):
        lines += [
            "## Where to pilot first",
            "",
            *(f"- {_greedy(row, titles)}" for row in pilots.to_dict("records")),
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _raced(row: Mapping[Hashable, Any], titles: Mapping[str, str]) -> str:
    saved = f"{100 * row['runs_of_race'] / row['runs_of_all']:.1f} %"
    stays, covers = (f"{100 * row[name]:.{n}f} %" for name, n in (("stays_on_front", 0), ("hypervolume_share", 2)))
    return (
        f"{titles[row['scenario']]}, {row['months']} months: all {row['mixes']} mixes in all of {row['worlds']:,} "
        f"worlds are {row['runs_of_all']:,} runs, the race {row['runs_of_race']:,} ({saved}). On fresh worlds the "
        f"front that the race found ({row['front_of_race']} mixes) covers {covers} of what that of all runs covers "
        f"({row['front_of_all']} mixes). Of the mixes on it, {stays} are beaten by none that costs no more, beyond the "
        "95 % interval of the difference."
    )


def _greedy(row: Mapping[Hashable, Any], titles: Mapping[str, str]) -> str:
    low, high = (significant(row["difference"] + sign * 1.96 * row["error"]) for sign in (-1, 1))
    gained = [significant(row[name]) for name in ("gain_greedy", "gain_best")]
    seconds = f"{row['core_seconds_greedy']:.0f} seconds of a core"
    return (
        f"{titles[row['scenario']]}, {row['months']} months, {row['k']} of {row['services']} services: greedy choice "
        f"took {row['runs_greedy']:,} runs ({seconds}) and found {row['greedy']}. The best of all {row['sets']} sets, "
        f"raced in {row['runs_best']:,} runs, the leading ones in all of {row['worlds_best']} worlds, is "
        f"{row['best']}. On {row['fresh']:,} fresh worlds they gain {gained[0]} and {gained[1]} points; greedy choice "
        f"less the best: {significant(row['difference'])} points ({low} to {high})."
    )
