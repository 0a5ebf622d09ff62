"""Leadership: parameters and place in the month (docs/ODD.md §5.6)."""

from __future__ import annotations

from functools import partial

from ...mechanism import CLARITY, MEMBERS, VALUES, Mechanism
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="leadership",
    section="5.6",
    title="Leadership: followers move toward their manager; engaged, aligned managers articulate",
    moves=VALUES | CLARITY,
    whom=MEMBERS,
    reads="managers",
    parameters={
        "leadership_strength": parameter(
            0.5,
            0.2,
            0.8,
            "share",
            "mean strength of leadership of services",
            scope="organisation",
            label="strength of leadership",
        ),
        "leadership_sd": parameter(0.15, 0, 0.25, "share", "spread of leadership between services"),
        "leadership_rate": parameter(
            0.01,
            0,
            0.05,
            "a month x strength",
            "followers move toward their manager's values",
            label="influence of managers on values",
        ),
        "articulation": parameter(
            0.01,
            0,
            0.03,
            "a month x strength",
            "clarity gained from an engaged, aligned manager",
            label="clarity that a manager gives",
        ),
    },
)
