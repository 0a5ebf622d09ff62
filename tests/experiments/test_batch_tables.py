"""A batch holds what memory holds, the same however it is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from batch_cases import BASE, contents
from pyarrow import parquet

import valign as va
from valign.experiments.batch.batch import begin, resume, run_batch
from valign.experiments.batch.executors import How
from valign.experiments.batch.folder import Batch, opened
from valign.experiments.batch.shards import shard_rows
from valign.experiments.design import factorial, replicate
from valign.experiments.simulate import simulate
from valign.results import store


# --- what a batch holds ----------------------------------------------------------------------------------------------
def test_outcomes_are_those_of_memory(whole: Batch, design: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(whole.runs, simulate(design, base=BASE).runs)
    assert pd.read_csv(whole.folder / "runs.csv")["uptake_final"].equals(whole.runs["uptake_final"])
    assert not (whole.folder / "shards").exists()


def test_series_and_decomposition_are_those_of_memory(whole: Batch, design: pd.DataFrame) -> None:
    saved = va.load(whole.folder)
    found = simulate(design, base=BASE, record=("series", "decomposition"))
    curves = found.series.query("role == 'all' and variable == 'engaged'").pivot(
        index="month", columns="run", values="value"
    )
    np.testing.assert_array_equal(saved.curves("all", "engaged"), curves.to_numpy())
    mine = saved["decomposition"].groupby(["run", "mechanism", "part"], observed=True)["change"].sum()
    theirs = found.decomposition.groupby(["run", "mechanism", "part"], observed=True)["change"].sum()
    np.testing.assert_allclose(mine.sort_index(), theirs.sort_index(), rtol=1e-9, atol=1e-12)


def test_unknown_curves_are_named(whole: Batch) -> None:
    with pytest.raises(KeyError, match="engaged"):
        va.load(whole.folder).curves("all", "engagd")


# --- the same, however it is computed ---------------------------------------------------------------------------------
@pytest.mark.parametrize("how", [{"threads": 2}, {"threads": 2, "shard_rows": 7}, {"workers": 1}, {"workers": 2}])
def test_same_tables_by_threads_and_processes(
    whole: Batch, design: pd.DataFrame, how: dict[str, int], tmp_path: Path
) -> None:
    run_batch(BASE, design, tmp_path / "out", ("series", "decomposition"), **{"shard_rows": 50} | how)
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_small_shards_are_written_together(design: pd.DataFrame, tmp_path: Path) -> None:
    run_batch(BASE, design, tmp_path / "out", shard_rows=7)
    assert parquet.ParquetFile(tmp_path / "out" / "runs.parquet").num_row_groups == 1


@pytest.mark.parametrize(
    ("people", "runs", "societies", "rows"),
    [
        (70, 100_000, 1, 3776),  # eight seconds of work, in blocks of 64
        (60, 50_000, 50, 3200),  # sixteen shards have 3,125 rows, so few more as whole blocks have
        (7, 100_000, 1, 4096),  # as many as a file should have
        (70, 2_000, 10, 80),  # some sixteen shards, for as many cores, and eight runs of each society
        (70, 4_000, 50, 400),
        (38_430, 10_000, 10, 80),  # eight runs of each society
        (38_430, 10_000, 10_000, 6),  # no two runs share one: eight seconds of work
        (38_430, 1_000_000, 10_000, 50),  # at most 20,000 shards
    ],
)
def test_rows_of_a_shard(people: int, runs: int, societies: int, rows: int) -> None:
    assert shard_rows(120, people, runs, societies) == rows


def test_same_rows_in_any_order(whole: Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(len(design))
    shuffled = run_batch(BASE, design.iloc[order], tmp_path / "out").runs.drop(columns="run")
    back = shuffled.iloc[np.argsort(order)].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, whole.runs.drop(columns="run"))


def test_parts_computed_apart_make_the_same_tables(whole: Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    begin(BASE, design, tmp_path / "out", ("series", "decomposition"), shard_rows=50)
    for part in (2, 0, 1):
        resume(tmp_path / "out", How(threads=1, part=(part, 3)))
    assert not opened(tmp_path / "out").missing()
    resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)


# A change here changes the numbers of users: it belongs into CHANGELOG.md. The same on every Python and machine.
CONTENT = {"runs": "cb4e2fba62b1acdb0636fe16275fbc82", "series": "dd4f715ce07a80f95aafc9958df37419"}


def test_the_table_that_every_python_and_machine_makes(tmp_path: Path) -> None:
    levels = {"fit_effect": [0.1, 0.4], "coproduction_intensity": [0.0, 0.3], "mechanisms.dialogue": [True, False]}
    design = replicate(factorial(levels), 8, seed=5, societies=2)
    run_batch("two-services", design, tmp_path / "out", ("series",))
    assert contents(tmp_path / "out") == CONTENT


def test_the_hash_of_a_table_does_not_depend_on_chunks() -> None:
    import pyarrow as pa

    frame = pd.DataFrame({"a": [1.5, np.nan, 3], "b": ["x", "y", "x"], "c": [1, 2, 3]})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    by_rows = store.TableHash().add(table.slice(0, 1)).add(table.slice(1))
    coded = pa.Table.from_pandas(frame.astype({"b": "category"}), preserve_index=False)
    expected = store.TableHash().add(table).hexdigest()
    assert by_rows.hexdigest() == store.TableHash().add(coded).hexdigest() == expected
    for column, value in (("a", 1.25), ("b", "y"), ("c", 9)):
        other = frame.copy()
        other.loc[0, column] = value
        assert store.TableHash().add(pa.Table.from_pandas(other, preserve_index=False)).hexdigest() != expected
