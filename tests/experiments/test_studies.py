"""The studies whose findings are committed, each as a whole but small: what they leave behind, and wrong wishes."""

from __future__ import annotations

import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT, Said
from tests.made_up import write
from valign.calibration.study import FREE_SETS
from valign.calibration.patterns.pattern import patterns
from valign.experiments import study_sensitivity
from valign.experiments.claims.__main__ import SAVED, SCENARIOS

COMMITTED = ROOT / "results" / "reference"


@pytest.fixture
def script(capsys, monkeypatch, tmp_path) -> Callable[..., Said]:
    """`python -m MODULE ARGUMENTS` in this process and in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(typed: str, *arguments: object) -> Said:
        module, *words = shlex.split(typed)
        name = module if (ROOT / f"{module.replace('.', '/')}.py").exists() else f"{module}.__main__"
        monkeypatch.delitem(sys.modules, f"valign.{name}", raising=False)  # else Python warns that it runs it twice
        monkeypatch.setattr(sys, "argv", [module, *words, *map(str, arguments)])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            runpy.run_module(f"valign.{name}", run_name="__main__")
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Said(code, said.out, said.err) if isinstance(code, int) else Said(1, said.out, f"{said.err}{code}")

    return call


@pytest.fixture(autouse=True)
def _committed_results_are_untouched() -> Iterator[None]:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in COMMITTED.rglob("*")}

    before = files()
    yield
    assert files() == before


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}


@pytest.mark.slow
def test_a_small_study_of_the_facts(script, tmp_path):
    said = script("calibration.patterns.study", "--runs", 2, "--seed", 5, "--out", tmp_path / "facts")
    assert said.code == 0, said.err
    text = (tmp_path / "facts" / "facts.md").read_text("utf-8")
    assert text in said.out
    assert "2 runs each, seed 5" in text
    table = tables(tmp_path / "facts")["facts"]
    assert list(table) == list(pd.read_csv(COMMITTED / "facts.csv"))
    assert table["name"].tolist() == [each.name for each in patterns()]
    assert (table["runs"] == 2).all()
    assert (table["low"].isna() | (table["low"] <= table["model"])).all()
    of_fit = table.set_index("name").loc["fit-to-adoption-others"]
    assert of_fit["no_fit_model"] < of_fit["model"]  # of which nothing is left without effects of fit


@pytest.mark.slow
def test_a_small_study_of_sensitivity_goes_on_from_what_it_kept(script, tmp_path):
    said = script(
        "experiments.study_sensitivity two-services --n 16 --replicates 1 --trajectories 2 --out found --runs kept"
    )
    assert said.code == 0, said.err
    assert "two-services: 464 of 464 runs" in said.err
    found = tables(tmp_path / "found" / "two-services")
    for name in ("shares", "settled", "dropped", "neglected", "screening", "ranking"):
        assert list(found[name]) == list(pd.read_csv(COMMITTED / "sensitivity" / "two-services" / f"{name}.csv"))
    assert set(found["neglected"]["outcome"]) == set(study_sensitivity.OUTCOMES)
    assert found["screening"]["factor"].nunique() > 100
    for folder in ("two-services", "two-services-mechanisms"):
        assert (tmp_path / "found" / folder / "ranking.png").stat().st_size > 10_000
        assert not list((tmp_path / "found" / folder).glob("*.svg"))
        assert len((tmp_path / "found" / folder / "words.md").read_text("utf-8").split()) > 30
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.kept")}
    assert len(kept) == 3
    size = {"n": 16, "replicates": 1, "trajectories": 2}
    again = study_sensitivity.screened("two-services", size, tmp_path / "kept")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.kept")} == kept
    for name in ("neglected", "settled"):
        pd.testing.assert_frame_equal(again.tables[name], found[name], rtol=1e-3, check_dtype=False)


@pytest.mark.slow
def test_a_small_study_of_claims(script, tmp_path):
    said = script(
        "experiments.claims C7 --worlds 3 --rivals 2 --variants 2 --shipped-runs 8 "
        "--attribution-runs 2 --case-runs 4 --region-runs 2 --out claims"
    )
    assert said.code == 0, said.err
    assert "C7" in said.err
    found = tables(tmp_path / "claims")
    for name in (name for name in SAVED if name != "leaves"):  # too few worlds for a tree
        assert list(found[name]) == list(pd.read_csv(COMMITTED / "claims" / f"{name}.csv")), name
    assert found["claims"]["claim"].tolist() == ["C7"]
    assert found["tests"]["worlds"].eq(3).all()
    assert len(found["recommissioning"]) == 5
    assert found["recommissioning"]["runs"].eq(4).all()
    assert found["region"][["without_dialogue", "with_dialogue"]].stack().between(0, 1).all()
    assert set(found["attribution"]["scenario"]) == set(SCENARIOS)
    text = (tmp_path / "claims" / "claims.md").read_text("utf-8")
    for heading in ("# The claims, tested", "## C7 ", "## C15 as the study tells it", "## What moved alignment"):
        assert heading in text
    for picture in ("claims.png", *(f"attribution-{name}.svg" for name in SCENARIOS)):
        assert (tmp_path / "claims" / picture).stat().st_size > 5000


@pytest.mark.slow
def test_a_small_study_of_histories(script, tmp_path):
    write(tmp_path / "data", people=60, places=2, periods=9, fit=1.0, level=-2.2)
    said = script(
        "calibration.study --data data --simulations 8000 --recovered 6000 --mistaken 1 "
        "--timed 1024 --repeats 1 --out found"
    )
    assert said.code == 0, said.err
    found = tables(tmp_path / "found")
    committed = tables(COMMITTED / "calibration")
    for name in set(committed) - {"pyabc", "ranks", "fitted", "posterior", "rivals", "odds"}:
        assert list(found[name]) == list(committed[name]), name
    exact = found["agreement"].query("method == 'regression'").set_index("parameter")
    assert (exact["apart"].abs() < 1).all()
    assert set(found["recovery"]["free"]) == set(FREE_SETS)
    assert found["recovery"]["coverage_90"].between(0.75, 1).all()
    shares = found["shares"].groupby("method")["share"].sum()
    np.testing.assert_allclose(shares, 1, atol=1e-4)
    wrong = found["confusion_smc"].set_index("truth").drop(columns="data_sets")
    np.testing.assert_allclose(wrong.sum(axis=1), 1)
    spent = found["overhead"].set_index("what")["share_of_kernels"]
    assert spent["kernels"] == 1
    assert (found["overhead"]["seconds"] > 0).all()
    assert found["seconds"]["step"].tolist() == committed["seconds"]["step"].tolist()
    posterior = pd.read_parquet(tmp_path / "found" / "posterior.parquet")
    assert set(posterior) == set(FREE_SETS["default"])
    for picture in ("ranks", "posterior", "fitted", "rivals", "odds"):
        assert (tmp_path / "found" / f"{picture}.png").stat().st_size > 5000


@pytest.mark.parametrize(("asked", "message"), [
    (("calibration.patterns.study", "--runs", 0), "runs = 0"),
    (("experiments.study_sensitivity", "two-service"), "did you mean 'two-services'"),
    (("experiments.study_sensitivity", "low-fit", "--replicates", 0), "replicates = 0"),
    (("experiments.claims", "C77"), "'C77'"),
    (("experiments.claims", "C7", "--worlds", 1), "worlds = 1"),
    (("calibration.study", "--data", "nowhere"), "nowhere"),
])  # fmt: skip
def test_wrong_wishes_are_told_in_a_line_and_leave_nothing(script, tmp_path, asked, message):
    said = script(*asked, "--out", "found")
    assert said.code == 1
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "found").exists()
