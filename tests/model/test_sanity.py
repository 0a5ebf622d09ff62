"""What a reader would ask of the model as a whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

TWO = Scenario.load("two-services")


def test_higher_alignment_more_and_longer_uptake_monotonically():
    levels = [0.50, 0.575, 0.65, 0.725, 0.80]
    runs = [simulate(TWO.replace({"alignment_level": level}), runs=60, seed=1, record=()).runs for level in levels]
    for outcome in ("uptake_peak", "uptake_mean", "uptake_final", "spread_final"):
        means = [table[outcome].mean() for table in runs]
        assert all(low < high for low, high in pairwise(means)), (outcome, means)
    for level, table in zip(levels, runs, strict=True):
        np.testing.assert_allclose(table["alignment_start"], level, atol=1e-9)


def test_an_unreachable_level_says_what_is_reachable():
    with pytest.raises(InputError, match=r"reachable from 0\.\d+ to 0\.\d+"):
        simulate(TWO.replace({"alignment_level": 0.99}), runs=1)


def test_without_effects_of_fit_the_level_has_no_effect_on_engagement():
    """Only engagement is on; its coefficients of fit are 0: the same seeds give the same uptake at any level."""
    alone = {f"mechanisms.{name}": name in ("engagement", "awareness") for name in TWO.mechanisms}
    blind = TWO.replace(
        {**alone, "fit_effect": 0.0, "lapse_fit": 0.0, "fit_climate": 0.0, "fit_peers": 0.0, "disapproval": 0.0}
    )
    low, high = (
        simulate(blind.replace({"alignment_level": level}), runs=20, seed=1, record="series") for level in (0.5, 0.8)
    )
    np.testing.assert_array_equal(low.curves("all", "engaged"), high.curves("all", "engaged"))
    seeing = blind.replace({"fit_effect": 0.45})
    low, high = (
        simulate(seeing.replace({"alignment_level": level}), runs=20, seed=1, record="series") for level in (0.5, 0.8)
    )
    assert low.curves("all", "engaged").mean() < high.curves("all", "engaged").mean()


@pytest.mark.parametrize(("profile", "sign"), [("commissioner_narrow", -1), ("peer", 1)])
def test_an_unaligned_leader_lowers_alignment_and_an_aligned_one_raises_it(profile, sign):
    strong = TWO.replace({"leadership_strength": 1.0, "leadership_rate": 0.05, "mechanisms.turnover": False})
    led = Scenario.from_mapping(
        {**strong.to_mapping(), "changes": [{"month": 1, "event": "new_leader", "profile": profile}]}
    )
    base, changed = (
        simulate(each, runs=40, seed=3, record="series").curves("staff", "alignment") for each in (strong, led)
    )
    difference = (changed - base)[-1]
    assert sign * difference.mean() > 3 * difference.std(ddof=1) / np.sqrt(40)


def test_clients_gain_social_value_only_where_the_innovation_is_used():
    unused = TWO.replace(
        {"organisations.hostel.stage": "outside", "organisations.outreach.stage": "outside", "adoption_base": -50.0}
    )
    runs = simulate(unused, runs=3, seed=1, record=()).runs
    assert (runs["value_clients"] == 0.0).all()
    assert (runs["money_spent"] == 0.0).all()
    assert runs["value_per_pound_social"].isna().all()
    assert (simulate(TWO, runs=3, seed=1, record=()).runs["value_clients"] > 0.0).all()
