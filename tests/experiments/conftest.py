"""Fixtures of the experiments: a design, the batch of it, the checkout as the working folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from batch_cases import BASE

from valign.experiments.batch.batch import run_batch
from valign.experiments.batch.folder import Batch
from valign.experiments.design import latin_hypercube, replicate


@pytest.fixture(scope="session")
def design() -> pd.DataFrame:
    """40 points, 6 replicates in 3 societies each; the points also differ in a mechanism, so that rows run apart."""
    points = latin_hypercube(["fit_effect", "peer_effect"], 40)
    points["mechanisms.turnover"] = np.arange(40) % 2 == 0
    return replicate(points, 6, seed=3, societies=3)


@pytest.fixture(scope="session")
def whole(design: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """The batch in one go, on one thread."""
    return run_batch(
        BASE, design, tmp_path_factory.mktemp("whole") / "out", ("series", "decomposition"), threads=1, shard_rows=50
    )


@pytest.fixture
def design_file(design: pd.DataFrame, tmp_path: Path) -> Path:
    design.to_parquet(tmp_path / "design.parquet")
    return tmp_path / "design.parquet"


@pytest.fixture
def in_the_checkout(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root)
