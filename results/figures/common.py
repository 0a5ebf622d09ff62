"""What figures share: direct labels, two doubts drawn, readable in grey; saved as SVG and PNG with their data."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import GRID, INK, MAIN, MUTED
from ..plain_text import frame_as_cells, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = ("-", (0, (6, 2)), (0, (1.5, 1.5)))
STYLE = {
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.titley": 1.0,  # where it stands anyhow: else every drawing asks all ticks whether they are in its way
    "svg.hashsalt": "valign",
    "figure.facecolor": "white",
}
DPI = 150  # of PNG


def new_figure(columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, in the house style, without pyplot (half the import time, no global state)."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
        return figure, list(np.atleast_1d(figure.subplots(1, columns)))


def apart(positions: Sequence[float], gap: float) -> list[float]:
    """Positions moved as little as needed to stand `gap` apart, in their order (for labels at the ends of lines)."""
    order = np.argsort(positions, kind="stable")
    blocks: list[list] = []  # (wanted centre, members)
    for index in order:
        blocks.append([float(positions[index]), [index]])
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (len(blocks[-1][1]) + len(blocks[-2][1])) / 2:
            later, earlier = blocks.pop(), blocks.pop()
            size = len(later[1]) + len(earlier[1])
            centre = (later[0] * len(later[1]) + earlier[0] * len(earlier[1])) / size
            blocks.append([centre, earlier[1] + later[1]])
    out = [0.0] * len(positions)
    for centre, members in blocks:
        for place, index in enumerate(members):
            out[index] = centre + gap * (place - (len(members) - 1) / 2)
    return out


def label_ends(
    axes: Axes, x: float, ends: Sequence[float], texts: Sequence[str], colours: Sequence[str], gap: float = 0.055
) -> None:
    """Labels beside the ends of lines, kept apart; `gap` as a share of the axis."""
    low, high = axes.get_ylim()
    lines = max(text.count("\n") + 1 for text in texts) if texts else 1
    for y, place, text, colour in zip(ends, apart(ends, gap * lines * (high - low)), texts, colours, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(x, place),
            textcoords="data",
            color=colour,
            va="center",
            ha="left",
            annotation_clip=False,
            fontsize=9.5,
        )


def share_axis(axes: Axes, title: str, months: int) -> None:
    """Months against a share of 0 to 100 %."""
    axes.set(ylim=(0, 1), yticks=[0, 0.25, 0.5, 0.75, 1], yticklabels=["0", "25", "50", "75", "100 %"])
    month_axis(axes, title, months)


def month_axis(axes: Axes, title: str, months: int) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.set(xlim=(0, max(1, months)), xlabel="month")
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60, 120) if months / step <= 8), 240)
    axes.set_xticks(np.arange(0, months + 1, step))


def headed(figure: Figure, text: str) -> None:
    """The title of a figure, folded to its width."""
    figure.suptitle(
        fill(text, int(9 * figure.get_figwidth())), x=0.01, ha="left", fontsize=12.5, fontweight="bold", color=INK
    )


def note(figure: Figure, text: str) -> None:
    """What the lines and areas mean, under the panels, folded to their width."""
    text = "\n".join(fill(line, int(14.5 * figure.get_figwidth())) for line in text.split("\n"))
    figure.supxlabel(text, fontsize=9, color=MUTED, ha="left", x=0.01)


def in_worlds(table: pd.DataFrame) -> bool:
    """Whether a table tells chance and not knowing apart."""
    return "unknown_low" in table and bool(table["unknown_low"].notna().any())


def doubt(axes: Axes, part: pd.DataFrame, colour: str, unit: float = 1.0) -> None:
    """The area about a curve: not knowing where worlds were asked, else the interval of the mean."""
    low, high = ("unknown_low", "unknown_high") if in_worlds(part) else ("mean_low", "mean_high")
    axes.fill_between(part["month"], unit * part[low], unit * part[high], color=colour, alpha=0.2, lw=0)


def end_bars(axes: Axes, last: pd.Series, x: float, colour: str) -> None:
    """Beside the end of a curve: a thick bar for not knowing, a thin one over it for chance; else one for runs."""
    style = {"color": colour, "clip_on": False, "solid_capstyle": "butt"}
    if not pd.notna(last.get("unknown_low")):
        axes.plot([x, x], [last["low"], last["high"]], lw=2.5, marker="_", ms=5, **style)
        return
    axes.plot([x, x], [last["chance_low"], last["chance_high"]], lw=1, marker="_", ms=5, **style)
    axes.plot([x, x], [last["unknown_low"], last["unknown_high"]], lw=4.5, alpha=0.6, **style)


def band(axes: Axes, part: pd.DataFrame, colour: str = MAIN) -> None:
    """Median with the middle half and 5 to 95 % of runs."""
    axes.fill_between(part["month"], part["low"], part["high"], color=colour, alpha=0.15, lw=0)
    axes.fill_between(part["month"], part["lower"], part["upper"], color=colour, alpha=0.25, lw=0)
    axes.plot(part["month"], part["median"], color=colour, lw=2.2)


def curve_of(curves: pd.DataFrame, role: str, variable: str) -> pd.DataFrame:
    """The rows of one curve."""
    return curves[(curves["role"] == role) & (curves["variable"] == variable)]


def _literal(text: str) -> str:
    """A text for a figure: nothing hidden, and a dollar is a dollar, not a formula."""
    return re.sub(r"(?<!\\)\$", r"\\$", visible(text))


def _written_literally(figure: Figure) -> None:
    """Let all texts of a figure, names of ticks too, be shown as they are."""
    from matplotlib.text import Text
    from matplotlib.ticker import FuncFormatter

    for text in figure.findobj(Text):
        text.set_text(_literal(text.get_text()))
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        names = axis.get_major_formatter()
        if isinstance(names, FuncFormatter):
            names.func = lambda at, place, of=names.func: _literal(of(at, place))


def as_files(figure: Figure) -> tuple[str, bytes]:
    """A figure as SVG and as PNG."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from PIL import Image

    svg, png = io.StringIO(), io.BytesIO()
    figure.set_dpi(DPI)
    _written_literally(figure)
    with matplotlib.rc_context(STYLE):  # drawn twice, where savefig would need six
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # finds the layout, which SVG keeps
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])  # opaque: a quarter less to compress
        picture.save(png, "png", dpi=(DPI, DPI), compress_level=3)  # twice as fast as 6, and hardly larger
        figure.set_layout_engine("none")
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    return svg.getvalue(), png.getvalue()


def save(figure: Figure, folder: Path, name: str, data: pd.DataFrame | None) -> list[Path]:
    """Write NAME.svg, NAME.png and, beside them, the data of the figure as NAME.csv (None: it is there already)."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.svg", folder / f"{name}.png", folder / f"{name}.csv"]
    svg, png = as_files(figure)
    paths[0].write_text(svg, "utf-8")
    paths[1].write_bytes(png)
    if data is not None:
        frame_as_cells(data).to_csv(paths[2], index=False, float_format="%.6g", lineterminator="\n")
    return paths
