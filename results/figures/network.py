"""The society of one run as a network: services as groups, roles by shape, alignment by shade."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..palette import INK, MUTED, SHADES
from ..vocabulary import series_label
from .common import headed, new_figure, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

MARKS = {"staff": "o", "manager": "s", "peer": "^", "commissioner": "D"}
NAMES = {"staff": "staff", "manager": "manager", "peer": "peer advocate", "commissioner": "commissioner"}
LOWEST, HIGHEST = 0.4, 1.0
MOST_PEOPLE = 400  # drawn one by one; of more, services
FEW, SEVERAL = 2, 8  # services with room for lines of words below each
MOST_VECTORS = 400  # services drawn as shapes; of more, as one picture in the SVG
GOLDEN = math.pi * (3 - math.sqrt(5))
IN_USE = ("piloting", "commissioned", "sustained")


def society_figure(
    services: pd.DataFrame, people: pd.DataFrame | None, ties: pd.DataFrame | None, title: str
) -> Figure:
    """One run's society at its start and at its end; of more than 400 people, service by service.

    services, people, ties : tables of `experiments.snapshot`.
    """
    figure, panels = new_figure(2, 12.5, 6.6)
    single = people is not None and len(people) <= MOST_PEOPLE
    for axes, when, heading in zip(panels, ("start", "end"), ("At the start", "At the end"), strict=True):
        if single:
            _people(axes, services, people, ties, when)
        else:
            _services(axes, services, when)
        axes.set_title(heading, loc="left", fontsize=11, fontweight="bold", color=INK)
        axes.set_aspect("equal")
        axes.axis("off")
    _key(figure, panels, single)
    headed(figure, title)
    note(
        figure,
        "The first run, as an example: other runs differ. Dark outline: engaged. Lines: ties between people."
        + ("\nBelow a service: its mean alignment and the share of people engaged." if len(services) > SEVERAL else "")
        if single
        else "The first run, as an example: other runs differ. A circle is a service, its area the number "
        "of people,\nits shade their mean alignment; a dark ring: the service uses the innovation.",
    )
    return figure


def shade() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("alignment", SHADES)


def _people(axes: Axes, services: pd.DataFrame, people: pd.DataFrame, ties: pd.DataFrame | None, when: str) -> None:
    from matplotlib.collections import LineCollection

    place, centres, radii = positions(services, people)
    if ties is not None and len(ties):
        ends = np.stack([place[ties["a"]], place[ties["b"]]], axis=1)
        apart = people["service"].to_numpy()[ties["a"]] != people["service"].to_numpy()[ties["b"]]
        axes.add_collection(LineCollection(ends[~apart], colors="#bdbdbd", lw=0.35, alpha=0.5, zorder=1))
        axes.add_collection(LineCollection(ends[apart], colors=MUTED, lw=0.7, alpha=0.8, zorder=1))
    size = min(90.0, 9_000 / max(1, len(people)))
    for role, mark in MARKS.items():
        part = (people["role"] == role).to_numpy()
        engaged = (people.loc[part, f"stage_{when}"] == "engaged").to_numpy()
        axes.scatter(
            *place[part].T,
            s=size * (1.25 if mark != "o" else 1.0),
            marker=mark,
            zorder=3,
            c=people.loc[part, f"alignment_{when}"],
            cmap=shade(),
            vmin=LOWEST,
            vmax=HIGHEST,
            edgecolors=np.where(engaged, INK, "#9a9a9a"),
            linewidths=np.where(engaged, 1.7, 0.5),
        )
    for (_, row), centre, radius in zip(services.iterrows(), centres, radii, strict=True):
        alignment, engaged = f"{row[f'alignment_{when}']:.2f}", f"{100 * row[f'engaged_{when}']:.0f} %"
        if len(services) > SEVERAL:
            told = [f"{alignment} · {engaged}"]
        elif len(services) > FEW:
            told = [f"alignment {alignment}", f"{engaged} engaged", series_label(row[f"stage_{when}"])]
        else:
            told = [f"alignment {alignment} · {engaged} engaged", series_label(row[f"stage_{when}"])]
        axes.annotate(
            "\n".join([row["name"], *told]),
            (centre[0], centre[1] - radius),
            xytext=(0, -3),
            textcoords="offset points",
            ha="center",
            va="top",
            color=INK,
            fontsize=9 if len(services) <= FEW else 7,
        )
    low, high = place.min(axis=0), place.max(axis=0)
    axes.set(xlim=(low[0] - 1.5, high[0] + 1.5), ylim=(min(low[1], (centres[:, 1] - radii).min()) - 4.2, high[1] + 1.2))


def positions(services: pd.DataFrame, people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where everybody stands (people one apart), the middle of each service, and its radius.

    Services in rows of a grid; in a service managers in the middle, then peers, then staff; commissioners above.
    """
    radii = 0.62 * np.sqrt(np.maximum(services["people"].to_numpy(float), 1)) + 0.6
    columns = math.ceil(math.sqrt(1.3 * len(services)))
    step = 2 * radii.max() + 1.6
    number = np.arange(len(services))
    below = 3.2 if len(services) <= FEW else 5.0  # room for words
    centres = np.stack([number % columns * step, -(number // columns) * (step + below)], axis=1).astype(float)
    place = np.zeros((len(people), 2))
    order = {"manager": 0, "peer": 1, "staff": 2}
    for n, service in enumerate(services["service"]):
        rows = np.flatnonzero(people["service"].to_numpy() == service)
        rows = rows[np.argsort([order[role] for role in people["role"].to_numpy()[rows]], kind="stable")]
        turn = np.arange(len(rows)) * GOLDEN
        place[rows] = centres[n] + (0.62 * np.sqrt(np.arange(len(rows)) + 0.5))[:, None] * np.stack(
            [np.cos(turn), np.sin(turn)], axis=1
        )
    above = np.flatnonzero(people["service"].to_numpy() < 0)
    middle = centres[:, 0].mean() if len(centres) else 0.0
    top = radii[:columns].max() + 1.8 if len(radii) else 0.0
    place[above] = np.stack(
        [middle + 1.6 * (np.arange(len(above)) - (len(above) - 1) / 2), np.full(len(above), top)], axis=1
    )
    return place, centres, radii


def _services(axes: Axes, services: pd.DataFrame, when: str) -> None:
    """Services as circles, in blocks by group, each block with its numbers."""
    groups = list(dict.fromkeys(services["group"]))
    across = max(6, math.ceil(math.sqrt(1.6 * len(services))))
    unit = 0.42 / math.sqrt(services["people"].max())
    y, circles, rings, shades = 0.0, [], [], []
    for group in groups:
        part = services[services["group"] == group].sort_values(["people", "service"], ascending=[False, True])
        using = part[f"stage_{when}"].isin(IN_USE)
        mean = np.average(part[f"alignment_{when}"], weights=part["people"])
        axes.text(
            -0.5,
            y + 0.75,
            f"{group}: {len(part):,} services, alignment {mean:.2f}, {100 * using.mean():.0f} % use it",
            fontsize=9,
            color=INK,
            va="bottom",
        )
        number = np.arange(len(part))
        circles.append(np.stack([number % across, y - number // across], axis=1).astype(float))
        rings.append(using.to_numpy())
        shades.append(part[[f"alignment_{when}", "people"]].to_numpy())
        y -= math.ceil(len(part) / across) + across / 14 + 0.6
    place, ring, values = np.concatenate(circles), np.concatenate(rings), np.concatenate(shades)
    axes.set(xlim=(-1, across), ylim=(y + 0.8, across / 14 + 1.2))
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    marks = PatchCollection(
        [Circle(at, max(0.12, unit * math.sqrt(size))) for at, size in zip(place, values[:, 1], strict=True)],
        cmap=shade(),
        edgecolors=np.where(ring, INK, "#c4c4c4"),
        linewidths=np.where(ring, 1.6 if len(place) < 200 else 0.9, 0.4),
    )
    marks.set_array(values[:, 0])
    marks.set_clim(LOWEST, HIGHEST)
    marks.set_rasterized(len(place) > MOST_VECTORS)
    axes.add_collection(marks)


def _key(figure: Figure, panels: list[Axes], single: bool) -> None:
    """Shades with their numbers, and shapes with their roles, in a strip below."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(
        ScalarMappable(Normalize(LOWEST, HIGHEST), shade()),
        ax=panels[0],
        location="bottom",
        fraction=0.03,
        pad=0.02,
        aspect=40,
        ticks=[0.4, 0.55, 0.7, 0.85, 1.0],
    )
    bar.set_label("alignment (darker: fits better)", fontsize=9, color=INK)
    bar.outline.set_visible(False)
    strip = figure.colorbar(
        ScalarMappable(Normalize(0, 1), shade()), ax=panels[1], location="bottom", fraction=0.03, pad=0.02, aspect=40
    ).ax
    strip.clear()
    strip.axis("off")
    strip.set(xlim=(0, 4), ylim=(-1, 1))
    if single:
        for n, (role, mark) in enumerate(MARKS.items()):
            strip.plot(n + 0.08, 0, mark, ms=8, mfc="white", mec=INK, clip_on=False)
            strip.text(n + 0.2, 0, NAMES[role], va="center", fontsize=9, color=INK)
