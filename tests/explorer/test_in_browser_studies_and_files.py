"""In a browser: claims, sensitivity studies, files in and out."""

from __future__ import annotations

import zipfile

import pytest
from explorer_cases import HOSTILE, TEXT, survey

import valign as va


@pytest.mark.browser
def test_files_go_in_and_out(visit, tmp_path):
    page = visit("?view=files&months=12")
    with page.expect_download() as download:
        page.get_by_role("button", name="Scenario (TOML)", exact=True).click()
    assert va.Scenario.from_toml(download.value.path().read_text()).months == 12
    with page.expect_download() as download:
        page.get_by_role("button", name="Report, figures and tables").click()
    assert "report.html" in zipfile.ZipFile(download.value.path()).namelist()
    bad, good = tmp_path / "bad.toml", tmp_path / "good.toml"
    bad.write_text(f'name = "{HOSTILE.replace(chr(34), "")}"\nmonths = "many"')
    good.write_text(TEXT.replace("two-services", "mine"))
    page.locator(".upload-scenario input[type=file]").set_input_files(bad)
    page.locator(".problems", has_text="months").wait_for()
    page.locator(".upload-scenario input[type=file]").set_input_files(good)
    page.get_by_text("(yours)").first.wait_for()
    page.locator(".problems", has_text="months").wait_for(state="hidden")


@pytest.mark.browser
def test_a_claim_is_tested_in_the_settings_at_hand_and_can_be_stopped(visit):
    page = visit("?view=claims&months=24")
    page.get_by_role("spinbutton", name="worlds").fill("20")
    page.get_by_role("button", name="Test the claim").click()
    page.get_by_role("heading", name="C1 Fit and engagement: quantified").wait_for()
    panel = page.locator(".q-tab-panel:visible")
    assert "In the settings at hand (Two homelessness services" in panel.inner_text()
    assert "20 worlds with 4 runs" in panel.inner_text()
    page.get_by_role("combobox", name="in").click()
    page.get_by_role("option", name="the scenario of the claim").click()
    page.get_by_role("spinbutton", name="worlds").fill("200")
    page.get_by_role("button", name="Test the claim").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped", exact=True).wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0


@pytest.mark.browser
def test_a_quick_sensitivity_study_ends_when_the_settings_change(visit):
    page = visit("?view=sensitivity&months=6")
    page.get_by_role("button", name="Run the study").click()
    page.get_by_role("heading", name="What drives the outcomes").wait_for()
    page.locator("svg[aria-label^='people engaged, at the end']").wait_for()
    assert "Noise floor" in page.locator(".q-tab-panel:visible").inner_text()
    page.get_by_role("switch", name="all settings, grouped by mechanism").click()
    page.get_by_role("button", name="Run the study").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.locator(".lever-slack").first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("stopped: the settings have changed").wait_for()


@pytest.mark.browser
def test_an_uploaded_survey_is_compared_and_its_link_says_that_it_does_not_travel(visit, tmp_path):
    nodes, edges = survey()
    for name, content in (("nodes", nodes), ("edges", edges)):
        (tmp_path / f"{name}.csv").write_bytes(content)
    page = visit("?view=compare&months=12")
    page.get_by_role("button", name="Pin the present settings").click()
    page.get_by_text("Uptake: now less pinned").wait_for()
    page.get_by_role("tab", name="Files").click()
    for name in ("nodes", "edges"):
        page.locator(f".upload-{name} input[type=file]").set_input_files(tmp_path / f"{name}.csv")
    page.get_by_text("In use: an uploaded survey of 8 people in 1 services").wait_for()
    page.locator(".status", has_text="runs of 8 people").wait_for()
    page.get_by_role("tab", name="Compare").click()
    page.locator("svg[aria-label^='Uptake: now less pinned']").wait_for()
    page.get_by_role("button", name="Pin the present settings").click()
    page.wait_for_function("() => location.search.includes('pin.upload=yes')")
    again = visit(page.url.split("/", 3)[3])
    again.locator(".problems", has_text="Files do not travel in a link").wait_for()
    again.locator(".status", has_text="runs of 55 people").wait_for()
