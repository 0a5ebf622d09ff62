"""The final tables of a batch, put together from its shards."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.results.checkpoint import cannot_write, replace
from valign.results.plain_text import as_cells
from valign.results.store import TableHash

from . import shards
from .executors import Stopped
from .folder import PARTS, Batch, goes_on, part_name, write_manifest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CSV_ROWS = 10_000  # more rows are kept as Parquet alone


def put_together(batch: Batch) -> None:
    """The final tables from the shards, a shard at a time; then the manifest; then the shards go."""
    tables: dict[str, dict[str, Any]] = {}
    for kind in batch.kinds:
        tables[kind] = _joined(batch, kind)
    write_manifest(batch, tables, done=True)
    shutil.rmtree(batch.folder / PARTS, ignore_errors=True)


def _joined(batch: Batch, kind: str) -> dict[str, Any]:
    """Write one final table; what the manifest says of it."""
    digest, path, columns, rows = TableHash(), batch.folder / f"{kind}.parquet", [], 0
    waiting: list[pa.Table] = []  # small shards are written together: each write is a row group, which readers pay for

    def write(to: Path) -> None:
        import pyarrow as pa
        from pyarrow import csv, parquet

        nonlocal columns, rows
        writer, text = None, None
        with contextlib.ExitStack() as stack:
            for number in range(batch.count):
                content = batch.parts.read(part_name(number, kind))
                if content is None:
                    raise Stopped(f"shard {number} of {batch.folder} went missing; {goes_on(batch)}")
                table = shards.table(content)
                if kind == "runs":
                    table = _with_design(table, batch.rows(number))
                if writer is None:
                    columns = table.schema.names
                    options = shards.how_written(table.schema)
                    writer = stack.enter_context(parquet.ParquetWriter(to, table.schema, **options))
                    if kind == "runs" and len(batch.design) <= CSV_ROWS:
                        text = stack.enter_context(csv.CSVWriter(path.with_suffix(".csv"), as_cells(table).schema))
                waiting.append(table)
                if sum(map(len, waiting)) >= shards.ROWS or number == batch.count - 1:
                    writer.write_table(pa.concat_tables(waiting, promote_options="permissive"))
                    waiting.clear()
                if text is not None:
                    text.write_table(as_cells(table))
                digest.add(table)
                rows += len(table)

    try:
        replace(path, write)
    except OSError as error:
        raise Stopped(f"{cannot_write(batch.folder, error)}; {goes_on(batch)}") from None
    return {"rows": rows, "columns": columns, "content": digest.hexdigest()}


def _with_design(table: pa.Table, rows: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    design = pa.Table.from_pandas(rows, preserve_index=False, nthreads=1).replace_schema_metadata()
    columns = {"run": table["run"]} | {name: design[name] for name in design.schema.names}
    return pa.table(columns | {name: table[name] for name in table.schema.names if name != "run"})
