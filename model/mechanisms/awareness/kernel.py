"""Awareness (ODD §5.3): by broadcast, in a service that uses it, and by engaged ties.

p = 1 - (1 - broadcast)(1 - [in use] awareness_in_service) prod_j (1 - awareness_by_ties quality_ij [j engaged])
"""

from valign.model.alignment import in_use
from valign.model.compiled.compiling import compiled, copy, row
from valign.model.state.arrays import AWARE, ENGAGED, PERSON_DRAW, UNAWARE


@compiled
def awareness(S, t):
    W = len(S.runs)
    stays = row(S.runs)
    copy(S.stage, S.stage_before)
    for o in range(S.setting.shape[0]):
        s = S.setting[o]
        for i in range(S.first[o], S.first[o + 1]):
            unaware = 0
            for r in range(W):
                unaware += S.stage_before[i, r] == UNAWARE
                used = 1.0 if in_use(S.service_stage[o, r]) else 0.0
                stays[r] = (1.0 - S.broadcast[s, r]) * (1.0 - used * S.awareness_in_service[s, r])
            if unaware == 0:
                continue
            for n in range(S.tie_start[i], S.tie_start[i + 1]):
                j, e = S.neighbour[n], S.tie_of[n]
                for r in range(W):
                    engaged = 1.0 if S.stage_before[j, r] == ENGAGED else 0.0
                    stays[r] *= 1.0 - S.awareness_by_ties[r] * S.quality[e, r] * engaged
            for r in range(W):
                if S.stage_before[i, r] == UNAWARE and S.draw[i, PERSON_DRAW.become_aware, r] < 1.0 - stays[r]:
                    S.stage[i, r] = AWARE
