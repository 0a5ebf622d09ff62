"""The declared parameters as a table: DataFrame, Markdown (docs/PARAMETERS.md), CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from valign.model.parameters import PARAMETERS, Parameter
from valign.results.plain_text import cell

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: tuple[str, ...] = (
    "name",
    "default",
    "low",
    "high",
    "distribution",
    "unit",
    "meaning",
    "source",
    "grade",
    "mechanism",
    "scope",
    "minimum",
    "maximum",
    "integer",
)
SCOPES = {
    "run": "one value for a run",
    "organisation": "may differ between groups of services",
    "society": "shapes people and ties: a change gives another society",
}


def rows(declared: Iterable[Parameter] | None = None) -> list[dict[str, Any]]:
    """One dictionary a parameter, in the order of declaration."""
    whole = PARAMETERS.values() if declared is None else declared
    return [{column: getattr(parameter, column) for column in COLUMNS} for parameter in whole]


def parameters() -> pd.DataFrame:
    """Every parameter of the model: default, plausible range, unit, meaning, source, grade.

    Returns
    -------
    DataFrame with one row per parameter; `low` and `high` bound the plausible range (`distribution` over it),
    `minimum` and `maximum` are limits that a scenario may not leave. `grade` is measured, inferred or assumed.
    """
    import pandas as pd

    return pd.DataFrame(rows(), columns=list(COLUMNS))


def as_csv(declared: Iterable[Parameter]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(declared):
        writer.writerow({name: cell(value) if isinstance(value, str) else value for name, value in row.items()})
    return text.getvalue()


def as_json(declared: Iterable[Parameter]) -> str:
    def finite(value: Any) -> Any:
        return None if isinstance(value, float) and math.isinf(value) else value

    return (
        json.dumps(
            [{key: finite(value) for key, value in row.items()} for row in rows(declared)], indent=1, ensure_ascii=False
        )
        + "\n"
    )


def as_markdown(declared: Iterable[Parameter]) -> str:
    """The parameters by mechanism, as docs/PARAMETERS.md shows them."""
    lines = [
        "# Parameters",
        "",
        "Made by `valign parameters --format md`; declared beside the mechanisms in `model/`.",
        "",
        "*Range* is what the evidence makes plausible (uniform unless said otherwise); it bounds sensitivity "
        "analyses and priors. *Grade*: measured (in data), inferred (from studies of something near), assumed (chosen; "
        "sweep it). "
        "*Scope*: " + "; ".join(f"{name} = {meaning}" for name, meaning in SCOPES.items()) + ".",
    ]
    ordered = sorted(
        declared, key=lambda each: list(dict.fromkeys(p.mechanism for p in PARAMETERS.values())).index(each.mechanism)
    )
    for mechanism, section in groupby(ordered, key=lambda each: each.mechanism):
        lines += [
            "",
            f"## {mechanism}",
            "",
            "| name | default | range | unit | meaning | scope | grade | source |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for p in section:
            shape = "" if p.distribution == "uniform" else f" ({p.distribution})"
            lines.append(
                f"| `{p.name}` | {p.default:g} | {p.low:g} … {p.high:g}{shape} | {p.unit} | {p.in_full} | "
                f"{p.scope} | {p.grade} | {p.source} |"
            )
    return "\n".join(lines) + "\n"


FORMATS = {"md": as_markdown, "csv": as_csv, "json": as_json}
