"""Pinned settings beside the present ones."""

from __future__ import annotations

from nicegui import ui

from .. import words
from .view import View, html


class CompareView(View):
    title = "Compare"

    def build(self) -> None:
        with ui.row():
            ui.button("Pin the present settings", on_click=self.pin).props("no-caps")
            ui.button("Take the pin away", on_click=self.unpin).props("no-caps outline")
        self.content = html()

    async def show(self) -> None:
        pinned = self.page.found_pinned
        if pinned is None:
            self.content.set_content(
                "<p>Pin the present settings, then move a lever or bring your own survey and network: both are shown "
                "side by side, with their differences run by run (the same seeds in both).</p>"
            )
        elif self.page.found.whole:
            self.content.set_content(words.comparison(pinned, self.page.found))

    async def pin(self) -> None:
        page = self.page
        if page.found is None or not page.found.whole:
            return
        page.pinned, page.found_pinned = page.found.question, page.found
        page.keep_link()
        await page.show()

    async def unpin(self) -> None:
        self.page.pinned = self.page.found_pinned = None
        self.page.keep_link()
        await self.page.show()
