"""The page's questions, scenarios and workshop in Chromium: it says what valign computes, and nothing is lost."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page.conftest import WORLDS, asked
from page.test_in_browser import all_runs, ask, outcomes, saved, set_lever
from scipy.stats import rankdata
from scipy.stats.qmc import Halton

from valign.experiments.bases import imported
from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "tools" / "javascript" / "node_modules" / "axe-core" / "axe.min.js"
VIOLATIONS = """async () => (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }))
  .violations.map((each) => [each.id, ...each.nodes.map((node) => node.html.slice(0, 120))])"""
PLACE = "Object.keys(localStorage).find((each) => each.startsWith('valign:'))"


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


def test_what_it_would_do_with_the_money_is_what_valign_computes(visit, tmp_path: Path) -> None:
    """The gain of the first mix is the mean of paired differences over runs that did not choose it."""
    page = visit()
    all_runs(page)
    ask(page, "money")
    page.locator("#budget").fill("60000")
    page.keyboard.press("Tab")
    assert page.locator("#question").inner_text() == "What should we do with £60,000?"
    rows = tried(page)
    costs = [float(row[1].strip("£").replace(",", "")) for row in rows]
    assert max(costs) <= 60_000
    assert "Best of what was tried: " + rows[0][0] in page.locator("#found .answer").inner_text()
    page.locator("#found tbody tr").first.locator("button").click()
    all_runs(page)
    found = saved(page, tmp_path / "best.toml")
    plain = Scenario.load("two-services").replace({"months": 36})
    best, base = (
        simulate(each, runs=96, seed=1, societies=2, record=()).runs["uptake_mean"].to_numpy(float)
        for each in (found, plain)
    )
    gains = 100 * (best - base)[32:]
    alone = page.locator("#found table").last.locator("tbody tr").first.locator("th, td").all_inner_texts()
    page.locator("#found table").last.locator("tbody tr").first.locator("button").click()
    single = simulate(saved(page, tmp_path / "alone.toml"), runs=96, seed=1, societies=2, record=()).runs["uptake_mean"]
    gain = float(re.match(r"[+−][\d.]+", alone[2])[0].replace("−", "-"))
    assert gain == pytest.approx(100 * (single.to_numpy(float) - base)[32:].mean(), abs=0.051)
    assert page.locator("#found table").last.locator("tbody tr").count() == page.locator("#actions .action").count()
    shown = re.match(r"([+−][\d.]+) ± ([\d.]+)", rows[0][2])
    assert shown
    assert float(shown[1].replace("−", "-")) == pytest.approx(gains.mean(), abs=0.051)
    assert float(shown[2]) == pytest.approx(1.96 * gains.std(ddof=1) / 8, abs=0.051)
    best, runs = zip(*(map(int, row[5].split(" of ")) for row in rows), strict=True)
    assert set(runs) == {64}
    assert sum(best) <= 64 + len(rows)
    told = page.locator("#found").inner_text()
    assert "what is not known may change which is best. " in told
    assert "valign decide weighs that with more runs." in told


def test_what_money_gains_with_what_is_not_known_is_in_pairs_too(visit) -> None:
    page = visit("worlds")
    all_runs(page)
    ask(page, "money")
    page.locator("#budget").fill("60000")
    page.keyboard.press("Tab")
    first = tried(page)[0]
    shown = re.match(r"([+−][\d.]+) \(([+−][\d.]+) to ([+−][\d.]+)\)", first[6])
    assert shown
    page.locator("#found tbody tr").first.locator("button").click()
    names, found = over_worlds(page)
    page.locator("#reset").click()
    base, at = over_worlds(page)[1], names.index("uptake_mean")
    gains = 100 * (found[:64, at] - base[:64, at])
    said = [float(each.replace("−", "-")) for each in shown.groups()]
    assert said == pytest.approx([gains.mean(), *np.quantile(gains, [0.05, 0.95])], abs=0.051)
    assert "; with what is not known: " in page.locator("#found .answer").inner_text()


def test_whom_to_convince_first_is_what_valign_computes(visit) -> None:
    """The gain of moving one group's values is the mean of paired differences, by settings of the command line."""
    page = visit()
    all_runs(page)
    page.locator('#doors [data-question="spread"]').click()
    rows = tried(page)
    assert {row[0].split(" and ")[0] for row in rows} == {"Staff", "Managers", "Peers", "Commissioners"}
    assert f"{rows[0][0]} first" in page.locator("#found .answer").inner_text()
    line = page.locator("#found pre code").text_content()
    settings = dict(part.split("=") for part in line.split(" --runs")[0].split("+")[1:])
    plain = Scenario.load("two-services").replace({"months": 36})
    moved, base = (
        simulate(each, runs=128, seed=1, societies=2, record=()).runs
        for each in (plain.replace({name: float(value) for name, value in settings.items()}), plain)
    )
    for cell, outcome in ((1, "uptake_mean"), (3, "spread_final")):
        gains = 100 * (moved[outcome] - base[outcome]).to_numpy(float)
        mean, error = re.match(r"([+−][\d.]+) ± ([\d.]+)", rows[0][cell]).groups()
        assert float(mean.replace("−", "-")) == pytest.approx(gains.mean(), abs=0.051)
        assert float(error) == pytest.approx(1.96 * gains.std(ddof=1) / 128**0.5, abs=0.051)


def test_whom_to_convince_first_moves_peoples_own_answers(visit, tmp_path: Path) -> None:
    """The gain is that of a society in which one group's people answered nearer to what the innovation stands for."""
    page = visit("asked")
    all_runs(page)
    ask(page, "spread")
    rows = tried(page)
    scenario = asked(tmp_path)
    society = imported(scenario, None)
    target = np.array([scenario.innovation.values[d] for d in scenario.dimensions])
    weights = np.array([scenario.innovation.emphasis[d] for d in scenario.dimensions])
    role = {"Staff": 0, "Managers": 1, "Peers": 2}[rows[0][0]]
    values = np.array(society.values)
    for person in np.flatnonzero(np.asarray(society.role) == role):
        known = ~np.isnan(values[person])
        away = (weights * abs(values[person] - target))[known].sum() / weights[known].sum()
        values[person] += min(1.0, 0.1 / away) * (target - values[person])
    moved, base = (
        simulate(scenario, runs=128, seed=1, society=each, record=()).runs["uptake_mean"].to_numpy(float)
        for each in (replace(society, values=values), society)
    )
    mean = float(re.match(r"([+−][\d.]+) ±", rows[0][1])[1].replace("−", "-"))
    assert mean == pytest.approx(100 * (moved - base).mean(), abs=0.11)  # the page rounds values to four places
    assert "Everybody's own answers are moved" in page.locator("#found").inner_text()


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
    assert 0 < found["floor"] < 1  # three worlds only


def test_the_other_questions_are_answered_by_running_the_model(visit) -> None:
    page = visit()
    all_runs(page)
    plain = Scenario.load("two-services").replace({"months": 36})
    page.locator('#doors [data-question="ending"]').click()
    assert page.locator("#door").is_hidden()
    rows = {row[0]: row[1:] for row in tried(page)}
    assert set(rows) == {"Funding as it stands", "Funding ends after 1 year", "Funding ends after 2 years"}
    runs = simulate(plain, runs=64, seed=1, societies=2, record=()).runs
    assert rows["Funding as it stands"][0].startswith(f"{100 * runs['uptake_final'].median():.0f} % (")
    ask(page, "ready")
    levels = {row[0]: row[1] for row in tried(page)}
    assert "this page reaches 0." in levels["0.90"]
    assert "What is not known is not in this page" in page.locator("#found .answer").inner_text()
    assert "valign diagnose" in page.locator("#beyond").inner_text()
    ask(page, "true")
    page.locator("#goal").select_option("services")
    found = tried(page)
    assert 5 < len(found) <= 12
    answer = page.locator("#found .answer").inner_text()
    assert answer.startswith("In the middle run ")
    assert ("By itself" in answer) == any(
        float(re.sub(r"\D", "", row[2]) or 0) >= 50 for row in found
    ) or "Nothing more" in answer


@pytest.mark.parametrize("name", ["plain", "worlds"])
@pytest.mark.parametrize(("level", "word"), [(None, "Ready"), (0.5, "Not yet"), (0.6, "It cannot be told")])
def test_readiness_is_said_by_its_rule(visit, name: str, level: float | None, word: str) -> None:
    """What services come to in runs of valign, by chance and over the worlds of the page; intervals by statsmodels."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    page = visit(name)
    all_runs(page)
    ask(page, "ready")
    if level is not None:
        page.locator("label", has_text="Alignment of values at the start").locator("input").check()
        set_lever(page, "alignment_level", level)
    assert [row[0] for row in tried(page)] == ["0.50", "0.60", "0.70", "0.80", "0.90"]
    said = page.locator("#found .answer").inner_text()
    scenario = Scenario.load("two-services").replace({"months": 36, "alignment_level": level})
    of = {
        "by chance": simulate(scenario, runs=256, seed=1, societies=2, record=()).runs["spread_final"].to_numpy(float)
    }
    if name == "worlds":
        names, found = over_worlds(page)
        of["with what is not known"] = found[:, names.index("spread_final")]
    shares = []
    for how, ends in of.items():
        assert len(ends) == 256
        yes = int((ends >= 0.5).sum())
        shares.append(yes / 256)
        low, high = (round(100 * each) for each in proportion.proportion_confint(yes, 256, method="wilson"))
        assert f"in {yes} of 256 runs {how} (" in said
        assert f"; many more such runs would give {low} to {high} %)" in said
    assert said.startswith(f"{word}: half of the services or more use it at the end")
    assert word == ("Ready" if min(shares) >= 0.8 else "Not yet" if max(shares) <= 0.2 else "It cannot be told")
    assert ("What is not known is not in this page" in said) == (name == "plain")


def test_what_was_found_stays_as_long_as_its_setting(visit) -> None:
    """Another question, a change and its undoing leave it; a change dims it; what another question set is named."""
    page = visit()
    begun(page)
    ask(page, "ending")
    page.locator("label", has_text="Funding ends everywhere").locator("input").check()
    rows = tried(page)
    ask(page, "ready")
    assert page.locator("#found table").count() == 0
    assert page.locator("#still").inner_text().startswith("Still on: Funding ends everywhere: month 36.")
    ask(page, "ending")
    assert page.locator("#still").is_hidden()
    assert len(rows) == page.locator("#found:not(.earlier) tbody tr").count()
    page.locator("#action-mandate").check()
    assert page.locator("#found.earlier tbody tr").count() == len(rows)
    assert page.locator("#progress").inner_text().startswith("Found before your last change")
    assert "no service's funding ends" in page.locator("#still").inner_text()
    page.locator("#undo").click()
    assert page.locator("#found:not(.earlier) tbody tr").count() == len(rows)
    ask(page, "ready")
    page.locator("#still button").click()
    assert page.evaluate("window.page.current().scheduled") == {}
    page.locator("#tried summary").click()
    record = page.locator("#record").inner_text()
    assert "Trial: What happens when funding ends?" in record


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


def test_average_answers_are_the_values_of_profiles(visit, tmp_path: Path) -> None:
    """What is typed is what the saved scenario holds and what valign computes; what is no answer changes nothing."""
    page = visit()
    all_runs(page)
    ask(page, "ready")
    field = page.get_by_label("staff, people deciding for themselves: average answer")
    for wrong in ("7", "0.9"):
        field.fill(wrong)
        page.keyboard.press("Tab")
        assert field.input_value() == ""
    field.fill("4.2")
    page.keyboard.press("Tab")
    all_runs(page)
    assert "what staff hold important" in page.locator("#what").inner_text()
    found = saved(page, tmp_path / "own.toml")
    assert {found.profiles[each]["client_agency"] for each in ("staff_staircase", "staff_generic")} == {0.8}
    expected = simulate(found, runs=256, seed=1, societies=2, record=()).runs
    names, now = outcomes(page)
    assert np.array_equal(now, expected[names].to_numpy(float), equal_nan=True)
    tried(page)
    told = page.locator("#found").inner_text()
    assert "With the averages that you typed in for staff, alignment at the start" in told
    away = {
        profile: sum(
            weight * abs(found.profiles[profile][d] - found.innovation.values[d])
            for d, weight in found.innovation.emphasis.items()
        )
        / sum(found.innovation.emphasis.values())
        for profile in found.profiles
    }
    rows = dict(row.split("\t")[:2] for row in told.splitlines() if row.count("\t") == 2)
    assert float(rows["Managers"]) == pytest.approx(away["manager"], abs=0.0051)
    assert float(rows["Staff"]) == pytest.approx((away["staff_staircase"] + away["staff_generic"]) / 2, abs=0.0051)
    field.fill("")
    page.keyboard.press("Tab")
    assert page.locator("#what").inner_text() == "Nothing changed"


def test_what_was_tried_gets_a_scenario_of_its_own(visit) -> None:
    page = visit()
    all_runs(page)
    ask(page, "ready")
    tried(page)
    for row in (0, 1):
        page.locator("#found table").first.locator("tbody tr button").nth(row).click()
        assert page.locator("#scenarios button").all_inner_texts() == ["Scenario 1", "Tried"]
        assert page.locator("#scenarios [aria-pressed=true]").inner_text() == "Tried"
        assert page.locator("#found:not(.earlier) tbody tr").count()  # what was found is true of it too
    page.locator("#scenarios button").first.click()
    assert page.locator("#what").inner_text() == "Nothing changed"


def pounds(page: Any) -> float:
    return float(page.locator("#spent").inner_text().strip("£").replace(",", ""))


def test_a_mandate_may_end(visit, tmp_path: Path) -> None:
    """Under a mandate dates of its own end are tried, since it keeps funding from ending."""
    page = visit()
    all_runs(page)
    ask(page, "ending")
    page.locator("#action-mandate").check()
    whole = pounds(page)
    rows = tried(page)
    assert [row[0] for row in rows[:2]] == ["The mandate as it stands", "The mandate ends after 1 year"]
    page.locator("#found table").first.locator("tbody tr button").nth(1).click()
    all_runs(page)
    found = saved(page, tmp_path / "ends.toml")
    assert {(each.month, each.set) for each in found.changes if each.parameter == "mandate"} == {(2, 1.0), (12, 0.0)}
    assert pounds(page) == pytest.approx(whole * 11 / 36, abs=1)  # it is paid for the eleven months of 36 before that
    expected = simulate(found, runs=256, seed=1, societies=2, record=()).runs
    names, now = outcomes(page)
    assert np.array_equal(now, expected[names].to_numpy(float), equal_nan=True)
