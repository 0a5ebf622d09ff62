"""`valign explore`: serve the page."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import secrets
from collections.abc import Sequence

from valign.model.errors import InputError

from ..cli import job, terminal
from .gate import OWN, hosts_of


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_any(host: str) -> bool:
    """Whether an address stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def names_of(host: str, names: Sequence[str]) -> list[str]:
    """Names by which a server at the address `host` may be asked for. names: those that were told.

    Raises InputError where it could have any name, and none was told.
    """
    if is_loopback(host):
        return list(dict.fromkeys([*OWN, host, *names]))
    if not is_any(host):
        return [host, *names]
    if not names:
        raise InputError(
            [
                f"--host {host}: other machines can reach this one under several names: say which with --name, "
                "e.g. --name 192.168.1.5"
            ]
        )
    return [*OWN, *names]


def explore(host: str, port: int, show: bool, names: Sequence[str] = ()) -> None:
    """Serve the explorer until interrupted, to those who ask for it by its address or one of `names`.

    Raises InputError for a wrong port or name, or a missing extra.
    """
    if not 1 <= port <= 65535:
        raise InputError([f"--port {port}: expected a number from 1 to 65535"])
    try:
        from nicegui import ui
    except ImportError:
        raise InputError(["the explorer needs NiceGUI: pip install 'valign[web]'"]) from None
    hosts = hosts_of(names_of(host, names), port)
    token = None if is_loopback(host) and not names else secrets.token_urlsafe(24)
    _check_free(host, port)
    if token is not None:
        terminal.say(
            "WARNING: other machines can reach this page. Everybody who has the address below can use it and this "
            "machine's processors, and whoever listens on the network can read along (there is no encryption). "
            "Use --host 127.0.0.1, without --name, unless that is what you want."
        )
    job.say_if_compiling(False)
    from . import guard, page

    warm()
    page.register()
    guard.guard(hosts, token)
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)  # `main` sets it for commands that end soon; what visitors leave is to be found
    shown = names[0] if names else host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/" + (f"?token={token}" if token else "")
    terminal.say(f"The explorer is at {address} (Ctrl-C ends it)")
    ui.run(
        host=host,
        port=port,
        reload=False,
        show=show and f"/?token={token}" if token else show,
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
