"""Paired comparison, levels with other factors, replay, and reports from tables alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.small import imported_society

import valign as va
from valign.experiments.compare import compare
from valign.experiments.levels import default_levels
from valign.experiments.batch.replay import replayed
from valign.model.errors import InputError
from valign.results.reports import render as pages
from valign.results import store, summaries

BASE = va.Scenario.load("two-services").replace({"months": 12})


# --- pairing ---------------------------------------------------------------------------------------------------------
def test_a_scenario_does_not_differ_from_itself() -> None:
    found = compare({"a": BASE, "b": BASE}, runs=12, societies=4)
    table = found.differences
    known = table["n"] > 0
    assert (table.loc[known, "difference"] == 0).all()
    assert (table.loc[known, "higher"] == 0.5).all()
    assert (found.curves("all", "engaged")["mean"] == 0).all()


def test_differences_are_those_of_the_pairs() -> None:
    found = compare({"a": BASE, "b": BASE.replace({"base_staff": -1.0})}, runs=24, societies=6)
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
    assert row["higher"] == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean())
    curve = found.curves("all", "engaged")
    one, other = (found.outcomes[name].curves("all", "engaged") for name in "ab")
    np.testing.assert_allclose(curve["mean"], (other - one).mean(axis=1))


def test_pairing_reduces_the_variance_of_small_changes() -> None:
    """The factor says what independent seeds would have cost: checked against runs that do have other seeds."""
    other = BASE.replace({"coproduction_intensity": 0.3})
    found = compare({"a": BASE, "b": other}, runs=400).differences.set_index("outcome").loc["alignment_final"]
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
        (lambda: compare({"a": BASE, "b": BASE}, runs=2).runs_needed("uptake_finl", 0.1), "uptake_final"),
        (lambda: compare({"a": BASE, "b": BASE}, runs=2).runs_needed("uptake_final", 0), "half_width"),
        (lambda: compare({"a": BASE, "b": BASE}, runs=2).curves("all", "engagd"), "all.engaged"),
        (lambda: compare({"a": BASE, "b": BASE}, runs=0), "runs = 0"),
        (lambda: va.levels(BASE, runs=2, evidence=[]), "evidence: expected one"),
        (lambda: va.attribution(BASE, 2, flexibilities=[]), "flexibilities: expected at least one"),
        (lambda: va.levels(BASE, []), "levels: expected 1 to 20, got 0"),
        (
            lambda: va.levels(BASE, [0.7, "high", True]),
            "levels: 'high' is not a number from 0 to 1\nlevels: True is not",
        ),
        (lambda: va.levels(BASE, [0.7], innovations={}), "innovations: expected settings or another scenario by name"),
        (lambda: va.simulate(BASE, 2, record="serie"), "record = 'serie': expected one of series, decomposition"),
        (lambda: va.ablations(BASE, 2, mechanisms=["dialog"]), "did you mean 'dialogue'"),
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
        evidence=[0.1, 0.9],
        innovations={"as it is": {}, "clear": {"innovation.clarity": 0.9}},
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
    found = va.levels(BASE, [0.65], runs=2, innovations={"borrowed": other}, record=())
    scenario = found.cells[0].outcomes.scenario
    assert scenario.innovation.values == other.innovation.values
    assert scenario.service_names() == BASE.service_names()


# --- commands, replay, reports ---------------------------------------------------------------------------------------
SMALL = ("--runs", "6", "--months", "12", "--quiet")


def test_a_role_that_nobody_has_is_compared(valign: Callable, tmp_path: Path) -> None:
    none = "two-services+commissioners.count=0"
    said = valign("compare", none, f"{none}+slack=0.5", "--runs", 3, "--months", 4, "--out", "out", "--quiet")
    assert said.code == 0, said.err
    curves = va.load(tmp_path / "out")["difference_curves"]
    assert set(curves["variable"]) == {"engaged", "ever_engaged", "in_use", "alignment"}
    assert curves.loc[curves["role"] == "commissioner", "mean"].isna().all()


def test_the_plus_sign_of_a_number_parts_nothing(valign: Callable) -> None:
    said = valign("compare", "two-services", "two-services+innovation.cost=1e+1+slack=0.3", *SMALL, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["differences"][0]["scenario"] == "innovation.cost=1e+1, slack=0.3"


def test_innovations_of_one_label_are_refused(valign: Callable) -> None:
    twice = ("--innovation", "dear: innovation.cost=2", "--innovation", "dear: innovation.cost=3")
    said = valign("levels", "two-services", *SMALL, *twice)
    assert (said.code, "its own label" in said.err) == (2, True)


def test_compare_as_a_command(valign: Callable, tmp_path: Path) -> None:
    said = valign("compare", "two-services", "two-services+coproduction_intensity=0.4", *SMALL, "--out", "out")
    assert said.code == 0, said.err
    assert "coproduction_intensity=0.4 less two-services" in said.out
    for name in ("compare.png", "compare-spread.svg", "differences.csv", "report.html", "ro-crate-metadata.json"):
        assert (tmp_path / "out" / name).exists()
    crate = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())
    assert {"runs.csv", "scenario.toml", "manifest.json"} <= {each["@id"] for each in crate["@graph"]}
    again = valign(
        "compare", "two-services", "two-services+coproduction_intensity=0.4", *SMALL, "--out", "out", "--json"
    )
    assert json.loads(again.out)["differences"][0]["scenario"] == "coproduction_intensity=0.4"


@pytest.mark.parametrize(
    "command",
    [
        ("run", "two-services"),
        (
            "levels",
            "two-services",
            "--levels",
            "0.6,0.7",
            "--evidence",
            "0.2,0.7",
            "--innovation",
            "clear: innovation.clarity=0.9",
            "--innovation",
            "own.toml",
        ),
        ("compare", "two-services", "two-services+slack=0.5"),
    ],
)
def test_a_row_is_replayed_to_the_bit(valign: Callable, tmp_path: Path, command: tuple[str, ...]) -> None:
    own = tmp_path / "own.toml"
    own.write_text(va.Scenario.load("housing-first").to_toml(), "utf-8")
    assert valign(*command, *SMALL, "--out", "out").code == 0
    own.unlink()  # what it said is kept with the results
    last = len(pd.read_parquet(tmp_path / "out" / "runs.parquet")) - 1
    said = valign("run", "--replay", "out", "--row", last, "--out", "again")
    assert said.code == 0, said.err
    assert "bit for bit" in said.err
    saved = va.load(tmp_path / "again")
    assert {"agents", "events", "decomposition", "series"} <= set(saved.manifest["tables"])
    assert saved["agents"]["month"].max() == 12


@pytest.mark.parametrize("factors", [("--evidence", "0.2,0.5"), ("--innovation", "clear: innovation.clarity=0.9")])
def test_one_level_is_compared_over_other_factors(valign: Callable, tmp_path: Path, factors: tuple[str, ...]) -> None:
    said = valign("levels", "two-services", "--levels", "0.7", *factors, *SMALL, "--out", "out")
    assert said.code == 0, said.err
    assert len(pd.read_csv(tmp_path / "out" / "runs.csv")) == 12
    assert (tmp_path / "out" / "report.html").exists()


def test_a_replay_that_differs_is_noticed(valign: Callable, tmp_path: Path) -> None:
    valign("run", "two-services", *SMALL, "--out", "out")
    runs = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    runs.loc[2, "uptake_mean"] += 1e-15
    runs.to_parquet(tmp_path / "out" / "runs.parquet")
    with pytest.raises(InputError, match="uptake_mean"):
        replayed(tmp_path / "out", 2).simulated()
    assert not replayed(tmp_path / "out", 1).simulated().failures[0]


def test_a_row_of_an_imported_society_is_replayed(valign: Callable, tmp_path: Path) -> None:
    imported_society(tmp_path)
    assert valign("run", "mine.toml", *SMALL, "--out", "out").code == 0
    for name in ("nodes.csv", "edges.csv"):
        (tmp_path / name).unlink()
    said = valign("run", "--replay", "out", "--row", 1, "--out", "again")
    assert said.code == 0, said.err
    assert valign("run", "--replay", "again", "--row", 0, "--out", "once-more").code == 0


def test_what_cannot_be_replayed_says_why(valign: Callable, tmp_path: Path) -> None:
    valign("run", "two-services", *SMALL, "--out", "out")
    path = tmp_path / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    tables = {name: each for name, each in manifest["tables"].items() if name != "runs"}
    path.write_text(json.dumps({**manifest, "tables": tables}))
    assert "holds no table of runs" in valign("run", "--replay", "out", "--row", 0).err
    path.write_text(json.dumps({**manifest, "work": {**manifest["work"], "code": "0123456789abcdef"}}))
    said = valign("run", "--replay", "out", "--row", 0)
    assert said.code == 2
    assert "another version of the model (0123456789abcdef)" in said.err


def test_a_failed_row_fails_again_and_says_so(tmp_path: Path) -> None:
    design = pd.DataFrame({"alignment_level": [0.7, 0.999], "seed": [1, 2]})
    va.run_batch(BASE, design, tmp_path / "out")
    with pytest.raises(InputError, match=r"the run fails, as its row says: .*cannot be reached"):
        replayed(tmp_path / "out", 1).simulated()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "SCENARIO"),
        (("run", "--replay", "out"), "--row"),
        (("run", "--replay", "out", "--row", "6"), "rows 0 to 5"),
        (("run", "--replay", "nowhere", "--row", "6"), "nowhere"),
        (("run", "--replay", "out", "--row", "1", "--months", "3"), "--months"),
        (("run", "--replay", "out", "--row", "1", "--seed", "1"), "--seed"),
        (("run", "--replay", "out", "--row", "1", "--parameters", "any.csv"), "--parameters"),
        (("run", "england", "--replay", "out", "--row", "1"), "two-services"),
        (("compare", "two-services"), "two or more"),
        (("compare", "two-services", "two-services"), "two or more"),
        (("compare", "two-services", "two-services+slak=1"), "slack"),
        (("compare", "two-services", "two-services+slack"), "two-services+slack: expected KEY=VALUE"),
        (("levels", "two-services", "--innovation", "cheap: cost"), "--innovation cheap: cost: expected KEY=VALUE"),
        (("compare", "two-services", "low-fit", "--precision", "uptake=1"), "--precision"),
        (("compare", "two-services", "low-fit", "--precision", "uptake_final=-1"), "--precision"),
        (("levels", "two-services", "--evidence", "much"), "--evidence"),
        (("levels", "two-services", "--evidence", "2"), "evidence_strength"),
        (("levels", "two-services", "--innovation", "housing-frist"), "housing-first"),
        (("report", "nowhere"), "nowhere"),
    ],
)
def test_wrong_commands(valign: Callable, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    valign("run", "two-services", *SMALL, "--out", "out")
    said = valign(*arguments)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_report_is_made_from_tables_alone(valign: Callable, tmp_path: Path) -> None:
    valign("compare", "two-services", "low-fit", *SMALL, "--out", "out")
    report = (tmp_path / "out" / "report.html").read_bytes()
    picture = (tmp_path / "out" / "compare.svg").read_bytes()
    for name in ("report.html", "compare.svg", "compare.png"):
        (tmp_path / "out" / name).unlink()
    said = valign("report", "out")
    assert said.code == 0, said.err
    assert (tmp_path / "out" / "report.html").read_bytes() == report
    assert (tmp_path / "out" / "compare.svg").read_bytes() == picture
    text = report.decode()
    assert "src=" not in text, "nothing is fetched"
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count("<svg") == 4


def test_an_older_format_says_so(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 0}))
    with pytest.raises(store.StoreError, match="format 0"):
        pages.rebuild(tmp_path)


def test_netcdf_without_its_library_says_what_is_missing(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xarray")
    valign("run", "two-services", *SMALL, "--out", "out")
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    said = valign("report", "out", "--netcdf", "out.nc")
    assert said.code == 2
    assert "h5netcdf" in said.err
    assert "Traceback" not in said.err


def test_netcdf_of_what_has_no_runs_is_refused(valign: Callable, tmp_path: Path) -> None:
    valign("run", "two-services", *SMALL, "--out", "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    del manifest["tables"]["runs"]
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(store.StoreError, match="no table of runs"):
        va.load("out").to_netcdf("x.nc")


def test_results_as_netcdf(valign: Callable, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    valign("run", "two-services", *SMALL, "--out", "out")
    assert valign("report", "out", "--netcdf", "out.nc").code == 0
    with xarray.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as data:
        saved = va.load(tmp_path / "out")
        np.testing.assert_array_equal(data["seed"], saved["runs"]["seed"])
        np.testing.assert_array_equal(data["all.engaged"], saved.curves("all", "engaged"))
        assert data["all.engaged"].dims == ("month", "run")
