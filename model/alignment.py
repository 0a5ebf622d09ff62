"""Perception and alignment (docs/ODD.md §3)."""

from __future__ import annotations

import math

from .compiled.compiling import compiled, copy, inlined
from .constants import BASE_QUALITY
from .state.arrays import ENGAGED, MANAGER, METRIC, METRIC_REFERENCE, METRIC_UNIT, UNAWARE


@compiled
def clip(x):
    """x limited to [0, 1]."""
    return min(max(x, 0.0), 1.0)


@compiled
def perceived(value, version, reading, clarity, projection):
    """p = clip(m + (1 - clarity) (xi + projection (v - m))) in one dimension."""
    return clip(version + (1.0 - clarity) * (reading + projection * (value - version)))


@compiled
def misfit(value, version, reading, clarity, projection):
    """|v - p| in one dimension."""
    return abs(value - perceived(value, version, reading, clarity, projection))


@inlined
def align_row(runs, metric, x, version, reading, clarity, projection, emphasis, out):
    """Fit of one person with values `x` [K x W], by run, into `out` [W]."""
    K = x.shape[0]
    if metric == 0:
        for r in range(len(runs)):
            out[r] = 1.0
        for k in range(K):
            for r in range(len(runs)):
                out[r] -= emphasis[k, r] * misfit(x[k, r], version[k, r], reading[k, r], clarity[r], projection[r])
        return
    for r in range(len(runs)):
        mean_x = 0.0
        mean_p = 0.0
        for k in range(K):
            p = perceived(x[k, r], version[k, r], reading[k, r], clarity[r], projection[r])
            share = 1.0 / K if metric == 1 else emphasis[k, r]
            mean_x += share * x[k, r]
            mean_p += share * p
        distance = 0.0
        xx = 0.0
        pp = 0.0
        xp = 0.0
        for k in range(K):
            p = perceived(x[k, r], version[k, r], reading[k, r], clarity[r], projection[r]) - mean_p
            y = x[k, r] - mean_x
            distance += emphasis[k, r] * abs(y - p)
            xx += emphasis[k, r] * y * y
            pp += emphasis[k, r] * p * p
            xp += emphasis[k, r] * y * p
        if metric == 1:
            out[r] = max(0.0, 1.0 - distance)
        else:
            product = xx * pp
            out[r] = 0.5 if product < 1e-12 else 0.5 * (1.0 + xp / math.sqrt(product))


@inlined
def align_moved(runs, metric, before, shift, x, version, reading, clarity, projection, emphasis, shifted, moved):
    """Fit of one person with the values `before` + `shift`, into `shifted`, and with `x`, into `moved`, in one sweep;
    `before` becomes `x`."""
    K = x.shape[0]
    if metric == 0:
        for r in range(len(runs)):
            shifted[r] = 1.0
            moved[r] = 1.0
        for k in range(K):
            a, b, m, e, xi = before[k], x[k], version[k], emphasis[k], reading[k]
            d = shift[k]
            for r in range(len(runs)):
                shifted[r] -= e[r] * misfit(a[r] + d[r], m[r], xi[r], clarity[r], projection[r])
                moved[r] -= e[r] * misfit(b[r], m[r], xi[r], clarity[r], projection[r])
                a[r] = b[r]
        return
    for k in range(K):
        for r in range(len(runs)):
            before[k, r] += shift[k, r]
    align_row(runs, metric, before, version, reading, clarity, projection, emphasis, shifted)
    align_row(runs, metric, x, version, reading, clarity, projection, emphasis, moved)
    copy(x, before)


@inlined
def follow(S, i):
    """Alignment of those who have no judgement of their own is their fit."""
    alignment, fit, judges = S.alignment[i], S.fit[i], S.judges[i]
    for r in range(len(S.runs)):
        judged, own = alignment[r], fit[r]  # read both, so that it is a choice and not a branch
        alignment[r] = judged if judges[r] != 0 else own


@compiled
def align(S, start, stop):
    """Fit of the people in rows start … stop - 1, from the state as it stands, and alignment where it follows fit."""
    projection = S.projection
    for i in range(start, stop):
        align_row(
            S.runs,
            S.rules[METRIC],
            S.values[i],
            S.version[S.perceives[i]],
            S.reading[i],
            S.clarity[i],
            projection,
            S.emphasis,
            S.fit[i],
        )
        follow(S, i)


@compiled
def align_everybody(S, t):
    align(S, 0, S.role.shape[0])


@compiled
def align_commissioners(S, t):
    align(S, S.first[S.setting.shape[0]], S.role.shape[0])


@compiled
def align_managers(S, t):
    for i in range(S.role.shape[0]):
        if S.role[i] == MANAGER:
            align(S, i, i + 1)


@compiled
def align_replaced(S, t):
    """Alignment of posts that were filled anew this month, in any run."""
    for i in range(S.role.shape[0]):
        new = 0
        for r in range(len(S.runs)):
            new += S.replaced[i, r]
        if new:
            align(S, i, i + 1)


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


@compiled
def standardised(alignment, metric):
    """z: alignment against fixed constants, in units of .10 (.23 for the profile metric)."""
    return (alignment - METRIC_REFERENCE[metric]) / METRIC_UNIT[metric]


@compiled
def against(S, i, r):
    """Somebody who knows the innovation, does not use it and does not approve of it (z < 0)."""
    stage = S.stage[i, r]
    return (stage != UNAWARE) & (stage != ENGAGED) & (standardised(S.alignment[i, r], S.rules[METRIC]) < 0.0)


@compiled
def in_use(service_stage):
    """A service uses the innovation while piloting, commissioned or sustained."""
    return (service_stage >= 1) & (service_stage <= 3)


@compiled
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


@inlined
def differences(runs, x, y, out):
    """sum_k |x_k - y_k| of two people's values [K x W], by run, into `out` [W]."""
    for r in range(len(runs)):
        out[r] = 0.0
    for k in range(x.shape[0]):
        for r in range(len(runs)):
            out[r] += abs(x[k, r] - y[k, r])
