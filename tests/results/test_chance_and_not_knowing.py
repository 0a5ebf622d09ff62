"""Chance and not knowing are told apart, in numbers and in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from valign.results.figures.ensembles import comparison_figure, levels_figure
from valign.results.figures.run import difference_figure, value_figure
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


# --- figures: both are drawn, each by its name -----------------------------------------------------------------------
def doubts(unknown: float, chance: float, mean: float = 0.5) -> dict[str, float]:
    """A row of a table of runs in worlds; intervals of the mean and bands of all runs are elsewhere."""
    reach = {"unknown": unknown, "chance": chance, "mean": 9.0}
    ends = {f"{of}_{end}": mean + sign * by for of, by in reach.items() for end, sign in (("low", -1), ("high", 1))}
    ends |= {"low": mean - 8, "high": mean + 8}
    return {"mean": mean, "difference": mean, "n": 100, **ends}


def words(figure: Figure) -> list[str]:
    return [each.get_text() for axes in figure.axes for each in axes.findobj(Text)]


def curves(by: str, names: tuple[object, ...], unknown: float, chance: float) -> pd.DataFrame:
    kinds = (("all", "engaged"), ("service", "in_use"))
    rows = [
        {by: name, "role": role, "variable": variable, "month": month, **doubts(unknown, chance, 0.3 + 0.1 * place)}
        for place, name in enumerate(names) for role, variable in kinds for month in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_curves_name_both_doubts_and_leave_out_the_name_of_what_chance_hides() -> None:
    levels = levels_figure(curves("alignment_level", (0.5, 0.7), 0.2, 0.1), "Levels", 100)
    assert [words(levels).count(name) for name in ("thick bar: not knowing", "thin bar: chance")] == [2, 2]
    hidden = levels_figure(curves("alignment_level", (0.5, 0.7), 0.0, 0.1), "Levels", 100)
    assert [words(hidden).count(name) for name in ("thick bar: not knowing", "thin bar: chance")] == [0, 2]
    both, gaps = curves("scenario", ("a", "b"), 0.2, 0.1), curves("scenario", ("b",), 0.02, 0.2)
    compared = comparison_figure(both, gaps, "Compared", 100)
    assert [words(compared).count(name) for name in ("area: not knowing", "dots: chance")] == [2, 2]


def test_differences_and_values_draw_the_two_doubts_apart() -> None:
    row = {"scenario": "b", "base": "a", "outcome": "uptake_final", **doubts(0.2, 0.3)}
    figure = difference_figure(pd.DataFrame([row]), "Differences", "scenario", 100)
    drawn = [line[:, 0].tolist() for each in figure.axes[0].collections for line in each.get_segments()]
    assert drawn == [pytest.approx([30, 70]), pytest.approx([20, 80])]
    assert "thick: not knowing, thin: chance" in words(figure)
    kinds = ("value_commissioners", "value_providers", "value_clients")
    summary = pd.DataFrame([{"outcome": name, **doubts(2.0, 3.0, 10.0)} for name in kinds])
    value = value_figure(summary, "Value")
    assert "thick: not knowing, thin: chance" in words(value)
    for axes in value.axes:
        thin, thick = (list(axes.lines[n].get_xdata()) for n in (0, 1))
        assert (thin, thick) == ([7, 13], [8, 12])


def test_the_share_that_lies_between_worlds_by_hand() -> None:
    """One-way analysis of variance with three worlds of two runs: both mean squares with their degrees of freedom."""
    values, world = np.array([[1.0, 3.0, 6.0, 8.0, 2.0, 4.0]]), np.repeat([0, 1, 2], 2)
    means = np.array([2.0, 7.0, 3.0])
    within = 3 * 2.0 / 3  # each world has squares of 1 + 1, and one degree of freedom
    between = means.var(ddof=1) - within / 2
    assert apart(values, world)["of_unknown"] == pytest.approx([between / (between + within)])
