"""What a page is made of: the image of a scenario, and the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.experiments.simulate import simulate
from valign.model.compiled import engine
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.run.initial import unstarted
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.state.scenario_arrays import lower
from valign.experiments.actions.declaration import Action
from valign.experiments.decide.options import Option
from valign.experiments.decide.schedule import Schedule
from valign.page.actions import Actions, actions_of, together
from valign.page.build import page
from valign.page.image import START_OF_HEADER, image, read_header
from valign.page.levers import EVENTS, with_events

if engine.why_not_webassembly():
    pytest.skip(f"no WebAssembly: {engine.why_not_webassembly()}", allow_module_level=True)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Scenario.load("two-services").replace({"months": 12})


@pytest.fixture(scope="module")
def file(scenario: Scenario) -> bytes:
    return image(scenario)


@pytest.fixture(scope="module")
def made(scenario: Scenario) -> str:
    return page(scenario)


@pytest.fixture(scope="module")
def actions(scenario: Scenario) -> Actions:
    return actions_of(with_events(scenario))


def test_scenarios_of_one_page_have_names_of_their_own(scenario: Scenario) -> None:
    with pytest.raises(InputError, match="two scenarios are called two-services"):
        page(scenario, repeat="a", others={"b": scenario})
    many = {str(n): scenario.replace({"name": f"number {n}"}) for n in range(6)}
    with pytest.raises(InputError, match="7 scenarios: a page holds at most 6"):
        page(scenario, others=many)


def never(actions: Actions) -> dict[str, np.ndarray]:
    events = {f"changes.{n}.month": 0.0 for n in range(len(EVENTS))}
    return {name: np.zeros(2) for name in events | actions.never()}


def test_a_lever_writes_what_lowering_the_changed_scenario_gives(
    scenario: Scenario, file: bytes, actions: Actions
) -> None:
    """All parameter levers at once: combinations too."""
    header = read_header(file)
    levers = [each for each in header["levers"] if each["kind"] == "parameter"]
    assert len(levers) == 9
    moved = {each["key"]: each["high"] for each in levers}
    society = build_society(scenario, 1)
    full, off = actions.scenario, never(actions)
    found, expected = (unstarted(lower(each), society, [1, 2], off) for each in (full, full.replace(moved)))
    for lever in levers:
        for name, positions in lever["writes"]:
            array = getattr(found, name)
            array.reshape(-1, 2)[positions] = lever["high"]
    for name, _ in expected.headers():
        if name != "runs":
            assert np.array_equal(getattr(found, name), getattr(expected, name), equal_nan=True), name


def test_what_is_off_changes_nothing(scenario: Scenario, actions: Actions) -> None:
    lowered, society = lower(actions.scenario), build_society(scenario, 1)
    plain = unstarted(lower(scenario), society, [1, 2])
    off = unstarted(lowered, society, [1, 2], never(actions))
    for name, _ in plain.headers():
        if not name.startswith("change_") and name not in ("runs", "switches"):
            assert np.array_equal(getattr(plain, name), getattr(off, name), equal_nan=True), name
    assert (off.change_month == 0).all()
    assert [change.parameter for change in actions.scenario.changes[: len(EVENTS)]] == [
        each.parameter for each in EVENTS
    ]


def test_actions_that_a_page_puts_together_do_what_they_do_in_a_mix(scenario: Scenario, actions: Actions) -> None:
    """Every pair of steps: months and values that each writes are those of the mix of both; what meets is exclusive."""
    by_id = {each["id"]: each for each in read_header(image(scenario, societies=2))["actions"]}
    for n, one in enumerate(actions.options):
        for other in actions.options[n + 1 :]:
            if one.action.id == other.action.id:
                continue
            beside = other.action.id in by_id[one.action.id]["beside"]
            assert beside == (not together(one.action, other.action))
            if beside:
                continue
            pair = Schedule(actions.schedule.plain, [(one, other)])
            columns = pair.columns([0], {})
            mixed = {
                actions.own + actions.schedule.slots[slot]: (
                    int(columns[f"changes.{actions.own + k}.month"].iloc[0]),
                    float(columns[f"changes.{actions.own + k}.set"].iloc[0]),
                )
                for slot, k in pair.slots.items()
            }
            written = {
                change: (1 + offset, value) for each in (one, other) for change, offset, value in _made(by_id, each)
            }
            assert written == mixed, (one.key, other.key)
    own = Action.from_toml(SECOND_LEADERSHIP, name="second-programme")
    assert not together(own, next(each.action for each in actions.options if each.action.id == "leadership-programme"))


SECOND_LEADERSHIP = """name = "Second programme"
says = "s"
mechanism = "m"
evidence = "e"
grade = "assumed"
[cost]
low = 1
likely = 2
high = 3
per = "scheme"
source = "assumed"
price_year = 2025
[[intensities]]
name = "full"
effects = [{parameter = "leadership_strength", add = 0.1}]
"""


def _made(by_id: dict[str, Any], option: Option) -> list[list[Any]]:
    told = by_id[option.action.id]
    place = [each["name"] for each in told["places"]].index(option.place.name)
    return told["changes"][option.intensity][place]


def test_an_action_costs_what_it_costs_in_a_decision(scenario: Scenario, actions: Actions, file: bytes) -> None:
    """The page's sum (rate, months of payment, months left) against `Ground.cost`, for every start."""
    by_id = {each["id"]: each for each in read_header(file)["actions"]}
    for option in actions.options:
        told = by_id[option.action.id]
        place = [each["name"] for each in told["places"]].index(option.place.name)
        for start in range(1, told["last"] + 1):
            left = scenario.months - start + 1
            years = 1 if told["once"] else min(told["months"] or left, left) / 12
            found = [rate * years for rate in told["pounds"][option.intensity][place]]
            moved = Option(option.action, option.intensity, option.place, start)
            assert found == pytest.approx(actions.ground.cost(moved)), moved.key


def test_the_opening_is_short_and_names_no_code(file: bytes) -> None:
    header = read_header(file)
    assert len(" ".join(header["opening"]).split()) <= 150
    texts = [
        *header["opening"],
        *(text for each in header["questions"] for text in (each["name"], each["says"], each["tab"])),
    ]
    texts += [each["says"] for each in header["goals"]]
    for text in texts:
        assert not re.search(r"[a-z]_[a-z]", text), text
    assert len([each for each in header["questions"] if each["id"] != "all"]) == 5


def test_the_tests_of_a_page_are_the_outcomes_that_valign_computes(scenario: Scenario, file: bytes) -> None:
    from valign.model.outcomes import OUTCOMES
    from valign.page.image import outcomes_hash

    told = read_header(file)["expected"]
    societies = len(read_header(file)["societies"])
    tested = [0, societies, 2 * societies, 3 * societies]  # all in the first society: the first block of a page
    runs, other = (simulate(scenario, runs=16, seed=seed, societies=societies, record=()).runs for seed in (1, 2))
    assert told == {"runs": tested, "hash": outcomes_hash(runs[list(OUTCOMES)].to_numpy(float)[tested])}
    assert told["hash"] != outcomes_hash(other[list(OUTCOMES)].to_numpy(float)[tested])


def test_worlds_are_columns_of_parameters_that_count_by_their_weight(scenario: Scenario) -> None:
    worlds = pd.DataFrame({"fit_effect": [0.1, 0.5], "talk": [0.2, 0.1], "weight": [3.0, 1.0], "world": [0, 1]})
    file = image(scenario, worlds=worlds)
    told = read_header(file)["worlds"]
    assert told["keys"] == ["fit_effect", "talk"]
    length = int.from_bytes(file[8:12], "little")
    start = START_OF_HEADER + length + told["values"]
    values = np.frombuffer(file[start : start + told["bytes"]]).reshape(told["count"], 2)
    assert (values[:, 0] == 0.1).mean() == 0.75
    with pytest.raises(InputError, match="needs a number in every world"):
        image(scenario, worlds=worlds.assign(talk=[np.nan, 0.1]))


def test_what_shapes_the_society_is_no_lever(scenario: Scenario) -> None:
    name = next(p.name for p in PARAMETERS.values() if p.scope == "society")
    with pytest.raises(InputError, match="shapes the society"):
        image(scenario, levers={name: "something"})
    with pytest.raises(InputError, match="expected 2 to 8"):
        image(scenario, societies=9)


def test_a_page_is_one_small_file_that_asks_nobody_for_anything(made: str) -> None:
    assert len(made) < 1e6
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)[^"'#]""", made)
    assert not re.findall(r"\bfetch\(|XMLHttpRequest|importScripts|\bimport\s*\(", made)
    assert "default-src 'none'" in made


def test_a_page_holds_the_licences_of_what_is_in_it(made: str, root: Path) -> None:
    from markupsafe import escape

    assert str(escape((root / "LICENSE").read_text("utf-8"))) in made
    assert "Redistributions in binary form must reproduce the above copyright" in made  # Numba


def test_the_same_page_every_time(scenario: Scenario, made: str) -> None:
    assert page(scenario) == made


def test_a_page_of_a_stale_module_is_not_made(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    from valign.page import build

    monkeypatch.setattr(build, "stale", lambda: "month.wasm was made from other kernels")
    with pytest.raises(InputError, match="make wasm"):
        page(scenario)


def test_the_command_writes_a_page(valign: Callable[..., Any], tmp_path: Path) -> None:
    said = valign("page two-services --set slack=0.4 --out here.html")
    assert said.code == 0
    assert "here.html" in said.out + said.err
    text = (tmp_path / "here.html").read_text("utf-8")
    assert "Two homelessness services" in text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("page two-servces", "two-services"),
        ("page two-services --societies 9", "expected 2 to 8"),
        ("page two-services --set slak=0.4", "slack"),
        ("page two-services --out .", "is a folder"),
        ("page two-services --out missing/page.html", "cannot be written"),
        ("page england", "at most 5,000"),
    ],
)
def test_what_cannot_be_made_into_a_page_is_said(valign: Callable[..., Any], typed: str, told: str) -> None:
    said = valign(typed)
    assert said.code == 2
    assert told in said.err
    assert "Traceback" not in said.err


def test_the_doctor_says_what_computes_here(valign: Callable[..., Any]) -> None:
    said = valign("doctor --json")
    assert said.code == 0
    told = json.loads(said.out)
    assert told["WebAssembly"] == "ready"
    assert re.match(r"[\d,]+ ns for a person and a month", told["speed"])
    assert "machine code" in told["engine"] or "WebAssembly" in told["engine"]
