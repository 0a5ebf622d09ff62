"""Scheduled changes on a time line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nicegui import ui

from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.scenario_text import change_in_words

from .. import words
from ..state import MOST_MONTHS, number
from .view import View, html

EVERYWHERE, LEADER = "everywhere", "new leader"
KINDS = {"set": "set a setting to", "scale": "multiply a setting by", LEADER: "new leaders"}
MOST_NAMED = 200


class ChangesView(View):
    title = "Time line"

    def build(self) -> None:
        self.line = html()
        self.scheduled = ui.column().classes("gap-0")
        with ui.row().classes("items-end"):
            self.when = ui.number("month", value=12, min=1, max=MOST_MONTHS, step=1, format="%d").classes("w-24")
            self.what = ui.select(KINDS, value="set", label="what").classes("w-48")
            changeable = {p.name: f"{p.name}: {p.meaning}" for p in PARAMETERS.values() if p.scope != "society"}
            self.parameter = ui.select(changeable, value="slack", label="setting", with_input=True).classes("w-72")
            self.amount = ui.number("value", value=0.1, format="%.4g").classes("w-24")
            self.profile = ui.select([], label="profile").classes("w-48")
            self.where = ui.select([EVERYWHERE], value=EVERYWHERE, label="where").classes("w-48")
            for each in (self.parameter, self.amount):
                each.bind_visibility_from(self.what, "value", lambda value: value != LEADER)
            self.profile.bind_visibility_from(self.what, "value", lambda value: value == LEADER)
            ui.button("Add", on_click=self.add).props("no-caps")
            ui.button("Clear all", on_click=lambda: self.change([])).props("no-caps outline")

    def of_scenario(self, scenario: Scenario) -> None:
        self.profile.set_options(list(scenario.profiles), value=next(iter(scenario.profiles), None))
        self.where.set_options([EVERYWHERE, *scenario.group_names[:MOST_NAMED]], value=EVERYWHERE)

    def schedule(self) -> list[dict[str, Any]]:
        """The changes there are, as one writes them to a file."""
        return [
            change.model_dump(exclude_none=True)
            | ({"organisations": list(change.organisations)} if change.organisations is not None else {})
            for change in self.page.now.base().changes
        ]

    async def add(self) -> None:
        try:
            change: dict[str, Any] = {"month": int(number(self.when.value))}
            if self.what.value == LEADER:
                change |= {"event": "new_leader", "profile": str(self.profile.value)}
            else:
                change |= {"parameter": str(self.parameter.value), self.what.value: number(self.amount.value)}
        except (TypeError, ValueError, OverflowError):
            self.page.complain(InputError(["a change needs a month and a number"]))
            return
        if self.where.value not in (None, EVERYWHERE):
            change["organisations"] = [str(self.where.value)]
        await self.change([*self.schedule(), change])

    async def change(self, changes: list[dict[str, Any]]) -> None:
        changes = sorted(changes, key=lambda each: each["month"])
        await self.page.apply(replace(self.page.now, changes=tuple(changes)))

    async def show(self) -> None:
        marks = [(change.month, change_in_words(change)) for change in self.page.now.base().changes]
        self.line.set_content(words.time_line(self.page.found, marks))
        self.scheduled.clear()
        with self.scheduled:
            for place, (_, text) in enumerate(marks):
                rest = [each for n, each in enumerate(self.schedule()) if n != place]
                ui.button(f"Remove: {text}", on_click=lambda rest=rest: self.change(rest)).props("flat dense no-caps")
