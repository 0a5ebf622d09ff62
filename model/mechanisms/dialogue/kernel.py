"""Dialogue (ODD §5.12): commissioners and services discuss the emerging evidence.

b_e <- observation of the results presented, precision Theta;   u <- u + dialogue_rate (1/3 - u), then u + .02 (u0 - u)
"""

import math

import numpy as np

from valign.model.compiled.compiling import compiled
from valign.model.constants import DIALOGUE_ANCHOR

from ..evidence.kernel import observe, portfolio_results


@compiled
def meet(S, c, r):
    """One meeting of commissioner c with their services."""
    row = S.first[S.setting.shape[0]] + c
    for e in range(3):
        theta, mean = portfolio_results(S, c, e, r)
        if theta > 0.0:
            observe(S, row, e, r, mean, theta)
            S.weights[c, e, r] += S.dialogue_rate[r] * (1.0 / 3.0 - S.weights[c, e, r])


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
                S.weights[c, e, r] += DIALOGUE_ANCHOR * (S.weights_origin[c, e, r] - S.weights[c, e, r])
