"""Figures of a decision: money and gain, regret by kind of world, the recommended mix on the month axis."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..numbers import guarded_percent, pounds
from ..palette import GRID, INK, LIGHT, MAIN, MUTED, PALE, PINNED
from .common import STYLES, apart, headed, month_axis, new_figure, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def front_figure(finalists: pd.DataFrame, letters: list[str], asked: dict[str, Any], title: str) -> Figure:
    """Money and gain of the finalists, with the chance of being best. finalists : in the order of their letters."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes, key) = new_figure(2, 12.5, 1.5 + max(4.2, 0.42 * len(finalists)))
    front = finalists[finalists["front"]].sort_values("cost")
    axes.step(front["cost"], front["gain"], where="post", color=LIGHT, lw=2, zorder=1)
    right = 1.06 * max(float(finalists["cost"].max()), float(asked["budget"]))
    reach = float(max(finalists["high"].max(), 0) - min(finalists["low"].min(), 0))
    places = apart(finalists["gain"].tolist(), 0.032 * max(1e-9, reach))
    for letter, place, row in zip(letters, places, finalists.to_dict("records"), strict=True):
        colour = PINNED if row["recommended"] else MAIN if row["front"] else MUTED
        if row["recommended"]:
            axes.plot([row["cost_low"], row["cost_high"]], [row["gain"]] * 2, color=colour, lw=1.2, ls=(0, (1.5, 1.5)))
        axes.plot([row["cost"]] * 2, [row["low"], row["high"]], color=colour, lw=1.2, solid_capstyle="butt")
        mark, size = ("s", 9) if row["recommended"] else ("o", 6)
        axes.plot(row["cost"], row["gain"], marker=mark, ms=size, color=colour, mfc=colour if row["front"] else "white")
        axes.plot([row["cost"], right], [row["gain"], place], color=GRID, lw=0.7, zorder=0)
        axes.annotate(f" {letter}", (right, place), color=colour, fontsize=9, va="center", annotation_clip=False)
    axes.axvline(asked["budget"], color=INK, lw=1, ls=STYLES[1])
    axes.annotate(
        "budget ", (asked["budget"], 0.99), xycoords=("data", "axes fraction"), ha="right", va="top", fontsize=9
    )
    axes.axhline(0, color=MUTED, lw=1)
    axes.set(xlabel="cost over the whole time", ylabel=f"gain over doing nothing, {asked['unit']}")
    axes.set_xlim(right=right)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda value, _: pounds(value) if value else "£0")
    axes.set_title("Money and gain", loc="left", fontsize=11, fontweight="bold", color=INK)
    _key(key, finalists, letters)
    headed(figure, title)
    note(
        figure,
        f"{asked['fresh_worlds']:,} fresh worlds. Square: recommended, with its low and high cost dotted. Filled: no "
        f"other "
        "mix costs no more and gives more. Upright lines: 95 % intervals of the mean gain. The chance is that of the "
        "highest "
        "mean over all worlds.",
    )
    return figure


def _key(axes: Axes, finalists: pd.DataFrame, letters: list[str]) -> None:
    """What the letters stand for."""
    axes.axis("off")
    rows = finalists.to_dict("records")
    lines = [f"{letter}  {_chance(row)}  {row['label']}" for letter, row in zip(letters, rows, strict=True)]
    folded = [fill(line, 88, subsequent_indent="      ") for line in lines]
    height = sum(text.count("\n") + 1.35 for text in folded) + 1
    y = 1.0
    for text, row in zip(folded, rows, strict=True):
        colour = PINNED if row["recommended"] else INK
        axes.text(0, y, text, fontsize=8.2, va="top", color=colour, transform=axes.transAxes)
        y -= (text.count("\n") + 1.35) / height
    axes.set_title("Chance of being best, and what is done", loc="left", fontsize=11, fontweight="bold", color=INK)


def _chance(row: dict[str, Any]) -> str:
    chance = guarded_percent(min(max(row["chance_best"], 1e-4), 1 - 1e-4))  # of draws: none of them is not never
    return f"{chance}," if row["affordable"] else "over budget,"


def regret_figure(kinds: pd.DataFrame, letters: dict[str, str], conditions: list[str], unit: str, title: str) -> Figure:
    """Regret by mix (rows) and kind of world (columns): the number, and the darker the more. letters : by mix."""
    table = kinds.pivot(index="mix", columns="kind", values="regret").loc[list(letters)]
    shares = kinds.groupby("kind")["share"].first()
    figure, (axes,) = new_figure(1, 4.2 + 1.9 * table.shape[1], 2.0 + 0.34 * len(table))
    values = table.to_numpy()
    most = max(1e-9, float(np.nanmax(values)))
    axes.imshow(values, cmap="Greys", vmin=0, vmax=1.6 * most, aspect="auto")
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            axes.text(column, row, f"{values[row, column]:.2g}", ha="center", va="center", fontsize=9, color=INK)
    recommended = set(kinds[kinds["recommended"]]["mix"])
    axes.set(
        xticks=range(table.shape[1]),
        xticklabels=[fill(f"{100 * shares[n]:.0f} % of worlds: {text}", 30) for n, text in enumerate(conditions)],
        yticks=range(len(table)),
        yticklabels=[f"{letters[mix]}{' (recommended)' if mix in recommended else ''}" for mix in table.index],
    )
    axes.tick_params(length=0, labelsize=8.5)
    axes.xaxis.tick_top()
    axes.grid(False)
    headed(figure, title)
    note(
        figure,
        f"Mean loss in {unit} against the mix that would be taken if the world were known, as fitted from the "
        f"parameters. Letters: the mixes of the first figure.",
    )
    return figure


def plan_figure(plan: pd.DataFrame, horizon: int, title: str) -> Figure:
    """The recommended mix month by month: when each action is paid, and when it has an effect."""
    figure, (axes,) = new_figure(1, 11, 1.9 + 0.75 * len(plan))
    names = []
    for place, row in enumerate(plan.iloc[::-1].to_dict("records")):
        axes.barh(
            place + 0.17,
            row["paid_until"] - row["start"] + 1,
            0.3,
            left=row["start"] - 1,
            color=MAIN,
            edgecolor="white",
        )
        axes.barh(
            place - 0.17,
            row["effect_until"] - row["effect_from"] + 1,
            0.3,
            left=row["effect_from"] - 1,
            color=PALE,
            hatch="////",
            edgecolor="white",
            lw=0.4,
        )
        axes.annotate(
            f"paid: {pounds(row['cost'])}", (row["start"] - 0.5, place + 0.17), va="center", fontsize=8.5, color="white"
        )
        names.append(fill(f"{row['name']} ({row['intensity']}), {row['place']}", 42))
    month_axis(axes, "Dark: paid. Hatched: has an effect", horizon)
    axes.set(yticks=range(len(plan)), yticklabels=names, ylim=(-0.55, len(plan) - 0.4))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(False, axis="y")
    headed(figure, title)
    note(figure, "Costs are the likely ones over all the months in which the action is paid.")
    return figure
