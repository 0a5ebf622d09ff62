"""What is observed of a run: the monthly path, monthly series by role, and outcomes of the whole run (docs/ODD.md §8).

All in compiled loops over runs, so that outcomes too have the same bits on every machine.
"""

from __future__ import annotations

import math

import numpy as np

from ..alignment import align_row, funded, in_use
from ..compiled.compiling import compiled, copy, fill
from ..mechanisms.commissioning.kernel import price
from ..mechanisms.engagement.kernel import engaged_before, engaged_share
from ..parameters import INDEX
from ..compiled.randomness import logarithm
from ..state.arrays import COMMISSIONER, ENGAGED, INNOVATION, LAPSED, METRIC, STAFF

_DISPLACEMENT, _WORKLOAD_COST, _TIME = INDEX["displacement"], INDEX["workload_cost"], INDEX["coproduction_time"]
_RESULT_SD, _PROJECTION = INDEX["result_sd"], INDEX["projection"]

PATH = (
    "uptake",
    "in_use",
    "spending",
    "value_commissioners",
    "value_clients",
    "value_providers",
    "returned_financial",
    "returned_economic",
    "returned_social",
)
PEOPLE_SERIES = (
    "aware",
    "engaged",
    "lapsed",
    "ever_engaged",
    "alignment",
    "alignment_sd",
    "alignment_original",
    "alignment_original_sd",
    "polarisation",
    "identification",
    "clarity",
    "belief_financial",
    "belief_economic",
    "belief_social",
)
SERIES_ROLES = ("staff", "manager", "peer", "commissioner", "all")  # all: staff, managers and peers
COMMISSIONER_SERIES = ("weight_financial", "weight_economic", "weight_social", "breadth")
SERVICE_SERIES = (
    "outside",
    "piloting",
    "commissioned",
    "sustained",
    "abandoned",
    "in_use",
    "climate",
    "practice",
    "enacted_agency",
    "satisfaction",
    "tie_quality",
    "workload",
    "drift",
    "spending",
    "value_commissioners",
    "value_clients",
    "value_providers",
)
# Person by person; behind these the values. exposure: share of engaged ties, as in ODD §5.12.
AGENT_SERIES = ("stage", "holder", "alignment", "identification", "clarity", "exposure")
OUTCOMES = (
    "uptake_peak",
    "uptake_final",
    "uptake_mean",
    "time_to_50",
    "spread_peak",
    "spread_final",
    "sustained_24",
    "continuous",
    "restarted",
    "stopped",
    "recommissioned",
    "first_recommissioned",
    "alignment_start",
    "alignment_start_sd",
    "alignment_final",
    "alignment_final_sd",
    "alignment_original_final",
    "identification_final",
    "enacted_agency_final",
    "value_per_pound_financial",
    "value_per_pound_economic",
    "value_per_pound_social",
    "money_spent",
    "value_commissioners",
    "value_clients",
    "value_providers",
    "staff_turnover",
)


@compiled
def tally(S, t):
    """One month of the path [months + 1, len(PATH), W], and the long-run marks of services."""
    path = S.path
    O = S.setting.shape[0]
    people = S.first[O]
    for r in range(len(S.runs)):
        engaged = 0
        for i in range(people):
            engaged += S.stage[i, r] == ENGAGED
        path[t, 0, r] = engaged / people if people else math.nan
        for n in range(1, path.shape[1]):
            path[t, n, r] = 0.0
    for o in range(O):
        s = S.setting[o]
        for r in range(len(S.runs)):
            used, paid = in_use(S.service_stage[o, r]), funded(S.service_stage[o, r])
            if S.funding_ended[o, r] >= 0 and t == S.funding_ended[o, r] + 24:
                S.in_use_24[o, r] = used
            path[t, 1, r] += used / O
            if not used or t == 0:
                continue
            cost = price(S, o, r) / 12.0
            has_results = S.result_precision[o, r] > 0.0
            financial = S.result[o, 0, r] if has_results else 0.0
            economic = S.result[o, 1, r] if has_results else 0.0
            social = S.result[o, 2, r] if has_results else 0.0
            time = S.parameters[_TIME, s, r] * S.session_share[o, r] * S.posts[o]
            path[t, 5, r] += cost * economic - S.parameters[_WORKLOAD_COST, 0, r] * time / 12.0
            if has_results:
                sd = S.parameters[_RESULT_SD, 0, r]
                path[t, 4, r] += S.result_precision[o, r] * sd * sd * social / 12.0
            if paid:
                path[t, 2, r] += cost
                path[t, 3, r] += cost * (financial - 1.0 - S.parameters[_DISPLACEMENT, 0, r])
                path[t, 6, r] += cost * financial
                path[t, 7, r] += cost * economic
                path[t, 8, r] += cost * social
            else:
                path[t, 5, r] -= cost


@compiled
def mean_alignment(S, out):
    """Mean and standard deviation of alignment, its mean with the original, and mean identification [4 x W]."""
    O, K, W = S.setting.shape[0], S.values.shape[1], len(S.runs)
    people = S.first[O]
    original, aligned = np.empty((K, W)), np.empty(W)
    for k in range(K):
        for r in range(W):
            original[k, r] = S.parameters[INNOVATION + k, 0, r]
    fill(out, 0.0)
    for i in range(people):
        align_row(
            S.runs,
            S.rules[METRIC],
            S.values[i],
            original,
            S.reading[i],
            S.clarity[i],
            S.parameters[_PROJECTION, 0],
            S.emphasis,
            aligned,
        )
        for r in range(W):
            a = S.alignment[i, r]
            out[0, r] += a
            out[1, r] += a * a
            out[2, r] += aligned[r]
            out[3, r] += S.identification[i, r]
    for r in range(W):
        for n in range(4):
            out[n, r] = out[n, r] / people if people else math.nan
        out[1, r] = math.sqrt(max(0.0, out[1, r] - out[0, r] * out[0, r]))


@compiled
def enacted_agency(S, agency, r):
    """Mean over services of the enacted values in the dimension of client agency (NaN without one)."""
    O = S.setting.shape[0]
    total = 0.0
    for o in range(O):
        total += S.enacted[o, agency, r] if agency >= 0 else math.nan
    return total / O if O else math.nan


@compiled
def outcomes(S, start, out):
    """Outcomes of the run [len(OUTCOMES) x W] from the path and the final state; `start`: mean_alignment at month 0."""
    path, agency = S.path, S.agency[0]
    O, months = S.setting.shape[0], path.shape[0] - 1
    final = np.empty((4, len(S.runs)))
    mean_alignment(S, final)
    for r in range(len(S.runs)):
        peak, total, spread_peak, to_50 = path[0, 0, r], 0.0, path[0, 1, r], math.nan
        sums = np.zeros(path.shape[1])
        for t in range(months + 1):
            peak = max(peak, path[t, 0, r])
            spread_peak = max(spread_peak, path[t, 1, r])
            if path[t, 0, r] >= 0.5 and math.isnan(to_50):
                to_50 = t
            if t > 0:
                total += path[t, 0, r]
                for n in range(2, path.shape[1]):
                    sums[n] += path[t, n, r]
        known, lasting, ever, continuous, restarted, stopped, awarded = 0, 0, 0, 0, 0, 0, 0
        first_award = math.nan
        for o in range(O):
            if S.in_use_24[o, r] >= 0:
                known += 1
                lasting += S.in_use_24[o, r]
            if S.starts[o, r] == 0:
                continue
            ever += 1
            if not in_use(S.service_stage[o, r]):
                stopped += 1
            elif S.stops[o, r] > 0:
                restarted += 1
            else:
                continuous += 1
            if S.first_commissioned[o, r] >= 0:
                awarded += 1
                month = np.float64(S.first_commissioned[o, r])
                first_award = month if math.isnan(first_award) else min(first_award, month)
        left, staff = 0, 0
        for i in range(S.first[O]):
            if S.role[i] == STAFF:
                staff += 1
                left += S.holder[i, r]
        out[0, r], out[1, r] = peak, path[months, 0, r]
        out[2, r] = total / months if months else math.nan
        out[3, r] = to_50
        out[4, r], out[5, r] = spread_peak, path[months, 1, r]
        out[6, r] = lasting / known if known else math.nan
        out[7, r] = continuous / ever if ever else math.nan
        out[8, r] = restarted / ever if ever else math.nan
        out[9, r] = stopped / ever if ever else math.nan
        out[10, r] = awarded / ever if ever else math.nan
        out[11, r] = first_award
        out[12, r], out[13, r] = start[0, r], start[1, r]
        out[14, r], out[15, r], out[16, r], out[17, r] = final[0, r], final[1, r], final[2, r], final[3, r]
        out[18, r] = enacted_agency(S, agency, r)
        for n in range(3):
            out[19 + n, r] = sums[6 + n] / sums[2] if sums[2] > 0.0 else math.nan
        out[22, r] = sums[2]
        for n in range(3):
            out[23 + n, r] = sums[3 + n]
        out[26, r] = left / (staff * (months / 12.0)) if staff and months else math.nan


@compiled
def add_person(S, i, n, aligned, out):
    """Add person i to role group n of `people_series`."""
    for r in range(len(S.runs)):
        stage, a = S.stage[i, r], S.alignment[i, r]
        out[n, 0, r] += 1.0 if stage >= 1 else 0.0
        out[n, 1, r] += 1.0 if stage == ENGAGED else 0.0
        out[n, 2, r] += 1.0 if stage == LAPSED else 0.0
        out[n, 3, r] += 1.0 if S.first_engaged[i, r] >= 0 else 0.0
        out[n, 4, r] += a
        out[n, 5, r] += a * a
        out[n, 6, r] += aligned[r]
        out[n, 7, r] += aligned[r] * aligned[r]
        out[n, 9, r] += S.identification[i, r]
        out[n, 10, r] += S.clarity[i, r]
        for e in range(3):
            out[n, 11 + e, r] += S.belief[i, e, r]


@compiled
def people_series(S, out):
    """Means by role [5 x len(PEOPLE_SERIES) x W]; NaN for roles without people."""
    K, W = S.values.shape[1], len(S.runs)
    original, aligned = np.empty((K, W)), np.empty(W)
    sums, squares, count = np.zeros((5, K, W)), np.zeros((5, K, W)), np.zeros(5)
    for k in range(K):
        for r in range(W):
            original[k, r] = S.parameters[INNOVATION + k, 0, r]
    fill(out, 0.0)
    for i in range(S.role.shape[0]):
        align_row(
            S.runs,
            S.rules[METRIC],
            S.values[i],
            original,
            S.reading[i],
            S.clarity[i],
            S.parameters[_PROJECTION, 0],
            S.emphasis,
            aligned,
        )
        for group in range(2):
            n = 4 if group else S.role[i]
            if group and S.role[i] == COMMISSIONER:
                continue
            count[n] += 1.0
            add_person(S, i, n, aligned, out)
            for k in range(K):
                for r in range(W):
                    sums[n, k, r] += S.values[i, k, r]
                    squares[n, k, r] += S.values[i, k, r] * S.values[i, k, r]
    for n in range(5):
        for r in range(W):
            for v in range(out.shape[1]):
                out[n, v, r] = out[n, v, r] / count[n] if count[n] else math.nan
            for v in (5, 7):
                out[n, v, r] = math.sqrt(max(0.0, out[n, v, r] - out[n, v - 1, r] * out[n, v - 1, r]))
            spread = 0.0
            for k in range(K):
                if count[n]:
                    mean = sums[n, k, r] / count[n]
                    spread += max(0.0, squares[n, k, r] / count[n] - mean * mean)
            out[n, 8, r] = spread / K / 0.25 if count[n] else math.nan


@compiled
def commissioner_series(S, out):
    """Mean weights on the evidence, and their breadth: entropy over its maximum [4 x W]."""
    C = S.portfolio_start.shape[0] - 1
    fill(out, 0.0 if C else math.nan)
    for c in range(C):
        for r in range(len(S.runs)):
            breadth = 0.0
            for e in range(3):
                u = S.weights[c, e, r]
                out[e, r] += u / C
                if u > 0.0:
                    breadth -= u * logarithm(u) / logarithm(3.0)
            out[3, r] += breadth / C


@compiled
def service_series(S, t, out):
    """Shares of services by stage and means over services [len(SERVICE_SERIES) x W]."""
    O, E, path, agency = S.setting.shape[0], S.tie_a.shape[0], S.path, S.agency[0]
    for r in range(len(S.runs)):
        for v in range(out.shape[0]):
            out[v, r] = 0.0
        practice, engaged = 0.0, 0
        for i in range(S.first[O]):
            if S.stage[i, r] == ENGAGED:
                engaged += 1
                practice += S.practice[i, r]
        for o in range(O):
            out[S.service_stage[o, r], r] += 1.0 / O
            out[6, r] += S.climate[o, r] / O
            out[9, r] += S.satisfaction[o, r] / O
            out[11, r] += S.workload[o, r] / O
            for k in range(S.emphasis.shape[0]):
                out[12, r] += S.emphasis[k, r] * abs(S.version[o, k, r] - S.parameters[INNOVATION + k, 0, r]) / O
        out[5, r] = path[t, 1, r]
        out[7, r] = practice / engaged if engaged else math.nan
        out[8, r] = enacted_agency(S, agency, r)
        for e in range(E):
            out[10, r] += S.quality[e, r] / E
        if E == 0:
            out[10, r] = math.nan
        for n in range(4):
            out[13 + n, r] = path[t, 2 + n, r]


@compiled
def agent_series(S, out):
    """Everybody's state [N x (len(AGENT_SERIES) + K) x W]."""
    W = len(S.runs)
    exposure, total = np.empty(W), np.empty(W)
    copy(S.stage, S.stage_before)
    engaged = engaged_before(S)
    for i in range(S.role.shape[0]):
        engaged_share(S, i, engaged, exposure, total)
        for r in range(W):
            out[i, 0, r] = S.stage[i, r]
            out[i, 1, r] = S.holder[i, r]
            out[i, 2, r] = S.alignment[i, r]
            out[i, 3, r] = S.identification[i, r]
            out[i, 4, r] = S.clarity[i, r]
            out[i, 5, r] = exposure[r]
            for k in range(S.values.shape[1]):
                out[i, 6 + k, r] = S.values[i, k, r]


@compiled
def observe(S, t):
    """Record month t wherever there is room for it (none beyond the horizon)."""
    if t >= S.path.shape[0]:
        return
    tally(S, t)
    if S.people_series.shape[0]:
        people_series(S, S.people_series[t])
        commissioner_series(S, S.commissioner_series[t])
        service_series(S, t, S.service_series[t])
    if S.agent_series.shape[0]:
        agent_series(S, S.agent_series[t])
