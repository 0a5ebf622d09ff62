"""Ceilings on scenarios, tables and requests; what is uploaded and what is taken away."""

from __future__ import annotations

import asyncio
import io
import random
import zipfile

import pytest
from explorer_cases import CHANGED, HOSTILE, TEXT, asked, survey

import valign as va
from valign.explorer import files, society_view, state, words
from valign.explorer.state import Settings, decode
from valign.explorer.work import Question, ensemble
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS


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


# --- files -----------------------------------------------------------------------------------------------------------
def test_results_to_take_away_are_those_of_a_folder_of_results():
    found = asked(Settings(months=12), runs=8)
    content = zipfile.ZipFile(io.BytesIO(files.bundle(found, None)))
    assert {"report.html", "run.svg", "runs.csv", "scenario.toml", "manifest.json"} <= set(content.namelist())
    assert va.Scenario.from_toml(content.read("scenario.toml").decode()).months == 12
    both = zipfile.ZipFile(io.BytesIO(files.bundle(found, asked(CHANGED, runs=8))))
    assert "compare.svg" in both.namelist()


def test_a_survey_and_a_network_make_the_society():
    nodes, edges = survey()
    society = files.own_society({"nodes": nodes, "edges": edges}, Settings())
    found = asyncio.run(ensemble(Question(Settings(months=6), society)))
    assert found.runs["status"].tolist() == ["ok"] * 64
    story = society_view.followed(Question(Settings(months=6), society))
    assert story.person(0) == "manager m"
