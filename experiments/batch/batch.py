"""A design on disk: shards of rows, computed by threads, processes or a cluster, and put together at the end.

    design -> shards/000000.runs.kept, … (each whole or absent) -> runs.parquet, series.parquet, …, manifest.json

What is finished is never computed again: `resume` looks at the shards that are there, names those that are damaged or
foreign, and computes the rest. The final tables do not depend on how, where or in how many goes they were computed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results import store
from valign.results.checkpoint import Parts, locked
from valign.results.plain_text import as_cells
from valign.results.saved import load

from ..design import MOST_RUNS, SCENARIO, SEEDS, check_design, whole
from ..simulate import (
    MOST_THREADS,
    Base,
    Societies,
    hash_of_societies,
    loaded,
    most_people,
    scenarios_of,
    shared_societies,
    table_files,
    variants,
)
from ..stopping import STOP
from . import shards

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CSV_ROWS = 10_000  # more rows are kept as Parquet alone
PARTS = "shards"
BROKEN_POOLS = 3  # so often may a worker process die before the batch gives up


class Stopped(RuntimeError):
    """A batch that could not go on; what is finished is kept."""


class Interrupted(KeyboardInterrupt):
    """A batch that was asked to stop; what is finished is kept."""


@dataclass(frozen=True)
class How:
    """Where shards are computed. The results do not depend on it.

    threads: of this process (default: one a core); workers: processes instead; cluster: address of a Dask scheduler.
    part: (i, n) computes every n-th shard only, from the i-th of 0 … n - 1, and puts nothing together.
    """

    threads: int | None = None
    workers: int | None = None
    cluster: str | None = None
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("threads", "workers"):
            if (value := getattr(self, name)) is not None:
                whole(name, value, 1, MOST_THREADS)


@dataclass(eq=False)
class Batch:
    """A design in a folder, to be computed shard by shard (a shard: some rows, one file for each kind of table).

    folder, scenario, design, record, society : as given to `run_batch`. work : all that the results depend on, as the
    manifest holds it. command, started : what began it, and when. say : called with remarks.
    """

    folder: Path
    scenario: Scenario | Mapping[str, Scenario]
    design: pd.DataFrame
    record: tuple[str, ...]
    society: Societies
    work: dict[str, Any]
    command: str
    started: datetime
    say: Callable[[str], None] = field(default=lambda _: None)

    @cached_property
    def parts(self) -> Parts:
        """The files of its shards."""
        return Parts(self.folder / PARTS, self.work, "batch", say=self.say)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of table: "runs" and what is recorded."""
        return ("runs", *self.record)

    @property
    def size(self) -> int:
        """Rows of a shard (the last may have fewer)."""
        return int(self.work["shard_rows"])

    @property
    def count(self) -> int:
        """Number of shards."""
        return -(-len(self.design) // self.size)

    @property
    def runs(self) -> pd.DataFrame:
        """The outcome table of a finished batch: run, the design, status, outcomes. Raises KeyError before that."""
        return load(self.folder)["runs"]

    def rows(self, number: int) -> pd.DataFrame:
        """The rows of the design in shard `number`."""
        return self.design.iloc[number * self.size : (number + 1) * self.size]

    def job(self, number: int) -> shards.Job:
        """What computing shard `number` needs; it can go to another process or machine."""
        return shards.Job(
            self.scenario,
            self.society,
            self.record,
            self.work["code"],
            number * self.size,
            self.rows(number).reset_index(drop=True),
        )

    def missing(self) -> list[int]:
        """Numbers of the shards that have yet to be computed; damaged and foreign ones are named and removed."""
        return [
            number
            for number in range(self.count)
            if not all(part_name(number, kind) in self.parts for kind in self.kinds)
        ]


def part_name(number: int, kind: str) -> str:
    """What shard `number` (from 0) is called for a `kind` of table."""
    return f"{number:06d}.{kind}"


# --- beginning and going on ------------------------------------------------------------------------------------------
def run_batch(
    scenario: Base,
    design: pd.DataFrame,
    folder: str | Path,
    record: tuple[str, ...] = (),
    *,
    threads: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    society: Societies = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
    command: str = "valign.run_batch",
    shard_rows: int | None = None,
) -> Batch:
    """Simulate a design into a folder; go on where an earlier call with the same work was stopped.

    Parameters
    ----------
    scenario : what the design changes: one, or several by name (the column `scenario` of the design).
    design, society : as in `simulate`.
    folder : where results go; it is made, and never overwritten by other work.
    record : "series" and "decomposition" on top of the outcomes; everything else is for a replay of single rows.
    threads, workers, cluster : threads of this process (default: one a core), or so many processes, or the address of
        a Dask scheduler. The results are the same.
    progress : called with (rows done, rows in all). say : called with remarks.
    command : what the manifest says it was begun with.
    shard_rows : rows of a shard (default: some seconds of work).

    Returns
    -------
    Batch, with the outcome table as `.runs`.

    Raises
    ------
    InputError : a wrong design (nothing is written). StoreError : the folder holds other work or cannot be written.
    Stopped : disk full or workers lost. Interrupted : Ctrl-C, SIGTERM. What is finished is kept in both.
    """
    how = How(threads, workers, cluster)
    batch = begin(scenario, design, folder, record, society=society, say=say, command=command, shard_rows=shard_rows)
    if batch is not None:
        go_on(batch, how, progress)
    return opened(folder, say)


def begin(
    scenario: Base,
    design: pd.DataFrame,
    folder: str | Path,
    record: tuple[str, ...] = (),
    *,
    society: Societies = None,
    say: Callable[[str], None] = lambda _: None,
    command: str = "valign.run_batch",
    shard_rows: int | None = None,
) -> Batch | None:
    """Check a design and write down what is to be done; None when it is done already."""
    scenario = loaded(scenario)
    if wrong := [name for name in record if name not in shards.RECORDED_FOR]:
        raise InputError(
            [
                f"record = {wrong[0]!r}: a batch keeps {' and '.join(shards.KEPT)}; agents and events of a "
                "row are recorded by replaying it"
                if wrong[0] in ("agents", "events")
                else f"record: {unknown(wrong[0], shards.KEPT, 'table')}"
            ]
        )
    if shard_rows is not None:
        shard_rows = whole("shard_rows", shard_rows, 1, MOST_RUNS)
    design = check_design(scenario, design)
    variants(scenario, design)  # every variant is a valid scenario
    society = shared_societies(scenario, society)
    people = most_people(scenario, society)
    each = scenarios_of(scenario)
    work: dict[str, Any] = {
        "command": "batch",
        "scenario": each[0].to_toml(),
        "design": _hash(design),
        "rows": len(design),
        "record": list(dict.fromkeys(record)),
        "code": sources_hash(),
        "society": hash_of_societies(society),
        "shard_rows": shard_rows or shards.shard_rows(max(one.months for one in each), people, len(design)),
    }
    if isinstance(scenario, Mapping):
        work["scenarios"] = {name: one.to_toml() for name, one in scenario.items()}
    folder = Path(folder)
    batch = Batch(folder, scenario, design, tuple(work["record"]), society, work, command, datetime.now(UTC), say)
    with locked(folder, say):
        finished = store.prepare(folder, work, say)
        if not store.has_manifest(folder):
            _manifest(batch, {}, done=False)
        try:  # a process may have been killed between any two of these
            if not (folder / "scenario.toml").exists() or not (folder / "design.parquet").exists():
                store.replace(folder / "scenario.toml", work["scenario"].encode())
                store.copy(folder, beside_of(scenario))
                store.write(folder / "design.parquet", design)
        except OSError as error:
            raise store.cannot_write(folder, error) from None
    return None if finished else batch


def beside_of(scenario: Scenario | Mapping[str, Scenario]) -> dict[str, Path]:
    """Files that scenarios need, by their name in the folder."""
    return {name: path for each in scenarios_of(scenario) for name, path in table_files(each).items()}


def opened(folder: str | Path, say: Callable[[str], None] = lambda _: None) -> Batch:
    """The batch in a folder, finished or not. Raises StoreError where there is none, or its code was another."""
    import pandas as pd

    folder = Path(folder)
    manifest = store.read_manifest(folder)
    work = manifest["work"]
    if work.get("command") != "batch":
        raise store.StoreError(f"{folder} holds results of `valign {work.get('command')}`, not of a batch")
    if not (folder / "design.parquet").exists():
        raise store.StoreError(f"{folder} was stopped before its design was written: start again with `valign batch`")
    scenario: Scenario | dict[str, Scenario] = Scenario.load(folder / "scenario.toml")
    try:
        design = pd.read_parquet(folder / "design.parquet")
    except (OSError, ValueError) as error:
        raise store.StoreError(f"{folder / 'design.parquet'} cannot be read: {error}") from None
    if scenario.to_toml() != work["scenario"] or _hash(design) != work["design"]:
        raise store.StoreError(
            f"scenario.toml or design.parquet in {folder} has changed since the batch was started: remove the one that "
            "you changed and give the same `valign batch` again"
        )
    if "scenarios" in work:
        where = str(folder / store.MANIFEST)
        scenario = {name: Scenario.from_toml(text, where) for name, text in work["scenarios"].items()}
    society: Societies = None
    if work["society"] and manifest["status"] != "done":
        society = shared_societies(scenario, None)
        if hash_of_societies(society) != work["society"]:
            raise store.StoreError(f"the imported society of {folder} has changed since the batch was started")
    return Batch(
        folder,
        scenario,
        design,
        tuple(work["record"]),
        society,
        work,
        manifest["command"],
        datetime.fromisoformat(manifest["started"]),
        say,
    )


def resume(
    folder: str | Path,
    how: How = How(),
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Batch:
    """Go on with a batch that was stopped; nothing is done when it is finished.

    Raises StoreError where the folder holds no batch or was begun by another version of the model.
    """
    batch = going_on(folder, say)
    if batch is None:
        return opened(folder, say)
    go_on(batch, how, progress)
    return batch


def going_on(folder: str | Path, say: Callable[[str], None] = lambda _: None) -> Batch | None:
    """The batch in a folder, to be gone on with; None where it is finished. Raises as `resume`."""
    batch = opened(folder, say)
    manifest = store.read_manifest(batch.folder, say)
    finished, spoiled = manifest["status"] == "done", store.damaged(batch.folder, manifest)
    if finished and not spoiled:
        return None
    if batch.work["code"] != sources_hash():
        for name in spoiled:
            store.checked(batch.folder, manifest, name)
        raise store.StoreError(
            f"{folder} was started with another version of the model, whose rows would differ. "
            f"Continue with the version in its manifest.json ({batch.work['code']}), or start anew"
        )
    if not finished:  # parts on several machines may begin at once: no lock
        return batch
    with locked(batch.folder, say):
        return None if store.prepare(batch.folder, batch.work, say) else opened(folder, say)


def go_on(batch: Batch, how: How = How(), progress: Callable[[int, int], None] | None = None) -> None:
    """Compute the shards that are missing and put the tables together.

    Raises Stopped where it cannot go on, Interrupted on Ctrl-C and SIGTERM. What is finished is kept in both.
    """
    alone = locked(batch.folder, batch.say) if how.part is None else contextlib.nullcontext()
    try:
        with alone:
            if _finished(batch):  # by another process, meanwhile
                shutil.rmtree(batch.folder / PARTS, ignore_errors=True)
            else:
                _go_on(batch, how, progress)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {_kept(batch)}") from None
    finally:
        STOP.clear()  # nothing is under way any more: runs that are asked for later are not stopped


def _go_on(batch: Batch, how: How, progress: Callable[[int, int], None] | None) -> None:
    lacking = batch.missing()
    if how.part is not None:
        lacking = [number for number in lacking if number % how.part[1] == how.part[0]]
    done = len(batch.design) - sum(len(batch.rows(number)) for number in lacking)
    if progress is not None:
        progress(done, len(batch.design))
    with contextlib.closing(_computed(batch, lacking, how)) as computed:
        for number, files in computed:
            try:
                for kind in reversed(batch.kinds):
                    batch.parts.write(part_name(number, kind), files[kind])
            except store.StoreError as error:
                if _finished(batch):  # by a process that did not wait for this part
                    return
                raise Stopped(f"{error}; {_kept(batch)}") from None
            done += len(batch.rows(number))
            if progress is not None:
                progress(done, len(batch.design))
    if how.part is None:
        put_together(batch)


def _finished(batch: Batch) -> bool:
    return store.read_manifest(batch.folder)["status"] == "done"


def _kept(batch: Batch) -> str:
    return f"what is finished is kept: `{shlex.join(['valign', 'resume', str(batch.folder)])}` continues"


# --- computing shards ------------------------------------------------------------------------------------------------
def _computed(batch: Batch, numbers: list[int], how: How) -> Generator[tuple[int, dict[str, bytes]]]:
    """(number, files) of shards as they are finished, never many more in hand than there are cores."""
    broken = 0
    waiting = list(reversed(numbers))
    while waiting:
        under_way: dict[Future[dict[str, bytes]], int] = {}
        with _executor(how) as (executor, parallel):
            try:
                while waiting or under_way:
                    while waiting and len(under_way) < 2 * parallel():
                        number = waiting.pop()
                        under_way[executor.submit(shards.compute, batch.job(number))] = number
                    finished, _ = wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in finished:
                        files = future.result()
                        yield under_way.pop(future), files
            except KeyboardInterrupt:
                STOP.set()
                for future in under_way:
                    future.cancel()
                wait([future for future in under_way if not future.cancelled()], timeout=60)
                for future, number in under_way.items():
                    if future.done() and not future.cancelled() and future.exception() is None:
                        yield number, future.result()
                raise
            except BrokenExecutor:
                broken += 1
                if broken >= BROKEN_POOLS:
                    raise Stopped(f"worker processes died {broken} times (out of memory?); {_kept(batch)}") from None
                batch.say("a worker process died; its shards are computed again")
                waiting += under_way.values()


@contextlib.contextmanager
def _executor(how: How) -> Generator[tuple[Executor, Callable[[], int]]]:
    """An executor, and how many shards it computes at a time."""
    if how.cluster is not None:
        with _dask(how.cluster) as found:
            yield found
    elif how.workers is not None:
        pool = ProcessPoolExecutor(how.workers, multiprocessing.get_context("spawn"), _begin_worker)
        try:
            yield pool, lambda: how.workers or 1
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if STOP.is_set():
                for process in multiprocessing.active_children():
                    process.terminate()
    else:
        threads = how.threads or os.cpu_count() or 1
        pool = ThreadPoolExecutor(threads)
        try:
            yield pool, lambda: threads
        finally:
            pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and goes when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()

    def outlived() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=outlived, daemon=True).start()


@contextlib.contextmanager
def _dask(address: str) -> Generator[tuple[Executor, Callable[[], int]]]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(["--cluster needs Dask: pip install 'valign[cluster]'"]) from None
    try:
        client: Any = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the last two: TLS without certificates
        raise InputError([f"no Dask scheduler answers at {address}: {str(error).splitlines()[0]}"]) from None

    def parallel() -> int:
        return max(1, sum(client.nthreads().values()))

    try:
        begun = time.monotonic()
        while not client.nthreads():
            if time.monotonic() - begun > 60:
                raise InputError([f"the scheduler at {address} has no workers"])
            time.sleep(0.2)
        yield client.get_executor(pure=False, retries=5), parallel
    finally:
        client.close()


# --- putting together ------------------------------------------------------------------------------------------------
def put_together(batch: Batch) -> None:
    """The final tables from the shards, a shard at a time; then the manifest; then the shards go."""
    tables: dict[str, dict[str, Any]] = {}
    for kind in batch.kinds:
        tables[kind] = _joined(batch, kind)
    _manifest(batch, tables, done=True)
    shutil.rmtree(batch.folder / PARTS, ignore_errors=True)


def _joined(batch: Batch, kind: str) -> dict[str, Any]:
    """Write one final table; what the manifest says of it."""
    digest, path, columns, rows = store.TableHash(), batch.folder / f"{kind}.parquet", [], 0

    def write(to: Path) -> None:
        from pyarrow import csv, parquet

        nonlocal columns, rows
        writer, text = None, None
        with contextlib.ExitStack() as stack:
            for number in range(batch.count):
                content = batch.parts.read(part_name(number, kind))
                if content is None:
                    raise Stopped(f"shard {number} of {batch.folder} went missing; {_kept(batch)}")
                table = shards.table(content)
                if kind == "runs":
                    table = _with_design(table, batch.rows(number))
                if writer is None:
                    columns = table.schema.names
                    writer = stack.enter_context(parquet.ParquetWriter(to, table.schema, compression="zstd"))
                    if kind == "runs" and len(batch.design) <= CSV_ROWS:
                        text = stack.enter_context(csv.CSVWriter(path.with_suffix(".csv"), as_cells(table).schema))
                writer.write_table(table)
                if text is not None:
                    text.write_table(as_cells(table))
                digest.add(table)
                rows += len(table)

    try:
        store.replace(path, write)
    except OSError as error:
        raise Stopped(f"{store.cannot_write(batch.folder, error)}; {_kept(batch)}") from None
    return {"rows": rows, "columns": columns, "content": digest.hexdigest()}


def _with_design(table: pa.Table, rows: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    design = pa.Table.from_pandas(rows, preserve_index=False, nthreads=1).replace_schema_metadata()
    columns = {"run": table["run"]} | {name: design[name] for name in design.schema.names}
    return pa.table(columns | {name: table[name] for name in table.schema.names if name != "run"})


def _manifest(batch: Batch, tables: dict[str, Any], done: bool) -> None:
    store.write_manifest(
        batch.folder,
        batch.work,
        command=batch.command,
        started=batch.started,
        done=done,
        tables=tables,
        files=["scenario.toml", *beside_of(batch.scenario)],
        settings=[name for name in map(str, batch.design) if name not in (*SEEDS, SCENARIO)],
        parameters={name: scenarios_of(batch.scenario)[0].value(name) for name in PARAMETERS},
    )


def _hash(design: pd.DataFrame) -> str:
    import pyarrow as pa

    return store.TableHash().add(pa.Table.from_pandas(design, preserve_index=False)).hexdigest()


# --- what it will take -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Estimate:
    """What the missing part of a batch takes, measured on its first rows. seconds: of one core."""

    runs: int
    seconds: float
    bytes: float
    seconds_of_recording: float  # of them for what is recorded besides outcomes
    bytes_of_recording: float


def estimate(batch: Batch, seconds: float = 1.0) -> Estimate:
    """Run some rows, for about `seconds`, without and with what is recorded, and write nothing."""
    people = most_people(batch.scenario, batch.society)
    a_run = people * max(each.months for each in scenarios_of(batch.scenario)) * shards.SECONDS_PER_PERSON_MONTH
    rows = batch.rows(0).iloc[: int(max(1, min(64, seconds / 3 / max(a_run, 1e-9))))].reset_index(drop=True)
    measured: dict[tuple[str, ...], tuple[float, int]] = {}
    for record in ((), batch.record):
        job = shards.Job(batch.scenario, batch.society, record, batch.work["code"], 0, rows)
        shards.compute(job) if not measured else None  # compile first
        begun = time.perf_counter()
        files = shards.compute(job)
        measured[record] = (time.perf_counter() - begun, sum(map(len, files.values())))
    left = sum(len(batch.rows(number)) for number in batch.missing())
    (plain, small), (taken, large) = measured[()], measured[batch.record]
    each = left / len(rows)
    return Estimate(left, taken * each, large * each, max(0.0, taken - plain) * each, (large - small) * each)
