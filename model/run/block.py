"""A run of a block: months in compiled chunks, with what is asked for recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..compiled.engine import release
from ..errors import InputError, nearest
from ..ledger.booking import take_flows
from ..ledger.decomposition import Flows, flows_a_month
from ..ledger.events import Event, EventLog
from ..parameters import MECHANISMS
from ..state.arrays import State
from ..state.scenario_arrays import Lowered
from .month import month_steps, run_months, run_steps
from .start import END, OBSERVE_START

CALL_SECONDS, SECONDS_PER_PERSON_MONTH = 0.2, 1.5e-6


@dataclass(frozen=True)
class Insertion:
    """A mechanism of one's own: `function(state, month)`, which runs before the mechanism at position `step`."""

    function: Callable[[State, int], None]
    step: int


@dataclass(eq=False)
class Recorded:
    """What a block left behind. W runs, T months."""

    outcomes: np.ndarray  # len(OUTCOMES) x W
    path: np.ndarray  # (T + 1) x len(PATH) x W
    people: np.ndarray  # (T + 1) x roles x len(PEOPLE_SERIES) x W, or empty
    commissioners: np.ndarray
    services: np.ndarray
    places: np.ndarray  # (T + 1) x O x len(PLACE_SERIES) x W, or empty
    agents: np.ndarray  # (T + 1) x N x (len(AGENT_SERIES) + K) x W, or empty
    organisation: np.ndarray  # N: number of everybody's service
    role: np.ndarray  # N
    commissioner: np.ndarray  # O: row of the commissioner of every service, -1
    group: np.ndarray  # O: number of the group of every service
    change_month: np.ndarray  # changes x W: month of each scheduled change, 0 where what it waits for never held
    flows: list[Flows] = field(default_factory=list[Flows])
    events: list[Event] = field(default_factory=list[Event])

    def first(self, runs: int) -> Recorded:
        """The same of the first runs only."""
        if runs == self.outcomes.shape[-1]:
            return self
        by_run = {name: getattr(self, name)[..., :runs] for name in BY_RUN}
        flows = [_of_first(flows, self.outcomes.shape[-1], runs) for flows in self.flows]
        return replace(self, **by_run, flows=flows, events=[each for each in self.events if each.run < runs])


BY_RUN = ("outcomes", "path", "people", "commissioners", "services", "places", "agents", "change_month")


def _of_first(flows: Flows, width: int, runs: int) -> Flows:
    """Flows of the first runs of a block, positions counted in these (runs are the innermost: `decomposition.places`)."""
    positions, changes = flows
    place, run = np.divmod(positions, width)
    kept = run < runs
    return place[kept] * runs + run[kept], changes[kept]


def insertion(
    function: Callable[[State, int], None], *, before: str | None = None, after: str | None = None
) -> Insertion:
    """Place `function` before or after a mechanism of the month (after all of them by default).

    Raises InputError when there is no such mechanism, or both places are given.
    """
    if before is not None and after is not None:
        raise InputError(["give either `before` or `after`, not both"])
    place = before if before is not None else after
    if place is not None and place not in MECHANISMS:
        close = nearest(place, MECHANISMS)
        raise InputError(
            [
                f"{place!r} is not a mechanism; allowed: {', '.join(MECHANISMS)}"
                + (f"; did you mean {close!r}?" if close else "")
            ]
        )
    if before is not None:
        return Insertion(function, MECHANISMS.index(before))
    return Insertion(function, MECHANISMS.index(after) + 1 if after is not None else len(MECHANISMS))


def run_block(
    lowered: Lowered,
    S: State,
    *,
    events: bool = False,
    insertions: Sequence[Insertion] = (),
    cancelled: Callable[[], bool] = lambda: False,
    threads: int = 1,
) -> Recorded:
    """Run a block to its horizon and record what `S` was built to record; threads: that share its people."""
    W, months = len(S.runs), lowered.scenario.months
    accounting = S.ledger.shape[0] > 0
    steps = month_steps(S.switches, accounting, [(each.step, each.function) for each in insertions])
    if insertions:  # which may keep the arrays that they are shown
        release(S)
    run_steps(S, OBSERVE_START)
    log = EventLog(S) if events else None
    chunk = max(1, int(CALL_SECONDS / (SECONDS_PER_PERSON_MONTH * max(1, len(S.role)) * W)))
    if accounting:
        chunk = min(chunk, len(S.flow_change) // flows_a_month(len(lowered.scenario.group_names), W))
    if log is not None:
        chunk = 1
    flows: list[Flows] = []
    for first in range(1, months + 1, chunk):
        if cancelled():
            raise KeyboardInterrupt
        run_months(S, first, min(first + chunk, months + 1), steps, threads)
        if log is not None:
            log.month(S, first)
        if accounting:
            flows.append(take_flows(S))
    run_steps(S, END)
    release(S)
    return Recorded(
        S.run_outcomes,
        S.path,
        S.people_series,
        S.commissioner_series,
        S.service_series,
        S.place_series,
        S.agent_series,
        S.organisation,
        S.role,
        S.commissioner,
        S.service_group,
        S.change_month,
        flows,
        log.events if log is not None else [],
    )
