"""One of the claims of the studies behind the model, tested in the settings at hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from nicegui import ui

from valign.experiments.claims.declaration import Claim, claim_ids
from valign.model.errors import InputError

from .. import words
from ..state import number
from ..studies import FEWEST_WORLDS, HERE, MOST_WORLDS, WORLDS, Stale, Told, test_here
from .study import StudyView
from .view import html

PLACES = {"here": HERE, "own": "the scenario of the claim"}


@lru_cache(maxsize=1)
def claims() -> dict[str, Claim]:
    return {name: Claim.load(name) for name in claim_ids()}


class ClaimsView(StudyView):
    title = "Claims"
    about = (
        "The studies behind this model claim eighteen things. A claim is tested as a hypothesis that can fail: is its "
        "effect there, in which share of the worlds that are plausible, and would it be there without what the claim "
        "assumes?"
    )
    action = "Test the claim"

    def controls(self) -> None:
        titles = {name: f"{name} {claim.title}" for name, claim in claims().items()}
        self.claim = ui.select(titles, value="C1", label="claim", on_change=self.told).classes("w-72")
        self.place = ui.select(PLACES, value="here", label="in").classes("w-56")
        self.worlds = ui.number("worlds", value=WORLDS, min=FEWEST_WORLDS, max=MOST_WORLDS, step=20, format="%d")
        self.worlds.classes("w-24")
        self.statement = html().classes("w-full")
        self.told()

    def told(self) -> None:
        """What the chosen claim says."""
        claim = claims().get(self.claim.value)
        self.statement.set_content("" if claim is None else f"<p><i>{words.escape(claim.statement)}</i></p>")

    def asked(self) -> Callable[[Stale, Told], str]:
        try:
            worlds = int(number(self.worlds.value))
        except (TypeError, ValueError, OverflowError):
            raise InputError(["worlds: expected a whole number"]) from None
        name, question, own = str(self.claim.value), self.page.question(), self.place.value == "own"
        where = question.settings.whole().title or question.settings.scenario

        def work(stale: Stale, told: Told) -> str:
            found = test_here(name, None if own else question, worlds, stale, told)
            return words.claim(*found, f"{HERE} ({where})")

        return work
