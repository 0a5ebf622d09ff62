"""Turnover: parameters and place in the month (docs/ODD.md §5.2)."""

from __future__ import annotations

from functools import partial

from ...mechanism import POSTS, Mechanism
from ...parameter import Family, Parameter

parameter = partial(
    Parameter, grade="assumed", source="workforce statistics of adult social care (annual leavers), rounded"
)

MECHANISM = Mechanism(
    name="turnover",
    section="5.2",
    title="Turnover: misfits leave, recruits come from the role's profile; ties belong to the post",
    moves=POSTS,
    reads="everybody",
    aligns="replaced",
    parameters={
        "turnover": Family(
            {
                "staff": parameter(
                    0.27,
                    0.2,
                    0.4,
                    "a year",
                    "staff leaving",
                    label="staff who leave in a year",
                    maximum=0.99,
                    scope="organisation",
                    grade="inferred",
                ),
                "manager": parameter(
                    0.15,
                    0.1,
                    0.25,
                    "a year",
                    "managers leaving",
                    label="managers who leave in a year",
                    maximum=0.99,
                    scope="organisation",
                    grade="inferred",
                ),
                "peer": parameter(
                    0.3,
                    0.2,
                    0.5,
                    "a year",
                    "peers leaving",
                    maximum=0.99,
                    scope="organisation",
                    label="peers who leave in a year",
                ),
            },
            joint="_",
        ),
        "turnover_fit": parameter(
            0.2,
            0,
            0.3,
            "log hazard per 0.10",
            "lower leaving hazard per 0.10 of alignment",
            kind="effect",
            minimum=-2,
            maximum=2,
            grade="inferred",
            source="person-organisation fit and intent to leave (-.35)",
            label="people who fit leave less",
        ),
        "values_based_recruitment": parameter(
            0,
            0,
            0.3,
            "share",
            "recruits moved toward the mean values of the service",
            scope="organisation",
            label="values-based recruitment",
        ),
    },
)
