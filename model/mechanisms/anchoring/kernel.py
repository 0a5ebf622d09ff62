"""Anchoring (ODD §5.5): values return to those one came with (Friedkin & Johnsen 1990).

v_i <- v_i + anchoring (v0_i - v_i)
"""

import numpy as np

from valign.model.alignment import put_eight
from valign.model.compiled.compiling import in_parts, inlined, row_number
from valign.model.compiled.lanes import LANES, alone, eights, in_strips, left_over, strip


@inlined
def anchor(S, i, k, at):
    """Value k of person i."""
    v = S.values[i, k, at]
    S.values[i, k, at] = v + S.anchoring[at] * (S.origin[i, k, at] - v)


@inlined
def anchor_eight(S, i, moved):
    """People i … i + 7 of a run alone, dimensions side by side. moved: room for 8 x 8."""
    for k in range(0, S.values.shape[1], LANES):
        for n in range(LANES):
            v = S.values[i + n, strip(k), 0]
            moved[n, strip(0)] = v + S.anchoring[0] * (S.origin[i + n, strip(k), 0] - v)
        put_eight(S.values, i, k, moved)


@in_parts
def anchoring(S, t):
    start, stop, whole = S.span[0], S.span[1], in_strips(S.runs)
    if alone(S.runs):
        moved = np.empty((LANES, LANES))
        for n in eights(start, stop):
            anchor_eight(S, row_number(n), moved)
        start = left_over(start, stop)
    for n in range(start, stop):
        i = row_number(n)
        for k in range(S.values.shape[1]):
            for r in range(0, whole, LANES):
                anchor(S, i, k, strip(r))
            for r in range(whole, len(S.runs)):
                anchor(S, i, k, r)
