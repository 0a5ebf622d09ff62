"""`valign explore`: serve the page."""

from __future__ import annotations

import ipaddress
import secrets
import signal
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from valign.model.errors import InputError, unknown

from ..cli import terminal
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


def explore(scenario: str, survey: Path | None, host: str, port: int, show: bool, names: Sequence[str] = ()) -> None:
    """Serve the page until interrupted, to those who ask for it by its address or one of `names`.

    scenario : a shipped name or a TOML file, shown first. survey : a filled-in questionnaire, instead of it.
    Raises InputError for a wrong port, name or file, or a missing extra.
    """
    if not 1 <= port <= 65535:
        raise InputError([f"--port {port}: expected a number from 1 to 65535"])
    try:
        import uvicorn

        from .routes import Machine, application
    except ImportError:
        raise InputError(["serving the page needs Starlette and uvicorn: pip install 'valign[web]'"]) from None
    from .kept import Kept, cache_folder

    kept = Kept(cache_folder())
    own = file_of(scenario, survey, kept.shipped)
    hosts = hosts_of(names_of(host, names), port)
    token = None if is_loopback(host) and not names else secrets.token_urlsafe(24)
    _check_free(host, port)
    if token is not None:
        terminal.say(
            "WARNING: other machines can reach this page. Everybody who has the address below can use it and this "
            "machine's processors, and whoever listens on the network can read along (there is no encryption). "
            "Use --host 127.0.0.1, without --name, unless that is what you want."
        )
    shown = names[0] if names else host
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/" + (f"?token={token}" if token else "")
    with tempfile.TemporaryDirectory(prefix="valign-", ignore_cleanup_errors=True) as folder:
        here = Machine(Path(folder), kept, scenario, own)
        server = uvicorn.Server(
            uvicorn.Config(
                application(here, hosts, token), host=host, port=port, log_level="error",
                access_log=False, server_header=False, ws="none",
                timeout_keep_alive=30, limit_concurrency=200, h11_max_incomplete_event_size=32_000,
                timeout_graceful_shutdown=2, http="h11",
            )
        )  # fmt: skip
        terminal.say(f"The page is at {address} (Ctrl-C ends it). What is uploaded stays on this machine.")
        if show and not webbrowser.open(address):
            terminal.say("No browser was found to open it")
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn ends by these, and then sends them once more
            signal.signal(number, lambda *_: None)
        stop = server.handle_exit

        def leave(number: int, frame: FrameType | None) -> None:
            here.leaving = True
            stop(number, frame)

        server.handle_exit = leave
        server.run()


def file_of(scenario: str, survey: Path | None, shipped: Sequence[str]) -> Path | None:
    """The file that is shown first, None where it is a shipped scenario. Raises InputError where there is none such."""
    if survey is None and scenario in shipped:
        return None
    if survey is None and not scenario.endswith((".toml", ".xlsx", ".csv")):
        raise InputError([f"{unknown(scenario, shipped, 'shipped scenario')} (a path to a .toml file works too)"])
    path = Path(scenario) if survey is None else survey
    if not path.is_file():
        raise InputError([f"{path}: there is no such file"])
    if survey is not None and path.suffix.lower() not in (".xlsx", ".csv"):
        raise InputError([f"--survey {path}: expected a filled-in questionnaire, .xlsx or .csv"])
    if path.suffix.lower() == ".toml":
        from valign.model.scenario.scenario import Scenario

        Scenario.load(path)  # which says what is wrong with it
    else:
        from valign.calibration.data.survey import read_survey

        read_survey(path)
    return path.resolve()


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
