"""A claim as data: what is said, how it is tested, what the same test gives without the assumption.

A file is checked as a whole, as scenarios are: every problem at once, with key and nearest valid name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from valign.model.errors import InputError, explain, nearest, unknown
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import MECHANISMS, PARAMETERS
from valign.model.reading import TomlError, parse_toml, read_text, reason
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import parsed

from .measures import MEASURES, too_short

FOLDER = Path(__file__).resolve().parent
ARMS_OF = {"value": 1, "difference": 2, "log ratio": 2, "difference of differences": 4}
Kind = Literal["value", "difference", "log ratio", "difference of differences"]


def _plain(value: object) -> float | bool | str:
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError("expected a number, true, false or a word")
    return value


Setting = Annotated[Any, BeforeValidator(_plain)]
Settings = dict[str, Setting]
Text = Annotated[str, Field(strict=True, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimTest(_Part):
    """One test of a claim: arms under common random numbers, their contrast in one outcome, and the null.

    name : of the test, each once in a claim. outcome : a column of `Outcomes.runs`, or one of `measures.MEASURES`.
    arms : settings by arm, by dotted names as in `Scenario.replace`; an empty arm is the world as it is. A word that
        names a parameter, as the value of `changes.N.set`, stands for the world's value of that parameter.
    of : the arms of the contrast, in order: (a) value, (a, b) a - b or log(a / b), (a, b, c, d) (a - b) - (c - d).
    direction : "higher" or "lower", what the claim says of the contrast.
    smallest : smallest effect of interest, in the unit of the outcome (log units for a log ratio), above 0.
    reason : why that.
    null : settings that take the assumption away; the same test is then run again. null_outcome: another outcome for
        that (for claims about a pattern that noise alone could make).
    counts : whether the verdict rests on it, else it is only reported.
    """

    name: Text
    outcome: Text
    arms: dict[str, Settings]
    contrast: Kind
    of: list[Text]
    direction: Literal["higher", "lower"]
    smallest: Annotated[float, Field(gt=0)]
    reason: Text
    null: Settings
    null_outcome: Text | None = None
    counts: bool = True


class Claim(_Part):
    """A claim with its tests: it holds in a world where every test that counts does.

    id : letters, digits, - and _. title, statement : what is said. source : who says it. against : what would count
        against it.
    grade : whether an equation states it ("assumed"), in part ("partly"), or not ("emergent").
    mechanisms : that bring it about. scenario : of the worlds, with `sizes` (settings) to make it small.
    scenarios : in which the effect is shown as shipped (default: `scenario`).
    settings, changes : of all arms; `changes` are added to those of the scenario.
    tests : at least one that counts.
    """

    id: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
    title: Text
    statement: Text
    source: Text
    grade: Literal["assumed", "partly", "emergent"]
    mechanisms: list[Text]
    scenario: Text
    scenarios: list[Text] = []
    settings: Settings = {}
    sizes: Settings = {}
    changes: list[dict[str, Any]] = []
    tests: Annotated[list[ClaimTest], Field(min_length=1)]
    against: Text

    # --- reading -----------------------------------------------------------------------------------------------------
    @classmethod
    def load(cls, id_or_path: str | Path) -> Claim:
        """A shipped claim by id ("C7"), or a TOML file by path.

        Raises InputError listing all that is wrong with id_or_path or the file.
        """
        text = str(id_or_path)
        if re.fullmatch(r"[Cc]0*([1-9]\d*)", text) and (FOLDER / f"C{int(text[1:]):02d}.toml").is_file():
            path = FOLDER / f"C{int(text[1:]):02d}.toml"
            return cls.from_toml(path.read_text("utf-8"), path.name)
        path = Path(text)
        if "\0" in text or (path.suffix != ".toml" and not path.is_file()):
            raise InputError([f"{unknown(text, claim_ids(), 'claim')} (a path to a .toml file works too)"])
        try:
            content = read_text(path)
        except (OSError, ValueError) as error:
            raise InputError([f"{text}: cannot be read: {reason(error)}"]) from None
        return cls.from_toml(content, text)

    @classmethod
    def from_toml(cls, text: str, where: str = "claim") -> Claim:
        """A claim from TOML text; `where` names the file in messages. Raises InputError listing all that is wrong."""
        try:
            raw = parse_toml(text)
        except TomlError as error:
            raise InputError([f"{where}: {error}"]) from None
        try:
            claim = cls.model_validate(raw)
        except ValidationError as error:
            fields = {"": Claim.model_fields, "tests": ClaimTest.model_fields}
            problems = [explain(each, fields) for each in error.errors()]
            raise InputError([f"{where}: {problem}" for problem in dict.fromkeys(problems)]) from None
        if problems := list(_cross_check(claim)):
            raise InputError([f"{where}: {problem}" for problem in dict.fromkeys(problems)])
        return claim

    def moved_to(self, scenario: str) -> Claim:
        """The claim in another scenario (name or file), with the people that are there.

        Raises InputError where it cannot be tested there.
        """
        claim = self.model_copy(update={"scenario": scenario, "scenarios": [], "sizes": {}})
        if problems := list(_cross_check(claim)):
            raise InputError([f"{self.id} in {scenario}: {problem}" for problem in dict.fromkeys(problems)])
        return claim

    # --- what running asks -------------------------------------------------------------------------------------------
    def base(self, name: str | None = None) -> Scenario:
        """The scenario of the worlds (with `sizes`) or, by name, a shipped one, with the claim's settings and changes.

        Raises InputError for an unknown name.
        """
        scenario = Scenario.load(name or self.scenario)
        if self.changes:
            raw = scenario.to_mapping()
            raw["changes"] = [*raw.get("changes", []), *self.changes]
            scenario = Scenario.from_mapping(raw, scenario.name, scenario.folder)
        settings = {**self.settings, **(self.sizes if name is None else {})}
        return scenario.replace(settings) if settings else scenario

    def shipped(self) -> list[str]:
        """Scenarios in which the effect is shown as shipped."""
        return self.scenarios or [self.scenario]

    @property
    def counting(self) -> list[ClaimTest]:
        """The tests that the verdict rests on."""
        return [test for test in self.tests if test.counts]


def claim_ids() -> list[str]:
    """Ids of the claims that ship, in order."""
    return [f"C{int(path.stem[1:])}" for path in sorted(FOLDER.glob("C[0-9][0-9].toml"))]


def sets_a_change(key: str) -> bool:
    """Whether a key is the new value of a change, which may be the name of a parameter too."""
    at = parsed(key)
    return at.section == "changes" and at.field == "set"


def _cross_check(claim: Claim) -> Iterator[str]:
    """What can only be seen when fields are held against each other and against the model."""
    for name in claim.mechanisms:
        if name not in MECHANISMS:
            yield f"mechanisms: {unknown(name, MECHANISMS, 'mechanism')}"
    bases: list[Scenario] = []
    said: set[str] = set()  # of a scenario that is both that of the worlds and among those shown: once
    for name in [None, *claim.shipped()]:
        try:
            bases.append(claim.base(name))
        except InputError as error:
            yield from (f"{name or 'scenario'}: {problem}" for problem in error.problems if problem not in said)
            said.update(error.problems)
    for n, test in enumerate(claim.tests):
        yield from _check_test(test, f"tests[{n}]", bases)
    if not claim.counting:
        yield "tests: none of them counts"
    for name in dict.fromkeys(t.name for t in claim.tests if [u.name for u in claim.tests].count(t.name) > 1):
        yield f"tests: the name {name!r} appears more than once"


def _check_test(test: ClaimTest, where: str, bases: list[Scenario]) -> Iterator[str]:
    outcomes = [*OUTCOMES, *MEASURES]
    for field in ("outcome", "null_outcome"):
        name = getattr(test, field)
        if name is not None and name not in outcomes:
            yield f"{where}.{field}: {_near(name, outcomes, 'outcome')}"
    if len(test.of) != ARMS_OF[test.contrast]:
        yield f"{where}.of: a {test.contrast} takes {ARMS_OF[test.contrast]} arms; {len(test.of)} were given"
    for name in test.of:
        if name not in test.arms:
            yield f"{where}.of: {_near(name, list(test.arms), 'arm of this test')}"
    for name in test.arms:
        if name not in test.of:
            yield f"{where}.arms.{name}: is not used in `of`"
    if len({str(sorted(arm.items())) for arm in test.arms.values()}) < len(test.arms):
        yield f"{where}.arms: two arms have the same settings"
    for part, settings in [*((f"arms.{name}", arm) for name, arm in test.arms.items()), ("null", test.null)]:
        outcome = (test.null_outcome if part == "null" else None) or test.outcome
        for base in bases:
            plain: dict[str, Any] = {}
            problems: list[str] = []
            for key, value in settings.items():
                if isinstance(value, str) and sets_a_change(key):
                    if key not in base.settable():
                        problems.append(unknown(key, base.settable(), "key"))
                    if value not in PARAMETERS:
                        problems.append(unknown(value, PARAMETERS, "parameter"))
                else:
                    plain[key] = value
            try:
                problems += too_short(base.replace(plain), outcome)
            except InputError as error:
                problems += error.problems
            yield from (f"{where}.{part}: {problem}" for problem in problems)


def _near(name: str, allowed: list[str], what: str) -> str:
    close = nearest(name, allowed)
    return f"{name!r} is not an {what}; " + (f"did you mean {close!r}?" if close else f"allowed: {', '.join(allowed)}")
