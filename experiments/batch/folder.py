"""The folder of a batch: what is to be done in it, its shards, and its manifest."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results import store
from valign.results.checkpoint import Parts, StoreError
from valign.results.manifest import MANIFEST, read_manifest
from valign.results.saved import load

from ..bases import Societies, hash_of_societies, scenarios_of, shared_societies, table_files
from ..design import NO_SETTINGS, SCENARIO
from . import shards

if TYPE_CHECKING:
    import pandas as pd

PARTS = "shards"


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

    def job(self, number: int) -> shards.ShardJob:
        """What computing shard `number` needs; it can go to another process or machine."""
        return shards.ShardJob(
            self.scenario,
            self.society,
            self.record,
            self.work["code"],
            number * self.size,
            self.rows(number).reset_index(drop=True),
        )

    def missing(self, part: tuple[int, int] = (0, 1)) -> list[int]:
        """Numbers of the shards that have yet to be computed; damaged and foreign ones are named and removed.

        part: (i, n) looks at every n-th only, from the i-th of 0 … n - 1: each is read as a whole.
        """
        return [
            number
            for number in range(part[0], self.count, part[1])
            if not all(part_name(number, kind) in self.parts for kind in self.kinds)
        ]


def part_name(number: int, kind: str) -> str:
    """What shard `number` (from 0) is called for a `kind` of table."""
    return f"{number:06d}.{kind}"


def opened(folder: str | Path, say: Callable[[str], None] = lambda _: None) -> Batch:
    """The batch in a folder, finished or not. Raises StoreError where there is none, or its code was another."""
    import pandas as pd

    folder = Path(folder)
    manifest = read_manifest(folder)
    work = manifest["work"]
    if work.get("command") != "batch":
        raise StoreError(f"{folder} holds results of `valign {work.get('command')}`, not of a batch")
    if not (folder / "design.parquet").exists():
        raise StoreError(f"{folder} was stopped before its design was written: start again with `valign batch`")
    scenario: Scenario | dict[str, Scenario] = Scenario.load(folder / "scenario.toml")
    try:
        design = pd.read_parquet(folder / "design.parquet")
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder / 'design.parquet'} cannot be read: {error}") from None
    if scenario.to_toml() != work["scenario"] or design_hash(design) != work["design"]:
        raise StoreError(
            f"scenario.toml or design.parquet in {folder} has changed since the batch was started: remove the one that "
            "you changed and give the same `valign batch` again"
        )
    if "scenarios" in work:
        where = str(folder / MANIFEST)
        scenario = {name: Scenario.from_toml(text, where) for name, text in work["scenarios"].items()}
    society: Societies = None
    if work["society"] and manifest["status"] != "done":
        society = shared_societies(scenario, None)
        if hash_of_societies(society) != work["society"]:
            raise StoreError(f"the imported society of {folder} has changed since the batch was started")
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


def beside_of(scenario: Scenario | Mapping[str, Scenario]) -> dict[str, Path]:
    """Files that scenarios need, by their name in the folder."""
    return {name: path for each in scenarios_of(scenario) for name, path in table_files(each).items()}


def write_manifest(batch: Batch, tables: dict[str, Any], done: bool) -> None:
    store.write_manifest(
        batch.folder,
        batch.work,
        command=batch.command,
        started=batch.started,
        done=done,
        tables=tables,
        files=["scenario.toml", *beside_of(batch.scenario)],
        settings=[name for name in map(str, batch.design) if name not in (*NO_SETTINGS, SCENARIO)],
        parameters={name: scenarios_of(batch.scenario)[0].value(name) for name in PARAMETERS},
    )


def design_hash(design: pd.DataFrame) -> str:
    import pyarrow as pa

    return store.TableHash().add(pa.Table.from_pandas(design, preserve_index=False)).hexdigest()


def goes_on(batch: Batch) -> str:
    """How to go on with a batch, for a message."""
    return f"what is finished is kept: `{shlex.join(['valign', 'resume', str(batch.folder)])}` continues"
