"""Mixes as designs: the scheduled changes of all of them in one scenario, and columns that say which a run makes.

All mixes share the scenario, so that those in one world share a block: a row makes a change by naming its month, and
leaves it with month 0. A value is what the action makes of the parameter *in that world*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario

from ..actions.declaration import Effect
from .options import Mix, Option, Wait

NEVER = 0  # month of a change that a row does not make


@dataclass(frozen=True)
class Slot:
    """A scheduled change that rows may make: a parameter, in services of one group (number; -1: everywhere)."""

    parameter: str
    group: int
    services: tuple[str, ...]
    turn: int  # several actions may move one parameter; and each may end
    wait: Wait | None = None
    looked_at: int = 0  # month in which it is seen whether what it waits for holds
    after: int = 0  # months from then until the change


def _effects(option: Option) -> list[Effect]:
    return option.action.intensities[option.intensity].effects


class Schedule:
    """The scenario with a place for every change that one of the mixes makes, and how each mix fills them.

    services : names of all there are (`Ground`; none: those of the scenario).
    A parameter that two actions of a mix move is moved by one after the other, by what each does to the value before.
    apart : every service has changes of its own, which mixes that differ in where alone then share: a few tens of
    changes for hundreds of sets of services.
    """

    def __init__(
        self, scenario: Scenario, mixes: Sequence[Mix], services: Sequence[str] = (), apart: bool = False
    ) -> None:
        self.before = len(scenario.changes)
        self.services, self.apart = services or scenario.service_names(), apart
        self.plain = scenario
        self.slots: dict[Slot, int] = {}
        self._made = [self._moves(mix) for mix in mixes]
        raw = scenario.to_mapping()
        raw["changes"] = [*raw.get("changes", []), *map(self._declared, self.slots)]
        self.scenario = Scenario.from_mapping(raw, scenario.name, scenario.folder) if self.slots else scenario

    def _declared(self, slot: Slot) -> dict[str, object]:
        change: dict[str, object] = {"month": 1, "parameter": slot.parameter, "set": PARAMETERS[slot.parameter].default}
        if slot.services:
            change["organisations"] = list(slot.services)
        if slot.wait is not None:
            limit = {"below" if slot.wait.below else "at_least": slot.wait.threshold}
            seen = {"organisations": list(slot.wait.services)} if slot.wait.services else {}
            when = {"series": slot.wait.series, "until": slot.looked_at, "after": slot.after}
            change["when"] = when | limit | seen
        return change

    def _moves(self, mix: Mix) -> list[tuple[int, int, Slot, tuple[Effect, ...]]]:
        """(number of the slot, month, slot, effects in force from then on) of every change that a mix makes."""
        timeline: dict[tuple[str, str], list[tuple[int, int, Effect]]] = {}
        for option in mix:
            for effect in _effects(option):
                first = option.start + option.action.to_effect
                paid = effect.months or (option.action.months if option.action.after == "ends" else 0)
                last = first + paid if paid else self.plain.months + 1
                for service in option.place.services or (
                    self.services if PARAMETERS[effect.parameter].scope == "organisation" else [""]
                ):
                    timeline.setdefault((effect.parameter, service), []).append((first, last, effect))
        # services that see the same of a parameter share a change
        alike: dict[tuple[str, int, tuple[tuple[int, tuple[Effect, ...]], ...]], list[str]] = {}
        for (parameter, service), spans in timeline.items():
            months = sorted(
                {month for first, last, _ in spans for month in (first, last) if month <= self.plain.months}
            )
            steps = tuple((month, tuple(e for first, last, e in spans if first <= month < last)) for month in months)
            group = self.plain.group_of_service(service) if service else -1
            alike.setdefault((parameter, group, steps), []).append(service)
        made: list[tuple[int, int, Slot, tuple[Effect, ...]]] = []
        waits = {(option.wait, option.start) for option in mix if option.wait is not None}
        if len(waits) > 1 or (waits and any(option.wait is None for option in mix)):
            raise ValueError("all of a mix waits for one thing in one month")
        wait, looked_at = waits.pop() if waits else (None, 0)
        shared = [
            (*of, part)
            for of, services in alike.items()
            for part in ([[name] for name in services] if self.apart else [services])
        ]
        for parameter, group, steps, services in shared:
            for turn, (month, effects) in enumerate(steps):
                after = month - looked_at if wait is not None else 0
                slot = Slot(parameter, group, tuple(filter(None, services)), turn, wait, looked_at, after)
                begins = month if wait is None else looked_at
                made.append((self.slots.setdefault(slot, len(self.slots)), begins, slot, effects))
        return made

    def columns(self, rows: Sequence[int], world: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Columns of a design for the mixes `rows` (numbers); world : parameters by row, where they differ."""
        n, mixes = len(rows), np.asarray(rows)
        month = np.zeros((len(self.slots), n))
        value = np.zeros((len(self.slots), n))
        for slot, number in self.slots.items():
            value[number] = self._before(slot, world, n)
        for mix in np.unique(mixes):
            of = np.flatnonzero(mixes == mix)
            for number, when, slot, effects in self._made[mix]:
                moved = self._before(slot, world, n)[of]
                for effect in effects:
                    moved = _moved(effect, moved)
                month[number, of], value[number, of] = when, moved
        names = {f"changes.{self.before + number}.month": month[number] for number in range(len(self.slots))}
        names |= {f"changes.{self.before + number}.set": value[number] for number in range(len(self.slots))}
        return pd.DataFrame(names, index=range(n))

    def _before(self, slot: Slot, world: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """The parameter without the action, by row: a group's own value, else the world's, else the scenario's."""
        own = self.plain.organisations[slot.group].parameters if slot.group >= 0 else {}
        if slot.parameter in own or slot.parameter not in world:
            plain = own.get(slot.parameter, self.plain.value(slot.parameter))
            return np.full(n, plain)
        return np.asarray(world[slot.parameter], float)


def _moved(effect: Effect, before: np.ndarray) -> np.ndarray:
    """`Effect.moved` of many values."""
    parameter = PARAMETERS[effect.parameter]
    if effect.add is not None:
        after = before + effect.add
    elif effect.scale is not None:
        after = before * effect.scale
    else:
        after = np.full(len(before), effect.set)
    after = np.clip(after, parameter.minimum, parameter.maximum)
    return np.round(after) if parameter.integer else after
