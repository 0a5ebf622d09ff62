"""Scheduled changes (ODD §5.1): at month t set or scale a parameter, or bring in a new leader."""

import math

import numpy as np

from valign.model.compiled.compiling import compiled
from valign.model.compiled.randomness import BROUGHT_IN
from valign.model.entry import recruits
from valign.model.constants import EVIDENCE_WEIGHTS
from valign.model.state.arrays import COMMISSIONER, MANAGER


@compiled
def normalise(S):
    """Emphasis and weights on the evidence, each scaled to sum 1 (equal if all are 0)."""
    K = S.emphasis.shape[0]
    for r in range(len(S.runs)):
        total = 0.0
        for k in range(K):
            total += S.innovation_emphasis[k, r]
        for k in range(K):
            S.emphasis[k, r] = S.innovation_emphasis[k, r] / total if total > 0.0 else 1.0 / K
        for role in range(COMMISSIONER):
            for e in range(3):
                S.role_weights[role, e, r] = EVIDENCE_WEIGHTS[role, e]
        total = 0.0
        for e in range(3):
            total += S.commissioner_weight[e, r]
        for e in range(3):
            S.role_weights[COMMISSIONER, e, r] = S.commissioner_weight[e, r] / total if total > 0.0 else 1.0 / 3.0


@compiled
def changes(S, t):
    """Apply the entries of month t, in order."""
    person, run = np.empty(1, np.int64), np.empty(1, np.int64)
    for c in range(S.change_parameter.shape[0]):
        row = S.change_parameter[c]
        for r in range(len(S.runs)):
            if S.change_month[c, r] != t:
                continue
            if row >= 0:
                for s in range(S.parameters.shape[1]):
                    if S.change_setting[c, s]:
                        value = S.change_value[c, r]
                        if S.change_scales[c]:
                            value *= S.parameters[row, s, r]
                        if S.limits[2, row] > 0.0:
                            value = math.floor(value + 0.5)
                        S.parameters[row, s, r] = min(max(value, S.limits[0, row]), S.limits[1, row])
                continue
            for o in range(S.setting.shape[0]):
                if S.change_service[c, o]:
                    for i in range(S.first[o], S.first[o + 1]):
                        if S.role[i] == MANAGER:
                            person[0], run[0] = i, r
                            recruits(S, person, run, 1, t, BROUGHT_IN, S.change_profile[c])
    normalise(S)
