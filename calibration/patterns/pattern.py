"""A pattern: a published fact, where it comes from, and how the model is asked the same question.

One file each in this folder. `value` and `error` are the fact's own; on the scale "log" the error is that of the
logarithm. `near` says whether it was seen in services of health or care; what was seen elsewhere (doctors of the
1950s, farmers, durable goods) is transported, and allowed to be further off. `data` names the study or data set: what
shares one shares its errors, and is left out together where the same data are used for something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from valign.model.errors import InputError, unknown
from valign.model.reading import TomlError, parse_toml
from valign.model.scenario.scenario import Scenario

FOLDER = Path(__file__).parent
# How far the best of all possible settings may be from a fact, in units of the fact's own error, stated before
# anything was matched.
NEAR, TRANSPORTED = 0.5, 1.0


class Question(BaseModel):
    """The scenario and settings in which the model is asked. other : settings of a second arm, on the same seeds.
    last : whether it is asked only where the other patterns leave a world (it takes long)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    scenario: str
    months: int = Field(ge=1)
    settings: dict[str, Any] = {}
    other: dict[str, Any] = {}
    last: bool = False

    @cached_property
    def arms(self) -> tuple[Scenario, ...]:
        """What is simulated."""
        first = Scenario.load(self.scenario).replace({**self.settings, "months": self.months})
        return (first, first.replace(self.other)) if self.other else (first,)

    @property
    def key(self) -> str:
        """Stands for the question: patterns with the same key are read from the same runs."""
        return self.model_dump_json()


class Pattern(BaseModel):
    """A published fact; the fields are those of its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    rank: int
    title: str
    value: float
    error: float = Field(gt=0)
    unit: str
    scale: Literal["linear", "log"] = "linear"
    bound: Literal["", "at most", "at least"] = ""
    near: bool
    where: str
    when: str = ""
    source: str
    grade: Literal["read in the source", "computed from open data", "from memory"]
    data: tuple[str, ...] = Field(min_length=1)
    estimator: str
    note: str = ""
    question: Question

    @property
    def target(self) -> float:
        """The value on the scale on which it is compared."""
        return float(np.log(self.value)) if self.scale == "log" else self.value

    @property
    def discrepancy(self) -> float:
        """How far the model itself may be off (standard deviation, on the scale of comparison)."""
        return (NEAR if self.near else TRANSPORTED) * self.error

    def natural(self, compared: np.ndarray | float) -> np.ndarray:
        """From the scale of comparison back to the unit of the fact."""
        return np.exp(compared) if self.scale == "log" else np.asarray(compared, float)

    def away(self, compared: np.ndarray) -> np.ndarray:
        """How far a simulated value [...] is from the fact; 0 on the right side of a bound."""
        away = compared - self.target
        if self.bound:
            away = np.maximum(away, 0.0) if self.bound == "at most" else np.minimum(away, 0.0)
        return away


def read(text: str, where: str) -> Pattern:
    """A pattern from TOML. Raises InputError, naming the file, for everything that is wrong with it."""
    from .estimators import known

    try:
        found = Pattern.model_validate(parse_toml(text))
    except TomlError as error:
        raise InputError([f"{where}: {error}"]) from None
    except ValidationError as error:
        raise InputError(
            [
                f"{where}: {'.'.join(map(str, each['loc']))}: {each['msg'][0].lower()}{each['msg'][1:]}"
                for each in error.errors()
            ]
        ) from None
    if found.scale == "log" and found.value <= 0:
        raise InputError([f'{where}: value = {found.value:g}: expected a number above 0 on the scale "log"'])
    if problem := known(found.estimator):
        raise InputError([f"{where}: estimator = {found.estimator!r}: {problem}"])
    try:
        found.question.arms  # noqa: B018 (says what is wrong with it)
    except InputError as error:
        raise InputError([f"{where}: {problem}" for problem in error.problems]) from None
    return found


@lru_cache(maxsize=2)
def patterns(folder: Path = FOLDER) -> tuple[Pattern, ...]:
    """All patterns of a folder, care first. Raises InputError for what is wrong with one."""
    found = [read(path.read_text("utf-8"), path.name) for path in sorted(folder.glob("*.toml"))]
    if twice := {each.name for each in found if [other.name for other in found].count(each.name) > 1}:
        raise InputError([f"{folder}: two patterns are called {min(twice)!r}"])
    return tuple(sorted(found, key=lambda each: each.rank))


def named(names: Sequence[str], among: Sequence[Pattern]) -> list[Pattern]:
    """Patterns by name. Raises InputError for a name that none has."""
    by_name = {each.name: each for each in among}
    if wrong := [name for name in names if name not in by_name]:
        raise InputError([unknown(wrong[0], by_name, "pattern")])
    return [by_name[name] for name in names]


def without(data: Sequence[str], among: Sequence[Pattern]) -> tuple[Pattern, ...]:
    """The patterns that use none of these data sets: no fact counts twice."""
    return tuple(each for each in among if not set(each.data) & set(data))


def errors(patterns: Sequence[Pattern], together: float = 0.5) -> np.ndarray:
    """Covariance of the facts' errors and discrepancies [patterns x patterns].

    together : correlation of the errors of patterns from the same data; of those that share some of theirs, in
    proportion.
    """
    variance = np.array([each.error**2 + each.discrepancy**2 for each in patterns])
    names = sorted({name for each in patterns for name in each.data})
    uses = np.array([[name in each.data for name in names] for each in patterns], float)
    uses /= np.sqrt(uses.sum(axis=1, keepdims=True))
    correlation = together * uses @ uses.T
    np.fill_diagonal(correlation, 1.0)
    return correlation * np.sqrt(np.outer(variance, variance))
