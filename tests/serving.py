"""The explorer as a server of its own, and a browser that notes everything that goes wrong in it."""

from __future__ import annotations

import contextlib
import os
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

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Server:
    """A running explorer. `address` ends in a slash."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def memory(self) -> float:
        """Memory in use, MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu(self) -> float:
        """Seconds of processor that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def explorer(folder: Path) -> Iterator[Server]:
    """Serve the explorer until the end of the block. folder: for its log."""
    port, log = free_port(), folder / "server.txt"
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "valign.cli.app", "explore", "--port", str(port)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}  # NiceGUI looks at it
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env={**env, "PYTHONPATH": str(ROOT)})
        try:
            for _ in range(1200):  # compiles the model first
                try:
                    urllib.request.urlopen(address, timeout=5).read()
                    break
                except (urllib.error.URLError, OSError):
                    assert process.poll() is None, log.read_text("utf-8")
                    time.sleep(0.5)
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
    own = (server.address, server.address.replace("http", "ws"), "data:", "blob:")
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))


def arrived(page: Any) -> None:
    """Wait until the page shows results, or says what is wrong."""
    page.locator(".status", has_text="runs of").or_(page.locator(".problems:not(:empty)")).first.wait_for()


def uptake(page: Any) -> str:
    """The line of uptake as it is drawn."""
    return page.locator(".grid svg polyline").first.get_attribute("points")
