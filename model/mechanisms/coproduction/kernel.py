"""Co-production (ODD §5.7): sessions in which members, peers and the commissioner find a common position.

propensity_i = 1 - exp(-w_i I/(1 - I));   S = (1 - psi) mean of non-peers + psi mean of peers
v_i <- v_i + coproduction_rate (S - v_i);   drift_o <- toward S - m, at most `flexibility`;   clarity, ties, voice grow
"""

import numpy as np

from valign.model.alignment import clip, in_use
from valign.model.compiled.compiling import (
    compiled,
    copy,
    fill,
    in_parts,
    inlined,
    of_people,
    services_in,
    ties_of,
)
from valign.model.compiled.lanes import alone
from valign.model.compiled.randomness import ROUNDING, SAFELY, exponential
from valign.model.constants import TIE_GAIN, VOICE_GAIN
from valign.model.state.arrays import AWARE, OUTSIDE, PEER, PERSON_DRAW, SERVICE_DRAW, SESSION_KNOWLEDGE, UNAWARE


@compiled
def slack_of(S, o, r):
    """slack_o = clip(slack + slack_sd zeta_o)."""
    return clip(S.slack[S.setting[o], r] + S.slack_sd[r] * S.slack_z[o])


@compiled
def intensity_of(S, o, r):
    """Mean propensity to take part in the sessions of service o."""
    stage, s = S.service_stage[o, r], S.setting[o]
    intensity = 0.0
    if in_use(stage):
        intensity = S.coproduction_intensity[s, r]
    elif stage == OUTSIDE:
        intensity = S.design_coproduction[s, r]
    if intensity > 0.0:
        intensity = min(0.95, clip(intensity + S.coproduction_sd[r] * S.coproduction_z[o]))
    return intensity


@compiled
def workloads(S, t):
    """workload_o = clip(workload (1 - slack_o) + coproduction_time x share taking part)."""
    for o in range(S.setting.shape[0]):
        for r in range(len(S.runs)):
            S.workload[o, r] = clip(
                S.everyday_workload[S.setting[o], r] * (1.0 - slack_of(S, o, r))
                + S.coproduction_time[S.setting[o], r] * S.session_share[o, r]
            )


@inlined
def takes_part(draw, y):
    """draw < 1 - e^-y, for y from 0 on; without an exponential where y - y^2/2 <= 1 - e^-y <= y decides it."""
    if draw >= y * SAFELY + ROUNDING or draw * SAFELY + ROUNDING < y - 0.5 * y * y:
        return draw < y
    return draw < 1.0 - exponential(-y)


@compiled
def attendance(S, o, attends, count):
    """Who takes part this month [members and the commissioner, by run]; count: members taking part. True if anybody does."""
    W, first, last = len(S.runs), S.first[o], S.first[o + 1]
    c, takes, draw, w = S.commissioner[o], S.takes_part, S.draw, S.taking_part
    rate = np.empty(W)
    possible = 0
    for r in range(W):
        intensity = intensity_of(S, o, r)
        rate[r] = intensity / (1.0 - intensity)
        possible += intensity > 0.0
        attends[r] = 0.0
        count[r] = 0.0
    for i in range(first, last):
        for r in range(W):
            takes[i, r] = 0
    anybody = 0
    if possible:
        for i in range(first, last):
            if alone(S.runs):
                takes[i, 0] = takes_part(draw[i, PERSON_DRAW.take_part, 0], w[i, 0] * rate[0])
                count[0] += takes[i, 0]
                continue
            for r in range(W):
                takes[i, r] = draw[i, PERSON_DRAW.take_part, r] < 1.0 - exponential(-w[i, r] * rate[r])
                count[r] += takes[i, r]
        if c >= 0:
            for r in range(W):
                attends[r] = (
                    1.0
                    if S.service_draw[o, SERVICE_DRAW.commissioner_takes_part, r]
                    < 1.0 - exponential(-w[c, r] * rate[r])
                    else 0.0
                )
        for r in range(W):
            rate[r] = 1.0 if count[r] + attends[r] >= 2.0 else 0.0  # from here on: is there a session?
            count[r] *= rate[r]
            attends[r] *= rate[r]
            anybody += rate[r] > 0.0
        for i in range(first, last):
            for r in range(W):
                takes[i, r] *= rate[r] > 0.0
    for r in range(W):
        S.commissioner_attends[o, r] = attends[r] > 0.0
        S.session_share[o, r] = count[r] / (last - first) if last > first else 0.0
    return anybody > 0


@compiled
def add_voice(S, i, part, voice, total):
    """Add person i, where they take part, to the voices [W] and the weighted sum of values [K x W] of their side."""
    for r in range(len(S.runs)):
        voice[r] += part[r] * S.voice[i, r]
    for k in range(S.values.shape[1]):
        for r in range(len(S.runs)):
            total[k, r] += part[r] * S.voice[i, r] * S.values[i, k, r]


@compiled
def positions(S, o, attends, scratch, S_k, found):
    """S_k: the session's position, peers holding the share `power_sharing`; found: 1 where anybody has a voice."""
    K, W = S.values.shape[1], len(S.runs)
    part, other_voice, peer_voice = scratch[0], scratch[1], scratch[2]
    others, peers = S_k, scratch[3:]
    fill(scratch, 0.0)
    fill(S_k, 0.0)
    for i in range(S.first[o], S.first[o + 1]):
        if alone(S.runs) and S.takes_part[i, 0] == 0:
            continue
        for r in range(W):
            part[r] = np.float64(S.takes_part[i, r])
        if S.role[i] == PEER:
            add_voice(S, i, part, peer_voice, peers)
        else:
            add_voice(S, i, part, other_voice, others)
    if S.commissioner[o] >= 0:
        add_voice(S, S.commissioner[o], attends, other_voice, others)
    for r in range(W):
        share = S.power_sharing[S.setting[o], r]
        share = 0.0 if peer_voice[r] <= 0.0 else share if other_voice[r] > 0.0 else 1.0
        found[r] = 1.0 if (peer_voice[r] > 0.0) | (other_voice[r] > 0.0) else 0.0
        peer_voice[r] = share / peer_voice[r] if peer_voice[r] > 0.0 else 0.0
        other_voice[r] = (1.0 - share) / other_voice[r] if other_voice[r] > 0.0 else 0.0
    for k in range(K):
        for r in range(W):
            S_k[k, r] = other_voice[r] * others[k, r] + peer_voice[r] * peers[k, r]


@compiled
def adapt(S, o, S_k, found):
    """Mutual adaptation: the local version moves toward the session's position."""
    for k in range(S.values.shape[1]):
        for r in range(len(S.runs)):
            m, flexibility = S.innovation_values[k, r], S.innovation_flexibility[r]
            drift = S.drift[o, k, r] + S.adaptation_rate[r] * (S_k[k, r] - S.version[o, k, r])
            drift = min(max(drift, -flexibility), flexibility)
            S.drift[o, k, r] = min(max(drift, -m), 1.0 - m) if found[r] > 0.0 else S.drift[o, k, r]


@compiled
def take_part(S, o, i, part, S_k, found):
    """What a session does to a participant: values, clarity, voice of peers, quality of ties between participants."""
    v = S.values
    for k in range(S.values.shape[1]):
        for r in range(len(S.runs)):
            v[i, k, r] += part[r] * found[r] * S.coproduction_rate[r] * (S_k[k, r] - v[i, k, r])
    for r in range(len(S.runs)):
        S.clarity[i, r] += part[r] * S.clarity_gain[r] * (1.0 - S.clarity[i, r])
    if S.role[i] == PEER:
        for r in range(len(S.runs)):
            S.voice[i, r] += part[r] * VOICE_GAIN * (1.0 - S.voice[i, r])
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        if j > i and S.organisation[j] == o:
            for r in range(len(S.runs)):
                S.quality[e, r] += part[r] * S.takes_part[j, r] * TIE_GAIN * (1.0 - S.quality[e, r])


@compiled
def share_knowledge(S, o, count, scratch):
    """Participants' beliefs move toward their mean, and the unaware among them become aware."""
    W, first, last = len(S.runs), S.first[o], S.first[o + 1]
    takes, belief, mean = S.takes_part, S.belief, scratch[0]
    for e in range(3):
        for r in range(W):
            mean[r] = 0.0
        for i in range(first, last):
            for r in range(W):
                mean[r] += takes[i, r] * belief[i, e, r]
        for r in range(W):
            mean[r] = mean[r] / count[r] if count[r] > 0.0 else 0.0
        for i in range(first, last):
            for r in range(W):
                belief[i, e, r] += takes[i, r] * S.session_sharing[r] * (mean[r] - belief[i, e, r])
    for i in range(first, last):
        for r in range(W):
            S.stage[i, r] = AWARE if (takes[i, r] != 0) & (S.stage[i, r] == UNAWARE) else S.stage[i, r]


@compiled
def add_session(S, o, pull, sessions, attended):
    """Add the session of service o, where its commissioner attends, to what moves them [K x W, W and W]."""
    W, found, S_k = len(S.runs), S.session_found[o], S.session_position[o]
    anybody = 0
    for r in range(W):
        anybody |= S.commissioner_attends[o, r]
    if anybody == 0:
        return
    for r in range(W):
        attends = np.float64(S.commissioner_attends[o, r])
        attended[r] += attends
        sessions[r] += attends * found[r]
    for k in range(S.values.shape[1]):
        for r in range(W):
            attends = np.float64(S.commissioner_attends[o, r])
            pull[k, r] += attends * found[r] * (S_k[k, r] - S.values[S.commissioner[o], k, r])


@compiled
def commissioners(S, t):
    """Commissioners move by the mean pull of the sessions they attended (those with a position), and learn once."""
    K, W, C = S.values.shape[1], len(S.runs), S.portfolio_start.shape[0] - 1
    pull, sessions, attended = np.zeros((C, K, W)), np.zeros((C, W)), np.zeros((C, W))
    for o in range(S.setting.shape[0]):
        c = S.commissioner[o] - S.first[S.setting.shape[0]]
        if c >= 0:
            add_session(S, o, pull[c], sessions[c], attended[c])
    for c in range(C):
        row = S.first[S.setting.shape[0]] + c
        for r in range(len(S.runs)):
            S.takes_part[row, r] = attended[c, r] > 0.0
            gain = S.clarity_gain[r] if attended[c, r] > 0.0 else 0.0
            S.clarity[row, r] += gain * (1.0 - S.clarity[row, r])
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                moves = S.coproduction_rate[r] * (pull[c, k, r] / sessions[c, r]) if sessions[c, r] > 0.0 else 0.0
                S.values[row, k, r] += moves


@in_parts
def coproduction(S, t):
    K, W = S.values.shape[1], len(S.runs)
    attends, count, scratch = np.empty(W), np.empty(W), np.empty((K + 3, W))
    copy(of_people(S, S.stage), of_people(S, S.stage_before))
    for o in services_in(S):
        if not attendance(S, o, attends, count):
            continue
        S_k, found = S.session_position[o], S.session_found[o]
        positions(S, o, attends, scratch, S_k, found)
        adapt(S, o, S_k, found)
        if S.rules[SESSION_KNOWLEDGE]:
            share_knowledge(S, o, count, scratch)
        part = scratch[0]
        for i in range(S.first[o], S.first[o + 1]):
            anywhere = 0
            for r in range(W):
                part[r] = np.float64(S.takes_part[i, r])
                anywhere += S.takes_part[i, r]
            if anywhere:
                take_part(S, o, i, part, S_k, found)


PHASES = (coproduction, commissioners)
