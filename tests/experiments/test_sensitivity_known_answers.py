"""Sensitivity indices of functions with a closed form: covered by their intervals, whatever the method."""

from __future__ import annotations

import numpy as np
import pytest
from sensitivity_cases import (
    ISHIGAMI,
    SD,
    V1,
    V2,
    V13,
    G,
    g_function,
    g_indices,
    inside,
    ishigami,
    ishigami_indices,
    noise,
    stochastic,
)

from valign.experiments.sensitivity import METHODS, Factor, study, with_extras
from valign.model.errors import InputError


# --- functions with known indices -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("factors", "function", "known", "replicates", "seed_factor"),
    [
        (ISHIGAMI, ishigami, ishigami_indices(), 1, False),
        pytest.param(G, g_function, g_indices(), 1, False, marks=pytest.mark.slow),
        pytest.param(ISHIGAMI, stochastic, ishigami_indices(4), 4, False, marks=pytest.mark.slow),
        pytest.param(ISHIGAMI, stochastic, ishigami_indices(4), 4, True, marks=pytest.mark.slow),
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


# --- the simulator ----------------------------------------------------------------------------------------------------
def test_the_interactions_of_ishigami():
    found = study(with_extras(ISHIGAMI), ishigami, n=1024, second_order=True)
    table = found.second_order.set_index(["factor", "other"])
    known = {("x1", "x3"): V13 / (V1 + V2 + V13), ("x1", "x2"): 0.0, ("x2", "x3"): 0.0}
    for pair, value in known.items():
        assert table.loc[pair, "low"] <= value <= table.loc[pair, "high"]
    with pytest.raises(InputError, match="second_order=True"):
        _ = study(with_extras(ISHIGAMI), ishigami, n=8).second_order
