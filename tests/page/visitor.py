"""What a visitor does with the page in Chromium, and what it holds then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from valign.model.scenario.scenario import Scenario

ENSEMBLE = """(worlds) => {
  const { engine } = window.page, key = window.page.setting(false, worlds).key;
  const numbers = (run) => Array.from(run).map((n) => (Number.isNaN(n) ? null : n));
  return { names: engine.outcomes, outcomes: engine.ensembles.get(key).outcomes.map(numbers) };
}"""


def all_runs(page: Any, runs: int = 256) -> None:
    page.locator(f'body:not(.stale)[data-runs="{runs}"]').wait_for()


def outcomes(page: Any, worlds: bool = False) -> tuple[list[str], np.ndarray]:
    found = page.evaluate(ENSEMBLE, worlds)
    return found["names"], np.array(found["outcomes"], float)


def ask(page: Any, question: str) -> None:
    page.locator(f'#tabs [data-question="{question}"]').click()


def saved(page: Any, path: Path) -> Scenario:
    """What is shown, by the file that the page hands over."""
    with page.expect_download() as download:
        page.locator("#toml").click()
    download.value.save_as(path)
    return Scenario.load(path)


def set_lever(page: Any, key: str, value: float) -> None:
    slider = page.locator(f'[id="lever-{key}"]')
    slider.evaluate("(each, value) => { each.value = value; each.dispatchEvent(new Event('input')); }", value)


def begun(page: Any) -> None:
    """The first runs of what is set are there."""
    page.locator("body:not(.stale)[data-runs]").wait_for()


def over_worlds(page: Any) -> tuple[list[str], np.ndarray]:
    """Outcomes of what is set in all runs over worlds."""
    done = "window.page.engine.ensembles.get(window.page.setting(false, true).key)?.done"
    for _ in range(300):  # the page allows nobody to wait for an expression
        if page.evaluate(done) == 256:
            break
        page.wait_for_timeout(200)
    return outcomes(page, True)


def tried(page: Any) -> list[list[str]]:
    """What the page found, as rows of text."""
    page.locator("#try").click()
    page.locator("body[data-tried] #found table").first.wait_for()
    rows = page.locator("#found table").first.locator("tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
