"""Folders of results: tables come back, other work is refused, damage is named."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.results import store
from valign.results.saved import load

WORK = {"command": "run", "scenario": "name = 'x'", "runs": 3, "seed": 1}


def kept(folder: Path) -> None:
    table = pd.DataFrame({"run": [0, 1], "status": pd.Categorical(["ok", "bad"]), "uptake_final": [0.25, np.nan]})
    assert store.prepare(folder, WORK) is False
    store.save(
        folder,
        {"runs": table, "series": table},
        WORK,
        scenario="name = 'x'",
        command="valign run x",
        started=datetime.now(UTC),
    )


def test_tables_come_back(tmp_path: Path) -> None:
    kept(tmp_path / "out")
    saved = load(tmp_path / "out")
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
    with pytest.raises(store.StoreError, match="is not finished: `valign run x` continues"):
        load(tmp_path)
    with pytest.raises(store.StoreError, match="differs in: seed"):
        store.prepare(tmp_path, WORK | {"seed": 2})
    kept(tmp_path)
    assert store.prepare(tmp_path, WORK) is True


@pytest.mark.parametrize("damage", [b"", b"PAR1 but not for long"])
def test_a_damaged_table_is_named(tmp_path: Path, damage: bytes) -> None:
    kept(tmp_path)
    for name in ("runs", "series"):
        (tmp_path / f"{name}.parquet").write_bytes(damage)
    saved = load(tmp_path)
    for read, name in ((lambda: saved.runs, "runs"), (saved.variables, "series")):
        with pytest.raises(store.StoreError, match=rf"{name}\.parquet cannot be read"):
            read()


def test_the_manifest_says_what_was_simulated(tmp_path: Path) -> None:
    parameters = pd.DataFrame({"name": ["slack", "fit_effect"], "value": [0.25, 0.5]})
    for place, (work, seeds) in enumerate(
        (
            (WORK | {"societies": 2}, {"seed": 1, "societies": 2}),
            ({"command": "batch"}, {"columns": ["seed", "society_seed"]}),
        )
    ):
        folder = tmp_path / str(place)
        store.prepare(folder, work)
        manifest = store.save(
            folder, {"parameters": parameters}, work, scenario=None, command="valign", started=datetime.now(UTC)
        )
        assert manifest["parameters"] == {"slack": 0.25, "fit_effect": 0.5}
        assert manifest["seeds"] == seeds
        assert manifest["platform"].startswith(platform.system())


def test_unwritable_and_damaged_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(store.StoreError, match="cannot write to"):
        store.prepare(tmp_path / "file" / "out", WORK)
    with pytest.raises(store.StoreError, match="holds no results"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(store.StoreError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "status": "done", "work": []}))
    with pytest.raises(store.StoreError, match="is damaged: work, work_hash, command"):
        load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(store.StoreError, match="format 99"):
        load(tmp_path)


def test_default_folder_is_a_plain_name() -> None:
    assert store.default_folder("a/../b c", WORK).parent == Path("runs")
    assert "/" not in store.default_folder("a/../b c", WORK).name
