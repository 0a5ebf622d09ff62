"""Organisations decide (ODD §5.14): to start, to go on without funding, to abandon, to start again.

start:   eta = adoption_base (restart) + fit_effect_organisations R + evidence_effect E + adoption_peers N + adoption_norm F
             + slack_effect slack + funds_effect [funds] + mandate_effect [mandate];   p = 1/(1 + exp(-eta))
paid:    by national money where there are pilot funds or a mandate; else by the commissioner, who approves by descending
         score while score >= pilot_reservation and price <= budget x price of the portfolio - price of what is paid already
stop:    eta = abandon_within + burden_effect max(0, burden - slack) [not funded];   or under the threshold for too long
"""

import numpy as np

from valign.model.alignment import funded, in_use, standardised
from valign.model.compiled.compiling import compiled, copy, fill
from valign.model.compiled.randomness import logistic
from valign.model.state.arrays import (
    ABANDONED,
    APPROVED,
    ASKED_IN_VAIN,
    ASKING,
    AWARD_TERM,
    COMMISSIONER_PAYS,
    ENGAGED,
    LAPSED,
    MANAGER,
    METRIC,
    NATIONAL_MONEY,
    OUTSIDE,
    PILOTING,
    SERVICE_DRAW,
    SUSTAINED,
)
from valign.model.state.arrays import SERVICE_TERM as TERM

from ..commissioning.kernel import highest, largest_portfolio, pays_for, price, score, whole_price
from ..coproduction.kernel import slack_of
from ..evidence.kernel import perceived_evidence


@compiled
def start_probability(S, o, r, E, norm):
    """Probability that a service outside (or that abandoned it) wants to start a pilot; E: perceived evidence of those
    asked; norm: share of all services in use."""
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
    T[o, TERM.legitimacy, r] = S.adoption_norm[r] * norm[r]
    T[o, TERM.slack, r] = S.slack_effect[r] * slack_of(S, o, r)
    T[o, TERM.funds, r] = S.funds_effect[r] if S.pilot_funds[s, r] > 0.5 else 0.0
    T[o, TERM.mandate, r] = S.mandate_effect[r] if mandate else 0.0
    eta = (
        T[o, TERM.base, r]
        + T[o, TERM.fit, r]
        + T[o, TERM.evidence, r]
        + T[o, TERM.peers, r]
        + T[o, TERM.legitimacy, r]
        + T[o, TERM.slack, r]
        + T[o, TERM.funds, r]
        + T[o, TERM.mandate, r]
    )
    return logistic(eta) if asked or mandate else 0.0


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
def paid_nationally(S, o, r):
    """Nobody has to be asked for a pilot of service o: national money, a mandate, no commissioner, or none at work."""
    s = S.setting[o]
    return (S.pilot_funds[s, r] > 0.5) | (S.mandate[s, r] > 0.5) | (S.commissioner[o] < 0) | (S.rules[ASKING] == 0)


@compiled
def approve_pilots(S, c, r, scores):
    """Commissioner c approves pilots of those who ask, from the highest score down, while the money lasts."""
    first, last = S.portfolio_start[c], S.portfolio_start[c + 1]
    T, total, asking = S.ask_terms, 0.0, 0
    for n in range(first, last):
        asking += S.asked[S.portfolio[n], r]
    if asking == 0:
        return
    total = whole_price(S, c, r)
    money = S.budget[r] * total
    for n in range(first, last):
        o = S.portfolio[n]
        scores[n - first] = score(S, c, o, r, T) if S.asked[o, r] else -np.inf
        if pays_for(S, o, r, S.service_stage_before[o, r]):
            money -= price(S, o, r)
    for _ in range(last - first):
        best = highest(scores, last - first)
        if scores[best] == -np.inf:
            return
        o = S.portfolio[first + best]
        T[o, AWARD_TERM.reservation, r] = S.pilot_reservation[r]
        T[o, AWARD_TERM.money, r] = money
        T[o, AWARD_TERM.price, r] = price(S, o, r)
        if (scores[best] >= S.pilot_reservation[r]) & (price(S, o, r) <= money):
            money -= price(S, o, r)
            S.asked[o, r] = APPROVED
        scores[best] = -np.inf


@compiled
def start(S, o, r, t):
    """A pilot begins; after an abandonment with a fresh local version."""
    again = S.service_stage[o, r] == ABANDONED
    S.service_stage[o, r] = PILOTING
    S.payer[o, r] = COMMISSIONER_PAYS if S.asked[o, r] == APPROVED else NATIONAL_MONEY
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
    if ends:
        if S.funding_ended[o, r] < 0:
            S.funding_ended[o, r] = t
        S.service_stage[o, r] = SUSTAINED
        S.months_under[o, r] = 0
        T[o, TERM.probability, r] = 1.0
        return
    T[o, TERM.burden, r] = 0.0 if paid else S.burden_effect[r] * max(0.0, S.burden[r] - slack_of(S, o, r))
    T[o, TERM.probability, r] = logistic(S.abandon_within[r] + T[o, TERM.burden, r])
    stops = u < T[o, TERM.probability, r]
    if not paid:
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
def share_in_use(S):
    """F: share of all services in use as the step begins [W]."""
    O = S.setting.shape[0]
    share = np.zeros(len(S.runs))
    for o in range(O):
        for r in range(len(S.runs)):
            share[r] += in_use(S.service_stage_before[o, r]) / O
    return share


@compiled
def approve_all_pilots(S):
    """Every commissioner decides on the pilots that they are asked for, on the state as the step began."""
    C = S.portfolio_start.shape[0] - 1
    scores = np.empty(largest_portfolio(S))
    for c in range(C):
        for r in range(len(S.runs)):
            approve_pilots(S, c, r, scores)


@compiled
def organisations(S, t):
    copy(S.stage, S.stage_before)
    copy(S.service_stage, S.service_stage_before)
    largest = 0
    for o in range(S.setting.shape[0]):
        largest = max(largest, S.first[o + 1] - S.first[o])
    E, norm = np.empty((largest, len(S.runs))), share_in_use(S)
    wants = np.zeros((S.setting.shape[0], len(S.runs)), np.uint8)
    fill(S.asked, 0)
    for o in range(S.setting.shape[0]):
        idle = 0
        for r in range(len(S.runs)):
            idle += not in_use(S.service_stage_before[o, r])
        if idle:
            evidence_of_asked(S, o, E)
        for r in range(len(S.runs)):
            stage = S.service_stage_before[o, r]
            if stage == OUTSIDE or stage == ABANDONED:
                S.service_terms[o, TERM.probability, r] = start_probability(S, o, r, E, norm)
                S.service_terms[o, TERM.draw, r] = S.service_draw[o, SERVICE_DRAW.start, r]
                wants[o, r] = S.service_draw[o, SERVICE_DRAW.start, r] < S.service_terms[o, TERM.probability, r]
                S.asked[o, r] = ASKED_IN_VAIN if wants[o, r] and not paid_nationally(S, o, r) else 0
            else:
                continue_or_abandon(S, o, r, t)
    approve_all_pilots(S)
    for o in range(S.setting.shape[0]):
        for r in range(len(S.runs)):
            if wants[o, r] and S.asked[o, r] != ASKED_IN_VAIN:
                start(S, o, r, t)
