"""One run's society, drawn and played month by month; a person or a service told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from .. import society_view, words
from ..state import RUNS, number
from ..work import Superseded, in_thread
from .range import Range
from .view import View, html

NOBODY = "choose a service or person"
PICK = "(event) => { const mark = event.target.closest('[data-pick]'); if (mark) emit(mark.dataset.pick) }"


def people_and_services(story: society_view.Story) -> dict[str, str]:
    """What can be chosen, by the name under which it is drawn."""
    found = {f"s{o}": f"{name} (service)" for o, name in enumerate(story.names)}
    if story.people is not None:
        for row, o in enumerate(story.society.organisation):
            where = story.names[o] if o < len(story.names) else "funder"
            found[f"p{row}"] = f"{where}: {story.person(row)}"
    return found


class SocietyView(View):
    title = "Society"

    def build(self) -> None:
        self.story: society_view.Story | None = None
        self.player: ui.timer | None = None
        self.chosen, self.options, self.month = "", {"": NOBODY}, 0
        with ui.row().classes("items-center w-full"):
            self.run = ui.number("run", value=1, min=1, max=RUNS, step=1, format="%d").props("dense").classes("w-20")
            self.run.on("change", self.another_run)
            self.play_button = ui.button("Play", on_click=self.toggle_play).props("no-caps")
            self.slider = Range(0, 1, 1, 0, name="month", text="month 0", moved=self.go).classes("w-64")
            self.places = ui.select(self.options, value="", label="who", on_change=lambda event: self.pick(event.value))
            self.places.props("dense").classes("w-64")
        with ui.element("div").classes("side"):
            with ui.element("div"):
                self.legend, self.drawn = html(), html()
                self.drawn.on("click", lambda event: self.pick(event.args), js_handler=PICK)
            self.told = html().classes("told").props('aria-live="polite"')

    def outdated(self) -> None:
        self.story = None

    async def another_run(self) -> None:
        self.story = None
        await self.page.show()

    async def show(self) -> None:
        if self.page.found.whole:
            await self.page.detailed(self.compute)

    async def compute(self, stale: Callable[[], bool]) -> None:
        if self.story is None:
            run = int(self.run.value or 1) - 1
            story = await in_thread(stale, society_view.followed, self.page.found.question, run)
            if stale():
                raise Superseded
            self.story, self.options = story, {"": NOBODY, **people_and_services(story)}
            self.chosen = self.chosen if self.chosen in self.options else ""
            self.slider.props["max"] = story.months
            self.places.set_options(self.options, value=self.chosen)
            self.legend.set_content(society_view.legend(story))
        self.go(self.month)

    def go(self, month: Any) -> None:
        """To another month."""
        if self.story is not None:
            self.month = min(max(0, int(number(month))), self.story.months)
            self.slider.set(self.month, f"month {self.month} of {self.story.months}")
            self.draw()

    def draw(self) -> None:
        story, month = self.story, self.month
        self.drawn.set_content(society_view.drawing(story, month, self.chosen))
        text = f"<p>{society_view.in_words(story, month)} {words.escape(story.remark)}</p>"
        self.told.set_content(
            text
            + (
                society_view.told(story, self.chosen, month)
                if self.chosen
                else "<p>Click a person or a service, or choose one above.</p>"
            )
        )

    def pick(self, what: Any) -> None:
        """A person or service was chosen; what comes from the browser is looked up, nothing else."""
        if self.story is not None and isinstance(what, str) and what in self.options:
            self.chosen = what
            if self.places.value != self.chosen:
                self.places.set_value(self.chosen)
            self.draw()

    def play(self) -> None:
        """The next month, and no further than the last."""
        if self.story is None or self.month >= self.story.months:
            self.toggle_play()
        else:
            self.go(self.month + 1)

    def toggle_play(self) -> None:
        """Play from month to month, or pause."""
        if self.player is not None:
            self.player.cancel()
            self.player = None
        elif self.story is not None:
            if self.month >= self.story.months:
                self.go(0)
            with self.drawn:
                self.player = ui.timer(0.4, self.play)
        self.play_button.set_text("Play" if self.player is None else "Pause")
