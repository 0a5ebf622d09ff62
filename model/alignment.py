"""Perception and alignment (docs/ODD.md §3)."""

from __future__ import annotations

import numpy as np

from .compiled.compiling import compiled, in_parts, inlined, people_in, row_number
from .compiled.lanes import (
    LANES,
    alone,
    eights,
    first_of,
    in_strips,
    keep,
    left_over,
    root,
    rows_in_turn,
    some,
    strip,
    where,
    zero,
)
from .constants import BASE_QUALITY
from .state.arrays import ENGAGED, MANAGER, METRIC, METRIC_REFERENCE, METRIC_UNIT, UNAWARE


@inlined
def clip(x):
    """x limited to [0, 1]."""
    return min(max(x, 0.0), 1.0)


@inlined
def perceived(value, version, reading, clarity, projection):
    """p = clip(m + (1 - clarity) (xi + projection (v - m))) in one dimension."""
    return clip(version + (1.0 - clarity) * (reading + projection * (value - version)))


@inlined
def fit_of(metric, x, version, reading, clarity, projection, emphasis, at):
    """Fit of one person with values `x` [K x W], in runs `at`."""
    K, c, pi = x.shape[0], clarity[at], projection[at]
    if metric == 0:
        fit = 1.0 - zero(at)
        for k in range(K):
            v = x[k, at]
            fit -= emphasis[k, at] * abs(v - perceived(v, version[k, at], reading[k, at], c, pi))
        return fit
    mean_x = mean_p = distance = xx = pp = xp = zero(at)
    for k in range(K):
        p = perceived(x[k, at], version[k, at], reading[k, at], c, pi)
        share = emphasis[k, at] if metric != 1 else zero(at) + 1.0 / K
        mean_x += share * x[k, at]
        mean_p += share * p
    for k in range(K):
        p = perceived(x[k, at], version[k, at], reading[k, at], c, pi) - mean_p
        y = x[k, at] - mean_x
        distance += emphasis[k, at] * abs(y - p)
        xx += emphasis[k, at] * y * y
        pp += emphasis[k, at] * p * p
        xp += emphasis[k, at] * y * p
    if metric == 1:
        return max(0.0, 1.0 - distance)
    product = xx * pp
    return where(product < 1e-12, 0.5, 0.5 * (1.0 + xp / root(product)))


@compiled
def align_row(runs, metric, x, version, reading, clarity, projection, emphasis, out):
    """Fit of one person with values `x` [K x W], by run, into `out` [W]."""
    whole = in_strips(runs)
    for r in range(0, whole, LANES):
        out[strip(r)] = fit_of(metric, x, version, reading, clarity, projection, emphasis, strip(r))
    for r in range(whole, len(runs)):
        out[r] = fit_of(metric, x, version, reading, clarity, projection, emphasis, r)


@inlined
def follow(S, i, fit, at):
    """Person i's fit; the alignment of those who have no judgement of their own is their fit."""
    S.fit[i, at] = fit
    S.alignment[i, at] = where(S.judges[i, at] != 0, S.alignment[i, at], fit)


@inlined
def align_person(S, i, at):
    """Fit of person i from the state as it stands, and alignment where it follows fit."""
    version, reading, clarity = S.version[S.perceives[i]], S.reading[i], S.clarity[i]
    fit = fit_of(S.rules[METRIC], S.values[i], version, reading, clarity, S.projection, S.emphasis, at)
    follow(S, i, fit, at)


@inlined
def align_eight(S, i, off):
    """People i … i + 7 of a run alone, by the metric 0: dimensions side by side, then people. off: room for 8 x 8."""
    K, pi, fit = S.values.shape[1], S.projection[0], 1.0 + zero(strip(i))
    for k in range(0, K, LANES):
        at, counts = strip(k), first_of(K - k)
        emphasis = S.emphasis[at, 0]
        for n in range(LANES):
            v, m, c = S.values[i + n, at, 0], S.perceives[i + n], S.clarity[i + n, 0]
            p = perceived(v, S.version[m, at, 0], S.reading[i + n, at, 0], c, pi)
            off[n, strip(0)] = where(counts, -emphasis * abs(v - p), 0.0)
        fit = rows_in_turn(fit, off)
    follow(S, strip(i), fit, 0)


@compiled
def align(S, start, stop):
    """Fit and alignment of the people in rows start … stop - 1."""
    whole = in_strips(S.runs)
    if alone(S.runs) and S.rules[METRIC] == 0 and stop - start >= LANES:
        off = np.empty((LANES, LANES))
        for n in eights(start, stop):
            align_eight(S, row_number(n), off)
        start = left_over(start, stop)
    for n in range(start, stop):
        i = row_number(n)
        for r in range(0, whole, LANES):
            align_person(S, i, strip(r))
        for r in range(whole, len(S.runs)):
            align_person(S, i, r)


@in_parts
def align_everybody(S, t):
    align(S, S.span[0], S.span[1])


@compiled
def align_commissioners(S, t):
    align(S, S.first[S.setting.shape[0]], S.role.shape[0])


@in_parts
def align_managers(S, t):
    for n in people_in(S):
        i = row_number(n)
        if S.role[i] == MANAGER:
            align(S, i, i + 1)


@in_parts
def align_replaced(S, t):
    """Alignment of posts that were filled anew this month."""
    for n in people_in(S):
        i = row_number(n)
        if any_replaced(S, i):
            for r in range(len(S.runs)):
                if S.replaced[i, r]:
                    align_person(S, i, r)


@inlined
def any_replaced(S, i):
    """Whether post i was filled anew this month, in any run."""
    whole, new = in_strips(S.runs), False
    for r in range(0, whole, LANES):
        new |= some(S.replaced[i, strip(r)] != 0)
    for r in range(whole, len(S.runs)):
        new |= S.replaced[i, r] != 0
    return new


@compiled
def align_changed(S, t):
    """Alignment where services started or stopped, which changes what their members and commissioners perceive."""
    O = S.setting.shape[0]
    moved = 0
    for o in range(O):
        here = 0
        for r in range(len(S.runs)):
            here += in_use(S.service_stage[o, r]) != in_use(S.service_stage_before[o, r])
        moved += here
        if here:
            align(S, S.first[o], S.first[o + 1])
    if moved:
        align(S, S.first[O], S.role.shape[0])


@inlined
def standardised(alignment, metric):
    """z: alignment against fixed constants, in units of .10 (.23 for the profile metric)."""
    return (alignment - METRIC_REFERENCE[metric]) / METRIC_UNIT[metric]


@compiled
def against(S, i, r):
    """Somebody who knows the innovation, does not use it and does not approve of it (z < 0)."""
    stage = S.stage[i, r]
    return (stage != UNAWARE) & (stage != ENGAGED) & (standardised(S.alignment[i, r], S.rules[METRIC]) < 0.0)


@inlined
def in_use(service_stage):
    """A service uses the innovation while piloting, commissioned or sustained."""
    return (service_stage >= 1) & (service_stage <= 3)


@inlined
def funded(service_stage):
    return (service_stage == 1) | (service_stage == 2)


@compiled
def base_quality(S, kind, r):
    """Quality with which ties of a kind start."""
    return min(1.0, BASE_QUALITY[kind] * S.tie_quality[r])


@compiled
def perceive(S, t):
    """Local versions m_o = clip(m + drift), and for each commissioner the mean of those in use."""
    K = S.version.shape[1]
    O = S.setting.shape[0]
    for o in range(O):
        for k in range(K):
            for r in range(len(S.runs)):
                S.version[o, k, r] = clip(S.innovation_values[k, r] + S.drift[o, k, r])
    for c in range(S.portfolio_start.shape[0] - 1):
        for r in range(len(S.runs)):
            count = 0
            for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
                if in_use(S.service_stage[S.portfolio[n], r]):
                    count += 1
            for k in range(K):
                total = 0.0
                for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
                    if in_use(S.service_stage[S.portfolio[n], r]):
                        total += S.version[S.portfolio[n], k, r]
                S.version[O + c, k, r] = total / count if count else S.innovation_values[k, r]


@compiled
def most_ties(S):
    """The most ties that anybody of this part has."""
    most = 0
    for n in people_in(S):
        i = row_number(n)
        most = max(most, S.tie_start[i + 1] - S.tie_start[i])
    return most


@inlined
def difference(x, y, at):
    """sum_k |x_k - y_k| of two people's values [K x W], in runs `at`."""
    total = zero(at)
    for k in range(x.shape[0]):
        total += abs(x[k, at] - y[k, at])
    return total


@inlined
def difference_of_eight(S, v, e, apart):
    """`difference` of the two people of each of the ties e … e + 7 in a run alone. v: N x K x 1; apart: room for 8 x 8."""
    a, b, distance = S.tie_a, S.tie_b, zero(strip(e))
    for k in range(0, v.shape[1], LANES):
        counts = first_of(v.shape[1] - k)
        for n in range(LANES):
            apart[n, strip(0)] = where(counts, abs(v[a[e + n], strip(k), 0] - v[b[e + n], strip(k), 0]), 0.0)
        distance = rows_in_turn(distance, apart)
    return distance


@inlined
def put_eight(values, i, k, moved):
    """The values k … k + 7 of people i … i + 7 of a run alone [8 x 8]. (Written together: a row that is read just after the
    one before it was written has to wait for it.)
    """
    counts = first_of(values.shape[1] - k)
    for n in range(LANES):
        keep(values, (i + n, strip(k), 0), moved[n, strip(0)], counts)
