"""From checked tables to a society: who belongs where, who knows whom, in an order that does not depend on the rows'."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import unknown
from ..parameters import ROLES
from ..state.arrays import COMMISSIONER, MANAGER, PEER, STAGES
from .codebook import stop
from .generate import Society, lasting_differences, name_key, profiles_of, service_keys
from .ties import KINDS, pack_ties, unpack_ties

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

ROW_ORDER = np.array([1, 0, 2, 3])  # managers, staff, peers; commissioners
_TEAM, _LINE, _BETWEEN, _PEER, _COMMISSIONING, _COMMISSIONERS = range(6)


class Import:
    """Rows of both tables on their way to a society."""

    def __init__(self, scenario, book, people, ties, person, columns, values, problems) -> None:
        self.scenario, self.book, self.people, self.ties = scenario, book, people, ties
        self.person, self.columns, self.values, self.problems = person, columns, values, problems
        self.row_of = {text: row for row, text in reversed([*enumerate(person["id"])]) if text is not None}

    def society(self, seed: int) -> Society:
        """Check everything, say what is wrong; then order it and build."""
        role = self.roles()
        service, names, group = self.services(role)
        self.identities()
        manager = self.managers(role, service)
        funder = self.funders(role, service, len(names))
        a, b, kind = self.network(role, service, manager)
        self.profiles(role, service, group)
        stage = self.stages(role)
        stop(self.problems)
        people, O = len(role), len(names)
        ids = self.person["id"]
        order = sorted(range(people), key=lambda n: (service[n], ROW_ORDER[role[n]], _natural(ids[n])))
        place = np.empty(people, np.int64)
        place[order] = np.arange(people)

        def moved(rows: np.ndarray) -> np.ndarray:
            return np.where(rows >= 0, place[rows], -1).astype(np.int32)

        role, organisation, ids = role[order], service[order], [ids[n] for n in order]
        commissioner = moved(funder)
        kind = _no_foreign_funding(place[a], place[b], kind, role, organisation, commissioner)
        tie_a, tie_b, tie_kind = unpack_ties(pack_ties(place[a], place[b], kind, people), people)
        key = _service_keys(self.scenario, names)
        post_low, post_high = _posts(role, organisation, ids, key)
        lasting = lasting_differences(seed, key)
        return Society(
            organisation=organisation,
            role=role,
            profile=profiles_of(self.scenario, role, organisation, group),
            team=self.teams(service)[order],
            manager=moved(manager)[order],
            post_low=post_low,
            post_high=post_high,
            first=np.searchsorted(organisation, np.arange(O + 2)).astype(np.int64),
            key=key,
            group=group,
            commissioner=commissioner,
            area=np.arange(O, dtype=np.int32),
            leadership_z=lasting[1],
            slack_z=lasting[2],
            coproduction_z=lasting[3],
            tie_a=tie_a,
            tie_b=tie_b,
            tie_kind=tie_kind,
            values=None if np.isnan(self.values).all() else np.ascontiguousarray(self.values[order]),
            stage=None if (stage < 0).all() else stage[order],
            ids=ids,
            names=names,
        )

    def identities(self) -> None:
        ids, people = self.person["id"], self.people
        people.report(np.flatnonzero(ids == None), "has no id")  # noqa: E711
        first = np.array([self.row_of.get(text, -1) for text in ids])
        people.each(
            ids,
            (first >= 0) & (np.bincount(first[first >= 0], minlength=len(ids))[first] > 1),
            lambda text: f"the id {text!r} appears more than once",
        )

    def roles(self) -> np.ndarray:
        column = self.person["role"]
        if column is None:
            return np.zeros(len(self.people), np.int8)
        self.people.report(np.flatnonzero(column == None), "has no role")  # noqa: E711
        named = self.people.coded(column, self.book["roles"], ROLES, "role")
        return np.array([ROLES.index(name) if name in ROLES else 0 for name in named], np.int8)

    def stages(self, role: np.ndarray) -> np.ndarray:
        """Stage at the start, -1 where it is not given. Commissioners have none."""
        column = self.person["stage"]
        if column is None:
            return np.full(len(self.people), -1, np.int8)
        named = self.people.coded(np.where(role == COMMISSIONER, None, column), {}, STAGES, "stage")
        return np.array([-1 if name is None else STAGES.index(name) for name in named], np.int8)

    def services(self, role: np.ndarray) -> tuple[np.ndarray, list[str], np.ndarray]:
        """Service of everybody (commissioners: one past the last), names and groups of the services."""
        people, scenario, member = self.people, self.scenario, role != COMMISSIONER
        given = np.where(member, self.person["organisation"], None)
        people.report(np.flatnonzero((given == None) & member), "has no organisation")  # noqa: E711
        column = people.coded(given, self.book["organisations"], None, "known organisation")
        group: dict[str, int] = {}
        lost: list[str] = []
        for name in dict.fromkeys(each for each in column if each is not None):
            group[name] = self.group_of(name)
            lost += [name] if group[name] < 0 else []
        for name in lost:
            people.report(
                np.flatnonzero((column == name) & member),
                f"{unknown(name, scenario.service_names(), 'service of ' + repr(scenario.name))}"
                " Or name its group under [groups] of the codebook",
            )
        if member.any() and not group and not self.problems:
            self.problems.append(f"{people.name}: has no organisations")
        if not member.any():
            self.problems.append(f"{people.name}: has nobody but commissioners")
        allowed = [*scenario.group_names, *group]
        for place in [each for change in scenario.changes for each in change.organisations or ()]:
            if place not in allowed:
                self.problems.append(f"changes: {unknown(place, allowed, 'service of the tables')}")
        order = {name: number for number, name in enumerate(scenario.service_names())}
        names = sorted(group, key=lambda name: (group[name], order.get(name, len(order)), _natural(name)))
        number = {name: o for o, name in enumerate(names)}
        service = [number.get(str(text), -1) if here else len(names) for text, here in zip(column, member, strict=True)]
        return np.array(service, np.int32), names, np.array([group[name] for name in names], np.int32)

    def group_of(self, name: str) -> int:
        groups = self.scenario.group_names
        if name in self.book["groups"]:
            return groups.index(self.book["groups"][name]) if self.book["groups"][name] in groups else 0
        try:
            return self.scenario.group_of_service(name)
        except KeyError:
            return 0 if len(groups) == 1 else -1

    def teams(self, service: np.ndarray) -> np.ndarray:
        """Numbers of teams in their service, in the order of their names."""
        team, column = np.full(len(service), -1, np.int32), self.person["team"]
        if column is not None:
            named = sorted({(service[n], _natural(text), text) for n, text in enumerate(column) if text is not None})
            number: dict[tuple[int, str], int] = {}
            start = {o: n for n, (o, _, _) in reversed([*enumerate(named)])}
            for n, (o, _, text) in enumerate(named):
                number[o, text] = n - start[o]
            team[:] = [number.get((o, text), -1) for o, text in zip(service, column, strict=True)]
        return team

    def references(self, column: str) -> np.ndarray:
        """Rows that a column of ids points to, -1 where it is empty."""
        texts = self.person[column]
        if texts is None:
            return np.full(len(self.people), -1, np.int64)
        self.people.each(
            texts,
            np.array([text is not None and text not in self.row_of for text in texts], bool),
            lambda text: f"{column} {text!r} is nobody's id",
        )
        return np.array([self.row_of.get(text, -1) for text in texts], np.int64)

    def managers(self, role: np.ndarray, service: np.ndarray) -> np.ndarray:
        manager = self.references("manager")
        given, people = manager >= 0, self.people
        people.report(
            np.flatnonzero(given & (role[manager] != MANAGER)), "manager: is not somebody with the role manager"
        )
        people.report(np.flatnonzero(given & (manager == np.arange(len(manager)))), "manager: is the person themselves")
        people.report(
            np.flatnonzero(given & (role[manager] == MANAGER) & (service[manager] != service)),
            "manager: works in another organisation",
        )
        return manager

    def funders(self, role: np.ndarray, service: np.ndarray, services: int) -> np.ndarray:
        """Row of the commissioner of every service, -1."""
        given, people = self.references("commissioner"), self.people
        people.report(
            np.flatnonzero((given >= 0) & (role[given] != COMMISSIONER)),
            "commissioner: is not somebody with the role commissioner",
        )
        every = np.flatnonzero(role == COMMISSIONER)
        funder = np.full(services, every[0] if len(every) == 1 else -1, np.int64)
        named = np.full(services, -1, np.int64)
        rows = np.flatnonzero((given >= 0) & (role != COMMISSIONER) & (service >= 0))
        named[service[rows]] = given[rows]
        people.report(
            [row for row in rows if named[service[row]] != given[row]],
            "commissioner: others of the organisation name another one",
        )
        return np.where(named >= 0, named, funder)

    def network(self, role, service, manager) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ends (rows of nodes) and kinds of the ties; `manager` gets what line ties say."""
        table, ends, dropped = self.ties, [], np.zeros(len(self.ties), bool)
        for name in ("from", "to"):
            column = self.columns[name]
            table.report(np.flatnonzero(column == None), f"has nobody at its end ({name!r})")  # noqa: E711
            strange = np.array([text is not None and text not in self.row_of for text in column], bool)
            if self.book["edges"].get("dangling") == "drop":
                dropped |= strange
            else:
                table.each(column, strange, lambda text: f"{text!r} is not in {self.people.name}")
            ends.append(np.array([self.row_of.get(text, -1) for text in column], np.int64))
        a, b = ends
        table.report(np.flatnonzero((a == b) & (a >= 0)), "is a tie of a person with themselves")
        usable = (a >= 0) & (b >= 0) & (a != b) & ~dropped
        kind = _kinds(a, b, role, service)
        if self.columns["kind"] is not None:
            named = table.coded(self.columns["kind"], self.book["kinds"], KINDS, "kind of tie")
            for number, name in enumerate(KINDS):
                rows = usable & (named == name)
                table.report(
                    np.flatnonzero(rows & ~_possible(number, a, b, role, service)),
                    f"cannot be a tie of kind {name!r}: {NEEDS[number]}",
                )
                kind[rows] = number
        for row in np.flatnonzero(usable & (kind == _LINE)):
            follower, leader = (a[row], b[row]) if role[b[row]] == MANAGER else (b[row], a[row])
            if manager[follower] not in (-1, leader):
                table.report([row], f"{self.person['id'][follower]!r} has another line manager already")
            manager[follower] = leader
        led = np.flatnonzero(manager >= 0)
        line = np.where(role[led] == MANAGER, _TEAM, _LINE)
        ends = np.concatenate([a[usable], led]), np.concatenate([b[usable], manager[led]])
        manager[role == MANAGER] = -1
        return *ends, np.concatenate([kind[usable], line])

    def profiles(self, role: np.ndarray, service: np.ndarray, group: np.ndarray) -> None:
        """Everybody needs a value profile in the scenario."""
        scenario = self.scenario
        for number, profile in enumerate(("staff_profile", "manager_profile", "peer_profile")):
            for g in np.unique(group[service[(role == number) & (service >= 0)]]):
                name = getattr(scenario.organisations[g], profile)
                if name not in scenario.profiles:
                    self.problems.append(
                        f"{scenario.name}: organisations[{g}].{profile}: {unknown(name, scenario.profiles, 'profile')}"
                    )
        if (role == COMMISSIONER).any() and scenario.commissioners.profile not in scenario.profiles:
            self.problems.append(
                f"{scenario.name}: commissioners.profile: "
                f"{unknown(scenario.commissioners.profile, scenario.profiles, 'profile')}"
            )


NEEDS = (
    "two members of one organisation are needed",
    "a manager and a member of the same organisation are needed",
    "members of two organisations are needed",
    "a peer and another member of the organisation are needed",
    "a commissioner and a member of an organisation are needed",
    "two commissioners are needed",
)


def _possible(kind: int, a: np.ndarray, b: np.ndarray, role: np.ndarray, service: np.ndarray) -> np.ndarray:
    """Which ties could be of a kind."""
    commissioners = (role[a] == COMMISSIONER).astype(int) + (role[b] == COMMISSIONER)
    members = commissioners == 0
    same = members & (service[a] == service[b])
    led = same & ((role[a] == MANAGER) != (role[b] == MANAGER))
    with_peer = same & ((role[a] == PEER) | (role[b] == PEER))
    return (same, led, members & ~same, with_peer, commissioners == 1, commissioners == 2)[kind]


def _kinds(a: np.ndarray, b: np.ndarray, role: np.ndarray, service: np.ndarray) -> np.ndarray:
    """What ties are, by who the two are."""
    kind = np.full(len(a), _TEAM, np.int8)
    for number in (_PEER, _BETWEEN, _COMMISSIONING, _COMMISSIONERS):
        kind[_possible(number, a, b, role, service)] = number
    return kind


def _no_foreign_funding(a, b, kind, role, organisation, commissioner) -> np.ndarray:
    """Commissioning ties join a manager and the commissioner of their service; others with commissioners: contacts."""
    low, high = np.minimum(a, b), np.maximum(a, b)  # commissioners stand last
    funds = kind == _COMMISSIONING
    funds[funds] = (role[low[funds]] == MANAGER) & (commissioner[organisation[low[funds]]] == high[funds])
    return np.where((kind == _COMMISSIONING) & ~funds, _BETWEEN, kind)


def _natural(text: str) -> tuple[int, int, str]:
    """Numbers by size, before words."""
    return (0, int(text), text) if text.isascii() and text.isdigit() and len(text) < 19 else (1, 0, text)


def _distinct(names: Iterable[tuple[Any, str]], bits: int, taken: set[tuple[Any, int]] | None = None) -> list[int]:
    """Numbers of some bits from names, distinct within each name's scope (the first of the pair)."""
    taken, numbers = taken or set(), []
    for scope, name in names:
        salt = 0
        while True:
            digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8, salt=salt.to_bytes(8, "big"))
            number = int.from_bytes(digest.digest(), "big") >> (64 - bits)
            if (scope, number) not in taken:
                break
            salt += 1
        taken.add((scope, number))
        numbers.append(number)
    return numbers


def _service_keys(scenario: Scenario, names: list[str]) -> np.ndarray:
    """Keys of imported services: those of generated ones where they have the same name, else from the name."""
    known = dict(zip(scenario.service_names(), service_keys(scenario)[0].tolist(), strict=True))
    fresh = [name for name in names if name not in known]
    taken = {(0, name_key("commissioners") << 16), *((0, known[name]) for name in names if name in known)}
    known |= dict(zip(fresh, _distinct(((0, name) for name in fresh), 32, taken), strict=True))
    return np.array([known[name] for name in names], np.uint64)


def _posts(
    role: np.ndarray, organisation: np.ndarray, ids: list[str], key: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of posts: from role and id, so that others in the tables make no difference."""
    scopes = ((o, r) for o, r in zip(organisation.tolist(), role.tolist(), strict=True))
    low = np.array(_distinct(zip(scopes, ids, strict=True), 24), np.uint64)
    keys = np.append(key, np.uint64(name_key("commissioners") << 16))
    return role.astype(np.uint64) << np.uint64(24) | low, keys[organisation]
