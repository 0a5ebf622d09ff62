"""Fixtures of the results: a folder of results of every command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_cases import COMMANDS, SMALL, calibration_tables

import valign.experiments  # noqa: F401  (tables are read with the words of the model)
from valign.cli.app import main
from valign.results import store
from valign.results.reports.render import rebuild


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of results of every command."""
    root = tmp_path_factory.mktemp("reports")
    folders = {name: root / name for name in COMMANDS}
    rng = np.random.default_rng(2)
    pd.DataFrame({"fit_effect": rng.uniform(0, 0.7, 12), "slack": rng.choice([0.1, 0.5], 12)}).to_csv(
        root / "mine.csv", index=False
    )
    for arguments in (
        ("run", "two-services", "--runs", "4", "--record", "ablations", "--months", "36", "--quiet"),
        ("levels", "--at-defaults", "two-services", "--runs", "4", *SMALL),
        ("compare", "--at-defaults", "two-services", "two-services+coproduction_intensity=0.4", "--runs", "4", *SMALL),
        (
            "batch",
            str(root / "mine.csv"),
            "--scenario",
            "two-services",
            "--replicates",
            "3",
            "--set",
            "months=12",
            "--quiet",
        ),
        (
            "sensitivity",
            "two-services",
            "--n",
            "8",
            "--replicates",
            "2",
            "--parameter",
            "fit_effect",
            "--parameter",
            "slack",
            "--curve",
            "engaged",
            "--outcome",
            "uptake_final",
            *SMALL,
        ),
        ("claims", "C7", "--worlds", "3", "--seeds", "2", "--quiet"),
    ):
        assert main([*arguments, "--out", str(folders[arguments[0]])]) == 0
    (folders["sensitivity"],) = folders["sensitivity"].glob("n8-*")
    for name, tables in calibration_tables().items():
        store.prepare(folders[name], {"command": name, "code": "x"})
        store.save(
            folders[name],
            tables,
            {"command": name, "code": "x"},
            scenario=None,
            title="Doctors and a drug",
            command=f"valign {name}",
            started=datetime.now(UTC),
            description="Observed: doctors.\n\nFitted to it: a made-up scenario.",
        )
        rebuild(folders[name])
    return folders
