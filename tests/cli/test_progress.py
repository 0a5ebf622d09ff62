"""How long a command takes is said as soon as it is known."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from valign.cli import terminal

LOADED_AT_FIRST_TEXT = """
import sys
from valign.cli.app import main

class First:
    def write(self, text):
        heavy = [name for name in ("numpy", "pandas", "numba", "matplotlib", "scipy") if name in sys.modules]
        sys.stdout.write(f"{text} {heavy}")
        sys.stdout.flush()
        os._exit(0)

import os
sys.stderr = First()
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("run", "two-services", "--runs", "3", "--months", "12"), "two-services: 3 runs of 12 months"),
        (
            ("levels", "--at-defaults", "two-services", "--runs", "3", "--levels", "0.6,0.7"),
            "two-services: 6 runs of 72 months",
        ),
        (
            ("compare", "--at-defaults", "two-services", "two-services+slack=0.3", "--runs", "3"),
            "two-services: 6 runs of 72 months",
        ),
    ],
)
def test_what_will_be_done_is_said_before_anything_heavy_is_loaded(
    command: tuple[str, ...], said: str, root: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AT_FIRST_TEXT, *command],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=120,
        check=True,
    )
    assert done.stdout == f"{said} []"


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
