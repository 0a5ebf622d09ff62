"""World: the model as a `mesa.Model`, one run, month by month."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from ..errors import InputError
from ..ledger.booking import take_flows
from ..ledger.decomposition import Flows, decomposition_table
from ..ledger.events import Event, EventLog
from ..outcomes import OUTCOMES
from ..parameters import PARAMETERS
from ..run.block import Insertion, insertion
from ..run.initial import build
from ..run.month import month_steps, run_months, run_steps
from ..run.start import END, OBSERVE_START
from ..run.step import Function
from ..scenario.scenario import Scenario
from ..society.generate import Society
from ..society.tables import society_of
from ..state.arrays import ENGAGED, State
from ..state.scenario_arrays import lower
from .agents import PERSONS, Organisation, PeopledModel, Person

if TYPE_CHECKING:
    import pandas as pd

MAX_SEED = 2**63 - 1
KEYWORDS = {name.replace(".", "_"): name for name in PARAMETERS}  # parameters as keyword arguments


class World(PeopledModel):
    """One run of a scenario on Mesa.

    Parameters
    ----------
    preset : name of a shipped scenario, path to a TOML file, or a Scenario.
    rng : run seed, 0 … 2**63 - 1 (None: drawn anew and kept in `run_seed`). The same seed in `simulate` gives the same run.
    months : horizon (default: the scenario's). A step beyond it changes nothing and sets `running` to False.
    society_seed : seed of the society (default: the run seed).
    events : keep an event log in `events`.
    agent_reporters : attributes of agents that `datacollector` keeps every month ("alignment", "stage", …).
    settings : any setting that `Scenario.replace` takes, parameters also with underscores for dots (`innovation_clarity`),
        so that Mesa's `batch_run` sweeps them and SolaraViz puts them on sliders. None: as the scenario has it.

    Attributes: `agents` (Staff, Manager, Peer, Commissioner), `organisations`, `state` (arrays, run axis of length 1),
    `datacollector` (uptake, spread, alignment, identification; at the start and after every month).

    Raises InputError when the scenario or an argument is wrong.
    """

    def __init__(
        self,
        preset: str | Path | Scenario = "two-services",
        *,
        rng: int | None = None,
        months: int | None = None,
        society_seed: int | None = None,
        events: bool = False,
        agent_reporters: Iterable[str] = (),
        **settings: Any,
    ) -> None:
        seed = _seed("rng", rng)
        super().__init__(rng=seed)
        plan = Scenario.load(preset)
        given = {KEYWORDS.get(name, name): value for name, value in {**settings, "months": months}.items()}
        given = {name: value for name, value in given.items() if value is not None}
        self.plan = plan.replace(given) if given else plan
        self.run_seed = seed
        self.society: Society = society_of(
            self.plan, seed if society_seed is None else _seed("society_seed", society_seed)
        )
        self._lowered = lower(self.plan)
        self.state: State = build(
            self._lowered, self.society, [seed], accounting=True, series=True, person_terms=events
        )
        run_steps(self.state, OBSERVE_START)
        self._log = EventLog(self.state) if events else None
        self._flows: list[Flows] = []
        self._insertions: list[Insertion] = []
        names = self.society.service_names(self.plan)
        self.organisations = [Organisation(self, number, name) for number, name in enumerate(names)]
        self._posts: list[Person] = [PERSONS[role](self, row) for row, role in enumerate(self.society.role)]
        self._holder = self.state.holder[:, 0].copy()
        self.datacollector = mesa.DataCollector(
            model_reporters={name: name for name in ("uptake", "spread", "alignment", "identification")},
            agent_reporters={name: name for name in agent_reporters},
        )
        self.datacollector.collect(self)

    def step(self) -> None:
        """One month, and a row of `datacollector`; beyond the horizon only the row, and `running` becomes False."""
        if self.steps > self.plan.months:
            self.running = False
        else:
            self._month(self.steps)
        self.datacollector.collect(self)

    def _month(self, t: int) -> None:
        state = self.state
        run_months(
            state,
            t,
            t + 1,
            month_steps(state.switches, True, [(each.step, each.function) for each in self._insertions], touched=True),
        )
        self._flows.append(take_flows(state))
        if self._log is not None:
            self._log.month(state, t)
        for row in np.flatnonzero(state.holder[:, 0] != self._holder):
            self._posts[row].remove()
            self._posts[row].row = None
            self._posts[row] = PERSONS[self.society.role[row]](self, int(row))
        self._holder[:] = state.holder[:, 0]

    def insert_mechanism(self, function: Function, *, before: str | None = None, after: str | None = None) -> None:
        """Insert a mechanism of one's own, `function(state, month)`, before or after a mechanism of the month.

        Plain Python or compiled with Numba; without `before` and `after` it runs last. What it moves is booked as
        "outside" in the decomposition. Raises InputError for an unknown mechanism, or both places.
        """
        self._insertions.append(insertion(function, before=before, after=after))

    @property
    def uptake(self) -> float:
        """Share of staff, managers and peers engaged (0 … 1)."""
        return float((self._members("stage") == ENGAGED).mean())

    @property
    def spread(self) -> float:
        """Share of services that use the innovation: piloting, commissioned or sustained (0 … 1)."""
        stage = self.state.service_stage[:, 0]
        return float(((stage >= 1) & (stage <= 3)).mean())

    @property
    def alignment(self) -> float:
        """Mean alignment of staff, managers and peers (0 … 1)."""
        return float(self._members("alignment").mean())

    @property
    def identification(self) -> float:
        """Mean identification of staff, managers and peers (0 … 1)."""
        return float(self._members("identification").mean())

    def _members(self, column: str) -> np.ndarray:
        return getattr(self.state, column)[: int(self.state.first[len(self.organisations)]), 0]

    @property
    def decomposition(self) -> pd.DataFrame:
        """Change in the sum of alignment so far, as in `Outcomes.decomposition`."""
        return decomposition_table([(np.zeros(1, int), self._flows)], self.plan.group_names)

    @property
    def events(self) -> list[Event]:
        """What happened, with the terms of each decision (empty unless events=True)."""
        return [] if self._log is None else self._log.events

    @property
    def outcomes(self) -> dict[str, float]:
        """Outcomes of the whole run by name (docs/ODD.md §8). Raises RuntimeError before the horizon is reached."""
        if self.steps < self.plan.months:
            raise RuntimeError(f"outcomes are known after {self.plan.months} months; {self.steps} have passed")
        run_steps(self.state, END)
        return dict(zip(OUTCOMES, self.state.run_outcomes[:, 0].tolist(), strict=True))


def _signature() -> inspect.Signature:
    """Of `World(...)` with every parameter by name: Mesa refuses sliders for names it does not see, and passes a
    scenario of its own to a constructor that takes any name."""
    named = list(inspect.signature(World.__init__).parameters.values())[:-1]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([*named, *(inspect.Parameter(name, keyword, default=None) for name in KEYWORDS)])


World.__init__.__signature__ = _signature()  # type: ignore[attr-defined]


def _seed(name: str, value: object) -> int:
    """A seed from whatever Mesa passes: None, an int, a NumPy integer or text from an input field."""
    if value is None:
        return secrets.randbelow(MAX_SEED + 1)
    try:
        seed = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        seed = -1
    if not 0 <= seed <= MAX_SEED or (isinstance(value, (float, np.floating)) and value != seed):
        raise InputError([f"{name} = {value!r}: expected a whole number from 0 to {MAX_SEED}"])
    return seed
