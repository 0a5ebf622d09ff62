"""Evidence: parameters and place in the month (docs/ODD.md §5.11)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import ASSUMED, Family, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)
weight = partial(
    Parameter,
    grade="assumed",
    source="narrow commissioners start at .8 financial (social prescribing case); others assumed",
)

MECHANISM = Mechanism(
    name="evidence",
    section="5.11",
    title="Evidence: published efficacy, delivered results, and beliefs about both",
    parameters={
        "prior_scatter": parameter(
            0.8,
            0,
            1,
            "scale units",
            "scatter of prior beliefs about effects",
            kind="quantity",
            maximum=5,
            label="spread of beliefs about effects at the start",
        ),
        "result_sd": parameter(
            5, 3, 8, "scale units per client and month", "noise of delivered results", kind="positive"
        ),
        "belief_sharing": parameter(
            0.03,
            0,
            0.1,
            "a month",
            "beliefs move toward the mean of one's ties",
            label="beliefs shared between colleagues",
        ),
        "practice_reference": parameter(
            0.5, 0.4, 0.6, "practice 0-1", "practice at which true effects are stated", minimum=0.01
        ),
        "clients_per_staff": parameter(
            5,
            3,
            10,
            "clients",
            "clients of a service per staff member",
            kind="positive",
            scope="organisation",
            label="clients per staff member",
        ),
        "evidence_weights.commissioner": Family(
            {
                "financial": weight(
                    0.8,
                    0.5,
                    0.9,
                    "weight",
                    "initial weight of the channel for commissioners",
                    label="commissioners' weight of cashable returns",
                ),
                "economic": weight(
                    0.1,
                    0,
                    0.3,
                    "weight",
                    "initial weight of the channel for commissioners",
                    label="commissioners' weight of economic returns",
                ),
                "social": weight(
                    0.1,
                    0,
                    0.3,
                    "weight",
                    "initial weight of the channel for commissioners",
                    label="commissioners' weight of social effects",
                ),
            },
            symbol="commissioner_weight",
        ),
    },
)
