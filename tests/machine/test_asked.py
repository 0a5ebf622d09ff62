"""What a page may ask for and upload: read in a job's process, within ceilings, each wrong thing named."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest

from valign.machine import asked, pages, reading, situation, worker
from valign.machine.situation import Asked, asked_of, typed
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import SHIPPED, Scenario

TEXT = (SHIPPED / "two-services.toml").read_text("utf-8")
SOURCE = {"name": "two-services"}
STAFF = [(f"s{n}", "hostel", "staff") for n in range(6)]
PEOPLE = [("id", "organisation", "role"), ("m", "hostel", "manager"), *STAFF, ("c", "", "commissioner")]
TIES = [("from", "to"), *((f"s{n}", "m") for n in range(6))]


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def at(**question):
    return situation.situation(Asked(kind="run", **question), SOURCE)


# --- settings --------------------------------------------------------------------------------------------------------
def test_any_setting_can_be_typed_and_its_command_says_it():
    more = "ties.between = 2\norganisations.hostel.slack = 0.1\nmechanisms.dialogue = false\nmonths = 24\n"
    found = at(set={"slack": 0.3}, more=more)
    assert found.now.value("ties.between") == 2
    assert found.now.months == 24
    assert not found.now.mechanisms["dialogue"]
    assert found.words[:3] == ["two-services", "--set", "slack=0.3"]
    assert "mechanisms.dialogue=false" in found.words
    assert found.changed
    assert not at().changed
    assert Scenario.load("two-services").replace({"slack": 0.3}).value("slack") == found.now.value("slack")


def test_scheduled_changes_come_behind_the_scenarios_own_and_make_a_file():
    more = '[[changes]]\nmonth = 12\nevent = "new_leader"\nprofile = "manager"\norganisations = ["hostel"]\n'
    found = at(changes=[{"month": 6, "parameter": "slack", "set": 0.1}], more=more)
    before = len(Scenario.load("two-services").changes)
    assert [each.month for each in found.now.changes[before:]] == [6, 12]
    assert found.words == [situation.CHANGED]
    assert Scenario.load(situation.CHANGED).changes == found.now.changes


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"set": {"slak": 1}}, "did you mean 'slack'"),
        ({"set": {"slack": "much"}}, "slack"),
        ({"set": {"slack": 7}}, "slack"),
        ({"more": "slack"}, "expected KEY=VALUE"),
        ({"more": "[[changes]]\nmonth ="}, "scheduled changes: not valid TOML"),
        ({"more": "[other]\nx = 1"}, "only scheduled changes"),
        ({"changes": [{"month": "x"}]}, "changes"),
        ({"set": {"months": 601}}, "months: 601; this page takes at most 600"),
        ({"set": {"organisations.hostel.staff": 70_000}}, "people"),
        ({"set": {"ties.between": 1e6}}, "ties"),
    ],
)
def test_what_is_wrong_is_named(question, message):
    with pytest.raises(InputError, match=message):
        at(**question)


def test_a_question_is_checked_as_a_whole():
    with pytest.raises(InputError) as error:
        asked_of({"kind": "run", "budget": "x", "claim": ["C1"], "path": "/etc/passwd", "years": 0})
    assert len(error.value.problems) == 4
    with pytest.raises(InputError, match="is not a question"):
        asked.answer({"kind": "x", "body": {"kind": "shell"}, "source": SOURCE}, lambda **_: None)
    with pytest.raises(InputError, match="no such claim"):
        asked._claim(Asked(kind="claim", claim="/etc/passwd"), at())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "command"),
    [
        ({"kind": "run"}, "valign run two-services --runs 64"),
        ({"kind": "levels"}, "valign levels two-services --worlds 32"),
        ({"kind": "compare", "set": {"slack": 0.5}}, "valign compare two-services two-services+slack=0.5 --worlds 32"),
        ({"kind": "why"}, "valign run two-services --runs 16 --record decomposition --record ablations"),
    ],
)
def test_a_job_answers_in_the_words_of_its_report(body, command):
    """As in the process of a job, which is ended as soon as its answer is there."""
    told = []
    found = asked.answer({"kind": "ask", "body": body, "source": SOURCE}, lambda **said: told.append(said))
    assert told[0] == {"told": "begun"}
    assert found["command"].startswith(command)
    assert found["findings"]
    assert found["figures"]
    assert Path("results.zip").is_file()


def test_bands_come_soon_and_then_whole():
    told = []
    body = {"kind": "bands", "set": {"months": 40}}
    found = asked.answer({"kind": "ask", "body": body, "source": SOURCE}, lambda **said: told.append(said))
    assert [each["result"]["shown"] for each in told if "result" in each] == [12, 36]
    assert (found["shown"], found["done"]) == (40, 16)
    assert all(len(each["median"]) == 41 for each in found["curves"].values())


def test_a_page_is_made_with_leave_to_ask_this_machine():
    found = pages.page_of({"source": SOURCE, "scenario": "two-services"}, lambda **_: None)
    text = Path("page.html").read_text("utf-8")
    assert not found["light"]
    assert "connect-src 'self' " in text
    assert '"years": 6' in text
    found = pages.page_of({"source": {"name": "england"}, "scenario": "england"}, lambda **_: None)
    assert found["light"]


def test_large_scenarios_get_fewer_runs_or_a_sentence():
    england = Scenario.load("england")
    large = situation.Situation(england, england, "england", ["england"], {})
    assert 4 <= large.runs(64) < 64
    with pytest.raises(InputError, match="more than this page computes"):
        large.runs(64, 20)
    for question in (asked._decide, asked._sensitivity, asked._why):
        with pytest.raises(InputError, match="at most 5,000"):
            question(Asked(kind="decide"), large)
    assert at().runs(64) == 64


def test_a_claim_in_the_setting_at_hand_keeps_what_is_set():
    words = asked._claim(Asked(kind="claim", claim="C1"), at(set={"slack": 0.2, "months": 30}))
    from valign.experiments.claims.declaration import Claim

    claim = Claim.load(words[1])
    assert claim.base().months == 30
    assert claim.settings["slack"] == 0.2


def test_a_claim_about_what_the_setting_makes_the_same_is_refused():
    from valign.experiments.claims.declaration import Claim, claim_ids

    claims = [Claim.load(each) for each in claim_ids()]
    name, key, value = next(
        (claim.id, key, value)
        for claim in claims
        for test in claim.tests
        for arm in test.arms.values()
        for key, value in arm.items()
        if len(arm) == 1 and key in PARAMETERS and {} in test.arms.values() and isinstance(value, float)
    )
    with pytest.raises(InputError, match="the same in your setting"):
        asked._claim(Asked(kind="claim", claim=name), at(set={key: value}))


# --- files -----------------------------------------------------------------------------------------------------------
def file(name: str, content: bytes | str) -> str:
    path = Path("given") / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def as_text(rows, delimiter: str) -> str:
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return made.getvalue()


def as_workbook(rows) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book, made = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(list(row))
    book.save(made)
    return made.getvalue()


def read(**files):
    return reading.read({"files": files, "source": SOURCE})


@pytest.mark.parametrize("form", [",", ";", "\t", "xlsx"])
def test_people_and_ties_of_any_form_make_the_society(form):
    made = [as_workbook(each) if form == "xlsx" else as_text(each, form) for each in (PEOPLE, TIES)]
    for _ in range(2):  # the same files twice
        found = read(people=file("people.csv", made[0]), ties=file("ties.csv", made[1]))
    assert found["said"][1] == "From the tables: 8 people in 1 services."
    there = situation.situation(Asked(kind="run"), {"folder": reading.SOCIETY})
    assert there.now.tables is not None
    assert there.words == [situation.OWN]


def test_dates_of_either_order_are_asked_back():
    dated = [(*row, "since" if n == 0 else "03/04/2026") for n, row in enumerate(PEOPLE)]
    found = read(people=file("people.csv", as_text(dated, ";")), ties=file("ties.csv", as_text(TIES, ";")))
    assert any("the day or the month first" in each and "nothing was guessed" in each for each in found["said"])
    clear = [(*row, "since" if n == 0 else "2026-04-03") for n, row in enumerate(PEOPLE)]
    found = read(people=file("people.csv", as_text(clear, ",")), ties=file("ties.csv", as_text(TIES, ",")))
    assert not any("month first" in each for each in found["said"])


def test_a_filled_in_questionnaire_is_the_society_and_a_diagnosis():
    survey = next(Path(__file__).resolve().parents[2].glob("examples/**/*.xlsx"))
    found = read(survey=file(survey.name, survey.read_bytes()))
    assert "answers used" in found["said"][1]
    assert Scenario.load(Path(reading.SOCIETY) / situation.OWN).tables is not None
    again = {"before": file("a.xlsx", survey.read_bytes()), "after": file("a.xlsx", survey.read_bytes())}
    assert reading.surveys({"files": again}) == ["a.xlsx", "later-a.xlsx"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"scenario": " \n"}, "the file is empty"),
        ({"scenario": b"name = '\xff'"}, "is not UTF-8"),
        ({"scenario": "x" * 300_000}, "is longer than"),
        ({"scenario": f'{TEXT}\n[tables]\nnodes = "/etc/passwd"\nedges = "/etc/passwd"\n'}, "names files"),
        ({"scenario": TEXT.replace("staff = 28", "staff = 70000", 1)}, "people"),
        ({"scenario": TEXT.replace("months = 72", "months = 12000", 1)}, "months"),
        ({"people": "id\n"}, "still missing is the table of who talks to whom"),
        ({}, "still missing"),
        ({"people": as_text(PEOPLE, ","), "ties": as_text(TIES, ","), "codebook": "id = "}, "not valid TOML"),
        ({"people": "", "ties": as_text(TIES, ",")}, "people: cannot be read as CSV"),
        ({"survey": b"PK\x03\x04 no workbook"}, "survey: is damaged"),
    ],
)
def test_uploads_that_are_not_what_they_should_be_are_named(files, message):
    with pytest.raises(InputError, match=message) as error:
        read(**{kind: file(kind, content) for kind, content in files.items()})
    assert not any(each in str(error.value) for each in ("given/", "society/")), (
        "it names the folder in which the server keeps it"
    )


@pytest.mark.slow
def test_three_hundred_hostile_uploads_and_questions_are_answered_with_a_message():
    draw = random.Random(7)
    pieces = ["=", "[[", "]]", '"', "1e999", "-1", "nan", "\0", "\n", "<script>", "'", "staff", "{", "9" * 400, "true"]
    keys = [*PARAMETERS, "alignment_level", "months", "changes.0.month", "<script>", "organisations.hostel.staff"]

    def spoilt(content: bytes) -> bytes:
        for _ in range(draw.randint(1, 4)):
            at, to = sorted(draw.choices(range(len(content) + 1), k=2))
            content = content[:at] + draw.choice(pieces).encode() + content[min(to, at + draw.randint(0, 20)) :]
        return content if draw.random() < 0.9 else content + bytes(draw.choices(range(256), k=30))

    answers = {"used": 0, "refused": 0}
    for case in range(300):
        try:
            if case % 3 == 0:
                read(scenario=file("s.toml", spoilt(TEXT.encode())))
            elif case % 3 == 1:
                tables = {
                    kind: spoilt(as_text(rows, ",").encode()) for kind, rows in (("people", PEOPLE), ("ties", TIES))
                }
                read(**{kind: file(kind, content) for kind, content in tables.items()})
            else:
                typed_in = (
                    draw.choice(keys) + draw.choice([" = ", "=", "\n"]) + draw.choice(pieces) * draw.randint(1, 3)
                )
                at(**asked_of({"kind": "run", "more": typed_in}).model_dump(exclude={"kind"}))
            answers["used"] += 1
        except InputError as error:
            answers["refused"] += all(error.problems)
    assert sum(answers.values()) == 300
    assert answers["refused"] > 200


# --- the process of a job --------------------------------------------------------------------------------------------
def test_a_job_answers_in_lines_of_json(tmp_path):
    def said_of(answer):
        out = io.StringIO()
        worker.work({"folder": str(tmp_path / "job")}, out, answer)
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def command(given, say):
        import sys

        print("half done", file=sys.stderr)
        print("valign: two problems\n  the first\n  the second", file=sys.stderr)
        return None

    def wrong(given, say):
        raise InputError(["not this"])

    def large(given, say):
        raise MemoryError

    assert said_of(lambda given, say: {"x": 1}) == [{"result": {"x": 1, "whole": True}}]
    assert said_of(command) == [
        {"told": "half done"}, {"problems": ["two problems"]}, {"problems": ["the first"]},
        {"problems": ["the second"]},
    ]  # fmt: skip
    assert said_of(wrong) == [{"problems": ["not this"]}]
    assert "memory" in said_of(large)[0]["problems"][0]


def test_typed_settings_are_words_numbers_and_switches():
    assert typed("a = 1\n\n# no\nb = true\nc = word\n") == ({"a": 1, "b": True, "c": "word"}, [])
