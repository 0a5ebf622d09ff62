"""The page in Chromium, from a file: it computes what valign computes, on any screen and by keyboard."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats.qmc import Halton
import strategies
from page.conftest import WORLDS
from page.visitor import all_runs, ask, outcomes, saved, set_lever
from page.three_engines import Case, compared

from valign.experiments.actions.declaration import actions_from
from valign.experiments.decide.options import Ground, Option
from valign.experiments.decide.schedule import Schedule
from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser


def test_every_array_is_the_same_in_the_browser(browser, files: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(files["plain"].as_uri())
    for seed, width in ((11, 4), (12, 16), (14, 1)):
        case = Case(strategies.random_scenario(seed), width, seed % 2 == 0)
        assert compared(case, page) == {"wasmtime": [], "browser": []}
    page.close()


def test_levers_give_what_the_command_line_gives(visit, tmp_path: Path) -> None:
    page = visit()
    all_runs(page)
    assert page.locator("#problem").is_hidden()
    moved = {"slack": 0.5, "innovation.clarity": 0.8, "alignment_level": 0.75}
    ask(page, "all")
    page.locator("label", has_text="Alignment of values at the start").locator("input").check()
    for key, value in moved.items():
        set_lever(page, key, value)
    all_runs(page)
    line = page.locator("#command").inner_text()
    assert line.startswith("valign run two-services --runs 256 --societies 2 --seed 1 ")
    assert {each.strip() for each in line.split("--set")[1:]} == {f"{key}={value}" for key, value in moved.items()}
    scenario = Scenario.load("two-services").replace({"months": 36, **moved})
    expected = simulate(scenario, runs=256, seed=1, societies=2, record=()).runs
    names, found = outcomes(page)
    assert np.array_equal(found, expected[names].to_numpy(float), equal_nan=True)
    assert saved(page, tmp_path / "levers.toml").to_mapping() == scenario.to_mapping()


def test_actions_events_and_levers_give_what_the_saved_scenario_gives(visit, tmp_path: Path) -> None:
    page = visit()
    all_runs(page)
    ask(page, "all")
    page.locator("#action-leadership-programme").check()
    page.locator('[aria-label="How much: Leadership programme"]').select_option(label="light")
    page.locator('[aria-label="First month: Leadership programme"]').evaluate(
        "(each) => { each.value = 4; each.dispatchEvent(new Event('input')); }"
    )
    page.locator("#action-coproduction-lead").check()
    page.locator("label", has_text="Funding ends everywhere").locator("input").check()
    set_lever(page, "changes.1.month", 20)
    set_lever(page, "innovation.clarity", 0.8)
    all_runs(page)
    assert page.locator("#command").inner_text().startswith("valign run two-services-scenario-1.toml --runs 256")
    assert page.locator("#spent").inner_text() == "£48,000"
    found = saved(page, tmp_path / "two-services-scenario-1.toml")
    assert found.value("innovation.clarity") == 0.8
    changes = {(each.month, each.parameter, each.set) for each in found.changes}
    assert {(20, "funding", 0.0), (10, "leadership_strength", 0.6)} <= changes
    expected = simulate(found, runs=256, seed=1, societies=2, record=()).runs
    names, now = outcomes(page)
    assert np.array_equal(now, expected[names].to_numpy(float), equal_nan=True)
    told = page.evaluate("window.page.current()")
    assert told["set"] == {"innovation.clarity": 0.8}
    assert {(each["month"], each["parameter"], each["set"]) for each in told["changes"]} == changes
    assert [(each["id"], each["step"], each["start"]) for each in told["actions"]] == [
        ("coproduction-lead", "full", 1),
        ("leadership-programme", "light", 4),
    ]
    page.evaluate("(told) => { page.store.add(false); page.apply(told); }", told)
    all_runs(page)
    assert np.array_equal(outcomes(page)[1], now, equal_nan=True)


def test_what_moved_alignment_adds_up_to_what_it_moved(visit) -> None:
    page = visit()
    all_runs(page)
    page.locator("#parts figure").wait_for()
    gap = page.evaluate(
        """() => {
      const { engine, header } = window.page, found = engine.ensembles.get(window.page.setting(true).key);
      const entries = header.words.entries.length, offset = header.words.balances.indexOf("alignment") * entries;
      const at = (name) => engine.outcomes.indexOf(name);
      return found.parts.map((run, n) => {
        let sum = 0;
        const moved = (name) => name !== "stage" && name !== "episode";
        header.words.entries.forEach((name, e) => { if (moved(name)) sum += run[offset + e]; });
        const { people } = header.societies[n % header.societies.length];
        return sum / people - (found.outcomes[n][at("alignment_final")] - found.outcomes[n][at("alignment_start")]);
      });
    }"""
    )
    assert len(gap) == 16
    assert np.abs(gap).max() < 1e-9


def test_one_page_holds_several_scenarios(visit) -> None:
    page = visit("several")
    assert page.locator("#choose option").all_inner_texts() == [page.locator("#title").inner_text(), "Elsewhere"]
    all_runs(page)
    first = page.locator("#headline").inner_text()
    assert "valign run two-services" in page.locator("#command").inner_text()
    with page.expect_navigation():
        page.locator("#which").select_option("other")
    all_runs(page)
    assert page.locator("#title").inner_text() == page.locator("#which option:checked").inner_text() == "Elsewhere"
    assert "valign run other" in page.locator("#command").inner_text()
    assert "valign page other --set" in page.locator("#fixed-line").text_content()
    assert page.locator("#headline").inner_text() != first
    page.goto(page.url.replace("=other", "=nowhere"))
    all_runs(page)
    assert page.locator("#headline").inner_text() == first


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_every_screen(visit, width: int) -> None:
    page = visit(width=width)
    all_runs(page)
    assert page.locator("html").evaluate("each => each.scrollWidth") <= width
    assert re.search(
        r"After 3 years, \d+ % of staff, managers and peers use Housing First in the middle run",
        page.locator("#headline").inner_text(),
    )
    assert page.locator("#uptake svg text", has_text="chance").count() == 1
    assert page.locator("#uptake summary").inner_text() == "Numbers"


def test_it_works_by_keyboard(visit) -> None:
    page = visit()
    all_runs(page)

    def reach(chosen: str) -> None:
        page.locator("#question").focus()
        for _ in range(90):
            page.keyboard.press("Tab")
            if page.evaluate("(chosen) => document.activeElement.matches(chosen)", chosen):
                return
        raise AssertionError(f"the keyboard does not reach {chosen}")

    reach("#action-leadership-programme")
    page.keyboard.press("Space")
    all_runs(page)
    assert "As it stands" in page.locator("#headline").inner_text()
    reach("#show-levers > summary")
    page.keyboard.press("Enter")
    reach('[id="lever-slack"]')
    page.keyboard.press("ArrowRight")
    all_runs(page)
    assert page.evaluate("window.page.current()")["set"] == {"slack": 0.305}
    page.keyboard.press("Control+z")
    assert page.evaluate("window.page.current()")["set"] == {}
    page.keyboard.press("Control+Shift+Z")
    assert page.evaluate("window.page.current()")["set"] == {"slack": 0.305}
    reach("#reset")
    page.keyboard.press("Enter")
    all_runs(page)
    assert page.evaluate("window.page.current()")["actions"] == []
    assert page.locator("#command").inner_text() == "valign run two-services --runs 256 --societies 2 --seed 1"


def test_a_service_tells_what_it_decided(visit) -> None:
    page = visit()
    page.locator(".tile").first.wait_for()
    for _ in range(8):
        page.locator(".tile").first.click()
        if page.locator(".told li").count():
            break
        page.locator(".tile").first.click()
        page.locator("button", has_text="Another run").click()
        page.wait_for_timeout(300)
    assert re.search(r"Month \d+: .* → .*", page.locator(".told li").first.inner_text())


def test_a_level_out_of_reach_is_said(visit) -> None:
    page = visit()
    all_runs(page)
    ask(page, "ready")
    page.locator("label", has_text="Alignment of values at the start").locator("input").check()
    set_lever(page, "alignment_level", 0.9)
    page.locator("#headline", has_text="this page reaches").wait_for()
    set_lever(page, "alignment_level", 0.7)
    page.locator("#headline", has_text="in the middle run").wait_for()


def test_worlds_have_a_band_of_their_own(visit) -> None:
    page = visit("worlds")
    page.locator("#action-leadership-programme").check()
    all_runs(page)
    page.locator("#uptake svg text", has_text="not knowing: 9 in 10").wait_for()
    page.locator("#uptake svg text", has_text="chance: 9 in 10 runs").wait_for()
    page.wait_for_timeout(500)
    names, found = outcomes(page, worlds=True)
    scenario = Scenario.load("two-services").replace({"months": 36})
    plain = simulate(scenario, runs=256, seed=1, societies=2, record=()).runs
    chosen = np.searchsorted([0.25, 0.75, 1.0], Halton(1, scramble=False).random(256)[:, 0] + 0.5 / 256)
    design = plain[["seed", "society_seed"]].assign(**{name: column[chosen] for name, column in WORLDS.items()})
    ground = Ground.of(scenario)
    action = next(each for each in actions_from() if each.id == "leadership-programme")
    mix = (Option(action, 1, ground.places(action)[0], 1),)
    schedule = Schedule(scenario, [mix])
    columns = schedule.columns([0] * 256, {name: column[chosen] for name, column in WORLDS.items()})
    assert columns["changes.0.set"].nunique() == 3  # of each world's own strength
    expected = simulate(pd.concat([design, columns], axis=1), base=schedule.scenario).runs
    assert np.array_equal(found, expected[names].to_numpy(float)[: len(found)], equal_nan=True)
    assert len(found) >= 64


def test_numbers_that_are_not_valigns_are_not_shown(visit, files: dict[str, Path]) -> None:
    text = files["plain"].read_text("utf-8")
    packed = re.search(r'id="image">([^<]*)<', text)
    assert packed
    image = bytearray(gzip.decompress(base64.b64decode(packed[1])))
    at = image.index(b'"hash":"') + 8
    image[at : at + 2] = b"00" if image[at : at + 2] != b"00" else b"11"
    page = visit(text=text.replace(packed[1], repacked(image)))
    page.locator("body.stopped").wait_for()
    assert "computes other numbers" in page.locator("#problem").inner_text()
    assert page.locator("main").is_hidden()


def repacked(image: bytearray) -> str:
    """With a checksum that is right."""
    import zlib

    image[12:16] = zlib.crc32(bytes(image[16:])).to_bytes(4, "little")
    return base64.b64encode(gzip.compress(bytes(image))).decode()


def test_damaged_and_hostile_images_are_refused_with_a_sentence(visit, files: dict[str, Path]) -> None:
    page = visit()
    all_runs(page)
    told = page.evaluate((Path(__file__).with_name("hostile.js")).read_text("utf-8").strip().rstrip(";"))
    assert told["accepted"] == 0
    for reason in told["reasons"]:
        assert re.fullmatch(r"(This page|The scenario) .*\.", reason), told["reasons"]
    assert sum(told["reasons"].values()) > 700
    text = files["plain"].read_text("utf-8")
    packed = re.search(r'id="image">([^<]*)<', text)
    assert packed
    for image in told["passed"]:  # what looks sound is computed, or it is said why not
        other = visit(text=text.replace(packed[1], base64.b64encode(gzip.compress(base64.b64decode(image))).decode()))
        other.locator('body.stopped, body[data-runs="256"]').wait_for()
        other.close()


def test_a_browser_without_vectors_or_too_old_gets_a_sentence(browser, files: dict[str, Path]) -> None:
    for spoilt, said in (
        ("WebAssembly.validate = () => false", "128-bit vectors"),
        ("delete window.DecompressionStream", "too old"),
        ("WebAssembly.compile = () => Promise.reject(new RangeError('out of memory'))", "out of memory"),
    ):
        page = browser.new_page()
        page.add_init_script(spoilt)
        page.goto(files["plain"].as_uri())
        page.locator("body.stopped").wait_for()
        assert said in page.locator("#problem").inner_text()
        page.close()
