"""Scenarios side by side, paired by common random numbers: run n of each has the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import curve_summary, paired_differences, runs_needed

from .bases import Societies, with_common_seeds
from .batch.executors import How
from .batch.kept import simulate_or_keep
from .default_worlds import WORLDS, runs_of
from .design import checked_ensemble
from .design_outcomes import OutcomesOfDesign
from .outcomes import check_series, series_pairs
from .side_by_side import CellOutcomes, SideBySide

MOST_SCENARIOS = 20


@dataclass(eq=False)
class Comparison(SideBySide):
    """Outcomes of each scenario; all differences are from the first, run by run. The factor is `scenario`.

    `found`: outcomes of the design (`compare_design`). `runs` and `series` hold all of them, one below the other.
    """

    NAMES: ClassVar[Mapping[str, str]] = {"scenario": "scenario"}
    found: OutcomesOfDesign

    @property
    def outcomes(self) -> dict[str, CellOutcomes]:
        """The outcomes by scenario, in the order given."""
        return {str(cell.factors["scenario"]): cell.outcomes for cell in self.cells}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scenarios, in the order given."""
        return tuple(self.outcomes)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Each scenario less the first, by outcome, in the outcome's unit: `results.summaries.paired_differences`.

        Intervals are 95 %, of the mean of the paired differences, by society where runs share one.
        """
        return paired_differences(self.runs, list(OUTCOMES), "scenario", self.names[0])

    def curves(self, role: str, variable: str) -> pd.DataFrame:
        """The paired difference of a monthly series, by scenario and month: columns of `curve_summary`.

        role, variable : as for `Outcomes.curves`. Months that all scenarios have.

        Raises InputError for a series that does not exist.
        """
        check_series(role, variable)
        first, *others = self.outcomes.values()
        base = first.curves(role, variable)
        parts: list[pd.DataFrame] = []
        for name, other in zip(self.names[1:], others, strict=True):
            curves = other.curves(role, variable)
            months = min(len(base), len(curves))
            parts.append(
                curve_summary(
                    curves[:months] - base[:months], first.runs["society_seed"].tolist(), first.worlds
                ).assign(scenario=name, role=role, variable=variable)
            )
        return pd.concat(parts, ignore_index=True)

    def runs_needed(self, outcome: str, half_width: float) -> pd.DataFrame:
        """How many runs would make the 95 % interval of the paired difference ± `half_width`: these runs are the pilot.

        One row per scenario: runs, societies (as many runs in each as now), and what the pilot reached.
        Raises InputError for an unknown outcome or a half-width that is not positive.
        """
        if outcome not in OUTCOMES:
            raise InputError([unknown(outcome, OUTCOMES, "outcome")])
        if not half_width > 0:
            raise InputError([f"half_width = {half_width!r}: expected a positive number"])
        keyed = self.runs.set_index(["scenario", "run"])[outcome]
        societies = next(iter(self.outcomes.values())).runs["society_seed"]
        rows = [
            {
                "scenario": name,
                "outcome": outcome,
                "half_width": half_width,
                **runs_needed((keyed[name] - keyed[self.names[0]]).to_numpy(), societies.to_numpy(), half_width),
            }
            for name in self.names[1:]
        ]
        return pd.DataFrame(rows)

    def tables(self, precision: Mapping[str, float] | None = None) -> dict[str, pd.DataFrame]:
        """What `valign compare` keeps: `runs`, `summary` by outcome, `curves` by month, `differences`,
        `difference_curves` and `precision`, the runs that the half-widths by outcome in `precision` need.
        """
        shown = [pair for pair in series_pairs() if pair[1] in ("engaged", "ever_engaged", "in_use", "alignment")]
        tables = self._described() | {
            "differences": self.differences,
            "difference_curves": pd.concat([self.curves(*pair) for pair in shown], ignore_index=True),
        }
        if precision:
            needed = [self.runs_needed(*each) for each in precision.items()]
            tables["precision"] = pd.concat(needed, ignore_index=True)
        return tables


def compare_design(
    scenarios: Mapping[str, Scenario | str | Path],
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    *,
    worlds: int | None = WORLDS,
    society: Societies = None,
) -> tuple[dict[str, Scenario], pd.DataFrame]:
    """The scenarios of `compare` by name, and its design: a row a run, with columns `scenario`, `seed` and
    `society_seed`.

    Parameters and errors are those of `compare`.
    """
    if not isinstance(scenarios, Mapping) or not 2 <= len(scenarios) <= MOST_SCENARIOS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            [
                f"compare: expected 2 to {MOST_SCENARIOS} scenarios by name, e.g. "
                '{"base": scenario, "co-production": other}'
            ]
        )
    base = {name: Scenario.load(each) for name, each in scenarios.items()}
    count, seed, societies = checked_ensemble(runs_of(next(iter(base.values())), runs, worlds), seed, societies)
    points = pd.DataFrame({"scenario": list(base)})
    return base, with_common_seeds(points, base, count, seed, societies, society, worlds)


def compare(
    scenarios: Mapping[str, Scenario | str | Path],
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    record: Iterable[str] = ("series",),
    *,
    worlds: int | None = WORLDS,
    society: Societies = None,
    folder: str | Path | None = None,
    how: How = How(),
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare scenarios, paired run by run: the same society seeds, the same draws wherever the scenarios agree.

    Parameters
    ----------
    scenarios : by name, 2 to 20, each a Scenario, a shipped name or a path; the first is what others are held against.
    runs : of each scenario, in each world (default: two; without worlds what the first suggests).
    seed, societies, record : as in `simulate`.
    worlds : make the runs in each of so many worlds that agree with published facts (`experiments.worlds.alike`), so
        that tables tell chance and not knowing apart (default: 50); what a scenario says itself of a parameter counts
        more. None: parameters as the scenarios have them, else at their defaults.
    society : an imported society of all scenarios, or by name of the scenario.
    folder : keeps the runs as they are finished, as a batch: the same call, or `valign resume`, goes on there.
    how : with a folder, `How(workers=…)` or `How(cluster=…)` instead of threads.
    progress : called with (runs done, runs in all scenarios).

    Returns
    -------
    Comparison: `runs` of all, `differences` by outcome with 95 % intervals that respect societies, and what pairing
    gains.

    Raises
    ------
    InputError : too few or too many scenarios, wrong arguments, or a scenario in which no run is possible.
    """
    base, design = compare_design(scenarios, runs, seed, societies, worlds=worlds, society=society)
    found = Comparison(simulate_or_keep(design, base, record, folder, how, society=society, progress=progress))
    found.check()
    return found
