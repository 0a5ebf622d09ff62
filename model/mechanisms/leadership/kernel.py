"""Leadership (ODD §5.6): followers move toward their manager; engaged, aligned managers articulate.

v_i <- v_i + leadership_rate leadership_o Q (v_l - v_i)
clarity_i <- clarity_i + articulation leadership_o Q (1 - clarity_i)      if l is engaged and z_l > 0
"""

import numpy as np

from valign.model.alignment import clip, standardised
from valign.model.compiled.compiling import compiled, in_parts, services_in
from valign.model.state.arrays import ENGAGED, METRIC


@compiled
def strength_of(S, o, r):
    """leadership_o = clip(leadership_strength + leadership_sd zeta_o)."""
    return clip(S.leadership_strength[S.setting[o], r] + S.leadership_sd[r] * S.leadership_z[o])


@in_parts
def leadership(S, t):
    K, W = S.values.shape[1], len(S.runs)
    v, clarity, metric = S.values, S.clarity, S.rules[METRIC]
    strength, pull = np.empty(W), np.empty(W)
    for o in services_in(S):
        for r in range(W):
            strength[r] = strength_of(S, o, r)
        for i in range(S.first[o], S.first[o + 1]):
            leader, tie = S.manager[i], S.line_tie[i]
            if leader < 0:
                continue
            for r in range(W):
                pull[r] = strength[r] * S.quality[tie, r]
            for k in range(K):
                for r in range(W):
                    v[i, k, r] += S.leadership_rate[r] * pull[r] * (v[leader, k, r] - v[i, k, r])
            for r in range(W):
                speaks = (S.stage[leader, r] == ENGAGED) & (standardised(S.alignment[leader, r], metric) > 0.0)
                rate = S.articulation[r] * pull[r] if speaks else 0.0
                clarity[i, r] += rate * (1.0 - clarity[i, r])
