"""Scheduled changes: parameters and place in the month (docs/ODD.md §5.1)."""

from __future__ import annotations

from ...mechanism import INNOVATION, POSTS, Mechanism

MECHANISM = Mechanism(
    name="changes",
    section="5.1",
    title="Scheduled changes: at month t set or scale a parameter, or bring in a new leader",
    moves=INNOVATION | POSTS,
    aligns="everybody",
)
