"""A planned study: what PLAN.toml may say. Every list is a choice, and every combination of choices is a design."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from valign.model.errors import InputError, explain
from valign.model.reading import TomlError, parse_toml, read_text, reason

MOST_DESIGNS, MOST_PEOPLE = 60, 20_000
Count = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class Part(BaseModel):
    """A section of a plan: keys that are not declared are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Designs(Part):
    """What can be chosen, each as one value or a list.

    services : that take part. people : asked in each. months : of follow-up. waves : how often people are asked whether
    they have taken it up (the month is known only to the wave). ties : whether they are asked whom they look to.
    answer : share of people who answer (0-1).
    """

    services: tuple[Annotated[int, Field(ge=2, le=2000)], ...]
    people: tuple[Annotated[int, Field(ge=2, le=5000)], ...] = (20,)
    months: tuple[Annotated[int, Field(ge=2, le=240)], ...] = (24,)
    waves: tuple[Annotated[int, Field(ge=2)], ...] = (6,)
    ties: tuple[bool, ...] = (True,)
    answer: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1.0,)

    @field_validator("*", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return value if isinstance(value, (list, tuple)) else (value,)  # pyright: ignore[reportUnknownVariableType]


class Effects(Part):
    """Ranges within which effects are held possible, in the units of the parameters."""

    base_staff: Range = (-4.5, -2.5)
    fit_effect: Range = (0.31, 0.52)
    peer_effect: Range = (0.2, 0.6)
    norm_effect: Range = (0.5, 2.0)
    awareness_in_service: Range = (0.1, 0.5)


class Cost(Part):
    """What a study costs, in any unit: of a service, of a person, and of a person asked once more."""

    service: float = Field(default=0.0, ge=0)
    person: float = Field(default=0.0, ge=0)
    interview: float = Field(default=1.0, ge=0)


class Plan(Part):
    """A plan as read: title, designs, effects, costs, how people are, and what counts as enough.

    ties : people whom each looks to, on average, in their own service. value_sd : of what people value (0-1 scale),
    innovation : what the innovation embodies of it. enough : chance of naming the right explanation that is aimed at.
    """

    title: str = "A planned study"
    designs: Designs
    effects: Effects = Effects()
    cost: Cost = Cost()
    ties: Annotated[float, Field(gt=0, le=30)] = 4.0
    value_mean: Annotated[float, Field(ge=0, le=1)] = 0.55
    value_sd: Annotated[float, Field(gt=0, le=0.5)] = 0.175
    innovation: Annotated[float, Field(ge=0, le=1)] = 0.9
    enough: Annotated[float, Field(gt=0.2, lt=1)] = 0.8


def read_plan(file: str | Path | Mapping[str, Any]) -> Plan:
    """A plan from a TOML file (or what it would hold). Raises InputError with everything that is wrong."""
    where = "plan" if isinstance(file, Mapping) else str(file)
    given: Mapping[str, Any] = {}
    if isinstance(file, Mapping):
        given = file
    else:
        try:
            given = parse_toml(read_text(file))
        except TomlError as error:
            raise InputError([f"{where}: {error}"]) from None
        except (OSError, ValueError) as error:
            raise InputError([f"{where}: cannot be read: {reason(error)}"]) from None
    try:
        plan = Plan.model_validate(given)
    except ValidationError as error:
        parts = {"": Plan, "designs": Designs, "effects": Effects, "cost": Cost}
        fields = {name: list(part.model_fields) for name, part in parts.items()}
        raise InputError([f"{where}: {explain(each, fields)}" for each in error.errors()]) from None
    if problems := _problems(plan):
        raise InputError([f"{where}: {each}" for each in problems])
    return plan


def _problems(plan: Plan) -> list[str]:
    table = designs_of(plan)
    problems = [
        f"effects.{name} = [{low:g}, {high:g}]: expected a lower and a higher number"
        for name, (low, high) in plan.effects
        if not low < high
    ]
    if len(table) > MOST_DESIGNS:
        problems.append(f"designs: {len(table):,} combinations: at most {MOST_DESIGNS} are compared at once")
    if (size := int((table["services"] * table["people"]).max())) > MOST_PEOPLE:
        problems.append(f"designs: the largest has {size:,} people: at most {MOST_PEOPLE:,} can be simulated so often")
    if (table["waves"] > table["months"]).any():
        problems.append("designs.waves: more waves than months of follow-up")
    return problems


def designs_of(plan: Plan) -> pd.DataFrame:
    """One row per design: services, people (of a service), months, waves, ties, answer, total (people), cost."""
    names = list(Designs.model_fields)
    table = pd.DataFrame(product(*(getattr(plan.designs, name) for name in names)), columns=names)
    table["total"] = table["services"] * table["people"]
    asked = table["total"] * (plan.cost.person + plan.cost.interview * table["waves"])
    return table.assign(cost=plan.cost.service * table["services"] + asked)
