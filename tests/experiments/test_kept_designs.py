"""Levels, comparisons and ablations in a folder: the same tables as in memory, stopped and gone on with, replayed."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import valign as va
from valign.cli import ensemble
from valign.experiments.batch import shards
from valign.experiments.batch.executors import How
from valign.experiments.simulate import simulate
from valign.model.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")

BASE = va.Scenario.load("two-services").replace({"months": 12})
LEVELS = (
    "levels",
    "--at-defaults",
    "two-services",
    "--levels",
    "0.6,0.7",
    "--evidence",
    "0.2,0.7",
    "--innovation",
    "own.toml",
)
COMPARE = ("compare", "--at-defaults", "two-services", "two-services+months=6+slack=0.5", "own.toml")
SMALL = ("--runs", "6", "--societies", "3", "--months", "12", "--quiet")


def same(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> None:
    assert list(found) == list(expected)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    saved = va.load(folder)
    return {name: saved[name] for name in saved.manifest["tables"]}


def stop_after(finished: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C when so many shards are finished and kept."""
    put, begun = shards.compute, itertools.count()

    def compute(job: object) -> dict[str, bytes]:
        if next(begun) < finished:
            return put(job)
        while len(list(folder.rglob("*.runs.kept"))) < finished:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(shards, "compute", compute)


# --- several scenarios in one design ---------------------------------------------------------------------------------
def test_a_design_of_several_scenarios_is_each_of_them() -> None:
    other = BASE.replace({"months": 6, "mechanisms.dialogue": False})
    design = pd.DataFrame({"scenario": ["b", "a", "b"], "fit_effect": [0.1, 0.2, 0.3], "seed": [1, 2, 3]})
    runs = simulate(design, base={"a": BASE, "b": other}).runs
    assert list(runs.columns[:5]) == ["run", "scenario", "fit_effect", "seed", "society_seed"]
    for name, base in (("a", BASE), ("b", other)):
        rows = design["scenario"] == name
        alone = simulate(design[rows].drop(columns="scenario"), base=base).runs
        expected = runs[rows].drop(columns=["run", "scenario"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(alone.drop(columns="run"), expected, check_exact=True)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"seed": [1]}, "no column 'scenario'"),
        ({"scenario": ["a", "bb"], "seed": [1, 2]}, r"row 1, column 'scenario': .*did you mean"),
        ({"scenario": ["b", "a"], "fit_effect": [1, 99], "seed": [1, 2]}, "row 1, column 'fit_effect': 99"),
    ],
)
def test_wrong_designs_of_several_scenarios(design: dict[str, list], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(pd.DataFrame(design), base={"a": BASE, "b": BASE})


# --- in memory and in a folder ---------------------------------------------------------------------------------------
def test_tables_of_a_folder_are_those_of_memory(tmp_path: Path) -> None:
    others = {"innovations": {"as it is": {}, "clear": {"innovation.clarity": 0.9}}, "evidence": [0.2, 0.8]}
    same(
        va.levels(BASE, [0.6, 0.7], 4, societies=2, worlds=None, folder=tmp_path / "levels", **others).tables(),
        va.levels(BASE, [0.6, 0.7], 4, societies=2, worlds=None, **others).tables(),
    )
    scenarios = {"a": BASE, "shorter": BASE.replace({"months": 6}), "c": "low-fit"}
    wanted = {"uptake_final": 0.01}
    kept = va.compare(scenarios, 4, worlds=None, folder=tmp_path / "compare", how=How(threads=1))
    same(kept.tables(wanted), va.compare(scenarios, 4, worlds=None).tables(wanted))
    pd.testing.assert_frame_equal(kept.series, va.compare(scenarios, 4, worlds=None).series, check_exact=True)


def test_ablations_of_a_folder_are_those_of_memory(tmp_path: Path) -> None:
    for analysis, mechanisms in ((va.ablations, None), (va.attribution, ["leadership", "coproduction"])):
        again = {"scenario": BASE, "runs": 3, "mechanisms": mechanisms}
        pd.testing.assert_frame_equal(
            analysis(**again, folder=tmp_path / analysis.__name__), analysis(**again), check_exact=True
        )


def test_a_mechanism_that_is_off_already_makes_no_difference() -> None:
    table = va.ablations(BASE.replace({"mechanisms.coproduction": False}), 3, mechanisms=["leadership", "coproduction"])
    assert table["mechanism"].tolist() == ["leadership", "coproduction"] * 2
    assert table["balance"].tolist() == ["fit"] * 2 + ["alignment"] * 2
    of = table.set_index("mechanism")
    assert (of.loc["coproduction", ["ablation", "ablation_low", "ablation_high"]] == 0).all(axis=None)
    assert (of.loc["leadership", "ablation"] != 0).all()


# --- stopped and gone on with ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("command", "again"),
    [
        (COMPARE, "resume"),
        (LEVELS, "same"),
        pytest.param(COMPARE, "same", marks=pytest.mark.slow),
        pytest.param(LEVELS, "resume", marks=pytest.mark.slow),
    ],
)
def test_what_was_stopped_goes_on_to_the_same_tables(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], again: str
) -> None:
    (tmp_path / "own.toml").write_text(va.Scenario.load("low-fit").to_toml(), "utf-8")
    monkeypatch.setattr(shards, "shard_rows", lambda *_: 7)
    monkeypatch.setattr(ensemble, "KEPT_FROM", 0)
    assert valign(*command, *SMALL, "--out", "whole").code == 0
    with monkeypatch.context() as context:
        stop_after(2, tmp_path / "out", context)
        said = valign(*command, *SMALL, "--out", "out")
    assert said.code == 130, said.err
    assert "`valign resume out` goes on" in said.err
    assert len(list((tmp_path / "out").rglob("*.runs.kept"))) == 2
    if again == "resume":
        (tmp_path / "own.toml").unlink()  # what it said is kept
    said = (
        valign("resume", "out", "--workers", 1, "--quiet")
        if again == "resume"
        else valign(*command, *SMALL, "--out", "out")
    )
    assert said.code == 0, said.err
    same(tables(tmp_path / "out"), tables(tmp_path / "whole"))
    works = [json.loads((tmp_path / name / "manifest.json").read_text())["work"] for name in ("out", "whole")]
    assert works[0] == works[1]
    assert (tmp_path / "out" / "report.html").exists()
    assert not (tmp_path / "out" / "kept").exists()
    assert valign("run", "--replay", "out", "--row", 3, "--out", "row").code == 0


def test_wrong_levels_leave_nothing_behind(valign: Callable, tmp_path: Path) -> None:
    assert valign("levels", "--at-defaults", "two-services", "--levels", "0.999", *SMALL, "--out", "out").code == 2
    assert not (tmp_path / "out").exists()


def test_a_batch_of_a_design_is_replayed(tmp_path: Path) -> None:
    from valign.experiments.batch.replay import replayed

    va.compare({"a": BASE, "b": BASE.replace({"slack": 0.5})}, 3, worlds=None, folder=tmp_path / "kept")
    found = replayed(tmp_path / "kept", 4)
    assert found.scenario.value("slack") == 0.5
    assert not found.simulated().failures[0]
