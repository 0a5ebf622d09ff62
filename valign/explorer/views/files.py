"""What one takes away: scenario, tables, figures, report; what one brings: a scenario, a survey and a network."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from valign.model.errors import InputError
from valign.results.plain_text import frame_as_cells

from .. import files, state, words
from ..work import in_thread
from .view import View, html

DOWNLOADS = {
    "scenario": "Scenario (TOML)",
    "table": "Table of runs (CSV)",
    "bundle": "Report, figures and tables (zip)",
}
CHOOSE = "() => getElement(%d).pickFiles()"


def always() -> bool:
    """For work that goes on whatever is changed meanwhile."""
    return False


class FilesView(View):
    title = "Files"

    def build(self) -> None:
        self.uploads: dict[str, bytes] = {}
        html("<h2>Take away</h2>")
        with ui.row():
            for kind, text in DOWNLOADS.items():
                ui.button(text, on_click=lambda kind=kind: self.download(kind)).props("no-caps outline")
        self.link = html()
        html(
            "<h2>Bring your own</h2><p>A scenario, or a survey and a network for the scenario at hand. Files stay in "
            "the memory of this page and are gone when it is closed; they do not travel in a link.</p>"
        )
        with ui.row():
            for kind, text in files.KINDS.items():
                most = files.MOST_TABLE if kind in ("nodes", "edges") else state.MOST_TOML
                upload = ui.upload(
                    label=text,
                    auto_upload=True,
                    max_file_size=most,
                    on_upload=lambda event, kind=kind: self.uploaded(kind, event),
                    on_rejected=lambda most=most: self.page.complain(
                        InputError([f"the file is larger than {most:,} bytes"])
                    ),
                )
                upload.classes(f"hidden upload-{kind}")  # its own button has no name that could be read out
                ui.button(f"Choose {text}").props("no-caps outline").on("click", js_handler=CHOOSE % upload.id)
        self.own = html().props('aria-live="polite"')
        self.forget_button = ui.button("Leave the uploaded survey and network", on_click=self.forget)
        self.forget_button.props("no-caps outline").set_visibility(False)

    def show_link(self, query: str) -> None:
        lost = (
            " The survey and network that were uploaded do not travel in it: whoever opens it is told so, and can "
            "upload them again."
            if state.UPLOAD in query
            else ""
        )
        self.link.set_content(
            f'<p><a href="/?{words.escape(query)}">A link to exactly this state</a>; so is the address above.{lost}</p>'
        )

    async def show(self) -> None:
        society = self.page.society
        self.forget_button.set_visibility(society is not None)
        here = "".join(
            f"<p>Here: {words.escape(files.KINDS[kind])}, {len(content):,} bytes.</p>"
            for kind, content in self.uploads.items()
        )
        self.own.set_content(
            here
            if society is None
            else f"<p>In use: an uploaded survey of {len(society.role):,} people in {len(society.key):,} services, "
            f"with {len(society.neighbour) // 2:,} ties.</p>"
        )

    async def uploaded(self, kind: str, event: Any) -> None:
        """A file came in: a scenario is used at once, survey and network when both are there."""
        page = self.page
        try:
            if event.file.size() > files.MOST_TABLE:
                raise InputError([f"the file is larger than {files.MOST_TABLE:,} bytes"])
            content = await event.file.read()
            if kind == "scenario":
                settings = await in_thread(always, files.own_scenario, content)
                await page.use(settings, None)
                return
            self.uploads[kind] = content
            if {"nodes", "edges"} <= set(self.uploads):
                society = await in_thread(always, files.own_society, dict(self.uploads), page.now)
                await page.use(page.now, society)
            else:
                page.complain(InputError(["survey and network go together: one of them is here, the other is missing"]))
                await self.show()
        except (InputError, MemoryError) as error:
            self.uploads.pop(kind, None)
            page.complain(error)

    async def forget(self) -> None:
        self.uploads.clear()
        await self.page.use(self.page.now, None)

    async def download(self, kind: str) -> None:
        page = self.page
        found = page.found
        if found is None or not found.whole:
            page.complain(InputError(["there are no results yet"]))
            return
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in found.question.settings.scenario)[:60]
        try:
            if kind == "scenario":
                content, name = files.scenario_file(found.question.settings), f"{name}.toml"
            elif kind == "table":
                content, name = frame_as_cells(found.runs).to_csv(index=False).encode(), f"{name}-runs.csv"
            else:
                page.busy.set_visibility(True)
                content = await in_thread(always, files.bundle, found, page.found_pinned)
                name = f"{name}-results.zip"
        except (InputError, MemoryError) as error:
            page.complain(error)
            return
        finally:
            page.busy.set_visibility(False)
        with page.client:
            ui.download.content(content, name)
