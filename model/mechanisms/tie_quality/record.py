"""Quality of ties: parameters and place in the month (docs/ODD.md §5.16)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import PROTOTYPE, Family, Parameter

parameter = partial(Parameter, grade="assumed", source=PROTOTYPE)

MECHANISM = Mechanism(
    name="tie_quality",
    section="5.16",
    title="Quality of ties: relaxes toward similarity of values and shared identification",
    label="quality of ties",
    parameters={
        "tie_rate": parameter(0.05, 0.02, 0.3, "a month", "relaxation of tie quality"),
        "tie_similarity": parameter(0.7, 0.4, 1, "quality", "target quality of ties between people of equal values"),
        "tie_identification": parameter(0.3, 0, 0.6, "quality", "added by shared identification"),
        "tie_quality": Family(
            {
                "team": parameter(0.5, 0.3, 0.7, "quality", "base quality"),
                "line": parameter(0.5, 0.3, 0.7, "quality", "base quality"),
                "between": parameter(0.3, 0.1, 0.5, "quality", "base quality"),
                "peer": parameter(0.5, 0.3, 0.7, "quality", "base quality"),
                "commissioning": parameter(0.4, 0.2, 0.6, "quality", "base quality"),
                "commissioners": parameter(0.4, 0.2, 0.6, "quality", "base quality"),
            }
        ),
    },
)
