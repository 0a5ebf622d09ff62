"""Turnover (ODD §5.2): misfits leave, recruits come from the role's profile; ties belong to the post.

p = min(1, (1 - (1 - turnover)^(1/12)) exp(-turnover_fit z [service in use]))
"""

import numpy as np

from valign.model.alignment import any_replaced, base_quality, in_use, standardised
from valign.model.compiled.compiling import compiled, fill, groups_in, in_parts, inlined, of_people, ties_of
from valign.model.compiled.lanes import LANES, alone, in_strips, some, strip
from valign.model.compiled.randomness import SAFELY, exponential, logarithm
from valign.model.entry import ENTRANTS, recruits
from valign.model.constants import COMMISSIONER_TURNOVER
from valign.model.state.arrays import COMMISSIONER, METRIC, PERSON_DRAW


@compiled
def restart_ties(S, t):
    """Ties of every replaced post go back to the base quality of their kind."""
    for i in range(S.role.shape[0]):
        if not any_replaced(S, i):
            continue
        for r in range(len(S.runs)):
            if S.replaced[i, r]:
                for n in ties_of(S, i):
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
def select(S, i, r, s, mean):
    """Values-based recruitment moves a recruit toward the service's mean."""
    for k in range(S.values.shape[1]):
        S.values[i, k, r] += S.values_based_recruitment[s, r] * (mean[k, r] - S.values[i, k, r])
        S.origin[i, k, r] = S.values[i, k, r]


@compiled
def monthly_hazards(S, s, hazard):
    """Monthly from annual turnover in setting s [roles x W]."""
    for role in range(4):
        for r in range(len(S.runs)):
            annual = S.turnover[role, s, r] if role < COMMISSIONER else COMMISSIONER_TURNOVER
            hazard[role, r] = 1.0 - exponential(logarithm(1.0 - annual) / 12.0)


@inlined
def leave(S, i, hazard, fit, p, at):
    """p: by which person i leaves; whether they do, in any of the runs."""
    z = standardised(S.alignment[i, at], S.rules[METRIC])
    p[at] = min(1.0, hazard[S.role[i], at] * exponential(fit[at] * z))
    return some(S.draw[i, PERSON_DRAW.leave, at] < p[at])


@inlined
def stays(S, i, hazard, fit):
    """Whether it is certain without an exponential that person i stays, in a run alone: e^y <= 1 + y + y^2 up to 1.79."""
    y = max(fit[0] * standardised(S.alignment[i, 0], S.rules[METRIC]), 0.0)
    return y < 1.75 and S.draw[i, PERSON_DRAW.leave, 0] >= hazard[S.role[i], 0] * (1.0 + y + y * y) * SAFELY


@in_parts
def turnover(S, t):
    K, W, O, whole = S.values.shape[1], len(S.runs), S.setting.shape[0], in_strips(S.runs)
    fill(of_people(S, S.replaced), 0)  # managers brought in by a change this month are booked already
    hazard, mean, fit, p = np.empty((4, W)), np.empty((K, W)), np.empty(W), np.empty(W)
    most, known = 0, -1
    for o in groups_in(S):
        most = max(most, S.first[o + 1] - S.first[o])
    people, runs = np.empty(ENTRANTS + most * W, np.int64), np.empty(ENTRANTS + most * W, np.int64)
    count = 0  # of posts to be filled
    for o in groups_in(S):
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
        before = count
        for i in range(S.first[o], S.first[o + 1]):
            if alone(S.runs) and stays(S, i, hazard, fit):
                continue
            for first in range(0, whole, LANES):
                if leave(S, i, hazard, fit, p, strip(first)):
                    for r in range(first, first + LANES):
                        if S.draw[i, PERSON_DRAW.leave, r] < p[r]:
                            people[count], runs[count] = i, r
                            count += 1
            for r in range(whole, W):
                if leave(S, i, hazard, fit, p, r):
                    people[count], runs[count] = i, r
                    count += 1
        if selects or count >= ENTRANTS:  # draws are made of many at once
            recruits(S, people, runs, count, t, 0, -1)
            if selects:
                for m in range(before, count):
                    select(S, people[m], runs[m], s, mean)
            count = 0
    recruits(S, people, runs, count, t, 0, -1)
