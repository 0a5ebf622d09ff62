"""The committed result of the claims as a page in plain words: Markdown from the tables of `valign claims`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..numbers import guarded_percent, percent_range, significant
from ..page import Tables
from ..vocabulary import mechanism_label
from .claims import (
    GRADE_MEANINGS,
    changed_in_words,
    in_words,
    otherwise,
    overview_rows,
    rows_of_changed,
    rows_of_shipped,
    rows_of_tests,
)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, the first column to the left."""
    return [
        "| " + " | ".join(columns) + " |",
        "|---" + "|---:" * (len(columns) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def claim_page(row: Mapping[str, Any], tables: Tables, heading: str = "##") -> list[str]:
    """Everything found for one claim, as Markdown lines. row: of the summary, with the claim's own words."""
    claim = row["claim"]
    lines = [
        f"{heading} {claim} {row['title']}: {row['verdict']}",
        "",
        row["statement"],
        f"*{row['source']}.* Grade: {row['grade']} ({GRADE_MEANINGS[row['grade']]}).",
        "",
        f"**Over worlds.** {in_words(row)} {row['where']}",
        "",
    ]
    tests = tables["tests"]
    tests = tests[tests["claim"] == claim]
    lines += markdown(*rows_of_tests(tests))
    shipped = tables.get("shipped", pd.DataFrame())
    if len(shipped) and (shipped["claim"] == claim).any():
        lines += ["In the shipped scenarios at their defaults (95 % interval; in SDs between runs):", ""]
        lines += markdown(*rows_of_shipped(shipped[shipped["claim"] == claim]))
    lines += [each for told in otherwise(row, tables) for each in (told, "")]
    lines += [f"What would count against it: {row['against'][0].lower() + row['against'][1:]}", ""]
    return lines


def page(summary: pd.DataFrame, tables: Tables, how: str) -> str:
    """The page of a set of claims. tables: tests, shipped, rivals, variants. how: the command, seeds and time."""
    told_of = {**tables, "claims": summary}
    lines = [
        "# The claims, tested",
        "",
        how,
        "",
        "A *world* is a set of values for all parameters that are not known, with a society of its own. The worlds "
        "agree with [published facts](../worlds/worlds.md); what a scenario says of its innovation and what services "
        "and commissioners decide, about which those facts say nothing, fills its plausible range. *Plausible worlds*, "
        "beside, fill all ranges evenly, whatever the facts say (Latin hypercube; strengths of mechanisms from 0). So "
        "a share is about what is not known; chance is taken out of it. Every arm of a test runs in it with the "
        "same seeds. An effect is *as predicted* when it goes in the predicted direction and is at least the smallest "
        "of interest, *absent* when it is smaller than that in either direction, else *reversed*; a claim of several "
        "tests holds where all do. *Supported*: as predicted in more than half of the worlds and reversed in fewer "
        "than a tenth; *not supported*: as predicted in fewer than a tenth, or "
        "made in more than half of the worlds without the assumption (the *null*) too; *conditionally*: in "
        "between; *undecided*: the intervals leave it open. Error levels are corrected for the number of claims "
        "(Holm; eighteen at least). What the model assumes it cannot support: such a claim is *quantified*.",
        "",
        "![Share of worlds in which each claim holds, is absent or reversed](claims.png)",
        "",
    ]
    lines += markdown(*overview_rows(summary))
    lines += [
        each for told in changed_in_words(told_of)[:1] for each in ("## Verdicts that the facts change", "", told, "")
    ]
    if (rows := rows_of_changed(told_of))[1]:
        lines += markdown(*rows)
    for row in summary.to_dict("records"):
        lines += claim_page(row, tables)
    return "\n".join(lines).rstrip() + "\n"


def case_page(case: pd.DataFrame, region: pd.DataFrame) -> list[str]:
    """The social prescribing case as its study has it (C15), as Markdown lines."""
    lines = [
        "## C15 as the study tells it",
        "",
        "The shipped scenario `social-prescribing` to month 36; a run *recommissions* when some service is "
        "commissioned by then.",
        "",
    ]
    columns = ["arm", "return observed", "runs that recommission", "services commissioned", "expected", "met"]
    lines += markdown(
        columns,
        [
            [
                row.arm,
                f"£{row.observed_return:.2f}",
                f"{guarded_percent(row.recommission)} ({percent_range(row.low, row.high)})",
                guarded_percent(row.services),
                row.expected,
                "yes" if row.as_expected else "**no**",
            ]
            for row in case.itertuples()
        ],
    )
    met = region[region["as_in_the_study"]]
    lines += [
        f"Declining without and recommissioning with monthly dialogue, each in at least 80 % of "
        f"{region['runs'].iloc[0]} runs, hold together in {len(met)} of {len(region)} combinations of "
        "commissioners' reservation score "
        "(−.3 to .5) and the rate at which discussion moves their weights (.025 to .2): "
        + (
            f"with reservation scores from {significant(met['reservation'].min(), False)} to "
            f"{significant(met['reservation'].max(), False)}."
            if len(met)
            else "nowhere."
        ),
        "",
    ]
    return lines


JUDGED = {
    "grounding": "grounding in own values",
    "talk": "talk with people one has ties with",
    "sensegiving": "the manager's judgement",
    "session": "sessions",
}


def attribution_page(table: pd.DataFrame) -> list[str]:
    """What moved alignment, by scenario and episode, as Markdown lines: booked (centre, spread) beside ablation."""
    lines = [
        "## What moved alignment",
        "",
        "Per person of staff, managers and peers; *booked*: what the mechanism did along the path taken (of which "
        "by moving the mean of a group, *centre*, and by the rest of people's moves, *spread*); *ablation*: "
        "the change with it less the change without it, the same seeds. Mechanisms that draw people together "
        "book more than their ablation takes away: others do the work when they are off. By role in "
        "attribution.csv. Sensemaking moves alignment alone; what moves values or the innovation moves fit, and "
        "reaches alignment by grounding.",
        "",
    ]
    everybody = table[table["role"] == "all"]
    by = ["scenario", "flexibility", "balance"]
    for (scenario, flexibility, balance), part in everybody.groupby(by, sort=False):
        of_what = "fit of people's own values" if balance == "fit" else "alignment, as people judge it"
        lines += [f"### {scenario}, flexibility {flexibility:g}: {of_what}", ""]
        lines += [f"![]({waterfall_name(scenario, balance)}.png)", ""]
        rows = []
        for episode in dict.fromkeys(part["episode"]):
            of = part[(part["episode"] == episode) & (part["mechanism"] != "all")]
            for mechanism in dict.fromkeys(of["mechanism"]):
                each = of[of["mechanism"] == mechanism].set_index("part")
                whole = each.loc["all"]
                if max(abs(whole["booked"]), abs(np.nan_to_num(whole["ablation"]))) < 0.001:
                    continue
                rows.append(
                    [
                        f"{'whole run' if episode == 'all' else episode}: {mechanism_label(mechanism)}",
                        _with_interval(whole, "booked"),
                        *(
                            significant(each.loc[name, "booked"]) if name in each.index else "–"
                            for name in ("centre", "spread")
                        ),
                        _with_interval(whole, "ablation"),
                    ]
                )
                for name in JUDGED if balance == "alignment" else ():
                    if name in each.index and abs(each.loc[name, "booked"]) >= 0.001:
                        rows.append([f"– by {JUDGED[name]}", _with_interval(each.loc[name], "booked"), "", "", ""])
        lines += markdown(["episode: mechanism", "booked (95 %)", "centre", "spread", "ablation (95 %)"], rows)
    return lines


def _with_interval(row: pd.Series, name: str) -> str:
    return f"{row[name]:+.3f} ({row[f'{name}_low']:+.3f} to {row[f'{name}_high']:+.3f})".replace("-", "−")


def waterfall_name(scenario: str, balance: str = "alignment") -> str:
    """File name of a scenario's waterfall, without ending."""
    return f"attribution-{scenario}" + ("" if balance == "alignment" else f"-{balance}")
