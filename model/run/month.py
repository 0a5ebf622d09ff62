"""The month as a list of steps, and months of it: the same compiled steps for `World` and for ensembles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numba import typeof

from ..alignment import align_changed, align_commissioners, align_everybody, align_managers, align_replaced, perceive
from ..compiled.compiling import COMPILED, address_of, call, compiled, copy, fill
from ..ledger.decomposition import POINT, account, account_moves, flush
from ..entry import month_draws
from ..mechanisms.anchoring.kernel import anchoring
from ..mechanisms.awareness.kernel import awareness
from ..mechanisms.changes.kernel import changes
from ..mechanisms.climate.kernel import climate
from ..mechanisms.commissioning.kernel import commissioning
from ..mechanisms.coproduction.kernel import coproduction, workloads
from ..mechanisms.dialogue.kernel import dialogue
from ..mechanisms.engagement.kernel import engagement
from ..mechanisms.evidence.kernel import evidence
from ..mechanisms.identification.kernel import identification
from ..mechanisms.leadership.kernel import leadership
from ..mechanisms.organisations.kernel import organisations
from ..mechanisms.relationships.kernel import relationships
from ..mechanisms.tie_quality.kernel import tie_quality
from ..mechanisms.turnover.kernel import restart_ties, turnover
from .outcomes import observe
from ..parameters import MECHANISMS
from ..state.arrays import State

Function = Callable[[State, int], None]


class Step(NamedTuple):
    """A step of the month: `function(state, month)`, or `function(state, argument)`."""

    mechanism: str
    function: Function
    argument: int = -1  # -1: the month


# What a mechanism runs besides itself so that versions, ties and alignment are up to date for the steps that
# read them; with accounting, `account` keeps alignment up to date after every step that moves it.
_BEFORE = {"leadership": align_managers, "identification": align_everybody}
_AFTER: dict[str, tuple[Function, ...]] = {
    "changes": (perceive, restart_ties),
    "turnover": (restart_ties,),
    "coproduction": (perceive,),
    "organisations": (perceive,),
}
_ALIGN_AFTER = {
    "changes": align_everybody,
    "turnover": align_replaced,
    "dialogue": align_commissioners,
    "organisations": align_changed,
}
_MOVING = ("relationships", "anchoring", "leadership", "coproduction", "identification")  # values, versions, clarity
_MOVES = ("awareness", "coproduction", "engagement", "organisations")  # people change stage
_MECHANISM: dict[str, Function | None] = {
    "changes": changes,
    "turnover": turnover,
    "awareness": awareness,
    "relationships": relationships,
    "anchoring": anchoring,
    "leadership": leadership,
    "coproduction": coproduction,
    "session_knowledge": None,  # a rule of co-production
    "identification": identification,
    "climate": climate,
    "evidence": evidence,
    "dialogue": dialogue,
    "engagement": engagement,
    "organisations": organisations,
    "commissioning": commissioning,
    "tie_quality": tie_quality,
}


@compiled
def begin(S, t):
    """Start month t: new draws, nobody replaced yet, an empty ledger."""
    month_draws(S, t)
    fill(S.replaced, 0)
    fill(S.ledger, 0.0)
    copy(S.service_stage, S.service_stage_before)


def _steps_of(name: str, accounting: bool) -> list[Step]:
    function = _MECHANISM[name]
    if function is None:
        return []
    steps = [Step(name, function), *(Step(name, after) for after in _AFTER.get(name, ()))]
    if accounting:
        if name in POINT:
            steps.append(Step(name, account, POINT[name]))
        if name in _MOVES:
            steps.append(Step(name, account_moves))
        return steps
    if name in _BEFORE:
        steps.insert(0, Step(name, _BEFORE[name]))
    if name in _ALIGN_AFTER:
        steps.append(Step(name, _ALIGN_AFTER[name]))
    return steps


def month_steps(
    switches: Sequence[int] | np.ndarray,
    accounting: bool,
    insertions: Sequence[tuple[int, Function]] = (),
    *,
    touched: bool = False,
) -> list[Step]:
    """Steps of a month in order, those of mechanisms that are off left out.

    insertions: (position in MECHANISMS before which it runs, function) of mechanisms of one's own.
    touched: the state may have been changed from outside since the last month.
    """
    own = [Step("own", perceive)]
    own += (
        [Step("own", account, POINT["outside"]), Step("own", account_moves)]
        if accounting
        else [Step("own", align_everybody)]
    )
    steps = [Step("begin", begin), *(own if touched else ())]

    def insert(position: int) -> None:
        for where, function in insertions:
            if where == position:
                steps.extend([Step("own", function), *own])

    for position, name in enumerate(MECHANISMS):
        insert(position)
        if name == "climate" and not accounting and any(switches[MECHANISMS.index(moving)] for moving in _MOVING):
            steps.append(Step(name, align_everybody))  # once, after all that moves values
        if switches[position]:
            steps += _steps_of(name, accounting)
        if name == "coproduction":
            steps.append(Step(name, workloads))
    insert(len(MECHANISMS))
    steps.append(Step("observe", observe))
    if accounting:
        steps.append(Step("observe", flush))
    return steps


@compiled
def _months(S, first, last, addresses, arguments):
    for t in range(first, last):
        for n in range(addresses.shape[0]):
            call(addresses[n], S, t if arguments[n] < 0 else arguments[n])


def run_months(S: State, first: int, last: int, steps: Sequence[Step]) -> None:
    """Months first … last - 1. Compiled when every step is."""
    if COMPILED and all(hasattr(step.function, "overloads") for step in steps):
        kind = typeof(S)
        addresses = np.array([address_of(step.function, kind) for step in steps], np.int64)
        _months(S, first, last, addresses, np.array([step.argument for step in steps], np.int64))
        return
    for t in range(first, last):
        for step in steps:
            step.function(S, t if step.argument < 0 else step.argument)
