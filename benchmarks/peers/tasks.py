"""What the tools are given to do, and the network that they all get.

uptake   people who have taken something up pass it on: everybody who has not takes it up in a month with probability
         1 - (1 - HAZARD)^n, n being the ties to people who have (SI contagion in discrete time), all at once.
values   one value between 0 and 1, drawn toward the mean of one's ties, less the farther they are and not at all beyond
         WIDTH: v += RATE * sum_j max(0, 1 - (d_ij / WIDTH)^2) (v_j - v) / ties, all at once (bounded confidence).
whole    the whole model of docs/ODD.md, all mechanisms: services of `two-services` many times over.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # imported where needed: the peers' processes hold nothing of valign
    from valign.model.scenario.scenario import Scenario
    from valign.model.society.generate import Society

MONTHS = 60
HAZARD, START = 0.01, 0.02  # a month and tie; share who have taken it up at the start
WIDTH, RATE = 0.3, 0.3
SERVICE = 25  # people in a service
PER_PAIR = 54.0  # people in a hostel and an outreach team of `two-services`, commissioners aside
OFF = (
    "fit_effect",
    "peer_effect",
    "evidence_effect",
    "climate_effect",
    "climate_gate",
    "norm_effect",
    "identity_effect",
    "workload_effect",
    "frailty_sd",
    "broadcast",
    "awareness_in_service",
    "awareness_by_ties",
    "initial_awareness",
)


def scenario_of(task: str, people: int) -> Scenario:
    """valign set to a task. Engagement follows awareness at once in `uptake`, so that awareness by ties is the task."""
    from valign.model.parameters import MECHANISMS, PARAMETERS
    from valign.model.scenario.scenario import Scenario

    if task == "whole":
        from benchmarks.__main__ import grown

        return grown(2 * round(people / PER_PAIR), MONTHS)
    parameters = {name: 0.0 for name in OFF}
    parameters["tie_quality"] = PARAMETERS["tie_quality"].maximum  # every tie at 1, the best there is
    parameters |= {"base_staff": 50.0, "base_manager": 50.0, "lapse_base": -50.0, "size_spread": 0.0}
    on = {"relationships"} if task == "values" else {"awareness", "engagement"}
    if task == "values":
        parameters |= {"relationship_rate": RATE, "kernel_width": WIDTH}
    else:
        parameters |= {"awareness_by_ties": HAZARD, "initial_awareness": START}
    scenario = Scenario.from_mapping(
        {
            "name": f"peers-{task}",
            "months": MONTHS + (task == "uptake"),  # those aware at the start engage in month 1
            "dimensions": ["value"],
            "mechanisms": {name: name in on for name in MECHANISMS},
            "innovation": {"values": {"value": 0.5}, "emphasis": {"value": 1.0}},
            "profiles": {"anybody": {"value": 0.5}},
            "organisations": [
                {
                    "name": "service",
                    "count": people // SERVICE,
                    "staff": SERVICE - 1,
                    "managers": 1,
                    "stage": "commissioned",
                    "staff_profile": "anybody",
                    "manager_profile": "anybody",
                    "client_profile": "anybody",
                }
            ],
        }
    )
    return scenario.replace(parameters)


def society_for(task: str, people: int) -> Society:
    """The society of a task; in `values` everybody starts with a value that all tools are given."""
    from valign.model.society.generate import build_society

    society = build_society(scenario_of(task, people), 1)
    if task != "values":
        return society
    start = np.clip(np.random.default_rng(1).normal(0.5, 0.25, len(society.role)), 0.0, 1.0)
    return replace(society, values=start[:, None])


def write_network(task: str, people: int, path: Path) -> None:
    """The network of a task for those who cannot build it: ties `a`, `b` and everybody's `start` value."""
    society = society_for(task, people)
    start = np.zeros(len(society.role)) if society.values is None else society.values[:, 0]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, a=society.tie_a, b=society.tie_b, start=start)


def read_network(path: Path) -> dict[str, Any]:
    """`a`, `b`, `start` of `write_network`."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}
