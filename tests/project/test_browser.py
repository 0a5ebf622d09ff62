"""World in Mesa's SolaraViz, in a real browser. Runs in the mesa-viz environment (`make test-all`)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.browser
if not os.environ.get("CI"):  # CI has to have both
    pytest.importorskip("playwright")
    pytest.importorskip("solara")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium", allow_module_level=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(tmp_path):
    """Address of the running example."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "solara", "run", "examples/solara_app.py", "--host", "127.0.0.1",
               "--port", str(port), "--no-open", "--production"]  # fmt: skip
    with (tmp_path / "server.txt").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "HOME": str(tmp_path)})
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(address, timeout=5).read()
                    break
                except (urllib.error.URLError, OSError):
                    assert server.poll() is None, (tmp_path / "server.txt").read_text()
                    time.sleep(0.5)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def test_the_model_runs_in_a_browser(served, tmp_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        missing: list[str] = []
        page.on("response", lambda response: missing.append(response.url) if response.status >= 400 else None)
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(served)
        page.get_by_text("Month 0").wait_for(timeout=180_000)  # compiles the model first
        picture = page.locator("img").first
        picture.wait_for(timeout=60_000)
        before = picture.get_attribute("src")
        for month in (1, 2):
            page.get_by_role("button", name="Step").click()
            page.get_by_text(f"Month {month}", exact=True).wait_for(timeout=60_000)
        page.wait_for_function("before => document.querySelector('img').src !== before", arg=before, timeout=60_000)
        page.get_by_role("button", name="Reset").click()
        page.get_by_text("Month 0", exact=True).wait_for(timeout=60_000)
        page.screenshot(path=tmp_path / "page.png")
        text = page.inner_text("body")
        browser.close()
    assert "hostel" in text
    assert "Traceback" not in text
    # Everything the page needs comes from this machine; type for formulas, which it has none of, does not ship.
    assert [each for each in thrown if "katex" not in each] == []
    assert [url for url in missing if "katex" not in url] == []
