"""Each tool on each task that it can do: `prepare` gets the network and returns `run(seed)`, one run.

A run gives its monthly curve, months 0 … 60: the share who have taken it up (uptake), the standard deviation of values
(values), or nothing where the tool is not asked for one while it is timed. Each tool does the task in its own way, with
its own records; nothing is left out that its user would have.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .tasks import HAZARD, MONTHS, RATE, START, WIDTH, read_network, scenario_of, society_for

Curve = np.ndarray | None


@dataclass
class Prepared:
    """A tool with the network in its own form. `run(seed)` makes one run; `ensemble(runs)` many, in the tool's own way
    in one process; `final` holds everybody's value at the end of the last run, where the tool shows it."""

    run: Callable[[int], Curve]
    ensemble: Callable[[int], Any]
    ties: int
    people: int
    final: Callable[[], np.ndarray] | None = None


def in_a_loop(run: Callable[[int], Curve]) -> Callable[[int], None]:
    def ensemble(runs: int) -> None:
        for seed in range(runs):
            run(seed)

    return ensemble


def neighbours(people: int, a: np.ndarray, b: np.ndarray) -> list[list[int]]:
    """Everybody's ties as lists."""
    out: list[list[int]] = [[] for _ in range(people)]
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        out[i].append(j)
        out[j].append(i)
    return out


# --- valign ---------------------------------------------------------------------------------------------------------
def valign(task: str, people: int, path: Path) -> Prepared:
    """Builds the network itself (the others read it from the file): the set-up time holds that."""
    from valign.experiments.simulate import simulate

    scenario, society, last = scenario_of(task, people), society_for(task, people), []

    def run(seed: int) -> Curve:
        out = simulate(scenario, runs=1, seed=seed, record=(), society=society, threads=1)
        return out.path("uptake")[1:, 0] if task == "uptake" else None

    def ensemble(runs: int) -> Any:
        out = simulate(scenario, runs=runs, seed=1, record=(), society=society, threads=1)
        return out.path("uptake")[1:] if task == "uptake" else out.runs

    def final() -> np.ndarray:
        out = simulate(scenario, runs=1, record=("agents",), society=society, threads=1)
        for *_, at in out.blocks_of_people():
            last[:] = at("value", MONTHS)[:, 0]
        return np.array(last)

    return Prepared(run, ensemble, len(society.tie_a), len(society.role), final)


# --- plain Python on Mesa: the whole model (tests/reference), and a model of the task alone ------------------------
def batch(model: type, seeds: list[int], months: int) -> Any:
    import mesa

    return mesa.batch_run(
        model, {"rng": seeds}, max_steps=months, number_processes=1, data_collection_period=-1, display_progress=False
    )


def reference(task: str, people: int, path: Path) -> Prepared:
    """tests/reference with ordinary random numbers, nothing recorded; the mechanisms that the task has not are off."""
    import mesa
    from reference.model import ReferenceModel

    scenario, society, last = scenario_of(task, people), society_for(task, people), []

    class Plain(ReferenceModel):
        def __init__(self, rng: int = 1, **_: object) -> None:
            super().__init__(scenario, society, int(rng), ordinary_random=True, recording=False)
            self.running = True
            self.datacollector = mesa.DataCollector(
                {"uptake": lambda model: sum(person.stage == 2 for person in model.people) / len(model.people)}
            )
            self.datacollector.collect(self)

        def step(self) -> None:
            super().step()
            self.datacollector.collect(self)

    def run(seed: int) -> Curve:
        model = Plain(seed)
        for _ in range(scenario.months):
            model.step()
        last[:] = [model]
        return np.array(model.datacollector.model_vars["uptake"])[1:] if task == "uptake" else None

    return Prepared(
        run,
        lambda runs: batch(Plain, list(range(runs)), scenario.months),
        len(society.tie_a),
        len(society.role),
        lambda: np.array([person.values[0] for person in last[0].people]),
    )


def mesa_model(task: str, people: int, path: Path) -> Prepared:
    """A model of the task alone, as lean as Mesa allows: agents with lists of ties, no space, two phases a month."""
    import mesa

    network = read_network(path)
    ties, start, last = neighbours(people, network["a"], network["b"]), network["start"].tolist(), []

    class Taker(mesa.Agent):
        def __init__(self, model: mesa.Model, row: int) -> None:
            super().__init__(model)
            self.ties: list[Taker] = []
            self.state = self.coming = float(model.random.random() < START)

        def look(self) -> None:
            if not self.state:
                near = sum(other.state for other in self.ties)
                if near and self.random.random() < 1.0 - (1.0 - HAZARD) ** near:
                    self.coming = 1.0

        def change(self) -> None:
            self.state = self.coming

    class Holder(Taker):
        def __init__(self, model: mesa.Model, row: int) -> None:
            super().__init__(model, row)
            self.state = start[row]

        def look(self) -> None:
            pull, own = 0.0, self.state
            for other in self.ties:
                distance = (other.state - own) / WIDTH
                if distance * distance < 1.0:
                    pull += (1.0 - distance * distance) * (other.state - own)
            self.coming = own + RATE * pull / len(self.ties) if self.ties else own

    kind = Holder if task == "values" else Taker
    summary = np.std if task == "values" else np.mean

    class Model(mesa.Model):
        def __init__(self, rng: int = 1) -> None:
            super().__init__(rng=int(rng))
            self.members = [kind(self, row) for row in range(people)]
            for person, others in zip(self.members, ties, strict=True):
                person.ties = [self.members[other] for other in others]
            self.datacollector = mesa.DataCollector(
                {"curve": lambda model: float(summary([person.state for person in model.members]))}
            )
            self.datacollector.collect(self)

        def step(self) -> None:
            self.agents.do("look")
            self.agents.do("change")
            self.datacollector.collect(self)

    def run(seed: int) -> Curve:
        model = Model(seed)
        for _ in range(MONTHS):
            model.step()
        last[:] = [model]
        return np.array(model.datacollector.model_vars["curve"])

    return Prepared(
        run,
        lambda runs: batch(Model, list(range(runs)), MONTHS),
        len(network["a"]),
        people,
        lambda: np.array([person.state for person in last[0].members]),
    )


# --- ndlib ----------------------------------------------------------------------------------------------------------
def ndlib(task: str, people: int, path: Path) -> Prepared:
    """uptake: SIModel. values: AlgorithmicBiasModel without bias (gamma 0), which is Deffuant's: so many random pairs a
    month as there are people, both go to their middle if nearer than WIDTH."""
    import ndlib.models.epidemics as epidemics
    import ndlib.models.ModelConfig as config
    import ndlib.models.opinions as opinions
    import networkx as nx

    network = read_network(path)
    graph = nx.Graph()
    graph.add_nodes_from(range(people))
    graph.add_edges_from(zip(network["a"].tolist(), network["b"].tolist(), strict=True))
    if task == "values":
        graph.remove_nodes_from([node for node in range(people) if not graph.degree[node]])  # it divides by their ties
    start = network["start"].tolist()

    def run(seed: int) -> Curve:
        settings = config.Configuration()
        if task == "values":
            random.seed(seed)
            model = opinions.AlgorithmicBiasModel(graph, seed=seed)
            settings.add_model_parameter("epsilon", WIDTH)
            settings.add_model_parameter("gamma", 0)
            model.set_initial_status(settings)
            model.status = {node: start[node] for node in model.status}
            return np.array([np.std([*step["status"].values()]) for step in model.iteration_bunch(MONTHS + 1)])
        model = epidemics.SIModel(graph, seed=seed)
        settings.add_model_parameter("beta", HAZARD)
        takers = np.flatnonzero(np.random.default_rng(seed).random(people) < START)
        settings.add_model_initial_configuration("Infected", takers.tolist())
        model.set_initial_status(settings)
        steps = model.iteration_bunch(MONTHS + 1, node_status=False)
        return np.array([step["node_count"][1] for step in steps]) / people

    return Prepared(run, in_a_loop(run), graph.number_of_edges(), people)


# --- Starsim --------------------------------------------------------------------------------------------------------
def starsim(task: str, people: int, path: Path) -> Prepared:
    """uptake: its SIR module, nobody ever recovering or dying, on a network that stays."""
    os.environ.setdefault("STARSIM_INSTALL_FONTS", "0")
    import starsim as ss

    network = read_network(path)
    edges = {"p1": network["a"].astype(int), "p2": network["b"].astype(int), "beta": np.ones(len(network["a"]))}

    class Fixed(ss.Network):
        def step(self) -> None:
            pass

    def run(seed: int) -> Curve:
        sir = ss.SIR(beta=ss.probpermonth(HAZARD), init_prev=START, dur_inf=ss.constant(v=ss.years(1e5)), p_death=0)
        sim = ss.Sim(
            n_agents=people,
            networks=Fixed(edges={name: each.copy() for name, each in edges.items()}),
            diseases=sir,
            dt=ss.month,
            dur=ss.months(MONTHS - 1),
            start=2000,
            rand_seed=seed,
            verbose=0,
        )
        sim.init()
        first = float(np.count_nonzero(sim.diseases.sir.infected)) / people
        sim.run()
        return np.array([first, *sim.results.sir.n_infected / people])

    return Prepared(run, in_a_loop(run), len(network["a"]), people)


@dataclass(frozen=True)
class Tool:
    """name: in tables; package: whose version counts; tasks: what it can do."""

    name: str
    package: str
    prepare: Callable[[str, int, Path], Prepared]
    tasks: tuple[str, ...]


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("valign", "valign", valign, ("uptake", "values", "whole")),
        Tool("Mesa", "mesa", mesa_model, ("uptake", "values")),
        Tool("plain-Mesa reference", "mesa", reference, ("uptake", "values", "whole")),
        Tool("ndlib", "ndlib", ndlib, ("uptake", "values")),
        Tool("Starsim", "starsim", starsim, ("uptake",)),
    )
}
