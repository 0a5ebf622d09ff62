"""Tables of outcomes agree with one another, and statistics say what they say at their edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.experiments.compare import MOST_SCENARIOS, compare
from valign.experiments.hypotheses import verdict as v
from valign.experiments.outcomes import Outcomes
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.parameters import ROLES
from valign.model.scenario import Scenario
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
    booked, people = out.booked()
    members = out.decomposition.query("organisation != 'commissioners'")
    by_run = members.groupby("run")["change"].sum().to_numpy()
    np.testing.assert_allclose(booked.sum(axis=(0, 1, 2)), by_run, atol=1e-12)
    by_role = members.groupby(["role", "run"], observed=False)["change"].sum().unstack()
    for number, role in enumerate(ROLES):
        if role in by_role.index:
            np.testing.assert_allclose(booked[:, :, number].sum(axis=(0, 1)), by_role.loc[role], atol=1e-12)
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
    alone = simulate(design.iloc[[1]].reset_index(drop=True), base=TWO, record=("series",))
    np.testing.assert_array_equal(found.series.query("run == 1")["value"], alone.series["value"])
    assert len(simulate(design, base=TWO).series) == 0


def test_differences_are_from_the_first_run_by_run() -> None:
    told: list[tuple[int, int]] = []
    longer = TWO.replace({"months": 24, "fit_effect": 0.6})
    both = compare({"base": TWO, "longer": longer}, runs=4, seed=2, progress=lambda *each: told.append(each))
    assert told[-1] == (8, 8)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    curves = both.curves("staff", "alignment")
    assert curves["month"].tolist() == list(range(19))  # months that both have
    base, other = (each.curves("staff", "alignment")[:19] for each in both.outcomes.values())
    plain = other - base
    np.testing.assert_allclose(curves["mean"], plain.mean(axis=1), atol=1e-12)
    with pytest.raises(InputError, match="did you mean"):
        both.curves("staff", "alignmnt")
    needed = compare({"base": TWO, "a": TWO.replace({"fit_effect": 0.6}), "b": TWO.replace({"slack": 0.9})},
                     runs=12, societies=4).runs_needed("uptake_final", 0.02)
    assert needed["scenario"].tolist() == ["a", "b"]
    three = compare({"base": TWO, "b": TWO.replace({"slack": 0.9})}, runs=12, societies=4)
    pairs = three.runs.pivot(index="run", columns="scenario", values="uptake_final")
    clusters = three.outcomes["base"].runs["society_seed"].to_numpy()
    expected = summaries.runs_needed((pairs["b"] - pairs["base"]).to_numpy(), clusters, 0.02)
    assert {name: needed[name].iloc[1] for name in expected} == pytest.approx(expected, nan_ok=True)
    assert len(both.runs_needed("uptake_final", 0.9)) == 1
    for half_width in (0.0, -1.0):
        with pytest.raises(InputError, match="a positive number"):
            both.runs_needed("uptake_final", half_width)
    with pytest.raises(InputError, match="uptake_final"):
        both.runs_needed("uptake_finl", 0.1)
    for number in (1, MOST_SCENARIOS + 1):
        with pytest.raises(InputError, match="2 to 20"):
            compare({str(n): TWO for n in range(number)}, runs=1)


def test_a_claim_without_worlds_is_undecided() -> None:
    assert v.wilson(0.5, 0) == (0.0, 1.0)
    nothing = v.judge([np.full((6, 3), np.nan)], [0.1])
    assert (nothing.worlds, nothing.failed, nothing.says, nothing.level) == (0, 6, "undecided", 1.0)
    assert np.isnan([nothing.predicted, nothing.absent, nothing.reversed]).all()
    assert (nothing.classes == -1).all()
    assert v.probabilities(np.empty(0), np.empty(0), 0.1).shape == (0, 3)


def test_wilson_is_statsmodels_wilson() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for count, n in ((0, 10), (3, 10), (50, 100), (100, 100), (7, 900)):
        for confidence in (0.9, 0.95, 0.999):
            expected = proportion.proportion_confint(count, n, alpha=1 - confidence, method="wilson")
            np.testing.assert_allclose(v.wilson(count / n, n, confidence), expected, atol=1e-12)


def test_holm_is_statsmodels_holm() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    levels = [0.04, 0.001, 0.3, 0.012, 0.012]
    np.testing.assert_allclose(v.holm(levels), multitest.multipletests(levels, method="holm")[1])
    with_others = multitest.multipletests([*levels, 1.0, 1.0, 1.0], method="holm")[1]
    np.testing.assert_allclose(v.holm(levels, family=8), with_others[:5])


def test_more_worlds_are_asked_for_only_where_they_would_decide() -> None:
    assert v.decide(0.62, 0.02, 20) == "undecided"
    more = v.worlds_needed(0.62, 0.02, 20)
    assert more is not None
    assert v.decide(0.62, 0.02, 20 + more) == "supported"
    assert v.decide(0.62, 0.02, int((20 + more) / 1.05) - 2) == "undecided"
    assert v.worlds_needed(0.5, 0.0, 20) is None  # on the border for ever
    assert v.worlds_needed(0.9, 0.0, 500) == 0
