"""The main experiment: the same services and the same chances, under different levels of alignment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from valign.model.run.month import run_steps
from valign.model.run.start import REACH
from valign.model.errors import InputError
from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.tables import society_of
from valign.results.summaries import paired_differences

from .bases import with_common_seeds
from .batch.executors import How
from .batch.kept import simulate_or_keep
from .default_worlds import WORLDS, runs_of
from .design import checked_ensemble, factorial, run_seeds, society_seeds, stated
from .design_outcomes import OutcomesOfDesign
from .side_by_side import SideBySide
from .blocks import block_width, group_into_blocks
from .simulate import Task
from .worlds import alike

PROBED_RUNS = 32  # as many runs are asked what they can reach
STEP = 0.15  # between low, middle and high
MOST_LEVELS = 20


@dataclass(eq=False)
class Levels(SideBySide):
    """Outcomes at each level (and innovation, and strength of evidence).

    Factors are `alignment_level`, and `innovation` and `evidence_strength` where these were varied. `found`: outcomes
    of the design (`levels_design`); `scenario`: the one asked for; `cells`: outcomes of each combination.
    """

    NAMES: ClassVar[Mapping[str, str]] = {
        "alignment_level": "alignment_level",
        "scenario": "innovation",
        "innovation.evidence_strength": "evidence_strength",
    }
    found: OutcomesOfDesign
    scenario: Scenario

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels simulated (0 to 1), in ascending order."""
        return tuple(sorted(set(self.found.design["alignment_level"].tolist())))

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Each level less the lowest, run by run, for each combination of the other factors, in the outcome's unit:
        columns of `results.summaries.paired_differences`.
        """
        others = list(self.factors[1:])
        parts: list[pd.DataFrame] = []
        for _, part in self.runs.groupby(others, sort=False) if others else [((), self.runs)]:
            table = paired_differences(part, list(OUTCOMES), "alignment_level", self.levels[0])
            parts.append(table.assign(**{name: part[name].iloc[0] for name in others}))
        first = ["alignment_level", *others]
        table = pd.concat(parts, ignore_index=True)
        return table[[*first, *(name for name in table if name not in first)]]

    def tables(self) -> dict[str, pd.DataFrame]:
        """What `valign levels` keeps: `runs`, `summary` by outcome, `curves` by month, `differences` and, where it was
        recorded, `decomposition` (in a folder without the months); each with a column for every factor.
        """
        tables = self._described() | {"differences": self.differences}
        return tables | ({"decomposition": self.decomposition} if len(self.decomposition) else {})


def reachable(
    scenario: Scenario,
    runs: int,
    seed: int = 1,
    societies: int | None = None,
    society: Society | None = None,
    worlds: int | None = None,
) -> tuple[float, float]:
    """The levels of alignment that the first runs of an ensemble can all reach in the scenario's mode.

    Where more runs follow than are asked, a margin of three standard deviations is left for them. worlds : in how many
    worlds the runs will be made.
    """
    scenario = scenario.replace({"alignment_level": "natural"})
    if society is None and scenario.tables is not None:
        society = society_of(scenario, 0)
    seeds = run_seeds(seed, min(runs * (worlds or 1), PROBED_RUNS))
    of_society = [0] * len(seeds) if society is not None else society_seeds(seed, seeds, societies)
    people = scenario.people() if society is None else len(society.role)
    task = Task(scenario, (), society=society)
    lows: list[float] = []
    highs: list[float] = []
    columns: dict[str, np.ndarray] = {}
    if worlds is not None:  # as many as runs are probed
        table = alike(min(worlds, len(seeds)))
        columns = {
            str(name): np.resize(table[name].to_numpy(), len(seeds))
            for name in table
            if not stated(scenario, str(name))
        }
    for block in group_into_blocks(seeds, of_society, block_width(people, len(scenario.dimensions)), columns):
        S = task.state(block)
        run_steps(S, REACH)
        lows += S.lowest.tolist()
        highs += S.highest.tolist()
    margin = 3.0 if runs * (worlds or 1) > len(seeds) else 0.0
    return (max(lows) + margin * float(np.std(lows)), min(highs) - margin * float(np.std(highs)))


def default_levels(reach: tuple[float, float]) -> tuple[float, ...]:
    """Low, middle and high: the highest level in reach, and two steps of .15 down (closer where reach is narrow)."""
    high = math.floor(100 * reach[1]) / 100
    low = max(math.ceil(100 * reach[0]) / 100, round(high - 2 * STEP, 2))
    if not low < high:
        raise InputError(
            [
                f"alignment can only lie between {reach[0]:.3f} and {reach[1]:.3f}: there are no "
                "levels to compare (does alignment_roles name people of the scenario?)"
            ]
        )
    return (low, round((low + high) / 2, 3), high)


def checked_levels(levels: Sequence[float], reach: tuple[float, float], scenario: Scenario) -> tuple[float, ...]:
    """The levels in ascending order, or one error with everything that is wrong with them."""
    problems: list[str] = []
    if not 1 <= len(levels) <= MOST_LEVELS:
        problems.append(f"levels: expected 1 to {MOST_LEVELS}, got {len(levels)}")
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, (int, float, np.number)) or not 0 <= level <= 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            problems.append(f"levels: {level!r} is not a number from 0 to 1")
        elif not reach[0] <= level <= reach[1]:
            problems.append(
                f"levels: {level:g} cannot be reached by {scenario.alignment_mode!r} in {scenario.name!r}: "
                f"reachable from {reach[0]:.3f} to {reach[1]:.3f}"
            )
    if not problems and len(set(levels)) < len(levels):
        problems.append("levels: the same level is given twice")
    if problems:
        raise InputError(problems)
    return tuple(sorted(float(level) for level in levels))


def innovations_of(scenario: Scenario, wanted: Mapping[str, Any] | None) -> dict[str, Scenario]:
    """The scenario with each innovation in place of its own."""
    if wanted is None:
        return {scenario.innovation.name: scenario}
    if not isinstance(wanted, Mapping) or not wanted:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            [
                "innovations: expected settings or another scenario by name, e.g. "
                '{"cheap": {"innovation.cost": 1}, "as elsewhere": "housing-first"}'
            ]
        )
    found: dict[str, Scenario] = {}
    for name, each in wanted.items():
        if isinstance(each, (str, Path, Scenario)):
            other = Scenario.load(each)
            found[str(name)] = Scenario.from_mapping(
                scenario.to_mapping() | {"innovation": other.to_mapping()["innovation"]},
                f"innovation {name!r}",
                scenario.folder,
            )
        else:
            found[str(name)] = scenario.replace(dict(each))
    return found


def levels_design(
    scenario: Scenario | str | Path,
    levels: Sequence[float] | None = None,
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    *,
    innovations: Mapping[str, Any] | None = None,
    evidence: Sequence[float] | None = None,
    worlds: int | None = WORLDS,
    society: Society | None = None,
) -> tuple[Scenario | dict[str, Scenario], pd.DataFrame]:
    """What the design of `levels` changes, and the design: a row a run, the same seeds in each combination.

    Parameters and errors are those of `levels`. The columns are `alignment_level`, `scenario` (the innovation) and
    `innovation.evidence_strength` where these vary, `seed` and `society_seed`.
    """
    scenario = Scenario.load(scenario)
    runs, seed, societies = checked_ensemble(runs_of(scenario, runs, worlds), seed, societies)
    strengths = [] if evidence is None else list(evidence)
    if evidence is not None and (not strengths or len(set(strengths)) < len(strengths)):
        raise InputError([f"evidence: expected one or more different strengths, not {strengths}"])
    variants = innovations_of(scenario, innovations)
    reaches = [reachable(variant, runs, seed, societies, society, worlds) for variant in variants.values()]
    reach = (max(low for low, _ in reaches), min(high for _, high in reaches))
    chosen = default_levels(reach) if levels is None else checked_levels(list(levels), reach, scenario)
    for strength in strengths:
        scenario.replace({"innovation.evidence_strength": strength})  # says what is wrong with it
    factors: dict[str, Sequence[Any]] = {} if innovations is None else {"scenario": list(variants)}
    factors |= {"innovation.evidence_strength": strengths} if strengths else {}
    base = scenario if innovations is None else variants
    points = factorial({**factors, "alignment_level": chosen})
    return base, with_common_seeds(points, base, runs, seed, societies, society, worlds)


def levels(
    scenario: Scenario | str | Path,
    levels: Sequence[float] | None = None,
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    record: Iterable[str] = ("series",),
    *,
    innovations: Mapping[str, Any] | None = None,
    evidence: Sequence[float] | None = None,
    worlds: int | None = WORLDS,
    society: Society | None = None,
    folder: str | Path | None = None,
    how: How = How(),
    progress: Callable[[int, int], None] | None = None,
) -> Levels:
    """Uptake and spread under different levels of alignment, for one innovation or several.

    All initial values are moved (`alignment_mode`) until mean alignment equals the level; everything else stays:
    the same societies, the same random draws run by run, so that differences between levels are paired.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML; its own `alignment_level` is not used.
    levels : numbers in [0, 1]. Default: low, middle and high within what the scenario can reach (all innovations can).
    runs : of each level, in each world (default: two; without worlds what the scenario suggests).
    seed, societies, record, society : as in `simulate`.
    innovations : by name, settings of the innovation by dotted name, or a scenario whose innovation is taken.
    evidence : different strengths of the published evidence (0 to 1): each level and innovation under each of them.
    worlds : make the runs in each of so many worlds that agree with published facts (`experiments.worlds.alike`), so
        that tables tell chance and not knowing apart (default: 50); what the scenario says itself of a parameter counts
        more. None: parameters as the scenario has them, else at their defaults.
    folder : keeps the runs as they are finished, as a batch: the same call, or `valign resume`, goes on there.
    how : with a folder, `How(workers=…)` or `How(cluster=…)` instead of threads.
    progress : called with (runs done, runs in all).

    Returns
    -------
    Levels: `runs` with a column for each factor; rows with the same `run` share both seeds. `cells` holds the outcomes
    of each combination; `tables()` gives what `valign levels` keeps.

    Raises
    ------
    InputError : a level that cannot be reached (with what can be), or wrong arguments.
    """
    scenario = Scenario.load(scenario)
    base, design = levels_design(
        scenario,
        levels,
        runs,
        seed,
        societies,
        innovations=innovations,
        evidence=evidence,
        worlds=worlds,
        society=society,
    )
    found = Levels(simulate_or_keep(design, base, record, folder, how, society=society, progress=progress), scenario)
    found.check()
    return found
