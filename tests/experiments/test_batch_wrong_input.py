"""What a batch refuses: other work, other designs, other models, societies that are gone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from batch_cases import BASE

import valign as va
from tests.sealing import resealed
from valign.cli.batch import _told
from valign.experiments.batch.batch import Estimate, begin, resume, run_batch
from valign.experiments.batch.folder import Batch
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.results import store


def test_other_work_is_not_overwritten(whole: Batch, design: pd.DataFrame) -> None:
    with pytest.raises(store.StoreError, match=r"differs in: .*design"):
        run_batch(BASE, design.iloc[:10], whole.folder)
    with pytest.raises(store.StoreError, match=r"differs in: .*scenario"):
        run_batch(BASE.replace({"months": 7}), design, whole.folder)


def test_a_batch_of_another_model_is_refused(design: pd.DataFrame, tmp_path: Path) -> None:
    begin(BASE, design, tmp_path / "out")
    work = store.read_manifest(tmp_path / "out")["work"]
    resealed(tmp_path / "out", work=work | {"code": "0123456789abcdef"})
    with pytest.raises(store.StoreError, match="another version of the model"):
        resume(tmp_path / "out")


def test_a_changed_design_is_noticed(design: pd.DataFrame, tmp_path: Path) -> None:
    begin(BASE, design, tmp_path / "out")
    design.assign(fit_effect=0.3).drop_duplicates().to_parquet(tmp_path / "out" / "design.parquet")
    with pytest.raises(store.StoreError, match="has changed since the batch was started"):
        resume(tmp_path / "out")


def test_a_design_that_is_damaged_or_was_never_written_is_said(design: pd.DataFrame, tmp_path: Path) -> None:
    begin(BASE, design, tmp_path / "out")
    (tmp_path / "out" / "design.parquet").write_bytes(b"PAR1")
    with pytest.raises(store.StoreError, match=r"design\.parquet cannot be read"):
        resume(tmp_path / "out")
    (tmp_path / "out" / "design.parquet").unlink()
    with pytest.raises(store.StoreError, match="stopped before its design was written: start again"):
        resume(tmp_path / "out")


def test_a_society_of_ones_own_is_kept_with_the_batch_and_has_to_stay(design: pd.DataFrame, tmp_path: Path) -> None:
    """Its tables are copied beside the scenario; changed while the batch waits, it is no longer the same work."""
    own = tmp_path / "own"
    own.mkdir()
    services = BASE.service_names()
    people = [f"{place}{n}" for place in range(len(services)) for n in range(8)]
    nodes = pd.DataFrame({"id": people, "organisation": np.repeat(services, 8)})
    nodes.to_csv(own / "people.csv", index=False)
    pd.DataFrame({"from": people[:-1], "to": people[1:]}).to_csv(own / "ties.csv", index=False)
    (own / "own.toml").write_text(BASE.to_toml() + '\n[tables]\nnodes = "people.csv"\nedges = "ties.csv"\n')
    scenario, folder = va.Scenario.load(own / "own.toml"), tmp_path / "out"
    few = design.iloc[:4].drop(columns="society_seed")
    begin(scenario, few, folder)
    assert (folder / "people.csv").read_bytes() == (own / "people.csv").read_bytes()
    pd.testing.assert_frame_equal(
        resume(folder).runs[["uptake_final"]], simulate(few, base=scenario).runs[["uptake_final"]], check_names=False
    )
    begin(scenario, few, tmp_path / "changed")
    nodes[:-1].to_csv(tmp_path / "changed" / "people.csv", index=False)
    pd.DataFrame({"from": people[:4], "to": people[1:5]}).to_csv(tmp_path / "changed" / "ties.csv", index=False)
    with pytest.raises(store.StoreError, match=r"the imported society of .* has changed since the batch was started"):
        resume(tmp_path / "changed")


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Estimate(50_000, 30_000.0, 3 * 2**30, 0.0, 0.0), "50,000 runs: about 4 hours on 2 cores, 3.0 GB on disk"),
        (
            Estimate(400, 500.0, 5 * 2**20, 100.0, 2**20),
            "400 runs: about 4 minutes on 2 cores, 5.0 MB on disk (of which recording takes 50 s and 1.0 MB)",
        ),
        (Estimate(4, 3.0, 2048, 0.0, 0.0), "4 runs: about 2 s on 2 cores, 2 KB on disk"),
    ],
)
def test_what_a_batch_will_take_in_words(expected: Estimate, words: str) -> None:
    assert _told(expected, 2) == words


@pytest.mark.parametrize(("record", "message"), [(("agents",), "replaying"), (("serie",), "did you mean 'series'")])
def test_what_a_batch_keeps(design: pd.DataFrame, tmp_path: Path, record: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        begin(BASE, design, tmp_path / "out", record)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["shard_rows", "threads", "workers"])
def test_a_number_that_is_none_leaves_no_folder(design: pd.DataFrame, tmp_path: Path, what: str) -> None:
    with pytest.raises(InputError, match=f"{what} = -1: expected a whole number from 1"):
        run_batch(BASE, design, tmp_path / "out", **{what: -1})
    assert not (tmp_path / "out").exists()
