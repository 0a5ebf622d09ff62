"""Worlds: what people and services are like where that is not known, each a setting of all uncertain parameters.

Two sets of them. *Plausible* worlds fill the ranges of the parameters evenly. Worlds that *agree with what is known*
(`worlds`) are those that published facts leave, each with a weight: they ship with the package, made by `make worlds`
(`calibration.patterns`, `calibration.matching`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import weighted_quantiles

from .default_worlds import SHIPPED, shipped
from .design import MOST_RUNS, WEIGHT, latin_hypercube, stated, whole

PLAUSIBLE = 1  # seed of plausible worlds
MOST_WORLDS = 100_000  # of an ensemble
FEWEST = 50  # what worlds must be worth that are weighted anew
PRIORITY = "priority"  # column of the file: weight over a uniform number, by which worlds are ordered
WITHOUT = "without "  # how columns of the file begin that hold the weights without a data set's facts

# Strengths whose plausible range begins above 0: in the worlds they may be absent.
FROM_ZERO = (
    "relationship_rate",
    "anchoring",
    "identification_growth",
    "disapproval",
    "tie_rate",
    "tie_similarity",
    "leadership_strength",
    "climate_effect",
    "adoption_norm",
    "burden_effect",
)
# What is offered, and who uses it from the start, is part of a scenario, not uncertain.
OF_SCENARIOS = ("pilot_funds", "mandate", "funding", "initial_engagement")
# What services and commissioners decide: what it does is uncertain, what it is, a scenario says.
DECIDED = (
    "leadership_strength",
    "coproduction_intensity",
    "design_coproduction",
    "power_sharing",
    "values_based_recruitment",
    "dialogue",
    "slack",
    "budget",
    "pilot_months",
    "contract_months",
    "round_months",
)

# By what fit of values does anything by itself; at 0 it does nothing.
FIT = (
    "fit_effect",
    "fit_climate",
    "fit_peers",
    "lapse_fit",
    "disapproval",
    "turnover_fit",
    "fit_effect_organisations",
    "score_fit",
)


def world_parameters() -> dict[str, tuple[float, float]]:
    """What differs between plausible worlds, and over which range: every uncertain parameter that does not shape the
    society, the innovation's and what is decided among them."""
    return {
        name: (0.0 if name in FROM_ZERO else p.low, p.high)
        for name, p in PARAMETERS.items()
        if p.scope != "society" and name not in OF_SCENARIOS and p.low < p.high
    }


def unknown_parameters() -> dict[str, tuple[float, float]]:
    """What differs between worlds that agree with what is known: as `world_parameters`, without what a scenario says
    of its innovation and what services and commissioners decide."""
    return {
        name: bounds
        for name, bounds in world_parameters().items()
        if name not in DECIDED and not name.startswith("innovation.")
    }


def plausible_worlds(n: int, seed: int = 1) -> pd.DataFrame:
    """n worlds by Latin hypercube over the plausible ranges, one row each; strengths begin at 0."""
    return latin_hypercube(world_parameters(), n, seed)


def worlds_of_claims(n: int, seed: int = 1) -> pd.DataFrame:
    """n worlds over which claims are tested: what nobody knows as in worlds that agree with published facts (`alike`),
    what a scenario says of its innovation and what is decided over its plausible ranges, about which facts say nothing.

    One row each, in no order: the first of them are like all. As long as no worlds that agree with what is known ship,
    these are plausible worlds.
    """
    anywhere = plausible_worlds(n, seed)
    if not shipped():
        return anywhere
    known = alike(n).iloc[np.random.default_rng([seed, n]).permutation(n)].reset_index(drop=True)
    return anywhere.assign(**{str(name): known[name] for name in known})


def worlds(n: int | None = None, path: str | Path | None = None, without: str | None = None) -> pd.DataFrame:
    """The worlds that agree with what is known.

    Parameters
    ----------
    n : how many of them (None: all). The same n gives the same worlds, and fewer are the first of more. Those with
        large weights come first, by priority sampling (Duffield, Lund & Thorup 2007): weighted means over n of them
        are estimates without bias of those over all.
    path : a table made by `make worlds` (default: the one that ships).
    without : a data set whose facts are not to count, because the same data are used for something else
        ("medical-innovation"; `valign patterns --json` names them): weights are those without its facts.

    Returns
    -------
    One row a world: a column for every uncertain parameter, in its unit, and `weight`, which sums to 1.

    Raises
    ------
    InputError : there is no such table, n is no whole number from 1 to the number of worlds, no fact is of the data set
        that is to be left out, or the worlds are worth fewer than fifty without its facts.
    """
    table = _without(_read(SHIPPED if path is None else Path(path)), without)
    if n is None:
        return table.drop(columns=PRIORITY)
    n = whole("worlds", n, 1, min(len(table), MOST_RUNS))
    weight = table[WEIGHT].to_numpy()
    if n < len(table):
        weight = np.maximum(weight, table[PRIORITY].iloc[n])[:n]
    return table.head(n).drop(columns=PRIORITY).assign(**{WEIGHT: weight / weight.sum()})


def alike(n: int, path: str | Path | None = None) -> pd.DataFrame:
    """n worlds that all count alike, for ensembles: as `worlds`, those with large weights several times.

    As long as no worlds that agree with what is known ship, these are plausible worlds: the ranges of what is not
    known, filled evenly.

    n : from 1. path : as for `worlds`. One row a world and no weights; raises InputError as `worlds` does.
    """
    n = whole("worlds", n, 1, MOST_WORLDS)
    if path is None and not shipped():
        return latin_hypercube(unknown_parameters(), n, PLAUSIBLE)
    table = worlds(min(n, len(_read(SHIPPED if path is None else Path(path)))), path)
    reached = np.cumsum(table[WEIGHT].to_numpy())
    chosen = np.searchsorted(reached / reached[-1], (np.arange(n) + 0.5) / n)
    return table.iloc[chosen].drop(columns=WEIGHT).reset_index(drop=True)


class Marginal:
    """How one parameter is distributed over worlds, whatever the others are: an inverse CDF, as in scipy.stats."""

    def __init__(self, values: np.ndarray, weight: np.ndarray) -> None:
        self._values, self._weight = values, weight

    def ppf(self, shares: np.ndarray) -> np.ndarray:
        """Quantiles; beyond the outermost worlds, those of these."""
        return weighted_quantiles(self._values, self._weight, shares)


def marginals(path: str | Path | None = None) -> dict[str, Marginal]:
    """Every parameter's own distribution over the worlds that agree with what is known (path: as for `worlds`)."""
    table = worlds(path=path)
    weight = table[WEIGHT].to_numpy(float)
    return {str(name): Marginal(table[name].to_numpy(float), weight) for name in table if name != WEIGHT}


def said_itself(scenario: Scenario) -> list[str]:
    """Parameters that differ between worlds, but not for this scenario, which says itself what they are."""
    return [name for name in unknown_parameters() if stated(scenario, name)]


def ordered(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Worlds with weights [n], in the order in which `worlds` gives them, with their priorities."""
    weight = table[WEIGHT].to_numpy(float) / table[WEIGHT].sum()
    priority = weight / (1.0 - np.random.default_rng(seed).random(len(table)))
    found = table.assign(**{WEIGHT: weight, PRIORITY: priority})
    return found.sort_values(PRIORITY, ascending=False, kind="stable", ignore_index=True)


def _without(table: pd.DataFrame, data: str | None) -> pd.DataFrame:
    """The table with the weights, and in the order, that it has without the facts of a data set."""
    others = [name for name in table if str(name).startswith(WITHOUT)]
    plain = table.drop(columns=others)
    if data is None:
        return plain
    if (column := f"{WITHOUT}{data}") not in others:
        known = [str(name).removeprefix(WITHOUT) for name in others]
        raise InputError([f"worlds: {unknown(data, known, 'data set of a fact')}"])
    weight = table[column] / table[column].sum()
    if (worth := 1 / (weight**2).sum()) < FEWEST:
        raise InputError(
            [
                f"worlds: without the facts of {data} the worlds that ship are worth {worth:.0f} of equal weight, "
                f"too few to say anything (at least {FEWEST}): they were found with those facts"
            ]
        )
    return ordered(plain.drop(columns=PRIORITY).assign(**{WEIGHT: weight}), PLAUSIBLE)


def data_sets(path: str | Path | None = None) -> list[str]:
    """The data sets whose facts `worlds` can leave out."""
    table = _read(SHIPPED if path is None else Path(path))
    return [str(name).removeprefix(WITHOUT) for name in table if str(name).startswith(WITHOUT)]


def finding(name: str) -> pd.DataFrame:
    """A table of what the matching taught ("summary", "patterns", "parameters", "pairs", "left_out", "halves",
    "known_truth", "known_truths")."""
    path = SHIPPED.parent / "worlds" / f"{name}.csv"
    if not path.is_file():
        raise InputError([f"worlds: there is no {path}; `make worlds` makes it"])
    return pd.read_csv(path)


@lru_cache(maxsize=4)
def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(
            [
                f"worlds: there is no {path}: no worlds that agree with what is known ship yet, since those that were "
                "found are worth fewer than 500 (results/reference/worlds/worlds.md); `make worlds` makes them"
            ]
        )
    table = pd.read_parquet(path)
    if lacking := [name for name in (WEIGHT, PRIORITY) if name not in table]:
        raise InputError([f"worlds: {path} has no column {lacking[0]!r}: it was not made by `make worlds`"])
    said = [name for name in map(str, table) if not name.startswith(WITHOUT)]
    if wrong := [name for name in said if name not in (*PARAMETERS, WEIGHT, PRIORITY)]:
        raise InputError([f"worlds: {path} has a column {wrong[0]!r}, which is no parameter of this version"])
    return table
