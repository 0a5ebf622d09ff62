"""Mixes in worlds, simulated: designs in, arrays of outcomes out, kept as they are finished."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.checkpoint import NOTHING_KEPT, Parts, content_hash

from ..simulate import simulate
from .goals import OBSERVED, observed
from .options import Ground, Mix, mix_key
from .schedule import Schedule
from .worlds import Worlds

CHUNK_ROWS = 4096  # runs at a time, so that progress is told and what is finished is kept
SERVICES_BYTES = 3e8
Progress = Callable[[int], None]


def evaluate(
    ground: Ground,
    mixes: Sequence[Mix],
    worlds: Worlds,
    first: int,
    last: int,
    *,
    services: bool = False,
    apart: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    kept: Parts = NOTHING_KEPT,
) -> np.ndarray:
    """Outcomes of every mix in worlds `first` … `last` - 1 [OBSERVED x mixes x worlds x seeds].

    All mixes run in a world with the same seeds and the same society. What a mix costs its commissioner is taken from
    the net value to commissioners, with what the money would have done elsewhere. services : also the least served of
    them. apart : mixes that differ in where alone share their changes (`Schedule`).

    Raises InputError where a run failed: a mix cannot be judged on the runs that happened to be possible.
    """
    seeds = worlds.run_seeds.shape[1]
    schedule = Schedule(ground.scenario, mixes, ground.services, apart)
    found = np.empty((len(OBSERVED), len(mixes), last - first, seeds))
    a_run = (ground.scenario.months + 1) * sum(ground.many) * 5 * 8
    most = min(CHUNK_ROWS, int(SERVICES_BYTES // a_run)) if services else CHUNK_ROWS
    # whole societies at a time: their worlds share blocks
    order = first + np.argsort(worlds.societies[first:last], kind="stable")
    step = max(1, most // (len(mixes) * seeds))
    for begin in range(0, len(order), step):
        chosen = order[begin : begin + step]

        def simulated(chosen: np.ndarray = chosen) -> dict[str, np.ndarray]:
            return {"outcomes": _simulated(ground, schedule, len(mixes), worlds, chosen, services, threads)}

        name = content_hash(
            json.dumps([*map(mix_key, mixes), services]).encode(),
            worlds.run_seeds[chosen].tobytes(),
            worlds.societies[chosen].tobytes(),
            pd.util.hash_pandas_object(worlds.parameters.iloc[chosen], index=False).to_numpy().tobytes(),
        )
        found[:, :, chosen - first] = kept.part(name, simulated)["outcomes"]
        if progress is not None:
            progress(len(chosen) * len(mixes) * seeds)
    _charge(found, ground, mixes, worlds, first, last)
    return found


def _simulated(
    ground: Ground,
    schedule: Schedule,
    mixes: int,
    worlds: Worlds,
    chosen: np.ndarray,
    services: bool,
    threads: int | None,
) -> np.ndarray:
    """Outcomes of some worlds [OBSERVED x mixes x worlds x seeds]; rows world by world, mix by mix, seed by seed."""
    seeds = worlds.run_seeds.shape[1]
    each = mixes * seeds
    world = {str(name): np.repeat(worlds.parameters[name].to_numpy(float)[chosen], each) for name in worlds.parameters}
    rows = np.tile(np.repeat(np.arange(mixes), seeds), len(chosen))
    design = pd.concat([pd.DataFrame(world), schedule.columns(rows.tolist(), world)], axis=1)
    design["seed"] = np.tile(worlds.run_seeds[chosen][:, None, :], (1, mixes, 1)).ravel()
    design["society_seed"] = np.repeat(worlds.societies[chosen], each)
    found = simulate(design, base=schedule.scenario, record=("services",) if services else (), threads=threads)
    table = np.empty((len(OBSERVED), len(design)))
    for where, part in found.parts:
        if failed := [reason for reason in part.failures if reason]:
            raise InputError([f"decide: a run failed: {failed[0]}"])
        table[:, where] = observed(part, services)
    return table.reshape(len(OBSERVED), len(chosen), mixes, seeds).swapaxes(1, 2)


def _charge(found: np.ndarray, ground: Ground, mixes: Sequence[Mix], worlds: Worlds, first: int, last: int) -> None:
    """Take from the net value to commissioners what they pay for a mix, £1,000, with what that displaces."""
    place = OBSERVED.index("value_commissioners")
    drawn = worlds.parameters
    displaced = (
        drawn["displacement"].to_numpy(float)[first:last]
        if "displacement" in drawn
        else np.full(last - first, ground.scenario.value("displacement"))
    )
    for n, mix in enumerate(mixes):
        paid = sum(ground.cost(each)[1] for each in mix if each.action.paid_by == "commissioner") / 1000
        found[place, n] -= (paid * (1 + displaced))[:, None]
