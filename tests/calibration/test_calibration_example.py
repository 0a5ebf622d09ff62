"""The data set of examples/own-data: made as it says, read, fitted, compared; killed and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_up import write
from valign.calibration.calibrate import choose_model
from valign.calibration.data.reading import load
from valign.calibration.rivals.explanations import RIVAL_MODELS

TABLES = ("people.csv", "ties.csv", "poll.csv", "data.toml")


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(__file__).resolve().parents[2] / "examples" / "own-data"


@pytest.mark.slow
def test_what_is_committed_is_what_the_script_makes(folder: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, folder / "make.py", tmp_path], check=True, capture_output=True)
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_example_has_what_the_page_promises(folder: Path) -> None:
    data = load(folder)
    people = data.people
    assert people is not None
    assert data.ties is not None
    assert len(people) == 1000
    assert people["community"].nunique() >= 20
    assert list(data.orientation) == ["client_agency", "safety"]
    assert people[["client_agency", "safety"]].stack().dropna().between(0, 1).all()
    assert len(data.ties) > 2000
    assert len(data.series) == len(data.patterns) == 1
    assert people["until"].nunique() == 2


@pytest.mark.slow
def test_the_example_runs(valign: Callable, folder: Path, tmp_path: Path) -> None:
    """A small part of the people, a small budget: both commands, as the page has them."""
    rng = np.random.default_rng(5)
    for name in TABLES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    people = pd.read_csv(folder / "people.csv", keep_default_na=False)
    people = people[rng.random(len(people)) < 0.15]
    people.to_csv(tmp_path / "people.csv", index=False)
    asked = ("calibrate", ".", "--simulations", 4000, "--out", "fitted")
    said = valign(*asked)  # in so small a part nobody takes up early what the poll of all of them has
    assert "What it misses, given the rest: poll at 4" in said.out + said.err
    assert not (tmp_path / "fitted" / "summary.csv").exists()
    said = valign(*asked[:-1], "accepted", "--quiet", "--accept-misfit")
    assert said.code == 0, said.err
    found = pd.read_csv(tmp_path / "accepted" / "summary.csv").query("method == 'regression'").set_index("parameter")
    assert found.loc["fit_effect", "q95"] > 0.2
    assert not (tmp_path / "fitted" / "unfinished").exists()
    said = valign("rivals", ".", "--simulations", 6000, "--out", "compared")
    assert said.code == 0, said.err
    assert "by sequential ABC" in said.err or "Both methods" in said.err
    shares = pd.read_csv(tmp_path / "compared" / "shares.csv").groupby("method")["share"].sum()
    np.testing.assert_allclose(shares, 1.0)
    odds = pd.read_csv(tmp_path / "compared" / "odds.csv")
    assert odds["ess"].min() >= 100
    assert odds["epsilon"].is_monotonic_decreasing
    assert (tmp_path / "compared" / "figure-odds.png").stat().st_size > 0
    assert pd.read_parquet(tmp_path / "compared" / "reference.parquet")["model"].nunique() == 5
    again = json.loads(valign("rivals", ".", "--simulations", 6000, "--out", "compared", "--json").out)
    assert {row["truth"] for row in again["confusion"]} == set(RIVAL_MODELS)


@pytest.mark.slow
def test_rivals_killed_go_on_to_the_same_result(tmp_path: Path) -> None:
    data = write(tmp_path / "data", people=60, places=3, periods=10)
    out, asked = (
        tmp_path / "out",
        [sys.executable, "-m", "valign.cli.app", "rivals", str(data), "--simulations", "6000"],
    )
    child = subprocess.Popen([*asked, "--out", str(out)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 100
    while not list((out / "unfinished").glob("prior-values-*.kept")):
        assert time.monotonic() < limit
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    child.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (out / "unfinished").glob("*.kept")}
    assert not (out / "manifest.json").exists()
    found = choose_model(data, simulations=6000, folder=out / "unfinished")
    after = {path.name: path.stat().st_mtime_ns for path in (out / "unfinished").glob("*.kept")}
    assert {name: after[name] for name in before} == before  # nothing finished is computed again
    assert len(after) > len(before)
    whole = choose_model(data, simulations=6000)
    for name in ("shares", "odds", "confusion", "scores", "folds", "reference"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(whole, name))
    done = subprocess.run([*asked, "--out", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Continuing" in done.stderr
    pd.testing.assert_frame_equal(pd.read_parquet(out / "odds.parquet"), whole.odds)
