"""What a table says of itself wherever it goes: a mark in its Parquet file, a posterior's unit of time for one.

A mark is a mapping in `table.attrs["valign"]`; it stays with the table as it is sliced and filtered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MARK = "valign"
STEP = "month"  # what a step of the model is, unless data say otherwise


def as_metadata(table: pd.DataFrame) -> dict[str, str] | None:
    """The mark of a table as metadata of Parquet."""
    return {MARK: json.dumps(table.attrs[MARK])} if MARK in table.attrs else None


def marked(table: pd.DataFrame, metadata: Mapping[bytes, bytes] | None) -> pd.DataFrame:
    """The table with the mark that its metadata hold."""
    if metadata and MARK.encode() in metadata:
        table.attrs[MARK] = json.loads(metadata[MARK.encode()])
    return table


def mark_of(table: pd.DataFrame) -> dict[str, Any]:
    """The mark of a table; empty where it has none."""
    return dict(table.attrs.get(MARK, {}))


def step_told(unit: str) -> str:
    """The sentence by which a description says what a step is."""
    return f"A step is {'an' if unit[:1] in 'aeiou' else 'a'} {unit}."


def step_of(description: str) -> str | None:
    """What a step is according to a scenario's description; None where it does not say."""
    said = re.search(r"\bA step is an? ([^.]+)\.", description)
    return None if said is None else said[1].strip()


def refusal(mark: Mapping[str, Any], scenario: str, description: str = "") -> list[str]:
    """Why a posterior cannot be used with a scenario: its rates are per another unit of time.

    A scenario is in months unless its description says otherwise; one that says nothing may be what the posterior was
    fitted with, by its name.
    """
    if not mark:
        return []
    unit, step = mark.get("time_unit", STEP), step_of(description)
    if unit == (step or STEP) or (step is None and mark.get("scenario") == scenario):
        return []
    return [
        f"the posterior was fitted to {mark.get('data', 'data')} in steps of a {unit}, and {scenario!r} runs in steps "
        f"of a {step or STEP}: a chance per {unit} is not a chance per {step or STEP}, so it can only be used with the "
        "scenario it was fitted with (scenario.toml beside it)"
    ]
