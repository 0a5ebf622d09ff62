"""The alignment decomposition (docs/ODD.md §6): each mechanism's exact contribution to the sum of alignment.

There are two balances: of fit, and of alignment as people judge it, which follows fit for those who do not judge yet.
`S.fit`, `S.alignment`, `values_before`, `clarity_before`, `version_before` and `stage_before` hold what was last accounted
for; after a mechanism `account` walks from there to the state as it stands, one part at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..alignment import align_row, follow
from ..compiled.compiling import compiled, copy, fill
from ..mechanism import ANYTHING, CLARITY, COMMISSIONERS, EVERYBODY, INNOVATION, MEMBERS, POSTS, VALUES
from ..parameters import RECORDS, ROLES
from ..state.arrays import METRIC, STAGES

if TYPE_CHECKING:
    import pandas as pd


Flows = tuple[int, np.ndarray, np.ndarray]  # first month of a chunk, flat positions, sums

# (mechanism, part) of every entry, in the order of the ledger's rows.
ENTRIES = (
    ("outside", "any"),
    *(entry for record in RECORDS for entry in record.entries),
    ("stage", "moves"),
    ("episode", "moves"),
)
EPISODES = ("design", "implementation", "spread", "sustainment", "abandoned", "all")  # all: commissioners
EPISODE_MOVES = ENTRIES.index(("episode", "moves"))
STAGE_MOVES = ENTRIES.index(("stage", "moves"))
# The ledger has these rows twice: for fit, and from row JUDGED on for alignment as people judge it.
BALANCES = ("fit", "alignment")
JUDGED = len(ENTRIES)

# What `account` books at each point of the month: parts, whose.
POINTS = {"outside": (ANYTHING, EVERYBODY)} | {
    record.name: (record.moves, record.whom) for record in RECORDS if record.moves
}
POINT = {name: number for number, name in enumerate(POINTS)}


def entry(mechanism: str) -> int:
    """Row of the first entry of a mechanism."""
    return [name for name, _ in ENTRIES].index(mechanism)


_ENTRY = np.array([entry(name) for name in POINTS])
_PARTS = np.array([parts for parts, _ in POINTS.values()])
_WHOSE = np.array([whose for _, whose in POINTS.values()])


@compiled
def mean_shift(S, start, stop, shift, count):
    """Mean change of values since last accounted, by role [4 x K x W], over rows start … stop - 1."""
    fill(shift, 0.0)
    fill(count, 0)
    for i in range(start, stop):
        role = S.role[i]
        count[role] += 1
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                shift[role, k, r] += S.values[i, k, r] - S.values_before[i, k, r]
    for role in range(4):
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                shift[role, k, r] = shift[role, k, r] / count[role] if count[role] else 0.0


@compiled
def book(S, entry, o, i, new):
    """Add new - S.fit[i] to an entry, in the bin of the person's stage when last accounted; move on to new.

    Alignment that follows fit is booked under the same name in its own balance.
    """
    role = S.role[i]
    for r in range(len(S.runs)):
        S.ledger[entry, o, role, S.stage_before[i, r], r] += new[r] - S.fit[i, r]
        S.fit[i, r] = new[r]
        if not S.judges[i, r]:
            S.ledger[JUDGED + entry, o, role, S.stage_before[i, r], r] += new[r] - S.alignment[i, r]
    follow(S, i)


@compiled
def account_person(S, o, i, entry, parts, shift, x, new):
    """Walk one person from what was last accounted to the state as it stands."""
    K = S.values.shape[1]
    metric, projection, view = S.rules[METRIC], S.projection, S.perceives[i]
    reading, emphasis = S.reading[i], S.emphasis
    if parts & VALUES:
        for k in range(K):
            for r in range(len(S.runs)):
                x[k, r] = S.values_before[i, k, r] + shift[S.role[i], k, r]
        align_row(S.runs, metric, x, S.version_before[view], reading, S.clarity_before[i], projection, emphasis, new)
        book(S, entry, o, i, new)
        align_row(
            S.runs, metric, S.values[i], S.version_before[view], reading, S.clarity_before[i], projection, emphasis, new
        )
        book(S, entry + 1, o, i, new)
        entry += 2
    if parts & INNOVATION:
        align_row(S.runs, metric, S.values[i], S.version[view], reading, S.clarity_before[i], projection, emphasis, new)
        book(S, entry, o, i, new)
        entry += 1
    if parts & CLARITY:
        align_row(S.runs, metric, S.values[i], S.version[view], reading, S.clarity[i], projection, emphasis, new)
        book(S, entry, o, i, new)
    if parts & ANYTHING:
        align_row(S.runs, metric, S.values[i], S.version[view], reading, S.clarity[i], projection, emphasis, new)
        book(S, entry, o, i, new)


@compiled
def account_replaced(S, o, i, entry, new):
    """A leaver's alignment goes, a recruit's comes; others keep what `new` was booked for them."""
    role = S.role[i]
    for r in range(len(S.runs)):
        if S.replaced[i, r]:
            for balance, known in ((0, S.fit), (JUDGED, S.alignment)):
                S.ledger[balance + entry, o, role, S.stage_before[i, r], r] -= known[i, r]
                S.ledger[balance + entry + 1, o, role, S.stage[i, r], r] += new[r]
                known[i, r] = new[r]
            S.stage_before[i, r] = S.stage[i, r]
            S.clarity_before[i, r] = S.clarity[i, r]


@compiled
def account(S, point):
    """Book the change of alignment since the last accounting, at one of the POINTS of the month."""
    entry, parts, whose = _ENTRY[point], _PARTS[point], _WHOSE[point]
    O = S.setting.shape[0]
    from_service, to_service = (O if whose == COMMISSIONERS else 0), (O if whose == MEMBERS else O + 1)
    K, W = S.values.shape[1], len(S.runs)
    shift, count = np.empty((4, K, W)), np.empty(4, np.int64)
    x, new = np.empty((K, W)), np.empty(W)
    projection = S.projection
    for o in range(from_service, to_service):
        start, stop = S.first[o], S.first[o + 1]
        if parts & VALUES:
            mean_shift(S, start, stop, shift, count)
        for i in range(start, stop):
            if parts & POSTS:
                align_row(
                    S.runs,
                    S.rules[METRIC],
                    S.values[i],
                    S.version[S.perceives[i]],
                    S.reading[i],
                    S.clarity[i],
                    projection,
                    S.emphasis,
                    new,
                )
                account_replaced(S, o, i, entry + 1 if parts & INNOVATION else entry, new)
            if parts & ~POSTS:
                account_person(S, o, i, entry, parts, shift, x, new)
            for k in range(K):
                for r in range(W):
                    S.values_before[i, k, r] = S.values[i, k, r]
            for r in range(W):
                S.clarity_before[i, r] = S.clarity[i, r]
    copy(S.version, S.version_before)


@compiled
def account_moves(S, t):
    """People who changed stage take their alignment from the old stage's bin to the new one's."""
    for o in range(S.setting.shape[0]):
        for i in range(S.first[o], S.first[o + 1]):
            role = S.role[i]
            for r in range(len(S.runs)):
                before, after = S.stage_before[i, r], S.stage[i, r]
                if before != after:
                    for balance, known in ((0, S.fit), (JUDGED, S.alignment)):
                        S.ledger[balance + STAGE_MOVES, o, role, before, r] -= known[i, r]
                        S.ledger[balance + STAGE_MOVES, o, role, after, r] += known[i, r]
                    S.stage_before[i, r] = after


@compiled
def flush(S, t):
    """Add the month's ledger to `flows`, by group of services and episode, with the moves between episodes."""
    O, month = S.setting.shape[0], t - S.flows_from[0]
    for o in range(O + 1):
        group = S.service_group[o] if o < O else S.flows.shape[2] - 1
        for entry in range(S.ledger.shape[0]):
            for role in range(4):
                for stage in range(4):
                    for r in range(len(S.runs)):
                        episode = 5 if o == O else S.service_stage_before[o, r]
                        S.flows[month, entry, group, episode, role, stage, r] += S.ledger[entry, o, role, stage, r]
        if o == O:
            continue
        for r in range(len(S.runs)):
            before, after = S.service_stage_before[o, r], S.service_stage[o, r]
            if before != after:
                for i in range(S.first[o], S.first[o + 1]):
                    role, stage = S.role[i], S.stage[i, r]
                    for balance, known in ((0, S.fit), (JUDGED, S.alignment)):
                        S.flows[month, balance + EPISODE_MOVES, group, before, role, stage, r] -= known[i, r]
                        S.flows[month, balance + EPISODE_MOVES, group, after, role, stage, r] += known[i, r]


def decomposition_table(
    parts: Sequence[tuple[np.ndarray, tuple[int, ...], Sequence[Flows]]], group_names: Sequence[str]
) -> pd.DataFrame:
    """Flows as a table: run, month, balance, organisation (group), episode, role, stage, mechanism, part, change.

    parts: (number of each run of a block, shape of its flows, [(first month, flat positions, sums)]).
    """
    import pandas as pd

    columns: list[tuple[np.ndarray, ...]] = []
    for runs, shape, flows in parts:
        for first, positions, sums in flows:
            month, *others, run = np.unravel_index(positions, shape)
            columns.append((runs[run], month + first, *others, sums))
    run, month, entry, group, episode, role, stage, change = (
        [np.concatenate(column) for column in zip(*columns, strict=True)] if columns else [np.empty(0, int)] * 8
    )

    def labelled(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(codes.astype(int), list(names))

    def of_entry(position: int) -> pd.Categorical:
        names = list(dict.fromkeys(each[position] for each in ENTRIES))
        return labelled(np.array([names.index(each[position]) for each in ENTRIES])[entry.astype(int) % JUDGED], names)

    table = pd.DataFrame(
        {
            "run": run,
            "month": month,
            "balance": labelled(entry.astype(int) // JUDGED, BALANCES),
            "organisation": labelled(group, [*group_names, "commissioners"]),
            "episode": labelled(episode, EPISODES),
            "role": labelled(role, ROLES),
            "stage": labelled(stage, STAGES),
            "mechanism": of_entry(0),
            "part": of_entry(1),
            "change": change.astype(float),
        }
    )
    return table.sort_values(["run", "month"], kind="stable", ignore_index=True)
