"""Docking: where an outside implementation computes the same thing, our limit case agrees with it.

NetworkX (centrality, PageRank, shortest paths), statsmodels (discrete-time hazards), SciPy (the Bass equation), NDlib
(an epidemic on a public network; its numbers are in docking/ndlib.json, with the script that made them).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import chi2
from small import adjacency, months, small, start

from valign.calibration.rivals.curves import bass
from valign.model.run.initial import build
from valign.model.run.month import month_steps, run_months
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.society.tables import society_from_tables
from valign.model.state.arrays import AWARE, ENGAGED, LAPSED, PERSON_TERM, UNAWARE, State
from valign.model.state.scenario_arrays import lower

KINDS = ("team", "line", "between", "peer", "commissioning", "commissioners")
EQUAL_TIES = {"tie_quality": 4.0}
SURE, NEVER = 50.0, -50.0  # log-odds


# --- NetworkX: opinions -----------------------------------------------------------------------------------------------
def trust(S: State, rate: float) -> nx.DiGraph:
    """Who listens to whom, how much: row-stochastic, from qualities of ties and voices."""
    graph = nx.DiGraph()
    for i, row in enumerate(adjacency(S)):
        heard = np.flatnonzero(row)
        voices = S.voice[heard, 0]
        weights = rate * row[heard] * voices / voices.sum()
        graph.add_weighted_edges_from((i, int(j), float(w)) for j, w in zip(heard, weights, strict=True))
        graph.add_edge(i, i, weight=1.0 - float(weights.sum()))
    return graph


def talking(*on: str, **settings: float) -> Scenario:
    """Four services with staff, managers and peers, whose ties differ in quality and whose voices differ."""
    return small(
        *on,
        dimensions=3,
        group={"count": 4, "staff": 9, "managers": 2, "peers": 3},
        relationship_rule="constant",
        settings=settings,
    )


def test_consensus_weights_are_networkx_eigenvector_centrality():
    S, _ = start(talking("relationships", relationship_rate=0.5), [5])
    graph = trust(S, 0.5)
    assert nx.is_strongly_connected(graph)
    centrality = nx.eigenvector_centrality_numpy(graph, weight="weight")
    weight = np.array([centrality[i] for i in range(len(S.role))])
    consensus = weight / weight.sum() @ S.values[:, :, 0]
    assert weight.max() > 2 * weight.min()
    assert np.abs(consensus - S.values[:, :, 0].mean(axis=0)).max() > 1e-3  # not the plain mean
    months(S, 3000)
    np.testing.assert_allclose(S.values[:, :, 0], np.tile(consensus, (len(S.role), 1)), rtol=0, atol=1e-9)


def test_anchored_opinions_are_networkx_personalised_pagerank():
    """Friedkin & Johnsen's fixed point weighs initial opinions by PageRank that restarts at oneself."""
    S, _ = start(talking("relationships", "anchoring", relationship_rate=0.4, anchoring=0.1), [6])
    graph, initial = trust(S, 0.4), S.values[:, :, 0].copy()
    people = len(S.role)
    for i in range(people):
        rank = nx.pagerank(graph, alpha=0.9, personalization={i: 1.0}, weight="weight", tol=1e-15, max_iter=2000)
        initial[i] = np.array([rank[j] for j in range(people)]) @ S.values[:, :, 0]
    assert initial.std(axis=0).min() > 0.05  # disagreement stays
    months(S, 400)
    np.testing.assert_allclose(S.values[:, :, 0], initial, rtol=0, atol=1e-11)


# --- NetworkX: a rumour that always gets through ----------------------------------------------------------------------
def contagion(ties: float, *, horizon: int = 40, lapse: float = NEVER, **group: object) -> Scenario:
    """Heard from engaged ties, engaged at once, lapsed for good."""
    return small(
        "awareness",
        "engagement",
        months=horizon,
        everybody_aware=False,
        group={"stage": "outside", **group},
        settings={
            **EQUAL_TIES,
            "initial_awareness": 0.0,
            "broadcast": 0.0,
            "awareness_by_ties": ties,
            "workaround": 1.0,
            **dict.fromkeys(("base_staff", "base_manager", "base_peer"), SURE),
            "fit_effect": 0.0,
            "lapse_fit": 0.0,
            "disapproval": 0.0,
            "lapse_base": lapse,
            "reengage_base": NEVER,
        },
    )


@pytest.mark.parametrize("society_seed", range(5))
def test_the_month_of_engagement_is_the_distance_in_networkx(society_seed):
    scenario = contagion(1.0, count=15, staff=6, managers=1, peers=1).replace({"ties.between": 0.3})
    S, _ = start(scenario, [1], society_seed=society_seed)
    graph = nx.from_numpy_array(adjacency(S))
    distance = nx.single_source_shortest_path_length(graph, 3)
    S.stage[3], S.first_engaged[3] = ENGAGED, 0
    months(S, 40)
    expected = np.array([distance.get(i, -1) for i in range(len(S.role))])
    np.testing.assert_array_equal(S.first_engaged[:, 0], expected)
    assert expected.max() >= 4


# --- NDlib: an epidemic -----------------------------------------------------------------------------------------------
def test_contagion_with_lapsing_is_the_sir_model_of_ndlib():
    reference = json.loads((Path(__file__).resolve().parents[1] / "docking" / "ndlib.json").read_text("utf-8"))
    horizon, runs = len(reference["infected"]) - 1, 4000
    gamma = reference["gamma"]
    scenario = contagion(reference["beta"], horizon=horizon, lapse=math.log(gamma / (1 - gamma)))
    club = nx.karate_club_graph()
    society = society_from_tables(
        pd.DataFrame({"id": [f"{i:02}" for i in club], "organisation": "service", "role": "staff"}),
        pd.DataFrame([(f"{i:02}", f"{j:02}") for i, j in club.edges()], columns=["from", "to"]),
        scenario=scenario,
    )
    assert society.ids is not None
    first = society.ids.index(f"{reference['first']:02}")
    S = build(lower(scenario), society, list(range(runs)))
    S.stage[first], S.first_engaged[first] = ENGAGED, 0
    curves = {"susceptible": [], "infected": []}
    for t in range(horizon + 1):
        if t:
            run_months(S, t, t + 1, month_steps(S.switches, False))
        curves["susceptible"].append((S.stage <= AWARE).mean(axis=0))
        curves["infected"].append((S.stage == ENGAGED).mean(axis=0))
    for name, shares in curves.items():
        ours = np.array(shares)
        error = np.hypot(ours.std(axis=1, ddof=1) / math.sqrt(runs), reference[f"{name}_error"])
        apart = np.abs(ours.mean(axis=1) - reference[name])
        # 82 comparisons, strongly correlated: 4 standard errors are passed by chance in under 1 % of all seeds
        assert (apart <= 4 * error + 1e-6).all(), (name, (apart / np.maximum(error, 1e-9)).max())
        assert error.max() < 0.01


# --- SciPy: the Bass equation -----------------------------------------------------------------------------------------
P, Q, SHARE = 0.03, 0.6, 0.1  # innovation, imitation, adopted at the start
TIME = np.arange(9.0)


def bass_equation(imitation: float = Q, share: float = SHARE, variance: np.ndarray | None = None) -> np.ndarray:
    """SciPy's solution of F' = (p + q F)(1 - F) at TIME; `variance` of F at TIME: F' of a mean less q Var F."""
    spread = np.zeros(len(TIME)) if variance is None else variance

    def change(t: float, F: np.ndarray) -> np.ndarray:
        return (P + imitation * F) * (1 - F) - imitation * np.interp(t, TIME, spread)

    return solve_ivp(change, (0, TIME[-1]), [share], t_eval=TIME, rtol=1e-10, atol=1e-12).y[0]


def mixed(people: int, per_unit: int, runs: int) -> np.ndarray:
    """Share engaged at every unit of time [time, run]: everybody tied to everybody, `per_unit` months to a unit."""
    horizon = round(TIME[-1] * per_unit)
    scenario = contagion(Q / per_unit / (people - 1), horizon=horizon, staff=people).replace(
        {"broadcast": P / per_unit}
    )
    names = np.array([f"{i:04}" for i in range(people)])
    a, b = np.triu_indices(people, 1)
    society = society_from_tables(
        pd.DataFrame({"id": names, "organisation": "service", "role": "staff"}),
        pd.DataFrame({"from": names[a], "to": names[b]}),
        scenario=scenario,
    )
    S = build(lower(scenario), society, list(range(runs)))
    S.stage[: round(SHARE * people)] = ENGAGED
    shares = [(S.stage == ENGAGED).mean(axis=0)]
    for t in range(1, horizon + 1):
        run_months(S, t, t + 1, month_steps(S.switches, False))
        if t % per_unit == 0:
            shares.append((S.stage == ENGAGED).mean(axis=0))
    return np.array(shares)


def test_many_well_mixed_people_follow_scipys_bass_equation():
    """Months of an eighth and a sixteenth of a unit, extrapolated to none: what is left is sampling and N = 120."""
    runs = 800
    coarse, fine = mixed(120, 8, runs), mixed(120, 16, runs)
    mean = 2 * fine.mean(axis=1) - coarse.mean(axis=1)
    error = np.sqrt(4 * fine.var(axis=1, ddof=1) + coarse.var(axis=1, ddof=1)) / math.sqrt(runs)
    limit = bass_equation()
    few = np.abs(bass_equation(variance=fine.var(axis=1)) - limit)  # the moment equation says what N = 120 takes away
    assert few.max() < 0.01
    assert (np.abs(mean - limit) <= 4 * error + few + 1e-12).all(), (np.abs(mean - limit) / (error + 1e-12)).round(2)
    wrong = bass_equation(imitation=0.9 * Q)
    assert (np.abs(mean - wrong) > 4 * error + few).any()  # ten per cent less imitation would be seen


def test_the_bass_baseline_is_scipys_bass_equation_in_short_periods():
    """Its periods are Euler steps: the gap halves with the period, and the extrapolation meets the equation."""
    limit = bass_equation(share=0.0)
    gaps = []
    for per_unit in (50, 100, 200):
        chances = bass(np.log([P / per_unit, Q / per_unit]), round(TIME[-1] * per_unit))
        gaps.append(np.append(0.0, np.cumsum(chances))[::per_unit] - limit)
    for coarse, fine in ((gaps[0], gaps[1]), (gaps[1], gaps[2])):
        np.testing.assert_allclose(coarse[1:] / fine[1:], 2.0, rtol=0.02)
    assert np.abs(2 * gaps[2] - gaps[1]).max() < 1e-5


# --- statsmodels: hazards ---------------------------------------------------------------------------------------------
EFFECTS = {
    "base_staff": -2.6, "base_manager": -2.2, "base_peer": -2.4, "fit_effect": 0.45, "peer_effect": 0.6,
    "evidence_effect": 0.3, "climate_effect": 0.8, "identity_effect": 0.6, "workload_effect": 0.6,
    "fit_climate": 0.1, "fit_peers": -0.2, "norm_effect": 0.7, "lapse_base": -2.6, "lapse_fit": 0.25,
    "lapse_climate": 0.4, "disapproval": 0.32, "reengage_base": -2.4,
}  # fmt: skip


def person_months() -> Iterator[tuple[np.ndarray, ...]]:
    """Stage before, stage after, role and the terms of the decision of everybody in a lively world, every month."""
    two = Scenario.load("two-services")
    scenario = two.replace({
        **EFFECTS, "frailty_sd": 0.0, "climate_gate": 0.0, "months": 60, "mechanisms.organisations": False,
        **{f"organisations.{group.name}.stage": "commissioned" for group in two.organisations},
        "organisations.hostel.workload": 0.8, "leadership_strength": 0.8,
    })  # fmt: skip
    for society_seed in range(4):
        S = build(lower(scenario), build_society(scenario, society_seed), list(range(30)), person_terms=True)
        members = slice(0, int(S.first[len(S.setting)]))
        role = np.broadcast_to(S.role[members, None], S.stage[members].shape)
        for t in range(1, scenario.months + 1):
            run_months(S, t, t + 1, month_steps(S.switches, False))
            terms = np.moveaxis(S.person_terms[members], 1, -1)
            before, after = S.stage_before[members].flatten(), S.stage[members].flatten()
            yield before, after, role.ravel(), terms.reshape(-1, terms.shape[-1])


@pytest.fixture(scope="module")
def decisions() -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(parts) for parts in zip(*person_months(), strict=True))


def hazard(decisions: tuple[np.ndarray, ...], kind: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the effects, design matrix, what happened, and the chance that the model gave it."""
    before, after, role, terms = decisions
    z, x, n, E, c, g, w, D = terms[:, :8].T  # up to PERSON_TERM.disapproval
    if kind == "engaging":
        rows, happened = before == AWARE, after == ENGAGED
        columns = {
            **{f"base_{name}": role == n for n, name in enumerate(("staff", "manager", "peer"))},
            "fit_effect": z, "peer_effect": x, "evidence_effect": E, "climate_effect": c, "identity_effect": g,
            "workload_effect": -w, "fit_climate": z * c, "fit_peers": z * x, "norm_effect": n,
        }  # fmt: skip
    elif kind == "lapsing":
        rows, happened = before == ENGAGED, after == LAPSED
        columns = {"lapse_base": np.ones(len(z)), "lapse_fit": -z, "lapse_climate": -c, "disapproval": D}
    else:
        rows, happened = before == LAPSED, after == ENGAGED
        columns = {"reengage_base": np.ones(len(z)), "lapse_fit": z, "disapproval": -D}
    matrix = np.column_stack([np.asarray(column, float) for column in columns.values()])
    return list(columns), matrix[rows], happened[rows].astype(float), terms[rows, PERSON_TERM.probability]


@pytest.mark.parametrize("kind", ["engaging", "lapsing", "engaging again"])
def test_statsmodels_finds_the_effects_of_every_hazard(decisions, kind):
    """Every effect on a stage at once, over covariates that change from month to month and depend on the past."""
    sm = pytest.importorskip("statsmodels.api")
    names, matrix, happened, chance = hazard(decisions, kind)
    truth = np.array([EFFECTS[name] for name in names])
    model = sm.Logit(happened, matrix)
    np.testing.assert_allclose(model.predict(truth), chance, rtol=1e-12)  # the same equation
    fit = model.fit(disp=0)
    information = -model.hessian(fit.params)
    apart = (fit.params - truth) @ information @ (fit.params - truth)
    # Given the past, decisions are independent: the scores are a martingale, so Wald's statistic is chi-squared.
    assert apart < chi2.ppf(0.999, len(names)), dict(zip(names, fit.params.round(3), strict=True))
    assert happened.sum() > 100 * len(names)
    fitted = names.index("lapse_fit" if "lapse_fit" in names else "fit_effect")
    assert fit.params[fitted] / fit.bse[fitted] > 5  # enough data to see the effect


def test_nobody_moves_but_by_a_hazard(decisions):
    before, after, _, terms = decisions
    np.testing.assert_array_equal(terms[before == UNAWARE, PERSON_TERM.probability], 0.0)
    np.testing.assert_array_equal(before != after, terms[:, PERSON_TERM.draw] < terms[:, PERSON_TERM.probability])
