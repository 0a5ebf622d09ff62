"""Quality of ties (ODD §5.16): relaxes toward similarity of values and shared identification.

quality <- quality + tie_rate (tie_similarity (1 - d_ij) + (1 - tie_similarity) min(g_i, g_j) - quality)
"""

from valign.model.alignment import difference, difference_alone
from valign.model.compiled.compiling import in_parts, inlined, row_number
from valign.model.compiled.lanes import LANES, alone, in_strips, strip


@inlined
def relax(S, e, distance, at):
    """Tie e, between people whose values are so far apart in sum."""
    similar = 1.0 - distance * (1.0 / S.values.shape[1])
    shared = min(S.identification[S.tie_a[e], at], S.identification[S.tie_b[e], at])
    target = S.tie_similarity[at] * similar + (1.0 - S.tie_similarity[at]) * shared
    S.quality[e, at] += S.tie_rate[at] * (target - S.quality[e, at])


@in_parts
def tie_quality(S, t):
    whole = in_strips(S.runs)
    for n in range(S.span[5], S.span[6]):
        e = row_number(n)
        i, j = S.tie_a[e], S.tie_b[e]
        if alone(S.runs):
            relax(S, e, difference_alone(S.values, i, j), 0)
            continue
        for r in range(0, whole, LANES):
            relax(S, e, difference(S.values[i], S.values[j], strip(r)), strip(r))
        for r in range(whole, len(S.runs)):
            relax(S, e, difference(S.values[i], S.values[j], r), r)
