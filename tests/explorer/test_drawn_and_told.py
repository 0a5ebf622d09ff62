"""What the page draws and says: curves, the society, decisions; names from outside are only text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from explorer_cases import CHANGED, HOSTILE, TEXT, asked

import valign as va
from valign.explorer import charts, files, society_view, words
from valign.explorer.state import Settings
from valign.explorer.work import Question
from valign.model.errors import InputError
from valign.results.summaries import curve_summary


def test_names_from_outside_are_only_text():
    text = TEXT.replace('name = "hostel"', f"name = '{HOSTILE}'").replace("Two homelessness", HOSTILE.replace('"', ""))
    settings = files.own_scenario(text.encode())
    story = society_view.followed(Question(settings.__class__(**{**vars(settings), "months": 3})))
    pages = [
        society_view.drawing(story, 2),
        society_view.told(story, "s0", 2),
        society_view.told(story, "p0", 2),
        words.about(story.scenario),
        words.problems([HOSTILE]),
        charts.time_line(12, [(3, HOSTILE)]),
        charts.table([HOSTILE], [[HOSTILE, HOSTILE]], HOSTILE),
    ]
    for page in pages:
        assert "<script" not in page
        assert "&lt;script" in page


def test_curves_draw_bands_labels_and_words():
    found = asked(Settings(months=6))
    table = curve_summary(found.curves["all", "engaged"])
    drawn = ElementTree.fromstring(charts.curves("Uptake", [charts.Line("median", table)], marks=[3]))
    assert len(drawn.findall("polygon")) == 2
    assert "Uptake, over 6 months. median: 0 % at the start" in drawn.get("aria-label")
    for content in (
        words.uptake(found),
        words.behind(found),
        words.cards(found),
        words.told(found),
        words.comparison(found, found),
    ):
        ElementTree.fromstring(f"<div>{content}</div>")
    nobody = table.assign(median=float("nan"))
    assert "nobody has this role" in charts.curves("Nobody", [charts.Line("x", nobody)])


def test_a_society_is_drawn_person_by_person_and_a_large_one_by_service(monkeypatch):
    question = Question(Settings(months=36))
    story = society_view.followed(question)
    drawn = ElementTree.fromstring(society_view.drawing(story, 20, "p3"))
    assert len([each for each in drawn.iter("g") if each.get("data-pick", "").startswith("p")]) == 55
    assert len(drawn.findall("line")) == story.society.tie_start[4] - story.society.tie_start[3]
    monkeypatch.setattr(society_view, "MOST_DRAWN", 10)
    monkeypatch.setattr(society_view, "MOST_FOLLOWED", 55 * 12)
    large = society_view.followed(question)
    assert (large.people, large.months) == (None, 12)
    assert "first 12 months" in large.remark
    tiles = ElementTree.fromstring(society_view.drawing(large, 3)).findall("g")
    assert [each.get("data-pick") for each in tiles] == ["s0", "s1"]


def test_who_cannot_be_followed_is_said(monkeypatch):
    monkeypatch.setattr(society_view, "MOST_FOLLOWED", 55 * 6)
    with pytest.raises(InputError, match="55 people can be followed for 6 months only, which is before a scheduled"):
        society_view.followed(Question(CHANGED))
    monkeypatch.setattr(society_view, "MOST_FOLLOWED", 55)
    with pytest.raises(InputError, match="55 people are too many to follow one by one"):
        society_view.followed(Question(Settings(months=36)))


def test_colours_run_from_light_to_dark_and_grey_is_unknown():
    assert society_view.colour(float("nan")) == "#cccccc"
    assert society_view.colour(-1.0) == society_view.colour(0.0)
    assert society_view.colour(2.0) == society_view.colour(1.0)
    light = [sum(bytes.fromhex(society_view.colour(level)[1:])) for level in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)]
    assert light == sorted(light, reverse=True)
    assert light[0] > light[-1] + 200


def test_a_setting_at_its_own_value_is_no_change():
    slack = Settings().base().value("slack")
    changed = Settings().with_parameter("slack", slack + 0.1)
    assert changed.parameters == {"slack": slack + 0.1}
    assert changed.with_parameter("slack", slack) == Settings()
    assert Settings().with_mechanism("turnover", False).with_mechanism("turnover", True) == Settings()


def test_decisions_are_told_with_terms_that_add_up():
    story = society_view.followed(Question(Settings(months=36)))
    engaged = story.events[story.events["what"] == "engaged"].iloc[0]
    terms = engaged["terms"]
    parts = [sign * story.scenario.value(parameter) * terms[term] for term, parameter, sign in society_view.ENGAGING]
    text = society_view.told(story, f"p{engaged['person']}", engaged["month"])
    assert f"{terms['eta'] - sum(parts):+.2f}" in text
    assert f"{terms['eta']:+.2f}" in text
    assert terms["draw"] < terms["probability"]
    assert "client agency" in text
    after = story.events[(story.events["person"] < 0)].iloc[0]
    assert after["what"] in society_view.told(story, f"s{after['service']}", after["month"])


def test_stages_of_services_follow_the_events():
    story = society_view.followed(Question(Settings()))
    found = va.simulate("two-services", 64, 1, 4, record=("series",))
    in_use = [society_view.SERVICE_STAGES.index(name) for name in ("piloting", "commissioned", "sustained")]
    shares = [sum(stage in in_use for stage in row) / len(row) for row in story.stages.tolist()]
    assert shares == pytest.approx(found.curves("service", "in_use")[:, 0].tolist())
