"""Quality of ties (ODD §5.16): relaxes toward similarity of values and shared identification.

quality <- quality + tie_rate (tie_similarity (1 - d_ij) + (1 - tie_similarity) min(g_i, g_j) - quality)
"""

from valign.model.alignment import differences
from valign.model.compiled.compiling import compiled, row


@compiled
def tie_quality(S, t):
    distance, share = row(S.runs), 1.0 / S.values.shape[1]
    for e in range(S.tie_a.shape[0]):
        i, j = S.tie_a[e], S.tie_b[e]
        differences(S.runs, S.values[i], S.values[j], distance)
        for r in range(len(S.runs)):
            shared = min(S.identification[i, r], S.identification[j, r])
            target = S.tie_similarity[r] * (1.0 - distance[r] * share) + (1.0 - S.tie_similarity[r]) * shared
            S.quality[e, r] += S.tie_rate[r] * (target - S.quality[e, r])
