"""What people think of an innovation: limits with known answers (ODD §5.9)."""

from __future__ import annotations

import numpy as np
import pytest

from valign.experiments.simulate import simulate
from valign.model.parameters import MECHANISMS
from valign.model.scenario.scenario import Scenario
from valign.model.world.world import World

NOTHING_ELSE = {f"mechanisms.{name}": name == "sensemaking" for name in MECHANISMS}
TALK = {"everybody_aware": True, "aware_voice": 1.0, "talk": 0.2, "grounding": 0.05, "sensegiving": 0.0}


def settled(settings: dict, months: int = 600) -> World:
    world = World(Scenario.load("two-services").replace({**NOTHING_ELSE, **TALK, **settings, "months": months}), rng=2)
    for _ in range(months):
        world.step()
    return world


def weights(world: World) -> np.ndarray:
    """talk quality_ij voice_j / sum_j voice_j [N x N]."""
    S = world.state
    found = np.zeros((len(S.role), len(S.role)))
    for i in range(len(S.role)):
        near = slice(S.tie_start[i], S.tie_start[i + 1])
        others, ties = S.neighbour[near], S.tie_of[near]
        found[i, others] = S.talk[0] * S.quality[ties, 0] * S.voice[others, 0] / S.voice[others, 0].sum()
    return found


def test_talk_and_grounding_end_where_friedkin_and_johnsen_say() -> None:
    world = settled({})
    S, W = world.state, weights(world)
    influence = np.diag(0.05 + W.sum(axis=1)) - W
    assert np.allclose(S.alignment[:, 0], np.linalg.solve(influence, 0.05 * S.fit[:, 0]), atol=1e-10)
    assert S.alignment[:, 0].std() < 0.8 * S.fit[:, 0].std()


def test_grounding_alone_returns_to_fit() -> None:
    world = World(Scenario.load("two-services").replace({**NOTHING_ELSE, **TALK, "talk": 0.0}), rng=2)
    world.step()
    world.state.alignment[:] = 0.2
    for _ in range(12):
        world.step()
    expected = 0.2 + (1 - 0.95**12) * (world.state.fit[:, 0] - 0.2)
    assert np.allclose(world.state.alignment[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize(("judgement", "sign"), [(1.0, 1), (0.0, -1)])
def test_a_service_moves_toward_what_its_manager_thinks(judgement: float, sign: int) -> None:
    scenario = Scenario.load("two-services").replace({**NOTHING_ELSE, **TALK, "talk": 0.0, "sensegiving": 0.5})
    world, alone = (World(scenario.replace({"leadership_strength": x}), rng=2) for x in (0.8, 0.0))
    for each in (world, alone):
        each.step()
        managers = each.state.role == 1
        for _ in range(3):
            each.state.alignment[managers] = judgement
            each.step()
    staff = world.state.role == 0
    assert (sign * (world.state.alignment[staff, 0] - alone.state.alignment[staff, 0]) > 0).all()


def test_without_sensemaking_alignment_is_fit() -> None:
    world = World(Scenario.load("two-services").replace({"mechanisms.sensemaking": False}), rng=3, months=24)
    for _ in range(24):
        world.step()
        assert (world.state.alignment == world.state.fit).all()
    table = world.decomposition
    fit, alignment = (
        table[table["balance"] == name].drop(columns="balance").reset_index(drop=True) for name in ("fit", "alignment")
    )
    assert fit.equals(alignment)


def test_both_balances_close() -> None:
    world = World("two-services", rng=4, months=36)
    start = {name: getattr(world.state, name)[:, 0].sum() for name in ("fit", "alignment")}
    for _ in range(36):
        world.step()
    booked = world.decomposition.groupby("balance", observed=True)["change"].sum()
    for name, before in start.items():
        assert booked[name] == pytest.approx(getattr(world.state, name)[:, 0].sum() - before, abs=1e-9)


def test_nobody_overshoots() -> None:
    everything = {"grounding": 1.0, "talk": 1.0, "sensegiving": 1.0, "session": 1.0, "coproduction_intensity": 0.9}
    found = simulate(Scenario.load("two-services").replace(everything), 8, record="series")
    for role in ("staff", "manager", "peer", "commissioner"):
        mean = found.curves(role, "alignment")
        assert ((mean >= 0) & (mean <= 1)).all()
