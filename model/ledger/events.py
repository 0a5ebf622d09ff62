"""The event log: who, which service, what, when, with the terms of the decision (docs/ODD.md §8)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..parameters import TERMS
from ..state.arrays import (
    ABANDONED,
    APPROVED,
    ASKED_IN_VAIN,
    AWARD_TERM,
    COMMISSIONED,
    ENGAGED,
    LAPSED,
    OUTSIDE,
    PILOTING,
    SERVICE_TERM,
    SUSTAINED,
    State,
)

# Of what starts a service: the terms of its log-odds.
ASK_TERMS = ("score", "reservation", "money", "price")
START_TERMS = tuple(TERMS["organisations"])[: list(TERMS["organisations"]).index("probability")]


class Event(NamedTuple):
    """One event. service is -1 for commissioners, person -1 for events of a service."""

    run: int
    month: int
    what: str
    service: int
    person: int
    terms: dict[str, float]


class EventLog:
    """Compares the state month by month; the kernels leave the terms of their last decisions behind."""

    def __init__(self, S: State) -> None:
        self.events: list[Event] = []
        self._remember(S)

    def _remember(self, S: State) -> None:
        self.stage, self.service_stage = S.stage.copy(), S.service_stage.copy()
        self.holder, self.term_end = S.holder.copy(), S.term_end.copy()

    def month(self, S: State, t: int) -> None:
        """Note what happened in month t."""
        services = len(S.setting)
        for o, r in zip(
            *np.nonzero((S.service_stage != self.service_stage) | (S.term_end != self.term_end)), strict=True
        ):
            before, after = self.service_stage[o, r], S.service_stage[o, r]
            self.events.append(
                Event(int(r), t, _service_event(before, after), int(o), -1, _service_terms(S, o, r, before, after))
            )
        for o, r in zip(*np.nonzero(S.asked == ASKED_IN_VAIN), strict=True):
            self.events.append(Event(int(r), t, "was refused a pilot", int(o), -1, _ask_terms(S, o, r)))
        left = S.holder != self.holder
        for i, r in zip(*np.nonzero(left | (S.stage != self.stage)), strict=True):
            o = int(S.organisation[i]) if S.organisation[i] < services else -1
            what, terms = _person_event(self.stage[i, r], S.stage[i, r], left[i, r]), {}
            if what in ("engaged", "lapsed", "engaged again") and len(S.person_terms):
                terms = dict(zip(TERMS["engagement"], S.person_terms[i, :, r].tolist(), strict=True))
            self.events.append(Event(int(r), t, what, o, int(i), terms))
        self._remember(S)


def _service_event(before: int, after: int) -> str:
    if after == PILOTING:
        return "started" if before == OUTSIDE else "started again"
    if after == COMMISSIONED:
        return "commissioned" if before != COMMISSIONED else "commissioned again"
    return "went on without funding" if after == SUSTAINED else "abandoned"


def _service_terms(S: State, o: int, r: int, before: int, after: int) -> dict[str, float]:
    if after == COMMISSIONED:
        return dict(zip(TERMS["commissioning"], S.award_terms[o, :, r].tolist(), strict=True))
    terms = {
        "probability": float(S.service_terms[o, SERVICE_TERM.probability, r]),
        "draw": float(S.service_terms[o, SERVICE_TERM.draw, r]),
    }
    if after == PILOTING and S.asked[o, r] == APPROVED:
        terms |= _ask_terms(S, o, r)
    if after == PILOTING:
        terms |= dict(zip(START_TERMS, S.service_terms[o, : len(START_TERMS), r].tolist(), strict=True))
    if after == ABANDONED and before == SUSTAINED:
        terms |= {
            "share_engaged": float(S.service_terms[o, SERVICE_TERM.share_engaged, r]),
            "months_under": float(S.months_under[o, r]),
        }
    return terms


def _ask_terms(S: State, o: int, r: int) -> dict[str, float]:
    """Of a request for a pilot: the commissioner's score, what it was held against, the money left and the price."""
    return {name: float(S.ask_terms[o, getattr(AWARD_TERM, name), r]) for name in ASK_TERMS}


def _person_event(before: int, after: int, left: bool) -> str:
    if left:
        return "left and was replaced"
    if after == ENGAGED:
        return "engaged again" if before == LAPSED else "engaged"
    return "lapsed" if after == LAPSED else "became aware"
