"""Staff, managers, peers and commissioners as Mesa agents, and their services: views on rows of the state."""

from __future__ import annotations

import mesa
import numpy as np

from ..errors import InputError
from ..state.arrays import ENGAGED, SERVICE_STAGES, STAGES, State


class PeopledModel(mesa.Model):
    """A Mesa model whose people and services are rows of one state."""

    state: State
    organisations: list[Organisation]
    _posts: list[Person]  # who holds the post of each row

    def holder_of(self, row: int) -> Person:
        """The agent that holds the post in a row of the state. Raises IndexError for a row that is none."""
        return self._posts[row]


def _number(column: str, doc: str) -> property:
    """A property that reads and writes one number of the person's row, within [0, 1]."""

    def read(self: Person) -> float:
        return float(getattr(self.model.state, column)[_row(self), 0])

    def write(self: Person, value: float) -> None:
        getattr(self.model.state, column)[_row(self), 0] = _unit(value, column)

    return property(read, write, doc=doc)


def _row(person: Person) -> int:
    """The person's row: as an index, the None of those who have left would reach the rows of others."""
    if person.row is None:
        raise RuntimeError("this person has left; the post is another's now")
    return person.row


def _unit(value: object, name: str) -> np.ndarray:
    numbers = np.asarray(value, float)
    if not ((numbers >= 0.0) & (numbers <= 1.0)).all():
        raise InputError([f"{name} = {value!r}: expected numbers from 0 to 1"])
    return numbers


class Person(mesa.Agent):
    """Holder of a post. A new agent takes over the row when the holder leaves.

    row is the person's row in `World.state` (None after leaving). Numbers to read and write, from 0 to 1: clarity (how
    clearly the innovation is read), identification (with it), practice (its quality when engaged), voice (weight).
    What is written between steps counts as "outside" in the decomposition of alignment.

    Raises InputError for what is not allowed, RuntimeError when somebody has left.
    """

    model: PeopledModel
    clarity = _number("clarity", "How clearly the person reads the innovation (0 … 1).")
    identification = _number("identification", "Identification with the innovation (0 … 1).")
    practice = _number("practice", "Quality of practice when engaged (0 … 1).")
    voice = _number("voice", "Weight of the person's voice (0 … 1).")

    def __init__(self, model: PeopledModel, row: int) -> None:
        super().__init__(model)
        self.row: int | None = row

    @property
    def values(self) -> np.ndarray:
        """Values by dimension [K], in [0, 1]: a view, so `agent.values[0] = 0.5` writes too.

        Raises InputError when K numbers (or one for all), from 0 to 1, are not what is assigned.
        """
        return self.model.state.values[_row(self), :, 0]

    @values.setter
    def values(self, new: np.ndarray) -> None:
        current = self.values
        numbers = _unit(new, "values")
        if numbers.shape not in ((), current.shape):
            raise InputError([f"values: {current.shape[0]} numbers are needed; {numbers.size} were given"])
        current[:] = numbers

    @property
    def stage(self) -> str:
        """unaware, aware, engaged or lapsed; anything else that is assigned raises InputError."""
        return STAGES[int(self.model.state.stage[_row(self), 0])]

    @stage.setter
    def stage(self, new: str) -> None:
        if new not in STAGES:
            raise InputError([f"stage = {new!r}: expected one of {', '.join(STAGES)}"])
        self.model.state.stage[_row(self), 0] = STAGES.index(new)

    @property
    def engaged(self) -> bool:
        """Whether the person uses the innovation."""
        return self.stage == "engaged"

    @property
    def alignment(self) -> float:
        """How well the innovation suits the person, as they judge it (0 … 1; docs/ODD.md §5.9): fit until they do."""
        return float(self.model.state.alignment[_row(self), 0])

    @property
    def fit(self) -> float:
        """How near the person's own values are to the innovation as perceived (0 … 1), as last computed (docs/ODD.md §3)."""
        return float(self.model.state.fit[_row(self), 0])

    @property
    def beliefs(self) -> np.ndarray:
        """Expected results by channel [financial, economic, social], in £ per £1, £ per £1 and SD of well-being: a view."""
        return self.model.state.belief[_row(self), :, 0]

    @property
    def organisation(self) -> Organisation | None:
        """The service the person belongs to (None: a commissioner)."""
        number = int(self.model.state.organisation[_row(self)])
        return self.model.organisations[number] if number < len(self.model.organisations) else None

    @property
    def manager(self) -> Person | None:
        """The line manager, if there is one."""
        row = int(self.model.state.manager[_row(self)])
        return self.model.holder_of(row) if row >= 0 else None

    @property
    def neighbours(self) -> list[Person]:
        """Everybody the person has a tie with."""
        state, row = self.model.state, _row(self)
        return [self.model.holder_of(int(j)) for j in state.neighbour[state.tie_start[row] : state.tie_start[row + 1]]]

    def step(self) -> None:
        """Nothing: the month is run by the model. A subclass may use it for a rule of its own."""


class Staff(Person):
    """Delivers the service."""


class Manager(Person):
    """Leads staff and decides with them whether to start a pilot."""


class Peer(Person):
    """Works in the service with lived experience of what it is for."""


class Commissioner(Person):
    """Funds services."""

    @property
    def weights(self) -> np.ndarray:
        """What counts as evidence: weights [financial, economic, social], sum 1; a view (docs/ODD.md §5.12)."""
        state = self.model.state
        return state.weights[_row(self) - int(state.first[len(state.setting)]), :, 0]


PERSONS: tuple[type[Person], ...] = (Staff, Manager, Peer, Commissioner)  # in the order of roles


class Organisation:
    """A service: a view on its row of the state, whose `number` (from 0) and `name` do not change."""

    def __init__(self, world: PeopledModel, number: int, name: str) -> None:
        self._world, self.number, self.name = world, number, name

    def __repr__(self) -> str:
        return f"<Organisation {self.name}: {self.stage}>"

    @property
    def stage(self) -> str:
        """outside, piloting, commissioned, sustained or abandoned."""
        return SERVICE_STAGES[int(self._world.state.service_stage[self.number, 0])]

    @property
    def climate(self) -> float:
        """Implementation climate (0 … 1; docs/ODD.md §5.10)."""
        return float(self._world.state.climate[self.number, 0])

    @property
    def local_version(self) -> np.ndarray:
        """Values that the innovation embodies as delivered here [K], in [0, 1]: a copy."""
        return self._world.state.version[self.number, :, 0].copy()

    @property
    def members(self) -> list[Person]:
        """Managers, staff and peers."""
        first = self._world.state.first
        return [self._world.holder_of(row) for row in range(int(first[self.number]), int(first[self.number + 1]))]

    @property
    def uptake(self) -> float:
        """Share of members engaged (0 … 1; NaN without members)."""
        stage = self._world.state.stage[slice(*self._world.state.first[self.number : self.number + 2]), 0]
        return float((stage == ENGAGED).mean()) if len(stage) else float("nan")
