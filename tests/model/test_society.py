"""Generated societies: people, ties, and that nobody's draws hang on who else there is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valign.model.run.initial import build
from valign.model.scenario.scenario import Scenario, ScenarioError
from valign.model.society.generate import Society, build_society, name_key
from valign.model.society.ties import KINDS
from valign.model.state.scenario_arrays import lower

TEAM, LINE, BETWEEN, PEER, COMMISSIONING, COMMISSIONERS = range(6)
STAFF, MANAGER, PEERS, COMMISSIONER = range(4)


def scenario(*groups: dict[str, Any], commissioners: int = 2, **replaced: float) -> Scenario:
    """Groups of services, all with the profiles of the shipped hostel."""
    raw = Scenario.load("two-services").to_mapping()
    usual = raw["organisations"][0] | {"name": "hostel", "count": 30, "staff": 26, "managers": 2, "peers": 3}
    raw["organisations"] = [usual | group for group in groups or ({},)]
    raw["commissioners"]["count"] = commissioners
    made = Scenario.from_mapping(raw)
    return made.replace({f"ties.{name}": value for name, value in replaced.items()}) if replaced else made


def digest(society: Society) -> str:
    parts = [np.ascontiguousarray(value).tobytes() for value in vars(society).values() if value is not None]
    return hashlib.blake2b(b"".join(parts), digest_size=8).hexdigest()


def posts(society: Society) -> list[tuple[int, int]]:
    return list(zip(society.post_high.tolist(), society.post_low.tolist(), strict=True))


def ties(society: Society, kinds: tuple[int, ...] = tuple(range(6))) -> set[tuple[Any, ...]]:
    """Ties by the posts at their ends."""
    names = posts(society)
    rows = np.flatnonzero(np.isin(society.tie_kind, kinds))
    return {(*sorted((names[society.tie_a[e]], names[society.tie_b[e]])), int(society.tie_kind[e])) for e in rows}


def degree(society: Society, kind: int) -> np.ndarray:
    ends = np.concatenate([society.tie_a[society.tie_kind == kind], society.tie_b[society.tie_kind == kind]])
    return np.bincount(ends, minlength=len(society.role))


@pytest.fixture(scope="module")
def many() -> Society:
    """60 services, about 1,900 people."""
    return build_society(scenario({"count": 40}, {"name": "outreach", "count": 20, "staff": 15}, commissioners=4), 3)


def test_rows(many: Society) -> None:
    O = len(many.key)
    order = np.array([1, 0, 2, 3])[many.role]
    assert (np.diff(many.organisation) >= 0).all()
    assert all((np.diff(order[many.first[o] : many.first[o + 1]]) >= 0).all() for o in range(O))
    assert many.first[O + 1] == len(many.role)
    assert (many.role[many.first[O] :] == COMMISSIONER).all()
    assert (many.organisation[many.first[O] :] == O).all()
    assert (many.role[: many.first[O]] != COMMISSIONER).all()
    assert (np.searchsorted(many.organisation, np.arange(O + 1)) == many.first[:-1]).all()
    assert len(set(posts(many))) == len(many.role)
    assert (many.post_low >> np.uint64(24) == many.role.astype(np.uint64)).all()


def test_line_management(many: Society) -> None:
    led = many.manager >= 0
    assert (led == np.isin(many.role, (STAFF, PEERS))).all()
    assert (many.role[many.manager[led]] == MANAGER).all()
    assert (many.organisation[many.manager[led]] == many.organisation[led]).all()
    tie = many.line_tie[led]
    ends = np.sort(np.stack([np.flatnonzero(led), many.manager[led]]), axis=0)
    assert (np.stack([many.tie_a[tie], many.tie_b[tie]]) == ends).all()
    assert (many.tie_kind[tie] == LINE).all()
    assert (many.line_tie[~led] == -1).all()
    teams = {}
    for i in np.flatnonzero(many.team >= 0):  # a team has one manager
        assert teams.setdefault((many.organisation[i], many.team[i]), many.manager[i]) == many.manager[i]


def test_ties_are_sorted_and_both_ways(many: Society) -> None:
    a, b = many.tie_a.astype(np.int64), many.tie_b.astype(np.int64)
    assert (a < b).all()
    assert (np.diff(a * len(many.role) + b) > 0).all()
    matrix = np.zeros((len(many.role),) * 2, bool)
    for i in range(len(many.role)):
        mine = slice(many.tie_start[i], many.tie_start[i + 1])
        assert (np.diff(many.neighbour[mine]) > 0).all()
        matrix[i, many.neighbour[mine]] = True
        ends = np.stack([a[many.tie_of[mine]], b[many.tie_of[mine]]])
        assert (np.sort(np.stack([np.full(ends.shape[1], i), many.neighbour[mine]]), axis=0) == ends).all()
    assert (matrix == matrix.T).all()
    assert matrix.sum() == 2 * len(a)


def test_kinds_join_whom_they_say(many: Society) -> None:
    O, a, b, kind = len(many.key), many.tie_a, many.tie_b, many.tie_kind
    same = many.organisation[a] == many.organisation[b]
    assert same[np.isin(kind, (TEAM, LINE, PEER))].all()
    assert (~same[kind == BETWEEN]).all()
    assert (many.organisation[b[kind == BETWEEN]] < O).all()
    pairs = np.sort(np.stack([many.role[a], many.role[b]]), axis=0)
    assert (pairs[:, kind == PEER] == [[STAFF], [PEERS]]).all()
    assert (pairs[:, kind == COMMISSIONING] == [[MANAGER], [COMMISSIONER]]).all()
    assert (pairs[:, kind == COMMISSIONERS] == COMMISSIONER).all()
    funded = kind == COMMISSIONING
    assert (many.commissioner[many.organisation[a[funded]]] == b[funded]).all()
    assert funded.sum() == (many.role == MANAGER).sum()
    assert {KINDS[k] for k in np.unique(kind)} == set(KINDS)


def test_numbers_of_ties_are_those_of_the_parameters() -> None:
    made = scenario({"count": 150, "staff": 32, "peers": 4}, commissioners=40)
    society = build_society(made, 1)
    staff, peers = society.role == STAFF, society.role == PEERS
    contacts = np.isin(society.role, (STAFF, MANAGER))
    assert degree(society, BETWEEN)[contacts].mean() == pytest.approx(made.value("ties.between"), rel=0.1)
    assert degree(society, PEER)[peers].mean() == pytest.approx(made.value("ties.peer"), rel=0.1)
    assert degree(society, COMMISSIONERS)[society.role == COMMISSIONER].mean() == pytest.approx(4, rel=0.25)
    inside = (society.tie_kind == TEAM) & staff[society.tie_a] & staff[society.tie_b]
    same = inside & (society.team[society.tie_a] == society.team[society.tie_b])
    size = np.unique(np.stack([society.organisation, society.team])[:, staff], axis=1, return_counts=True)[1]
    assert size.mean() == pytest.approx(made.value("ties.team_size"), rel=0.1)
    assert same.sum() / (size * (size - 1) / 2).sum() == pytest.approx(made.value("ties.team_density"), abs=0.02)
    assert 2 * (inside & ~same).sum() / staff.sum() == pytest.approx(made.value("ties.cross_team"), rel=0.1)
    sizes = np.bincount(society.organisation[staff])
    assert sizes.mean() == pytest.approx(32, rel=0.1)
    assert np.std(np.log(sizes)) == pytest.approx(made.value("size_spread"), rel=0.2)


def test_ties_are_clustered_far_above_density(many: Society) -> None:
    import networkx as nx

    graph = nx.Graph(zip(many.tie_a.tolist(), many.tie_b.tolist(), strict=True))
    assert nx.transitivity(graph) > 10 * nx.density(graph)
    for o in np.flatnonzero(np.bincount(many.organisation[many.team > 0])[: len(many.key)]):  # several teams
        staff = graph.subgraph(np.flatnonzero((many.organisation == o) & (many.role == STAFF)).tolist())
        if len(staff) >= 24:
            assert nx.transitivity(staff) > 1.25 * nx.density(staff)


def test_professional_ties_are_uneven_and_mostly_local(many: Society) -> None:
    contacts = np.isin(many.role, (STAFF, MANAGER))
    mine = degree(many, BETWEEN)[contacts]
    assert mine.var() > 1.4 * mine.mean()  # more than chance, which would make them equal
    assert (degree(many, BETWEEN)[~contacts] == 0).all()
    between = many.tie_kind == BETWEEN
    area = many.area[many.organisation[np.stack([many.tie_a, many.tie_b])[:, between]]]
    local = (area[0] == area[1]).mean()
    by_chance = (np.bincount(many.area) ** 2).sum() / len(many.key) ** 2
    assert local == pytest.approx(0.8 + 0.2 * by_chance, abs=0.05)


def test_values_are_weakly_alike_across_ties_and_in_services() -> None:
    made = scenario({"count": 100})
    excess, shares = [], []
    for seed in range(3):
        society = build_society(made, seed)
        state = build(lower(made), society, [seed])
        rows = np.flatnonzero(society.role == STAFF)
        values, service = state.values[rows, :, 0], society.organisation[rows]
        n = np.bincount(service)
        means = np.stack([np.bincount(service, column) / n for column in values.T], axis=1)
        within = ((values - means[service]) ** 2).sum(axis=0) / (len(rows) - len(n))
        between = (n[:, None] * (means - values.mean(axis=0)) ** 2).sum(axis=0) / (len(n) - 1)
        typical = (len(rows) - (n**2).sum() / len(rows)) / (len(n) - 1)
        variance = (between - within) / typical
        shares.append(variance / (variance + within))
        deviation = np.zeros((len(society.role), values.shape[1]))
        # Deviations from a mean that holds one's own value lean apart by 1/(n - 1): scaled and added back.
        deviation[rows] = values - means[service]
        staff = np.isin(society.tie_a, rows) & np.isin(society.tie_b, rows)
        a, b = society.tie_a[staff], society.tie_b[staff]
        inside = society.organisation[a] == society.organisation[b]
        lean = np.where(inside, 1 / (n[society.organisation[a]] - 1), 0.0).mean()
        excess.append((deviation[a] * deviation[b]).mean(axis=0) / (deviation[rows] ** 2).mean(axis=0) + lean)
    assert 0.05 < np.mean(shares) < 0.15
    assert 0.0 < np.mean(excess) <= 0.05


def test_lasting_differences_are_standard_normal() -> None:
    society = build_society(scenario({"count": 2000, "staff": 1, "managers": 0, "peers": 0}, commissioners=0), 1)
    normals = np.stack([society.leadership_z, society.slack_z, society.coproduction_z])
    assert np.abs(normals.mean(axis=1)).max() < 0.1
    assert np.abs(normals.std(axis=1) - 1).max() < 0.1
    assert np.abs(np.corrcoef(normals) - np.eye(3)).max() < 0.1


INSIDE = (TEAM, LINE, PEER)


@pytest.mark.parametrize("added", [
    ({"count": 31},), ({"count": 50},), ({}, {"name": "new", "count": 3}), ({"name": "first", "count": 2}, {}),
], ids=["a service", "many services", "a group", "a group before"])  # fmt: skip
def test_adding_services_changes_nobody_elses_people_and_ties_inside(added: tuple[dict[str, Any], ...]) -> None:
    for seed in range(3):
        before, after = build_society(scenario(), seed), build_society(scenario(*added), seed)
        keys = set(before.key.tolist()) | {name_key("commissioners") << 16}
        assert set(posts(before)) == {post for post in posts(after) if post[0] in keys}
        kept = {tie for tie in ties(after, INSIDE) if tie[0][0] in keys}
        assert ties(before, INSIDE) == kept
        where = {key: o for o, key in enumerate(after.key.tolist())}
        rows = [where[key] for key in before.key.tolist()]
        assert (after.leadership_z[rows] == before.leadership_z).all()
        line = {post: posts(before)[m] for post, m in zip(posts(before), before.manager, strict=True) if m >= 0}
        later = {post: posts(after)[m] for post, m in zip(posts(after), after.manager, strict=True) if m >= 0}
        assert line.items() <= later.items()


def test_a_new_service_takes_over_few_ties_between_services() -> None:
    before, after = build_society(scenario(), 5), build_society(scenario({"count": 31}), 5)
    old, new = ties(before, (BETWEEN,)), ties(after, (BETWEEN,))
    newcomer = name_key("hostel") << 16 | 30
    assert len(old - new) < 0.1 * len(old)
    assert all(newcomer in (tie[0][0], tie[1][0]) for tie in new - old)
    assert (after.area[:30] == before.area).all()


def test_seeds() -> None:
    made = scenario()
    assert digest(build_society(made, 7)) == digest(build_society(made, 7))
    assert digest(build_society(made, 7)) != digest(build_society(made, 8))
    assert len({digest(build_society(made, seed)) for seed in (0, 2**32, 2**63 - 1)}) == 3


def test_uncompiled_code_gives_the_same_bits() -> None:
    script = "import test_society as t; s = t.scenario({'count': 4}); print(t.digest(t.build_society(s, 11)))"
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(root / "tests"), str(root / "tests" / "model")])
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path}
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == digest(build_society(scenario({"count": 4}), 11))


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    commissioners=st.integers(0, 6),
    size=st.integers(1, 12),
    managers=st.integers(0, 3),
    staff=st.integers(0, 3),
    peers=st.integers(0, 2),
)
def test_small_and_odd_societies_are_whole(
    counts: list[int], commissioners: int, size: int, managers: int, staff: int, peers: int
) -> None:
    each = {"managers": managers, "staff": staff, "peers": peers if staff + managers else peers + 1}
    groups = [{"name": f"g{n}", "count": count, **each} for n, count in enumerate(counts)]
    made = scenario(*groups, commissioners=commissioners, area_size=size)
    society = build_society(made, sum(counts))
    assert len(society.role) == society.first[-1] == len(society.tie_start) - 1
    assert (society.tie_a < society.tie_b).all()
    assert society.tie_start[-1] == len(society.neighbour) == 2 * len(society.tie_a)
    if commissioners:
        assert set(society.commissioner) <= set(range(society.first[-2], society.first[-1]))
        if len(counts) == 1:  # nobody is left without a service
            assert len(set(society.commissioner)) == min(commissioners, counts[0])
    else:
        assert (society.commissioner == -1).all()


def test_many_managers_do_not_all_know_each_other() -> None:
    society = build_society(scenario({"count": 1, "staff": 0, "managers": 2000, "peers": 0}), 1)
    assert degree(society, TEAM).max() <= 12


@pytest.mark.parametrize(("groups", "words"), [
    (({"count": 70_000, "staff": 1, "managers": 0, "peers": 0},), ("hostel", "65,536", "several groups")),
    (({"count": 1, "staff": 700_000},), ("hostel", "700,000 staff", "at most 520,000")),
    (({"count": 1, "staff": 0, "managers": 0, "peers": 2**24 + 1},), ("hostel", "peers", "16,777,216")),
])  # fmt: skip
def test_what_cannot_be_named_is_refused(groups: tuple[dict[str, Any], ...], words: tuple[str, ...]) -> None:
    with pytest.raises(ScenarioError) as error:
        build_society(scenario(*groups), 1)
    assert all(word in str(error.value) for word in words)


def test_names_that_clash_are_refused() -> None:
    seen: dict[int, str] = {}
    for n in range(5000):
        other = seen.setdefault(name_key(f"service {n}"), f"service {n}")
        if other != f"service {n}":
            with pytest.raises(ScenarioError, match="rename one of them"):
                build_society(scenario({"name": other}, {"name": f"service {n}"}), 1)
            return
    pytest.fail("no clash among 5,000 names")
