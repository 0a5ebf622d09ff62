"""Runs that share a society, in blocks of as many as are computed together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valign.model.compiled.lanes import LANES
from valign.model.errors import InputError

# Runs in a block: as many as leave its state near the processor, in strips of eight (docs/speed.md).
WIDTHS, CACHE_BYTES = (64, 32, 16), 6e6
BLOCK_BYTES = 1.5e9
FEW = 4  # so many single runs take as long as a strip


@dataclass(frozen=True)
class Block:
    """Runs that share a society: their positions in the design, run seeds and columns that vary."""

    rows: np.ndarray
    seeds: tuple[int, ...]
    society_seed: int
    overrides: Mapping[str, np.ndarray]

    def runs(self, chosen: Sequence[int] | np.ndarray) -> Block:
        """A block of some of the runs, by their number in this one."""
        part = np.asarray(chosen)
        columns = {name: column[part] for name, column in self.overrides.items()}
        return Block(self.rows[part], tuple(self.seeds[n] for n in part), self.society_seed, columns)

    def filled_up(self) -> Block:
        """The block with its last run repeated to whole strips, where these take less time than runs one by one."""
        runs = len(self.rows)
        return self.runs(np.minimum(np.arange(-(-runs // LANES) * LANES), runs - 1)) if runs % LANES >= FEW else self


def machine_memory() -> float:
    """Bytes of memory of this machine (8 GB where it does not say)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8e9


def block_width(people: int, dimensions: int, months_of_agents: int = 0) -> int:
    """How many runs fit into a block; months_of_agents: for how many months everybody's state is recorded.

    Raises InputError when not even one does.
    """
    bytes_a_run = people * (8 * (5 * dimensions + 32) + 8 * months_of_agents * (6 + dimensions) + 64 + 400)
    if bytes_a_run > 0.9 * machine_memory():
        raise InputError(
            [
                f"a run of {people:,} people needs about {bytes_a_run / 1e9:,.0f} GB of memory; "
                f"this machine has {machine_memory() / 1e9:,.0f} GB"
            ]
        )
    in_cache = next((width for width in WIDTHS if width * bytes_a_run <= CACHE_BYTES), WIDTHS[-1])
    in_memory = int(BLOCK_BYTES // max(1, bytes_a_run)) // LANES * LANES
    return max(1, min(in_cache, in_memory))


def group_into_blocks(
    seeds: Sequence[int],
    societies: Sequence[int],
    width: int,
    overrides: Mapping[str, np.ndarray] | None = None,
    few_alone: bool = False,
) -> list[Block]:
    """Runs with the same society seed share blocks of at most `width`, in the order of the design.

    few_alone : a few runs beside whole strips, or without any, are blocks of their own: so they take half of the time.
    """
    blocks: list[Block] = []
    by_society: dict[int, list[int]] = {}
    for row, society in enumerate(societies):
        by_society.setdefault(society, []).append(row)
    for society, rows in by_society.items():
        for chosen in _together(rows, width, few_alone):
            part = np.array(chosen)
            columns = {name: np.asarray(column)[part] for name, column in (overrides or {}).items()}
            blocks.append(Block(part, tuple(seeds[row] for row in chosen), society, columns))
    return blocks


def _together(rows: list[int], width: int, few_alone: bool) -> Iterator[list[int]]:
    """Rows of a society, block by block."""
    for start in range(0, len(rows), width):
        chosen = rows[start : start + width]
        whole = len(chosen) // LANES * LANES
        if not few_alone or len(chosen) - whole >= FEW:
            whole = len(chosen)
        if whole:
            yield chosen[:whole]
        yield from ([row] for row in chosen[whole:])
