"""The command line as people meet it: listings, runs, and what happens when something is wrong."""

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
from tests.small import imported_society

from valign.cli import terminal
from valign.model.parameters import PARAMETERS
from valign.results import store

SHIPPED = ("two-services", "housing-first", "social-prescribing", "low-fit", "england", "medical-innovation")
SMALL = ("--runs", 4, "--months", 6, "--quiet")


def command(root: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "valign.cli.app", *map(str, arguments)]


# --- listings ---------------------------------------------------------------------------------------------------------
def test_help_lists_the_commands_and_loads_nothing_heavy(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from valign.cli.app import main; main(['--help']); heavy = {'numpy', 'numba', 'pandas', "
        "'pydantic', 'matplotlib', 'mesa'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name in ("scenarios", "describe", "validate", "parameters", "data", "run", "levels"):
        assert name in done.stdout


def test_no_command_shows_the_help(valign: Callable) -> None:
    assert "Commands" in valign().out


def test_scenarios(valign: Callable) -> None:
    said = valign("scenarios")
    assert said.code == 0
    assert all(name in said.out for name in SHIPPED)
    assert {each["name"] for each in json.loads(valign("scenarios", "--json").out)} == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_describe(valign: Callable, name: str) -> None:
    said = valign("describe", name)
    assert said.code == 0, said.err
    assert name in said.out
    assert "people" in said.out
    assert json.loads(valign("describe", name, "--json").out)["name"] == name


def test_describe_tells_what_is_unlike_the_defaults(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    text = (
        Scenario.load("two-services")
        .replace(
            {
                "months": 25,
                "alignment_level": 0.7,
                "alignment_metric": "profile",
                "slack": 0.35,
                "mechanisms.dialogue": False,
            }
        )
        .to_toml()
    )
    changes = (
        "month = 6\nevent = 'new_leader'\nprofile = 'manager'\norganisations = ['hostel']",
        "month = 12\nparameter = 'slack'\nscale = 0.5",
        "month = 18\nparameter = 'slack'\nset = 0.2",
    )
    (tmp_path / "mine.toml").write_text(text + "".join(f"\n[[changes]]\n{each}\n" for each in changes))
    said = valign("describe", "mine.toml")
    assert said.code == 0, said.err
    for words in (
        "followed for 25 months.",
        "month 6: new leader with profile manager, in hostel",
        "month 12: slack is multiplied by 0.5, everywhere",
        "month 18: slack becomes 0.2, everywhere",
        "the mean alignment at the start is 0.7",
        "Switched off: dialogue",
        "slack: 0.35 (default",
        "alignment_metric = profile",
    ):
        assert words in said.out, words


def test_parameters(valign: Callable, root: Path) -> None:
    assert all(name in valign("parameters").out for name in PARAMETERS)
    assert valign("parameters", "--format", "md").out == (root / "docs" / "PARAMETERS.md").read_text(encoding="utf-8")
    assert "tie_rate" in valign("parameters", "TIE_R", "--format", "csv").out


def test_version_and_data_sets(valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import valign as va

    assert valign("--version").out.strip() == va.__version__
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path / "data"))
    assert "not here yet: valign data get medical-innovation" in valign("data").out
    (tmp_path / "data" / "medical-innovation").mkdir(parents=True)
    (tmp_path / "data" / "medical-innovation" / "codebook.toml").write_text("")
    assert str(tmp_path / "data" / "medical-innovation") in valign("data").out


def test_validate(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    assert valign("validate", "mine.toml").code == 0


def test_every_command_can_be_quiet_and_speak_json() -> None:
    from typer.main import get_command

    from valign.cli.app import app, data_app

    commands = get_command(app).commands | get_command(data_app).commands
    del commands["explore"]  # it has no result and does not end
    for name, each in commands.items():
        assert {"--quiet", "--json"} <= {option for parameter in each.params for option in parameter.opts}, name


def test_json_of_listings_and_checks(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    found = json.loads(valign("validate", "mine.toml", "--json").out)
    assert (found["name"], found["services"], found["months"]) == ("two-services", 2, 72)
    assert {each["name"] for each in json.loads(valign("parameters", "--json").out)} == set(PARAMETERS)
    assert "choose one" in valign("parameters", "--json", "--format", "md").err
    assert [each["name"] for each in json.loads(valign("data", "--json").out)] == ["medical-innovation"]
    assert valign("claims", "--list", "--quiet").err == ""
    assert valign("run", "two-services", *SMALL, "--out", "out").code == 0
    assert json.loads(valign("report", "out", "--json").out)["report"] == "out/report.html"


def test_a_scenario_is_valid_with_its_tables_only(valign: Callable, tmp_path: Path) -> None:
    imported_society(tmp_path)
    assert "1 services, 3 people" in valign("validate", "mine.toml").out
    (tmp_path / "nodes.csv").unlink()
    said = valign("validate", "mine.toml")
    assert said.code == 2
    assert "nodes.csv" in said.err


# --- runs -------------------------------------------------------------------------------------------------------------
def test_run_leaves_tables_figure_and_manifest(valign: Callable, tmp_path: Path) -> None:
    said = valign("run", "two-services", *SMALL, "--out", "out", "--set", "fit_effect=0.3", "--record", "decomposition")
    assert said.code == 0, said.err
    assert "people engaged, at the end" in said.out
    for name in (
        "runs.csv",
        "runs.parquet",
        "summary.csv",
        "curves.csv",
        "series.parquet",
        "decomposition.parquet",
        "run.png",
        "run.svg",
        "run.csv",
        "scenario.toml",
        "manifest.json",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "out" / "runs.csv")) == 4
    assert "fit_effect" in (tmp_path / "out" / "scenario.toml").read_text()
    assert valign("validate", "out/scenario.toml").code == 0


def test_a_picture_that_cannot_be_shown_is_kept(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from valign.cli import terminal

    asked = ("run", "two-services", "--runs", 2, "--months", 3, "--out", "out", "--show")
    monkeypatch.setattr(terminal, "show_picture", lambda path: False)
    assert "Figure: out" in valign(*asked).err
    monkeypatch.setattr(terminal, "show_picture", lambda path: path.endswith("run.png"))
    assert "Shown and saved: out" in valign(*asked).err


def test_the_same_run_again_is_shown_and_another_refused(valign: Callable) -> None:
    first = valign("run", "two-services", *SMALL, "--out", "out")
    again = valign("run", "two-services", *SMALL, "--out", "out")
    assert (again.code, again.out) == (0, first.out)
    other = valign("run", "two-services", *SMALL, "--out", "out", "--seed", 2)
    assert other.code == 2
    assert "seed" in other.err


def test_seeds_settle_the_numbers(valign: Callable) -> None:
    one, two, other = (
        json.loads(valign("run", "two-services", *SMALL, "--json", "--seed", seed, "--out", out).out)
        for seed, out in ((5, "one"), (5, "two"), (6, "other"))
    )
    assert one["summary"] == two["summary"] != other["summary"]


def test_levels_compares_three(valign: Callable, tmp_path: Path) -> None:
    said = valign("levels", "two-services", *SMALL, "--out", "out")
    assert said.code == 0, said.err
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert runs["alignment_level"].nunique() == 3
    assert (runs.groupby("run")["seed"].nunique() == 1).all()
    assert abs(runs["alignment_start"] - runs["alignment_level"]).max() < 1e-9
    assert (tmp_path / "out" / "levels.png").exists()
    assert (tmp_path / "out" / "differences.csv").exists()


def test_levels_of_ones_own(valign: Callable) -> None:
    said = valign("levels", "two-services", *SMALL, "--levels", "0.6,0.7", "--json")
    assert {row["alignment_level"] for row in json.loads(said.out)["summary"]} == {0.6, 0.7}


def test_events_are_kept_when_asked_for(valign: Callable, tmp_path: Path) -> None:
    said = valign("run", "two-services", "--runs", 1, "--months", 12, "--record", "events", "--out", "out", "--quiet")
    assert said.code == 0, said.err
    events = pd.read_parquet(tmp_path / "out" / "events.parquet")
    assert isinstance(json.loads(events["terms"].iloc[0]), dict)


# --- what is wrong ----------------------------------------------------------------------------------------------------
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
    import valign.experiments.simulate as simulate

    monkeypatch.setattr(simulate, "run_blocks", lambda *_: pytest.fail("simulated first"))
    (tmp_path / "file").write_text("")
    said = valign("run", "two-services", "--out", "file/out")
    assert said.code == 2
    assert "cannot write to file/out" in said.err


def test_ctrl_c_ends_with_130(valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import valign.experiments.simulate as simulate

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
    heard = next(line for line in process.stderr if "runs" in line)  # runs are under way
    assert "of 100,000 runs" in heard
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


def test_the_explorer_is_served_and_says_where(valign: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the server itself, which is left out; the page in a browser is tests/explorer/test_explorer.py."""
    nicegui = pytest.importorskip("nicegui")
    from valign.explorer import page, server

    served: dict = {}
    monkeypatch.setattr(nicegui.ui, "run", lambda **options: served.update(options))
    monkeypatch.setattr(server, "warm", lambda: None)
    monkeypatch.setattr(page, "register", lambda: None)
    said = valign("explore", "--port", 48765)
    assert said.code == 0, said.err
    assert "http://127.0.0.1:48765" in said.err
    assert (served["host"], served["port"], served["show"]) == ("127.0.0.1", 48765, False)


# --- progress ---------------------------------------------------------------------------------------------------------
def told(calls: list[tuple[float, int]], clock: list[float], ahead: bool = True) -> None:
    """Report (at this second, so many of 1,000 runs)."""
    with terminal.progress("work", False, ahead=ahead) as report:
        assert report is not None
        for now, done in calls:
            clock[0] = now
            report(done, 1000)


@pytest.mark.parametrize(
    ("ahead", "calls", "lines"),
    [
        (
            True,
            [(0, 0), (2, 100), (4, 200), (14, 700), (20, 1000)],
            ["1,000 runs", "100 of 1,000 runs, about 18 s left", "700 of 1,000 runs, about 6 s left"],
        ),
        (
            True,
            [(0, 600), (4, 800), (8, 1000)],  # begun earlier: what was there says nothing of how fast it goes
            ["1,000 runs, 600 of them already done", "800 of 1,000 runs, about 4 s left"],
        ),
        (True, [(0, 0), (600, 10)], ["1,000 runs", "10 of 1,000 runs, about 16 hours left"]),
        (False, [(1, 500), (2, 1000)], []),
        (False, [(1, 100), (11, 200)], ["200 of 1,000 runs, about 80 s left"]),
    ],
)
def test_how_long_it_takes_is_said_as_soon_as_it_is_known(
    ahead: bool, calls: list, lines: list[str], capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    told(calls, clock, ahead)
    said = capsys.readouterr()
    assert (said.out, said.err.splitlines()) == ("", [f"work: {line}" for line in lines])


def test_a_terminal_gets_a_bar_with_the_same_estimate(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(terminal.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    told([(0, 0), (2, 100)], clock)
    said = capsys.readouterr()
    assert said.out == ""
    assert "100/1000" in said.err
    assert "about 18 s left" in said.err


def test_nothing_is_told_in_quiet() -> None:
    with terminal.progress("work", True, ahead=True) as report:
        assert report is None
