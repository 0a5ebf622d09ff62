"""Pictures of the page for docs/tutorials/policy-team.md, in Chromium: `.venv/bin/python -m tools.draw_page`.

`make browser-environment` installs what it needs.
Each is a part of the page of `two-services` with its worlds, in few colours: at most 60 KB.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from valign.model.scenario.scenario import Scenario
from valign.page.build import page, worlds_shown

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "figures"
MOST, COLOURS = 60_000, 32
PARTS = {"page-spread": ("#asked", "#charts"), "page-convince": ("#try", "#found"), "page-unknowns": ("#unknowns",)}


def main() -> None:
    """Open the page, try whom to convince first, and save what is seen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        path = Path(folder) / "page.html"
        path.write_text(page(Scenario.load("two-services"), worlds=worlds_shown()), "utf-8")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1200, "height": 900})
        view.set_default_timeout(600_000)
        view.goto(path.as_uri())
        view.locator('#doors [data-question="spread"]').click()
        view.locator("#try").click()
        view.locator("body[data-tried]").wait_for()
        view.locator('body[data-runs="256"]').wait_for()
        while view.evaluate("window.page.engine.queue.length"):
            view.wait_for_timeout(500)
        view.wait_for_timeout(2000)
        for name, places in PARTS.items():
            save(view, name, places)
        browser.close()


def save(view: Any, name: str, places: tuple[str, ...]) -> None:
    """From the first of some parts of the page to the last."""
    boxes = [view.locator(each).bounding_box() for each in places]
    left, top = min(each["x"] for each in boxes), min(each["y"] for each in boxes)
    right, bottom = (max(each[at] + each[size] for each in boxes) for at, size in (("x", "width"), ("y", "height")))
    clip = {"x": left - 8, "y": top - 8, "width": right - left + 16, "height": bottom - top + 16}
    seen = view.screenshot(full_page=True, clip=clip)
    picture = Image.open(io.BytesIO(seen)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    path = FOLDER / f"{name}.png"
    picture.save(path, optimize=True)
    if (size := path.stat().st_size) > MOST:
        raise SystemExit(f"{path.name}: {size:,} bytes; at most {MOST:,}")


if __name__ == "__main__":
    main()
