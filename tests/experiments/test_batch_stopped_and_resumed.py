"""A batch that is stopped, killed, damaged or without disk goes on and loses nothing finished."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from batch_cases import BASE, ROOT, command, contents

from valign.experiments.batch import shards
from valign.experiments.batch.batch import Interrupted, begin, resume, run_batch
from valign.experiments.batch.executors import How, Stopped
from valign.experiments.batch.folder import Batch, opened
from valign.experiments.design import product, replicate
from valign.experiments.simulate import simulate
from valign.experiments.stopping import STOP

pytestmark = pytest.mark.usefixtures("undrawn")


class Enough(Exception):
    pass


def stopped(folder: Path, design: pd.DataFrame, after: int) -> Batch:
    """A batch whose process went away when `after` rows were done."""

    def told(done: int, _: int) -> None:
        if done >= after:
            raise Enough

    with pytest.raises(Enough):
        run_batch(BASE, design, folder, ("series", "decomposition"), threads=1, shard_rows=50, progress=told)
    return opened(folder)


def test_what_is_finished_is_not_computed_again(
    whole: Batch, design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = stopped(tmp_path / "out", design, 100)
    assert left.missing() == [2, 3, 4]
    computed = []
    compute = shards.compute
    monkeypatch.setattr(shards, "compute", lambda job: computed.append(job.first) or compute(job))
    resume(tmp_path / "out", How(threads=1))
    assert sorted(computed) == [100, 150, 200]
    assert contents(tmp_path / "out") == contents(whole.folder)
    resume(tmp_path / "out")
    assert len(computed) == 3, "nothing is left to do"


def test_an_interrupted_batch_stops_nothing_that_comes_later(design: pd.DataFrame, tmp_path: Path) -> None:
    def told(done: int, _: int) -> None:
        if done:
            STOP.set()  # as Ctrl-C does in a command
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run_batch(BASE, design, tmp_path / "out", threads=1, shard_rows=50, progress=told)
    assert not STOP.is_set()
    assert (simulate(design.iloc[:2], base=BASE, threads=1).runs["status"] == "ok").all()


@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign", "text", "empty"])
def test_damaged_and_foreign_shards_are_named_and_computed_again(
    whole: Batch, design: pd.DataFrame, tmp_path: Path, harm: str
) -> None:
    left = stopped(tmp_path / "out", design, 100)
    path = left.parts.path("000001.runs")
    content = path.read_bytes()
    middle = len(content) // 3
    path.write_bytes(
        {
            "cut": content[:-200],
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "foreign": b"",
            "text": b"hello",
            "empty": b"",
        }[harm]
    )
    if harm == "foreign":  # a shard of a batch of other rows
        other = begin(BASE, design.assign(fit_effect=0.1).drop_duplicates(), tmp_path / "other", shard_rows=50)
        other.parts.write("000001.runs", shards.compute(other.job(0))["runs"])
        path.write_bytes(other.parts.path("000001.runs").read_bytes())
    said: list[str] = []
    resume(tmp_path / "out", say=said.append)
    assert len(said) == 1
    assert path.name in said[0]
    assert "other work" in said[0] if harm == "foreign" else "damaged" in said[0]
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_a_full_disk_loses_nothing_finished(
    whole: Batch, design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        real, calls = os.fsync, []

        def full(handle: int) -> None:
            calls.append(handle)
            if len(calls) > 20:
                raise OSError(28, "No space left on device")
            real(handle)

        patch.setattr(os, "fsync", full)
        with pytest.raises(Stopped, match=r"No space left.*valign resume"):
            run_batch(BASE, design, tmp_path / "out", ("series", "decomposition"), threads=1, shard_rows=50)
    assert not list((tmp_path / "out").rglob("*.part"))
    left = opened(tmp_path / "out")
    assert 0 < len(left.missing()) < left.count
    resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_failing_runs_are_rows_with_their_error(tmp_path: Path) -> None:
    table = product(pd.DataFrame({"alignment_level": [0.7, 0.999]}), replicate(pd.DataFrame({"fit_effect": [0.2]}), 2))
    runs = run_batch(BASE, table, tmp_path / "out").runs
    assert (runs["status"] == "ok").tolist() == [True, True, False, False]
    assert runs["status"].str.contains("cannot be reached").tolist() == [False, False, True, True]
    assert runs.loc[2:, "uptake_final"].isna().all()
    assert runs.loc[:1, "uptake_final"].notna().all()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_and_resumed(whole: Batch, design: pd.DataFrame, tmp_path: Path, sent: signal.Signals) -> None:
    """A real process, told to go (or killed) as soon as it has finished something."""
    begin(BASE, design, tmp_path / "out", ("series", "decomposition"), shard_rows=2)
    process = subprocess.Popen(
        command("resume", "out", "--threads", 1),
        cwd=tmp_path,
        text=True,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while not list((tmp_path / "out" / "shards").glob("*.runs.kept")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(sent)
    err = process.communicate(timeout=120)[1]
    if sent == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, err
        assert "valign resume out" in err
        assert "Traceback" not in err
    assert 0 < len(opened(tmp_path / "out").missing()) < 120
    resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)
