"""A shard: a range of rows of a design, computed anywhere, kept as one part (Parquet) for each kind of table.

`compute` depends on its job alone, so threads, processes and machines of a cluster give the same shards.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from valign.model.compiled.compiling import sources_hash
from valign.model.compiled.lanes import LANES
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

from ..bases import Societies
from ..blocks import WIDTHS
from ..outcomes import Outcomes
from ..simulate import plan, run_jobs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KEPT = ("series", "decomposition")  # what a batch can record besides outcomes; the rest is for a replay
ROWS = 4096
SECONDS = 8.0
SECONDS_PER_PERSON_MONTH = 0.25e-6
FEWEST_SHARDS = 16  # where the design allows it, so that cores end together
MOST_SHARDS = 20_000  # a scheduler hands out some tens a second, and each is a file
LONGER = 1.25  # times as many rows, for blocks to be whole
LONGEST = 120.0  # seconds of a shard, so that eight runs of a large society are computed together


@dataclass(frozen=True)
class ShardJob:
    """What computing a shard needs. first: the design's row that comes first."""

    scenario: Scenario | Mapping[str, Scenario]
    society: Societies
    record: tuple[str, ...]
    code: str
    first: int
    rows: pd.DataFrame


def shard_rows(months: int, people: int, runs: int, societies: int) -> int:
    """How many rows a shard of a design has: some seconds of work, and enough shards to share out.

    societies: how many the runs have, which take turns. Where that makes it little longer, a shard has whole blocks of
    each, of as many runs as a block may hold; else, where it can be, eight runs of each, or a multiple: runs are
    computed eight at a time, and what is left over costs twice as much.
    """
    seconds = max(people * months * SECONDS_PER_PERSON_MONTH, 1e-9)
    rows = min(ROWS, SECONDS / seconds, max(64, runs // FEWEST_SHARDS))
    for runs_of_each, most in (WIDTHS[0], LONGER * rows), (LANES, LONGEST / seconds):
        together = runs_of_each * societies
        if together <= min(ROWS, runs // 4, most):
            rows = max(together, rows // together * together)
            break
    return int(max(1, runs // MOST_SHARDS, rows))


@cache
def own_code() -> str:
    """Hash of the model of this process: its files are read once, not for every shard."""
    return sources_hash()


def compute(job: ShardJob) -> dict[str, bytes]:
    """Simulate the rows of a job: Parquet files by kind of table ("runs" and what is recorded).

    Raises InputError where this machine's model is another than that of the batch.
    """
    if own_code() != job.code:
        raise InputError(["a worker has another version of the model than the batch: its rows would not be the same"])
    record = tuple(dict.fromkeys(RECORDED_FOR[kind] for kind in job.record))
    planned = plan(job.scenario, job.rows, record, society=job.society)
    tables: dict[str, list] = {kind: [] for kind in ("runs", *job.record)}
    for rows, task, blocks in planned:
        results = [each for part in run_jobs([(task, block) for block in blocks], len(rows), 1, None) for each in part]
        seeds, societies = (job.rows[name].iloc[rows].tolist() for name in ("seed", "society_seed"))
        outcomes = Outcomes(task.scenario, seeds, societies, results, task.lowered)
        for kind, parts in tables.items():
            parts.append(TABLES[kind](outcomes, job.first + rows))
    return {kind: _packed(parts) for kind, parts in tables.items()}


def _runs(outcomes: Outcomes, rows: np.ndarray) -> pa.Table:
    import pyarrow as pa

    table = outcomes.runs.drop(columns=["seed", "society_seed"]).assign(run=rows)
    return pa.Table.from_pandas(table, preserve_index=False, nthreads=1)


def _series(outcomes: Outcomes, rows: np.ndarray) -> pa.Table:
    """One row per run, one column per role and variable that holds the months."""
    import pyarrow as pa

    months = outcomes.scenario.months + 1
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * months
    columns = {
        f"{role}.{variable}": pa.ListArray.from_arrays(offsets, outcomes.curves(role, variable).T.ravel())
        for role, variable in outcomes.variables()
    }
    return pa.table({"run": rows, **columns})


def _decomposition(outcomes: Outcomes, rows: np.ndarray) -> pa.Table:
    """Summed over the months of a run: month by month it would be most of a batch; a replay has it."""
    import pyarrow as pa

    table = outcomes.decomposition.drop(columns="month")
    by = [name for name in table if name != "change"]
    table = table.groupby(by, observed=True, sort=False, as_index=False)["change"].sum()
    words = {name: pa.array(table[name]).cast(pa.dictionary(pa.int32(), pa.string())) for name in by if name != "run"}
    return pa.table({"run": rows[table["run"].to_numpy()], **words, "change": table["change"].to_numpy(float)})


def _booked(outcomes: Outcomes, rows: np.ndarray) -> pa.Table:
    """One row per run: `Outcomes.booked` as lists."""
    import pyarrow as pa

    columns: dict[str, pa.Array] = {}
    for name, each in zip(("booked", "people"), outcomes.booked(), strict=True):
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * each[..., 0].size
        columns[name] = pa.ListArray.from_arrays(offsets, each.reshape(-1, len(rows)).T.ravel())
    return pa.table({"run": rows, **columns})


TABLES = {"runs": _runs, "series": _series, "decomposition": _decomposition, "booked": _booked}
RECORDED_FOR = {  # what is recorded in memory for a kind of table
    "series": "series",
    **dict.fromkeys(("decomposition", "booked"), "decomposition"),
}


def _packed(parts: list[pa.Table]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.concat_tables([part.replace_schema_metadata() for part in parts], promote_options="permissive")
    if len(parts) > 1:
        table = table.take(pa.array(np.argsort(table["run"].to_numpy(), kind="stable")))
    sink = io.BytesIO()
    parquet.write_table(table, sink, **how_written(table.schema))
    return sink.getvalue()


def how_written(schema: pa.Schema) -> dict[str, Any]:
    """Options of Parquet for such a table: words by their number in a dictionary, which numbers take only time for."""
    import pyarrow as pa

    words = [each.name for each in schema if pa.types.is_dictionary(each.type) or "string" in str(each.type)]
    return {"compression": "zstd", "use_dictionary": words}


def table(content: bytes) -> pa.Table:
    """The table that a file of a shard holds."""
    import pyarrow as pa
    from pyarrow import parquet

    return parquet.read_table(pa.BufferReader(content), use_threads=False)
