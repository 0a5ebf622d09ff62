"""Organisations decide (ODD §5.13): to start, to go on without funding, to abandon, to start again.

start:   eta = adoption_base (restart) + fit_effect_organisations R + evidence_effect E + adoption_peers N + slack_effect slack + funds_effect [funds] + mandate_effect [mandate]
direct:  eta = direct_base + direct_fit z + direct_identification g + direct_slack slack;   emergent: under the threshold for too long
"""

import numpy as np

from valign.model.alignment import funded, in_use, standardised
from valign.model.compiled.compiling import compiled, copy
from valign.model.compiled.randomness import logistic
from valign.model.state.arrays import (
    ABANDONED,
    DIRECT_SUSTAINMENT,
    ENGAGED,
    LAPSED,
    MANAGER,
    METRIC,
    OUTSIDE,
    PILOTING,
    SERVICE_DRAW,
    SUSTAINED,
)
from valign.model.state.arrays import SERVICE_TERM as TERM

from ..coproduction.kernel import slack_of
from ..evidence.kernel import perceived_evidence


@compiled
def start_probability(S, o, r, E):
    """Probability that a service outside (or that abandoned it) starts a pilot; E: perceived evidence of those asked."""
    s = S.setting[o]
    aware = 0
    asked = 0
    managers = 0
    fit = 0.0
    evidence = 0.0
    for i in range(S.first[o], S.first[o + 1]):
        managers += S.role[i] == MANAGER
    for i in range(S.first[o], S.first[o + 1]):
        if S.stage[i, r] < 1:
            continue
        aware += 1
        fit += standardised(S.alignment[i, r], S.rules[METRIC])
        if S.role[i] == MANAGER or managers == 0:
            asked += 1
            evidence += E[i - S.first[o], r]
    neighbours = S.neighbour_service_start[o + 1] - S.neighbour_service_start[o]
    using = 0
    for n in range(S.neighbour_service_start[o], S.neighbour_service_start[o + 1]):
        using += in_use(S.service_stage_before[S.neighbour_service[n], r])
    mandate = S.mandate[s, r] > 0.5
    base = S.restart[r] if S.service_stage[o, r] == ABANDONED else S.adoption_base[s, r]
    T = S.service_terms
    T[o, TERM.base, r] = base
    T[o, TERM.fit, r] = S.fit_effect_organisations[r] * (fit / aware) if aware else 0.0
    T[o, TERM.evidence, r] = S.evidence_effect[r] * (evidence / asked) if asked else 0.0
    T[o, TERM.peers, r] = S.adoption_peers[r] * (using / neighbours) if neighbours else 0.0
    T[o, TERM.slack, r] = S.slack_effect[r] * slack_of(S, o, r)
    T[o, TERM.funds, r] = S.funds_effect[r] if S.pilot_funds[s, r] > 0.5 else 0.0
    T[o, TERM.mandate, r] = S.mandate_effect[r] if mandate else 0.0
    eta = (
        T[o, TERM.base, r]
        + T[o, TERM.fit, r]
        + T[o, TERM.evidence, r]
        + T[o, TERM.peers, r]
        + T[o, TERM.slack, r]
        + T[o, TERM.funds, r]
        + T[o, TERM.mandate, r]
    )
    return logistic(eta) if asked or mandate else 0.0


@compiled
def going_on_probability(S, o, r):
    """Direct rule: probability of going on without funding."""
    members = S.first[o + 1] - S.first[o]
    fit = 0.0
    identified = 0.0
    for i in range(S.first[o], S.first[o + 1]):
        fit += standardised(S.alignment[i, r], S.rules[METRIC])
        identified += S.identification[i, r]
    share = 1.0 / members if members else 0.0
    T = S.service_terms
    T[o, TERM.base, r] = S.direct_base[r]
    T[o, TERM.fit, r] = S.direct_fit[r] * (fit * share)
    T[o, TERM.evidence, r] = S.direct_identification[r] * (identified * share)
    T[o, TERM.peers, r] = 0.0
    T[o, TERM.slack, r] = S.direct_slack[r] * slack_of(S, o, r)
    T[o, TERM.funds, r] = 0.0
    T[o, TERM.mandate, r] = 0.0
    return logistic(T[o, TERM.base, r] + T[o, TERM.fit, r] + T[o, TERM.evidence, r] + T[o, TERM.slack, r])


@compiled
def share_engaged(S, o, r):
    """Share of staff and peers engaged."""
    people = 0
    engaged = 0
    for i in range(S.first[o], S.first[o + 1]):
        if S.role[i] != MANAGER:
            people += 1
            engaged += S.stage[i, r] == ENGAGED
    return engaged / people if people else 0.0


@compiled
def start(S, o, r, t):
    """A pilot begins; after an abandonment with a fresh local version."""
    again = S.service_stage[o, r] == ABANDONED
    S.service_stage[o, r] = PILOTING
    S.term_end[o, r] = t + np.int64(S.pilot_months[S.setting[o], r])
    S.months_under[o, r] = 0
    S.result_count[o, r] = 0
    S.starts[o, r] += 1
    for e in range(3):
        S.result_mean[o, e, r] = 0.0
    if again:
        for k in range(S.values.shape[1]):
            S.drift[o, k, r] = 0.0


@compiled
def abandon(S, o, r):
    """The service stops: its engaged people lapse, its climate is gone."""
    S.service_stage[o, r] = ABANDONED
    S.stops[o, r] += 1
    S.climate[o, r] = 0.0
    if S.workaround[S.setting[o], r] > 0.0:
        return
    for i in range(S.first[o], S.first[o + 1]):
        if S.stage[i, r] == ENGAGED:
            S.stage[i, r] = LAPSED


@compiled
def continue_or_abandon(S, o, r, t):
    """A service in use: the end of funding, or this month's risk of stopping."""
    s = S.setting[o]
    paid = funded(S.service_stage[o, r])
    ends = paid and S.mandate[s, r] <= 0.5 and (t > S.term_end[o, r] or S.funding[s, r] <= 0.5)
    u = S.service_draw[o, SERVICE_DRAW.stop, r]
    T = S.service_terms
    T[o, TERM.draw, r] = u
    T[o, TERM.by_terms, r] = 1.0 if ends and S.rules[DIRECT_SUSTAINMENT] else 0.0
    if ends:
        if S.funding_ended[o, r] < 0:
            S.funding_ended[o, r] = t
        if not S.rules[DIRECT_SUSTAINMENT]:
            S.service_stage[o, r] = SUSTAINED
            S.months_under[o, r] = 0
            T[o, TERM.probability, r] = 1.0
            return
        T[o, TERM.probability, r] = going_on_probability(S, o, r)
        if u < T[o, TERM.probability, r]:
            S.service_stage[o, r] = SUSTAINED
        else:
            abandon(S, o, r)
        return
    direct_unfunded = S.rules[DIRECT_SUSTAINMENT] and not paid
    T[o, TERM.probability, r] = logistic(S.abandon_unfunded[r] if direct_unfunded else S.abandon_within[r])
    stops = u < T[o, TERM.probability, r]
    if not paid and not S.rules[DIRECT_SUSTAINMENT]:
        T[o, TERM.share_engaged, r] = share_engaged(S, o, r)
        S.months_under[o, r] = S.months_under[o, r] + 1 if T[o, TERM.share_engaged, r] < S.emergent_threshold[r] else 0
        stops |= S.months_under[o, r] >= S.emergent_months[r]
    if stops:
        abandon(S, o, r)


@compiled
def evidence_of_asked(S, o, E):
    """Perceived evidence of the service's managers (of everybody where there are none) [members x W]."""
    managers = 0
    for i in range(S.first[o], S.first[o + 1]):
        managers += S.role[i] == MANAGER
    for i in range(S.first[o], S.first[o + 1]):
        if S.role[i] == MANAGER or managers == 0:
            perceived_evidence(S, i, E[i - S.first[o]])


@compiled
def organisations(S, t):
    copy(S.stage, S.stage_before)
    copy(S.service_stage, S.service_stage_before)
    largest = 0
    for o in range(S.setting.shape[0]):
        largest = max(largest, S.first[o + 1] - S.first[o])
    E = np.empty((largest, len(S.runs)))
    for o in range(S.setting.shape[0]):
        idle = 0
        for r in range(len(S.runs)):
            idle += not in_use(S.service_stage_before[o, r])
        if idle:
            evidence_of_asked(S, o, E)
        for r in range(len(S.runs)):
            stage = S.service_stage_before[o, r]
            if stage == OUTSIDE or stage == ABANDONED:
                S.service_terms[o, TERM.probability, r] = start_probability(S, o, r, E)
                S.service_terms[o, TERM.draw, r] = S.service_draw[o, SERVICE_DRAW.start, r]
                if S.service_draw[o, SERVICE_DRAW.start, r] < S.service_terms[o, TERM.probability, r]:
                    start(S, o, r, t)
            else:
                continue_or_abandon(S, o, r, t)
