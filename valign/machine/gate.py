"""Who is let in: pages and programs that ask for the page by its own names, and nobody else.

A page of another site in the same browser can send requests to this machine, and a name of its own can be made to lead
here (DNS rebinding). The first names another Origin, or says that it comes from elsewhere; the second another Host.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

OWN = ("127.0.0.1", "localhost", "[::1]")
ALONE = (  # of every answer: no other page shows this one in a frame, or its files as its own
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)
ASKED = b"This page asks for a token: open the whole address that `valign explore` has printed.\n"


@dataclass(frozen=True)
class Gate:
    """ASGI middleware: other Hosts and Origins get status 403, and no word more; there are no WebSockets here.

    hosts : what may be asked for, as the header Host says it ("localhost:8765").
    token : asked for once, in the address, and kept by the browser in a cookie; None asks for none.
    """

    inner: Callable[..., Awaitable[None]]
    hosts: frozenset[str]
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # the server's own start and end
            await self.inner(scope, receive, send)
        elif scope["type"] != "http" or not self.own(scope):
            await refuse(scope, receive, send)
        elif self.token is None or self.known(scope):
            await self.inner(scope, receive, alone(send))
        elif self.is_token(dict(parse_qsl(scope["query_string"].decode("latin-1")))):
            await self.welcome(scope, send)
        else:
            await refuse(scope, receive, send, ASKED)

    def own(self, scope: Scope) -> bool:
        """Whether this is asked for by one of our names, and by no page of another site."""
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return False
        if origins:
            return len(origins) == 1 and origins[0].lower() in {f"http://{host}" for host in self.hosts}
        if all(site in ("same-origin", "none") for site in _values(scope, b"sec-fetch-site")):
            return True
        followed = (_values(scope, b"sec-fetch-mode"), _values(scope, b"sec-fetch-dest")) == (
            ["navigate"],
            ["document"],
        )
        return followed and scope.get("method") == "GET"  # a link somewhere else that somebody has followed

    def known(self, scope: Scope) -> bool:
        """Whether the browser has the token of this server."""
        for header in _values(scope, b"cookie"):
            try:
                cookies = SimpleCookie(header)
            except CookieError:
                continue
            if self.is_token({name: each.value for name, each in cookies.items()}, self.cookie(scope)):
                return True
        return False

    def is_token(self, given: dict[str, str], name: str = "token") -> bool:
        return hmac.compare_digest(given.get(name, "").encode(), (self.token or "").encode())

    def cookie(self, scope: Scope) -> str:
        """Name of the cookie: cookies know no ports, and there may be a server at another."""
        return f"valign-{_values(scope, b'host')[0].rpartition(':')[2]}"

    async def welcome(self, scope: Scope, send: Send) -> None:
        """Keep the token in a cookie, and take it out of the address."""
        query = scope["query_string"].decode("latin-1")
        rest = urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "token"])
        cookie = f"{self.cookie(scope)}={self.token}; Path=/; HttpOnly; SameSite=Lax"
        headers = [(b"location", f"/?{rest}".rstrip("?").encode()), (b"set-cookie", cookie.encode())]
        await alone(send)({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def hosts_of(names: Iterable[str], port: int) -> frozenset[str]:
    """What the header Host may say for a server known by `names`."""
    bracketed = [f"[{name}]" if name.count(":") > 1 and name[0] != "[" else name for name in names]
    return frozenset(
        f"{name}{suffix}".lower() for name in bracketed for suffix in ([f":{port}", ""] if port == 80 else [f":{port}"])
    )


def alone(send: Send) -> Send:
    """The same, with the headers of `ALONE` on every answer."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *ALONE]}
        await send(message)

    return sent


async def refuse(scope: Scope, receive: Receive, send: Send, why: bytes = b"") -> None:
    """Status 403, or a WebSocket that is never opened."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(why)).encode())]
    await alone(send)({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": why})


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
