"""The page's sentences, scenarios and workshop in Chromium: it says what valign computes, and nothing is lost."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from page.conftest import WORLDS
from page.visitor import all_runs, ask, begun, outcomes, over_worlds, set_lever, tried
from scipy.stats import rankdata
from scipy.stats.qmc import Halton


pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "tools" / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
VIOLATIONS = """async () => (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }))
  .violations.map((each) => [each.id, ...each.nodes.map((node) => node.html.slice(0, 120))])"""
PLACE = "Object.keys(localStorage).find((each) => each.startsWith('valign:'))"


def test_what_is_not_known_is_ranked_by_rank_correlation(visit) -> None:
    """Over the worlds of the page, what the same seeds do at usual values taken away first."""
    page = visit("worlds")
    all_runs(page)
    page.locator("#unknowns-found svg").wait_for()
    names, base = outcomes(page)
    at = names.index("uptake_final")
    inside = over_worlds(page)[1]
    found = page.evaluate(
        """() => { const { unknowns, engine } = window.page, key = window.page.setting(false, true).key;
        return unknowns.ranking(engine.ensembles.get(key), unknowns.last[1], "uptake_final"); }"""
    )
    assert found["runs"] == 256
    ranked = rankdata(inside[:, at]), rankdata(base[:, at])
    slope = np.polyfit(ranked[1], ranked[0], 1)
    rest = ranked[0] - np.polyval(slope, ranked[1])
    which = Halton(1, scramble=False).random(256)[:, 0] + 0.5 / 256
    world = np.searchsorted([0.25, 0.75, 1.0], which)
    for each in found["found"]:
        wanted = np.corrcoef(rankdata(WORLDS[each["key"]][world]), rest)[0, 1]
        assert each["value"] == pytest.approx(wanted, abs=1e-9)
        assert each["label"].split()[0] in page.locator("#unknowns-found svg").text_content()
    assert all(0 < each <= 1 for each in found["largest"])
    floor, largest = page.evaluate(
        """() => { const { unknowns, engine } = window.page, [inside, now] = unknowns.last;
        const every = ["uptake_final", "spread_final"].map((name) => unknowns.ranking(inside, now, name));
        return [unknowns.floor(every), every.map(({ largest }) => largest)]; }"""
    )
    assert floor == pytest.approx(np.quantile(np.max(largest, axis=0), 0.95)), "over all outcomes together"
    rows = page.locator("#unknowns-found tbody tr").filter(has_text="People who use it, at the end").all_inner_texts()
    low, high = np.quantile(inside[:, at], (0.05, 0.95))
    assert f"{100 * low:.0f} % to {100 * high:.0f} %" in rows[0]


def test_a_difference_is_one_of_the_averages_beside_it(visit) -> None:
    page = visit("worlds")
    page.locator("#action-mandate").check()
    all_runs(page)
    page.locator("#headline", has_text="of 256 pairs").wait_for()  # what it is held against is there a little later
    page.locator("#headline", has_text="with what is not known").wait_for()
    said = page.locator("#headline").inner_text()
    now, base, points = re.search(
        r"over all runs, ([\d.]+) % of people use it, and ([\d.]+) % with “As it stands”: ([\d.]+) percentage point",
        said,
    ).groups()
    assert float(now) - float(base) == pytest.approx(float(points), abs=0.011)
    more, fewer, same = map(
        int, re.search(r"of 256 pairs .* in (\d+), fewer in (\d+), as many in (\d+)", said).groups()
    )
    assert more + fewer + same == 256
    assert re.search(r"% by chance; with what is not known as well, .* % to .* % \(middle \d+ %\)", said)
    assert re.search(r"with what is not known, [\d.]+ % and [\d.]+ %: .*\(nine pairs in ten: ", said)


def test_scenarios_are_named_compared_undone_and_sent(visit, files: dict[str, Path]) -> None:
    page = visit()
    begun(page)
    page.locator("#action-mandate").check()
    for n in range(4):
        page.locator("#duplicate" if n % 2 else "#add").click()
        page.locator("#scenario-name").fill(f"Plan <b>{n}</b>")
        page.keyboard.press("Tab")
        page.locator("#action-briefings").check()
    assert page.locator("#scenarios button").count() == 5
    assert page.locator("#add").is_disabled()
    page.locator("#all").check()
    page.locator("#against select").select_option(label="Scenario 1")
    begun(page)
    page.wait_for_function("document.querySelectorAll('#uptake svg text.strong').length === 5")
    assert page.locator(".society h3").all_inner_texts() == ["Scenario 1", "Plan <b>3</b>"]
    before = page.evaluate("window.page.store.given()")
    link = page.evaluate("window.page.store.link()")
    assert len(link.partition("#")[2]) < 2000
    other = visit(query="#" + link.partition("#")[2])
    begun(other)
    assert other.evaluate("window.page.store.given()") == before
    other.close()
    for _ in range(60):
        page.locator("#undo").click()
        if page.locator("#undo").is_disabled():
            break
    assert page.evaluate("window.page.store.given().scenarios") == [{"name": "Scenario 1", "values": {}, "actions": {}}]
    while page.locator("#redo").is_enabled():
        page.locator("#redo").click()
    assert page.evaluate("window.page.store.given()") == before
    page.locator("#remove").click()
    assert page.locator("#scenarios button").count() == 4


def test_damaged_and_hostile_links_are_refused_with_a_sentence(visit) -> None:
    page = visit()
    begun(page)
    told = page.evaluate((Path(__file__).with_name("links.js")).read_text("utf-8").strip().rstrip(";"))
    assert told["accepted"] == []
    assert sum(told["reasons"].values()) >= 1000
    for reason in told["reasons"]:
        assert re.fullmatch(r"It(s)? [\w' ]+\.", reason), told["reasons"]
    assert len(told["reasons"]) >= 6
    again = visit(query="#s=" + "A" * 7000)
    again.locator("#remark", has_text="The link could not be used. It is too long.").wait_for()
    begun(again)


def test_what_was_made_is_there_again_unless_it_is_damaged(visit) -> None:
    page = visit()
    begun(page)
    page.locator("#action-mandate").check()
    page.reload()
    begun(page)
    assert page.locator("#action-mandate").is_checked()
    for damage in ("'{'", "JSON.stringify({ version: 1 })", "kept.replace('mandate', 'mandat')", "'x'.repeat(1e6)"):
        page.evaluate(
            f"(() => {{ const place = {PLACE}, kept = localStorage[place]; localStorage[place] = {damage}; }})()"
        )
        page.reload()
        page.locator("#remark", has_text="was damaged and has been left out").wait_for()
        begun(page)
        assert not page.locator("#action-mandate").is_checked()
        page.locator("#action-mandate").check()
    bare = visit(before="Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    begun(bare)
    bare.locator("#action-mandate").check()
    begun(bare)


def test_a_room_guesses_first_and_takes_its_record_home(visit, tmp_path: Path) -> None:
    page = visit()
    begun(page)
    page.locator("#presenter").click()
    page.locator("#ask-first").click()
    assert page.locator("#headline").evaluate("each => getComputedStyle(each).visibility") == "hidden"
    page.locator("#guess-value").fill("140")
    page.locator("#guess button").click()
    assert not page.locator("#expected").is_visible()
    page.locator("#guess-value").fill("90")
    page.keyboard.press("Enter")
    page.locator("#expected", has_text="above the range of nine runs of ten").wait_for()
    page.locator("#uptake svg text", has_text="you expected 90 %").wait_for()
    page.locator("#action-mandate").check()
    assert page.locator("#guess").is_visible()
    page.locator("#ask-first").click()
    all_runs(page)  # a setting counts as tried from 64 on
    page.locator("#tried summary").click()
    with page.expect_download() as download:
        page.locator("#save-record").click()
    download.value.save_as(tmp_path / "record.csv")
    with (tmp_path / "record.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["Scenario"], row["What was set"], row["Expected"]) for row in rows] == [
        ("As it stands", "Nothing changed", "90 %"),
        ("Scenario 1", "Mandate", ""),
    ]


def test_a_script_hears_of_every_move(visit) -> None:
    page = visit()
    begun(page)
    page.evaluate("() => { window.heard = []; window.page.onmoved.push((now) => window.heard.push(now.set)); }")
    set_lever(page, "slack", 0.5)
    assert page.evaluate("window.heard") == [{"slack": 0.5}]
    with pytest.raises(Exception, match="names a setting that this page does not have"):
        page.evaluate("window.page.apply({ set: { slak: 1 } })")
    with pytest.raises(Exception, match="names an action"):
        page.evaluate("window.page.apply({ actions: [{ id: 'nothing', step: 'full', place: '', start: 1 }] })")


def test_numbers_from_before_a_change_are_dimmed_at_once(visit) -> None:
    page = visit()
    begun(page)
    dimmed = page.evaluate(
        """() => {
      window.page.store.set("slack", 0.55);
      return [document.body.className, getComputedStyle(document.getElementById("headline")).opacity];
    }"""
    )
    assert dimmed == ["stale", "0.45"]


@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_use_it(visit, width: int) -> None:
    """No violation of WCAG 2.1 AA that axe-core finds, in any state of the page."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make lint-javascript")
    page = visit(width=width)
    begun(page)
    page.evaluate(AXE.read_text("utf-8"))

    def fine(what: str) -> None:
        page.wait_for_timeout(200)
        assert page.evaluate(VIOLATIONS) == [], what
        assert page.locator("html").evaluate("each => each.scrollWidth") <= width, what

    fine("door")
    ask(page, "money")
    tried(page)
    fine("money")
    ask(page, "all")
    page.locator("#action-briefings").check()
    page.locator("#add").click()
    page.locator("#action-mandate").check()
    page.locator("#action-pilot-fund, #action-retention").first.check()
    page.locator("#all").check()
    begun(page)
    page.locator(".tile").first.click()
    for each in page.locator("details").all():
        each.evaluate("each => { each.open = true; }")
    fine("everything")
    page.locator("#presenter").click()
    page.locator("#ask-first").click()
    fine("workshop")
    page.emulate_media(reduced_motion="reduce")
    assert page.locator("#charts").evaluate("each => getComputedStyle(each).transitionDuration") == "0s"


def test_the_link_is_plain_json(visit) -> None:
    """Packed as every language can unpack it."""
    import base64
    import zlib

    page = visit()
    begun(page)
    link = page.evaluate("window.page.store.link()")
    text = link.partition("#s=")[2]
    told = json.loads(zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), -15))
    assert told["version"] == 2
    assert told["budget"] == 300_000
    assert np.isfinite(told["shown"])
