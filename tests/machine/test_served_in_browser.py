"""The page as the machine serves it, in a real browser: what it adds, two visitors, files, a scenario of any size."""

from __future__ import annotations

import pytest
import serving

FIRST = "#answers article:first-child"
pytestmark = pytest.mark.browser


@pytest.fixture
def visit(browser, served):
    """Open a page in a browser of its own; afterwards: no error in the console, no request that failed or left here."""
    wrong, pages = [], []

    def opened(query: str = "", width: int = 1280):
        page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        serving.watch(page, served, wrong)
        page.set_default_timeout(240_000)
        page.goto(served.address + query)
        page.locator("#machine h2").wait_for()
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert wrong == []


def test_files_and_settings_of_two_visitors_stay_apart(visit, served):
    one, other = visit(), visit(width=360)
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than a phone"
    for page in (one, other):
        for summary in page.locator("#machine > details > summary").all():
            summary.click()
    assert "nothing leaves it" in one.locator("#machine").inner_text()
    survey = sorted(serving.ROOT.glob("examples/survey/*.xlsx"))[0]
    for _ in range(2):
        one.get_by_label("Questionnaire", exact=True).set_input_files(survey)
        one.get_by_role("button", name="Where do we stand?").click()
        one.locator(f"{FIRST} a").wait_for()
        assert "answers used" in one.locator(FIRST).inner_text()
        one.locator("#answers").get_by_role("button", name="Stop").click()  # its diagnosis takes minutes
    assert "are they ready?" in one.locator("#own-page").inner_text()
    address = one.locator(f"{FIRST} a").get_attribute("href")
    other.locator("#machine textarea").fill("months = 6\nslak = 0.1")
    other.get_by_role("button", name="Full report").click()
    other.locator(f"{FIRST} li").wait_for()
    assert "did you mean 'slack'" in other.locator(FIRST).inner_text()
    other.locator("#machine textarea").fill("months = 6\nslack = 0.1")
    assert "has been changed since" in other.locator(FIRST).inner_text()
    other.get_by_role("button", name="Full report").click()
    other.locator(f"{FIRST} .finding").wait_for()
    assert other.locator("#answers article").count() == 2
    assert one.locator("#answers article").count() == 4
    other.locator(f"{FIRST} img").first.scroll_into_view_if_needed()
    other.wait_for_function(f"() => document.querySelector('{FIRST} img').naturalWidth > 0")
    one.goto(served.address.rstrip("/") + address)
    one.locator("#machine h2").wait_for()
    assert one.locator("h1").inner_text()
    status = "async (address) => (await fetch(address)).status"
    assert one.evaluate(status, address) == 200


def test_axe_has_no_complaint(visit):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit()
    page.wait_for_function("() => !document.body.classList.contains('stale')")
    for summary in page.locator("#machine > details > summary").all():
        summary.click()
    found = axe.run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_a_scenario_of_any_size_has_a_page_and_a_lever_that_moves_on(visit):
    page = visit("?scenario=england")
    page.locator("#uptake svg").wait_for()
    assert "38,430 people" in page.locator("header").inner_text()
    page.get_by_label("Strength of leadership").first.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.body.classList.contains('stale')")
    page.wait_for_function("() => !document.body.classList.contains('stale')")
    assert "your setting" in page.locator("#uptake").inner_text()
    assert "leadership_strength" in page.locator("#command").inner_text()
    page.get_by_role("button", name="As it stands", exact=True).click()
    page.wait_for_function("() => !document.querySelector('#command').textContent.includes('leadership')")
