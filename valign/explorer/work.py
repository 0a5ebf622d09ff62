"""Ensembles in worker threads: in parts that other sessions' parts go between, dropped when nobody waits any more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.ablation import booked_per_person, by_mechanism, compared, moving, without_each
from valign.experiments.design import product, replicate
from valign.experiments.design_outcomes import DesignOutcomes
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.results.summaries import mean_interval

from .state import RUNS, SEED, SOCIETIES, Settings, runs_allowed

WORKERS = min(8, os.cpu_count() or 1)
POOL = ThreadPoolExecutor(WORKERS, "explorer")
PART = 1_000_000  # person-months of a part: a fraction of a second, then the next session's turn
QUICK = 1_500_000  # person-months of an ensemble that is shown at once; of a larger one, a quarter of the runs first
ROLES = ("staff", "manager", "peer", "commissioner")
STAGES = ("piloting", "commissioned", "sustained", "abandoned", "outside")
CURVES = (
    ("all", "engaged"),
    ("service", "in_use"),
    ("all", "alignment"),
    *((role, "alignment") for role in ROLES),
    *(("service", stage) for stage in STAGES),
    *(("commissioner", f"weight_{channel}") for channel in ("financial", "economic", "social")),
)


class Superseded(Exception):
    """Nobody waits for this work any more."""


class Latest:
    """Numbers work, so that what was begun before the last change is dropped."""

    def __init__(self) -> None:
        self.number = 0

    def ticket(self) -> Callable[[], bool]:
        """Supersede what went before; the function says whether this work is superseded in turn."""
        self.number += 1
        mine = self.number
        return lambda: self.number != mine


@dataclass(frozen=True, eq=False)
class Question:
    """What is simulated: settings, and the society of an uploaded survey and network (else it is generated)."""

    settings: Settings
    society: Society | None = None

    def people(self) -> int:
        return self.settings.base().people() if self.society is None else len(self.society.role)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What came of a question. curves: months + 1 x runs by (role, variable)."""

    question: Question
    scenario: Scenario
    runs: pd.DataFrame
    curves: Mapping[tuple[str, str], np.ndarray]
    decomposition: pd.DataFrame | None = None
    members: np.ndarray | None = None
    whole: bool = True  # False: the first runs, shown while the others are computed

    @property
    def remark(self) -> str:
        """Why there are fewer runs than usual."""
        return (
            ""
            if len(self.runs) == RUNS or not self.whole
            else (
                f"{self.question.people():,} people over {self.scenario.months} months: {len(self.runs)} runs are "
                f"shown instead of {RUNS}, which keeps the page quick; `valign run` computes as many as you like."
            )
        )


def design_of(question: Question, runs: int = RUNS, points: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per run, the same seeds for every question (common random numbers), at each of the `points`."""
    runs = runs_allowed(question.settings.base(), question.people(), runs)
    row = pd.DataFrame([question.settings.row()], index=[0])
    return replicate(
        row if points is None else product(points, row),
        runs,
        SEED,
        None if question.society is not None else min(SOCIETIES, runs),
    )


def waves_of(design: pd.DataFrame, person_months: int) -> list[pd.DataFrame]:
    """The design at once where that is quick; else a quarter of each society's runs first, for bands to begin with."""
    if person_months * len(design) <= QUICK or len(design) < 32:
        return [design]
    place = design.groupby("society_seed").cumcount()
    size = design.groupby("society_seed")["seed"].transform("size")
    return [design[place < size / 4], design[place >= size / 4]]


def parts_of(design: pd.DataFrame, person_months: int) -> list[pd.DataFrame]:
    """Rows that are computed at once: of one society, and short enough to be interrupted after."""
    most = max(1, min(64, PART // max(1, person_months)))
    groups = (
        [part for _, part in design.groupby("society_seed", sort=False)]
        if design["society_seed"].nunique() < len(design)
        else [design]
    )
    return [group.iloc[start : start + most] for group in groups for start in range(0, len(group), most)]


def computed(question: Question, part: pd.DataFrame, record: Sequence[str]) -> DesignOutcomes:
    """The one place where the page simulates."""
    return simulate(part, base=question.settings.base(), record=record, threads=1, society=question.society)


async def in_thread(stale: Callable[[], bool], function: Callable[..., Any], *arguments: Any) -> Any:
    """Call in a worker thread, unless nobody waits any more by the time it is free."""

    def call() -> Any:
        if stale():
            raise Superseded
        return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(POOL, call)


async def ensemble(
    question: Question,
    stale: Callable[[], bool] = lambda: False,
    runs: int = RUNS,
    record: Sequence[str] = ("series",),
    first: Callable[[Ensemble], Awaitable[None]] | None = None,
    told: Callable[[int, int], None] | None = None,
    points: pd.DataFrame | None = None,
) -> Ensemble:
    """Simulate a question. Raises InputError where it cannot be asked, Superseded when `stale` turns true.

    first : is shown the first runs of a large ensemble while the others are computed. told : runs done, runs in all.
    points : settings on top, `runs` runs with each.
    """
    scenario, design, waves = await in_thread(stale, _prepared, question, runs, first is not None, points)
    turns, done = asyncio.Semaphore(WORKERS), 0

    async def one(part: pd.DataFrame) -> DesignOutcomes:
        nonlocal done
        async with turns:
            found = await in_thread(stale, computed, question, part, record)
        done += len(part)
        if told is not None and not stale():
            told(done, len(design))
        return found

    jobs = [[asyncio.ensure_future(one(part)) for part in parts] for parts in waves]
    found: list[DesignOutcomes] = []
    try:
        for wave, parts in zip(jobs, waves, strict=True):
            found += await asyncio.gather(*wave)
            if stale():
                raise Superseded
            if first is not None and wave is not jobs[-1]:
                await first(joined(question, scenario, parts, found, record, whole=False))
    except BaseException:
        for job in [job for wave in jobs for job in wave]:
            job.cancel()
        raise
    return joined(question, scenario, [part for parts in waves for part in parts], found, record)


def _prepared(
    question: Question, runs: int, in_waves: bool, points: pd.DataFrame | None
) -> tuple[Scenario, pd.DataFrame, list[list[pd.DataFrame]]]:
    scenario, design = question.settings.whole(), design_of(question, runs, points)
    person_months = question.people() * scenario.months
    waves = waves_of(design, person_months) if in_waves else [design]
    return scenario, design, [parts_of(wave, person_months) for wave in waves]


def joined(
    question: Question,
    scenario: Scenario,
    parts: Sequence[pd.DataFrame],
    found: Sequence[DesignOutcomes],
    record: Sequence[str],
    whole: bool = True,
) -> Ensemble:
    """The parts as one, in the order of the design. Raises InputError where no run was possible."""
    tables = [each.runs.assign(run=part.index) for part, each in zip(parts, found, strict=True)]
    runs = pd.concat(tables).sort_values("run").reset_index(drop=True)
    if (runs["status"] != "ok").all():
        raise InputError([runs["status"].iloc[0]])
    number = runs["run"].to_numpy()
    blocks = [
        (np.searchsorted(number, part.index.to_numpy()[rows]), outcomes)
        for part, each in zip(parts, found, strict=True)
        for rows, outcomes in each.parts
    ]
    curves = {}
    for pair in CURVES if "series" in record else ():
        curves[pair] = np.empty((scenario.months + 1, len(runs)))
        for columns, outcomes in blocks:
            curves[pair][:, columns] = outcomes.curves(*pair)
    if "decomposition" not in record:
        return Ensemble(question, scenario, runs, curves, whole=whole)
    flows = pd.concat(
        [
            each.decomposition.assign(run=part.index[each.decomposition["run"]])
            for part, each in zip(parts, found, strict=True)
        ],
        ignore_index=True,
    )
    members = np.empty(len(runs))
    for columns, outcomes in blocks:
        members[columns] = outcomes.members
    return Ensemble(question, scenario, runs, curves, flows, members, whole)


async def what_moved(question: Question, stale: Callable[[], bool], runs: int = 32) -> pd.DataFrame:
    """What moved alignment: as booked by the decomposition, and by switching each mechanism off (`ablations`)."""
    base = await ensemble(question, stale, runs, ("decomposition",))
    booked = booked_per_person(base.decomposition, base.runs, base.members)
    mechanisms = moving(base.scenario, None)
    off = without_each(base.scenario, mechanisms).iloc[1:]
    without = (await ensemble(question, stale, len(base.runs), (), points=off)).runs if len(off) else off
    table = compared(booked, base.runs, by_mechanism(base.scenario, mechanisms, without, base.runs))
    table = table[table["balance"] == "alignment"].reindex(
        columns=["mechanism", *(f"{column}{end}" for column in ("booked", "ablation") for end in ("", "_low", "_high"))]
    )
    clusters = base.runs["society_seed"].to_numpy()
    table.attrs["start"] = mean_interval(base.runs["alignment_start"], clusters).mean
    table.attrs["end"] = mean_interval(base.runs["alignment_final"], clusters).mean
    return table[(table["booked"].abs() > 1e-9) | table["ablation"].notna()].reset_index(drop=True)
