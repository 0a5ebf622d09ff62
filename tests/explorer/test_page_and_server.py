"""What a page answers without a browser, and how the explorer is served."""

from __future__ import annotations

import asyncio
import random
import socket
import sys

import pytest
import serving
from explorer_cases import TEXT, Shown

from valign.explorer import server
from valign.explorer.state import Settings
from valign.explorer.work import Superseded
from valign.model.errors import InputError


# --- files -----------------------------------------------------------------------------------------------------------
def test_loopback_is_told_from_the_rest(capsys):
    assert [server.is_loopback(each) for each in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.2", "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    pytest.importorskip("nicegui")
    with pytest.raises(InputError, match="--port 0"):
        server.explore("127.0.0.1", 0, False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="another --port"):
            server.explore("127.0.0.1", taken.getsockname()[1], False)


def test_whoever_can_be_reached_by_others_is_warned(capsys, monkeypatch):
    nicegui = pytest.importorskip("nicegui")
    from valign.explorer import guard, page

    monkeypatch.setattr(nicegui.ui, "run", lambda **options: None)
    for of, name in ((server, "warm"), (page, "register"), (guard, "guard")):
        monkeypatch.setattr(of, name, lambda *_: None)
    monkeypatch.setattr(server.job, "compiled_before", lambda: False)
    monkeypatch.setattr("valign.model.compiled.engine.why_not_webassembly", lambda: "no wasmtime")
    server.explore("127.0.0.1", serving.free_port(), False)
    assert "WARNING" not in capsys.readouterr().err
    server.explore("0.0.0.0", serving.free_port(), False, ("care-lab",))
    said = capsys.readouterr().err
    assert "WARNING: other machines can reach this page" in said
    assert "Compiling the model" in said


def test_without_the_extra_the_explorer_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nicegui", None)
    with pytest.raises(InputError, match=r"needs NiceGUI: pip install 'valign\[web\]'"):
        server.explore("127.0.0.1", 8765, False)


# --- what a page answers, without a browser --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("move", "message"),
    [
        (lambda page: page.move("slack", "much"), "slack = much: expected a number"),
        (lambda page: page.move("slack", None), "slack = None: expected a number"),
        (lambda page: page.set_level("high"), "alignment: high is not a number"),
        (lambda page: page.set_months(""), "months:  is not a whole number"),
        (lambda page: page.set_months("1e999"), "months: 1e999 is not a whole number"),
        (lambda page: page.choose("nowhere"), "nowhere: there is no such scenario"),
        (lambda page: page.choose(["two-services"]), "there is no such scenario"),
    ],
)
def test_what_no_control_would_send_is_answered_and_changes_nothing(page, move, message):
    asyncio.run(move(page))
    assert message in page.message.text
    assert page.now == Settings()


def test_what_fails_is_told_and_the_page_goes_on(page, monkeypatch):
    from valign.explorer import page as module

    def fails(error):
        async def work(*_, **__):
            raise error

        return work

    monkeypatch.setattr(module, "ensemble", fails(InputError(["0.99 cannot be reached"])))
    asyncio.run(page.refresh())
    assert "0.99 cannot be reached" in page.message.text
    assert page.status.text == "nothing was computed"
    page.complain()
    assert page.message.text == ""
    monkeypatch.setattr(module, "ensemble", fails(Superseded()))
    asyncio.run(page.refresh())
    assert (page.message.text, page.status.text) == ("", "computing …")
    asyncio.run(page.detailed(fails(MemoryError())))
    assert "this cannot be used" in page.message.text
    assert not page.busy.visible
    page.complain()
    asyncio.run(page.detailed(fails(Superseded())))
    assert page.message.text == ""
    page.surprised(ZeroDivisionError())
    assert "this could not be done (ZeroDivisionError); the page goes on as it was" in page.message.text


def test_a_state_that_no_link_can_hold_is_said_where_links_are(page):
    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=60_000))
    page.now, page.views["files"].link = Settings("mine", TEXT + f"\n# {noise}"), Shown()
    page.keep_link()
    assert "download the scenario instead" in page.views["files"].link.text


def test_nothing_can_be_taken_away_before_there_are_results(page):
    asyncio.run(page.views["files"].download("table"))
    assert "there are no results yet" in page.message.text
