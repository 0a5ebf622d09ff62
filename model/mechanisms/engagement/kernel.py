"""Engagement, lapsing and re-engagement (ODD §5.13): monthly log-odds, additive.

aware:   eta = base + frailty + fit z + peers x + norm n + evidence E + climate c + identity g - workload w + fit_climate z c + fit_peers z x
engaged: eta = lapse_base - lapse_fit z - lapse_climate c + disapproval D
lapsed:  eta = reengage_base + lapse_fit z - disapproval D
step if u < p = 1/(1 + exp(-eta));  p of the aware x opportunity 1 - climate_gate (1 - c), and
p of the aware and the lapsed x workaround where the service is not in use
"""

from valign.model.alignment import funded, in_use, standardised
from valign.model.compiled.compiling import compiled, copy, in_parts, inlined, of_people, row, services_in, ties_of
from valign.model.compiled.lanes import LANES, alone, in_strips, number, some, strip, where, zero
from valign.model.compiled.randomness import logistic, logistic_at_most
from valign.model.state.arrays import AWARE, COMMISSIONER, ENGAGED, LAPSED, METRIC, PERSON_DRAW, UNAWARE
from valign.model.state.arrays import PERSON_TERM as TERM

from ..evidence.kernel import perceived_evidence


@inlined
def engaged_share(S, i, at):
    """x_i: share of engaged ties, weighted by quality; commissioners do not count."""
    engaged = total = zero(at)
    for n in ties_of(S, i):
        j, e = S.neighbour[n], S.tie_of[n]
        if S.role[j] != COMMISSIONER:
            quality = S.quality[e, at]
            engaged += where(S.stage_before[j, at] == ENGAGED, quality, 0.0)
            total += quality
    return where(total > 0.0, engaged / total, 0.0)


@compiled
def share_engaged(S, o, share):
    """n_o: share of all members of service o engaged, by run."""
    members = S.first[o + 1] - S.first[o]
    for r in range(len(S.runs)):
        share[r] = 0.0
    for i in range(S.first[o], S.first[o + 1]):
        stage = S.stage_before[i]
        for r in range(len(S.runs)):
            share[r] += 1.0 if stage[r] == ENGAGED else 0.0
    for r in range(len(S.runs)):
        share[r] = share[r] / members if members else 0.0


@inlined
def disapproval(S, o, i, at):
    """D_i: 1 where the manager or the commissioner is against it."""
    leader, c, metric = S.manager[i], S.commissioner[o], S.rules[METRIC]
    against = S.stage_before[i, at] < UNAWARE  # nobody
    if leader >= 0:
        stage = S.stage_before[leader, at]
        against = (stage != UNAWARE) & (stage != ENGAGED) & (standardised(S.alignment[leader, at], metric) < 0.0)
    if c >= 0:
        unfunded = ~funded(S.service_stage[o, at])
        against = against | (unfunded & (standardised(S.alignment[c, at], metric) < 0.0))
    return number(against)


@inlined
def log_odds(S, o, i, z, x, norm, E, D, at):
    """eta of person i, for the stage they are in."""
    s, role, stage = S.setting[o], S.role[i], S.stage_before[i, at]
    c, g, w = S.climate[o, at], S.identification[i, at], S.workload[o, at]
    aware = (
        S.base[role, s, at]
        + S.frailty[i, at]
        + S.fit_effect[at] * z
        + S.peer_effect[at] * x
        + S.norm_effect[at] * norm
        + S.evidence_effect[at] * E
        + S.climate_effect[at] * c
        + S.identity_effect[at] * g
        - S.workload_effect[at] * w
        + S.fit_climate[at] * z * c
        + S.fit_peers[at] * z * x
    )
    engaged = S.lapse_base[at] - S.lapse_fit[at] * z - S.lapse_climate[at] * c + S.disapproval[at] * D
    lapsed = S.reengage_base[at] + S.lapse_fit[at] * z - S.disapproval[at] * D
    return where(stage == ENGAGED, engaged, where(stage == LAPSED, lapsed, aware))


@inlined
def probability(S, o, i, p, at):
    """p of the logistic of eta, or of a bound above it; 0 for the unaware."""
    stage = S.stage_before[i, at]
    free = (stage == ENGAGED) | in_use(S.service_stage[o, at])
    opportunity = where(stage == AWARE, 1.0 - S.climate_gate[at] * (1.0 - S.climate[o, at]), 1.0)
    p = p * opportunity * where(free, 1.0, S.workaround[S.setting[o], at])
    return where(stage == UNAWARE, 0.0, p)


@inlined
def step(S, i, t, p, at):
    """Take the step where the draw says so."""
    steps = S.draw[i, PERSON_DRAW.engage, at] < p
    if not some(steps):
        return
    engaged, first = S.stage_before[i, at] == ENGAGED, S.first_engaged[i, at]
    S.stage[i, at] = where(steps, where(engaged, LAPSED, ENGAGED), S.stage[i, at])
    S.first_engaged[i, at] = where(steps & ~engaged & (first < 0), t, first)


@inlined
def decide(S, o, i, t, norm, at):
    """Whether person i of service o engages, lapses or engages again."""
    recorded, stage = S.person_terms.shape[0] > 0, S.stage_before[i, at]
    if not (recorded or some(stage != UNAWARE)):
        return
    z, n_o = standardised(S.alignment[i, at], S.rules[METRIC]), norm[at]
    x = E = D = zero(at)
    if recorded or some(stage == AWARE):  # nobody else is moved by these
        x, E = engaged_share(S, i, at), perceived_evidence(S, i, at)
    if recorded or some((stage == ENGAGED) | (stage == LAPSED)):
        D = disapproval(S, o, i, at)
    eta = log_odds(S, o, i, z, x, n_o, E, D, at)
    if alone(S.runs) and not recorded:  # the exponential takes a third of the time of all this, and rarely matters
        if not some(S.draw[i, PERSON_DRAW.engage, at] < probability(S, o, i, logistic_at_most(eta), at)):
            return
    p = probability(S, o, i, logistic(eta), at)
    if recorded:  # the terms of the decision, for the event log
        T = S.person_terms[i]
        T[TERM.z, at] = z
        T[TERM.engaged_ties, at] = x
        T[TERM.norm, at] = n_o
        T[TERM.evidence, at] = E
        T[TERM.climate, at] = S.climate[o, at]
        T[TERM.identification, at] = S.identification[i, at]
        T[TERM.workload, at] = S.workload[o, at]
        T[TERM.disapproval, at] = D
        T[TERM.eta, at] = eta
        T[TERM.probability, at] = p
        T[TERM.draw, at] = S.draw[i, PERSON_DRAW.engage, at]
    step(S, i, t, p, at)


@in_parts
def remember_stages(S, t):
    """Stages as engagement begins."""
    copy(of_people(S, S.stage), of_people(S, S.stage_before))


@in_parts
def engagement(S, t):
    whole, norm = in_strips(S.runs), row(S.runs)
    for o in services_in(S):
        share_engaged(S, o, norm)
        for i in range(S.first[o], S.first[o + 1]):
            for r in range(0, whole, LANES):
                decide(S, o, i, t, norm, strip(r))
            for r in range(whole, len(S.runs)):
                decide(S, o, i, t, norm, r)


PHASES = (remember_stages, engagement)
