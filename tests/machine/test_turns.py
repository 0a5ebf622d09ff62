"""One queue for all: fair turns, cancelling, an end for everything; visitors are apart, requests within ceilings."""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import pairwise

import pytest

from valign.machine import ceiling, turns, visitors
from valign.machine.turns import CANCELLED, DONE, HELD, REFUSED, WORKING, Full, Job, Turns
from valign.machine.visitors import Visitors

# A process that works as long as it is told, says so, and notes each tenth of a second in a file of its folder.
WORKER = """
import json, sys, time, pathlib
asked = json.loads(sys.stdin.readline())
for n in range(asked["tenths"]):
    time.sleep(.1)
    with open(asked["ticks"], "a") as file: file.write(f"{asked['who']} ")
    print(json.dumps({"told": f"{n}"}), flush=True)
if asked["tenths"] != 7:
    print(json.dumps({"result": {"whole": True, "n": asked["tenths"]}}), flush=True)
"""


def run(scene, slots=1, turn=0.4):
    """Let a scene ask of a queue with so many slots."""

    async def play():
        queue = Turns((sys.executable, "-c", WORKER))
        serving = asyncio.create_task(queue.serve())
        try:
            return await asyncio.wait_for(scene(queue), 30)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(turns, "SLOTS", slots)
        patched.setattr(turns, "TURN", turn)
        return asyncio.run(play())


def job(folder, who: str, tenths: int) -> Job:
    ticks = str(folder / "ticks")
    return Job(who, {"kind": "tick", "tenths": tenths, "who": who, "ticks": ticks}, folder / f"{who}{tenths}")


def test_turns_are_fair_and_what_is_cancelled_ends(tmp_path):
    async def scene(queue):
        first, second = queue.ask(job(tmp_path, "a", 30)), queue.ask(job(tmp_path, "a", 31))
        await asyncio.sleep(0.8)
        late = queue.ask(job(tmp_path, "b", 5))
        await late.ended.wait()
        assert first.state in (HELD, WORKING)
        assert second.state == "waiting", "a visitor's second job took the turn of another visitor"
        first.end(CANCELLED)
        second.end(CANCELLED)
        said = (tmp_path / "ticks").read_text("utf-8")
        await asyncio.sleep(0.5)
        assert (tmp_path / "ticks").read_text("utf-8") == said, "a cancelled job went on"
        return late, first, said

    late, first, said = run(scene)
    assert (late.state, late.result["n"], late.told) == (DONE, 5, "4")
    assert late.worked > 0.4
    assert first.state == CANCELLED
    assert said.index("b") < len(said) - 4, "the other one never had another turn"


def test_two_visitors_share_one_slot(tmp_path):
    async def scene(queue):
        both = [queue.ask(job(tmp_path, who, 12)) for who in ("a", "b")]
        await asyncio.gather(*(each.ended.wait() for each in both))
        return both

    both = run(scene)
    assert [each.state for each in both] == [DONE, DONE]
    order = (tmp_path / "ticks").read_text("utf-8").split()
    changes = sum(one != other for one, other in pairwise(order))
    assert changes >= 3, order  # neither waited for all of the other


def test_what_fails_takes_too_long_or_is_left_alone_ends_with_a_sentence(tmp_path, monkeypatch):
    async def scene(queue):
        monkeypatch.setattr(turns, "LONGEST", 0.5)
        broken, long = queue.ask(job(tmp_path, "a", 7)), queue.ask(job(tmp_path, "b", 40))
        await long.ended.wait()
        monkeypatch.setattr(turns, "LONGEST", 90)
        left = queue.ask(job(tmp_path, "c", 41))
        await broken.ended.wait()
        left.seen -= turns.LEFT
        await left.ended.wait()
        return broken, long, left

    broken, long, left = run(scene, slots=2)
    assert (long.state, long.problems) == (REFUSED, [turns.TOO_LONG])
    assert broken.state == REFUSED
    assert broken.problems in ([turns.GONE], [turns.TOO_LONG])
    assert left.state == CANCELLED


def test_so_many_wait_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(turns, "MOST_WAITING", 3)
    queue = Turns()
    for n in range(3):
        queue.ask(job(tmp_path, f"v{n}", n))
    with pytest.raises(Full):
        queue.ask(job(tmp_path, "w", 1))


def test_visitors_are_apart_and_forgotten(tmp_path, monkeypatch):
    known = Visitors(tmp_path, Turns())
    one, other = known.new(), known.new()
    assert known.of(one.id) is one
    assert known.of(None) is known.of("guess") is None
    assert known.is_token(one, known.token(one))
    assert not known.is_token(one, known.token(other))
    assert not known.is_token(one, "\udce9")
    asked = known.ask(one.id, {"kind": "run"})
    assert known.job(one, asked.id) is asked
    assert known.job(other, asked.id) is None
    assert known.job(other, known.ask(visitors.HOUSE, {"kind": "read"}).id) is not None
    known.ask(one.id, {"kind": "run"})
    assert asked.state == CANCELLED, "the lever has moved on"
    id_ = known.add_file(one, "../../etc/passwd", b"x")
    assert one.files[id_].parent.parent == tmp_path / one.id
    assert one.files[id_].name == "passwd"
    assert known.add_file(one, "../../etc/passwd", b"x") != id_, "the same file twice"
    assert known.add_file(one, "..\\..", b"x") in one.files
    for n in range(visitors.MOST_FILES):
        known.add_file(one, f"{n}.csv", b"x")
    assert len(one.files) == visitors.MOST_FILES
    assert id_ not in one.files
    monkeypatch.setattr(visitors, "MOST_VISITORS", 2)
    one.seen -= 1
    third = known.new()  # of those without work, the one who left first goes
    assert set(known.known) == {one.id, third.id}
    third.seen -= visitors.FORGOTTEN + 1
    known.tidy()
    assert set(known.known) == {one.id}


def test_requests_beyond_the_ceiling_get_a_status_and_nothing_else(monkeypatch):
    monkeypatch.setattr(ceiling, "MOST_BODY", 10)
    monkeypatch.setattr(ceiling, "SLOWEST", 0.2)

    async def inner(scope, receive, send):
        if scope["path"] == "/answers first":
            await send({"type": "http.response.start", "status": 200})
        while scope["method"] == "POST" and (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200})

    def status(method: str, path: str = "/", parts: tuple[int, ...] = (0,), length: bytes = b"0", wait=0.0):
        messages = iter([{"body": b"x" * part, "more_body": n + 1 < len(parts)} for n, part in enumerate(parts)])
        sent: list[int] = []

        async def receive():
            await asyncio.sleep(wait)
            return next(messages)

        async def send(message):
            if message["type"] == "http.response.start":
                sent.append(message["status"])

        scope = {"type": "http", "method": method, "path": path, "headers": [(b"content-length", length)]}
        asyncio.run(ceiling.Ceiling(inner)(scope, receive, send))
        return sent

    assert status("GET", length=b"99") == status("POST", parts=(4, 4), length=b"8") == [200]
    assert status("POST", length=b"11") == status("POST", length=b"many") == status("POST", length=b"9" * 5000) == [413]
    assert status("POST", parts=(6, 6)) == [413]
    before = time.monotonic()
    assert status("POST", parts=(1,) * 50, wait=0.05) == [408]
    assert time.monotonic() < before + 5
    with pytest.raises(OverflowError):  # an answer that has begun cannot become another
        status("POST", "/answers first", (6, 6))
