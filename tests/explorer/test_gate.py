"""The explorer answers to its own names alone: Host and Origin, over HTTP, polling and WebSocket; the token."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from urllib.parse import urlsplit

import pytest
import serving

from valign.explorer import server
from valign.explorer.gate import ASKED, Gate, hosts_of
from valign.model.errors import InputError

HOSTS = hosts_of(server.names_of("127.0.0.1", ()), 8765)
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
        if kind == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
            await send({"type": "http.response.body", "body": b"page"})
        else:
            await send({"type": "websocket.accept"})

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


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_only_the_own_names_are_answered(kind):
    for name in ("127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"):
        assert let_in(kind, {"host": name})
        assert let_in(kind, {"host": name, "origin": f"http://{name}"})
    for name in (
        "evil.example:8765", "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8765", "0.0.0.0:8765",
        "localhost:8765.evil.example", "localhost:8765@evil.example", "127.0.0.1:8765:8765", "", " ", "*", "\xff",
    ):  # fmt: skip
        assert not let_in(kind, {"host": name})
    assert not let_in(kind, {})
    assert not let_in(kind, [("host", "127.0.0.1:8765"), ("host", "evil.example")])


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_pages_of_other_sites_get_nothing(kind):
    for origin in (
        ELSEWHERE, "null", "", "file://", "http://127.0.0.1", "http://127.0.0.1:8766", "https://127.0.0.1:8765",
        "http://127.0.0.1:8765.evil.example", "http://127.0.0.1:8765/", "http://localhost",
    ):  # fmt: skip
        assert not let_in(kind, {**OWN, "origin": origin})
    assert not let_in(kind, [*OWN.items(), ("origin", "http://127.0.0.1:8765"), ("origin", ELSEWHERE)])
    for site in ("cross-site", "same-site"):
        assert not let_in(kind, {**OWN, "sec-fetch-site": site})
        assert not let_in(
            kind, {**OWN, "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
        )
    for site in ("same-origin", "none"):
        assert let_in(kind, {**OWN, "sec-fetch-site": site})


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
    for kind in ("http", "websocket"):
        assert let_in(kind, kept, token=TOKEN)
        assert not let_in(kind, {**OWN, "cookie": "valign-8765=guess"}, token=TOKEN)
        assert not let_in(kind, {**OWN, "cookie": f"valign-8766={TOKEN}"}, token=TOKEN)
        assert not let_in(kind, {**OWN, "cookie": "\x00;=;[" * 50}, token=TOKEN)
        assert not let_in(kind, {**kept, "host": "evil.example"}, token=TOKEN)
        assert not let_in(kind, {**kept, "origin": ELSEWHERE}, token=TOKEN)
    assert not let_in("websocket", OWN, f"token={TOKEN}", token=TOKEN)


def test_the_redirect_leads_nowhere_else():
    sent, _ = asked(query=f"token={TOKEN}&x=%0d%0aset-cookie:a=b", path="//evil.example/", token=TOKEN)
    location = dict(sent[0]["headers"])[b"location"]
    assert location.startswith(b"/?x=")
    assert b"\n" not in location


def test_the_names_are_those_of_the_address_and_those_told():
    assert hosts_of(server.names_of("127.0.0.1", ()), 80) == {
        f"{name}{port}" for name in ("127.0.0.1", "localhost", "[::1]") for port in (":80", "")
    }
    assert "127.0.0.2:8765" in hosts_of(server.names_of("127.0.0.2", ()), 8765)
    assert hosts_of(server.names_of("192.168.1.5", ("Care-Lab",)), 1) == {"192.168.1.5:1", "care-lab:1"}
    assert "[fd00::5]:1" in hosts_of(server.names_of("::", ("fd00::5",)), 1)
    assert "care-lab:1" in hosts_of(server.names_of("0.0.0.0", ("care-lab",)), 1)
    for host in ("0.0.0.0", "::"):
        with pytest.raises(InputError, match="--name"):
            server.names_of(host, ())


# --- the real server -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def served(tmp_path_factory):
    pytest.importorskip("nicegui")
    with serving.explorer(tmp_path_factory.mktemp("explorer")) as running:
        yield running
    assert "Traceback" not in running.log.read_text("utf-8")


def raw(served, line: str, *headers: str) -> str:
    """The beginning of the answer to a request as it goes over the wire."""
    with socket.create_connection((urlsplit(served.address).hostname, urlsplit(served.address).port), 60) as wire:
        wire.sendall("\r\n".join((line, *headers, "", "")).encode("latin-1"))
        answer = b""
        with contextlib.suppress(TimeoutError):
            wire.settimeout(20)
            while b"\r\n\r\n" not in answer and (more := wire.recv(65536)):
                answer += more
    return answer.decode("latin-1").lower()


UPGRADE = (
    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport="


def test_the_server_answers_to_its_own_names_alone(served):
    own = urlsplit(served.address).netloc
    requests = {
        "page": ("GET / HTTP/1.1", ()),
        "polling": (f"GET {SOCKET}polling HTTP/1.1", ()),
        "polling, posted": (f"POST {SOCKET}polling HTTP/1.1", ("Content-Length: 0",)),
        "preflight": (f"OPTIONS {SOCKET}polling HTTP/1.1", ("Access-Control-Request-Method: POST",)),
        "websocket": (f"GET {SOCKET}websocket HTTP/1.1", UPGRADE),
        "upload": ("POST /_nicegui/client/x/upload/1 HTTP/1.1", ("Content-Length: 0",)),
        "nothing there": ("GET /nothing HTTP/1.1", ()),
    }
    for what, (line, headers) in requests.items():
        for foreign in (
            ("Host: evil.example",),
            (f"Host: evil.example:{own.partition(':')[2]}",),
            (f"Host: {own}", f"Origin: {ELSEWHERE}"),
            (f"Host: {own}", "Origin: null"),
            (f"Host: {own}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"),
        ):
            answer = raw(served, line, *foreign, *headers)
            assert answer.startswith("http/1.1 403"), (what, foreign, answer)
            assert "access-control" not in answer
            assert "nicegui" not in answer
        answer = raw(served, line, f"Host: {own}", f"Origin: http://{own}", *headers)
        assert not answer.startswith("http/1.1 403"), (what, answer)
        assert "access-control" not in answer


def test_the_server_speaks_with_its_own_page_and_forbids_framing(served):
    own = urlsplit(served.address).netloc
    page = raw(served, "GET / HTTP/1.1", f"Host: {own}")
    assert page.startswith("http/1.1 200")
    assert "x-frame-options: deny" in page
    assert "content-security-policy: frame-ancestors 'none'" in page
    assert "x-frame-options: deny" in raw(served, "GET /nothing HTTP/1.1", f"Host: {own}")
    upgraded = raw(served, f"GET {SOCKET}websocket HTTP/1.1", f"Host: {own}", f"Origin: http://{own}", *UPGRADE)
    assert upgraded.startswith("http/1.1 101")
    with pytest.raises(OSError, match="refused"):  # it listens at the loopback address alone
        socket.create_connection((address_beyond_loopback(), urlsplit(served.address).port), 5)


def address_beyond_loopback() -> str:
    """Another address of this machine (of the loopback network, where it has no network)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.2"
        return probe.getsockname()[0]


def test_beyond_loopback_a_token_is_printed_with_the_address(monkeypatch, capsys):
    pytest.importorskip("nicegui")
    from nicegui import ui

    from valign.explorer import guard, page

    told, ran = [], []
    monkeypatch.setattr(server, "_check_free", lambda host, port: None)
    monkeypatch.setattr(server, "warm", lambda: None)
    monkeypatch.setattr(server.gc, "freeze", lambda: None)
    monkeypatch.setattr(server.gc, "set_threshold", lambda *numbers: None)
    monkeypatch.setattr(page, "register", lambda: None)
    monkeypatch.setattr(guard, "guard", lambda hosts, token: told.append((hosts, token)))
    monkeypatch.setattr(ui, "run", lambda **how: ran.append(how))
    server.explore("0.0.0.0", 8765, True, ("care-lab",))
    server.explore("127.0.0.1", 8765, True)
    said = capsys.readouterr().err
    (hosts, token), (_, none) = told
    assert "care-lab:8765" in hosts
    assert len(token) >= 32
    assert f"The explorer is at http://care-lab:8765/?token={token} " in said
    assert ran[0]["show"] == f"/?token={token}"
    assert none is None
    assert ran[1]["show"] is True
    assert "The explorer is at http://127.0.0.1:8765/ " in said
    assert said.count("WARNING") == 1
