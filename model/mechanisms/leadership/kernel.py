"""Leadership (ODD §5.6): followers move toward their manager; engaged, aligned managers articulate.

v_i <- v_i + leadership_rate leadership_o Q (v_l - v_i)
clarity_i <- clarity_i + articulation leadership_o Q (1 - clarity_i)      if l is engaged and z_l > 0
"""

from valign.model.alignment import clip, standardised
from valign.model.compiled.compiling import compiled, in_parts, inlined, row, services_in
from valign.model.compiled.lanes import LANES, in_strips, strip, where
from valign.model.state.arrays import ENGAGED, METRIC


@compiled
def strength_of(S, o, r):
    """leadership_o = clip(leadership_strength + leadership_sd zeta_o)."""
    return clip(S.leadership_strength[S.setting[o], r] + S.leadership_sd[r] * S.leadership_z[o])


@inlined
def follow_leader(S, i, leader, strength, at):
    """What manager `leader` does to person i. strength: leadership_o [W]."""
    v, pull = S.values, strength[at] * S.quality[S.line_tie[i], at]
    rate = S.leadership_rate[at] * pull
    for k in range(v.shape[1]):
        v[i, k, at] += rate * (v[leader, k, at] - v[i, k, at])
    speaks = (S.stage[leader, at] == ENGAGED) & (standardised(S.alignment[leader, at], S.rules[METRIC]) > 0.0)
    S.clarity[i, at] += where(speaks, S.articulation[at] * pull, 0.0) * (1.0 - S.clarity[i, at])


@in_parts
def leadership(S, t):
    W, whole, strength = len(S.runs), in_strips(S.runs), row(S.runs)
    for o in services_in(S):
        for r in range(W):
            strength[r] = strength_of(S, o, r)
        for i in range(S.first[o], S.first[o + 1]):
            leader = S.manager[i]
            if leader < 0:
                continue
            for r in range(0, whole, LANES):
                follow_leader(S, i, leader, strength, strip(r))
            for r in range(whole, W):
                follow_leader(S, i, leader, strength, r)
