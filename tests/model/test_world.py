"""World on Mesa: agents, verbs, rules of one's own, batch runs."""

from __future__ import annotations

import inspect
import pickle

import mesa
import numpy as np
import pytest

from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.world.agents import Commissioner, Manager, Peer, Staff
from valign.model.world.world import World


def test_agents_are_mesa_agents_by_role():
    world = World(rng=1)
    assert {type(agent) for agent in world.agents} == {Staff, Manager, Peer, Commissioner}
    assert len(world.agents) == len(world.state.role)
    assert len(world.agents_by_type[Staff]) == int((world.state.role == 0).sum())
    staff = world.agents.select(agent_type=Staff)
    assert 0.0 < staff.agg("alignment", np.mean) < 1.0
    assert set(world.agents.groupby("stage").groups) <= {"unaware", "aware", "engaged", "lapsed"}
    assert world.organisations[0].members[0].organisation is world.organisations[0]
    follower = staff[0] if hasattr(staff, "__getitem__") else next(iter(staff))
    assert isinstance(follower.manager, Manager)
    assert follower.manager in follower.neighbours
    assert next(iter(world.agents.select(agent_type=Commissioner))).weights.sum() == pytest.approx(1.0)


def test_values_read_and_write():
    world = World(rng=1)
    agent = next(iter(world.agents.select(agent_type=Peer)))
    agent.values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert world.state.values[agent.row, :, 0].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    agent.values[0] = 0.9
    assert agent.values[0] == 0.9
    agent.stage = "engaged"
    assert agent.engaged
    for wrong in ([0.5], [2.0] * 7, [float("nan")] * 7):
        with pytest.raises(InputError):
            agent.values = wrong
    with pytest.raises(InputError, match="expected one of"):
        agent.stage = "keen"


def test_what_is_changed_from_outside_is_booked():
    world, same = World(rng=1), World(rng=1)
    row = next(iter(world.agents.select(agent_type=Staff))).row
    target = np.array([world.plan.innovation.values[d] for d in world.plan.dimensions])
    world.holder_of(row).values = target
    for each in (world, same):
        each.step()
    outside = world.decomposition.query("balance == 'fit' and mechanism == 'outside'")["change"].sum()
    assert outside > 0.05
    assert same.decomposition.query("mechanism == 'outside'")["change"].abs().sum() == 0.0
    booked = world.decomposition.groupby("balance", observed=True)["change"].sum()
    for balance in ("fit", "alignment"):
        expected = getattr(world.state, balance)[:, 0].sum() - sum(World(rng=1).state.fit[:, 0])
        assert booked[balance] == pytest.approx(expected, abs=1e-9)


class Persuaded(World):
    """A rule in plain Python: every third month staff read a leaflet."""

    def step(self) -> None:
        super().step()
        if self.steps % 3 == 0:
            for agent in self.agents.select(agent_type=Staff):
                agent.clarity = min(1.0, agent.clarity + 0.1)


def test_a_subclass_can_add_a_rule():
    plain, persuaded = World(rng=2, months=24), Persuaded(rng=2, months=24)
    for world in (plain, persuaded):
        for _ in range(24):
            world.step()
    assert (
        persuaded.agents.select(agent_type=Staff).agg("clarity", np.mean)
        > plain.agents.select(agent_type=Staff).agg("clarity", np.mean) + 0.1
    )


def test_a_mechanism_of_ones_own_by_name():
    def fatigue(state, month):
        state.voice[:] *= 0.9

    world = World(rng=3)
    world.insert_mechanism(fatigue, before="relationships")
    world.step()
    assert (world.state.voice[:, 0] < World(rng=3).state.voice[:, 0]).all()
    with pytest.raises(InputError, match="did you mean 'leadership'"):
        world.insert_mechanism(fatigue, after="leadershp")


def test_the_same_own_mechanism_in_an_ensemble():
    from valign.experiments.design import run_seeds
    from valign.experiments.simulate import simulate
    from valign.model.run.block import insertion

    def drill(state, month):
        state.clarity[:] = np.minimum(1.0, state.clarity + 0.01)

    world = World(rng=run_seeds(5, 1)[0])
    world.insert_mechanism(drill, after="leadership")
    for _ in range(72):
        world.step()
    runs = simulate("two-services", runs=1, seed=5, mechanisms=[insertion(drill, after="leadership")]).runs
    assert runs["uptake_mean"][0] == world.outcomes["uptake_mean"]


def test_a_new_holder_is_a_new_agent():
    world = World(rng=4)
    before = {agent.row: agent for agent in world.agents}
    for _ in range(12):
        world.step()
    new = [agent for agent in world.agents if before[agent.row] is not agent]
    assert len(new) == int((world.state.holder[:, 0] > 0).sum()) > 0
    assert all(before[agent.row] is not agent for agent in new)
    gone = [agent for row, agent in before.items() if agent.row is None]
    assert len(gone) == len(new)
    assert len(world.agents) == len(before)


def test_who_has_left_is_nobody_else():
    world = World(rng=4)
    former = list(world.agents)
    for _ in range(12):
        world.step()
    gone = next(agent for agent in former if agent.row is None and isinstance(agent, Staff))
    there = world.state.clarity.copy(), world.state.values.copy(), world.state.stage.copy()
    for name in ("values", "clarity", "stage", "alignment", "beliefs", "organisation", "manager", "neighbours"):
        with pytest.raises(RuntimeError, match="has left"):
            getattr(gone, name)
    for name, value in (("clarity", 0.123), ("values", 0.5), ("stage", "lapsed")):
        with pytest.raises(RuntimeError, match="has left"):
            setattr(gone, name, value)
    for before, now in zip(there, (world.state.clarity, world.state.values, world.state.stage), strict=True):
        np.testing.assert_array_equal(before, now)


def test_data_collector_and_horizon():
    world = World(rng=1, months=6)
    while world.running:
        world.step()
    table = world.datacollector.get_model_vars_dataframe()
    assert list(table.columns) == ["uptake", "spread", "alignment", "identification"]
    assert np.isfinite(table.to_numpy()).all()
    assert world.outcomes["uptake_final"] == table["uptake"].iloc[6]
    with pytest.raises(RuntimeError, match="after 72 months"):
        _ = World(rng=1).outcomes


def test_events_carry_the_terms_of_decisions():
    world = World(rng=1, events=True)
    for _ in range(72):
        world.step()
    kinds = {event.what for event in world.events}
    assert {"became aware", "engaged", "lapsed", "left and was replaced"} <= kinds
    engaged = [event for event in world.events if event.what == "engaged"]
    assert all(event.terms["draw"] < event.terms["probability"] for event in engaged)
    for event in engaged:
        opportunity = 1 - world.state.climate_gate[0] * (1 - event.terms["climate"])
        assert event.terms["probability"] == pytest.approx(opportunity / (1 + np.exp(-event.terms["eta"])))
    assert any(event.person == -1 for event in world.events)


@pytest.mark.parametrize("wrong", [-1, 2**63, "x", 1.5j, 1.7, float("inf")])
def test_wrong_seeds(wrong):
    with pytest.raises(InputError, match="rng"):
        World(rng=wrong)


def test_seeds_as_mesa_passes_them():
    assert World(rng=np.int64(5)).uptake == World(rng="5").uptake == World(rng=5.0).uptake == World(rng=5).uptake
    assert World().run_seed != World().run_seed


def test_the_constructor_suits_solara_and_batch_run():
    parameters = inspect.signature(World.__init__).parameters
    assert all(p.default is not inspect.Parameter.empty for name, p in parameters.items() if name != "self")
    assert not {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    assert not {"scenario", "seed"} & set(parameters)


SEEDS = [1, 2]


def batch_run(parameters, months):
    by_name = "rng" in inspect.signature(mesa.batch_run).parameters
    seeds = {"rng": SEEDS} if by_name else {}
    parameters = parameters if by_name else {**parameters, "rng": SEEDS}
    return mesa.batch_run(
        World, parameters=parameters, max_steps=months, number_processes=1, display_progress=False, **seeds
    )


def test_batch_run_unmodified():
    rows = batch_run({"preset": "two-services", "months": 5}, 5)
    assert len(rows) == 2
    world = World(rng=1, months=5)
    for _ in range(5):
        world.step()
    assert rows[0]["uptake"] == world.uptake
    assert {"uptake", "spread", "alignment"} <= set(rows[0])


def test_batch_run_sweeps_parameters_of_the_model():
    swept = {"preset": "two-services", "months": 12, "fit_effect": [0.0, 0.6], "innovation_clarity": 0.9}
    rows = [row for row in batch_run(swept, 12) if row["Step"] == 12]
    first = rows[0]["seed"] if "seed" in rows[0] else rows[0]["rng"]
    by_effect = {row["fit_effect"]: row["uptake"] for row in rows if row.get("seed", row.get("rng")) == first}
    plan = Scenario.load("two-services").replace({"innovation.clarity": 0.9, "fit_effect": 0.6})
    world = World(plan, rng=1, months=12)
    for _ in range(12):
        world.step()
    assert by_effect[0.6] == world.uptake != by_effect[0.0]
    with pytest.raises(InputError, match="did you mean 'fit_effect'"):
        World(fit_efect=0.1)


def test_what_agents_are_can_be_collected():
    world = World(rng=1, months=2, agent_reporters=["alignment", "stage"])
    world.step()
    frame = world.datacollector.get_agent_vars_dataframe()
    assert list(frame.columns) == ["alignment", "stage"]
    assert frame.loc[1].loc[world.agents[0].unique_id, "alignment"] == world.agents[0].alignment


def test_a_scenario_or_a_path_can_be_given_instead_of_a_name(tmp_path):
    plan = Scenario.load("two-services").replace({"organisations.hostel.staff": 5})
    assert len(World(plan, rng=1).organisations[0].members) == 11
    plan.to_toml(tmp_path / "plan.toml")
    assert World(tmp_path / "plan.toml", rng=1).uptake == World(plan, rng=1).uptake


def test_pickle_of_the_collected_data():
    world = World(rng=1, months=2)
    world.step()
    frame = world.datacollector.get_model_vars_dataframe()
    assert pickle.loads(pickle.dumps(frame)).equals(frame)
