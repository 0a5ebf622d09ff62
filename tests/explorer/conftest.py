"""Fixtures of the explorer: a page without a browser, and a browser at a running explorer."""

from __future__ import annotations

import pytest
import serving
from explorer_cases import Shown


@pytest.fixture
def page():
    """The page of a visitor, of which messages and status are looked at and nothing is drawn."""
    pytest.importorskip("nicegui")
    from valign.explorer.page import Page

    made = Page(None)
    made.message, made.status, made.busy = Shown(), Shown(), Shown()
    made.views = {"files": made.views["files"]}  # the others hold what is drawn
    return made


@pytest.fixture(scope="module")
def browser():
    """Of one file: while it runs, tests of other files that start an event loop cannot."""
    pytest.importorskip("nicegui")
    yield from serving.browser_or_skip()


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory):
    """The running explorer."""
    with serving.explorer(tmp_path_factory.mktemp("explorer")) as server:
        yield server
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.fixture
def visit(browser, served):
    """Open the page; afterwards: no error in the console, no request that failed or left the machine."""
    wrong, pages = [], []

    def opened(query: str = "", width: int = 1280, height: int = 800):
        page = browser.new_page(viewport={"width": width, "height": height})
        serving.watch(page, served, wrong)
        page.set_default_timeout(60_000)
        page.goto(served.address + query)
        serving.arrived(page)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert wrong == []
