"""The outcomes of a study by row-block, and which row-blocks can be used where some have no value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown

from .runs import Chunk, Evaluate, Runs, design_rows
from .samples import Sample

LEAST_BLOCKS = 8
MISSING = ("refuse", "drop")


def known_missing(missing: str) -> str:
    if missing not in MISSING:
        raise InputError([unknown(missing, MISSING, "way to treat missing values")])
    return missing


@dataclass(eq=False)
class StudyValues:
    """What was simulated in a study.

    sample : the points. runs : what was simulated, by row-block. evaluate : what simulates.
    outcomes : which scalars are analysed. curves : which monthly curves. missing : "refuse" (outcomes without a value
    and failed runs are an error that names them) or "drop" (their row-blocks are left out, see `dropped`).
    """

    sample: Sample
    runs: Runs
    evaluate: Evaluate
    outcomes: tuple[str, ...]
    curves: tuple[str, ...] = ()
    missing: str = "refuse"

    @cached_property
    def _chunks(self) -> list[tuple[int, Chunk]]:
        found: list[tuple[int, Chunk]] = []
        start = 0
        while start < self.sample.blocks:
            found.append((start, self.runs.chunks[start]))
            start += len(found[-1][1].scalars) // self.sample.rows
        return found

    @property
    def simulated(self) -> int:
        """Number of runs simulated (rows that mean the same run count once)."""
        return sum(chunk.simulated for _, chunk in self._chunks)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Rows with a failed run: row-block, row (of the row-block), why."""
        rows = self.sample.rows
        found = [
            (start + row // rows, row % rows, why)
            for start, chunk in self._chunks
            for row, why in chunk.failures.items()
            if start + row // rows < self.sample.blocks
        ]
        return pd.DataFrame(found, columns=["row_block", "row", "why"])

    def values(self, outcome: str) -> np.ndarray:
        """Runs of an outcome [row-blocks, rows, replicates], as simulated. Raises InputError for an unknown one."""
        scalars = [name for name in self.runs.names if "@" not in name]
        if outcome not in scalars:
            raise InputError([unknown(outcome, scalars, "known outcome")])
        parts = [chunk.scalars[:, :, scalars.index(outcome)] for _, chunk in self._chunks]
        shape = (self.sample.blocks, self.sample.rows, self.sample.replicates)
        return np.concatenate(parts)[: shape[0] * shape[1]].reshape(shape)

    def curve(self, name: str) -> np.ndarray:
        """The monthly curve `name` [row-blocks, rows, months + 1], the mean over replicates.

        Raises InputError for one that was not recorded.
        """
        monthly = [each for each in self.runs.names if "@" in each]
        wanted = [place for place, each in enumerate(monthly) if each.rpartition("@")[0] == name]
        if not wanted:
            raise InputError([unknown(name, sorted({each.rpartition("@")[0] for each in monthly}), "recorded curve")])
        parts = np.concatenate([chunk.curves[:, wanted] for _, chunk in self._chunks])
        return parts[: self.sample.blocks * self.sample.rows].reshape(self.sample.blocks, self.sample.rows, len(wanted))

    @cached_property
    def design(self) -> pd.DataFrame:
        """All runs as one design table, which `simulate` takes."""
        return design_rows(self.sample, 0, self.sample.blocks)[0]

    def _usable(self, missing: np.ndarray, what: str) -> np.ndarray:
        """Row-blocks that can be used. missing : [row-blocks, rows], rows without any value."""
        failed = np.zeros(self.sample.blocks, bool)
        failed[self.failures["row_block"].to_numpy(int)] = True
        gone = failed | missing.any(axis=1)
        if not gone.any():
            return ~gone
        problems: list[str] = []
        if failed.any():
            first = self.failures.iloc[0]
            problems.append(
                f"{len(self.failures):,} of {missing.size:,} rows failed, in {failed.sum():,} of "
                f"{len(gone):,} row-blocks; the first (row-block {first['row_block']}, row "
                f"{first['row']}): {first['why']}"
            )
        if missing.any():
            block, row = np.argwhere(missing)[0]
            problems.append(
                f"{what} has no value in {missing.sum():,} of {missing.size:,} rows, in "
                f"{missing.any(axis=1).sum():,} of {len(gone):,} row-blocks (the first: row-block {block}, "
                f"row {row})"
            )
        if self.missing == "refuse":
            problems[-1] += "; no index is computed from what is not there: choose another outcome" + (
                "" if self.sample.method == "fast" else ", or leave those row-blocks out (missing='drop', --drop)"
            )
            raise InputError(problems)
        if self.sample.method == "fast" or (~gone).sum() < LEAST_BLOCKS:
            raise InputError(
                [
                    *problems,
                    "too few row-blocks would be left"
                    if self.sample.method != "fast"
                    else "fast needs every point of its curves",
                ]
            )
        return ~gone

    def row_means(self, outcome: str) -> tuple[np.ndarray, np.ndarray]:
        """Means over replicates of an `outcome` [usable row-blocks, rows], and which are usable [row-blocks].

        With missing = "drop" a row's mean is over the replicates that have a value.
        """
        y = self.values(outcome)
        there = np.isfinite(y)
        none = np.asarray(~there.any(axis=2) if self.missing == "drop" else ~there.all(axis=2))
        kept = self._usable(none, outcome)
        sums, counts = np.where(there, y, 0.0).sum(axis=2), there.sum(axis=2)
        return (sums / np.maximum(counts, 1))[kept], kept

    @cached_property
    def dropped(self) -> pd.DataFrame:
        """By outcome: row-blocks left out and how many there are, and the share of runs without a value."""
        rows: list[dict[str, Any]] = []
        for outcome in self.outcomes:
            kept = self.row_means(outcome)[1]
            rows.append(
                {
                    "outcome": outcome,
                    "dropped": int((~kept).sum()),
                    "row_blocks": len(kept),
                    "without_value": float(np.isnan(self.values(outcome)).mean()),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def _unit(self) -> np.ndarray:
        return self.sample.unit()

    def _points(self, kept: np.ndarray) -> np.ndarray:
        """The points of usable row-blocks on the unit cube [rows, D]."""
        unit = self._unit.reshape(self.sample.blocks, self.sample.rows, -1)[: len(kept)][kept]
        return unit.reshape(-1, unit.shape[2])
