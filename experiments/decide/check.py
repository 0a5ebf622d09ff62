"""How good racing and greedy choice are, held against running everything, on worlds and runs that chose neither."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from valign.model.compiled.randomness import derive_seed
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import Parts

from ..actions.declaration import actions_from
from ..design import SOCIETY_SEED
from .candidates import Candidates
from .evaluation import evaluate
from .goals import GOALS, OBSERVED
from .judge import covariance_of_means, front, gain_interval
from .options import STARTS, Ground, options_of, with_horizon
from .pilots import FUND, WORLDS, Search, features, in_one_society
from .race import race
from .worlds import draw_worlds

FRESH = 303  # purpose of the seed of the worlds on which both are judged
CHECKED_MONTHS = 36  # half of what is decided over: every mix runs in every world here
LEADING = 8  # sets of services that run in all worlds
Said = Callable[[str], None]


def covered(costs: np.ndarray, gains: np.ndarray, most: float) -> float:
    """Hypervolume of money and gain: what a front covers, from doing nothing up to a cost (docs/DECIDE.md)."""
    total, best = 0.0, 0.0
    for cost, gain in sorted(zip(costs.tolist(), gains.tolist(), strict=True)):
        if gain > best:
            total, best = total + (gain - best) * (most - cost), gain
    return total


def race_against_all(
    name: str, budget: float, mixes: int, worlds: int, fresh: int, seed: int, kept: Parts, said: Said
) -> dict[str, object]:
    """One row: the front of a race and that of all mixes in all worlds, both judged anew; what each cost in runs."""
    ground = Ground.of(with_horizon(Scenario.load(name), CHECKED_MONTHS))
    made = Candidates(ground, options_of(ground, actions_from(), STARTS, budget), [], budget, mixes)
    while made.grow(range(len(made.mixes))):  # before anything is known: pairs of all there are
        pass
    costs, place = made.costs(), OBSERVED.index(GOALS["use"].outcome)
    drawn = draw_worlds(worlds, 1, seed, ground.scenario)
    again = draw_worlds(fresh, 1, derive_seed(seed, 0, FRESH), ground.scenario, fresh=True)
    said(f"{name}: {len(costs)} mixes in all of {worlds} worlds")
    outcome = 100 * evaluate(ground, made.mixes, drawn, 0, worlds, kept=kept)[place, ..., 0]
    found = race(lambda of, first, last: outcome[None, list(of), first:last], lambda: costs, [0], worlds)
    chosen = np.array(found.finalists)
    mine = chosen[front(outcome[None, chosen].mean(axis=2), costs[chosen])]
    every = np.flatnonzero(front(outcome[None].mean(axis=2), costs))
    judged = sorted({0, *mine.tolist(), *every.tolist()})
    anew = 100 * evaluate(ground, [made.mixes[n] for n in judged], again, 0, fresh, kept=kept)[place, ..., 0]
    gain = dict(zip(judged, (anew - anew[0]).mean(axis=1), strict=True))
    stays = [
        _stays(anew, judged.index(n), [judged.index(m) for m in mine if m != n], costs[judged], again.societies)
        for n in mine
    ]
    areas = [covered(costs[of], np.array([gain[n] for n in of]), budget) for of in (mine, every)]
    return {
        "scenario": name,
        "months": CHECKED_MONTHS,
        "mixes": len(costs),
        "worlds": worlds,
        "runs_of_all": outcome.size,
        "runs_of_race": found.runs,
        "front_of_all": len(every),
        "front_of_race": len(mine),
        "hypervolume_share": areas[0] / areas[1],
        "stays_on_front": float(np.mean(stays)),
    }


def _stays(outcome: np.ndarray, mix: int, rivals: Sequence[int], costs: np.ndarray, clusters: np.ndarray) -> bool:
    """Whether no rival that costs no more is better beyond its interval."""
    dearer = [n for n in rivals if costs[n] <= costs[mix]]
    return all(gain_interval(outcome, n, mix, clusters).low <= 0 for n in dearer)


def pilots_against_all(
    name: str, k: int, worlds: int, fresh: int, seed: int, kept: Parts, said: Said
) -> dict[str, object]:
    """One row: greedy choice against all sets of k services, these raced; both judged anew. Greedy choice is timed, so
    that nothing of it is kept.
    """
    ground = Ground.of(with_horizon(Scenario.load(name), CHECKED_MONTHS))
    society = derive_seed(seed, 0, SOCIETY_SEED)
    fund = next(action for action in actions_from() if action.id == FUND)
    few, many, again = (
        in_one_society(draw_worlds(n, 1, derive_seed(seed, place, FRESH), ground.scenario, fresh=place == 2), society)
        for place, n in enumerate((WORLDS, worlds, fresh))
    )
    known = features(ground, society, few)
    able = [n for n in range(len(known)) if not known["uses_it"][n]]
    search = Search(ground, fund, 1, few, GOALS["use"])
    began, of_cores = time.monotonic(), time.process_time()
    greedy = search.greedy(able, k)
    took, of_cores = time.monotonic() - began, time.process_time() - of_cores
    said(f"{name}: greedy choice, {search.runs} runs, {took:.0f} s")
    sets = list(combinations(able, k))
    said(f"{name}: {len(sets)} sets of {k} services")
    everything = Search(ground, fund, 1, many, GOALS["use"], kept=kept)
    best = everything.best(sets, least=LEADING)
    anew = everything.outcomes([(), greedy, best], again, 0, fresh)
    error = covariance_of_means((anew[1] - anew[2])[None], np.arange(fresh))[0, 0] ** 0.5
    return {
        "scenario": name,
        "months": CHECKED_MONTHS,
        "k": k,
        "services": len(able),
        "sets": len(sets),
        "greedy": ", ".join(ground.services[n] for n in greedy),
        "best": ", ".join(ground.services[n] for n in best),
        "gain_greedy": float((anew[1] - anew[0]).mean()),
        "gain_best": float((anew[2] - anew[0]).mean()),
        "difference": float((anew[1] - anew[2]).mean()),
        "error": float(error),
        "worlds_best": worlds,
        "fresh": fresh,
        "runs_greedy": search.runs,
        "runs_best": everything.runs - 3 * fresh,
        "seconds_greedy": took,
        "core_seconds_greedy": of_cores,
    }
