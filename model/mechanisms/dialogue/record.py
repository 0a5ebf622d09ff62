"""Dialogue: parameters and place in the month (docs/ODD.md §5.12)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism
from ...parameter import Parameter

parameter = partial(
    Parameter, grade="inferred", source="social prescribing case: regular discussion, equal weight to kinds of evidence"
)

MECHANISM = Mechanism(
    name="dialogue",
    section="5.12",
    title="Dialogue: commissioners and services discuss the emerging evidence",
    parameters={
        "dialogue": parameter(
            6,
            0,
            12,
            "meetings a year",
            "meetings of commissioners with their services",
            kind="quantity",
            maximum=12,
            label="meetings of commissioners and services",
        ),
        "dialogue_rate": parameter(
            0.1,
            0,
            0.2,
            "a meeting",
            "weights move toward equal weight, as the evidence is presented",
            label="effect of a meeting on commissioners",
        ),
    },
)
