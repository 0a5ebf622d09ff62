"""Scheduled changes that wait and see (ODD §5.1): whether what they wait for holds, on the state as the last month left it.

The change happens `after` months from the first month in which it is found to hold, once; until then, or where it never
holds, its month is 0: never.
"""

import math

from ..alignment import in_use
from ..compiled.compiling import compiled
from ..outcome import columns
from ..state.arrays import AWARE, COMMISSIONER, ENGAGED, LAPSED
from ..state.scenario_arrays import OF_COMMISSIONERS, OF_PEOPLE, OF_SERVICES, SEEN_OF_PEOPLE, SEEN_OF_SERVICES

PERSON = columns("SeenOfPerson", SEEN_OF_PEOPLE)
SERVICE = columns("SeenOfService", SEEN_OF_SERVICES)


@compiled
def of_person(S, i, r, variable):
    """What a person adds to the mean of a variable."""
    stage = S.stage[i, r]
    if variable == PERSON.aware:
        return 1.0 if stage >= AWARE else 0.0
    if variable == PERSON.engaged:
        return 1.0 if stage == ENGAGED else 0.0
    if variable == PERSON.lapsed:
        return 1.0 if stage == LAPSED else 0.0
    if variable == PERSON.alignment:
        return S.alignment[i, r]
    if variable == PERSON.fit:
        return S.fit[i, r]
    if variable == PERSON.identification:
        return S.identification[i, r]
    return S.clarity[i, r]


@compiled
def of_service(S, o, r, variable):
    """What a service adds to the mean of a variable."""
    stage = S.service_stage[o, r]
    if variable < SERVICE.in_use:
        return 1.0 if stage == variable else 0.0
    if variable == SERVICE.in_use:
        return 1.0 if in_use(stage) else 0.0
    if variable == SERVICE.climate:
        return S.climate[o, r]
    if variable == SERVICE.satisfaction:
        return S.satisfaction[o, r]
    return S.workload[o, r]


@compiled
def seen(S, n, r):
    """The mean that condition n looks at; NaN where there is nobody."""
    variable, total, count = S.condition_variable[n], 0.0, 0
    if S.condition_kind[n] == OF_COMMISSIONERS:
        for c in range(S.portfolio_start.shape[0] - 1):
            total += S.weights[c, variable, r]
            count += 1
    for o in range(S.setting.shape[0]):
        if S.condition_service[n, o] == 0:
            continue
        if S.condition_kind[n] == OF_SERVICES:
            total += of_service(S, o, r, variable)
            count += 1
        elif S.condition_kind[n] == OF_PEOPLE:
            for i in range(S.first[o], S.first[o + 1]):
                if S.condition_role[n] == COMMISSIONER or S.role[i] == S.condition_role[n]:  # in their place: everybody
                    total += of_person(S, i, r, variable)
                    count += 1
    return total / count if count else math.nan


@compiled
def conditions(S, t):
    """Set the month of every change whose condition is found to hold at the beginning of month t."""
    for n in range(S.condition_change.shape[0]):
        c = S.condition_change[n]
        for r in range(len(S.runs)):
            first = S.condition_first[n, r]
            if S.change_month[c, r] != 0 or first == 0 or t < first or t > S.condition_last[n]:
                continue
            value = seen(S, n, r)
            holds = value < S.condition_threshold[n] if S.condition_below[n] else value >= S.condition_threshold[n]
            if holds:
                S.change_month[c, r] = t + S.condition_after[n]
