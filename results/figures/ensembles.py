"""The main figures of ensembles: of a run, levels, designs, scenarios compared, and beside what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from ..palette import GREY, INK, MAIN, MUTED, ORDERED
from ..vocabulary import capital, role_label, series_label, variant_label
from .common import (
    STYLES,
    band,
    curve_of,
    doubt,
    end_bars,
    headed,
    in_worlds,
    label_ends,
    month_axis,
    new_figure,
    note,
    share_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HIDDEN = 0.1  # of the months: that an area is missing is said from this share on


class Line(NamedTuple):
    """A curve to be drawn: its rows by month, and how its end is labelled."""

    part: pd.DataFrame
    colour: str
    style: str
    label: str


def _lines(axes: Axes, lines: Sequence[Line], unit: float = 1.0, bars: bool = True) -> None:
    """Means with their doubt, labelled at the end. Chance, in worlds: bars beside the end, or dots all along."""
    months = axes.get_xlim()[1]
    for place, (part, colour, style, _) in enumerate(lines):
        doubt(axes, part, colour, unit)
        axes.plot(part["month"], unit * part["mean"], color=colour, ls=style, lw=2)
        if bars:
            end_bars(axes, part.iloc[-1], months * (1.025 + 0.02 * place), colour)
        elif in_worlds(part):
            for end in ("chance_low", "chance_high"):
                axes.plot(part["month"], unit * part[end], color=colour, ls=(0, (1, 2)), lw=1)
    ends = [(unit * float(line.part["mean"].iloc[-1]), line.label, line.colour) for line in lines]
    ends += _named_doubts(lines, unit, bars)
    heights, words, colours = ([each[n] for each in ends] for n in range(3))
    label_ends(axes, months * (1.035 + 0.02 * len(lines) if bars else 1.02), heights, words, colours)


def _named_doubts(lines: Sequence[Line], unit: float, bars: bool) -> list[tuple[float, str, str]]:
    """What the upper ends of the two doubts are called, of the line whose chance reaches furthest: height, words and
    colour. An area that chance hides has no name."""
    told = [line for line in lines if in_worlds(line.part) and line.part["chance_high"].notna().iloc[-1]]
    if not told:
        return []

    def reaches(line: Line) -> tuple[bool, float]:
        last = line.part.iloc[-1]
        return bool(last["unknown_low"] < last["unknown_high"]), float(last["chance_high"])

    furthest = max(told, key=reaches)
    last, colour = furthest.part.iloc[-1], furthest.colour
    named = [(unit * float(last["chance_high"]), "thin bar: chance" if bars else "dots: chance", colour)]
    if reaches(furthest)[0]:
        called = "thick bar: not knowing" if bars else "area: not knowing"
        named.append((unit * float(last["unknown_high"]), called, colour))
    return named


def _worlds_note(runs: str, shown: Sequence[pd.DataFrame], bars: bool = True) -> str:
    """What is not knowing and what is chance in a figure of these curves."""
    areas, chance = ("Areas and thick bars", "Thin bars") if bars else ("Areas", "Dots")
    hidden = any(
        ((part["unknown_low"] == part["unknown_high"]) & (part["chance_low"] < part["chance_high"])).mean() > HIDDEN
        for part in shown
    )
    return (
        f"{runs}, over many worlds. Lines: means. {areas}: not knowing (5 to 95 % of the worlds' means; studies would "
        f"narrow it). {chance}: chance (5 to 95 % of runs of one world; no study narrows it)."
        + (" Where an area is missing, chance hides what differs between worlds: more runs would show it." * hidden)
    )


def levels_figure(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """Uptake and spread under different levels of alignment.

    curves : columns alignment_level, role, variable ("engaged" of all, "in_use" of services), month and
        those of `summaries.curve_summary`.
    Lines are means over runs, areas their 95 % intervals; bars at the right, 5 to 95 % of single runs at the end. Where
    runs were made in several worlds, areas and thick bars are what is not known, thin bars chance.
    """
    levels = sorted(curves["alignment_level"].unique(), reverse=True)
    figure, panels = new_figure(2, 10.5, 4.6)
    months, drawn = int(curves["month"].max()), list[pd.DataFrame]()
    for axes, variable in zip(panels, ("engaged", "in_use"), strict=True):
        share_axis(axes, f"{'Uptake' if variable == 'engaged' else 'Spread'}: {series_label(variable)}", months)
        lines: list[Line] = []
        for place, level in enumerate(levels):
            role = "service" if variable == "in_use" else "all"
            part = curve_of(curves[curves["alignment_level"] == level], role, variable)
            colour = ORDERED[round(place * (len(ORDERED) - 1) / max(1, len(levels) - 1))]
            label = f"alignment {level:.2f}: {100 * part['mean'].iloc[-1]:.0f} %"
            lines.append(Line(part, colour, STYLES[place % len(STYLES)], label))
        _lines(axes, lines)
        drawn += [line.part for line in lines]
    headed(figure, title)
    if in_worlds(curves):
        note(figure, _worlds_note(f"{runs} runs each", drawn))
        return figure
    note(
        figure,
        f"Lines: means over {runs} runs a level, the same seeds at every level; areas: 95 % intervals "
        "of the means; bars at the right: 5 to 95 % of single runs at the end.",
    )
    return figure


def factors_figure(summary: pd.DataFrame, title: str, runs: int) -> Figure:
    """Uptake and spread at the end by level, for each innovation (columns) over the strength of evidence.

    summary : columns alignment_level, innovation and/or evidence_strength, outcome and those of `summaries.summarise`.
    """
    innovations = list(dict.fromkeys(summary["innovation"])) if "innovation" in summary else [""]
    over = "evidence_strength" if "evidence_strength" in summary else "alignment_level"
    outcomes = (("uptake_final", "people engaged at the end"), ("spread_final", "services using it at the end"))
    figure, panels = new_figure(len(innovations) * 2, 2.4 + 3.9 * len(innovations) * 2, 4.4)
    levels = sorted(summary["alignment_level"].unique(), reverse=True) if over == "evidence_strength" else [None]
    for column, innovation in enumerate(innovations):
        of = summary[summary["innovation"] == innovation] if innovation else summary
        for axes, (outcome, words) in zip(panels[2 * column : 2 * column + 2], outcomes, strict=True):
            share_axis(axes, f"{innovation}: {words}" if innovation else words, 1)
            ends, texts, colours = [], [], []
            for place, level in enumerate(levels):
                part = of[of["outcome"] == outcome].sort_values(over)
                part = part if level is None else part[part["alignment_level"] == level]
                colour = ORDERED[round(place * (len(ORDERED) - 1) / max(1, len(levels) - 1))]
                bars = [part["mean"] - part["mean_low"], part["mean_high"] - part["mean"]]
                axes.errorbar(
                    part[over],
                    part["mean"],
                    bars,
                    color=colour,
                    ls=STYLES[place % 3],
                    lw=1.8,
                    marker="o",
                    ms=4,
                    capsize=3,
                )
                ends.append(float(part["mean"].iloc[-1]))
                texts.append(f"alignment {level:.2f}" if level is not None else "")
                colours.append(colour)
            low, high = of[over].min(), of[over].max()
            room = 0.05 * max(high - low, 0.1)
            axes.set(xlim=(low - room, high + room), xticks=sorted(of[over].unique()), xlabel=over.replace("_", " "))
            if levels[0] is not None:
                label_ends(axes, high + 1.2 * room, ends, texts, colours)
    headed(figure, title)
    note(figure, f"Means over {runs} runs of each combination, the same seeds in all; bars: 95 % intervals of means.")
    return figure


def comparison_figure(
    curves: pd.DataFrame, differences: pd.DataFrame, title: str, runs: int, variable: str = "engaged"
) -> Figure:
    """Uptake in each scenario, and beside it what differs from the first, month by month.

    curves : columns scenario, variable, month and those of `summaries.curve_summary`; differences : the same of the
    paired differences, without the first scenario. Areas are 95 % intervals.
    """
    from matplotlib.ticker import MaxNLocator

    names = list(dict.fromkeys(curves["scenario"]))
    figure, (levels, gaps) = new_figure(2, 11.5, 4.6)
    months = int(curves["month"].max())
    role = "service" if variable == "in_use" else "all"
    share_axis(levels, f"{capital(series_label(variable))}", months)
    drawn = {
        name: (MUTED if place == 0 else ORDERED[(place - 1) % 3], STYLES[place % 3]) for place, name in enumerate(names)
    }
    shown: list[pd.DataFrame] = []
    for axes, table, unit in ((levels, curves, 1), (gaps, differences, 100)):
        lines: list[Line] = []
        for name, (colour, style) in drawn.items():
            part = curve_of(table[table["scenario"] == name], role, variable)
            if not part.empty:
                last = 100 * part["mean"].iloc[-1]
                end = f"{last:.0f}\N{NO-BREAK SPACE}%" if axes is levels else f"{last:+.0f}\N{NO-BREAK SPACE}points"
                lines.append(Line(part, colour, style, fill(f"{variant_label(name)}: {end}", 30)))
        if axes is gaps:
            all_of_it = curve_of(table, role, variable)
            gaps.axhline(0, color=MUTED, lw=1)
            reach = ["chance_low", "chance_high", "unknown_low", "unknown_high"] if in_worlds(all_of_it) else []
            ends_of_means = 100 * all_of_it[["mean_low", "mean", "mean_high", *reach]]  # a single run has no interval
            gaps.set_ylim(min(ends_of_means.min().min(), -1), max(ends_of_means.max().max(), 1))
            gaps.yaxis.set_major_locator(MaxNLocator(7, integer=True))
            gaps.yaxis.set_major_formatter(lambda value, _: f"{value:+.0f}" if value else "0")
            month_axis(gaps, f"Difference from {variant_label(names[0])}, points, paired", int(table["month"].max()))
        _lines(axes, lines, unit, bars=False)
        shown += [line.part for line in lines]
    headed(figure, title)
    if in_worlds(curves):
        note(
            figure,
            _worlds_note(f"{runs} runs each", shown, bars=False) + " Run by run and world by world the same seeds.",
        )
        return figure
    note(figure, f"Lines: means over {runs} runs of each scenario; run by run the same seeds. Areas: 95 % intervals.")
    return figure


def _run_in_worlds(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """As `run_figure`, with what is not known and chance apart."""
    figure, (uptake, spread, alignment) = new_figure(3, 11.8, 4.2)
    months = int(curves["month"].max())
    share_axis(uptake, f"Uptake: {series_label('engaged')}", months)
    share_axis(spread, f"Spread: {series_label('in_use')}", months)
    month_axis(alignment, "Alignment by role", months)
    tones = {"manager": ORDERED[0], "staff": ORDERED[1], "peer": ORDERED[2]}
    panels: list[tuple[Axes, list[tuple[str, str, str, str]]]] = [
        (uptake, [("all", "engaged", MAIN, "-")]),
        (spread, [("service", "in_use", INK, STYLES[1])]),
        (
            alignment,
            [(role, "alignment", tone, style) for (role, tone), style in zip(tones.items(), STYLES, strict=False)],
        ),
    ]
    shown: list[pd.DataFrame] = []
    for axes, wanted in panels:
        lines: list[Line] = []
        for role, variable, colour, style in wanted:
            part = curve_of(curves, role, variable)
            if not part.empty:
                mean = f"mean {100 * part['mean'].iloc[-1]:.0f} %"
                lines.append(Line(part, colour, style, role_label(role) if variable == "alignment" else mean))
        _lines(axes, lines)
        shown += [line.part for line in lines]
    headed(figure, title)
    note(figure, _worlds_note(f"{runs} runs", shown))
    return figure


def run_figure(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """Uptake and spread over time with bands, and alignment by role.

    curves : columns role, variable, month and those of `summaries.curve_summary`.
    """
    if in_worlds(curves):
        return _run_in_worlds(curves, title, runs)
    figure, (uptake, spread, alignment) = new_figure(3, 11.8, 4.2)
    months = int(curves["month"].max())
    part = curve_of(curves, "all", "engaged")
    share_axis(uptake, f"Uptake: {series_label('engaged')}", months)
    band(uptake, part)
    last = part.iloc[-1]
    label_ends(uptake, months * 1.02, [last["median"]], [f"median {100 * last['median']:.0f} %"], [MAIN])
    part = curve_of(curves, "service", "in_use")  # few services: the mean says more than the steps of a median
    share_axis(spread, f"Spread: {series_label('in_use')}", months)
    spread.fill_between(part["month"], part["mean_low"], part["mean_high"], color=INK, alpha=0.2, lw=0)
    spread.plot(part["month"], part["mean"], color=INK, lw=2, ls=STYLES[1])
    last = part.iloc[-1]
    label_ends(spread, months * 1.02, [last["mean"]], [f"mean {100 * last['mean']:.0f} %"], [INK])
    ends, texts, colours = [], [], []
    tones = dict(
        zip(("commissioner", "manager", "staff", "peer"), (GREY, ORDERED[0], ORDERED[1], ORDERED[2]), strict=True)
    )
    styles = dict(zip(tones, ("-.", *STYLES), strict=True))
    for role, colour in tones.items():
        part = curve_of(curves, role, "alignment")
        if part.empty:
            continue
        alignment.fill_between(part["month"], part["low"], part["high"], color=colour, alpha=0.12, lw=0)
        alignment.plot(part["month"], part["median"], color=colour, ls=styles[role], lw=2)
        ends.append(float(part["median"].iloc[-1]))
        texts.append(role_label(role))
        colours.append(colour)
    month_axis(alignment, "Alignment by role", months)
    label_ends(alignment, months * 1.02, ends, texts, colours)
    headed(figure, title)
    note(
        figure,
        f"{runs} runs. Uptake and alignment: medians; light areas: 5 to 95 % of runs, dark area: the middle "
        "half. Spread: mean over runs with its 95 % interval.",
    )
    return figure


def observed_figure(
    curves: pd.DataFrame,
    observed: pd.DataFrame,
    title: str,
    runs: int,
    variable: str = "ever_engaged",
    source: str = "",
) -> Figure:
    """The simulated uptake with its band, and over it the curve that was observed.

    observed : columns month and share. The note says how far apart the two are, and how often the band holds the curve.
    """
    figure, (axes,) = new_figure(1, 8.5, 4.8)
    part = curve_of(curves, "all", variable)
    months = int(part["month"].max())
    share_axis(axes, f"Uptake: {series_label(variable)}", months)
    band(axes, part)
    axes.plot(
        observed["month"], observed["share"], color=INK, lw=1.4, marker="o", ms=4.5, mfc="white", mec=INK, clip_on=False
    )
    seen, last = observed.iloc[-1], part.iloc[-1]
    label_ends(
        axes,
        months * 1.02,
        [last["median"], seen["share"]],
        [f"simulated, median {100 * last['median']:.0f} %", f"observed {100 * seen['share']:.0f} %"],
        [MAIN, INK],
    )
    headed(figure, title)
    gap = misfit(part, observed)
    note(
        figure,
        f"{runs} runs; line: median, dark area: the middle half of runs, light area: 5 to 95 %. "
        f"Circles: observed{source}.\n"
        f"Observed lies inside the band in {gap['inside']} of {gap['months']} months; "
        f"the median is {100 * gap['mean_gap']:.0f} points off on average. Nothing was tuned to the data.",
    )
    return figure


def misfit(part: pd.DataFrame, observed: pd.DataFrame) -> dict[str, float]:
    """How far the simulated median is from the observed shares, and in how many months the band holds them."""
    both = part.merge(observed[["month", "share"]], on="month")
    inside = (both["share"] >= both["low"]) & (both["share"] <= both["high"])
    gap = both["median"] - both["share"]
    return {
        "months": len(both),
        "inside": int(inside.sum()),
        "mean_gap": float(gap.abs().mean()),
        "final_gap": float(gap.iloc[-1]),
    }
