"""Relationships (ODD §5.4): bounded-confidence influence over ties (Deffuant 2000; Hegselmann & Krause 2002).

g_ij = 1 - (d_ij / kernel_width)^2 (rule "hard": 1 up to the width, else 0; "constant": 1);   c_ij = relationship_rate g_ij, 0 where g_ij < 0
v_i <- clip(v_i + sum_j quality_ij voice_j c_ij (v_j - v_i) / sum_j voice_j)
"""

import numpy as np

from valign.model.alignment import clip, difference, difference_of_eight, most_ties
from valign.model.compiled.compiling import copy, in_parts, inlined, of_people, people_in, row, row_number, ties_of
from valign.model.compiled.lanes import LANES, alone, eights, first_of, in_strips, keep, left_over, strip, where, zero
from valign.model.state.arrays import CONSTANT, HARD, RELATIONSHIP_RULE


@inlined
def close(S, e, distance, narrow, at):
    """c_ij of people whose values are so far apart in sum. narrow: 1 / (K kernel_width)."""
    d, rate = distance * narrow, S.relationship_rate[at]
    if S.rules[RELATIONSHIP_RULE] == HARD:
        S.closeness[e, at] = rate * where(d <= 1.0, 1.0, 0.0)
    else:
        S.closeness[e, at] = rate * max(1.0 - d * d, 0.0)


@inlined
def close_tie(S, e, narrow, at):
    """c_ij of tie e."""
    v = S.values_before
    close(S, e, difference(v[S.tie_a[e]], v[S.tie_b[e]], at), narrow[at], at)


@in_parts
def closeness(S, t):
    """c_ij of every tie."""
    W, v, whole, start, stop = len(S.runs), S.values_before, in_strips(S.runs), S.span[5], S.span[6]
    narrow, apart = row(S.runs), np.empty((LANES, LANES))
    for r in range(W):
        narrow[r] = 1.0 / (v.shape[1] * S.kernel_width[r])
    if S.rules[RELATIONSHIP_RULE] == CONSTANT:
        for e in range(start, stop):
            copy(S.relationship_rate, S.closeness[e])
        return
    if alone(S.runs):
        for n in eights(start, stop):
            e = row_number(n)
            close(S, strip(e), difference_of_eight(S, v, e, apart), narrow[0], 0)
        start = left_over(start, stop)
    for n in range(start, stop):
        e = row_number(n)
        for r in range(0, whole, LANES):
            close_tie(S, e, narrow, strip(r))
        for r in range(whole, W):
            close_tie(S, e, narrow, r)


@inlined
def move_four(S, i, k, weight, share, at):
    """The values k … k + 3 of person i: four sums at a time stay in registers over all ties."""
    first, v = np.uint64(S.tie_start[i]), S.values_before
    x0, x1, x2, x3 = v[i, k, at], v[i, k + 1, at], v[i, k + 2, at], v[i, k + 3, at]
    pull0 = pull1 = pull2 = pull3 = zero(at)
    for n in ties_of(S, i):
        j, w = S.neighbour[n], weight[n - first, at]
        pull0 += w * (v[j, k, at] - x0)
        pull1 += w * (v[j, k + 1, at] - x1)
        pull2 += w * (v[j, k + 2, at] - x2)
        pull3 += w * (v[j, k + 3, at] - x3)
    S.values[i, k, at] = clip(x0 + pull0 * share)
    S.values[i, k + 1, at] = clip(x1 + pull1 * share)
    S.values[i, k + 2, at] = clip(x2 + pull2 * share)
    S.values[i, k + 3, at] = clip(x3 + pull3 * share)


@inlined
def meet_others(S, i, weight, at):
    """Person i's values move. weight [ties x W]: room for quality_ij voice_j c_ij."""
    first, voices = np.uint64(S.tie_start[i]), zero(at)
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        voice = S.voice[j, at]
        voices += voice
        weight[n - first, at] = S.quality[e, at] * voice * S.closeness[e, at]
    share = where(voices > 0.0, 1.0 / voices, 0.0)
    K = S.values.shape[1]
    for k in range(0, K - 3, 4):
        move_four(S, i, k, weight, share, at)
    if K % 4 and K > 4:  # the last four again, some of them with the same result: sooner than one by one
        move_four(S, i, K - 4, weight, share, at)
    for k in range(K if K < 4 else 0):
        own = S.values_before[i, k, at]
        pull = zero(at)
        for n in ties_of(S, i):
            pull += weight[n - first, at] * (S.values_before[S.neighbour[n], k, at] - own)
        S.values[i, k, at] = clip(own + pull * share)


@inlined
def meet_others_alone(S, i):
    """`meet_others` in a run alone with up to eight dimensions, side by side."""
    v, neighbour, tie_of, quality, voice_of, c = S.values_before, S.neighbour, S.tie_of, S.quality, S.voice, S.closeness
    own, pull, voices = v[i, strip(0), 0], zero(strip(0)), 0.0
    for n in ties_of(S, i):
        j, e = neighbour[n], tie_of[n]
        voice = voice_of[j, 0]
        voices += voice
        pull += quality[e, 0] * voice * c[e, 0] * (v[j, strip(0), 0] - own)
    share = where(voices > 0.0, 1.0 / voices, 0.0)
    keep(S.values, (i, strip(0), 0), clip(own + pull * share), first_of(v.shape[1]))


@in_parts
def remember_values(S, t):
    """Values as relationships begin."""
    copy(of_people(S, S.values), of_people(S, S.values_before))


@in_parts
def relationships(S, t):
    W, whole, K = len(S.runs), in_strips(S.runs), S.values.shape[1]
    weight = np.empty((0 if alone(S.runs) and K <= LANES else most_ties(S), W))
    for n in people_in(S):
        i = row_number(n)
        if alone(S.runs) and K <= LANES:
            meet_others_alone(S, i)
            continue
        for r in range(0, whole, LANES):
            meet_others(S, i, weight, strip(r))
        for r in range(whole, W):
            meet_others(S, i, weight, r)


PHASES = (remember_values, closeness, relationships)
