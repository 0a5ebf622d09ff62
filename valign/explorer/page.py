"""The page: one object a visitor, who shares nothing with the others but the processors."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from nicegui import Client, ui
from nicegui.client import ClientConnectionTimeout
from starlette.requests import Request

from valign.model.errors import InputError
from valign.model.scenario.scenario import scenario_names
from valign.model.society.generate import Society
from valign.results.palette import MAIN, MUTED

from . import state, views, words
from .levers import OWN, Levers
from .state import Settings, number, original
from .style import CSS
from .views.view import html
from .work import Ensemble, Latest, Question, Superseded, ensemble

LOST = {
    state.UPLOAD: "This link was made with an uploaded survey and network. Files do not travel in a link: here people "
    "and ties are drawn from the scenario. Upload the two again (Files) to see the same.",
    f"pin.{state.UPLOAD}": "In this link, settings with an uploaded survey and network were pinned. Files do not "
    "travel in a link: nothing is pinned here. Upload the two again (Files) and pin them.",
}


class Page:
    """What one visitor sees and has set."""

    def __init__(self, client: Client) -> None:
        self.client, self.now, self.view = client, Settings(), "results"
        self.society: Society | None = None  # of an uploaded survey and network
        self.pinned: Question | None = None
        self.found: Ensemble | None = None
        self.found_pinned: Ensemble | None = None
        self.main, self.detail = Latest(), Latest()
        self.levers = Levers(self)
        self.views = {name: View(self) for name, View in views.ALL.items()}

    def question(self) -> Question:
        """What is asked now."""
        return Question(self.now, self.society)

    # --- what is set ---------------------------------------------------------------------------------------------
    async def apply(self, settings: Settings, rebuild: bool = False) -> None:
        """Take settings over if they are valid, and compute anew; else say what is wrong."""
        try:
            settings.whole()
        except (InputError, ValueError, TypeError, OverflowError) as error:
            self.complain(error)
            self.levers.show()
            return
        self.now = settings
        self.complain()
        if rebuild:
            self.show_scenario()
        self.keep_link()
        await self.refresh()

    async def use(self, settings: Settings, society: Society | None) -> None:
        """Another scenario, or another survey and network."""
        self.society = society
        await self.apply(settings, rebuild=True)

    async def move(self, name: str, value: Any) -> None:
        """A slider was released."""
        try:
            settings = self.now.with_parameter(name, float(f"{number(value):.6g}"))
        except (TypeError, ValueError, OverflowError):
            self.complain(InputError([f"{name} = {str(value)[:60]}: expected a number"]))
            return
        await self.apply(settings)
        self.levers.set(name)

    async def switch(self, name: str, on: bool) -> None:
        """A mechanism was switched on or off."""
        await self.apply(self.now.with_mechanism(name, on))

    async def set_level(self, value: Any) -> None:
        try:
            level = "natural" if value == "natural" else number(value)
        except (TypeError, ValueError, OverflowError):
            self.complain(InputError([f"alignment: {str(value)[:60]} is not a number"]))
            return
        own = original(self.now).alignment_level
        await self.apply(replace(self.now, level=None if level == ("natural" if own is None else own) else level))
        self.levers.set_level()

    async def set_months(self, value: Any) -> None:
        try:
            months = int(number(value))
        except (TypeError, ValueError, OverflowError):
            self.complain(InputError([f"months: {str(value)[:60]} is not a whole number"]))
            return
        await self.apply(replace(self.now, months=None if months == original(self.now).months else months))

    async def choose(self, name: Any) -> None:
        """Another scenario."""
        if isinstance(name, str) and name in scenario_names():
            await self.use(Settings(name), None)
        elif name != OWN:
            self.complain(InputError([f"{str(name)[:60]}: there is no such scenario"]))

    async def reset(self) -> None:
        """Back to the scenario as it is."""
        await self.apply(Settings(self.now.scenario, self.now.toml), rebuild=True)

    def complain(self, error: Exception | None = None) -> None:
        """Say on the page what is wrong; without an error, take the message away."""
        lines = [] if error is None else getattr(error, "problems", None) or [str(error) or "this cannot be used"]
        self.message.set_content(words.problems(lines))

    def surprised(self, error: Exception) -> None:
        """Something went wrong that nobody has thought of: it is in the server's log, and this page goes on."""
        self.complain(InputError([f"this could not be done ({type(error).__name__}); the page goes on as it was"]))

    def keep_link(self) -> None:
        """The address of the page restores its state, but for uploaded files, and says so."""
        pinned = self.pinned
        uploads = [state.UPLOAD] if self.society is not None else []
        uploads += [f"pin.{state.UPLOAD}"] if pinned is not None and pinned.society is not None else []
        try:
            query = state.encode(self.now, pinned and pinned.settings, self.view, uploads)
        except InputError as error:
            self.views["files"].link.set_content(words.problems(error.problems))
            return
        with self.client:
            ui.run_javascript(f"window.history.replaceState(null, '', {json.dumps('/?' + query)})")
        self.views["files"].show_link(query)

    # --- what is computed ----------------------------------------------------------------------------------------
    async def refresh(self) -> None:
        """Compute the present settings, and show them."""
        stale, begun = self.main.ticket(), time.perf_counter()
        self.detail.ticket()
        for view in self.views.values():
            view.outdated()
        self.status.set_text("computing …")
        question = self.question()

        async def first(found: Ensemble) -> None:
            self.found = found
            self.status.set_text(f"computing … so far {len(found.runs)} runs are shown")
            await self.show()

        def told(done: int, of: int) -> None:
            if time.perf_counter() - begun > 1:
                self.status.set_text(f"computing … {done} of {of} runs")

        try:
            found = await ensemble(question, stale, first=first, told=told)
            if self.pinned is not None and self.found_pinned is None:
                self.found_pinned = await ensemble(self.pinned, stale)
        except Superseded:
            return
        except (InputError, MemoryError) as error:
            if not stale():
                self.status.set_text("nothing was computed")
                self.complain(error)
            return
        self.found = found
        self.status.set_text(words.status(found, time.perf_counter() - begun))
        await self.show()

    async def show(self) -> None:
        """Draw the view that is open."""
        if self.found is not None:
            await self.views[self.view].show()

    async def detailed(self, work: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
        """Longer work of one view; whatever is changed meanwhile ends it."""
        stale = self.detail.ticket()
        self.busy.set_visibility(True)
        try:
            await work(stale)
        except Superseded:
            return
        except (InputError, MemoryError) as error:
            if not stale():
                self.complain(error)
        self.busy.set_visibility(False)

    # --- how it is laid out --------------------------------------------------------------------------------------
    def build(self) -> None:
        ui.add_css(CSS)
        ui.colors(primary=MAIN, secondary=MUTED, negative="#b3261e")
        html('<a class="skip" href="#shown">To the results</a>')
        with ui.element("div").classes("page"):
            with ui.element("aside").classes("levers").props('aria-label="Settings"'):
                html("<h1>valign explorer</h1>")
                self.levers.build()
            with ui.element("section").classes("shown").props('id="shown" tabindex="-1" aria-label="Results"'):
                self.message = html().classes("problems").props('role="alert"')
                self.status = ui.label("computing …").classes("status").props('role="status" aria-live="polite"')
                tabs = ui.tabs(value=self.view, on_change=self.turn)
                with tabs.props("dense no-caps align=left inline-label mobile-arrows outside-arrows"):
                    for name, view in self.views.items():
                        ui.tab(name, view.title)
                self.busy = ui.linear_progress(show_value=False).props('indeterminate aria-label="computing"')
                self.busy.set_visibility(False)
                with ui.tab_panels(tabs, value=self.view, animated=False, keep_alive=True).classes("w-full"):
                    for name, view in self.views.items():
                        with ui.tab_panel(name):
                            view.build()
        self.show_scenario()

    def show_scenario(self) -> None:
        """All that depends on which scenario is at hand."""
        self.levers.show()
        for view in self.views.values():
            view.of_scenario(self.now.base())

    async def turn(self, event: Any) -> None:
        """Another view."""
        if isinstance(event.value, str) and event.value in self.views:
            self.view = event.value
            self.keep_link()
            await self.show()

    def leave(self) -> None:
        """The visitor has gone: nothing goes on."""
        self.main.ticket()
        self.detail.ticket()
        for view in self.views.values():
            view.outdated()


def register() -> None:
    """Make the page known to the server."""

    @ui.page("/", title="valign explorer")
    async def explorer(request: Request, client: Client) -> None:
        page, pairs, said = Page(client), request.query_params.multi_items(), []
        try:
            page.now, pinned, page.view = state.decode(pairs)
            lost = [key for key, _ in pairs if key in LOST]
            page.pinned = None if pinned is None or f"pin.{state.UPLOAD}" in lost else Question(pinned)
            said = [LOST[key] for key in dict.fromkeys(lost)]
        except InputError as wrong:
            said = wrong.problems
        page.build()
        client.on_delete(page.leave)
        client.on_exception(page.surprised)
        try:
            await client.connected()
        except ClientConnectionTimeout:
            return  # a visitor without JavaScript, or who has gone already
        await page.refresh()
        if not said:
            page.keep_link()
        else:
            page.complain(InputError(said))
