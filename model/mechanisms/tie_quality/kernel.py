"""Quality of ties (ODD §5.16): relaxes toward similarity of values and shared identification.

quality <- quality + tie_rate (tie_similarity (1 - d_ij) + (1 - tie_similarity) min(g_i, g_j) - quality)
"""

import numpy as np

from valign.model.alignment import difference
from valign.model.compiled.compiling import in_parts, inlined, row_number
from valign.model.compiled.lanes import LANES, alone, first_of, in_strips, rows_in_turn, strip, where, zero


@inlined
def relax(S, e, distance, shared, at):
    """Tie e, between people whose values are so far apart in sum and who share so much identification."""
    similar = 1.0 - distance * (1.0 / S.values.shape[1])
    target = S.tie_similarity[at] * similar + (1.0 - S.tie_similarity[at]) * shared
    S.quality[e, at] += S.tie_rate[at] * (target - S.quality[e, at])


@inlined
def relax_tie(S, e, at):
    i, j = S.tie_a[e], S.tie_b[e]
    shared = min(S.identification[i, at], S.identification[j, at])
    relax(S, e, difference(S.values[i], S.values[j], at), shared, at)


@inlined
def relax_eight(S, e, apart, shared):
    """Ties e … e + 7 of a run alone: dimensions side by side, then ties. apart, shared: room for 8 x 8 and 8."""
    v, g, a, b, distance = S.values, S.identification, S.tie_a, S.tie_b, zero(strip(e))
    for k in range(0, v.shape[1], LANES):
        counts = first_of(v.shape[1] - k)
        for n in range(LANES):
            i, j = a[e + n], b[e + n]
            apart[n, strip(0)] = where(counts, abs(v[i, strip(k), 0] - v[j, strip(k), 0]), 0.0)
            shared[n] = min(g[i, 0], g[j, 0])
        distance = rows_in_turn(distance, apart)
    relax(S, strip(e), distance, shared[strip(0)], 0)


@in_parts
def tie_quality(S, t):
    whole, start, stop = in_strips(S.runs), S.span[5], S.span[6]
    if alone(S.runs):
        apart, shared = np.empty((LANES, LANES)), np.empty(LANES)
        for n in range(start, stop - LANES + 1, LANES):
            relax_eight(S, row_number(n), apart, shared)
        start = stop - (stop - start) % LANES
    for n in range(start, stop):
        e = row_number(n)
        for r in range(0, whole, LANES):
            relax_tie(S, e, strip(r))
        for r in range(whole, len(S.runs)):
            relax_tie(S, e, r)
