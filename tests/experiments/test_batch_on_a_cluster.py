"""The same tables on a Dask cluster that loses and wins workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from batch_cases import BASE, ROOT, contents

import valign as va
from valign.experiments.batch.batch import run_batch
from valign.experiments.batch.executors import How
from valign.experiments.batch.folder import Batch
from valign.model.errors import InputError


def _dask(name: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + name, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/" if os.name != "nt" else None,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], subprocess.Popen]]:
    """A real scheduler on loopback; calling it starts a worker process."""
    pytest.importorskip("distributed")
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    scheduler = _dask("dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    begun = time.monotonic()
    while not file.exists():
        assert scheduler.poll() is None
        assert time.monotonic() - begun < 60
        time.sleep(0.1)
    started: list[subprocess.Popen] = []

    def worker() -> subprocess.Popen:
        started.append(
            _dask(
                "dask_worker", json.loads(file.read_text())["address"], "--nthreads", 1, "--no-nanny", "--no-dashboard"
            )
        )
        return started[-1]

    worker.address = json.loads(file.read_text())["address"]
    yield worker
    for process in (*started, scheduler):
        process.kill()
        process.wait()


@pytest.mark.slow
def test_same_tables_on_a_cluster_that_loses_and_wins_workers(
    whole: Batch, design: pd.DataFrame, cluster: Callable[[], subprocess.Popen], tmp_path: Path
) -> None:
    first = cluster()
    run_batch(BASE, design, tmp_path / "one", ("series", "decomposition"), cluster=cluster.address, shard_rows=50)
    assert contents(tmp_path / "one") == contents(whole.folder)
    events = []

    def told(done: int, total: int) -> None:
        if done >= 30 and not events:
            cluster()
            cluster()
            events.append("two more")
        elif done >= 120 and len(events) == 1:
            first.kill()
            events.append("one killed")

    run_batch(
        BASE,
        design,
        tmp_path / "three",
        ("series", "decomposition"),
        cluster=cluster.address,
        shard_rows=10,
        progress=told,
    )
    assert events == ["two more", "one killed"]
    assert contents(tmp_path / "three") == contents(whole.folder)


@pytest.mark.slow
def test_no_cluster_answers(design: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run_batch(BASE, design, tmp_path / "out", cluster="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_comparison_on_a_cluster_is_that_of_memory(cluster: Callable[[], subprocess.Popen], tmp_path: Path) -> None:
    cluster()
    scenarios = {"a": BASE, "b": BASE.replace({"mechanisms.dialogue": False})}
    kept = va.compare(scenarios, 8, worlds=None, folder=tmp_path / "out", how=How(cluster=cluster.address))
    here = va.compare(scenarios, 8, worlds=None)
    pd.testing.assert_frame_equal(kept.runs, here.runs)
    pd.testing.assert_frame_equal(kept.differences, here.differences)
