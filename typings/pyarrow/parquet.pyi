from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Self

from . import Schema, Table

class ParquetWriter:
    def __init__(self, where: Path, schema: Schema, *, compression: str) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> None: ...
    def write_table(self, table: Table) -> None: ...

def read_schema(where: Path) -> Schema: ...
def read_table(
    source: Path,
    *,
    columns: Sequence[str] | None = ...,
    filters: Sequence[tuple[str, str, str]] | None = ...,
    memory_map: bool = ...,
    use_threads: bool = ...,
) -> Table: ...
def write_table(table: Table, where: Path | BytesIO, *, compression: str) -> None: ...

class FileMetaData:
    num_rows: int
    num_columns: int
    metadata: dict[bytes, bytes] | None

def read_metadata(where: Path | BytesIO) -> FileMetaData: ...
