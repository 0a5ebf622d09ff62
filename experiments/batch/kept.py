"""Outcomes of a design, simulated in memory or into a folder, and read back from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from valign.model.ledger.decomposition import BALANCES, ENTRIES, EPISODES
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import STAGES
from valign.results.saved import load

from ..bases import Societies, scenarios_of
from ..design_outcomes import OutcomesOfDesign
from ..outcomes import SERIES, check_series
from ..simulate import simulate
from .batch import run_batch
from .executors import How
from .folder import Batch

if TYPE_CHECKING:
    import pyarrow as pa


def simulate_or_keep(
    design: pd.DataFrame,
    base: Scenario | Mapping[str, Scenario],
    record: Iterable[str],
    folder: str | Path | None = None,
    how: How = How(),
    *,
    society: Societies = None,
    progress: Callable[[int, int], None] | None = None,
) -> OutcomesOfDesign:
    """Outcomes of a design: in memory, or kept in a folder as they are finished (`run_batch`).

    folder : where the runs are kept; it is a batch, which the same call, or `valign resume`, goes on with.
    how : threads, worker processes or a cluster, with a folder. The others: as for `simulate`.
    """
    record = (record,) if isinstance(record, str) else tuple(record)
    if folder is None:
        return simulate(design, base=base, record=record, society=society, progress=progress, threads=how.threads)
    where = {"threads": how.threads, "workers": how.workers, "cluster": how.cluster}
    return KeptOutcomes(run_batch(base, design, folder, record, **where, society=society, progress=progress))


class KeptOutcomes(OutcomesOfDesign):
    """Outcomes of a finished batch: as `DesignOutcomes`, read from its folder. Its decomposition is over all months."""

    def __init__(self, batch: Batch) -> None:
        self.base, self.design, self.record = batch.scenario, batch.design, batch.record
        self.saved = load(batch.folder)

    @property
    def has_series(self) -> bool:
        """Whether monthly series were recorded."""
        return "series" in self.record

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The design, with run (its row) in front and status and outcomes behind."""
        return self.saved["runs"]

    @cached_property
    def members(self) -> np.ndarray:
        """As `DesignOutcomes.members`; kept with "booked"."""
        return self.booked()[1][: ROLES.index("commissioner")].sum(axis=0)

    @cached_property
    def _series(self) -> pa.Table:
        from pyarrow import parquet

        with self.saved.reading("series.parquet") as path:
            return parquet.read_table(path)

    def curves(self, role: str, variable: str) -> np.ndarray:
        """As `Outcomes.curves` [months of the longest scenario + 1, rows]; NaN after the last month of a row."""
        check_series(role, variable)
        column = self._series[f"{role}.{variable}"].combine_chunks()
        lengths = column.value_lengths().to_numpy()
        found = np.full((len(lengths), lengths.max()), np.nan)
        found[np.arange(found.shape[1]) < lengths[:, None]] = column.flatten().to_numpy(zero_copy_only=False)
        return found.T

    def booked(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Outcomes.booked`, by row."""
        table = self.saved["booked"]
        shape = (len(BALANCES), len(ENTRIES), len(EPISODES), len(ROLES))
        return np.stack(table["booked"].tolist(), axis=-1).reshape(*shape, -1), np.stack(
            table["people"].tolist(), axis=-1
        )

    def _joined(self, name: str) -> pd.DataFrame:
        if name != "decomposition" or name not in self.record:
            return pd.DataFrame(columns=SERIES if name == "series" else [])
        table = self.saved[name]
        words = {
            "balance": BALANCES,
            "episode": EPISODES,
            "role": ROLES,
            "stage": STAGES,
            "mechanism": list(dict.fromkeys(mechanism for mechanism, _ in ENTRIES)),
            "part": list(dict.fromkeys(part for _, part in ENTRIES)),
        }
        groups = {tuple(each.group_names) for each in scenarios_of(self.base)}
        if len(groups) == 1:
            words["organisation"] = [*groups.pop(), "commissioners"]
        columns = {
            each: table[each].astype("category").cat.set_categories(list(names)) for each, names in words.items()
        }
        return table.assign(**columns).astype({} if "organisation" in words else {"organisation": object})
