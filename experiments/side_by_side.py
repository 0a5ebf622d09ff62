"""Ensembles side by side: outcomes of a design, row by row with the same seeds, told apart by a few factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import summarise, summarise_by

from .bases import variant
from .design import NO_SETTINGS, SEEDS, WORLD
from .design_outcomes import Joined, OutcomesOfDesign
from .outcomes import check_possible, curve_table, series_pairs, series_table


class CellOutcomes(Joined):
    """Outcomes of some rows of a design that differ in their seeds alone: tables as of `Outcomes`."""

    def __init__(self, found: OutcomesOfDesign, rows: np.ndarray) -> None:
        self.found, self.rows = found, rows

    @cached_property
    def scenario(self) -> Scenario:
        """What was simulated."""
        (settings,) = self.found.design.iloc[self.rows[:1]].to_dict("records")  # one by one: whole numbers stay whole
        return variant(self.found.base, {str(name): each for name, each in settings.items() if name not in NO_SETTINGS})

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run: run, seed, society_seed, status, outcomes."""
        world = [WORLD] if WORLD in self.found.runs else []
        table = self.found.runs[["run", *SEEDS, *world, "status", *OUTCOMES]].iloc[self.rows]
        return table.assign(run=np.arange(len(table))).reset_index(drop=True)

    @property
    def worlds(self) -> list[int] | None:
        """The world of each run; None where all are of one."""
        return self.runs[WORLD].tolist() if WORLD in self.runs else None

    def variables(self) -> list[tuple[str, str]]:
        """All (role, variable) pairs that `curves` takes."""
        return series_pairs()

    def curves(self, role: str, variable: str) -> np.ndarray:
        """As `Outcomes.curves` [months + 1, runs]."""
        return self.found.curves(role, variable)[: self.scenario.months + 1, self.rows]

    @cached_property
    def series(self) -> pd.DataFrame:
        """Monthly series in long form, as `Outcomes.series`."""
        return series_table(self.curves) if self.found.has_series else self.found.series

    def tables(self) -> dict[str, pd.DataFrame]:
        """What `valign run` keeps of runs in several worlds: as `Outcomes.tables`."""
        societies = self.runs["society_seed"].tolist()
        return {
            "runs": self.runs,
            "summary": summarise(self.runs, list(OUTCOMES)),
            "curves": curve_table(self.curves, societies, self.worlds),
            "series": self.series,
        } | {name: table for name in ("decomposition", "services") if len(table := getattr(self, name))}

    def _joined(self, name: str) -> pd.DataFrame:
        table = getattr(self.found, name)
        if not len(table):
            return table
        number = pd.Series(np.arange(len(self.rows)), self.rows)
        part = table[table["run"].isin(self.rows)].reset_index(drop=True)
        return part.assign(run=number[part["run"]].to_numpy())


@dataclass(frozen=True, eq=False)
class Cell:
    """One combination of factors: their values by name in `factors`, what came of it in `outcomes`."""

    factors: Mapping[str, float | str]
    outcomes: CellOutcomes


class SideBySide(Joined):
    """Ensembles that share their seeds: every table begins with a column for each factor.

    `found`: outcomes of their design, in memory or in a folder. `NAMES`: names of factors by column of the design.
    """

    NAMES: ClassVar[Mapping[str, str]]
    found: OutcomesOfDesign

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors, in the order of the columns."""
        return tuple(self._values)

    @cached_property
    def _values(self) -> dict[str, np.ndarray]:
        """By factor, its value in each row of the design."""
        design = self.found.design
        there = {name: design[column] for column, name in self.NAMES.items() if column in design}
        return {name: each.to_numpy(float if each.dtype.kind in "fiu" else object) for name, each in there.items()}

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The outcomes of each combination, in the order of the design."""
        by_cell = pd.DataFrame(self._values).groupby(list(self._values), sort=False)
        return tuple(
            Cell(dict(zip(self._values, values, strict=True)), CellOutcomes(self.found, rows.to_numpy()))
            for values, rows in ((each, part.index) for each, part in by_cell)
        )

    @cached_property
    def _number(self) -> np.ndarray:
        """Of each row of the design, the number of the run in its cell."""
        number = np.empty(len(self.found.design), int)
        for cell in self.cells:
            number[cell.outcomes.rows] = np.arange(len(cell.outcomes.rows))
        return number

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per cell and run; rows with the same `run` share both seeds."""
        table = self._joined("runs")
        world = [WORLD] if WORLD in table else []
        return table[[*self.factors, "run", *SEEDS, *world, "status", *OUTCOMES]]

    @cached_property
    def series(self) -> pd.DataFrame:
        """Monthly series in long form, as `Outcomes.series`; empty where they were not recorded."""
        if not self.found.has_series:
            return self.found.series
        parts = [cell.outcomes.series for cell in self.cells]
        table = pd.concat(parts, ignore_index=True)
        for place, name in enumerate(self.factors):
            values = np.array([cell.factors[name] for cell in self.cells], self._values[name].dtype)
            table.insert(place, name, np.repeat(values, [len(part) for part in parts]))
        return table

    def _joined(self, name: str) -> pd.DataFrame:
        table = getattr(self.found, name)
        if not len(table):
            return table
        row = table["run"].to_numpy()
        factors = {name: values[row] for name, values in self._values.items()}
        kept = table.drop(columns=[name for name in (*self.NAMES, *factors) if name in table])
        return pd.concat([pd.DataFrame(factors), kept.assign(run=self._number[row])], axis=1)

    def check(self) -> None:
        """Raise InputError where no run of a cell was possible."""
        for cell in self.cells:
            check_possible(cell.outcomes.runs)

    def _described(self) -> dict[str, pd.DataFrame]:
        """Tables that say what came of each cell: `runs`, `summary` by outcome, `curves` by month."""
        curves = [
            curve_table(each.curves, each.runs["society_seed"].tolist(), each.worlds).assign(**cell.factors)
            for cell in self.cells
            for each in (cell.outcomes,)
        ]
        return {
            "runs": self.runs,
            "summary": summarise_by(self.runs, list(OUTCOMES), self.factors),
            "curves": pd.concat(curves, ignore_index=True),
        }
