"""The society drawn: nobody on another, legible at every size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.results.figures.network import positions, shade, society_figure
from valign.results.figures.run import curve_in_words


def society(services: int, each: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "service": np.arange(services),
            "name": [f"service {n}" for n in range(services)],
            "group": np.where(np.arange(services) % 4, "hostel", "pilot"),
            "people": each,
            "stage_start": "outside",
            "stage_end": rng.choice(["outside", "sustained"], services),
            "engaged_start": 0.0,
            "engaged_end": rng.random(services),
            "alignment_start": rng.uniform(0.4, 0.9, services),
            "alignment_end": rng.uniform(0.4, 0.9, services),
        }
    )
    rows = services * each
    people = pd.DataFrame(
        {
            "service": np.repeat(np.arange(services), each),
            "role": rng.choice(["staff", "manager", "peer"], rows),
            "alignment_start": rng.random(rows),
            "alignment_end": rng.random(rows),
            "stage_start": "aware",
            "stage_end": rng.choice(["aware", "engaged"], rows),
        }
    )
    return table, people


def test_nobody_stands_on_another_and_services_stand_apart() -> None:
    table, people = society(8, 25)
    place, centres, radii = positions(table, people)
    gaps = np.linalg.norm(place[:, None] - place[None], axis=2) + 99 * np.eye(len(place))
    assert gaps.min() > 0.6
    between = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 99 * np.eye(len(centres))
    assert (between > radii[:, None] + radii[None]).all()


@pytest.mark.parametrize(
    ("services", "each", "single"),
    [(2, 30, True), (3, 30, True), (4, 30, True), (8, 25, True), (12, 30, True), (20, 12, True), (2_000, 30, False)],
)
def test_a_society_is_legible_at_every_size(services: int, each: int, single: bool) -> None:
    table, people = society(services, each)
    figure = society_figure(table, people if single else None, None, "Society")
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == (services if single else 2)
        assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[n + 1 :])
        assert all(figure.bbox.contains(*corner) for box in boxes for corner in (box.min, box.max))
    if not single:
        assert "hostel: 1,500 services" in figure.axes[1].texts[1].get_text()


def test_shades_of_alignment_keep_their_order_in_grey() -> None:
    tones = shade()(np.linspace(0, 1, 20))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(tones) < 0).all()


def test_curves_in_words() -> None:
    part = pd.DataFrame({"month": [0, 1, 2], "median": [0.1, 0.6, 0.3]})
    assert curve_in_words(part) == "from 10 % to 30 % at the end, highest 60 % in month 1"
