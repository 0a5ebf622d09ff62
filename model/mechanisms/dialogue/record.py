"""Dialogue: parameters and place in the month (docs/ODD.md §5.12)."""

from __future__ import annotations

from functools import partial

from ...mechanism import COMMISSIONERS, VALUES, Mechanism
from ...parameter import Family, Parameter

parameter = partial(
    Parameter, grade="inferred", source="social prescribing case: regular discussion, equal weight to kinds of evidence"
)

MECHANISM = Mechanism(
    name="dialogue",
    section="5.12",
    title="Dialogue: commissioners and services discuss the emerging evidence",
    moves=VALUES,
    whom=COMMISSIONERS,
    aligns="commissioners",
    parameters={
        "dialogue": parameter(
            6, 0, 12, "meetings a year", "meetings of commissioners with their services", kind="quantity", maximum=12
        ),
        "dialogue_rate": parameter(0.1, 0, 0.2, "a meeting", "weights move toward the share of evidence presented"),
        "dialogue_anchor": parameter(0.02, 0, 0.05, "a month", "weights return to where they started", grade="assumed"),
        "dialogue_values": parameter(0.01, 0, 0.02, "a meeting", "commissioners' values move toward the managers met"),
        "presented": Family(
            {
                "financial": parameter(1, 0, 1, "relative share", "share of cashable evidence presented"),
                "economic": parameter(1, 0, 1, "relative share", "share of economic evidence presented"),
                "social": parameter(1, 0, 1, "relative share", "share of social evidence presented"),
            },
            symbol="presented_weight",
        ),
    },
)
