"""Longer work that one asks for: run, watch, stop; ends by itself when the settings change."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from nicegui import ui

from valign.model.errors import InputError

from ..studies import STUDIES, Stale, Told
from ..work import Latest, Superseded
from .view import View, html


class StudyView(View, ABC):
    """A view with a question of its own. Subclasses give `about`, `controls` and `asked`."""

    about = ""
    action = "Run"

    def build(self) -> None:
        self.latest, self.done, self.all, self.timer = Latest(), 0, 0, None
        html(f"<p>{self.about}</p>")
        with ui.row().classes("items-end w-full"):
            self.controls()
            self.start = ui.button(self.action, on_click=self.run).props("no-caps")
            self.stop = ui.button("Stop", on_click=self.cancel).props("no-caps outline")
        self.stop.set_visibility(False)
        self.state = ui.label().classes("status").props('role="status" aria-live="polite"')
        self.bar = ui.linear_progress(0, show_value=False).props('aria-label="progress"')
        self.bar.set_visibility(False)
        self.content = html()

    def controls(self) -> None:
        """What one chooses."""

    @abstractmethod
    def asked(self) -> Callable[[Stale, Told], str]:
        """What is computed, in a thread: HTML. Raises InputError where the question is wrong."""

    async def run(self) -> None:
        page, stale = self.page, self.latest.ticket()
        self.done = self.all = 0
        self.content.set_content("")
        self.running(True)

        def told(done: int, of: int) -> None:
            self.done, self.all = done, of

        try:
            work = self.asked()
            content = await asyncio.get_running_loop().run_in_executor(STUDIES, lambda: work(stale, told))
        except Superseded:
            return
        except (InputError, MemoryError) as error:
            if not stale():
                self.running(False, "nothing was computed")
                page.complain(error)
            return
        if not stale():
            page.complain()
            self.content.set_content(content)
            self.running(False, f"done: {self.all:,} runs")

    def running(self, on: bool, said: str = "") -> None:
        """Show that work is under way, or is over."""
        self.start.set_enabled(not on)
        self.stop.set_visibility(on)
        self.bar.set_visibility(on)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if on:
            with self.bar:
                self.timer = ui.timer(0.3, self.progress)
        self.state.set_text("waiting for its turn …" if on else said)

    def progress(self) -> None:
        if self.all:
            self.bar.set_value(self.done / self.all)
            self.state.set_text(f"{self.done:,} of {self.all:,} runs")

    def cancel(self) -> None:
        self.end("stopped")

    def end(self, said: str) -> None:
        self.latest.ticket()
        if self.timer is not None:
            self.running(False, said)

    def outdated(self) -> None:
        if self.timer is not None:
            self.end("stopped: the settings have changed")
        elif self.content.content:
            self.state.set_text("This is of earlier settings: run it again.")
