"""The ledger of a month: sums of what was booked, in the cell of everybody's group of services, episode, role and stage.

A cell has three rows in the ledger [rows x entries x W], as many rows apart as there are cells: what counts in both
balances (of people whose alignment follows fit), in fit alone (of people who judge) and in alignment alone. `S.bin`
[N x W] is the row in which changes of somebody's fit are booked; it moves on where a move has been booked.
"""

from __future__ import annotations

import numpy as np

from ..compiled.compiling import compiled, fill, inlined
from ..mechanism import PARTS, POSTS
from ..parameters import RECORDS
from ..state.arrays import State
from .decomposition import ENTRIES, Flows

OUTSIDE = ENTRIES.index(("outside", "any"))
EPISODE_MOVES = ENTRIES.index(("episode", "moves"))
STAGE_MOVES = ENTRIES.index(("stage", "moves"))
_ELSE = {"any", "moves", *PARTS[POSTS], *(part for record in RECORDS for part in record.judgement)}
# Entries of what moves the alignment of people who judge: of changes of their fit, nothing does.
MOVES_JUDGEMENT = np.array([part in _ELSE for _, part in ENTRIES])


@inlined
def cells_of(S):
    """How many cells there are."""
    return np.int64(S.ledger.shape[0] // 3)  # wide, so that uncompiled sums with bytes are too


@inlined
def cell_of(group, episode, role, stage):
    """Cell of a member of a service: its row in `decomposition.cells`."""
    return ((np.int64(group) * 5 + episode) * 3 + role) * 4 + stage


@inlined
def with_stage(cell, stage):
    """The cell, or row, beside this one in which people have that stage."""
    return cell - (cell & 3) + stage


@compiled
def put_into_bins(S):
    """Everybody's bin at the start, and which rows of the ledger somebody's is."""
    O, cells = S.setting.shape[0], cells_of(S)
    for o in range(O + 1):
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(len(S.runs)):
                cell = cells - 4 + S.stage[i, r]
                if o < O:
                    cell = cell_of(S.service_group[o], S.service_stage[o, r], S.role[i], S.stage[i, r])
                S.bin[i, r] = cell + S.judges[i, r] * cells
                S.occupied[S.bin[i, r]] = 1


@inlined
def book(S, entry, i, change):
    """Book a change [W] of person i's fit."""
    bins = S.bin[i]
    for r in range(len(S.runs)):
        S.ledger[bins[r], entry, r] += change[r]


@inlined
def book_two(S, entry, i, change, further):
    """Book a change [W] of person i's fit, and a further one under the next entry."""
    bins = S.bin[i]
    for r in range(len(S.runs)):
        sums = S.ledger[bins[r]]
        sums[entry, r] += change[r]
        sums[entry + 1, r] += further[r]


@inlined
def book_judgement(S, entry, i, limit, terms):
    """Book limit x terms [4 x W], by which sensemaking moved the judgement of person i (0 where they do not judge)."""
    bins, cells = S.bin[i], np.uint32(cells_of(S))
    for r in range(len(S.runs)):
        sums = S.ledger[bins[r] + cells]
        for n in range(4):
            sums[entry + n, r] += limit[r] * terms[n, r]


@compiled
def book_whole(S, entry, i, r, sign):
    """Book all of a person's fit and alignment: in (sign 1) or out (-1)."""
    place, cells = S.bin[i, r], cells_of(S)
    S.ledger[place, entry, r] += sign * S.fit[i, r]
    if place >= cells:
        S.ledger[place + cells, entry, r] += sign * S.alignment[i, r]


@inlined
def put(S, i, r, place):
    """From now on a person's bin is another."""
    S.bin[i, r] = place
    S.occupied[place] = 1


@compiled
def move(S, entry, i, r, place):
    """A person takes fit and alignment along to another bin."""
    book_whole(S, entry, i, r, -1.0)
    put(S, i, r, place)
    book_whole(S, entry, i, r, 1.0)


@inlined
def judge_from_now(S, i):
    """Where person i has come to judge, fit and alignment are booked apart from now on.

    Who does not judge any more was made unaware from outside; alignment is fit again, and they are booked together.
    """
    cells, bins, judges, new = cells_of(S), S.bin[i], S.judges[i], 0
    for r in range(len(S.runs)):
        new += (bins[r] >= cells) != (judges[r] != 0)
    if new:
        for r in range(len(S.runs)):
            if (bins[r] >= cells) != (judges[r] != 0):
                if judges[r] == 0:
                    S.ledger[bins[r] + cells, OUTSIDE, r] += S.fit[i, r] - S.alignment[i, r]
                put(S, i, r, bins[r] + cells if judges[r] else bins[r] - cells)


@compiled
def account_moves(S, t):
    """People who changed stage take their fit and alignment from the old stage's cell to the new one's."""
    for i in range(S.role.shape[0]):
        bins, stage = S.bin[i], S.stage[i]
        moved = 0
        for r in range(len(S.runs)):
            moved += (bins[r] & 3) != stage[r]
        if moved:
            for r in range(len(S.runs)):
                if (bins[r] & 3) != stage[r]:
                    move(S, STAGE_MOVES, i, r, with_stage(bins[r], stage[r]))


@compiled
def account_episodes(S):
    """Where a service is in another episode than it was, its members take their fit and alignment along."""
    cells = cells_of(S)
    for o in range(S.setting.shape[0]):
        group, start, stop = S.service_group[o], S.first[o], S.first[o + 1]
        for r in range(len(S.runs)):
            if start == stop:
                continue
            further = cell_of(group, S.service_stage[o, r], 0, 0) - S.bin[start, r] % cells // 12 * 12
            if further != 0:
                for i in range(start, stop):
                    move(S, EPISODE_MOVES, i, r, S.bin[i, r] + further)


@inlined
def write_flows(S, n, position, a, b):
    """Write down the changes a + b [W] that are not 0 as flows n …; the number of the next."""
    positions, changes, written = S.flow_position[n:], S.flow_change[n:], np.uint64(0)
    for r in range(len(S.runs)):
        change = a[r] + b[r]
        positions[written] = position + r
        changes[written] = change
        written += np.uint64(abs(change) > 0.0)  # a 0 is overwritten by the next: cheaper than a branch
    return n + np.int64(written)


@inlined
def any_of(sums):
    """Whether any of the sums [W] are not 0."""
    count = 0
    for r in range(sums.shape[0]):
        count += sums[r] != 0.0
    return count > 0


@compiled
def flush(S, t):
    """The month's ledger becomes flows of month t, with the moves between episodes; it is empty then."""
    account_episodes(S)
    cells, entries, W, n = cells_of(S), S.ledger.shape[1], len(S.runs), S.flow_count[0]
    for cell in range(cells):
        if S.occupied[cell] == 0 and S.occupied[cell + cells] == 0:
            continue
        for entry in range(entries):
            both, fit = S.ledger[cell, entry], S.ledger[cell + cells, entry]
            alignment = S.ledger[cell + 2 * cells, entry]
            in_both = S.occupied[cell] != 0 and any_of(both)
            in_fit = S.occupied[cell + cells] != 0 and any_of(fit)
            in_alignment = S.occupied[cell + cells] != 0 and MOVES_JUDGEMENT[entry] and any_of(alignment)
            position = ((t * 2 * entries + entry) * cells + cell) * W
            if in_both or in_fit:
                n = write_flows(S, n, position, both, fit)
            if in_both or in_alignment:
                n = write_flows(S, n, position + entries * cells * W, both, alignment)
            if in_both:
                fill(both, 0.0)
            if in_fit:
                fill(fit, 0.0)
            if in_alignment:
                fill(alignment, 0.0)
    S.flow_count[0] = n
    fill(S.occupied, 0)
    for i in range(S.role.shape[0]):
        for r in range(W):
            S.occupied[S.bin[i, r]] = 1


def take_flows(S: State) -> Flows:
    """Positions and sums of the flows since this was last called."""
    count = int(S.flow_count[0])
    S.flow_count[0] = 0
    return S.flow_position[:count].copy(), S.flow_change[:count].copy()
