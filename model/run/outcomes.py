"""What is observed of a run: the monthly path, monthly series by role, and outcomes of the whole run (docs/ODD.md §8).

The columns are declared in `model/outcomes.py`.

All in compiled loops over runs, so that outcomes too have the same bits on every machine.
"""

from __future__ import annotations

import math

import numpy as np

from ..alignment import align_row, funded, in_use
from ..compiled.compiling import compiled, copy, fill
from ..compiled.randomness import logarithm
from ..mechanisms.commissioning.kernel import price
from ..mechanisms.engagement.kernel import engaged_share
from ..outcomes import COMMISSIONERS, EVERYBODY, MEAN, OUTCOME, PATH, PEOPLE, PERSON, PLACE, SERIES_ROLES, SERVICES
from ..state.arrays import COMMISSIONER, COMMISSIONER_PAYS, ENGAGED, LAPSED, METRIC, STAFF


@compiled
def tally(S, t):
    """One month of the path [months + 1, variables of PATH, W], and the long-run marks of services."""
    path = S.path
    O = S.setting.shape[0]
    people = S.first[O]
    for r in range(len(S.runs)):
        engaged = 0
        for i in range(people):
            engaged += S.stage[i, r] == ENGAGED
        path[t, PATH.uptake, r] = engaged / people if people else math.nan
        for n in range(1, path.shape[1]):
            path[t, n, r] = 0.0
    for o in range(O):
        s = S.setting[o]
        for r in range(len(S.runs)):
            used, paid = in_use(S.service_stage[o, r]), funded(S.service_stage[o, r])
            if S.funding_ended[o, r] >= 0 and t == S.funding_ended[o, r] + 24:
                S.in_use_24[o, r] = used
            path[t, PATH.in_use, r] += used / O
            if not used or t == 0:
                continue
            cost = price(S, o, r) / 12.0
            has_results = S.result_precision[o, r] > 0.0
            financial = S.result[o, 0, r] if has_results else 0.0
            economic = S.result[o, 1, r] if has_results else 0.0
            social = S.result[o, 2, r] if has_results else 0.0
            time = S.coproduction_time[s, r] * S.session_share[o, r] * S.posts[o]
            path[t, PATH.value_providers, r] += cost * economic - S.workload_cost[r] * time / 12.0
            if has_results:
                sd = S.result_sd[r]
                path[t, PATH.value_clients, r] += S.result_precision[o, r] * sd * sd * social / 12.0
            if paid:
                path[t, PATH.spending, r] += cost
                if S.payer[o, r] == COMMISSIONER_PAYS:
                    path[t, PATH.value_commissioners, r] += cost * (financial - 1.0 - S.displacement[r])
                else:  # national money: what it saves is theirs, what it costs is not
                    path[t, PATH.value_commissioners, r] += cost * financial
                path[t, PATH.returned_financial, r] += cost * financial
                path[t, PATH.returned_economic, r] += cost * economic
                path[t, PATH.returned_social, r] += cost * social
            else:
                path[t, PATH.value_providers, r] -= cost


@compiled
def mean_alignment(S, out):
    """Means over people at a time [rows of MEAN x W]."""
    O, K, W = S.setting.shape[0], S.values.shape[1], len(S.runs)
    people = S.first[O]
    original, aligned = np.empty((K, W)), np.empty(W)
    for k in range(K):
        for r in range(W):
            original[k, r] = S.innovation_values[k, r]
    fill(out, 0.0)
    for i in range(people):
        align_row(
            S.runs,
            S.rules[METRIC],
            S.values[i],
            original,
            S.reading[i],
            S.clarity[i],
            S.projection,
            S.emphasis,
            aligned,
        )
        for r in range(W):
            a = S.alignment[i, r]
            out[MEAN.alignment, r] += a
            out[MEAN.alignment_sd, r] += a * a
            out[MEAN.fit, r] += S.fit[i, r]
            out[MEAN.fit_original, r] += aligned[r]
            out[MEAN.identification, r] += S.identification[i, r]
    for r in range(W):
        for n in range(len(MEAN)):
            out[n, r] = out[n, r] / people if people else math.nan
        mean = out[MEAN.alignment, r]
        out[MEAN.alignment_sd, r] = math.sqrt(max(0.0, out[MEAN.alignment_sd, r] - mean * mean))


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
    """Outcomes of the run [columns of OUTCOME x W] from the path and the final state; `start`: mean_alignment at month 0."""
    path, agency = S.path, S.agency[0]
    O, months = S.setting.shape[0], path.shape[0] - 1
    final = np.empty((len(MEAN), len(S.runs)))
    mean_alignment(S, final)
    for r in range(len(S.runs)):
        peak, total, spread_peak, to_50 = path[0, PATH.uptake, r], 0.0, path[0, PATH.in_use, r], math.nan
        sums = np.zeros(path.shape[1])
        for t in range(months + 1):
            peak = max(peak, path[t, PATH.uptake, r])
            spread_peak = max(spread_peak, path[t, PATH.in_use, r])
            if path[t, PATH.uptake, r] >= 0.5 and math.isnan(to_50):
                to_50 = t
            if t > 0:
                total += path[t, PATH.uptake, r]
                for n in range(PATH.spending, path.shape[1]):
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
        out[OUTCOME.uptake_peak, r] = peak
        out[OUTCOME.uptake_final, r] = path[months, PATH.uptake, r]
        out[OUTCOME.uptake_mean, r] = total / months if months else math.nan
        out[OUTCOME.time_to_50, r] = to_50
        out[OUTCOME.spread_peak, r] = spread_peak
        out[OUTCOME.spread_final, r] = path[months, PATH.in_use, r]
        out[OUTCOME.sustained_24, r] = lasting / known if known else math.nan
        out[OUTCOME.continuous, r] = continuous / ever if ever else math.nan
        out[OUTCOME.restarted, r] = restarted / ever if ever else math.nan
        out[OUTCOME.stopped, r] = stopped / ever if ever else math.nan
        out[OUTCOME.recommissioned, r] = awarded / ever if ever else math.nan
        out[OUTCOME.first_recommissioned, r] = first_award
        out[OUTCOME.alignment_start, r] = start[MEAN.alignment, r]
        out[OUTCOME.alignment_start_sd, r] = start[MEAN.alignment_sd, r]
        out[OUTCOME.alignment_final, r] = final[MEAN.alignment, r]
        out[OUTCOME.alignment_final_sd, r] = final[MEAN.alignment_sd, r]
        out[OUTCOME.fit_final, r] = final[MEAN.fit, r]
        out[OUTCOME.fit_original_final, r] = final[MEAN.fit_original, r]
        out[OUTCOME.identification_final, r] = final[MEAN.identification, r]
        out[OUTCOME.enacted_agency_final, r] = enacted_agency(S, agency, r)
        spent = sums[PATH.spending]
        for n in range(3):
            returned = sums[PATH.returned_financial + n]
            out[OUTCOME.value_per_pound_financial + n, r] = returned / spent if spent > 0.0 else math.nan
        out[OUTCOME.money_spent, r] = spent
        out[OUTCOME.value_commissioners, r] = sums[PATH.value_commissioners]
        out[OUTCOME.value_clients, r] = sums[PATH.value_clients]
        out[OUTCOME.value_providers, r] = sums[PATH.value_providers]
        out[OUTCOME.staff_turnover, r] = left / (staff * (months / 12.0)) if staff and months else math.nan


@compiled
def add_person(S, i, n, aligned, out):
    """Add person i to role group n of `people_series`."""
    for r in range(len(S.runs)):
        stage, a = S.stage[i, r], S.alignment[i, r]
        out[n, PEOPLE.aware, r] += 1.0 if stage >= 1 else 0.0
        out[n, PEOPLE.engaged, r] += 1.0 if stage == ENGAGED else 0.0
        out[n, PEOPLE.lapsed, r] += 1.0 if stage == LAPSED else 0.0
        out[n, PEOPLE.ever_engaged, r] += 1.0 if S.first_engaged[i, r] >= 0 else 0.0
        out[n, PEOPLE.alignment, r] += a
        out[n, PEOPLE.alignment_sd, r] += a * a
        out[n, PEOPLE.fit, r] += S.fit[i, r]
        out[n, PEOPLE.fit_sd, r] += S.fit[i, r] * S.fit[i, r]
        out[n, PEOPLE.fit_original, r] += aligned[r]
        out[n, PEOPLE.fit_original_sd, r] += aligned[r] * aligned[r]
        out[n, PEOPLE.identification, r] += S.identification[i, r]
        out[n, PEOPLE.clarity, r] += S.clarity[i, r]
        out[n, PEOPLE.practice, r] += S.practice[i, r] if stage == ENGAGED else 0.0
        for e in range(3):
            out[n, PEOPLE.belief_financial + e, r] += S.belief[i, e, r]


@compiled
def people_series(S, out):
    """Means by role [roles of a series x variables of PEOPLE x W]; NaN for roles without people."""
    K, W = S.values.shape[1], len(S.runs)
    original, aligned = np.empty((K, W)), np.empty(W)
    roles = len(SERIES_ROLES)
    sums, squares, count = np.zeros((roles, K, W)), np.zeros((roles, K, W)), np.zeros(roles)
    for k in range(K):
        for r in range(W):
            original[k, r] = S.innovation_values[k, r]
    fill(out, 0.0)
    for i in range(S.role.shape[0]):
        align_row(
            S.runs,
            S.rules[METRIC],
            S.values[i],
            original,
            S.reading[i],
            S.clarity[i],
            S.projection,
            S.emphasis,
            aligned,
        )
        for group in range(2):
            n = EVERYBODY if group else S.role[i]
            if group and S.role[i] == COMMISSIONER:
                continue
            count[n] += 1.0
            add_person(S, i, n, aligned, out)
            for k in range(K):
                for r in range(W):
                    sums[n, k, r] += S.values[i, k, r]
                    squares[n, k, r] += S.values[i, k, r] * S.values[i, k, r]
    for n in range(roles):
        for r in range(W):
            engaged, practice = out[n, PEOPLE.engaged, r], out[n, PEOPLE.practice, r]
            for v in range(out.shape[1]):
                out[n, v, r] = out[n, v, r] / count[n] if count[n] else math.nan
            out[n, PEOPLE.practice, r] = practice / engaged if engaged > 0.0 else math.nan
            for v in (PEOPLE.alignment_sd, PEOPLE.fit_sd, PEOPLE.fit_original_sd):  # each behind its mean
                out[n, v, r] = math.sqrt(max(0.0, out[n, v, r] - out[n, v - 1, r] * out[n, v - 1, r]))
            spread = 0.0
            for k in range(K):
                if count[n]:
                    mean = sums[n, k, r] / count[n]
                    spread += max(0.0, squares[n, k, r] / count[n] - mean * mean)
            out[n, PEOPLE.polarisation, r] = spread / K / 0.25 if count[n] else math.nan


@compiled
def commissioner_series(S, out):
    """Mean weights on the evidence, and their breadth: entropy over its maximum [variables of COMMISSIONERS x W]."""
    C = S.portfolio_start.shape[0] - 1
    fill(out, 0.0 if C else math.nan)
    for c in range(C):
        for r in range(len(S.runs)):
            breadth = 0.0
            for e in range(3):
                u = S.weights[c, e, r]
                out[COMMISSIONERS.weight_financial + e, r] += u / C
                if u > 0.0:
                    breadth -= u * logarithm(u) / logarithm(3.0)
            out[COMMISSIONERS.breadth, r] += breadth / C


@compiled
def service_series(S, t, out):
    """Shares of services by stage and means over services [variables of SERVICES x W]."""
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
            out[SERVICES.outside + S.service_stage[o, r], r] += 1.0 / O
            out[SERVICES.climate, r] += S.climate[o, r] / O
            out[SERVICES.satisfaction, r] += S.satisfaction[o, r] / O
            out[SERVICES.workload, r] += S.workload[o, r] / O
            for k in range(S.emphasis.shape[0]):
                out[SERVICES.drift, r] += S.emphasis[k, r] * abs(S.version[o, k, r] - S.innovation_values[k, r]) / O
        out[SERVICES.in_use, r] = path[t, PATH.in_use, r]
        out[SERVICES.practice, r] = practice / engaged if engaged else math.nan
        out[SERVICES.enacted_agency, r] = enacted_agency(S, agency, r)
        for e in range(E):
            out[SERVICES.tie_quality, r] += S.quality[e, r] / E
        if E == 0:
            out[SERVICES.tie_quality, r] = math.nan
        for n in range(4):  # spending, and value to three groups
            out[SERVICES.spending + n, r] = path[t, PATH.spending + n, r]


@compiled
def agent_series(S, out):
    """Everybody's state [N x (variables of PERSON + K) x W]."""
    W = len(S.runs)
    copy(S.stage, S.stage_before)
    for i in range(S.role.shape[0]):
        for r in range(W):
            out[i, PERSON.stage, r] = S.stage[i, r]
            out[i, PERSON.holder, r] = S.holder[i, r]
            out[i, PERSON.alignment, r] = S.alignment[i, r]
            out[i, PERSON.fit, r] = S.fit[i, r]
            out[i, PERSON.identification, r] = S.identification[i, r]
            out[i, PERSON.clarity, r] = S.clarity[i, r]
            out[i, PERSON.practice, r] = S.practice[i, r]
            out[i, PERSON.exposure, r] = engaged_share(S, i, r)
            for k in range(S.values.shape[1]):
                out[i, len(PERSON) + k, r] = S.values[i, k, r]


@compiled
def place_series(S, out):
    """Every service's state [O x variables of PLACE x W]."""
    for o in range(S.setting.shape[0]):
        members = S.first[o + 1] - S.first[o]
        for r in range(len(S.runs)):
            engaged, alignment = 0.0, 0.0
            for i in range(S.first[o], S.first[o + 1]):
                engaged += S.stage[i, r] == ENGAGED
                alignment += S.alignment[i, r]
            out[o, PLACE.stage, r] = S.service_stage[o, r]
            out[o, PLACE.engaged, r] = engaged / members if members else math.nan
            out[o, PLACE.alignment, r] = alignment / members if members else math.nan
            out[o, PLACE.climate, r] = S.climate[o, r]
            out[o, PLACE.workload, r] = S.workload[o, r]


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
    if S.place_series.shape[0]:
        place_series(S, S.place_series[t])
    if S.agent_series.shape[0]:
        agent_series(S, S.agent_series[t])
