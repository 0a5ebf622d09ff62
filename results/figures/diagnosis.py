"""Figures of a diagnosis: values beside the innovation, services by alignment and climate, what moved, what helps."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import GREY, INK, LIGHT, MAIN, MUTED, PALE, PINNED
from .common import apart, headed, in_worlds, new_figure, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_GROUPS, MOST_SERVICES = 4, 40


def values_figure(values: pd.DataFrame, title: str, groups: list[str]) -> Figure:
    """What each group values and how it reads the innovation, beside what the innovation stands for.

    values : columns group, words, counts, lost, kind, intended, own, own_low, own_high, reads, reads_low, reads_high.
    groups : a panel each, the first with the names of values.
    """
    groups = groups[:MOST_GROUPS]
    figure, panels = new_figure(len(groups), 4.4 + 2.6 * len(groups), 4.6)
    order = values[values["group"] == groups[0]].sort_values("lost", ascending=False)["words"].tolist()
    for place, (axes, group) in enumerate(zip(panels, groups, strict=True)):
        part = values[values["group"] == group].set_index("words").reindex(order)
        y = np.arange(len(order))[::-1]
        for name, offset, colour, marker, face in (
            ("own", 0.14, MAIN, "o", MAIN),
            ("reads", -0.14, PINNED, "D", "white"),
        ):
            bars = [part[name] - part[f"{name}_low"], part[f"{name}_high"] - part[name]]
            axes.errorbar(
                part[name], y + offset, xerr=bars, fmt=marker, color=colour, mfc=face, ms=5, lw=1.4, capsize=2
            )
        axes.scatter(part["intended"], y, marker="|", s=420, color=INK, linewidths=2.4, zorder=4)
        axes.set(
            xlim=(-0.02, 1.02), ylim=(-0.6, len(order) - 0.1), xticks=[0, 0.5, 1], xlabel="0: not at all, 1: wholly"
        )
        answers = int(part["answers"].max())
        many = group if group in ("everybody", "staff") or answers == 1 else f"{group}s"
        axes.set_title(f"{many} ({answers:,})", loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.set_yticks(y, [_weighed(words, part) for words in order] if place == 0 else [""] * len(order))
        axes.grid(True, axis="x")
        if place == 0:
            top = part.loc[order[0]]
            for x, up, word, colour in (
                (top["own"], 0.36, "people value", MAIN),
                (top["intended"], 0.62, "it stands for", INK),
                (top["reads"], -0.4, "people read", PINNED),
            ):
                axes.text(x, y[0] + up, word, color=colour, fontsize=8.5, ha="center", va="center")
    headed(figure, title)
    note(
        figure,
        "Upright stroke: what the innovation stands for. Filled circle: what people value. Open diamond: how "
        "they read the "
        "innovation. Bars: 95 % intervals. A circle far from the stroke is disagreement, a diamond far from it a "
        "misreading. Values that take most from alignment stand at the top; in brackets how much each counts.",
    )
    return figure


def _weighed(words: str, part: pd.DataFrame) -> str:
    return f"{words} ({100 * part.at[words, 'counts']:.0f} %)"


def map_figure(services: pd.DataFrame, title: str) -> Figure:
    """Services by alignment and climate, with 95 % intervals.

    services : columns service, fit, fit_low, fit_high, climate, climate_low, climate_high.
    """
    figure, (axes,) = new_figure(1, 8.8, 6.2)
    shown = services[np.isfinite(services["climate"])].head(MOST_SERVICES)
    axes.errorbar(
        shown["fit"],
        shown["climate"],
        xerr=[shown["fit"] - shown["fit_low"], shown["fit_high"] - shown["fit"]],
        yerr=[shown["climate"] - shown["climate_low"], shown["climate_high"] - shown["climate"]],
        fmt="none", ecolor=PALE, lw=1.1, zorder=1,
    )  # fmt: skip
    axes.scatter(shown["fit"], shown["climate"], s=34, color=MAIN, zorder=3)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    apart_by = 0.012 * float(np.ptp(axes.get_xlim()))
    side = shown["fit"] >= shown["fit"].median()
    for right in (False, True):
        part = shown[side == right]
        for y, (_, row) in zip(apart(part["climate"].tolist(), 0.028 * (high - low)), part.iterrows(), strict=True):
            axes.annotate(
                row["service"],
                (row["fit"], row["climate"]),
                xytext=(row["fit"], y),
                textcoords="data",
                fontsize=8.5,
                color=INK,
                ha="left" if right else "right",
                va="center",
                zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
            ).set_x(row["fit"] + (apart_by if right else -apart_by))
    axes.axvline(services["fit"].mean(), color=MUTED, lw=1, ls="--")
    axes.axhline(shown["climate"].mean(), color=MUTED, lw=1, ls="--")
    axes.set_xlabel("alignment (of 0 to 1, the part where services are)")
    axes.set_ylabel("climate: expected, supported, valued (0 to 1)")
    axes.grid(True)
    left = len(services) - len(shown)
    headed(figure, title)
    note(
        figure,
        "Each point is a service; those with few answers are moved toward the average. Lines: 95 % intervals; broken "
        "lines: means of services. Upper right: aligned and supported. Lower right: aligned, not supported. Upper "
        "left: supported, not aligned. Lower left: neither."
        + (f" {left} more services are in the table." if left else ""),
    )
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, names: list[str], unit: float, strong: list[bool], width: float = 3) -> None:
    """Points with intervals, one a row from the top, against 0; those that cannot be told from it in grey."""
    y = np.arange(len(rows))[::-1]
    for place, (_, row) in enumerate(rows.iterrows()):
        colour = MAIN if strong[place] else GREY
        axes.plot(
            [unit * row["low"], unit * row["high"]],
            [y[place]] * 2,
            color=colour if strong[place] else LIGHT,
            lw=width,
            solid_capstyle="butt",
        )
        face = colour if strong[place] else "white"
        axes.plot(unit * row["value"], y[place], marker="o", ms=7, color=colour, mfc=face, zorder=3)
    axes.axvline(0, color=MUTED, lw=1)
    axes.set_yticks(y, [fill(name, 42) for name in names])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(True, axis="x")


def change_figure(rows: pd.DataFrame, title: str) -> Figure:
    """What moved alignment between two waves.

    rows : columns words, value, low, high, told.
    """
    figure, (axes,) = new_figure(1, 9.4, 0.5 * len(rows) + 2.2)
    _bars(axes, rows, rows["words"].tolist(), 1, [told in ("rose", "fell") for told in rows["told"]])
    axes.set_xlabel("change, on the scale of alignment from 0 to 1")
    headed(figure, title)
    note(figure, "Bars: 95 % intervals. Filled: told apart from no change. Open: not, with these answers.")
    return figure


def follows_figure(rows: pd.DataFrame, title: str, months: int, runs: int) -> Figure:
    """What each lever adds to the use of the innovation in the model.

    rows : columns words, value, low, high (shares of people).
    """
    figure, (axes,) = new_figure(1, 9.4, 0.5 * len(rows) + 2.2)
    worlds = in_worlds(rows)
    wide = rows.assign(low=rows["unknown_low"], high=rows["unknown_high"]) if worlds else rows
    _bars(
        axes,
        wide,
        rows["words"].tolist(),
        100,
        [(row.low > 0 or row.high < 0) and row.low < row.high for row in wide.itertuples()],
        7 if worlds else 3,
    )
    if worlds:
        y = np.arange(len(rows))[::-1]
        ends = [100 * rows[name] for name in ("chance_low", "chance_high")]
        axes.hlines(y, *ends, color=INK, lw=1, zorder=2)
        for each in ends:
            axes.plot(each, y, ls="", marker="|", ms=6, color=INK, zorder=2)
    axes.set_xlabel(f"people using it after {months} months: difference in percentage points")
    headed(figure, title)
    note(
        figure,
        f"Means of paired differences over {runs} runs. Thick bars: not knowing (nine in ten worlds have their mean "
        "there; studies would narrow it). Thin lines: chance (nine in ten pairs of runs of one world; no study narrows "
        "it). Filled: nine in ten worlds agree whether it helps or harms. Open: they do not; or they differ by no more "
        "than chance (no thick bar)."
        if worlds
        else f"Means of paired differences over {runs} runs; bars: 95 % intervals of chance alone, at the model's "
        "default parameters. Open: not told apart from 0.",
    )
    return figure
