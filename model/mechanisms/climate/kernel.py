"""Climate and practice (ODD §5.10), in services in use (Klein & Sorra 1996: implementation climate, values fit).

expected = leadership_o (climate_direct x share of managers for it + (1 - climate_direct) x share of managers engaged)
climate_o <- climate_o + (climate_rate rising, climate_decay falling) (clip(expected + funding_support [funded]) - climate_o)
q_i <- q_i + practice_rate (clip(practice_base + practice_alignment (A_i - ref) + practice_identification g_i + .15 climate_o) - q_i)
"""

import numpy as np

from valign.model.alignment import against, clip, funded, in_use
from valign.model.compiled.compiling import in_parts, inlined, services_in
from valign.model.compiled.lanes import LANES, in_strips, some, strip, where
from valign.model.constants import PRACTICE_CLIMATE
from valign.model.state.arrays import ENGAGED, MANAGER, METRIC, METRIC_REFERENCE, UNAWARE

from ..leadership.kernel import strength_of


@inlined
def practise(S, o, i, at):
    """q_i of person i of service o."""
    delivers = (S.stage[i, at] == ENGAGED) & in_use(S.service_stage[o, at])
    if not some(delivers):
        return
    target = clip(
        S.practice_base[at]
        + S.practice_alignment[at] * (S.alignment[i, at] - METRIC_REFERENCE[S.rules[METRIC]])
        + S.practice_identification[at] * S.identification[i, at]
        + PRACTICE_CLIMATE * S.climate[o, at]
    )
    S.practice[i, at] += where(delivers, S.practice_rate[at], 0.0) * (target - S.practice[i, at])


@in_parts
def climate(S, t):
    W, whole = len(S.runs), in_strips(S.runs)
    managers_engaged, managers_for = np.empty(W), np.empty(W)
    for o in services_in(S):
        s = S.setting[o]
        managers = 0
        for r in range(W):
            managers_engaged[r] = 0.0
            managers_for[r] = 0.0
        for i in range(S.first[o], S.first[o + 1]):
            if S.role[i] == MANAGER:
                managers += 1
                for r in range(W):
                    managers_engaged[r] += 1.0 if S.stage[i, r] == ENGAGED else 0.0
                    managers_for[r] += 1.0 if (S.stage[i, r] != UNAWARE) & ~against(S, i, r) else 0.0
        for r in range(W):
            if in_use(S.service_stage[o, r]):
                share = S.climate_direct[r] * managers_for[r] + (1.0 - S.climate_direct[r]) * managers_engaged[r]
                share = share / managers if managers > 0 else 0.0
                support = S.funding_support[s, r] if funded(S.service_stage[o, r]) else 0.0
                target = clip(strength_of(S, o, r) * share + support)
                rate = S.climate_rate[r] if target > S.climate[o, r] else S.climate_decay[r]
                S.climate[o, r] += rate * (target - S.climate[o, r])
        used = 0
        for r in range(W):
            used += in_use(S.service_stage[o, r])
        if used == 0:
            continue
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                practise(S, o, i, strip(r))
            for r in range(whole, W):
                practise(S, o, i, r)
