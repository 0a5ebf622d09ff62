"""In a browser: screen readers and keyboards, hostile messages, visitors who leave."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import serving


@pytest.mark.browser
def test_what_screen_readers_and_keyboards_need_is_there(visit):
    page = visit()
    page.locator(".grid svg").first.wait_for()
    slider = page.get_by_role("slider", name="mean propensity to take part in monthly sessions")
    assert slider.get_attribute("aria-valuetext").startswith("0.15 ")
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('coproduction_intensity')")
    page.locator(".range[aria-valuetext^='0.15']:not([aria-valuetext^='0.15 '])").wait_for()
    assert slider.input_value() != before
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('.levers') !== null")
    for role in ("main", "complementary", "region", "tablist"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).inner_text() == "valign explorer"
    assert page.locator("[role=status][aria-live=polite]", has_text="People engaged at the end").count() == 1
    assert page.locator("svg[role=img]:not([aria-label])").count() == 0


@pytest.mark.browser
def test_axe_has_no_complaint(visit):
    package = pytest.importorskip("axe_playwright_python", exc_type=ImportError)
    script = (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")
    page = visit()
    page.evaluate(script)
    for view in ("Results", "Claims", "Sensitivity", "Society", "Files"):
        page.get_by_role("tab", name=view).click()
        page.locator(".q-tab-panel:visible").first.wait_for()
        found = page.evaluate("() => axe.run({exclude: [['#q-loading-bar']]})")  # comes and goes: Quasar's
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == []
        assert len(found["passes"]) > 30


@pytest.mark.browser
def test_hostile_messages_and_uploads_impress_nobody(browser, tmp_path):
    from tests.faults.messages import fuzz

    with serving.explorer(tmp_path) as server:
        answers = fuzz(server, browser, 40)
    assert answers["with a message on the page"] > 0
    assert answers["taken"] + answers["line closed"] > 20


@pytest.mark.browser
def test_a_visitor_who_has_left_is_forgotten(visit, served):
    """Else the server keeps everything of every visitor; the address of an upload is there as long as its page."""
    from tests.faults.messages import ELEMENTS

    page = visit("?view=files")
    address = next(url for _, url, _ in page.evaluate(ELEMENTS) if url)

    def answer() -> int:
        try:
            urllib.request.urlopen(served.address.rstrip("/") + address, b"", timeout=60).close()
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    assert answer() != 404
    page.close()
    until = time.monotonic() + 60  # a line that is lost may come back within ten seconds
    while answer() != 404:
        assert time.monotonic() < until, "what the visitor had is still there"
        time.sleep(1)
