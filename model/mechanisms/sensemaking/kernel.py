"""Sensemaking (ODD §5.9): people judge the innovation together, grounded again and again in their own values.

A_i <- A_i + a_g (fit_i - A_i) + sum_j a_ij (A_j - A_i) + a_s (A_l - A_i) + a_c (A_S - A_i)      for the aware
a_g = grounding;   a_ij = talk quality_ij voice_j s_j / sum_j voice_j;   a_s = sensegiving leadership_o Q [manager l aware]
a_c = session [took part];   all divided by a_g + sum_j a_ij + a_s + a_c where that is above 1
"""

import numpy as np

from valign.model.compiled.compiling import compiled, copy, fill, inlined, row
from valign.model.ledger.booking import book_judgement, judge_from_now
from valign.model.ledger.decomposition import entry
from valign.model.state.arrays import ENGAGED, LAPSED, PEER, UNAWARE

from ..leadership.kernel import strength_of

GROUNDING = entry("sensemaking")  # rows of the ledger from here on: grounding, talk, sensegiving, session


@compiled
def weight_in_talk(S):
    """s_j: 1 with experience (engaged, lapsed), aware_voice for the other aware, 0 for the unaware [N x W]."""
    weight = np.empty(S.alignment.shape)
    for j in range(S.role.shape[0]):
        for r in range(len(S.runs)):
            stage = S.stage[j, r]
            experienced = (stage == ENGAGED) | (stage == LAPSED)
            weight[j, r] = 1.0 if experienced else 0.0 if stage == UNAWARE else S.aware_voice[r]
    return weight


@inlined
def add_judgement(S, i, part, A, voice, total):
    """Add person i, where they take part and are aware, to the voices and the weighted sum of judgements of their side."""
    for r in range(len(S.runs)):
        heard = part[r] * S.voice[i, r] if S.stage[i, r] != UNAWARE else 0.0
        voice[r] += heard
        total[r] += heard * A[i, r]


@compiled
def session_judgements(S, A):
    """A_S of every service's session [O x W], peers holding the share `power_sharing`; NaN where there is none."""
    W, O = len(S.runs), S.setting.shape[0]
    found, part = np.empty((O, W)), row(S.runs)
    others, other_voice, peers, peer_voice = row(S.runs), row(S.runs), row(S.runs), row(S.runs)
    for o in range(O):
        for r in range(W):
            others[r] = 0.0
            other_voice[r] = 0.0
            peers[r] = 0.0
            peer_voice[r] = 0.0
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(W):
                part[r] = np.float64(S.takes_part[i, r])
            if S.role[i] == PEER:
                add_judgement(S, i, part, A, peer_voice, peers)
            else:
                add_judgement(S, i, part, A, other_voice, others)
        if S.commissioner[o] >= 0:
            for r in range(W):
                part[r] = np.float64(S.commissioner_attends[o, r])
            add_judgement(S, S.commissioner[o], part, A, other_voice, others)
        for r in range(W):
            share = S.power_sharing[S.setting[o], r]
            share = 0.0 if peer_voice[r] <= 0.0 else share if other_voice[r] > 0.0 else 1.0
            mean = share * peers[r] / peer_voice[r] if peer_voice[r] > 0.0 else 0.0
            mean += (1.0 - share) * others[r] / other_voice[r] if other_voice[r] > 0.0 else 0.0
            found[o, r] = mean if (peer_voice[r] > 0.0) | (other_voice[r] > 0.0) else np.nan
    return found


@compiled
def from_talk(S, i, A, weight, pull, share):
    """pull: sum_j a_ij (A_j - A_i); share: sum_j a_ij, over all ties of i."""
    voices = row(S.runs)
    for r in range(len(S.runs)):
        pull[r] = 0.0
        share[r] = 0.0
        voices[r] = 0.0
    for n in range(S.tie_start[i], S.tie_start[i + 1]):
        j, e = S.neighbour[n], S.tie_of[n]
        for r in range(len(S.runs)):
            heard = S.quality[e, r] * S.voice[j, r] * weight[j, r]
            voices[r] += S.voice[j, r]
            share[r] += heard
            pull[r] += heard * (A[j, r] - A[i, r])
    for r in range(len(S.runs)):
        a = S.talk[r] / voices[r] if voices[r] > 0.0 else 0.0
        pull[r] *= a
        share[r] *= a


@compiled
def from_manager(S, o, i, A, pull, share):
    """pull: a_s (A_l - A_i); share: a_s."""
    leader, tie = S.manager[i], S.line_tie[i]
    for r in range(len(S.runs)):
        a = 0.0
        if leader >= 0:
            a = S.sensegiving[r] * strength_of(S, o, r) * S.quality[tie, r] if S.stage[leader, r] != UNAWARE else 0.0
        share[r] = a
        pull[r] = a * (A[leader, r] - A[i, r]) if leader >= 0 else 0.0


@compiled
def from_sessions(S, o, i, A, heard, pull, share):
    """pull: a_c (A_S - A_i), of a commissioner the mean over the sessions attended; share: a_c."""
    O = S.setting.shape[0]
    for r in range(len(S.runs)):
        pull[r] = 0.0
        share[r] = 0.0
    if o < O:
        for r in range(len(S.runs)):
            takes = (S.takes_part[i, r] != 0) & ~np.isnan(heard[o, r])
            share[r] = S.session[r] if takes else 0.0
            pull[r] = S.session[r] * (heard[o, r] - A[i, r]) if takes else 0.0
        return
    c = i - S.first[O]
    for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
        service = S.portfolio[n]
        for r in range(len(S.runs)):
            if S.commissioner_attends[service, r] and not np.isnan(heard[service, r]):
                share[r] += 1.0
                pull[r] += heard[service, r] - A[i, r]
    for r in range(len(S.runs)):
        pull[r] = S.session[r] * pull[r] / share[r] if share[r] > 0.0 else 0.0
        share[r] = S.session[r] if share[r] > 0.0 else 0.0


@compiled
def sensemaking(S, t):
    W, O = len(S.runs), S.setting.shape[0]
    A, recorded = np.empty(S.alignment.shape), S.ledger.shape[0] > 0
    copy(S.alignment, A)
    weight, heard = weight_in_talk(S), session_judgements(S, A)
    terms, shares, limit = np.empty((4, W)), np.empty((4, W)), row(S.runs)  # grounding, talk, sensegiving, session
    fill(terms, 0.0)
    fill(shares, 0.0)
    for o in range(O + 1):
        for i in range(S.first[o], S.first[o + 1]):
            aware = 0
            for r in range(W):
                aware += S.stage[i, r] != UNAWARE
            if aware:
                from_talk(S, i, A, weight, terms[1], shares[1])
                from_manager(S, o, i, A, terms[2], shares[2])
                from_sessions(S, o, i, A, heard, terms[3], shares[3])
            for r in range(W):
                judges = S.stage[i, r] != UNAWARE
                S.judges[i, r] = judges
                total = S.grounding[r] + shares[1, r] + shares[2, r] + shares[3, r]
                limit[r] = 1.0 if total <= 1.0 else 1.0 / total
                limit[r] = limit[r] if judges else 0.0
                terms[0, r] = S.grounding[r] * (S.fit[i, r] - A[i, r])
                S.alignment[i, r] += limit[r] * (terms[0, r] + terms[1, r] + terms[2, r] + terms[3, r])
            if recorded:
                judge_from_now(S, i)
                book_judgement(S, GROUNDING, i, limit, terms)
