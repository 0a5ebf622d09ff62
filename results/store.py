"""A folder of results: tables as Parquet and CSV, figures, and manifest.json that says how they came about.

A folder belongs to one piece of work (what was simulated: scenario, runs, seeds, …). It is never overwritten by
another; asked for the same work again, it is read instead of computed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
FORMAT = 1
PACKAGES = ("valign", "mesa", "numba", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "pydantic")


class StoreError(ValueError):
    """A folder of results that cannot be written or read; the message says which and why."""


def work_hash(work: Mapping[str, Any]) -> str:
    """Eight hex digits that stand for a piece of work."""
    text = json.dumps(work, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def default_folder(name: str, work: Mapping[str, Any]) -> Path:
    """runs/NAME-HASH under the current folder."""
    return Path("runs") / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'run'}-{work_hash(work)}"


def prepare(folder: Path, work: Mapping[str, Any]) -> bool:
    """Make sure that results of `work` can go into `folder`, before anything is simulated.

    Returns True when they are there already (the same work, finished).

    Raises
    ------
    StoreError : the folder cannot be written, or holds something else.
    """
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        if manifest.get("work_hash") != work_hash(work):
            differing = sorted(key for key in {*work, *manifest.get("work", {})}
                               if manifest.get("work", {}).get(key) != work.get(key))
            raise StoreError(f"{folder} holds results of other work (it differs in: {', '.join(differing) or 'format'})"
                             "; nothing is overwritten: choose another folder or remove this one")
        if manifest.get("status") == "done":
            return True
    elif folder.is_dir() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty and holds no results of valign: choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from None
    return False


def discard_if_empty(folder: Path) -> None:
    """Leave no empty folder behind when nothing came of it."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def save(folder: Path, tables: Mapping[str, pd.DataFrame], work: Mapping[str, Any], *, scenario: str | None,
         command: str, started: datetime,
         only_parquet: tuple[str, ...] = ("series", "decomposition", "agents")) -> None:
    """Write tables, the scenario as TOML (None: no single one) and, last, the manifest: with it a folder is complete.

    Long tables (`only_parquet`) are kept as Parquet alone; all others as CSV too.
    """
    try:
        for name, table in tables.items():
            _write(folder / f"{name}.parquet", table)
            if name not in only_parquet:
                _write(folder / f"{name}.csv", table)
        if scenario is not None:
            (folder / "scenario.toml").write_text(scenario, encoding="utf-8")
        manifest = {
            "format": FORMAT, "status": "done", "work_hash": work_hash(work), "work": dict(work), "command": command,
            "started": started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "tables": {name: {"rows": len(table), "columns": list(map(str, table.columns))}
                       for name, table in tables.items()},
            "versions": versions(),
        }
        _replace(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from None


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    os.replace(partial, path)


def _write(path: Path, table: pd.DataFrame) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    whole = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata()
    partial = path.with_name(path.name + ".part")
    if path.suffix == ".parquet":
        parquet.write_table(whole, partial, compression="zstd")
    else:
        csv.write_csv(whole.cast(pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type)
                                            for f in whole.schema])), partial)
    os.replace(partial, path)


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed (checkout)" if package == "valign" else "missing"
    return found


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of results."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no results of valign ({MANIFEST} is missing)") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise StoreError(f"{path} has format {found!r}; this version of valign reads format {FORMAT}")
    return manifest


class Saved:
    """A folder of results, read back: tables by name (`saved["runs"]`, or `saved.runs`), read when asked for."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)

    def __getitem__(self, name: str) -> pd.DataFrame:
        import pandas as pd

        if name not in self.manifest["tables"]:
            raise KeyError(f"{self.folder} has no table {name!r}; it has {', '.join(self.manifest['tables'])}")
        try:
            return pd.read_parquet(self.folder / f"{name}.parquet")
        except OSError as error:
            raise StoreError(f"{self.folder / name}.parquet cannot be read: {error}") from None

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in self.__dict__.get("manifest", {}).get("tables", ()):
            raise AttributeError(name)
        return self[name]


def load(folder: str | Path) -> Saved:
    """Results that `valign run` or `valign levels` left in a folder."""
    return Saved(folder)
