"""Scenario -> outcomes: blocks of runs that share a society, over the cores of one machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
import pandas as pd

from valign.model.compiled.engine import expect
from valign.model.errors import InputError
from valign.model.run.block import Insertion, Recorded, run_block
from valign.model.run.initial import build
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.tables import society_of
from valign.model.state.arrays import State
from valign.model.state.scenario_arrays import Lowered, lower

from .blocks import Block, block_width, group_into_blocks
from .bases import Base, Societies, imported, loaded, society_in, variants, with_common_seeds
from .default_worlds import runs_of
from .design import MOST_RUNS, SCENARIO, NO_SETTINGS, SEEDS, checked_ensemble, run_seeds, society_seeds, whole
from .design_check import check_design, varies_in_block
from .design_outcomes import DesignOutcomes
from .outcomes import Outcomes, warn_of_failures
from .stopping import STOP, stopped_together

SHARED_PEOPLE = 20_000  # from so many on threads that are left over share the people of a block
MOST_THREADS = 1024
RECORDABLE = ("series", "decomposition", "events", "services", "agents")
T = TypeVar("T")


class _Same:
    """A scenario as a key: the same object, not one that says the same."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def __hash__(self) -> int:
        return id(self.scenario)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.scenario is self.scenario


@lru_cache(maxsize=128)
def _small_society(scenario: _Same, seed: int) -> Society:
    return society_of(scenario.scenario, seed)


@lru_cache(maxsize=16)
def _lowered(scenario: _Same) -> Lowered:
    return lower(scenario.scenario)


@lru_cache(maxsize=16)
def _people(scenario: _Same) -> int:
    return scenario.scenario.people()


def society_from(scenario: Scenario, seed: int) -> Society:
    """A generated society; small ones are kept for the blocks to come (nobody changes a society)."""
    same = _Same(scenario)
    return _small_society(same, seed) if _people(same) <= 1000 else society_of(scenario, seed)


@dataclass(eq=False)
class Task:
    """Everything a block needs to run."""

    scenario: Scenario
    record: tuple[str, ...]
    insertions: tuple[Insertion, ...] = ()
    society: Society | None = None  # given (imported), else built from the block's society seed

    @cached_property
    def lowered(self) -> Lowered:
        """The scenario as arrays; the same for every task of it, so that what blocks are given is made once."""
        return _lowered(_Same(self.scenario))

    @cached_property
    def people(self) -> int:
        """Number of people."""
        return _people(_Same(self.scenario)) if self.society is None else len(self.society.role)

    @cached_property
    def width(self) -> int:
        """How many runs a block may hold."""
        people = self.people
        months = self.scenario.months + 1 if "agents" in self.record else 0
        return block_width(people, len(self.scenario.dimensions), months)

    def state(self, block: Block) -> State:
        society = self.society or society_from(self.scenario, block.society_seed)
        return build(
            self.lowered,
            society,
            block.seeds,
            block.overrides,
            accounting="decomposition" in self.record,
            person_terms="events" in self.record,
            series="series" in self.record,
            services="services" in self.record,
            agents="agents" in self.record,
        )

    def run(self, block: Block, threads: int = 1) -> Recorded:
        alone = self.people >= SHARED_PEOPLE or self.insertions  # large, or somebody looks at every run
        recorded = run_block(
            self.lowered,
            self.state(block if alone else block.filled_up()),
            events="events" in self.record,
            insertions=self.insertions,
            cancelled=STOP.is_set,
            threads=threads if self.people >= SHARED_PEOPLE else 1,
        )
        return recorded.first(len(block.rows))

    def run_or_explain(self, block: Block, threads: int = 1) -> list[tuple[Block, Recorded | str]]:
        """Results of a block; a block that fails is run one by one, so that only runs that fail do.

        threads: that share the people of a block of a large society.
        """
        try:
            return [(block, self.run(block, threads))]
        except (InputError, FloatingPointError, ValueError, MemoryError) as error:
            if len(block.rows) == 1:
                return [(block, str(error))]
        singles = [block.runs([n]) for n in range(len(block.rows))]
        return [result for single in singles for result in self.run_or_explain(single, threads)]


@overload
def simulate(
    scenario: Scenario | str | Path,
    runs: int | None = None,
    seed: int | None = None,
    societies: int | None = None,
    record: Iterable[str] | None = None,
    *,
    worlds: None = None,
    base: Scenario | str | Path = ...,
    width: int | None = None,
    threads: int | None = None,
    mechanisms: Sequence[Insertion] = (),
    society: Society | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcomes: ...
@overload
def simulate(
    scenario: Scenario | str | Path,
    runs: int | None = None,
    seed: int | None = None,
    societies: int | None = None,
    record: Iterable[str] | None = None,
    *,
    worlds: int,
    base: Scenario | str | Path = ...,
    width: int | None = None,
    threads: int | None = None,
    mechanisms: Sequence[Insertion] = (),
    society: Society | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DesignOutcomes: ...
@overload
def simulate(
    scenario: pd.DataFrame,
    runs: int | None = None,
    seed: int | None = None,
    societies: int | None = None,
    record: Iterable[str] | None = None,
    *,
    base: Base = ...,
    width: int | None = None,
    threads: int | None = None,
    mechanisms: Sequence[Insertion] = (),
    society: Societies = None,
    progress: Callable[[int, int], None] | None = None,
) -> DesignOutcomes: ...
def simulate(
    scenario: Scenario | str | Path | pd.DataFrame,
    runs: int | None = None,
    seed: int | None = None,
    societies: int | None = None,
    record: Iterable[str] | None = None,
    *,
    worlds: int | None = None,
    base: Base = "two-services",
    width: int | None = None,
    threads: int | None = None,
    mechanisms: Sequence[Insertion] = (),
    society: Societies = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcomes | DesignOutcomes:
    """Simulate a scenario, or a design of many.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML; or a design: a DataFrame with one row per run, whose
        columns are settings of the scenario `base`, `seed` and perhaps `society_seed` (see `experiments.design`).
    runs : number of runs (default: what the scenario suggests), of each world (default: two). A design
        has its own runs and seeds.
    seed : 0 … 2**63 - 1 (default: 1); run seeds are derived from it and stand in `Outcomes.runs`.
    societies : None gives every run a society of its own (independent replicates); a number nests the runs in so many.
    record : any of "series", "decomposition", "events", "services", "agents" (default: the first two; of a design,
        none).
    worlds : make the runs in each of so many worlds (`experiments.worlds.alike`: plausible ones, as long as none ship
        that agree with what is known): what comes is as of a design, with the columns `world` and `weight`. None:
        parameters as the scenario has them.
    base : the scenario that the columns of a design change; or several by name, of which the design's column
        `scenario` names one in each row.
    width, threads : how many runs a block holds and how many threads compute, from 1 (default: what memory allows,
        one a core): a block each; where there are fewer blocks, and a society has 20,000 people or more, several share
        its people. Results do not depend on them.
    mechanisms : mechanisms of one's own (`valign.model.run.block.insertion`), plain Python: slower.
    society : an imported society (`society_from_tables`), else generated from society seeds.
    progress : called with (runs done, runs in all).

    Returns
    -------
    Outcomes, or DesignOutcomes with the same tables.

    Raises
    ------
    InputError : wrong arguments or a wrong design, or no run of the scenario is possible (for instance an unreachable
        alignment level).
    """
    width = None if width is None else whole("width", width, 1, MOST_RUNS)
    if isinstance(scenario, pd.DataFrame):
        asked = (("runs", runs), ("seed", seed), ("societies", societies), ("worlds", worlds))
        if given := [name for name, value in asked if value is not None]:
            raise InputError([f"{given[0]}: a design has its own runs, seeds and societies (`replicate` makes them)"])
        return _simulate_design(
            scenario, base, _records(record, ()), width, threads, tuple(mechanisms), society, progress
        )
    scenario = Scenario.load(scenario)
    runs, seed, societies = checked_ensemble(runs_of(scenario, runs, worlds), 1 if seed is None else seed, societies)
    shared = society_in(society, scenario.name)
    if worlds is not None:
        point = pd.DataFrame({"months": [scenario.months]})
        design = with_common_seeds(point, scenario, runs, seed, societies, shared, worlds)
        records = _records(record, ("series", "decomposition"))
        return _simulate_design(design, scenario, records, width, threads, tuple(mechanisms), shared, progress)
    seeds = run_seeds(seed, runs)
    task = Task(scenario, _records(record, ("series", "decomposition")), tuple(mechanisms), imported(scenario, shared))
    of_society = [0] * runs if task.society is not None else society_seeds(seed, seeds, societies)
    blocks = group_into_blocks(seeds, of_society, width or task.width, few_alone=width is None)
    outcomes = Outcomes(scenario, seeds, of_society, run_blocks(task, blocks, runs, threads, progress), task.lowered)
    if all(outcomes.failures):
        raise InputError([outcomes.failures[0]])
    warn_of_failures(outcomes.failures)
    return outcomes


def _records(record: Iterable[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    record = default if record is None else tuple([record] if isinstance(record, str) else record)
    if unknown := [name for name in record if name not in RECORDABLE]:
        raise InputError([f"record = {unknown[0]!r}: expected one of {', '.join(RECORDABLE)}"])
    return record


def plan(
    base: Scenario | Mapping[str, Scenario],
    design: pd.DataFrame,
    record: tuple[str, ...],
    width: int | None = None,
    mechanisms: tuple[Insertion, ...] = (),
    society: Societies = None,
) -> list[tuple[np.ndarray, Task, list[Block]]]:
    """Tasks and blocks of a checked design; the rows of a block count within its variant."""
    planned: list[tuple[np.ndarray, Task, list[Block]]] = []
    for rows, scenario in variants(base, design):
        part = design.iloc[rows]
        of = part[SCENARIO].iloc[0] if SCENARIO in part else scenario.name
        task = Task(scenario, record, mechanisms, imported(scenario, society_in(society, of)))
        columns = {
            name: part[name].to_numpy() for name in map(str, part) if name not in NO_SETTINGS and varies_in_block(name)
        }
        societies = [0] * len(rows) if task.society is not None else part["society_seed"].tolist()
        runs = part["seed"].tolist()
        planned.append((rows, task, group_into_blocks(runs, societies, width or task.width, columns, width is None)))
    return planned


def _simulate_design(
    design: pd.DataFrame,
    base: Base,
    record: tuple[str, ...],
    width: int | None,
    threads: int | None,
    mechanisms: tuple[Insertion, ...],
    society: Societies,
    progress: Callable[[int, int], None] | None,
) -> DesignOutcomes:
    scenarios = loaded(base)
    design = check_design(scenarios, design)
    planned = plan(scenarios, design, record, width, mechanisms, society)
    jobs = [(task, block) for _, task, blocks in planned for block in blocks]
    results = iter(run_jobs(jobs, len(design), threads, progress))
    parts: list[tuple[np.ndarray, Outcomes]] = []
    for rows, task, blocks in planned:
        found = [each for _ in blocks for each in next(results)]
        seeds, societies = (design[name].iloc[rows].tolist() for name in SEEDS)
        parts.append((rows, Outcomes(task.scenario, seeds, societies, found, task.lowered)))
    return DesignOutcomes(scenarios, design, parts)


def simulate_in_parts(
    design: pd.DataFrame,
    rows: int,
    reduce: Callable[[DesignOutcomes], T],
    *,
    base: Base,
    record: Iterable[str],
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[T]:
    """What `reduce` makes of the outcomes of so many `rows` of a design at a time.

    For what is recorded of all rows together and would fill the memory. The others: as for `simulate`.
    """
    found: list[T] = []
    for first in range(0, len(design), rows):

        def told(done: int, _: int, before: int = first) -> None:
            if progress is not None:
                progress(before + done, len(design))

        part = design.iloc[first : first + rows]
        found.append(reduce(simulate(part, base=base, record=record, threads=threads, progress=told)))
    return found


BlockResult = tuple[Block, Recorded | str]


def run_blocks(
    task: Task, blocks: Sequence[Block], runs: int, threads: int | None, progress: Callable[[int, int], None] | None
) -> list[BlockResult]:
    """Run the blocks of one task; see `run_jobs`."""
    return [each for part in run_jobs([(task, block) for block in blocks], runs, threads, progress) for each in part]


def run_jobs(
    jobs: Sequence[tuple[Task, Block]], runs: int, threads: int | None, progress: Callable[[int, int], None] | None
) -> list[list[BlockResult]]:
    """Run blocks over threads (the kernels release the lock); the order of the results is that of the jobs."""
    results: list[list[BlockResult]] = []
    done = 0

    def collect(parts: Iterable[list[BlockResult]]) -> None:
        nonlocal done
        for part in parts:
            results.append(part)
            done += sum(len(block.rows) for block, _ in part)
            if progress is not None:
                progress(done, runs)

    def run(job: tuple[Task, Block]) -> list[BlockResult]:
        task, block = job
        return task.run_or_explain(block, max(1, at_once // len(jobs)))

    at_once = os.cpu_count() or 1 if threads is None else whole("threads", threads, 1, MOST_THREADS)
    expect(sum(task.people * task.scenario.months * len(block.rows) for task, block in jobs), at_once)
    if at_once == 1:
        collect(map(run, jobs))
        return results
    with ThreadPoolExecutor(at_once) as pool, stopped_together(pool):
        collect(pool.map(run, jobs))
    return results
