"""The figure of a planned study: the chance of naming the right explanation by how many people take part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..palette import MUTED, ORDERED
from .common import headed, label_ends, new_figure, note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def series_of(designs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Designs that differ in their number of people alone, by what they have in common, in words."""
    words = {
        "months": "{:g} months",
        "waves": "{:g} waves",
        "ties": lambda asked: "ties asked" if asked else "ties not asked",
        "answer": lambda share: f"{100 * share:.0f} % answer",
    }
    several = [name for name in words if designs[name].nunique() > 1]
    if not several:
        return {"": designs.sort_values("total")}
    found: dict[str, pd.DataFrame] = {}
    for key, part in designs.groupby(several, sort=True):
        told = [words[name] for name in several]
        label = ", ".join(w.format(v) if isinstance(w, str) else w(v) for w, v in zip(told, key, strict=True))
        found[label] = part.sort_values("total")
    return found


def study_figure(designs: pd.DataFrame, enough: float, title: str) -> Figure:
    """A line for each kind of design over the number of people, with 95 % intervals; dotted: what is enough.

    designs : columns total, chance, low, high, and the choices (months, waves, ties, answer).
    """
    figure, panels = new_figure(1, 8.2, 4.2)
    axes = panels[0]
    lines = series_of(designs)
    ends: list[tuple[float, float, str, str]] = []
    for place, (label, part) in enumerate(lines.items()):
        colour = ORDERED[place % len(ORDERED)]
        axes.fill_between(part["total"], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
        axes.plot(part["total"], part["chance"], color=colour, marker=MARKERS[place % len(MARKERS)], ms=5, lw=1.6)
        ends.append((float(part["total"].iloc[-1]), float(part["chance"].iloc[-1]), label, colour))
    left, right = float(designs["total"].min()), float(designs["total"].max())
    for level in (enough, 0.2):
        axes.plot([left, right], [level, level], color=MUTED, lw=1, ls=":")
    axes.annotate(f"enough ({100 * enough:.0f} %)", (left, enough), xytext=(0, 3), textcoords="offset points", size=8)
    axes.annotate("guessing (20 %)", (left, 0.2), xytext=(0, 3), textcoords="offset points", size=8)
    axes.set(xlabel="people who take part", ylim=(0, 1.02))
    wide = right - left or 1.0
    axes.set_xlim(left - 0.04 * wide, left + (1.4 if len(lines) > 1 else 1.05) * wide)
    if len(lines) > 1:
        _, y, texts, colours = zip(*ends, strict=True)
        label_ends(axes, right + 0.03 * wide, y, texts, colours)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axes.set_ylabel("chance of naming the right explanation")
    headed(figure, title)
    note(figure, "Bands: 95 %, from the number of simulated studies. Five explanations, all held alike beforehand.")
    return figure
