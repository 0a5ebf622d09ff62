"""The words of the model as plain values: what travels with every folder of results (`vocabulary.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .outcome import Outcome
from .outcomes import AGENT_SERIES, COMMISSIONER_SERIES, OUTCOMES, PEOPLE_SERIES, ROLE_LABELS, SERVICE_SERIES
from .parameters import PARAMETERS, RECORDS


def vocabulary() -> dict[str, Any]:
    """Labels, meanings, units and bounds of outcomes, series, people's columns and parameters; names of mechanisms."""
    return {
        "outcomes": _words(OUTCOMES),
        "series": _words({**PEOPLE_SERIES, **COMMISSIONER_SERIES, **SERVICE_SERIES}),
        "people": _words(AGENT_SERIES),
        "roles": ROLE_LABELS,
        "parameters": parameter_words(),
        "mechanisms": mechanism_labels(),
    }


def parameter_words() -> dict[str, dict[str, Any]]:
    """Words of every parameter, by name; low, high: what a scenario may not leave."""
    return {
        name: {"label": p.label, "meaning": p.meaning, "unit": p.unit, "low": p.minimum, "high": p.maximum}
        for name, p in PARAMETERS.items()
    }


def mechanism_labels() -> dict[str, str]:
    """What mechanisms are called, by name."""
    return {name: label for record in RECORDS for name, label in record.switches.items()}


def _words(declared: Mapping[str, Outcome]) -> dict[str, dict[str, Any]]:
    words = {name: asdict(each) for name, each in declared.items()}
    for each in words.values():
        del each["name"]
    return words
