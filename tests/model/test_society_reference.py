"""The society that the model draws is the one of the ODD, post by post and tie by tie."""

from __future__ import annotations

import pytest
from reference.society import ROLES, Society
from strategies import random_scenario

from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.society.ties import KINDS


def check(scenario: Scenario, seed: int) -> None:
    expected, found = Society(scenario, seed), build_society(scenario, seed)
    posts = [post for place in expected.services for post in (*place.managers, *place.staff, *place.peers)]
    posts += expected.commissioners
    assert [post.row for post in posts] == list(range(len(found.role)))
    assert [(ROLES[post.role], post.low, post.high, post.team) for post in posts] == list(
        zip(found.role.tolist(), found.post_low.tolist(), found.post_high.tolist(), found.team.tolist(), strict=True)
    )
    assert [post.manager.row if post.manager else -1 for post in posts] == found.manager.tolist()
    assert [place.area for place in expected.services] == found.area.tolist()
    people = len(posts) - len(expected.commissioners)
    assert [people + number if number >= 0 else -1 for number in expected.funded_by] == found.commissioner.tolist()
    for word, column in ((1, found.leadership_z), (2, found.slack_z), (3, found.coproduction_z)):
        assert [place.lasting[word] for place in expected.services] == pytest.approx(column.tolist(), abs=1e-12)
    ties = zip(found.tie_a.tolist(), found.tie_b.tolist(), (KINDS[kind] for kind in found.tie_kind), strict=True)
    assert sorted((*pair, kind) for pair, kind in expected.ties.items()) == sorted(ties)


@pytest.mark.parametrize("seed", range(60))
def test_random_scenarios(seed):
    check(random_scenario(seed), seed + 2**40)


@pytest.mark.parametrize("name", ["two-services", "housing-first", "social-prescribing", "low-fit"])
def test_shipped_scenarios(name):
    check(Scenario.load(name), 7)
