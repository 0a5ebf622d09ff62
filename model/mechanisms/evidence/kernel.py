"""Evidence (ODD §5.11): published efficacy, delivered results, and beliefs about both.

y_oe = effects_e (P_o / practice_reference) fidelity_o satisfaction_o / .75 + SCALE_e result_sd Z / sqrt(n_o)
b <- b + theta/(tau + theta) (y - b),  tau <- min(tau + theta, 20);   ties pass means without precision
E_i = sum_e u_ie max(-3, min(3, (b_ie - REFERENCE_e) / SCALE_e))
"""

import math

import numpy as np

from valign.model.alignment import in_use
from valign.model.compiled.compiling import compiled, copy
from valign.model.compiled.randomness import RESULTS, SERVICE_ID, normal, philox
from valign.model.constants import (
    EVIDENCE_REFERENCE,
    EVIDENCE_SCALE,
    MONITORING,
    PRECISION_CAP,
    PUBLISHED_PRECISION,
    SATISFACTION_RATE,
    SATISFACTION_REFERENCE,
)
from valign.model.state.arrays import COMMISSIONER, ENGAGED, MANAGER


@compiled
def evidence_units(belief, reference, scale):
    """How far a belief speaks for the innovation, in units of evidence, limited to 3 either way."""
    return max(-3.0, min(3.0, (belief - reference) / scale))


@compiled
def perceived_evidence(S, i, out):
    """E_i: beliefs weighed by what counts as evidence for the person, by run, into `out`."""
    b, c = S.belief, i - S.first[S.setting.shape[0]]
    for r in range(len(S.runs)):
        out[r] = 0.0
    for e in range(3):
        weight = S.weights[c, e] if S.role[i] == COMMISSIONER else S.role_weights[S.role[i], e]
        for r in range(len(S.runs)):
            out[r] += weight[r] * evidence_units(b[i, e, r], EVIDENCE_REFERENCE[e], EVIDENCE_SCALE[e])


@compiled
def observe(S, i, e, r, result, theta):
    """Precision-weighted update of one belief, its precision capped."""
    tau = S.precision[i, e, r]
    if theta > 0.0:
        S.belief[i, e, r] += theta / (tau + theta) * (result - S.belief[i, e, r])
        S.precision[i, e, r] = min(tau + theta, PRECISION_CAP)


@compiled
def observe_row(S, i, e, result, theta):
    """`observe` by run: nothing changes where theta is 0."""
    b, precision = S.belief[i, e], S.precision[i, e]
    for r in range(len(S.runs)):
        tau = precision[r]
        seen = theta[r] > 0.0
        gain = theta[r] / (tau + theta[r]) if seen else 0.0
        b[r] += gain * (result[r] - b[r])
        precision[r] = min(tau + theta[r], PRECISION_CAP) if seen else tau


@compiled
def portfolio_results(S, c, e, r):
    """Theta and precision-weighted mean result over the services of commissioner c."""
    theta = 0.0
    total = 0.0
    for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
        o = S.portfolio[n]
        theta += S.result_precision[o, r]
        total += S.result_precision[o, r] * S.result[o, e, r]
    return theta, total / theta if theta > 0.0 else 0.0


@compiled
def deliver(S, o, t, practice, reach, mean):
    """What service o enacts, how satisfied its clients are, and the results of this month."""
    K, s = S.values.shape[1], S.setting[o]
    for r in range(len(S.runs)):
        used = in_use(S.service_stage[o, r])
        satisfied = 1.0
        drift = 0.0
        for k in range(K):
            enacted = mean[k, r]
            if used:
                enacted = practice[r] * reach[r] * S.version[o, k, r] + (1.0 - practice[r] * reach[r]) * mean[k, r]
            S.enacted[o, k, r] = enacted
            satisfied -= S.emphasis[k, r] * abs(S.profiles[S.client_profile[o], k, r] - enacted)
            drift += S.emphasis[k, r] * abs(S.version[o, k, r] - S.innovation_values[k, r])
        S.satisfaction[o, r] += SATISFACTION_RATE * (satisfied - S.satisfaction[o, r])
        S.take_up[o, r] += SATISFACTION_RATE * (S.satisfaction[o, r] - S.take_up[o, r])
        reached = S.clients_per_staff[s, r] * S.posts[o] * reach[r] * S.take_up[o, r]
        S.result_precision[o, r] = 0.0
        if not used or reached <= 0.0:
            continue
        flexibility = S.innovation_flexibility[r]
        fidelity = 1.0 - S.innovation_fidelity_cost[r] * drift / flexibility if flexibility > 0.0 else 1.0
        quality = practice[r] / S.practice_reference[r] * fidelity * S.satisfaction[o, r] / SATISFACTION_REFERENCE
        sd = S.result_sd[r]
        words = philox(S.key_low[r], S.key_high[r], SERVICE_ID, S.service_key[o], np.uint64(t), np.uint64(RESULTS))
        S.result_precision[o, r] = reached / (sd * sd) if sd > 0.0 else 1e9
        S.result_count[o, r] += 1
        for e in range(3):
            noise = EVIDENCE_SCALE[e] * sd * normal(words[e]) / math.sqrt(reached)
            S.result[o, e, r] = S.innovation_effects[e, r] * quality + noise
            S.result_mean[o, e, r] += (S.result[o, e, r] - S.result_mean[o, e, r]) / S.result_count[o, r]


@compiled
def results(S, t):
    """Practice, reach and results of every service."""
    K, W = S.values.shape[1], len(S.runs)
    practice, reach, mean = np.empty(W), np.empty(W), np.empty((K, W))
    for o in range(S.setting.shape[0]):
        people = 0
        for r in range(W):
            practice[r] = 0.0
            reach[r] = 0.0
        for k in range(K):
            for r in range(W):
                mean[k, r] = 0.0
        for i in range(S.first[o], S.first[o + 1]):
            if S.role[i] == MANAGER:
                continue
            people += 1
            for r in range(W):
                engaged = 1.0 if S.stage[i, r] == ENGAGED else 0.0
                practice[r] += engaged * S.practice[i, r]
                reach[r] += engaged
            for k in range(K):
                for r in range(W):
                    mean[k, r] += S.values[i, k, r]
        share = 1.0 / people if people else 0.0
        for r in range(W):
            practice[r] = practice[r] / reach[r] if reach[r] > 0.0 else 0.0
            reach[r] *= share
        for k in range(K):
            for r in range(W):
                mean[k, r] = mean[k, r] * share if people else S.version[o, k, r]
        deliver(S, o, t, practice, reach, mean)


@compiled
def read_published(S, i, theta):
    """The aware learn once of the published evidence."""
    stage, has_read = S.stage[i], S.has_read[i]
    new = 0
    for r in range(len(S.runs)):
        new += (stage[r] >= 1) & (has_read[r] == 0)
    if new:
        for r in range(len(S.runs)):
            reads = (stage[r] >= 1) & (has_read[r] == 0)
            theta[r] = PUBLISHED_PRECISION * S.innovation_evidence_strength[r] if reads else 0.0
            has_read[r] = 1 if reads else has_read[r]
        for e in range(3):
            observe_row(S, i, e, S.innovation_published[e], theta)


@compiled
def observe_delivered(S, theta):
    """Everybody aware learns of what is published; aware members of their results; commissioners what is monitored."""
    O = S.setting.shape[0]
    for o in range(O):
        delivered = False
        for r in range(len(S.runs)):
            delivered |= S.result_precision[o, r] > 0.0
        for i in range(S.first[o], S.first[o + 1]):
            read_published(S, i, theta)
            if delivered:
                for r in range(len(S.runs)):
                    theta[r] = S.result_precision[o, r] if S.stage[i, r] >= 1 else 0.0
                for e in range(3):
                    observe_row(S, i, e, S.result[o, e], theta)
    for c in range(S.portfolio_start.shape[0] - 1):
        read_published(S, S.first[O] + c, theta)
        for e in range(3):
            for r in range(len(S.runs)):
                theta_c, mean = portfolio_results(S, c, e, r)
                theta_c *= MONITORING[e]
                observe(S, S.first[O] + c, e, r, mean, theta_c)


@compiled
def share_beliefs(S):
    """Ties pass means without precision, so nothing is counted twice."""
    W = len(S.runs)
    pull, weight, aware = np.empty((3, W)), np.empty(W), np.empty(S.stage.shape)
    copy(S.belief, S.belief_before)
    b, belief = S.belief_before, S.belief
    for i in range(S.role.shape[0]):
        for r in range(W):
            aware[i, r] = 1.0 if S.stage[i, r] >= 1 else 0.0
    for i in range(S.role.shape[0]):
        ties = S.tie_start[i + 1] - S.tie_start[i]
        if ties == 0:
            continue
        share = 1.0 / ties
        for c in range(3):
            for r in range(W):
                pull[c, r] = 0.0
        for n in range(S.tie_start[i], S.tie_start[i + 1]):
            j, e = S.neighbour[n], S.tie_of[n]
            for r in range(W):
                weight[r] = S.quality[e, r] * aware[j, r]
            for c in range(3):
                for r in range(W):
                    pull[c, r] += weight[r] * (b[j, c, r] - b[i, c, r])
        for r in range(W):
            weight[r] = S.belief_sharing[r] * share * aware[i, r]
        for c in range(3):
            for r in range(W):
                belief[i, c, r] += weight[r] * pull[c, r]


@compiled
def evidence(S, t):
    results(S, t)
    observe_delivered(S, np.empty(len(S.runs)))
    share_beliefs(S)
