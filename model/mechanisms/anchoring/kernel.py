"""Anchoring (ODD §5.5): values return to those one came with (Friedkin & Johnsen 1990).

v_i <- v_i + anchoring (v0_i - v_i)
"""

from valign.model.compiled.compiling import in_parts, people_in, row_number


@in_parts
def anchoring(S, t):
    for n in people_in(S):
        i = row_number(n)
        for k in range(S.values.shape[1]):
            for r in range(len(S.runs)):
                v = S.values[i, k, r]
                S.values[i, k, r] = v + S.anchoring[r] * (S.origin[i, k, r] - v)
