"""`valign batch` and `valign resume`: a design from a file, simulated into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from valign.model.errors import InputError

from . import ensemble, terminal
from .job import REPORT, as_typed, report, say_if_compiling
from .options import scenario_of, setting
from .where import Where

if TYPE_CHECKING:
    from valign.experiments.batch.executors import How
    from valign.experiments.batch.folder import Batch


def batch(
    design: Path,
    scenario: str,
    out: Path,
    record: tuple[str, ...],
    settings: tuple[str, ...],
    replicates: tuple[int | None, int | None, int | None],
    worlds: int | None,
    prepare: bool,
    where: Where,
) -> None:
    """replicates: number, seed, societies, for a design without seeds. worlds: in how many each row is run."""
    from valign.experiments.batch import batch
    from valign.experiments.design import SEEDS, read_design, replicate

    how = where.how()
    count, seed, societies = replicates
    if count is None and (seed is not None or societies is not None):
        raise InputError(["--seed and --societies need --replicates: a design with seeds of its own takes neither"])
    base = scenario_of(scenario, settings)
    table = read_design(design)
    if twice := [name for name, _ in map(setting, settings) if name in table]:
        raise InputError(
            [
                f"--set {name}: the design has a column {name!r} too, which would override it; remove one"
                for name in twice
            ]
        )
    if count is not None:
        if both := [name for name in SEEDS if name in table]:
            raise InputError([f"the design already has a column {both[0]!r}: leave out --replicates"])
        if count < 1:
            raise InputError([f"--replicates {count}: expected a whole number of at least 1"])
        table = replicate(table, count, 1 if seed is None else seed, societies)
    if worlds is not None:
        from valign.experiments.design import over_worlds
        from valign.experiments.worlds import alike

        table = over_worlds(table, alike(worlds), base)
    quiet = where.quiet or where.as_json
    begun = batch.begin(base, table, out, record, say=lambda text: terminal.say(text, quiet), command=as_typed())
    if begun is None:
        terminal.say(f"{out} already holds these results", quiet)
    elif prepare:
        terminal.say(f"{out}: {len(table):,} runs in {begun.count} shards; `valign resume` computes them", quiet)
    else:
        _go_on(begun, how, quiet)
    if where.as_json or not prepare:
        _print(batch.opened(out), where)


def resume(folder: Path, where: Where) -> None:
    from valign.experiments.batch import batch

    if (folder / ensemble.BEGUN / ensemble.ASKED).exists():
        return ensemble.resume(folder, where)
    how = where.how()
    quiet = where.quiet or where.as_json
    found = batch.going_on(folder, lambda text: terminal.say(text, quiet))
    if found is None:
        terminal.say(f"{folder} is finished", quiet)
    else:
        _go_on(found, how, quiet)
    _print(batch.opened(folder), where)


def _go_on(found: Batch, how: How, quiet: bool) -> None:
    from valign.experiments.batch import batch

    say_if_compiling(quiet)
    if not quiet and how.cluster is None and how.part is None and found.missing():
        terminal.say(_told(batch.estimate(found), how.workers or how.threads or os.cpu_count() or 1))
    with terminal.progress(found.folder.name, quiet) as told:
        batch.go_on(found, how, told)


def _told(expected: object, cores: int) -> str:
    text = (
        f"{expected.runs:,} runs: about {terminal.duration(expected.seconds / cores)} on {cores} "
        f"core{'s' * (cores > 1)}, {_size(expected.bytes)} on disk"
    )
    if expected.bytes_of_recording > 0:
        text += (
            f" (of which recording takes {terminal.duration(expected.seconds_of_recording / cores)} and "
            f"{_size(expected.bytes_of_recording)})"
        )
    return text


def _size(size: float) -> str:
    for unit, length in (("GB", 2**30), ("MB", 2**20)):
        if size >= length:
            return f"{size / length:.1f} {unit}"
    return f"{size / 1024:.0f} KB"


def _print(found: Batch, where: Where) -> None:
    from valign.results import store

    manifest = store.read_manifest(found.folder)
    if manifest["status"] != "done":
        missing = len(found.missing())
        if where.as_json:
            terminal.as_json({"folder": str(found.folder), "missing": missing})
        else:
            terminal.say(f"{found.folder}: {missing} of {found.count} shards are missing", where.quiet)
        return
    page = found.folder / REPORT
    if not page.exists():
        report(found.folder)
        manifest = store.read_manifest(found.folder)
    runs = found.runs
    failed = runs[runs["status"] != "ok"]
    if where.as_json:
        terminal.as_json(
            {
                "folder": str(found.folder),
                "runs": len(runs),
                "failed": len(failed),
                "content": {name: each["content"] for name, each in manifest["tables"].items() if "content" in each},
            }
        )
        return
    terminal.say(
        f"{len(runs):,} runs in {found.folder}: "
        f"{', '.join(f'{name}.parquet' for name in manifest['tables'])}; "
        f"report: {page}",
        where.quiet,
    )
    if len(failed):
        terminal.say(
            f"{len(failed):,} of them failed and say why in the column status; the first, row "
            f"{failed['run'].iloc[0]}: {failed['status'].iloc[0]}",
            where.quiet,
        )
