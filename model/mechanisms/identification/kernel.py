"""Participation and identification (ODD §5.8).

g_i <- g_i + identification_growth A_i [engaged or took part] (1 - g_i) - identification_decay g_i
v_i <- v_i + internalisation g_i (p_i - v_i)
"""

from valign.model.alignment import perceived
from valign.model.compiled.compiling import in_parts, people_in, row_number
from valign.model.state.arrays import COMMISSIONER, ENGAGED


@in_parts
def identification(S, t):
    for n in people_in(S):
        i = row_number(n)
        member = 0.0 if S.role[i] == COMMISSIONER else 1.0
        g, clarity, A, stage, took_part = S.identification[i], S.clarity[i], S.alignment[i], S.stage[i], S.takes_part[i]
        version = S.version[S.perceives[i]]
        for r in range(len(S.runs)):
            involved = member if (stage[r] == ENGAGED) | (took_part[r] != 0) else 0.0
            g[r] += S.identification_growth[r] * A[r] * involved * (1.0 - g[r]) - S.identification_decay[r] * g[r]
        for k in range(S.values.shape[1]):
            v, m, reading = S.values[i, k], version[k], S.reading[i, k]
            for r in range(len(S.runs)):
                p = perceived(v[r], m[r], reading[r], clarity[r], S.projection[r])
                v[r] += S.internalisation[r] * g[r] * (p - v[r])
