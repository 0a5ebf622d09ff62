"""`valign calibrate`: what it says, keeps and refuses; a posterior is a design."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_up import write
from valign.calibration.exported import posterior_design
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario


@pytest.mark.slow
def test_calibrate_from_the_command_line(valign: Callable, tmp_path: Path) -> None:
    write(tmp_path / "data", people=80, periods=12)
    asked = ("calibrate data --simulations 3000 --free base_staff=-5:-1 --free fit_effect --out out",)
    said = valign(*asked)
    assert said.code == 0, said.err
    assert "effect of alignment on engagement" in said.out
    assert "valign run SCENARIO --parameters out/posterior.parquet" in said.err
    for name in (
        "posterior.parquet",
        "summary.csv",
        "recovery.csv",
        "generations.csv",
        "reference.parquet",
        "figure-posterior.png",
        "figure-predictive.svg",
        "figure-ranks.png",
        "manifest.json",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert "already holds these results" in valign(*asked).err
    again = json.loads(valign(*asked, "--json").out)
    assert {row["parameter"] for row in again["summary"]} == {"base_staff", "fit_effect"}
    assert valign("calibrate", "data", "--simulations", 4000, "--out", "out").code == 2  # other parameters
    more = (asked[0].replace("3000", "4000"),)
    said = valign(*more)
    assert said.code == 0, said.err
    assert "Going on from what is kept in out/simulations" in said.err
    assert pd.read_csv(tmp_path / "out" / "generations.csv")["simulations"].sum() == 4000
    assert "already holds these results" in valign(*more).err
    assert valign(*asked).code == 2  # fewer than there are: nothing is thrown away
    said = valign("run two-services --months 6 --runs 5 --parameters out/posterior.parquet --out policy --quiet")
    assert said.code == 0, said.err
    drawn = pd.read_parquet(tmp_path / "policy" / "runs.parquet")
    assert drawn["fit_effect"].nunique() == 5
    (tmp_path / "x.csv").write_text("fit_efect\n1\n")
    said = valign("run", "two-services", "--parameters", "x.csv")
    assert said.code == 2
    assert "'fit_efect' is not a parameter" in said.err


def test_an_interrupted_calibration_keeps_what_is_finished_and_says_where(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write(tmp_path / "data", people=60, periods=8)
    monkeypatch.setattr("valign.calibration.calibrate.smc", interrupted)
    said = valign("calibrate", "data", "--simulations", 3000, "--out", "out")
    assert said.code == 130
    assert said.err.startswith("Fitting the model to made-up, with at most 3,000 simulations\n")
    assert "what is finished is kept in out/unfinished: run the same command to go on" in said.err
    assert len(list((tmp_path / "out" / "unfinished" / "recovery").glob("batch-*.kept"))) == 3
    assert (
        "Continuing from what is finished in out/unfinished"
        in valign("calibrate", "data", "--simulations", 3000, "--out", "out").err
    )


def test_wrong_input_is_one_report(valign: Callable, tmp_path: Path) -> None:
    folder = write(tmp_path / "data", people=60)
    people = pd.read_csv(folder / "people.csv").drop(columns="open")
    people.loc[0, "month"] = 99
    people.to_csv(folder / "people.csv", index=False)
    for command in ("calibrate", "rivals"):
        said = valign(command, "data")
        assert said.code == 2
        assert "'open' is not a column" in said.err
        assert "99 > 18" in said.err
    assert valign("calibrate", "nowhere").code == 2
    assert "NAME=LOW:HIGH" in valign("calibrate", "data", "--free", "fit_effect=a:b").err


def test_a_posterior_is_a_design(tmp_path: Path) -> None:
    draws = pd.DataFrame({"fit_effect": np.linspace(0.1, 0.6, 50), "base_staff": np.linspace(-4, -3, 50)})
    draws.to_parquet(tmp_path / "p.parquet")
    scenario = Scenario.load("two-services")
    design = posterior_design(tmp_path / "p.parquet", scenario, 20, seed=2, societies=4)
    assert design["society_seed"].nunique() == 4
    np.testing.assert_allclose(design["base_staff"], -4 + 2 * (design["fit_effect"] - 0.1))  # rows stay together
    assert design.equals(posterior_design(tmp_path / "p.parquet", scenario, 20, seed=2, societies=4))
    draws.assign(months=3).to_csv(tmp_path / "q.csv", index=False)
    with pytest.raises(InputError, match="'months' is not a parameter"):
        posterior_design(tmp_path / "q.csv", scenario, 20)
    draws[:0].to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(InputError, match=r"r\.csv: has no rows"):
        posterior_design(tmp_path / "r.csv", scenario, 20)
