"""Actions as levers of a page: what each of them writes at one step, in one place, from a month on, and what it costs.

All of them are in the scenario from the beginning, in month 0, which never comes (as mixes are for `valign decide`);
what one writes is found by lowering that scenario with it and without it. Actions that would move the same parameter
are exclusive: what they would do together is a matter for `valign decide`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.actions.declaration import Action, actions_from
from valign.experiments.decide.options import Ground, Option
from valign.experiments.decide.schedule import Schedule
from valign.model.run.initial import unstarted
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.state.scenario_arrays import Lowered

TOLD = {"id", "name", "says", "mechanism", "evidence", "grade", "paid_by", "to_effect"}
FIRST, NEXT = 1, 2  # months from which what an action writes is found


@dataclass(frozen=True)
class Actions:
    """What can be done in a scenario, one action at a time.

    ground : the scenario's services. options : action, step and place. schedule : a place for every change that they
    make, behind `own` others.
    """

    ground: Ground
    options: tuple[Option, ...]
    schedule: Schedule
    own: int

    @property
    def scenario(self) -> Scenario:
        return self.schedule.scenario

    def never(self) -> dict[str, float]:
        """No change that an action makes happens."""
        return {f"changes.{n}.month": 0.0 for n in range(self.own, self.own + len(self.schedule.slots))}


def actions_of(full: Scenario, chosen: Sequence[Action] | None = None, society: Society | None = None) -> Actions:
    """Everything that can be done by itself: each action at each step in each place.

    society : where it was imported. Nothing can be done in one whose services are not those of the scenario.
    """
    ground = Ground.of(full)
    found = actions_from() if chosen is None else chosen
    known = society is None or society.service_names(full) == full.service_names()
    options = [
        Option(action, step, place, FIRST)
        for action in found
        if known and FIRST + action.to_effect <= full.months
        for step in range(len(action.intensities))
        for place in ground.places(action)
    ]
    return Actions(ground, tuple(options), Schedule(full, [(each,) for each in options]), len(full.changes))


def told(actions: Actions, lowered: Lowered, society: Society, off: Mapping[str, float]) -> list[dict[str, Any]]:
    """The actions for the page: their words, steps, places, and for each of these the months' changes and the cost.

    off : columns with which none of the scheduled changes happens.
    """
    chosen = list({each.action.id: each.action for each in actions.options}.values())
    moves = _moves(actions, lowered, society, off)
    found = []
    for action in chosen:
        own = [n for n, each in enumerate(actions.options) if each.action.id == action.id]
        places = actions.ground.places(action)
        steps = range(len(action.intensities))
        done = [[own[step * len(places) + place] for place in range(len(places))] for step in steps]
        plain = action.model_dump(include=TOLD)
        found.append(
            plain
            | {
                "cost": action.cost.model_dump(),
                "months": action.months,
                "once": action.cost.per == "scheme",
                "last": actions.scenario.months - action.to_effect,  # month in which it can begin at the latest
                "beside": [other.id for other in chosen if other.id != action.id and not together(action, other)],
                "moves": sorted(moved_by(action)),
                "steps": [each.name for each in action.intensities],
                "places": [{"name": each.name, "services": len(each.services)} for each in places],
                "changes": [[moves[n] for n in row] for row in done],
                "pounds": [[_rate(actions.ground, actions.options[n]) for n in row] for row in done],
            }
        )
    return found


def moved_by(action: Action) -> set[str]:
    """Parameters that an action moves, whatever its step."""
    return {effect.parameter for step in action.intensities for effect in step.effects}


def together(one: Action, other: Action) -> bool:
    """Whether a page may do both: neither excludes the other, and they do not meet in a parameter."""
    return not (other.id in one.excludes or one.id in other.excludes or moved_by(one) & moved_by(other))


def _moves(actions: Actions, lowered: Lowered, society: Society, off: Mapping[str, float]) -> list[list[list[Any]]]:
    """[change, months after the start, value] of every option, by lowering with it, a month later, and without it."""
    options = actions.options
    if not options:
        return []
    later = Schedule(actions.schedule.plain, [(_from(each, NEXT),) for each in options])
    if later.slots.keys() - actions.schedule.slots.keys():
        raise AssertionError("an action that begins later makes other changes")
    first, second = (
        _written(lowered, society, off, columns)
        for columns in (_columns(actions.schedule, actions), _columns(later, actions))
    )
    found = []
    for n in range(len(options)):
        made = []
        for change in actions.own + np.flatnonzero(first[0][actions.own :, n]):
            month, moved = int(first[0][change, n]), int(second[0][change, n])
            if moved not in (month + 1, 0) or (moved == 0 and month < actions.scenario.months):
                raise AssertionError(f"{options[n].key}: does not begin a month later when it is begun a month later")
            made.append([int(change), month - FIRST, float(first[1][change, n])])
        found.append(made)
    return found


def _from(option: Option, start: int) -> Option:
    return Option(option.action, option.intensity, option.place, start)


def _columns(schedule: Schedule, actions: Actions, world: Mapping[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Months and values of all slots by option, in the order of the slots of `actions`."""
    table = schedule.columns(range(len(actions.options)), world or {})
    renamed = {}
    for slot, number in schedule.slots.items():
        at = actions.own + actions.schedule.slots[slot]
        for field in ("month", "set"):
            renamed[f"changes.{actions.own + number}.{field}"] = f"changes.{at}.{field}"
    return table.rename(columns=renamed)


def _written(
    lowered: Lowered, society: Society, off: Mapping[str, float], columns: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Months and values of changes by option [changes x options]; nothing else may differ from doing nothing."""
    width = len(columns)
    overrides = {name: np.full(width, value) for name, value in off.items()}
    without = unstarted(lowered, society, range(1, width + 1), overrides)
    made = {name: column.to_numpy(float) for name, column in columns.items()}
    doing = overrides | {str(name): each for name, each in made.items()}
    with_it = unstarted(lowered, society, range(1, width + 1), doing)
    for name, _ in without.headers():
        if name in without.views or name in ("change_month", "change_value"):
            continue
        if not np.array_equal(getattr(without, name), getattr(with_it, name), equal_nan=True):
            raise AssertionError(f"an action writes into {name}")
    return np.asarray(with_it.change_month), np.asarray(with_it.change_value)


def _rate(ground: Ground, option: Option) -> list[float]:
    """£ low, likely, high: in a year, or once and for all."""
    months = ground.scenario.months
    years = 1.0 if option.action.cost.per == "scheme" else min(option.action.months or months, months) / 12
    return [each / years for each in ground.cost(option)]


def in_worlds(actions: Actions, worlds: Mapping[str, np.ndarray]) -> dict[int, dict[int, np.ndarray]]:
    """Values of changes by world, for options and changes where they differ between worlds."""
    found: dict[int, dict[int, np.ndarray]] = {}
    count = len(next(iter(worlds.values()))) if worlds else 0
    for n, option in enumerate(actions.options if count else ()):
        schedule = Schedule(actions.schedule.plain, [(option,)])
        table = schedule.columns([0] * count, worlds)
        for slot, number in schedule.slots.items():
            values = table[f"changes.{actions.own + number}.set"].to_numpy(float)
            if (values != values[0]).any():
                found.setdefault(n, {})[actions.own + actions.schedule.slots[slot]] = values
    return found
