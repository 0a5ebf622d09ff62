"""Factors: what a sensitivity analysis varies, each drawn by its inverse CDF from the unit interval.

Besides parameters there may be three factors that no scenario knows. The *dummy* changes nothing: its index tests the
bookkeeping. *seed* and *society* select the chances and the people and ties of a run: the total index of *seed* is the
noise floor, what would be left of the variance if no parameter mattered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from valign.model.errors import InputError, unknown
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import declared, parsed

from ..design_check import varies_in_block

DUMMY, SEED, SOCIETY = "dummy", "seed", "society"
EXTRA = (DUMMY, SEED, SOCIETY)
REST = "everything else"
SWITCH = "0 or 1"  # unit of parameters that are decisions, not unknowns
# What these set acts although their mechanism is off: states at the start, quality of ties, capacity, weights in
# decisions. (A test looks for others.)
ACT_ANYWAY = {
    "initial_awareness",
    "initial_engagement",
    "anchoring",
    "leadership_strength",
    "leadership_sd",
    "prior_scatter",
    "slack",
    "slack_sd",
    "displacement",
    "workload_cost",
    "voice_peer",
    "tie_quality",
    *(name for name in PARAMETERS if name.startswith("evidence_weights.")),
}
INSIDE = 1e-9  # keeps quantiles of unbounded distributions finite


@dataclass(frozen=True)
class Factor:
    """One column of the unit cube.

    name : a key of the scenario, or one of `EXTRA`. group : the name under which its index is reported.
    low, high : range (uniform). whole : whole numbers, each equally likely. levels : categories, equally likely.
    quantile : an inverse CDF that replaces the uniform one.
    """

    name: str
    group: str
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    levels: tuple[Any, ...] = ()
    quantile: Callable[[np.ndarray], np.ndarray] | None = None

    def values(self, unit: np.ndarray) -> np.ndarray:
        """Values at points of the unit interval (inverse CDF)."""
        if self.levels:
            place = np.minimum((unit * len(self.levels)).astype(np.int64), len(self.levels) - 1)
            return np.array(self.levels, dtype=object if isinstance(self.levels[0], str) else None)[place]
        if self.quantile is not None:
            found = np.asarray(self.quantile(np.clip(unit, INSIDE, 1 - INSIDE)), float)
            return np.rint(found) if self.whole else found
        if self.whole:
            return np.minimum(self.low + np.floor(unit * (self.high - self.low + 1)), self.high)
        return self.low + unit * (self.high - self.low)

    def described(self) -> str:
        """The distribution in words."""
        if self.levels:
            return "one of " + ", ".join(map(str, self.levels))
        if self.quantile is not None:
            ends = self.values(np.array([0.025, 0.975]))
            return f"95 % from {ends[0]:.4g} to {ends[1]:.4g}"
        return f"{self.low:g} to {self.high:g}" + (", whole" if self.whole else "")


@dataclass(frozen=True)
class Problem:
    """The factors of a study, in the order of the columns of its unit cube."""

    factors: tuple[Factor, ...]

    @property
    def names(self) -> list[str]:
        return [factor.name for factor in self.factors]

    @property
    def groups(self) -> list[str]:
        """Names of the indices: every group once, in order."""
        return list(dict.fromkeys(factor.group for factor in self.factors))

    @property
    def grouped(self) -> bool:
        return len(self.groups) < len(self.factors)

    @property
    def membership(self) -> np.ndarray:
        """Which group every factor belongs to [D]."""
        groups = self.groups
        return np.array([groups.index(factor.group) for factor in self.factors])

    def column(self, name: str) -> int | None:
        return self.names.index(name) if name in self.names else None

    def salib(self) -> dict[str, Any]:
        """The problem as SALib wants it, on the unit cube."""
        problem: dict[str, Any] = {
            "num_vars": len(self.factors),
            "names": self.names,
            "bounds": [[0.0, 1.0]] * len(self.factors),
        }
        return problem | ({"groups": [factor.group for factor in self.factors]} if self.grouped else {})

    def apart(self) -> list[str]:
        """Factors with which a run gets ties (or rules) of its own, so that it shares no block with others."""
        known = [
            name
            for name in self.names
            if name in PARAMETERS or parsed(name).section in Scenario.model_fields or name in Scenario.model_fields
        ]
        return [name for name in known if not varies_in_block(name)]


def uncertain(scenario: Scenario) -> tuple[list[str], dict[str, list[str]]]:
    """All uncertain parameters of a scenario that can act in it, and those left out, by reason."""
    kept: list[str] = []
    left: dict[str, list[str]] = {
        "shapes the ties": [],
        "a decision (0 or 1)": [],
        "its mechanism is off": [],
        "every group of services has its own": [],
    }
    for name, parameter in PARAMETERS.items():
        if parameter.low == parameter.high:
            continue
        if parameter.scope == "society":
            left["shapes the ties"].append(name)
        elif parameter.unit == SWITCH:
            left["a decision (0 or 1)"].append(name)
        elif (
            parameter.mechanism in MECHANISMS
            and not scenario.mechanisms[parameter.mechanism]
            and name not in ACT_ANYWAY
        ):
            left["its mechanism is off"].append(name)
        elif all(name in group.parameters for group in scenario.organisations):
            left["every group of services has its own"].append(name)
        else:
            kept.append(name)
    return kept, {reason: names for reason, names in left.items() if names}


def make_problem(
    scenario: Scenario,
    parameters: Sequence[str] | None = None,
    *,
    group_by: str | Mapping[str, Sequence[str]] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    distributions: Mapping[str, Any] | None = None,
    seed_factor: bool = False,
    society_factor: bool = False,
) -> Problem:
    """The factors of a study of a scenario.

    parameters : keys of `Scenario.replace` (default: `uncertain`).
    group_by : "mechanism", or {group: names}; names in no group stand for themselves.
    bounds : {name: (low, high)} instead of the declared plausible range. levels : {name: categories}.
    distributions : {name: object with .ppf, such as a frozen distribution of scipy.stats}.

    Raises InputError with everything that is wrong.
    """
    bounds, levels, distributions = bounds or {}, levels or {}, distributions or {}
    names = uncertain(scenario)[0] if parameters is None else list(parameters)
    allowed = scenario.settable()
    problems: list[str] = []
    for kind, given in (("bounds", bounds), ("levels", levels), ("distributions", distributions)):
        problems += [
            f"{kind}: {unknown(name, names, 'parameter of this study')}" for name in given if name not in names
        ]
    if not names:
        problems.append("parameters: expected at least one")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"parameters: {twice[0]!r} is given twice")
    group_of, wrong = _groups(names, group_by)
    problems += wrong
    factors: list[Factor] = []
    for name in dict.fromkeys(names):
        if name not in allowed:
            problems.append(unknown(name, allowed, "parameter"))
            continue
        try:
            factors.append(_factor(scenario, name, group_of.get(name, name), bounds, levels, distributions))
        except InputError as error:
            problems += error.problems
    if clash := sorted(set(EXTRA) & {factor.group for factor in factors}):
        problems.append(f"groups: {clash[0]!r} is the name of a factor that every study may carry; choose another")
    if problems:
        raise InputError(problems)
    return with_extras(factors, seed_factor, society_factor)


def with_extras(factors: Sequence[Factor], seed_factor: bool = False, society_factor: bool = False) -> Problem:
    """The factors with the dummy and, on request, the seed and the society behind them.

    Raises InputError when one group holds all factors: its index says nothing.
    """
    if len(factors) > 1 and len({factor.group for factor in factors}) == 1:
        raise InputError(
            [
                f"groups: {factors[0].group!r} holds all parameters, so its index would say nothing: "
                "expected at least two groups"
            ]
        )
    extra = [DUMMY, *([SEED] if seed_factor else []), *([SOCIETY] if society_factor else [])]
    return Problem((*factors, *(Factor(name, name) for name in extra)))


def _groups(
    names: Sequence[str], group_by: str | Mapping[str, Sequence[str]] | None
) -> tuple[dict[str, str], list[str]]:
    if group_by is None:
        return {}, []
    if isinstance(group_by, str):
        if group_by != "mechanism":
            return {}, [f"group_by = {group_by!r}: expected 'mechanism' or groups of your own (a mapping)"]
        return {name: parameter.mechanism for name in names if (parameter := declared(name)) is not None}, []
    problems: list[str] = []
    found: dict[str, str] = {}
    for group, members in group_by.items():
        for name in members:
            if name not in names:
                problems.append(f"group {group!r}: {unknown(name, names, 'parameter of this study')}")
            elif name in found:
                problems.append(f"group {group!r}: {name!r} is in {found[name]!r} already")
            found[name] = group
    return found, problems


def _factor(
    scenario: Scenario,
    name: str,
    group: str,
    bounds: Mapping[str, tuple[float, float]],
    levels: Mapping[str, Sequence[Any]],
    distributions: Mapping[str, Any],
) -> Factor:
    if sum(name in given for given in (bounds, levels, distributions)) > 1:
        raise InputError([f"{name}: give only one of bounds, levels and distributions"])
    parameter = declared(name)
    if name in levels:
        if len(levels[name]) < 2:
            raise InputError([f"levels of {name}: expected at least two"])
        return Factor(name, group, levels=tuple(levels[name]))
    if name in distributions:
        quantile = getattr(distributions[name], "ppf", None)
        if not callable(quantile):
            raise InputError([f"distribution of {name}: expected an object with .ppf, e.g. scipy.stats.norm(0.4, 0.1)"])
        return Factor(name, group, whole=parameter is not None and parameter.integer, quantile=cast("Any", quantile))
    if name in bounds:
        pair = bounds[name]
        if len(pair) != 2 or not np.isfinite(pair).all() or not pair[0] < pair[1]:
            raise InputError([f"bounds of {name}: expected (low, high) with low < high, not {pair!r}"])
        if parameter is not None and not parameter.minimum <= pair[0] < pair[1] <= parameter.maximum:
            raise InputError(
                [
                    f"bounds of {name}: {pair[0]:g} to {pair[1]:g} goes beyond what is allowed, "
                    f"{parameter.minimum:g} to {parameter.maximum:g}"
                ]
            )
        return Factor(name, group, float(pair[0]), float(pair[1]), parameter is not None and parameter.integer)
    if parameter is not None:
        if parameter.unit == SWITCH:
            return Factor(name, group, levels=(0.0, 1.0))
        return Factor(name, group, parameter.low, parameter.high, parameter.integer)
    if parsed(name).section == "mechanisms":
        return Factor(name, group, levels=(False, True))
    kind = type(scenario).model_fields[name].annotation if name in type(scenario).model_fields else None
    if kind is bool or isinstance(getattr(scenario, name, None), bool):
        return Factor(name, group, levels=(False, True))
    if getattr(kind, "__origin__", None) is Literal:
        return Factor(name, group, levels=get_args(kind))
    raise InputError([f"{name} has no declared range: give bounds (or levels) for it"])
