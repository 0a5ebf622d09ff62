"""Parameters that belong to no mechanism: people and their values, the innovation, the society."""

from __future__ import annotations

from functools import partial

from .parameter import Family, Group, Parameter

of_values = partial(
    Parameter, grade="inferred", source="work-value studies; between-community shares in diffusion data"
)
VALUES = Group(
    "values",
    {
        "value_sd": of_values(
            0.175,
            0.15,
            0.2,
            "values 0-1",
            "standard deviation of values within a role",
            maximum=0.5,
            label="spread of values within a role",
        ),
        "service_share": of_values(
            0.07,
            0.01,
            0.21,
            "share",
            "share of value variance between services",
            maximum=0.9,
            grade="measured",
            label="values that differ between services",
        ),
        "team_share": of_values(
            0.03,
            0,
            0.05,
            "share",
            "share of value variance between teams of a service",
            maximum=0.5,
            label="values that differ between teams",
        ),
        "reading_sd": of_values(
            0.2,
            0.1,
            0.3,
            "values 0-1",
            "spread of personal readings of an unclear innovation",
            maximum=0.5,
            grade="assumed",
            label="spread of personal readings of the innovation",
        ),
        "projection": of_values(
            0,
            0,
            0.5,
            "share",
            "how far people read their own values into an unclear innovation",
            grade="assumed",
            label="reading one's own values into the innovation",
        ),
    },
)

of_scenario = partial(Parameter, grade="assumed", source="scenario")
INNOVATION = Group(
    "innovation",
    {
        "innovation.clarity": of_scenario(
            0.45,
            0.2,
            0.9,
            "share",
            "clarity (explicitness) of the innovation's values",
            label="clarity of the innovation's values",
        ),
        "innovation.flexibility": of_scenario(
            0.1,
            0,
            0.2,
            "values 0-1",
            "how far a local version may move from the original",
            label="room for local adaptation",
        ),
        "innovation.fidelity_cost": of_scenario(
            0.3,
            -0.3,
            1,
            "share",
            "loss of true effect at full drift (negative: adaptation helps)",
            label="effect lost by adaptation",
            minimum=-1,
            source="adaptation may help or harm: swept",
        ),
        "innovation.cost": of_scenario(
            2, 0.5, 8, "£1,000 per staff member and year", "price of the innovation", kind="quantity"
        ),
        "innovation.evidence_strength": of_scenario(0.5, 0, 1, "share", "strength of the published evidence"),
        "innovation.published": Family(
            {
                "financial": of_scenario(1, 0.5, 1.5, "£ per £1", "published cashable return", kind="result"),
                "economic": of_scenario(0.6, 0.1, 1.2, "£ per £1", "published wider economic return", kind="result"),
                "social": of_scenario(0.3, 0, 0.8, "SD of well-being", "published social effect", kind="result"),
            }
        ),
        "innovation.effects": Family(
            {
                "financial": of_scenario(
                    0.7,
                    0,
                    1.5,
                    "£ per £1",
                    "true cashable return at reference practice",
                    label="true cashable return",
                    kind="result",
                ),
                "economic": of_scenario(
                    0.8,
                    0,
                    1.5,
                    "£ per £1",
                    "true wider economic return at reference practice",
                    label="true wider economic return",
                    kind="result",
                ),
                "social": of_scenario(
                    0.4,
                    0,
                    0.8,
                    "SD of well-being",
                    "true social effect at reference practice",
                    label="true social effect",
                    kind="result",
                ),
            }
        ),
    },
)

VOICES = Group(
    "relationships",
    {
        "voice_peer": Parameter(
            0.5,
            0.2,
            1,
            "share",
            "voice of peers at the start, against 1 of everybody else",
            grade="assumed",
            source="assumed: those with lived experience are heard less until they take part",
            label="voice of peers at the start",
        )
    },
)

of_ties = partial(
    Parameter,
    grade="assumed",
    source="assumed; weak homophily as in diffusion data (excess tie correlation .01, at most .14)",
    scope="society",
)
SOCIETY = Group(
    "society",
    {
        "ties.team_size": of_ties(8, 5, 12, "people", "size of a team", kind="count", maximum=100),
        "ties.team_density": of_ties(
            0.8, 0.6, 1, "probability", "a tie between members of a team", label="ties within a team"
        ),
        "ties.cross_team": of_ties(
            2,
            0,
            4,
            "ties per person",
            "ties to other teams of the service",
            label="ties to other teams",
            kind="quantity",
            maximum=100,
        ),
        "ties.between": of_ties(
            1,
            0,
            3,
            "ties per person",
            "professional ties to other services",
            label="ties to other services",
            kind="quantity",
            maximum=50,
        ),
        "ties.peer": of_ties(
            6,
            3,
            10,
            "ties per peer",
            "ties of a peer to staff of the service",
            label="ties of peers to staff",
            kind="quantity",
            maximum=100,
        ),
        "ties.area_size": of_ties(
            10,
            5,
            20,
            "services",
            "services in an area (a commissioner serves whole areas)",
            label="services in an area",
            kind="count",
            maximum=10000,
        ),
        "size_spread": of_ties(
            0.3,
            0,
            0.6,
            "log SD",
            "heterogeneity of the size of services",
            kind="quantity",
            maximum=1.5,
            label="spread of the size of services",
        ),
    },
)
