"""Relationships (ODD §5.4): bounded-confidence influence over ties (Deffuant 2000; Hegselmann & Krause 2002).

g_ij = 1 - (d_ij / kernel_width)^2 (rule "hard": 1 up to the width, else 0; "constant": 1);   c_ij = relationship_rate g_ij, 0 where g_ij < 0
v_i <- clip(v_i + sum_j quality_ij voice_j c_ij (v_j - v_i) / sum_j voice_j)
"""

import numpy as np

from valign.model.alignment import clip, most_ties
from valign.model.compiled.compiling import copy, in_parts, inlined, of_people, people_in, row, row_number
from valign.model.compiled.lanes import LANES, in_strips, strip, where, zero
from valign.model.state.arrays import CONSTANT, HARD, RELATIONSHIP_RULE


@inlined
def closeness(S, i, j, narrow, at):
    """c_ij. narrow: 1 / (K kernel_width)."""
    rule, rate = S.rules[RELATIONSHIP_RULE], S.relationship_rate[at]
    if rule == CONSTANT:
        return rate
    v, distance = S.values_before, zero(at)
    for k in range(v.shape[1]):
        distance += abs(v[i, k, at] - v[j, k, at])
    d = distance * narrow
    if rule == HARD:
        return rate * where(d <= 1.0, 1.0, 0.0)
    return rate * max(1.0 - d * d, 0.0)


@inlined
def move_four(S, i, k, weight, share, at):
    """The values k … k + 3 of person i: four sums at a time stay in registers over all ties."""
    first, v = S.tie_start[i], S.values_before
    x0, x1, x2, x3 = v[i, k, at], v[i, k + 1, at], v[i, k + 2, at], v[i, k + 3, at]
    pull0 = pull1 = pull2 = pull3 = zero(at)
    for n in range(first, S.tie_start[i + 1]):
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
def meet_others(S, i, narrow, c, weight, at):
    """Person i's values move. c: of the ties to people of this part before i; weight [ties x W]: quality_ij voice_j c_ij."""
    first, last = S.tie_start[i], S.tie_start[i + 1]
    voices = zero(at)
    for n in range(first, last):
        j, e = S.neighbour[n], S.tie_of[n]
        voice = S.voice[j, at]
        voices += voice
        if i < j or j < S.span[0]:
            c[e, at] = closeness(S, i, j, narrow[at], at)
        weight[n - first, at] = S.quality[e, at] * voice * c[e, at]
    share = where(voices > 0.0, 1.0 / voices, 0.0)
    K, blocks = S.values.shape[1], S.values.shape[1] // 4 * 4
    for k in range(0, blocks, 4):
        move_four(S, i, k, weight, share, at)
    for k in range(blocks, K):
        own = S.values_before[i, k, at]
        pull = zero(at)
        for n in range(first, last):
            pull += weight[n - first, at] * (S.values_before[S.neighbour[n], k, at] - own)
        S.values[i, k, at] = clip(own + pull * share)


@in_parts
def remember_values(S, t):
    """Values as relationships begin."""
    copy(of_people(S, S.values), of_people(S, S.values_before))


@in_parts
def relationships(S, t):
    W, K, whole = len(S.runs), S.values.shape[1], in_strips(S.runs)
    c, weight, narrow = np.empty(S.quality.shape), np.empty((most_ties(S), W)), row(S.runs)
    for r in range(W):
        narrow[r] = 1.0 / (K * S.kernel_width[r])
    for n in people_in(S):
        i = row_number(n)
        for r in range(0, whole, LANES):
            meet_others(S, i, narrow, c, weight, strip(r))
        for r in range(whole, W):
            meet_others(S, i, narrow, c, weight, r)


PHASES = (remember_values, relationships)
