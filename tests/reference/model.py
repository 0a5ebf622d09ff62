"""The reference model: one month in the order of ODD §5, and what can be seen of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mesa
import numpy as np

from valign.model.parameters import PARAMETERS

from . import choices, delivery, start, values
from .account import Account
from .agents import BASE_QUALITY, REFERENCE, SCALE, Commissioner, Person, Tie
from .draws import CounterDraws, OrdinaryDraws
from .observe import observe
from .perception import Vector, normalised
from .services import Service

MONTH: tuple[tuple[str, Callable[[ReferenceModel], None]], ...] = (
    ("changes", values.changes),
    ("turnover", values.turnover),
    ("awareness", values.awareness),
    ("relationships", values.relationships),
    ("anchoring", values.anchoring),
    ("leadership", values.leadership),
    ("coproduction", values.coproduction),
    ("workload", values.workload),  # has no switch: everyday workload is there without sessions too
    ("session_knowledge", values.session_knowledge),
    ("identification", values.identification),
    ("sensemaking", values.sensemaking),
    ("climate", delivery.climate),
    ("evidence", delivery.evidence),
    ("dialogue", delivery.dialogue),
    ("engagement", choices.engagement),
    ("organisations", choices.organisations),
    ("commissioning", choices.commissioning),
    ("tie_quality", values.tie_quality),
)


@dataclass(frozen=True)
class Decision:
    """A step that hung on two numbers: a chance against a uniform draw, or one quantity against another.

    Of a chance, `probability` and `uniform`; it came true if uniform < probability. Of a comparison (`chance`
    False), the quantity and its threshold in the same places. `row` is the person's, `service` the service's number.
    """

    month: int
    kind: str
    row: int | None
    service: int | None
    probability: float
    uniform: float
    outcome: bool
    chance: bool = True
    terms: Mapping[str, float] = field(default_factory=dict)

    @property
    def margin(self) -> float:
        return abs(self.probability - self.uniform)


class ReferenceModel(mesa.Model):
    """docs/ODD.md in plain Python: `step()` is one month.

    scenario, society: as of `valign.model.scenario.scenario` and `valign.model.society.generate`. seed: the run seed,
    0 … 2**64 − 1. ordinary_random: draw from the standard library's generator in the order of asking (the
    benchmark's plain Mesa model) instead of counter-based. recording: keep `decisions` (of this month; month 0
    before the first step) and `decomposition`; a benchmark that wants neither says False.

    `state()` gives the arrays (keys: see observe.py). `decomposition` maps (mechanism, part, organisation, role,
    stage) to the accumulated change of alignment (parts: see account.py); `account.gap()` is how far it fails to
    close.
    """

    def __init__(
        self, scenario: Any, society: Any, seed: int, ordinary_random: bool = False, recording: bool = True
    ) -> None:
        super().__init__(rng=int(seed))
        self.draws = OrdinaryDraws(int(seed)) if ordinary_random else CounterDraws(int(seed))
        self.month, self.recording = 0, recording
        self.decisions: list[Decision] = []
        self._read(scenario)
        self.services: list[Service] = start.create_services(self, scenario, society)
        self.portfolios: dict[int, list[Service]] = {}
        self.people: list[Person] = start.create_people(self, scenario, society)
        self.commissioners = [person for person in self.people if isinstance(person, Commissioner)]
        for commissioner in self.commissioners:
            self.portfolios.setdefault(commissioner.row, [])
        self.ties: list[Tie] = start.create_ties(self, society)
        raw = start.first_values(self, society)
        for person, first in zip(self.people, raw, strict=True):
            person.enter(0, first)
        self.level_strength = start.level_strength(self, raw, scenario.alignment_level)
        for person, first in zip(self.people, raw, strict=True):
            person.values = list(person.levelled(first, person.profile, self.level_strength))
            person.original_values = list(person.values)
        self.account = Account(self, recording)

    def _read(self, scenario: Any) -> None:
        names = list(scenario.dimensions)
        self.K = len(names)
        self.parameters = {name: float(scenario.value(name)) for name in PARAMETERS}
        self.profiles = {name: [float(p[k]) for k in names] for name, p in scenario.profiles.items()}
        self.innovation_values = [float(scenario.innovation.values[k]) for k in names]
        self.emphasis = normalised([float(scenario.innovation.emphasis[k]) for k in names])
        self.value_correlations = [
            (names.index(a), names.index(b), float(rho)) for a, b, rho in scenario.value_correlations
        ]
        self.metric, self.alignment_mode = scenario.alignment_metric, scenario.alignment_mode
        self.alignment_roles = tuple(scenario.alignment_roles)
        self.relationship_rule = scenario.relationship_rule
        self.everybody_aware = scenario.everybody_aware
        self.changes, self.months = list(scenario.changes), int(scenario.months)
        self.found_to_hold: dict[int, int] = {}  # month in which a change that waited happens, by its number
        self.commissioning = scenario.mechanisms["commissioning"]
        self.mechanisms = [
            (name, function) for name, function in MONTH if name == "workload" or scenario.mechanisms[name]
        ]

    def step(self) -> None:
        """One month."""
        self.month += 1
        self.decisions.clear()
        for _, mechanism in self.mechanisms:
            mechanism(self)

    # --- parameters ---

    def named_services(self, names: list[str] | None) -> list[Service]:
        """The services that a scheduled change names, by group or by their own name; all if it names none."""
        if names is None:
            return self.services
        return [service for service in self.services if not service.names.isdisjoint(names)]

    def change_parameter(
        self, name: str, services: list[Service], everywhere: bool, to: float | None, scale: float | None
    ) -> None:
        """Set or multiply, within the hard limits of the parameter."""
        places = [service.settings for service in services if name in service.settings]
        if everywhere:
            places.append(self.parameters)
        for place in places:
            value = float(to) if to is not None else place[name] * scale
            if PARAMETERS[name].integer:
                value = math.floor(value + 0.5)
            place[name] = min(max(value, PARAMETERS[name].minimum), PARAMETERS[name].maximum)

    def base_quality_of_kind(self, kind: int) -> float:
        return min(1.0, BASE_QUALITY[kind] * self.parameters["tie_quality"])

    def base_quality(self, tie: Tie) -> float:
        return self.base_quality_of_kind(tie.kind)

    def weighted_evidence(self, weights: Vector, beliefs: Vector) -> float:
        """Σ_e u_e · clip((b_e − reference_e)/scale_e) to [−3, 3] (ODD §5.11)."""
        total = 0.0
        for e in range(3):
            standardised = (beliefs[e] - REFERENCE[e]) / SCALE[e]
            total += weights[e] * max(-3.0, min(3.0, standardised))
        return total

    # --- decisions ---

    def decide(
        self,
        kind: str,
        who: Person | Service,
        probability: float,
        uniform: float,
        terms: Mapping[str, float] | None = None,
        service: int | None = None,
    ) -> bool:
        """Whether something happens by chance: uniform < probability."""
        outcome = uniform < probability
        self._note(kind, who, probability, uniform, outcome, True, terms, service)
        return outcome

    def compare(self, kind: str, who: Person | Service, quantity: float, threshold: float, reach: bool = False) -> bool:
        """Whether a quantity exceeds (or, with `reach`, at least reaches) a threshold."""
        outcome = quantity >= threshold if reach else quantity > threshold
        self._note(kind, who, quantity, threshold, outcome, False, None, None)
        return outcome

    def _note(self, kind, who, probability, uniform, outcome, chance, terms, service) -> None:
        if self.recording:
            row = who.row if isinstance(who, Person) else None
            if isinstance(who, Service):
                service = who.number
            elif service is None and who.service is not None:
                service = who.service.number
            self.decisions.append(
                Decision(self.month, kind, row, service, probability, uniform, outcome, chance, terms or {})
            )

    # --- moves, and their place in the decomposition (ODD §6) ---

    def move_values(self, mechanism: str, new: Mapping[Person, Vector]) -> None:
        """Everybody in `new` takes the new values at once."""
        before = [person.values for person in self.people]
        for person, moved in new.items():
            person.values = list(moved)
        if new:
            self.account.values_moved(mechanism, before)

    def move_drift(self, mechanism: str, new: Mapping[Service, Vector]) -> None:
        for service, drift in new.items():
            service.set_drift(drift)
        self.account.moved(mechanism, "innovation")

    def move_clarity(self, mechanism: str, new: Mapping[Person, float]) -> None:
        for person, clarity in new.items():
            person.clarity = clarity
        self.account.moved(mechanism, "clarity")

    def move_stage(self, mechanism: str, person: Person, stage: int) -> None:
        former, person.stage = person.stage, stage
        if person.engaged and person.first_engaged < 0:
            person.first_engaged = self.month
        self.account.stage_moved(mechanism, person, former)

    def replace_holder(self, person: Person, entrant: Vector, brought_in: bool = False) -> None:
        """The holder leaves and an entrant comes; every tie of the post restarts at base quality (ODD §5.2)."""
        person.enter(self.month, entrant, brought_in)
        for _, tie in person.ties:
            tie.quality = self.base_quality(tie)

    # --- what can be seen ---

    @property
    def decomposition(self) -> dict[tuple[str, str, int, str, int], float]:
        return dict(self.account.entries)

    def state(self) -> dict[str, np.ndarray]:
        """The present state as arrays; the keys are in observe.py."""
        return observe(self)
