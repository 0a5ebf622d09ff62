"""What a table says of itself wherever it goes: a mark in its Parquet file, a posterior's unit of time for one.

A mark is a mapping in `table.attrs["valign"]`; it stays with the table as it is sliced and filtered.
"""

from __future__ import annotations

import json
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


def refusal(mark: Mapping[str, Any], scenario: str) -> list[str]:
    """Why a posterior cannot be used with a scenario: its rates are per another unit of time."""
    unit = mark.get("time_unit", STEP)
    if unit == STEP or mark.get("scenario") == scenario:
        return []
    return [
        f"the posterior was fitted to {mark.get('data', 'data')} in steps of a {unit}, and {scenario!r} runs in steps "
        f"of a {STEP}: a chance per {unit} is not a chance per {STEP}, so it can only be used with the scenario it was "
        "fitted with (scenario.toml beside it)"
    ]
