"""Claims on paper: the overview figure, the waterfall of what moved alignment, and a page in plain words.

Tables in (those of `valign claims`), text and figures out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..figures.common import headed, new_figure, note
from ..numbers import guarded_percent as percent
from ..numbers import significant
from ..page import Table
from ..palette import ABSENT, GRID, INK, LIGHT, MUTED, PREDICTED, REVERSED
from ..vocabulary import capital, mechanism_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRADES = {
    "assumed": "an equation of the model states it, so it can only be quantified",
    "partly": "the model assumes it in part",
    "emergent": "no equation states it: it emerges or not",
}
KINDS = (("predicted", PREDICTED, ""), ("absent", ABSENT, ""), ("reversed", REVERSED, "////"))
AS_WELL = 0.8  # a rival makes a pattern as well from this share of the model's own worlds on


# --- figures ---------------------------------------------------------------------------------------------------------
def overview_figure(summary: pd.DataFrame) -> Figure:
    """Shares of worlds by claim: as predicted, absent, reversed; the null beside. `summary`: one row per claim."""
    rows = len(summary)
    figure, (axes,) = new_figure(1, 11.5, 1.6 + 0.34 * rows)
    for place, row in enumerate(summary.to_dict("records")):
        y, left = rows - 1 - place, 0.0
        for kind, colour, hatch in KINDS:
            axes.barh(y, row[kind], 0.62, left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.4)
            left += row[kind]
        axes.plot([row["predicted_low"], row["predicted_high"]], [y, y], color=INK, lw=1.4, solid_capstyle="butt")
        axes.plot(
            row["null_predicted"], y - 0.02, marker="D", ms=6, mfc="white", mec=INK, ls="none", clip_on=False, zorder=5
        )
        axes.annotate(row["verdict"], (1.035, y), va="center", fontsize=9.5, color=INK, annotation_clip=False)
    axes.set(
        xlim=(-0.02, 1.02),
        ylim=(-0.6, rows - 0.35),
        yticks=range(rows),
        yticklabels=[f"{row.title}  {row.claim}" for row in summary.iloc[::-1].itertuples()],
        xticks=[0, 0.25, 0.5, 0.75, 1],
        xticklabels=["0", "25", "50", "75", "100 %"],
    )
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x", color=GRID)
    axes.set_title("Share of plausible worlds", loc="left", fontsize=11, fontweight="bold", color=INK)
    handles = [
        _patch(PREDICTED, "as predicted, at least the smallest effect of interest"),
        _patch(ABSENT, "absent"),
        _patch(REVERSED, "reversed", "////"),
        _marker(),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=4, frameon=False, fontsize=9)
    note(
        figure,
        f"{summary['worlds'].max():,} worlds, {summary['seeds'].max()} seeds in each; lines: 95 % Wilson "
        "intervals of the share as predicted. An assumed claim is quantified, never supported.",
    )
    return figure


def _patch(colour: str, text: str, hatch: str = "") -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor="white", hatch=hatch, label=text)


def _marker() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], marker="D", ls="none", mfc="white", mec=INK, label="as predicted in the null")


def waterfall_figure(attribution: pd.DataFrame, title: str, balance: str = "alignment") -> Figure:
    """What moved mean alignment (or fit) over the whole run, mechanism by mechanism: booked, and by ablation beside.

    attribution : the table of `experiments.attribution` for one scenario; one panel per flexibility.
    balance : "alignment" or "fit".
    """
    whole = attribution[(attribution["episode"] == "all") & (attribution["role"] == "all")]
    whole = whole[whole["balance"] == balance]
    flexibilities = sorted(whole["flexibility"].unique())
    figure, panels = new_figure(len(flexibilities), 6.0 * len(flexibilities), 4.8)
    for axes, flexibility in zip(panels, flexibilities, strict=True):
        part = whole[whole["flexibility"] == flexibility]
        total = part[part["mechanism"] == "all"].iloc[0]
        bars = part[(part["part"] == "all") & (part["mechanism"] != "all")]
        bars = bars[(bars["booked"].abs() > 5e-4) | (bars["ablation"].abs() > 5e-4)]
        names, level = [], 0.0
        for place, row in enumerate(bars.to_dict("records")):
            y = len(bars) - place
            own = part[part["mechanism"] == row["mechanism"]].set_index("part")["booked"]
            spread = own.get("spread", 0.0)
            start = level
            for value, colour, hatch in ((row["booked"] - spread, PREDICTED, ""), (spread, LIGHT, "....")):
                axes.barh(y, value, 0.55, left=start, color=colour, hatch=hatch, edgecolor="white", lw=0.4)
                start += value
            level += row["booked"]
            axes.plot([level, level], [y - 0.28, y - 0.72], color=MUTED, lw=0.8)
            axes.barh(y - 0.36, row["ablation"], 0.16, left=level - row["booked"], color=REVERSED, lw=0)
            low, high = (level - row["booked"] + row[f"ablation_{end}"] for end in ("low", "high"))
            axes.plot([low, high], [y - 0.36] * 2, color=INK, lw=1)
            names.append(mechanism_label(row["mechanism"]))
        axes.barh(0, total["booked"], 0.55, color=INK)
        axes.plot([total["booked_low"], total["booked_high"]], [0, 0], color=MUTED, lw=2)
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set(
            yticks=[*range(len(bars), 0, -1), 0],
            yticklabels=[*names, "all together"],
            xlabel=f"change in mean {balance}",
        )
        axes.grid(True, axis="x", color=GRID)
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.locator_params(axis="x", nbins=5)
        axes.use_sticky_edges = False
        axes.margins(x=0.06)
        axes.set_title(
            "Innovation fixed (flexibility 0)"
            if flexibility == 0
            else f"Innovation may move (flexibility {flexibility:g})",
            loc="left",
            fontsize=11,
            fontweight="bold",
            color=INK,
        )
    low = min(axes.get_xlim()[0] for axes in panels)
    high = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(low, high)
    headed(figure, title)
    figure.legend(
        handles=[
            _patch(PREDICTED, "did along the way (booked):\nmoved groups or innovation"),
            _patch(LIGHT, "drew people together", "...."),
            _patch(REVERSED, "lost without it, same seeds\n(ablation; line: 95 %)"),
        ],
        loc="outside right upper",
        frameon=False,
        fontsize=9,
    )
    note(
        figure,
        "Staff, managers and peers, whole run. Each bar starts where the last ended, and so does the thin bar "
        "below it.",
    )
    return figure


# --- words -----------------------------------------------------------------------------------------------------------
def in_words(row: Mapping[str, Any]) -> str:
    """What was found for a claim over the worlds, in one or two sentences."""
    text = (
        f"As predicted in {percent(row['predicted'])} of worlds "
        f"({percent(row['predicted_low'])} to {percent(row['predicted_high'])}), "
        f"absent in {percent(row['absent'])}, reversed in {percent(row['reversed'])}. "
        f"Without the assumption: as predicted in {percent(row['null_predicted'])}."
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


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, the first column to the left."""
    return [
        "| " + " | ".join(columns) + " |",
        "|---" + "|---:" * (len(columns) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def overview_rows(summary: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the table of verdicts."""
    columns = ["claim", "grade", "verdict", "as predicted", "absent", "reversed", "null as predicted"]
    return columns, [
        [
            f"{row.claim} {row.title}",
            row.grade,
            row.verdict,
            f"{percent(row.predicted)} ({percent(row.predicted_low)} to {percent(row.predicted_high)})",
            percent(row.absent),
            percent(row.reversed),
            percent(row.null_predicted),
        ]
        for row in summary.itertuples()
    ]


def rivals_in_words(claim: str, rivals: pd.DataFrame, own: float) -> str:
    """Which rivals make the pattern too; own: the model's share in the same worlds."""
    part = rivals[rivals["claim"] == claim] if len(rivals) else rivals
    if part.empty:
        return ""
    told = ", ".join(f"{row.rival} {percent(row.predicted)}" for row in part.itertuples())
    as_well = [row.rival for row in part.itertuples() if own > 0.1 and row.predicted >= AS_WELL * own]
    text = f"Rivals alone, as predicted in the same worlds: {told} (the full model {percent(own)})."
    if as_well:
        text += f" The pattern is weak evidence for alignment: {' and '.join(as_well)} makes it as well."
    return text


READING = (
    "A share says in how many plausible worlds (sets of values for everything that is not known) a claim turns "
    "out; in brackets its 95 % interval."
)
LIMITS = (
    "A claim that is supported holds in the model, over what is plausible; that is no proof that it holds in services.",
    "What the model assumes it cannot support: such a claim is quantified, whatever its share.",
    "A claim that is not supported may still be true for reasons that the model does not hold.",
)
WORDS = {
    "World": "A point of the space of plausible parameters, with a society of its own. Every arm of a test runs in it "
    "with the same chances.",
    "As predicted": "The effect goes in the predicted direction and is at least the smallest of interest.",
    "Absent, reversed": "Smaller than the smallest effect of interest in either direction; or large the other way.",
    "Null": "The same test in the same worlds without the assumption that the claim rests on.",
    "Supported": "As predicted in more than half of the worlds and reversed in fewer than a tenth.",
    "Not supported": "As predicted in fewer than a tenth of the worlds, or made without the assumption too.",
    "Conditionally": "In between: it holds in some worlds, and the findings say in which.",
    "Undecided": "The intervals leave it open; more worlds would decide.",
    **{f"Grade: {grade}": f"{capital(words)}." for grade, words in GRADES.items()},
}


def certainty(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """How many worlds and runs stand behind the shares, and what else makes the pattern."""
    summary = tables["claims"]
    told = [
        f"Each claim was tested in {summary['worlds'].max():,} plausible worlds with {summary['seeds'].max()} runs "
        f"of every arm in each, {summary['runs'].sum():,} runs in all. Brackets are 95 % intervals of the share of "
        "worlds; noise from chance is taken out of the shares, and error levels are corrected for the number of "
        "claims."
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
            percent(test["predicted"]),
            percent(test["reversed"]),
            percent(test["null_predicted"]),
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


def tables_of_tests(tables: Mapping[str, pd.DataFrame]) -> list[Table]:
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


def otherwise(row: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What other measures and rival explanations give for a claim, where they were tried."""
    told, own, variants = [], row["predicted"], tables.get("variants", pd.DataFrame())
    if len(variants) and (variants["claim"] == row["claim"]).any():
        part = variants[variants["claim"] == row["claim"]]
        own = float(part["predicted"].iloc[0])
        told.append(
            f"Otherwise measured, in the first {part['worlds'].max():,} worlds: "
            + "; ".join(
                f"{each.variant} {percent(each.predicted)} as predicted, {percent(each.reversed)} reversed"
                for each in part.itertuples()
            )
            + "."
        )
    if rivals := rivals_in_words(row["claim"], tables.get("rivals", pd.DataFrame()), own):
        told.append(rivals)
    return told


def claim_page(row: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], heading: str = "##") -> list[str]:
    """Everything found for one claim, as Markdown lines. row: of the summary, with the claim's own words."""
    claim = row["claim"]
    lines = [
        f"{heading} {claim} {row['title']}: {row['verdict']}",
        "",
        row["statement"],
        f"*{row['source']}.* Grade: {row['grade']} ({GRADES[row['grade']]}).",
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


def page(summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame], how: str) -> str:
    """The page of a set of claims. tables: tests, shipped, rivals, variants. how: the command, seeds and time."""
    lines = [
        "# The claims, tested",
        "",
        how,
        "",
        "A *world* is a point of the space of plausible parameters (Latin hypercube; strengths of mechanisms from "
        "0), with a society of its own. Every arm of a test runs in it with the same seeds. An effect is *as "
        "predicted* when it goes in the predicted direction and is at least the smallest of interest, *absent* "
        "when it is smaller than that in either direction, else *reversed*; a claim of several tests holds where "
        "all do. Noise from the seeds is taken out of the shares. *Supported*: as predicted in more than half of "
        "the worlds and reversed in fewer than a tenth; *not supported*: as predicted in fewer than a tenth, or "
        "made in more than half of the worlds without the assumption (the *null*) too; *conditionally*: in "
        "between; *undecided*: the intervals leave it open. Error levels are corrected for the number of claims "
        "(Holm; eighteen at least). What the model assumes it cannot support: such a claim is *quantified*.",
        "",
        "![Share of worlds in which each claim holds, is absent or reversed](claims.png)",
        "",
    ]
    lines += markdown(*overview_rows(summary))
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
                f"{percent(row.recommission)} ({percent(row.low)} to {percent(row.high)})",
                percent(row.services),
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
