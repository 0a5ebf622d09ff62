"""Quality of ties (ODD §5.16): relaxes toward similarity of values and shared identification.

quality <- quality + tie_rate (tie_similarity (1 - d_ij) + (1 - tie_similarity) min(g_i, g_j) - quality)
"""

import numpy as np

from valign.model.alignment import difference, difference_of_eight
from valign.model.compiled.compiling import in_parts, inlined, row_number
from valign.model.compiled.lanes import LANES, alone, eights, in_strips, left_over, strip


@inlined
def relax(S, e, distance, shared, at):
    """Quality of tie e, between people whose values are so far apart in sum and who share so much identification."""
    similar = 1.0 - distance * (1.0 / S.values.shape[1])
    target = S.tie_similarity[at] * similar + (1.0 - S.tie_similarity[at]) * shared
    S.quality[e, at] += S.tie_rate[at] * (target - S.quality[e, at])


@inlined
def relax_tie(S, e, at):
    """Tie e."""
    i, j = S.tie_a[e], S.tie_b[e]
    shared = min(S.identification[i, at], S.identification[j, at])
    relax(S, e, difference(S.values[i], S.values[j], at), shared, at)


@inlined
def relax_eight(S, e, apart, shared):
    """Ties e … e + 7 of a run alone. apart, shared: room for 8 x 8 and 8."""
    g = S.identification
    for n in range(LANES):
        shared[n] = min(g[S.tie_a[e + n], 0], g[S.tie_b[e + n], 0])
    relax(S, strip(e), difference_of_eight(S, S.values, e, apart), shared[strip(0)], 0)


@in_parts
def tie_quality(S, t):
    whole, start, stop = in_strips(S.runs), S.span[5], S.span[6]
    if alone(S.runs):
        apart, shared = np.empty((LANES, LANES)), np.empty(LANES)
        for n in eights(start, stop):
            relax_eight(S, row_number(n), apart, shared)
        start = left_over(start, stop)
    for n in range(start, stop):
        e = row_number(n)
        for r in range(0, whole, LANES):
            relax_tie(S, e, strip(r))
        for r in range(whole, len(S.runs)):
            relax_tie(S, e, r)
