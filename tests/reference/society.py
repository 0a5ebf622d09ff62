"""Posts and ties of a society, from the society seed (ODD §7): lists and dictionaries, one draw at a time."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import NormalDist
from typing import Any

from .draws import SERVICE_ID, philox

LASTING, RING, TEAM, CROSS, PEERS, BETWEEN, PARTNER, COLLEAGUES = range(128, 136)
ROLES = {"staff": 0, "manager": 1, "peer": 2, "commissioner": 3}
KINDS = ("line", "team", "between", "peer", "commissioning", "commissioners")  # which of several ties counts


def rounded(x: float) -> int:
    return math.floor(x + 0.5)


def key_of(name: str, number: int = 0) -> int:
    return 2**16 * int.from_bytes(hashlib.blake2b(name.encode(), digest_size=2).digest(), "big") + number


@dataclass
class Post:
    role: str
    low: int
    high: int
    row: int
    team: int = -1
    manager: Post | None = None


@dataclass
class Place:
    """A service: who is there, in rows."""

    key: int
    group: str
    number: int
    lasting: list[float]
    managers: list[Post] = field(default_factory=list)
    staff: list[Post] = field(default_factory=list)
    peers: list[Post] = field(default_factory=list)
    area: int = 0

    @property
    def contacts(self) -> list[Post]:
        return self.managers + self.staff


class Society:
    """services, commissioners; ties: (row, row) -> kind; funded_by: number of the commissioner of each service."""

    def __init__(self, scenario: Any, seed: int) -> None:
        self.seed, self.scenario = (seed % 2**32, seed >> 32), scenario
        self.ties: dict[tuple[int, int], str] = {}
        self.services = [self.place(group, n) for group in scenario.organisations for n in range(group.count)]
        row = 0
        groups = {group.name: group for group in scenario.organisations}
        for place in self.services:
            row = self.fill(place, groups[place.group], row)
        count, high = scenario.commissioners.count, key_of("commissioners")
        self.commissioners = [Post("commissioner", 2**24 * 3 + n, high, row + n) for n in range(count)]
        self.deal()
        self.funded_by = [place.area % count if count else -1 for place in self.services]
        for place in self.services:
            self.inside(place)
        if len(self.services) > 1:
            self.between()
        self.funding()

    def value(self, name: str) -> float:
        return self.scenario.value(name)

    def words(self, low: int, high: int, third: int, purpose: int) -> tuple[int, int, int, int]:
        return philox(self.seed, (low, high, third, purpose))

    def u(self, low: int, high: int, third: int, purpose: int, word: int = 0) -> float:
        return (self.words(low, high, third, purpose)[word] + 0.5) / 2**32

    def tie(self, a: Post, b: Post, kind: str) -> None:
        pair = (min(a.row, b.row), max(a.row, b.row))
        self.ties[pair] = min(kind, self.ties.get(pair, kind), key=KINDS.index)

    def place(self, group: Any, number: int) -> Place:
        key = key_of(group.name, number)
        quantile = NormalDist().inv_cdf
        return Place(key, group.name, number, [quantile(self.u(SERVICE_ID, key, 0, LASTING, w)) for w in range(4)])

    def fill(self, place: Place, group: Any, row: int) -> int:
        spread, staff = self.value("size_spread"), group.staff
        if group.count > 1 and staff and spread:
            staff = max(1, rounded(staff * math.exp(spread * place.lasting[0] - spread**2 / 2)))
        for role, number, into in (
            ("manager", group.managers, place.managers),
            ("staff", staff, place.staff),
            ("peer", group.peers, place.peers),
        ):
            for n in range(number):
                into.append(Post(role, 2**24 * ROLES[role] + n, place.key, row))
                row += 1
        teams = max(1, rounded(staff / self.value("ties.team_size")))
        for n, post in enumerate(place.staff):
            post.team = n * teams // staff
            post.manager = place.managers[post.team % len(place.managers)] if place.managers else None
        for n, post in enumerate(place.peers):
            post.manager = place.managers[n % len(place.managers)] if place.managers else None
        return row

    def deal(self) -> None:
        O, C = len(self.services), len(self.commissioners)
        size = max(1, min(int(self.value("ties.area_size")), O // C if C else O))
        earlier = 0
        for group in self.scenario.organisations:
            run = max(1, rounded(size * group.count / O))
            for place in self.services[earlier : earlier + group.count]:
                place.area = (earlier // size + place.number // run) % math.ceil(O / size)
            earlier += group.count

    def inside(self, place: Place) -> None:
        managers, staff, key = place.managers, place.staff, place.key
        for a in staff:
            for b in staff[staff.index(a) + 1 :]:
                if a.team == b.team and self.u(a.low, key, b.low, TEAM) < self.value("ties.team_density"):
                    self.tie(a, b, "team")
            others = [b for b in staff if b.team != a.team]
            wanted = math.floor(self.value("ties.cross_team") / 2 + self.u(a.low, key, 0, CROSS))
            for n in range(min(wanted, len(others))):
                self.tie(a, others[math.floor(self.u(a.low, key, 1 + n, CROSS) * len(others))], "team")
        blocks = max(1, rounded(len(managers) / self.value("ties.team_size")))
        for m, a in enumerate(managers):
            for n in range(m + 1, len(managers)):
                if m * blocks // len(managers) == n * blocks // len(managers):
                    self.tie(a, managers[n], "team")
        for post in staff + place.peers:
            if post.manager is not None:
                self.tie(post, post.manager, "line")
        for peer in place.peers:
            wanted = min(len(staff), math.floor(self.value("ties.peer") + self.u(peer.low, key, 0, PEERS)))
            for n in range(wanted):
                number = math.floor((n + self.u(peer.low, key, 1 + n, PEERS)) * len(staff) / wanted)
                self.tie(peer, staff[number], "peer")

    def between(self) -> None:
        spread, quantile = 0.8, NormalDist().inv_cdf
        ring = sorted(
            (self.words(SERVICE_ID, place.key, 0, RING)[0], place.key, n) for n, place in enumerate(self.services)
        )

        def sociability(post: Post) -> float:
            return math.exp(spread * quantile(self.u(post.low, post.high, 0, BETWEEN)) - spread**2 / 2)

        def next_on_ring(position: int, own: int, area: int | None) -> int | None:
            known = [n for _, _, n in ring if area is None or self.services[n].area == area]
            after = [n for at, _, n in ring if n in known and at >= position]
            return next((n for n in after + known if n != own), None)

        social = [[sociability(post) for post in place.contacts] for place in self.services]
        for o, place in enumerate(self.services):
            for post, s in zip(place.contacts, social[o], strict=True):
                wanted = math.floor(self.value("ties.between") / 2 * s + self.u(post.low, post.high, 0, BETWEEN, 1))
                for n in range(min(50, wanted)):
                    position = self.words(post.low, post.high, n, PARTNER)[1]
                    partner = None
                    if self.u(post.low, post.high, n, PARTNER) < 0.8:
                        partner = next_on_ring(position, o, place.area)
                    if partner is None:
                        partner = next_on_ring(position, o, None)
                    if partner is None or not social[partner]:
                        continue
                    point = self.u(post.low, post.high, n, PARTNER, 2) * sum(social[partner])
                    number = next(n for n, total in enumerate(accumulate(social[partner])) if total > point)
                    self.tie(post, self.services[partner].contacts[number], "between")

    def funding(self) -> None:
        C = len(self.commissioners)
        for place, number in zip(self.services, self.funded_by, strict=True):
            for manager in place.managers if number >= 0 else ():
                self.tie(manager, self.commissioners[number], "commissioning")
        for a in self.commissioners:
            others = [b for b in self.commissioners if b is not a]
            wanted = math.floor(4.0 / 2 + self.u(a.low, 0, 0, COLLEAGUES))
            for n in range(min(C - 1, wanted)):
                self.tie(a, others[math.floor(self.u(a.low, 0, 1 + n, COLLEAGUES) * (C - 1))], "commissioners")
