"""Engagement, lapsing and re-engagement (ODD §5.13): monthly log-odds, additive.

aware:   eta = base + frailty + fit z + peers x + norm n + evidence E + climate c + identity g - workload w + fit_climate z c + fit_peers z x
engaged: eta = lapse_base - lapse_fit z - lapse_climate c + disapproval D
lapsed:  eta = reengage_base + lapse_fit z - disapproval D
step if u < p = 1/(1 + exp(-eta));  p of the aware x opportunity 1 - climate_gate (1 - c), and
p of the aware and the lapsed x workaround where the service is not in use
"""

import numpy as np

from valign.model.alignment import funded, in_use, standardised
from valign.model.compiled.compiling import compiled, copy, inlined, row
from valign.model.compiled.randomness import logistic
from valign.model.state.arrays import AWARE, COMMISSIONER, ENGAGED, LAPSED, METRIC, PERSON_DRAW, UNAWARE
from valign.model.state.arrays import PERSON_TERM as TERM

from ..evidence.kernel import perceived_evidence


@compiled
def engaged_before(S):
    """1.0 where somebody was engaged as the decisions began [N x W]."""
    engaged = np.empty(S.stage.shape)
    for i in range(S.role.shape[0]):
        for r in range(len(S.runs)):
            engaged[i, r] = 1.0 if S.stage_before[i, r] == ENGAGED else 0.0
    return engaged


@inlined
def engaged_share(S, i, engaged, share, total):
    """x_i: share of engaged ties, weighted by quality; commissioners do not count."""
    W = len(S.runs)
    for r in range(W):
        share[r] = 0.0
        total[r] = 0.0
    for n in range(S.tie_start[i], S.tie_start[i + 1]):
        j, e = S.neighbour[n], S.tie_of[n]
        if S.role[j] == COMMISSIONER:
            continue
        for r in range(W):
            share[r] += S.quality[e, r] * engaged[j, r]
            total[r] += S.quality[e, r]
    for r in range(W):
        share[r] = share[r] / total[r] if total[r] > 0.0 else 0.0


@compiled
def share_engaged(S, o, engaged, share):
    """n_o: share of all members of service o engaged, by run."""
    members = S.first[o + 1] - S.first[o]
    for r in range(len(S.runs)):
        share[r] = 0.0
    for i in range(S.first[o], S.first[o + 1]):
        for r in range(len(S.runs)):
            share[r] += engaged[i, r]
    for r in range(len(S.runs)):
        share[r] = share[r] / members if members else 0.0


@compiled
def disapproval(S, o, i, against):
    """D_i: 1 where the manager or the commissioner is against it, by run."""
    leader, c, metric = S.manager[i], S.commissioner[o], S.rules[METRIC]
    for r in range(len(S.runs)):
        against[r] = 0.0
    if leader >= 0:
        for r in range(len(S.runs)):
            stage = S.stage_before[leader, r]
            against[r] = (
                1.0
                if ((stage != UNAWARE) & (stage != ENGAGED) & (standardised(S.alignment[leader, r], metric) < 0.0))
                else 0.0
            )
    if c >= 0:
        for r in range(len(S.runs)):
            unfunded = not funded(S.service_stage[o, r])
            against[r] = 1.0 if unfunded & (standardised(S.alignment[c, r], metric) < 0.0) else against[r]


@compiled
def log_odds(S, o, i, z, x, norm, E, D, eta):
    """eta of person i by run, for the stage they are in."""
    s, role = S.setting[o], S.role[i]
    for r in range(len(S.runs)):
        c, g, w = S.climate[o, r], S.identification[i, r], S.workload[o, r]
        aware = (
            S.base[role, s, r]
            + S.frailty[i, r]
            + S.fit_effect[r] * z[r]
            + S.peer_effect[r] * x[r]
            + S.norm_effect[r] * norm[r]
            + S.evidence_effect[r] * E[r]
            + S.climate_effect[r] * c
            + S.identity_effect[r] * g
            - S.workload_effect[r] * w
            + S.fit_climate[r] * z[r] * c
            + S.fit_peers[r] * z[r] * x[r]
        )
        engaged = S.lapse_base[r] - S.lapse_fit[r] * z[r] - S.lapse_climate[r] * c + S.disapproval[r] * D[r]
        lapsed = S.reengage_base[r] + S.lapse_fit[r] * z[r] - S.disapproval[r] * D[r]
        stage = S.stage_before[i, r]
        eta[r] = engaged if stage == ENGAGED else lapsed if stage == LAPSED else aware


@compiled
def probability(S, o, i, eta, p):
    """p by run; 0 for the unaware."""
    s = S.setting[o]
    for r in range(len(S.runs)):
        stage = S.stage_before[i, r]
        free = (stage == ENGAGED) | in_use(S.service_stage[o, r])
        opportunity = 1.0 - S.climate_gate[r] * (1.0 - S.climate[o, r]) if stage == AWARE else 1.0
        p[r] = logistic(eta[r]) * opportunity * (1.0 if free else S.workaround[s, r])
        p[r] = 0.0 if stage == UNAWARE else p[r]


@compiled
def decide(S, i, t, p):
    """Take the step where the draw says so."""
    for r in range(len(S.runs)):
        if S.draw[i, PERSON_DRAW.engage, r] < p[r]:
            engaged = S.stage_before[i, r] == ENGAGED
            S.stage[i, r] = LAPSED if engaged else ENGAGED
            if not engaged and S.first_engaged[i, r] < 0:
                S.first_engaged[i, r] = t


@compiled
def remember(S, o, i, z, x, norm, E, D, eta, p):
    """Keep the terms of the decision for the event log."""
    for r in range(len(S.runs)):
        T = S.person_terms[i]
        T[TERM.z, r] = z[r]
        T[TERM.engaged_ties, r] = x[r]
        T[TERM.norm, r] = norm[r]
        T[TERM.evidence, r] = E[r]
        T[TERM.climate, r] = S.climate[o, r]
        T[TERM.identification, r] = S.identification[i, r]
        T[TERM.workload, r] = S.workload[o, r]
        T[TERM.disapproval, r] = D[r]
        T[TERM.eta, r] = eta[r]
        T[TERM.probability, r] = p[r]
        T[TERM.draw, r] = S.draw[i, PERSON_DRAW.engage, r]


@compiled
def engagement(S, t):
    W, metric = len(S.runs), S.rules[METRIC]
    z, x, norm, E, D, eta, p = row(S.runs), row(S.runs), row(S.runs), row(S.runs), row(S.runs), row(S.runs), row(S.runs)
    copy(S.stage, S.stage_before)
    engaged = engaged_before(S)
    for o in range(S.setting.shape[0]):
        share_engaged(S, o, engaged, norm)
        for i in range(S.first[o], S.first[o + 1]):
            aware = 0
            for r in range(W):
                aware += S.stage_before[i, r] != UNAWARE
                z[r] = standardised(S.alignment[i, r], metric)
            if aware == 0 and not S.person_terms.shape[0]:
                continue
            engaged_share(S, i, engaged, x, p)
            perceived_evidence(S, i, E)
            disapproval(S, o, i, D)
            log_odds(S, o, i, z, x, norm, E, D, eta)
            probability(S, o, i, eta, p)
            if S.person_terms.shape[0]:
                remember(S, o, i, z, x, norm, E, D, eta, p)
            decide(S, i, t, p)
