"""Racing: many mixes on few worlds, those that keep up on more (successive halving; Karnin, Koren & Somekh 2013).

Halving rather than OCBA: it needs no variance of each mix (which in few worlds is poorly known), keeps the budget of
runs fixed in advance, and its rounds are whole blocks. Its choice of who goes on is that of a *front* of money and
goals, so that cheap mixes race against cheap ones. Whoever is new catches up on the worlds of the others, with the
same seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .judge import shortfall

FIRST = (8, 16)  # worlds of the first round: a sixtieth of all, within these
LEAST = 12  # mixes that run to the end
Evaluate = Callable[[Sequence[int], int, int], np.ndarray]  # mixes, worlds from … to -> [outcomes x mixes x worlds]
Grow = Callable[[Sequence[int], np.ndarray], list[int]]  # those that keep up, best first; all gains -> new mixes


@dataclass(eq=False)
class Race:
    """Who ran where. outcome : [outcomes x mixes x worlds], NaN where a mix did not run. rounds : (worlds, mixes) of
    each.
    """

    outcome: np.ndarray
    finalists: list[int]
    runs: int = 0
    rounds: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def first_round(worlds: int) -> int:
    """Worlds of the first round: few where there are few in all, so that a race stays a tenth of everything."""
    return min(worlds, max(FIRST[0], min(FIRST[1], worlds // 60)))


def planned_runs(mixes: int, worlds: int, least: int = LEAST, first: int | None = None) -> int:
    """How many runs a race makes at most, without mixes that join it later."""
    runs, before, n = 0, 0, min(first or first_round(worlds), worlds)
    while True:
        runs += mixes * (n - before)
        if n == worlds:
            return runs
        mixes = max(min(mixes, least), (mixes + 1) // 2)
        before, n = n, min(2 * n, worlds)


def race(
    evaluate: Evaluate,
    costs: Callable[[], np.ndarray],
    goals: Sequence[int],
    worlds: int,
    always: Sequence[int] = (0,),
    *,
    least: int = LEAST,
    first: int | None = None,
    grow: Grow | None = None,
    keep: Callable[[np.ndarray, np.ndarray, list[int]], Sequence[int]] | None = None,
) -> Race:
    """Run all mixes on few worlds, the better half of them on twice as many, and so on.

    Parameters
    ----------
    evaluate : outcomes of mixes (numbers) in worlds from … to. costs : £ by mix, of all mixes there are by now.
    goals : which of the outcomes count, the first first. worlds : of the last round. always : mixes that are never
    dropped (doing nothing).
    least : mixes that run to the end. first : worlds of the first round (default: `first_round`).
    grow : new mixes, made from those that keep up and from what every mix gained of the first goal over the first of
    all in the worlds in which it ran; asked after the first rounds until it has none.
    keep : further mixes that go on, from (means of the goals, costs, mixes that ran); for instance the best of a
    budget.

    Returns
    -------
    Race, whose finalists ran in all worlds.
    """
    alive = list(range(len(costs())))
    found, n, ran = (
        Race(np.zeros((0, 0, worlds)), alive),
        min(first or first_round(worlds), worlds),
        np.zeros(len(alive), int),
    )
    while True:
        for before in np.unique(ran[alive]):
            behind = [mix for mix in alive if ran[mix] == before]
            if before < n:
                part = evaluate(behind, int(before), n)
                found.outcome = _with_room(found.outcome, len(part), len(ran))
                found.outcome[:, behind, before:n] = part
                found.runs += len(behind) * (n - int(before))
        ran[alive] = n
        found.rounds.append((n, len(alive)))
        part = found.outcome[list(goals)][:, alive, :n]
        means, money = part.mean(axis=2), costs()[alive]
        order = _ranked(means, money, part)
        if n == worlds:
            found.finalists = [alive[k] for k in order]
            return found
        kept = [alive[k] for k in order[: max(min(len(alive), least), (len(alive) + 1) // 2)]]
        kept += [mix for mix in (*always, *(keep(means, money, alive) if keep else ())) if mix not in kept]
        first_goal = found.outcome[goals[0]]
        fresh = grow(kept, np.nanmean(first_goal - first_goal[0], axis=1)) if grow is not None else []
        if fresh:
            ran = np.concatenate([ran, np.zeros(max(fresh) + 1 - len(ran), int)])
        alive = kept + fresh
        n = min(2 * n, worlds)


def _ranked(means: np.ndarray, costs: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Positions, those first that together stand for the front: the cheapest, the best of the first goal, then again
    and again whoever adds the largest rectangle: what it leads over those taken that cost no more, times the money
    that it saves over those taken that give no less. Where nobody adds anything, whoever lies least behind the front.

    So a few mixes cover the whole front, and of two that hardly differ one is enough.
    """
    scale = np.std(outcome - outcome.mean(axis=1, keepdims=True), axis=(1, 2))
    scaled = means / np.where(scale > 0, scale, 1.0)[:, None]
    behind = np.lexsort((costs, -means[0], shortfall(means, costs, scale)))
    lead = (scaled[:, :, None] - scaled[:, None, :]).max(axis=0)  # [of x over]
    lead[costs[None, :] > costs[:, None]] = np.inf
    saved = costs[None, :] - costs[:, None]  # [by x over]
    saved[(scaled[:, None, :] < scaled[:, :, None]).any(axis=0)] = np.inf
    taken = list(dict.fromkeys([int(np.lexsort((-means[0], costs))[0]), int(behind[0])]))
    best_at = max(taken, key=lambda mix: means[0][mix])
    taken.sort(key=lambda mix: mix != best_at)  # whoever is best comes first
    while len(taken) < len(costs):
        saving = np.clip(saved[:, taken].min(axis=1), 0.0, costs.max() - costs + 1e-9)
        adds = np.maximum(0.0, lead[:, taken].min(axis=1)) * saving
        adds[taken] = 0.0
        following = int(adds.argmax())
        if not adds[following] > 0:
            break
        taken.append(following)
    return np.array([*taken, *(n for n in behind.tolist() if n not in set(taken))])


def _with_room(outcome: np.ndarray, kinds: int, mixes: int) -> np.ndarray:
    """The array with room for so many mixes."""
    if outcome.shape[:2] == (kinds, mixes):
        return outcome
    larger = np.full((kinds, mixes, outcome.shape[2]), np.nan)
    larger[:, : outcome.shape[1]] = outcome if len(outcome) else np.nan
    return larger
