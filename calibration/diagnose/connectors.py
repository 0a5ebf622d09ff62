"""Who connects services: people through whom services hear of each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..data.answers import Answers

SHOWN = 10


def ties_of(answers: Answers) -> np.ndarray:
    """Distinct pairs of people [ties × 2] of whom one names the other."""
    pairs = {(min(a, b), max(a, b)) for a, named in enumerate(answers.contacts) for b in named}
    return np.array(sorted(pairs), int).reshape(-1, 2)


def connectors(answers: Answers) -> pd.DataFrame:
    """People with ties to other services, those who join most first: number, service, how many other services and
    people they talk to, and their share of the shortest ways between services (betweenness; Freeman 1977)."""
    ties = ties_of(answers)
    if not len(ties):
        return pd.DataFrame(columns=["person", "service", "services", "people", "between"])
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(len(answers)))
    graph.add_edges_from(ties.tolist())
    between = nx.betweenness_centrality(graph, k=min(len(answers), 400), seed=1)
    rows = []
    for person in range(len(answers)):
        others = [other for other in graph[person] if answers.service[other] != answers.service[person]]
        if others:
            rows.append(
                {
                    "person": answers.person[person] or f"person {person + 1}",
                    "service": _service(answers, person),
                    "services": len({int(answers.service[other]) for other in others}),
                    "people": len(others),
                    "between": between[person],
                }
            )
    found = pd.DataFrame(rows, columns=["person", "service", "services", "people", "between"])
    return found.sort_values(["services", "between"], ascending=False, kind="stable").head(SHOWN).reset_index(drop=True)


def _service(answers: Answers, person: int) -> str:
    at = int(answers.service[person])
    return answers.services[at] if at >= 0 else "commissioner"
