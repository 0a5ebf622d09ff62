"""Scenario -> outcomes: blocks of runs that share a society, over the cores of one machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
import numpy as np

from valign.model.build import build
from valign.model.errors import InputError
from valign.model.lowering import Lowered, lower
from valign.model.randomness import derive_seed
from valign.model.run import Insertion, Recorded, run_block
from valign.model.scenario import Scenario
from valign.model.society import Society
from valign.model.state import State
from valign.model.tables import society_of

from .outcomes import Outcomes

RUN_SEED, SOCIETY_SEED = 201, 202  # purposes of derived seeds
WIDTH = 64
BLOCK_BYTES = 1.5e9
RECORDS = ("series", "decomposition", "events", "agents")
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Block:
    """Runs that share a society: their positions in the design, run seeds and columns that vary."""

    rows: np.ndarray
    seeds: tuple[int, ...]
    society_seed: int
    overrides: Mapping[str, np.ndarray]


def run_seeds(seed: int, runs: int) -> list[int]:
    """The run seeds of an ensemble: `World(rng=...)` with one of them repeats that run."""
    return [derive_seed(seed, index, RUN_SEED) for index in range(runs)]


def society_seeds(seed: int, runs: Sequence[int], societies: int | None) -> list[int]:
    """Society seed of every run: its own (the run's seed), or one of `societies`, in turn."""
    if societies is None:
        return list(runs)
    return [derive_seed(seed, index % societies, SOCIETY_SEED) for index in range(len(runs))]


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise InputError([f"{name} = {value!r}: a whole number from {low} to {high} is wanted"])
    return int(value)


def machine_memory() -> float:
    """Bytes of memory of this machine (8 GB where it does not say)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8e9


def block_width(people: int, dimensions: int, months_of_agents: int = 0) -> int:
    """How many runs fit into a block; months_of_agents: for how many months everybody's state is recorded.

    Raises InputError when not even one does.
    """
    bytes_a_run = people * (8 * (5 * dimensions + 32) + 8 * months_of_agents * (6 + dimensions) + 64 + 400)
    if bytes_a_run > 0.9 * machine_memory():
        raise InputError([f"a run of {people:,} people needs about {bytes_a_run / 1e9:,.0f} GB of memory; "
                          f"this machine has {machine_memory() / 1e9:,.0f}"])
    return int(max(1, min(WIDTH, BLOCK_BYTES // max(1, bytes_a_run))))


def group_into_blocks(seeds: Sequence[int], societies: Sequence[int], width: int,
                      overrides: Mapping[str, np.ndarray] | None = None) -> list[Block]:
    """Runs with the same society seed share blocks of at most `width`, in the order of the design."""
    blocks = []
    by_society: dict[int, list[int]] = {}
    for row, society in enumerate(societies):
        by_society.setdefault(society, []).append(row)
    for society, rows in by_society.items():
        for start in range(0, len(rows), width):
            part = np.array(rows[start:start + width])
            columns = {name: np.asarray(column)[part] for name, column in (overrides or {}).items()}
            blocks.append(Block(part, tuple(seeds[row] for row in part), society, columns))
    return blocks


@dataclass(eq=False)
class Task:
    """Everything a block needs to run."""

    scenario: Scenario
    record: tuple[str, ...]
    insertions: tuple[Insertion, ...] = ()
    society: Society | None = None  # given (imported), else built from the block's society seed

    @cached_property
    def lowered(self) -> Lowered:
        return lower(self.scenario)

    def state(self, block: Block) -> State:
        society = self.society or society_of(self.scenario, block.society_seed)
        return build(self.lowered, society, block.seeds, block.overrides,
                     accounting="decomposition" in self.record, person_terms="events" in self.record,
                     series="series" in self.record, agents="agents" in self.record)

    def run(self, block: Block) -> Recorded:
        return run_block(self.lowered, self.state(block), events="events" in self.record, insertions=self.insertions)

    def run_or_explain(self, block: Block) -> list[tuple[Block, Recorded | str]]:
        """Results of a block; a block that fails is run one by one, so that only runs that fail do."""
        try:
            return [(block, self.run(block))]
        except (InputError, FloatingPointError, ValueError, MemoryError) as error:
            if len(block.rows) == 1:
                return [(block, str(error))]
        singles = [Block(block.rows[n:n + 1], block.seeds[n:n + 1], block.society_seed,
                         {name: column[n:n + 1] for name, column in block.overrides.items()})
                   for n in range(len(block.rows))]
        return [result for single in singles for result in self.run_or_explain(single)]


def simulate(
    scenario: Scenario | str, runs: int | None = None, seed: int = 1, societies: int | None = None,
    record: Iterable[str] = ("series", "decomposition"), *, width: int | None = None, threads: int | None = None,
    mechanisms: Sequence[Insertion] = (), society: Society | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcomes:
    """Simulate a scenario.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML.
    runs : number of runs (default: what the scenario suggests).
    seed : 0 … 2**63 - 1; run seeds are derived from it and stand in `Outcomes.runs`.
    societies : None gives every run a society of its own (independent replicates); a number nests the runs in so many.
    record : any of "series", "decomposition", "events", "agents".
    width, threads : how many runs a block holds and how many blocks run at once; results do not depend on them.
    mechanisms : mechanisms of one's own (`valign.model.run.insertion`), plain Python: slower.
    society : an imported society (`society_from_tables`), else generated from society seeds.
    progress : called with (runs done, runs in all).

    Raises
    ------
    InputError : wrong arguments, or no run of the scenario is possible (for instance an unreachable alignment level).
    """
    scenario = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    runs = _whole("runs", scenario.runs if runs is None else runs, 1, 10**9)
    seed = _whole("seed", seed, 0, MAX_SEED)
    if societies is not None:
        societies = _whole("societies", societies, 1, runs)
    record = tuple([record] if isinstance(record, str) else record)
    if unknown := [name for name in record if name not in RECORDS]:
        raise InputError([f"record = {unknown[0]!r}: allowed are {', '.join(RECORDS)}"])
    seeds = run_seeds(seed, runs)
    if society is None and scenario.tables is not None:
        society = society_of(scenario, 0)  # imported: the same for every run
    of_society = [0] * runs if society is not None else society_seeds(seed, seeds, societies)
    task = Task(scenario, record, tuple(mechanisms), society)
    people = scenario.people() if society is None else len(society.role)
    width = width or block_width(people, len(scenario.dimensions),
                                 scenario.months + 1 if "agents" in record else 0)
    blocks = group_into_blocks(seeds, of_society, width)
    results = run_blocks(task, blocks, runs, threads, progress)
    outcomes = Outcomes(scenario, seeds, of_society, results, task.lowered)
    if all(outcomes.failures):
        raise InputError([outcomes.failures[0]])
    return outcomes


def run_blocks(task: Task, blocks: Sequence[Block], runs: int, threads: int | None,
               progress: Callable[[int, int], None] | None) -> list[tuple[Block, Recorded | str]]:
    """Run blocks over threads (the kernels release the lock); the order of the results is that of the blocks."""
    results, done = [], 0
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        try:
            for part in pool.map(task.run_or_explain, blocks):
                results += part
                done += sum(len(block.rows) for block, _ in part)
                if progress is not None:
                    progress(done, runs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


