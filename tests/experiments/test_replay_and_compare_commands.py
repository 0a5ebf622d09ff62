"""`valign compare`, `replay` and `report`: what they say and refuse; rows repeated to the bit; NetCDF."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import valign as va
from tests.sealing import resealed
from tests.small import imported_society
from valign.cli.app import main
from valign.experiments.batch.replay import replayed
from valign.model.errors import InputError
from valign.results import store
from valign.results.manifest import checksums
from valign.results.reports.render import rebuild

BASE = va.Scenario.load("two-services").replace({"months": 12})


SMALL = ("--runs", "6", "--months", "12", "--quiet")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "out"
    assert main(["run", "two-services", *SMALL, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def out(kept: Path, tmp_path: Path) -> Path:
    """Results of a run, a test's own to damage, in out/ of the folder in which commands are called."""
    return Path(shutil.copytree(kept, tmp_path / "out"))


@pytest.mark.usefixtures("undrawn")
def test_a_role_that_nobody_has_is_compared(valign: Callable, tmp_path: Path) -> None:
    none = "two-services+commissioners.count=0"
    said = valign(
        "compare", "--at-defaults", none, f"{none}+slack=0.5", "--runs", 3, "--months", 4, "--out", "out", "--quiet"
    )
    assert said.code == 0, said.err
    curves = va.load(tmp_path / "out")["difference_curves"]
    assert set(curves["variable"]) == {"engaged", "ever_engaged", "in_use", "alignment"}
    assert curves.loc[curves["role"] == "commissioner", "mean"].isna().all()


@pytest.mark.usefixtures("undrawn")
def test_the_plus_sign_of_a_number_parts_nothing(valign: Callable) -> None:
    said = valign(
        "compare", "--at-defaults", "two-services", "two-services+innovation.cost=1e+1+slack=0.3", *SMALL, "--json"
    )
    assert said.code == 0, said.err
    assert json.loads(said.out)["differences"][0]["scenario"] == "innovation.cost=1e+1, slack=0.3"


def test_innovations_of_one_label_are_refused(valign: Callable) -> None:
    twice = ("--innovation", "dear: innovation.cost=2", "--innovation", "dear: innovation.cost=3")
    said = valign("levels", "--at-defaults", "two-services", *SMALL, *twice)
    assert (said.code, "its own label" in said.err) == (2, True)


def test_compare_as_a_command(valign: Callable, tmp_path: Path) -> None:
    said = valign(
        "compare", "--at-defaults", "two-services", "two-services+coproduction_intensity=0.4", *SMALL, "--out", "out"
    )
    assert said.code == 0, said.err
    assert "share of people in co-production 0.4 less two-services" in said.out
    for name in ("compare.png", "compare-spread.svg", "differences.csv", "report.html", "ro-crate-metadata.json"):
        assert (tmp_path / "out" / name).exists()
    crate = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())
    assert {"runs.csv", "scenario.toml", "manifest.json"} <= {each["@id"] for each in crate["@graph"]}
    again = valign(
        "compare",
        "--at-defaults",
        "two-services",
        "two-services+coproduction_intensity=0.4",
        *SMALL,
        "--out",
        "out",
        "--json",
    )
    assert json.loads(again.out)["differences"][0]["scenario"] == "coproduction_intensity=0.4"


def test_every_service_month_by_month(valign: Callable, tmp_path: Path) -> None:
    """What is kept by service is the mean over the runs that the table of services holds."""
    said = valign("run", "two-services", "--runs", 3, "--months", 6, "--record", "services", "--out", "r", "--quiet")
    assert said.code == 0, said.err
    kept, every = pd.read_csv(tmp_path / "r" / "by_service.csv"), pd.read_parquet(tmp_path / "r" / "services.parquet")
    assert list(dict.fromkeys(kept["service"])) == va.Scenario.load("two-services").service_names()
    last = every[(every["service"] == 1) & (every["month"] == 6)]
    of = kept[(kept["service"] == kept["service"].iloc[-1]) & (kept["month"] == 6)].iloc[0]
    assert of["engaged"] == pytest.approx(last["engaged"].mean())
    assert of["in_use"] == pytest.approx(last["stage"].isin(["piloting", "commissioned", "sustained"]).mean())
    pair = (
        "compare",
        "--at-defaults",
        "two-services",
        "two-services+slack=0.5",
        "--runs",
        2,
        "--months",
        6,
        "--quiet",
        "--out",
        "c",
    )
    said = valign(*pair, "--record", "services")
    assert said.code == 0, said.err
    assert set(pd.read_csv(tmp_path / "c" / "by_service.csv")["scenario"]) == {"two-services", "slack=0.5"}
    assert "How does it go in each service?" in (tmp_path / "c" / "report.html").read_text()
    wrong = valign("compare", "--at-defaults", "two-services", "low-fit", "--runs", 2, "--record", "agents")
    assert (wrong.code, "records services" in wrong.err) == (2, True)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "command",
    [
        ("run", "two-services"),
        pytest.param(
            (
                "levels --at-defaults two-services --levels 0.6,0.7 --evidence 0.2,0.7 "
                "--innovation 'clear: innovation.clarity=0.9' --innovation own.toml",
            ),
            marks=pytest.mark.slow,
        ),
        ("compare", "--at-defaults", "two-services", "two-services+slack=0.5"),
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
    said = valign("levels", "--at-defaults", "two-services", "--levels", "0.7", *factors, *SMALL, "--out", "out")
    assert said.code == 0, said.err
    assert len(pd.read_csv(tmp_path / "out" / "runs.csv")) == 12
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.usefixtures("out")
def test_a_replay_that_differs_is_noticed(valign: Callable, tmp_path: Path) -> None:
    runs = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    runs.loc[2, "uptake_mean"] += 1e-15
    store.write(tmp_path / "out" / "runs.parquet", runs)
    resealed(tmp_path / "out", files=checksums(tmp_path / "out", ["runs.parquet"]))
    with pytest.raises(InputError, match="uptake_mean"):
        replayed(tmp_path / "out", 2).simulated()
    assert not replayed(tmp_path / "out", 1).simulated().failures[0]


@pytest.mark.usefixtures("undrawn")
def test_a_row_of_an_imported_society_is_replayed(valign: Callable, tmp_path: Path) -> None:
    imported_society(tmp_path)
    assert valign("run", "mine.toml", *SMALL, "--out", "out").code == 0
    for name in ("nodes.csv", "edges.csv"):
        (tmp_path / name).unlink()
    said = valign("run", "--replay", "out", "--row", 1, "--out", "again")
    assert said.code == 0, said.err
    assert valign("run", "--replay", "again", "--row", 0, "--out", "once-more").code == 0


@pytest.mark.usefixtures("out")
def test_what_cannot_be_replayed_says_why(valign: Callable, tmp_path: Path) -> None:
    manifest = store.read_manifest(tmp_path / "out")
    resealed(tmp_path / "out", tables={name: each for name, each in manifest["tables"].items() if name != "runs"})
    assert "holds no table of runs" in valign("run", "--replay", "out", "--row", 0).err
    resealed(tmp_path / "out", tables=manifest["tables"], work={**manifest["work"], "code": "0123456789abcdef"})
    said = valign("run", "--replay", "out", "--row", 0)
    assert said.code == 2
    assert "another version of the model (0123456789abcdef)" in said.err


def test_a_failed_row_fails_again_and_says_so(tmp_path: Path) -> None:
    design = pd.DataFrame({"alignment_level": [0.7, 0.999], "seed": [1, 2]})
    va.run_batch(BASE, design, tmp_path / "out")
    with pytest.raises(InputError, match=r"the run fails, as its row says: .*cannot be reached"):
        replayed(tmp_path / "out", 1).simulated()


@pytest.mark.usefixtures("out")
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
    said = valign(*arguments)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_report_is_made_from_tables_alone(valign: Callable, tmp_path: Path) -> None:
    valign("compare", "--at-defaults", "two-services", "low-fit", *SMALL, "--out", "out")
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
        rebuild(tmp_path)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.usefixtures("out")
def test_netcdf_without_its_library_says_what_is_missing(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xarray")
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    said = valign("report", "out", "--netcdf", "out.nc")
    assert said.code == 2
    assert "h5netcdf" in said.err
    assert "Traceback" not in said.err


@pytest.mark.usefixtures("out")
def test_netcdf_of_what_has_no_runs_is_refused(valign: Callable, tmp_path: Path) -> None:
    resealed(tmp_path / "out", tables={})
    with pytest.raises(store.StoreError, match="no table of runs"):
        va.load("out").to_netcdf("x.nc")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.usefixtures("out")
def test_results_as_netcdf(valign: Callable, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    assert valign("report", "out", "--netcdf", "out.nc").code == 0
    with xarray.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as data:
        saved = va.load(tmp_path / "out")
        np.testing.assert_array_equal(data["seed"], saved["runs"]["seed"])
        np.testing.assert_array_equal(data["all.engaged"], saved.curves("all", "engaged"))
        assert data["all.engaged"].dims == ("month", "run")
