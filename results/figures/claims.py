"""Figures of claims: shares of worlds by claim, and the waterfall of what moved alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ..palette import ABSENT, GRID, INK, LIGHT, MUTED, PREDICTED, REVERSED
from ..vocabulary import mechanism_label
from .common import headed, new_figure, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORLDS = "worlds that agree with published facts"
WAYS = (("predicted", PREDICTED, ""), ("absent", ABSENT, ""), ("reversed", REVERSED, "////"))


def overview_figure(summary: pd.DataFrame, plausible: pd.DataFrame | None = None) -> Figure:
    """Shares of worlds by claim: as predicted, absent, reversed; the null beside. `summary`: one row per claim.

    plausible : the same over worlds that fill the plausible ranges, whose share as predicted is marked.
    """
    rows = len(summary)
    beside = None if plausible is None or plausible.empty else plausible.set_index("claim")["predicted"]
    figure, (axes,) = new_figure(1, 11.5, 1.6 + 0.34 * rows)
    for place, row in enumerate(summary.to_dict("records")):
        y, left = rows - 1 - place, 0.0
        for kind, colour, hatch in WAYS:
            axes.barh(y, row[kind], 0.62, left=left, color=colour, hatch=hatch, edgecolor="white", lw=0.4)
            left += row[kind]
        axes.plot([row["predicted_low"], row["predicted_high"]], [y, y], color=INK, lw=1.4, solid_capstyle="butt")
        axes.plot(
            row["null_predicted"], y - 0.02, marker="D", ms=6, mfc="white", mec=INK, ls="none", clip_on=False, zorder=5
        )
        if beside is not None:
            axes.plot(beside[row["claim"]], y + 0.31, marker="v", ms=6, mfc=INK, mec="white", ls="none", zorder=6)
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
    axes.set_title(
        f"Share of {WORLDS if beside is not None else 'worlds'}", loc="left", fontsize=11, fontweight="bold", color=INK
    )
    handles = [
        _patch(PREDICTED, "as predicted, at least the smallest effect of interest"),
        _patch(ABSENT, "absent"),
        _patch(REVERSED, "reversed", "////"),
        _marker("D", "white", "as predicted in the null"),
        *([] if beside is None else [_marker("v", INK, "as predicted in plausible worlds, whatever the facts say")]),
    ]
    figure.legend(
        handles=handles, loc="outside upper right", ncols=4 if beside is None else 3, frameon=False, fontsize=9
    )
    note(
        figure,
        f"{summary['worlds'].max():,} worlds, {summary['seeds'].max()} seeds in each: along a bar is what is not "
        "known, chance is taken out of the shares. Lines: 95 % Wilson "
        "intervals of the share as predicted. An assumed claim is quantified, never supported.",
    )
    return figure


def _patch(colour: str, text: str, hatch: str = "") -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor="white", hatch=hatch, label=text)


def _marker(shape: str, colour: str, text: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], marker=shape, ls="none", mfc=colour, mec=INK, label=text)


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
        _waterfall(axes, whole[whole["flexibility"] == flexibility], f"change in mean {balance}")
        fixed = "Innovation fixed (flexibility 0)"
        heading = f"Innovation may move (flexibility {flexibility:g})" if flexibility else fixed
        axes.set_title(heading, loc="left", fontsize=11, fontweight="bold", color=INK)
    low = min(axes.get_xlim()[0] for axes in panels)
    high = max(axes.get_xlim()[1] for axes in panels)
    for axes in panels:
        axes.set_xlim(low, high)
    headed(figure, title)
    handles = [
        _patch(PREDICTED, "did along the way (booked):\nmoved groups or innovation"),
        _patch(LIGHT, "drew people together", "...."),
        _patch(REVERSED, "lost without it, same seeds\n(ablation; line: 95 %)"),
    ]
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    note(
        figure,
        "Staff, managers and peers, whole run. Each bar starts where the last ended, and so does the thin bar "
        "below it.",
    )
    return figure


def _waterfall(axes: Axes, part: pd.DataFrame, change: str) -> None:
    """A bar for each mechanism, from where the last ended, and one for all together."""
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
    axes.set(yticks=[*range(len(bars), 0, -1), 0], yticklabels=[*names, "all together"], xlabel=change)
    axes.grid(True, axis="x", color=GRID)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=5)
    axes.use_sticky_edges = False
    axes.margins(x=0.06)
