"""What a mix is judged by: goals, the further outcomes that are shown, and how they are read from runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOMES

from ..outcomes import Outcomes


@dataclass(frozen=True)
class Goal:
    """An outcome that is to be high. name : as asked for. outcome : a column of the table of runs. text : in words.

    unit : of a gain, as people say it, `factor` times the outcome's own.
    """

    name: str
    outcome: str
    text: str
    unit: str
    factor: float = 1.0


GOALS = {
    each.name: each
    for each in (
        Goal("use", "uptake_mean", "share of people who work with it, mean over all months", "points", 100.0),
        Goal("sustained", "spread_final", "share of services that use it at the end", "points", 100.0),
        Goal("value", "value_clients", "net value to clients", "client years x SD of well-being"),
    )
}
# Beside the goals of the decision: shown for each mix, and views of their own.
BESIDE = (
    "uptake_mean",
    "uptake_final",
    "spread_final",
    "recommissioned",
    "money_spent",
    "value_clients",
    "value_commissioners",
    "value_providers",
)
LEAST_SERVED = "least_served"  # share engaged in the quarter of services that use it least, at the end
WAITED = "waited_for"  # 1 where what a mix waits for held, so that it was done
OBSERVED = (*BESIDE, WAITED, LEAST_SERVED)
GROUPS = {
    "value_clients": Goal("clients", "value_clients", "net value to clients", "client years x SD of well-being"),
    "value_commissioners": Goal(
        "commissioners", "value_commissioners", "net value to commissioners, less what the mix costs them", "£1,000"
    ),
    "value_providers": Goal("providers", "value_providers", "net value to providers and staff", "£1,000"),
}
EQUAL = Goal(
    "equal",
    LEAST_SERVED,
    "share of people who work with it in the quarter of services that use it least, at the end",
    "points",
    100.0,
)


def goals_of(names: str | tuple[str, ...] | list[str]) -> list[Goal]:
    """Goals by name, the first of which decides. Raises InputError for unknown names and for none."""
    given = [names] if isinstance(names, str) else list(names)
    if not given or len(set(given)) < len(given):
        raise InputError(["goal: expected one or more different goals of " + ", ".join(GOALS)])
    if wrong := [name for name in given if name not in GOALS]:
        raise InputError([f"goal {unknown(wrong[0], GOALS, 'goal')}"])
    return [GOALS[name] for name in given]


def observed(outcomes: Outcomes, services: bool) -> np.ndarray:
    """What is kept of runs [OBSERVED x runs]; services : whether they were recorded (else the least served is
    missing).
    """
    table = outcomes.runs
    found = np.full((len(OBSERVED), len(table)), np.nan)
    for place, name in enumerate(BESIDE):
        values = table[name].to_numpy(float)
        # nothing started: no service was commissioned
        found[place] = (
            np.where(np.isnan(values) & (table["status"] == "ok").to_numpy(), 0.0, values)
            if name == "recommissioned"
            else values
        )
    waits = np.array([change.when is not None for change in outcomes.scenario.changes], bool)
    found[OBSERVED.index(WAITED)] = (outcomes.change_months()[waits] > 0).any(axis=0)
    if services:
        for rows, _, at in outcomes.blocks_of_services():
            engaged = np.sort(at("engaged")[-1], axis=0)
            found[-1, rows] = engaged[: max(1, len(engaged) // 4)].mean(axis=0)
    assert set(BESIDE) <= set(OUTCOMES)
    return found
