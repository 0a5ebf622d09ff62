"""Turnover (ODD §5.2): misfits leave, recruits come from the role's profile; ties belong to the post.

p = min(1, (1 - (1 - turnover)^(1/12)) exp(-turnover_fit z [service in use]))
"""

import numpy as np

from valign.model.alignment import base_quality, in_use, standardised
from valign.model.compiled.compiling import compiled, fill
from valign.model.compiled.randomness import exponential, logarithm
from valign.model.entry import recruit
from valign.model.constants import COMMISSIONER_TURNOVER
from valign.model.state.arrays import COMMISSIONER, METRIC, PERSON_DRAW


@compiled
def restart_ties(S, t):
    """Ties of every replaced post go back to the base quality of their kind."""
    for i in range(S.role.shape[0]):
        for r in range(len(S.runs)):
            if S.replaced[i, r]:
                for n in range(S.tie_start[i], S.tie_start[i + 1]):
                    e = S.tie_of[n]
                    S.quality[e, r] = base_quality(S, S.tie_kind[e], r)


@compiled
def mean_values(S, o, mean):
    """Mean values of everybody in service o, before anyone leaves [K x W]."""
    fill(mean, 0.0)
    for i in range(S.first[o], S.first[o + 1]):
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                mean[k, r] += S.values[i, k, r]
    for k in range(S.values.shape[1]):
        for r in range(len(S.runs)):
            mean[k, r] /= S.first[o + 1] - S.first[o]


@compiled
def replace_post(S, i, r, t, s, mean, selects):
    """A recruit for post i; values-based recruitment moves them toward the service's mean."""
    recruit(S, i, r, t, 0, S.profile[i], True)
    if selects:
        share = S.values_based_recruitment[s, r]
        for k in range(S.values.shape[1]):
            S.values[i, k, r] += share * (mean[k, r] - S.values[i, k, r])
            S.origin[i, k, r] = S.values[i, k, r]


@compiled
def monthly_hazards(S, s, hazard):
    """Monthly from annual turnover in setting s [roles x W]."""
    for role in range(4):
        for r in range(len(S.runs)):
            annual = S.turnover[role, s, r] if role < COMMISSIONER else COMMISSIONER_TURNOVER
            hazard[role, r] = 1.0 - exponential(logarithm(1.0 - annual) / 12.0)


@compiled
def turnover(S, t):
    K, W, O, metric = S.values.shape[1], len(S.runs), S.setting.shape[0], S.rules[METRIC]
    fill(S.replaced, 0)  # managers brought in by a change this month are booked already
    hazard, mean, fit, p = np.empty((4, W)), np.empty((K, W)), np.empty(W), np.empty(W)
    known = -1
    for o in range(O + 1):
        s = S.setting[o] if o < O else 0
        selects = False
        for r in range(W):
            used = 1.0 if o < O and in_use(S.service_stage[o, r]) else 0.0
            fit[r] = -S.turnover_fit[r] * used
            selects |= o < O and S.values_based_recruitment[s, r] > 0.0
        if s != known:
            known = s
            monthly_hazards(S, s, hazard)
        if selects:
            mean_values(S, o, mean)
        for i in range(S.first[o], S.first[o + 1]):
            leavers, monthly = 0, hazard[S.role[i]]
            for r in range(W):
                z = standardised(S.alignment[i, r], metric)
                p[r] = min(1.0, monthly[r] * exponential(fit[r] * z))
                leavers += S.draw[i, PERSON_DRAW.leave, r] < p[r]
            if leavers:
                for r in range(W):
                    if S.draw[i, PERSON_DRAW.leave, r] < p[r]:
                        replace_post(S, i, r, t, s, mean, selects)
