"""What came of a design: tables of several runs, one below the other, in memory or read back from a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from valign.model.scenario.scenario import Scenario

from .outcomes import Outcomes


class Joined(ABC):
    """Tables of several runs, one below the other, by name."""

    @cached_property
    def series(self) -> pd.DataFrame:
        """Monthly series in long form, as `Outcomes.series`."""
        return self._joined("series")

    @cached_property
    def decomposition(self) -> pd.DataFrame:
        """As `Outcomes.decomposition`."""
        return self._joined("decomposition")

    @cached_property
    def events(self) -> pd.DataFrame:
        """As `Outcomes.events`."""
        return self._joined("events")

    @cached_property
    def services(self) -> pd.DataFrame:
        """As `Outcomes.services`."""
        return self._joined("services")

    @cached_property
    def agents(self) -> pd.DataFrame:
        """As `Outcomes.agents`."""
        return self._joined("agents")

    @abstractmethod
    def _joined(self, name: str) -> pd.DataFrame:
        """The table of that name of all of them."""


class OutcomesOfDesign(Joined):
    """What came of a design, in memory or in a folder: tables as of `Outcomes`, `run` being the row of the design.

    base : what the design changes, one scenario or several by name. design : as it was checked.
    """

    base: Scenario | Mapping[str, Scenario]
    design: pd.DataFrame
    runs: pd.DataFrame | cached_property[pd.DataFrame]
    members: np.ndarray | cached_property[np.ndarray]

    @property
    @abstractmethod
    def has_series(self) -> bool:
        """Whether monthly series were recorded."""

    @abstractmethod
    def curves(self, role: str, variable: str) -> np.ndarray:
        """As `Outcomes.curves` [months of the longest scenario + 1, rows]; NaN after the last month of a row."""

    @abstractmethod
    def booked(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Outcomes.booked`, by row."""


class DesignOutcomes(OutcomesOfDesign):
    """Tables of a design: as `Outcomes`, `run` being the row of the design.

    `base`, `design`: what was simulated, as it was checked. `parts`: (rows, Outcomes) of each scenario that it holds.
    """

    def __init__(
        self,
        base: Scenario | Mapping[str, Scenario],
        design: pd.DataFrame,
        parts: Sequence[tuple[np.ndarray, Outcomes]],
    ) -> None:
        self.base, self.design, self.parts = base, design, list(parts)

    @property
    def has_series(self) -> bool:
        """Whether monthly series were recorded."""
        return any(outcomes.has_series for _, outcomes in self.parts)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The design, with run (its row) in front and status and outcomes behind."""
        found = self._joined("runs").drop(columns=["seed", "society_seed"])
        return pd.concat([found[["run"]], self.design, found.drop(columns="run")], axis=1)

    @cached_property
    def members(self) -> np.ndarray:
        """Number of staff, managers and peers by row (NaN where a run failed)."""
        return self._by_row([outcomes.members for _, outcomes in self.parts])

    def curves(self, role: str, variable: str) -> np.ndarray:
        """As `Outcomes.curves`, for a role and a variable, by row [months of the longest scenario + 1, rows].

        NaN after the last month of a row.
        """
        curves = [outcomes.curves(role, variable) for _, outcomes in self.parts]
        months = max(map(len, curves))
        return self._by_row(
            [np.pad(each, ((0, months - len(each)), (0, 0)), constant_values=np.nan) for each in curves]
        )

    def booked(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Outcomes.booked`, by row."""
        sums, people = zip(*(outcomes.booked() for _, outcomes in self.parts), strict=True)
        return self._by_row(sums), self._by_row(people)

    def _by_row(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Arrays of the parts, runs last, as one in the order of the design."""
        joined = np.concatenate(parts, axis=-1)
        return joined[..., np.argsort(np.concatenate([rows for rows, _ in self.parts]))]

    def _joined(self, name: str) -> pd.DataFrame:
        tables: list[pd.DataFrame] = []
        for rows, outcomes in self.parts:
            table = getattr(outcomes, name)
            if len(table):
                tables.append(table.assign(run=rows[table["run"].to_numpy()]))
        if not tables:
            return getattr(self.parts[0][1], name)
        table = pd.concat(tables, ignore_index=True)
        in_order = table["run"].is_monotonic_increasing
        return table if in_order else table.sort_values("run", kind="stable", ignore_index=True)
