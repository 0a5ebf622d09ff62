"""What the page tries for a question, in Chromium: it says what valign computes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page.conftest import asked
from page.visitor import all_runs, ask, begun, outcomes, over_worlds, saved, set_lever, tried

from valign.calibration.data.survey import read_survey
from valign.calibration.diagnose.diagnosis import Diagnosis
from valign.experiments.bases import imported
from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser


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
    answer, dearer = page.locator("#found .answer").all_inner_texts()
    assert "Best of what was tried: " + rows[0][0] in answer
    page.locator("#found tbody tr").first.locator("button").click()
    all_runs(page)
    found = saved(page, tmp_path / "best.toml")
    plain = Scenario.load("two-services").replace({"months": 36})
    best, base = (runs_of(each) for each in (found, plain))
    gains = 100 * (best - base)["uptake_mean"].to_numpy(float)
    paid, worth = 1000 * (best - base)[["money_spent", "value_commissioners"]].mean()
    assert rows[0][5].replace("\u2060", "") == f"{'−' if paid < 0 else '+'}£{float(f'{abs(paid):.3g}'):,.0f}"
    net = worth - costs[0]
    assert f"that comes to {'−' if net < 0 else '+'}£{float(f'{abs(net):.3g}'):,.0f} on average" in told_of(page)
    forced = runs_of(plain.replace({"mandate": 1}))
    ahead = re.search(r"Mandate[^:]*: ([+−][\d.]+) ± .*?, and ([+−][\d.]+) ± [\d.]+ of services at the end", dearer)
    assert ahead
    for said, name in zip(ahead.groups(), ("uptake_mean", "spread_final"), strict=True):
        assert float(said.replace("−", "-")) == pytest.approx(100 * (forced - best)[name].mean(), abs=0.051)
    alone = page.locator("#found table").last.locator("tbody tr").first.locator("th, td").all_inner_texts()
    page.locator("#found table").last.locator("tbody tr").first.locator("button").click()
    single = runs_of(saved(page, tmp_path / "alone.toml"))
    gain = float(re.match(r"[+−][\d.]+", alone[2])[0].replace("−", "-"))
    assert gain == pytest.approx(100 * (single - base)["uptake_mean"].mean(), abs=0.051)
    every = page.locator("#found table").last.locator("tbody tr")
    assert every.count() == page.locator("#actions .action").count() + 1, "a mandate that ends, too"
    ending = every.filter(has_text="ending after 1 year")
    cells = ending.locator("th, td").all_inner_texts()
    gain = float(re.match(r"[+−][\d.]+", cells[2])[0].replace("−", "-"))
    ending.locator("button").click()
    ended = runs_of(saved(page, tmp_path / "ending.toml"))
    assert gain == pytest.approx(100 * (ended - base)["uptake_mean"].mean(), abs=0.051)
    assert gain < 100 * (forced - base)["uptake_mean"].mean()
    shown = re.match(r"([+−][\d.]+) ± ([\d.]+)", rows[0][2])
    assert shown
    assert float(shown[1].replace("−", "-")) == pytest.approx(gains.mean(), abs=0.051)
    assert float(shown[2]) == pytest.approx(1.96 * gains.std(ddof=1) / 8, abs=0.051)
    best, runs = zip(*(map(int, row[6].split(" of ")) for row in rows), strict=True)
    assert set(runs) == {64}
    assert sum(best) <= 64 + len(rows)
    told = told_of(page)
    assert "what is not known may change which is best. " in told
    assert "valign decide searches further" in told


def told_of(page: Any) -> str:
    return page.locator("#found").inner_text().replace("\u2060", "")


def runs_of(scenario: Scenario) -> Any:
    """The runs by which the page judges mixes."""
    return simulate(scenario, runs=96, seed=1, societies=2, record=()).runs.iloc[32:].select_dtypes(float)


def test_what_money_gains_with_what_is_not_known_is_in_pairs_too(visit) -> None:
    page = visit("worlds")
    all_runs(page)
    ask(page, "money")
    page.locator("#budget").fill("60000")
    page.keyboard.press("Tab")
    first = tried(page)[0]
    shown = re.match(r"([+−][\d.]+) \(([+−][\d.]+) to ([+−][\d.]+)\)", first[7])
    assert shown
    page.locator("#found tbody tr").first.locator("button").click()
    names, found = over_worlds(page)
    page.locator("#reset").click()
    base, at = over_worlds(page)[1], names.index("uptake_mean")
    gains = 100 * (found[:64, at] - base[:64, at])
    said = [float(each.replace("−", "-")) for each in shown.groups()]
    assert said == pytest.approx([gains.mean(), *np.quantile(gains, [0.05, 0.95])], abs=0.051)
    assert "; with what is not known: " in page.locator("#found .answer").first.inner_text()


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


def test_a_link_may_ask_a_question(visit) -> None:
    """As the one from a questionnaire that was read: the trial begins by itself; what is no question is left out."""
    page = visit(query="?ask=ending")
    page.locator("body[data-tried='ending'] #found table").first.wait_for()
    assert page.locator("#tabs [data-question='ending']").get_attribute("aria-pressed") == "true"
    other = visit(query="?ask=%3Cscript%3E")
    begun(other)
    assert other.locator("#door").is_visible()


def test_who_stands_where_is_what_the_diagnosis_says(visit) -> None:
    """The page of a questionnaire's services has its services and roles with their intervals; no other page has."""
    page = visit("asked")
    ask(page, "ready")
    tried(page)
    survey = Path(__file__).parents[2] / "examples" / "survey" / "before.xlsx"
    found = Diagnosis(read_survey(str(survey)), runs=0)
    for heading, table, name in (
        ("Services, the most ready first", found.services, "service"),
        ("Roles", found.roles, "role"),
    ):
        rows = page.locator("#found table").filter(has_text=heading).locator("tbody tr").all_inner_texts()
        assert [row.split("\t")[0].strip() for row in rows] == table[name].tolist()
        for row, fit, low, high in zip(rows, table["fit"], table["fit_low"], table["fit_high"], strict=True):
            assert f"{fit:.2f} ({low:.2f} to {high:.2f})" in row
    assert f"{found.services['service'].iloc[0]} is the most ready" in told_of(page)
    assert "How far each group is" not in told_of(page), "one answer to one question"
    other = visit()
    ask(other, "ready")
    tried(other)
    assert "How far each group is" in told_of(other)
