"""Sensemaking (ODD §5.9): people judge the innovation together, grounded again and again in their own values.

A_i <- A_i + a_g (fit_i - A_i) + sum_j a_ij (A_j - A_i) + a_s (A_l - A_i) + a_c (A_S - A_i)      for the aware
a_g = grounding;   a_ij = talk quality_ij voice_j s_j / sum_j voice_j;   a_s = sensegiving leadership_o Q [manager l aware]
a_c = session [took part];   all divided by a_g + sum_j a_ij + a_s + a_c where that is above 1
"""

import numpy as np

from valign.model.compiled.compiling import (
    compiled,
    copy,
    groups_in,
    in_parts,
    inlined,
    of_people,
    people_in,
    row,
    row_number,
    services_in,
    ties_of,
)
from valign.model.compiled.lanes import LANES, alone, in_strips, number, some, strip, where, zero
from valign.model.ledger.booking import book_judgement, judge_from_now
from valign.model.ledger.decomposition import entry
from valign.model.state.arrays import ENGAGED, LAPSED, PEER, UNAWARE

from ..leadership.kernel import strength_of

GROUNDING = entry("sensemaking")  # rows of the ledger from here on: grounding, talk, sensegiving, session


@compiled
def weight_in_talk(S):
    """s_j: 1 with experience (engaged, lapsed), aware_voice for the other aware, 0 for the unaware."""
    for n in people_in(S):
        j = row_number(n)
        for r in range(len(S.runs)):
            stage = S.stage[j, r]
            experienced = (stage == ENGAGED) | (stage == LAPSED)
            S.talk_weight[j, r] = 1.0 if experienced else 0.0 if stage == UNAWARE else S.aware_voice[r]


@inlined
def add_judgement(S, i, part, voice, total):
    """Add person i, where they take part and are aware, to the voices and the weighted sum of judgements of their side."""
    for r in range(len(S.runs)):
        heard = part[r] * S.voice[i, r] if S.stage[i, r] != UNAWARE else 0.0
        voice[r] += heard
        total[r] += heard * S.alignment[i, r]


@compiled
def session_judgements(S):
    """A_S of every service's session, peers holding the share `power_sharing`; NaN where there is none."""
    W, part = len(S.runs), row(S.runs)
    others, other_voice, peers, peer_voice = row(S.runs), row(S.runs), row(S.runs), row(S.runs)
    for o in services_in(S):
        for r in range(W):
            others[r] = 0.0
            other_voice[r] = 0.0
            peers[r] = 0.0
            peer_voice[r] = 0.0
        for i in range(S.first[o], S.first[o + 1]):
            if alone(S.runs) and S.takes_part[i, 0] == 0:
                continue
            for r in range(W):
                part[r] = np.float64(S.takes_part[i, r])
            if S.role[i] == PEER:
                add_judgement(S, i, part, peer_voice, peers)
            else:
                add_judgement(S, i, part, other_voice, others)
        if S.commissioner[o] >= 0:
            for r in range(W):
                part[r] = np.float64(S.commissioner_attends[o, r])
            add_judgement(S, S.commissioner[o], part, other_voice, others)
        for r in range(W):
            share = S.power_sharing[S.setting[o], r]
            share = 0.0 if peer_voice[r] <= 0.0 else share if other_voice[r] > 0.0 else 1.0
            mean = share * peers[r] / peer_voice[r] if peer_voice[r] > 0.0 else 0.0
            mean += (1.0 - share) * others[r] / other_voice[r] if other_voice[r] > 0.0 else 0.0
            voiced = (peer_voice[r] > 0.0) | (other_voice[r] > 0.0)
            S.session_judgement[o, r] = mean if voiced else np.nan


@inlined
def from_talk(S, i, A, weight, at):
    """pull: sum_j a_ij (A_j - A_i); share: sum_j a_ij, over all ties of i."""
    own = A[i, at]
    pull = share = voices = zero(at)
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        voice = S.voice[j, at]
        heard = S.quality[e, at] * voice * weight[j, at]
        voices += voice
        share += heard
        pull += heard * (A[j, at] - own)
    a = where(voices > 0.0, S.talk[at] / voices, 0.0)
    return pull * a, share * a


@inlined
def from_manager(S, o, i, A, strength, at):
    """pull: a_s (A_l - A_i); share: a_s. strength: leadership_o [W]."""
    leader, tie = S.manager[i], S.line_tie[i]
    if leader < 0:
        return zero(at), zero(at)
    a = where(S.stage[leader, at] != UNAWARE, S.sensegiving[at] * strength[at] * S.quality[tie, at], 0.0)
    return a * (A[leader, at] - A[i, at]), a


@inlined
def from_session(S, o, i, A, heard, at):
    """pull: a_c (A_S - A_i) of a member of service o who took part; share: a_c."""
    A_S = heard[o, at]
    takes = (S.takes_part[i, at] != 0) & (A_S == A_S)
    return where(takes, S.session[at] * (A_S - A[i, at]), 0.0), where(takes, S.session[at], 0.0)


@inlined
def from_sessions(S, i, A, heard, at):
    """pull: a_c mean of (A_S - A_i) over the sessions that a commissioner attended; share: a_c."""
    c, own = i - S.first[S.setting.shape[0]], A[i, at]
    attended = pull = zero(at)
    for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
        o = S.portfolio[n]
        A_S = heard[o, at]
        there = (S.commissioner_attends[o, at] != 0) & (A_S == A_S)
        attended += number(there)
        pull += where(there, A_S - own, 0.0)
    found = attended > 0.0
    return where(found, S.session[at] * pull / attended, 0.0), where(found, S.session[at], 0.0)


@inlined
def judge(S, o, i, A, weight, heard, strength, terms, limit, at):
    """The judgement of person i; terms: by which it moves, and limit: by which they are multiplied."""
    aware = S.stage[i, at] != UNAWARE
    S.judges[i, at] = aware
    if not some(aware):
        limit[at] = 0.0
        return
    grounded = S.grounding[at] * (S.fit[i, at] - A[i, at])
    terms[0, at] = grounded
    talk, talk_share = from_talk(S, i, A, weight, at)
    manager, manager_share = from_manager(S, o, i, A, strength, at)
    if o < S.setting.shape[0]:
        session, session_share = from_session(S, o, i, A, heard, at)
    else:
        session, session_share = from_sessions(S, i, A, heard, at)
    total = S.grounding[at] + talk_share + manager_share + session_share
    bound = where(total <= 1.0, 1.0, 1.0 / total)
    bound = where(aware, bound, 0.0)
    S.alignment[i, at] = A[i, at] + bound * (grounded + talk + manager + session)
    terms[1, at] = talk
    terms[2, at] = manager
    terms[3, at] = session
    limit[at] = bound


@in_parts
def remember_judgements(S, t):
    """What people judge, and how much they are heard, as sensemaking begins."""
    copy(of_people(S, S.alignment), of_people(S, S.alignment_before))
    weight_in_talk(S)
    session_judgements(S)


@in_parts
def sensemaking(S, t):
    W, O, whole, recorded = len(S.runs), S.setting.shape[0], in_strips(S.runs), S.ledger.shape[0] > 0
    A, weight, heard = S.alignment_before, S.talk_weight, S.session_judgement
    terms, limit, strength = np.zeros((4, W)), row(S.runs), row(S.runs)  # terms: grounding, talk, sensegiving, session
    for o in groups_in(S):
        for r in range(W):
            strength[r] = strength_of(S, o, r) if o < O else 0.0
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                judge(S, o, i, A, weight, heard, strength, terms, limit, strip(r))
            for r in range(whole, W):
                judge(S, o, i, A, weight, heard, strength, terms, limit, r)
            if recorded:
                judge_from_now(S, i)
                book_judgement(S, GROUNDING, i, limit, terms)


PHASES = (remember_judgements, sensemaking)
