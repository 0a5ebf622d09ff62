"""`valign sensitivity`: what it says, keeps and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from valign.results.saved import load

COMMAND = (
    "sensitivity two-services --months 8 --replicates 2 --quiet "
    "--parameter fit_effect --parameter base_staff --outcome uptake_final"
)


def test_the_command(valign, tmp_path: Path):
    said = valign(COMMAND, "--n", 8, "--seed-factor", "--curve", "engaged", "--out", "out")
    assert said.code == 0, said.err
    assert "ease of engagement of staff" in said.out
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
    again = valign(COMMAND, "--n", 8, "--seed-factor", "--curve", "engaged", "--out", "out")
    assert again.out == said.out
    kept = sorted((tmp_path / "out" / "runs").glob("*.kept"))
    larger = valign(COMMAND, "--n", 16, "--seed-factor", "--curve", "engaged", "--out", "out", "--json")
    assert json.loads(larger.out)["indices"][0]["outcome"] == "uptake_final"
    assert set(kept) < set((tmp_path / "out" / "runs").glob("*.kept"))
    other = valign(COMMAND, "--n", 8, "--out", "out")
    assert other.code == 2
    assert "another study" in other.err


def test_the_command_says_beforehand_how_much_there_is_to_do(valign):
    loud = COMMAND.replace("--quiet ", "")
    assert valign(loud, "--n", 8, "--out", "out").err.splitlines()[0] == "two-services: 80 runs"  # 8 x (3 + 2) x 2
    more = valign(loud, "--n", 16, "--out", "out").err.splitlines()[0]
    assert more == "two-services: 160 runs, 80 of them already done"
    assert valign(loud, "--n", 32, "--out", "other", "--json").err == ""


@pytest.mark.parametrize("how", [("sobol", 2), ("sobol", 4), ("morris", 4)])
def test_a_study_too_small_to_be_halved_settles_nothing(valign, tmp_path: Path, how):
    said = valign(COMMAND, "--method", how[0], "--n", how[1], "--out", "out")
    assert said.code == 0, said.err
    (results,) = (tmp_path / "out").glob("n?-*")
    assert set(load(results)["convergence"]["n"]) == {how[1]}
    assert load(results)["settled"].empty


def test_the_command_screens(valign):
    said = valign(COMMAND, "--parameter", "slack", "--method", "screen", "--keep", 2, "--n", 8)
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
    said = valign(COMMAND, *arguments)
    assert said.code == 2
    assert message in said.err
    assert not list(tmp_path.rglob("*.kept"))
