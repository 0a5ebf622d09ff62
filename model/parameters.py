"""Every parameter of the model, declared once.

Scenario files, the command line, bounds of sensitivity analyses, priors of calibrations, sliders and the
ODD tables are all generated from this list. `scope` says where a parameter may differ: over runs only
("run"), also between organisations ("organisation"), or it shapes the society itself ("society": a change
gives other ties and other people).
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("staff", "manager", "peer", "commissioner")
CHANNELS = ("financial", "economic", "social")
# What happens in a month, in order. `session_knowledge` is a part of co-production with a switch of its own.
MECHANISMS = (
    "changes",
    "turnover",
    "awareness",
    "relationships",
    "anchoring",
    "leadership",
    "coproduction",
    "session_knowledge",
    "identification",
    "climate",
    "evidence",
    "dialogue",
    "engagement",
    "organisations",
    "commissioning",
    "tie_quality",
)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    name: the dotted name users type. default, low, high: in `unit`; [low, high] is the plausible range from
    the evidence (sensitivity, priors). minimum, maximum: hard limits that a scenario may not leave.
    distribution: over the plausible range. integer: whole numbers only. mechanism: what it belongs to.
    meaning: in words. grade: measured, inferred or assumed. source: where it comes from. scope: "run",
    "organisation" (groups of services may have their own) or "society" (a change gives other ties and people).
    """

    name: str
    default: float
    low: float
    high: float
    unit: str
    mechanism: str
    meaning: str
    source: str
    grade: str
    scope: str = "run"
    minimum: float = 0.0
    maximum: float = float("inf")
    integer: bool = False
    distribution: str = "uniform"


PARAMETERS: dict[str, Parameter] = {}


def _declare(mechanism: str, source: str, grade: str, rows: str, scope: str = "run") -> None:
    """Read rows `name | default | low | high | unit | meaning [| options]`; options override the section."""
    for line in filter(None, map(str.strip, rows.splitlines())):
        name, default, low, high, unit, meaning, *rest = (cell.strip() for cell in line.split("|"))
        given = dict(pair.split("=", 1) for pair in (cell.strip() for cell in rest))
        negative = float(low) < 0 or unit.endswith("logit")
        PARAMETERS[name] = Parameter(
            name,
            float(default),
            float(low),
            float(high),
            unit,
            mechanism,
            meaning,
            source=given.pop("source", source),
            grade=given.pop("grade", grade),
            scope=given.pop("scope", scope),
            minimum=float(given.pop("min", "-50" if negative else "0")),
            maximum=float(given.pop("max", "50" if unit.endswith("logit") else "1e9")),
            integer=given.pop("integer", "no") == "yes",
            distribution=given.pop("distribution", "uniform"),
        )
        if given:
            raise ValueError(f"{name}: unknown options {', '.join(given)}")


PROTOTYPE = "chosen in a prototype to meet the facts of docs/EVIDENCE.md"
DIFFUSION = "three classic diffusion data sets, per SD of fit, transported to social care: an upper bound"

_declare(
    "values",
    "work-value studies; between-community shares in diffusion data",
    "inferred",
    """
value_sd | .175 | .15 | .20 | values 0-1 | standard deviation of values within a role | max=.5
service_share | .07 | .01 | .21 | share | share of value variance between services | max=.9 | grade=measured
team_share | .03 | 0 | .05 | share | share of value variance between teams of a service | max=.5
reading_sd | .20 | .10 | .30 | values 0-1 | spread of personal readings of an unclear innovation | grade=assumed | max=.5
projection | 0 | 0 | .5 | share | how far people read their own values into an unclear innovation | grade=assumed | max=1
""",
)
_declare(
    "innovation",
    "scenario",
    "assumed",
    """
innovation.clarity | .45 | .2 | .9 | share | clarity (explicitness) of the innovation's values | max=1
innovation.flexibility | .10 | 0 | .2 | values 0-1 | how far a local version may move from the original | max=1
innovation.fidelity_cost | .3 | -.3 | 1 | share | loss of true effect at full drift (negative: adaptation helps) | min=-1 | max=1 | source=adaptation may help or harm: swept
innovation.cost | 2 | .5 | 8 | £1,000 per staff member and year | price of the innovation
innovation.evidence_strength | .5 | 0 | 1 | share | strength of the published evidence | max=1
innovation.published.financial | 1 | .5 | 1.5 | £ per £1 | published cashable return | min=-20 | max=20
innovation.published.economic | .6 | .1 | 1.2 | £ per £1 | published wider economic return | min=-20 | max=20
innovation.published.social | .3 | 0 | .8 | SD of well-being | published social effect | min=-20 | max=20
innovation.effects.financial | .7 | 0 | 1.5 | £ per £1 | true cashable return at reference practice | min=-20 | max=20
innovation.effects.economic | .8 | 0 | 1.5 | £ per £1 | true wider economic return at reference practice | min=-20 | max=20
innovation.effects.social | .4 | 0 | .8 | SD of well-being | true social effect at reference practice | min=-20 | max=20
""",
)
_declare(
    "turnover",
    "workforce statistics of adult social care (annual leavers), rounded",
    "inferred",
    """
turnover_staff | .27 | .2 | .4 | a year | staff leaving | max=.99 | scope=organisation
turnover_manager | .15 | .1 | .25 | a year | managers leaving | max=.99 | scope=organisation
turnover_peer | .30 | .2 | .5 | a year | peers leaving | max=.99 | scope=organisation | grade=assumed
turnover_commissioner | .15 | .1 | .25 | a year | commissioners leaving | max=.99 | grade=assumed
turnover_fit | .20 | 0 | .30 | log hazard per 0.10 | lower leaving hazard per 0.10 of alignment | min=-2 | max=2 | source=person-organisation fit and intent to leave (-.35)
values_based_recruitment | 0 | 0 | .3 | share | recruits moved toward the mean values of the service | max=1 | grade=assumed | scope=organisation
""",
)
_declare(
    "awareness",
    PROTOTYPE,
    "assumed",
    """
initial_awareness | .10 | 0 | .3 | share | aware at the start | max=1 | scope=organisation
broadcast | .02 | 0 | .05 | a month | becoming aware from publications | max=1 | scope=organisation
awareness_in_service | .25 | .1 | .5 | a month | becoming aware where the service uses it | max=1 | scope=organisation
awareness_by_ties | .05 | 0 | .2 | a month per engaged tie | becoming aware from a colleague who is engaged | max=1
""",
)
_declare(
    "relationships",
    "adult values drift slowly; contact moves them little (r .1-.2)",
    "inferred",
    """
relationship_rate | .01 | .005 | .05 | a month | pull toward the mean values of one's ties | max=1
kernel_width | .6 | .3 | 1.2 | values 0-1 | value distance beyond which others do not influence | min=.01
repulsion | 0 | 0 | .01 | a month | push away from others beyond the kernel | max=1 | grade=assumed
anchoring | .03 | .01 | .05 | a month | pull back to the values one came with | max=1
voice_staff | 1 | .5 | 1 | share | voice of staff | max=1 | grade=assumed
voice_manager | 1 | .5 | 1 | share | voice of managers | max=1 | grade=assumed
voice_peer | .5 | .2 | 1 | share | voice of peers at the start | max=1 | grade=assumed
voice_commissioner | 1 | .5 | 1 | share | voice of commissioners | max=1 | grade=assumed
""",
)
_declare(
    "leadership",
    PROTOTYPE,
    "assumed",
    """
leadership_strength | .5 | .2 | .8 | share | mean strength of leadership of services | max=1 | scope=organisation
leadership_sd | .15 | 0 | .25 | share | spread of leadership between services | max=1
leadership_rate | .01 | 0 | .05 | a month x strength | followers move toward their manager's values | max=1
articulation | .01 | 0 | .03 | a month x strength | clarity gained from an engaged, aligned manager | max=1
""",
)
_declare(
    "coproduction",
    "the only randomised trial of co-production is null: rates may be 0",
    "assumed",
    """
coproduction_intensity | .15 | 0 | .4 | share | mean propensity to take part in monthly sessions | max=.95 | scope=organisation
coproduction_sd | .05 | 0 | .1 | share | spread of intensity between services | max=.5
design_coproduction | 0 | 0 | .4 | share | propensity to take part before the pilot (involvement in design) | max=.95 | scope=organisation
coproduction_rate | .03 | 0 | .2 | a session | participants move toward the session's position | max=1
power_sharing | .3 | 0 | .5 | share | share of the voice that peers hold (0 tokenistic, .5 equal) | max=1 | scope=organisation
adaptation_rate | .05 | 0 | .1 | a session | the local version moves toward the session's position | max=1
clarity_gain | .05 | 0 | .1 | a session | clarity gained by participants | max=1
tie_gain | .02 | 0 | .1 | a session | quality gained by ties between participants | max=1
voice_gain | .01 | 0 | .1 | a session | voice gained by participating peers | max=1
session_sharing | .10 | 0 | .3 | a session | participants' beliefs move toward the session's mean belief | max=1
coproduction_time | .5 | 0 | 1 | workload per share taking part | time that sessions cost | scope=organisation | max=10
""",
)
_declare(
    "identification",
    PROTOTYPE,
    "assumed",
    """
identification_growth | .08 | .04 | .12 | a month | identification gained x alignment, when involved | max=1
identification_decay | .04 | .02 | .06 | a month | identification lost | max=1
internalisation | .015 | 0 | .05 | a month | values move to the innovation's x identification | max=1
""",
)
_declare(
    "climate",
    PROTOTYPE,
    "assumed",
    """
climate_rate | .15 | .05 | .3 | a month | relaxation of climate | max=1
funding_support | .3 | 0 | .6 | climate 0-1 | climate that funding brings | max=1 | scope=organisation
practice_rate | .15 | .05 | .3 | a month | relaxation of quality of practice | max=1
practice_start | .2 | .1 | .3 | practice 0-1 | quality of practice on entry | max=1
practice_base | .35 | .2 | .5 | practice 0-1 | practice at reference alignment | max=1
practice_alignment | .5 | 0 | 1 | practice per alignment | commitment: effect of alignment | max=10
practice_identification | .2 | 0 | .4 | practice 0-1 | commitment: effect of identification | max=1
practice_climate | .15 | 0 | .3 | practice 0-1 | compliance: effect of climate | max=1
""",
)
_declare(
    "evidence",
    PROTOTYPE,
    "assumed",
    """
prior_scatter | .8 | 0 | 1 | scale units | scatter of prior beliefs about effects | max=5
prior_precision | 1 | .5 | 2 | 1 per scale unit^2 | precision of a prior belief | min=.01
published_precision | 4 | 1 | 8 | 1 per scale unit^2 | precision of strong published evidence
precision_cap | 20 | 10 | 40 | 1 per scale unit^2 | beliefs never get firmer than this | min=.01
result_sd | 5 | 3 | 8 | scale units per client and month | noise of delivered results | min=.01
belief_sharing | .03 | 0 | .1 | a month | beliefs move toward the mean of one's ties | max=1
monitoring_financial | 1 | .5 | 1 | share | routine monitoring of cashable return by commissioners | max=1
monitoring_other | .2 | 0 | .5 | share | routine monitoring of the other channels | max=1
practice_reference | .5 | .4 | .6 | practice 0-1 | practice at which true effects are stated | min=.01 | max=1
satisfaction_reference | .75 | .7 | .8 | satisfaction 0-1 | client satisfaction at which true effects are stated | min=.01 | max=1
satisfaction_rate | .15 | .05 | .3 | a month | relaxation of client satisfaction and take-up | max=1
clients_per_staff | 5 | 3 | 10 | clients | clients of a service per staff member | scope=organisation | min=.01
reference.financial | 1 | .8 | 1.2 | £ per £1 | return at which the channel neither speaks for nor against | min=-20 | max=20
reference.economic | .6 | .4 | .8 | £ per £1 | return at which the channel neither speaks for nor against | min=-20 | max=20
reference.social | .2 | .1 | .3 | SD of well-being | effect at which the channel neither speaks for nor against | min=-20 | max=20
scale.financial | .5 | .4 | .6 | £ per £1 | one unit of evidence | min=.001
scale.economic | .5 | .4 | .6 | £ per £1 | one unit of evidence | min=.001
scale.social | .2 | .15 | .25 | SD of well-being | one unit of evidence | min=.001
""",
)
_declare(
    "evidence",
    "narrow commissioners start at .8 financial (social prescribing case); others assumed",
    "assumed",
    """
evidence_weights.staff.financial | .1 | 0 | .3 | weight | weight of the channel for staff | max=1
evidence_weights.staff.economic | .3 | .1 | .5 | weight | weight of the channel for staff | max=1
evidence_weights.staff.social | .6 | .4 | .8 | weight | weight of the channel for staff | max=1
evidence_weights.manager.financial | .4 | .2 | .6 | weight | weight of the channel for managers | max=1
evidence_weights.manager.economic | .3 | .1 | .5 | weight | weight of the channel for managers | max=1
evidence_weights.manager.social | .3 | .1 | .5 | weight | weight of the channel for managers | max=1
evidence_weights.peer.financial | 0 | 0 | .2 | weight | weight of the channel for peers | max=1
evidence_weights.peer.economic | .2 | 0 | .4 | weight | weight of the channel for peers | max=1
evidence_weights.peer.social | .8 | .6 | 1 | weight | weight of the channel for peers | max=1
evidence_weights.commissioner.financial | .8 | .5 | .9 | weight | initial weight of the channel for commissioners | max=1
evidence_weights.commissioner.economic | .1 | 0 | .3 | weight | initial weight of the channel for commissioners | max=1
evidence_weights.commissioner.social | .1 | 0 | .3 | weight | initial weight of the channel for commissioners | max=1
""",
)
_declare(
    "dialogue",
    "social prescribing case: regular discussion, equal weight to kinds of evidence",
    "inferred",
    """
dialogue | 6 | 0 | 12 | meetings a year | meetings of commissioners with their services | max=12
dialogue_rate | .10 | 0 | .2 | a meeting | weights move toward the share of evidence presented | max=1
dialogue_anchor | .02 | 0 | .05 | a month | weights return to where they started | max=1 | grade=assumed
dialogue_values | .01 | 0 | .02 | a meeting | commissioners' values move toward the managers met | max=1
presented.financial | 1 | 0 | 1 | relative share | share of cashable evidence presented | max=1
presented.economic | 1 | 0 | 1 | relative share | share of economic evidence presented | max=1
presented.social | 1 | 0 | 1 | relative share | share of social evidence presented | max=1
""",
)
_declare(
    "engagement",
    PROTOTYPE,
    "inferred",
    """
fit_effect | .45 | 0 | .7 | logit per 0.10 | effect of alignment on engagement | min=-5 | max=5 | source=three classic diffusion data sets (.31-.52), transported: an upper bound
base_staff | -3.1 | -3.6 | -2.6 | monthly logit | engagement of staff at reference alignment | scope=organisation
base_manager | -2.7 | -3.2 | -2.2 | monthly logit | engagement of managers | scope=organisation
base_peer | -2.8 | -3.3 | -2.3 | monthly logit | engagement of peers | scope=organisation
frailty_sd | .3 | 0 | .6 | logit | lasting differences between people | grade=assumed
peer_effect | .4 | 0 | .8 | logit per share | share of engaged ties, weighted by quality | min=-5 | max=5
evidence_effect | .30 | 0 | 1.2 | logit per unit of evidence | effect of perceived evidence | min=-5 | max=5
climate_effect | .8 | 0 | 1.5 | logit per climate 0-1 | effect of climate (not identified) | min=-10 | max=10 | grade=assumed
identity_effect | .6 | 0 | 1.5 | logit per identification 0-1 | effect of identification (not identified) | min=-10 | max=10 | grade=assumed
workload_effect | .6 | 0 | 1.5 | logit per workload 0-1 | effect of workload (not identified) | min=-10 | max=10 | grade=assumed
fit_climate | 0 | -.2 | .2 | logit per 0.10 x climate | interaction of fit and climate | source=additive is the default of the evidence | max=5
fit_peers | 0 | -.35 | .1 | logit per 0.10 x share | interaction of fit and peers (.9 per SD^2, interval includes 1) | max=5
workaround | 0 | 0 | .2 | share | engagement where the service does not use the innovation | max=1 | scope=organisation | grade=assumed
workload | .3 | .1 | .6 | workload 0-1 | everyday workload before slack | max=1 | scope=organisation | grade=assumed
lapse_base | -4.4 | -4.9 | -3.9 | monthly logit | lapsing
lapse_fit | .25 | 0 | .45 | logit per 0.10 | less lapsing per 0.10 of alignment | min=-5 | max=5
disapproval | .32 | .15 | .50 | logit | disapproval by manager or commissioner (x1.38 on stopping) | min=-5 | max=5 | grade=measured
reengage_base | -4.3 | -4.8 | -3.8 | monthly logit | engaging again
""",
)
_declare(
    "organisations",
    PROTOTYPE,
    "inferred",
    """
fit_effect_organisations | .42 | 0 | .7 | logit per 0.10 | readiness: mean alignment of the aware | min=-5 | max=5
adoption_base | -5 | -5.5 | -4.5 | monthly logit | a service starts a pilot | scope=organisation | grade=assumed
adoption_peers | .4 | 0 | .8 | logit per share | share of neighbouring services that use it | min=-10 | max=10
slack_effect | 1 | 0 | 2 | logit per slack 0-1 | own slack makes a start easier | min=-10 | max=10 | grade=assumed
funds_effect | 1 | 0 | 2 | logit | pilot funds make a start easier | min=-10 | max=10 | grade=assumed
mandate_effect | 3 | 2 | 4 | logit | a mandate makes a start easier | source=link workers in England: an order faster when mandated and paid | min=-10 | max=20
pilot_funds | 1 | 0 | 1 | 0 or 1 | pilot funds on offer | max=1 | scope=organisation | grade=assumed
mandate | 0 | 0 | 1 | 0 or 1 | the innovation is mandated and reimbursed | max=1 | scope=organisation | grade=assumed
funding | 1 | 0 | 1 | 0 or 1 | 0 ends the funding of the services concerned | max=1 | scope=organisation | grade=assumed
slack | .3 | .1 | .6 | share | mean slack of services | max=1 | scope=organisation | grade=assumed
slack_sd | .15 | 0 | .25 | share | spread of slack between services | max=1 | grade=assumed
pilot_months | 24 | 12 | 36 | months | length of a pilot | min=1 | scope=organisation | integer=yes
contract_months | 36 | 24 | 60 | months | length of a contract | min=1 | scope=organisation | integer=yes
abandon_within | -5.2 | -5.6 | -4.8 | monthly logit | abandonment within a term, for reasons outside the model
abandon_unfunded | -4.2 | -4.6 | -3.8 | monthly logit | abandonment without funding (direct rule)
restart | -6.3 | -6.7 | -5.9 | monthly logit | an abandoned service starts again (with default funds and slack, which add 1.3: -5)
direct_base | -.1 | -.7 | .5 | logit | going on without funding (direct rule)
direct_fit | .35 | 0 | .7 | logit per 0.10 | effect of mean alignment (direct rule) | min=-5 | max=5
direct_identification | 1 | 0 | 2 | logit per identification 0-1 | effect of identification (direct rule) | min=-10 | max=10
direct_slack | 1 | 0 | 2 | logit per slack 0-1 | effect of slack (direct rule) | min=-10 | max=10
emergent_threshold | .5 | .4 | .6 | share | share engaged under which an unfunded service stops (emergent rule) | max=1
emergent_months | 6 | 3 | 12 | months | for how long it must stay under (emergent rule) | min=1 | integer=yes
""",
)
_declare(
    "commissioning",
    PROTOTYPE,
    "assumed",
    """
round_months | 12 | 6 | 24 | months | time between commissioning rounds | min=1 | integer=yes
budget | .6 | .3 | 1 | share of the cost of all services | budget of a commissioner | max=10
score_evidence | 1 | .5 | 1.5 | score per unit of evidence | weight of own-weighted evidence | min=-10 | max=10
score_fit | .3 | 0 | .6 | score per 0.10 | weight of alignment | min=-10 | max=10
score_relationship | .5 | 0 | 1 | score per quality 0-1 | weight of the relationship with the managers | min=-10 | max=10
score_cost | 0 | 0 | .5 | score per relative price | weight of price against the portfolio's mean | min=-10 | max=10
own_results | .5 | 0 | 1 | share | how far a service's own results move its score | max=1
reservation | .10 | -.3 | .5 | score | services below it are not funded | max=50
displacement | .1 | 0 | .3 | £ per £1 | value of what the money would have done elsewhere | max=10
workload_cost | 1 | 0 | 3 | £1,000 per staff member and year | cost of a workload of 1 to providers and staff
""",
)
_declare(
    "tie_quality",
    PROTOTYPE,
    "assumed",
    """
tie_rate | .05 | .02 | .3 | a month | relaxation of tie quality | max=1
tie_similarity | .7 | .4 | 1 | quality | target quality of ties between people of equal values | max=1
tie_identification | .3 | 0 | .6 | quality | added by shared identification | max=1
tie_quality.team | .5 | .3 | .7 | quality | base quality | max=1
tie_quality.line | .5 | .3 | .7 | quality | base quality | max=1
tie_quality.between | .3 | .1 | .5 | quality | base quality | max=1
tie_quality.peer | .5 | .3 | .7 | quality | base quality | max=1
tie_quality.commissioning | .4 | .2 | .6 | quality | base quality | max=1
tie_quality.commissioners | .4 | .2 | .6 | quality | base quality | max=1
""",
)
_declare(
    "society",
    "assumed; weak homophily as in diffusion data (excess tie correlation .01, at most .14)",
    "assumed",
    """
ties.team_size | 8 | 5 | 12 | people | size of a team | min=1 | max=100 | integer=yes
ties.team_density | .8 | .6 | 1 | probability | a tie between members of a team | max=1
ties.cross_team | 2 | 0 | 4 | ties per person | ties to other teams of the service | max=100
ties.between | 1 | 0 | 3 | ties per person | professional ties to other services | max=50
ties.between_spread | .8 | 0 | 1.2 | log SD | heterogeneity of the number of professional ties | max=2
ties.local | .8 | .5 | 1 | share | professional ties that stay in the area | max=1
ties.peer | 6 | 3 | 10 | ties per peer | ties of a peer to staff of the service | max=100
ties.commissioner | 4 | 2 | 8 | ties per commissioner | ties between commissioners | max=100
ties.area_size | 10 | 5 | 20 | services | services in an area (a commissioner serves whole areas) | min=1 | max=10000 | integer=yes
size_spread | .3 | 0 | .6 | log SD | heterogeneity of the size of services | max=1.5
""",
    scope="society",
)

RUN_PARAMETERS = tuple(p for p in PARAMETERS.values() if p.scope != "society")
INDEX = {p.name: row for row, p in enumerate(RUN_PARAMETERS)}
