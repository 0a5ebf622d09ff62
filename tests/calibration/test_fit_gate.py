"""The fit gate: misfit is said first, a model's own data pass, and what follows of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.calibration.abc.fit_gate import LEVEL, Compared, FitGate, fit_gate
from valign.calibration.abc.posterior import EXTRAPOLATES, Posterior, regression
from valign.calibration.abc.recovery import Recovery, ReferenceTable, recover
from valign.calibration.fitted import Calibration
from valign.calibration.planning.people import planned_people
from valign.calibration.problem.priors import Prior
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.problem.spread import NAMES as SPREAD
from valign.calibration.problem.spread import spread_summaries
from valign.results.reports.calibration import fit_sentences, fit_table

NAMES = ("mean", "spread", "late", "constant")
PRIOR = Prior.of({"level": (0.0, 1.0), "slope": (0.0, 1.0)})


def toy(n: int, seed: int, twist: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two parameters seen in three summaries, the third of which follows from the others (`twist`: it does not)."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((n, 2))
    a, b = u[:, 0] + 0.3 * rng.standard_normal(n), u[:, 1] + 0.3 * rng.standard_normal(n)
    return u, np.column_stack([a, b, a + b + twist + 0.2 * rng.standard_normal(n), np.full(n, 2.0)])


def verdicts(twist: float, cases: int = 40) -> np.ndarray:
    u, summaries = toy(6000, 1)
    _, observed = toy(cases, 2, twist)
    compared = Compared(u, summaries)
    return np.array([fit_gate(compared, each, NAMES).fits for each in observed])


def test_data_of_the_model_itself_pass_and_others_do_not() -> None:
    assert (~verdicts(0.0)).mean() <= 0.10
    assert (~verdicts(1.5)).mean() >= 0.90


def test_what_is_missed_is_named_with_its_direction() -> None:
    u, summaries = toy(6000, 1)
    gate = fit_gate(Compared(u, summaries), np.array([0.1, -0.2, 4.0, 2.0]), NAMES)
    assert not gate.fits
    assert gate.chance < LEVEL
    table = gate.summaries.set_index("summary")
    assert table.loc["late", "missed"]
    assert table.loc["late", "direction"] == "too low"
    assert table.loc["late", "expected"] == pytest.approx(-0.1, abs=0.4)
    assert not table.loc["constant", "missed"]
    elsewhere = fit_gate(Compared(u, summaries), np.array([0.1, -0.2, -0.1, 3.0]), NAMES)  # never anything but 2
    assert not elsewhere.fits
    assert elsewhere.summaries.set_index("summary").loc["constant", "missed"]


def test_data_beyond_the_reach_of_the_prior_do_not_fit() -> None:
    u, summaries = toy(6000, 1)
    gate = fit_gate(Compared(u, summaries), np.array([9.0, 9.0, 18.0, 2.0]), NAMES)
    assert not gate.fits
    assert gate.reach < 0.01


def test_the_first_sentence_says_whether_the_model_fits() -> None:
    u, summaries = toy(6000, 1)
    fits, misses = (
        fit_gate(Compared(u, summaries), np.array(seen), NAMES)
        for seen in ([0.1, -0.2, -0.1, 2.0], [0.1, -0.2, 4.0, 2.0])
    )

    def said(gate, accepted: bool) -> list[str]:
        row = {"fits": gate.fits, "chance": gate.chance, "simulations": gate.simulations, "accepted": accepted}
        return fit_sentences(pd.DataFrame([row]), gate.summaries)

    assert len(said(fits, False)) == 1
    assert said(fits, False)[0].startswith("The model can give data like these: of data sets that it made itself, ")
    first, missed, then = said(misses, False)
    assert first.startswith(
        "The model does not fit: it cannot give data like these anywhere in the prior (fewer than 1 %"
    )
    assert "late: 4 observed" in missed
    assert "too low" in missed
    assert "no posterior is written" in then
    assert "carries that mark" in said(misses, True)[2]
    chances = [float(row[4].removesuffix(" %")) for row in fit_table(misses.summaries)[1]]
    assert chances == sorted(chances)  # the oddest first


def test_regression_does_not_extrapolate() -> None:
    """Data far outside: nothing is moved beyond what was simulated, and a note says that nothing was adjusted."""
    u, summaries = toy(6000, 1)
    far = regression(u, summaries, np.array([30.0, -30.0, 55.0, 2.0]), PRIOR)
    assert far.note == EXTRAPOLATES
    assert not far.reliable
    assert EXTRAPOLATES in far.warnings()[0]
    assert {tuple(row) for row in far.u} <= {tuple(row) for row in u}
    near = regression(u, summaries, np.array([0.1, -0.2, -0.1, 2.0]), PRIOR)
    assert near.note == ""
    assert near.u.min() >= u.min()
    assert near.u.max() <= u.max()


def test_few_effective_simulations_are_a_warning_and_not_an_end() -> None:
    few = Posterior("forest", PRIOR, np.zeros((83, 2)), np.full(83, 1 / 83))
    assert not few.summary()["reliable"].any()
    assert "forest: the effective sample size is 83, under 100" in few.warnings()[0]


def test_a_posterior_at_the_edge_of_its_prior_is_noticed() -> None:
    share = np.full(400, 1 / 400)
    low = PRIOR.u(np.column_stack([np.linspace(0, 0.2, 400), np.linspace(0.3, 0.7, 400)]))
    high = PRIOR.u(np.column_stack([np.linspace(0.8, 1, 400), np.linspace(0, 1, 400)]))
    assert Posterior("x", PRIOR, low, share).summary()["edge"].tolist() == ["lower", ""]
    assert Posterior("x", PRIOR, high, share).summary()["edge"].tolist() == ["upper", ""]


def test_recovery_is_asked_in_the_neighbourhood_of_the_data() -> None:
    u, summaries = toy(6000, 1)
    table = ReferenceTable(PRIOR, u, summaries, NAMES)
    observed = np.array([1.4, -1.2, 0.2, 2.0])
    found = recover(table, 100, near=observed)
    truths = found.estimates.groupby("parameter")["truth_u"].mean()
    assert truths["level"] > 0.8
    assert truths["slope"] < -0.6
    assert found.parameters["covers"].all()


def test_nothing_is_recovered_of_a_model_that_does_not_fit() -> None:
    """A posterior wider than its prior, or of a model that does not fit, was once said to be recovered."""
    rng = np.random.default_rng(1)
    narrow, wide = 0.3 * rng.standard_normal(500), 2.4 * rng.standard_normal(500)  # the latter: 5 times its variance
    posterior = Posterior("regression", PRIOR, np.column_stack([narrow, wide]), np.full(500, 1 / 500))
    near = pd.DataFrame({"parameter": PRIOR.names, "contraction": 0.8, "covers": True})
    recovery = Recovery(pd.DataFrame(), near)
    data: Any = SimpleNamespace(data=None)
    for chance, recovered in ((0.5, [True, False]), (0.01, [False, False])):
        gate = FitGate(chance, chance, chance, pd.DataFrame(), 6000)
        found = Calibration(data, gate, recovery, recovery, 1, posteriors={"regression": posterior})
        assert found.summary["identified"].tolist() == recovered


def test_speed_by_the_share_of_adopters_is_found_between_communities_and_over_time() -> None:
    """Where the chance of adopting is a known function of the share of one's community, its slope comes back between
    communities (over time it is underestimated); a trend over time alone moves the latter and not the former."""
    layout = CalibrationProblem.of(planned_people(40, 40, 14)).layout
    assert layout is not None
    community, rows = layout.community, [SPREAD.index(name) for name in SPREAD if "speed" in name]
    rng, size = np.random.default_rng(2), np.bincount(layout.community)[:, None]

    def speeds(slope: float, trend: float) -> list[float]:
        times = np.zeros((len(community), 10), np.int32)
        for period in range(1, 15):
            share = (np.eye(len(size))[community].T @ (times > 0) / size)[community]
            chance = 0.02 * np.exp(slope * share + trend * period)
            times[(times == 0) & (rng.random(times.shape) < chance)] = period
        return spread_summaries(layout, times)[rows].mean(axis=1).tolist()

    plain, influence, trend = speeds(0.0, 0.0), speeds(3.0, 0.0), speeds(0.0, 0.15)
    assert influence[0] == pytest.approx(3.0, abs=0.4)
    assert influence[1] > plain[1] + 2
    assert abs(trend[0]) < 0.5
    assert trend[1] > plain[1] + 2
