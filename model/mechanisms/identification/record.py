"""Participation and identification: parameters and place in the month (docs/ODD.md §5.8)."""

from __future__ import annotations

from functools import partial

from ...mechanism import VALUES, Mechanism
from ...parameter import ASSUMED, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="identification",
    section="5.8",
    title="Participation and identification",
    moves=VALUES,
    reads="everybody",
    parameters={
        "identification_growth": parameter(
            0.08,
            0.04,
            0.12,
            "a month",
            "identification gained x alignment, when involved",
            label="growth of identification",
        ),
        "identification_decay": parameter(
            0.04, 0.02, 0.06, "a month", "identification lost", label="loss of identification"
        ),
        "internalisation": parameter(
            0.015,
            0,
            0.05,
            "a month",
            "values move to the innovation's x identification",
            label="internalisation of the innovation's values",
        ),
    },
)
