"""What the command line says, on a terminal and into a pipe."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from valign.cli import terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        """What is shown, without colours."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.getvalue())


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Makes standard output and standard error a terminal, 60 columns wide."""

    def made() -> Terminal:  # within the test: pytest changes them after fixtures
        new = Terminal()
        monkeypatch.setattr(sys, "stdout", new)
        monkeypatch.setattr(sys, "stderr", new)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "xterm")
        return new

    return made


ROWS = [["two-services", "Two services, [bold]one[/bold] city", "2"], ["england", "All of England", "1,300"]]


def test_a_table_in_a_pipe_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.table(["scenario", "what", "services"], ROWS, title="Shipped", numbers_from=2)
    assert capsys.readouterr().out.splitlines() == [
        "Shipped",
        "scenario      what                                 services",
        "two-services  Two services, [bold]one[/bold] city         2",
        "england       All of England                          1,300",
    ]


def test_a_table_on_a_terminal_fits_it_and_prints_brackets_as_they_are(screen: Callable[[], Terminal]) -> None:
    seen = screen()
    terminal.table(["scenario", "what", "services"], ROWS, title="Shipped", numbers_from=2)
    lines = seen.text.splitlines()
    assert lines[0].strip() == "Shipped"
    assert max(map(len, lines)) <= 60
    assert "[bold]one[/bold]" in seen.text.replace("\n", "")
    assert "1,300" in seen.text


def test_progress_is_a_bar_on_a_terminal(screen: Callable[[], Terminal]) -> None:
    seen = screen()
    with terminal.progress("two-services", quiet=False) as told:
        assert told is not None
        told(30, 120)
    assert "two-services" in seen.text
    assert "30/120 runs" in seen.text


def test_progress_in_a_pipe_is_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with terminal.progress("two-services", quiet=False) as told:
        for now in (105.0, 111.0, 112.0, 121.5):  # the clock reads it
            told(int(now), 200)
    assert capsys.readouterr().err.splitlines() == [  # since the first call: 6 runs in 6 s, 16 in 16.5 s
        "two-services: 111 of 200 runs, about 89 s left", "two-services: 121 of 200 runs, about 81 s left",
    ]  # fmt: skip


def test_nothing_is_said_of_progress_when_quiet(screen: Callable[[], Terminal]) -> None:
    seen = screen()
    with terminal.progress("two-services", quiet=True) as told:
        assert told is None
    assert seen.text == ""


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.as_json({1: [np.float64("nan"), np.inf, np.int64(3)], "share": (0.5, True, "é")})
    out = capsys.readouterr().out
    assert json.loads(out) == {"1": [None, "never", 3], "share": [0.5, True, "é"]}
    assert "é" in out


@pytest.mark.parametrize(("platform", "display", "opener"), [
    ("linux", ":0", "xdg-open"), ("linux", None, None), ("darwin", None, "open"),
])  # fmt: skip
def test_a_picture_is_shown_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, platform: str, display: str | None, opener: str | None
) -> None:
    opened: list[list[str]] = []
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: opened.append(command))
    assert terminal.show_picture("run.png") == (opener is not None)
    assert opened == ([[opener, "run.png"]] if opener else [])


def test_a_picture_without_a_program_to_show_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("xdg-open")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(subprocess, "Popen", missing)
    assert not terminal.show_picture("run.png")


def test_windows_opens_pictures_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("os.startfile", opened.append, raising=False)
    assert terminal.show_picture("run.png")
    assert opened == ["run.png"]


# --- what steers a terminal is written out ---------------------------------------------------------------------------
ESCAPES = "a\x1b[2J\x1b]0;title\x07\x9b31m\u202eb\u200bc\nvalign: all is well"
WRITTEN_OUT = r"a\x1b[2J\x1b]0;title\x07\x9b31m\u202eb\u200bc"


def unsteered(text: str) -> bool:
    return all(each == "\n" or (each.isprintable()) for each in text)


def test_no_message_steers_the_terminal(capsys):
    terminal.complain(ESCAPES, ESCAPES)
    terminal.say(ESCAPES)
    terminal.show(ESCAPES)
    terminal.table((ESCAPES, "n"), [(ESCAPES, "-1")], title=ESCAPES)
    said = capsys.readouterr()
    assert unsteered(said.out)
    assert unsteered(said.err)
    assert said.err.count(WRITTEN_OUT) == 3
    assert said.out.count(WRITTEN_OUT) == 4
    complaint = said.err.splitlines()[:2]
    assert complaint == [f"valign: {WRITTEN_OUT}\\x0avalign: all is well", f"  {WRITTEN_OUT}\\x0avalign: all is well"]


def test_json_holds_the_same_text_and_steers_nothing(capsys):
    terminal.as_json({"name": ESCAPES + "\x7f\U000e0041é"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": ESCAPES + "\x7f\U000e0041é"}
    assert unsteered(out)
    assert "é" in out


def test_on_a_terminal_names_are_no_markup(screen):
    new = screen()
    terminal.table(("[red]x[/red]", "n"), [("[bold]a\x1b[2J", "-1")], title="[link=http://x]t")
    with terminal.progress("[red]name\x1b[2J", False) as told:
        told(1, 2)
    for text in ("[red]x[/red]", r"[bold]a\x1b[2J", "[link=http://x]t", r"[red]name\x1b[2J"):
        assert text in new.text
    assert "\x1b[2J" not in new.getvalue()


def test_of_many_and_long_complaints_the_reader_sees_the_beginning(capsys):
    terminal.complain(*(f"problem {n}" for n in range(1_000_000)))
    terminal.complain("x" * 1_000_000 + "end")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == terminal.MOST_LINES + 2
    assert lines[-2] == "  … and 999,950 more"
    assert len(lines[-1]) < 2_100
    assert lines[-1].endswith("xend")
    assert "letters left out" in lines[-1]
