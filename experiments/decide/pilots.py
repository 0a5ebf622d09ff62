"""Where to pilot first: so many of the services that do not use it, by greedy choice with common random numbers and
swaps; beside it the simple rules that people go by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.society.tables import society_of
from valign.results.checkpoint import NOTHING_KEPT, Parts

from ..actions.declaration import Action, actions_from
from ..design import MAX_SEED, SOCIETY_SEED, whole
from ..simulate import simulate
from .evaluation import evaluate
from .goals import OBSERVED, Goal, goals_of
from .judge import gain_interval
from .options import NOTHING, Ground, Mix, Option, Place, with_horizon
from .race import planned_runs, race
from .worlds import Worlds, draw_worlds

FUND = "pilot-fund"
FRESH = 302  # purpose of the seed of the worlds on which sets are judged
LEAST, FIRST = 3, 8  # sets that run in all worlds, and worlds in which all of them run
WORLDS, JUDGED = 128, 200  # over which sets are chosen, and judged
SWAPS = 1  # rounds of swaps at most
RANDOM = 5  # random sets
Told = Callable[[int, int], None]
Set = tuple[int, ...]  # numbers of services


class Search:
    """Sets of services by what a pilot in all of them gains, in one society.

    What a set came to is kept: a swap asks again for sets that a step before had raced.
    """

    planned = 0

    def __init__(
        self,
        ground: Ground,
        fund: Action,
        start: int,
        worlds: Worlds,
        goal: Goal,
        threads: int | None = None,
        progress: Told | None = None,
        kept: Parts = NOTHING_KEPT,
    ) -> None:
        self.ground, self.fund, self.start, self.worlds, self.goal = ground, fund, start, worlds, goal
        self.threads, self.progress, self.kept, self.runs = threads, progress, kept, 0
        self._known: dict[Set, np.ndarray] = {}  # outcome in the first worlds

    def mix(self, chosen: Set) -> Mix:
        if not chosen:
            return NOTHING
        names = tuple(self.ground.services[n] for n in chosen)
        return (Option(self.fund, len(self.fund.intensities) - 1, Place(", ".join(names), names), self.start),)

    def outcomes(self, sets: Sequence[Set], worlds: Worlds, first: int, last: int) -> np.ndarray:
        """In the goal's unit [sets x worlds]; all sets run in one design, with the same people and chances."""
        mixes = list(map(self.mix, sets))
        found = evaluate(self.ground, mixes, worlds, first, last, apart=True, threads=self.threads, kept=self.kept)
        self.runs += len(sets) * (last - first)
        if self.progress is not None:
            self.progress(self.runs, max(self.runs, self.planned))
        return found[OBSERVED.index(self.goal.outcome)].mean(axis=2) * self.goal.factor

    def in_first_worlds(self, sets: Sequence[Set], last: int) -> np.ndarray:
        """Of sets in the worlds up to `last` - 1 that choose [sets x worlds]; only what is not known yet is run."""
        ran = {each: len(self._known.get(each, ())) for each in sets}
        for before in sorted({n for n in ran.values() if n < last}):
            behind = [each for each, n in ran.items() if n == before]
            more = self.outcomes(behind, self.worlds, before, last)
            for each, values in zip(behind, more, strict=True):
                self._known[each] = np.concatenate([self._known.get(each, np.empty(0)), values])
        return np.stack([self._known[each][:last] for each in sets])

    def best(self, sets: Sequence[Set], least: int = LEAST) -> Set:
        """The best of some sets, raced; so many of them to the end."""
        named = [tuple(sorted(each)) for each in sets]
        found = race(
            lambda chosen, first, last: self.in_first_worlds([named[n] for n in chosen], last)[None, :, first:],
            lambda: np.zeros(len(sets)),
            [0],
            len(self.worlds),
            (),
            least=least,
            first=FIRST,
        )
        means = found.outcome[0].mean(axis=1)
        return sets[max(found.finalists, key=lambda n: means[n])]

    def greedy(self, able: Sequence[int], k: int) -> Set:
        """One service after the other, the one that adds most; then others for those that were taken early."""
        chosen: Set = ()
        for _ in range(k):
            chosen = self.best([(*chosen, each) for each in able if each not in chosen])
        for _ in range(SWAPS if k > 1 else 0):
            before = chosen
            for place in range(k):
                rest = tuple(each for n, each in enumerate(chosen) if n != place)
                chosen = self.best([chosen, *((*rest, each) for each in able if each not in chosen)])
            if set(before) == set(chosen):
                break
        return tuple(sorted(chosen))


def check_pilots(ground: Ground) -> None:
    """Raise InputError where no service can be funded, or none by itself."""
    if all(ground.using):
        raise InputError(["pilots: every service uses it already"])
    if max(ground.many) > 1:
        group = ground.services[ground.many.index(max(ground.many))]
        raise InputError(
            [
                f"pilots: the services that the tables map onto the group {group!r} have no names in the scenario, so "
                "that none can be funded by itself; let the group's count be their number and name them "
                f"{group + ' 1'!r}, {group + ' 2'!r}, ... in the tables"
            ]
        )


def features(ground: Ground, society_seed: int, worlds: Worlds, threads: int | None = None) -> pd.DataFrame:
    """What is known of services beforehand, a row each: staff, mean fit at the start, ties to other services, who
    funds it.
    """
    society = society_of(ground.scenario, society_seed)
    count = len(society.key)
    between = society.tie_kind == 2
    ends = [society.organisation[side[between]] for side in (society.tie_a, society.tie_b)]
    ties = sum(np.bincount(end, minlength=count)[:count] for end in ends)
    some = worlds.parameters.iloc[: min(32, len(worlds))].reset_index(drop=True)
    design = some.assign(seed=worlds.run_seeds[: len(some), 0], society_seed=society_seed)
    base = ground.scenario.replace({"months": 1, "changes": []})
    found = simulate(design, base=base, record=("services",), threads=threads)
    fit = np.mean(
        [at("alignment")[0].mean(axis=1) for _, part in found.parts for _, _, at in part.blocks_of_services()], axis=0
    )
    return pd.DataFrame(
        {
            "service": list(ground.services),
            "uses_it": ground.using,
            "staff": np.bincount(society.organisation[society.role == 0], minlength=count)[:count],
            "fit": fit,
            "ties": ties,
            "commissioner": society.commissioner - society.first[count] + 1,
        }
    )


def simple_rules(known: pd.DataFrame, able: Sequence[int], k: int, seed: int) -> list[tuple[str, Set]]:
    """Rules that people go by, and random sets."""
    table = known.iloc[list(able)]

    def highest(column: str) -> Set:
        return tuple(sorted(table.sort_values(column, ascending=False, kind="stable").index[:k].tolist()))

    rng = np.random.default_rng([seed, k])
    drawn = [tuple(sorted(rng.choice(np.array(able), k, replace=False).tolist())) for _ in range(RANDOM)]
    rules = [
        ("the largest", highest("staff")),
        ("the best fit at the start", highest("fit")),
        ("the most ties", highest("ties")),
    ]
    return [*rules, *(("at random", each) for each in drawn)]


def pilot_first(
    scenario: Scenario | str | Path,
    k: int = 3,
    goal: str = "use",
    horizon: int = 72,
    *,
    start: int = 1,
    worlds: int = WORLDS,
    fresh: int = JUDGED,
    seed: int = 1,
    society_seed: int | None = None,
    commissioner: int | None = None,
    threads: int | None = None,
    progress: Told | None = None,
    kept: Parts = NOTHING_KEPT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """In which k services to pilot first, in one society, and how far simple rules come.

    Parameters
    ----------
    scenario, goal, horizon : as for `decide`. k : how many services. start : month in which the money comes.
    worlds : over which sets are chosen. fresh : other worlds, over which they are judged.
    seed : 0 to 2^63 - 1. society_seed : of the society (default: derived from `seed`).
    commissioner : only services that this one funds, from 1. threads, progress : as for `decide`.
    kept : where what is finished is kept.

    Returns
    -------
    By way of choosing (greedy, and each simple rule): the services, gain over no pilot, and what greedy gains over
    it, with 95 % intervals; and the services with what is known of them.

    Raises
    ------
    InputError : fewer services that do not use it than k, no such commissioner, wrong numbers.
    """
    ground = Ground.of(with_horizon(Scenario.load(scenario), horizon))
    check_pilots(ground)
    (of,) = goals_of(goal)
    seed = whole("seed", seed, 0, MAX_SEED)
    society = (
        derive_seed(seed, 0, SOCIETY_SEED) if society_seed is None else whole("society_seed", society_seed, 0, MAX_SEED)
    )
    chosen_on, judged_on = (
        in_one_society(
            draw_worlds(whole("worlds", n, 2, 100_000), 1, which, ground.scenario, fresh=which != seed), society
        )
        for n, which in ((worlds, seed), (fresh, derive_seed(seed, 0, FRESH)))
    )
    known = features(ground, society, chosen_on, threads)
    able = [
        n for n in range(len(known)) if not known["uses_it"][n] and commissioner in (None, known["commissioner"][n])
    ]
    if not able:
        there = known["commissioner"].max()
        raise InputError(
            [f"commissioner = {commissioner}: funds no service that does not use it yet (there are {there})"]
        )
    k = whole("pilots", k, 1, len(able))
    fund = next(action for action in actions_from() if action.id == FUND)
    search = Search(ground, fund, start, chosen_on, of, threads, progress, kept)
    steps = k + SWAPS * k * (k > 1)
    search.planned = steps * planned_runs(len(able), worlds, LEAST, FIRST) + fresh * (RANDOM + 5)
    sets = [("greedy", search.greedy(able, k)), *simple_rules(known, able, k, seed)]
    outcome = search.outcomes([(), *(each for _, each in sets)], judged_on, 0, len(judged_on))
    return _table(sets, outcome, ground, of), known


def in_one_society(worlds: Worlds, society: int) -> Worlds:
    """The worlds, all in one society."""
    return Worlds(worlds.parameters, worlds.run_seeds, np.full(len(worlds), society), worlds.source)


def _table(sets: Sequence[tuple[str, Set]], outcome: np.ndarray, ground: Ground, goal: Goal) -> pd.DataFrame:
    """A row by way of choosing; random sets as one, by the mean of their outcomes. outcome : nothing first [x
    worlds].
    """
    by: dict[str, list[int]] = {}
    for n, (rule, _) in enumerate(sets, start=1):
        by.setdefault(rule, []).append(n)
    values = np.stack([outcome[0], *(outcome[rows].mean(axis=0) for rows in by.values())])
    each_world = np.arange(len(values[0]))
    rows: list[dict[str, object]] = []
    for place, (rule, members) in enumerate(by.items(), start=1):
        gain, behind = (gain_interval(values, *pair, each_world) for pair in ((place, 0), (1, place)))
        services = (
            ", ".join(ground.services[n] for n in sets[members[0] - 1][1])
            if len(members) == 1
            else f"{len(members)} sets"
        )
        rows.append(
            {
                "rule": rule,
                "services": services,
                "unit": goal.unit,
                "gain": gain.mean,
                "low": gain.low,
                "high": gain.high,
                "greedy_over": behind.mean,
                "greedy_over_low": behind.low,
                "greedy_over_high": behind.high,
            }
        )
    return pd.DataFrame(rows)
