"""Relationships: parameters and place in the month (docs/ODD.md §5.4)."""

from __future__ import annotations

from functools import partial

from ...mechanism import VALUES, Mechanism
from ...parameter import Parameter

parameter = partial(
    Parameter, grade="inferred", source="adult values drift slowly; contact moves them little (r .1-.2)"
)

MECHANISM = Mechanism(
    name="relationships",
    section="5.4",
    title="Relationships: bounded-confidence influence over ties (Deffuant 2000; Hegselmann & Krause 2002)",
    moves=VALUES,
    parameters={
        "relationship_rate": parameter(
            0.01,
            0.005,
            0.05,
            "a month",
            "pull toward the mean values of one's ties",
            label="influence of colleagues on values",
        ),
        "kernel_width": parameter(
            0.6,
            0.3,
            1.2,
            "values 0-1",
            "value distance beyond which others do not influence",
            kind="positive",
            label="reach of influence between unlike people",
        ),
    },
)
