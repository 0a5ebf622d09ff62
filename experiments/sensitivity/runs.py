"""Running a study: sample -> design -> outcomes, kept by row-block, so that a study can be resumed and enlarged.

Every row of a sample is a row of a design (`replicates` runs of it); rows that say the same twice, such as those of the
dummy, run once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.checkpoint import NOTHING_KEPT, Parts

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
    """Finished chunks by first row-block: in memory, and in `parts` to be gone on with."""

    parts: Parts = NOTHING_KEPT
    names: list[str] = field(default_factory=list[str])
    chunks: dict[int, Chunk] = field(default_factory=dict[int, Chunk])

    def __contains__(self, start: int) -> bool:
        if start not in self.chunks and (kept := self.parts.arrays(_name(start))) is not None:
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
        arrays = {
            "names": np.array(names),
            "scalars": chunk.scalars,
            "curves": chunk.curves,
            "simulated": chunk.simulated,
            "failed": np.array(list(chunk.failures), int),
            "why": np.array(list(chunk.failures.values()), str),
        }
        self.parts.write_arrays(_name(start), arrays)


def _name(start: int) -> str:
    return f"row-blocks-{start:07d}"


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
