"""What is asked of a decision: the one list of its arguments, checked, with their defaults."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valign.model.errors import InputError

from ..actions.declaration import actions_from
from ..design import MAX_SEED, whole
from .goals import Goal, goals_of
from .options import STARTS


@dataclass(frozen=True)
class Question:
    """What `decide` is asked; its arguments are explained there. Nothing is checked before it is used."""

    budget: float
    goal: str | Sequence[str] = "use"
    horizon: int = 72
    must: Sequence[str] = ()
    never: Sequence[str] = ()
    actions: Sequence[str | Path] = ()
    starts: Sequence[int] = STARTS
    mixes: int = 200
    worlds: int = 1000
    seed: int = 1
    pilots: int | None = None

    def goals(self) -> list[Goal]:
        """The goals, the first of which decides."""
        return goals_of(self.goal if isinstance(self.goal, str) else list(self.goal))

    def within(self, months: int) -> list[int]:
        """Months in which an action may begin, within the horizon."""
        found = sorted({whole("start", month, 1, months) for month in self.starts if month <= months})
        if not found:
            raise InputError([f"starts = {list(self.starts)}: none of them is within the horizon of {months} months"])
        return found

    def checked(self) -> Question:
        """The same, where its numbers are what they should be. Raises InputError for the first that is not."""
        checked_budget(self.budget)
        whole("mixes", self.mixes, 2, 100_000)
        whole("worlds", self.worlds, 40, 100_000)
        whole("seed", self.seed, 0, MAX_SEED)
        return self

    def described(self) -> dict[str, Any]:
        """All of it as plain values, actions in full: what a result depends on beside the scenario."""
        return {
            "budget": float(self.budget),
            "goals": [each.name for each in self.goals()],
            "horizon": self.horizon,
            "must": sorted(self.must),
            "never": sorted(self.never),
            "actions": [each.model_dump(mode="json") for each in actions_from(self.actions)],
            "starts": list(self.starts),
            "mixes": self.mixes,
            "worlds": self.worlds,
            "seed": self.seed,
            "pilots": self.pilots,
        }


def checked_budget(budget: object) -> float:
    """A budget in £. Raises InputError for what is none."""
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not math.isfinite(budget) or budget <= 0:
        raise InputError([f"budget = {budget!r}: expected a number of pounds above 0"])
    return float(budget)
