"""Scheduled changes (ODD §5.1): shares that need not sum to 1, whom a new leader replaces, rounding and limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import compare

from valign.model.parameters import INDEX, PARAMETERS
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.state.arrays import ABANDONED, COMMISSIONER, MANAGER, SUSTAINED, State
from valign.model.state.scenario_arrays import lower

CHANNELS = ("financial", "economic", "social")
BASE = Scenario.load("two-services").replace({"months": 3})


def after(months: int, settings: dict[str, Any] | None = None, *changes: dict[str, Any]) -> State:
    """The state of one run of two-services at the end of a month."""
    scenario = Scenario.from_mapping(BASE.replace(settings or {}).to_mapping() | {"changes": list(changes)})
    S = build(lower(scenario), build_society(scenario, 1), [1])
    run_months(S, 1, months + 1, month_steps(S.switches, False))
    return S


@pytest.mark.parametrize(("given", "shares"), [
    ((0.0, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3)), ((0.2, 0.1, 0.1), (0.5, 0.25, 0.25)), ((1.0, 1.0, 0.5), (0.4, 0.4, 0.2)),
])  # fmt: skip
def test_shares_are_scaled_to_sum_to_one(given: tuple[float, ...], shares: tuple[float, ...]):
    names = [f"evidence_weights.commissioner.{name}" for name in CHANNELS]
    S = after(1, dict(zip(names, given, strict=True)))
    np.testing.assert_allclose(S.role_weights[COMMISSIONER, :, 0], shares, rtol=1e-12)


def test_a_new_leader_comes_to_the_services_named():
    same = after(2)
    for o, group in enumerate(BASE.organisations):
        S = after(
            2,
            None,
            {"month": 2, "event": "new_leader", "profile": next(iter(BASE.profiles)), "organisations": [group.name]},
        )
        new = np.flatnonzero((S.holder != same.holder)[:, 0])
        managers = np.flatnonzero(S.role == MANAGER)
        wanted = [i for i in managers if S.first[o] <= i < S.first[o + 1]]
        assert new.tolist() == wanted, group.name


def test_any_parameter_may_change_and_keeps_its_limits():
    first = next(name for name, row in INDEX.items() if row == 0)
    for name, change, expected in (
        (first, {"set": 0.05}, 0.05),
        ("pilot_months", {"scale": 0.3}, np.floor(0.3 * BASE.value("pilot_months") + 0.5)),
        ("slack", {"scale": 1e6}, PARAMETERS["slack"].maximum),
    ):
        before = after(1, None, {"month": 2, "parameter": name, **change})
        S = after(2, None, {"month": 2, "parameter": name, **change})
        assert (before.parameters[INDEX[name], :, 0] != expected).any()
        np.testing.assert_allclose(S.parameters[INDEX[name], :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0])
def test_emphasis_is_scaled_to_sum_to_one(scale: float):
    scenario = Scenario.from_mapping(BASE.to_mapping() | {"changes": [{"month": 1, "parameter": "slack", "scale": 1}]})
    S = build(lower(scenario), build_society(scenario, 1), [1])
    given = np.arange(1.0, len(S.emphasis) + 1)
    S.innovation_emphasis[:, 0] = scale * given
    run_months(S, 1, 2, month_steps(S.switches, False))
    np.testing.assert_allclose(S.emphasis[:, 0], given / given.sum() if scale else 1 / len(given), rtol=1e-12)


def test_a_new_leader_is_not_moved_to_the_level_of_alignment():
    """Whom an event brings in holds the values of their own profile, whatever level the others were brought to."""
    profile = next(iter(BASE.profiles))
    scenario = Scenario.from_mapping(
        BASE.to_mapping()
        | {
            "alignment_level": 0.8,
            "alignment_roles": ["staff", "manager", "peer"],
            "changes": [{"month": 2, "event": "new_leader", "profile": profile}],
        }
    )
    assert compare(scenario, 1, width=2).differences == ()


def test_months_of_changes_differ_by_run():
    changes = [{"month": 3, "parameter": "slack", "set": 0.9}]
    scenario = Scenario.from_mapping(BASE.to_mapping() | {"changes": changes})
    S = build(lower(scenario), build_society(scenario, 1), [1, 2, 3])
    S.change_month[0] = [3, 2, 1]
    run_months(S, 1, 3, month_steps(S.switches, False))
    assert (S.parameters[INDEX["slack"]] == 0.9).all(axis=0).tolist() == [False, True, True]


def test_a_shorter_patience_ends_what_has_been_under_the_threshold_for_longer():
    scenario = Scenario.from_mapping(
        BASE.replace(
            {
                "months": 8,
                "emergent_threshold": 1.0,
                "emergent_months": 12,
                "abandon_within": -50,
                "funding": 0,
                "organisations.hostel.stage": "sustained",
                "organisations.outreach.stage": "sustained",
            }
        ).to_mapping()
        | {"changes": [{"month": 6, "parameter": "emergent_months", "set": 3}]}
    )
    assert compare(scenario, 1, width=2).differences == ()
    S = build(lower(scenario), build_society(scenario, 1), [1])
    for month in range(1, 7):
        assert (S.service_stage == SUSTAINED).all(), month
        run_months(S, month, month + 1, month_steps(S.switches, False))
    assert (S.service_stage == ABANDONED).all()
