"""Wrong input, Ctrl-C, signals, closed pipes and full disks: one message, and an exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from valign.results import store

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = ("--runs", 4, "--months", 6, "--quiet")


def command(root: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "valign.cli.app", *map(str, arguments)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rnu", "two-services"), "did you mean 'run'"),
        (("run", "two-services", "--rusn", "3"), "--runs"),
        (("run",), "scenario"),
        (("run", "two-servces"), "two-services"),
        (("run", "two-services", "--runs", "few"), "--runs"),
        (("run", "two-services", "--runs", "0"), "runs"),
        (("run", "two-services", "--runs", "-3"), "runs"),
        (("run", "two-services", "--runs", "1000000000"), "memory"),
        (("run", "two-services", "--seed", "-1"), "seed"),
        (("run", "two-services", "--seed", str(2**63)), "seed"),
        (("run", "two-services", "--societies", "0"), "societies"),
        (("run", "two-services", "--months", "-1"), "months"),
        (("run", "two-services", "--set", "slack"), "key=value"),
        (("run", "two-services", "--set", "slak=0.3"), "slack"),
        (("run", "two-services", "--set", "slack=lots"), "slack"),
        (("run", "two-services", "--set", "slack=nan"), "slack"),
        (("run", "two-services", "--set", "slack=7"), "slack"),
        (("run", "two-services", "--set", "organisations.hostel.staff=1000000000000"), "memory"),
        (("run", "two-services", "--record", "seris"), "did you mean series"),
        (("run", "two-services", "--set", "alignment_level=0.999", "--runs", "2"), "reachable"),
        (("run", "two-services", "--record", "ablations", "--parameters", "draws.csv"), "cannot go with --parameters"),
        (("levels", "two-services", "--levels", "low,high"), "--levels"),
        (("compare", "two-services", "low-fit", "--precision", "uptake_final=few"), "outcome=half_width"),
        (("claims", "C7", "C7"), "'c7' is given twice"),
        (("claims", "C7", "--worlds", "1"), "--worlds 1"),
        (("levels", "two-services", "--levels", "0.999", "--runs", "2"), "reachable"),
        (("levels", "two-services", "--levels", "0.7,0.7", "--runs", "2"), "twice"),
        (("levels", "two-services", "--levels", "1.5", "--runs", "2"), "0 to 1"),
        (("parameters", "--format", "cvs"), "csv"),
        (("parameters", "xyzzyx"), "xyzzyx"),
        (("describe", "nowhere.toml"), "nowhere.toml"),
        (("validate", "."), "."),
        (("data", "get", "medical-inovation"), "medical-innovation"),
        (("data", "get", "medical-innovation", "--from", "nowhere.rdata"), "nowhere.rdata"),
    ],
)
def test_wrong_input_gives_one_message(
    valign: Callable, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    said = valign(*arguments)
    assert said.code == 2, said.err
    assert message in said.err.lower()
    assert said.err.count("valign:") == 1
    assert "Traceback" not in said.err
    assert said.out == ""
    assert not list(tmp_path.rglob("*.*")), "nothing is left behind"


def test_all_errors_of_a_file_are_listed(valign: Callable, tmp_path: Path) -> None:
    text = 'name = "bad"\nmonths = -3\nclarity = 1\n[parameters]\nslak = 0.2\nslack = nan\n'
    (tmp_path / "bad.toml").write_text(text)
    said = valign("validate", "bad.toml")
    assert said.code == 2
    for wrong in ("months", "clarity", "slak", "slack"):
        assert wrong in said.err
    (tmp_path / "bad.toml").write_text("name = \n")
    assert "bad.toml" in valign("validate", "bad.toml").err


def test_unwritable_folders_are_found_before_simulating(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from valign.experiments import simulate

    monkeypatch.setattr(simulate, "run_blocks", lambda *_: pytest.fail("simulated first"))
    (tmp_path / "file").write_text("")
    said = valign("run", "two-services", "--out", "file/out")
    assert said.code == 2
    assert "cannot write to file/out" in said.err


def test_ctrl_c_ends_with_130(valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from valign.experiments import simulate

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "run_blocks", interrupted)
    said = valign("run", "two-services", "--out", "out")
    assert said.code == 130
    assert "interrupted" in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("where", "what", "said"),
    [
        ("valign.results.store", "write", "is incomplete: run the same command to redo it"),
        ("valign.results.reports.render", "publish", "but not the report: run the same command to make it"),
    ],
)
def test_ctrl_c_while_saving_says_what_is_there(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, what: str, said: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{what}", interrupted)
        first = valign("run", "two-services", *SMALL, "--out", "out")
    assert first.code == 130
    assert said in first.err
    assert valign("run", "two-services", *SMALL, "--out", "out").code == 0
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_long_run(root: Path, tmp_path: Path, sent: signal.Signals) -> None:
    process = subprocess.Popen(
        command(root, "run", "two-services", "--runs", 100_000, "--months", 12),
        cwd=tmp_path,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert "100,000 runs of 12 months" in process.stderr.readline()
    assert any("of 100,000 runs" in line for line in process.stderr)  # runs are under way
    process.send_signal(sent)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "nothing was written" in err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.parquet"))


def test_output_that_nobody_reads_ends_quietly(root: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(root, "parameters", "--format", "json"),
        cwd=tmp_path,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(("redirected", "code"), [(">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0), (">/dev/full", 1)])
def test_output_that_goes_nowhere(root: Path, tmp_path: Path, redirected: str, code: int) -> None:
    if "/dev/full" in redirected and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *command(root, "describe", "two-services")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    if code:
        assert done.stderr == "valign: input or output: No space left on device\n"


def test_letters_that_the_locale_does_not_have(root: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"}
    for arguments in (
        ("describe", "two-services"),
        ("parameters", "--format", "md"),
        ("describe", "low-fit", "--json"),
    ):
        done = subprocess.run(command(root, *arguments), cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "--json" in arguments:
            assert json.loads(done.stdout)["name"] == "low-fit"


def test_a_full_disk_is_the_machine_s_failure_and_the_same_command_works_later(
    valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store.write

    def full(path: Path, table: pd.DataFrame) -> None:
        if path.name == "summary.csv":
            path.with_name("summary.csv.part").write_text("half")
            raise OSError(errno.ENOSPC, "Error writing bytes to file")
        write(path, table)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", full)
        said = valign("run", "two-services", *SMALL, "--out", "out")
    assert (said.code, said.err) == (1, "valign: cannot write to out: No space left on device\n")
    assert store.read_manifest(tmp_path / "out")["status"] == "running"
    assert valign("run", "two-services", *SMALL, "--out", "out").code == 0
    assert store.read_manifest(tmp_path / "out")["status"] == "done"
    assert not list((tmp_path / "out").glob("*.part"))


def test_the_page_is_served_and_says_where(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the server itself, which is left out; the server as it runs: tests/machine/test_served.py."""
    uvicorn = pytest.importorskip("uvicorn")
    served: list = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: served.append(self.config))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    said = valign("explore", "low-fit", "--port", 48765)
    assert said.code == 0, said.err
    assert "http://127.0.0.1:48765" in said.err
    assert (served[0].host, served[0].port) == ("127.0.0.1", 48765)
    wrong = valign("explore", "low-fi", "--port", 48765)
    assert (wrong.code, "did you mean 'low-fit'" in wrong.err) == (2, True)
