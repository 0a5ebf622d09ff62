"""Results that were damaged or edited after they were finished: named, made anew where possible, never believed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import valign as va
from valign.cli.app import main
from valign.experiments.batch.batch import begin, resume
from valign.experiments.batch.executors import How
from valign.experiments.batch.folder import opened
from valign.experiments.batch.replay import replayed
from valign.results import store
from valign.results.checkpoint import DamageWarning, StoreError
from valign.results.reports import render
from valign.results.saved import load

ROOT = Path(__file__).resolve().parents[2]
RUN = ("run", "two-services", "--runs", 3, "--months", 4, "--record", "series", "--out", "out", "--quiet")
BASE = va.Scenario.load("two-services").replace({"months": 4})
pytestmark = pytest.mark.usefixtures("undrawn")


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "one byte flipped": flipped,
}


def edited(path: Path) -> None:
    """As somebody would who knows better what came out."""
    table = pd.read_parquet(path)
    table.loc[0, "uptake_final"] = 0.99
    table.to_parquet(path)


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".parquet", ".csv", ".toml")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and a batch, finished: each test damages a copy."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([str(each) for each in RUN]) == 0
    points = va.design.latin_hypercube(["fit_effect"], 4)
    va.run_batch(BASE, va.design.replicate(points, 3, societies=2), folder / "batch", ("series",), shard_rows=4)
    return folder


@pytest.fixture
def finished(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "out", tmp_path / "out")


@pytest.fixture
def batch(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "batch", tmp_path / "batch")


# --- tables ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("harm", [*HARMS, "edited by hand"])
def test_a_finished_table_that_is_not_what_was_written_is_refused_by_name(
    valign: Callable, finished: Path, harm: str
) -> None:
    path = finished / "runs.parquet"
    edited(path) if harm == "edited by hand" else path.write_bytes(HARMS[harm](path.read_bytes()))
    says = r"runs\.parquet cannot be read as a result: .*its checksum.*edited by hand\. `valign .*` makes it anew"
    saved = va.load(finished)
    with pytest.raises(StoreError, match=says):
        _ = saved.runs
    with pytest.raises(StoreError, match=says):
        replayed(finished, 0)
    report = (finished / "report.html").read_bytes()
    for asked in (("report", "out"), ("run", "--replay", "out", "--row", 0), ("report", "out", "--netcdf", "x.nc")):
        said = valign(*asked)
        assert (said.code, "runs.parquet cannot be read as a result" in said.err) == (2, True), said.err
    said = valign("batch", "out/runs.parquet", "--scenario", "two-services", "--out", "other")
    assert (said.code, "does not match its checksum" in said.err) == (2, True), said.err
    assert (finished / "report.html").read_bytes() == report


@pytest.mark.parametrize("name", ["runs.parquet", "series.parquet", "scenario.toml", "summary.csv"])
@pytest.mark.parametrize("harm", HARMS)
def test_the_same_command_makes_damaged_files_anew_and_keeps_what_was_found(
    valign: Callable, finished: Path, name: str, harm: str
) -> None:
    before, path = tables(finished), finished / name
    path.write_bytes(HARMS[harm](before[name]))
    found = path.read_bytes()
    said = valign(*RUN)
    assert said.code == 0, said.err
    assert f"out/{name} does not match its checksum" in said.err
    assert tables(finished) == before
    assert (finished / f"{name}.damaged").read_bytes() == found
    again = valign(*RUN)
    assert (again.code, again.err, again.out) == (0, "", said.out)


def test_a_file_that_is_gone_is_made_anew(valign: Callable, finished: Path) -> None:
    before = tables(finished)
    (finished / "series.parquet").unlink()
    with pytest.raises(StoreError, match=r"series\.parquet cannot be read"):
        va.load(finished).curves("all", "engaged")
    assert "series.parquet does not match" in valign(*RUN).err
    assert tables(finished) == before


def test_a_csv_that_was_edited_is_named_and_no_report_is_made_of_it(valign: Callable, finished: Path) -> None:
    assert valign("report", "out").code == 0
    (finished / "runs.csv").write_text("run,uptake_final\n0,1\n")
    report = (finished / "report.html").read_bytes()
    said = valign("report", "out")
    assert said.code == 0
    assert "out/runs.csv does not match its checksum" in said.err
    assert (finished / "report.html").read_bytes() == report


def test_edited_series_are_refused(finished: Path) -> None:
    path = finished / "series.parquet"
    table = pd.read_parquet(path)
    table["value"] += 0.1
    table.to_parquet(path)
    saved = va.load(finished)
    for read in (lambda: saved.curves("all", "engaged"), saved.variables):
        with pytest.raises(StoreError, match=r"series\.parquet cannot be read as a result"):
            read()


@pytest.mark.parametrize("name", ["runs.parquet", "series.parquet", "runs.csv", "scenario.toml"])
def test_resume_makes_a_damaged_batch_whole(batch: Path, name: str) -> None:
    before, said = tables(batch), []
    (batch / name).write_bytes(flipped(before[name]))
    if name == "scenario.toml":
        with pytest.raises((StoreError, va.InputError), match=r"scenario\.toml"):
            resume(batch)
        (batch / name).unlink()
        points = va.design.latin_hypercube(["fit_effect"], 4)
        design = va.design.replicate(points, 3, societies=2)
        va.run_batch(BASE, design, batch, ("series",), shard_rows=4, say=said.append)
    else:
        resume(batch, say=said.append)
    assert len(said) == 1
    assert f"{name} does not match its checksum" in said[0]
    assert {each: tables(batch)[each] for each in before} == before
    assert load(batch).runs.equals(pd.read_parquet(batch / "runs.parquet"))


def test_damage_that_another_version_of_the_model_cannot_mend_leaves_the_rest(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (batch / "runs.parquet").write_bytes(b"")
    monkeypatch.setattr("valign.experiments.batch.batch.sources_hash", lambda: "0123456789abcdef")
    with pytest.raises(StoreError, match=r"runs\.parquet cannot be read as a result"):
        resume(batch)
    assert va.load(batch).curves("all", "engaged").shape == (5, 12)


# --- the manifest ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("harm", [*HARMS, "gone", "edited by hand"])
@pytest.mark.parametrize("command", ["run", "batch"])
def test_a_damaged_manifest_is_taken_from_its_second_copy(
    valign: Callable, finished: Path, batch: Path, harm: str, command: str
) -> None:
    folder = finished if command == "run" else batch
    path = folder / "manifest.json"
    before = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "edited by hand":
        path.write_text(json.dumps(json.loads(before) | {"command": "valign run something-else"}))
    else:
        path.write_bytes(HARMS[harm](before))
    with pytest.warns(DamageWarning, match=r"manifest\.json.*second copy.*is used instead"):
        saved = va.load(folder)
    assert saved.manifest == json.loads(before)
    assert path.read_bytes() == before
    path.write_bytes(b"")
    said = valign("report", folder.name)
    assert said.code == 0, said.err
    assert "second copy" in said.err


def test_a_manifest_damaged_while_a_batch_waits_costs_nothing(batch: Path, tmp_path: Path) -> None:
    points = va.design.latin_hypercube(["fit_effect"], 4)
    begun = begin(BASE, va.design.replicate(points, 3, societies=2), tmp_path / "other", ("series",), shard_rows=4)
    assert begun is not None
    resume(tmp_path / "other", How(threads=1, part=(0, 3)))
    (tmp_path / "other" / "manifest.json").write_text('{"format": 1, "sta')
    with pytest.warns(DamageWarning, match="second copy"):
        resume(tmp_path / "other")
    assert va.load(tmp_path / "other").runs.equals(va.load(batch).runs)


def test_a_manifest_of_which_both_copies_are_damaged_is_refused(valign: Callable, finished: Path) -> None:
    for name in ("manifest.json", "manifest.copy.json"):
        (finished / name).write_bytes(b'{"format": 1')
    for asked in (("report", "out"), RUN):
        said = valign(*asked)
        assert said.code == 2
        assert "manifest.json cannot be read" in said.err
    assert (finished / "runs.parquet").exists(), "nothing is overwritten"


def test_results_without_checksums_are_read_and_said_to_be_so(finished: Path) -> None:
    manifest = {key: each for key, each in store.read_manifest(finished).items() if key not in ("files", "checksum")}
    (finished / "manifest.json").write_text(json.dumps(manifest))
    with pytest.warns(DamageWarning, match="earlier version of valign, without checksums"):
        assert len(va.load(finished).runs) == 3


# --- the machine -----------------------------------------------------------------------------------------------------
def test_results_may_move(valign: Callable, finished: Path, batch: Path) -> None:
    for folder in (finished, batch):
        moved = folder.rename(folder.with_name(f"{folder.name}-elsewhere"))
        assert valign("report", moved.name).code == 0
        assert replayed(moved, 1).simulated().runs["status"].tolist() == ["ok"]
        assert str(folder.parent) not in (moved / "manifest.json").read_text()


@pytest.mark.parametrize("number", [28, 30])
def test_a_disk_that_fails_while_a_report_is_written_leaves_the_tables(
    valign: Callable, finished: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = tables(finished)

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        said = valign("report", "out")
    assert (said.code, said.err) == (1, f"valign: cannot write to out: {os.strerror(number)}\n")
    assert tables(finished) == before
    assert valign("report", "out").code == 0


def started(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "valign.cli.app", *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=env, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="locks are different there")
def test_two_processes_on_one_folder_give_one_result(tmp_path: Path) -> None:
    va.design.replicate(va.design.latin_hypercube(["fit_effect"], 100), 20).to_parquet(tmp_path / "design.parquet")
    asked = ("batch", "design.parquet", "--scenario", "two-services", "--threads", 1, "--out", "out")
    both = [started(tmp_path, *asked), started(tmp_path, *asked)]
    told = [each.communicate(timeout=240)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], told
    assert "Traceback" not in "".join(told)
    assert len(va.load(tmp_path / "out").runs) == 2000
    assert not (tmp_path / "out" / ".lock").exists()
    assert not (tmp_path / "out" / "shards").exists()


def test_parts_on_other_machines_need_no_lock_and_what_puts_them_together_does(tmp_path: Path, batch: Path) -> None:
    points = va.design.latin_hypercube(["fit_effect"], 4)
    design = va.design.replicate(points, 3, societies=2)
    begin(BASE, design, tmp_path / "parts", ("series",), shard_rows=4)
    lock = tmp_path / "parts" / ".lock"
    lock.write_text(json.dumps({"pid": 7, "host": "node-3", "since": "2026-01-01T00:00:00+00:00"}))
    for part in range(2):
        resume(tmp_path / "parts", How(threads=1, part=(part, 2)))
    assert not opened(tmp_path / "parts").missing()
    with pytest.raises(StoreError, match=r"in use by process 7 on node-3 .*remove .*\.lock"):
        resume(tmp_path / "parts")
    lock.unlink()
    resume(tmp_path / "parts")
    assert va.load(tmp_path / "parts").runs.equals(va.load(batch).runs)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize(
    "asked",
    [
        ("sensitivity", "two-services", "--months", 12, "--n", 256, "--replicates", 8, "--out", "out"),
        ("claims", "C7", "--worlds", 400, "--out", "out"),
    ],
)
def test_sigterm_is_ctrl_c(tmp_path: Path, asked: tuple[object, ...]) -> None:
    process = started(tmp_path, *asked)
    begun = time.monotonic()
    while not list(tmp_path.rglob("*.kept")) and process.poll() is None:
        assert time.monotonic() - begun < 240
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 130, err
    assert "kept in out" in err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob(".lock"))


def test_a_report_is_not_made_of_what_is_not_finished(batch: Path) -> None:
    render.rebuild(batch)
    store.put_manifest(batch, store.read_manifest(batch) | {"status": "running"})
    with pytest.raises(StoreError, match="is not finished: `valign resume"):
        render.rebuild(batch)
