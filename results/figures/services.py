"""Services month by month, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import INK
from .common import headed, new_figure, note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 30  # services in a figure


def services_figure(table: pd.DataFrame, title: str, runs: int, by: str | None = None) -> Figure:
    """Share of members who work with it in every service and month, a panel for each scenario.

    table : columns service, month, engaged, in_use (`experiments.by_service`), and `by`, which names the panels.
    """
    groups = [("", table)] if by is None else [(str(name), part) for name, part in table.groupby(by, sort=False)]
    order = _order(groups[0][1])
    figure, panels = new_figure(len(groups), 3.2 + 4.6 * len(groups), 2.2 + 0.3 * len(order))
    for axes, (name, part) in zip(panels, groups, strict=True):
        wide = part.pivot(index="service", columns="month", values="engaged")
        rows = [each for each in (order if axes is panels[0] else _order(part)) if each in wide.index]
        wide = wide.loc[rows]
        axes.imshow(
            100 * wide.to_numpy(), aspect="auto", cmap="Blues", vmin=0, vmax=100, interpolation="nearest",
            extent=(-0.5, wide.shape[1] - 0.5, len(rows) - 0.5, -0.5),
        )  # fmt: skip
        axes.grid(False)
        last = part[part["month"] == part["month"].max()].set_index("service")
        axes.set_yticks(range(len(rows)), rows)
        for y, service in enumerate(rows):
            axes.annotate(
                f"{100 * last.loc[service, 'engaged']:.0f} %, used in {100 * last.loc[service, 'in_use']:.0f} %",
                (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8.5, color=INK,
            )  # fmt: skip
        axes.set_xticks(np.arange(0, wide.shape[1], 12))
        axes.set_xlabel("month")
        if name:
            axes.set_title(name, fontsize=10, loc="left")
    headed(figure, title)
    left = table["service"].nunique() - len(order)
    note(
        figure,
        f"The darker, the more of a service's people work with it (white: none, darkest: all); mean of {runs} runs. "
        "Right: people working with it at the end, and the share of runs in which the service uses it then. "
        "Services with most "
        "use at the end come first" + (f"; {left} more are in the table." if left > 0 else "."),
    )
    return figure


def _order(part: pd.DataFrame) -> list[str]:
    last = part[part["month"] == part["month"].max()].sort_values("engaged", ascending=False, kind="stable")
    return last["service"].tolist()[:SHOWN]
