"""A design on disk: shards of rows, computed by threads, processes or a cluster, and put together at the end.

    design -> shards/000000.runs.kept, … (each whole or absent) -> runs.parquet, series.parquet, …, manifest.json

What is finished is never computed again: `resume` looks at the shards that are there, names those that are damaged or
foreign, and computes the rest. The final tables do not depend on how, where or in how many goes they were computed.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.results import store
from valign.results.checkpoint import StoreError, cannot_write, locked, replace
from valign.results.manifest import checked, damaged, read_manifest

from ..bases import Base, Societies, hash_of_societies, loaded, most_people, scenarios_of, shared_societies, variants
from ..design import MOST_RUNS, whole
from ..design_check import check_design
from ..stopping import STOP
from . import shards
from .executors import How, Stopped, computed
from .folder import PARTS, Batch, beside_of, design_hash, goes_on, opened, part_name, write_manifest
from .tables import put_together

if TYPE_CHECKING:
    import pandas as pd


class Interrupted(KeyboardInterrupt):
    """A batch that was asked to stop; what is finished is kept."""


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
        "design": design_hash(design),
        "rows": len(design),
        "record": list(dict.fromkeys(record)),
        "code": sources_hash(),
        "society": hash_of_societies(society),
        "shard_rows": shard_rows
        or shards.shard_rows(
            max(one.months for one in each),
            people,
            len(design),
            design["society_seed"].nunique() if society is None else 1,
        ),
    }
    if isinstance(scenario, Mapping):
        work["scenarios"] = {name: one.to_toml() for name, one in scenario.items()}
    folder = Path(folder)
    batch = Batch(folder, scenario, design, tuple(work["record"]), society, work, command, datetime.now(UTC), say)
    with locked(folder, say):
        finished = store.prepare(folder, work, say)
        if not store.has_manifest(folder):
            write_manifest(batch, {}, done=False)
        try:  # a process may have been killed between any two of these
            if not (folder / "scenario.toml").exists() or not (folder / "design.parquet").exists():
                replace(folder / "scenario.toml", work["scenario"].encode())
                store.copy(folder, beside_of(scenario))
                store.write(folder / "design.parquet", design)
        except OSError as error:
            raise cannot_write(folder, error) from None
    return None if finished else batch


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
    manifest = read_manifest(batch.folder, say)
    finished, spoiled = manifest["status"] == "done", damaged(batch.folder, manifest)
    if finished and not spoiled:
        return None
    if batch.work["code"] != sources_hash():
        for name in spoiled:
            checked(batch.folder, manifest, name)
        raise StoreError(
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
        raise Interrupted(f"interrupted; {goes_on(batch)}") from None
    finally:
        STOP.clear()  # nothing is under way any more: runs that are asked for later are not stopped


def _go_on(batch: Batch, how: How, progress: Callable[[int, int], None] | None) -> None:
    lacking = batch.missing(how.part or (0, 1))
    done = len(batch.design) - sum(len(batch.rows(number)) for number in lacking)
    if progress is not None:
        progress(done, len(batch.design))
    with contextlib.closing(computed(batch.job, lacking, how, batch.say, goes_on(batch))) as finished:
        for number, files in finished:
            try:
                for kind in reversed(batch.kinds):
                    batch.parts.write(part_name(number, kind), files[kind])
            except StoreError as error:
                if _finished(batch):  # by a process that did not wait for this part
                    return
                raise Stopped(f"{error}; {goes_on(batch)}") from None
            done += len(batch.rows(number))
            if progress is not None:
                progress(done, len(batch.design))
    if how.part is None:
        put_together(batch)


def _finished(batch: Batch) -> bool:
    return read_manifest(batch.folder)["status"] == "done"


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
        job = shards.ShardJob(batch.scenario, batch.society, record, batch.work["code"], 0, rows)
        shards.compute(job) if not measured else None  # compile first
        begun = time.perf_counter()
        files = shards.compute(job)
        measured[record] = (time.perf_counter() - begun, sum(map(len, files.values())))
    left = sum(len(batch.rows(number)) for number in batch.missing())
    (plain, small), (taken, large) = measured[()], measured[batch.record]
    each = left / len(rows)
    return Estimate(left, taken * each, large * each, max(0.0, taken - plain) * each, (large - small) * each)
