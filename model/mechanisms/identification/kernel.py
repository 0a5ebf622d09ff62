"""Participation and identification (ODD §5.8).

g_i <- g_i + identification_growth A_i [engaged or took part] (1 - g_i) - identification_decay g_i
v_i <- v_i + internalisation g_i (p_i - v_i)
"""

import numpy as np

from valign.model.alignment import perceived, put_eight
from valign.model.compiled.compiling import in_parts, inlined, row_number
from valign.model.compiled.lanes import LANES, alone, eights, in_strips, left_over, strip, where
from valign.model.state.arrays import COMMISSIONER, ENGAGED


@inlined
def identify(S, i, at):
    """g_i of person i, or in a run alone of eight people."""
    g, involved = S.identification[i, at], (S.stage[i, at] == ENGAGED) | (S.takes_part[i, at] != 0)
    involved = where(involved, where(S.role[i] == COMMISSIONER, 0.0, 1.0), 0.0)
    growth = S.identification_growth[at] * S.alignment[i, at] * involved * (1.0 - g)
    S.identification[i, at] = g + (growth - S.identification_decay[at] * g)


@inlined
def internalise(S, i, at):
    """The values of person i."""
    rate, clarity, m = S.internalisation[at] * S.identification[i, at], S.clarity[i, at], S.perceives[i]
    for k in range(S.values.shape[1]):
        v = S.values[i, k, at]
        p = perceived(v, S.version[m, k, at], S.reading[i, k, at], clarity, S.projection[at])
        S.values[i, k, at] = v + rate * (p - v)


@inlined
def internalise_eight(S, i, moved):
    """The values of people i … i + 7 of a run alone, dimensions side by side. moved: room for 8 x 8."""
    for k in range(0, S.values.shape[1], LANES):
        at = strip(k)
        for n in range(LANES):
            rate, v, m = S.internalisation[0] * S.identification[i + n, 0], S.values[i + n, at, 0], S.perceives[i + n]
            p = perceived(v, S.version[m, at, 0], S.reading[i + n, at, 0], S.clarity[i + n, 0], S.projection[0])
            moved[n, strip(0)] = v + rate * (p - v)
        put_eight(S.values, i, k, moved)


@in_parts
def identification(S, t):
    start, stop, whole = S.span[0], S.span[1], in_strips(S.runs)
    if alone(S.runs):
        moved = np.empty((LANES, LANES))
        for n in eights(start, stop):
            i = row_number(n)
            identify(S, strip(i), 0)
            internalise_eight(S, i, moved)
        start = left_over(start, stop)
    for n in range(start, stop):
        i = row_number(n)
        for r in range(0, whole, LANES):
            identify(S, i, strip(r))
            internalise(S, i, strip(r))
        for r in range(whole, len(S.runs)):
            identify(S, i, r)
            internalise(S, i, r)
