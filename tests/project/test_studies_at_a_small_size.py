"""The studies whose results are committed run to their end, at a size that takes seconds: they are made anew rarely."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

STUDIES = {  # module, arguments, what it writes
    "world": ("valign.experiments.study_world", ["--runs", "4"], ["world.csv", "starts.csv", "world.md"]),
    "decide": (
        "valign.experiments.decide.__main__",
        ["social-prescribing", "--worlds", "40", "--mixes", "4"],
        ["decisions.md", "social-prescribing-300000-plan.csv"],
    ),
    "worlds": (
        "valign.calibration.matching.study",
        ["--worlds", "8,4", "--runs", "1,1"],
        ["worlds/summary.csv", "worlds/patterns.csv", "worlds/parameters.csv", "worlds/worlds.md"],
    ),
    "misfit": ("valign.calibration.study_misfit", ["--cases", "2"], ["misfit.csv"]),
    "diagnosis": (
        "valign.calibration.diagnose.study",
        ["--repetitions", "3"],
        ["estimates.csv", "kinds.csv", "waves.csv"],
    ),
}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_and_leaves_its_tables(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, arguments, files = STUDIES[name]
    monkeypatch.setattr(sys, "argv", [module, *arguments, "--out", str(tmp_path)])
    importlib.import_module(module).main()
    for file in files:
        path = tmp_path / file
        assert len(pd.read_csv(path) if path.suffix == ".csv" else path.read_text("utf-8")) > 0
