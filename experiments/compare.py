"""Scenarios side by side, paired by common random numbers: run n of each has the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from valign.model.errors import InputError, unknown
from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import curve_summary, paired_differences, runs_needed

from .design import MOST_RUNS, whole
from .outcomes import Cell, Outcomes, SideBySide
from .simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

MOST_SCENARIOS = 20


@dataclass(eq=False)
class Comparison(SideBySide):
    """Outcomes of each scenario; all differences are from the first, run by run. The factor is `scenario`.

    `cells`: the Outcomes of each. `runs` and `series` hold all of them, one below the other.
    """

    cells: tuple[Cell, ...]

    @property
    def outcomes(self) -> dict[str, Outcomes]:
        """The Outcomes by scenario, in the order given."""
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
        import pandas as pd

        first, *others = self.outcomes.values()
        if (role, variable) not in first.variables():
            raise InputError([unknown(f"{role}.{variable}", [".".join(pair) for pair in first.variables()], "series")])
        base = first.curves(role, variable)
        parts: list[pd.DataFrame] = []
        for name, other in zip(self.names[1:], others, strict=True):
            curves = other.curves(role, variable)
            months = min(len(base), len(curves))
            parts.append(
                curve_summary(curves[:months] - base[:months], first.runs["society_seed"].tolist()).assign(
                    scenario=name, role=role, variable=variable
                )
            )
        return pd.concat(parts, ignore_index=True)

    def runs_needed(self, outcome: str, half_width: float) -> pd.DataFrame:
        """How many runs would make the 95 % interval of the paired difference ± `half_width`: these runs are the pilot.

        One row per scenario: runs, societies (as many runs in each as now), and what the pilot reached.
        Raises InputError for an unknown outcome or a half-width that is not positive.
        """
        import pandas as pd

        if outcome not in OUTCOMES:
            raise InputError([unknown(outcome, OUTCOMES, "outcome")])
        if not half_width > 0:
            raise InputError([f"half_width = {half_width!r}: a positive number is wanted"])
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


def compare(
    scenarios: Mapping[str, Scenario | str | Path],
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    record: Iterable[str] = ("series",),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare scenarios, paired run by run: the same society seeds, the same draws wherever the scenarios agree.

    Parameters
    ----------
    scenarios : by name, 2 to 20, each a Scenario, a shipped name or a path; the first is what others are held against.
    runs : of each scenario (default: what the first suggests). seed, societies, record : as in `simulate`.
    progress : called with (runs done, runs in all scenarios).

    Returns
    -------
    Comparison: `runs` of all, `differences` by outcome with 95 % intervals that respect societies, and what pairing
    gains.

    Raises
    ------
    InputError : too few or too many scenarios, wrong arguments, or a scenario in which no run is possible.
    """
    if not isinstance(scenarios, Mapping) or not 2 <= len(scenarios) <= MOST_SCENARIOS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            [
                f"compare: 2 to {MOST_SCENARIOS} scenarios by name are wanted, as in "
                '{"base": scenario, "co-production": other}'
            ]
        )
    loaded = {name: Scenario.load(each) for name, each in scenarios.items()}
    count = whole("runs", next(iter(loaded.values())).runs if runs is None else runs, 1, MOST_RUNS)
    found: list[Cell] = []
    for name, scenario in loaded.items():

        def told(done: int, _: int, before: int = len(found) * count) -> None:
            if progress is not None:
                progress(before + done, count * len(loaded))

        found.append(Cell({"scenario": name}, simulate(scenario, count, seed, societies, record, progress=told)))
    return Comparison(tuple(found))
