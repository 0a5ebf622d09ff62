"""Staff, managers, peers and commissioners as Mesa agents: views on rows of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np

from ..errors import InputError
from ..state.arrays import STAGES

if TYPE_CHECKING:
    from .world import Organisation, World


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

    model: World
    clarity = _number("clarity", "How clearly the person reads the innovation (0 … 1).")
    identification = _number("identification", "Identification with the innovation (0 … 1).")
    practice = _number("practice", "Quality of practice when engaged (0 … 1).")
    voice = _number("voice", "Weight of the person's voice (0 … 1).")

    def __init__(self, model: World, row: int) -> None:
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
        """Alignment of the person's values with the innovation as perceived (0 … 1), as last computed (docs/ODD.md §3)."""
        return float(self.model.state.alignment[_row(self), 0])

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
        """What counts as evidence: weights [financial, economic, social], sum 1; a view (docs/ODD.md §5.11)."""
        state = self.model.state
        return state.weights[_row(self) - int(state.first[len(state.setting)]), :, 0]


PERSONS: tuple[type[Person], ...] = (Staff, Manager, Peer, Commissioner)  # in the order of roles
