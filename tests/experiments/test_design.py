"""Designs: what they make, that a table always means the same runs, and that wrong ones are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.calibration.calibrate import calibrate, choose_model
from valign.calibration.exported import posterior_design
from valign.experiments import design
from valign.experiments.batch.batch import run_batch
from valign.experiments.compare import compare
from valign.experiments.design_check import check_design
from valign.experiments.levels import levels
from valign.experiments.sensitivity import sensitivity
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

SMALL = Scenario.load("two-services").replace({"months": 24, "organisations.hostel.staff": 8})


def test_factorial_product_concatenate_replicate():
    table = design.factorial({"fit_effect": [0.0, 0.4], "mechanisms.leadership": [True, False, True]})
    assert len(table) == 6
    assert table["mechanisms.leadership"].tolist() == [True, False, True] * 2
    twice = design.replicate(table, runs=4, seed=3, societies=2)
    assert len(twice) == 24
    assert twice.groupby(["fit_effect", "mechanisms.leadership"])["seed"].apply(frozenset).nunique() == 1
    assert twice["society_seed"].nunique() == 2
    assert len(design.concatenate(table, table)) == 12
    with pytest.raises(InputError, match="both designs have a column 'fit_effect'"):
        design.product(table, table)
    with pytest.raises(InputError, match="not all designs"):
        design.concatenate(table, table.drop(columns="fit_effect"))


@pytest.mark.parametrize("make", [design.latin_hypercube, design.sobol])
def test_space_filling(make):
    names = ["fit_effect", "coproduction_intensity", "pilot_months"]
    table = make(names, 64, seed=2)
    assert table.equals(make(names, 64, seed=2))
    assert not table.equals(make(names, 64, seed=3))
    for name, (low, high) in design.bounds_of(names).items():
        assert table[name].between(low, high).all()
        if name != "pilot_months":  # one point in each of 64 parts (of 32, for the scrambled sequence)
            parts = 64 if make is design.latin_hypercube else 32
            cells = np.floor((table[name] - low) / (high - low) * parts).clip(0, parts - 1)
            assert set(cells.value_counts()) == {64 // parts}
    assert (table["pilot_months"] % 1 == 0).all()
    assert make({"fit_effect": (0.0, 0.1)}, 8)["fit_effect"].max() <= 0.1
    with pytest.raises(InputError, match="did you mean 'fit_effect'"):
        make(["fit_efect"], 8)


def test_sobol_wants_a_power_of_two():
    with pytest.raises(InputError, match="powers of 2, such as 128"):
        design.sobol(["fit_effect"], 100)


def test_one_at_a_time():
    table = design.one_at_a_time(SMALL, {"fit_effect": [0.0, 1.0], "budget": [0.1]})
    assert table["fit_effect"].tolist() == [0.45, 0.0, 1.0, 0.45]
    assert table["budget"].tolist() == [0.6, 0.6, 0.6, 0.1]


def test_a_row_is_the_scenario_with_its_settings():
    """Parameters that vary in a block, and settings that do not, give what `replace` gives, bit for bit."""
    changed = Scenario.from_mapping(
        {
            **SMALL.to_mapping(),
            "changes": [{"month": 9, "parameter": "slack", "scale": 0.5, "organisations": ["hostel"]}],
        }
    )
    table = pd.DataFrame(
        {
            "fit_effect": [0.2, 0.45, 0.6, 0.45, 0.1],
            "organisations.hostel.slack": [0.1, 0.9, 0.3, 0.3, 0.5],
            "slack": [0.4, 0.2, 0.6, 0.1, 0.8],
            "profiles.peer.client_agency": [0.1, 0.2, 0.9, 0.8, 0.7],
            "innovation.values.proof_of_effect": [0.1, 0.2, 0.3, 0.4, 0.5],
            "changes.0.month": [1, 5, 9, 20, 24],
            "changes.0.scale": [0.1, 0.5, 1.0, 2.0, 0.0],
            "pilot_months": [3, 6, 9, 12, 24],
            "alignment_level": [0.6, None, 0.7, "natural", 0.65],
            "mechanisms.leadership": [True, True, False, True, False],
            "organisations.outreach.staff": [5, 5, 5, 9, 9],
            "relationship_rule": ["hard", "bounded", "hard", "bounded", "hard"],
            "seed": [1, 2, 3, 4, 5],
            "society_seed": [7, 7, 7, 7, 8],
        }
    )
    found = simulate(table, base=changed, record="series")
    assert found.runs["run"].tolist() == [0, 1, 2, 3, 4]
    assert (found.runs["status"] == "ok").all()
    for row, settings in table.drop(columns=["seed", "society_seed"]).iterrows():
        one = changed.replace({k: v.item() if isinstance(v, np.generic) else v for k, v in settings.items()})
        from valign.model.world.world import World

        world = World(one, rng=int(table["seed"][row]), society_seed=int(table["society_seed"][row]))
        for _ in range(24):
            world.step()
        expected = found.runs.loc[row, list(world.outcomes)].to_numpy(float)
        np.testing.assert_array_equal(np.array(list(world.outcomes.values())), expected)
    assert set(found.series["run"]) == {0, 1, 2, 3, 4}


def test_changes_that_are_switched_off_are_not_made_by_a_design():
    change = {"month": 3, "parameter": "slack", "set": 0.9}
    off = Scenario.from_mapping({**SMALL.to_mapping(), "changes": [change], "mechanisms": {"changes": False}})
    table = pd.DataFrame({"changes.0.set": [0.1, 0.9], "changes.0.month": [1, 5], "seed": 1})
    uptake = simulate(table, base=off).runs["uptake_mean"]
    assert uptake.tolist() == 2 * simulate(pd.DataFrame({"seed": [1]}), base=off).runs["uptake_mean"].tolist()


def test_the_order_of_rows_does_not_matter():
    table = design.replicate(design.latin_hypercube(["fit_effect", "budget", "ties.peer"], 8), runs=6, societies=2)
    table = table.assign(**{"ties.peer": table["ties.peer"].round()})
    shuffled = table.sample(frac=1, random_state=1)
    keys = list(table)
    one, two = (
        simulate(each, base=SMALL).runs.drop(columns="run").sort_values(keys, ignore_index=True)
        for each in (table, shuffled)
    )
    assert one.equals(two)
    narrow = simulate(table, base=SMALL, width=1).runs.drop(columns="run").sort_values(keys, ignore_index=True)
    assert one.equals(narrow)


def test_the_order_of_columns_does_not_matter():
    """A group's own setting wins over that of the scenario, wherever its column stands."""
    table = design.replicate(pd.DataFrame({"organisations.hostel.slack": [0.9], "slack": [0.1]}), runs=4)
    one, two = (simulate(each, base=SMALL).runs for each in (table, table[table.columns[::-1]]))
    assert one["uptake_mean"].equals(two["uptake_mean"])


def test_a_run_that_fails_is_a_row_that_says_so():
    table = design.replicate(pd.DataFrame({"alignment_level": [0.7, 0.999, 0.72]}), runs=2, societies=1)
    runs = simulate(table, base=SMALL).runs
    bad = runs["alignment_level"] == 0.999
    assert runs.loc[bad, "status"].str.contains("cannot be reached").all()
    assert runs.loc[bad, "uptake_final"].isna().all()
    assert (runs.loc[~bad, "status"] == "ok").all()
    assert runs.loc[~bad, "uptake_final"].notna().all()


GOOD = pd.DataFrame({"fit_effect": [0.1] * 5000, "seed": range(5000)})


def test_equal_rows_are_the_same_run():
    points = pd.DataFrame({"fit_effect": [0.0, 0.7, 0.0], "seed": [3, 3, 3]})
    runs = simulate(points, base="two-services").runs.drop(columns="run")
    assert runs.loc[0].equals(runs.loc[2])
    assert not runs.loc[0].equals(runs.loc[1])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (GOOD.iloc[:0], "no rows"),
        (GOOD.rename(columns={"fit_effect": "fit_efect"}), "did you mean 'fit_effect'"),
        (
            GOOD.assign(fit_effect=np.where(np.arange(5000) == 4812, 99, 0.1)),
            "row 4812, column 'fit_effect': 99: expected a number from -5 to 5",
        ),
        (
            GOOD.assign(fit_effect=np.where(np.arange(5000) == 12, np.nan, 0.1)),
            "row 12, column 'fit_effect': nan: expected a finite number",
        ),
        (GOOD.assign(fit_effect=["x", *[0.1] * 4999]), "row 0, column 'fit_effect': 'x': expected a finite number"),
        (GOOD.assign(fit_effect=[True, *[0.1] * 4999]), "row 0, column 'fit_effect': True"),
        (GOOD.assign(pilot_months=2.5), "expected a whole number"),
        (GOOD.drop(columns="seed"), "no column 'seed'"),
        (GOOD.assign(seed=-1), "column 'seed': -1: expected a whole number from 0"),
        (GOOD.assign(seed=0.5), "column 'seed': 0.5"),
        (GOOD.assign(seed=[None, *range(4999)]), "column 'seed'"),
        (
            GOOD.head(2).assign(alignment_metric=["distance", "euclid"]),
            "row 1: two-services: alignment_metric = 'euclid'",
        ),
        (GOOD.head(2).assign(alignment_metric=["distance", None]), "row 1, column 'alignment_metric': is missing"),
        (GOOD.head(2).assign(service_share=0.8, team_share=0.5), "exceeds 1"),
        (pd.DataFrame([[1, 2]], columns=["seed", "seed"]), "more than once"),
    ],
)
def test_wrong_designs_are_refused_before_anything_runs(table, expected):
    with pytest.raises(InputError) as caught:
        check_design(SMALL, table) if "alignment_metric" not in table else simulate(table, base=SMALL)
    assert expected in str(caught.value)


def everywhere(runs, seed, societies):
    """The front doors that take an ensemble."""
    yield lambda: simulate(SMALL, runs, seed, societies)
    yield lambda: levels(SMALL, [0.7], runs, seed, societies, worlds=None)
    yield lambda: compare({"a": SMALL, "b": SMALL}, runs, seed, societies, worlds=None)
    yield lambda: design.replicate(pd.DataFrame({"fit_effect": [0.1]}), runs, seed, societies)
    yield lambda: posterior_design("no file is looked at", SMALL, runs, seed, societies)


@pytest.mark.parametrize(
    ("ensemble", "name"),
    [
        ((0, 1, None), "runs"), ((-1, 1, None), "runs"), ((2.5, 1, None), "runs"), ((True, 1, None), "runs"),
        ((3, -1, None), "seed"), ((3, 2**63, None), "seed"), ((3, 0.5, None), "seed"),
        ((3, 1, 0), "societies"), ((3, 1, 9), "societies"),
    ],
)  # fmt: skip
def test_every_front_door_refuses_the_same_ensembles(ensemble, name):
    for call in everywhere(*ensemble):
        with pytest.raises(InputError, match=f"^{name} = .*: expected a whole number from"):
            call()


def test_seeds_of_calibrations_are_checked_first():
    for call in (calibrate, choose_model):
        with pytest.raises(InputError, match="seed = -1"):
            call("no data are looked at", seed=-1)


def test_a_design_takes_no_ensemble():
    table = pd.DataFrame({"fit_effect": [0.1], "seed": [1]})
    for given in ({"runs": 100}, {"seed": 99}, {"societies": 7}):
        with pytest.raises(InputError, match=f"{next(iter(given))}: a design has its own"):
            simulate(table, base=SMALL, **given)


def test_a_scenario_may_be_a_path(tmp_path):
    path = tmp_path / "mine.toml"
    SMALL.to_toml(path)
    expected = simulate(SMALL, 2).runs
    assert simulate(path, 2).runs.equals(expected)
    assert simulate(pd.DataFrame({"seed": design.run_seeds(1, 2)}), base=path).runs[list(expected)].equals(expected)
    assert compare({"a": SMALL, "b": path}, 2, worlds=None, record=()).cells[1].outcomes.runs.equals(expected)
    found = levels(path, [0.7], 1, worlds=None, innovations={"same": path}, record=())
    assert found.runs["alignment_start"].iloc[0] == pytest.approx(0.7)
    assert sensitivity(path, n=8, parameters=["fit_effect"], replicates=1).simulated > 8
    assert run_batch(path, design.replicate(pd.DataFrame({"fit_effect": [0.1]}), 2), tmp_path / "out").count == 1


def test_reading(tmp_path):
    table = design.replicate(design.factorial({"fit_effect": [0.0, 0.3]}), runs=2)
    table.to_csv(tmp_path / "d.csv", index=False)
    table.to_parquet(tmp_path / "d.parquet")
    for name in ("d.csv", "d.parquet"):
        assert check_design(SMALL, design.read_design(tmp_path / name)).equals(check_design(SMALL, table))
    (tmp_path / "bad.parquet").write_text("x")
    for name in ("no.csv", "bad.parquet", "."):
        with pytest.raises(InputError, match="cannot be read"):
            design.read_design(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slack,seed,slack\n0.1,1,0.2\n", "d.csv: the column 'slack' appears more than once"),
        ("slack,seed\n0.1,1,5\n", "Expected 2 fields in line 2, saw 3"),  # not slack = 1, seed = 5
        ("", "cannot be read as a design"),
    ],
)
def test_a_header_is_taken_at_its_word(tmp_path, text, words):
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        design.read_design(tmp_path / "d.csv")
    assert words in str(caught.value)


def test_a_design_without_rows_has_none(tmp_path):
    (tmp_path / "d.csv").write_text("slack,seed\n")
    with pytest.raises(InputError, match="no rows"):
        check_design(SMALL, design.read_design(tmp_path / "d.csv"))


@pytest.mark.parametrize("what", ["runs", "width", "threads"])
@pytest.mark.parametrize("value", [-1, 0, 1.5, True])
def test_numbers_that_are_none_are_refused(what, value):
    with pytest.raises(InputError, match=f"{what} = {value}: expected a whole number from 1"):
        simulate(SMALL, **{"runs": 1, what: value})
    if what != "runs":
        with pytest.raises(InputError, match=f"{what} = {value}: expected a whole number from 1"):
            simulate(pd.DataFrame({"fit_effect": [0.1], "seed": [1]}), **{what: value})
