"""A folder of results: tables as Parquet and CSV, figures, and manifest.json that says how they came about.

A folder belongs to one piece of work (what was simulated: scenario, runs, seeds, …). It is never overwritten by
another; asked for the same work again, it is read instead of computed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import marks, vocabulary
from .checkpoint import LOCK, Say, StoreError, cannot_write, differing, replace, warn, work_hash
from .manifest import (
    COPY,
    FORMAT,
    MANIFEST,
    SPOILED,
    checksums,
    damaged,
    put_manifest,
    read_manifest,
    versions,
    write_crate,
)
from .plain_text import as_cells

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SEED_ENTRIES = ("seed", "seeds", "societies")  # entries of a work; a design has columns instead


class TableHash:
    """Hash of what a table says: names, values and order of rows; not of files, chunks or library versions."""

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}

    def add(self, table: pa.Table) -> TableHash:
        """Take in (further) rows."""
        import pyarrow as pa

        for field in table.schema:
            digest = self._of(field.name)
            if not len(table):
                continue
            column = pa.concat_arrays(table[field.name].chunks)
            if isinstance(column, pa.ListArray):
                self._of(f"{field.name}[]").update(
                    column.value_lengths().to_numpy(zero_copy_only=False).astype("<i8").tobytes()
                )
                column = column.flatten()
            if pa.types.is_floating(column.type):
                values = column.to_numpy(zero_copy_only=False).astype("<f8")
                values = np.where(np.isnan(values), np.nan, values)  # all missing values alike
                digest.update(values.tobytes())
            elif pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
                digest.update(column.to_numpy(zero_copy_only=False).astype("<i8").tobytes())
            else:
                if not isinstance(column, pa.DictionaryArray):
                    column = column.cast(pa.string()).dictionary_encode()
                words = [
                    hashlib.blake2b(str(word).encode(), digest_size=8).digest()
                    for word in (*column.dictionary.to_pylist(), None)
                ]
                codes = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
                digest.update(np.array(words)[codes].tobytes())
        return self

    def _of(self, column: str) -> Any:
        return self._columns.setdefault(column, hashlib.blake2b(digest_size=16))

    def hexdigest(self) -> str:
        whole = hashlib.blake2b(digest_size=16)
        for name in sorted(self._columns):
            whole.update(name.encode() + b"\0" + self._columns[name].digest())
        return whole.hexdigest()


def default_folder(name: str, work: Mapping[str, Any]) -> Path:
    """runs/NAME-HASH under the current folder."""
    return Path("runs") / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'run'}-{work_hash(work)}"


def prepare(folder: Path, work: Mapping[str, Any], say: Say = warn) -> bool:
    """Make sure that results of `work` can go into `folder`, before anything is simulated.

    Returns True when they are there already (the same work, finished, and no file damaged). say : called with remarks.

    Raises
    ------
    StoreError : the folder cannot be written, or holds something else.
    """
    if has_manifest(folder):
        manifest = read_manifest(folder, say)
        if manifest.get("work_hash") != work_hash(work):
            raise StoreError(
                f"{folder} holds results of other work (it differs in: {differing(manifest['work'], work)})"
                "; nothing is overwritten: choose another folder or remove this one"
            )
        if manifest["status"] == "done" and _whole(folder, manifest, say):
            return True
    elif folder.is_dir() and any(each.name != LOCK for each in folder.iterdir()):
        raise StoreError(f"{folder} is not empty and holds no results of valign: choose another folder")
    if folder.is_file():
        raise StoreError(f"{folder} is a file: expected a folder for the results")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None
    return False


def has_manifest(folder: Path) -> bool:
    """Whether a folder holds results of valign, finished or not."""
    return (folder / MANIFEST).exists() or (folder / COPY).exists()


def _whole(folder: Path, manifest: dict[str, Any], say: Say) -> bool:
    """Whether a finished folder is what was written, or can be made so from what it holds; else it is opened again.

    What does not match its checksum is set aside, so that nothing edited by hand is lost.
    """
    spoiled = damaged(folder, manifest)
    if not spoiled:
        return True
    from pyarrow import csv, parquet

    lost = False
    try:
        for name in spoiled:
            path = folder / name
            if path.exists():
                path.replace(path.with_name(name + SPOILED))
            source = path.with_suffix(".parquet").name
            if path.suffix == ".csv" and source in manifest["files"] and source not in spoiled:
                table = parquet.read_table(folder / source)
                replace(path, lambda to, table=table: csv.write_csv(as_cells(table), to))
            elif name == "scenario.toml" and "scenario" in manifest["work"]:
                replace(path, manifest["work"]["scenario"].encode())
            else:
                lost = True
            say(
                f"{path} does not match its checksum: it is damaged, gone or was edited by hand. It is "
                f"{'computed' if lost else 'written'} again; what was found is kept as {name}{SPOILED}"
            )
        now = {"files": checksums(folder, manifest["files"])}
        put_manifest(folder, manifest | ({"status": "running", "tables": {}, "files": {}} if lost else now))
    except OSError as error:
        raise cannot_write(folder, error) from None
    return not lost


def save(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    work: Mapping[str, Any],
    *,
    scenario: str | None,
    command: str,
    started: datetime,
    settings: Sequence[str] = (),
    description: str = "",
    title: str = "",
    only_parquet: tuple[str, ...] = ("series", "decomposition", "services", "agents"),
    beside: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Write tables, the scenario as TOML (None: no single one) and, last, the manifest as done, which is returned.

    Until then a manifest says that the folder is this work's and not finished: asked for again, it is done anew.
    Long tables (`only_parquet`) are kept as Parquet alone; all others as CSV too. settings: columns of `runs` that are
    settings of the scenario. title, description: what the report calls the work, and the scenario in words. beside :
    files that the scenario needs, by their name in the folder.
    """
    told: dict[str, Any] = {
        "command": command,
        "started": started,
        "settings": settings,
        "description": description,
        "title": title,
    }
    if "parameters" in tables:
        told["parameters"] = tables["parameters"].set_index("name")["value"].to_dict()
    write_manifest(folder, work, done=False, tables={}, **told)
    try:
        copy(folder, beside or {})
        for name, table in tables.items():
            write(folder / f"{name}.parquet", table)
            if name not in only_parquet:
                write(folder / f"{name}.csv", table)
        if scenario is not None:
            replace(folder / "scenario.toml", scenario.encode())
    except OSError as error:
        raise cannot_write(folder, error) from None
    return write_manifest(
        folder,
        work,
        done=True,
        files=["scenario.toml", *(beside or {})],
        **told,
        tables={name: {"rows": len(table), "columns": list(map(str, table.columns))} for name, table in tables.items()},
    )


def copy(folder: Path, files: Mapping[str, Path]) -> None:
    """Copy files into a folder, by their name there, so that it stands on its own."""
    for name, source in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists() or not source.samefile(folder / name):  # a replay may read where it writes
            shutil.copyfile(source, folder / name)


def write_manifest(
    folder: Path,
    work: Mapping[str, Any],
    *,
    command: str,
    started: datetime,
    done: bool,
    tables: Mapping[str, Any],
    settings: Sequence[str] = (),
    description: str = "",
    title: str = "",
    parameters: Mapping[str, float] | None = None,
    files: Iterable[str] = (),
) -> dict[str, Any]:
    """Write manifest.json and, when the work is done, the words of its tables and its RO-Crate; the manifest.

    tables: rows, columns (and hashes) by name. settings: columns of runs that are settings. description: the scenario
    in words. parameters: values of the scenario, which the settings change. files: beside those of the tables.
    """
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "status": "done" if done else "running",
        "work_hash": work_hash(work),
        "work": dict(work),
        "command": command,
        "settings": list(settings),
        "description": description,
        "title": title,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds") if done else None,
        "seeds": {name: work[name] for name in SEED_ENTRIES if name in work} or {"columns": ["seed", "society_seed"]},
        "parameters": dict(parameters or {}),
        "platform": versions()["platform"],
        "tables": dict(tables),
        "versions": versions(),
    }
    try:
        if done:
            if (words := vocabulary.spoken()).raw:
                replace(folder / vocabulary.FILE, words.to_json().encode())
            manifest["files"] = checksums(folder, [*files, *_files(tables)])
        manifest = put_manifest(folder, manifest)
        if done:
            write_crate(folder, manifest)
    except OSError as error:
        raise cannot_write(folder, error) from None
    return manifest


def _files(tables: Iterable[str]) -> list[str]:
    return [name + suffix for name in tables for suffix in (".parquet", ".csv")]


def add(folder: Path, name: str, table: pd.DataFrame, **told: str) -> None:
    """Put one more table into a finished folder; told: entries of its manifest that are words (title, description)."""
    manifest = read_manifest(folder)
    manifest["tables"][name] = {"rows": len(table), "columns": list(map(str, table.columns))}
    try:
        for file in _files([name]):
            write(folder / file, table)
        manifest["files"] = manifest.get("files", {}) | checksums(folder, _files([name]))
        write_crate(folder, put_manifest(folder, manifest | told))
    except OSError as error:
        raise cannot_write(folder, error) from None


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet or CSV, whole or not at all; what it says of itself (`marks`) goes into the Parquet."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    whole = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(marks.as_metadata(table))
    if path.suffix == ".parquet":
        replace(path, lambda to: parquet.write_table(whole, to, compression="zstd"))
    else:
        replace(path, lambda to: csv.write_csv(as_cells(whole), to))
