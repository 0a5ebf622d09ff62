"""The decomposition closes, attributes rightly in planted cases, and costs no bits."""

from __future__ import annotations

import numpy as np
import pytest
from small import booked, by_service, months, small, start
from strategies import random_scenario

from valign.experiments.simulate import simulate
from valign.model.ledger.accounting import account
from valign.model.ledger.decomposition import ENTRIES, POINT
from valign.model.scenario.scenario import Scenario

STAFF, MANAGER = 0, 1


def entries(S) -> dict[tuple[str, str], float]:
    """What was booked of fit, over services, roles and stages, first run."""
    fit = booked(S)[0, ..., 0]
    return {name: float(fit[n].sum()) for n, name in enumerate(ENTRIES)}


def led(values: np.ndarray, leader: float):
    """A service whose followers have these values (one dimension, innovation at .8) and whose leader has another."""
    scenario = small(
        "leadership",
        group={"staff": len(values), "managers": 1},
        settings={"leadership_rate": 0.5, "leadership_strength": 1.0, "tie_quality": 2.0, "articulation": 0.0},
    )
    S, _ = start(scenario, [1], accounting=True)
    S.values[0, 0, 0] = leader
    S.values[1:, 0, 0] = values
    account(S, POINT["outside"])
    months(S, 1, accounting=True)
    return entries(S)


def test_a_pure_move_of_the_mean_is_centre():
    """All followers below the innovation: alignment is linear there, so contraction counts for nothing."""
    values = np.array([0.2, 0.3, 0.4, 0.5])
    found = led(values, leader=0.6)
    assert found["leadership", "centre"] == pytest.approx(0.5 * (0.6 - values).sum(), abs=1e-12)
    assert found["leadership", "spread"] == pytest.approx(0.0, abs=1e-12)


def test_a_pure_contraction_is_spread():
    """Followers evenly around innovation and leader: the mean stays, everybody comes nearer."""
    values = np.array([0.7, 0.75, 0.85, 0.9])
    found = led(values, leader=0.8)
    assert found["leadership", "centre"] == pytest.approx(0.0, abs=1e-12)
    assert found["leadership", "spread"] == pytest.approx(0.5 * np.abs(values - 0.8).sum(), abs=1e-12)


def test_one_mechanism_moves_the_mean_and_another_contracts():
    """Leadership pulls everybody up (below the innovation); anchoring with origins at the mean only contracts."""
    scenario = small(
        "anchoring",
        "leadership",
        group={"staff": 4, "managers": 1},
        settings={
            "leadership_rate": 0.5,
            "leadership_strength": 1.0,
            "tie_quality": 2.0,
            "articulation": 0.0,
            "anchoring": 0.4,
        },
    )
    S, _ = start(scenario, [1], accounting=True)
    values = np.array([0.7, 0.75, 0.85, 0.9])
    S.values[1:, 0, 0], S.origin[1:, 0, 0], S.values[0, 0, 0], S.origin[0, 0, 0] = values, 0.8, 0.8, 0.8
    account(S, POINT["outside"])
    months(S, 1, accounting=True)
    found = entries(S)
    assert found["anchoring", "centre"] == pytest.approx(0.0, abs=1e-12)
    assert found["anchoring", "spread"] == pytest.approx(0.4 * np.abs(values - 0.8).sum(), abs=1e-12)
    assert found["leadership", "centre"] == pytest.approx(0.0, abs=1e-12)
    assert found["leadership", "spread"] == pytest.approx(0.5 * 0.6 * np.abs(values - 0.8).sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(0, 30, 3))
def test_it_closes_by_service_role_and_stage(seed):
    scenario = random_scenario(seed)
    S = by_service(start(scenario, [seed, seed + 1], accounting=True)[0])
    services = len(S.setting)
    place = np.minimum(S.organisation, services)

    def sums() -> np.ndarray:
        total = np.zeros((2, services + 1, 4, 4, 2))
        for balance, held in enumerate((S.fit, S.alignment)):
            for run in range(2):
                np.add.at(total[balance, ..., run], (place, S.role, S.stage[:, run]), held[:, run])
        return total

    total = sums()
    for month in range(1, 13):
        months_from(S, month)
        total += booked(S, services).sum(axis=(1, 3))
        np.testing.assert_allclose(total, sums(), atol=1e-9)


def months_from(S, month: int) -> None:
    from valign.model.run.month import month_steps, run_months

    run_months(S, month, month + 1, month_steps(S.switches, True))


def test_recording_it_changes_no_bit_of_the_run():
    for seed in (0, 4, 7):
        scenario = random_scenario(seed)
        with_it = simulate(scenario, runs=3, seed=seed, record="decomposition").runs
        without = simulate(scenario, runs=3, seed=seed, record=()).runs
        assert with_it.equals(without)


def test_the_table_sums_to_the_change_of_alignment():
    out = simulate("two-services", runs=3, seed=2)
    table, members = out.decomposition, 54
    members_only = table[(table["organisation"] != "commissioners") & (table["mechanism"] != "episode")]
    for balance in ("fit", "alignment"):
        change = members_only[members_only["balance"] == balance].groupby("run")["change"].sum() / members
        expected = out.runs[f"{balance}_final"] - out.runs["alignment_start"]
        np.testing.assert_allclose(change, expected, atol=1e-9)


def test_beside_paired_ablations():
    from valign.experiments.ablation import ablations
    from valign.model.errors import InputError

    moved = ablations("two-services", runs=20, seed=1, mechanisms=["coproduction", "leadership", "turnover"])
    table = moved[moved["balance"] == "fit"].set_index("mechanism")
    for column in ("booked", "ablation"):
        assert (table[f"{column}_low"] < table[column]).all()
        assert (table[column] < table[f"{column}_high"]).all()
    assert table.loc["coproduction", "ablation_low"] > 0.0
    still = Scenario.load("two-services").replace({"leadership_rate": 0.0, "articulation": 0.0})
    nothing = ablations(still, runs=4, mechanisms=["leadership"]).iloc[0]
    assert nothing["ablation"] == 0.0
    assert nothing["booked"] == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(InputError, match="did you mean 'leadership'"):
        ablations("two-services", runs=2, mechanisms=["leadershp"])


def test_ablations_where_runs_fail():
    """Some runs cannot reach the level: they are left out, the others stay in their pairs."""
    from valign.experiments.ablation import ablations
    from valign.experiments.simulate import simulate

    scenario = Scenario.load("two-services").replace({"alignment_level": 0.84, "months": 4})
    runs = simulate(scenario, 12, record="decomposition").runs
    good = (runs["status"] == "ok").sum()
    assert 0 < good < 12
    row = ablations(scenario, 12, mechanisms=["leadership"]).set_index("balance").loc["alignment"]
    assert row["runs"] == good
    alone = simulate(scenario.replace({"mechanisms.leadership": False}), 12, record=()).runs
    assert row["ablation"] == pytest.approx((runs["alignment_final"] - alone["alignment_final"]).mean())
    assert row["booked_low"] < row["booked"] < row["booked_high"]
