"""Parts and locks by themselves: what is damaged, foreign or held by others is named, and never believed."""

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
import pytest

from valign.results import checkpoint
from valign.results.checkpoint import DamageWarning, Parts, StoreError, Unwritten, locked, replace

ROOT = Path(__file__).resolve().parents[2]
WORK = {"data": "made up", "seed": 1}


def made() -> dict[str, np.ndarray]:
    return {"x": np.arange(5.0), "names": np.array(["a", "b"])}


# --- parts -----------------------------------------------------------------------------------------------------------
def test_a_part_is_made_once(tmp_path: Path) -> None:
    Parts(tmp_path, WORK).part("one", made)
    again = Parts(tmp_path, WORK).part("one", lambda: pytest.fail("made again"))
    np.testing.assert_array_equal(again["x"], made()["x"])
    assert again["names"].tolist() == ["a", "b"]
    assert {each.name for each in tmp_path.iterdir()} == {"work.json", "one.kept"}


def test_a_folder_is_made_when_there_is_a_part_to_be_kept(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "out", WORK)
    assert "one" not in parts
    assert not (tmp_path / "out").exists()
    parts.part("one", made)
    assert "one" in Parts(tmp_path / "out", WORK)


def test_without_a_folder_every_part_is_made() -> None:
    parts, calls = Parts(), []
    for _ in range(2):
        parts.part("one", lambda: calls.append(1) or made())
    assert len(calls) == 2
    assert "one" not in parts


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-7],
    "only its first line": lambda content: content.split(b"\n")[0],
    "one byte flipped": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
    "a byte of its checksum flipped": lambda content: content[:30] + bytes([content[30] ^ 1]) + content[31:],
    "empty": lambda _: b"",
    "something else": lambda _: b"hello",
    "another version": lambda content: content.replace(b"valign-part 1", b"valign-part 0"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_part_is_named_removed_and_made_again(tmp_path: Path, harm: str) -> None:
    parts = Parts(tmp_path, WORK)
    parts.part("one", made)
    path, content = parts.path("one"), parts.path("one").read_bytes()
    path.write_bytes(HARMS[harm](content))
    with pytest.warns(DamageWarning, match=r"one\.kept is damaged.*: it is computed again"):
        assert parts.arrays("one") is None
    assert not path.exists()
    parts.part("one", made)
    assert path.read_bytes() == content


def test_parts_of_other_work_and_parts_renamed_are_not_believed(tmp_path: Path) -> None:
    mine, theirs = Parts(tmp_path / "mine", WORK), Parts(tmp_path / "theirs", WORK | {"seed": 2})
    for parts in (mine, theirs):
        parts.part("one", made)
    mine.path("two").write_bytes(mine.path("one").read_bytes())
    with pytest.warns(DamageWarning, match=r"two\.kept is damaged"):
        assert "two" not in mine
    mine.path("one").write_bytes(theirs.path("one").read_bytes())
    with pytest.warns(DamageWarning, match=r"one\.kept is of other work"):
        assert "one" not in mine


def test_a_folder_of_other_work_is_refused_with_what_differs(tmp_path: Path) -> None:
    Parts(tmp_path, WORK).part("one", made)
    with pytest.raises(StoreError, match=r"holds another study \(it differs in: seed\); nothing is overwritten"):
        Parts(tmp_path, WORK | {"seed": 2}, "study")
    with pytest.raises(KeyError, match="another study"):
        Parts(tmp_path, WORK | {"seed": 2}, "study", refused=KeyError)
    assert "one" in Parts(tmp_path, WORK)


@pytest.mark.parametrize("harm", [b"", b"{", b"[]", b'{"hash": "00000000", "work": {"seed": 1}}', None])
def test_what_a_folder_was_begun_with_is_written_again_where_it_is_damaged(tmp_path: Path, harm: bytes | None) -> None:
    Parts(tmp_path, WORK).part("one", made)
    path = tmp_path / "work.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"seed": 1', b'"seed": 3') if harm is None else harm)
    with pytest.warns(DamageWarning, match=r"work\.json is damaged"):
        parts = Parts(tmp_path, WORK)
    assert path.read_bytes() == before
    assert "one" in parts


def test_a_folder_may_move(tmp_path: Path) -> None:
    Parts(tmp_path / "here", WORK).part("one", made)
    (tmp_path / "here").rename(tmp_path / "there")
    assert "one" in Parts(tmp_path / "there", WORK)


@pytest.mark.parametrize("step", ["write_bytes", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "says"), [(28, "No space left on device"), (30, "Read-only file system"), (5, "Input/output error")]
)
def test_a_disk_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, says: str
) -> None:
    parts = Parts(tmp_path, WORK)
    parts.part("one", made)
    before = parts.path("one").read_bytes()

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path if step == "write_bytes" else os, step, fails)
    with pytest.raises(Unwritten, match=says):
        parts.write("one", b"other")
    assert parts.path("one").read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} == {"work.json", "one.kept"}


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    replace(path, b"before")

    def half(to: Path) -> None:
        to.write_bytes(b"ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(path, half)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


# --- locks -----------------------------------------------------------------------------------------------------------
HOLD = """
import sys, time
from pathlib import Path
from valign.results.checkpoint import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the folder."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_waits_and_says_for_whom(tmp_path: Path) -> None:
    first, said = holder(tmp_path / "out", 2.5), []
    with locked(tmp_path / "out", said.append):
        assert first.wait() == 0
    assert len(said) == 1
    assert f"out is in use by process {first.pid} on " in said[0]
    assert " since 20" in said[0]
    assert not (tmp_path / "out").exists(), "nothing came of it"


def test_a_lock_of_a_dead_process_is_taken_over_whatever_the_clock_says(tmp_path: Path) -> None:
    first = holder(tmp_path / "out", 60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    lock = tmp_path / "out" / checkpoint.LOCK
    assert json.loads(lock.read_text())["pid"] == first.pid
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "since": "2999-01-01T00:00:00+00:00"}))
    half = tmp_path / "out" / "runs.csv.123.part"
    half.write_text("half")
    said: list[str] = []
    with locked(tmp_path / "out", said.append):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
        assert not half.exists()
    assert said == []
    assert not lock.exists()


def test_a_lock_of_another_host_says_how_to_take_over(tmp_path: Path) -> None:
    lock = tmp_path / checkpoint.LOCK
    lock.write_text(json.dumps({"pid": 7, "host": "node-3", "since": "2026-01-01T00:00:00+00:00"}))
    with (
        pytest.raises(StoreError, match=r"in use by process 7 on node-3 since 2026-01-01.*remove .*\.lock"),
        locked(tmp_path),
    ):
        pytest.fail("taken")
    lock.unlink()
    with locked(tmp_path):
        assert lock.exists()


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_lock_that_says_nothing_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / checkpoint.LOCK).write_text(content)
    with locked(tmp_path):
        assert json.loads((tmp_path / checkpoint.LOCK).read_text())["pid"] == os.getpid()


def test_without_locks_of_the_system_a_lock_is_believed_until_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "fcntl", None)
    with locked(tmp_path), pytest.raises(StoreError, match=rf"process {os.getpid()} on .*remove"), locked(tmp_path):
        pytest.fail("taken twice")
    with locked(tmp_path):
        pass


def test_many_processes_take_turns(tmp_path: Path) -> None:
    """Each adds to a number that it reads first; none is lost."""
    count = """
import sys
from pathlib import Path
from valign.results.checkpoint import locked, replace
for _ in range(10):
    with locked(Path(sys.argv[1])):
        number = Path(sys.argv[1]) / "number"
        replace(number, str(int(number.read_text()) + 1).encode())
"""
    (tmp_path / "number").write_text("0")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    all_ = [subprocess.Popen([sys.executable, "-c", count, str(tmp_path)], env=env) for _ in range(4)]
    assert [each.wait(120) for each in all_] == [0] * 4
    assert (tmp_path / "number").read_text() == "40"


def test_a_folder_that_cannot_be_written_needs_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with locked(tmp_path / "file" / "out"):
        assert (tmp_path / "file").read_text() == ""


def test_waiting_is_quiet_at_first(tmp_path: Path) -> None:
    first, said, begun = holder(tmp_path / "out", 0.3), [], time.monotonic()
    with locked(tmp_path / "out", said.append):
        assert time.monotonic() - begun < checkpoint.PATIENCE
    first.wait()
    assert said == []
