"""The fit gate: misfit is said first, a model's own data pass, and what follows of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.calibration.abc.fit_gate import LEVEL, fit_gate
from valign.calibration.abc.posterior import EXTRAPOLATES, Posterior, regression
from valign.calibration.abc.recovery import ReferenceTable, recover
from valign.calibration.problem.priors import Prior
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
    return np.array([fit_gate(u, summaries, each, NAMES).fits for each in observed])


def test_data_of_the_model_itself_pass_and_others_do_not() -> None:
    assert (~verdicts(0.0)).mean() <= 0.10
    assert (~verdicts(1.5)).mean() >= 0.90


def test_what_is_missed_is_named_with_its_direction() -> None:
    u, summaries = toy(6000, 1)
    gate = fit_gate(u, summaries, np.array([0.1, -0.2, 4.0, 2.0]), NAMES)
    assert not gate.fits
    assert gate.chance < LEVEL
    table = gate.summaries.set_index("summary")
    assert table.loc["late", "missed"]
    assert table.loc["late", "direction"] == "too low"
    assert table.loc["late", "expected"] == pytest.approx(-0.1, abs=0.4)
    assert not table.loc["constant", "missed"]
    elsewhere = fit_gate(u, summaries, np.array([0.1, -0.2, -0.1, 3.0]), NAMES)  # never anything but 2
    assert not elsewhere.fits
    assert elsewhere.summaries.set_index("summary").loc["constant", "missed"]


def test_data_beyond_the_reach_of_the_prior_do_not_fit() -> None:
    u, summaries = toy(6000, 1)
    gate = fit_gate(u, summaries, np.array([9.0, 9.0, 18.0, 2.0]), NAMES)
    assert not gate.fits
    assert gate.reach < 0.01


def test_the_first_sentence_says_whether_the_model_fits() -> None:
    u, summaries = toy(6000, 1)
    fits, misses = (
        fit_gate(u, summaries, np.array(seen), NAMES) for seen in ([0.1, -0.2, -0.1, 2.0], [0.1, -0.2, 4.0, 2.0])
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
