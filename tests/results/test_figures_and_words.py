"""Figures are kept with their data and legible; tables in words."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valign.results import summaries
from valign.results.figures.common import apart, save
from valign.results.figures.ensembles import (
    comparison_figure,
    factors_figure,
    levels_figure,
    observed_figure,
    run_figure,
)
from valign.results.palette import INK, MAIN, MUTED, ORDERED
from valign.results.figures.run import design_figure, effects_of_design
from valign.results.reports.findings import remarks
from valign.results.reports.rows import counted, levels_table, run_table


# --- figures ----------------------------------------------------------------------------------------------------------
def ensemble(level: float = 0.75, runs: int = 20, months: int = 24) -> pd.DataFrame:
    rng, t = np.random.default_rng(5), np.arange(months + 1)[:, None]
    uptake = np.clip(level * t / months + 0.1 * rng.random(runs), 0, 1)
    curves = {("all", "engaged"): uptake, ("all", "ever_engaged"): uptake, ("service", "in_use"): uptake}
    curves |= {("staff", "engaged"): uptake / 2}
    curves |= {
        (role, "alignment"): 0.1 * place + 0 * uptake + level - 0.2
        for place, role in enumerate(("staff", "manager", "peer", "commissioner"))
    }
    return summaries.curve_summaries(curves)


def drawn(kind: str) -> tuple[Any, pd.DataFrame]:
    if kind == "levels":
        table = pd.concat([ensemble(level).assign(alignment_level=level) for level in (0.55, 0.7, 0.85)])
        return levels_figure(table, "Levels", 20), table
    if kind == "run":
        return run_figure(ensemble(), "Run", 20), ensemble()
    if kind == "comparison":
        table = pd.concat([ensemble(level).assign(scenario=name) for level, name in ((0.5, "as"), (0.7, "other"))])
        gaps = ensemble(0.2).assign(scenario="other")
        return comparison_figure(table, gaps, "Comparison", 20), table
    if kind == "factors":
        rows = [
            {
                "alignment_level": level,
                "innovation": name,
                "evidence_strength": strength,
                "outcome": outcome,
                "mean": level * strength,
                "mean_low": level * strength - 0.05,
                "mean_high": level * strength + 0.05,
            }
            for level in (0.5, 0.7, 0.9)
            for name in ("one", "two")
            for strength in (0.3, 0.9)
            for outcome in ("uptake_final", "spread_final")
        ]
        return factors_figure(pd.DataFrame(rows), "Factors", 20), pd.DataFrame(rows)
    observed = pd.DataFrame({"month": range(1, 18), "share": np.linspace(0.08, 0.87, 17)})
    return observed_figure(ensemble(), observed, "Observed", 20), ensemble()


@pytest.mark.parametrize("kind", ["levels", "run", "observed"])
def test_a_figure_is_kept_with_its_data_and_the_same_each_time(kind: str, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        figure, data = drawn(kind)
        save(figure, tmp_path / folder, kind, data)
    for suffix in ("svg", "png", "csv"):
        one, two = ((tmp_path / folder / f"{kind}.{suffix}").read_bytes() for folder in ("first", "second"))
        assert one == two
        assert len(one) > 500
    ElementTree.fromstring((tmp_path / "first" / f"{kind}.svg").read_text())
    data = pd.read_csv(tmp_path / "first" / f"{kind}.csv")
    assert {"month", "mean", "mean_low", "mean_high", "median", "low", "high"} <= set(data)


def test_levels_and_comparisons_draw_one_line_for_each() -> None:
    for kind, lines in (("levels", 3), ("comparison", 2)):
        axes = drawn(kind)[0].axes[0]
        assert sum(len(line.get_xdata()) == 25 for line in axes.lines) == lines


@pytest.mark.parametrize("kind", ["levels", "run", "observed", "comparison", "factors"])
def test_labels_stand_at_the_lines_and_do_not_overlap(kind: str) -> None:
    figure, _ = drawn(kind)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend() is None
        assert axes.texts, "every panel is labelled directly"
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[n + 1 :])
        for text in axes.texts:
            assert figure.bbox.contains(*text.get_window_extent().min), text.get_text()
            assert figure.bbox.contains(*text.get_window_extent().max), text.get_text()


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_keep_their_order_in_grey_and_stand_out_from_the_page() -> None:
    tones = [luminance(colour) for colour in ORDERED]
    assert tones == sorted(tones)
    assert all(later / max(earlier, 0.02) > 1.4 for earlier, later in pairwise(tones))
    for colour in (*ORDERED, MAIN, MUTED, INK):
        assert 1.05 / (luminance(colour) + 0.05) >= 3.0, colour


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_labels_are_moved_apart_in_their_order(positions: list[float], gap: float) -> None:
    moved = apart(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= gap - 1e-9).all()


# --- words ------------------------------------------------------------------------------------------------------------
def runs_table() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame(
        {
            "run": range(20),
            "seed": range(20),
            "society_seed": range(20),
            "status": "ok",
            "uptake_final": rng.random(20),
            "time_to_50": [np.nan] * 15 + [30.0] * 5,
            "alignment_start": 0.75,
        }
    )


def test_tables_in_words() -> None:
    runs = runs_table()
    columns, rows = run_table(summaries.summarise(runs, ["uptake_final", "time_to_50", "alignment_start"]))
    assert len(columns) == 4
    assert [len(row) for row in rows] == [4, 4, 4]
    assert ["month in which half are engaged", "never", "30–never", "-"] in rows
    both = pd.concat([runs.assign(alignment_level=0.6), runs.assign(alignment_level=0.8, uptake_final=1.0)])
    summary = summaries.summarise_by(both, ["uptake_final"], "alignment_level")
    differences = summaries.paired_differences(both, ["uptake_final"], "alignment_level", 0.6)
    columns, rows = levels_table(summary, differences)
    assert columns == ["outcome", "alignment 0.60", "alignment 0.80", "highest less lowest, paired"]
    assert "points" in rows[0][-1]
    assert counted(both) == "20 runs at each of 2 levels"


def test_remarks_name_failures_and_single_societies() -> None:
    runs = runs_table().assign(society_seed=7)
    runs.loc[3, "status"] = "alignment_level = 0.95 cannot be reached"
    told = " ".join(remarks(runs))
    assert "1 of 20 runs failed" in told
    assert "cannot be reached" in told
    assert "one society" in told


def test_a_designs_figure_has_numbers_on_its_axes_and_the_settings_that_matter_most() -> None:
    runs = pd.DataFrame(
        {f"s{place}": np.linspace(0, 1 + place, 600) for place in range(7)}
        | {
            "society_seed": np.arange(600),
            "mechanisms.turnover": np.arange(600) % 2 == 0,
            "rule": np.repeat(["direct", "emergent"], 300),
        }
    )
    runs[[f"s{place}" for place in range(6)]] = np.random.default_rng(1).random((600, 6))
    runs["uptake_final"] = runs["s6"] / 7
    settings = [name for name in runs if name not in ("society_seed", "uptake_final")]
    effects = effects_of_design(runs, settings)
    assert set(effects.loc[effects["setting"] == "mechanisms.turnover", "at"]) == {"on", "off"}
    figure = design_figure(effects, "a design", len(runs))
    figure.draw_without_rendering()
    panels = {axes.get_title("left"): [text.get_text() for text in axes.get_xticklabels()] for axes in figure.axes}
    assert len(panels) == 6
    assert list(panels)[:2] == ["s6", "rule"]
    assert panels["rule"] == ["direct", "emergent"]
    assert all(sum(bool(text) for text in texts) >= 2 for texts in panels.values()), panels
