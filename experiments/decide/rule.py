"""When the recommended mix would be wrong: a rule of at most three conditions (CART, Breiman et al. 1984), checked on
other worlds than those on which it was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from valign.results.summaries import mean_interval

MOST_CONDITIONS = 3
SMALLEST_KIND = 0.05  # share of worlds


@dataclass(frozen=True)
class Condition:
    """A parameter at most, or above, a threshold."""

    parameter: str
    above: bool
    threshold: float


@dataclass(frozen=True, eq=False)
class Rule:
    """Worlds in which another mix is better. conditions : all have to hold. other : number of that mix.

    share : of worlds in which they hold. coverage : of the worlds in which the other mix is better, how many the rule
    finds.
    density : of the worlds that it names, in how many the other mix is better. lead, low, high : by how much, with its
    interval (for as many rules as were looked at). All on worlds that the rule was not made from.
    """

    conditions: tuple[Condition, ...]
    other: int
    share: float
    coverage: float
    density: float
    lead: float
    low: float
    high: float


def _tree(known: pd.DataFrame, target: np.ndarray, **limits: Any) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    least = max(10, round(SMALLEST_KIND * len(known)))
    return DecisionTreeRegressor(min_samples_leaf=least, random_state=0, **limits).fit(known.to_numpy(float), target)


def nodes(tree: Any, names: Sequence[str], inner: bool) -> dict[int, tuple[Condition, ...]]:
    """Conditions of every leaf of a fitted tree by its number, and with `inner` of every other node but the first; of
    two on one side of a parameter the narrower.
    """
    parts = tree.tree_
    found: dict[int, tuple[Condition, ...]] = {}

    def follow(node: int, so_far: dict[tuple[str, bool], float]) -> None:
        leaf = parts.children_left[node] < 0
        if leaf or (inner and so_far):
            found[node] = tuple(Condition(name, above, at) for (name, above), at in so_far.items())
        if leaf:
            return
        name, at = names[parts.feature[node]], float(parts.threshold[node])
        for above, child in ((False, parts.children_left[node]), (True, parts.children_right[node])):
            before = so_far.get((name, above), -np.inf if above else np.inf)
            follow(int(child), so_far | {(name, above): max(before, at) if above else min(before, at)})

    follow(0, {})
    return found


def when_wrong(outcome: np.ndarray, best: int, others: Sequence[int], known: pd.DataFrame) -> Rule | None:
    """The rule under which another mix beats the recommended one by most, or None where there is none that holds.

    outcome : [mixes x worlds]. known : what a rule may speak of, a row a world.
    """
    half = np.arange(len(known)) % 2 == 0
    tried: list[tuple[int, Any, dict[int, tuple[Condition, ...]]]] = []
    for other in others:
        tree = _tree(known[half], (outcome[other] - outcome[best])[half], max_depth=MOST_CONDITIONS)
        tried.append((other, tree, nodes(tree, list(known), True)))
    count = sum(len(found) for _, _, found in tried)
    rules: list[Rule] = []
    for other, tree, found in tried:
        lead = (outcome[other] - outcome[best])[~half]
        passes = tree.decision_path(known[~half].to_numpy(float)).toarray().astype(bool)
        for node, conditions in found.items():
            inside = passes[:, node]
            if inside.sum() < 10 or not conditions:
                continue
            interval = mean_interval(lead[inside], confidence=1 - 0.05 / count)
            if interval.low > 0:
                better = lead > 0
                rules.append(
                    Rule(
                        conditions,
                        other,
                        float(inside.mean()),
                        float(better[inside].sum() / max(1, better.sum())),
                        float(better[inside].mean()),
                        interval.mean,
                        interval.low,
                        interval.high,
                    )
                )
    return max(rules, key=lambda rule: rule.share * rule.lead, default=None)


def kinds_of_worlds(
    regret: np.ndarray, known: pd.DataFrame, most: int = 4
) -> tuple[np.ndarray, list[tuple[Condition, ...]]]:
    """Kinds of worlds among which the regret of the recommended mix [worlds] differs most: kind of each, conditions
    of each.

    Ordered from the least regret to the most.
    """
    tree = _tree(known, regret, max_leaf_nodes=most, max_depth=2)
    at = tree.apply(known.to_numpy(float))
    found = nodes(tree, list(known), False)
    order = sorted(found, key=lambda leaf: regret[at == leaf].mean())
    return np.array([order.index(leaf) for leaf in at]), [found[leaf] for leaf in order]
