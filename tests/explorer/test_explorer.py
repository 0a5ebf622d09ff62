"""The explorer: state, limits and files in process; the page in a real browser (`-m browser`)."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import socket
import sys
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import pandas as pd
import pytest
import serving
from serving import uptake

import valign as va
from valign.experiments.ablation import ablations
from valign.explorer import charts, files, server, society_view, state, studies, words, work
from valign.explorer.state import Settings, decode, encode
from valign.explorer.work import Question, Superseded, ensemble, what_moved
from valign.model.errors import InputError
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.scenario.scenario import SHIPPED
from valign.results.summaries import curve_summary

TEXT = (SHIPPED / "two-services.toml").read_text("utf-8")
HOSTILE = '<script>alert("x")</script>'
CHANGED = Settings(
    parameters={"coproduction_intensity": 0.3, "ties.between": 2.0},
    mechanisms={"dialogue": False},
    level=0.7,
    months=24,
    changes=(
        {"month": 12, "event": "new_leader", "profile": "manager", "organisations": ["hostel"]},
        {"month": 18, "parameter": "slack", "set": 0.1},
    ),
)


def asked(settings: Settings, **how):
    return asyncio.run(ensemble(Question(settings), **how))


def restored(query: str):
    return decode(parse_qsl(query))


# --- the link --------------------------------------------------------------------------------------------------------
def test_a_link_restores_the_state():
    own = Settings("mine", TEXT.replace("two-services", "mine"), level="natural", changes=())
    for now, pinned, view in (
        (Settings(), None, "results"),
        (CHANGED, Settings("housing-first"), "compare"),
        (own, CHANGED, "society"),
    ):
        assert restored(encode(now, pinned, view)) == (now, pinned, view)
        assert restored(encode(now, pinned, view, ["upload", "pin.upload"])) == (now, pinned, view)


def test_any_slider_and_switch_survives_the_link():
    draw = random.Random(1)
    for name, p in PARAMETERS.items():
        value = draw.uniform(p.low, p.high)
        value = float(round(value)) if p.integer else value
        settings = Settings(parameters={name: value}, mechanisms={draw.choice(MECHANISMS): False})
        assert restored(encode(settings))[0] == settings


def test_a_wrong_link_is_told_everything_that_is_wrong_with_it():
    query = {
        "scenario": "two-services",
        "slak": ".1",
        "off": "dialog",
        "level": "nan",
        "view": "everything",
        "broadcast": "1e999",
        "pin.months": "x",
    }
    with pytest.raises(InputError) as error:
        decode(list(query.items()))
    text = "\n".join(error.value.problems)
    for word in ("did you mean", "'slack'", "'dialogue'", "level", "everything", "broadcast", "months"):
        assert word in text


@pytest.mark.parametrize("pairs", [
    [("scenario", "/etc/passwd")], [("scenario", "../two-services")], [("scenario", "medical-innovation\0")],
    [("toml", base64.urlsafe_b64encode(zlib.compress(b"a" * 10**8)).decode())], [("change", "[" * 50_000)],
    [("toml", "x" * 10**6)], [("months", "1e400")], [("months", "100000")], [("level", "2")], [("slack", "-1")],
    [("change", '{"month": 12, "parameter": "__class__", "set": 1}')],
])  # fmt: skip
def test_a_hostile_link_is_refused(pairs):
    with pytest.raises(InputError):
        decode(pairs)


def test_a_link_that_is_too_long_is_said_to_be():
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=60_000))
    with pytest.raises(InputError, match="link"):
        encode(Settings("mine", TEXT + f"\n# {noise}"))


# --- limits ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("old", "new", "what"), [
    ("staff = 28", "staff = 70000", "people"), ("staff = 28", "staff = 1\ncount = 6000", "services"),
    ("months = 72", "months = 12000", "months"),
])  # fmt: skip
def test_scenarios_beyond_the_ceilings_are_refused_before_they_are_built(old, new, what):
    with pytest.raises(InputError, match=what):
        files.own_scenario(TEXT.replace(old, new, 1).encode())


def test_a_large_scenario_gets_fewer_runs_and_one_too_large_none():
    england = Settings("england").base()
    assert state.runs_allowed(england, england.people()) < state.RUNS
    with pytest.raises(InputError, match="person-months"):
        state.runs_allowed(england.replace({"months": 600}), england.people())
    small = Settings().base()
    assert state.runs_allowed(small, small.people()) == state.RUNS
    dense = small.replace({"ties.between": 50, "ties.cross_team": 100, "ties.team_size": 100})
    assert state.runs_allowed(dense, 3000) < state.runs_allowed(small, 3000)


def test_an_uploaded_scenario_reads_no_files():
    text = f'{TEXT}\n[tables]\nnodes = "/etc/passwd"\nedges = "/etc/passwd"\n'
    with pytest.raises(InputError, match="names files"):
        files.own_scenario(text.encode())


def test_a_thousand_hostile_uploads_and_parameters_are_answered_with_a_message():
    draw = random.Random(7)
    pieces = ["=", "[[", "]]", '"', "1e999", "-1", "nan", "\0", "\n", HOSTILE, "'", "staff", "{", "9" * 400, "true"]
    keys = [*PARAMETERS, "scenario", "level", "months", "change", "toml", "on", "off", "view", HOSTILE]
    nodes, edges = b"id,organisation,role\na,hostel,staff\nb,hostel,manager\n", b"from,to\na,b\n"

    def spoilt(content: bytes) -> bytes:
        for _ in range(draw.randint(1, 4)):
            at, to = sorted(draw.choices(range(len(content) + 1), k=2))
            content = content[:at] + draw.choice(pieces).encode() + content[min(to, at + draw.randint(0, 20)) :]
        return content if draw.random() < 0.9 else content + bytes(draw.choices(range(256), k=30))

    answers = {"used": 0, "refused": 0}
    for case in range(1000):
        try:
            if case % 3 == 0:
                files.own_scenario(spoilt(TEXT.encode()))
            elif case % 3 == 1:
                files.own_society(
                    {"nodes": spoilt(nodes), "edges": spoilt(edges), "codebook": spoilt(b'id = "id"\n')}, Settings()
                )
            else:
                decode([(draw.choice(keys), draw.choice(pieces) * draw.randint(1, 3)), ("scenario", "two-services")])
            answers["used"] += 1
        except InputError as error:
            answers["refused"] += "<script" not in words.problems(error.problems) != ""
    assert sum(answers.values()) == 1000
    assert answers["refused"] > 800


def test_tables_that_are_too_large_are_refused():
    with pytest.raises(InputError, match="bytes"):
        files.own_society({"nodes": b"x" * (files.MOST_TABLE + 1), "edges": b""}, Settings())
    with pytest.raises(InputError, match="network"):
        files.own_society({"nodes": b"id\n"}, Settings())


def test_uploads_that_are_not_what_they_should_be_are_named(monkeypatch):
    nodes, edges = survey()
    with pytest.raises(InputError, match="scenario: the file is empty"):
        files.own_scenario(b" \n")
    with pytest.raises(InputError, match="scenario: is not UTF-8 text"):
        files.own_scenario(b"name = '\xff'")
    with pytest.raises(InputError, match="codebook: not valid TOML"):
        files.own_society({"nodes": nodes, "edges": edges, "codebook": b"id = "}, Settings())
    with pytest.raises(InputError, match="nodes: cannot be read as CSV"):
        files.own_society({"nodes": b"", "edges": edges}, Settings())
    monkeypatch.setattr(files, "MOST_TIES", 3)
    with pytest.raises(InputError, match="edges: more than 3 rows"):
        files.own_society({"nodes": nodes, "edges": edges}, Settings())
    monkeypatch.undo()
    monkeypatch.setattr(files, "MOST_SERVICES", 0)
    with pytest.raises(InputError, match="survey: 1 organisations; at most 0 are taken"):
        files.own_society({"nodes": nodes, "edges": edges}, Settings())


def test_requests_beyond_the_ceiling_get_a_status_and_nothing_else(monkeypatch):
    pytest.importorskip("nicegui")
    from valign.explorer import guard

    monkeypatch.setattr(guard, "MOST_BODY", 10)

    async def inner(scope, receive, send):
        if scope["path"] == "/broken":
            raise KeyError("no boundary")
        if scope["path"] == "/answers first":
            await send({"type": "http.response.start", "status": 200})
        while scope["method"] == "POST" and (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200})

    def status(method: str, path: str = "/", parts: tuple[int, ...] = (0,), length: bytes = b"0") -> list[int]:
        messages = iter([{"body": b"x" * part, "more_body": n + 1 < len(parts)} for n, part in enumerate(parts)])
        sent: list[int] = []

        async def receive():
            return next(messages)

        async def send(message):
            if message["type"] == "http.response.start":
                sent.append(message["status"])

        scope = {"type": "http", "method": method, "path": path, "headers": [(b"content-length", length)]}
        asyncio.run(guard.Ceiling(inner)(scope, receive, send))
        return sent

    assert status("GET", length=b"99") == status("POST", parts=(4, 4), length=b"8") == [200]
    assert status("POST", length=b"11") == status("POST", length=b"many") == [413]
    assert status("POST", parts=(6, 6)) == [413]
    assert status("POST", "/broken") == [400]
    with pytest.raises(OverflowError):  # an answer that has begun cannot become another
        status("POST", "/answers first", (6, 6))


def test_a_malformed_message_is_as_good_as_none():
    pytest.importorskip("nicegui")
    from valign.explorer.guard import refusing

    async def later(message):
        return message["id"]

    for handler in (lambda message: message["id"], later):
        assert asyncio.run(refusing(handler)({"id": 3})) == 3
        assert asyncio.run(refusing(handler)({})) is None
        assert asyncio.run(refusing(handler)(None)) is None


# --- ensembles -------------------------------------------------------------------------------------------------------
def test_the_page_shows_the_numbers_that_the_command_line_gives():
    found = asked(CHANGED)
    again = va.simulate(va.Scenario.from_toml(files.scenario_file(CHANGED).decode()), 64, 1, 4)
    assert found.scenario.changes[0].month == 12
    pd.testing.assert_frame_equal(found.runs[again.runs.columns], again.runs, check_exact=True)
    assert (found.curves["all", "engaged"] == again.curves("all", "engaged")).all()


def test_only_structural_settings_redraw_the_society():
    base = Settings().base()
    assert Settings(parameters={"slack": 0.2}).base() is base
    assert Settings(parameters={"ties.between": 2.0}).base() is not base


def test_work_that_nobody_waits_for_is_dropped():
    with pytest.raises(Superseded):
        asked(Settings(months=3), stale=lambda: True)


def test_large_scenarios_show_a_quarter_of_each_societys_runs_first(monkeypatch):
    seen = []

    async def first(found):
        seen.append(found)

    monkeypatch.setattr(work, "QUICK", 0)
    whole = asked(Settings(months=6), first=first)
    (early,) = seen
    assert (len(early.runs), early.whole, whole.whole) == (16, False, True)
    assert early.runs["society_seed"].value_counts().tolist() == [4] * 4
    columns = early.runs["run"].to_numpy()
    assert (early.curves["all", "engaged"] == whole.curves["all", "engaged"][:, columns]).all()
    monkeypatch.undo()
    pd.testing.assert_frame_equal(whole.runs, asked(Settings(months=6)).runs, check_exact=True)


def test_a_claim_in_parts_is_the_claim_as_a_whole(monkeypatch):
    monkeypatch.setattr(studies, "PART", 20_000)
    done = []
    own, row = studies.test_here("C11", None, 20, lambda: False, lambda *numbers: done.append(numbers))
    again = va.test_claim("C11", 20, studies.SEEDS, 1)
    assert len(done) > 3
    assert done[-1][0] == done[-1][1] == own.runs
    assert own.table.equals(again.table)
    assert own.summary() == again.summary()
    pd.testing.assert_frame_equal(own.shipped, again.shipped)
    ElementTree.fromstring(f"<div>{words.claim(own, row, 'here')}</div>")


def test_a_claim_here_keeps_what_was_set_and_says_where_it_cannot_be_tested():
    question = Question(Settings(months=48, parameters={"slack": 0.3}, changes=CHANGED.changes[:1]))
    claim = studies.ClaimHere.of("C11", question)
    base = claim.base()
    assert (base.months, claim.settings["slack"], len(base.changes)) == (60, 0.3, len(claim.changes) + 1)
    assert base.changes[1].parameter == "fit_effect"
    with pytest.raises(InputError, match="the same in these settings"):
        studies.check_arms(studies.ClaimHere.of("C13", question))
    with pytest.raises(InputError, match="cannot be tested here"):
        studies.test_here("C13", question, 20, lambda: False, lambda *_: None)
    with pytest.raises(InputError, match="claim"):
        studies.ClaimHere.of("../C7", question)
    with pytest.raises(InputError, match="command line"):
        studies.worlds_allowed(studies.ClaimHere.of("C1", Question(Settings("england"))), 60)
    with pytest.raises(Superseded):
        studies.test_here("C1", question, 20, lambda: True, lambda *_: None)


def test_a_quick_sensitivity_study_is_that_of_the_command_line(monkeypatch):
    monkeypatch.setattr(studies, "LARGEST_N", 16)
    monkeypatch.setattr(studies, "PART", 20_000)
    question, factors, outcomes = Question(Settings(months=6)), ["slack", "fit_effect"], ["uptake_final"]
    found = studies.sensitivity_here(question, factors, outcomes, lambda: False, lambda *_: None)
    again = va.sensitivity(question.settings.whole(), "sobol", 16, outcomes, factors, replicates=studies.REPLICATES)
    pd.testing.assert_frame_equal(found.indices, again.indices)
    ElementTree.fromstring(f"<div>{words.sensitivity(found)}</div>")
    for wrong, what in ((["slack"], "2 to 12"), (["slack", "slak"], "did you mean")):
        with pytest.raises(InputError, match=what):
            studies.sensitivity_here(question, wrong, outcomes, lambda: False, lambda *_: None)
    with pytest.raises(InputError, match="command line"):
        studies.sensitivity_here(Question(Settings("england")), factors, outcomes, lambda: False, lambda *_: None)


def test_what_cannot_be_reached_is_said():
    with pytest.raises(InputError, match="cannot be reached"):
        asked(Settings(level=0.99, months=3))


def test_the_waterfall_is_the_decomposition_beside_ablations():
    settings = Settings(months=12)
    table = asyncio.run(what_moved(Question(settings), lambda: False, 8))
    ElementTree.fromstring(charts.waterfall(table, {}))
    moved = table.set_index("mechanism")
    known = ablations(settings.whole(), 8, 1, 4).drop(columns="runs").set_index("mechanism")
    pd.testing.assert_frame_equal(moved.loc[known.index], known)
    assert table["booked"].sum() == pytest.approx(table.attrs["end"] - table.attrs["start"])


# --- drawn and told --------------------------------------------------------------------------------------------------
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


# --- files -----------------------------------------------------------------------------------------------------------
def test_results_to_take_away_are_those_of_a_folder_of_results():
    found = asked(Settings(months=12), runs=8)
    content = zipfile.ZipFile(io.BytesIO(files.bundle(found, None)))
    assert {"report.html", "run.svg", "runs.csv", "scenario.toml", "manifest.json"} <= set(content.namelist())
    assert va.Scenario.from_toml(content.read("scenario.toml").decode()).months == 12
    both = zipfile.ZipFile(io.BytesIO(files.bundle(found, asked(CHANGED, runs=8))))
    assert "compare.svg" in both.namelist()


def survey() -> tuple[bytes, bytes]:
    """A small one, and its network."""
    people = [("m", "hostel", "manager"), *((f"s{n}", "hostel", "staff") for n in range(6)), ("c", "", "commissioner")]
    nodes = "id,organisation,role\n" + "".join(",".join(each) + "\n" for each in people)
    edges = "from,to\n" + "".join(f"s{n},m\n" for n in range(6))
    return nodes.encode(), edges.encode()


def test_a_survey_and_a_network_make_the_society():
    nodes, edges = survey()
    society = files.own_society({"nodes": nodes, "edges": edges}, Settings())
    found = asyncio.run(ensemble(Question(Settings(months=6), society)))
    assert found.runs["status"].tolist() == ["ok"] * 64
    story = society_view.followed(Question(Settings(months=6), society))
    assert story.person(0) == "manager m"


def test_loopback_is_told_from_the_rest(capsys):
    assert [server.is_loopback(each) for each in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.2", "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    pytest.importorskip("nicegui")
    with pytest.raises(InputError, match="--port 0"):
        server.explore("127.0.0.1", 0, False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="another --port"):
            server.explore("127.0.0.1", taken.getsockname()[1], False)


def test_whoever_can_be_reached_by_others_is_warned(capsys, monkeypatch):
    nicegui = pytest.importorskip("nicegui")
    from valign.explorer import guard, page

    monkeypatch.setattr(nicegui.ui, "run", lambda **options: None)
    for of, name in ((server, "warm"), (page, "register"), (guard, "guard")):
        monkeypatch.setattr(of, name, lambda *_: None)
    monkeypatch.setattr(server.working, "compiled_before", lambda: False)
    server.explore("127.0.0.1", serving.free_port(), False)
    assert "WARNING" not in capsys.readouterr().err
    server.explore("0.0.0.0", serving.free_port(), False, ("care-lab",))
    said = capsys.readouterr().err
    assert "WARNING: other machines can reach this page" in said
    assert "Compiling the model" in said


def test_without_the_extra_the_explorer_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nicegui", None)
    with pytest.raises(InputError, match=r"needs NiceGUI: pip install 'valign\[web\]'"):
        server.explore("127.0.0.1", 8765, False)


# --- what a page answers, without a browser --------------------------------------------------------------------------
class Said:
    """Stands for what is shown: keeps the last text."""

    text = ""
    visible = False

    def set_content(self, text: str) -> None:
        self.text = text

    set_text = set_content

    def set_visibility(self, visible: bool) -> None:
        self.visible = visible


@pytest.fixture
def page():
    """The page of a visitor, of which messages and status are looked at and nothing is drawn."""
    pytest.importorskip("nicegui")
    from valign.explorer.page import Page

    made = Page(None)
    made.message, made.status, made.busy = Said(), Said(), Said()
    made.views = {"files": made.views["files"]}  # the others hold what is drawn
    return made


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda page: page.move("slack", "much"), "slack = much: a number is wanted"),
        (lambda page: page.move("slack", None), "slack = None: a number is wanted"),
        (lambda page: page.set_level("high"), "alignment: high is not a number"),
        (lambda page: page.set_months(""), "months:  is not a whole number"),
        (lambda page: page.set_months("1e999"), "months: 1e999 is not a whole number"),
        (lambda page: page.choose("nowhere"), "nowhere: there is no such scenario"),
        (lambda page: page.choose(["two-services"]), "there is no such scenario"),
    ],
)
def test_what_no_control_would_send_is_answered_and_changes_nothing(page, move, message):
    asyncio.run(move(page))
    assert message in page.message.text
    assert page.now == Settings()


def test_what_fails_is_told_and_the_page_goes_on(page, monkeypatch):
    from valign.explorer import page as module

    def fails(error):
        async def work(*_, **__):
            raise error

        return work

    monkeypatch.setattr(module, "ensemble", fails(InputError(["0.99 cannot be reached"])))
    asyncio.run(page.refresh())
    assert "0.99 cannot be reached" in page.message.text
    assert page.status.text == "nothing was computed"
    page.complain()
    assert page.message.text == ""
    monkeypatch.setattr(module, "ensemble", fails(Superseded()))
    asyncio.run(page.refresh())
    assert (page.message.text, page.status.text) == ("", "computing …")
    asyncio.run(page.detailed(fails(MemoryError())))
    assert "this cannot be used" in page.message.text
    assert not page.busy.visible
    page.complain()
    asyncio.run(page.detailed(fails(Superseded())))
    assert page.message.text == ""
    page.surprised(ZeroDivisionError())
    assert "this could not be done (ZeroDivisionError); the page goes on as it was" in page.message.text


def test_a_state_that_no_link_can_hold_is_said_where_links_are(page):
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=60_000))
    page.now, page.views["files"].link = Settings("mine", TEXT + f"\n# {noise}"), Said()
    page.keep_link()
    assert "download the scenario instead" in page.views["files"].link.text


def test_nothing_can_be_taken_away_before_there_are_results(page):
    asyncio.run(page.views["files"].download("table"))
    assert "there are no results yet" in page.message.text


# --- in a browser ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("nicegui")
    pytest.importorskip("playwright.sync_api")
    if serving.CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with serving.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory):
    """The running explorer."""
    with serving.explorer(tmp_path_factory.mktemp("explorer")) as server:
        yield server
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.fixture
def visit(browser, served):
    """Open the page; afterwards: no error in the console, no request that failed or left the machine."""
    wrong, pages = [], []

    def opened(query: str = "", width: int = 1280, height: int = 800):
        page = browser.new_page(viewport={"width": width, "height": height})
        serving.watch(page, served, wrong)
        page.set_default_timeout(60_000)
        page.goto(served.address + query)
        serving.arrived(page)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert wrong == []


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


@pytest.mark.browser
def test_what_screen_readers_and_keyboards_need_is_there(visit):
    page = visit()
    page.locator(".grid svg").first.wait_for()
    slider = page.get_by_role("slider", name="mean propensity to take part in monthly sessions")
    assert slider.get_attribute("aria-valuetext").startswith("0.15 ")
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('coproduction_intensity')")
    page.locator(".range[aria-valuetext^='0.15']:not([aria-valuetext^='0.15 '])").wait_for()
    assert slider.input_value() != before
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('.levers') !== null")
    for role in ("main", "complementary", "region", "tablist"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).inner_text() == "valign explorer"
    assert page.locator("[role=status][aria-live=polite]", has_text="People engaged at the end").count() == 1
    assert page.locator("svg[role=img]:not([aria-label])").count() == 0


@pytest.mark.browser
def test_axe_has_no_complaint(visit):
    package = pytest.importorskip("axe_playwright_python", exc_type=ImportError)
    script = (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")
    page = visit()
    page.evaluate(script)
    for view in ("Results", "Claims", "Sensitivity", "Society", "Files"):
        page.get_by_role("tab", name=view).click()
        page.locator(".q-tab-panel:visible").first.wait_for()
        found = page.evaluate("() => axe.run({exclude: [['#q-loading-bar']]})")  # comes and goes: Quasar's
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"]] == []
        assert len(found["passes"]) > 30


@pytest.mark.browser
def test_hostile_messages_and_uploads_impress_nobody(browser, tmp_path):
    from tests.faults.messages import fuzz

    with serving.explorer(tmp_path) as server:
        answers = fuzz(server, browser, 40)
    assert answers["with a message on the page"] > 0
    assert answers["taken"] + answers["line closed"] > 20


@pytest.mark.browser
def test_a_visitor_who_has_left_is_forgotten(visit, served):
    """Else the server keeps everything of every visitor; the address of an upload is there as long as its page."""
    from tests.faults.messages import ELEMENTS

    page = visit("?view=files")
    address = next(url for _, url, _ in page.evaluate(ELEMENTS) if url)

    def answer() -> int:
        try:
            urllib.request.urlopen(served.address.rstrip("/") + address, b"", timeout=60).close()
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    assert answer() != 404
    page.close()
    until = time.monotonic() + 60  # a line that is lost may come back within ten seconds
    while answer() != 404:
        assert time.monotonic() < until, "what the visitor had is still there"
        time.sleep(1)
