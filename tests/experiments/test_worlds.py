"""Worlds that agree with what is known: read, chosen, and crossed with a design."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import valign as va
from valign.experiments.compare import compare_design
from valign.experiments.default_worlds import RUNS_IN_WORLD, WORLDS
from valign.experiments.design import over_worlds, replicate
from valign.experiments.levels import levels_design
from valign.experiments.worlds import (
    Marginal,
    alike,
    finding,
    marginals,
    ordered,
    plausible_worlds,
    said_itself,
    shipped,
    unknown_parameters,
    world_parameters,
    worlds,
    worlds_of_claims,
)
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

MADE_UP = 400


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Worlds that nobody matched with anything, in a file as `make worlds` writes it."""
    rng = np.random.default_rng(3)
    ranges = unknown_parameters()
    columns = {name: rng.uniform(low, high, MADE_UP) for name, (low, high) in ranges.items()}
    columns["emergent_months"] = columns["emergent_months"].round()
    path = tmp_path_factory.mktemp("worlds") / "worlds.parquet"
    ordered(pd.DataFrame(columns).assign(weight=rng.exponential(size=MADE_UP)), 5).to_parquet(path)
    return path


def test_fewer_worlds_are_the_first_of_more_and_their_weighted_mean_is_that_of_all(table: Path) -> None:
    everything = worlds(path=table)
    assert everything["weight"].sum() == pytest.approx(1)
    few, more = worlds(20, table), worlds(80, table)
    pd.testing.assert_frame_equal(few.drop(columns="weight"), more.head(20).drop(columns="weight"))
    truth = np.average(everything["fit_effect"], weights=everything["weight"])
    found = []
    for seed in range(300):  # other draws of the same worlds
        again = ordered(everything, seed).head(41)
        top = again.head(40)
        weight = np.maximum(top["weight"], again["priority"].iloc[40])
        found.append((weight * top["fit_effect"]).sum())
    assert abs(np.mean(found) - truth) < 3 * np.std(found) / 300**0.5


def test_what_cannot_be_asked_for_is_said(table: Path, tmp_path: Path) -> None:
    for wrong in (0, MADE_UP + 1, 2.5, True):
        with pytest.raises(InputError, match=f"worlds = .*whole number from 1 to {MADE_UP}"):
            worlds(wrong, table)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="make worlds"):
        worlds(3, tmp_path / "nothing.parquet")


def test_cells_share_their_seeds_in_every_world_and_worlds_do_not(table: Path) -> None:
    chosen = worlds(5, table)
    base, design = compare_design({"a": "two-services", "b": "two-services"}, 3, 1, worlds=None)
    found = over_worlds(design, chosen, base)
    assert len(found) == 2 * 3 * 5
    first, second = (found[found["scenario"] == name].reset_index(drop=True) for name in ("a", "b"))
    pd.testing.assert_frame_equal(first.drop(columns="scenario"), second.drop(columns="scenario"))
    assert first["seed"].nunique() == 15
    assert first.groupby("world")["fit_effect"].nunique().eq(1).all()
    assert first.groupby("world")["weight"].first().to_numpy() == pytest.approx(chosen["weight"].to_numpy())


def test_societies_that_runs_share_stay_shared(table: Path) -> None:
    found = over_worlds(replicate(pd.DataFrame({"slack": [0.3]}), 6, 1, 2), worlds(4, table))
    assert found["society_seed"].nunique() == 2


def test_what_a_scenario_says_itself_counts_more_than_the_world(table: Path) -> None:
    scenario = Scenario.load("two-services")
    base, design = compare_design({"open": scenario, "said": scenario.replace({"fit_effect": 0.0})}, 2, 1, worlds=None)
    found = over_worlds(design, worlds(5, table), base)
    assert (found.loc[found["scenario"] == "said", "fit_effect"] == 0).all()
    assert found.loc[found["scenario"] == "open", "fit_effect"].nunique() == 5
    column = over_worlds(replicate(pd.DataFrame({"fit_effect": [0.2]}), 2), worlds(5, table), scenario)
    assert (column["fit_effect"] == 0.2).all()


def test_outcomes_tell_the_world_of_every_run(table: Path) -> None:
    design = over_worlds(replicate(pd.DataFrame({"months": [6]}), 2, 1), worlds(3, table))
    out = va.simulate(design, base="two-services")
    assert out.runs["world"].tolist() == [0, 1, 2] * 2
    assert out.runs["weight"].sum() == pytest.approx(2)
    assert (out.runs["status"] == "ok").all()
    again = va.simulate(design.drop(columns=["world", "weight"]), base="two-services")
    assert out.runs["uptake_final"].tolist() == again.runs["uptake_final"].tolist()


def test_worlds_of_an_ensemble_count_alike(table: Path) -> None:
    everything = worlds(path=table)
    drawn = alike(5000, table)
    assert len(drawn) == 5000
    assert drawn["fit_effect"].mean() == pytest.approx(
        np.average(everything["fit_effect"], weights=everything["weight"]), rel=5e-3
    )
    pd.testing.assert_frame_equal(alike(20, table), worlds(20, table).drop(columns="weight"))


def test_what_ships_is_what_the_finding_says() -> None:
    said = finding("summary").iloc[0]
    assert len(finding("patterns")) >= 25
    assert finding("left_out")["left_out"].value_counts().eq(len(finding("patterns"))).all()
    assert shipped() == (said["effective"] >= 500)  # fewer are not shipped
    if shipped():
        everything, ranges = worlds(), unknown_parameters()
        weight = everything["weight"]
        assert len(everything) >= 1000
        assert weight.sum() == pytest.approx(1)
        assert 1 / (weight**2).sum() == pytest.approx(said["effective"], rel=0.01)
        for name in everything.columns.drop("weight"):
            low, high = ranges[name]
            assert everything[name].between(low - 1e-9, high + 1e-9).all(), name


def test_a_run_in_worlds_tells_chance_and_not_knowing_apart() -> None:
    from valign.experiments.side_by_side import CellOutcomes

    made = va.simulate(Scenario.load("two-services").replace({"months": 12}), 2, 1, worlds=6)
    tables = CellOutcomes(made, made.runs.index.to_numpy()).tables()
    assert tables["runs"]["world"].nunique() == 6
    assert len(tables["series"]["run"].unique()) == 12
    uptake = tables["summary"].set_index("outcome").loc["uptake_final"]
    assert uptake["unknown_low"] < uptake["mean"] < uptake["unknown_high"]
    last = tables["curves"].query("role == 'all' and variable == 'engaged' and month == 12").iloc[0]
    assert last["chance_low"] <= last["chance_high"]


def test_levels_and_compare_are_made_in_worlds_unless_told_otherwise() -> None:
    scenario = Scenario.load("two-services").replace({"fit_effect": 0.4})
    design = levels_design(scenario, [0.7])[1]
    assert design["world"].nunique() == WORLDS
    assert len(design) == WORLDS * RUNS_IN_WORLD
    assert set(design["fit_effect"]) == {0.4}  # what the scenario says counts more
    assert design["talk"].nunique() > WORLDS // 2
    assert "world" not in compare_design({"a": scenario, "b": scenario}, worlds=None)[1]
    assert len(compare_design({"a": scenario, "b": scenario}, worlds=None)[1]) == 2 * scenario.runs
    assert said_itself(scenario) == ["fit_effect"]


def test_worlds_of_claims_agree_with_facts_where_facts_speak() -> None:
    table = worlds_of_claims(40, 3)
    assert set(table) == set(world_parameters())
    known = alike(40)
    for name in known:
        assert sorted(table[name]) == sorted(known[name]), name
    assert table["fit_effect"].tolist() != known["fit_effect"].tolist()  # in another order: the first are like all
    pd.testing.assert_series_equal(table["power_sharing"], plausible_worlds(40, 3)["power_sharing"])


def test_a_marginal_has_the_quantiles_of_weighted_worlds() -> None:
    each = Marginal(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    assert each.ppf(np.array([0.125, 0.5, 0.875])).tolist() == [1.0, 2.0, 3.0]
    assert each.ppf(np.array([0.0, 1.0])).tolist() == [1.0, 3.0]
    table = worlds()
    mean = marginals()["fit_effect"].ppf((np.arange(4000) + 0.5) / 4000).mean()
    assert mean == pytest.approx((table["fit_effect"] * table["weight"]).sum(), abs=2e-3)
