"""What a block is given by its scenario and its society: arrays that are the same in every run, and that nobody changes."""

from __future__ import annotations

from collections.abc import Hashable
from weakref import WeakKeyDictionary

import numpy as np

from ..compiled.handle import Table, header_of
from ..compiled.randomness import TEAM_ID
from ..society.generate import Society
from ..state.arrays import MANAGER
from ..state.scenario_arrays import Lowered, reach, service_settings

EMPTY_SURVEY = np.empty((0, 0))


class Given:
    """Arrays of `State` by name, their headers, and tables of blocks that were made with them."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        self.headers = {name: header_of(name, array) for name, array in self.arrays.items()}
        self.tables: dict[Hashable, Table] = {}


# The last that were made of a society: blocks of the same one follow each other.
_LAST: WeakKeyDictionary[Society, tuple[Lowered, Given]] = WeakKeyDictionary()


def _neighbour_services(society: Society) -> tuple[np.ndarray, np.ndarray]:
    """Distinct services joined by between-service ties, as start offsets and a flat list."""
    O = len(society.key)
    between = society.tie_kind == 2
    a, b = society.organisation[society.tie_a[between]], society.organisation[society.tie_b[between]]
    inside = (a < O) & (b < O) & (a != b)
    pairs = np.unique(
        np.concatenate([a[inside].astype(np.int64) * O + b[inside], b[inside].astype(np.int64) * O + a[inside]])
    )
    return np.searchsorted(pairs, np.arange(O + 1, dtype=np.int64) * max(O, 1)), pairs % max(O, 1)


def _teams(society: Society) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row of everybody's team, and the ids (low, high) of the teams."""
    member = society.team >= 0
    code = society.organisation[member].astype(np.int64) * 65536 + society.team[member]
    teams, rows = np.unique(code, return_inverse=True)
    team = np.full(len(society.role), -1, np.int32)
    team[member] = rows
    return team, TEAM_ID + (teams % 65536).astype(np.uint64), society.key[teams // 65536]


def _portfolios(society: Society, commissioners: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    rows = society.commissioner.astype(np.int64)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    return np.searchsorted(rows[order], first + np.arange(commissioners + 1)), order


def given_arrays(lowered: Lowered, society: Society) -> Given:
    """What blocks of this scenario and society are given."""
    kept = _LAST.get(society)
    if kept is None or kept[0] is not lowered:
        kept = _LAST[society] = lowered, Given(_made(lowered, society))
    return kept[1]


def _rows(numbers: np.ndarray) -> np.ndarray:
    """Numbers of rows, none of them negative: said so that compiled code need not ask whether it is counted from the end."""
    return np.asarray(numbers, np.int32).view(np.uint32)


def _made(lowered: Lowered, society: Society) -> dict[str, np.ndarray]:
    N, O = len(society.role), len(society.key)
    scenario, waits = lowered.scenario, lowered.conditions
    setting = service_settings(
        lowered, society.group, society.service_names(scenario) if lowered.named_services else None
    )
    by_setting, by_service = reach(lowered, setting, lowered.change_where)
    _, looked_at = reach(lowered, setting, waits.where)
    neighbour_start, neighbours = _neighbour_services(society)
    team, team_low, team_high = _teams(society)
    portfolio_start, portfolio = _portfolios(society, N - int(society.first[O]), int(society.first[O]))
    manager_tie = np.full(N, -1, np.int32)
    commissioning = np.flatnonzero(society.tie_kind == 4)
    manager_tie[society.tie_a[commissioning]] = commissioning
    manager_tie[society.role != MANAGER] = -1
    members = society.organisation < O
    clients = [scenario.profile_names.index(group.client_profile) for group in scenario.organisations]
    return dict(
        rules=lowered.rules,
        switches=lowered.switches,
        limits=lowered.limits,
        level_roles=lowered.level_roles,
        correlated=lowered.correlated,
        correlation=lowered.correlation,
        change_parameter=lowered.change_parameter,
        change_scales=lowered.change_scales,
        change_profile=lowered.change_profile,
        change_setting=by_setting,
        change_service=by_service,
        condition_change=waits.change,
        condition_kind=waits.kind,
        condition_role=waits.role,
        condition_variable=waits.variable,
        condition_threshold=waits.threshold,
        condition_below=waits.below,
        condition_last=waits.last,
        condition_after=waits.after,
        condition_service=looked_at,
        first=society.first,
        organisation=society.organisation,
        role=society.role.astype(np.uint8),
        profile=society.profile,
        manager=society.manager,
        line_tie=society.line_tie,
        commissioning_tie=manager_tie,
        post_low=society.post_low,
        post_high=society.post_high,
        team=team,
        service_key=society.key,
        service_group=society.group.astype(np.int64),
        setting=setting,
        commissioner=society.commissioner,
        client_profile=np.array(clients, np.int64)[society.group],
        posts=np.maximum(1, np.bincount(society.organisation[society.role == 0], minlength=O)[:O]).astype(np.int64),
        leadership_z=society.leadership_z,
        slack_z=society.slack_z,
        coproduction_z=society.coproduction_z,
        portfolio_start=portfolio_start,
        portfolio=portfolio,
        neighbour_service_start=neighbour_start,
        neighbour_service=neighbours,
        tie_a=_rows(society.tie_a),
        tie_b=_rows(society.tie_b),
        tie_kind=society.tie_kind,
        tie_start=society.tie_start,
        neighbour=_rows(society.neighbour),
        tie_of=_rows(society.tie_of),
        team_low=team_low,
        team_service=team_high,
        survey=EMPTY_SURVEY if society.values is None else np.asarray(society.values, float),
        stage_given=np.full(N, -1, np.int8) if society.stage is None else society.stage.astype(np.int8),
        aware_given=np.array([scenario.everybody_aware], np.uint8),
        perceives=np.where(members, society.organisation, O + np.arange(N) - int(society.first[O])).astype(np.uint32),
        agency=np.array([lowered.agency]),
    )
