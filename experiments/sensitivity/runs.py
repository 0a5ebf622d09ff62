"""Running a study: sample -> design -> outcomes, kept by row-block, so that a study can be resumed and enlarged.

Every row of a sample is a row of a design (`replicates` runs of it); rows that say the same twice, such as those of the
dummy, run once.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError

from .factors import EXTRA
from .samples import Sample

Progress = Callable[[int, int], None]
Evaluate = Callable[[pd.DataFrame], pd.DataFrame]
RUNS_AT_ONCE = 32_768  # of a chunk: what is lost when a study is interrupted


@dataclass(frozen=True, eq=False)
class Chunk:
    """Outcomes of some row-blocks: scalars [rows, replicates, S], means of curves [rows, M], what failed by row."""

    scalars: np.ndarray
    curves: np.ndarray
    failures: dict[int, str]
    simulated: int


@dataclass(eq=False)
class Runs:
    """Finished chunks by first row-block, in memory and, if there is a folder, on disk."""

    spec: Mapping[str, Any]
    folder: Path | None = None
    names: list[str] = field(default_factory=list[str])
    chunks: dict[int, Chunk] = field(default_factory=dict[int, Chunk])

    def __post_init__(self) -> None:
        if self.folder is None:
            return
        text = json.dumps(self.spec, sort_keys=True, indent=1, default=str)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "study.json"
        if not path.exists():
            _write(path, text.encode())
        elif path.read_text(encoding="utf-8") != text:
            before = json.loads(path.read_text(encoding="utf-8"))
            differing = sorted(
                key
                for key in {*before, *self.spec}
                if json.dumps(before.get(key), default=str) != json.dumps(json.loads(text).get(key), default=str)
            )
            raise InputError(
                [
                    f"{self.folder} keeps the runs of another study (it differs in: {', '.join(differing)}); "
                    "choose another folder"
                ]
            )

    def __contains__(self, start: int) -> bool:
        if start not in self.chunks and self.folder is not None and self._path(start).exists():
            with np.load(self._path(start), allow_pickle=False) as kept:
                self.names = kept["names"].tolist()
                self.chunks[start] = Chunk(
                    kept["scalars"],
                    kept["curves"],
                    dict(zip(kept["failed"].tolist(), kept["why"].tolist(), strict=True)),
                    int(kept["simulated"]),
                )
        return start in self.chunks

    def add(self, start: int, names: list[str], chunk: Chunk) -> None:
        self.names, self.chunks[start] = names, chunk
        if self.folder is not None:
            kept = io.BytesIO()
            np.savez(
                kept,
                names=np.array(names),
                scalars=chunk.scalars,
                curves=chunk.curves,
                simulated=chunk.simulated,
                failed=np.array(list(chunk.failures), int),
                why=np.array(list(chunk.failures.values()), str),
            )
            _write(self._path(start), kept.getvalue())

    def _path(self, start: int) -> Path:
        assert self.folder is not None
        return self.folder / f"row-blocks-{start:07d}.npz"


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    os.replace(partial, path)


def chunk_blocks(sample: Sample) -> int:
    """Row-blocks of a chunk: a power of two, so that a study of 2N has the chunks of the study of N."""
    fit = RUNS_AT_ONCE // (sample.rows * sample.replicates)
    return 2 ** max(0, fit.bit_length() - 1)


def design_rows(sample: Sample, start: int, stop: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The design of the row-blocks start … stop - 1, and for every row of the sample which rows of it are its runs.

    Rows of the sample that mean the same runs share them. Second value: [rows, replicates].
    """
    unit = sample.unit(start, stop)
    run, society = sample.seeds(start, stop, unit)
    settings: dict[str, np.ndarray] = {}
    codes = [run[:, :1].astype(np.int64), society[:, None]]
    for place, factor in enumerate(sample.problem.factors):
        if factor.name in EXTRA:
            continue
        values = factor.values(unit[:, place])
        number = np.unique(values, return_inverse=True)[1] if values.dtype == object else values.astype(float) + 0.0
        settings[factor.name] = values if values.dtype.kind in "Ob" else number
        codes.append(np.ascontiguousarray(number, float).view(np.int64)[:, None])
    keys = np.ascontiguousarray(np.hstack(codes))
    _, first, inverse = np.unique(keys.view(f"V{keys.shape[1] * 8}").ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    first, place = first[order], np.argsort(order, kind="stable")[inverse.ravel()]
    R = sample.replicates
    design = pd.DataFrame({name: np.repeat(column[first], R) for name, column in settings.items()})
    design["seed"], design["society_seed"] = run[first].ravel(), np.repeat(society[first], R)
    return design, place[:, None] * R + np.arange(R)


def run_sample(sample: Sample, evaluate: Evaluate, runs: Runs, progress: Progress | None = None) -> None:
    """Run what is not there yet."""
    size, each = chunk_blocks(sample), sample.rows * sample.replicates
    start = 0

    def told() -> None:
        if progress is not None:
            progress(min(start, sample.blocks) * each, sample.blocks * each)

    while start < sample.blocks:
        if start not in runs:
            told()  # before as well: so one knows what is to come, and how long a chunk takes
            stop = min(start + size - start % size, sample.blocks)
            names, chunk = run_chunk(sample, evaluate, start, stop)
            runs.add(start, names, chunk)
        start += len(runs.chunks[start].scalars) // sample.rows
        told()


def run_chunk(sample: Sample, evaluate: Evaluate, start: int, stop: int) -> tuple[list[str], Chunk]:
    """Outcomes of the row-blocks start … stop - 1, and their names (scalars, then curves)."""
    design, place = design_rows(sample, start, stop)
    table = evaluate(design)
    if len(table) != len(design):
        raise InputError([f"what evaluates a design of {len(design)} rows gave {len(table)}"])
    names = [str(name) for name in table if name != "status" and name not in design]
    scalars, monthly = ([name for name in names if ("@" in name) == is_curve] for is_curve in (False, True))
    values = table[scalars].to_numpy(float)[place]
    curves = table[monthly].to_numpy(float)[place].mean(axis=1) if monthly else np.empty((len(place), 0))
    failures: dict[int, str] = {}
    if "status" in table:
        status = table["status"].to_numpy()
        bad = (status != "ok")[place]
        failures = {int(row): str(status[place[row, np.argmax(bad[row])]]) for row in np.flatnonzero(bad.any(axis=1))}
    return scalars + monthly, Chunk(values, curves, failures, len(design))
