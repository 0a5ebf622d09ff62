"""Commissioning (ODD §5.15): in each round commissioners score their services and fund down the list.

score = score_evidence E + score_fit z_c + score_relationship (quality - base)
funded if score >= reservation while the budget lasts, which pays for pilots too (organisations decide, §5.14)
"""

import numpy as np

from valign.model.alignment import base_quality, funded, in_use, standardised
from valign.model.compiled.compiling import compiled
from valign.model.constants import EVIDENCE_REFERENCE, EVIDENCE_SCALE
from valign.model.parameter import TIE_KINDS
from valign.model.state.arrays import AWARD_TERM as TERM
from valign.model.state.arrays import COMMISSIONED, COMMISSIONER_PAYS, MANAGER, METRIC, SUSTAINED

from ..evidence.kernel import evidence_units

COMMISSIONING_TIE = TIE_KINDS.index("commissioning")


@compiled
def price(S, o, r):
    """Price of the innovation in service o, £1,000 a year."""
    return S.innovation_cost[r] * S.posts[o]


@compiled
def is_candidate(S, o, r, t):
    """In use, fundable, and without money for the time until the next round."""
    stage = S.service_stage[o, r]
    expires = S.term_end[o, r] < t + S.round_months[r]
    return in_use(stage) and S.funding[S.setting[o], r] > 0.5 and (stage == SUSTAINED or expires)


@compiled
def score(S, c, o, r, T):
    """Score of service o by commissioner c; the terms are kept in T [O x len(AWARD_TERM) x W] for the event log."""
    row = S.first[S.setting.shape[0]] + c
    T[o, TERM.evidence, r] = 0.0
    for e in range(3):
        estimate = S.belief[row, e, r]
        if S.result_count[o, r] > 0:
            mean = 0.0
            count = 0
            for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
                if S.result_count[S.portfolio[n], r] > 0:
                    mean += S.result_mean[S.portfolio[n], e, r]
                    count += 1
            estimate += S.own_results[r] * (S.result_mean[o, e, r] - mean / count)
        T[o, TERM.evidence, r] += S.weights[c, e, r] * evidence_units(
            estimate, EVIDENCE_REFERENCE[e], EVIDENCE_SCALE[e]
        )
    T[o, TERM.evidence, r] *= S.score_evidence[r]
    T[o, TERM.fit, r] = S.score_fit[r] * standardised(S.alignment[row, r], S.rules[METRIC])
    quality = 0.0
    ties = 0
    for i in range(S.first[o], S.first[o + 1]):
        if S.commissioning_tie[i] >= 0 and S.role[i] == MANAGER:
            quality += S.quality[S.commissioning_tie[i], r]
            ties += 1
    T[o, TERM.relationship, r] = (
        S.score_relationship[r] * (quality / ties - base_quality(S, COMMISSIONING_TIE, r)) if ties else 0.0
    )
    T[o, TERM.score, r] = T[o, TERM.evidence, r] + T[o, TERM.fit, r] + T[o, TERM.relationship, r]
    return T[o, TERM.score, r]


@compiled
def whole_price(S, c, r):
    """Price of all services of commissioner c, £1,000 a year."""
    total = 0.0
    for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
        total += price(S, S.portfolio[n], r)
    return total


@compiled
def pays_for(S, o, r, stage):
    """Whether a service at this stage is funded by its commissioner."""
    return funded(stage) & (S.payer[o, r] == COMMISSIONER_PAYS)


@compiled
def highest(scores, count):
    """Position of the highest of the first `count` scores, the first of equal ones."""
    best = 0
    for n in range(1, count):
        if scores[n] > scores[best]:
            best = n
    return best


@compiled
def commissioning_round(S, c, r, t, scores):
    """Fund the candidates of commissioner c from the highest score down."""
    first, last = S.portfolio_start[c], S.portfolio_start[c + 1]
    T, total = S.award_terms, whole_price(S, c, r)
    money = S.budget[r] * total
    for n in range(first, last):
        o = S.portfolio[n]
        scores[n - first] = -np.inf
        if is_candidate(S, o, r, t):
            scores[n - first] = score(S, c, o, r, T)
        elif pays_for(S, o, r, S.service_stage[o, r]):
            money -= price(S, o, r)
    for _ in range(last - first):
        best = highest(scores, last - first)
        if not scores[best] >= S.reservation[r]:
            return
        scores[best] = -np.inf
        o = S.portfolio[first + best]
        T[o, TERM.reservation, r] = S.reservation[r]
        T[o, TERM.money, r] = money
        T[o, TERM.price, r] = price(S, o, r)
        if price(S, o, r) <= money:
            money -= price(S, o, r)
            S.service_stage[o, r] = COMMISSIONED
            S.payer[o, r] = COMMISSIONER_PAYS
            S.term_end[o, r] = max(t, S.term_end[o, r]) + np.int64(S.contract_months[S.setting[o], r])
            if S.first_commissioned[o, r] < 0:
                S.first_commissioned[o, r] = t


@compiled
def largest_portfolio(S):
    """Services of the commissioner who has most, at least 1."""
    largest = 1
    for c in range(S.portfolio_start.shape[0] - 1):
        largest = max(largest, S.portfolio_start[c + 1] - S.portfolio_start[c])
    return largest


@compiled
def commissioning(S, t):
    C = S.portfolio_start.shape[0] - 1
    scores = np.empty(largest_portfolio(S))
    for c in range(C):
        for r in range(len(S.runs)):
            if t % np.int64(S.round_months[r]) == 0 and S.portfolio_start[c + 1] > S.portfolio_start[c]:
                commissioning_round(S, c, r, t, scores)
