"""The decomposition of alignment (ODD §6): what each submodel did to the alignment of whom."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .agents import Person
from .perception import Vector, mean_vector

if TYPE_CHECKING:
    from .model import ReferenceModel

Cell = tuple[int, str, int]  # organisation (commissioners: the number of services), role, stage


class Account:
    """Sums of change of alignment by (mechanism, part, organisation, role, stage), since the start.

    Parts: centre, spread (values moved), innovation, clarity, parameters, leavers, recruits, stage (people
    entering a stage, less those who left it).
    """

    def __init__(self, model: ReferenceModel, recording: bool) -> None:
        self.model, self.recording = model, recording
        self.entries: defaultdict[tuple[str, str, int, str, int], float] = defaultdict(float)
        self.known = [person.alignment_with(person.values) for person in model.people] if recording else []
        self.start = self.by_cell()

    def organisation(self, person: Person) -> int:
        return person.service.number if person.service else len(self.model.services)

    def _add(self, mechanism: str, part: str, person: Person, change: float, stage: int | None = None) -> None:
        stage = person.stage if stage is None else stage
        self.entries[mechanism, part, self.organisation(person), person.role, stage] += change

    def moved(self, mechanism: str, part: str) -> None:
        """Something changed: book the whole change of everybody's alignment to one part."""
        if not self.recording:
            return
        for person in self.model.people:
            now = person.alignment_with(person.values)
            self._add(mechanism, part, person, now - self.known[person.row])
            self.known[person.row] = now

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
                centre = person.alignment_with(shifted) - self.known[person.row]
                now = person.alignment_with(person.values)
                self._add(mechanism, "centre", person, centre)
                self._add(mechanism, "spread", person, now - self.known[person.row] - centre)
                self.known[person.row] = now

    def stage_moved(self, mechanism: str, person: Person, former: int) -> None:
        if self.recording:
            self._add(mechanism, "stage", person, -self.known[person.row], former)
            self._add(mechanism, "stage", person, self.known[person.row])

    def replaced(self, mechanism: str, person: Person, former: int) -> None:
        """Another holder: the leaver's alignment goes out of the former stage, the recruit's comes in."""
        if self.recording:
            self._add(mechanism, "leavers", person, -self.known[person.row], former)
            self.known[person.row] = person.alignment_with(person.values)
            self._add(mechanism, "recruits", person, self.known[person.row])

    def by_cell(self) -> dict[Cell, float]:
        """Present sums of alignment by organisation, role and stage."""
        sums: defaultdict[Cell, float] = defaultdict(float)
        if self.recording:
            for person in self.model.people:
                sums[self.organisation(person), person.role, person.stage] += person.alignment_with(person.values)
        return sums

    def gap(self) -> float:
        """The largest amount, over cells, by which start plus entries miss the present sums."""
        booked = defaultdict(float, self.start)
        for (_, _, organisation, role, stage), change in self.entries.items():
            booked[organisation, role, stage] += change
        now = self.by_cell()
        return max((abs(now.get(cell, 0.0) - booked[cell]) for cell in set(booked) | set(now)), default=0.0)
