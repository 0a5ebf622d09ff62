"""Organisations decide: parameters and place in the month (docs/ODD.md §5.14)."""

from __future__ import annotations

from functools import partial

from ...mechanism import INNOVATION, Mechanism, Term
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="organisations",
    section="5.14",
    title="Organisations decide: to start, to go on without funding, to abandon, to start again",
    label="services' decisions",
    moves=INNOVATION,
    stages=True,
    reads="everybody",
    aligns="changed",
    parameters={
        "fit_effect_organisations": parameter(
            0.42,
            0,
            0.7,
            "logit per 0.10",
            "readiness: mean alignment of the aware",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="inferred",
            source="as of people: three diffusion data sets (.31-.52 per .10), transported: an upper bound",
        ),
        "adoption_base": parameter(
            -6,
            -7.5,
            -5.5,
            "monthly logit",
            "a service starts a pilot",
            kind="logit",
            scope="organisation",
            grade="inferred",
            source="Bass p about .03 a year (durable goods; medicines among doctors are slower), less what commissioners refuse",
        ),
        "adoption_peers": parameter(
            0.4,
            0,
            0.8,
            "logit per share",
            "share of neighbouring services that use it",
            kind="effect",
            grade="inferred",
            source="exposure in three diffusion data sets: odds x 1.0-1.23 per SD",
        ),
        "adoption_norm": parameter(
            4,
            2,
            6,
            "logit per share",
            "legitimacy: share of all services that use it",
            kind="effect",
            grade="inferred",
            source="Bass q about .38 a year: the odds of starting rise about e^2 where half of all use it (Tolbert & Zucker 1983)",
        ),
        "slack_effect": parameter(
            1, 0, 2, "logit per slack 0-1", "own slack makes a start easier", kind="effect", grade="assumed"
        ),
        "funds_effect": parameter(1, 0, 2, "logit", "pilot funds make a start easier", kind="effect", grade="assumed"),
        "mandate_effect": parameter(
            1.5,
            0.5,
            3,
            "logit",
            "a mandate makes a start easier",
            kind="effect",
            maximum=20,
            grade="inferred",
            source="link workers in England: an order faster when mandated and paid",
        ),
        "pilot_funds": parameter(
            0, 0, 1, "0 or 1", "national money on offer for pilots", scope="organisation", grade="assumed"
        ),
        "mandate": parameter(
            0, 0, 1, "0 or 1", "the innovation is mandated and reimbursed", scope="organisation", grade="assumed"
        ),
        "funding": parameter(
            1, 0, 1, "0 or 1", "0 ends the funding of the services concerned", scope="organisation", grade="assumed"
        ),
        "slack": parameter(0.3, 0.1, 0.6, "share", "mean slack of services", scope="organisation", grade="assumed"),
        "slack_sd": parameter(0.15, 0, 0.25, "share", "spread of slack between services", grade="assumed"),
        "pilot_months": parameter(
            24,
            12,
            36,
            "months",
            "length of a pilot",
            kind="count",
            scope="organisation",
            grade="inferred",
            source="social prescribing in Rotherham: a pilot of two years",
        ),
        "contract_months": parameter(
            36,
            24,
            60,
            "months",
            "length of a contract",
            kind="count",
            scope="organisation",
            grade="inferred",
            source="social prescribing in Rotherham: recommissioned for three years",
        ),
        "abandon_within": parameter(
            -5.6,
            -6.0,
            -5.2,
            "monthly logit",
            "abandonment within a term, for reasons outside the model",
            kind="logit",
            grade="inferred",
            source="49 sites of evidence-based practices: exit about .126 a year (Bond et al. 2014), less what has causes in the model",
        ),
        "burden": parameter(
            0.5, 0.2, 0.8, "share", "running cost of going on without funding, as slack that it takes", grade="assumed"
        ),
        "burden_effect": parameter(
            4, 1, 6, "logit", "stopping, per running cost that slack does not cover", kind="effect", grade="assumed"
        ),
        "pilot_reservation": parameter(
            -0.5, -1, 0, "score", "pilots of services that score below it are refused", kind="logit", grade="assumed"
        ),
        "restart": parameter(
            -6,
            -7.2,
            -5.9,
            "monthly logit",
            "an abandoned service starts again",
            kind="logit",
            grade="inferred",
            source="16 % of practices stopped and were started again within six years (Bond et al. 2014)",
        ),
        "emergent_threshold": parameter(0.5, 0.4, 0.6, "share", "share engaged under which an unfunded service stops"),
        "emergent_months": parameter(6, 3, 12, "months", "for how long it must stay under", kind="count"),
    },
    terms={
        "base": Term("adoption_base or restart", "logit"),
        "fit": Term("term of alignment", "logit"),
        "evidence": Term("term of the evidence", "logit"),
        "peers": Term("term of neighbouring services", "logit"),
        "legitimacy": Term("term of the share of all services", "logit"),
        "slack": Term("term of slack", "logit"),
        "funds": Term("term of pilot funds", "logit"),
        "mandate": Term("term of the mandate", "logit"),
        "probability": Term("probability of the step", "0-1"),
        "draw": Term("the uniform draw u; the step is taken if it is smaller", "0-1"),
        "burden": Term("term of the running cost", "logit"),
        "share_engaged": Term("share of staff and peers engaged", "share"),
        "months_under": Term("months under the threshold", "months"),
    },
)
