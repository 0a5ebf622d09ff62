"""Awareness (ODD §5.3): by broadcast, in a service that uses it, and by engaged ties.

p = 1 - (1 - broadcast)(1 - [in use] awareness_in_service) prod_j (1 - awareness_by_ties quality_ij [j engaged])
"""

from valign.model.alignment import in_use
from valign.model.compiled.compiling import in_parts, inlined, services_in, ties_of
from valign.model.compiled.lanes import LANES, alone, in_strips, number, some, strip, where, zero
from valign.model.compiled.randomness import ROUNDING, SAFELY
from valign.model.state.arrays import AWARE, ENGAGED, PERSON_DRAW, UNAWARE


@inlined
def may_hear(S, i, stays, at):
    """Whether the draw is below the most that p can be, with every quality 1. It rarely is, and then none has to be read.

    prod_j (1 - x_j) >= 1 - sum_j x_j
    """
    engaged = zero(at)
    for n in ties_of(S, i):
        engaged += number(S.stage[S.neighbour[n], at] == ENGAGED)
    most = 1.0 - stays * (1.0 - engaged * S.awareness_by_ties[at])
    return S.draw[i, PERSON_DRAW.become_aware, at] < most * SAFELY + (engaged + 3.0) * ROUNDING


@inlined
def hear(S, o, i, at):
    """Whether person i of service o becomes aware."""
    unaware = S.stage[i, at] == UNAWARE
    if not some(unaware):
        return
    s, used = S.setting[o], in_use(S.service_stage[o, at])
    stays = (1.0 - S.broadcast[s, at]) * (1.0 - where(used, S.awareness_in_service[s, at], 0.0))
    if alone(S.runs) and not some(may_hear(S, i, stays, at)):
        return
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        stays *= where(S.stage[j, at] == ENGAGED, 1.0 - S.awareness_by_ties[at] * S.quality[e, at], 1.0)
    learns = unaware & (S.draw[i, PERSON_DRAW.become_aware, at] < 1.0 - stays)
    S.stage[i, at] = where(learns, AWARE, S.stage[i, at])


@in_parts
def awareness(S, t):
    whole = in_strips(S.runs)  # who becomes aware does not become engaged: nobody is heard of too early
    for o in services_in(S):
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                hear(S, o, i, strip(r))
            for r in range(whole, len(S.runs)):
                hear(S, o, i, r)
