"""What knowing more would be worth: of an unknown (EVPPI), of a study (EVSI), by regression on the simulated worlds.

Strong, Oakley & Brennan 2014, 2015: the outcome of each mix is regressed on what would be known; whoever knows it
takes the mix of the highest fitted outcome. Here the fit is made on other worlds than those in which that choice is
judged (cross- fitting), and judged by what happened there: a value that over-fitting cannot inflate, and 0 on average
where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.errors import InputError

from .judge import covariance_of_means

FOLDS = 5
FEW = 3  # up to so many things known: curves; beyond, straight lines and squares, shrunken


@dataclass(frozen=True)
class Worth:
    """Value in the unit of the goal (not below 0 where it is said to be a value), and its standard error."""

    value: float
    error: float


def _basis(known: np.ndarray) -> np.ndarray:
    """What is known as columns of a regression: a curve over each of a few things, else lines and squares."""
    try:
        from sklearn.preprocessing import SplineTransformer
    except ImportError:
        raise InputError(
            ["decide needs scikit-learn, which is not installed: pip install 'valign[analysis]' adds it"]
        ) from None
    scaled = (known - known.mean(axis=0)) / known.std(axis=0)
    if known.shape[1] <= FEW:
        curves = SplineTransformer(4, 2, knots="quantile", extrapolation="linear").fit_transform(scaled)
        return np.hstack([curves, *(scaled[:, [a]] * scaled[:, [b]] for a in range(len(scaled.T)) for b in range(a))])
    squares = scaled**2
    return np.hstack([scaled, (squares - squares.mean(axis=0)) / squares.std(axis=0)])


def _predicted(basis: np.ndarray, outcome: np.ndarray, held: np.ndarray, few: bool) -> np.ndarray:
    """Outcome of each mix in the worlds held out [mixes x worlds]."""
    from sklearn.linear_model import LinearRegression, RidgeCV

    model = LinearRegression() if few else RidgeCV(10.0 ** np.arange(0, 6), alpha_per_target=True)
    model.fit(basis[~held], outcome[:, ~held].T)
    return np.asarray(model.predict(basis[held])).reshape(held.sum(), -1).T


def folds_of(n: int, seed: int = 1, clusters: np.ndarray | None = None) -> np.ndarray:
    """Fold of each world, 0 … FOLDS - 1; those of a society together."""
    if clusters is None or len(np.unique(clusters)) < FOLDS:
        clusters = np.arange(n)
    names, number = np.unique(clusters, return_inverse=True)
    of = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    return of[number]


def fitted(outcome: np.ndarray, known: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Outcome of each mix as what is known tells it, fitted in the other folds [mixes x worlds].

    outcome : [mixes x worlds]. known : [worlds x things]. Things that do not differ tell nothing.
    """
    known = known[:, np.ptp(known, axis=0) > 0]
    found = np.empty(outcome.shape)
    if known.shape[1] == 0:
        for fold in np.unique(folds):
            found[:, folds == fold] = outcome[:, folds != fold].mean(axis=1, keepdims=True)
        return found
    with _one_thread():
        basis = _basis(known)
        for fold in np.unique(folds):
            held = folds == fold
            found[:, held] = _predicted(basis, outcome, held, known.shape[1] <= FEW)
    return found


def _one_thread() -> AbstractContextManager[object]:
    """Small regressions are slower on many threads; and their sums then have the same bits on every machine's
    number.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1)


def value_of_knowing(
    now: np.ndarray, after: np.ndarray, known: np.ndarray, folds: np.ndarray, clusters: np.ndarray | None = None
) -> Worth:
    """Mean gain of choosing by what is known over what one would do now.

    now : outcome of the choice of now [worlds]. after : outcomes of what one may choose when it is known [mixes x
    worlds].
    known : [worlds x things].
    """
    gain = after - now
    chosen = fitted(gain, known, folds).argmax(axis=0)
    each = gain[chosen, np.arange(len(now))]
    error = covariance_of_means(each[None], np.arange(len(each)) if clusters is None else clusters)[0, 0] ** 0.5
    return Worth(float(each.mean()), float(error))


def evppi(
    outcome: np.ndarray,
    best: int,
    worlds: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    clusters: np.ndarray | None = None,
) -> pd.DataFrame:
    """Value of knowing each group of unknowns, one row each: unknown, value, error, in the unit of the goal.

    outcome : [mixes x worlds]. best : what one would do now. worlds : parameters by world. groups : parameters by name.
    """
    folds = folds_of(outcome.shape[1], clusters=clusters)
    rows = []
    for name, parameters in groups.items():
        known = worlds[list(parameters)].to_numpy(float)
        worth = value_of_knowing(outcome[best], outcome, known, folds, clusters)
        rows.append({"unknown": name, "parameters": len(parameters), "value": worth.value, "error": worth.error})
    return pd.DataFrame(rows, columns=["unknown", "parameters", "value", "error"])


def regret(outcome: np.ndarray, worlds: np.ndarray, clusters: np.ndarray | None = None) -> np.ndarray:
    """Expected loss of each mix in each world against the best there, as the regression tells it [mixes x worlds]."""
    told = fitted(outcome, worlds, folds_of(outcome.shape[1], clusters=clusters))
    return told.max(axis=0) - told
