"""What a mechanism says of itself: the record beside its kernel. No Numba here.

Tables of parameters, settings of scenarios, the order and the passes of the month, the entries of the decomposition,
the event log's terms and the words of reports are made from these records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .parameter import Declared, Family, Parameter

# What a mechanism moves of what alignment is made of; the parts that the decomposition books for it, in this order.
VALUES, INNOVATION, CLARITY, POSTS, ANYTHING = 1, 2, 4, 8, 16
PARTS: dict[int, tuple[str, ...]] = {
    VALUES: ("centre", "spread"),  # shift of a role's mean, and what goes beyond it
    INNOVATION: ("innovation",),  # the version that is perceived
    CLARITY: ("clarity",),
    POSTS: ("leavers", "recruits"),
    ANYTHING: ("any",),
}
EVERYBODY, MEMBERS, COMMISSIONERS = 0, 1, 2  # whom it moves


class Term(NamedTuple):
    """A number of a decision in the event log. meaning: what it is. unit: what it is counted in."""

    meaning: str
    unit: str


@dataclass(frozen=True)
class Mechanism:
    """A mechanism of the month.

    name : of its folder, its switch and its function `name(S, t)` in `kernel.py`. section : of docs/ODD.md.
    title : what happens, in a line. label : what reports call it (default: its name).
    parameters : by name. group : the title they are listed under (default: its name).
    rules : parts of it with a switch of their own, and what each does.
    moves, whom : what of alignment it moves (VALUES | CLARITY …), and of whom.
    judgement : parts of what it does to alignment as people judge it; its kernel books them itself.
    stages : whether people change stage in it.
    reads : whose alignment it reads, which is brought up to date before it.
    aligns : whose alignment it moved, where that is narrower than all: computed anew at once. Otherwise it stays as it
    was until somebody reads it.
    always : a function of its kernel that runs in its place, switched on or off.
    terms : of its decisions, as the event log shows them.
    """

    name: str
    section: str
    title: str
    parameters: Declared = field(default_factory=dict[str, Parameter | Family])
    label: str = ""
    group: str = ""
    rules: Mapping[str, str] = field(default_factory=dict[str, str])
    moves: int = 0
    whom: int = EVERYBODY
    judgement: tuple[str, ...] = ()
    stages: bool = False
    reads: Literal["", "managers", "everybody"] = ""
    aligns: Literal["", "everybody", "replaced", "changed", "commissioners"] = ""
    always: str = ""
    terms: Mapping[str, Term] = field(default_factory=dict[str, Term])

    @property
    def entries(self) -> tuple[tuple[str, str], ...]:
        """(name, part) of its entries in the decomposition."""
        moved = (part for moved, parts in PARTS.items() if self.moves & moved for part in parts)
        return tuple((self.name, part) for part in (*moved, *self.judgement))

    @property
    def switches(self) -> dict[str, str]:
        """Its switch and those of its rules, with what reports call them."""
        called = {name: name.replace("_", " ") for name in (self.name, *self.rules)}
        return called | ({self.name: self.label} if self.label else {})
