"""Comparing scenarios: pairs, differences, precision; levels with other factors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import valign as va
from valign.experiments.compare import compare
from valign.experiments.levels import default_levels
from valign.model.errors import InputError
from valign.results import summaries

BASE = va.Scenario.load("two-services").replace({"months": 12})


# --- pairing ---------------------------------------------------------------------------------------------------------
def test_a_scenario_does_not_differ_from_itself() -> None:
    found = compare({"a": BASE, "b": BASE}, worlds=None, runs=12, societies=4)
    table = found.differences
    known = table["n"] > 0
    assert (table.loc[known, "difference"] == 0).all()
    assert (table.loc[known, "higher"] == 0).all()
    assert (found.curves("all", "engaged")["mean"] == 0).all()


def test_differences_are_those_of_the_pairs() -> None:
    found = compare({"a": BASE, "b": BASE.replace({"base_staff": -1.0})}, worlds=None, runs=24, societies=6)
    a, b = (found.outcomes[name].runs for name in "ab")
    assert (a["seed"] == b["seed"]).all()
    assert (a["society_seed"] == b["society_seed"]).all()
    row = found.differences.set_index("outcome").loc["uptake_final"]
    gap = b["uptake_final"] - a["uptake_final"]
    by_society = gap.groupby(a["society_seed"]).mean()
    half = summaries.t_quantile(0.975, 5) * by_society.std(ddof=1) / np.sqrt(6)
    assert row["difference"] == pytest.approx(gap.mean())
    assert row["high"] - row["difference"] == pytest.approx(half)
    pooled = np.sqrt((a["uptake_final"].var() + b["uptake_final"].var()) / 2)
    assert row["standardised"] == pytest.approx(gap.mean() / pooled)
    assert row["higher"] == pytest.approx((gap > 0).mean())
    curve = found.curves("all", "engaged")
    one, other = (found.outcomes[name].curves("all", "engaged") for name in "ab")
    np.testing.assert_allclose(curve["mean"], (other - one).mean(axis=1))


def test_pairing_reduces_the_variance_of_small_changes() -> None:
    """The factor says what independent seeds would have cost: checked against runs that do have other seeds."""
    other = BASE.replace({"coproduction_intensity": 0.3})
    found = (
        compare({"a": BASE, "b": other}, worlds=None, runs=400).differences.set_index("outcome").loc["alignment_final"]
    )
    assert found["variance_reduction"] > 2
    apart = va.simulate(other, 400, seed=99).runs["alignment_final"]
    independent = np.var(apart, ddof=1) / 400 + np.var(va.simulate(BASE, 400).runs["alignment_final"], ddof=1) / 400
    half = (found["high"] - found["difference"]) / summaries.t_quantile(0.975, 399)
    assert found["variance_reduction"] == pytest.approx(independent / half**2, rel=0.25)


def test_what_never_happens_counts_as_latest() -> None:
    runs = pd.DataFrame(
        {
            "arm": ["a"] * 3 + ["b"] * 3,
            "run": [0, 1, 2] * 2,
            "society_seed": [0, 1, 2] * 2,
            "time_to_50": [10, np.nan, 20, 12, 15, np.nan],
        }
    )
    row = summaries.paired_differences(runs, ["time_to_50"], "arm", "a").iloc[0]
    assert row["higher"] == pytest.approx(2 / 3)  # later, earlier, later
    assert row["n"] == 1


def test_pairs_of_which_a_run_failed_do_not_count() -> None:
    runs = pd.DataFrame(
        {
            "arm": ["a"] * 4 + ["b"] * 4,
            "run": [0, 1, 2, 3] * 2,
            "society_seed": [0, 1, 2, 3] * 2,
            "status": ["ok", "failed", "ok", "ok", "failed", "ok", "ok", "ok"],
            "time_to_50": [10, np.nan, 20, 9, np.nan, 12, 15, 8],
        }
    )
    row = summaries.paired_differences(runs, ["time_to_50"], "arm", "a").iloc[0]
    assert (row["n"], row["difference"], row["higher"]) == (2, -3.0, 0.0)  # runs 2 and 3: earlier, earlier


def test_intervals_cover_with_nested_societies() -> None:
    """95 % intervals of a known difference cover it in 93 to 97 % of repetitions; ignoring societies they do not."""
    rng = np.random.default_rng(7)
    repetitions, societies, each, truth = 1000, 12, 5, 0.3
    covered, naive = 0, 0
    clusters = np.repeat(np.arange(societies), each)
    for _ in range(repetitions):
        shared = rng.normal(0, 1, societies)[clusters]  # what pairing removes
        answers = rng.normal(0, 0.4, societies)[clusters]  # societies answer differently to the change
        a = shared + rng.normal(0, 0.5, len(clusters))
        b = a + truth + answers + rng.normal(0, 0.3, len(clusters))
        runs = pd.DataFrame(
            {
                "arm": np.repeat(["a", "b"], len(clusters)),
                "run": np.tile(np.arange(len(clusters)), 2),
                "society_seed": np.tile(clusters, 2),
                "y": np.concatenate([a, b]),
            }
        )
        row = summaries.paired_differences(runs, ["y"], "arm", "a").iloc[0]
        covered += row["low"] <= truth <= row["high"]
        apart = summaries.mean_interval(b - a)
        naive += apart.low <= truth <= apart.high
    assert 0.93 <= covered / repetitions <= 0.97
    assert naive / repetitions < 0.9


def test_the_runs_that_a_precision_needs() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(400), 5)
    gaps = rng.normal(0, 1, 400)[clusters] + rng.normal(0, 1, 2000)
    needed = summaries.runs_needed(gaps, clusters, 0.05)
    assert needed["runs"] == 5 * needed["societies"]
    sd = np.sqrt(1 + 1 / 5)  # of a society's mean
    assert needed["societies"] == pytest.approx((1.96 * sd / 0.05) ** 2, rel=0.1)
    more = np.repeat(np.arange(int(needed["societies"])), 5)
    reached = summaries.mean_interval(rng.normal(0, 1, more.max() + 1)[more] + rng.normal(0, 1, len(more)), more)
    assert reached.high - reached.mean == pytest.approx(0.05, rel=0.1)
    assert np.isnan(summaries.runs_needed(gaps[:5], clusters[:5], 0.05)["runs"])
    assert summaries.runs_needed(gaps, clusters, 1e-5)["runs"] > 1e10
    assert np.isnan(summaries.runs_needed(gaps, clusters, 1e-300)["runs"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare({"a": BASE}), "2 to 20"),
        (lambda: compare([BASE, BASE]), "2 to 20"),
        (lambda: compare({"a": BASE, "b": "two-servces"}), "two-services"),
        (lambda: compare({"a": BASE, "b": BASE}, worlds=None, runs=2).runs_needed("uptake_finl", 0.1), "uptake_final"),
        (lambda: compare({"a": BASE, "b": BASE}, worlds=None, runs=2).runs_needed("uptake_final", 0), "half_width"),
        (lambda: compare({"a": BASE, "b": BASE}, worlds=None, runs=2).curves("all", "engagd"), "all.engaged"),
        (lambda: compare({"a": BASE, "b": BASE}, worlds=None, runs=0), "runs = 0"),
        (lambda: va.levels(BASE, runs=2, evidence=[]), "evidence: expected one"),
        (lambda: va.attribution(BASE, 2, flexibilities=[]), "flexibilities: expected at least one"),
        (lambda: va.levels(BASE, []), "levels: expected 1 to 20, got 0"),
        (
            lambda: va.levels(BASE, [0.7, "high", True]),
            "levels: 'high' is not a number from 0 to 1\nlevels: True is not",
        ),
        (lambda: va.levels(BASE, [0.7], innovations={}), "innovations: expected settings or another scenario by name"),
        (lambda: va.simulate(BASE, 2, record="serie"), "record = 'serie': expected one of series, decomposition"),
        (lambda: va.ablations(BASE, 2, mechanisms=["relationship"]), "did you mean 'relationships'"),
    ],
)
def test_wrong_comparisons(call: Callable, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


# --- levels with other factors ---------------------------------------------------------------------------------------
def test_levels_of_innovations_under_evidence() -> None:
    found = va.levels(
        BASE,
        [0.6, 0.7],
        runs=6,
        worlds=None,
        evidence=[0.1, 0.9],
        innovations={"as it is": {}, "clear": {"innovation.clarity": 0.9}},
        record="decomposition",
    )
    assert found.factors == ("alignment_level", "innovation", "evidence_strength")
    assert len(found.cells) == 8
    runs = found.runs
    assert len(runs) == 48
    assert (runs.groupby("run")["seed"].nunique() == 1).all()
    assert abs(runs["alignment_start"] - runs["alignment_level"]).max() < 1e-9
    cell = runs.query("alignment_level == 0.7 and innovation == 'clear' and evidence_strength == 0.9")
    alone = va.simulate(
        BASE.replace({"alignment_level": 0.7, "innovation.clarity": 0.9, "innovation.evidence_strength": 0.9}), 6
    ).runs
    pd.testing.assert_series_equal(cell["uptake_mean"].reset_index(drop=True), alone["uptake_mean"])
    assert set(found.decomposition.columns) >= {"alignment_level", "innovation", "evidence_strength", "change"}


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ([0.5, 0.5], "different strengths"),
        ([], "evidence: expected one or more"),
        ([0.2, 5], "innovation.evidence_strength = 5"),
    ],
)
def test_wrong_evidence_is_refused_before_anything_runs(evidence: list[float], message: str) -> None:
    told: list[int] = []
    with pytest.raises(InputError, match=message):
        va.levels(BASE, [0.65], runs=2, evidence=evidence, record=(), progress=lambda done, _: told.append(done))
    assert not told


def test_a_reach_without_room_has_no_levels_to_compare() -> None:
    with pytest.raises(InputError, match=r"between 0\.701 and 0\.704: there are no levels to compare"):
        default_levels((0.7012, 0.7041))
    assert default_levels((0.2, 0.9)) == (0.6, 0.75, 0.9)
    assert default_levels((0.72, 0.905)) == (0.72, 0.81, 0.9)


def test_an_innovation_taken_from_another_scenario() -> None:
    other = va.Scenario.load("social-prescribing")
    found = va.levels(BASE, [0.65], runs=2, worlds=None, innovations={"borrowed": other}, record=())
    scenario = found.cells[0].outcomes.scenario
    assert scenario.innovation.values == other.innovation.values
    assert scenario.service_names() == BASE.service_names()
