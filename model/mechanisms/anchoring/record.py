"""Anchoring: parameters and place in the month (docs/ODD.md §5.5)."""

from __future__ import annotations

from functools import partial

from ...mechanism import VALUES, Mechanism
from ...parameter import Parameter

parameter = partial(
    Parameter, grade="inferred", source="adult values drift slowly; contact moves them little (r .1-.2)"
)

MECHANISM = Mechanism(
    name="anchoring",
    section="5.5",
    title="Anchoring: values return to those one came with (Friedkin & Johnsen 1990)",
    group="relationships",
    moves=VALUES,
    parameters={"anchoring": parameter(0.03, 0.01, 0.05, "a month", "pull back to the values one came with")},
)
