"""What comes in that no page of ours would send: refused, whoever sends it, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .gate import Receive, Scope, Send

MOST_BODY = 25_000_000  # bytes of a request: a table
SLOWEST = 60.0  # seconds for a body to arrive


class Ceiling:
    """ASGI middleware: requests beyond `MOST_BODY` bytes get status 413, those that come too slowly 408."""

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.inner(scope, receive, send)
            return
        taken, begun, ended = 0, False, False
        until = asyncio.get_running_loop().time() + SLOWEST

        async def counted() -> Any:
            nonlocal taken, ended
            if ended:
                return await receive()
            async with asyncio.timeout_at(until):
                message = await receive()
            taken += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if taken > MOST_BODY:
                raise OverflowError
            return message

        async def noted(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            if not announced.isdigit() or len(announced) > 12 or int(announced) > MOST_BODY:
                raise OverflowError
            await self.inner(scope, counted, noted)
        except (OverflowError, TimeoutError) as error:
            if begun:
                raise
            status = 413 if isinstance(error, OverflowError) else 408
            await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b""})
