"""Who starts, and who pays: limits with known answers (ODD §5.14, §5.15)."""

from __future__ import annotations

import numpy as np
import pytest

from valign.experiments.simulate import simulate
from valign.model.parameters import MECHANISMS
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import COMMISSIONER_PAYS, NATIONAL_MONEY, PILOTING
from valign.model.world.world import World

CITY = Scenario.load("housing-first")
ONLY_SERVICES = {f"mechanisms.{name}": name in ("organisations", "commissioning") for name in MECHANISMS}
PLAIN = {
    **ONLY_SERVICES, "everybody_aware": True, "fit_effect_organisations": 0.0, "evidence_effect": 0.0,
    "adoption_peers": 0.0, "slack_effect": 0.0, "abandon_within": -50.0, "months": 60, "pilot_months": 120,
}  # fmt: skip


def outside(count: int, **settings: float) -> Scenario:
    """Services of one size that are all outside, with one commissioner unless asked otherwise."""
    sizes = {"organisations.pilot.count": 1, "organisations.staircase.count": count - 1, "size_spread": 0.0}
    sizes |= {f"organisations.{group}.staff": 4 for group in ("pilot", "staircase")}
    return CITY.replace(
        {**PLAIN, **sizes, "organisations.pilot.stage": "outside", "commissioners.count": 1, **settings}
    )


def test_legitimacy_alone_is_a_known_recursion() -> None:
    """F <- F + (1 - F) logistic(base + adoption_norm F), where nobody has to be asked."""
    scenario = outside(400, **{"commissioners.count": 0, "adoption_base": -4.0, "adoption_norm": 5.0})
    share = simulate(scenario, 24, record="series").curves("service", "in_use")
    expected, F = [0.0], 0.0
    for _ in range(60):
        F += (1 - F) / (1 + np.exp(4.0 - 5.0 * F))
        expected.append(F)
    error = share.std(axis=1) / np.sqrt(share.shape[1])
    assert (np.abs(share.mean(axis=1) - expected) <= 4 * error + 0.004).all()
    growth = np.diff(expected)
    assert growth.argmax() > 5  # it takes off


@pytest.mark.parametrize(("budget", "pilots"), [(0.0, 0), (0.3, 0), (0.34, 1), (0.67, 2), (1.0, 3)])
def test_a_budget_pays_for_so_many_pilots(budget: float, pilots: int) -> None:
    """Three services of one price: the budget is a share of the price of all three."""
    world = World(outside(3, budget=budget, adoption_base=40.0, pilot_reservation=-40.0), rng=1, events=True)
    world.step()
    S = world.state
    assert (S.service_stage[:, 0] == PILOTING).sum() == pilots
    assert (S.payer[S.service_stage[:, 0] == PILOTING, 0] == COMMISSIONER_PAYS).all()
    price = 2.0 * 4  # innovation.cost x staff
    refused = [event for event in world.events if event.what == "was refused a pilot"]
    assert len(refused) == 3 - pilots
    for event in refused:
        assert event.terms["price"] == price
        assert event.terms["money"] == pytest.approx(3 * price * budget - pilots * price)
    started = [event.terms["money"] for event in world.events if event.what == "started"]
    assert sorted(started, reverse=True) == pytest.approx([3 * price * budget - n * price for n in range(pilots)])


def test_a_commissioner_refuses_what_scores_too_low() -> None:
    world = World(
        outside(3, budget=1.0, adoption_base=40.0, pilot_reservation=0.0, reservation=0.0), rng=1, events=True
    )
    world.step()
    scores = {event.service: event.terms["score"] for event in world.events if "score" in event.terms}
    using = {int(o) for o in np.flatnonzero(world.state.service_stage[:, 0] == PILOTING)}
    assert using == {service for service, score in scores.items() if score >= 0.0}
    assert len(scores) == 3


@pytest.mark.parametrize("money", ["pilot_funds", "mandate"])
def test_national_money_asks_nobody_and_leaves_the_budget_alone(money: str) -> None:
    world = World(outside(3, budget=0.0, adoption_base=40.0, **{money: 1.0}), rng=1)
    world.step()
    assert (world.state.service_stage[:, 0] == PILOTING).all()
    assert (world.state.payer[:, 0] == NATIONAL_MONEY).all()


def test_what_slack_does_not_cover_makes_services_stop() -> None:
    """log-odds abandon_within + burden_effect max(0, burden - slack), once unfunded."""
    given = {
        "slack": 0.2,
        "slack_sd": 0.0,
        "burden": 0.5,
        "burden_effect": 4.0,
        "abandon_within": -5.0,
        "restart": -50.0,
    }
    scenario = outside(400, funding=0.0, emergent_threshold=0.0, **given)
    stages = {f"organisations.{group}.stage": "sustained" for group in ("pilot", "staircase")}
    found = simulate(scenario.replace({**stages, "months": 24}), 16, record="series").curves("service", "in_use")
    monthly = 1 / (1 + np.exp(5.0 - 4.0 * 0.3))
    assert found[-1].mean() == pytest.approx((1 - monthly) ** 24, abs=0.02)


def test_who_pays_for_contracts_has_less_for_pilots() -> None:
    scenario = outside(3, budget=0.7, adoption_base=40.0, pilot_reservation=-40.0)
    for paid, pilots in (("commissioned", 1), ("piloting", 2)):  # a pilot that is there at the start is paid nationally
        world = World(scenario.replace({"organisations.pilot.stage": paid}), rng=1)
        world.step()
        assert (world.state.service_stage[1:, 0] == PILOTING).sum() == pilots


def test_commissioners_are_charged_for_what_they_pay_and_not_for_national_money() -> None:
    """A pilot that is there at the start is national money: what it saves counts, what it costs does not."""
    scenario = Scenario.load("two-services").replace({"displacement": 0.3, "months": 40})
    national = simulate(scenario.replace({"budget": 0.0}), runs=6, seed=3).runs
    assert (national["money_spent"] > 0).all()
    returned = national["value_per_pound_financial"] * national["money_spent"]
    np.testing.assert_allclose(national["value_commissioners"], returned, rtol=1e-9)
    stages = {f"organisations.{name}.stage": "commissioned" for name in ("hostel", "outreach")}
    own = scenario.replace({**stages, "contract_months": 60, "budget": 1.0})
    paid = simulate(own, runs=6, seed=3).runs
    charged = (paid["value_per_pound_financial"] - 1.3) * paid["money_spent"]
    np.testing.assert_allclose(paid["value_commissioners"], charged, rtol=1e-9)
