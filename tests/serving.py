"""`valign explore` as a process of its own, who asks it, and a browser that notes everything that goes wrong in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Server:
    """A running server. `address` ends in a slash."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def memory(self) -> float:
        """Memory in use by the server itself, MB."""
        return _memory(self.process.pid)

    def workers(self) -> list[int]:
        """Processes of jobs, the one that waits for the next included."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("utf-8")
        return [int(each) for each in found.split()]

    def memory_of_workers(self) -> float:
        """Memory in use by them, MB."""
        return sum(map(_memory, self.workers()))


def _memory(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Visitor:
    """Somebody who has opened the page of a scenario, without a browser: its cookie and its token."""

    def __init__(self, server: Server, scenario: str = "two-services") -> None:
        self.server, self.cookie, self.token = server, "", ""
        for _ in range(600):
            text = self.get(f"?scenario={scenario}").decode()
            if found := re.search(r'data-machine="([0-9a-f]{64})"', text):
                self.page, self.token = text, found[1]
                return
            time.sleep(0.2)
        raise AssertionError(text[:500])

    def get(self, path: str) -> bytes:
        asked = urllib.request.Request(self.server.address + path, headers={"cookie": self.cookie})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            given = answer.headers.get("set-cookie")
            self.cookie = given.partition(";")[0] if given else self.cookie
            return answer.read()

    def call(self, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Status and answer of the interface."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"cookie": self.cookie, "x-valign": self.token}
        asked = urllib.request.Request(self.server.address + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else text.decode()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        status, job = self.call("api/jobs", question)
        assert status == 202, job
        return self.wait(job)

    def wait(self, job: dict[str, Any]) -> dict[str, Any]:
        while job["state"] in ("waiting", "working", "held"):
            status, job = self.call(f"api/jobs/{job['id']}?wait=1")
            assert status == 200, job
        return job

    def upload(self, name: str, content: bytes) -> str:
        status, kept = self.call(f"api/files?name={quote(name)}", content)
        assert status == 200, kept
        return kept["id"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def machine(folder: Path, *options: str) -> Iterator[Server]:
    """Serve the page until the end of the block. folder: for its log. options: of `valign explore`."""
    port, log = free_port(), folder / "server.txt"
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "valign.cli.app", "explore", "--port", str(port), *options]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(address, timeout=5).read()
                    break
                except (urllib.error.URLError, OSError):
                    assert process.poll() is None, log.read_text("utf-8")
                    time.sleep(0.1)
            yield Server(address, process, log)
            assert process.poll() is None, log.read_text("utf-8")
        finally:
            process.terminate()
            process.wait(20)


def browser_or_skip() -> Iterator[Any]:
    """A browser for a fixture, where there is one."""
    pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with chromium() as started:
        yield started


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser (Playwright's sync interface)."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def watch(page: Any, server: Server, wrong: list[str]) -> None:
    """Note errors in the console, requests that fail, and requests that leave the machine."""
    own = (server.address, "data:", "blob:")
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
