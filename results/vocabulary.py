"""The words of tables: what columns are called in front of people, what they mean, and how their numbers are written.

They are declared in the model and travel with the tables, as `vocabulary.json` in every folder of results; nothing here
knows an outcome by name. Words of analyses that figures and texts share stand below.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any

from .numbers import by_kind

FILE = "vocabulary.json"
FORMAT = 1


@dataclass(frozen=True)
class Words:
    """What a column is called (`text`) and means.

    kind : share, month, thousands, alignment or number. low, high : bounds. never : NaN = it did not happen.
    headline : whether reports lead with it.
    """

    text: str
    meaning: str = ""
    unit: str = ""
    kind: str = "number"
    low: float | None = None
    high: float | None = None
    never: bool = False
    headline: bool = False

    def write(self, value: float) -> str:
        """The number as people read it; "-" where there is none, "never" for what did not happen."""
        return by_kind(value, self.kind)


_WORDS = {each.name for each in fields(Words)}


@dataclass(frozen=True)
class Vocabulary:
    """Words by name: of outcomes of a run, variables of monthly series, people's columns, roles, parameters and
    mechanisms. raw : as plain values, which `vocabulary.json` holds.
    """

    outcomes: Mapping[str, Words] = field(default_factory=dict[str, Words])
    series: Mapping[str, Words] = field(default_factory=dict[str, Words])
    people: Mapping[str, Words] = field(default_factory=dict[str, Words])
    parameters: Mapping[str, Words] = field(default_factory=dict[str, Words])
    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    mechanisms: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Vocabulary:
        """From plain values; what a later version may have added is left aside."""

        def words(section: str) -> dict[str, Words]:
            return {
                str(name): Words(each["label"], **{key: value for key, value in each.items() if key in _WORDS})
                for name, each in raw.get(section, {}).items()
            }

        sections = {name: words(name) for name in ("outcomes", "series", "people", "parameters")}
        return cls(**sections, roles=dict(raw.get("roles", {})), mechanisms=dict(raw.get("mechanisms", {})), raw=raw)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """From what `to_json` wrote. Raises ValueError where it is damaged or of another format."""
        try:
            raw = json.loads(text)
            if raw["format"] != FORMAT:
                raise ValueError(f"it has format {raw['format']!r}; this version of valign reads format {FORMAT}")
            return cls.of(raw)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it is damaged ({type(error).__name__}: {error})") from None

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **self.raw}, indent=1, ensure_ascii=False) + "\n"


# --- the words in use ------------------------------------------------------------------------------------------------
_default = Vocabulary()
_own: ContextVar[Vocabulary | None] = ContextVar("vocabulary", default=None)


def speak(vocabulary: Vocabulary) -> None:
    """Use these words for tables that bring none of their own: those in memory, of the model that is at hand."""
    global _default
    _default = vocabulary


@contextmanager
def speaking(vocabulary: Vocabulary) -> Generator[None]:
    """Use these words meanwhile: those that came with the tables of a folder."""
    before = _own.set(vocabulary)
    try:
        yield
    finally:
        _own.reset(before)


def spoken() -> Vocabulary:
    """The words in use."""
    return _own.get() or _default


def label(outcome: str) -> Words:
    """Words of an outcome of a run; of one that has none, its name."""
    return spoken().outcomes.get(outcome) or Words(outcome.replace("_", " "))


def headlines() -> list[str]:
    """The outcomes that reports lead with."""
    return [name for name, words in spoken().outcomes.items() if words.headline]


def series_label(variable: str) -> str:
    """What a variable of the monthly series is called."""
    found = spoken().series.get(variable)
    return found.text if found else variable.replace("_", " ")


def capital(text: str) -> str:
    """A text that begins a sentence."""
    return text[:1].upper() + text[1:]


def listed(parts: Sequence[str]) -> str:
    """As in a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def role_label(role: str) -> str:
    return spoken().roles.get(role, role)


def mechanism_label(mechanism: str) -> str:
    return spoken().mechanisms.get(mechanism, mechanism)


def setting_label(name: str) -> str:
    """What a parameter, or a factor of a design, is called; of one that has no words, its name."""
    words = spoken().parameters.get(name)
    return words.text if words else FACTORS.get(name) or spoken().mechanisms.get(name) or name.replace("_", " ")


def variant_label(name: str) -> str:
    """What a scenario is called, as in "two-services, strength of leadership .7" for one with settings of its own."""
    parts = [each.partition("=") for each in name.split("+")]
    return ", ".join(f"{setting_label(key)} {value}" if sign else key for key, sign, value in parts)


def case_label(by: str | None, value: object) -> str:
    """What one of several cases is called: a level of alignment, or a scenario."""
    return f"alignment {value:.2f}" if by == "alignment_level" else variant_label(str(value))


# --- words of analyses -----------------------------------------------------------------------------------------------
SERVICE_STAGES = ("sustained", "commissioned", "piloting", "abandoned", "outside")  # as figures stack them
EVIDENCE = ("weight_financial", "weight_economic", "weight_social")
FACTORS = {"dummy": "a dummy without effect", "seed": "chance", "society": "people and ties"}
EXTRA = tuple(FACTORS)  # factors of a design that are no assumptions of the model
INDEX_NAMES = {
    "ST": "total index",
    "S1": "first-order index",
    "mu_star": "mean absolute effect",
    "median": "PAWN index",
    "delta": "delta index",
    "dgsm": "derivative-based index",
    "shapley": "Shapley share",
}
WORDS = {
    "Alignment": "How well the values that the innovation stands for fit the values that a person holds: 1 is a "
    "perfect fit, 0 the opposite on everything.",
    "Engaged": "Works with the innovation in daily practice. People are staff, managers and peer advocates (people "
    "with lived experience who work in the service).",
    "Run": "The same situation lived through once in the model. Other runs differ by chance only.",
    "Services using it": "Services in which the innovation is piloted, commissioned, or goes on without funding.",
    "Uptake and spread": "Uptake: the share of people engaged. Spread: the share of services using it.",
    "95 % interval": "Where the average lies with 95 % confidence. It says nothing of errors in the model itself.",
    "Band, 5 to 95 % of runs": "What nine runs in ten stay within: how different single places may turn out.",
    "Higher in": "In how many pairs of runs with the same chances the outcome is higher; equal pairs do not count.",
    "Points": "Percentage points: from 20 % to 30 % are 10 points.",
}
