"""Which mixes race: all of them where they are few, else those with one action, and then what grows from the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice, product, zip_longest
from math import comb

import numpy as np

from valign.model.errors import InputError

from ..actions.declaration import Action
from .options import MOST_ACTIONS, NOTHING, Ground, Mix, Option, compatible, mix_key, mixes_of, mix_label

ENUMERATED = 100_000  # combinations that are looked through for those within the budget


def unavailable(ground: Ground, actions: Sequence[Action]) -> list[str]:
    """Why some of the actions cannot be taken here, in words."""
    told = []
    for action in actions:
        if not ground.places(action):
            told.append(f"{action.name}: for services {action.at} it at the start, of which there are none here")
        elif action.cost.per == "commissioner and year" and ground.commissioners == 0:
            told.append(f"{action.name}: there is no commissioner here")
    return told


def check_possible(
    ground: Ground,
    options: Sequence[Option],
    needed: Sequence[Action],
    actions: Sequence[Action],
    budget: float,
    starts: Sequence[int],
) -> None:
    """Raise InputError where the budget buys nothing, or not what has to be in the mix."""
    from .options import options_of

    def cheapest(of: Sequence[Action]) -> Option | None:
        return min(options_of(ground, of, starts, np.inf), key=lambda each: ground.cost(each)[1], default=None)

    problems = []
    for action in needed:
        if told := unavailable(ground, [action]):
            problems.append(f"--must {action.id}: no service can take it. {told[0]}")
        elif cheapest([action]) is None:
            problems.append(
                f"--must {action.id}: the horizon of {ground.scenario.months} months ends before it has an effect"
            )
    if problems:
        raise InputError(problems)
    least = [each for action in needed if (each := cheapest([action])) is not None]
    total = sum(ground.cost(each)[1] for each in least)
    if needed and total > budget:
        raise InputError(
            [f"--must: {mix_label(tuple(least))} costs £{total:,.0f} at least; the budget is £{budget:,.0f}"]
        )
    if not options:
        first = cheapest(actions)
        because = (
            "no action can be taken in this scenario"
            if first is None
            else f"the cheapest, {first.label}, costs £{ground.cost(first)[1]:,.0f}"
        )
        raise InputError([f"--budget {budget:g}: buys nothing; {because}"])


class Candidates:
    """The mixes of a race, the first of which does nothing; more of them grow from those that keep up.

    most : mixes in all. needed : actions that every mix but the first has. budget : £.
    """

    def __init__(
        self, ground: Ground, options: Sequence[Option], needed: Sequence[Action], budget: float, most: int
    ) -> None:
        self.ground, self.options, self.budget, self.most = ground, list(options), budget, most
        self.needed = {action.id for action in needed}
        few = sum(comb(len(self.options), size) for size in range(MOST_ACTIONS + 1)) <= ENUMERATED
        every = list(islice(filter(self._holds, mixes_of(ground, self.options, budget)), most)) if few else []
        self.complete = few and len(every) < most
        self.mixes = [NOTHING, *every] if self.complete else [NOTHING, *self._first()]
        self._known = {mix_key(mix) for mix in self.mixes}

    def _holds(self, mix: Mix) -> bool:
        return bool(mix) and self.needed <= {each.action.id for each in mix}

    def _first(self) -> list[Mix]:
        """To begin with, half of the mixes: one action each (or those that are needed), in turn by action."""
        if self.needed:
            by = [[each for each in self.options if each.action.id == name] for name in sorted(self.needed)]
            found = (tuple(mix) for mix in product(*by) if self._able(tuple(mix)))
            return list(islice(found, self.most // 2))
        by_action: dict[str, list[Option]] = {}
        for option in sorted(self.options, key=lambda each: (each.start, -each.intensity)):
            by_action.setdefault(option.action.id, []).append(option)
        turns = [
            options[n]
            for n in range(max(map(len, by_action.values())))
            for options in by_action.values()
            if n < len(options)
        ]
        return [(option,) for option in turns[: self.most // 2]]

    def _able(self, mix: Mix) -> bool:
        return compatible(mix) and len(mix) <= MOST_ACTIONS and self.ground.cost_of_mix(mix)[1] <= self.budget

    def costs(self) -> np.ndarray:
        """£, likely, of each mix."""
        return np.array([self.ground.cost_of_mix(mix)[1] for mix in self.mixes])

    def grow(self, kept: Sequence[int], gains: np.ndarray | None = None) -> list[int]:
        """Numbers of new mixes; none when there are enough.

        In turn: what promises most (where gains are known), and those that keep up joined, and changed in one place.
        gains : [mixes], over doing nothing, in the worlds in which each has run.
        """
        room = (self.most - len(self.mixes) + 1) // 2
        if self.complete or room < 2:
            return []
        before = len(self.mixes)
        children = self._children([self.mixes[n] for n in kept if self.mixes[n]])
        for mix in children if gains is None else _in_turn(self._promising(gains), children):
            key = mix_key(mix)
            if key not in self._known and self._holds(mix) and self._able(mix):
                self._known.add(key)
                self.mixes.append(mix)
                if len(self.mixes) - before == room:
                    break
        return list(range(before, len(self.mixes)))

    def _promising(self, gains: np.ndarray) -> Iterator[Mix]:
        """Any two that have run, joined; first what would gain most if gains added up, one for each set of actions.

        What is left behind by itself, since another gives more for less, may be what adds most beside that other.
        """
        able = [n for n in np.argsort(-gains, kind="stable").tolist() if self.mixes[n] and gains[n] > 0]
        one, other = np.triu_indices(len(able), 1)
        sums = gains[able][one] + gains[able][other]
        seen: set[frozenset[str]] = set()
        for n in np.argsort(-sums, kind="stable").tolist():
            mix = _joined(self.mixes[able[one[n]]], self.mixes[able[other[n]]])
            actions = frozenset(each.action.id for each in mix)
            if actions not in seen and self._able(mix):
                seen.add(actions)
                yield mix

    def _children(self, parents: Sequence[Mix]) -> Iterator[Mix]:
        """Joined two and two, the best first, and in between each with one option changed."""
        joined = (
            _joined(one, other)
            for (_, one), (_, other) in sorted(
                combinations(enumerate(parents), 2), key=lambda pair: pair[0][0] + pair[1][0]
            )
        )
        changed = self._changed(parents)
        for n, mix in enumerate(joined):
            yield mix
            if n % 3 == 2 and (other := next(changed, None)) is not None:
                yield other
        yield from changed

    def _changed(self, parents: Sequence[Mix]) -> Iterator[Mix]:
        for mix in parents:
            for place, option in enumerate(mix):
                for other in self.options:
                    same = (
                        (other.intensity == option.intensity)
                        + (other.place == option.place)
                        + (other.start == option.start)
                    )
                    if other.action.id == option.action.id and same == 2:
                        yield (*mix[:place], other, *mix[place + 1 :])


def _joined(one: Mix, other: Mix) -> Mix:
    return tuple(sorted({each.key: each for each in (*one, *other)}.values(), key=lambda each: each.key))


def _in_turn(*some: Iterator[Mix]) -> Iterator[Mix]:
    """One of each, again and again, until all have ended."""
    return (mix for turn in zip_longest(*some) for mix in turn if mix is not None)


Keep = Callable[[np.ndarray, np.ndarray, list[int]], Sequence[int]]


def keep_best_of(budgets: Sequence[float]) -> Keep:
    """The best of each goal within each budget stays in the race."""

    def keep(means: np.ndarray, costs: np.ndarray, alive: list[int]) -> list[int]:
        found: list[int] = []
        for budget in budgets:
            able = np.flatnonzero(costs <= budget)
            found += [alive[able[int(goal[able].argmax())]] for goal in means] if len(able) else []
        return list(dict.fromkeys(found))

    return keep
