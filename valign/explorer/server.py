"""`valign explore`: serve the page."""

from __future__ import annotations

import asyncio
import gc
import ipaddress

from valign.model.errors import InputError

from ..cli import terminal, job as working


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def explore(host: str, port: int, show: bool) -> None:
    """Serve the explorer until interrupted. Raises InputError for a wrong port or a missing extra."""
    if not 1 <= port <= 65535:
        raise InputError([f"--port {port}: expected a number from 1 to 65535"])
    try:
        from nicegui import ui
    except ImportError:
        raise InputError(["the explorer needs NiceGUI: pip install 'valign[web]'"]) from None
    _check_free(host, port)
    if not is_loopback(host):
        terminal.say(
            f"WARNING: {host} can be reached from other machines. Anybody there can use this page and this "
            "machine's processors; there is no password. Use --host 127.0.0.1 unless that is what you want."
        )
    if not working.compiled_before():
        terminal.say("Compiling the model, once on this machine; this takes a minute or two")
    from . import guard, page

    warm()
    page.register()
    guard.guard()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # `main` sets it for commands that end soon; past visitors must be freed
    address = f"[{host}]" if ":" in host else host
    terminal.say(f"The explorer is at http://{address}:{port} (Ctrl-C ends it)")
    ui.run(
        host=host,
        port=port,
        reload=False,
        show=show,
        title="valign explorer",
        show_welcome_message=False,
        favicon="🌱",
        uvicorn_logging_level="error",
        reconnect_timeout=10.0,
        message_history_length=20,
    )


def warm() -> None:
    """Load the compiled model, for blocks and for single runs, so that the first change is answered as fast as all."""
    from .society_view import followed
    from .state import Settings
    from .work import Question, ensemble, what_moved

    question = Question(Settings(months=2))
    asyncio.run(ensemble(question))
    asyncio.run(what_moved(question, lambda: False, 4))
    followed(question)


def _check_free(host: str, port: int) -> None:
    import socket

    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise InputError(
            [f"--host {host} --port {port}: {error.strerror or error}; another --port may be free"]
        ) from None
