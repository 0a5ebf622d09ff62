"""Visitors who move sliders all at once, in real browsers: does anything fail, mix, or grow?

    python -m tests.faults.sessions --sessions 10 --minutes 5

Each visitor has a scenario and a lever of their own and moves it again and again, without waiting for the answer. At
the end each page must show what its own link says (computed anew in this process), no console may hold an error, no
request may have failed or left the machine, and the server must not have grown.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

from tests.serving import arrived, chromium, explorer, uptake, watch
from valign.explorer import words
from valign.explorer.state import MAIN, decode
from valign.explorer.work import Question, ensemble

SCENARIOS = ("two-services", "low-fit", "social-prescribing")
SETTLED = "() => / in \\d+ ms/.test(document.querySelector('.status').textContent)"
GROWTH = 1.1  # of the last minute over the second: more is a leak


def expected(address: str) -> str:
    """The line of uptake that a link must show."""
    now, _, _ = decode(parse_qsl(urlsplit(address).query))
    drawn = ElementTree.fromstring(words.uptake(asyncio.run(ensemble(Question(now)))))
    line = drawn.find(".//polyline")
    assert line is not None
    return line.get("points", "")


def visit(sessions: int, minutes: float, seed: int = 1) -> dict[str, object]:
    """Let so many visitors move sliders so long. Raises AssertionError where something fails or mixes."""
    chance, wrong, moves, curve = random.Random(seed), [], 0, []
    with tempfile.TemporaryDirectory() as folder, explorer(Path(folder)) as server, chromium() as browser:
        pages = []
        for n in range(sessions):
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.set_default_timeout(120_000)
            watch(page, server, wrong)
            page.goto(f"{server.address}?scenario={SCENARIOS[n % len(SCENARIOS)]}&months={24 + n}")
            pages.append((page, MAIN[n % len(MAIN)].replace(".", "-")))
        for page, _ in pages:
            arrived(page)
        begun = time.monotonic()
        while time.monotonic() < begun + 60 * minutes:
            for page, lever in pages:
                page.locator(f".lever-{lever}").first.focus()
                for _ in range(chance.randint(1, 4)):
                    page.keyboard.press(chance.choice(("ArrowRight", "ArrowLeft", "PageUp", "PageDown")))
                    moves += 1
            if not curve or time.monotonic() > begun + 10 * len(curve):
                curve.append(server.memory())
        for page, _ in pages:  # one last move that no other follows
            page.wait_for_function(SETTLED)
        with ThreadPoolExecutor(1) as apart:
            for page, lever in pages:
                page.wait_for_timeout(500)
                page.wait_for_function(SETTLED)
                assert uptake(page) == apart.submit(expected, page.url).result(), f"{lever}: shows something else"
                assert page.locator(".problems:not(:empty)").count() == 0
                page.context.close()
        last = server.memory()
        log = server.log.read_text("utf-8")
    assert wrong == [], wrong[:5]
    assert "Traceback" not in log, log
    steady = curve[6:] if minutes >= 2 else curve  # without the first minute, in which caches fill
    share = sum(steady[-6:]) / len(steady[-6:]) / (sum(steady[:6]) / len(steady[:6]))
    assert minutes < 2 or share < GROWTH, f"memory grew {share:.2f} times: {curve}"
    return {
        "sessions": sessions, "minutes": minutes, "moves": moves, "errors": 0,
        "memory every 10 seconds, MB": [round(each) for each in curve], "after they left, MB": round(last),
        "last minute over the second": round(share, 3),
    }  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sessions", type=int, default=10)
    options.add_argument("--minutes", type=float, default=5.0)
    given = options.parse_args()
    for what, number in visit(given.sessions, given.minutes).items():
        print(f"{what}: {number}")
