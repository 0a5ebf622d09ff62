"""Society: who works where, who leads and funds whom, and who has ties with whom, from a society seed.

Every draw is named by the service, post or ordered pair that it is for, and partners in other services are found on a
ring of hashed positions. So adding a service changes nobody else's people or ties inside services, and of the ties
between services only those that the newcomer takes over.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.engine import through
from ..compiled.randomness import split_seed
from ..scenario.scenario import ScenarioError
from ..state.arrays import COMMISSIONER
from .ties import adjacency, all_ties, lasting_normals, people_of, sizes, unpack_ties

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

MOST_SERVICES, MOST_TEAMS, MOST_POSTS = 65_536, 65_000, 2**24


@dataclass(frozen=True, eq=False)
class Society:
    """Arrays of a society. N people, O services, E ties.

    Rows: services in scenario order, in a service managers, staff, peers; commissioners last. Rows and numbers count
    from 0; -1 stands for none. Nobody changes a society: runs share it.

    Attributes
    ----------
    organisation, role, profile, team : of each person [N]: number of the service (commissioners: O), of the role (in
        the order of `ROLES`), of the value profile, of the team in the service.
    manager, line_tie : of each person [N]: row of the line manager, number of the tie with them.
    post_low, post_high, key : what draws are named by, of posts [N] and of services [O].
    first : rows of service o are first[o] to first[o + 1] - 1 [O + 2].
    group, commissioner, area : of each service [O]: number of the group, row of who funds it, number of the area.
    leadership_z, slack_z, coproduction_z : lasting differences of services [O], standard normal.
    tie_a, tie_b, tie_kind : of each tie [E]: rows of the two, a < b, and the kind (in the order of `ties.KINDS`).
    values : of first holders [N, K], in [0, 1], NaN where missing (None: drawn).
    stage : of first holders [N], in the order of `STAGES`, -1 where missing (None: drawn).
    ids, names : of imported people [N] and services [O].
    tie_start, neighbour, tie_of : ties by person: i has neighbour[tie_start[i]:tie_start[i + 1]], by ties tie_of[...].
    """

    organisation: np.ndarray  # N int32 (commissioners: O)
    role: np.ndarray  # N int8
    profile: np.ndarray  # N int32: number of the value profile
    team: np.ndarray  # N int32: number in the service, -1
    manager: np.ndarray  # N int32: row of the line manager, -1
    post_low: np.ndarray  # N uint64
    post_high: np.ndarray
    first: np.ndarray  # (O + 2) int64: rows of service o are first[o] … first[o + 1] - 1
    key: np.ndarray  # O uint64
    group: np.ndarray  # O int32
    commissioner: np.ndarray  # O int32: row, -1
    area: np.ndarray  # O int32
    leadership_z: np.ndarray  # O: lasting differences
    slack_z: np.ndarray
    coproduction_z: np.ndarray
    tie_a: np.ndarray  # E int32, a < b, sorted
    tie_b: np.ndarray
    tie_kind: np.ndarray  # E int8, in the order of KINDS
    values: np.ndarray | None = None  # N x K values of first holders (NaN: missing)
    stage: np.ndarray | None = None  # N int8, stage of first holders (-1: missing)
    ids: list[str] | None = None  # of imported people
    names: list[str] | None = None  # of imported services
    tie_start: np.ndarray = field(init=False)  # ties by person: (N + 1) int64
    neighbour: np.ndarray = field(init=False)  # 2 E int32, ascending
    tie_of: np.ndarray = field(init=False)  # 2 E int32
    line_tie: np.ndarray = field(init=False)  # N int32: tie with the line manager, -1

    def __post_init__(self) -> None:
        people, ties = len(self.role), len(self.tie_a)
        start, line_tie = np.zeros(people + 1, np.int64), np.full(people, -1, np.int32)
        neighbour, tie_of = np.empty(2 * ties, np.int32), np.empty(2 * ties, np.int32)
        through(adjacency, self.tie_a, self.tie_b, self.manager, start, neighbour, tie_of, line_tie)
        for name, array in (("tie_start", start), ("neighbour", neighbour), ("tie_of", tie_of), ("line_tie", line_tie)):
            object.__setattr__(self, name, array)

    def service_names(self, scenario: Scenario) -> list[str]:
        """Names of the services [O]: their own where imported, else those that `scenario` gives."""
        return scenario.service_names() if self.names is None else self.names


def name_key(name: str) -> int:
    """16 bits from a name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=2).digest(), "big")


def service_keys(scenario: Scenario) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Key, group and number in the group of every service. Raises ScenarioError where keys would not be distinct."""
    seen = {name_key("commissioners"): "commissioners"}
    for group in scenario.organisations:
        other = seen.setdefault(name_key(group.name), group.name)
        if other != group.name:
            raise ScenarioError([f"organisations: {group.name!r} and {other!r} get the same key; rename one of them"])
        if group.count > MOST_SERVICES:
            raise ScenarioError(
                [
                    f"organisations: {group.name!r} has {group.count:,} services; at most "
                    f"{MOST_SERVICES:,} are allowed in a group (use several groups)"
                ]
            )
    counts = [group.count for group in scenario.organisations]
    index = np.concatenate([np.arange(count) for count in counts])
    group = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    high = np.repeat(np.array([name_key(g.name) << 16 for g in scenario.organisations], np.uint64), counts)
    return high | index.astype(np.uint64), group, index


def lasting_differences(seed: int, keys: np.ndarray) -> np.ndarray:
    """Normals of services [4 x O]: size, leadership, slack, co-production."""
    out = np.empty((4, len(keys)))
    through(lasting_normals, split_seed(seed), keys, out)
    return out


def build_society(scenario: Scenario, seed: int) -> Society:
    """A society of the scenario.

    seed: 0 … 2**63 - 1; the same seed gives the same society on every machine. Raises ScenarioError when names of
    groups clash or a service is too large.
    """
    words = split_seed(seed)
    keys, group, index = service_keys(scenario)
    O, C, groups = len(keys), scenario.commissioners.count, scenario.organisations
    lasting = lasting_differences(seed, keys)
    staff, managers = np.empty(O, np.int64), np.array([g.managers for g in groups], np.int64)[group]
    spread = np.array([scenario.value("size_spread") if g.count > 1 else 0.0 for g in groups])[group]
    through(sizes, np.array([float(g.staff) for g in groups])[group], spread, lasting[0], staff)
    peers = np.array([g.peers for g in groups], np.int64)[group]
    team_size = scenario.value("ties.team_size")
    _check_sizes(scenario, group, staff, managers, peers, team_size)
    first = np.zeros(O + 2, np.int64)
    np.cumsum(managers + staff + peers, out=first[1:-1])
    first[-1] = N = int(first[-2]) + C
    organisation, team, manager = np.full(N, O, np.int32), np.full(N, -1, np.int32), np.full(N, -1, np.int32)
    role, low, high = np.full(N, COMMISSIONER, np.int8), np.zeros(N, np.uint64), np.zeros(N, np.uint64)
    through(people_of, first, managers, staff, team_size, organisation, role, team, manager, low, high, keys)
    low[N - C :] = np.uint64(COMMISSIONER << 24) | np.arange(C, dtype=np.uint64)
    high[N - C :] = np.uint64(name_key("commissioners") << 16)
    area = _areas(groups, group, index, C, int(scenario.value("ties.area_size")))
    commissioner = (N - C + area % C).astype(np.int32) if C else np.full(O, -1, np.int32)
    ties = all_ties(scenario, words, first, managers, staff, team, manager, low, keys, area, commissioner)
    tie_a, tie_b, kind = unpack_ties(ties, N)
    return Society(
        organisation=organisation,
        role=role,
        profile=profiles_of(scenario, role, organisation, group),
        team=team,
        manager=manager,
        post_low=low,
        post_high=high,
        first=first,
        key=keys,
        group=group,
        commissioner=commissioner,
        area=area,
        leadership_z=lasting[1],
        slack_z=lasting[2],
        coproduction_z=lasting[3],
        tie_a=tie_a,
        tie_b=tie_b,
        tie_kind=kind,
    )


def _check_sizes(scenario, group, staff, managers, peers, team_size: float) -> None:
    """A post is named by 24 bits in its service, a team by less than 16."""
    for what, numbers, most in (
        ("staff", staff, min(MOST_POSTS, int(MOST_TEAMS * team_size))),
        ("managers", managers, MOST_POSTS),
        ("peers", peers, MOST_POSTS),
    ):
        if (numbers > most).any():
            o = int(numbers.argmax())
            raise ScenarioError(
                [
                    f"organisations: a service of {scenario.group_names[group[o]]!r} has {numbers[o]:,} "
                    f"{what}; at most {most:,} are allowed in a service"
                ]
            )
    if scenario.commissioners.count > MOST_POSTS:
        raise ScenarioError([f"commissioners.count = {scenario.commissioners.count:,}: at most {MOST_POSTS:,}"])


def _areas(groups, group: np.ndarray, index: np.ndarray, C: int, size: int) -> np.ndarray:
    """Area of every service: runs of neighbours from each group, in proportion, so that areas are mixed.

    Areas are cut small enough for every commissioner to have one. A service added to the only group, or a group added
    at the end, leaves the areas of the others alone (but for rounding).
    """
    O = len(index)
    size = max(1, min(size, O // C if C else O))
    counts = np.array([g.count for g in groups], np.int64)
    run = np.maximum(1, (2 * size * counts + O) // (2 * O))
    offset = (np.cumsum(counts) - counts) // size
    return ((offset[group] + index // run[group]) % -(-O // size)).astype(np.int32)


def profiles_of(scenario: Scenario, role: np.ndarray, organisation: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Number of everybody's value profile, from role and group of services."""
    numbers = {name: number for number, name in enumerate(scenario.profile_names)}
    by_group = np.array(
        [
            [numbers.get(name, 0) for name in (g.staff_profile, g.manager_profile, g.peer_profile)]
            for g in scenario.organisations
        ],
        np.int32,
    )
    profile = np.full(len(role), numbers.get(scenario.commissioners.profile, 0), np.int32)
    members = role != COMMISSIONER
    profile[members] = by_group[group[organisation[members]], role[members]]
    return profile
