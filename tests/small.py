"""Small scenarios with little in them, for tests with an answer known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from valign.model.ledger.booking import put_into_bins, take_flows
from valign.model.ledger.decomposition import BALANCES, ENTRIES, EPISODES, cells, flows_a_month, places
from valign.model.parameters import MECHANISMS
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society, build_society
from valign.model.state.arrays import State
from valign.model.state.scenario_arrays import lower

STILL = {  # a crisp innovation, everybody alike but for their values
    "reading_sd": 0.0, "frailty_sd": 0.0, "service_share": 0.0, "team_share": 0.0, "innovation.clarity": 1.0,
    "leadership_sd": 0.0, "coproduction_sd": 0.0, "slack_sd": 0.0,
    # nobody is held back or carried along by others, and who starts asks nobody
    "climate_gate": 0.0, "norm_effect": 0.0, "lapse_climate": 0.0, "adoption_norm": 0.0, "burden_effect": 0.0,
    "pilot_funds": 1.0,
}  # fmt: skip


def small(
    *on: str,
    dimensions: int = 1,
    group: Mapping[str, Any] | None = None,
    months: int = 12,
    commissioners: int = 0,
    settings: Mapping[str, Any] | None = None,
    **top: Any,
) -> Scenario:
    """One service, only the mechanisms `on`."""
    names = [f"d{k}" for k in range(dimensions)]
    profile = dict.fromkeys(names, 0.5)
    scenario = Scenario.from_mapping({
        "name": "small", "months": months, "dimensions": names, "everybody_aware": True,
        "innovation": {"values": dict.fromkeys(names, 0.8), "emphasis": dict.fromkeys(names, 1 / dimensions)},
        "profiles": {"all": profile},
        "organisations": [{
            "name": "service", "staff": 10, "managers": 0, "stage": "commissioned", "staff_profile": "all",
            "manager_profile": "all", "peer_profile": "all", "client_profile": "all", **(group or {}),
        }],
        "commissioners": {"count": commissioners, "profile": "all"},
        "mechanisms": {name: name in on for name in MECHANISMS}, **top,
    })  # fmt: skip
    return scenario.replace({**STILL, **(settings or {})})


def imported_society(folder: Path) -> None:
    """mine.toml with tables beside it: three people of one service."""
    mine = Scenario.load("two-services").to_mapping() | {"tables": {"nodes": "nodes.csv", "edges": "edges.csv"}}
    Scenario.from_mapping(mine).to_toml(folder / "mine.toml")
    (folder / "nodes.csv").write_text("id,organisation\na,hostel\nb,hostel\nc,hostel\n")
    (folder / "edges.csv").write_text("from,to\na,b\n")


def start(
    scenario: Scenario, seeds: list[int], *, accounting: bool = False, society_seed: int = 1
) -> tuple[State, Society]:
    """A block at month 0 and its society."""
    society = build_society(scenario, society_seed)
    return build(lower(scenario), society, seeds, accounting=accounting), society


def months(S: State, number: int, *, accounting: bool = False) -> None:
    """Run that many months."""
    for t in range(1, number + 1):
        run_months(S, t, t + 1, month_steps(S.switches, accounting))


def by_service(S: State) -> State:
    """The same state, with a decomposition in which every service is a group of its own."""
    services, W = len(S.setting), len(S.runs)
    rows = 3 * len(cells(services))
    # In the order that they have in S: in another one, every kernel would be compiled once more.
    arrays = {name: getattr(S, name) for name, _ in S.headers() if name not in (*S.views, "runs")}
    arrays |= {"service_group": np.arange(services), "occupied": np.zeros(rows, np.uint8)}
    arrays |= {"ledger": np.zeros((rows, len(ENTRIES), W))}
    most = flows_a_month(services, W) + 1
    found = State(W, **arrays | {"flow_position": np.zeros(most, np.int64), "flow_change": np.zeros(most)})
    assert found.layout is S.layout
    put_into_bins(found)
    return found


def booked(S: State, groups: int = 1) -> np.ndarray:
    """What was booked since this was last asked: balances x entries x groups and commissioners x episodes x 4 roles x
    4 stages x W."""
    positions, changes = take_flows(S)
    sums = np.zeros((len(BALANCES), len(ENTRIES), groups + 1, len(EPISODES), 4, 4, len(S.runs)))
    np.add.at(sums, places(positions, groups, len(S.runs))[1:], changes)
    return sums


def adjacency(S: State) -> np.ndarray:
    """Ties as a matrix of their quality in the first run [N x N]."""
    matrix = np.zeros((len(S.role), len(S.role)))
    matrix[S.tie_a, S.tie_b] = S.quality[:, 0]
    return matrix + matrix.T
