"""Summaries against known answers, folders of results, figures."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from valign.results import figures, figures_run, report, store, summaries
from valign.results.labels import OUTCOMES, label


# --- summaries --------------------------------------------------------------------------------------------------------
def test_interval_is_the_t_interval() -> None:
    x = np.random.default_rng(1).normal(3, 2, 25)
    found = summaries.mean_interval(x)
    low, high = stats.t.interval(0.95, 24, x.mean(), stats.sem(x))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((x.mean(), low, high, 25))


def test_equal_clusters_give_the_t_interval_of_their_means() -> None:
    x = np.random.default_rng(2).normal(0, 1, (6, 5)) + np.arange(6)[:, None]
    found = summaries.mean_interval(x.ravel(), np.repeat(np.arange(6), 5))
    low, high = stats.t.interval(0.95, 5, x.mean(), stats.sem(x.mean(axis=1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_missing_values_are_left_out_and_few_values_give_no_interval() -> None:
    assert summaries.mean_interval([1.0, np.nan, 3.0]).mean == 2.0
    assert np.isnan(summaries.mean_interval([1.0]).low)
    assert summaries.mean_interval([np.nan]).n == 0


def test_intervals_cover_the_mean_of_nested_runs() -> None:
    rng = np.random.default_rng(3)
    societies = np.repeat(np.arange(8), 10)
    covered = 0
    for _ in range(600):
        found = summaries.mean_interval(rng.normal(0, 1, 8)[societies] + rng.normal(0, 1, 80), societies)
        covered += found.low <= 0 <= found.high
    assert 0.92 <= covered / 600 <= 0.98


def test_never_counts_as_later_than_everything() -> None:
    times = np.array([10.0, 20.0, np.nan, np.nan, np.nan])
    assert summaries.quantiles(times, (0.05, 0.5, 0.95), never=True).tolist() == [10.0, np.inf, np.inf]
    assert label("time_to_50").write(np.inf) == "never"


@pytest.mark.parametrize("never", [False, True])
def test_of_no_values_there_are_no_quantiles(never: bool) -> None:
    found = summaries.quantiles(np.empty((4, 0)), (0.05, 0.5), never)
    assert found.shape == (2, 4)
    assert np.isnan(found).all()


def test_summary_of_times_gives_no_mean() -> None:
    runs = pd.DataFrame({"run": range(4), "time_to_50": [12.0, 30.0, 31.0, np.nan],
                         "uptake_final": [0.1, 0.2, 0.3, 0.4]})
    table = summaries.summarise(runs, ["time_to_50", "uptake_final"]).set_index("outcome")
    assert np.isnan(table.loc["time_to_50", "mean"])
    assert table.loc["time_to_50", "median"] == 30.0
    assert table.loc["time_to_50", "happened"] == 0.75
    assert table.loc["uptake_final", "mean"] == pytest.approx(0.25)


def test_a_run_that_failed_is_not_one_in_which_nothing_happened() -> None:
    runs = pd.DataFrame({"run": range(4), "status": ["ok", "ok", "ok", "cannot be reached"],
                         "time_to_50": [10.0, 11.0, 12.0, np.nan]})
    row = summaries.summarise(runs, ["time_to_50"]).iloc[0]
    assert (row["low"], row["median"], row["high"], row["happened"]) == (10.0, 11.0, 12.0, 1.0)


def test_intervals_of_shares_stay_shares() -> None:
    runs = pd.DataFrame({"run": range(3), "uptake_final": [0.9, 1.0, 1.0]})
    assert summaries.summarise(runs, ["uptake_final"]).loc[0, "mean_high"] == 1.0


def test_paired_differences_use_the_pairs() -> None:
    noise = np.random.default_rng(4).normal(0, 10, 30)
    runs = pd.concat([
        pd.DataFrame({"level": 0.8, "run": np.arange(30), "uptake_final": noise + 0.2}).sample(frac=1, random_state=1),
        pd.DataFrame({"level": 0.6, "run": np.arange(30), "uptake_final": noise}),
    ])
    found = summaries.paired_differences(runs, ["uptake_final"], "level", 0.6).iloc[0]
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((0.2, 0.2, 0.2))


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_curve_summary_agrees_with_numpy(seed: int, runs: int) -> None:
    curves = np.random.default_rng(seed).random((5, runs))
    curves[2, 0] = np.nan
    table = summaries.curve_summary(curves)
    assert table["median"].to_numpy() == pytest.approx(np.nanmedian(curves, axis=1))
    assert table["mean"].to_numpy() == pytest.approx(np.nanmean(curves, axis=1))
    assert table["low"].to_numpy() == pytest.approx(np.nanquantile(curves, 0.05, axis=1))
    assert (table["low"] <= table["lower"]).all()
    assert (table["upper"] <= table["high"]).all()


# --- folders of results -----------------------------------------------------------------------------------------------
WORK = {"command": "run", "scenario": "name = 'x'", "runs": 3, "seed": 1}


def kept(folder: Path) -> None:
    table = pd.DataFrame({"run": [0, 1], "status": pd.Categorical(["ok", "bad"]), "uptake_final": [0.25, np.nan]})
    assert store.prepare(folder, WORK) is False
    store.save(folder, {"runs": table, "series": table}, WORK, scenario="name = 'x'", command="valign run x",
               started=datetime.now(UTC))


def test_tables_come_back(tmp_path: Path) -> None:
    kept(tmp_path / "out")
    saved = store.load(tmp_path / "out")
    assert saved.runs["uptake_final"].tolist()[0] == 0.25
    assert saved["series"]["status"].tolist() == ["ok", "bad"]
    assert pd.read_csv(tmp_path / "out" / "runs.csv")["status"].tolist() == ["ok", "bad"]
    assert not (tmp_path / "out" / "series.csv").exists()
    assert saved.manifest["work"] == WORK
    assert {"python", "numba", "numpy"} <= set(saved.manifest["versions"])
    assert not list((tmp_path / "out").glob("*.part"))
    with pytest.raises(KeyError, match="no table 'run'"):
        saved["run"]


def test_the_same_work_is_found_and_other_work_refused(tmp_path: Path) -> None:
    kept(tmp_path)
    assert store.prepare(tmp_path, WORK) is True
    with pytest.raises(store.StoreError, match="differs in: seed"):
        store.prepare(tmp_path, WORK | {"seed": 2})


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(store.StoreError, match="not empty"):
        store.prepare(tmp_path, WORK)


def test_unfinished_work_is_done_again(tmp_path: Path) -> None:
    assert store.prepare(tmp_path / "out", WORK) is False
    assert store.prepare(tmp_path / "out", WORK) is False


def test_what_was_stopped_while_it_was_saved_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.write

    def stopped(path: Path, table: pd.DataFrame) -> None:
        real(path, table)
        if path.suffix == ".csv":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            kept(tmp_path)
    assert (tmp_path / "runs.parquet").exists()
    with pytest.raises(store.StoreError, match="is not finished: `valign run x` goes on"):
        store.load(tmp_path)
    with pytest.raises(store.StoreError, match="differs in: seed"):
        store.prepare(tmp_path, WORK | {"seed": 2})
    kept(tmp_path)
    assert store.prepare(tmp_path, WORK) is True


@pytest.mark.parametrize("damage", [b"", b"PAR1 but not for long"])
def test_a_damaged_table_is_named(tmp_path: Path, damage: bytes) -> None:
    kept(tmp_path)
    for name in ("runs", "series"):
        (tmp_path / f"{name}.parquet").write_bytes(damage)
    saved = store.load(tmp_path)
    for read, name in ((lambda: saved.runs, "runs"), (saved.variables, "series")):
        with pytest.raises(store.StoreError, match=rf"{name}\.parquet cannot be read"):
            read()


def test_the_manifest_says_what_was_simulated(tmp_path: Path) -> None:
    parameters = pd.DataFrame({"name": ["slack", "fit_effect"], "value": [0.25, 0.5]})
    for place, (work, seeds) in enumerate((
        (WORK | {"societies": 2}, {"seed": 1, "societies": 2}),
        ({"command": "batch"}, {"columns": ["seed", "society_seed"]}),
    )):
        folder = tmp_path / str(place)
        store.prepare(folder, work)
        manifest = store.save(folder, {"parameters": parameters}, work, scenario=None, command="valign",
                              started=datetime.now(UTC))
        assert manifest["parameters"] == {"slack": 0.25, "fit_effect": 0.5}
        assert manifest["seeds"] == seeds
        assert manifest["platform"].startswith(platform.system())


def test_unwritable_and_damaged_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(store.StoreError, match="cannot write to"):
        store.prepare(tmp_path / "file" / "out", WORK)
    with pytest.raises(store.StoreError, match="holds no results"):
        store.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(store.StoreError, match="cannot be read"):
        store.load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "status": "done", "work": []}))
    with pytest.raises(store.StoreError, match="is damaged: work, work_hash, command"):
        store.load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(store.StoreError, match="format 99"):
        store.load(tmp_path)


def test_default_folder_is_a_plain_name() -> None:
    assert store.default_folder("a/../b c", WORK).parent == Path("runs")
    assert "/" not in store.default_folder("a/../b c", WORK).name


# --- figures ----------------------------------------------------------------------------------------------------------
def ensemble(level: float = 0.75, runs: int = 20, months: int = 24) -> pd.DataFrame:
    rng, t = np.random.default_rng(5), np.arange(months + 1)[:, None]
    uptake = np.clip(level * t / months + 0.1 * rng.random(runs), 0, 1)
    curves = {("all", "engaged"): uptake, ("all", "ever_engaged"): uptake, ("service", "in_use"): uptake}
    curves |= {("staff", "engaged"): uptake / 2}
    curves |= {(role, "alignment"): 0.1 * place + 0 * uptake + level - 0.2
               for place, role in enumerate(("staff", "manager", "peer", "commissioner"))}
    return summaries.curve_summaries(curves)


def drawn(kind: str) -> tuple[Any, pd.DataFrame]:
    if kind == "levels":
        table = pd.concat([ensemble(level).assign(alignment_level=level) for level in (0.55, 0.7, 0.85)])
        return figures.levels_figure(table, "Levels", 20), table
    if kind == "run":
        return figures.run_figure(ensemble(), "Run", 20), ensemble()
    if kind == "comparison":
        table = pd.concat([ensemble(level).assign(scenario=name) for level, name in ((0.5, "as"), (0.7, "other"))])
        gaps = ensemble(0.2).assign(scenario="other")
        return figures.comparison_figure(table, gaps, "Comparison", 20), table
    if kind == "factors":
        rows = [{"alignment_level": level, "innovation": name, "evidence_strength": strength, "outcome": outcome,
                 "mean": level * strength, "mean_low": level * strength - 0.05, "mean_high": level * strength + 0.05}
                for level in (0.5, 0.7, 0.9) for name in ("one", "two") for strength in (0.3, 0.9)
                for outcome in ("uptake_final", "spread_final")]
        return figures.factors_figure(pd.DataFrame(rows), "Factors", 20), pd.DataFrame(rows)
    observed = pd.DataFrame({"month": range(1, 18), "share": np.linspace(0.08, 0.87, 17)})
    return figures.observed_figure(ensemble(), observed, "Observed", 20), ensemble()


@pytest.mark.parametrize("kind", ["levels", "run", "observed"])
def test_a_figure_is_kept_with_its_data_and_the_same_each_time(kind: str, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        figure, data = drawn(kind)
        figures.save(figure, tmp_path / folder, kind, data)
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
        assert not any(one.overlaps(two) for n, one in enumerate(boxes) for two in boxes[n + 1:])
        for text in axes.texts:
            assert figure.bbox.contains(*text.get_window_extent().min), text.get_text()
            assert figure.bbox.contains(*text.get_window_extent().max), text.get_text()


def luminance(colour: str) -> float:
    parts = [int(colour[n:n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_keep_their_order_in_grey_and_stand_out_from_the_page() -> None:
    tones = [luminance(colour) for colour in figures.ORDERED]
    assert tones == sorted(tones)
    assert all(later / max(earlier, 0.02) > 1.4 for earlier, later in pairwise(tones))
    for colour in (*figures.ORDERED, figures.MAIN, figures.MUTED, figures.INK):
        assert 1.05 / (luminance(colour) + 0.05) >= 3.0, colour


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_labels_are_moved_apart_in_their_order(positions: list[float], gap: float) -> None:
    moved = figures.apart(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= gap - 1e-9).all()


# --- words ------------------------------------------------------------------------------------------------------------
def runs_table() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    return pd.DataFrame({
        "run": range(20), "seed": range(20), "society_seed": range(20), "status": "ok",
        "uptake_final": rng.random(20), "time_to_50": [np.nan] * 15 + [30.0] * 5, "alignment_start": 0.75,
    })


def test_tables_in_words() -> None:
    runs = runs_table()
    columns, rows = report.run_table(summaries.summarise(runs, ["uptake_final", "time_to_50", "alignment_start"]))
    assert len(columns) == 4
    assert [len(row) for row in rows] == [4, 4, 4]
    assert ["month in which half are engaged", "never", "30–never", "-"] in rows
    both = pd.concat([runs.assign(alignment_level=0.6), runs.assign(alignment_level=0.8, uptake_final=1.0)])
    summary = summaries.summarise_by(both, ["uptake_final"], "alignment_level")
    differences = summaries.paired_differences(both, ["uptake_final"], "alignment_level", 0.6)
    columns, rows = report.levels_table(summary, differences)
    assert columns == ["outcome", "alignment 0.60", "alignment 0.80", "highest less lowest, paired"]
    assert "points" in rows[0][-1]
    assert report.counted(both) == "20 runs at each of 2 levels"


def test_remarks_name_failures_and_single_societies() -> None:
    runs = runs_table().assign(society_seed=7)
    runs.loc[3, "status"] = "alignment_level = 0.95 cannot be reached"
    remarks = " ".join(report.remarks(runs))
    assert "1 of 20 runs failed" in remarks
    assert "cannot be reached" in remarks
    assert "one society" in remarks


def test_every_outcome_has_a_label() -> None:
    from valign.model.observe import OUTCOMES as RECORDED

    assert set(OUTCOMES) == set(RECORDED)


def test_a_designs_figure_has_numbers_on_its_axes_and_the_settings_that_matter_most() -> None:
    runs = pd.DataFrame({f"s{place}": np.linspace(0, 1 + place, 600) for place in range(7)} | {
        "society_seed": np.arange(600), "mechanisms.turnover": np.arange(600) % 2 == 0,
        "rule": np.repeat(["direct", "emergent"], 300)})
    runs[[f"s{place}" for place in range(6)]] = np.random.default_rng(1).random((600, 6))
    runs["uptake_final"] = runs["s6"] / 7
    settings = [name for name in runs if name not in ("society_seed", "uptake_final")]
    effects = figures_run.effects_of_design(runs, settings)
    assert set(effects.loc[effects["setting"] == "mechanisms.turnover", "at"]) == {"on", "off"}
    figure = figures_run.design_figure(effects, "a design", len(runs))
    figure.draw_without_rendering()
    panels = {axes.get_title("left"): [text.get_text() for text in axes.get_xticklabels()] for axes in figure.axes}
    assert len(panels) == 6
    assert list(panels)[:2] == ["s6", "rule"]
    assert panels["rule"] == ["direct", "emergent"]
    assert all(sum(bool(text) for text in texts) >= 2 for texts in panels.values()), panels
