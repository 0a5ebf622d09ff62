"""Relationships (ODD §5.4): bounded-confidence influence over ties (Deffuant 2000; Hegselmann & Krause 2002).

g_ij = 1 - (d_ij / kernel_width)^2 (rule "hard": 1 up to the width, else 0; "constant": 1);   c_ij = relationship_rate g_ij, 0 where g_ij < 0
v_i <- clip(v_i + sum_j quality_ij voice_j c_ij (v_j - v_i) / sum_j voice_j)
"""

import numpy as np

from valign.model.alignment import clip, differences
from valign.model.compiled.compiling import compiled, copy, inlined, row
from valign.model.state.arrays import CONSTANT, HARD, RELATIONSHIP_RULE


@inlined
def kernel(S, i, j, narrow, distance, out):
    """c_ij by run, into `out` (the same both ways). narrow: 1 / (K kernel_width)."""
    rule = S.rules[RELATIONSHIP_RULE]
    if rule == CONSTANT:
        for r in range(len(S.runs)):
            distance[r] = 0.0
    else:
        differences(S.runs, S.values_before[i], S.values_before[j], distance)
    for r in range(len(S.runs)):
        d = distance[r] * narrow[r]
        g = 1.0 - d * d if rule != HARD else 1.0 if d <= 1.0 else 0.0
        out[r] = S.relationship_rate[r] * max(g, 0.0)


@compiled
def relationships(S, t):
    K, W = S.values.shape[1], len(S.runs)
    pull, c = np.empty((K, W)), np.empty(S.quality.shape)
    distance, voices, weight, narrow = row(S.runs), row(S.runs), row(S.runs), row(S.runs)
    for r in range(W):
        narrow[r] = 1.0 / (K * S.kernel_width[r])
    copy(S.values, S.values_before)
    v = S.values_before
    for i in range(S.role.shape[0]):
        for r in range(W):
            voices[r] = 0.0
        for k in range(K):
            for r in range(W):
                pull[k, r] = 0.0
        for n in range(S.tie_start[i], S.tie_start[i + 1]):
            j, e = S.neighbour[n], S.tie_of[n]
            if i < j:
                kernel(S, i, j, narrow, distance, c[e])
            for r in range(W):
                voices[r] += S.voice[j, r]
                weight[r] = S.quality[e, r] * S.voice[j, r] * c[e, r]
            for k in range(K):
                for r in range(W):
                    pull[k, r] += weight[r] * (v[j, k, r] - v[i, k, r])
        for r in range(W):
            voices[r] = 1.0 / voices[r] if voices[r] > 0.0 else 0.0
        for k in range(K):
            for r in range(W):
                S.values[i, k, r] = clip(v[i, k, r] + pull[k, r] * voices[r])
