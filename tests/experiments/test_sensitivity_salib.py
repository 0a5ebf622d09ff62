"""Sensitivity: samples and indices agree with SALib."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sensitivity_cases import ISHIGAMI, NAMES, SMALL, ishigami

from valign.experiments.sensitivity import Factor, Sample, sensitivity, study, with_extras
from valign.experiments.sensitivity.indices import by_salib, sobol
from valign.experiments.sensitivity.samples import SALIB
from valign.experiments.simulate import simulate
from valign.model.compiled.randomness import derive_seed
from valign.model.parameters import PARAMETERS


# --- SALib ------------------------------------------------------------------------------------------------------------
def test_indices_equal_salib():
    from SALib.analyze import sobol as salib

    y = np.random.default_rng(1).normal(size=(128, 10, 2)).cumsum(axis=1) + 5
    found = sobol(y, 4, second_order=True)
    for k in range(2):
        theirs = salib.analyze(
            {"num_vars": 4, "names": list("abcd"), "bounds": [[0, 1]] * 4},
            y[:, :, k].ravel(),
            calc_second_order=True,
            num_resamples=1000,
            seed=3,
        )
        np.testing.assert_allclose(found.first[k], theirs["S1"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.total[k], theirs["ST"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.second[k], theirs["S2"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(1.96 * found.first_sd[k], theirs["S1_conf"], rtol=0.15)
        np.testing.assert_allclose(1.96 * found.total_sd[k], theirs["ST_conf"], rtol=0.15)
        np.testing.assert_allclose(1.96 * found.second_sd[k], theirs["S2_conf"], rtol=0.15)


SALIB_GIVES = {  # index: key of SALib's, and of its interval; least value
    "morris": {"mu_star": ("mu_star", "mu_star_conf", 0), "mu": ("mu", None, 0), "sigma": ("sigma", None, 0)},
    "pawn": {"median": ("median", None, 0), "maximum": ("maximum", None, 0)},
    "delta": {"delta": ("delta_raw", "delta_raw_conf", 0), "S1": ("S1", "S1_conf", -np.inf)},
    "fast": {"S1": ("S1", None, 0), "ST": ("ST", None, 0)},
    "rbd_fast": {"S1": ("S1", "S1_conf", -np.inf)},
    "dgsm": {"dgsm": ("dgsm", "scaled", 0), "vi": ("vi", "dgsm_conf", 0)},
    "shapley": {"shapley": ("shapley_normalized", "shapley_normalized_conf", -np.inf)},
}

ARGUMENTS = {
    "morris": {"num_levels": 4, "num_resamples": 1000},
    "pawn": {"S": 10},
    "fast": {"M": 4},
    "delta": {"num_resamples": 25},
    "dgsm": {"num_resamples": 1000},
}


@pytest.mark.parametrize(
    ("method", "n"),
    [
        ("morris", 16),
        ("pawn", 64),
        pytest.param("delta", 64, marks=pytest.mark.slow),
        ("fast", 65),
        ("rbd_fast", 64),
        ("dgsm", 32),
        ("shapley", 32),
    ],
)
def test_tables_hold_what_salib_gives(method, n):
    from importlib import import_module

    sample = Sample(method, with_extras(ISHIGAMI), n)
    unit = sample.unit().reshape(-1, 4)
    y = ishigami(pd.DataFrame(2 * np.pi * unit[:, :3] - np.pi, columns=["x1", "x2", "x3"]))["y"].to_numpy()
    table = by_salib(sample, unit, y).set_index("index")
    seed = derive_seed(1, 1, SALIB) % (2**31 - 1) + 1
    np.random.seed(seed)
    given = ARGUMENTS.get(method, {}) | ({} if method == "shapley" else {"seed": seed})
    analyze = import_module(f"SALib.analyze.{method}").analyze
    theirs = analyze(sample.problem.salib(), *((y,) if method == "fast" else (unit, y)), **given)
    if method == "dgsm":  # SALib gives the interval of vi; that of dgsm is as much wider as dgsm is larger
        theirs["scaled"] = theirs["dgsm_conf"] * theirs["dgsm"] / np.where(theirs["vi"] > 0, theirs["vi"], 1)
    assert list(table.index.unique()) == list(SALIB_GIVES[method])
    for index, (key, interval, least) in SALIB_GIVES[method].items():
        rows = table.loc[index]
        assert rows["factor"].tolist() == ["x1", "x2", "x3", "dummy"]
        value, half = np.array(theirs[key]), np.array(theirs[interval] if interval else [np.nan] * 4)
        np.testing.assert_allclose(rows["value"], value, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(rows["low"], np.maximum(least, value - half), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(rows["high"], value + half, rtol=1e-9, atol=1e-12)
    constant = by_salib(sample, unit, np.ones(len(y)))
    pd.testing.assert_frame_equal(constant[["index", "factor"]], table.reset_index()[["index", "factor"]])
    assert constant["value"].isna().all()


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("groups", [("x1", "x2", "x3"), ("a", "b", "a")])
def test_samples_are_laid_out_as_salib_does(groups, second_order, monkeypatch):
    from SALib.sample import sobol as salib

    problem = with_extras([Factor(f.name, group, f.low, f.high) for f, group in zip(ISHIGAMI, groups, strict=True)])
    sample = Sample("sobol", problem, 16, 5, second_order=second_order)
    ours, base = sample.unit(), sample.base
    monkeypatch.setattr(salib.qmc, "Sobol", lambda **_: SimpleNamespace(random=lambda n: base[:n].copy()))
    np.testing.assert_array_equal(ours, salib.sample(problem.salib(), 16, calc_second_order=second_order))


def test_salib_is_fed_from_our_tables():
    from SALib.analyze import pawn
    from SALib.analyze import sobol as salib

    found = sensitivity(SMALL, n=16, outcomes=["uptake_final"], parameters=NAMES, replicates=2)
    problem, X, Y = found.salib("uptake_final")
    theirs = salib.analyze(problem, Y, calc_second_order=False)
    ours = found.indices[found.indices["index"] == "ST"]
    assert ours["factor"].tolist() == problem["names"]
    np.testing.assert_allclose(ours["value"], theirs["ST"], rtol=0, atol=1e-12)
    assert set(pawn.analyze(problem, X, Y)["names"]) == {*NAMES, "dummy"}


def test_salib_samples_become_designs():
    from SALib.analyze import morris as analysis
    from SALib.sample import morris

    bounds = {name: (PARAMETERS[name].low, PARAMETERS[name].high) for name in ("fit_effect", "base_staff")}
    problem = {"num_vars": 2, "names": list(bounds), "bounds": [list(pair) for pair in bounds.values()]}
    X = morris.sample(problem, 4, seed=1)
    design = pd.DataFrame(X, columns=list(bounds)).assign(seed=np.repeat(np.arange(4), 3))
    runs = simulate(design, base=SMALL).runs
    assert analysis.analyze(problem, X, runs["uptake_final"].to_numpy())["mu_star"][1] > 0


# --- keeping and enlarging --------------------------------------------------------------------------------------------
def test_salib_leaves_the_global_seed_alone():
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    _ = study(with_extras(ISHIGAMI), ishigami, "dgsm", 8).indices
    assert np.random.rand() == expected
