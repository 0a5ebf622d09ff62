"""Jobs in processes of their own: one queue, fair turns between visitors, cancelling, and an end for each.

A process is loaded ahead, so that a job begins at once. As many work at a time as there are slots; where others wait,
a job that has had its turn is held (SIGSTOP) until it is its visitor's turn again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLOTS = max(2, os.cpu_count() or 1)
MOST_PROCESSES = SLOTS + 4  # those that are held included
MOST_WAITING = 100
TURN = 4.0  # seconds
LONGEST = 900.0  # seconds of work for a job
LEFT = 180.0  # seconds without a question, after which nobody waits for a job any more
LONGEST_LINE = 8_000_000  # bytes of what a process says at once
SOON = "page"  # somebody looks at an empty window, and it takes seconds: these wait for nobody
CAN_HOLD = hasattr(signal, "SIGSTOP")
WAITING, WORKING, HELD, DONE, REFUSED, CANCELLED = "waiting", "working", "held", "done", "refused", "cancelled"
GONE = "The machine could not finish this; a smaller question may work."
TOO_LONG = (
    f"This took more than {LONGEST / 60:.0f} minutes, which is as much as a page may ask for; the command line has no "
    "such limit."
)


class Full(Exception):
    """So many wait already that nobody else can."""


@dataclass(eq=False)
class Job:
    """A piece of work of a visitor.

    asked : what the process is told, with its `kind`. folder : its own. told : how far it is. problems : why there is
    no result. worked : seconds. since, began : when that was last counted, when this turn began. seen : when somebody
    last asked for it.
    """

    visitor: str
    asked: Mapping[str, Any]
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: str = WAITING
    told: str = ""
    problems: list[str] = field(default_factory=list[str])
    result: dict[str, Any] = field(default_factory=dict[str, Any])
    process: Process | None = None
    worked: float = 0.0
    since: float = 0.0
    began: float = 0.0
    seen: float = field(default_factory=time.monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        return self.state in (WAITING, WORKING, HELD)

    def said(self) -> dict[str, Any]:
        """What its page is told."""
        return {
            "id": self.id, "kind": self.asked["kind"], "state": self.state, "told": self.told,
            "problems": self.problems, "result": self.result, "seconds": round(self.worked, 1),
        }  # fmt: skip

    def end(self, state: str, *problems: str) -> None:
        """What has begun for it ends too."""
        self.state, self.problems = state, [*self.problems, *problems]
        _kill(self.process)
        self.ended.set()


class Turns:
    """All jobs of a server."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "valign.machine.worker")) -> None:
        self.command = command
        self.jobs: dict[str, Job] = {}
        self.last: dict[str, float] = {}  # when a visitor's jobs last worked
        self.changed = asyncio.Event()
        self.following: set[asyncio.Task[None]] = set()
        self.spare: asyncio.Task[Process] | None = None

    def ask(self, job: Job) -> Job:
        """Put a job into the queue. Raises Full."""
        if sum(each.state == WAITING for each in self.jobs.values()) >= MOST_WAITING:
            raise Full
        self.jobs[job.id] = job
        self.changed.set()
        return job

    def forget(self, job: Job) -> None:
        """End it where it is alive, and take away what it has left."""
        if job.alive:
            job.end(CANCELLED)
        self.jobs.pop(job.id, None)
        self.changed.set()
        shutil.rmtree(job.folder, ignore_errors=True)

    async def serve(self) -> None:
        """Give turns until cancelled; then nothing is left that works."""
        self.spare = asyncio.create_task(self._started())
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.25):  # wait_for may swallow a cancellation (before Python 3.12)
                        await self.changed.wait()
                self.changed.clear()
                self._count(time.monotonic())
                self._give(time.monotonic())
        finally:
            for job in self.jobs.values():
                if job.alive:
                    job.end(CANCELLED)
            await asyncio.gather(*self.following, return_exceptions=True)
            with contextlib.suppress(OSError):
                _kill(process := await self.spare)
                await process.wait()

    def _count(self, now: float) -> None:
        """How long each has worked; those that take too long, or that nobody waits for, end."""
        for job in [each for each in self.jobs.values() if each.alive]:
            if job.state == WORKING:
                job.worked += now - job.since
                job.since = self.last[job.visitor] = now
            if job.worked > LONGEST:
                job.end(REFUSED, TOO_LONG)
            elif now - job.seen > LEFT:
                job.end(CANCELLED)

    def _give(self, now: float) -> None:
        """A turn to each that waits, as far as there are slots: first to visitors who have waited longest."""
        working = [job for job in self.jobs.values() if job.state == WORKING]
        waiting = [job for job in self.jobs.values() if job.state in (WAITING, HELD)]
        for job in sorted(waiting, key=lambda each: (self.last.get(each.visitor, 0.0), each.state == WAITING)):
            begun = sum(each.state in (WORKING, HELD) for each in self.jobs.values())
            soon = job.asked["kind"] == SOON
            if job.state == WAITING and begun >= MOST_PROCESSES and not soon:
                continue
            if len(working) >= SLOTS and not soon:
                held = self._to_hold(job, working, now)
                if held is None:
                    continue
                held.state = HELD
                _signal(held.process, "SIGSTOP")
                working.remove(held)
            before, job.state, job.since, job.began = job.state, WORKING, now, now
            working.append(job)
            if before == HELD:
                _signal(job.process, "SIGCONT")
            else:
                task = asyncio.create_task(self._follow(job))
                self.following.add(task)
                task.add_done_callback(self.following.discard)

    @staticmethod
    def _to_hold(job: Job, working: list[Job], now: float) -> Job | None:
        """Whose turn ends for this one: a job of who has several slots, else the one that has worked longest."""
        visitors = [each.visitor for each in working]
        if not CAN_HOLD or job.visitor in visitors:
            return None
        late = [each for each in working if visitors.count(each.visitor) > 1 or now - each.began >= TURN]
        return min(late, key=lambda each: each.began, default=None)

    async def _started(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self.command, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE, start_new_session=True
        )

    async def _follow(self, job: Job) -> None:
        """Give a job its process, and keep what it says until it ends."""
        ready, self.spare = self.spare, asyncio.create_task(self._started())
        try:
            assert ready is not None
            process = job.process = await ready
            if not job.alive:
                return
            if job.state == HELD:
                _signal(process, "SIGSTOP")
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({**job.asked, "folder": str(job.folder)}).encode() + b"\n")
            async for line in process.stdout:
                self._hear(job, json.loads(line))
        except (OSError, ValueError):  # it is gone, or says what nobody understands
            pass
        finally:
            if job.alive:
                job.end(REFUSED if job.problems else DONE if job.result.get("whole") else REFUSED)
                if job.state == REFUSED and not job.problems:
                    job.problems = [GONE]
            _kill(job.process)
            if job.process is not None:
                await job.process.wait()
            self.changed.set()

    @staticmethod
    def _hear(job: Job, said: dict[str, Any]) -> None:
        job.told = str(said.get("told", job.told))[:300]
        job.problems += [str(each)[:2000] for each in said.get("problems", ())][:50]
        if "result" in said:
            job.result = said["result"]


def _signal(process: Process | None, name: str) -> None:
    """To a process and those that it has begun."""
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, getattr(signal, name))


def _kill(process: Process | None) -> None:
    if sys.platform == "win32":
        if process is not None and process.returncode is None:
            process.kill()
    else:
        _signal(process, "SIGKILL")
