"""Dialogue (ODD §5.12): commissioners and services discuss the emerging evidence.

b_e <- observation of the results presented, precision 3 a_e Theta;   u <- u + dialogue_rate (a - u), then u + dialogue_anchor (u0 - u)
v_c <- v_c + dialogue_values (mean values of the managers met - v_c)
"""

import math

import numpy as np

from valign.model.compiled.compiling import compiled
from valign.model.state.arrays import MANAGER

from ..evidence.kernel import observe, portfolio_results


@compiled
def meet(S, c, r):
    """One meeting of commissioner c with their services."""
    row = S.first[S.setting.shape[0]] + c
    for e in range(3):
        theta, mean = portfolio_results(S, c, e, r)
        if theta > 0.0:
            observe(S, row, e, r, mean, 3.0 * S.presented[e, r] * theta)
            S.weights[c, e, r] += S.dialogue_rate[r] * (S.presented[e, r] - S.weights[c, e, r])
    for k in range(S.values.shape[1]):
        total = 0.0
        managers = 0
        for n in range(S.portfolio_start[c], S.portfolio_start[c + 1]):
            o = S.portfolio[n]
            for i in range(S.first[o], S.first[o + 1]):
                if S.role[i] == MANAGER:
                    total += S.values[i, k, r]
                    managers += 1
        if managers > 0:
            S.values[row, k, r] += S.dialogue_values[r] * (total / managers - S.values[row, k, r])


@compiled
def dialogue(S, t):
    W = len(S.runs)
    due = np.empty(W, np.bool_)
    for r in range(W):
        due[r] = math.floor(t * S.dialogue[r] / 12.0) > math.floor((t - 1) * S.dialogue[r] / 12.0)
    for c in range(S.portfolio_start.shape[0] - 1):
        for r in range(W):
            if due[r] and S.portfolio_start[c + 1] > S.portfolio_start[c]:
                meet(S, c, r)
        for e in range(3):
            for r in range(W):
                S.weights[c, e, r] += S.dialogue_anchor[r] * (S.weights_origin[c, e, r] - S.weights[c, e, r])
