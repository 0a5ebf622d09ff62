"""The decomposition of fit and of alignment (ODD §6): what each submodel did to that of whom."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .agents import Person
from .perception import Vector, mean_vector

if TYPE_CHECKING:
    from .model import ReferenceModel

BALANCES = ("fit", "alignment")
Cell = tuple[str, int, str, int]  # balance, organisation (commissioners: the number of services), role, stage


class Account:
    """Sums of change by (balance, mechanism, part, organisation, role, stage), since the start.

    Balances: fit, and alignment, which follows fit as long as somebody has not judged. Parts: centre, spread (values
    moved), innovation, clarity, parameters, leavers, recruits, stage (people entering a stage, less those who left it),
    grounding, talk, sensegiving, session.
    """

    def __init__(self, model: ReferenceModel, recording: bool) -> None:
        self.model, self.recording = model, recording
        self.entries: defaultdict[tuple[str, str, str, int, str, int], float] = defaultdict(float)
        fit = [person.fit_with(person.values) for person in model.people] if recording else []
        self.known = {"fit": fit, "alignment": list(fit)}
        self.start = self.by_cell()

    def organisation(self, person: Person) -> int:
        return person.service.number if person.service else len(self.model.services)

    def _add(
        self, balance: str, mechanism: str, part: str, person: Person, change: float, stage: int | None = None
    ) -> None:
        stage = person.stage if stage is None else stage
        self.entries[balance, mechanism, part, self.organisation(person), person.role, stage] += change

    def _walk(self, mechanism: str, part: str, person: Person, fit: float) -> None:
        """Move on to a fit; alignment goes with it where somebody has not judged."""
        for balance in BALANCES if person.judgement is None else BALANCES[:1]:
            self._add(balance, mechanism, part, person, fit - self.known[balance][person.row])
            self.known[balance][person.row] = fit

    def moved(self, mechanism: str, part: str) -> None:
        """Something changed: book the whole change of everybody's fit to one part."""
        if self.recording:
            for person in self.model.people:
                self._walk(mechanism, part, person, person.fit_with(person.values))

    def values_moved(self, mechanism: str, before: list[Vector]) -> None:
        """Values moved from `before` (by row): centre is what the mean move of the group would have done."""
        if not self.recording:
            return
        groups: defaultdict[tuple[int, str], list[Person]] = defaultdict(list)
        for person in self.model.people:
            groups[self.organisation(person), person.role].append(person)
        for group in groups.values():
            moves = [[new - old for new, old in zip(p.values, before[p.row], strict=True)] for p in group]
            shift = mean_vector(moves)
            for person in group:
                shifted = [v + x for v, x in zip(before[person.row], shift, strict=True)]
                self._walk(mechanism, "centre", person, person.fit_with(shifted))
                self._walk(mechanism, "spread", person, person.fit_with(person.values))

    def judged(self, person: Person, parts: dict[str, float]) -> None:
        """Sensemaking moved the judgement of somebody by so much from each source."""
        if self.recording:
            for part, change in parts.items():
                self._add("alignment", "sensemaking", part, person, change)
                self.known["alignment"][person.row] += change

    def stage_moved(self, mechanism: str, person: Person, former: int) -> None:
        if self.recording:
            for balance, known in self.known.items():
                self._add(balance, mechanism, "stage", person, -known[person.row], former)
                self._add(balance, mechanism, "stage", person, known[person.row])

    def replaced(self, mechanism: str, person: Person, former: int) -> None:
        """Another holder: what the leaver had goes out of the former stage, what the recruit has comes in."""
        if self.recording:
            fit = person.fit_with(person.values)
            for balance, known in self.known.items():
                self._add(balance, mechanism, "leavers", person, -known[person.row], former)
                known[person.row] = fit
                self._add(balance, mechanism, "recruits", person, fit)

    def by_cell(self) -> dict[Cell, float]:
        """Present sums by balance, organisation, role and stage."""
        sums: defaultdict[Cell, float] = defaultdict(float)
        for person in self.model.people if self.recording else ():
            person.look()
            for balance in BALANCES:
                sums[balance, self.organisation(person), person.role, person.stage] += getattr(person, balance)
        return sums

    def gap(self) -> float:
        """The largest amount, over cells, by which start plus entries miss the present sums."""
        booked = defaultdict(float, self.start)
        for (balance, _, _, organisation, role, stage), change in self.entries.items():
            booked[balance, organisation, role, stage] += change
        now = self.by_cell()
        return max((abs(now.get(cell, 0.0) - booked[cell]) for cell in set(booked) | set(now)), default=0.0)
