"""The settings beside the views: sliders and switches made from the declarations of the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.scenario.scenario import Scenario, scenario_names

from . import words
from .state import MAIN, MOST_MONTHS, original
from .views.range import Range
from .views.view import html

if TYPE_CHECKING:
    from .page import Page

SWITCHES = {"relationships": ("relationships", "anchoring"), "coproduction": ("coproduction", "session_knowledge")}
GROUPS = {
    name: [p.name for p in PARAMETERS.values() if p.mechanism == name and p.scope != "society"]
    for name in dict.fromkeys(p.mechanism for p in PARAMETERS.values())
}
LEVEL = "mean alignment at the start"
OWN = "own"  # in the list of scenarios: the one that was uploaded


class Levers:
    """All settings of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sliders: dict[str, list[tuple[ui.html, Range]]] = {}

    def build(self) -> None:
        self.all = ui.element("div")

    def show(self) -> None:
        """The settings of the scenario at hand, from the start."""
        page = self.page
        self.sliders.clear()
        self.all.clear()
        scenario = page.now.base()
        with self.all:
            names = {name: Scenario.load(name).title or name for name in scenario_names()}
            if page.now.toml:
                names[OWN] = f"{page.now.scenario} (yours)"
            chosen = ui.select(names, value=OWN if page.now.toml else page.now.scenario, label="Scenario")
            chosen.classes("w-full").on_value_change(lambda event: page.choose(event.value))
            html(words.about(scenario))
            self.level(scenario)
            months = ui.number("Months", value=scenario.months, min=1, max=MOST_MONTHS, step=1, format="%d")
            months.classes("w-full").props("dense").on("change", lambda: page.set_months(months.value))
            ui.button("Back to the scenario as it is", on_click=page.reset).props("no-caps flat dense")
            html("<h2>Main levers</h2>")
            for name in MAIN:
                self.lever(name)
            html("<h2>All settings, by mechanism</h2>")
            for name, names_of_group in GROUPS.items():
                if names_of_group:
                    switches = [each for each in SWITCHES.get(name, (name,)) if each in MECHANISMS]
                    self.group(name, names_of_group, switches)
            ties = [p.name for p in PARAMETERS.values() if p.scope == "society"]
            self.group("people and ties (redraws the society)", ties, [])

    def level(self, scenario: Scenario) -> None:
        level = self.page.now.level if self.page.now.level is not None else scenario.alignment_level
        held = isinstance(level, float)
        at = level if held else 0.7
        html("<h2>Alignment at the start</h2>")
        switch = ui.switch("set it (else: as the profiles are)", value=held).props("dense")
        heading = html(words.level(at if held else None))
        slider = Range(0.2, 1, 0.01, at, name=LEVEL, text=f"{at:.2f}", released=self.page.set_level)
        slider.props["disabled"] = not held
        self.of_level = heading, slider

        async def held_or_not(event: Any) -> None:
            slider.props["disabled"] = not event.value
            slider.update()
            await self.page.set_level(slider.props["^value"] if event.value else "natural")

        switch.on_value_change(held_or_not)

    def set_level(self) -> None:
        """Show which alignment is set."""
        level = self.page.now.level
        held = isinstance(level, float)
        self.of_level[0].set_content(words.level(level if held else None))
        if held:
            self.of_level[1].set(level, f"{level:.2f}")

    def group(self, title: str, names: list[str], switches: list[str]) -> None:
        """A group of levers, made when it is first opened."""
        now = self.page.now.base()
        off = [each for each in switches if not now.mechanisms[each]]
        group = ui.expansion(title.replace("_", " ") + (" (off)" if off else "")).classes("w-full")
        group.props("dense dense-toggle")

        def fill(event: Any) -> None:
            if event.value and not group.default_slot.children:
                with group:
                    for each in switches:
                        switch = ui.switch(
                            f"{each.replace('_', ' ')} acts", value=self.page.now.base().mechanisms[each]
                        )
                        switch.props("dense").on_value_change(
                            lambda event, each=each: self.page.switch(each, bool(event.value))
                        )
                    for name in names:
                        self.lever(name)

        group.on_value_change(fill)

    def lever(self, name: str) -> None:
        p, own = PARAMETERS[name], original(self.page.now).value(name)
        value = self.page.now.parameters.get(name, own)
        heading = html(words.lever(p, value, own))
        low, high = min(p.low, value, own), max(p.high, value, own)
        step = 1 if p.integer else float(f"{(high - low) / 100:.6g}") or 0.01
        slider = Range(
            low, high, step, value, name=f"{p.meaning}, {p.unit}", text=words.with_unit(p, value),
            released=lambda moved_to: self.page.move(name, moved_to),
        )  # fmt: skip
        slider.classes(f"lever-{name.replace('.', '-')}")
        self.sliders.setdefault(name, []).append((heading, slider))

    def set(self, name: str) -> None:
        """Show what a parameter is set to now, wherever it stands."""
        p, own = PARAMETERS[name], original(self.page.now).value(name)
        value = self.page.now.parameters.get(name, own)
        for heading, slider in self.sliders.get(name, ()):
            heading.set_content(words.lever(p, value, own))
            slider.set(value, words.with_unit(p, value))
