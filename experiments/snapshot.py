"""The society of one run at its start and at its end: people, services and ties as tables, to be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from valign.model.parameters import ROLES
from valign.model.run.block import run_block
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.ties import KINDS
from valign.model.state.arrays import ENGAGED, SERVICE_STAGES, STAGES

from .bases import imported
from .blocks import Block
from .simulate import Task

MOST_FOLLOWED = 1_000  # people whose single states and ties are kept; of more, services alone


def snapshot(
    scenario: Scenario, seed: int, society_seed: int, society: Society | None = None, *, alone: bool = False
) -> dict[str, pd.DataFrame]:
    """Month 0 and the last month of one run.

    Parameters
    ----------
    scenario, society : as for `simulate`. seed, society_seed : of the run (columns of `Outcomes.runs`).
    alone : whether the run had a block of its own; the numbers are the same, but the kernels that the run has loaded
        serve again (those for one run are not those for several).

    Returns
    -------
    snapshot : service (number), name, group, people, stage_start, stage_end, alignment_start, alignment_end (mean over
        staff, managers and peers, 0-1), engaged_start, engaged_end (shares).
    people, ties : up to 1,000 people. person (row), service (-1: commissioners), role, alignment and stage at start and
        end; a, b (persons) and kind.

    Raises InputError where the run is not possible.
    """
    task = Task(scenario, (), society=imported(scenario, society))
    seeds = (seed,) if alone else (seed, seed)
    S = task.state(Block(np.arange(len(seeds)), seeds, society_seed, {}))
    before = _states(S)
    run_block(task.lowered, S)
    names = None if task.society is None else task.society.service_names(scenario)
    return _tables(scenario, S, before, _states(S), names)


def _states(S) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Alignment and stage of everybody, stage of services, in the first run."""
    return S.alignment[:, 0].copy(), S.stage[:, 0].astype(int), S.service_stage[:, 0].astype(int)


def _tables(scenario: Scenario, S, before, after, names: list[str] | None) -> dict[str, pd.DataFrame]:
    count, people = len(S.service_group), int(S.first[len(S.service_group)])
    service = np.where(np.arange(len(S.role)) < people, S.organisation, -1)
    columns = {
        "service": np.arange(count),
        "name": names or scenario.service_names(),
        "group": np.array(scenario.group_names)[S.service_group],
        "people": np.bincount(service[:people], minlength=count),
    }
    held = {"person": np.arange(len(S.role)), "service": service, "role": np.array(ROLES)[S.role]}
    for when, (alignment, stage, service_stage) in (("start", before), ("end", after)):
        with np.errstate(invalid="ignore"):
            mean, engaged = (
                np.bincount(service[:people], each[:people], count) / columns["people"]
                for each in (alignment, (stage == ENGAGED).astype(float))
            )
        columns |= {
            f"stage_{when}": np.array(SERVICE_STAGES)[service_stage],
            f"alignment_{when}": mean,
            f"engaged_{when}": engaged,
        }
        held |= {f"alignment_{when}": alignment, f"stage_{when}": np.array(STAGES)[stage]}
    tables = {"snapshot": pd.DataFrame(columns)}
    if len(S.role) <= MOST_FOLLOWED:
        tables["people"] = pd.DataFrame(held)
        tables["ties"] = pd.DataFrame({"a": S.tie_a, "b": S.tie_b, "kind": np.array(KINDS)[S.tie_kind]})
    return tables
