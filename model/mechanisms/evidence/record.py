"""Evidence: parameters and place in the month (docs/ODD.md §5.11)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import PROTOTYPE, Family, Parameter

parameter = partial(Parameter, grade="assumed", source=PROTOTYPE)
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
            0.8, 0, 1, "scale units", "scatter of prior beliefs about effects", kind="quantity", maximum=5
        ),
        "prior_precision": parameter(1, 0.5, 2, "1 per scale unit^2", "precision of a prior belief", kind="positive"),
        "published_precision": parameter(
            4, 1, 8, "1 per scale unit^2", "precision of strong published evidence", kind="quantity"
        ),
        "precision_cap": parameter(
            20, 10, 40, "1 per scale unit^2", "beliefs never get firmer than this", kind="positive"
        ),
        "result_sd": parameter(
            5, 3, 8, "scale units per client and month", "noise of delivered results", kind="positive"
        ),
        "belief_sharing": parameter(0.03, 0, 0.1, "a month", "beliefs move toward the mean of one's ties"),
        "monitoring_financial": parameter(1, 0.5, 1, "share", "routine monitoring of cashable return by commissioners"),
        "monitoring_other": parameter(0.2, 0, 0.5, "share", "routine monitoring of the other channels"),
        "practice_reference": parameter(
            0.5, 0.4, 0.6, "practice 0-1", "practice at which true effects are stated", minimum=0.01
        ),
        "satisfaction_reference": parameter(
            0.75, 0.7, 0.8, "satisfaction 0-1", "client satisfaction at which true effects are stated", minimum=0.01
        ),
        "satisfaction_rate": parameter(0.15, 0.05, 0.3, "a month", "relaxation of client satisfaction and take-up"),
        "clients_per_staff": parameter(
            5, 3, 10, "clients", "clients of a service per staff member", kind="positive", scope="organisation"
        ),
        "reference": Family(
            {
                "financial": parameter(
                    1, 0.8, 1.2, "£ per £1", "return at which the channel neither speaks for nor against", kind="result"
                ),
                "economic": parameter(
                    0.6,
                    0.4,
                    0.8,
                    "£ per £1",
                    "return at which the channel neither speaks for nor against",
                    kind="result",
                ),
                "social": parameter(
                    0.2,
                    0.1,
                    0.3,
                    "SD of well-being",
                    "effect at which the channel neither speaks for nor against",
                    kind="result",
                ),
            }
        ),
        "scale": Family(
            {
                "financial": parameter(
                    0.5, 0.4, 0.6, "£ per £1", "one unit of evidence", kind="positive", minimum=0.001
                ),
                "economic": parameter(
                    0.5, 0.4, 0.6, "£ per £1", "one unit of evidence", kind="positive", minimum=0.001
                ),
                "social": parameter(
                    0.2, 0.15, 0.25, "SD of well-being", "one unit of evidence", kind="positive", minimum=0.001
                ),
            }
        ),
        "evidence_weights": Family(
            {
                "staff": Family(
                    {
                        "financial": weight(0.1, 0, 0.3, "weight", "weight of the channel for staff"),
                        "economic": weight(0.3, 0.1, 0.5, "weight", "weight of the channel for staff"),
                        "social": weight(0.6, 0.4, 0.8, "weight", "weight of the channel for staff"),
                    }
                ),
                "manager": Family(
                    {
                        "financial": weight(0.4, 0.2, 0.6, "weight", "weight of the channel for managers"),
                        "economic": weight(0.3, 0.1, 0.5, "weight", "weight of the channel for managers"),
                        "social": weight(0.3, 0.1, 0.5, "weight", "weight of the channel for managers"),
                    }
                ),
                "peer": Family(
                    {
                        "financial": weight(0, 0, 0.2, "weight", "weight of the channel for peers"),
                        "economic": weight(0.2, 0, 0.4, "weight", "weight of the channel for peers"),
                        "social": weight(0.8, 0.6, 1, "weight", "weight of the channel for peers"),
                    }
                ),
                "commissioner": Family(
                    {
                        "financial": weight(0.8, 0.5, 0.9, "weight", "initial weight of the channel for commissioners"),
                        "economic": weight(0.1, 0, 0.3, "weight", "initial weight of the channel for commissioners"),
                        "social": weight(0.1, 0, 0.3, "weight", "initial weight of the channel for commissioners"),
                    }
                ),
            },
            symbol="evidence_weight",
        ),
    },
)
