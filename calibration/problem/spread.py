"""How adoption spreads within communities and over ties: summaries that the fit gate looks at besides those of a fit.

They say how the chance of adopting grows with the share of one's community who have, how steep the rise is, and whether
whoever adopts has more adopters among those they are tied to than their community would give: what influence over ties
that nobody recorded leaves behind.

How much faster adoption goes where more have adopted is told twice by a partial likelihood (Cox 1972): between
communities in the same period, which a trend over time does not touch, and over time in the same community, which
lasting differences between communities do not touch (too low, since the share is what came of it: in data and
simulations alike). Influence moves both, also influence over ties that were not recorded: those few who are tied to an
adopter go much faster, which on average is steeper than any norm of all. They go soon: hence whether adoption follows
on recent adoption, beyond the share.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from valign.model.compiled.compiling import compiled
from valign.model.compiled.randomness import exponential

from .summaries import Layout

EDGES = np.array([0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.01])  # shares of a community who have adopted
RISE = 3  # periods in which the steepest rise is looked for
RECENT = 2  # periods in which others count as recent
STEPS, STEEPEST, WIDE = 12, 25.0, 0.01  # of Newton's method; slope at most, log hazard per share; a prior's precision
NAMES = (
    *(
        f"chance of adopting where {100 * low:g} to {min(100, 100 * high):g} % of the community have"
        for low, high in pairwise(EDGES)
    ),
    f"steepest rise of a community in {RISE} periods",
    "adopters among one's ties, beyond the community",
    "speed by the share who have adopted: between communities in the same period",
    "speed by the share who have adopted: over time in the same community",
    f"adopting within {RECENT} periods of others in the community, beyond its share",
)


def spread_summaries(layout: Layout, time: np.ndarray) -> np.ndarray:
    """Periods of adoption [N x W] -> summaries [len(NAMES) x W]."""
    out = np.zeros((len(NAMES), time.shape[1]))
    _spread(np.ascontiguousarray(time, np.int32), layout.seen, EDGES, RISE, out)
    return out


# --- compiled --------------------------------------------------------------------------------------------------------
@compiled
def _spread(time, seen, edges, rise, out):
    N, W, C, B = time.shape[0], time.shape[1], seen.communities, len(edges) - 1
    T, size = 0, np.zeros(C)
    for i in range(N):
        T = max(T, seen.until[i])
        size[seen.community[i]] += 1.0 if seen.until[i] > 0 else 0.0
    t = np.zeros(N, np.int64)
    for r in range(W):
        new, risk = np.zeros((C, T + 2)), np.zeros((C, T + 2))
        for i in range(N):
            t[i] = time[i, r] if 1 <= time[i, r] <= seen.until[i] else 0
            new[seen.community[i], t[i]] += 1.0 if t[i] > 0 else 0.0
            risk[seen.community[i], t[i] if t[i] > 0 else seen.until[i]] += 1.0
        share = np.zeros((C, T + 2))  # of a community, before each period
        for c in range(C):
            for month in range(1, T + 1):
                share[c, month + 1] = share[c, month] + (new[c, month] / size[c] if size[c] > 0.0 else 0.0)
            for month in range(T - 1, 0, -1):  # at risk in a period: whoever is so in it or later
                risk[c, month] += risk[c, month + 1]
        _by_share(new, risk, share, edges, T, out, r)
        _steepest(share, rise, T, out, B, r)
        _beyond(t, seen, share, out, B + 1, r)
        new[:, 0] = 0.0
        out[B + 2, r] = _slope(new[:, 1:].T, risk[:, 1:].T, share[:, 1:].T)
        out[B + 3, r] = _slope(new[:, 1:], risk[:, 1:], share[:, 1:])
        out[B + 4, r] = _after_others(new, risk, share, T)


@compiled
def _by_share(new, risk, share, edges, T, out, r):
    """The chance of adopting in a period, by the share of the community who have; one of average chance is added."""
    B = len(edges) - 1
    adopted, people = np.full(B, new[:, 1:].sum() / max(1.0, risk[:, 1:].sum())), np.ones(B)
    for c in range(new.shape[0]):
        for month in range(1, T + 1):
            b = 0
            while b < B - 1 and share[c, month] >= edges[b + 1]:
                b += 1
            adopted[b] += new[c, month]
            people[b] += risk[c, month]
    for b in range(B):
        out[b, r] = adopted[b] / people[b]


@compiled
def _steepest(share, rise, T, out, row, r):
    C = share.shape[0]
    for c in range(C):
        best = 0.0
        for month in range(1, T + 1):
            best = max(best, share[c, month + 1] - share[c, max(1, month + 1 - rise)])
        out[row, r] += best / C


@compiled
def _beyond(t, seen, share, out, row, r):
    """Share of an adopter's ties who had adopted, less that of the community, on average."""
    apart, count = 0.0, 0.0
    for i in range(len(t)):
        whole = seen.start[i + 1] - seen.start[i]
        if t[i] > 0 and whole > 0:
            before = 0.0
            for n in range(seen.start[i], seen.start[i + 1]):
                j = seen.neighbour[n]
                before += 1.0 if 0 < t[j] < t[i] else 0.0
            apart += before / whole - share[seen.community[i], t[i]]
            count += 1.0
    out[row, r] = apart / count if count > 0.0 else 0.0


@compiled
def _slope(new, risk, share):
    """Log hazard per share of adopters within strata (rows): where a partial likelihood is highest."""
    beta = 0.0
    for _ in range(STEPS):
        score, information = -WIDE * beta, WIDE
        for stratum in range(new.shape[0]):
            adopted, whole, first, second = 0.0, 0.0, 0.0, 0.0
            for n in range(new.shape[1]):
                if risk[stratum, n] > 0.0:
                    x = share[stratum, n]
                    weight = risk[stratum, n] * exponential(beta * x)
                    whole += weight
                    first += weight * x
                    second += weight * x * x
                    adopted += new[stratum, n]
                    score += new[stratum, n] * x
            if adopted > 0.0:
                mean = first / whole
                score -= adopted * mean
                information += adopted * (second / whole - mean * mean)
        step = max(-5.0, min(5.0, score / information))
        beta = max(-STEEPEST, min(STEEPEST, beta + step))
        if abs(step) < 1e-6:
            break
    return beta


@compiled
def _after_others(new, risk, share, T):
    """How much adoption goes with what a community gained lately, given its share: a score in standard deviations."""
    C = new.shape[0]
    whole_new, whole_risk = new[:, 1:].copy().reshape(1, -1), risk[:, 1:].copy().reshape(1, -1)
    beta = _slope(whole_new, whole_risk, share[:, 1:].copy().reshape(1, -1))
    adopted, whole = 0.0, 0.0
    for c in range(C):
        for month in range(1, T + 1):
            adopted += new[c, month]
            whole += risk[c, month] * exponential(beta * share[c, month])
    if adopted == 0.0:
        return 0.0
    level = adopted / whole
    score, moments = 0.0, np.zeros((3, 3))
    for c in range(C):
        for month in range(1, T + 1):
            recent = share[c, month] - share[c, max(1, month - RECENT)]
            expected = level * risk[c, month] * exponential(beta * share[c, month])
            score += (new[c, month] - expected) * recent
            x = (1.0, share[c, month], recent)
            for a in range(3):
                for b in range(3):
                    moments[a, b] += expected * x[a] * x[b]
    # the variance of the score that level and slope leave
    det = moments[0, 0] * moments[1, 1] - moments[0, 1] ** 2 + 1e-9
    p, q = moments[0, 2], moments[1, 2]
    left = moments[2, 2] - (moments[1, 1] * p * p - 2.0 * moments[0, 1] * p * q + moments[0, 0] * q * q) / det
    return score / np.sqrt(left) if left > 1e-9 else 0.0
