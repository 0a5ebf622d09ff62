"""Evidence (ODD §5.11): published efficacy, delivered results, and beliefs about both.

y_oe = effects_e (P_o / practice_reference) fidelity_o satisfaction_o / .75 + SCALE_e result_sd Z / sqrt(n_o)
b <- b + theta/(tau + theta) (y - b),  tau <- min(tau + theta, 20);   ties pass means without precision
E_i = sum_e u_ie max(-3, min(3, (b_ie - REFERENCE_e) / SCALE_e))
"""

import math

import numpy as np

from valign.model.alignment import in_use
from valign.model.compiled.compiling import (
    compiled,
    copy,
    in_parts,
    inlined,
    of_people,
    people_in,
    row_number,
    services_in,
    ties_of,
)
from valign.model.compiled.lanes import LANES, alone, first_of, in_strips, keep, number, some, strip, where, zero
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


@inlined
def evidence_units(belief, reference, scale):
    """How far a belief speaks for the innovation, in units of evidence, limited to 3 either way."""
    return max(-3.0, min(3.0, (belief - reference) / scale))


@inlined
def perceived_evidence(S, i, at):
    """E_i: beliefs weighed by what counts as evidence for the person."""
    c, role = i - S.first[S.setting.shape[0]], S.role[i]
    E = zero(at)
    for e in range(3):
        weight = S.weights[c, e, at] if role == COMMISSIONER else S.role_weights[role, e, at]
        E += weight * evidence_units(S.belief[i, e, at], EVIDENCE_REFERENCE[e], EVIDENCE_SCALE[e])
    return E


@compiled
def observe(S, i, e, r, result, theta):
    """Precision-weighted update of one belief, its precision capped."""
    tau = S.precision[i, e, r]
    if theta > 0.0:
        S.belief[i, e, r] += theta / (tau + theta) * (result - S.belief[i, e, r])
        S.precision[i, e, r] = min(tau + theta, PRECISION_CAP)


@inlined
def observe_all(S, i, results, theta, at):
    """`observe` in the three channels [3 x W]: nothing changes where theta is 0."""
    for e in range(3):
        tau, b = S.precision[i, e, at], S.belief[i, e, at]
        gain = where(theta > 0.0, theta / (tau + theta), 0.0)
        S.belief[i, e, at] = b + gain * (results[e, at] - b)
        S.precision[i, e, at] = where(theta > 0.0, min(tau + theta, PRECISION_CAP), tau)


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


@inlined
def add_practice(S, i, practice, reach, mean, at):
    """Add person i to their service's practice, reach and values."""
    engaged = number(S.stage[i, at] == ENGAGED)
    practice[at] += engaged * S.practice[i, at]
    reach[at] += engaged
    for k in range(S.values.shape[1]):
        mean[k, at] += S.values[i, k, at]


@inlined
def add_practice_alone(S, i, practice, reach, mean):
    """The same in a run alone, dimensions side by side. mean: with room for the rest of a strip."""
    engaged = number(S.stage[i, 0] == ENGAGED)
    practice[0] += engaged * S.practice[i, 0]
    reach[0] += engaged
    for k in range(0, S.values.shape[1], LANES):
        mean[strip(k), 0] += S.values[i, strip(k), 0]


@compiled
def results(S, t):
    """Practice, reach and results of every service."""
    K, W, whole = S.values.shape[1], len(S.runs), in_strips(S.runs)
    practice, reach, mean = np.empty(W), np.empty(W), np.zeros((K + LANES, W))
    for o in services_in(S):
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
            if alone(S.runs):
                add_practice_alone(S, i, practice, reach, mean)
                continue
            for r in range(0, whole, LANES):
                add_practice(S, i, practice, reach, mean, strip(r))
            for r in range(whole, W):
                add_practice(S, i, practice, reach, mean, r)
        share = 1.0 / people if people else 0.0
        for r in range(W):
            practice[r] = practice[r] / reach[r] if reach[r] > 0.0 else 0.0
            reach[r] *= share
        for k in range(K):
            for r in range(W):
                mean[k, r] = mean[k, r] * share if people else S.version[o, k, r]
        deliver(S, o, t, practice, reach, mean)


@inlined
def read_published(S, i, at):
    """The aware learn once of the published evidence."""
    reads = (S.stage[i, at] >= 1) & (S.has_read[i, at] == 0)
    if some(reads):
        S.has_read[i, at] = where(reads, 1, S.has_read[i, at])
        strength = PUBLISHED_PRECISION * S.innovation_evidence_strength[at]
        observe_all(S, i, S.innovation_published, where(reads, strength, 0.0), at)


@inlined
def learn(S, o, i, at):
    """The aware learn of what is published, and of their service's results."""
    read_published(S, i, at)
    theta = where(S.stage[i, at] >= 1, S.result_precision[o, at], 0.0)
    if some(theta > 0.0):
        observe_all(S, i, S.result[o], theta, at)


@in_parts
def evidence(S, t):
    """What services deliver; aware members learn of it, and of what is published."""
    whole, W = in_strips(S.runs), len(S.runs)
    results(S, t)
    for o in services_in(S):
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                learn(S, o, i, strip(r))
            for r in range(whole, W):
                learn(S, o, i, r)
    copy(of_people(S, S.belief), of_people(S, S.belief_before))


@compiled
def monitor(S, t):
    """Commissioners learn of what is published and of what is monitored."""
    O, W = S.setting.shape[0], len(S.runs)
    for c in range(S.portfolio_start.shape[0] - 1):
        for r in range(W):
            read_published(S, S.first[O] + c, r)
        for e in range(3):
            for r in range(W):
                theta_c, mean = portfolio_results(S, c, e, r)
                theta_c *= MONITORING[e]
                observe(S, S.first[O] + c, e, r, mean, theta_c)
        copy(S.belief[S.first[O] + c], S.belief_before[S.first[O] + c])


@inlined
def listen(S, i, share, at):
    """Person i's beliefs move toward those of others who are aware. share: one tie of all."""
    b, aware = S.belief_before, S.stage[i, at] >= 1
    if not some(aware):
        return
    b0, b1, b2 = b[i, 0, at], b[i, 1, at], b[i, 2, at]
    pull0 = pull1 = pull2 = zero(at)
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        weight = where(S.stage[j, at] >= 1, S.quality[e, at], 0.0)
        pull0 += weight * (b[j, 0, at] - b0)
        pull1 += weight * (b[j, 1, at] - b1)
        pull2 += weight * (b[j, 2, at] - b2)
    weight = where(aware, S.belief_sharing[at] * share, 0.0)
    S.belief[i, 0, at] = b0 + weight * pull0
    S.belief[i, 1, at] = b1 + weight * pull1
    S.belief[i, 2, at] = b2 + weight * pull2


@inlined
def listen_alone(S, i, share):
    """`listen` in a run alone, the channels side by side."""
    b, neighbour, tie_of, stage, quality = S.belief_before, S.neighbour, S.tie_of, S.stage, S.quality
    if stage[i, 0] < 1:
        return
    own, pull = b[i, strip(0), 0], zero(strip(0))
    for n in ties_of(S, i):
        j = neighbour[n]
        weight = where(stage[j, 0] >= 1, quality[tie_of[n], 0], 0.0)
        pull += weight * (b[j, strip(0), 0] - own)
    keep(S.belief, (i, strip(0), 0), own + S.belief_sharing[0] * share * pull, first_of(b.shape[1]))


@in_parts
def share_beliefs(S, t):
    """Ties pass means without precision, so nothing is counted twice."""
    whole = in_strips(S.runs)
    for n in people_in(S):
        i = row_number(n)
        ties = S.tie_start[i + 1] - S.tie_start[i]
        if ties == 0:
            continue
        if alone(S.runs):
            listen_alone(S, i, 1.0 / ties)
            continue
        for r in range(0, whole, LANES):
            listen(S, i, 1.0 / ties, strip(r))
        for r in range(whole, len(S.runs)):
            listen(S, i, 1.0 / ties, r)


PHASES = (evidence, monitor, share_beliefs)
