"""The machine answers to its own names alone: Host and Origin; the token; nobody frames it."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from valign.machine import serve
from valign.machine.gate import ASKED, Gate, hosts_of
from valign.model.errors import InputError

HOSTS = hosts_of(serve.names_of("127.0.0.1", ()), 8765)
OWN = {"host": "127.0.0.1:8765"}
ELSEWHERE = "http://evil.example"
TOKEN = "the-token-that-was-printed"


def asked(kind: str = "http", headers=OWN, query: str = "", token: str | None = None, path: str = "/", method="GET"):
    """What the gate sends for a request, and whether what is behind it was reached."""
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in pairs],
        **({"method": method} if kind == "http" else {}),
    }
    sent, reached = [], []

    async def inner(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
        await send({"type": "http.response.body", "body": b"page"})

    async def receive():
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(Gate(inner, HOSTS, token)(scope, receive, send))
    return sent, bool(reached)


def let_in(*args, **how) -> bool:
    """Whether a request comes through; if not, that it got nothing but a refusal."""
    sent, reached = asked(*args, **how)
    if not reached:
        first = sent[0]
        if first["type"] == "http.response.start":
            assert first["status"] == 403
            assert sent[1]["body"] in (b"", ASKED)
            assert not any(name.startswith(b"access-control") for name, _ in first["headers"])
        else:
            assert sent == [{"type": "websocket.close", "code": 1008}]
    return reached


def test_only_the_own_names_are_answered():
    assert not let_in("websocket")
    for name in ("127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"):
        assert let_in(headers={"host": name})
        assert let_in(headers={"host": name, "origin": f"http://{name}"})
    for name in (
        "evil.example:8765", "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8765", "0.0.0.0:8765",
        "localhost:8765.evil.example", "localhost:8765@evil.example", "127.0.0.1:8765:8765", "", " ", "*", "\xff",
    ):  # fmt: skip
        assert not let_in(headers={"host": name})
    assert not let_in(headers={})
    assert not let_in(headers=[("host", "127.0.0.1:8765"), ("host", "evil.example")])


def test_pages_of_other_sites_get_nothing():
    for origin in (
        ELSEWHERE, "null", "", "file://", "http://127.0.0.1", "http://127.0.0.1:8766", "https://127.0.0.1:8765",
        "http://127.0.0.1:8765.evil.example", "http://127.0.0.1:8765/", "http://localhost",
    ):  # fmt: skip
        assert not let_in(headers={**OWN, "origin": origin})
    assert not let_in(headers=[*OWN.items(), ("origin", "http://127.0.0.1:8765"), ("origin", ELSEWHERE)])
    for site in ("cross-site", "same-site"):
        assert not let_in(headers={**OWN, "sec-fetch-site": site})
        assert not let_in(
            headers={**OWN, "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
        )
    for site in ("same-origin", "none"):
        assert let_in(headers={**OWN, "sec-fetch-site": site})


def test_a_link_that_is_followed_leads_to_the_page_and_a_form_does_not():
    followed = {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert let_in(headers=followed)
    assert not let_in(headers=followed, method="POST")
    assert not let_in(headers={**OWN, "origin": ELSEWHERE}, method="OPTIONS")


def test_every_answer_forbids_framing_and_sharing():
    for headers, token in ((OWN, None), ({"host": "evil.example"}, None), (OWN, TOKEN)):
        given = dict(asked(headers=headers, token=token)[0][0]["headers"])
        assert given[b"x-frame-options"] == b"DENY"
        assert given[b"content-security-policy"] == b"frame-ancestors 'none'"
        assert given[b"cross-origin-resource-policy"] == b"same-origin"
    assert dict(asked()[0][0]["headers"])[b"x-own"] == b"1"


def test_the_token_is_asked_for_once_and_kept_in_a_cookie():
    sent, reached = asked(token=TOKEN)
    assert not reached
    assert sent[1]["body"] == ASKED
    for query in ("token=", "token=x", f"token={TOKEN}x", f"x={TOKEN}", "token=%00", "token=\u00e9"):
        assert not let_in(query=query, token=TOKEN)
    sent, reached = asked(query=f"scenario=england&token={TOKEN}&slack=.1", token=TOKEN)
    given = dict(sent[0]["headers"])
    assert (sent[0]["status"], given[b"location"], reached) == (303, b"/?scenario=england&slack=.1", False)
    cookie = given[b"set-cookie"].decode()
    assert cookie == f"valign-8765={TOKEN}; Path=/; HttpOnly; SameSite=Lax"
    kept = {**OWN, "cookie": f"other=1; {cookie.partition(';')[0]}"}
    assert let_in(headers=kept, token=TOKEN)
    assert not let_in(headers={**OWN, "cookie": "valign-8765=guess"}, token=TOKEN)
    assert not let_in(headers={**OWN, "cookie": f"valign-8766={TOKEN}"}, token=TOKEN)
    assert not let_in(headers={**OWN, "cookie": "\x00;=;[" * 50}, token=TOKEN)
    assert not let_in(headers={**kept, "host": "evil.example"}, token=TOKEN)
    assert not let_in(headers={**kept, "origin": ELSEWHERE}, token=TOKEN)


def test_the_redirect_leads_nowhere_else():
    sent, _ = asked(query=f"token={TOKEN}&x=%0d%0aset-cookie:a=b", path="//evil.example/", token=TOKEN)
    location = dict(sent[0]["headers"])[b"location"]
    assert location.startswith(b"/?x=")
    assert b"\n" not in location


def test_the_names_are_those_of_the_address_and_those_told():
    assert hosts_of(serve.names_of("127.0.0.1", ()), 80) == {
        f"{name}{port}" for name in ("127.0.0.1", "localhost", "[::1]") for port in (":80", "")
    }
    assert "127.0.0.2:8765" in hosts_of(serve.names_of("127.0.0.2", ()), 8765)
    assert hosts_of(serve.names_of("192.168.1.5", ("Care-Lab",)), 1) == {"192.168.1.5:1", "care-lab:1"}
    assert "[fd00::5]:1" in hosts_of(serve.names_of("::", ("fd00::5",)), 1)
    assert "care-lab:1" in hosts_of(serve.names_of("0.0.0.0", ("care-lab",)), 1)
    for host in ("0.0.0.0", "::"):
        with pytest.raises(InputError, match="--name"):
            serve.names_of(host, ())


def test_loopback_is_told_from_the_rest():
    hosts = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.2", "x")
    assert [serve.is_loopback(each) for each in hosts] == [True, True, True, False, False, False]
    with pytest.raises(InputError, match="--port 0"):
        serve.explore("two-services", None, "127.0.0.1", 0, False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="another --port"):
            serve.explore("two-services", None, "127.0.0.1", taken.getsockname()[1], False)


def test_beyond_loopback_a_token_is_printed_with_the_address(monkeypatch, capsys):
    uvicorn = pytest.importorskip("uvicorn")
    from valign.machine import routes

    told, shown = [], []
    application = routes.application
    monkeypatch.setattr(
        routes, "application", lambda here, hosts, token: told.append((hosts, token)) or application(here, hosts, token)
    )
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: None)
    monkeypatch.setattr(serve.webbrowser, "open", lambda address: shown.append(address) or True)
    monkeypatch.setattr(serve.signal, "signal", lambda *_: None)
    monkeypatch.setattr(serve, "_check_free", lambda *_: None)
    serve.explore("two-services", None, "0.0.0.0", 8765, True, ("care-lab",))
    serve.explore("two-services", None, "127.0.0.1", 8765, True)
    said = capsys.readouterr().err
    (hosts, token), (_, none) = told
    assert "care-lab:8765" in hosts
    assert len(token) >= 32
    assert f"The page is at http://care-lab:8765/?token={token} " in said
    assert shown == [f"http://care-lab:8765/?token={token}", "http://127.0.0.1:8765/"]
    assert none is None
    assert said.count("WARNING: other machines can reach this page") == 1


def test_what_cannot_be_served_is_said(monkeypatch, tmp_path):
    for scenario, survey, message in (
        ("two-servces", None, "did you mean 'two-services'"),
        ("nowhere.toml", None, "there is no such file"),
        ("two-services", tmp_path / "x.xlsx", "there is no such file"),
    ):
        with pytest.raises(InputError, match=message):
            serve.file_of(scenario, survey, ["two-services"])
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("months = 'x'\n", "utf-8")
    with pytest.raises(InputError, match="months"):
        serve.file_of(str(wrong), None, [])
    with pytest.raises(InputError, match="expected a filled-in questionnaire"):
        serve.file_of("two-services", wrong, [])
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match=r"needs Starlette and uvicorn: pip install 'valign\[web\]'"):
        serve.explore("two-services", None, "127.0.0.1", 8765, False)
