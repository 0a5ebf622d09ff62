"""Sensitivity analysis: known answers, agreement with SALib, common seeds, guards, what is kept, the command."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from valign.experiments.sensitivity import (
    EXTRA,
    METHODS,
    REST,
    Factor,
    Sample,
    make_problem,
    screen,
    sensitivity,
    study,
    uncertain,
    with_extras,
)
from valign.experiments.sensitivity.indices import by_salib, resampling, sobol, table_of, variance_shares, verdict
from valign.experiments.sensitivity.runs import chunk_blocks, design_rows
from valign.experiments.sensitivity.samples import SALIB
from valign.experiments.sensitivity.studies import curve_pair
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.compiled.randomness import derive_seed
from valign.model.scenario.scenario import Scenario
from valign.results.figures import sensitivity as figures_sensitivity
from valign.results import store

SMALL = Scenario.load("two-services").replace(
    {"months": 18, "organisations.hostel.staff": 8, "organisations.outreach.staff": 6}
)
NAMES = ["fit_effect", "base_staff", "pilot_months", "coproduction_intensity"]


# --- functions with known indices -------------------------------------------------------------------------------------
ISHIGAMI = [Factor(f"x{n}", f"x{n}", -np.pi, np.pi) for n in (1, 2, 3)]
A, B = 7.0, 0.1
V1, V2, V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, B**2 * np.pi**8 * (1 / 18 - 1 / 50)
SD = 2.0  # of the noise of the stochastic one


def ishigami(design: pd.DataFrame) -> pd.DataFrame:
    x1, x2, x3 = (design[name].to_numpy() for name in ("x1", "x2", "x3"))
    return pd.DataFrame({"y": np.sin(x1) + A * np.sin(x2) ** 2 + B * x3**4 * np.sin(x1)})


def noise(seeds: pd.Series) -> np.ndarray:
    """A standard normal number for every seed."""
    mixed = (seeds.to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return stats.norm.ppf((mixed.astype(float) + 0.5) / 2**53)


def stochastic(design: pd.DataFrame) -> pd.DataFrame:
    return ishigami(design) + SD * noise(design["seed"])[:, None]


def ishigami_indices(replicates: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """First and total indices of the three factors, with the noise of the mean over replicates in the variance."""
    total = V1 + V2 + V13 + (0 if replicates is None else SD**2 / replicates)
    return np.array([V1, V2, 0]) / total, np.array([V1 + V13, V2, V13]) / total


WEIGHTS = np.array([0.0, 0.5, 1.0, 3.0, 9.0])


def g_function(design: pd.DataFrame) -> pd.DataFrame:
    x = design[[f"x{n}" for n in range(len(WEIGHTS))]].to_numpy()
    return pd.DataFrame({"y": np.prod((np.abs(4 * x - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1)})


def g_indices() -> tuple[np.ndarray, np.ndarray]:
    part = 1 / (3 * (1 + WEIGHTS) ** 2)
    total = np.prod(1 + part) - 1
    return part / total, part * (np.prod(1 + part) / (1 + part)) / total


G = [Factor(f"x{n}", f"x{n}") for n in range(len(WEIGHTS))]


def inside(table: pd.DataFrame, index: str, known: np.ndarray) -> np.ndarray:
    rows = table[(table["index"] == index) & ~table["factor"].isin(EXTRA)]
    return ((rows["low"] <= known) & (known <= rows["high"])).to_numpy()


@pytest.mark.parametrize(
    ("factors", "function", "known", "replicates", "seed_factor"),
    [
        (ISHIGAMI, ishigami, ishigami_indices(), 1, False),
        (G, g_function, g_indices(), 1, False),
        (ISHIGAMI, stochastic, ishigami_indices(4), 4, False),
        (ISHIGAMI, stochastic, ishigami_indices(4), 4, True),
    ],
    ids=["ishigami", "sobol-g", "stochastic", "stochastic-seed-factor"],
)
def test_intervals_cover_the_closed_form(factors, function, known, replicates, seed_factor):
    first, total = [], []
    for seed in range(100):
        found = study(with_extras(factors, seed_factor=seed_factor), function, n=256, seed=seed, replicates=replicates)
        first.append(inside(found.indices, "S1", known[0]))
        total.append(inside(found.indices, "ST", known[1]))
    print(np.mean(first, axis=0), np.mean(total, axis=0))
    assert np.mean(first) >= 0.93
    assert np.mean(total) >= 0.93


def test_common_seeds_take_the_noise_out_of_total_indices():
    known = ishigami_indices(1)[1]
    common = study(with_extras(ISHIGAMI), stochastic, n=1024).indices
    fresh = study(with_extras(ISHIGAMI), stochastic, n=1024, common_seeds=False).indices
    total = {
        name: table[table["index"] == "ST"].set_index("factor")["value"]
        for name, table in (("common", common), ("fresh", fresh))
    }
    assert total["common"]["dummy"] == 0.0
    assert inside(common, "ST", known).all()
    share = SD**2 / (V1 + V2 + V13 + SD**2)
    assert total["fresh"]["dummy"] == pytest.approx(share, rel=0.25)
    assert (total["fresh"] > total["common"] + share / 2).all()
    first = fresh[(fresh["index"] == "S1") & (fresh["factor"] == "dummy")].iloc[0]
    assert first["low"] <= 0 <= first["high"]


def test_the_seed_factor_agrees_with_replicates_measured_directly():
    found = study(with_extras(ISHIGAMI, seed_factor=True), stochastic, n=1024, replicates=4)
    seed = found.indices.query("factor == 'seed' and index == 'ST'").iloc[0]
    direct = found.shares.iloc[0]
    known = SD**2 / 4 / (V1 + V2 + V13 + SD**2 / 4)
    assert seed["low"] <= known <= seed["high"]
    assert direct["replicates_low"] <= known <= direct["replicates_high"]
    assert seed["low"] <= direct["replicates"] <= seed["high"]
    assert direct["single_run"] == pytest.approx(SD**2 / (V1 + V2 + V13 + SD**2), rel=0.1)
    assert direct["societies_low"] <= 0.0 <= direct["societies_high"]


@pytest.mark.parametrize("seed_factor", [False, True])
def test_the_share_of_societies_is_measured(seed_factor):
    def function(design):
        return ishigami(design) + SD * noise(design["seed"])[:, None] + 3.0 * noise(design["society_seed"])[:, None]

    found = study(with_extras(ISHIGAMI, seed_factor=seed_factor), function, n=1024, replicates=4).shares.iloc[0]
    known = 9 / (V1 + V2 + V13 + 9 + SD**2 / 4)
    assert found["societies_low"] <= known <= found["societies_high"]
    assert found["societies_high"] - found["societies_low"] < 0.2
    factor = study(with_extras(ISHIGAMI, society_factor=True), function, n=1024, replicates=4).indices
    society = factor.query("factor == 'society' and index == 'ST'").iloc[0]
    assert society["low"] <= known <= society["high"]


@pytest.mark.parametrize("method", [name for name in METHODS if name != "sobol"])
def test_other_methods_find_what_matters(method):
    n = {"morris": 64, "fast": 257, "dgsm": 256, "shapley": 512}.get(method, 512)
    found = study(with_extras([*ISHIGAMI, Factor("idle", "idle")]), ishigami, method, n)
    main = found.indices[found.indices["index"] == found.indices["index"].iloc[0]].set_index("factor")["value"]
    assert min(main["x1"], main["x2"]) > 2 * abs(main["idle"])
    if method in ("morris", "dgsm", "shapley"):
        assert main["dummy"] == main["idle"] == 0.0
    if method == "shapley":
        known = np.array([V1 + V13 / 2, V2, V13 / 2]) / (V1 + V2 + V13)
        assert inside(found.indices[found.indices["factor"] != "idle"], "shapley", known).all()
    if method != "delta":  # which is slow, and twice as slow with its convergence
        assert found.words.startswith("the model")


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


def test_the_bootstrap_repeats_row_blocks():
    """Standard deviations of indices over resamples, once more with the row-blocks repeated as often as drawn."""
    y = np.random.default_rng(2).normal(size=(40, 8, 3)).cumsum(axis=1)
    y[:, :, 1] = 4.0
    found = sobol(y, 3, second_order=True, resamples=30, seed=6)
    drawn = resampling(40, 30, 6)
    assert (drawn.sum(axis=1) == 40).all()
    for k in (0, 2):
        z = (y[:, :, k] - y[:, :, k].mean()) / y[:, :, k].std()
        again = []
        for times in drawn.astype(int):
            a, ab, ba, b = np.split(np.repeat(z, times, axis=0), [1, 4, 7], axis=1)
            variance = np.var(np.r_[a, b])
            first, total = (b * (ab - a)).mean(axis=0) / variance, ((a - ab) ** 2).mean(axis=0) / 2 / variance
            pairs = [
                [(ba[:, i] * ab[:, j] - (a * b)[:, 0]).mean() / variance - first[i] - first[j] for j in range(3)]
                for i in range(3)
            ]
            again.append(np.r_[first, total, np.ravel(pairs)])
        sd = np.std(again, axis=0, ddof=1)
        np.testing.assert_allclose(found.first_sd[k], sd[:3])
        np.testing.assert_allclose(found.total_sd[k], sd[3:6])
        upper = np.triu_indices(3, 1)
        np.testing.assert_allclose(found.second_sd[k][upper], sd[6:].reshape(3, 3)[upper])
        assert np.isnan(found.second_sd[k][np.tril_indices(3)]).all()
        if k == 0:
            np.testing.assert_allclose(found.resampled, np.array(again)[:, 3:6])
    for values in (found.first, found.first_sd, found.total, found.total_sd, found.second, found.second_sd):
        assert np.isnan(values[1]).all()  # what does not vary has no indices
    assert sobol(y, 6, resamples=30).second is None
    lost = y.copy()
    lost[3, 0, 0] = np.nan
    assert np.isnan(sobol(lost, 3, True, 30).first[0]).all()


@pytest.mark.parametrize(("common", "seed_factor"), [(True, False), (False, False), (True, True)])
def test_shares_of_the_variance_by_hand(common, seed_factor):
    """Variances and products once more, plainly; intervals from row-blocks repeated as often as drawn."""
    y = np.random.default_rng(3).normal(size=(30, 5, 3)) + np.random.default_rng(4).normal(size=(30, 1, 1))
    sample = Sample("sobol", with_extras(ISHIGAMI, seed_factor=seed_factor), 32, common=common, replicates=3)

    def shares(y):
        a, b = y[:, 0], y[:, -1]
        mean = np.r_[a, b].mean(axis=1)
        noise, variance = np.r_[a, b].var(axis=1, ddof=1).mean(), mean.var()
        if common and not seed_factor:  # other seeds too: replicates of different numbers
            products = np.mean(
                [[x[i] * z[j] for i in range(3) for j in range(3) if i != j] for x, z in zip(a, b, strict=True)]
            )
        else:
            products = (a.mean(axis=1) * b.mean(axis=1)).mean()
        return np.array(
            [
                variance,
                noise / 3 / variance,
                (products - mean.mean() ** 2) / variance,
                min(1, noise / (variance + noise * 2 / 3)),
            ]
        )

    found, plain = variance_shares(y, sample, 50), shares(y)
    again = np.array([shares(np.repeat(y, times, axis=0)) for times in resampling(30, 50).astype(int)])
    half = 1.959964 * again.std(axis=0, ddof=1)
    assert found["variance"] == pytest.approx(plain[0])
    for name, value, width in zip(("replicates", "societies", "single_run"), plain[1:], half[1:], strict=True):
        assert found[name] == pytest.approx(value)
        assert found[f"{name}_low"] == pytest.approx(max(0, value - width))
        assert found[f"{name}_high"] == pytest.approx(value + width)


def test_shares_of_the_variance_without_replicates_or_pairs():
    y = np.random.default_rng(5).normal(size=(30, 5, 1))
    problem = with_extras(ISHIGAMI)
    one = variance_shares(y, Sample("sobol", problem, 32))
    assert np.isnan([one[name] for name in ("replicates", "societies", "single_run")]).all()
    fresh = variance_shares(y, Sample("sobol", problem, 32, common=False))
    a, b = y[:, 0, 0], y[:, -1, 0]
    assert fresh["societies"] == pytest.approx(((a * b).mean() - np.r_[a, b].mean() ** 2) / np.r_[a, b].var())
    other = np.add(np.repeat(y, 2, axis=2), [0.0, 1.0])  # two replicates, of variance 1/2 within rows
    found = variance_shares(other, Sample("morris", problem, 30, replicates=2))
    assert np.isnan(found["societies"])
    assert found["variance"] == pytest.approx(y.var())
    assert found["replicates"] == pytest.approx(0.25 / y.var())
    assert found["single_run"] == pytest.approx(0.5 / (y.var() + 0.25))
    apart = variance_shares(
        np.tile([[[0.0, 9.0]]], (8, 2, 1)) + np.arange(8)[:, None, None] / 1e3,
        Sample("morris", problem, 8, replicates=2),
    )
    assert apart["single_run"] == 1.0  # never more


def test_rows_of_a_table_of_indices():
    table = table_of(["a", "b"], "ST", [0.3, 0.1], [0.1, 0.2], 0.0)
    assert list(table) == ["factor", "index", "value", "low", "high"]
    assert table.to_numpy().tolist() == [
        ["a", "ST", 0.3, pytest.approx(0.2), 0.4],
        ["b", "ST", 0.1, 0.0, pytest.approx(0.3)],
    ]
    assert table_of(["b"], "S1", [0.1], [0.2])["low"].tolist() == [-0.1]
    assert table_of(["b"], "S1", [0.1])[["low", "high"]].isna().all(axis=None)


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
    [("morris", 16), ("pawn", 64), ("delta", 64), ("fast", 65), ("rbd_fast", 64), ("dgsm", 32), ("shapley", 32)],
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


def test_both_halves_of_many_factors_are_independent():
    """In a plain Sobol' sequence of 300 dimensions the two coordinates of some factors go together."""
    from scipy.stats import qmc

    D, n = 150, 256
    base = Sample("sobol", with_extras([Factor(f"x{k}", f"x{k}") for k in range(D - 1)]), n).base
    plain = qmc.Sobol(2 * D, scramble=True, rng=np.random.default_rng(1)).random(n)
    distance, without = (6 * ((x[:, :D] - x[:, D:]) ** 2).mean(axis=0) for x in (base, plain))
    error = np.sqrt(7 / 5 / n)  # of independent numbers, of which 1 is expected
    assert np.abs(distance - 1).max() < 4.5 * error
    assert np.abs(without - 1).max() > 6 * error
    for half in (base[:, :D], base[:, D:]):
        assert all(len(np.unique(np.floor(column * n))) == n for column in half.T)  # still one point in each of n parts


def test_intervals_hold_for_many_factors():
    weights = np.r_[np.linspace(2, 0.3, 24), np.full(126, 0.25)]
    names = [f"x{k}" for k in range(150)]
    problem = with_extras([Factor(name, name if k < 24 else REST) for k, name in enumerate(names)])
    known = np.r_[weights[:24] ** 2, (weights[24:] ** 2).sum()] / (weights**2).sum()
    held = []
    for seed in range(20):
        found = study(problem, lambda d: pd.DataFrame({"y": (d[names] * weights).sum(axis=1)}), n=128, seed=seed)
        held.append([inside(found.indices, index, known) for index in ("S1", "ST")])
    print(np.mean(held, axis=(0, 2)))
    assert (np.mean(held, axis=(0, 2)) >= 0.93).all()


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


# --- factors ----------------------------------------------------------------------------------------------------------
def test_factors_by_inverse_cdf():
    unit = (np.arange(6000) + 0.5) / 6000
    problem = make_problem(
        SMALL,
        [
            "pilot_months",
            "mandate",
            "mechanisms.leadership",
            "sustainment_rule",
            "fit_effect",
            "slack",
            "organisations.hostel.slack",
            "everybody_aware",
        ],
        bounds={"pilot_months": (3, 8), "slack": (0.2, 0.3)},
        distributions={"fit_effect": stats.norm(0.4, 0.1)},
    )
    values = {factor.name: pd.Series(factor.values(unit)) for factor in problem.factors}
    assert values["pilot_months"].value_counts().to_dict() == dict.fromkeys(map(float, range(3, 9)), 1000)
    assert values["mandate"].value_counts().to_dict() == {0.0: 3000, 1.0: 3000}
    assert values["mechanisms.leadership"].value_counts().to_dict() == {False: 3000, True: 3000}
    assert set(values["sustainment_rule"]) == {"emergent", "direct"}
    assert set(values["everybody_aware"]) == {False, True}
    assert values["fit_effect"].std() == pytest.approx(0.1, rel=0.01)
    assert values["slack"].between(0.2, 0.3).all()
    slack = values["organisations.hostel.slack"]
    assert (slack.min(), slack.max()) == pytest.approx((PARAMETERS["slack"].low, PARAMETERS["slack"].high), abs=1e-3)
    ends = problem.factors[0].values(np.array([0.0, 1.0]))
    assert ends.tolist() == [3.0, 8.0]


def test_what_is_uncertain():
    off = SMALL.replace({"mechanisms.leadership": False})
    kept, left = uncertain(off)
    assert "leadership_rate" in left["its mechanism is off"]
    assert "ties.peer" in left["shapes the ties"]
    assert {"mandate", "funding"} <= set(left["a decision (0 or 1)"])
    assert not set(kept) & {name for names in left.values() for name in names}
    assert "leadership_rate" in uncertain(SMALL)[0]


def test_parameters_left_out_as_switched_off_do_nothing():
    """All others count as uncertain though their mechanism is off: what they set is used elsewhere."""
    everything = SMALL.replace({f"mechanisms.{name}": True for name in MECHANISMS})
    for mechanism in MECHANISMS:
        off = everything.replace({f"mechanisms.{mechanism}": False})
        names = uncertain(off)[1].get("its mechanism is off", [])
        ends = [{name: getattr(PARAMETERS[name], end) for name in names} for end in ("low", "high")]
        low, high = (simulate(off.replace(end), runs=3, seed=1).runs[list(OUTCOMES)] for end in ends)
        pd.testing.assert_frame_equal(low, high, check_exact=True, obj=f"outcomes with {mechanism} off")


def test_mixed_factors_run_and_those_of_the_ties_run_apart():
    names = ["fit_effect", "ties.team_size", "mechanisms.leadership", "sustainment_rule"]
    found = sensitivity(SMALL, n=8, outcomes=["uptake_final"], parameters=names, replicates=2)
    assert found.sample.problem.apart() == names[1:]
    assert "Run apart" in found.words
    row = found.design.iloc[[5]]
    again = simulate(row, base=SMALL).runs["uptake_final"].iloc[0]
    place = np.argwhere(design_rows(found.sample, 0, 8)[1] == 5)[0]
    assert found.values("uptake_final").reshape(-1, 2)[place[0], place[1]] == again


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"parameters": ["fit_efect"]}, "did you mean 'fit_effect'"),
        ({"outcomes": ["uptake"]}, "is not a known outcome"),
        ({"curves": ["engagd"]}, "did you mean 'engaged'"),
        ({"method": "sobl"}, "did you mean 'sobol'"),
        ({"n": 100}, "power of 2, such as 64 or 128"),
        ({"n": 0}, "n = 0"),
        ({"method": "fast", "n": 64}, "more than 64"),
        ({"method": "pawn", "n": 64, "group_by": "mechanism", "parameters": None}, "pawn knows no groups"),
        ({"method": "morris", "second_order": True}, "only sobol has it"),
        ({"group_by": {"all": NAMES}}, "'all' holds all parameters"),
        ({"group_by": {"a": ["slack"]}}, "'slack' is not a parameter of this study"),
        ({"group_by": {"a": NAMES[:2], "b": NAMES[:1]}}, "is in 'a' already"),
        ({"group_by": {"seed": NAMES[:2]}}, "choose another"),
        ({"group_by": "role"}, "allowed are 'mechanism'"),
        ({"bounds": {"fit_effect": (0.5, 0.1)}}, "low < high"),
        ({"bounds": {"fit_effect": (0.5, 100)}}, "-5 to 5"),
        ({"bounds": {"slack": (0, 1)}}, "'slack' is not a parameter of this study"),
        (
            {"bounds": {"fit_effect": (0, 1)}, "levels": {"fit_effect": [0, 1]}},
            "one of bounds, levels and distributions",
        ),
        ({"levels": {"fit_effect": [1]}}, "at least two"),
        ({"distributions": {"fit_effect": 3}}, ".ppf"),
        ({"parameters": ["alignment_level"]}, "no declared range"),
        ({"parameters": []}, "at least one"),
        ({"parameters": ["slack", "slack"]}, "given twice"),
        ({"missing": "guess"}, "way to treat missing values"),
        ({"replicates": 0}, "replicates = 0"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_wrong_input_is_named(arguments, expected):
    with pytest.raises(InputError) as caught:
        sensitivity(SMALL, **{"n": 8, "parameters": NAMES, **arguments})
    assert expected in str(caught.value)


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
    assert f"Noise floor: {value:.3f}".replace("0.", ".") in small.words
    assert "The dummy has exactly 0" in small.words
    pictures = figures_sensitivity.draw(small.tables, "Small", "ST", "A test.", tmp_path)
    assert [path.stem for path in pictures] == ["ranking", "interactions", "over_time", "convergence"]
    for path in pictures:
        assert all(path.with_suffix(kind).stat().st_size > 500 for kind in (".png", ".svg", ".csv"))


def test_the_interactions_of_ishigami():
    found = study(with_extras(ISHIGAMI), ishigami, n=1024, second_order=True)
    table = found.second_order.set_index(["factor", "other"])
    known = {("x1", "x3"): V13 / (V1 + V2 + V13), ("x1", "x2"): 0.0, ("x2", "x3"): 0.0}
    for pair, value in known.items():
        assert table.loc[pair, "low"] <= value <= table.loc[pair, "high"]
    with pytest.raises(InputError, match="second_order=True"):
        _ = study(with_extras(ISHIGAMI), ishigami, n=8).second_order


# --- what is missing --------------------------------------------------------------------------------------------------
def gappy(design: pd.DataFrame) -> pd.DataFrame:
    """No value in a corner, and a failed run in another."""
    table = ishigami(design).assign(z=lambda t: t["y"])
    table.loc[(design["x1"] > 2.9).to_numpy(), "z"] = np.nan
    return table


def failing(design: pd.DataFrame) -> pd.DataFrame:
    table = ishigami(design)
    bad = (design["x1"] > 2.9).to_numpy()
    return table.assign(y=table["y"].mask(bad), status=np.where(bad, "too much of x1", "ok"))


def test_missing_values_are_refused_or_their_row_blocks_left_out():
    found = study(with_extras(ISHIGAMI), gappy, n=256)
    assert found.analysed(["y"]).indices["value"].notna().all()
    rows = int(np.isnan(found.values("z")).any(axis=2).sum())
    with pytest.raises(InputError, match=f"z has no value in {rows} of 1,536 rows"):
        _ = found.indices
    dropped = found.analysed(missing="drop")
    gone = np.isnan(found.values("z")).any(axis=(1, 2))
    assert dropped.dropped.set_index("outcome")["dropped"].to_dict() == {"y": 0, "z": gone.sum()}
    expected = sobol(found.values("z")[~gone].mean(axis=2)[:, :, None], 4).total[0]
    np.testing.assert_allclose(dropped.indices.query("outcome == 'z' and index == 'ST'")["value"], expected)
    assert f"{gone.sum()} of 256 row-blocks were left out" in dropped.words


def test_failed_runs_are_named():
    found = study(with_extras(ISHIGAMI), failing, n=64)
    with pytest.raises(InputError, match=r"rows failed.*too much of x1"):
        _ = found.indices
    assert set(found.failures["why"]) == {"too much of x1"}
    assert found.analysed(missing="drop").dropped["dropped"].iloc[0] == found.failures["row_block"].nunique()
    with pytest.raises(InputError, match="every point of its curves"):
        _ = study(with_extras(ISHIGAMI), failing, "fast", 65, missing="drop").indices
    with pytest.raises(InputError, match="too few row-blocks"):
        _ = study(with_extras(ISHIGAMI), lambda d: failing(d).assign(status="no"), n=64, missing="drop").indices


def test_unreachable_levels_are_failed_runs():
    found = sensitivity(
        SMALL,
        n=8,
        parameters=["alignment_level", "fit_effect"],
        replicates=1,
        bounds={"alignment_level": (0.6, 0.99)},
        outcomes=["uptake_final"],
    )
    with pytest.raises(InputError, match="cannot be reached"):
        _ = found.indices


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


def test_an_interrupted_study_goes_on(tmp_path, monkeypatch):
    from valign.experiments.sensitivity import runs

    monkeypatch.setattr(runs, "RUNS_AT_ONCE", 64)
    calls = []

    def function(design):
        calls.append(len(design))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return ishigami(design)

    problem = with_extras(ISHIGAMI)
    assert chunk_blocks(Sample("sobol", problem, 64)) == 8
    with pytest.raises(KeyboardInterrupt):
        study(problem, function, n=64, folder=tmp_path)
    done = study(problem, function, n=64, folder=tmp_path)
    assert len(calls) == 3 + 6  # eight chunks, two of them finished before
    assert done.indices.equals(study(problem, ishigami, n=64).indices)


def test_seed_0_is_a_seed():
    zero, one = (study(with_extras(ISHIGAMI), ishigami, "morris", 8, seed=seed) for seed in (0, 1))
    again = study(with_extras(ISHIGAMI), ishigami, "morris", 8, seed=0)
    assert zero.indices.equals(again.indices)
    assert not zero.indices.equals(one.indices)


def test_salib_leaves_the_global_seed_alone():
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    _ = study(with_extras(ISHIGAMI), ishigami, "dgsm", 8).indices
    assert np.random.rand() == expected


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


def test_constant_outcomes_have_no_indices():
    found = study(with_extras(ISHIGAMI), lambda d: pd.DataFrame({"y": np.ones(len(d))}), n=32)
    assert found.indices["value"].isna().all()
    assert "nothing varies" in found.words
    assert np.isnan(variance_shares(np.ones((32, 2, 3)), found.sample)["replicates"])


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


COMMAND = (
    "sensitivity",
    "two-services",
    "--months",
    8,
    "--replicates",
    2,
    "--quiet",
    "--parameter",
    "fit_effect",
    "--parameter",
    "base_staff",
    "--outcome",
    "uptake_final",
)


def test_the_command(valign, tmp_path: Path):
    said = valign(*COMMAND, "--n", 8, "--seed-factor", "--curve", "engaged", "--out", "out")
    assert said.code == 0, said.err
    assert "base_staff" in said.out
    assert "The dummy has exactly 0" in said.out
    (results,) = (tmp_path / "out").glob("n8-*")
    for name in (
        "indices.csv",
        "over_time.csv",
        "ranking.png",
        "over_time.svg",
        "manifest.json",
        "words.csv",
        "report.html",
    ):
        assert (results / name).stat().st_size > 0
    again = valign(*COMMAND, "--n", 8, "--seed-factor", "--curve", "engaged", "--out", "out")
    assert again.out == said.out
    kept = sorted((tmp_path / "out" / "runs").glob("*.npz"))
    larger = valign(*COMMAND, "--n", 16, "--seed-factor", "--curve", "engaged", "--out", "out", "--json")
    assert json.loads(larger.out)["indices"][0]["outcome"] == "uptake_final"
    assert set(kept) < set((tmp_path / "out" / "runs").glob("*.npz"))
    other = valign(*COMMAND, "--n", 8, "--out", "out")
    assert other.code == 2
    assert "another study" in other.err


def test_the_command_says_beforehand_how_much_there_is_to_do(valign):
    loud = [each for each in COMMAND if each != "--quiet"]
    assert valign(*loud, "--n", 8, "--out", "out").err.splitlines()[0] == "two-services: 80 runs"  # 8 x (3 + 2) x 2
    more = valign(*loud, "--n", 16, "--out", "out").err.splitlines()[0]
    assert more == "two-services: 160 runs, 80 of them done already"
    assert valign(*loud, "--n", 32, "--out", "other", "--json").err == ""


@pytest.mark.parametrize("how", [("sobol", 2), ("sobol", 4), ("morris", 4)])
def test_a_study_too_small_to_be_halved_settles_nothing(valign, tmp_path: Path, how):
    said = valign(*COMMAND, "--method", how[0], "--n", how[1], "--out", "out")
    assert said.code == 0, said.err
    (results,) = (tmp_path / "out").glob("n?-*")
    assert set(store.load(results)["convergence"]["n"]) == {how[1]}
    assert store.load(results)["settled"].empty


def test_the_command_screens(valign):
    said = valign(*COMMAND, "--parameter", "slack", "--method", "screen", "--keep", 2, "--n", 8)
    assert said.code == 0, said.err
    assert "everything else" in said.out
    assert "neglects this share" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--n", "9"), "power of 2"),
        (("--method", "sobl"), "did you mean 'sobol'"),
        (("--keep", "3"), "--keep"),
        (("--bound", "fit_effect=1"), "NAME=LOW,HIGH"),
        (("--bound", "fit_effect=1,0"), "low < high"),
        (("--outcome", "uptak_final"), "did you mean 'uptake_final'"),
        (("--group-by", "role"), "mechanism"),
        (("--method", "screen", "--group-by", "mechanism"), "--group-by"),
    ],
)
def test_the_command_says_what_is_wrong(valign, tmp_path: Path, arguments, message):
    said = valign(*COMMAND, *arguments)
    assert said.code == 2
    assert message in said.err
    assert not list(tmp_path.rglob("*.npz"))
