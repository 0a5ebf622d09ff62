"""Ties of a society, and who is who in a service: compiled, every draw named by whom it is for (docs/ODD.md §7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.compiling import compiled
from ..compiled.engine import through
from ..compiled.randomness import SERVICE_ID, exponential, normal, philox, uniform
from ..constants import COMMISSIONER_TIES, LOCAL_TIES, SOCIABILITY_SPREAD
from ..state.arrays import MANAGER, PEER, STAFF

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

# Purposes of a society's draws: apart from those of a run (docs/ODD.md §2), since both may have the same seed.
LASTING, RING, TEAM, CROSS, PEERS, BETWEEN, PARTNER, COLLEAGUES = range(128, 136)
KINDS = ("team", "line", "between", "peer", "commissioning", "commissioners")
_TEAM, _LINE, _BETWEEN, _PEER, _COMMISSIONING, _COMMISSIONERS = range(6)
TIES_PER_PERSON = 8  # room at first; more is made when it is too little


@compiled
def adjacency(tie_a, tie_b, manager, start, neighbour, tie_of, line_tie):
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
def lasting_normals(seed, keys, out):
    """Normals of a service: size, leadership, slack, co-production [4 x O]."""
    for o in range(keys.shape[0]):
        words = philox(seed[0], seed[1], SERVICE_ID, keys[o], np.uint64(0), np.uint64(LASTING))
        for n in range(4):
            out[n, o] = normal(words[n])


@compiled
def sizes(staff, spread, z, out):
    """Log-normal sizes with the mean given, at least 1 where there is staff."""
    for o in range(out.shape[0]):
        size = staff[o]
        if spread[o] > 0.0 and size > 0.0:
            size = max(1.0, math.floor(size * exponential(spread[o] * z[o] - spread[o] * spread[o] / 2.0) + 0.5))
        out[o] = np.int64(size)


@compiled
def ring_positions(seed, keys, out):
    """Position of every service on the ring."""
    for o in range(keys.shape[0]):
        out[o] = philox(seed[0], seed[1], SERVICE_ID, keys[o], np.uint64(0), np.uint64(RING))[0]


@compiled
def people_of(first, managers, staff, team_size, organisation, role, team, manager, post_low, post_high, keys):
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
def staff_ties(seed, first, managers, staff, team, low, keys, rates, ties, count):
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
def other_ties(seed, first, managers, staff, manager, low, keys, rates, ties, count):
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
def sociability(seed, first, contacts, low, keys, spread, sums):
    """How much people seek and attract professional ties (log-normal, mean 1), summed up along a service's contacts."""
    for o in range(keys.shape[0]):
        total = 0.0
        for a in range(first[o], first[o] + contacts[o]):
            words = philox(seed[0], seed[1], low[a], keys[o], np.uint64(0), np.uint64(BETWEEN))
            total += exponential(spread * normal(words[0]) - spread * spread / 2.0)
            sums[a] = total


@compiled
def between_ties(
    seed, first, contacts, low, keys, sums, area, ring, by_area, area_start, everywhere, rates, ties, count
):
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
def funding_ties(seed, first, managers, commissioner, commissioners_from, low, expected, ties, count):
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


def all_ties(
    scenario: Scenario, seed, first, managers, staff, team, manager, low, keys, area, commissioner
) -> np.ndarray:
    """All ties as single numbers, unsorted, some perhaps twice."""
    given = [scenario.value(f"ties.{name}") for name in ("team_density", "cross_team", "peer", "between", "team_size")]
    rates = np.array([*given[:4], LOCAL_TIES, given[4], COMMISSIONER_TIES])
    ring = np.empty(len(keys), np.uint64)
    through(ring_positions, seed, keys, ring)
    everywhere = np.lexsort((keys, ring))
    by_area = np.lexsort((keys, ring, area))
    area_start = np.searchsorted(area[by_area], np.arange(int(area.max()) + 2))
    contacts, members = managers + staff, int(first[-2])
    sums = np.empty(members)
    through(sociability, seed, first, contacts, low, keys, SOCIABILITY_SPREAD, sums)
    count = TIES_PER_PERSON * len(team)
    while True:
        ties = np.empty(count, np.int64)
        count = through(staff_ties, seed, first, managers, staff, team, low, keys, rates, ties, 0)
        count = through(other_ties, seed, first, managers, staff, manager, low, keys, rates, ties, count)
        if len(keys) > 1:
            count = through(
                between_ties,
                seed,
                first,
                contacts,
                low,
                keys,
                sums,
                area,
                ring,
                by_area,
                area_start,
                everywhere,
                rates,
                ties,
                count,
            )
        count = through(funding_ties, seed, first, managers, commissioner, members, low, rates[6], ties, count)
        if count <= len(ties):
            return ties[:count]
