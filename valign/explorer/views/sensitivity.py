"""Which settings drive the outcomes, around the settings at hand."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results.vocabulary import headlines, label

from .. import words
from ..state import MAIN
from ..studies import BY_MECHANISM, MOST_FACTORS, Stale, Told, factors_of, sensitivity_here
from .study import StudyView


class SensitivityView(StudyView):
    title = "Sensitivity"
    about = (
        "Which settings do the outcomes depend on? Those chosen vary together over their plausible ranges, all others "
        "stay as they are set; the share of the variance that each brings is held against that of chance."
    )
    action = "Run the study"

    def controls(self) -> None:
        outcomes = {name: label(name).text for name in headlines() if not label(name).never}
        self.mechanisms = ui.switch("all settings, grouped by mechanism", value=False).props("dense")
        self.factors = ui.select(
            [], value=[], multiple=True, label=f"settings (2 to {MOST_FACTORS})", with_input=True
        ).classes("w-full")
        self.factors.props("use-chips").bind_visibility_from(self.mechanisms, "value", lambda on: not on)
        self.outcomes = ui.select(
            outcomes, value=["uptake_final", "spread_final"], multiple=True, label="outcomes"
        ).classes("w-96")
        self.outcomes.props("use-chips")

    def of_scenario(self, scenario: Scenario) -> None:
        can_vary = factors_of(scenario)
        names = {name: f"{name}: {PARAMETERS[name].meaning}" for name in can_vary}
        self.factors.set_options(names, value=[name for name in MAIN if name in names])

    def asked(self) -> Callable[[Stale, Told], str]:
        factors = [BY_MECHANISM] if self.mechanisms.value else list(self.factors.value or ())
        outcomes, question = list(self.outcomes.value or ()), self.page.question()
        return lambda stale, told: words.sensitivity(sensitivity_here(question, factors, outcomes, stale, told))
