"""A folder of results, read back: what a command of valign, or `run_batch`, left there."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import vocabulary
from .checkpoint import StoreError, warn
from .manifest import again, checked, damaged, read_manifest

if TYPE_CHECKING:
    import pandas as pd


class Saved:
    """A folder of results, read back: tables by name (`saved["runs"]`, or `saved.runs`), read when asked for.

    folder : where they are. manifest : how they came about, as manifest.json says it.

    Raises StoreError where there are none or a file cannot be read; KeyError (`saved.runs`: AttributeError) for a table
    that is not there, as all of a batch that is not finished.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self._whole: set[str] = set()  # files whose checksum was looked at

    @contextlib.contextmanager
    def reading(self, name: str) -> Generator[Path]:
        """The path of the file `name`, to be read. Raises StoreError where it is damaged, edited by hand or gone."""
        path = self.folder / name
        try:
            if name not in self._whole:
                checked(self.folder, self.manifest, name)
                self._whole.add(name)
            yield path
        except StoreError:
            raise
        except (OSError, ValueError) as error:  # what pyarrow says of damaged files is a ValueError
            raise StoreError(f"{path} cannot be read: {error}") from None

    def check(self) -> None:
        """Look at every file. Raises StoreError for one that is not what was written; a CSV, which nothing is made of,
        is remarked on."""
        for name in damaged(self.folder, self.manifest):
            if not name.endswith(".csv"):
                checked(self.folder, self.manifest, name)
            warn(f"{self.folder / name} does not match its checksum: it is damaged, gone or was edited by hand")

    def __getitem__(self, name: str) -> pd.DataFrame:
        import pandas as pd

        if name not in self.manifest["tables"]:
            raise KeyError(f"{self.folder} has no table {name!r}; it has {', '.join(self.manifest['tables'])}")
        with self.reading(f"{name}.parquet") as path:
            return pd.read_parquet(path)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in self.__dict__.get("manifest", {}).get("tables", ()):
            raise AttributeError(name)
        return self[name]

    @property
    def vocabulary(self) -> vocabulary.Vocabulary:
        """The words that came with the tables (of folders older than these: those of this version of the model).

        Raises StoreError where they are damaged, or there are none at all.
        """
        try:
            text = (self.folder / vocabulary.FILE).read_text("utf-8")
        except FileNotFoundError:
            if (words := vocabulary.spoken()).outcomes:
                return words
            raise StoreError(
                f"{self.folder} has no {vocabulary.FILE}, which says what its columns mean; "
                "`valign report` lends it the words of this version"
            ) from None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.folder / vocabulary.FILE} cannot be read: {error}") from None
        try:
            return vocabulary.Vocabulary.from_json(text)
        except ValueError as error:
            raise StoreError(f"{self.folder / vocabulary.FILE} cannot be read: {error}") from None

    def curves(self, role: str, variable: str) -> np.ndarray:
        """One variable of the monthly series: months x runs (NaN where a run failed or nobody has the role).

        Raises KeyError where it was not recorded.
        """
        import pandas as pd
        from pyarrow import parquet

        path, name = self.folder / "series.parquet", f"{role}.{variable}"
        columns = self._series_columns()
        if name in columns:  # a batch: one row per run
            rows = parquet.read_table(path, columns=[name])[name].to_pylist()
            months = max(map(len, rows), default=0)
            return np.array(
                [np.pad(np.array(row, float), (0, months - len(row)), constant_values=np.nan) for row in rows]
            ).T
        if "value" not in columns:
            there = ", ".join(columns[1:6]) + ", …" if columns else "no series"
            raise KeyError(f"{self.folder} has no series {name!r}; it has {there}")
        filters = [("role", "==", role), ("variable", "==", variable)]
        table = parquet.read_table(path, columns=["run", "month", "value"], filters=filters).to_pandas()
        if table.empty:
            raise KeyError(f"{self.folder} has no series {name!r}")
        wide = table.pivot(index="month", columns="run", values="value")
        months = parquet.read_table(path, columns=["month"])["month"].to_numpy().max()
        return wide.reindex(
            index=pd.RangeIndex(months + 1), columns=pd.RangeIndex(self.manifest["tables"]["runs"]["rows"])
        ).to_numpy()

    def _series_columns(self) -> list[str]:
        from pyarrow import parquet

        if "series" not in self.manifest["tables"]:
            return []
        with self.reading("series.parquet") as path:
            return parquet.read_schema(path).names

    def variables(self) -> list[tuple[str, str]]:
        """(role, variable) of all monthly series that were recorded."""
        from pyarrow import parquet

        columns = self._series_columns()
        if "value" in columns:
            path = self.folder / "series.parquet"
            pairs = parquet.read_table(path, columns=["role", "variable"]).to_pandas().drop_duplicates()
            return list(zip(pairs["role"].astype(str), pairs["variable"].astype(str), strict=True))
        return [(role, variable) for role, _, variable in (name.partition(".") for name in columns if name != "run")]

    def to_netcdf(self, path: str | Path) -> None:
        """Outcomes (over run) and monthly series (over month and run) as netCDF 4 at `path`, with units and provenance.

        Raises StoreError where there are no runs, the extra `netcdf` is not installed or the file cannot be written.
        """
        if "runs" not in self.manifest["tables"]:
            raise StoreError(f"{self.folder} has no table of runs to make netCDF from")
        try:
            import_module("h5netcdf")  # xarray asks for it when it writes
            import xarray
        except ImportError as error:
            raise StoreError(f"netCDF needs {error.name}: pip install 'valign[netcdf]'") from None
        runs = self["runs"]
        names = {name: name.replace("/", "_") for name in map(str, runs) if name != "run"}
        data: dict[str, Any] = {
            names[name]: (
                "run",
                runs[name].astype(str).to_numpy(object)
                if runs[name].dtype.kind not in "biuf"
                else runs[name].to_numpy(),
            )
            for name in names
        }
        for role, variable in self.variables():
            data[f"{role}.{variable}"] = (("month", "run"), self.curves(role, variable))
        keys = ("command", "started", "finished", "work_hash")
        attributes = {
            "Conventions": "CF-1.11",
            "source": f"valign {self.manifest['versions']['valign']}",
            "scenario": self.manifest["work"].get("scenario", ""),
            **{f"valign_{key}": str(self.manifest.get(key)) for key in keys},
        }
        try:
            whole = xarray.Dataset(
                data, {"run": runs["run"].to_numpy() if "run" in runs else np.arange(len(runs))}, attributes
            )
            cast("Any", whole).to_netcdf(path, engine="h5netcdf")  # its types are incomplete
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None


def load(folder: str | Path) -> Saved:
    """Results that a command of valign, or `run_batch`, left in a folder.

    folder : what was given as `--out`. Tables are read when asked for: `load("out").runs`.
    Raises StoreError where there are none, or they are not finished (the message says how to go on).
    """
    saved = Saved(folder)
    if saved.manifest["status"] != "done":
        raise StoreError(f"{folder} is not finished: {again(Path(folder), saved.manifest)} continues")
    if "files" not in saved.manifest:
        warn(f"{folder} was written by an earlier version of valign, without checksums: damage would not be noticed")
    return saved
