"""Tables of outcomes agree with one another, and statistics say what they say at their edges."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from valign.experiments.claims import verdict
from valign.experiments.compare import MOST_SCENARIOS, compare
from valign.experiments.outcomes import FailedRunsWarning, Outcomes
from valign.experiments.simulate import simulate
from valign.experiments.snapshot import snapshot
from valign.model.errors import InputError
from valign.model.ledger.decomposition import BALANCES, ENTRIES, EPISODES
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.scenario_arrays import lower
from valign.results import summaries

TWO = Scenario.load("two-services").replace({"months": 18})


@pytest.fixture(scope="module")
def out() -> Outcomes:
    return simulate(TWO, runs=5, seed=4, societies=2, record=("series", "decomposition", "agents"))


def test_the_series_are_the_curves(out: Outcomes) -> None:
    for role, variable in (("staff", "alignment"), ("service", "climate"), ("commissioner", "breadth")):
        picked = out.series.query("role == @role and variable == @variable")
        wide = picked.pivot(index="month", columns="run", values="value").to_numpy()
        np.testing.assert_array_equal(wide, out.curves(role, variable))
        assert wide.shape == (19, 5)
        assert np.ptp(wide, axis=0).max() > 0
    assert not out.series["value"].isna().any()
    assert list(out.series) == ["run", "month", "role", "variable", "value"]
    for table in (out.series, out.agents):
        assert table.index.equals(pd.RangeIndex(len(table)))
    assert set(out.series["role"].cat.categories) == {role for role, _ in out.variables()}


def test_the_path_is_recorded_whatever_is_asked_for(out: Outcomes) -> None:
    bare = simulate(TWO, runs=5, seed=4, societies=2, record=())
    np.testing.assert_array_equal(bare.path("uptake"), out.path("uptake"))
    np.testing.assert_array_equal(bare.path("uptake")[-1], out.runs["uptake_final"])
    assert len(bare.series) == 0
    assert list(bare.series) == ["run", "month", "role", "variable", "value"]


def test_what_there_is_no_curve_of_is_named(out: Outcomes) -> None:
    for wrong in (("staff", "alignmnt"), ("staf", "alignment"), ("staff", "breadth")):
        with pytest.raises(InputError, match="did you mean"):
            out.curves(*wrong)
    with pytest.raises(InputError, match="did you mean 'uptake'"):
        out.path("uptak")
    bare = simulate(TWO, runs=1, record=())
    for asked in (lambda: bare.curves("staff", "alignment"), bare.booked, lambda: next(bare.blocks_of_people())):
        with pytest.raises(InputError, match="not recorded; simulate with record="):
            asked()


@pytest.mark.parametrize("wrong", ["width", "threads"])
def test_a_block_holds_runs_and_runs_somewhere(wrong: str) -> None:
    for number in (0, -1):  # a negative width gave runs that were "ok" and had no outcomes
        with pytest.raises(InputError, match=f"{wrong} = {number}"):
            simulate(TWO, runs=2, **{wrong: number})


def test_what_is_booked_is_the_decomposition(out: Outcomes) -> None:
    both, people = out.booked()
    everything = out.decomposition.query("organisation != 'commissioners'")
    np.testing.assert_allclose(
        both.sum(axis=(1, 2, 3)),
        everything.groupby(["balance", "run"], observed=False)["change"].sum().unstack(),
        atol=1e-12,
    )
    booked, members = both[BALANCES.index("alignment")], everything[everything["balance"] == "alignment"]
    by_run = members.groupby("run")["change"].sum().to_numpy()
    np.testing.assert_allclose(booked.sum(axis=(0, 1, 2)), by_run, atol=1e-12)
    by_role = members.groupby(["role", "run"], observed=False)["change"].sum().unstack()
    for number, role in enumerate(ROLES):
        if role in by_role.index:
            np.testing.assert_allclose(booked[:, :, number].sum(axis=(0, 1)), by_role.loc[role], atol=1e-12)
    expected = np.zeros((len(ENTRIES), len(EPISODES), 5))
    parts = members.groupby(["mechanism", "part", "episode", "run"], observed=True)["change"].sum()
    for (mechanism, part, episode, run), change in parts.items():
        expected[ENTRIES.index((mechanism, part)), EPISODES.index(episode), run] = change
    np.testing.assert_allclose(booked.sum(axis=2), expected, atol=1e-12)
    np.testing.assert_array_equal(people[:3].sum(axis=0), out.members)
    # the decomposition closes: what is booked is the change of alignment summed over members
    change = out.runs["alignment_final"] - out.runs["alignment_start"]
    np.testing.assert_allclose(by_run, change * out.members, atol=1e-9)


def test_people_in_blocks_are_those_of_the_table(out: Outcomes) -> None:
    seen = 0
    for rows, role, organisation, at in out.blocks_of_people():
        for place, run in enumerate(rows.tolist()):
            table = out.agents[(out.agents["run"] == run) & (out.agents["month"] == 7)]
            assert [ROLES[n] for n in role] == table["role"].tolist()
            np.testing.assert_array_equal(organisation, table["organisation"])
            np.testing.assert_array_equal(at("alignment", 7)[:, place], table["alignment"])
            np.testing.assert_array_equal(at(TWO.dimensions[0], 7)[:, place], table[TWO.dimensions[0]])
            seen += 1
    assert seen == 5


def test_tables_of_a_design_carry_the_rows_of_the_design() -> None:
    design = pd.DataFrame({"alignment_mode": ["shift", "contract", "shift"], "fit_effect": [0.1, 0.2, 0.3],
                           "seed": [7, 8, 9]})  # fmt: skip
    found = simulate(design, base=TWO, record=("series",))
    assert found.runs["run"].tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(found.runs[list(design)], design)
    assert found.series["run"].is_monotonic_increasing
    assert found.series.index.equals(pd.RangeIndex(len(found.series)))
    alone = simulate(design.iloc[[1]].reset_index(drop=True), base=TWO, record=("series",))
    np.testing.assert_array_equal(found.series.query("run == 1")["value"], alone.series["value"])
    assert len(simulate(design, base=TWO).series) == 0


def test_differences_are_from_the_first_run_by_run() -> None:
    told: list[tuple[int, int]] = []
    longer = TWO.replace({"months": 24, "fit_effect": 0.6})
    both = compare(
        {"base": TWO, "longer": longer}, worlds=None, runs=4, seed=2, progress=lambda *each: told.append(each)
    )
    assert told[-1] == (8, 8)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    curves = both.curves("staff", "alignment")
    assert curves["month"].tolist() == list(range(19))  # months that both have
    base, other = (each.curves("staff", "alignment")[:19] for each in both.outcomes.values())
    plain = other - base
    np.testing.assert_allclose(curves["mean"], plain.mean(axis=1), atol=1e-12)
    with pytest.raises(InputError, match="did you mean"):
        both.curves("staff", "alignmnt")
    needed = compare(
        {"base": TWO, "a": TWO.replace({"fit_effect": 0.6}), "b": TWO.replace({"slack": 0.9})},
        worlds=None,
        runs=12,
        societies=4,
    ).runs_needed("uptake_final", 0.02)
    assert needed["scenario"].tolist() == ["a", "b"]
    three = compare({"base": TWO, "b": TWO.replace({"slack": 0.9})}, worlds=None, runs=12, societies=4)
    pd.testing.assert_frame_equal(three.outcomes["base"].runs, simulate(TWO, 12, societies=4).runs)  # the same seeds
    pairs = three.runs.pivot(index="run", columns="scenario", values="uptake_final")
    clusters = three.outcomes["base"].runs["society_seed"].to_numpy()
    expected = summaries.runs_needed((pairs["b"] - pairs["base"]).to_numpy(), clusters, 0.02)
    assert {name: needed[name].iloc[1] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert len(both.runs_needed("uptake_final", 0.9)) == 1
    for half_width in (0.0, -1.0):
        with pytest.raises(InputError, match="expected a positive number"):
            both.runs_needed("uptake_final", half_width)
    with pytest.raises(InputError, match="uptake_final"):
        both.runs_needed("uptake_finl", 0.1)
    for number in (1, MOST_SCENARIOS + 1):
        with pytest.raises(InputError, match="2 to 20"):
            compare({str(n): TWO for n in range(number)}, runs=1)
    all_of_them = compare({str(n): TWO.replace({"months": 1}) for n in range(MOST_SCENARIOS)}, worlds=None, runs=1)
    for table in (all_of_them.runs, all_of_them.curves("staff", "alignment")):
        assert table.index.equals(pd.RangeIndex(len(table)))
    assert all_of_them.runs["scenario"].tolist() == [str(n) for n in range(MOST_SCENARIOS)]


def test_tables_where_every_run_failed() -> None:
    failed = Outcomes(TWO, [1, 2], [1, 1], [(SimpleNamespace(rows=[n]), f"why {n}") for n in (0, 1)], lower(TWO))
    assert failed.runs["status"].tolist() == ["why 0", "why 1"]
    assert failed.runs["uptake_final"].isna().all()
    assert np.isnan(failed.members).all()
    assert np.isnan(failed.path("uptake")).all()
    assert (len(failed.series), len(failed.agents), len(failed.events), len(failed.decomposition)) == (0, 0, 0, 0)
    assert list(failed.series) == ["run", "month", "role", "variable", "value"]


def test_a_claim_without_worlds_is_undecided() -> None:
    assert verdict.wilson(0.5, 0) == (0.0, 1.0)
    nothing = verdict.judge([np.full((6, 3), np.nan)], [0.1])
    assert (nothing.worlds, nothing.failed, nothing.says, nothing.level) == (0, 6, "undecided", 1.0)
    assert np.isnan([nothing.predicted, nothing.absent, nothing.reversed]).all()
    assert nothing.intervals == ((0, 1), (0, 1), (0, 1))
    assert (nothing.classes == -1).all()
    assert verdict.probabilities(np.empty(0), np.empty(0), 0.1).shape == (0, 3)


def test_wilson_is_statsmodels_wilson() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for count, n in ((0, 10), (3, 10), (50, 100), (100, 100), (7, 900)):
        for confidence in (0.9, 0.95, 0.999):
            expected = proportion.proportion_confint(count, n, alpha=1 - confidence, method="wilson")
            np.testing.assert_allclose(verdict.wilson(count / n, n, confidence), expected, atol=1e-12)


def test_holm_is_statsmodels_holm() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    levels = [0.04, 0.001, 0.3, 0.012, 0.012]
    np.testing.assert_allclose(verdict.holm(levels), multitest.multipletests(levels, method="holm")[1])
    with_others = multitest.multipletests([*levels, 1.0, 1.0, 1.0], method="holm")[1]
    np.testing.assert_allclose(verdict.holm(levels, family=8), with_others[:5])


def test_more_worlds_are_asked_for_only_where_they_would_decide() -> None:
    assert verdict.decide(0.62, 0.02, 20) == "undecided"
    more = verdict.worlds_needed(0.62, 0.02, 20)
    assert more is not None
    assert verdict.decide(0.62, 0.02, 20 + more) == "supported"
    assert verdict.decide(0.62, 0.02, int((20 + more) / 1.05) - 2) == "undecided"
    assert verdict.worlds_needed(0.5, 0.0, 20) is None  # on the border for ever
    assert verdict.worlds_needed(0.9, 0.0, 500) == 0


def test_effects_of_worlds_by_hand() -> None:
    """Variances 2 (two seeds) and 7 (three), pooled (2 + 14) / 3, which counts as four degrees of freedom in each."""
    mean, error = verdict.world_effects(np.array([[1.0, 3.0, np.nan], [2.0, np.nan, np.nan], [0.0, 1.0, 5.0]]))
    pooled = 16 / 3
    np.testing.assert_allclose(mean, [2, np.nan, 2])
    np.testing.assert_allclose(error**2, [(2 + 4 * pooled) / 5 / 2, np.nan, (14 + 4 * pooled) / 6 / 3])
    assert np.isnan(verdict.world_effects(np.array([[1.0, np.nan]]))).all()


def test_probabilities_of_worlds() -> None:
    """Worlds known well have their class; the others, that of the worlds about them."""
    mean, smallest = np.array([0.4, 0.1, 0.09, 0.0, -0.09, -0.1, -0.4]), 0.1
    found = verdict.probabilities(mean, np.full(7, 1e-3), smallest)
    np.testing.assert_allclose(found, np.eye(3)[[0, 0, 1, 1, 1, 2, 2]], atol=0.02)
    # two kinds of worlds, 0 and .3, seen with an error of .1: Bayes' rule where both are as frequent
    rng = np.random.default_rng(9)
    mean = np.repeat([0.0, 0.3], 400) + rng.normal(0, 0.1, 800)
    found = verdict.probabilities(mean, np.full(800, 0.1), 0.15)
    expected = 1 / (1 + np.exp(-(mean - 0.15) * 0.3 / 0.01))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.abs(found[:, 0] - expected).mean() < 0.03
    assert found[:, 0].mean() == pytest.approx(0.5, abs=0.02)
    assert found[:, 2].max() < 0.02
    np.testing.assert_allclose(verdict.probabilities(-mean, np.full(800, 0.1), 0.15), found[:, ::-1], atol=1e-6)


def test_several_tests_hold_together() -> None:
    first, second = np.array([[0.8, 0.1, 0.1], [1.0, 0.0, 0.0]]), np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    np.testing.assert_allclose(verdict.combined([first, second]), [[0.4, 0.32, 0.28], [0.9, 0.1, 0.0]])
    np.testing.assert_allclose(verdict.combined([first]), first)


@pytest.mark.parametrize(("shares", "says"), [
    ((0.51, 0.09), "supported"), ((0.51, 0.1), "supported conditionally"), ((0.5, 0.0), "supported conditionally"),
    ((0.1, 0.9), "supported conditionally"), ((0.09, 0.51), "reversed"), ((0.09, 0.5), "not supported"),
])  # fmt: skip
def test_what_shares_say_at_their_borders(shares: tuple[float, float], says: str) -> None:
    assert verdict.reading(*shares) == says


def test_noise_leaves_fewer_worlds_to_the_intervals() -> None:
    """Two seeds that differ by 2 e leave an error of e in their mean: with e half the smallest effect, n / 1.25."""
    effects = np.linspace(0.5, 1.5, 40)[:, None] + np.array([-0.1, 0.1])
    found = verdict.judge([effects, 2 * effects], [0.2, 0.8])
    assert (found.worlds, found.failed, found.effective) == (40, 0, 32)
    assert found.predicted > 0.9
    for interval, share in zip(found.intervals, (found.predicted, found.absent, found.reversed), strict=True):
        assert interval == verdict.wilson(share, 32)
    assert verdict.judge([effects], [0.2], 0.2).intervals[0] == verdict.wilson(
        verdict.judge([effects], [0.2]).predicted, 32, 0.8
    )
    assert found.says == verdict.decide(found.predicted, found.reversed, 32)
    assert found.level == verdict.decisive_level(found.predicted, found.reversed, 32)
    assert verdict.judge([effects * 1e-3], [1e-9]).effective == 1
    missing = verdict.judge([np.r_[effects, [[np.nan, 1.0]]]], [0.2])
    assert (missing.worlds, missing.failed, missing.effective) == (40, 1, 32)
    assert missing.classes.tolist() == [0] * 40 + [-1]


def test_error_levels_at_their_ends() -> None:
    assert verdict.decisive_level(0.5, 0.0, 1000) == 1.0  # on the border
    assert verdict.decisive_level(1.0, 0.0, 100_000) == 1e-15
    for shares in ((0.7, 0.0), (0.02, 0.01), (0.3, 0.3)):
        level = verdict.decisive_level(*shares, 60)
        assert verdict.decide(*shares, 60, level * 1.001) != "undecided"
        assert verdict.decide(*shares, 60, level * 0.999) == "undecided"


def test_verdicts_after_the_correction() -> None:
    effects = np.linspace(0.5, 1.5, 200)[:, None] + np.array([-0.01, 0.01])
    yes, no = verdict.judge([effects], [0.2]), verdict.judge([0 * effects], [0.2])
    lost = verdict.judge([np.full((3, 2), np.nan)], [0.2])
    assert (yes.says, no.says) == ("supported", "not supported")
    assert verdict.verdict("tested", yes, None, 0.05) == "supported"
    assert verdict.verdict("tested", yes, None, 0.051) == verdict.verdict("tested", lost, None, 0.0) == "undecided"
    assert verdict.verdict("tested", yes, None, 0.09, 0.1) == "supported"
    assert verdict.verdict("tested", yes, yes, 0.01) == "not supported"
    assert verdict.verdict("tested", yes, no, 0.01) == verdict.verdict("tested", yes, lost, 0.01) == "supported"
    assert verdict.verdict("tested", no, yes, 0.01) == "not supported"
    assert verdict.verdict("assumed", yes, yes, 1.0) == "quantified"
    assert verdict.verdict("assumed", lost, None, 1.0) == "undecided"


def test_failed_runs_are_said() -> None:
    scenario = Scenario.load("two-services").replace({"alignment_level": 0.84, "months": 4})
    with pytest.warns(FailedRunsWarning, match="2 of 12 runs failed and have no outcomes.*cannot be reached"):
        runs = simulate(scenario, 12, record=()).runs
    assert (runs["status"] != "ok").sum() == 2


def test_services_month_by_month_are_those_of_the_series() -> None:
    found = simulate(TWO, 3, record=("series", "services", "agents"))
    table = found.services
    assert len(table) == 3 * (TWO.months + 1) * 2
    assert list(table["organisation"].unique()) == TWO.group_names
    used = table["stage"].isin(["piloting", "commissioned", "sustained"]).groupby([table["month"], table["run"]]).mean()
    np.testing.assert_allclose(used.unstack(), found.curves("service", "in_use"), atol=1e-12)
    climate = table.groupby(["month", "run"])["climate"].mean().unstack()
    np.testing.assert_allclose(climate, found.curves("service", "climate"), atol=1e-12)
    members = found.agents[found.agents["role"] != "commissioner"]
    by_service = members.groupby(["run", "month", "organisation"])["alignment"].mean().to_numpy()
    np.testing.assert_allclose(table["alignment"], by_service, atol=1e-12)
    engaged = members[(members["run"] == 1) & (members["month"] == 15) & (members["stage"] == "engaged")]
    assert found.curves("all", "practice")[15, 1] == pytest.approx(engaged["practice"].mean())


def test_one_society_is_the_same_with_a_block_of_its_own() -> None:
    alone, together = (snapshot(TWO, 7, 8, alone=alone) for alone in (True, False))
    assert set(alone) == {"snapshot", "people", "ties"}
    for name, table in alone.items():
        pd.testing.assert_frame_equal(table, together[name], check_exact=True)
