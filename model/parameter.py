"""What a parameter is declared as: its default, its range, its limits and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Literal

ROLES = ("staff", "manager", "peer", "commissioner")
CHANNELS = ("financial", "economic", "social")
TIE_KINDS = ("team", "line", "between", "peer", "commissioning", "commissioners")

ASSUMED = "assumed"  # the source of much

Kind = Literal["share", "logit", "effect", "result", "quantity", "positive", "count"]
LIMITS: dict[Kind, tuple[float, float]] = {
    "share": (0.0, 1.0),  # a share, a probability, a rate a month, a place between 0 and 1
    "logit": (-50.0, 50.0),  # log-odds or a score, of either sign
    "effect": (-10.0, 10.0),  # what one unit of something adds to log-odds or a score
    "result": (-20.0, 20.0),  # what the innovation brings its clients or funders
    "quantity": (0.0, 1e9),
    "positive": (0.01, 1e9),  # is divided by
    "count": (1.0, 1e9),  # whole numbers
}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    default, low, high : in `unit`; [low, high] is the plausible range from the evidence (sensitivity, priors).
    meaning : in words. kind : what sort of number it is; it gives the limits that a scenario may not leave.
    grade : measured, inferred or assumed. source : where it comes from.
    scope : where it may differ: over runs only ("run"), also between groups of services ("organisation"), or it shapes
    the society itself ("society": a change gives other ties and people).
    minimum, maximum : limits of its own, where they are not those of its kind.
    distribution : over the plausible range.
    symbol : what kernels call it where the name itself, underscores for dots, is an array of the state already.
    label : what figures and sentences call it, on its own; without one, its meaning.
    name, mechanism : the dotted name users type, and the group it is listed in; given when it is collected.
    """

    default: float
    low: float
    high: float
    unit: str
    meaning: str
    _: KW_ONLY
    kind: Kind = "share"
    grade: str = "assumed"
    source: str = ""
    scope: str = "run"
    minimum: float = math.nan
    maximum: float = math.nan
    distribution: str = "uniform"
    symbol: str = ""
    label: str = ""
    name: str = ""
    mechanism: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.meaning)
        for limit, of_kind in zip(("minimum", "maximum"), LIMITS[self.kind], strict=True):
            if math.isnan(getattr(self, limit)):
                object.__setattr__(self, limit, of_kind)
        for number in ("default", "low", "high", "minimum", "maximum"):  # who declares may write 1 for 1.0
            object.__setattr__(self, number, float(getattr(self, number)))

    @property
    def in_full(self) -> str:
        """Its label, and its meaning where that says more."""
        return self.meaning if self.label == self.meaning else f"{self.label}: {self.meaning}"

    @property
    def integer(self) -> bool:
        """Whether it is a whole number."""
        return self.kind == "count"


@dataclass(frozen=True)
class Family:
    """Parameters of one kind by role, channel or kind of tie: members by name, in the order of the axis.

    Kernels read a family as one array, as in S.turnover[role, s, r]. joint : what joins the family's name and the
    member's. symbol : as for a parameter.
    """

    members: Mapping[str, Parameter | Family]
    joint: str = "."
    symbol: str = ""


Declared = Mapping[str, Parameter | Family]


def members(name: str, declared: Parameter | Family) -> Iterator[tuple[str, Parameter]]:
    """The parameters of a declaration with their full names, in order."""
    if isinstance(declared, Parameter):
        yield name, declared
    else:
        for member, each in declared.members.items():
            yield from members(f"{name}{declared.joint}{member}", each)


def shape(declared: Parameter | Family) -> tuple[int, ...]:
    """Length of the axes of a family; none for a single parameter."""
    if isinstance(declared, Parameter):
        return ()
    return (len(declared.members), *shape(next(iter(declared.members.values()))))


@dataclass(frozen=True)
class Group:
    """Parameters that belong to no mechanism, under the title of the group they are listed in."""

    name: str
    parameters: Declared
