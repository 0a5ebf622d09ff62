"""In a browser: sliders, switches, the time line, pins and views."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from explorer_cases import HOSTILE
from serving import uptake

REDRAWN = "before => document.querySelector('.grid svg polyline').getAttribute('points') !== before"


def press(page, name: str, key: str = "ArrowRight", times: int = 3) -> None:
    """Move a slider by keyboard, and wait until the bands are drawn anew."""
    from playwright.sync_api import TimeoutError

    before = uptake(page)
    for _ in range(6):  # a page that is still arriving may take the focus away
        page.locator(f".lever-{name}").first.focus()
        for _ in range(times):
            page.keyboard.press(key)
        try:
            page.wait_for_function(REDRAWN, arg=before, timeout=10_000)
            return
        except TimeoutError:
            continue
    pytest.fail(f"{name} was moved and nothing was drawn anew")


@pytest.mark.browser
def test_a_slider_redraws_the_bands_and_the_link_restores_them(visit):
    page = visit()
    page.locator(".grid svg polyline").first.wait_for()
    press(page, "coproduction_intensity", times=12)
    page.wait_for_function("() => location.search.includes('coproduction_intensity')")
    page.wait_for_timeout(1000)
    again = visit(page.url.split("/", 3)[3])
    again.locator(".grid svg").first.wait_for()
    assert uptake(again) == uptake(page)
    assert "changed" in again.locator(".lever", has_text="monthly sessions").first.get_attribute("class")


@pytest.mark.browser
def test_switches_groups_level_and_months(visit):
    page = visit()
    page.locator(".grid svg").first.wait_for()
    before = uptake(page)
    page.get_by_text("coproduction", exact=True).first.click()
    page.get_by_role("switch", name="coproduction acts").click()
    page.wait_for_function("() => location.search.includes('off=coproduction')")
    page.wait_for_function(REDRAWN, arg=before)
    page.get_by_role("switch", name="set it").click()
    page.wait_for_function("() => location.search.includes('level=0.7')")
    page.get_by_role("spinbutton", name="Months").fill("24")
    page.keyboard.press("Tab")
    page.locator(".grid svg[aria-label*='over 24 months']").first.wait_for()


@pytest.mark.browser
def test_a_pin_is_compared_run_by_run(visit):
    page = visit("?months=24")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("button", name="Pin the present settings").click()
    page.get_by_text("Uptake: now less pinned").wait_for()
    before = page.locator(".q-tab-panel:visible table").inner_text()
    page.locator(".lever-coproduction_intensity").first.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.q-tab-panel table')].some(t => t.innerText && "
        "t.innerText.includes('now less pinned') && t.innerText !== before)",
        arg=before,
    )
    assert "pin.scenario" in page.url


@pytest.mark.browser
def test_levels_and_why_are_computed_when_opened(visit):
    page = visit("?months=24")
    page.get_by_role("tab", name="Levels").click()
    page.get_by_text("What the level does").wait_for()
    page.get_by_role("tab", name="Why").click()
    page.get_by_text("What moved alignment").wait_for()
    assert page.get_by_text("net value to commissioners").count() == 1


@pytest.mark.browser
def test_the_society_is_played_and_explains_itself(visit):
    page = visit("?view=society")
    mark = page.locator("g[data-pick=p3]")
    mark.wait_for()
    page.get_by_role("button", name="Play").click()
    page.locator("svg text", has_text="Month 3").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    mark.click()
    page.get_by_role("table").filter(has_text="this person").wait_for()
    page.locator("g[data-pick=s1] text").click()
    page.get_by_role("heading", name="outreach").wait_for()


@pytest.mark.browser
def test_changes_are_scheduled_on_a_time_line(visit):
    page = visit("?view=changes")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("Remove: month 12: slack becomes 0.1").wait_for()
    page.wait_for_function("() => location.search.includes('change=')")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_text("Remove: month 12").wait_for(state="detached")


@pytest.mark.browser
def test_a_wrong_link_gets_a_message_and_a_page(visit):
    page = visit("?" + urlencode({"slak": HOSTILE, "scenario": "two-services"}))
    page.locator(".problems", has_text="slak").wait_for()
    page.locator(".grid svg").first.wait_for()


@pytest.mark.browser
def test_visitors_do_not_disturb_each_other(visit):
    pages = [visit("?months=24") for _ in range(2)]
    for page in pages:
        page.locator(".grid svg").first.wait_for()
    before = uptake(pages[1])
    press(pages[0], "coproduction_intensity", times=10)
    assert uptake(pages[1]) == before != uptake(pages[0])
    assert "coproduction" not in pages[1].url


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 820, 400])
def test_nothing_is_cut_off_at_any_width(visit, width):
    page = visit(width=width, height=1100)
    page.locator(".grid svg").first.wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0
    for role, name in (("slider", "strength of the published evidence, share"), ("tab", "Results"), ("status", None)):
        assert page.get_by_role(role, name=name).count() >= 1
