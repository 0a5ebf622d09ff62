"""Who comes in: the state of an entrant to a post, and the whole society at the start (docs/ODD.md §4)."""

from __future__ import annotations

import math

import numpy as np

from .alignment import align_row, clip, in_use
from .compiled.compiling import compiled, fill, inlined, row_number, services_in
from .compiled.lanes import LANES, alone, eights, in_strips, left_over, strip
from .compiled.randomness import (
    BELIEFS,
    MONTH,
    PERSON,
    READINGS,
    SERVICE_ID,
    VALUES,
    logarithm,
    normal,
    normal_quantile,
    philox,
    uniform,
)
from .constants import EVIDENCE_REFERENCE, EVIDENCE_SCALE, PRACTICE_START, PRIOR_PRECISION
from .state.arrays import AWARE, COMMISSIONER, CONTRACT, ENGAGED, METRIC, PEER, PERSON_DRAW, SERVICE_DRAW, UNAWARE

ENTRANTS = 64  # whose draws are made together
NOTHING = np.uint64(0)


@compiled
def culture(S):
    """Lasting value deviations of services and teams, Z_o and Z_team."""
    K = S.values.shape[1]
    for j in range((K + 3) // 4):
        for r in range(len(S.runs)):
            for o in range(S.culture.shape[0]):
                words = philox(
                    S.key_low[r], S.key_high[r], SERVICE_ID, S.service_key[o], np.uint64(0), np.uint64(VALUES + j)
                )
                for n in range(min(4, K - 4 * j)):
                    S.culture[o, 4 * j + n, r] = normal(words[n])
            for q in range(S.team_culture.shape[0]):
                words = philox(
                    S.key_low[r], S.key_high[r], S.team_low[q], S.team_service[q], np.uint64(0), np.uint64(VALUES + j)
                )
                for n in range(min(4, K - 4 * j)):
                    S.team_culture[q, 4 * j + n, r] = normal(words[n])


@compiled
def moved(raw, target, centre, shift, contract):
    """The lever `alignment_level`: values moved toward (or from) the innovation's by s."""
    return clip(raw + shift * (target - (raw if contract else centre)))


@compiled
def draws_of(S, people, runs, count, t, offset, u, z):
    """Uniform and standard normal numbers of `count` entrants in month t, for post people[m] in run runs[m], into u and z
    [words x ENTRANTS]: four words of each purpose, first those of values, then of readings, PERSON and BELIEFS.
    """
    most = count if count < 3 else (count + LANES - 1) // LANES * LANES  # three cost as much as eight together
    keys = np.empty((4, most), np.uint64)
    for m in range(most):
        i, r = people[min(m, count - 1)], runs[min(m, count - 1)]
        keys[0, m] = S.key_low[r]
        keys[1, m] = S.key_high[r]
        keys[2, m] = S.post_low[i]
        keys[3, m] = S.post_high[i]
    parts, whole = (S.values.shape[1] + 3) // 4, in_strips(keys[0])
    for n in range(2 * parts + 2):
        purpose = PERSON if n == 2 * parts else BELIEFS if n == 2 * parts + 1 else VALUES + n
        purpose = READINGS + n - parts if parts <= n < 2 * parts else purpose
        for m in range(0, whole, LANES):
            draw_words(keys, t, purpose + offset, u, z, 4 * n, strip(m))
        for m in range(whole, most):
            draw_words(keys, t, purpose + offset, u, z, 4 * n, m)


@inlined
def draw_words(keys, t, purpose, u, z, row, at):
    """The four words of a purpose, as rows of u and z from `row` on."""
    none = keys[0, at] & NOTHING
    words = philox(keys[0, at], keys[1, at], keys[2, at], keys[3, at], none | np.uint64(t), none | np.uint64(purpose))
    for n in range(4):
        draw = uniform(words[n])
        u[row + n, at] = draw
        z[row + n, at] = normal_quantile(draw)


@compiled
def draw_values(S, i, r, profile, z, m):
    """Raw values of entrant m: role profile plus shares of service, team and person."""
    K = S.values.shape[1]
    o = S.organisation[i]
    member = S.role[i] != COMMISSIONER
    service = math.sqrt(S.service_share[r])
    team = math.sqrt(S.team_share[r])
    person = math.sqrt(max(0.0, 1.0 - S.service_share[r] - S.team_share[r]))
    for k in range(K):
        zeta = person * z[k, m]
        if member:
            zeta += service * S.culture[o, k, r]
        if S.team[i] >= 0:
            zeta += team * S.team_culture[S.team[i], k, r]
        S.values[i, k, r] = zeta
    for pair in range(S.correlation.shape[0]):
        a, b, rho = S.correlated[pair, 0], S.correlated[pair, 1], S.correlation[pair]
        S.values[i, b, r] = rho * S.values[i, a, r] + math.sqrt(1.0 - rho * rho) * S.values[i, b, r]
    for k in range(K):
        S.values[i, k, r] = clip(S.profiles[profile, k, r] + S.value_sd[r] * S.values[i, k, r])


@compiled
def enter(S, i, r, u, z, m):
    """All state of entrant m to post i in run r but values, stage and ties."""
    K = S.values.shape[1]
    parts = (K + 3) // 4
    person, beliefs = 8 * parts, 8 * parts + 4
    for k in range(K):
        S.reading[i, k, r] = S.reading_sd[r] * z[4 * parts + k, m]
    S.clarity[i, r] = clip(S.innovation_clarity[r])
    S.frailty[i, r] = S.frailty_sd[r] * z[person, m]
    S.taking_part[i, r] = -logarithm(1.0 - u[person + 1, m])
    S.identification[i, r] = 0.0
    S.practice[i, r] = PRACTICE_START
    S.voice[i, r] = S.voice_peer[r] if S.role[i] == PEER else 1.0
    S.takes_part[i, r] = 0
    S.judges[i, r] = 0
    S.has_read[i, r] = 0
    S.first_engaged[i, r] = -1
    for e in range(3):
        S.belief[i, e, r] = EVIDENCE_REFERENCE[e] + EVIDENCE_SCALE[e] * S.prior_scatter[r] * z[beliefs + e, m]
        S.precision[i, e, r] = PRIOR_PRECISION
    if S.role[i] == COMMISSIONER:
        c = i - S.first[S.setting.shape[0]]
        for e in range(3):
            S.weights[c, e, r] = S.role_weights[COMMISSIONER, e, r]
            S.weights_origin[c, e, r] = S.role_weights[COMMISSIONER, e, r]


@compiled
def recruit(S, i, r, profile, levelled, u, z, m):
    """Entrant m is the new holder of post i in run r."""
    K = S.values.shape[1]
    draw_values(S, i, r, profile, z, m)
    if levelled and S.level_roles[S.role[i]]:
        for k in range(K):
            S.values[i, k, r] = moved(
                S.values[i, k, r],
                S.innovation_values[k, r],
                S.profiles[profile, k, r],
                S.level_shift[r],
                S.rules[CONTRACT],
            )
    enter(S, i, r, u, z, m)
    for k in range(K):
        S.origin[i, k, r] = S.values[i, k, r]
    if S.role[i] == COMMISSIONER or in_use(S.service_stage[S.organisation[i], r]):
        S.stage[i, r] = AWARE
    else:
        S.stage[i, r] = UNAWARE
    S.replaced[i, r] = 1
    S.holder[i, r] += 1


@compiled
def recruits(S, people, runs, count, t, offset, profile):
    """New holders at month t of posts people[m] in runs runs[m]; profile: of all of them, -1: their posts' own, moved by
    the lever."""
    words = 8 * ((S.values.shape[1] + 3) // 4) + 8
    u, z = np.empty((words, ENTRANTS)), np.empty((words, ENTRANTS))
    for first in range(0, count, ENTRANTS):
        party = min(ENTRANTS, count - first)
        draws_of(S, people[first:], runs[first:], party, t, offset, u, z)
        for m in range(party):
            i = people[first + m]
            recruit(S, i, runs[first + m], S.profile[i] if profile < 0 else profile, profile < 0, u, z, m)


@compiled
def first_holders(S, survey, stages, everybody_aware):
    """Everybody at month 0, before the alignment level is applied. survey: N x K values or empty; stages: N (-1: drawn)."""
    O, W, parts = S.setting.shape[0], len(S.runs), (S.values.shape[1] + 3) // 4
    u, z = np.empty((8 * parts + 8, ENTRANTS)), np.empty((8 * parts + 8, ENTRANTS))
    people, runs = np.empty(W, np.int64), np.arange(W)
    for i in range(S.role.shape[0]):
        fill(people, i)
        s = S.setting[S.organisation[i]] if S.organisation[i] < O else 0
        for r in range(W):
            m = r % ENTRANTS
            if m == 0:
                draws_of(S, people, runs[r:], min(ENTRANTS, W - r), 0, 0, u, z)
            draw_values(S, i, r, S.profile[i], z, m)
            for k in range(S.values.shape[1]):
                if survey.shape[0] and not math.isnan(survey[i, k]):
                    S.values[i, k, r] = survey[i, k]
            enter(S, i, r, u, z, m)
            aware = S.role[i] == COMMISSIONER or everybody_aware or u[8 * parts + 2, m] < S.initial_awareness[s, r]
            S.stage[i, r] = AWARE if aware else UNAWARE
            if S.role[i] != COMMISSIONER:
                engaged = u[8 * parts + 3, m] < S.initial_engagement[s, r]
                S.stage[i, r] = stages[i] if stages[i] >= 0 else ENGAGED if engaged else S.stage[i, r]
                S.first_engaged[i, r] = 0 if S.stage[i, r] == ENGAGED else -1


@compiled
def mean_at_shift(S, shift, total, scratch, aligned):
    """Mean alignment over the levelled roles if values were moved by `shift` [W], into `total` [W]."""
    K = S.values.shape[1]
    projection = S.projection
    count = 0
    for r in range(len(S.runs)):
        total[r] = 0.0
    for i in range(S.role.shape[0]):
        if not S.level_roles[S.role[i]]:
            continue
        count += 1
        for k in range(K):
            for r in range(len(S.runs)):
                scratch[k, r] = moved(
                    S.values[i, k, r],
                    S.innovation_values[k, r],
                    S.profiles[S.profile[i], k, r],
                    shift[r],
                    S.rules[CONTRACT],
                )
        align_row(
            S.runs,
            S.rules[METRIC],
            scratch,
            S.version[S.perceives[i]],
            S.reading[i],
            S.clarity[i],
            projection,
            S.emphasis,
            aligned,
        )
        for r in range(len(S.runs)):
            total[r] += aligned[r]
    for r in range(len(S.runs)):
        total[r] = total[r] / count if count else math.nan


@compiled
def solve_level(S, level, lowest, highest):
    """Bisect the shift s that gives each run its level [W; NaN: natural]; note what is reachable."""
    K, W = S.values.shape[1], len(S.runs)
    low, high, mid, mean = np.empty(W), np.empty(W), np.empty(W), np.empty(W)
    scratch, aligned = np.empty((K, W)), np.empty(W)
    for r in range(W):
        low[r] = -4.0
        high[r] = 1.0
    mean_at_shift(S, low, lowest, scratch, aligned)
    mean_at_shift(S, high, highest, scratch, aligned)
    for _ in range(60):
        for r in range(W):
            mid[r] = (low[r] + high[r]) / 2.0
        mean_at_shift(S, mid, mean, scratch, aligned)
        for r in range(W):
            if mean[r] < level[r]:
                low[r] = mid[r]
            else:
                high[r] = mid[r]
    for r in range(W):
        S.level_shift[r] = 0.0 if math.isnan(level[r]) else (low[r] + high[r]) / 2.0


@compiled
def apply_level(S):
    """Move the values of the levelled roles by each run's shift (none where it is 0)."""
    K = S.values.shape[1]
    for i in range(S.role.shape[0]):
        for k in range(K):
            for r in range(len(S.runs)):
                if S.level_roles[S.role[i]]:
                    S.values[i, k, r] = moved(
                        S.values[i, k, r],
                        S.innovation_values[k, r],
                        S.profiles[S.profile[i], k, r],
                        S.level_shift[r],
                        S.rules[CONTRACT],
                    )
                S.origin[i, k, r] = S.values[i, k, r]


@inlined
def draw_month(S, i, month, at):
    """`month_draws` of person i."""
    none, draw = S.key_low[at] & NOTHING, S.draw[i]
    low, high = none | S.post_low[i], none | S.post_high[i]
    words = philox(S.key_low[at], S.key_high[at], low, high, none | month, none | np.uint64(MONTH))
    draw[PERSON_DRAW.leave, at] = uniform(words[0])
    draw[PERSON_DRAW.become_aware, at] = uniform(words[1])
    draw[PERSON_DRAW.engage, at] = uniform(words[2])
    draw[PERSON_DRAW.take_part, at] = uniform(words[3])


@inlined
def eight_draws(S, i, month, drawn):
    """`month_draws` of people i … i + 7 in a run alone. drawn: room for 4 x 8."""
    low, high = S.post_low[strip(i)], S.post_high[strip(i)]
    none = low & NOTHING
    words = philox(none | S.key_low[0], none | S.key_high[0], low, high, none | month, none | np.uint64(MONTH))
    for word in range(4):
        drawn[word, strip(0)] = uniform(words[word])
    for n in range(LANES):
        for word in range(4):
            S.draw[i + n, word, 0] = drawn[word, n]


@compiled
def month_draws(S, t):
    """The four uniform numbers of every person and service for month t."""
    month, purpose = np.uint64(t), np.uint64(MONTH)
    start, stop, whole = S.span[0], S.span[1], in_strips(S.runs)
    if alone(S.runs):
        drawn = np.empty((4, LANES))
        for n in eights(start, stop):
            eight_draws(S, row_number(n), month, drawn)
        start = left_over(start, stop)
    for n in range(start, stop):
        i = row_number(n)
        for r in range(0, whole, LANES):
            draw_month(S, i, month, strip(r))
        for r in range(whole, len(S.runs)):
            draw_month(S, i, month, r)
    for o in services_in(S):
        for r in range(len(S.runs)):
            a, b, c, d = philox(S.key_low[r], S.key_high[r], SERVICE_ID, S.service_key[o], month, purpose)
            S.service_draw[o, SERVICE_DRAW.start, r] = uniform(a)
            S.service_draw[o, SERVICE_DRAW.stop, r] = uniform(b)
            S.service_draw[o, SERVICE_DRAW.commissioner_takes_part, r] = uniform(c)
            S.service_draw[o, SERVICE_DRAW.spare, r] = uniform(d)
