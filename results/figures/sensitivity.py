"""Figures of a sensitivity study: ranking with intervals and noise floor, interactions, over time, convergence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from textwrap import fill, shorten
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..numbers import index
from ..page import Drawn
from ..palette import GRID, INK, MAIN, MUTED, PALE, TONES
from ..vocabulary import EXTRA, INDEX_NAMES, label, series_label, setting_label
from .common import STYLE, headed, month_axis, note, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_WIDTH = 7.5  # inches, so that titles and notes have room
SHOWN, FOLLOWED = 12, 6  # factors of a ranking, and of lines over time or n
DASHES = ("-", (0, (6, 2)), (0, (1.5, 1.5)), "-.", (0, (8, 2, 1, 2, 1, 2)), (0, (3, 3)))


def _panels(number: int, width: float, height: float, across: int = 3) -> tuple[Figure, list[Axes]]:
    """A grid of panels in the house style."""
    import matplotlib
    from matplotlib.figure import Figure

    columns = min(across, number)
    rows = math.ceil(number / columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(LEAST_WIDTH, width * columns), height * rows + 1.0), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
        axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for empty in axes[number:]:
        empty.set_visible(False)
    return figure, list(axes[:number])


def ranked(indices: pd.DataFrame, outcome: str, main: str) -> pd.DataFrame:
    """Main indices of an outcome, the largest first, without dummy and noise factors."""
    table = indices[(indices["outcome"] == outcome) & (indices["index"] == main) & ~indices["factor"].isin(EXTRA)]
    return table.sort_values("value", ascending=False, kind="stable")


def noise_floor(indices: pd.DataFrame, shares: pd.DataFrame, outcome: str, main: str) -> tuple[float, str]:
    """What an index of nothing looks like, and why: the seed's (total indices), else the dummy's."""
    of = indices[(indices["outcome"] == outcome) & (indices["index"] == main)].set_index("factor")["value"]
    if main == "ST":
        if "seed" in of:
            return float(of["seed"]), "chance"
        found = shares.loc[shares["outcome"] == outcome, "replicates"] if "replicates" in shares else []
        return (float(found.iloc[0]), "chance") if len(found) else (math.nan, "")
    return (float(of["dummy"]), "dummy") if "dummy" in of else (math.nan, "")


def ranking_figure(indices: pd.DataFrame, shares: pd.DataFrame, title: str, main: str, remark: str) -> Figure:
    """Factors by main index with 95 % intervals, a panel for each outcome; the noise floor as a grey area.

    indices, shares : tables of a study. remark : how many runs (goes into the note).
    """
    outcomes = list(dict.fromkeys(indices["outcome"]))
    most = max(min(SHOWN, len(ranked(indices, outcome, main))) for outcome in outcomes)
    figure, panels = _panels(len(outcomes), 6.6, max(1.5, 0.75 + 0.25 * most), across=2)
    first = indices[indices["index"] == "S1"].set_index(["outcome", "factor"])["value"] if main == "ST" else None
    for axes, outcome in zip(panels, outcomes, strict=True):
        table = ranked(indices, outcome, main).head(SHOWN)
        place = np.arange(len(table))[::-1]
        floor, why = noise_floor(indices, shares, outcome, main)
        if math.isfinite(floor) and floor > 0:
            axes.axvspan(0, floor, color=PALE, alpha=0.6, lw=0)
        axes.hlines(place, table["low"], table["high"], color=MAIN, lw=2.2)
        axes.plot(table["value"], place, "o", color=MAIN, ms=5.5)
        if first is not None:
            axes.plot(first.loc[outcome].reindex(table["factor"]), place, "|", color=INK, ms=9, mew=1.6)
        axes.set_yticks(place, [setting_label(name) for name in table["factor"]], color=INK, fontsize=9)
        axes.set_ylim(-0.7, most - 0.3 if len(table) == most else len(table) - 0.3)
        right = np.nanmax([*table["high"], *table["value"], floor if math.isfinite(floor) else 0.0, 1e-9])
        axes.set_xlim(min(0.0, float(np.nanmin([0.0, *table["value"]])) * 1.1), 1.06 * right)
        axes.set_title(fill(label(outcome).text, 30), loc="left", fontsize=10.5, fontweight="bold", color=INK)
        axes.set_xlabel(INDEX_NAMES.get(main, main))
        axes.grid(True, axis="x", color=GRID)
        axes.grid(False, axis="y")
        if math.isfinite(floor) and floor > 0:
            axes.annotate(
                f"noise floor ({why}): {index(floor)}",
                (floor, 0),
                xytext=(0.97, 0.03),
                textcoords="axes fraction",
                ha="right",
                va="bottom",
                fontsize=8.5,
                color=MUTED,
            )
    headed(figure, title)
    marks = (
        "Dots: total indices with 95 % intervals (bootstrap over row-blocks); bars: first-order indices."
        if main == "ST"
        else f"Dots: {INDEX_NAMES.get(main, main)}, with 95 % intervals where the method has them."
    )
    note(figure, f"{marks} Grey: noise floor{_why(main)}. {remark}")
    return figure


def _why(main: str) -> str:
    return ": the share of chance left in means over replicates" if main == "ST" else ": the index of the dummy"


def interaction_figure(second: pd.DataFrame, indices: pd.DataFrame, title: str, remark: str) -> Figure:
    """A heat map of second-order indices for each outcome, first-order ones on the diagonal.

    Shaded by the lower end of the 95 % interval, so that noise stays white; cells with an interval over 0 hold a dot.
    """
    outcomes = list(dict.fromkeys(second["outcome"]))
    names = [name for name in dict.fromkeys([*second["factor"], *second["other"]]) if name not in EXTRA]
    figure, panels = _panels(len(outcomes), 2.0 + 0.3 * len(names), 1.4 + 0.28 * len(names))
    for axes, outcome in zip(panels, outcomes, strict=True):
        matrix, low = _matrix(second[second["outcome"] == outcome], indices[indices["outcome"] == outcome], names)
        with np.errstate(invalid="ignore"):
            sure = low > 0
        top = max(0.05, float(np.nanmax(np.where(np.eye(len(names), dtype=bool), np.nan, low), initial=0.0)))
        axes.imshow(np.where(sure, low, np.nan), cmap="Greys", vmin=0, vmax=1.25 * top)
        for j, k in np.argwhere(~sure & np.tri(len(names), dtype=bool)):
            axes.plot(k, j, ".", color="#b5b5b5", ms=2)
        for j, k in np.argwhere(sure):
            dark = low[j, k] > 0.7 * top
            axes.text(
                k,
                j,
                f"{matrix[j, k]:.2f}".replace("0.", ".", 1),
                ha="center",
                va="center",
                fontsize=7.5,
                color="white" if dark else INK,
                fontweight="bold" if j == k else "normal",
            )
        said = [shorten(setting_label(name), 34, placeholder=" …") for name in names]
        axes.set_xticks(range(len(names)), said, rotation=55, ha="right", rotation_mode="anchor", fontsize=8.5)
        axes.set_yticks(range(len(names)), said, fontsize=8.5)
        axes.grid(False)
        axes.set_title(fill(label(outcome).text, 30), loc="left", fontsize=10.5, fontweight="bold", color=INK)
    headed(figure, title)
    note(
        figure,
        "Below the diagonal: share of variance that a pair explains only together; on it (bold): alone.\n"
        "Numbers: the estimate, where the 95 % interval lies above 0 (2 or 3 pairs of 100 would by chance); "
        f"shade: its lower end. {remark}",
    )
    return figure


def _matrix(second: pd.DataFrame, indices: pd.DataFrame, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Second-order indices below the diagonal, first-order on it, and the lower ends of their intervals."""
    matrix, low = (np.full((len(names), len(names)), np.nan) for _ in range(2))
    place = {name: n for n, name in enumerate(names)}
    for row in second.itertuples():
        if row.factor in place and row.other in place:
            j, k = sorted((place[row.factor], place[row.other]), reverse=True)
            matrix[j, k], low[j, k] = row.value, row.low
    for row in indices[indices["index"] == "S1"].itertuples():
        if row.factor in place:
            n = place[row.factor]
            matrix[n, n], low[n, n] = row.value, row.low
    return matrix, low


def _lines(axes: Axes, table: pd.DataFrame, by: str, names: Sequence[str], x_end: float) -> None:
    """A line with its interval for every factor, its name at the end; names stack upward from the axis."""
    low, high = axes.get_ylim()
    gap, before = 0.068 * (high - low), -np.inf
    for place in reversed(range(len(names))):
        part = table[table["factor"] == names[place]].sort_values(by)
        colour = TONES[place % len(TONES)]
        axes.fill_between(part[by], part["low"], part["high"], color=colour, alpha=0.13, lw=0)
        axes.plot(part[by], part["value"], color=colour, ls=DASHES[place % len(DASHES)], lw=1.9)
        before = max(float(part["value"].iloc[-1]), before + gap, low + gap / 2)
        said = shorten(setting_label(names[place]), 34, placeholder=" …")
        axes.text(x_end, before, said, color=colour, va="center", ha="left", fontsize=9)


def followed(table: pd.DataFrame) -> list[str]:
    """The factors of a curve that are worth a line: the largest mean index over the months."""
    own = table[~table["factor"].isin(EXTRA)]
    return own.groupby("factor", sort=False)["value"].mean().sort_values(ascending=False).index[:FOLLOWED].tolist()


def _drawn(over_time: pd.DataFrame, main: str) -> pd.DataFrame:
    """What the figure over time shows."""
    of = over_time[over_time["index"] == main]
    kept = [part[part["factor"].isin([*followed(part), "seed"])] for _, part in of.groupby("curve", sort=False)]
    return pd.concat(kept, ignore_index=True)


def over_time_figure(over_time: pd.DataFrame, title: str, main: str, remark: str) -> Figure:
    """Main indices of monthly curves: those that are largest on average, and the seed's as the noise floor."""
    curves = list(dict.fromkeys(over_time["curve"]))
    figure, panels = _panels(len(curves), 6.4, 3.9, across=2)
    for axes, curve in zip(panels, curves, strict=True):
        of = over_time[(over_time["curve"] == curve) & (over_time["index"] == main)]
        months = int(of["month"].max())
        own = of[~of["factor"].isin(EXTRA)]
        names = followed(own)
        noise = of[of["factor"] == "seed"].sort_values("month")
        if len(noise):
            axes.fill_between(noise["month"], 0, noise["value"], color=PALE, alpha=0.7, lw=0)
        final = own[own["month"] == months].set_index("factor")["value"]
        names.sort(key=lambda name, final=final: -final[name])
        axes.set_ylim(0, min(1.0, 1.05 * float(np.nanmax(own.loc[own["factor"].isin(names), "high"], initial=0.05))))
        month_axis(axes, series_label(curve.rpartition(".")[2]), months)
        axes.set_ylabel(INDEX_NAMES.get(main, main))
        _lines(axes, of, "month", names, 1.015 * months)
    headed(figure, title)
    note(
        figure,
        f"Shares of the variance of every month, with 95 % intervals; grey at the bottom: noise (the seed). {remark}",
    )
    return figure


def convergence_figure(convergence: pd.DataFrame, title: str, main: str, remark: str) -> Figure:
    """Main indices of the first factors, with intervals, as n doubles."""
    outcomes = list(dict.fromkeys(convergence["outcome"]))
    figure, panels = _panels(len(outcomes), 5.2, 3.4)
    for axes, outcome in zip(panels, outcomes, strict=True):
        of = convergence[
            (convergence["outcome"] == outcome) & (convergence["index"] == main) & ~convergence["factor"].isin(EXTRA)
        ]
        sizes = sorted(of["n"].unique())
        last = of[of["n"] == sizes[-1]].sort_values("value", ascending=False, kind="stable")
        names = last["factor"].head(FOLLOWED).tolist()
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        if len(sizes) > 1:  # an outcome of which too many values are missing may have one
            axes.set_xlim(sizes[0], sizes[-1])
        late = of[of["factor"].isin(names) & of["n"].isin(sizes[-2:])]
        axes.set_ylim(0, max(1.15 * float(late["high"].fillna(late["value"]).max()), 1e-9))
        axes.set_title(fill(label(outcome).text, 30), loc="left", fontsize=10.5, fontweight="bold", color=INK)
        axes.set(xlabel="base points", ylabel=INDEX_NAMES.get(main, main))
        _lines(axes, of, "n", names, sizes[-1] * (sizes[-1] / sizes[0]) ** 0.02)
    headed(figure, title)
    note(figure, f"Areas: 95 % intervals. {remark}")
    return figure


def figures_of(tables: Mapping[str, pd.DataFrame], title: str, main: str, remark: str) -> list[Drawn]:
    """All figures that the tables allow."""
    ranks = "; ".join(
        f"{label(outcome).text}: "
        + ", ".join(
            f"{setting_label(row.factor)} {index(row.value)}"
            for row in ranked(tables["indices"], outcome, main).head(3).itertuples()
        )
        for outcome in dict.fromkeys(tables["indices"]["outcome"])
    )
    made = [
        Drawn(
            "ranking",
            partial(
                ranking_figure, tables["indices"], tables["shares"], f"{title}: what drives the outcomes", main, remark
            ),
            f"A panel for each outcome with the factors from the largest to the smallest index. First: {ranks}.",
            tables["indices"],
            "What drives the outcomes?",
        )
    ]
    if "second_order" in tables:
        made.append(
            Drawn(
                "interactions",
                partial(
                    interaction_figure, tables["second_order"], tables["indices"], f"{title}: interactions", remark
                ),
                "A table of pairs of factors for each outcome, darker where they act together.",
                tables["second_order"],
                "Which factors act together?",
            )
        )
    if len(tables.get("over_time", ())):
        drawn = _drawn(tables["over_time"], main)
        last = drawn[drawn["month"] == drawn["month"].max()]
        ends = "; ".join(
            f"{curve}: " + ", ".join(f"{setting_label(row.factor)} {index(row.value)}" for row in part.itertuples())
            for curve, part in last.groupby("curve", sort=False)
        )
        made.append(
            Drawn(
                "over_time",
                partial(over_time_figure, tables["over_time"], f"{title}: what drives it when", main, remark),
                f"Lines over months, the index of the main factors. At the end: {ends}.",
                drawn,
                "What drives it when?",
            )
        )
    if tables["convergence"]["n"].nunique() > 1:
        made.append(
            Drawn(
                "convergence",
                partial(convergence_figure, tables["convergence"], f"{title}: with more base points", main, remark),
                "Lines over the number of base points, the index of the main factors with intervals that narrow.",
                tables["convergence"],
                "Is the sample large enough?",
            )
        )
    return made


def draw(tables: Mapping[str, pd.DataFrame], title: str, main: str, remark: str, folder: Path) -> list[Path]:
    """Save all figures that the tables allow; returns the PNG files."""
    return [save(each.figure(), folder, each.name, each.data)[1] for each in figures_of(tables, title, main, remark)]
