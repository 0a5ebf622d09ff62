"""Uptake, spread, alignment by role, services by stage, and what the numbers say."""

from __future__ import annotations

import asyncio

from .. import words
from .view import View, html


class ResultsView(View):
    title = "Results"

    def build(self) -> None:
        self.cards = html().style("min-height: 120px")
        self.curves, self.behind, self.told = html(), html(), html()

    async def show(self) -> None:
        found = self.page.found
        self.curves.set_content(words.uptake(found))
        if not found.whole:
            return  # the rest waits for all runs
        await asyncio.sleep(0.02)  # the figures go out first
        if found is self.page.found:
            self.cards.set_content(words.cards(found))
            self.behind.set_content(words.behind(found))
            self.told.set_content(words.told(found))
