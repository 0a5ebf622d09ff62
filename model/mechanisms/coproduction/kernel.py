"""Co-production (ODD §5.7): sessions in which members, peers and the commissioner find a common position.

propensity_i = 1 - exp(-w_i I/(1 - I));   S = (1 - psi) mean of non-peers + psi mean of peers
v_i <- v_i + coproduction_rate (S - v_i);   drift_o <- toward S - m, at most `flexibility`;   clarity, ties, voice grow
"""

import numpy as np

from valign.model.alignment import clip, in_use
from valign.model.compiled.compiling import compiled, copy, fill, in_parts, inlined, of_people, services_in, ties_of
from valign.model.compiled.lanes import LANES, in_strips, number, some, strip, where, zero
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
    possible, certain = draw < y * SAFELY + ROUNDING, draw * SAFELY + ROUNDING < y - 0.5 * y * y
    if some(possible & ~certain):
        return draw < 1.0 - exponential(-y)
    return possible


@inlined
def attend(S, i, rate, count, at):
    """Whether person i takes part."""
    comes = takes_part(S.draw[i, PERSON_DRAW.take_part, at], S.taking_part[i, at] * rate[at])
    S.takes_part[i, at] = where(comes, 1, 0)
    count[at] += number(comes)


@compiled
def attendance(S, o, attends, count):
    """Who takes part this month [members and the commissioner, by run]; count: members taking part. True if anybody does."""
    W, first, last, whole = len(S.runs), S.first[o], S.first[o + 1], in_strips(S.runs)
    c, takes, w, rate = S.commissioner[o], S.takes_part, S.taking_part, np.empty(W)
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
            for r in range(0, whole, LANES):
                attend(S, i, rate, count, strip(r))
            for r in range(whole, W):
                attend(S, i, rate, count, r)
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


@inlined
def add_voice(S, i, part, voice, total, at):
    """Add person i, where they take part, to the voices [W] and the weighted sum of values [K x W] of their side."""
    if not some(part != 0.0):
        return
    weight = part * S.voice[i, at]
    voice[at] += weight
    for k in range(S.values.shape[1]):
        total[k, at] += weight * S.values[i, k, at]


@inlined
def add_side(S, i, voices, others, peers, at):
    """The same of a member of the service, to the side of peers or of others. voices: of the others and of the peers [2 x W]."""
    part = number(S.takes_part[i, at] != 0)
    if S.role[i] == PEER:
        add_voice(S, i, part, voices[1], peers, at)
    else:
        add_voice(S, i, part, voices[0], others, at)


@compiled
def positions(S, o, attends, scratch, S_k, found):
    """S_k: the session's position, peers holding the share `power_sharing`; found: 1 where anybody has a voice."""
    K, W, whole = S.values.shape[1], len(S.runs), in_strips(S.runs)
    other_voice, peer_voice = scratch[0], scratch[1]
    others, peers, c = S_k, scratch[2:], S.commissioner[o]
    fill(scratch, 0.0)
    fill(S_k, 0.0)
    for i in range(S.first[o], S.first[o + 1]):
        for r in range(0, whole, LANES):
            add_side(S, i, scratch, others, peers, strip(r))
        for r in range(whole, W):
            add_side(S, i, scratch, others, peers, r)
    if c >= 0:
        for r in range(W):
            add_voice(S, c, attends[r], other_voice, others, r)
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


@inlined
def take_part(S, o, i, S_k, found, at):
    """What a session does to a participant: values, clarity, voice of peers, quality of ties between participants."""
    part, v = number(S.takes_part[i, at] != 0), S.values
    if not some(part != 0.0):
        return
    rate = part * found[at] * S.coproduction_rate[at]
    for k in range(v.shape[1]):
        v[i, k, at] += rate * (S_k[k, at] - v[i, k, at])
    S.clarity[i, at] += part * S.clarity_gain[at] * (1.0 - S.clarity[i, at])
    if S.role[i] == PEER:
        S.voice[i, at] += part * VOICE_GAIN * (1.0 - S.voice[i, at])
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        if j > i and S.organisation[j] == o:
            S.quality[e, at] += part * number(S.takes_part[j, at] != 0) * TIE_GAIN * (1.0 - S.quality[e, at])


@inlined
def share_knowledge(S, o, count, at):
    """Participants' beliefs move toward their mean, and the unaware among them become aware."""
    belief, total0 = S.belief, zero(at)
    total1 = total2 = total0
    for i in range(S.first[o], S.first[o + 1]):
        takes = S.takes_part[i, at] != 0
        if some(takes):
            total0 += where(takes, belief[i, 0, at], 0.0)
            total1 += where(takes, belief[i, 1, at], 0.0)
            total2 += where(takes, belief[i, 2, at], 0.0)
    mean0 = where(count[at] > 0.0, total0 / count[at], 0.0)
    mean1 = where(count[at] > 0.0, total1 / count[at], 0.0)
    mean2 = where(count[at] > 0.0, total2 / count[at], 0.0)
    for i in range(S.first[o], S.first[o + 1]):
        takes = S.takes_part[i, at] != 0
        if some(takes):
            rate = where(takes, S.session_sharing[at], 0.0)
            belief[i, 0, at] += rate * (mean0 - belief[i, 0, at])
            belief[i, 1, at] += rate * (mean1 - belief[i, 1, at])
            belief[i, 2, at] += rate * (mean2 - belief[i, 2, at])
            S.stage[i, at] = where(takes & (S.stage[i, at] == UNAWARE), AWARE, S.stage[i, at])


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
    K, W, whole = S.values.shape[1], len(S.runs), in_strips(S.runs)
    attends, count, scratch = np.empty(W), np.empty(W), np.empty((K + 2, W))
    copy(of_people(S, S.stage), of_people(S, S.stage_before))
    for o in services_in(S):
        if not attendance(S, o, attends, count):
            continue
        S_k, found = S.session_position[o], S.session_found[o]
        positions(S, o, attends, scratch, S_k, found)
        adapt(S, o, S_k, found)
        if S.rules[SESSION_KNOWLEDGE]:
            for r in range(0, whole, LANES):
                share_knowledge(S, o, count, strip(r))
            for r in range(whole, W):
                share_knowledge(S, o, count, r)
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                take_part(S, o, i, S_k, found, strip(r))
            for r in range(whole, W):
                take_part(S, o, i, S_k, found, r)


PHASES = (coproduction, commissioners)
