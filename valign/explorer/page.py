"""The page: one object a visitor, who shares nothing with the others but the processors."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from nicegui import Client, ui
from nicegui.client import ClientConnectionTimeout
from starlette.requests import Request

from valign.experiments.levels import default_levels, reachable
from valign.model.errors import InputError
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.scenario import Scenario, scenario_names
from valign.model.society import Society

from ..describing import change_in_words
from . import charts, files, society_view, state, words
from .state import MOST_MONTHS, RUNS, SEED, SOCIETIES, VIEWS, Settings, number, original
from .style import CSS
from .work import Ensemble, Question, Superseded, ensemble, in_thread, what_moved

MAIN = (
    "coproduction_intensity",
    "power_sharing",
    "leadership_strength",
    "innovation.clarity",
    "innovation.evidence_strength",
    "dialogue",
    "slack",
    "turnover_staff",
)
SWITCHES = {
    "relationships": ("relationships", "anchoring"),
    "coproduction": ("coproduction", "session_knowledge"),
}
GROUPS = {
    name: [p for p in PARAMETERS.values() if p.mechanism == name and p.scope != "society"]
    for name in dict.fromkeys(p.mechanism for p in PARAMETERS.values())
}
TITLES = {
    "results": "Results",
    "compare": "Compare",
    "levels": "Levels",
    "why": "Why",
    "society": "Society",
    "changes": "Time line",
    "files": "Files",
}


class Latest:
    """Numbers work, so that what was begun before the last change is dropped."""

    def __init__(self) -> None:
        self.number = 0

    def ticket(self) -> Callable[[], bool]:
        """Supersede what went before; the function says whether this work is superseded in turn."""
        self.number += 1
        mine = self.number
        return lambda: self.number != mine


class Page:
    """What one visitor sees and has set."""

    def __init__(self, client: Client) -> None:
        self.client, self.now, self.pinned, self.view = client, Settings(), None, "results"
        self.society: Society | None = None  # of an uploaded survey and network
        self.found: Ensemble | None = None
        self.found_pinned: Ensemble | None = None
        self.story: society_view.Story | None = None
        self.chosen, self.uploads = "", {}
        self.main, self.detail = Latest(), Latest()
        self.sliders: dict[str, list[tuple[ui.html, ui.slider]]] = {}
        self.own = ""  # name of an uploaded scenario

    # --- what is set ---------------------------------------------------------------------------------------------
    async def apply(self, settings: Settings, rebuild: bool = False) -> None:
        """Take settings over if they are valid, and compute anew; else say what is wrong."""
        try:
            settings.whole()
        except (InputError, ValueError, TypeError, OverflowError) as error:
            self.complain(error)
            self.show_levers()
            return
        self.now = settings
        self.complain()
        if rebuild:
            self.show_levers()
        self.keep_link()
        await self.refresh()

    async def moved(self, name: str, value: Any) -> None:
        """A slider was released."""
        try:
            settings = self.now.with_parameter(name, float(f"{number(value):.6g}"))
        except (TypeError, ValueError):
            self.complain(InputError([f"{name} = {str(value)[:60]}: a number is wanted"]))
            return
        await self.apply(settings)
        own, now = original(self.now).value(name), self.now.parameters.get(name)
        for heading, slider in self.sliders.get(name, ()):
            heading.set_content(words.lever(PARAMETERS[name], own if now is None else now, own))
            slider.set_value(own if now is None else now)

    async def set_level(self, value: Any) -> None:
        try:
            level = "natural" if value == "natural" else number(value)
        except (TypeError, ValueError):
            self.complain(InputError([f"alignment: {str(value)[:60]} is not a number"]))
            return
        own = original(self.now).alignment_level
        await self.apply(replace(self.now, level=None if level == ("natural" if own is None else own) else level))

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
            self.society = None
            await self.apply(Settings(name), rebuild=True)
        elif name != "own":
            self.complain(InputError([f"{str(name)[:60]}: there is no such scenario"]))

    def complain(self, error: Exception | None = None) -> None:
        """Say on the page what is wrong; without an error, take the message away."""
        lines = [] if error is None else getattr(error, "problems", None) or [str(error) or "this cannot be used"]
        self.message.set_content(words.problems(lines))

    def keep_link(self) -> None:
        """The address of the page restores its state."""
        try:
            query = state.encode(self.now, self.pinned, self.view)
        except InputError as error:
            self.link.set_content(words.problems(error.problems))
            return
        with self.client:
            ui.run_javascript(f"window.history.replaceState(null, '', {json.dumps('/?' + query)})")
        note = "" if self.society is None else " (an uploaded survey and network are not in it)"
        self.link.set_content(
            f'<a href="/?{words.escape(query)}">A link to exactly this state</a>{note}; so is the address above.'
        )

    # --- what is computed ----------------------------------------------------------------------------------------
    async def refresh(self) -> None:
        """Compute the present settings, and show them."""
        stale, begun = self.main.ticket(), time.perf_counter()
        self.detail.ticket()
        self.story = None
        self.status.set_text("computing …")
        question = Question(self.now, self.society)
        try:
            found = await ensemble(question, stale)
            if self.pinned is not None and self.found_pinned is None:
                self.found_pinned = await ensemble(Question(self.pinned), stale)
        except Superseded:
            return
        except (InputError, MemoryError) as error:
            if not stale():
                self.status.set_text("nothing was computed")
                self.complain(error)
            return
        self.found = found
        self.status.set_text(
            f"{len(found.runs)} runs of {question.people():,} people over {found.scenario.months} months, in "
            f"{1000 * (time.perf_counter() - begun):.0f} ms. {found.remark}"
        )
        await self.show()

    async def show(self) -> None:
        """Draw the view that is open."""
        if self.found is None:
            return
        if self.view == "results":
            found = self.found
            self.results.set_content(words.uptake(found))
            await asyncio.sleep(0.02)  # the figures go out first
            if found is self.found:
                self.behind.set_content(words.behind(found))
                self.cards.set_content(words.cards(found))
                self.sentences.set_content(words.told(found))
        elif self.view == "compare":
            self.show_comparison()
        elif self.view == "changes":
            self.show_changes()
        elif self.view in ("levels", "why", "society"):
            await self.detailed(getattr(self, f"show_{self.view}"))

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

    async def show_levels(self, stale: Callable[[], bool]) -> None:
        scenario = self.found.scenario
        reach = await in_thread(stale, reachable, scenario, len(self.found.runs), SEED, SOCIETIES, self.society)
        found = []
        for level in default_levels(reach):
            settings = replace(self.now, level=level)
            found.append((level, await ensemble(Question(settings, self.society), stale)))
        self.levels.set_content(words.levels(found))

    async def show_why(self, stale: Callable[[], bool]) -> None:
        found = self.found
        moved = await what_moved(found.question, stale, min(32, len(found.runs)))
        if not stale():
            self.why.set_content(words.why(moved, found))

    async def show_society(self, stale: Callable[[], bool]) -> None:
        if self.story is None:
            run = int(self.run.value or 1) - 1
            story = await in_thread(stale, society_view.followed, self.found.question, run)
            if stale():
                raise Superseded
            self.story, self.chosen = story, ""
            self.month.props["max"] = story.months
            self.month.set_value(min(int(self.month.value or 0), story.months))
            self.month.update()
            self.places.set_options({"": "choose a service or person", **self.options(story)}, value="")
            self.legend.set_content(society_view.legend(story))
        self.draw_society()

    @staticmethod
    def options(story: society_view.Story) -> dict[str, str]:
        found = {f"s{o}": f"{name} (service)" for o, name in enumerate(story.names)}
        if story.people is not None:
            for row, o in enumerate(story.society.organisation):
                where = story.names[o] if o < len(story.names) else "funder"
                found[f"p{row}"] = f"{where}: {story.person(row)}"
        return found

    def draw_society(self) -> None:
        if self.story is None:
            return
        month = min(max(0, int(self.month.value or 0)), self.story.months)
        self.drawn.set_content(society_view.drawing(self.story, month, self.chosen))
        text = society_view._in_words(self.story, month)
        self.told.set_content(
            f"<p>{text} {words.escape(self.story.remark)}</p>"
            + (
                society_view.told(self.story, self.chosen, month)
                if self.chosen
                else "<p>Click a person or a service, or choose one above.</p>"
            )
        )

    def pick(self, what: Any) -> None:
        """A person or service was chosen; what comes from the browser is looked up, nothing else."""
        if self.story is not None and (not what or what in self.options(self.story)):
            self.chosen = what or ""
            if self.places.value != self.chosen:
                self.places.set_value(self.chosen)
            self.draw_society()

    def play(self) -> None:
        """The next month, and no further than the last."""
        if self.story is None or self.month.value >= self.story.months:
            self.toggle_play()
        else:
            self.month.set_value(int(self.month.value) + 1)

    def toggle_play(self) -> None:
        """Play from month to month, or pause."""
        if self.player is not None:
            self.player.cancel()
            self.player = None
        elif self.story is not None:
            if self.month.value >= self.story.months:
                self.month.set_value(0)
            with self.drawn:
                self.player = ui.timer(0.4, self.play)
        self.play_button.set_text("Play" if self.player is None else "Pause")

    async def pin(self) -> None:
        if self.society is not None:
            self.complain(InputError(["an uploaded survey and network cannot be pinned"]))
            return
        self.pinned, self.found_pinned = self.now, self.found
        self.keep_link()
        await self.show()

    async def unpin(self) -> None:
        self.pinned = self.found_pinned = None
        self.keep_link()
        await self.show()

    def show_comparison(self) -> None:
        if self.found_pinned is None:
            self.comparison.set_content(
                "<p>Pin the present settings, then move a lever: both are shown side by side, with "
                "their differences run by run (the same seeds in both).</p>"
            )
        else:
            self.comparison.set_content(words.comparison(self.found_pinned, self.found))

    # --- scheduled changes ---------------------------------------------------------------------------------------
    def schedule(self) -> list[dict[str, Any]]:
        return [
            change.model_dump(exclude_none=True)
            | ({"organisations": list(change.organisations)} if change.organisations is not None else {})
            for change in self.now.base().changes
        ]

    async def add_change(self) -> None:
        try:
            change: dict[str, Any] = {"month": int(number(self.when.value))}
            if self.what.value == "new leader":
                change |= {"event": "new_leader", "profile": str(self.profile.value)}
            else:
                change |= {"parameter": str(self.parameter.value), self.what.value: number(self.amount.value)}
        except (TypeError, ValueError, OverflowError):
            self.complain(InputError(["a change needs a month and a number"]))
            return
        if self.where.value not in (None, "everywhere"):
            change["organisations"] = [str(self.where.value)]
        await self.change([*self.schedule(), change])

    async def change(self, changes: list[dict[str, Any]]) -> None:
        changes = sorted(changes, key=lambda each: each["month"])
        await self.apply(replace(self.now, changes=tuple(changes)))

    def show_changes(self) -> None:
        scenario = self.now.base()
        marks = [(change.month, change_in_words(change)) for change in scenario.changes]
        self.line.set_content(
            charts.time_line(scenario.months, marks)
            + charts.curves(
                "Uptake: people engaged",
                [charts.Line("median", words.curve_summary(self.found.curves["all", "engaged"]))],
                marks=[month for month, _ in marks],
                width=860,
                height=250,
            )
        )
        self.scheduled.clear()
        with self.scheduled:
            for place, (_, text) in enumerate(marks):
                rest = [each for n, each in enumerate(self.schedule()) if n != place]
                ui.button(f"Remove: {text}", on_click=lambda rest=rest: self.change(rest)).props(
                    "flat dense no-caps"
                )

    # --- files ---------------------------------------------------------------------------------------------------
    async def uploaded(self, kind: str, event: Any) -> None:
        """A file came in: a scenario is used at once, survey and network when both are there."""
        try:
            content = await event.file.read()
            if kind == "scenario":
                settings = await in_thread(lambda: False, files.own_scenario, content)
                self.society, self.own = None, settings.scenario
                await self.apply(settings, rebuild=True)
                return
            self.uploads[kind] = content
            if {"nodes", "edges"} <= set(self.uploads):
                self.society = await in_thread(lambda: False, files.own_society, dict(self.uploads), self.now)
                self.pinned = self.found_pinned = None
                await self.apply(self.now)
            else:
                self.complain(
                    InputError(["survey and network go together: one of them is here, the other is missing"])
                )
        except (InputError, MemoryError) as error:
            self.uploads.pop(kind, None)
            self.complain(error)

    async def download(self, kind: str) -> None:
        if self.found is None:
            self.complain(InputError(["there are no results yet"]))
            return
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.now.scenario)[:60]
        try:
            if kind == "scenario":
                content, name = files.scenario_file(self.now), f"{name}.toml"
            elif kind == "table":
                content, name = self.found.runs.to_csv(index=False).encode(), f"{name}-runs.csv"
            else:
                self.busy.set_visibility(True)
                content = await in_thread(lambda: False, files.bundle, self.found, self.pinned)
                name = f"{name}-results.zip"
        except (InputError, MemoryError) as error:
            self.complain(error)
            return
        finally:
            self.busy.set_visibility(False)
        with self.client:
            ui.download.content(content, name)

    # --- how it is laid out --------------------------------------------------------------------------------------
    def build(self) -> None:
        ui.add_css(CSS)
        ui.colors(primary="#2b5c8a", secondary="#5c5c5c", negative="#b3261e")
        with ui.element("div").classes("page"):
            with ui.element("aside").classes("levers").props('aria-label="Settings"'):
                ui.html("<h1>valign explorer</h1>", sanitize=False)
                self.levers = ui.element("div")
            with ui.element("main").classes("shown"):
                self.message = ui.html("", sanitize=False).classes("problems").props('role="alert"')
                self.status = ui.label("computing …").classes("status").props('role="status" aria-live="polite"')
                tabs = ui.tabs(value=self.view, on_change=self.turn).props(
                    "dense no-caps align=left inline-label"
                )
                with tabs:
                    for view in VIEWS:
                        ui.tab(view, TITLES[view])
                self.busy = ui.linear_progress(show_value=False).props('indeterminate aria-label="computing"')
                self.busy.set_visibility(False)
                with ui.tab_panels(tabs, value=self.view, animated=False, keep_alive=True).classes("w-full"):
                    for view in VIEWS:
                        with ui.tab_panel(view):
                            getattr(self, f"build_{view}")()
        self.show_levers()

    async def turn(self, event: Any) -> None:
        """Another view."""
        if event.value in VIEWS:
            self.view = event.value
            self.keep_link()
            await self.show()

    def build_results(self) -> None:
        self.cards = ui.html("", sanitize=False).style("min-height: 120px")
        self.results = ui.html("", sanitize=False)
        self.behind = ui.html("", sanitize=False)
        self.sentences = ui.html("", sanitize=False)

    def build_compare(self) -> None:
        with ui.row():
            ui.button("Pin the present settings", on_click=self.pin).props("no-caps")
            ui.button("Take the pin away", on_click=self.unpin).props("no-caps outline")
        self.comparison = ui.html("", sanitize=False)

    def build_levels(self) -> None:
        self.levels = ui.html("", sanitize=False)

    def build_why(self) -> None:
        self.why = ui.html("", sanitize=False)

    def build_society(self) -> None:
        with ui.row().classes("items-center w-full"):
            self.run = (
                ui.number("run", value=1, min=1, max=RUNS, step=1, format="%d").props("dense").classes("w-20")
            )
            self.run.on("change", self.another_run)
            self.play_button = ui.button("Play", on_click=self.toggle_play).props("no-caps")
            self.month = (
                ui.slider(min=0, max=1, value=0, step=1, on_change=self.draw_society)
                .classes("w-64")
                .props("label")
            )
            self.month.props["aria-label"] = "month"
            self.places = (
                ui.select(
                    {"": "choose a service or person"},
                    value="",
                    label="who",
                    on_change=lambda event: self.pick(event.value),
                )
                .props("dense")
                .classes("w-64")
            )
        self.player: ui.timer | None = None
        with ui.element("div").classes("side"):
            with ui.element("div"):
                self.legend = ui.html("", sanitize=False)
                self.drawn = ui.html("", sanitize=False)
                self.drawn.on(
                    "click",
                    lambda event: self.pick(event.args),
                    js_handler=(
                        "(event) => { const mark = event.target.closest('[data-pick]'); "
                        "if (mark) emit(mark.dataset.pick) }"
                    ),
                )
            self.told = ui.html("", sanitize=False).classes("told").props('aria-live="polite"')

    async def another_run(self) -> None:
        self.story = None
        await self.show()

    def build_changes(self) -> None:
        self.line = ui.html("", sanitize=False)
        self.scheduled = ui.column().classes("gap-0")
        with ui.row().classes("items-end"):
            self.when = ui.number("month", value=12, min=1, max=MOST_MONTHS, step=1, format="%d").classes("w-24")
            self.what = ui.select(
                {"set": "set a setting to", "scale": "multiply a setting by", "new leader": "new leaders"},
                value="set",
                label="what",
            ).classes("w-48")
            changeable = {p.name: f"{p.name}: {p.meaning}" for p in PARAMETERS.values() if p.scope != "society"}
            self.parameter = ui.select(changeable, value="slack", label="setting", with_input=True).classes(
                "w-72"
            )
            self.amount = ui.number("value", value=0.1, format="%.4g").classes("w-24")
            self.profile = ui.select([], label="profile").classes("w-48")
            self.where = ui.select(["everywhere"], value="everywhere", label="where").classes("w-48")
            for each in (self.parameter, self.amount):
                each.bind_visibility_from(self.what, "value", lambda value: value != "new leader")
            self.profile.bind_visibility_from(self.what, "value", lambda value: value == "new leader")
            ui.button("Add", on_click=self.add_change).props("no-caps")
            ui.button("Clear all", on_click=lambda: self.change([])).props("no-caps outline")

    def build_files(self) -> None:
        ui.html("<h2>Take away</h2>", sanitize=False)
        with ui.row():
            for kind, text in (
                ("scenario", "Scenario (TOML)"),
                ("table", "Table of runs (CSV)"),
                ("bundle", "Report, figures and tables (zip)"),
            ):
                ui.button(text, on_click=lambda kind=kind: self.download(kind)).props("no-caps outline")
        self.link = ui.html("", sanitize=False)
        ui.html(
            "<h2>Bring your own</h2><p>A scenario, or a survey and a network for the scenario at hand. Files stay "
            "in this page's memory and are gone when it is closed.</p>",
            sanitize=False,
        )
        with ui.row():
            for kind, text in files.KINDS.items():
                most = files.MOST_TABLE if kind in ("nodes", "edges") else state.MOST_TOML
                ui.upload(
                    label=text,
                    auto_upload=True,
                    max_file_size=most,
                    max_files=None,
                    on_upload=lambda event, kind=kind: self.uploaded(kind, event),
                    on_rejected=lambda most=most: self.complain(
                        InputError([f"the file is larger than {most:,} bytes"])
                    ),
                ).classes(f"w-64 upload-{kind}").props("flat bordered")

    def show_levers(self) -> None:
        """The settings, from the declarations of the parameters."""
        self.sliders.clear()
        self.levers.clear()
        scenario = self.now.base()
        self.profile.set_options(list(scenario.profiles), value=next(iter(scenario.profiles), None))
        self.where.set_options(["everywhere", *scenario.group_names[:200]], value="everywhere")
        with self.levers:
            names = {name: Scenario.load(name).title or name for name in scenario_names()}
            if self.now.toml:
                names["own"] = f"{self.now.scenario} (yours)"
            chosen = ui.select(
                names, value="own" if self.now.toml else self.now.scenario, label="Scenario"
            ).classes("w-full")
            chosen.on_value_change(lambda event: self.choose(event.value))
            ui.html(words.about(scenario), sanitize=False)
            self.build_level(scenario)
            months = ui.number(
                "Months", value=scenario.months, min=1, max=MOST_MONTHS, step=1, format="%d"
            ).classes("w-full")
            months.props("dense").on("change", lambda: self.set_months(months.value))
            ui.button("Back to the scenario as it is", on_click=self.reset).props("no-caps flat dense")
            ui.html("<h2>Main levers</h2>", sanitize=False)
            for name in MAIN:
                self.lever(name)
            ui.html("<h2>All settings, by mechanism</h2>", sanitize=False)
            for name, declared in GROUPS.items():
                if declared:
                    self.group(
                        name,
                        [p.name for p in declared],
                        [each for each in SWITCHES.get(name, (name,)) if each in MECHANISMS],
                    )
            self.group(
                "people and ties (redraws the society)",
                [p.name for p in PARAMETERS.values() if p.scope == "society"],
                [],
            )

    def build_level(self, scenario: Scenario) -> None:
        level = self.now.level if self.now.level is not None else scenario.alignment_level
        held = isinstance(level, float)
        ui.html("<h2>Alignment at the start</h2>", sanitize=False)
        switch = ui.switch("set it (else: as the profiles are)", value=held).props("dense")
        slider = ui.slider(min=0.2, max=1, step=0.01, value=level if held else 0.7).props("label")
        slider.props["aria-label"] = "mean alignment at the start"
        slider.bind_enabled_from(switch, "value")
        slider.on("change", lambda event: self.set_level(event.args))
        switch.on_value_change(lambda event: self.set_level(slider.value if event.value else "natural"))

    def group(self, title: str, names: list[str], switches: list[str]) -> None:
        """A group of levers, made when it is first opened."""
        off = [each for each in switches if not self.now.base().mechanisms[each]]
        with (
            ui.expansion(title.replace("_", " ") + (" (off)" if off else ""))
            .classes("w-full")
            .props("dense dense-toggle") as group
        ):
            pass

        def fill(event: Any) -> None:
            if event.value and not group.default_slot.children:
                with group:
                    for each in switches:
                        switch = ui.switch(
                            f"{each.replace('_', ' ')} acts", value=self.now.base().mechanisms[each]
                        )
                        switch.props("dense").on_value_change(
                            lambda event, each=each: self.switched(each, event.value)
                        )
                    for name in names:
                        self.lever(name)

        group.on_value_change(fill)

    async def switched(self, name: str, on: Any) -> None:
        await self.apply(self.now.with_mechanism(name, bool(on)))

    def lever(self, name: str) -> None:
        p, own = PARAMETERS[name], original(self.now).value(name)
        value = self.now.parameters.get(name, own)
        heading = ui.html(words.lever(p, value, own), sanitize=False)
        low, high = min(p.low, value, own), max(p.high, value, own)
        slider = ui.slider(
            min=low, max=high, step=1 if p.integer else float(f"{(high - low) / 100:.6g}") or 0.01, value=value
        )
        slider.props("label dense").classes(f"lever-{name.replace('.', '-')}").props["aria-label"] = (
            f"{p.meaning}, {p.unit}"
        )
        slider.on("change", lambda event: self.moved(name, event.args))
        self.sliders.setdefault(name, []).append((heading, slider))

    async def reset(self) -> None:
        await self.apply(Settings(self.now.scenario, self.now.toml), rebuild=True)


def register() -> None:
    """Make the page known to the server."""

    @ui.page("/", title="valign explorer")
    async def explorer(request: Request, client: Client) -> None:
        page = Page(client)
        error = None
        try:
            page.now, page.pinned, page.view = state.decode(request.query_params.multi_items())
        except InputError as wrong:
            error = wrong
        page.build()
        client.on_delete(lambda: (page.main.ticket(), page.detail.ticket()))
        if error is not None:
            page.complain(error)
        try:
            await client.connected()
        except ClientConnectionTimeout:
            return  # a visitor without JavaScript, or who has gone already
        if error is None:
            page.keep_link()
        await page.refresh()
        if error is not None:
            page.complain(error)
