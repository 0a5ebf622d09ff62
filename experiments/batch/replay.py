"""Replay: one row of earlier results once more, with everything recorded, to look into a surprising run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.model.outcomes import OUTCOMES
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import parsed
from valign.results import store
from valign.results.saved import load

from ..bases import imported
from ..outcomes import Outcomes
from ..design import WORLD, stated
from ..blocks import group_into_blocks
from ..simulate import RECORDABLE, Task, run_blocks
from ..worlds import alike


@dataclass(frozen=True, eq=False)
class Replay:
    """A row found: its scenario with the settings of the row, its seeds, and the outcomes it had."""

    scenario: Scenario
    settings: Mapping[str, Any]
    seed: int
    society_seed: int
    before: pd.Series

    def simulated(self) -> Outcomes:
        """The run with series, decomposition, events and agents.

        Raises InputError where an outcome is not, bit for bit, what it was.
        """
        task = Task(self.scenario, RECORDABLE, society=imported(self.scenario, None))
        blocks = group_into_blocks([self.seed], [self.society_seed], 1)
        results = run_blocks(task, blocks, 1, 1, None)
        out = Outcomes(self.scenario, [self.seed], [self.society_seed], results, task.lowered)
        if out.failures[0]:
            raise InputError([f"the run fails, as its row says: {out.failures[0]}"])
        now = out.runs.iloc[0]
        if differing := [
            name
            for name in OUTCOMES
            if name in self.before
            and not np.array_equal(np.float64(now[name]), np.float64(self.before[name]), equal_nan=True)
        ]:
            name = differing[0]
            raise InputError(
                [
                    f"the replay differs from the row in {', '.join(differing)}: {name} was "
                    f"{self.before[name]!r} and is {now[name]!r} (was the folder changed?)"
                ]
            )
        return out


def _open(base: Scenario, name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a world says what the parameter is: neither the row nor the scenario does."""
    return name not in settings and not stated(base, name)


def replayed(folder: str | Path, row: int) -> Replay:
    """Find a row of the results of `valign run`, `levels`, `compare` or `batch`.

    Raises StoreError where the folder holds no such results or those of another version of the model, InputError where
    it has no such row.
    """
    saved = load(folder)
    work = saved.manifest["work"]
    if "runs" not in saved.manifest["tables"]:
        raise store.StoreError(f"{folder} holds no table of runs")
    if work.get("code") != sources_hash():
        raise store.StoreError(
            f"{folder} was made by another version of the model ({work.get('code')}): "
            "its runs cannot be repeated to the bit"
        )
    runs = saved["runs"]
    if not 0 <= row < len(runs):
        raise InputError([f"--row {row}: {folder} has rows 0 to {len(runs) - 1}"])
    found = runs.iloc[row]
    with saved.reading("scenario.toml") as path:
        base = Scenario.load(path)
    for kind in ("scenario", "innovation"):  # of which there are several, as TOML
        if f"{kind}s" in work:
            base = Scenario.from_toml(work[f"{kind}s"][found[kind]], where=str(Path(folder) / store.MANIFEST))
    settings = {}
    for name in saved.manifest.get("settings", ()):
        value = found[name if name in found else parsed(name).field]
        settings[name] = value.item() if isinstance(value, np.generic) else value
        if name == "alignment_level" and pd.isna(value):
            settings[name] = "natural"
    if WORLD in found and "worlds" in work:
        world = alike(int(work["worlds"])).iloc[int(found[WORLD])]
        settings |= {str(name): float(each) for name, each in world.items() if _open(base, str(name), settings)}
    return Replay(
        base.replace(settings) if settings else base, settings, int(found["seed"]), int(found["society_seed"]), found
    )
