"""Sensemaking: parameters and place in the month (docs/ODD.md §5.9)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import Parameter

LEADERS = "leadership and perceived value congruence correlate .3 to .4 (Hoffman et al. 2011): a manager one standard deviation apart moves judgement by about .4 of it"
parameter = partial(Parameter, grade="assumed", source="assumed; judgement moves within months, values within years")

MECHANISM = Mechanism(
    name="sensemaking",
    section="5.9",
    title="Sensemaking: people judge the innovation together, grounded in their own values (Hoffman et al. 2011)",
    judgement=("grounding", "talk", "sensegiving", "session"),
    reads="everybody",
    parameters={
        "grounding": parameter(
            0.1,
            0.05,
            0.3,
            "a month",
            "judgement returns to how well one's own values fit",
            label="return of judgement to one's own values",
        ),
        "talk": parameter(
            0.1,
            0,
            0.3,
            "a month",
            "judgement moves toward that of people one has ties with",
            label="influence of colleagues on judgement",
        ),
        "sensegiving": parameter(
            0.3,
            0,
            0.6,
            "a month x strength",
            "judgement moves toward the manager's",
            grade="inferred",
            source=LEADERS,
            label="influence of managers on judgement",
        ),
        "session": parameter(
            0.15,
            0,
            0.4,
            "a session",
            "judgement of those taking part moves toward the session's",
            label="influence of co-production on judgement",
        ),
        "aware_voice": parameter(
            0.3,
            0,
            1,
            "share",
            "weight in talk of those without experience, against users and former users",
            label="voice of those without experience",
        ),
    },
)
