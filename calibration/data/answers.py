"""Answers to the questionnaire, as numbers, and what could not be used of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

NOT_SAID = -1  # role, use


@dataclass(frozen=True)
class Unused:
    """Answers of a file that were not used: how many cells, where (as people find them) and why."""

    answers: int
    where: str
    why: str


@dataclass(eq=False)
class Answers:
    """Who answered what, N people, K values, G services.

    person : number or name, "" where none was given. service : 0 … G − 1 (−1: commissioners). role : index of the
    model's roles, −1 where not said. own, reads : [N × K × 2] in [0, 1], NaN where missing. fits, clear, identify :
    [N × 2]; climate : [N × 3]. use : index of the model's stages, −1. contacts : rows of other people. people : how
    many work in each service [G], inf where nobody said. stage : of each service at the start, "" where nobody said.
    intended, emphasis : what the innovation stands for and how much each value counts [K]. scenario : its name or
    path. given : answers in the file, cell by cell; used : those that are in here; unused : the rest, named;
    remarks : what else a reader of the numbers should know.
    """

    innovation: str
    scenario: str
    dimensions: Sequence[str]
    intended: np.ndarray
    emphasis: np.ndarray
    person: list[str]
    service: np.ndarray
    services: list[str]
    role: np.ndarray
    own: np.ndarray
    reads: np.ndarray
    fits: np.ndarray
    clear: np.ndarray
    identify: np.ndarray
    climate: np.ndarray
    use: np.ndarray
    contacts: list[list[int]]
    people: np.ndarray
    stage: list[str]
    given: int = 0
    used: int = 0
    unused: list[Unused] = field(default_factory=list[Unused])
    remarks: list[str] = field(default_factory=list[str])
    name: str = "survey"

    def __len__(self) -> int:
        return len(self.person)

    def of(self, rows: np.ndarray) -> Answers:
        """The answers of some people (row numbers or a mask); contacts are left out."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Answers(
            self.innovation, self.scenario, self.dimensions, self.intended, self.emphasis,
            [self.person[row] for row in rows], self.service[rows], self.services, self.role[rows], self.own[rows],
            self.reads[rows], self.fits[rows], self.clear[rows], self.identify[rows], self.climate[rows],
            self.use[rows], [[] for _ in rows], self.people, self.stage, name=self.name,
        )  # fmt: skip
