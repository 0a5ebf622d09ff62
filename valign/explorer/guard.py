"""What comes in that no page of ours would send: refused, whoever sends it, and nobody else notices."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import app, core

from .files import MOST_TABLE
from .gate import Gate

MOST_BODY = MOST_TABLE + 100_000  # bytes of a request: a table, and the form around it
MOST_MESSAGE = 100_000  # bytes of a message over the socket; those of a page have a few hundred
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Ceiling:
    """ASGI middleware: requests beyond `MOST_BODY` bytes get status 413, forms that cannot be read 400."""

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.inner(scope, receive, send)
            return
        taken, begun = 0, False

        async def counted() -> dict[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY:
                raise OverflowError
            return message

        async def noted(message: dict[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if not announced.isdigit() or int(announced) > MOST_BODY:
                raise OverflowError
            await self.inner(scope, counted, noted)
        except Exception as error:
            if begun:
                raise
            status = 413 if isinstance(error, OverflowError) else 400
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def refusing(handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """The same handler of socket messages, for which a malformed one is as good as none."""

    @functools.wraps(handler)
    async def call(*arguments: Any) -> Any:
        try:
            found = handler(*arguments)
            return await found if hasattr(found, "__await__") else found
        except MALFORMED:
            return None

    return call


def leaving(handler: Callable[[str], None]) -> Callable[..., Awaitable[None]]:
    """The same handler of a line that has ended, told which; why it ended, which comes second, is not its concern.

    Refused for that, it would keep every visitor's page and results for as long as the server runs.
    """
    guarded = refusing(handler)

    async def call(line: str, *_: str) -> None:
        await guarded(line)

    return call


def guard(hosts: frozenset[str], token: str | None) -> None:
    """Put the limits in place, once, before the server starts. hosts, token: see `Gate`."""
    app.add_middleware(Ceiling)
    app.add_middleware(Gate, hosts=hosts, token=token)  # around the other
    core.sio.eio.cors_allowed_origins = []  # no such headers: NiceGUI lets pages of all sites in
    core.sio.eio.max_http_buffer_size = MOST_MESSAGE
    for name in ("handshake", "event", "javascript_response", "ack", "log"):
        core.sio.on(name, refusing(core.sio.handlers["/"][name]))
    core.sio.on("disconnect", leaving(core.sio.handlers["/"]["disconnect"]))
