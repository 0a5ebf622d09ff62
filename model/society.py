"""Society: who works where, who leads and funds whom, and who has ties with whom, from a society seed.

Every draw is named by the service, post or ordered pair that it is for, and partners in other services are found on a
ring of hashed positions. So adding a service changes nobody else's people or ties inside services, and of the ties
between services only those that the newcomer takes over.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .compiling import compiled
from .randomness import SERVICE_ID, exponential, normal, philox, split_seed, uniform
from .scenario import ScenarioError
from .state import COMMISSIONER, MANAGER, PEER, STAFF

if TYPE_CHECKING:
    from .scenario import Scenario

# Purposes of a society's draws: apart from those of a run (docs/ODD.md §2), since both may have the same seed.
LASTING, RING, TEAM, CROSS, PEERS, BETWEEN, PARTNER, COLLEAGUES = range(128, 136)
KINDS = ("team", "line", "between", "peer", "commissioning", "commissioners")
_TEAM, _LINE, _BETWEEN, _PEER, _COMMISSIONING, _COMMISSIONERS = range(6)
MOST_SERVICES, MOST_TEAMS, MOST_POSTS = 65_536, 65_000, 2**24
TIES_PER_PERSON = 8  # room at first; more is made when it is too little


@dataclass(frozen=True, eq=False)
class Society:
    """Arrays of a society. N people, O services, E ties.

    Rows: services in scenario order, in a service managers, staff, peers; commissioners last.
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
        _adjacency(self.tie_a, self.tie_b, self.manager, start, neighbour, tie_of, line_tie)
        for name, array in (("tie_start", start), ("neighbour", neighbour), ("tie_of", tie_of), ("line_tie", line_tie)):
            object.__setattr__(self, name, array)

    def service_names(self, scenario: Scenario) -> list[str]:
        """Names of the services."""
        return scenario.service_names() if self.names is None else self.names


@compiled
def _adjacency(tie_a, tie_b, manager, start, neighbour, tie_of, line_tie):
    """Ties by person, neighbours ascending (ties are sorted by (a, b)), and everybody's tie with their manager."""
    people = manager.shape[0]
    for e in range(tie_a.shape[0]):
        start[tie_a[e] + 1] += 1
        start[tie_b[e] + 1] += 1
    for i in range(people):
        start[i + 1] += start[i]
    place = start[:people].copy()
    for e in range(tie_a.shape[0]):  # lower neighbours first, then higher ones
        neighbour[place[tie_b[e]]] = tie_a[e]
        tie_of[place[tie_b[e]]] = e
        place[tie_b[e]] += 1
    for e in range(tie_a.shape[0]):
        neighbour[place[tie_a[e]]] = tie_b[e]
        tie_of[place[tie_a[e]]] = e
        place[tie_a[e]] += 1
    for i in range(people):
        for n in range(start[i], start[i + 1]):
            if neighbour[n] == manager[i]:
                line_tie[i] = tie_of[n]


@compiled
def _lasting(seed, keys, out):
    """Normals of a service: size, leadership, slack, co-production [4 x O]."""
    for o in range(keys.shape[0]):
        words = philox(seed[0], seed[1], SERVICE_ID, keys[o], np.uint64(0), np.uint64(LASTING))
        for n in range(4):
            out[n, o] = normal(words[n])


@compiled
def _sizes(staff, spread, z, out):
    """Log-normal sizes with the mean given, at least 1 where there is staff."""
    for o in range(out.shape[0]):
        size = staff[o]
        if spread[o] > 0.0 and size > 0.0:
            size = max(1.0, math.floor(size * exponential(spread[o] * z[o] - spread[o] * spread[o] / 2.0) + 0.5))
        out[o] = np.int64(size)


@compiled
def _ring(seed, keys, out):
    """Position of every service on the ring."""
    for o in range(keys.shape[0]):
        out[o] = philox(seed[0], seed[1], SERVICE_ID, keys[o], np.uint64(0), np.uint64(RING))[0]


@compiled
def _people(first, managers, staff, team_size, organisation, role, team, manager, post_low, post_high, keys):
    """Rows of members: managers, staff (in teams, each with a line manager), peers."""
    for o in range(keys.shape[0]):
        teams = max(1, np.int64(math.floor(staff[o] / team_size + 0.5)))
        for i in range(first[o], first[o + 1]):
            n = i - first[o]
            organisation[i] = o
            post_high[i] = keys[o]
            team[i] = -1
            manager[i] = -1
            if n < managers[o]:
                role[i] = MANAGER
            elif n < managers[o] + staff[o]:
                n -= managers[o]
                role[i] = STAFF
                team[i] = n * teams // staff[o]
                if managers[o] > 0:
                    manager[i] = first[o] + team[i] % managers[o]
            else:
                n -= managers[o] + staff[o]
                role[i] = PEER
                if managers[o] > 0:
                    manager[i] = first[o] + n % managers[o]
            post_low[i] = np.uint64(role[i]) << np.uint64(24) | np.uint64(n)


@compiled
def _whole(expected, word):
    """Round down or up at random, so that the mean is `expected`."""
    return np.int64(math.floor(expected + uniform(word)))


@compiled
def _add(ties, count, people, a, b, kind):
    """Note a tie if there is room: pair and kind in one number, line ties first, so that sorting finds duplicates."""
    if a > b:
        a, b = b, a
    if count < ties.shape[0]:
        ties[count] = (a * people + b) * 8 + (0 if kind == _LINE else kind + 1)
    return count + 1


@compiled
def _staff(seed, first, managers, staff, team, low, keys, rates, ties, count):
    """Ties of staff: most pairs of a team, and some people of other teams of the service."""
    people = team.shape[0]
    density, cross = rates[0], rates[1]
    for o in range(keys.shape[0]):
        staff_from = first[o] + managers[o]
        stop = staff_from + staff[o]
        team_from = team_to = staff_from
        for a in range(staff_from, stop):
            if a == team_to:
                team_from = a
                while team_to < stop and team[team_to] == team[a]:
                    team_to += 1
            for b in range(a + 1, team_to):
                words = philox(seed[0], seed[1], low[a], keys[o], low[b], np.uint64(TEAM))
                if uniform(words[0]) < density:
                    count = _add(ties, count, people, a, b, _TEAM)
            others = staff[o] - (team_to - team_from)
            words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(0), np.uint64(CROSS))
            for n in range(min(others, _whole(cross / 2.0, words[0]))):
                words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(1 + n), np.uint64(CROSS))
                b = staff_from + np.int64(uniform(words[0]) * others)
                if b >= team_from:
                    b += team_to - team_from
                count = _add(ties, count, people, a, b, _TEAM)
    return count


@compiled
def _others(seed, first, managers, staff, manager, low, keys, rates, ties, count):
    """Ties of managers with each other and with their line; ties of peers with staff all over the service."""
    people = manager.shape[0]
    per_peer, block = rates[2], rates[5]
    for o in range(keys.shape[0]):
        staff_from = first[o] + managers[o]
        peers_from = staff_from + staff[o]
        blocks = max(1, np.int64(math.floor(managers[o] / block + 0.5)))  # many managers know some of each other
        for a in range(first[o], staff_from):
            b = a + 1
            while b < staff_from and (b - first[o]) * blocks // managers[o] == (a - first[o]) * blocks // managers[o]:
                count = _add(ties, count, people, a, b, _TEAM)
                b += 1
        for a in range(staff_from, first[o + 1]):
            if manager[a] >= 0:
                count = _add(ties, count, people, a, manager[a], _LINE)
        for a in range(peers_from, first[o + 1]):
            words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(0), np.uint64(PEERS))
            wanted = min(staff[o], _whole(per_peer, words[0]))
            for n in range(wanted):  # one from each of `wanted` equal parts of the staff
                words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(1 + n), np.uint64(PEERS))
                b = staff_from + np.int64((n + uniform(words[0])) * staff[o] / wanted)
                count = _add(ties, count, people, a, b, _PEER)
    return count


@compiled
def _successor(ring, services, start, stop, position, own):
    """First service at or after a position on a ring (services start … stop - 1, in order) that is not `own`; or -1."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if ring[services[middle]] < position:
            low = middle + 1
        else:
            high = middle
    for n in range(stop - start):
        found = services[start + (low - start + n) % (stop - start)]
        if found != own:
            return found
    return -1


@compiled
def _sociability(seed, first, contacts, low, keys, spread, sums):
    """How much people seek and attract professional ties (log-normal, mean 1), summed up along a service's contacts."""
    for o in range(keys.shape[0]):
        total = 0.0
        for a in range(first[o], first[o] + contacts[o]):
            words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(0), np.uint64(BETWEEN))
            total += exponential(spread * normal(words[0]) - spread * spread / 2.0)
            sums[a] = total


@compiled
def _between(seed, first, contacts, low, keys, sums, area, ring, by_area, area_start, everywhere, rates, ties, count):
    """Professional ties between services: some people have many, most stay in the area."""
    people = low.shape[0]
    expected, local = rates[3], rates[4]
    for o in range(keys.shape[0]):
        former = 0.0
        for a in range(first[o], first[o] + contacts[o]):
            words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(0), np.uint64(BETWEEN))
            wanted = _whole(expected / 2.0 * (sums[a] - former), words[1])
            former = sums[a]
            for n in range(min(50, wanted)):
                words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(n), np.uint64(PARTNER))
                partner = -1
                if uniform(words[0]) < local:
                    partner = _successor(ring, by_area, area_start[area[o]], area_start[area[o] + 1], words[1], o)
                if partner < 0:
                    partner = _successor(ring, everywhere, 0, keys.shape[0], words[1], o)
                if partner >= 0 and contacts[partner] > 0:
                    left, right = first[partner], first[partner] + contacts[partner] - 1
                    point = uniform(words[2]) * sums[right]
                    while left < right:  # the first contact whose running sum passes the point
                        middle = (left + right) // 2
                        if sums[middle] <= point:
                            left = middle + 1
                        else:
                            right = middle
                    count = _add(ties, count, people, a, left, _BETWEEN)
    return count


@compiled
def _funding(seed, first, managers, commissioner, commissioners_from, low, expected, ties, count):
    """Commissioners with the managers they fund, and with each other."""
    people = low.shape[0]
    for o in range(managers.shape[0]):
        if commissioner[o] >= 0:
            for a in range(first[o], first[o] + managers[o]):
                count = _add(ties, count, people, a, commissioner[o], _COMMISSIONING)
    others = people - commissioners_from - 1
    for a in range(commissioners_from, people):
        words = philox(seed[0], seed[1], low[a], np.uint64(0), np.uint64(0), np.uint64(COLLEAGUES))
        for n in range(min(others, _whole(expected / 2.0, words[0]))):
            words = philox(seed[0], seed[1], low[a], np.uint64(0), np.uint64(1 + n), np.uint64(COLLEAGUES))
            b = commissioners_from + np.int64(uniform(words[0]) * others)
            count = _add(ties, count, people, a, b + 1 if b >= a else b, _COMMISSIONERS)
    return count


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
            raise ScenarioError([f"organisations: {group.name!r} has {group.count:,} services; at most "
                                 f"{MOST_SERVICES:,} are allowed in a group (use several groups)"])
    counts = [group.count for group in scenario.organisations]
    index = np.concatenate([np.arange(count) for count in counts])
    group = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    high = np.repeat(np.array([name_key(g.name) << 16 for g in scenario.organisations], np.uint64), counts)
    return high | index.astype(np.uint64), group, index


def pack_ties(a: np.ndarray, b: np.ndarray, kind: np.ndarray, people: int) -> np.ndarray:
    """Ties as single numbers (see `_add`)."""
    rank = np.where(kind == _LINE, 0, kind.astype(np.int64) + 1)
    return (np.minimum(a, b).astype(np.int64) * people + np.maximum(a, b)) * 8 + rank


def unpack_ties(ties: np.ndarray, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted ties without duplicates: lower row, higher row, kind."""
    ties = np.sort(ties)
    pair = ties >> 3
    ties = ties[np.append(True, pair[1:] != pair[:-1])] if len(ties) else ties
    rank, pair = (ties & 7).astype(np.int8), ties >> 3
    a = pair // max(people, 1)
    kind = np.where(rank == 0, _LINE, rank - 1).astype(np.int8)
    return a.astype(np.int32), (pair - a * people).astype(np.int32), kind


def lasting_differences(seed: int, keys: np.ndarray) -> np.ndarray:
    """Normals of services [4 x O]: size, leadership, slack, co-production."""
    out = np.empty((4, len(keys)))
    _lasting(split_seed(seed), keys, out)
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
    _sizes(np.array([float(g.staff) for g in groups])[group], spread, lasting[0], staff)
    peers = np.array([g.peers for g in groups], np.int64)[group]
    team_size = scenario.value("ties.team_size")
    _check_sizes(scenario, group, staff, managers, peers, team_size)
    first = np.zeros(O + 2, np.int64)
    np.cumsum(managers + staff + peers, out=first[1:-1])
    first[-1] = N = int(first[-2]) + C
    organisation, team, manager = np.full(N, O, np.int32), np.full(N, -1, np.int32), np.full(N, -1, np.int32)
    role, low, high = np.full(N, COMMISSIONER, np.int8), np.zeros(N, np.uint64), np.zeros(N, np.uint64)
    _people(first, managers, staff, team_size, organisation, role, team, manager, low, high, keys)
    low[N - C:] = np.uint64(COMMISSIONER << 24) | np.arange(C, dtype=np.uint64)
    high[N - C:] = np.uint64(name_key("commissioners") << 16)
    area = _areas(groups, group, index, C, int(scenario.value("ties.area_size")))
    commissioner = (N - C + area % C).astype(np.int32) if C else np.full(O, -1, np.int32)
    ties = _all_ties(scenario, words, first, managers, staff, team, manager, low, keys, area, commissioner)
    tie_a, tie_b, kind = unpack_ties(ties, N)
    return Society(
        organisation=organisation, role=role, profile=profiles_of(scenario, role, organisation, group), team=team,
        manager=manager, post_low=low, post_high=high, first=first, key=keys, group=group, commissioner=commissioner,
        area=area, leadership_z=lasting[1], slack_z=lasting[2], coproduction_z=lasting[3], tie_a=tie_a, tie_b=tie_b,
        tie_kind=kind,
    )


def _check_sizes(scenario, group, staff, managers, peers, team_size: float) -> None:
    """A post is named by 24 bits in its service, a team by less than 16."""
    for what, numbers, most in (("staff", staff, min(MOST_POSTS, int(MOST_TEAMS * team_size))),
                                ("managers", managers, MOST_POSTS), ("peers", peers, MOST_POSTS)):
        if (numbers > most).any():
            o = int(numbers.argmax())
            raise ScenarioError([f"organisations: a service of {scenario.group_names[group[o]]!r} has {numbers[o]:,} "
                                 f"{what}; at most {most:,} are allowed in a service"])
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
    by_group = np.array([[numbers.get(name, 0) for name in (g.staff_profile, g.manager_profile, g.peer_profile)]
                         for g in scenario.organisations], np.int32)
    profile = np.full(len(role), numbers.get(scenario.commissioners.profile, 0), np.int32)
    members = role != COMMISSIONER
    profile[members] = by_group[group[organisation[members]], role[members]]
    return profile


def _all_ties(scenario, seed, first, managers, staff, team, manager, low, keys, area, commissioner) -> np.ndarray:
    """All ties as single numbers, unsorted, some perhaps twice."""
    names = ("team_density", "cross_team", "peer", "between", "local", "team_size", "commissioner")
    rates = np.array([scenario.value(f"ties.{name}") for name in names])
    ring = np.empty(len(keys), np.uint64)
    _ring(seed, keys, ring)
    everywhere = np.lexsort((keys, ring))
    by_area = np.lexsort((keys, ring, area))
    area_start = np.searchsorted(area[by_area], np.arange(int(area.max()) + 2))
    contacts, members = managers + staff, int(first[-2])
    sums = np.empty(members)
    _sociability(seed, first, contacts, low, keys, scenario.value("ties.between_spread"), sums)
    count = TIES_PER_PERSON * len(team)
    while True:
        ties = np.empty(count, np.int64)
        count = _staff(seed, first, managers, staff, team, low, keys, rates, ties, 0)
        count = _others(seed, first, managers, staff, manager, low, keys, rates, ties, count)
        if len(keys) > 1:
            count = _between(seed, first, contacts, low, keys, sums, area, ring, by_area, area_start, everywhere,
                             rates, ties, count)
        count = _funding(seed, first, managers, commissioner, members, low, rates[6], ties, count)
        if count <= len(ties):
            return ties[:count]
