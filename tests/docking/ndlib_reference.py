"""Makes ndlib.json: NDlib's SIR model on a public network, the reference of tests/model/test_docking.py.

NDlib is no dependency of valign. In an environment of its own:  pip install ndlib==6.0.1 six
then:  python tests/docking/ndlib_reference.py   (seconds; the same numbers every time)
"""

from __future__ import annotations

import json
import random
from importlib.metadata import version
from pathlib import Path

import ndlib.models.epidemics as epidemics
import networkx as nx
import numpy as np
from ndlib.models.ModelConfig import Configuration

BETA, GAMMA, FIRST, STEPS, RUNS = 0.10, 0.05, 16, 40, 4000


def counts(graph: nx.Graph) -> list[list[int]]:
    """Susceptible and infected people after every step of one run."""
    model = epidemics.SIRModel(graph)
    configuration = Configuration()
    configuration.add_model_parameter("beta", BETA)
    configuration.add_model_parameter("gamma", GAMMA)
    configuration.add_model_initial_configuration("Infected", [FIRST])
    model.set_initial_status(configuration)
    steps = model.iteration_bunch(STEPS + 1, node_status=False)
    return [[step["node_count"][0], step["node_count"][1]] for step in steps]


def main() -> None:
    random.seed(1)
    np.random.seed(1)
    club = nx.karate_club_graph()
    graph = nx.Graph(club.edges())  # without weights
    runs = np.array([counts(graph) for _ in range(RUNS)]) / len(graph)
    mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(RUNS)
    reference = {
        "made_by": "tests/docking/ndlib_reference.py",
        "versions": {name: version(name) for name in ("ndlib", "networkx", "numpy")},
        "network": "networkx.karate_club_graph(), weights left out",
        "beta": BETA, "gamma": GAMMA, "first": FIRST, "runs": RUNS,
        "susceptible": mean[:, 0].round(6).tolist(), "susceptible_error": error[:, 0].round(6).tolist(),
        "infected": mean[:, 1].round(6).tolist(), "infected_error": error[:, 1].round(6).tolist(),
    }  # fmt: skip
    Path(__file__).with_name("ndlib.json").write_text(json.dumps(reference, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
