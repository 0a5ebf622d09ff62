"""The server as it runs: who is answered, what comes back, who sees what, what hostile requests get."""

from __future__ import annotations

import contextlib
import io
import json
import random
import socket
import time
import urllib.error
import urllib.request
import zipfile
from urllib.parse import urlsplit

import pandas as pd
import pytest
from serving import ROOT, Visitor

import valign as va
from valign.experiments.simulate import simulate


pytestmark = pytest.mark.slow
QUICK = {"set": {"months": 6}}


def raw(served, line: str, *headers: str) -> str:
    """The beginning of the answer to a request as it goes over the wire."""
    at = urlsplit(served.address)
    with socket.create_connection((at.hostname, at.port), 60) as wire:
        wire.sendall("\r\n".join((line, *headers, "", "")).encode("latin-1"))
        answer = b""
        with contextlib.suppress(TimeoutError):
            wire.settimeout(20)
            while b"\r\n\r\n" not in answer and (more := wire.recv(65536)):
                answer += more
    return answer.decode("latin-1").lower()


def test_the_server_answers_to_its_own_names_alone(served):
    own = urlsplit(served.address).netloc
    requests = {
        "page": ("GET / HTTP/1.1", ()),
        "question": ("POST /api/jobs HTTP/1.1", ("Content-Length: 0",)),
        "preflight": ("OPTIONS /api/jobs HTTP/1.1", ("Access-Control-Request-Method: POST",)),
        "upload": ("POST /api/files?name=x HTTP/1.1", ("Content-Length: 0",)),
        "result": ("GET /api/jobs/x/report.html HTTP/1.1", ()),
        "nothing there": ("GET /nothing HTTP/1.1", ()),
    }
    for what, (line, headers) in requests.items():
        for foreign in (
            ("Host: evil.example",),
            (f"Host: evil.example:{own.partition(':')[2]}",),
            (f"Host: {own}", "Origin: https://evil.example"),
            (f"Host: {own}", "Origin: null"),
            (f"Host: {own}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"),
        ):
            answer = raw(served, line, *foreign, *headers)
            assert answer.startswith("http/1.1 403"), (what, foreign, answer)
            assert "access-control" not in answer
            assert "set-cookie" not in answer
        answer = raw(served, line, f"Host: {own}", f"Origin: http://{own}", *headers)
        assert "x-frame-options: deny" in answer
        assert "content-security-policy: frame-ancestors 'none'" in answer
        assert "access-control" not in answer
    with pytest.raises(OSError, match="refused"):  # it listens at the loopback address alone
        socket.create_connection(("127.0.0.2", urlsplit(served.address).port), 5)


def test_a_page_of_ones_own_is_needed_to_ask(served):
    one, other = Visitor(served), Visitor(served)
    cookie = raw(served, "GET / HTTP/1.1", f"Host: {urlsplit(served.address).netloc}")
    assert "httponly; path=/; samesite=strict" in cookie
    for stranger in (("", one.token), (one.cookie, ""), (one.cookie, other.token), ("valign-visitor-1=x", "x")):
        given = Visitor.__new__(Visitor)
        given.server, (given.cookie, given.token) = served, stranger
        for path, body in (("api/jobs", {"kind": "run"}), ("api/files?name=x", b"x"), ("api/jobs/x", None)):
            assert given.call(path, body)[0] == 403


def test_the_answer_is_that_of_the_command_line_and_nobody_elses(served):
    one, other = Visitor(served), Visitor(served)
    job = one.ask(kind="run", **QUICK)
    assert job["problems"] == []
    assert job["result"]["command"] == "valign run two-services --set months=6 --runs 64"
    packed = zipfile.ZipFile(io.BytesIO(one.get(f"api/jobs/{job['id']}/results.zip")))
    assert {"report.html", "run.svg", "runs.csv", "scenario.toml", "manifest.json"} <= set(packed.namelist())
    runs = simulate(va.Scenario.load("two-services").replace({"months": 6}), 64, 1).runs
    table = pd.read_csv(io.BytesIO(packed.read("runs.csv")), comment="#")
    assert table["uptake_final"].tolist() == pytest.approx(runs["uptake_final"].tolist(), abs=1e-9)
    assert b"<script" not in one.get(f"api/jobs/{job['id']}/report.html")
    assert other.call(f"api/jobs/{job['id']}")[0] == 404
    assert other.call(f"api/jobs/{job['id']}", method="DELETE")[0] == 204
    assert one.call(f"api/jobs/{job['id']}")[1] == job, "somebody else took it away"
    for path in ("report.html", "results.zip", "..%2f..%2fpage.html", "scenario.toml"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            (other if path in ("report.html", "results.zip") else one).get(f"api/jobs/{job['id']}/{path}")
    assert one.call(f"api/jobs/{job['id']}", method="DELETE")[0] == 204
    assert one.call(f"api/jobs/{job['id']}")[0] == 404


def test_an_uploaded_scenario_has_a_page_for_who_has_uploaded_it(served):
    one, other = Visitor(served), Visitor(served)
    text = va.Scenario.load("low-fit").replace({"title": "Ours <b>", "months": 12}).to_toml().encode()
    for _ in range(2):  # the same file twice
        read = one.ask(kind="read", files={"scenario": one.upload("ours.toml", text)})
        assert read["result"]["title"] == "Ours <b>", read
    name = read["id"]
    for _ in range(100):
        page = one.get(f"?scenario={name}").decode()
        if "data-machine" in page:
            break
        time.sleep(0.3)
    assert "Ours &lt;b&gt;" in page
    assert one.token in page
    with pytest.raises(urllib.error.HTTPError, match="404"):
        other.get(f"?scenario={name}")
    assert other.call("api/jobs", {"kind": "run", "scenario": name})[0] == 404
    survey = sorted(ROOT.glob("examples/survey/*.xlsx"))[0]
    read = one.ask(kind="read", files={"survey": one.upload(survey.name, survey.read_bytes())})
    assert "answers used" in read["result"]["said"][1]


def test_what_is_not_wanted_any_more_ends(served):
    one = Visitor(served)
    status, first = one.call("api/jobs", {"kind": "bands", "scenario": "england"})
    assert status == 202
    for _ in range(100):
        if one.call(f"api/jobs/{first['id']}")[1]["state"] == "working":
            break
        time.sleep(0.1)
    before = served.workers()
    status, second = one.call("api/jobs", {"kind": "bands", "scenario": "england", "set": {"slack": 0.1}})
    assert status == 202
    assert one.call(f"api/jobs/{first['id']}")[0] == 404
    assert one.call(f"api/jobs/{second['id']}", method="DELETE")[0] == 204
    for _ in range(50):
        if len(served.workers()) == 1:
            break
        time.sleep(0.1)
    assert len(served.workers()) == 1, (before, served.workers())  # the one that waits for what is asked next


def test_hostile_requests_impress_nobody(served):
    chance, one = random.Random(3), Visitor(served)
    deep = "[" * 5_000 + "]" * 5_000
    bodies = (
        b"", b"\0" * 100, b"null", b"[]", b"7", deep.encode(), b'{"kind": 7}', b'{"kind": "page"}',
        b'{"kind": "page", "source": {"folder": "/"}}', b'{"kind": "run", "scenario": "../../etc/passwd"}',
        b'{"kind": "run", "scenario": ["two-services"]}', b'{"kind": "read", "files": {"scenario": "/etc/passwd"}}',
        b'{"kind": "read", "files": [1]}', b'{"kind": "run", "files": {"x": null}}', b'{"kind": "\xff"}',
        b"x" * 300_000, b'{"kind":"run","set":' + b'{"a":' * 900 + b"1" + b"}" * 901,
    )  # fmt: skip
    paths = (
        "api/jobs",
        "api/files?name=%00%2f..",
        "api/jobs/x",
        "api/jobs/%2e%2e/report.html",
        "?scenario=%00",
        "//evil.example/",
        "nothing",
    )
    for _ in range(150):
        path, method = chance.choice(paths), chance.choice(("GET", "POST", "POST", "DELETE", "PUT", "PATCH"))
        status, _ = one.call(path, chance.choice(bodies) if method != "GET" else None, method)
        assert 200 <= status < 500, (path, method, status)
    for body in bodies:
        assert one.call("api/jobs", body)[0] in (400, 404, 413, 202), body[:60]
    announced = raw(
        served, "POST /api/files HTTP/1.1", f"Host: {urlsplit(served.address).netloc}", "Content-Length: 25000001"
    )
    assert announced.startswith("http/1.1 413")
    for job in ({"kind": "none"}, {"kind": "run", "set": {"__class__": 1}}, {"kind": "read"}, {"kind": "diagnose"}):
        answer = one.ask(**job)
        assert answer["state"] == "refused", answer
        assert "could not finish" not in answer["problems"][0], answer
    assert json.loads(json.dumps(one.ask(kind="run", **QUICK)))["state"] == "done"
    assert served.memory() < 250
