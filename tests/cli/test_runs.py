"""`valign run` and `levels`: what they keep and show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from valign.cli import terminal

SMALL = ("--runs", 4, "--months", 6, "--quiet")


def test_run_leaves_tables_figure_and_manifest(valign: Callable, tmp_path: Path) -> None:
    said = valign("run", "two-services", *SMALL, "--out", "out", "--set", "fit_effect=0.3", "--record", "decomposition")
    assert said.code == 0, said.err
    assert "people engaged, at the end" in said.out
    for name in (
        "runs.csv",
        "runs.parquet",
        "summary.csv",
        "curves.csv",
        "series.parquet",
        "decomposition.parquet",
        "run.png",
        "run.svg",
        "run.csv",
        "scenario.toml",
        "manifest.json",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "out" / "runs.csv")) == 4
    assert "fit_effect" in (tmp_path / "out" / "scenario.toml").read_text()
    assert valign("validate", "out/scenario.toml").code == 0


def test_a_picture_that_cannot_be_shown_is_kept(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:

    asked = ("run", "two-services", "--runs", 2, "--months", 3, "--out", "out", "--show")
    monkeypatch.setattr(terminal, "show_picture", lambda path: False)
    assert "Figure: out" in valign(*asked).err
    monkeypatch.setattr(terminal, "show_picture", lambda path: path.endswith("run.png"))
    assert "Shown and saved: out" in valign(*asked).err


@pytest.mark.usefixtures("undrawn")
def test_the_same_run_again_is_shown_and_another_refused(valign: Callable) -> None:
    first = valign("run", "two-services", *SMALL, "--out", "out")
    again = valign("run", "two-services", *SMALL, "--out", "out")
    assert (again.code, again.out) == (0, first.out)
    other = valign("run", "two-services", *SMALL, "--out", "out", "--seed", 2)
    assert other.code == 2
    assert "seed" in other.err


@pytest.mark.usefixtures("undrawn")
def test_seeds_settle_the_numbers(valign: Callable) -> None:
    one, two, other = (
        json.loads(valign("run", "two-services", *SMALL, "--json", "--seed", seed, "--out", out).out)
        for seed, out in ((5, "one"), (5, "two"), (6, "other"))
    )
    assert one["summary"] == two["summary"] != other["summary"]


def test_levels_compares_three(valign: Callable, tmp_path: Path) -> None:
    said = valign("levels", "--at-defaults", "two-services", *SMALL, "--out", "out")
    assert said.code == 0, said.err
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert runs["alignment_level"].nunique() == 3
    assert (runs.groupby("run")["seed"].nunique() == 1).all()
    assert abs(runs["alignment_start"] - runs["alignment_level"]).max() < 1e-9
    assert (tmp_path / "out" / "levels.png").exists()
    assert (tmp_path / "out" / "differences.csv").exists()


@pytest.mark.usefixtures("undrawn")
def test_levels_are_of_worlds_unless_told_otherwise(valign: Callable) -> None:
    few = ("levels", "two-services", "--levels", "0.7", "--months", 2)
    said = valign(*few, "--worlds", 3, "--set", "fit_effect=0.4", "--quiet", "--out", "out")
    assert said.code == 0, said.err
    assert "In brackets: not knowing | chance." in said.out
    runs = pd.read_csv("out/runs.csv")
    assert (len(runs), runs["world"].nunique()) == (6, 3)
    assert "effect of alignment on engagement" in Path("out/report.html").read_text("utf-8")  # the same in all worlds
    both = valign(*few, "--worlds", 3, "--at-defaults")
    assert both.code == 2
    assert "--at-defaults cannot go with --worlds" in both.err
    exact = valign("compare", "two-services", "low-fit", "--precision", "uptake_final=0.01")
    assert exact.code == 2
    assert "give --at-defaults with it" in exact.err


@pytest.mark.usefixtures("undrawn")
def test_levels_of_ones_own(valign: Callable) -> None:
    said = valign("levels", "--at-defaults", "two-services", *SMALL, "--levels", "0.6,0.7", "--json")
    assert {row["alignment_level"] for row in json.loads(said.out)["summary"]} == {0.6, 0.7}


@pytest.mark.usefixtures("undrawn")
def test_events_are_kept_when_asked_for(valign: Callable, tmp_path: Path) -> None:
    said = valign("run", "two-services", "--runs", 1, "--months", 12, "--record", "events", "--out", "out", "--quiet")
    assert said.code == 0, said.err
    events = pd.read_parquet(tmp_path / "out" / "events.parquet")
    assert isinstance(json.loads(events["terms"].iloc[0]), dict)
