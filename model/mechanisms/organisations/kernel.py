"""Organisations decide (ODD §5.14): to start, to go on without funding, to abandon, to start again.

start:   eta = adoption_base (restart) + fit_effect_organisations R + evidence_effect E + adoption_peers N + adoption_norm F
             + slack_effect slack + funds_effect [funds] + mandate_effect [mandate];   p = 1/(1 + exp(-eta))
paid:    by national money where there are pilot funds or a mandate; else by the commissioner, who approves by descending
         score while score >= pilot_reservation and price <= budget x price of the portfolio - price of what is paid already
stop:    eta = abandon_within + burden_effect max(0, burden - slack) [not funded];   or under the threshold for too long
"""

import numpy as np

from valign.model.alignment import clip, funded, in_use, standardised
from valign.model.compiled.compiling import compiled, copy, fill, inlined, row
from valign.model.compiled.lanes import LANES, in_strips, number, some, strip, where, zero
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


@inlined
def views(S, o, managers, at):
    """How many members are aware, their sum of z; how many of them are asked, their sum of E."""
    aware = fit = asked = evidence = zero(at)
    for i in range(S.first[o], S.first[o + 1]):
        knows = S.stage[i, at] >= 1
        aware += number(knows)
        fit += where(knows, standardised(S.alignment[i, at], S.rules[METRIC]), 0.0)
        if S.role[i] == MANAGER or managers == 0:
            asked += number(knows)
            evidence += where(knows, perceived_evidence(S, i, at), 0.0)
    return aware, fit, asked, evidence


@inlined
def note(S, o, term, idle, value, at):
    """A term of the decision where a service is idle; the value there, else what it was."""
    T = S.service_terms
    T[o, term, at] = where(idle, value, T[o, term, at])
    return T[o, term, at]


@inlined
def consider(S, o, norm, managers, wants, at):
    """Where service o is outside, or has abandoned it: whether it wants to start a pilot. norm: share of services in use."""
    stage, s = S.service_stage[o, at], S.setting[o]
    idle = (stage == OUTSIDE) | (stage == ABANDONED)
    if not some(idle):
        return
    aware, fit, asked, evidence = views(S, o, managers, at)
    neighbours = S.neighbour_service_start[o + 1] - S.neighbour_service_start[o]
    using = zero(at)
    for n in range(S.neighbour_service_start[o], S.neighbour_service_start[o + 1]):
        using += number(in_use(S.service_stage_before[S.neighbour_service[n], at]))
    slack = clip(S.slack[s, at] + S.slack_sd[at] * S.slack_z[o])
    mandate = S.mandate[s, at] > 0.5
    eta = note(S, o, TERM.base, idle, where(stage == ABANDONED, S.restart[at], S.adoption_base[s, at]), at)
    fit_term = where(aware > 0.0, S.fit_effect_organisations[at] * (fit / aware), 0.0)
    eta += note(S, o, TERM.fit, idle, fit_term, at)
    eta += note(S, o, TERM.evidence, idle, where(asked > 0.0, S.evidence_effect[at] * (evidence / asked), 0.0), at)
    peers = S.adoption_peers[at] * (using / neighbours) if neighbours else zero(at)
    eta += note(S, o, TERM.peers, idle, peers, at)
    eta += note(S, o, TERM.legitimacy, idle, S.adoption_norm[at] * norm[at], at)
    eta += note(S, o, TERM.slack, idle, S.slack_effect[at] * slack, at)
    eta += note(S, o, TERM.funds, idle, where(S.pilot_funds[s, at] > 0.5, S.funds_effect[at], 0.0), at)
    eta += note(S, o, TERM.mandate, idle, where(mandate, S.mandate_effect[at], 0.0), at)
    p = note(S, o, TERM.probability, idle, where((asked > 0.0) | mandate, logistic(eta), 0.0), at)
    u = S.service_draw[o, SERVICE_DRAW.start, at]
    note(S, o, TERM.draw, idle, u, at)
    wants[o, at] = idle & (u < p)


@compiled
def share_engaged(S, o, share):
    """Share of staff and peers engaged, by run."""
    people = 0
    fill(share, 0.0)
    for i in range(S.first[o], S.first[o + 1]):
        if S.role[i] != MANAGER:
            people, stage = people + 1, S.stage[i]
            for r in range(len(S.runs)):
                share[r] += 1.0 if stage[r] == ENGAGED else 0.0
    for r in range(len(S.runs)):
        share[r] = share[r] / people if people else 0.0


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
def continue_or_abandon(S, o, r, t, engaged):
    """A service in use: the end of funding, or this month's risk of stopping. engaged: share of staff and peers [W]."""
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
        T[o, TERM.share_engaged, r] = engaged[r]
        S.months_under[o, r] = S.months_under[o, r] + 1 if T[o, TERM.share_engaged, r] < S.emergent_threshold[r] else 0
        stops |= S.months_under[o, r] >= S.emergent_months[r]
    if stops:
        abandon(S, o, r)


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
    engaged, norm, whole = row(S.runs), share_in_use(S), in_strips(S.runs)
    wants = np.zeros((S.setting.shape[0], len(S.runs)), np.uint8)
    fill(S.asked, 0)
    for o in range(S.setting.shape[0]):
        managers = 0
        for i in range(S.first[o], S.first[o + 1]):
            managers += S.role[i] == MANAGER
        for r in range(0, whole, LANES):
            consider(S, o, norm, managers, wants, strip(r))
        for r in range(whole, len(S.runs)):
            consider(S, o, norm, managers, wants, r)
        share_engaged(S, o, engaged)
        for r in range(len(S.runs)):
            if in_use(S.service_stage_before[o, r]):
                continue_or_abandon(S, o, r, t, engaged)
            else:
                S.asked[o, r] = ASKED_IN_VAIN if wants[o, r] and not paid_nationally(S, o, r) else 0
    approve_all_pilots(S)
    for o in range(S.setting.shape[0]):
        for r in range(len(S.runs)):
            if wants[o, r] and S.asked[o, r] != ASKED_IN_VAIN:
                start(S, o, r, t)
