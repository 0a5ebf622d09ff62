"""Co-production: parameters and place in the month (docs/ODD.md §5.7)."""

from __future__ import annotations

from functools import partial

from ...mechanism import CLARITY, INNOVATION, VALUES, Mechanism
from ...parameter import Parameter

parameter = partial(
    Parameter, grade="assumed", source="the only randomised trial of co-production is null: rates may be 0"
)

MECHANISM = Mechanism(
    name="coproduction",
    section="5.7",
    title="Co-production: sessions in which members, peers and the commissioner find a common position",
    label="co-production",
    moves=VALUES | INNOVATION | CLARITY,
    stages=True,
    always="workloads",
    rules={"session_knowledge": "in sessions, people also become aware and share beliefs"},
    parameters={
        "coproduction_intensity": parameter(
            0.15,
            0,
            0.4,
            "share",
            "mean propensity to take part in monthly sessions",
            maximum=0.95,
            scope="organisation",
            label="share of people in co-production",
        ),
        "coproduction_sd": parameter(
            0.05,
            0,
            0.1,
            "share",
            "spread of intensity between services",
            maximum=0.5,
            label="spread of co-production between services",
        ),
        "design_coproduction": parameter(
            0,
            0,
            0.4,
            "share",
            "propensity to take part before the pilot (involvement in design)",
            maximum=0.95,
            scope="organisation",
            label="co-production before the pilot",
        ),
        "coproduction_rate": parameter(
            0.03,
            0,
            0.2,
            "a session",
            "participants move toward the session's position",
            label="influence of co-production on values",
        ),
        "power_sharing": parameter(
            0.3,
            0,
            0.5,
            "share",
            "share of the voice that peers hold (0 tokenistic, .5 equal)",
            scope="organisation",
            label="voice that peers hold in co-production",
        ),
        "adaptation_rate": parameter(
            0.05,
            0,
            0.1,
            "a session",
            "the local version moves toward the session's position",
            label="adaptation of the innovation in co-production",
        ),
        "clarity_gain": parameter(
            0.05, 0, 0.1, "a session", "clarity gained by participants", label="clarity gained in co-production"
        ),
        "session_sharing": parameter(
            0.1,
            0,
            0.3,
            "a session",
            "participants' beliefs move toward the session's mean belief",
            label="beliefs shared in co-production",
        ),
        "coproduction_time": parameter(
            0.5,
            0,
            1,
            "workload per share taking part",
            "time that sessions cost",
            kind="quantity",
            maximum=10,
            scope="organisation",
            label="time that co-production costs",
        ),
    },
)
