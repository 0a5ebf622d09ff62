"""What a view of the page is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from valign.model.scenario.scenario import Scenario

if TYPE_CHECKING:
    from ..page import Page


def html(content: str = "") -> ui.html:
    """HTML made by this package; every text in it is escaped where it is made."""
    return ui.html(content, sanitize=False)


class View:
    """A tab of the page. The page calls `build` once, `show` when there is something to draw."""

    title = ""

    def __init__(self, page: Page) -> None:
        self.page = page

    def build(self) -> None:
        """Lay out what stays."""
        self.content = html()

    async def show(self) -> None:
        """Draw what the page has found, as the one view that is open."""

    def outdated(self) -> None:
        """The settings have changed: what this view has found is of earlier ones."""

    def of_scenario(self, scenario: Scenario) -> None:
        """Another scenario is chosen: offer what it has."""
