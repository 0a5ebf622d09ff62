"""Figures of a calibration: posteriors by method, the fitted curves over the observed, and rivals."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import GRID, INK, MAIN, MUTED, ORDERED
from ..vocabulary import setting_label
from .common import apart, headed, new_figure, note, share_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METHOD_TITLES = {
    "regression": "regression-adjusted (reported)",
    "forest": "random forest",
    "smc": "sequential ABC alone",
    "exact": "exact likelihood",
}
RIVAL_TITLES = {
    "full": "values and peers",
    "peers": "peers only",
    "values": "values only",
    "broadcast": "broadcast only",
    "selection": "unmeasured differences",
    "bass": "Bass curve",
    "logistic": "logistic curve",
    "constant": "constant chance",
    "logit": "plain regression",
}


def fit_figure(summaries: pd.DataFrame, title: str) -> Figure:
    """Where the data lie among what the model gives nearest to them, by summary; those missed are dark.

    summaries : columns summary, apart (standard deviations), missed, direction.
    """
    table = summaries.iloc[::-1].reset_index(drop=True)
    figure, panels = new_figure(1, 8.2, 1.3 + 0.27 * len(table))
    axes = panels[0]
    axes.axvspan(-1.645, 1.645, color=GRID, alpha=0.6, lw=0)
    axes.axvline(0, color=MUTED, lw=1)
    shown = table["apart"].clip(-6, 6)
    for row, (place, missed) in enumerate(zip(shown, table["missed"], strict=True)):
        axes.plot([0, place], [row, row], color=MAIN if missed else MUTED, lw=1.6, solid_capstyle="butt")
        axes.plot(place, row, marker="o", ms=6, mfc=MAIN if missed else "white", mec=MAIN if missed else MUTED, mew=1.6)
    axes.set(xlim=(-6.6, 6.6), ylim=(-0.7, len(table) - 0.3))
    axes.set_yticks(range(len(table)), table["summary"])
    axes.set_xlabel("observed less expected, in standard deviations of simulated data sets (band: 5 to 95 %)")
    headed(figure, title)
    return figure


def posterior_figure(summary: pd.DataFrame, title: str) -> Figure:
    """Intervals by method and of the (uniform) prior, a panel for each parameter; it says which are not informed.

    summary : columns method, parameter, q05 ... q95, prior_low, prior_high, informed (by the first method), perhaps
        identified (by recovery of known truths): a parameter counts as informed when it is both.
    """
    names = list(dict.fromkeys(summary["parameter"]))
    methods = list(dict.fromkeys(summary["method"]))
    figure, panels = new_figure(len(names), 3.1 * len(names) + 1.6, 1.6 + 0.55 * (len(methods) + 1))
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        part = summary[summary["parameter"] == name].set_index("method")
        low, high = part["prior_low"].iloc[0], part["prior_high"].iloc[0]
        told = bool(part["informed"].iloc[0] and ("identified" not in part or part["identified"].iloc[0]))
        axes.axvspan(low, high, color=GRID, alpha=0.6, lw=0)
        cuts = {f"q{100 * q:02.0f}": low + q * (high - low) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
        for row, method in enumerate((*methods, "prior")):
            found = cuts if method == "prior" else part.loc[method]
            colour = MAIN if row == 0 and told else MUTED
            axes.plot([found["q05"], found["q95"]], [row, row], color=colour, lw=1.6, solid_capstyle="butt")
            axes.plot([found["q25"], found["q75"]], [row, row], color=colour, lw=5, solid_capstyle="butt")
            face = colour if method == "prior" else "white"
            axes.plot([found["q50"]], [row], marker="o", ms=6, mfc=face, mec=colour, mew=1.6)
        axes.axhline(len(methods) - 0.5, color="white", lw=2)
        margin = 0.04 * (high - low)
        axes.set(
            xlim=(low - margin, high + margin),
            ylim=(len(methods) + 0.6, -0.6),
            yticks=range(len(methods) + 1),
            yticklabels=[*(METHOD_TITLES.get(method, method) for method in methods), "prior"] if place == 0 else [],
        )
        axes.grid(False)
        axes.locator_params(axis="x", nbins=5)
        heading = fill(setting_label(name), 26) + ("" if told else "\nnot informed by these data")
        axes.set_title(heading, loc="left", fontsize=10.5, fontweight="bold", color=INK)
        axes.tick_params(axis="y", length=0)
    headed(figure, title)
    note(
        figure,
        "Circle: median; thick: 25 to 75 %, thin: 5 to 95 %; grey field: the prior's range. Not informed: from data of "
        "this size, known truths are not recovered\n(less than 30 % of the prior's variance goes), or the posterior "
        "is hardly narrower than the prior.",
    )
    return figure


def _observed(axes: Axes, part: pd.DataFrame, colour: str, filled: bool) -> None:
    axes.plot(
        part["period"],
        part["observed"],
        color=colour,
        lw=0,
        marker="o",
        ms=4.8,
        mfc=colour if filled else "white",
        mec=colour,
        mew=1.3,
        clip_on=False,
        zorder=4,
    )


def predictive_figure(predictive: pd.DataFrame, title: str, unit: str = "month") -> Figure:
    """Fitted curves with bands over the observed: everybody, and high against low in each orientation.

    predictive : columns group, people, period, observed, low, lower, median, upper, high.
    """
    orientations = [
        group.removeprefix("high ") for group in dict.fromkeys(predictive["group"]) if group.startswith("high ")
    ]
    figure, panels = new_figure(1 + len(orientations), 5.6 + 5.6 * len(orientations), 4.5)
    periods = int(predictive["period"].max())
    everybody = predictive[predictive["group"] == "everybody"]
    pairs = [("Everybody", [("everybody", MAIN, "-", False, "fitted")])]
    pairs += [
        (
            f"By {name.replace('_', ' ')}",
            [(f"high {name}", ORDERED[0], "-", True, "high"), (f"low {name}", ORDERED[2], (0, (6, 2)), False, "low")],
        )
        for name in orientations
    ]
    for axes, (heading, groups) in zip(panels, pairs, strict=True):
        share_axis(axes, heading, periods)
        axes.set_xlabel(unit)
        ends, texts, colours = [], [], []
        for group, colour, style, filled, word in groups:
            part = predictive[predictive["group"] == group]
            axes.fill_between(part["period"], part["low"], part["high"], color=colour, alpha=0.13, lw=0)
            axes.fill_between(part["period"], part["lower"], part["upper"], color=colour, alpha=0.22, lw=0)
            axes.plot(part["period"], part["median"], color=colour, ls=style, lw=2)
            _observed(axes, part, INK if group == "everybody" else colour, filled)
            last = part.iloc[-1]
            ends.append(float(last["median"]))
            texts.append(
                f"{word} (n = {int(last['people'])}):\nfitted {100 * last['median']:.0f} %, observed "
                f"{100 * last['observed']:.0f} %"
                if group != "everybody"
                else f"fitted {100 * last['median']:.0f} %,\nobserved {100 * last['observed']:.0f} %"
            )
            colours.append(colour)
        for y, text, colour, place in zip(ends, texts, colours, apart(ends, 0.15), strict=True):
            axes.annotate(
                text,
                (periods, y),
                xytext=(periods * 1.03, place),
                color=colour,
                va="center",
                fontsize=9,
                annotation_clip=False,
            )
    inside = int(((everybody["observed"] >= everybody["low"]) & (everybody["observed"] <= everybody["high"])).sum())
    headed(figure, title)
    note(
        figure,
        "Share who had adopted. Lines and areas: median, middle half and 5 to 95 % of runs with parameters from the "
        f"posterior; circles: observed.\nEverybody: {inside} of {len(everybody)} observed points inside the band. "
        "The same data were used to fit: agreement here is no prediction.",
    )
    return figure


def rivals_figure(shares: pd.DataFrame, scores: pd.DataFrame, confusion: pd.DataFrame, title: str) -> Figure:
    """Share of each rival by two methods, how often it is recognised, and predictions of what was held out."""
    figure, (first, second, third) = new_figure(3, 13.2, 4.8)
    _share_panel(first, shares, confusion)
    _score_panel(second, scores, "log_score", "Log score less Bass's,\ncommunities not seen", "as good as Bass")
    _score_panel(third, scores, "auc", "Who is early (AUC\nless .5), not seen", "no better than chance")
    for axes in (first, second, third):
        axes.grid(False)
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", length=0)
    headed(figure, title)
    note(
        figure,
        "Left: circle: sequential ABC with a model index; square: random forest; recognised: share of data simulated "
        "from the model that the forest attributes to it. Middle and right: difference with its "
        "95 % interval (bootstrap over people); higher is better.",
    )
    return figure


def _share_panel(axes: Axes, shares: pd.DataFrame, confusion: pd.DataFrame) -> None:
    """Share of each rival by both methods, and how often it is recognised."""
    names = [name for name in RIVAL_TITLES if name in set(shares["model"])]
    right = confusion.set_index("truth")
    small = {"fontsize": 8.5, "color": MUTED}
    for row, name in enumerate(names):
        own = shares[shares["model"] == name].set_index("method")["share"]
        axes.plot([own.min(), own.max()], [row, row], color=MUTED, lw=1)
        for method, marker, face in (("smc", "o", "white"), ("forest", "s", MAIN)):
            axes.plot([own[method]], [row], marker=marker, ms=8, mfc=face, mec=MAIN, mew=1.6, lw=0)
        axes.annotate(
            f"{100 * right.loc[name, name]:.0f} %",
            (1.12, row),
            ha="center",
            va="center",
            fontsize=9,
            color=MUTED,
            annotation_clip=False,
        )
    axes.annotate("recog-\nnised", (1.12, -0.75), ha="center", va="bottom", annotation_clip=False, **small)
    axes.axvline(1 / len(names), color=MUTED, lw=1, ls=(0, (2, 2)))
    axes.set(
        xlim=(-0.02, 1.02),
        ylim=(len(names) - 0.5, -0.9),
        yticks=range(len(names)),
        yticklabels=[RIVAL_TITLES[name] for name in names],
        xticks=[0, 0.25, 0.5, 0.75, 1],
        xticklabels=["0", "25", "50", "75", "100 %"],
    )
    axes.set_title("Posterior share", loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.annotate("equal odds", (1 / len(names), -0.75), ha="left", xytext=(4, 0), textcoords="offset points", **small)


def _score_panel(axes: Axes, scores: pd.DataFrame, score: str, heading: str, zero: str) -> None:
    """How much better than the Bass curve each explanation predicts communities that it has not seen."""
    part = scores[(scores["kind"] == "communities") & (scores["score"] == score) & (scores["reference"] == "bass")]
    names = [name for name in RIVAL_TITLES if name in set(part["model"])]
    axes.axvline(0, color=MUTED, lw=1, ls=(0, (2, 2)))
    for row, name in enumerate(names):
        found = part[part["model"] == name].iloc[0]
        colour = MUTED if name == "logistic" else MAIN
        axes.plot([found["low"], found["high"]], [row, row], color=colour, lw=1.8)
        axes.plot([found["difference"]], [row], marker="o", ms=6, mfc="white", mec=colour, mew=1.6)
    axes.set(
        ylim=(len(names) - 0.5, -0.9), yticks=range(len(names)), yticklabels=[RIVAL_TITLES[name] for name in names]
    )
    axes.annotate(zero, (0, -0.75), fontsize=8.5, color=MUTED, ha="left", xytext=(4, 0), textcoords="offset points")
    axes.set_title(heading, loc="left", fontsize=11, fontweight="bold", color=INK)


def odds_figure(odds: pd.DataFrame, title: str) -> Figure:
    """Shares of the rivals as the tolerance shrinks (to the right), by sequential ABC with a model index.

    odds : columns generation, epsilon, model, share, ess.
    """
    figure, (axes,) = new_figure(1, 8.4, 4.6)
    steps = odds.drop_duplicates("generation").set_index("generation")
    names = [name for name in RIVAL_TITLES if name in set(odds["model"])]
    ends, styles = [], ["-", (0, (6, 2)), (0, (3, 1.5)), (0, (1, 1.5)), (0, (6, 2, 1, 2))]
    for style, name in zip(styles, names, strict=False):
        part = odds[odds["model"] == name].set_index("generation")["share"]
        half = 1.96 * np.sqrt(part * (1 - part) / steps["ess"])
        place = np.arange(len(part))
        axes.fill_between(place, (part - half).clip(0), (part + half).clip(upper=1), color=MAIN, alpha=0.12, lw=0)
        axes.plot(place, part, color=MAIN, ls=style, lw=1.8, marker="o", ms=4.5, mfc="white", mec=MAIN)
        ends.append(float(part.iloc[-1]))
    last = len(steps) - 1
    for name, end, place in zip(names, ends, apart(ends, 0.055), strict=True):
        axes.annotate(
            f"{RIVAL_TITLES[name]} {100 * end:.0f} %",
            (last, end),
            xytext=(last + 0.02 * max(last, 1) + 0.08, place),
            color=INK,
            fontsize=9,
            va="center",
            annotation_clip=False,
        )
    axes.axhline(1 / len(names), color=MUTED, lw=1, ls=(0, (2, 2)))
    axes.annotate(
        "equal odds", (0, 1 / len(names)), xytext=(0, 4), textcoords="offset points", fontsize=8.5, color=MUTED
    )
    axes.set(
        ylim=(-0.02, max(0.6, 1.1 * float(odds["share"].max()))),
        xlim=(-0.2, last + 0.1),
        xticks=range(len(steps)),
        xticklabels=[f"{each:.2f}" for each in steps["epsilon"]],
        xlabel="tolerance (distance from the data at which simulations still count)",
    )
    axes.set_yticks(ticks := [each for each in (0, 0.25, 0.5, 0.75, 1) if each <= axes.get_ylim()[1]])
    axes.set_yticklabels([f"{100 * each:.0f} %" for each in ticks])
    axes.set_title("Posterior share of each explanation", loc="left", fontsize=11, fontweight="bold", color=INK)
    headed(figure, title)
    note(
        figure,
        "Sequential ABC with a model index, equal prior odds. Field: 95 % from the effective sample size "
        f"({steps['ess'].min():.0f} to {steps['ess'].max():.0f}).",
    )
    return figure


def ranks_figure(estimates: pd.DataFrame, title: str, bins: int = 15) -> Figure:
    """Rank histograms of simulation-based calibration: flat if the posteriors are right.

    estimates : columns parameter, rank (in [0, 1]).
    """
    names = list(dict.fromkeys(estimates["parameter"]))
    figure, panels = new_figure(len(names), 3.1 * len(names) + 0.8, 3.0)
    for axes, name in zip(panels, names, strict=True):
        rank = estimates.loc[estimates["parameter"] == name, "rank"].to_numpy()
        expected = len(rank) / bins
        half = 1.96 * np.sqrt(expected * (1 - 1 / bins))
        axes.axhspan(expected - half, expected + half, color=GRID, lw=0)
        axes.hist(rank, bins=bins, range=(0, 1), color=MAIN, alpha=0.75, rwidth=0.92)
        axes.axhline(expected, color=INK, lw=1)
        axes.set(xlim=(0, 1), xlabel="rank of the truth", xticks=[0, 0.5, 1])
        axes.set_title(fill(setting_label(name), 26), loc="left", fontsize=10.5, fontweight="bold", color=INK)
        axes.grid(False)
    panels[0].set_ylabel("data sets")
    headed(figure, title)
    note(figure, "Line and field: what a right posterior gives, with 95 % of a single bar.")
    return figure
