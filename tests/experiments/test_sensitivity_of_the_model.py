"""Sensitivity studies of the model: common seeds, noise floor, verdicts, enlarging, screening, figures."""

from __future__ import annotations

import numpy as np
import pytest
from sensitivity_cases import ISHIGAMI, NAMES, SMALL, stochastic

from valign.experiments.sensitivity import REST, screen, sensitivity, study, with_extras
from valign.experiments.sensitivity.indices import verdict
from valign.experiments.sensitivity.runs import design_rows
from valign.experiments.sensitivity.studies import curve_pair
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.results.figures.sensitivity import draw


# --- the simulator ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def small():
    """A study of the small scenario with everything on."""
    off = SMALL.replace({"mechanisms.leadership": False})
    return sensitivity(
        off,
        n=32,
        parameters=[*NAMES, "leadership_rate"],
        replicates=4,
        seed_factor=True,
        second_order=True,
        curves=["engaged", "in_use"],
        outcomes=["uptake_final", "alignment_final"],
        group_by={"start": ["base_staff", "pilot_months"]},
    )


def test_nothing_is_nothing(small):
    table = small.indices[small.indices["index"].isin(["S1", "ST"])].set_index(["factor", "index"])
    for name in ("dummy", "leadership_rate"):
        assert (table.loc[(name, "ST"), ["value", "low", "high"]].to_numpy() == 0).all()
        assert (table.loc[(name, "S1"), "value"].to_numpy() == 0).all()
    assert (table.loc[("start", "ST"), "value"] > 0.1).any()


def test_the_noise_floor_is_that_of_replicates(small):
    seed = small.indices.query("factor == 'seed' and index == 'ST'").set_index("outcome")
    direct = small.shares.set_index("outcome")
    for outcome in ("uptake_final", "alignment_final"):
        width = (seed.loc[outcome, "high"] - seed.loc[outcome, "value"]) + (
            direct.loc[outcome, "replicates_high"] - direct.loc[outcome, "replicates"]
        )
        assert abs(seed.loc[outcome, "value"] - direct.loc[outcome, "replicates"]) < width
        assert direct.loc[outcome, "replicates"] > 0


def test_the_last_month_of_a_curve_is_the_final_outcome(small):
    last = small.over_time.query("curve == 'engaged' and month == 18").set_index(["factor", "index"])["value"]
    final = small.indices.query("outcome == 'uptake_final' and index != 'correlation'").set_index(["factor", "index"])
    np.testing.assert_allclose(last.loc[final.index], final["value"], atol=1e-12)
    assert small.over_time.query("curve == 'engaged' and month == 0")["value"].isna().all()  # nobody is, anywhere


def test_every_row_is_a_run_of_the_model(small):
    design = small.design
    assert len(design) == small.simulated
    assert len(design) < small.sample.blocks * small.sample.rows * small.sample.replicates  # the dummy costs nothing
    by_society = design.groupby("society_seed")["seed"].nunique()
    assert (by_society == 8).all()  # four replicates for A, four for B
    part = design.iloc[100:104]
    again = simulate(part, base=SMALL.replace({"mechanisms.leadership": False})).runs["uptake_final"]
    place = np.argwhere(np.isin(design_rows(small.sample, 0, 32)[1], np.arange(100, 104)))[:4]
    np.testing.assert_array_equal(small.values("uptake_final").reshape(-1, 4)[place[:, 0], place[:, 1]], again)


def test_tables_words_and_figures(small, tmp_path):
    assert {"indices", "shares", "convergence", "settled", "dropped", "factors", "over_time", "second_order"} == set(
        small.tables
    )
    assert sorted(small.convergence["n"].unique()) == [8, 16, 32]
    value = small.indices.query("factor == 'seed' and index == 'ST' and outcome == 'uptake_final'")["value"].iloc[0]
    assert f"Noise floor: {value:.2f}".replace("0.", ".") in small.words
    assert "The dummy has exactly 0" in small.words
    pictures = draw(small.tables, "Small", "ST", "A test.", tmp_path)
    assert [path.stem for path in pictures] == ["ranking", "interactions", "over_time", "convergence"]
    for path in pictures:
        assert all(path.with_suffix(kind).stat().st_size > 500 for kind in (".png", ".svg", ".csv"))


# --- keeping and enlarging --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["sobol", "morris", "pawn", "delta", "rbd_fast", "dgsm", "shapley"])
def test_a_study_is_enlarged_without_running_anything_again(method, tmp_path):
    called = []

    def function(design):
        called.append(len(design))
        return stochastic(design)

    problem = with_extras(ISHIGAMI)
    small = study(problem, function, method, 16, folder=tmp_path, replicates=2)
    large = small.enlarge()
    fresh = study(problem, stochastic, method, 32, replicates=2)
    np.testing.assert_array_equal(large.values("y"), fresh.values("y"))
    assert sum(called) == large.simulated == fresh.simulated
    assert small.sample.blocks == 16
    again = study(problem, function, method, 32, folder=tmp_path, replicates=2)  # another process would do the same
    assert sum(called) == large.simulated
    np.testing.assert_array_equal(again.values("y"), fresh.values("y"))
    smaller = study(problem, function, method, 8, folder=tmp_path, replicates=2)
    np.testing.assert_array_equal(smaller.values("y"), fresh.values("y")[:8])
    with pytest.raises(InputError, match="another study"):
        study(problem, function, method, 32, folder=tmp_path, replicates=2, seed=2)


# --- how settled ------------------------------------------------------------------------------------------------------
def test_the_verdict_knows_what_is_settled():
    rng = np.random.default_rng(1)
    value = np.array([0.5, 0.1, 0.3, 0.1])
    apart = verdict(list("abcd"), value, value, np.full(4, 0.01), value + 0.005 * rng.normal(size=(500, 4)))
    assert apart.order[:2] == ("a", "c")
    assert (apart.ordered, apart.settled) == (2, 2)
    assert apart.beyond == pytest.approx(0.11)
    loose = verdict(list("abcd"), value, value, np.full(4, 0.4), value + 0.3 * rng.normal(size=(500, 4)))
    assert (loose.ordered, loose.settled) == (0, 0)
    turned = verdict(
        list("abcd"), value, np.array([0.3, 0.1, 0.5, 0.1]), np.full(4, 0.01), value + 0.005 * rng.normal(size=(500, 4))
    )
    assert (turned.ordered, turned.settled) == (0, 2)  # which two, not in which order
    assert verdict(list("ab"), value[:2], value[:2], np.full(2, 0.25)).ordered == 1
    assert verdict(list("ab"), value[:2], value[:2], np.full(2, 0.4)).ordered == 0
    # 5 % of the largest index matter, and 95 % of the resamples are sure
    small = np.array([1.0, 0.05, 0.049, 0.0])
    exact = verdict(list("abcd"), small, small, np.zeros(4))
    assert (exact.ordered, exact.settled, exact.beyond) == (3, 2, 0.0)
    for wrong, ordered in ((5, 1), (6, 0)):
        resampled = np.tile([1.0, 0.0], (100, 1))
        resampled[:wrong] = [0.0, 1.0]
        assert verdict(list("ab"), small[:2], small[:2], np.zeros(2), resampled).ordered == ordered
    ties = np.tile([1.0, 1.0], (100, 1))
    assert verdict(list("ab"), np.ones(2), np.ones(2), np.zeros(2), ties).settled == 0
    assert verdict(list("ab"), np.ones(2), np.ones(2), np.full(2, np.nan)).order == ("a", "b")
    assert verdict(["a"], np.ones(1), np.ones(1), np.full(1, 0.5)).beyond == 1.5


def test_curves_have_names():
    assert curve_pair("engaged") == ("all", "engaged")
    assert curve_pair("in_use") == ("service", "in_use")
    assert curve_pair("staff.alignment") == ("staff", "alignment")
    assert curve_pair("commissioner.breadth") == ("commissioner", "breadth")


# --- screening and the command ----------------------------------------------------------------------------------------
def test_screening_measures_what_it_neglects():
    names = [*NAMES, "lapse_base", "leadership_rate"]
    off = SMALL.replace({"mechanisms.leadership": False})
    found = screen(off, 32, ["uptake_final"], names, keep=2, screening_n=8, replicates=2)
    assert "base_staff" in found.kept
    assert sorted(found.kept + found.rest) == sorted(names)
    assert found.sobol.sample.problem.groups == [*found.kept, REST, "dummy"]
    neglected = found.neglected.iloc[0]
    assert 0 < neglected["value"] < 1
    assert (
        f"neglects this share of the variance: people engaged, at the end {neglected['value']:.2f}".replace("0.", ".")
        in found.words
    )
    with pytest.raises(InputError, match="nothing would be screened out"):
        screen(off, 8, ["uptake_final"], NAMES[:2], keep=2, screening_n=8, replicates=1)
