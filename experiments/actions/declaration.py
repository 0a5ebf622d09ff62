"""An action as data: what is done, what it changes in the model and by how much, what it costs, how long it takes.

A file is checked as a whole, as scenarios are: every problem at once, with key and nearest valid name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from valign.model.errors import InputError, explain, unknown
from valign.model.parameters import PARAMETERS
from valign.model.reading import TomlError, parse_toml, read_text, reason
from valign.model.scenario.validation import number_of

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).resolve().parent
MOST_POUNDS = 1e9
Per = Literal[
    "service and year",
    "staff member and year",
    "commissioner and year",
    "scheme and year",
    "scheme",
    "price of the model of care",
]
Text = Annotated[str, Field(strict=True, min_length=1)]
Number = Annotated[float, BeforeValidator(number_of)]
Pounds = Annotated[float, BeforeValidator(number_of), Field(ge=0, le=MOST_POUNDS)]
Months = Annotated[int, Field(strict=True, ge=0, le=600)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cost(_Part):
    """What an action costs at full intensity.

    low, likely, high : £, or, per "price of the model of care", times that price. per : what it is counted by. source :
    where the numbers come from, or "assumed". price_year : of the pounds.
    """

    low: Pounds
    likely: Pounds
    high: Pounds
    per: Per
    source: Text
    price_year: Annotated[int, Field(strict=True, ge=1990, le=2100)]

    @model_validator(mode="after")
    def _in_order(self) -> Cost:
        if not self.low <= self.likely <= self.high:
            raise ValueError(
                f"low {self.low:g}, likely {self.likely:g}, high {self.high:g}: expected them in rising order"
            )
        return self


class Effect(_Part):
    """A parameter that the action moves: `add` to it, `scale` it, or `set` it (in its unit).

    months : for how many months it is so (default: as the action says).
    """

    parameter: Text
    add: Number | None = None
    scale: Number | None = None
    set: Number | None = None
    months: Annotated[int, Field(strict=True, ge=1, le=600)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Effect:
        if sum(each is not None for each in (self.add, self.scale, self.set)) != 1:
            raise ValueError("an effect needs one of `add`, `scale` and `set`")
        return self

    def moved(self, before: float) -> float:
        """The parameter's new value, within what is possible for it."""
        after = (
            before + self.add if self.add is not None else before * self.scale if self.scale is not None else self.set
        )
        parameter = PARAMETERS[self.parameter]
        return min(max(float(after or 0.0), parameter.minimum), parameter.maximum)


class Intensity(_Part):
    """How much of an action. name : in a word. cost : as a share of the cost at full intensity. effects : what
    moves.
    """

    name: Text
    cost: Annotated[float, BeforeValidator(number_of), Field(gt=0, le=10)] = 1.0
    effects: Annotated[list[Effect], Field(min_length=1)]


class Action(_Part):
    """Something that people do.

    id : name of the file. name, says : in the words of those who do it. mechanism : why it should work, and what the
    model cannot show of it. evidence, grade : what the size of the effects rests on ("measured", "inferred" or
    "assumed").
    cost : see `Cost`. paid_by : "commissioner" or "national".
    months : for how long it is paid (0: to the end). to_effect : months from the start to the effect.
    after : whether the effect "stays" when that ends, or "ends" with it.
    reach : "services" where it can be done in some and not in others, else "everywhere".
    at : services of which kind can do it at the start: "any", "using" the innovation or "not using" it.
    excludes : ids of actions that cannot be done beside it. intensities : one to three steps.
    """

    id: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9-]*$")]
    name: Text
    says: Text
    mechanism: Text
    evidence: Text
    grade: Literal["measured", "inferred", "assumed"]
    cost: Cost
    paid_by: Literal["commissioner", "national"] = "commissioner"
    months: Months = 0
    to_effect: Months = 0
    after: Literal["stays", "ends"] = "ends"
    reach: Literal["services", "everywhere"] = "services"
    at: Literal["any", "using", "not using"] = "any"
    excludes: list[Text] = []
    intensities: Annotated[list[Intensity], Field(min_length=1, max_length=3)]

    @classmethod
    def from_toml(cls, text: str, where: str = "action", name: str = "") -> Action:
        """An action from TOML text; `where` names the file in messages, `name` is its id unless the text has one.

        Raises InputError listing all that is wrong.
        """
        try:
            raw = parse_toml(text)
        except TomlError as error:
            raise InputError([f"{where}: {error}"]) from None
        try:
            action = cls.model_validate({"id": name} | raw)
        except ValidationError as error:
            fields = {
                "": cls.model_fields,
                "cost": Cost.model_fields,
                "intensities": [*Intensity.model_fields, *Effect.model_fields],
            }
            problems = [explain(each, fields) for each in error.errors()]
        else:
            problems = list(_cross_check(action))
            if not problems:
                return action
        raise InputError([f"{where}: {problem}" for problem in dict.fromkeys(problems)])

    @classmethod
    def load(cls, path: str | Path) -> Action:
        """An action from a TOML file. Raises InputError listing all that is wrong."""
        path = Path(path)
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            raise InputError([f"{path}: cannot be read: {reason(error)}"]) from None
        return cls.from_toml(text, str(path), path.stem)


def _cross_check(action: Action) -> Iterator[str]:
    """What can only be seen when fields are held against each other and against the model."""
    names = [each.name for each in action.intensities]
    for name in dict.fromkeys(each for each in names if names.count(each) > 1):
        yield f"intensities: the name {name!r} appears more than once"
    if action.id in action.excludes:
        yield "excludes: an action cannot exclude itself"
    if action.reach == "everywhere" and action.at != "any":
        yield f"at = {action.at!r}: an action that reaches everywhere is not for some services alone"
    if action.reach == "everywhere" and action.cost.per in ("service and year", "price of the model of care"):
        yield f"cost.per = {action.cost.per!r}: an action that reaches everywhere is not paid by service"
    allowed = [name for name, parameter in PARAMETERS.items() if parameter.scope != "society"]
    for n, intensity in enumerate(action.intensities):
        for k, effect in enumerate(intensity.effects):
            where, name = f"intensities[{n}].effects[{k}]", effect.parameter
            if name not in allowed:
                shapes = f"{name} shapes the society and cannot change during a run"
                yield f"{where}.parameter: {shapes if name in PARAMETERS else unknown(name, allowed, 'parameter')}"
                continue
            parameter = PARAMETERS[name]
            if action.reach == "services" and parameter.scope != "organisation":
                yield f'{where}.parameter: {name} cannot differ between services; use reach = "everywhere"'
            if effect.set is not None and not parameter.minimum <= effect.set <= parameter.maximum:
                yield (
                    f"{where}.set = {effect.set:g}: expected a number from {parameter.minimum:g} to "
                    f"{parameter.maximum:g} ({parameter.unit})"
                )


def shipped_ids() -> list[str]:
    """Ids of the actions that ship, in order of the alphabet."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def actions_from(own: Iterable[str | Path] = ()) -> list[Action]:
    """The actions that ship, and those of one's own files (which take the place of one with the same id).

    Raises InputError for whatever is wrong with any of them.
    """
    found = {name: Action.load(FOLDER / f"{name}.toml") for name in shipped_ids()}
    problems: list[str] = []
    for path in own:
        try:
            action = Action.load(path)
        except InputError as error:
            problems += error.problems
        else:
            found[action.id] = action
    for action in found.values():
        problems += [
            f"{action.id}: excludes: {unknown(each, found, 'action')}" for each in action.excludes if each not in found
        ]
    if problems:
        raise InputError(problems)
    return list(found.values())


def excluded(chosen: Sequence[Action]) -> list[tuple[Action, Action]]:
    """Pairs of actions that cannot be done together."""
    return [
        (one, other)
        for n, one in enumerate(chosen)
        for other in chosen[n + 1 :]
        if other.id in one.excludes or one.id in other.excludes
    ]


def actions(own: Iterable[str | Path] = ()) -> pd.DataFrame:
    """What can be done: one row an action, with its cost, time to effect, intensities and how far its effect is known.

    own : files of one's own actions. Raises InputError for whatever is wrong with them.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for each in actions_from(own):
        plain = each.model_dump(exclude={"cost", "intensities"})
        cost = {"cost_low": each.cost.low, "cost": each.cost.likely, "cost_high": each.cost.high}
        more = {"per": each.cost.per, "source": each.cost.source, "price_year": each.cost.price_year}
        rows.append(plain | cost | more | {"intensities": ", ".join(step.name for step in each.intensities)})
    return pd.DataFrame(rows)
