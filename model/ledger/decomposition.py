"""The alignment decomposition (docs/ODD.md §6): each mechanism's exact contribution to the sum of alignment.

There are two balances: of fit, and of alignment as people judge it, which follows fit for those who do not judge yet.
Here is what is booked, and the table of it; accounting.py finds the contributions, booking.py keeps their sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..mechanism import ANYTHING, EVERYBODY
from ..parameters import RECORDS, ROLES
from ..state.arrays import COMMISSIONER, STAGES

if TYPE_CHECKING:
    import pandas as pd


Flows = tuple[np.ndarray, np.ndarray]  # positions among months x balances x entries x cells x W, and sums

# (mechanism, part) of every entry, in the order of the ledger.
ENTRIES = (
    ("outside", "any"),
    *(entry for record in RECORDS for entry in record.entries),
    ("stage", "moves"),
    ("episode", "moves"),
)
EPISODES = ("design", "implementation", "spread", "sustainment", "abandoned", "all")  # all: commissioners
BALANCES = ("fit", "alignment")

# What `account` books at each point of the month: parts, whose.
POINTS = {"outside": (ANYTHING, EVERYBODY)} | {
    record.name: (record.moves, record.whom) for record in RECORDS if record.moves
}
POINT = {name: number for number, name in enumerate(POINTS)}


def entry(mechanism: str) -> int:
    """Row of the first entry of a mechanism."""
    return [name for name, _ in ENTRIES].index(mechanism)


def cells(groups: int) -> np.ndarray:
    """Group (the last: commissioners), episode, role and stage of every cell of the ledger [cells x 4]."""
    members = np.indices((groups, len(EPISODES) - 1, COMMISSIONER, len(STAGES))).reshape(4, -1).T
    commissioners = [(groups, len(EPISODES) - 1, COMMISSIONER, stage) for stage in range(len(STAGES))]
    return np.concatenate([members, commissioners])


def flows_a_month(groups: int, runs: int) -> int:
    """The most flows that a month can have."""
    return len(BALANCES) * len(ENTRIES) * len(cells(groups)) * runs


def places(positions: np.ndarray, groups: int, runs: int) -> tuple[np.ndarray, ...]:
    """Month, balance, entry, group (the last: commissioners), episode, role, stage and run of flows of a block."""
    of_cell = cells(groups)
    rest, run = np.divmod(positions, runs)
    rest, cell = np.divmod(rest, len(of_cell))
    rest, entry = np.divmod(rest, len(ENTRIES))
    month, balance = np.divmod(rest, len(BALANCES))
    return month, balance, entry, *of_cell[cell].T, run


def decomposition_table(
    parts: Sequence[tuple[np.ndarray, Sequence[Flows]]], group_names: Sequence[str]
) -> pd.DataFrame:
    """Flows as a table: run, month, balance, organisation (group), episode, role, stage, mechanism, part, change.

    parts: (number of each run of a block, its flows).
    """
    import pandas as pd

    columns: list[tuple[np.ndarray, ...]] = []
    for runs, flows in parts:
        for positions, sums in flows:
            *others, run = places(positions, len(group_names), len(runs))
            columns.append((runs[run], *others, sums, positions))
    run, month, balance, entry, group, episode, role, stage, change, position = (
        [np.concatenate(column) for column in zip(*columns, strict=True)] if columns else [np.empty(0, int)] * 10
    )

    def labelled(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(codes.astype(int), list(names))

    def of_entry(position: int) -> pd.Categorical:
        names = list(dict.fromkeys(each[position] for each in ENTRIES))
        return labelled(np.array([names.index(each[position]) for each in ENTRIES])[entry.astype(int)], names)

    table = pd.DataFrame(
        {
            "run": run,
            "month": month,
            "balance": labelled(balance, BALANCES),
            "organisation": labelled(group, [*group_names, "commissioners"]),
            "episode": labelled(episode, EPISODES),
            "role": labelled(role, ROLES),
            "stage": labelled(stage, STAGES),
            "mechanism": of_entry(0),
            "part": of_entry(1),
            "change": change.astype(float),
        }
    )
    return table.iloc[np.lexsort((position, run))].reset_index(drop=True)
