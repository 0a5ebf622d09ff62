"""What a scenario does not hold, and data show: communities that differ, a baseline that moves, covariates of people,
an effect for each orientation.

All are terms that are added to people's log-odds of adopting (docs/ODD.md 5.13). What stays as it is over a run goes in
where lasting differences between people do; the baseline is a schedule of changes of the base log-odds. Off, nothing of
a run changes, bit for bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pydantic import ValidationError

from valign.model.errors import InputError, explain, unknown
from valign.model.parameters import PARAMETERS
from valign.model.reading import parse_toml
from valign.model.scenario.scenario import Scenario

from ..data.schema import Data, Differences
from .summaries import Layout

COMMUNITY_SD, BASELINE, COVARIATE, EFFECT = "community_sd", "baseline_from_", "covariate_", "effect_"
SD_RANGE, BASELINE_RANGE, TERM_RANGE = (0.0, 2.0), (-4.0, 4.0), (-1.5, 1.5)  # log-odds; of a term, per SD
COMMUNITY = 302  # purpose of the random stream of what communities differ by
FEW = 6  # a column of numbers with fewer different ones is of levels
MOST_LEVELS = 5
BASES = ("base_staff", "base_manager", "base_peer")


def is_difference(name: str) -> bool:
    """Whether a free parameter is of a fit alone, so that no scenario can hold it."""
    return name == COMMUNITY_SD or name.startswith((BASELINE, COVARIATE, EFFECT))


@dataclass(frozen=True, eq=False)
class Offsets:
    """The terms of a fit: names with their ranges, and what stands behind them.

    starts : periods in which a piece of the baseline begins, but for the first. terms : columns [N], by name.
    """

    bounds: Mapping[str, tuple[float, float]]
    starts: tuple[int, ...]
    terms: Mapping[str, np.ndarray]
    community: np.ndarray  # N
    communities: int
    changes: int = 0  # how many the scenario has of its own

    def of_runs(self, values: Mapping[str, np.ndarray], seeds: Sequence[int]) -> np.ndarray | None:
        """What is added to the log-odds of everybody [N x W]; None: nothing. values : of free parameters [W]."""
        out: np.ndarray | None = None
        for name, column in self.terms.items():
            out = column[:, None] * values[name] + (0.0 if out is None else out)
        if COMMUNITY_SD in self.bounds:
            streams = [np.random.default_rng([COMMUNITY, seed]) for seed in seeds]
            made = np.array([each.standard_normal(self.communities) for each in streams])
            own = (made * values[COMMUNITY_SD][:, None]).T[self.community]
            out = own if out is None else out + own
        return out

    def scheduled(self, values: Mapping[str, np.ndarray], scenario: Scenario) -> dict[str, np.ndarray]:
        """Columns of a design that move the baseline. values : of all free parameters [n]."""
        columns: dict[str, np.ndarray] = {}
        for piece, start in enumerate(self.starts):
            for n, base in enumerate(BASES):
                level = values[base] if base in values else scenario.value(base)
                parameter = PARAMETERS[base]
                moved = np.clip(level + values[f"{BASELINE}{start}"], parameter.minimum, parameter.maximum)
                columns[f"changes.{self.changes + piece * len(BASES) + n}.set"] = moved
        return columns

    def without_values(self) -> Offsets:
        """The same for an explanation in which values play no part."""
        bounds = {name: limits for name, limits in self.bounds.items() if not name.startswith(EFFECT)}
        terms = {name: column for name, column in self.terms.items() if name in bounds}
        return replace(self, bounds=bounds, terms=terms)

    @property
    def digest(self) -> str:
        """Hash of what simulations depend on besides the ranges."""
        made = hashlib.blake2b(repr((self.starts, list(self.terms))).encode(), digest_size=8)
        for column in self.terms.values():
            made.update(np.ascontiguousarray(column).tobytes())
        return made.hexdigest()


def wanted(data: Data, asked: Differences | Mapping[str, object] | None, free: Collection[str] = ()) -> Differences:
    """What the description of the data says, and what is asked for besides. Raises InputError for unknown keys.

    free : names of free parameters; that of communities asks for them.
    """
    try:
        more = asked if isinstance(asked, Differences) else Differences.model_validate(asked or {})
    except ValidationError as error:
        fields = {"": list(Differences.model_fields)}
        raise InputError([f"differences: {explain(each, fields)}" for each in error.errors()]) from None
    return Differences(
        community_sd=data.fit.community_sd or more.community_sd or COMMUNITY_SD in free,
        baseline=data.fit.baseline if more.baseline is None else more.baseline,
        covariates=tuple(dict.fromkeys((*data.fit.covariates, *more.covariates))),
        each_orientation=data.fit.each_orientation or more.each_orientation,
        signed=data.fit.signed or more.signed,
    )


def covariates_of(data: Data, names: Sequence[str]) -> pd.DataFrame:
    """Covariates of people as columns of mean 0: numbers in standard deviations, levels as 0 and 1 less their mean.

    Numbers with at least six different values are standardised; all else is of levels, each beside the commonest one.
    Whoever has none counts as average.

    Raises InputError for columns that the table of people does not have, or that say nothing.
    """
    problems: list[str] = []
    made: dict[str, np.ndarray] = {}
    columns = pd.DataFrame() if data.columns is None else data.columns
    for name in names:
        if name not in columns:
            problems.append(f"--covariate {unknown(name, columns.columns, 'column of people that is not in use')}")
            continue
        numbers = pd.to_numeric(columns[name], errors="coerce")
        told = columns[name].notna()
        if numbers[told].notna().all() and numbers.nunique() >= FEW:
            value = numbers.to_numpy(float)
            made[name] = np.nan_to_num((value - np.nanmean(value)) / np.nanstd(value))
            continue
        levels = columns[name].value_counts().index.tolist()
        if not 2 <= len(levels) <= MOST_LEVELS:
            problems.append(
                f"--covariate {name}: has {len(levels)} different values: expected numbers (at least {FEW} different "
                f"ones), or 2 to {MOST_LEVELS} levels"
            )
            continue
        for level in levels[1:]:
            there = np.where(told, columns[name] == level, np.nan).astype(float)
            made[f"{name}={level}"] = np.nan_to_num(there - np.nanmean(there))
    if problems:
        raise InputError(problems)
    return pd.DataFrame(made)


def pieces(baseline: int | tuple[int, ...] | None, periods: int) -> tuple[int, ...]:
    """Periods in which a piece of the baseline begins, but for the first, which begins in period 1."""
    if baseline is None:
        return ()
    if isinstance(baseline, int):
        if not 2 <= baseline <= 6:
            raise InputError([f"--baseline {baseline}: expected 2 to 6 pieces"])
        starts = [round(periods * n / baseline) + 1 for n in range(1, baseline)]
    else:
        starts = [start for start in baseline if start != 1]
    if wrong := [start for start in starts if not 2 <= start <= periods]:
        raise InputError(
            [f"baseline: a piece that begins in period {wrong[0]} lies outside the {periods} periods observed"]
        )
    if sorted(set(starts)) != starts:
        raise InputError([f"baseline: expected periods in ascending order, or fewer pieces than {periods} periods"])
    return tuple(starts)


def offsets_of(data: Data, asked: Differences, layout: Layout | None, scenario: Scenario) -> Offsets | None:
    """The terms that a fit has besides the scenario's parameters; None where there are none.

    Raises InputError where data or scenario cannot have them.
    """
    starts = pieces(asked.baseline, data.periods)
    if not (asked.community_sd or starts or asked.covariates or asked.each_orientation):
        return None
    if layout is None:
        raise InputError([f"{data.name}: differences between people or communities need [people]"])
    problems = _unfit(scenario, bool(starts))
    bounds: dict[str, tuple[float, float]] = {}
    terms: dict[str, np.ndarray] = {}
    if asked.community_sd:
        bounds[COMMUNITY_SD] = SD_RANGE
        if len(layout.communities) < 3:
            count = {1: "there is one", 2: "there are two"}[len(layout.communities)]
            problems.append(f"community_sd: there must be at least three communities to differ, and {count}")
    bounds |= {f"{BASELINE}{start}": BASELINE_RANGE for start in starts}
    names = [f"{EFFECT}{name}" for name in layout.orientations] if asked.each_orientation else []
    if asked.each_orientation and not names:
        problems.append(f"{data.name}: has no [orientation] to have an effect")
    names += [f"{COVARIATE}{name}" for name in layout.covariates]
    first = len(layout.columns) - len(names)
    for k, name in enumerate(names):
        bounds[name], terms[name] = TERM_RANGE, layout.z[:, first + k]
    if problems:
        raise InputError(problems)
    return Offsets(bounds, starts, terms, layout.community, len(layout.communities), len(scenario.changes))


def _unfit(scenario: Scenario, baseline: bool) -> list[str]:
    """Why a scenario cannot have such terms."""
    problems: list[str] = []
    if scenario.mechanisms.get("turnover", True):
        problems.append(
            f"{scenario.name}: people leave and are replaced, and what is known of people would go with them: "
            "differences between people or communities need mechanisms.turnover = false"
        )
    if baseline:
        if any(change.parameter in BASES for change in scenario.changes):
            problems.append(f"{scenario.name}: has changes of the base log-odds already: leave out --baseline")
        if any(set(group.parameters) & {*BASES} for group in scenario.organisations):
            problems.append(f"{scenario.name}: has groups with base log-odds of their own: leave out --baseline")
    return problems


def with_baseline(scenario: Scenario, offsets: Offsets) -> Scenario:
    """The scenario with a change of the base log-odds for every later piece, to be set in each run."""
    if not offsets.starts:
        return scenario
    raw = parse_toml(scenario.to_toml())
    more = [
        {"month": start, "parameter": base, "set": float(scenario.value(base))}
        for start in offsets.starts
        for base in BASES
    ]
    return Scenario.from_mapping({**raw, "changes": [*raw.get("changes", []), *more]})


def signed(bounds: Mapping[str, tuple[float, float] | None]) -> dict[str, tuple[float, float] | None]:
    """Ranges on both sides of zero for effects whose sign is not known, where no range was given."""
    made = dict(bounds)
    for name, limits in bounds.items():
        parameter = PARAMETERS.get(name)
        if limits is None and parameter is not None and parameter.minimum < 0.0 <= parameter.low:
            made[name] = (max(parameter.minimum, -parameter.high), parameter.high)
    return made
