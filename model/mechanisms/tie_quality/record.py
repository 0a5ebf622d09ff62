"""Quality of ties: parameters and place in the month (docs/ODD.md §5.16)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="tie_quality",
    section="5.16",
    title="Quality of ties: relaxes toward similarity of values and shared identification",
    label="quality of ties",
    parameters={
        "tie_rate": parameter(
            0.05, 0.02, 0.3, "a month", "relaxation of tie quality", label="speed at which ties change"
        ),
        "tie_similarity": parameter(
            0.7,
            0.4,
            1,
            "share",
            "how far the quality of ties follows likeness of values, the rest shared identification",
            label="how far ties follow likeness of values",
        ),
        "tie_quality": parameter(
            1,
            0.6,
            1.4,
            "factor",
            "base quality of ties, of all kinds together",
            kind="quantity",
            maximum=4,
            label="base quality of ties",
        ),
    },
)
