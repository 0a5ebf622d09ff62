"""Charts of the page as inline SVG: direct labels, uncertainty drawn, readable in grey, words for screen readers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.results import palette
from valign.results.figures.common import apart
from valign.results.numbers import percent
from valign.results.palette import GRID, INK, MAIN, MUTED, PINNED
from valign.results.plain_text import escape

ORDERED = (*palette.ORDERED, *palette.FURTHER)
TEXT = {palette.ORDERED[2]: "#96530a", palette.FURTHER[1]: "#666666"}  # lines whose colour is too light for letters
DASHES = ("", "7 3", "2 2", "9 3 2 3", "1 4")
LEFT, TOP, BOTTOM, POINTS = 46, 34, 36, 240


@dataclass(frozen=True)
class Line:
    """A line with its band: a table of `summaries.curve_summary`, and which of its columns are drawn."""

    label: str
    table: pd.DataFrame
    colour: str = MAIN
    dash: str = ""
    middle: str = "median"
    bands: tuple[tuple[str, str], ...] = (("low", "high"), ("lower", "upper"))


def nice_steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers that cover a range, at most a handful."""
    width = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(width / most))
    step *= next(factor for factor in (1, 2, 5, 10) if width / (step * factor) <= most)
    return [step * n for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


def curves(
    title: str,
    lines: Sequence[Line],
    *,
    limits: tuple[float, float] | None = (0, 1),
    marks: Sequence[int] = (),
    write: Callable[[float], str] = percent,
    width: int = 470,
    height: int = 262,
    room: int = 112,
) -> str:
    """Lines with bands over months. marks: months of scheduled changes. limits None: from the data, with zero."""
    lines = [line for line in lines if line.table[line.middle].notna().any()]
    if not lines:
        return frame(
            title,
            f'<text x="{LEFT}" y="70" fill="{MUTED}">nothing to show: nobody has this role</text>',
            width,
            height,
            title,
        )
    if limits is None:
        numbers = np.concatenate([line.table[[line.middle, *line.bands[0]]].to_numpy().ravel() for line in lines])
        numbers = numbers[np.isfinite(numbers)]
        limits = (min(0.0, float(numbers.min())), max(0.0, float(numbers.max())))
        limits = limits if limits[1] - limits[0] > 0.02 else (limits[0] - 0.01, limits[1] + 0.01)
    ticks = nice_steps(*limits)
    low, high = limits if limits == (0, 1) else (ticks[0], ticks[-1])
    months = max(1, int(max(line.table["month"].max() for line in lines)))
    right, bottom = width - room, height - BOTTOM

    def x(month: float) -> float:
        return LEFT + (right - LEFT) * month / months

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (min(max(value, low), high) - low) / (high - low)

    drawn = [
        f'<line x1="{LEFT}" x2="{right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" '
        f'stroke="{MUTED if tick == 0 else GRID}"/><text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end" '
        f'fill="{MUTED}">{write(tick)}</text>'
        for tick in ticks
        if low - 1e-9 <= tick <= high + 1e-9
    ]
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60, 120) if months / step <= 7), 240)
    drawn += [
        f'<text x="{x(month):.1f}" y="{bottom + 16}" text-anchor="middle" fill="{MUTED}">{month}</text>'
        for month in range(0, months + 1, step)
    ]
    drawn.append(f'<text x="{(LEFT + right) / 2}" y="{height - 4}" text-anchor="middle" fill="{MUTED}">month</text>')
    drawn += [
        f'<line x1="{x(month):.1f}" x2="{x(month):.1f}" y1="{TOP}" y2="{bottom}" stroke="{MUTED}" '
        f'stroke-dasharray="1 3"/>'
        for month in marks
        if month <= months
    ]
    for line in lines:
        table = line.table.iloc[:: max(1, len(line.table) // POINTS)]
        across = [x(month) for month in table["month"]]
        for lower, upper in line.bands:
            over = list(zip(across, map(y, table[upper].fillna(0)), strict=True))
            under = list(zip(across, map(y, table[lower].fillna(0)), strict=True))[::-1]
            shape = " ".join(f"{a:.1f},{b:.1f}" for a, b in over + under)
            drawn.append(
                f'<polygon points="{shape}" fill="{line.colour}" opacity="{0.3 if len(line.bands) == 1 else 0.18}"/>'
            )
        path = " ".join(f"{a:.1f},{y(b):.1f}" for a, b in zip(across, table[line.middle], strict=True) if b == b)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2.2" '
            f'stroke-dasharray="{line.dash}"/>'
        )
    ends = [float(line.table[line.middle].dropna().iloc[-1]) for line in lines]
    for line, end, place in zip(lines, ends, apart([y(end) for end in ends], 15), strict=True):
        drawn.append(
            f'<text x="{right + 6}" y="{place + 4:.1f}" fill="{TEXT.get(line.colour, line.colour)}" font-weight="600">'
            f"{escape(line.label)} {write(end)}</text>"
        )
    words = "; ".join(
        f"{line.label}: {write(float(line.table[line.middle].dropna().iloc[0]))} at the start, {write(end)} at the end"
        for line, end in zip(lines, ends, strict=True)
    )
    return frame(title, "".join(drawn), width, height, f"{title}, over {months} months. {words}.")


def frame(title: str, content: str, width: int, height: int, words: str) -> str:
    """An SVG with a heading and a text for those who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}" class="chart" '
        f'font-family="system-ui, sans-serif" font-size="12"><text x="4" y="16" font-weight="700" font-size="13.5" '
        f'fill="{INK}">{escape(title)}</text>{content}</svg>'
    )


def waterfall(table: pd.DataFrame, names: Mapping[str, str], width: int = 860) -> str:
    """From alignment at the start to the end: what each mechanism moved, beside what is lost without it.

    table : columns of `work.what_moved`; attrs start and end: mean alignment.
    """
    start, end = table.attrs["start"], table.attrs["end"]
    steps = [("at the start", 0.0, start, None)]
    level = start
    for row in table.to_dict("records"):
        steps.append((names.get(row["mechanism"], row["mechanism"]), level, level + row["booked"], row))
        level += row["booked"]
    steps.append(("at the end", 0.0, end, None))
    tops = [each for _, a, b, _ in steps[1:-1] for each in (a, b)] + [start, end]
    gaps = [
        each for row in table.to_dict("records") for each in (row["ablation_low"], row["ablation_high"]) if each == each
    ]
    low, high = min(tops) - 0.03, max(tops) + 0.03
    left, middle, right, row_height = 190, 560, width - 20, 26
    height = 72 + row_height * len(steps)
    reach = max([0.01, *map(abs, gaps)])

    def x(value: float) -> float:
        return left + (middle - 70 - left) * (value - low) / (high - low)

    def x2(value: float) -> float:
        return (middle + right) / 2 + (right - middle) / 2 * 0.72 * value / reach

    drawn = [
        f'<text x="{left}" y="42" fill="{MUTED}">mean alignment, step by step along the months (booked)</text>',
        f'<text x="{middle}" y="42" fill="{MUTED}">end with it less end without it (switched off)</text>',
        f'<line x1="{x2(0):.1f}" x2="{x2(0):.1f}" y1="50" y2="{height - 14}" stroke="{MUTED}"/>',
    ]
    for place, (label, a, b, row) in enumerate(steps):
        y = 54 + row_height * place
        total = row is None
        first, last = (low, b) if total else (min(a, b), max(a, b))
        fill = MUTED if total else MAIN if b >= a else palette.ORDERED[1]
        drawn.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end" fill="{INK}">{escape(label)}</text>'
            f'<rect x="{x(first):.1f}" y="{y + 3}" width="{max(1.0, x(last) - x(first)):.1f}" height="16" '
            f'fill="{fill}" opacity="{0.45 if total else 0.9}"/>'
            f'<text x="{x(last) + 5:.1f}" y="{y + 15}" fill="{INK}">'
            f"{b if total else b - a:{'.2f' if total else '+.3f'}}"
            "</text>"
        )
        if row is not None and row["ablation"] == row["ablation"]:
            drawn.append(
                f'<line x1="{x2(row["ablation_low"]):.1f}" x2="{x2(row["ablation_high"]):.1f}" y1="{y + 11}" '
                f'y2="{y + 11}" stroke="{INK}" stroke-width="2"/><circle cx="{x2(row["ablation"]):.1f}" '
                f'cy="{y + 11}" r="4" fill="{INK}"/><text x="{right + 14}" y="{y + 15}" text-anchor="end" '
                f'fill="{INK}">{row["ablation"]:+.3f}</text>'
            )
    words = "; ".join(f"{label} {b - a:+.3f}" for label, a, b, row in steps if row is not None)
    return frame(
        "What moved alignment",
        "".join(drawn),
        width,
        height,
        f"Mean alignment goes from {start:.2f} to {end:.2f}: {words}.",
    )


def bars(title: str, rows: Sequence[tuple[str, float, float, float]], floor: float, why: str, width: int = 860) -> str:
    """Indices by factor with their intervals; what lies in the grey area cannot be told from noise.

    rows : label, value, low, high. floor : the noise floor (NaN: not known). why : what is drawn, in words.
    """
    left, right, row_height = 330, width - 140, 26
    height = 84 + row_height * len(rows)
    there = [each for row in rows for each in row[1:] if each == each] + [floor if floor == floor else 0.0, 0.05]
    ticks = [tick for tick in nice_steps(min(0.0, *there), max(there)) if tick >= min(0.0, *there) - 0.05]
    low, high = ticks[0], ticks[-1]

    def x(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    drawn = [f'<text x="4" y="34" fill="{MUTED}">{escape(why)}</text>']
    if floor == floor and floor > 0:
        drawn.append(
            f'<rect x="{x(0):.1f}" y="46" width="{x(floor) - x(0):.1f}" height="{height - 80}" fill="#e4e4e4"/>'
            f'<text x="{x(floor) + 4:.1f}" y="{height - 38}" fill="{MUTED}">noise up to {floor:.2f}</text>'
        )
    drawn += [
        f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="46" y2="{height - 34}" '
        f'stroke="{MUTED if abs(tick) < 1e-9 else GRID}"/><text x="{x(tick):.1f}" y="{height - 18}" '
        f'text-anchor="middle" fill="{MUTED}">{tick:.2g}</text>'
        for tick in ticks
    ]
    for place, (label, value, lower, upper) in enumerate(rows):
        y = 62 + row_height * place
        drawn.append(
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end" fill="{INK}">{escape(label)}</text>'
            f'<line x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{y}" y2="{y}" stroke="{MAIN}" stroke-width="3"/>'
            f'<circle cx="{x(value):.1f}" cy="{y}" r="5" fill="{MAIN}"/><text x="{right + 12}" y="{y + 4}" '
            f'fill="{INK}">{value:.2f} ({lower:.2f} to {upper:.2f})</text>'
        )
    words = "; ".join(f"{label} {value:.2f}" for label, value, _, _ in rows)
    return frame(title, "".join(drawn), width, height, f"{title}. {words}. Noise up to {floor:.2f}.")


def shares(title: str, rows: Sequence[tuple[str, Mapping[str, float]]], width: int = 860) -> str:
    """Shares of worlds by what they say, a bar for each row. rows : label, and predicted, absent, reversed (shares),
    predicted_low, predicted_high (95 %)."""
    left, right, height = 210, width - 170, 62 + 34 * len(rows)
    styles = (
        ("predicted", palette.PREDICTED, "as predicted"),
        ("absent", palette.ABSENT, "absent"),
        ("reversed", palette.REVERSED, "reversed"),
    )

    def x(share: float) -> float:
        return left + (right - left) * min(max(share, 0.0), 1.0)

    drawn, at = [], left
    for _, colour, words in styles:
        drawn.append(
            f'<rect x="{at}" y="28" width="12" height="12" fill="{colour}"/><text x="{at + 17}" y="38" '
            f'fill="{INK}">{words}</text>'
        )
        at += 120
    for place, (label, share) in enumerate(rows):
        y, start = 52 + 34 * place, 0.0
        drawn.append(f'<text x="{left - 10}" y="{y + 16}" text-anchor="end" fill="{INK}">{escape(label)}</text>')
        for name, colour, _ in styles:
            part = max(0.0, share[name])
            drawn.append(
                f'<rect x="{x(start):.1f}" y="{y}" width="{x(start + part) - x(start):.1f}" height="22" '
                f'fill="{colour}"/>'
            )
            start += part
        drawn.append(
            f'<line x1="{x(share["predicted_low"]):.1f}" x2="{x(share["predicted_high"]):.1f}" y1="{y + 11}" '
            f'y2="{y + 11}" stroke="#fff" stroke-width="5"/><line x1="{x(share["predicted_low"]):.1f}" '
            f'x2="{x(share["predicted_high"]):.1f}" y1="{y + 11}" y2="{y + 11}" stroke="{INK}" stroke-width="2.4"/>'
            f'<text x="{right + 10}" y="{y + 16}" fill="{INK}">{percent(share["predicted"])} '
            f"({percent(share['predicted_low'])} to {percent(share['predicted_high'])})</text>"
        )
    words = "; ".join(f"{label}: as predicted in {percent(share['predicted'])} of worlds" for label, share in rows)
    return frame(title, "".join(drawn), width, height, f"{title}. {words}.")


def time_line(months: int, marks: Sequence[tuple[int, str]], width: int = 860) -> str:
    """Scheduled changes on a line of months; words stand below each other."""
    height = 66 + 18 * len(marks)
    step = next((step for step in (1, 3, 6, 12, 24, 60, 120) if months / step <= 13), 240)

    def x(month: float) -> float:
        return 20 + (width - 40) * month / max(1, months)

    drawn = [f'<line x1="{x(0)}" x2="{x(months)}" y1="36" y2="36" stroke="{INK}"/>']
    drawn += [
        f'<line x1="{x(m):.1f}" x2="{x(m):.1f}" y1="32" y2="40" stroke="{INK}"/><text x="{x(m):.1f}" y="54" '
        f'text-anchor="middle" fill="{MUTED}">{m}</text>'
        for m in range(0, months + 1, step)
    ]
    for place, (month, words) in enumerate(marks):
        y, late = 72 + 18 * place, x(month) > width / 2
        drawn.append(
            f'<line x1="{x(month):.1f}" x2="{x(month):.1f}" y1="36" y2="{y}" stroke="{PINNED}" stroke-dasharray="2 2"/>'
            f'<circle cx="{x(month):.1f}" cy="36" r="5" fill="{PINNED}"/>'
            f'<text x="{x(month) + (-6 if late else 6):.1f}" '
            f'y="{y}" text-anchor="{"end" if late else "start"}" fill="{INK}">{escape(words)}</text>'
        )
    return frame(
        "What is scheduled, by month",
        "".join(drawn),
        width,
        height,
        "Scheduled: " + ("; ".join(words for _, words in marks) or "nothing") + ".",
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """An HTML table; the first column heads the rows."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>{"".join(f"<td>{escape(str(each))}</td>" for each in row[1:])}'
        "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def sentences(words: Sequence[str], kind: str = "") -> str:
    return f'<ul class="words {kind}">{"".join(f"<li>{escape(each)}</li>" for each in words)}</ul>'
