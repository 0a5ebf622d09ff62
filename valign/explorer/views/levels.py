"""Uptake and spread at several levels of alignment at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from valign.experiments.levels import default_levels, reachable

from .. import words
from ..state import SEED, SOCIETIES
from ..work import Question, ensemble, in_thread
from .view import View


class LevelsView(View):
    title = "Levels"

    async def show(self) -> None:
        if self.page.found.whole:
            await self.page.detailed(self.compute)

    async def compute(self, stale: Callable[[], bool]) -> None:
        question, runs = self.page.found.question, len(self.page.found.runs)
        reach = await in_thread(stale, reachable, self.page.found.scenario, runs, SEED, SOCIETIES, question.society)
        found = []
        for level in default_levels(reach):
            at = Question(replace(question.settings, level=level), question.society)
            found.append((level, await ensemble(at, stale)))
        self.content.set_content(words.levels(found, self.page.found))
