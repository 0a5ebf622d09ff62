"""Further figures of ensembles: evidence weights, value, stages of services, alignment, differences, designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import GRID, INK, MAIN, MUTED, ORDERED, STAGES
from ..vocabulary import (
    EVIDENCE,
    SERVICE_STAGES,
    capital,
    case_label,
    headlines,
    label,
    role_label,
    series_label,
    setting_label,
)
from .common import STYLES, curve_of, headed, in_worlds, label_ends, month_axis, new_figure, note, share_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALUES = {"value_commissioners": "Commissioners", "value_providers": "Providers and staff", "value_clients": "Clients"}
MOST_FACTORS, FEW = 6, 6
NAMED = "thick: not knowing, thin: chance"
IN_WORLDS = (
    "Thick: not knowing (5 to 95 % of the worlds' means; studies would narrow it; none where chance hides it). Thin: "
    "chance (5 to 95 % of runs of one world; no study narrows it)."
)
TOGETHER = " The runs are of many worlds: what is not known and chance together."


def weights_figure(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """The commissioners' weights on three kinds of evidence over time, and how broad their view is.

    curves : columns role, variable, month and those of `summaries.curve_summary`.
    """
    figure, (weights, breadth) = new_figure(2, 11, 4.4)
    months = int(curves["month"].max())
    share_axis(weights, "Weight on the evidence", months)
    ends, texts = [], []
    for name, colour, style in zip(EVIDENCE, ORDERED, STYLES, strict=True):
        part = curve_of(curves, "commissioner", name)
        weights.fill_between(part["month"], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
        weights.plot(part["month"], part["median"], color=colour, ls=style, lw=2)
        ends.append(float(part["median"].iloc[-1]))
        texts.append(f"{series_label(name)} {100 * ends[-1]:.0f} %")
    label_ends(weights, months * 1.02, ends, texts, ORDERED)
    share_axis(breadth, "Breadth of the view of value", months)
    breadth.set(yticklabels=["one kind only", "", "", "", "all alike"])
    part = curve_of(curves, "commissioner", "breadth")
    breadth.fill_between(part["month"], part["low"], part["high"], color=MAIN, alpha=0.18, lw=0)
    breadth.plot(part["month"], part["median"], color=MAIN, lw=2)
    last = float(part["median"].iloc[-1])
    label_ends(breadth, months * 1.02, [last], [f"{last:.2f}"], [MAIN])
    headed(figure, title)
    note(
        figure,
        f"{runs} runs; mean over commissioners. Lines: median of runs, areas: 5 to 95 % of runs. Breadth: "
        "entropy of the three weights over its maximum." + TOGETHER * in_worlds(curves),
    )
    return figure


def value_figure(summary: pd.DataFrame, title: str, by: str | None = None) -> Figure:
    """Value to commissioners, providers and clients, each net of its own costs and in its own unit; never added up.

    summary : of `summaries.summarise` or `summarise_by`. by : the column that names the rows ("scenario").
    """
    rows = [""] if by is None else list(dict.fromkeys(summary[by]))
    figure, panels = new_figure(len(VALUES), 11.5, 2.5 + 0.45 * len(rows))
    worlds = in_worlds(summary[summary["outcome"].isin(VALUES)])
    thick, thin = ("unknown_", "chance_") if worlds else ("mean_", "")
    thick_low, thick_high, thin_low, thin_high = (f"{of}{end}" for of in (thick, thin) for end in ("low", "high"))
    for place, (axes, (outcome, words)) in enumerate(zip(panels, VALUES.items(), strict=True)):
        of = summary[summary["outcome"] == outcome]
        for n, name in enumerate(rows):
            row = (of if by is None else of[of[by] == name]).iloc[0]
            over = {"color": INK, "marker": "|", "ms": 7, "zorder": 3} if worlds else {"color": MUTED}
            axes.plot([row[thin_low], row[thin_high]], [n, n], lw=1.4, solid_capstyle="butt", **over)
            shade = 0.5 if worlds else 1.0
            axes.plot([row[thick_low], row[thick_high]], [n, n], color=MAIN, lw=6, alpha=shade, solid_capstyle="butt")
            axes.plot(row["mean"], n, "o", ms=5, mfc="white", mec=INK, zorder=4)
            axes.annotate(
                f"{row['mean']:,.0f}".replace("-", "−"),
                (row["mean"], n),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=INK,
            )
        axes.axvline(0, color=INK, lw=1)
        unit = "well-being, SD × client years" if outcome == "value_clients" else "£1,000"
        axes.set(
            ylim=(len(rows) - 0.5, -0.7),
            yticks=range(len(rows)),
            xlabel=unit,
            yticklabels=[fill(case_label(by, name), 28) if place == 0 else "" for name in rows],
        )
        axes.set_title(words, loc="left", fontsize=11, fontweight="bold", color=INK)
        _across(axes)
        low = min(0.0, float(of[[thin_low, thick_low]].min().min()))
        high = max(0.0, float(of[[thin_high, thick_high]].max().max()))
        room = 0.08 * ((high - low) or 1.0)
        axes.set_xlim(low - room, high + room)
    if worlds:
        _name_both(panels[0], 0.34)
    headed(figure, title)
    shown = IN_WORLDS if worlds else "Thick: its 95 % interval. Thin: 5 to 95 % of single runs."
    note(
        figure,
        f"Circle: mean over runs. {shown} Over the whole time, net of each group's costs (left of the line: a loss). "
        "Units differ: never added up.",
    )
    return figure


def _name_both(axes: Axes, y: float) -> None:
    """What thick and thin are, beside the first row."""
    low, high = axes.get_xlim()
    axes.annotate(
        NAMED, ((low + high) / 2, y), ha="center", va="center", fontsize=8.5, color=MUTED, backgroundcolor="white"
    )


def _across(axes: Axes) -> None:
    """Rows to be read across: grid along the numbers, no ticks at the names."""
    axes.grid(False, axis="y")
    axes.grid(True, axis="x", color=GRID)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=5)


def stages_figure(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """Services by stage over time, stacked; a line with its interval parts those that use the innovation from the rest.

    curves : columns role, variable, month and those of `summaries.curve_summary`.
    """
    figure, (axes,) = new_figure(1, 9.5, 4.6)
    months = int(curves["month"].max())
    share_axis(axes, "Services by stage", months)
    axes.grid(False)
    parts = {name: curve_of(curves, "service", name) for name in SERVICE_STAGES}
    month, bottom = parts["outside"]["month"].to_numpy(), np.zeros(months + 1)
    ends, texts = [], []
    for name in SERVICE_STAGES:
        top = bottom + parts[name]["mean"].to_numpy()
        axes.fill_between(month, bottom, top, color=STAGES[name], lw=0.6, edgecolor="white")
        if top[-1] - bottom[-1] >= 0.005:
            ends.append((bottom[-1] + top[-1]) / 2)
            texts.append(f"{series_label(name)} {100 * (top[-1] - bottom[-1]):.0f} %")
        bottom = top
    use = curve_of(curves, "service", "in_use")
    for name, width, style in (("mean_low", 1.1, (0, (3, 2))), ("mean_high", 1.1, (0, (3, 2))), ("mean", 1.8, "-")):
        axes.plot(month, use[name], color="white", lw=width + 1.6, alpha=0.85)
        axes.plot(month, use[name], color=INK, lw=width, ls=style)
    label_ends(axes, months * 1.02, ends, texts, [INK] * len(ends))
    headed(figure, title)
    note(
        figure,
        f"Means over {runs} runs, services counted alike. Black line: all that use the innovation; dashes: its 95 % "
        "interval." + TOGETHER * in_worlds(curves),
    )
    return figure


def roles_figure(curves: pd.DataFrame, title: str, runs: int) -> Figure:
    """Alignment by role: its mean, how people differ around it, and how the mean differs between runs.

    curves : columns role, variable ("alignment", "alignment_sd", "fit_original"), month and those of
        `summaries.curve_summary`.
    """
    roles = [role for role in ("staff", "manager", "peer", "commissioner") if len(curve_of(curves, role, "alignment"))]
    figure, panels = new_figure(len(roles), max(8.0, 2.8 * len(roles) + 1.4), 4.2)
    months = int(curves["month"].max())
    lows, highs = [], []
    for axes, role in zip(panels, roles, strict=True):
        mean, sd = (curve_of(curves, role, name).reset_index(drop=True) for name in ("alignment", "alignment_sd"))
        original = curve_of(curves, role, "fit_original")
        low, high = mean["mean"] - sd["mean"], mean["mean"] + sd["mean"]
        axes.fill_between(mean["month"], low, high, color=MAIN, alpha=0.16, lw=0)
        for end in ("low", "high"):
            axes.plot(mean["month"], mean[end], color=MAIN, lw=0.9, ls=(0, (3, 2)))
        axes.plot(mean["month"], mean["mean"], color=MAIN, lw=2.2)
        axes.plot(original["month"], original["mean"], color=INK, lw=1.4, ls=STYLES[2])
        month_axis(axes, capital(role_label(role)), months)
        last = float(mean["mean"].iloc[-1])
        axes.annotate(
            f"{mean['mean'].iloc[0]:.2f}",
            (0, mean["mean"].iloc[0]),
            xytext=(4, -14),
            textcoords="offset points",
            fontsize=9,
            color=MAIN,
            fontweight="bold",
        )
        axes.annotate(
            f"{last:.2f}",
            (months, last),
            xytext=(-3, 5),
            textcoords="offset points",
            ha="right",
            fontsize=9,
            color=MAIN,
            fontweight="bold",
        )
        lows.append(float(min(low.min(), mean["low"].min())))
        highs.append(float(max(high.max(), mean["high"].max())))
    for place, axes in enumerate(panels):
        axes.set_ylim(min(lows) - 0.02, min(1.0, max(highs) + 0.03))
        if place:
            axes.set_yticklabels([])
    panels[0].set_ylabel("alignment")
    ends = [last, float(original["mean"].iloc[-1])]
    label_ends(panels[-1], months * 1.03, ends, ["with what is\npractised", "with what was\ndesigned"], [MAIN, INK])
    headed(figure, title)
    note(
        figure,
        f"{runs} runs. Lines: mean alignment with the innovation as it is practised locally (solid) and as it was "
        "first designed (dots). Area: one standard deviation between people\naround the mean; dashes: 5 to 95 % of "
        "runs of the mean." + TOGETHER * in_worlds(curves),
    )
    return figure


UNITS_DRAWN = (
    ("share", "Shares, points", 100.0),
    ("alignment", "Alignment (0 to 1)", 1.0),
    ("number", "Value per £1", 1.0),
)


def difference_figure(differences: pd.DataFrame, title: str, by: str, runs: int) -> Figure:
    """Paired differences of the main outcomes, a panel for each unit: with their 95 % intervals or, of runs in worlds,
    with what is not known and chance apart.

    differences : of `summaries.paired_differences`. by : the column that names what is compared with the base.
    """
    table = drawn_differences(differences)
    kinds = [kind for kind in UNITS_DRAWN if (table["kind"] == kind[0]).any()]
    worlds = in_worlds(table)
    apart = (("unknown_low", "unknown_high", 5.0, 0.5), ("chance_low", "chance_high", 1.0, 1.0))
    bars = apart if worlds else (("low", "high", 2.2, 1.0),)
    ends = [end for low, high, *_ in bars for end in (low, high)]
    names = list(dict.fromkeys(table[by]))
    most = max(table.loc[table["kind"] == kind, "outcome"].nunique() for kind, _, _ in kinds)
    figure, panels = new_figure(len(kinds), 5.4 * len(kinds), 1.7 + (0.32 + 0.14 * len(names)) * most)
    for axes, (kind, heading, factor) in zip(panels, kinds, strict=True):
        of = table[table["kind"] == kind]
        outcomes = [name for name in headlines() if name in set(of["outcome"])]
        for n, name in enumerate(names):
            part = factor * of[of[by] == name].set_index("outcome").reindex(outcomes)[["difference", *ends]]
            y = np.arange(len(outcomes)) + 0.22 * (n - (len(names) - 1) / 2)
            colour = ORDERED[n % 3] if len(names) > 1 else MAIN
            for low, high, width, strength in bars:
                axes.hlines(y, part[low], part[high], color=colour, lw=width, alpha=strength)
            if worlds:
                axes.plot(part[ends[-2:]], y, ls="none", marker="|", ms=7, color=colour)
            axes.plot(part["difference"], y, "os^"[n % 3], ms=6, mfc="white", mec=colour, mew=1.6, ls="none")
            if len(names) > 1 and kind == "share":
                far = part["difference"].abs().idxmax()
                axes.annotate(
                    fill(case_label(by, name), 30),
                    (part.loc[far].max(), y[outcomes.index(far)]),
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                    color=colour,
                )
        axes.axvline(0, color=INK, lw=1)
        axes.set(
            ylim=(len(outcomes) - 0.5, -0.6),
            yticks=range(len(outcomes)),
            yticklabels=[fill(label(name).text.removesuffix(", £ per £1"), 26) for name in outcomes],
        )
        axes.set_title(heading, loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.margins(x=0.12)
        _across(axes)
    if worlds:
        _name_both(panels[0], -0.45)
    headed(figure, title)
    base = case_label(by, differences["base"].iloc[0])
    shown = (
        f"{IN_WORLDS} Where a thick bar crosses zero, worlds do not agree on the sign."
        if worlds
        else "Lines: 95 % intervals; where a line crosses zero, these runs show no difference."
    )
    note(figure, f"Difference from {base}, run by run with the same seeds ({runs} pairs). Marks: means. {shown}")
    return figure


def drawn_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """The rows that `difference_figure` draws, with the kind of their unit."""
    table = differences[
        differences["outcome"].isin(headlines())
        & (differences["n"] > 1)
        & (differences["outcome"] != "value_per_pound_social")
    ]
    kinds = table["outcome"].map(lambda name: label(name).kind)
    table = table.assign(kind=kinds)
    return table[table["kind"].isin([kind for kind, _, _ in UNITS_DRAWN]) & table["low"].notna()]


def design_figure(effects: pd.DataFrame, title: str, runs: int) -> Figure:
    """An outcome over each setting that a design varies: means with 95 % intervals in groups of its values.

    effects : columns setting, at (middle of a group; a text where the values are no numbers), mean, mean_low,
        mean_high, n. Of many settings those over which the outcome differs most are drawn.
    """
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    reach = effects.groupby("setting", sort=False)["mean"].agg(np.ptp)
    settings = list(reach.sort_values(ascending=False, kind="stable").index[:MOST_FACTORS])
    figure, panels = new_figure(len(settings), 2.2 + 3.3 * len(settings), 4.0)
    for place, (axes, name) in enumerate(zip(panels, settings, strict=True)):
        part = effects[effects["setting"] == name]
        share_axis(axes, fill(setting_label(name), 30), 1)
        bars = [part["mean"] - part["mean_low"], part["mean_high"] - part["mean"]]
        number = pd.to_numeric(part["at"], errors="coerce")
        words = number.isna().any()
        x = np.arange(len(part)) if words else number.to_numpy()
        axes.errorbar(x, part["mean"], bars, color=MAIN, lw=1.6, marker="o", ms=4.5, mfc="white", capsize=3)
        low, high = min(x), max(x)
        room = 0.06 * ((high - low) or 1.0)
        axes.set(xlim=(low - room, high + room), xlabel="")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        if words:
            axes.set_xticks(x, [fill(str(each), 12) for each in part["at"]])
        if place:
            axes.set_yticklabels([])
    panels[0].set_ylabel(label("uptake_final").text)
    headed(figure, title)
    note(
        figure,
        f"Means over the runs of {runs:,} in which the setting has about this value, whatever the others are; "
        "bars: 95 % intervals.",
    )
    return figure


def effects_of_design(runs: pd.DataFrame, settings: Sequence[str], outcome: str = "uptake_final") -> pd.DataFrame:
    """The table that `design_figure` draws: settings with few values by value, others in sixths."""
    from ..summaries import mean_interval

    rows = []
    for name in settings:
        values = runs[name]
        if values.nunique() > FEW and pd.api.types.is_numeric_dtype(values):
            groups = pd.qcut(values, FEW, duplicates="drop").cat.codes.to_numpy()
        else:
            groups = pd.factorize(values, sort=True)[0]
        for group in np.unique(groups[groups >= 0]):
            part = runs[groups == group]
            found = mean_interval(part[outcome], part.get("society_seed"))
            if not found.n:
                continue
            first = part[name].iloc[0]
            at: object = part[name].mean() if pd.api.types.is_numeric_dtype(values) else str(first)
            if pd.api.types.is_bool_dtype(values):
                at = "on" if first else "off"
            rows.append(
                {
                    "setting": name,
                    "at": at,
                    "mean": found.mean,
                    "mean_low": np.clip(found.low, 0, 1),
                    "mean_high": np.clip(found.high, 0, 1),
                    "n": found.n,
                }
            )
    return pd.DataFrame(rows, columns=["setting", "at", "mean", "mean_low", "mean_high", "n"])


def curve_in_words(part: pd.DataFrame, column: str = "median") -> str:
    """A curve for those who cannot see it: "from 0 % to 26 % at the end, highest 59 % in month 25"."""
    values = part[column].to_numpy()
    top, low = int(np.nanargmax(values)), int(np.nanargmin(values))
    at = part["month"].to_numpy()
    text = f"from {100 * values[0]:.0f} % to {100 * values[-1]:.0f} % at the end"
    if values[top] > max(values[0], values[-1]) + 0.005:
        text += f", highest {100 * values[top]:.0f} % in month {at[top]}"
    if values[low] < min(values[0], values[-1]) - 0.005:
        text += f", lowest {100 * values[low]:.0f} % in month {at[low]}"
    return text


def weights_in_words(curves: pd.DataFrame) -> Mapping[str, str]:
    """Each weight's course."""
    return {series_label(name): curve_in_words(curve_of(curves, "commissioner", name)) for name in EVIDENCE}
