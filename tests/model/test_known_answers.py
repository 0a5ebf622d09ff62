"""Cases with an answer known in closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binom
from small import adjacency, months, small, start

from valign.experiments.simulate import simulate

EQUAL_TIES = {"tie_quality": 4.0}  # every kind of tie at 1, the highest


def averaging(S, rate: float) -> np.ndarray:
    """Matrix of one month of constant-rate influence."""
    quality = adjacency(S)
    voices = (quality > 0) * S.voice[:, 0]
    pull = rate * quality * S.voice[:, 0] / voices.sum(axis=1, keepdims=True)
    return np.eye(len(quality)) + pull - np.diag(pull.sum(axis=1))


def test_degroot_consensus_at_the_left_eigenvector_average():
    scenario = small(
        "relationships",
        dimensions=3,
        group={"staff": 12, "managers": 1, "peers": 3},
        relationship_rule="constant",
        settings={**EQUAL_TIES, "relationship_rate": 0.5},
    )
    S, _ = start(scenario, [5])
    matrix = averaging(S, 0.5)
    values, vectors = np.linalg.eig(matrix.T)
    weight = np.real(vectors[:, np.argmax(np.real(values))])
    weight /= weight.sum()
    consensus = weight @ S.values[:, :, 0]
    assert S.values[:, :, 0].std(axis=0).min() > 0.05  # there is something to agree on
    months(S, 400)
    np.testing.assert_allclose(S.values[:, :, 0], np.tile(consensus, (len(S.role), 1)), atol=1e-9)
    assert weight.max() > 1.2 * weight.min()  # not the plain mean


def test_friedkin_johnsen_fixed_point():
    scenario = small(
        "relationships",
        "anchoring",
        dimensions=2,
        group={"staff": 12, "peers": 2},
        relationship_rule="constant",
        settings={**EQUAL_TIES, "relationship_rate": 0.3, "anchoring": 0.1},
    )
    S, _ = start(scenario, [6])
    initial, matrix = S.values[:, :, 0].copy(), averaging(S, 0.3)
    fixed = np.linalg.solve(np.eye(len(matrix)) - 0.9 * matrix, 0.1 * initial)
    months(S, 400)
    np.testing.assert_allclose(S.values[:, :, 0], fixed, atol=1e-9)
    assert fixed.std() > 0.2 * initial.std()  # disagreement stays


def test_lone_agent_waits_geometrically():
    p = 0.1
    scenario = small(
        "engagement",
        group={"staff": 1},
        months=80,
        settings={
            "base_staff": math.log(p / (1 - p)),
            "fit_effect": 0.0,
            "evidence_effect": 0.0,
            "climate_effect": 0.0,
            "identity_effect": 0.0,
            "workload_effect": 0.0,
            "peer_effect": 0.0,
            "lapse_base": -50.0,
        },
    )
    runs = simulate(scenario, runs=4000, seed=3, societies=1, record=()).runs
    waiting = runs["time_to_50"].fillna(81).to_numpy()
    expected = 4000 * np.append(p * (1 - p) ** np.arange(20), (1 - p) ** 20)
    observed = np.append(np.bincount(waiting.astype(int), minlength=100)[1:21], (waiting > 20).sum())
    chi2 = ((observed - expected) ** 2 / expected).sum()
    assert chi2 < 45.3  # 99.9 % point of chi-squared with 20 degrees of freedom
    assert observed.sum() == 4000


def test_bass_diffusion_under_complete_mixing():
    """Awareness by broadcast and by engaged ties, engagement at once: the Bass model with p = b and q = a (N - 1)."""
    people, b, contagion, horizon = 100, 0.004, 0.12, 60
    scenario = small(
        "awareness",
        "engagement",
        months=horizon,
        everybody_aware=False,
        group={"staff": people, "stage": "outside"},
        settings={
            **EQUAL_TIES,
            "ties.team_size": 100,
            "ties.team_density": 1.0,
            "initial_awareness": 0.0,
            "broadcast": b,
            "awareness_by_ties": contagion / (people - 1),
            "base_staff": 50.0,
            "workaround": 1.0,
            "lapse_base": -50.0,
        },
    )
    out = simulate(scenario, runs=400, seed=4, societies=1, record="series")
    curve = out.curves("all", "engaged").mean(axis=1)
    # With N people the number engaged is a Markov chain: X + Binomial(N - X, hazard at X). Its law, month by month:
    law, mean, variance = np.eye(1, people + 1)[0], [0.0], [0.0]
    share = np.arange(people + 1) / people
    step = np.zeros((people + 1, people + 1))
    for x in range(people + 1):
        hazard = 1 - (1 - b) * (1 - contagion / (people - 1)) ** x
        step[x, x:] = binom.pmf(np.arange(people + 1 - x), people - x, hazard)
    for _ in range(horizon):
        law = law @ step
        mean.append(law @ share)
        variance.append(law @ share**2 - mean[-1] ** 2)
    error = np.sqrt(np.maximum(variance, 0) / 400)
    assert (np.abs(curve - mean) <= 4 * error + 1e-12).all()
    # Its limit for many people and short months is the closed form of Bass.
    t = np.arange(horizon + 1)
    bass = (1 - np.exp(-(b + contagion) * t)) / (1 + contagion / b * np.exp(-(b + contagion) * t))
    assert np.abs(curve - bass).max() < 0.08


def test_leadership_with_one_follower_is_an_exponential_approach():
    scenario = small(
        "leadership",
        dimensions=2,
        group={"staff": 1, "managers": 1},
        settings={"leadership_rate": 0.2, "leadership_strength": 0.6, "tie_quality": 1.8},
    )
    S, _ = start(scenario, [7])
    leader, follower = S.values[0, :, 0].copy(), S.values[1, :, 0].copy()
    months(S, 15)
    expected = leader + (follower - leader) * (1 - 0.2 * 0.6 * 0.9) ** 15
    np.testing.assert_allclose(S.values[1, :, 0], expected, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(S.values[0, :, 0], leader)


def test_tie_quality_relaxes_to_its_target():
    scenario = small("tie_quality", group={"staff": 8}, settings={"tie_rate": 0.1, "tie_similarity": 0.7})
    S, _ = start(scenario, [8])
    distance = np.abs(S.values[S.tie_a, 0, 0] - S.values[S.tie_b, 0, 0])
    target, initial = 0.7 * (1 - distance), S.quality[:, 0].copy()
    months(S, 20)
    np.testing.assert_allclose(S.quality[:, 0], target + (initial - target) * 0.9**20, atol=1e-14)


def test_zero_rates_move_nothing():
    rates = dict.fromkeys(
        (
            "turnover_staff",
            "turnover_manager",
            "turnover_peer",
            "broadcast",
            "awareness_in_service",
            "awareness_by_ties",
            "relationship_rate",
            "anchoring",
            "leadership_rate",
            "articulation",
            "coproduction_rate",
            "adaptation_rate",
            "clarity_gain",
            "session_sharing",
            "identification_growth",
            "identification_decay",
            "internalisation",
            "climate_rate",
            "climate_decay",
            "grounding",
            "talk",
            "sensegiving",
            "session",
            "practice_rate",
            "belief_sharing",
            "dialogue_rate",
            "tie_rate",
            "coproduction_intensity",
        ),
        0.0,
    )
    from valign.model.parameters import MECHANISMS

    never = {
        "base_staff": -50.0,
        "base_manager": -50.0,
        "base_peer": -50.0,
        "abandon_within": -50.0,
        "contract_months": 1e6,
    }
    scenario = small(
        *(name for name in MECHANISMS if name != "turnover"),
        dimensions=3,
        group={"staff": 8, "managers": 1, "peers": 2},
        commissioners=1,
        settings={**rates, **never, "dialogue": 0.0},
    )
    S, _ = start(scenario, [1, 2, 3])
    names = (
        "values",
        "clarity",
        "identification",
        "stage",
        "practice",
        "quality",
        "voice",
        "weights",
        "service_stage",
        "drift",
        "climate",
        "holder",
        "alignment",
    )
    before = {name: getattr(S, name).copy() for name in names}
    months(S, 12)
    for name in names:
        np.testing.assert_array_equal(getattr(S, name), before[name], err_msg=name)
