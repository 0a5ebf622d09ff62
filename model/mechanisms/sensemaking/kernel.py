"""Sensemaking (ODD §5.9): people judge the innovation together, grounded again and again in their own values.

A_i <- A_i + a_g (fit_i - A_i) + sum_j a_ij (A_j - A_i) + a_s (A_l - A_i) + a_c (A_S - A_i)      for the aware
a_g = grounding;   a_ij = talk quality_ij voice_j s_j / sum_j voice_j;   a_s = sensegiving leadership_o Q [manager l aware]
a_c = session [took part];   all divided by a_g + sum_j a_ij + a_s + a_c where that is above 1
"""

import numpy as np

from valign.model.compiled.compiling import (
    groups_in,
    in_parts,
    inlined,
    people_in,
    row,
    row_number,
    services_in,
    ties_of,
)
from valign.model.compiled.lanes import LANES, in_strips, number, some, strip, where, zero
from valign.model.ledger.booking import book_judgement, judge_from_now
from valign.model.ledger.decomposition import entry
from valign.model.state.arrays import ENGAGED, LAPSED, PEER, UNAWARE

from ..leadership.kernel import strength_of

GROUNDING = entry("sensemaking")  # rows of the ledger from here on: grounding, talk, sensegiving, session


@inlined
def remember(S, j, at):
    """What person j judges, and s_j: 1 with experience (engaged, lapsed), aware_voice for the other aware, 0 for the unaware."""
    stage = S.stage[j, at]
    experienced = (stage == ENGAGED) | (stage == LAPSED)
    S.alignment_before[j, at] = S.alignment[j, at]
    S.talk_weight[j, at] = where(experienced, 1.0, where(stage == UNAWARE, 0.0, S.aware_voice[at]))


@inlined
def voices(S, i, takes, at):
    """The voice of person i in a session, where they are aware, and their judgement multiplied by it."""
    voice = where(takes & (S.stage[i, at] != UNAWARE), S.voice[i, at], 0.0)
    return voice, voice * S.alignment[i, at]


@inlined
def judge_session(S, o, at):
    """A_S of the session of service o, peers holding the share `power_sharing`; NaN where there is none."""
    others = other_voice = peers = peer_voice = zero(at)
    for i in range(S.first[o], S.first[o + 1]):
        takes = S.takes_part[i, at] != 0
        if not some(takes):
            continue
        voice, weighted = voices(S, i, takes, at)
        if S.role[i] == PEER:
            peer_voice += voice
            peers += weighted
        else:
            other_voice += voice
            others += weighted
    if S.commissioner[o] >= 0:
        voice, weighted = voices(S, S.commissioner[o], S.commissioner_attends[o, at] != 0, at)
        other_voice += voice
        others += weighted
    share = where(other_voice > 0.0, S.power_sharing[S.setting[o], at], 1.0)
    share = where(peer_voice > 0.0, share, 0.0)
    mean = where(peer_voice > 0.0, share * peers / peer_voice, 0.0)
    mean += where(other_voice > 0.0, (1.0 - share) * others / other_voice, 0.0)
    S.session_judgement[o, at] = where((peer_voice > 0.0) | (other_voice > 0.0), mean, np.nan)


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
    """What people judge, and how much they are heard, as sensemaking begins; what sessions judge."""
    W, whole = len(S.runs), in_strips(S.runs)
    for n in people_in(S):
        j = row_number(n)
        for r in range(0, whole, LANES):
            remember(S, j, strip(r))
        for r in range(whole, W):
            remember(S, j, r)
    for o in services_in(S):
        for r in range(0, whole, LANES):
            judge_session(S, o, strip(r))
        for r in range(whole, W):
            judge_session(S, o, r)


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
