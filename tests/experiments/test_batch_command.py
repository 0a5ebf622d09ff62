"""`valign batch` and `resume`: what they say, keep and refuse; job arrays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from batch_cases import BASE, ROOT, contents, valign_process

import valign as va
from valign.cli.job import as_typed
from valign.experiments.batch.batch import begin
from valign.experiments.batch.folder import Batch, goes_on, opened
from valign.experiments.design import replicate
from valign.results import store
from valign.results.reports.render import rebuild

pytestmark = pytest.mark.usefixtures("undrawn")


def test_batch_and_resume_as_commands(valign: Callable, design_file: Path, tmp_path: Path) -> None:
    said = valign("batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out")
    assert said.code == 0, said.err
    assert re.search(r"240 runs: about .* on \d+ cores?, .* on disk", said.err)
    again = valign(
        "batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out", "--json"
    )
    assert json.loads(again.out)["runs"] == 240
    assert again.err == ""
    assert "is finished" in valign("resume", "out").err


def test_a_batch_in_which_all_runs_fail_says_so(valign: Callable, tmp_path: Path) -> None:
    replicate(pd.DataFrame({"alignment_level": [0.999]}), 3).to_csv("design.csv", index=False)
    said = valign("batch", "design.csv", "--scenario", "two-services", "--out", "out", "--threads", 1)
    assert said.code == 0, said.err
    assert "3 of them failed" in said.out + said.err
    assert (tmp_path / "out" / "report.html").exists()


def test_what_is_missing_as_json(valign: Callable, design_file: Path, tmp_path: Path) -> None:
    batch = ("batch", "design.parquet", "--scenario", "two-services", "--set", "months=6", "--out", "out")
    found = json.loads(valign(*batch, "--prepare", "--json").out)
    assert found == {"folder": "out", "missing": opened(tmp_path / "out").count}
    assert json.loads(valign("resume", "out", "--part", "1/1", "--json").out) == {"folder": "out", "missing": 0}
    assert json.loads(valign("resume", "out", "--json").out)["runs"] == 240


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("batch none.csv --scenario two-services --out out", "none.csv"),
        ("batch design.parquet --scenario two-servces --out out", "two-services"),
        ("batch design.parquet --scenario two-services --out out --workers 0", "--workers 0"),
        ("batch design.parquet --scenario two-services --out out --workers 2 --threads 2", "one of"),
        ("batch design.parquet --scenario two-services --out out --replicates 2", "--replicates"),
        ("batch design.parquet --scenario two-services --out out --set slak=1", "slack"),
        (
            "batch design.parquet --scenario two-services --out out --set fit_effect=0.1",
            "the design has a column 'fit_effect'",
        ),
        (
            "batch plain.csv --scenario two-services --out out --replicates 2 --societies 5",
            "societies = 5: expected a whole number from 1 to 2",
        ),
        ("batch plain.csv --scenario two-services --out out --replicates 2 --societies 0", "societies = 0"),
        ("batch plain.csv --scenario two-services --out out --seed 77", "need --replicates"),
        ("batch plain.csv --scenario two-services --out out --societies 9", "need --replicates"),
        ("batch german.csv --scenario two-services --out out", "semicolons"),
        ("batch plain.csv --scenario two-services --out plain.csv --replicates 2", "is a file"),
        ("resume plain.csv", "is a file"),
        ("resume out", "holds no results"),
        ("batch plain.csv --scenario two-services --out out --replicates 0", "--replicates 0"),
        ("resume out --part 4/3", "--part 4/3"),
        ("resume out --part half", "--part half: expected I/N"),
    ],
)
def test_wrong_commands(valign: Callable, design_file: Path, tmp_path: Path, command: str, message: str) -> None:
    (tmp_path / "plain.csv").write_text("fit_effect\n0.3\n0.4\n")
    (tmp_path / "german.csv").write_text("fit_effect;seed\n0,3;1\n")
    said = valign(command)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out").exists()


def test_commands_that_are_quoted_can_be_pasted(
    design: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my study"
    begun = begin(BASE, design, folder)
    with pytest.raises(store.StoreError, match=re.escape(f"`valign resume '{folder}'`")):
        va.load(folder)
    with pytest.raises(store.StoreError, match=re.escape(f"`valign resume '{folder}'`")):
        rebuild(folder)
    assert f"`valign resume '{folder}'`" in goes_on(begun)
    monkeypatch.setattr(sys, "argv", ["/bin/valign", "batch", "my design.csv", "--set", "slack=0.3"])
    assert as_typed() == "valign batch 'my design.csv' --set slack=0.3"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_script_of_job_arrays(whole: Batch, design: pd.DataFrame, tmp_path: Path) -> None:
    begin(BASE, design, tmp_path / "study", ("series", "decomposition"), shard_rows=50)
    (tmp_path / "valign").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m valign.cli.app "$@"\n')
    (tmp_path / "valign").chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VALIGN": str(tmp_path / "valign")}
    for task in range(1, 4):
        subprocess.run(
            [ROOT / "examples" / "slurm_array.sh", "study"],
            cwd=tmp_path,
            check=True,
            env=environment | {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "3"},
        )
    assert not opened(tmp_path / "study").missing()
    assert valign_process(tmp_path, "resume", "study", "--quiet").returncode == 0
    assert contents(tmp_path / "study") == contents(whole.folder)
