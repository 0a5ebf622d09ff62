"""Batches: the same tables however they are computed, stopped and resumed; damage is noticed; nothing is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import valign as va
from valign.cli import batch as batching, job as working
from valign.experiments.batch import batch as batches
from valign.experiments import design as designs
from valign.experiments.batch import shards
from valign.experiments.simulate import simulate
from valign.experiments.stopping import STOP
from valign.model.errors import InputError
from valign.results.reports import render as pages
from valign.results import store

ROOT = Path(__file__).resolve().parents[2]
BASE = va.Scenario.load("two-services").replace({"months": 6})


@pytest.fixture(scope="module")
def design() -> pd.DataFrame:
    """40 points, 6 replicates in 3 societies each; the points also differ in a mechanism, so that rows run apart."""
    points = designs.latin_hypercube(["fit_effect", "peer_effect"], 40)
    points["mechanisms.turnover"] = np.arange(40) % 2 == 0
    return designs.replicate(points, 6, seed=3, societies=3)


@pytest.fixture(scope="module")
def whole(design: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> batches.Batch:
    """The batch in one go, on one thread."""
    return batches.run_batch(
        BASE, design, tmp_path_factory.mktemp("whole") / "out", ("series", "decomposition"), threads=1, shard_rows=50
    )


def contents(folder: Path) -> dict[str, str]:
    tables = store.read_manifest(folder)["tables"]
    return {name: each["content"] for name, each in tables.items() if "content" in each}  # of what was computed


# --- what a batch holds ----------------------------------------------------------------------------------------------
def test_outcomes_are_those_of_memory(whole: batches.Batch, design: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(whole.runs, simulate(design, base=BASE).runs)
    assert pd.read_csv(whole.folder / "runs.csv")["uptake_final"].equals(whole.runs["uptake_final"])
    assert not (whole.folder / "shards").exists()


def test_series_and_decomposition_are_those_of_memory(whole: batches.Batch, design: pd.DataFrame) -> None:
    saved = va.load(whole.folder)
    found = simulate(design, base=BASE, record=("series", "decomposition"))
    curves = found.series.query("role == 'all' and variable == 'engaged'").pivot(
        index="month", columns="run", values="value"
    )
    np.testing.assert_array_equal(saved.curves("all", "engaged"), curves.to_numpy())
    mine = saved["decomposition"].groupby(["run", "mechanism", "part"], observed=True)["change"].sum()
    theirs = found.decomposition.groupby(["run", "mechanism", "part"], observed=True)["change"].sum()
    np.testing.assert_allclose(mine.sort_index(), theirs.sort_index(), rtol=1e-9, atol=1e-12)


def test_unknown_curves_are_named(whole: batches.Batch) -> None:
    with pytest.raises(KeyError, match="engaged"):
        va.load(whole.folder).curves("all", "engagd")


# --- the same, however it is computed ---------------------------------------------------------------------------------
@pytest.mark.parametrize("how", [{"threads": 2}, {"threads": 2, "shard_rows": 7}, {"workers": 1}, {"workers": 2}])
def test_same_tables_by_threads_and_processes(
    whole: batches.Batch, design: pd.DataFrame, how: dict[str, int], tmp_path: Path
) -> None:
    batches.run_batch(BASE, design, tmp_path / "out", ("series", "decomposition"), **{"shard_rows": 50} | how)
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_same_rows_in_any_order(whole: batches.Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(len(design))
    shuffled = batches.run_batch(BASE, design.iloc[order], tmp_path / "out").runs.drop(columns="run")
    back = shuffled.iloc[np.argsort(order)].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, whole.runs.drop(columns="run"))


def test_parts_computed_apart_make_the_same_tables(whole: batches.Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    batches.begin(BASE, design, tmp_path / "out", ("series", "decomposition"), shard_rows=50)
    for part in (2, 0, 1):
        batches.resume(tmp_path / "out", batches.How(threads=1, part=(part, 3)))
    assert not batches.opened(tmp_path / "out").missing()
    batches.resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)


# A change here changes the numbers of users: it belongs into CHANGELOG.md. The same on every Python and machine.
CONTENT = {"runs": "7c293c7a1a31e00e11f1cba824c20858", "series": "d5653fa153ece8eabcfed4109ae9e655"}


def test_the_table_that_every_python_and_machine_makes(tmp_path: Path) -> None:
    levels = {"fit_effect": [0.1, 0.4], "coproduction_intensity": [0.0, 0.3], "mechanisms.dialogue": [True, False]}
    design = designs.replicate(designs.factorial(levels), 8, seed=5, societies=2)
    batches.run_batch("two-services", design, tmp_path / "out", ("series",))
    assert contents(tmp_path / "out") == CONTENT


def test_the_hash_of_a_table_does_not_depend_on_chunks() -> None:
    import pyarrow as pa

    frame = pd.DataFrame({"a": [1.5, np.nan, 3], "b": ["x", "y", "x"], "c": [1, 2, 3]})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    by_rows = store.TableHash().add(table.slice(0, 1)).add(table.slice(1))
    coded = pa.Table.from_pandas(frame.astype({"b": "category"}), preserve_index=False)
    expected = store.TableHash().add(table).hexdigest()
    assert by_rows.hexdigest() == store.TableHash().add(coded).hexdigest() == expected
    for column, value in (("a", 1.25), ("b", "y"), ("c", 9)):
        other = frame.copy()
        other.loc[0, column] = value
        assert store.TableHash().add(pa.Table.from_pandas(other, preserve_index=False)).hexdigest() != expected


# --- stopped and resumed ---------------------------------------------------------------------------------------------
class Enough(Exception):
    pass


def stopped(folder: Path, design: pd.DataFrame, after: int) -> batches.Batch:
    """A batch whose process went away when `after` rows were done."""

    def told(done: int, _: int) -> None:
        if done >= after:
            raise Enough

    with pytest.raises(Enough):
        batches.run_batch(BASE, design, folder, ("series", "decomposition"), threads=1, shard_rows=50, progress=told)
    return batches.opened(folder)


def test_what_is_finished_is_not_computed_again(
    whole: batches.Batch, design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = stopped(tmp_path / "out", design, 100)
    assert left.missing() == [2, 3, 4]
    computed = []
    compute = shards.compute
    monkeypatch.setattr(shards, "compute", lambda job: computed.append(job.first) or compute(job))
    batches.resume(tmp_path / "out", batches.How(threads=1))
    assert sorted(computed) == [100, 150, 200]
    assert contents(tmp_path / "out") == contents(whole.folder)
    batches.resume(tmp_path / "out")
    assert len(computed) == 3, "nothing is left to do"


def test_an_interrupted_batch_stops_nothing_that_comes_later(design: pd.DataFrame, tmp_path: Path) -> None:
    def told(done: int, _: int) -> None:
        if done:
            STOP.set()  # as Ctrl-C does in a command
            raise KeyboardInterrupt

    with pytest.raises(batches.Interrupted):
        batches.run_batch(BASE, design, tmp_path / "out", threads=1, shard_rows=50, progress=told)
    assert not STOP.is_set()
    assert (simulate(design.iloc[:2], base=BASE, threads=1).runs["status"] == "ok").all()


@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign", "text", "empty"])
def test_damaged_and_foreign_shards_are_named_and_computed_again(
    whole: batches.Batch, design: pd.DataFrame, tmp_path: Path, harm: str
) -> None:
    left = stopped(tmp_path / "out", design, 100)
    path = left.path(1, "runs")
    content = path.read_bytes()
    middle = len(content) // 3
    path.write_bytes(
        {
            "cut": content[:-200],
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "foreign": left.path(0, "runs").read_bytes(),
            "text": b"hello",
            "empty": b"",
        }[harm]
    )
    if harm == "foreign":  # a shard of a batch of other rows
        other = batches.begin(BASE, design.assign(fit_effect=0.1).drop_duplicates(), tmp_path / "other", shard_rows=50)
        path.write_bytes(shards.compute(other.job(0))["runs"])
    said: list[str] = []
    batches.resume(tmp_path / "out", say=said.append)
    assert len(said) == 1
    assert path.name in said[0]
    assert "other work" in said[0] if harm == "foreign" else "damaged" in said[0]
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_a_full_disk_loses_nothing_finished(
    whole: batches.Batch, design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        real, calls = os.fsync, []

        def full(handle: int) -> None:
            calls.append(handle)
            if len(calls) > 8:
                raise OSError(28, "No space left on device")
            real(handle)

        patch.setattr(os, "fsync", full)
        with pytest.raises(batches.Stopped, match=r"No space left.*valign resume"):
            batches.run_batch(BASE, design, tmp_path / "out", ("series", "decomposition"), threads=1, shard_rows=50)
    assert not list((tmp_path / "out").rglob("*.part"))
    left = batches.opened(tmp_path / "out")
    assert 0 < len(left.missing()) < left.count
    batches.resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_failing_runs_are_rows_with_their_error(tmp_path: Path) -> None:
    table = designs.product(
        pd.DataFrame({"alignment_level": [0.7, 0.999]}), designs.replicate(pd.DataFrame({"fit_effect": [0.2]}), 2)
    )
    runs = batches.run_batch(BASE, table, tmp_path / "out").runs
    assert (runs["status"] == "ok").tolist() == [True, True, False, False]
    assert runs["status"].str.contains("cannot be reached").tolist() == [False, False, True, True]
    assert runs.loc[2:, "uptake_final"].isna().all()
    assert runs.loc[:1, "uptake_final"].notna().all()


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "valign.cli.app", *map(str, arguments)]


@pytest.fixture
def design_file(design: pd.DataFrame, tmp_path: Path) -> Path:
    design.to_parquet(tmp_path / "design.parquet")
    return tmp_path / "design.parquet"


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_and_resumed(whole: batches.Batch, design: pd.DataFrame, tmp_path: Path, sent: signal.Signals) -> None:
    """A real process, told to go (or killed) as soon as it has finished something."""
    batches.begin(BASE, design, tmp_path / "out", ("series", "decomposition"), shard_rows=2)
    process = subprocess.Popen(
        command("resume", "out", "--threads", 1),
        cwd=tmp_path,
        text=True,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while not list((tmp_path / "out" / "shards").glob("*.runs.parquet")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(sent)
    err = process.communicate(timeout=120)[1]
    if sent == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, err
        assert "valign resume out" in err
        assert "Traceback" not in err
    assert 0 < len(batches.opened(tmp_path / "out").missing()) < 120
    batches.resume(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(whole.folder)


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing() -> None:
    """A short version of `python -m tests.faults.kills`."""
    from faults.kills import kill

    told = kill(8, 2_000)
    assert told["kills"] == 8
    assert told["batches"] >= 1


# --- wrong input -----------------------------------------------------------------------------------------------------
def test_other_work_is_not_overwritten(whole: batches.Batch, design: pd.DataFrame) -> None:
    with pytest.raises(store.StoreError, match=r"differs in: .*design"):
        batches.run_batch(BASE, design.iloc[:10], whole.folder)
    with pytest.raises(store.StoreError, match=r"differs in: .*scenario"):
        batches.run_batch(BASE.replace({"months": 7}), design, whole.folder)


def test_a_batch_of_another_model_is_refused(design: pd.DataFrame, tmp_path: Path) -> None:
    batches.begin(BASE, design, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    manifest["work"]["code"] = "0123456789abcdef"
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(store.StoreError, match="another version of the model"):
        batches.resume(tmp_path / "out")


def test_a_changed_design_is_noticed(design: pd.DataFrame, tmp_path: Path) -> None:
    batches.begin(BASE, design, tmp_path / "out")
    design.assign(fit_effect=0.3).drop_duplicates().to_parquet(tmp_path / "out" / "design.parquet")
    with pytest.raises(store.StoreError, match="not what the batch was begun with"):
        batches.resume(tmp_path / "out")


def test_a_design_that_is_damaged_or_was_never_written_is_said(design: pd.DataFrame, tmp_path: Path) -> None:
    batches.begin(BASE, design, tmp_path / "out")
    (tmp_path / "out" / "design.parquet").write_bytes(b"PAR1")
    with pytest.raises(store.StoreError, match=r"design\.parquet cannot be read"):
        batches.resume(tmp_path / "out")
    (tmp_path / "out" / "design.parquet").unlink()
    with pytest.raises(store.StoreError, match="stopped before its design was written: begin again"):
        batches.resume(tmp_path / "out")


def test_a_society_of_ones_own_is_kept_with_the_batch_and_has_to_stay(design: pd.DataFrame, tmp_path: Path) -> None:
    """Its tables are copied beside the scenario; changed while the batch waits, it is no longer the same work."""
    own = tmp_path / "own"
    own.mkdir()
    services = BASE.service_names()
    people = [f"{place}{n}" for place in range(len(services)) for n in range(8)]
    nodes = pd.DataFrame({"id": people, "organisation": np.repeat(services, 8)})
    nodes.to_csv(own / "people.csv", index=False)
    pd.DataFrame({"from": people[:-1], "to": people[1:]}).to_csv(own / "ties.csv", index=False)
    (own / "own.toml").write_text(BASE.to_toml() + '\n[tables]\nnodes = "people.csv"\nedges = "ties.csv"\n')
    scenario, folder = va.Scenario.load(own / "own.toml"), tmp_path / "out"
    few = design.iloc[:4].drop(columns="society_seed")
    batches.begin(scenario, few, folder)
    assert (folder / "people.csv").read_bytes() == (own / "people.csv").read_bytes()
    pd.testing.assert_frame_equal(
        batches.resume(folder).runs[["uptake_final"]],
        simulate(few, base=scenario).runs[["uptake_final"]],
        check_names=False,
    )
    batches.begin(scenario, few, tmp_path / "changed")
    nodes[:-1].to_csv(tmp_path / "changed" / "people.csv", index=False)
    pd.DataFrame({"from": people[:4], "to": people[1:5]}).to_csv(tmp_path / "changed" / "ties.csv", index=False)
    with pytest.raises(store.StoreError, match=r"the imported society of .* is not what the batch was begun with"):
        batches.resume(tmp_path / "changed")


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (
            batches.Estimate(50_000, 30_000.0, 3 * 2**30, 0.0, 0.0),
            "50,000 runs: about 4 hours on 2 cores, 3.0 GB on disk",
        ),
        (
            batches.Estimate(400, 500.0, 5 * 2**20, 100.0, 2**20),
            "400 runs: about 4 minutes on 2 cores, 5.0 MB on disk (of which recording takes 50 s and 1.0 MB)",
        ),
        (batches.Estimate(4, 3.0, 2048, 0.0, 0.0), "4 runs: about 2 s on 2 cores, 2 KB on disk"),
    ],
)
def test_what_a_batch_will_take_in_words(expected: batches.Estimate, words: str) -> None:
    assert batching._told(expected, 2) == words


@pytest.mark.parametrize(("record", "message"), [(("agents",), "replaying"), (("serie",), "did you mean 'series'")])
def test_what_a_batch_keeps(design: pd.DataFrame, tmp_path: Path, record: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        batches.begin(BASE, design, tmp_path / "out", record)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["shard_rows", "threads", "workers"])
def test_a_number_that_is_none_leaves_no_folder(design: pd.DataFrame, tmp_path: Path, what: str) -> None:
    with pytest.raises(InputError, match=f"{what} = -1: a whole number from 1"):
        batches.run_batch(BASE, design, tmp_path / "out", **{what: -1})
    assert not (tmp_path / "out").exists()


# --- the command line ------------------------------------------------------------------------------------------------
def test_batch_and_resume_as_commands(valign: Callable, design_file: Path, tmp_path: Path) -> None:
    said = valign("batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out")
    assert said.code == 0, said.err
    assert re.search(r"240 runs: about .* on \d+ cores?, .* on disk", said.err)
    again = valign(
        "batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out", "--json"
    )
    assert json.loads(again.out)["runs"] == 240
    assert again.err == ""
    assert "is finished" in valign("resume", "out").err


def test_a_batch_in_which_all_runs_fail_says_so(valign: Callable, tmp_path: Path) -> None:
    designs.replicate(pd.DataFrame({"alignment_level": [0.999]}), 3).to_csv("design.csv", index=False)
    said = valign("batch", "design.csv", "--scenario", "two-services", "--out", "out", "--threads", 1)
    assert said.code == 0, said.err
    assert "3 of them failed" in said.out + said.err
    assert (tmp_path / "out" / "report.html").exists()


def test_what_is_missing_as_json(valign: Callable, design_file: Path, tmp_path: Path) -> None:
    batch = ("batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out")
    found = json.loads(valign(*batch, "--prepare", "--json").out)
    assert found == {"folder": "out", "missing": batches.opened(tmp_path / "out").count}
    assert json.loads(valign("resume", "out", "--part", "1/1", "--json").out) == {"folder": "out", "missing": 0}
    assert json.loads(valign("resume", "out", "--json").out)["runs"] == 240


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch", "none.csv", "--scenario", "two-services", "--out", "out"), "none.csv"),
        (("batch", "design.parquet", "--scenario", "two-servces", "--out", "out"), "two-services"),
        (("batch", "design.parquet", "--scenario", "two-services", "--out", "out", "--workers", "0"), "--workers 0"),
        (
            (
                "batch",
                "design.parquet",
                "--scenario",
                "two-services",
                "--out",
                "out",
                "--workers",
                "2",
                "--threads",
                "2",
            ),
            "one of",
        ),
        (
            ("batch", "design.parquet", "--scenario", "two-services", "--out", "out", "--replicates", "2"),
            "--replicates",
        ),
        (("batch", "design.parquet", "--scenario", "two-services", "--out", "out", "--set", "slak=1"), "slack"),
        (
            ("batch", "design.parquet", "--scenario", "two-services", "--out", "out", "--set", "fit_effect=0.1"),
            "the design has a column 'fit_effect'",
        ),
        (
            (
                "batch",
                "plain.csv",
                "--scenario",
                "two-services",
                "--out",
                "out",
                "--replicates",
                "2",
                "--societies",
                "5",
            ),
            "societies = 5: a whole number from 1 to 2",
        ),
        (
            (
                "batch",
                "plain.csv",
                "--scenario",
                "two-services",
                "--out",
                "out",
                "--replicates",
                "2",
                "--societies",
                "0",
            ),
            "societies = 0",
        ),
        (
            ("batch", "plain.csv", "--scenario", "two-services", "--out", "out", "--seed", "77"),
            "belong to --replicates",
        ),
        (
            ("batch", "plain.csv", "--scenario", "two-services", "--out", "out", "--societies", "9"),
            "belong to --replicates",
        ),
        (("batch", "german.csv", "--scenario", "two-services", "--out", "out"), "semicolons"),
        (("batch", "plain.csv", "--scenario", "two-services", "--out", "plain.csv", "--replicates", "2"), "is a file"),
        (("resume", "plain.csv"), "is a file"),
        (("resume", "out"), "holds no results"),
        (("batch", "plain.csv", "--scenario", "two-services", "--out", "out", "--replicates", "0"), "--replicates 0"),
        (("resume", "out", "--part", "4/3"), "--part 4/3"),
        (("resume", "out", "--part", "half"), "--part half: I/N is wanted"),
    ],
)
def test_wrong_commands(
    valign: Callable, design_file: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "plain.csv").write_text("fit_effect\n0.3\n0.4\n")
    (tmp_path / "german.csv").write_text("fit_effect;seed\n0,3;1\n")
    said = valign(*arguments)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_commands_that_are_quoted_can_be_pasted(
    design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my study"
    begun = batches.begin(BASE, design, folder)
    with pytest.raises(store.StoreError, match=re.escape(f"`valign resume '{folder}'`")):
        va.load(folder)
    with pytest.raises(store.StoreError, match=re.escape(f"`valign resume '{folder}'`")):
        pages.rebuild(folder)
    assert f"`valign resume '{folder}'`" in batches._kept(begun)
    monkeypatch.setattr(sys, "argv", ["/bin/valign", "batch", "my design.csv", "--set", "slack=0.3"])
    assert working.as_typed() == "valign batch 'my design.csv' --set slack=0.3"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_script_of_job_arrays(whole: batches.Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    batches.begin(BASE, design, tmp_path / "study", ("series", "decomposition"), shard_rows=50)
    (tmp_path / "valign").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m valign.cli.app "$@"\n')
    (tmp_path / "valign").chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VALIGN": str(tmp_path / "valign")}
    for task in range(1, 4):
        subprocess.run(
            [ROOT / "examples" / "slurm_array.sh", "study"],
            cwd=tmp_path,
            check=True,
            env=environment | {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "3"},
        )
    assert not batches.opened(tmp_path / "study").missing()
    assert valign_process(tmp_path, "resume", "study", "--quiet").returncode == 0
    assert contents(tmp_path / "study") == contents(whole.folder)


def valign_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)


# --- a cluster -------------------------------------------------------------------------------------------------------
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
    whole: batches.Batch, design: pd.DataFrame, cluster: Callable[[], subprocess.Popen], tmp_path: Path
) -> None:
    first = cluster()
    batches.run_batch(
        BASE, design, tmp_path / "one", ("series", "decomposition"), cluster=cluster.address, shard_rows=50
    )
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

    batches.run_batch(
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
        batches.run_batch(BASE, design, tmp_path / "out", cluster="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_comparison_on_a_cluster_is_that_of_memory(cluster: Callable[[], subprocess.Popen], tmp_path: Path) -> None:
    cluster()
    scenarios = {"a": BASE, "b": BASE.replace({"mechanisms.dialogue": False})}
    kept = va.compare(scenarios, 8, folder=tmp_path / "out", how=batches.How(cluster=cluster.address))
    here = va.compare(scenarios, 8)
    pd.testing.assert_frame_equal(kept.runs, here.runs)
    pd.testing.assert_frame_equal(kept.differences, here.differences)
