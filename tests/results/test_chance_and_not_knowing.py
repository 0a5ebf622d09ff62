"""Chance and not knowing are told apart, in numbers and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.results.reports.rows import difference, mean_in_words
from valign.results.summaries import apart, curve_summary, paired_differences, summarise

WORLDS, RUNS = 400, 4


def planted(between: float, within: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Values of runs and their worlds: normal with these two standard deviations."""
    rng = np.random.default_rng(seed)
    world = np.repeat(np.arange(WORLDS), RUNS)
    return 0.5 + rng.normal(0, between, WORLDS)[world] + rng.normal(0, within, world.size), world


@pytest.mark.parametrize(("between", "within"), [(0.1, 0.05), (0.03, 0.1), (0.0, 0.1)])
def test_both_are_found_as_planted(between: float, within: float) -> None:
    values, world = planted(between, within)
    found = {name: float(each[0]) for name, each in apart(values[None], world).items()}
    reach = 2 * 1.645
    assert found["chance_high"] - found["chance_low"] == pytest.approx(reach * within, rel=0.1)
    assert found["unknown_high"] - found["unknown_low"] == pytest.approx(reach * between, rel=0.15, abs=0.08)
    assert found["of_unknown"] == pytest.approx(between**2 / (between**2 + within**2), abs=0.08)


def test_one_run_a_world_tells_nothing_and_failed_runs_are_left_out() -> None:
    values, world = planted(0.1, 0.05)
    alone = apart(values[None, ::RUNS], world[::RUNS])
    assert all(np.isnan(each).all() for each in alone.values())
    holes = values.copy()
    holes[::7] = np.nan
    rows = np.stack([values, holes, np.full_like(values, np.nan)])
    found = apart(rows, world)
    assert found["of_unknown"][1] == pytest.approx(found["of_unknown"][0], abs=0.05)
    assert np.isnan(found["of_unknown"][2])


def table(between: float, within: float) -> pd.DataFrame:
    values, world = planted(between, within)
    run = np.arange(values.size)
    told = {"run": run, "seed": 0, "society_seed": run, "world": world, "status": "ok"}
    return pd.DataFrame({**told, "uptake_final": np.clip(values, 0, 1)})


def test_tables_and_sentences_hold_both() -> None:
    first = table(0.1, 0.05)
    row = summarise(first, ["uptake_final"]).iloc[0]
    assert row["unknown_low"] < row["mean"] < row["unknown_high"]
    assert "not knowing" in mean_in_words(row)
    assert "chance" in mean_in_words(row)
    other = first.assign(uptake_final=(first["uptake_final"] + 0.1 * (1 + first["world"] / WORLDS)).clip(0, 1))
    both = pd.concat([first.assign(scenario="a"), other.assign(scenario="b")], ignore_index=True)
    gap = paired_differences(both, ["uptake_final"], "scenario", "a").iloc[0]
    assert gap["chance_high"] - gap["chance_low"] < 0.02  # the same chances in both arms
    assert gap["unknown_high"] - gap["unknown_low"] == pytest.approx(0.09, abs=0.02)
    assert "not knowing +10 to +19" in difference(gap)
    assert "unknown_low" not in summarise(first.drop(columns="world"), ["uptake_final"])


def test_curves_hold_both_month_by_month() -> None:
    values, world = planted(0.1, 0.05)
    found = curve_summary(np.stack([values, 2 * values]), None, world.tolist())
    assert found["unknown_high"].iloc[1] == pytest.approx(2 * found["unknown_high"].iloc[0])
    assert "unknown_low" not in curve_summary(values[None])
