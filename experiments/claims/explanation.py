"""Where a claim holds and where it does not: a shallow decision tree over the worlds, held to its base rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.errors import InputError

DEPTH, FOLDS, FEWEST = 3, 10, 40
OUTCOMES_OF_A_WORLD = ("as predicted", "absent", "reversed")


@dataclass(frozen=True)
class WhereItHolds:
    """accuracy: share of worlds that the tree, grown without them, gets right; base_rate: by the commonest kind alone.

    told: whether the tree beats the base rate by more than twice the standard error of its accuracy.
    leaves : DataFrame with conditions (in words), worlds, and the share of each kind.
    """

    accuracy: float
    base_rate: float
    told: bool
    leaves: pd.DataFrame
    instead: str = ""  # why there is no tree

    def words(self) -> str:
        """One or two sentences."""
        if self.instead:
            return self.instead[0].upper() + self.instead[1:] + "."
        if self.leaves.empty:
            return f"Nearly all worlds are of one kind ({100 * self.base_rate:.0f} %): there is nothing to tell apart."
        rates = (
            f"right in {100 * self.accuracy:.0f} % of worlds it was not grown on, base rate "
            f"{100 * self.base_rate:.0f} %"
        )
        if not self.told:
            return f"No simple condition tells the worlds apart (the tree is {rates})."
        most = self.leaves.sort_values("as predicted").iloc[-1]
        least = self.leaves.sort_values("as predicted").iloc[0]
        text = (
            f"Most often as predicted ({100 * most['as predicted']:.0f} % of {most['worlds']:.0f} worlds) where "
            f"{most['where']}; least often ({100 * least['as predicted']:.0f} % of {least['worlds']:.0f}) where "
            f"{least['where']}"
        )
        turned = self.leaves.sort_values("reversed").iloc[-1]
        if turned["reversed"] >= 0.1:
            text += (
                f"; reversed most often ({100 * turned['reversed']:.0f} % of {turned['worlds']:.0f}) where "
                f"{turned['where']}"
            )
        return f"{text} (the tree is {rates})."


def where(features: pd.DataFrame, classes: np.ndarray) -> WhereItHolds:
    """A tree of depth 3 over the worlds, with its accuracy by ten-fold cross-validation.

    features : one row per world. classes : 0 as predicted, 1 absent, 2 reversed, -1 left out.

    Raises InputError without scikit-learn (the extra `analysis`).
    """
    try:
        from sklearn.model_selection import StratifiedKFold, cross_val_score
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        raise InputError(["the tree that says where needs scikit-learn: pip install 'valign[analysis]'"]) from None
    known = classes >= 0
    x, y = features[known].reset_index(drop=True), classes[known]
    counts = np.bincount(y, minlength=3)
    base = float(counts.max() / max(1, counts.sum()))
    if len(y) < FEWEST:
        return WhereItHolds(np.nan, np.nan, False, pd.DataFrame(), "there are too few worlds to see where it holds")
    if counts.max() > len(y) - FOLDS:  # nothing to tell apart
        return WhereItHolds(np.nan, base, False, pd.DataFrame())
    common = np.isin(y, np.flatnonzero(counts >= FOLDS))  # every kind in every fold
    model = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=max(10, len(y) // 20), random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    inside = float(cross_val_score(model, x[common], y[common], cv=folds).mean())
    accuracy = inside * float(common.mean())  # worlds of rare kinds count as wrong
    model.fit(x, y)
    error = np.sqrt(accuracy * (1 - accuracy) / len(y))
    return WhereItHolds(accuracy, base, accuracy > base + 2 * error, _leaves(model, x, y))


def _leaves(model, x: pd.DataFrame, y: np.ndarray) -> pd.DataFrame:
    """Leaves with their conditions; several bounds on one feature are drawn together."""
    tree, rows = model.tree_, []
    of = model.apply(x)

    def walk(node: int, bounds: dict[str, tuple[float, float]]) -> None:
        if tree.children_left[node] < 0:
            shares = np.bincount(y[of == node], minlength=3) / max(1, (of == node).sum())
            rows.append(
                {
                    "where": " and ".join(_bound(name, *pair) for name, pair in bounds.items()) or "anywhere",
                    "worlds": int((of == node).sum()),
                    **dict(zip(OUTCOMES_OF_A_WORLD, shares, strict=True)),
                }
            )
            return
        name, cut = str(x.columns[tree.feature[node]]), float(tree.threshold[node])
        low, high = bounds.get(name, (-np.inf, np.inf))
        walk(tree.children_left[node], {**bounds, name: (low, min(high, cut))})
        walk(tree.children_right[node], {**bounds, name: (max(low, cut), high)})

    walk(0, {})
    return pd.DataFrame(rows)


def _bound(name: str, low: float, high: float) -> str:
    if np.isinf(low):
        return f"{name} ≤ {high:.3g}"
    return f"{name} > {low:.3g}" if np.isinf(high) else f"{name} is between {low:.3g} and {high:.3g}"
