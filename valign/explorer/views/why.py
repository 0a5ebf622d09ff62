"""What moved alignment, value by who gets it, what commissioners weigh."""

from __future__ import annotations

from collections.abc import Callable

from .. import words
from ..work import what_moved
from .view import View


class WhyView(View):
    title = "Why"

    async def show(self) -> None:
        if self.page.found.whole:
            await self.page.detailed(self.compute)

    async def compute(self, stale: Callable[[], bool]) -> None:
        found = self.page.found
        moved = await what_moved(found.question, stale, min(32, len(found.runs)))
        if not stale():
            self.content.set_content(words.why(moved, found))
