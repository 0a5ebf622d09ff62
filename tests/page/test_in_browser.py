"""The page in Chromium, from a file: it computes what valign computes, on any screen and by keyboard."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strategies
from page.conftest import WORLDS
from page.three_engines import Case, compared

from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ENSEMBLE = """(worlds) => {
  const { engine } = window.page, key = window.page.setting(window.page.isBase, worlds).key;
  const numbers = (run) => Array.from(run).map((n) => (Number.isNaN(n) ? null : n));
  return { names: engine.outcomes, outcomes: engine.ensembles.get(key).outcomes.map(numbers) };
}"""


def all_runs(page: Any, runs: int = 256) -> None:
    page.locator(f'body:not(.stale)[data-runs="{runs}"]').wait_for()


def outcomes(page: Any, worlds: bool = False) -> tuple[list[str], np.ndarray]:
    found = page.evaluate(ENSEMBLE, worlds)
    return found["names"], np.array(found["outcomes"], float)


def set_lever(page: Any, key: str, value: float) -> None:
    slider = page.locator(f'[id="lever-{key}"]')
    slider.evaluate("(each, value) => { each.value = value; each.dispatchEvent(new Event('input')); }", value)


def test_every_array_is_the_same_in_the_browser(browser, files: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(files["plain"].as_uri())
    for seed, width in ((11, 4), (12, 16), (14, 1)):
        case = Case(strategies.random_scenario(seed), width, seed % 2 == 0)
        assert compared(case, page) == {"wasmtime": [], "browser": []}
    page.close()


def test_levers_give_what_the_command_line_gives(visit) -> None:
    page = visit()
    all_runs(page)
    assert page.locator("#problem").is_hidden()
    moved = {"slack": 0.5, "innovation.clarity": 0.8, "alignment_level": 0.75}
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


def test_an_event_gives_what_the_saved_scenario_gives(visit, tmp_path: Path) -> None:
    page = visit()
    all_runs(page)
    page.locator("label", has_text="Funding ends everywhere").locator("input").check()
    set_lever(page, "changes.2.month", 20)
    all_runs(page)
    assert "two-services-changed.toml" in page.locator("#command").inner_text()
    with page.expect_download() as download:
        page.locator("#toml").click()
    path = tmp_path / "saved.toml"
    download.value.save_as(path)
    saved = Scenario.load(path)
    assert [(each.month, each.parameter, each.set) for each in saved.changes] == [(20, "funding", 0.0)]
    expected = simulate(saved, runs=256, seed=1, societies=2, record=()).runs
    names, found = outcomes(page)
    assert np.array_equal(found, expected[names].to_numpy(float), equal_nan=True)


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


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_every_screen(visit, width: int) -> None:
    page = visit(width=width)
    all_runs(page)
    assert page.locator("html").evaluate("each => each.scrollWidth") <= width
    assert re.search(
        r"After 3 years, \d+ % of people use Housing First in the middle run", page.locator("#headline").inner_text()
    )
    assert page.locator("#uptake svg text", has_text="chance").count() == 1
    assert page.locator("#uptake summary").inner_text() == "Numbers"


def test_it_works_by_keyboard(visit) -> None:
    page = visit()
    all_runs(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.id") == "lever-slack":
            break
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    all_runs(page)
    assert "--set slack=0.325" in page.locator("#command").inner_text()
    assert "as it stands" in page.locator("#headline").inner_text()
    page.locator("#reset").focus()
    page.keyboard.press("Enter")
    all_runs(page)
    assert "--set" not in page.locator("#command").inner_text()


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
    page.locator("label", has_text="Alignment of values at the start").locator("input").check()
    set_lever(page, "alignment_level", 0.9)
    page.locator("#headline", has_text="cannot be reached").wait_for()
    set_lever(page, "alignment_level", 0.7)
    page.locator("#headline", has_text="in the middle run").wait_for()


def test_a_link_carries_the_settings_and_nonsense_in_it_is_left_out(visit) -> None:
    page = visit(query="#slack=0.5&changes.2.month=12")
    all_runs(page)
    assert "--set slack=0.5" in page.locator("#command").inner_text()
    assert page.locator("#remark").inner_text() == ""
    rng = np.random.default_rng(1)
    letters = list("slack=.&%0123456789<>\"'{}eE-+;/\\ changesmonthNaNoff")
    for n in range(3):
        text = "".join(rng.choice(letters, 40)) if n else "slack=0.5&slack=<script>alert(1)</script>&slack=1e999"
        again = visit(query="#" + text.replace("%", ""))
        again.locator("#remark", has_text="left out").wait_for()
        again.locator("body:not(.stopped)").wait_for()
        again.close()


def test_worlds_have_a_band_of_their_own(visit) -> None:
    page = visit("worlds")
    all_runs(page)
    page.locator("#uptake svg text", has_text="not knowing: 9 in 10").wait_for()
    page.locator("#uptake svg text", has_text="chance: 9 in 10 runs").wait_for()
    page.wait_for_timeout(500)
    names, found = outcomes(page, worlds=True)
    scenario = Scenario.load("two-services").replace({"months": 36})
    plain = simulate(scenario, runs=256, seed=1, societies=2, record=()).runs
    chosen = np.searchsorted([0.25, 0.75, 1.0], (np.arange(256) + 0.5) / 256)
    design = plain[["seed", "society_seed"]].assign(**{name: column[chosen] for name, column in WORLDS.items()})
    expected = simulate(design, base=scenario).runs
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
