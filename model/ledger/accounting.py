"""What the mechanisms did to fit and to alignment: after each, the way from what was last accounted for to the state.

`S.fit`, `S.alignment`, `values_before`, `clarity_before`, `version_before` and so on hold what was last accounted for.
`account` walks from there to the state as it stands, one part at a time, in rows that moved.
"""

from __future__ import annotations

import numpy as np

from ..alignment import align_row, fit_of, follow, perceived
from ..compiled.compiling import compiled, copy, fill, inlined, row
from ..compiled.lanes import LANES, in_strips, strip, zero
from ..mechanism import ANYTHING, CLARITY, COMMISSIONERS, INNOVATION, MEMBERS, PARTS, POSTS, VALUES
from ..state.arrays import METRIC
from .booking import book, book_two, book_whole, cells_of, put, with_stage
from .decomposition import ENTRIES, POINTS


def _rows(part: int) -> np.ndarray:
    """By point of the month: row of the first entry of a part, -1 where it does not move."""
    return np.array(
        [ENTRIES.index((name, PARTS[part][0])) if moves & part else -1 for name, (moves, _) in POINTS.items()]
    )


_CENTRE, _INNOVATION, _CLARITY, _LEAVERS, _ANYTHING = map(_rows, (VALUES, INNOVATION, CLARITY, POSTS, ANYTHING))
_WHOSE = np.array([whose for _, whose in POINTS.values()])


@compiled
def role_means(S, start, stop, mean):
    """Mean values by role [4 x K x W] over rows start … stop - 1; 0 without people."""
    count = np.zeros(4)
    fill(mean, 0.0)
    for i in range(start, stop):
        count[S.role[i]] += 1.0
        sums, values = mean[S.role[i]], S.values[i]
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                sums[k, r] += values[k, r]
    for role in range(4):
        share = 1.0 / count[role] if count[role] else 0.0
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                mean[role, k, r] *= share


@compiled
def mean_shift(S, o, mean, shift):
    """How far the mean values of service o have moved since last accounted, by role [4 x K x W]."""
    role_means(S, S.first[o], S.first[o + 1], mean)
    new, old, moved = mean.ravel(), S.mean_before[o].ravel(), shift.ravel()
    for n in range(new.size):
        moved[n] = new[n] - old[n]
        old[n] = new[n]


@compiled
def differ(a, b):
    """Whether any elements of two arrays of one shape do."""
    x, y, unlike = a.ravel(), b.ravel(), 0
    for n in range(x.size):
        unlike += x[n] != y[n]
    return unlike > 0


@compiled
def values_moved(S, start, stop):
    """Whether anybody's values did."""
    for i in range(start, stop):
        if differ(S.values[i], S.values_before[i]):
            return True
    return False


@inlined
def walk(S, i, shift, centre, spread, at):
    """Person i's values moved, in mean by `shift` [K x W]: what that would have done to their fit, and the rest."""
    metric, projection, emphasis, clarity = S.rules[METRIC], S.projection, S.emphasis, S.clarity_before[i]
    version, reading, before, x = S.version_before[S.perceives[i]], S.reading[i], S.values_before[i], S.values[i]
    if metric == 0:  # both in one sweep
        c, pi = clarity[at], projection[at]
        shifted = now = 1.0 - zero(at)
        for k in range(x.shape[0]):
            m, xi, v = version[k, at], reading[k, at], before[k, at] + shift[k, at]
            shifted -= emphasis[k, at] * abs(v - perceived(v, m, xi, c, pi))
            v = x[k, at]
            now -= emphasis[k, at] * abs(v - perceived(v, m, xi, c, pi))
            before[k, at] = v
    else:
        for k in range(x.shape[0]):
            before[k, at] += shift[k, at]
        shifted = fit_of(metric, before, version, reading, clarity, projection, emphasis, at)
        now = fit_of(metric, x, version, reading, clarity, projection, emphasis, at)
        for k in range(x.shape[0]):
            before[k, at] = x[k, at]
    centre[at] = shifted - S.fit[i, at]
    spread[at] = now - shifted
    follow(S, i, now, at)


@compiled
def account_values(S, entry, o, mean, shift):
    """Values moved. Centre: what the mean move of a service's people in one role would have done; spread: the rest."""
    if not values_moved(S, S.first[o], S.first[o + 1]):
        return
    centre, spread, whole = row(S.runs), row(S.runs), in_strips(S.runs)
    mean_shift(S, o, mean, shift)
    for i in range(S.first[o], S.first[o + 1]):
        for r in range(0, whole, LANES):
            walk(S, i, shift[S.role[i]], centre, spread, strip(r))
        for r in range(whole, len(S.runs)):
            walk(S, i, shift[S.role[i]], centre, spread, r)
        book_two(S, entry, i, centre, spread)


@compiled
def fit_with(S, i, clarity, out):
    """Fit of person i with that clarity and all else as it stands, into `out` [W]."""
    version, metric, projection = S.version[S.perceives[i]], S.rules[METRIC], S.projection
    align_row(S.runs, metric, S.values[i], version, S.reading[i], clarity, projection, S.emphasis, out)


@inlined
def book_fit(S, entry, i, fit):
    """Book the way from person i's fit as last accounted to `fit` [W], which becomes the change."""
    for r in range(len(S.runs)):
        change = fit[r] - S.fit[i, r]
        follow(S, i, fit[r], r)
        fit[r] = change
    book(S, entry, i, fit)


@compiled
def account_innovation(S, entry, start, stop, all_of_it):
    """The version perceived moved. all_of_it: its emphasis, or how people read it, moved too."""
    new, known, moved = row(S.runs), -1, False
    for i in range(start, stop):
        if S.perceives[i] != known:
            known = S.perceives[i]
            moved = all_of_it or differ(S.version[known], S.version_before[known])
        if moved:
            fit_with(S, i, S.clarity_before[i], new)
            book_fit(S, entry, i, new)


@compiled
def account_clarity(S, entry, start, stop):
    """Clarity moved."""
    new = row(S.runs)
    for i in range(start, stop):
        if differ(S.clarity[i], S.clarity_before[i]):
            fit_with(S, i, S.clarity[i], new)
            book_fit(S, entry, i, new)
            copy(S.clarity[i], S.clarity_before[i])


@compiled
def account_replaced(S, entry, start, stop):
    """Fit and alignment of leavers go, under `entry`; those of recruits, who do not judge yet, come under the next.
    True if anybody was replaced."""
    new, cells, anybody = row(S.runs), cells_of(S), False
    for i in range(start, stop):
        replaced = 0
        for r in range(len(S.runs)):
            replaced += S.replaced[i, r]
        if replaced == 0:
            continue
        anybody = True
        fit_with(S, i, S.clarity[i], new)
        for r in range(len(S.runs)):
            if S.replaced[i, r]:
                book_whole(S, entry, i, r, -1.0)
                S.fit[i, r] = new[r]
                S.alignment[i, r] = new[r]
                put(S, i, r, with_stage(S.bin[i, r] % cells, S.stage[i, r]))
                book_whole(S, entry + 1, i, r, 1.0)
                S.clarity_before[i, r] = S.clarity[i, r]
                for k in range(S.values.shape[1]):
                    S.values_before[i, k, r] = S.values[i, k, r]
    return anybody


@compiled
def account_anything(S, entry, start, stop):
    """Whatever was changed from outside."""
    new = row(S.runs)
    for i in range(start, stop):
        fit_with(S, i, S.clarity[i], new)
        book_fit(S, entry, i, new)
        copy(S.values[i], S.values_before[i])
        copy(S.clarity[i], S.clarity_before[i])


@compiled
def account(S, point):
    """Book the change of alignment since the last accounting, at one of the POINTS of the month."""
    O, K, W, whose = S.setting.shape[0], S.values.shape[1], len(S.runs), _WHOSE[point]
    mean, shift = np.empty((4, K, W)), np.empty((4, K, W))
    all_of_it = differ(S.emphasis, S.emphasis_before) or differ(S.projection, S.projection_before)
    for o in range(O if whose == COMMISSIONERS else 0, O if whose == MEMBERS else O + 1):
        start, stop = S.first[o], S.first[o + 1]
        if _LEAVERS[point] >= 0:
            if account_replaced(S, _LEAVERS[point], start, stop):
                role_means(S, start, stop, S.mean_before[o])
        if _CENTRE[point] >= 0:
            account_values(S, _CENTRE[point], o, mean, shift)
        if _INNOVATION[point] >= 0:
            account_innovation(S, _INNOVATION[point], start, stop, all_of_it)
        if _CLARITY[point] >= 0:
            account_clarity(S, _CLARITY[point], start, stop)
        if _ANYTHING[point] >= 0:
            account_anything(S, _ANYTHING[point], start, stop)
            role_means(S, start, stop, S.mean_before[o])
    copy(S.version, S.version_before)
    copy(S.emphasis, S.emphasis_before)
    copy(S.projection, S.projection_before)
