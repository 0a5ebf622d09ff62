"""What a design says, checked: seeds as whole numbers, settings as numbers within their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import declared, parsed
from valign.results.marks import mark_of, refusal

from .design import MAX_SEED, NO_SETTINGS, SCENARIO, SEEDS, WORLD

SHOWN = 5


def varies_in_block(key: str) -> bool:
    """Whether a key may differ between runs that share a block (else rows with different values run apart)."""
    return parsed(key).varies_in_block


def _limits(scenario: Scenario, key: str) -> tuple[float, float, bool]:
    """Lowest and highest value of a column that varies in a block, and whether it must be whole."""
    at, parameter = parsed(key), declared(key)
    if at.section == "changes":
        if at.field == "month":
            return 0, scenario.months, True  # 0: never
        parameter = PARAMETERS.get(str(scenario.changes[int(at.of)].parameter)) if at.field == "set" else None
        if parameter is None:
            return -1e9, 1e9, False
    if parameter is not None:
        return parameter.minimum, parameter.maximum, parameter.integer
    return 0.0, 1e9 if (at.section, at.of) == ("innovation", "emphasis") else 1.0, False


def check_design(scenario: Scenario | Mapping[str, Scenario], design: pd.DataFrame) -> pd.DataFrame:
    """The design with seeds as integers and numbers as numbers; `scenario` is what its columns change.

    scenario : one, or several by name, of which the column `scenario` of the design names one in each row.

    Raises InputError naming row (from 0) and column of everything that is wrong.
    """
    problems: list[str] = []
    if not isinstance(design, pd.DataFrame) or not len(design):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(["the design has no rows"])
    design = design.reset_index(drop=True)
    if twice := [str(name) for name in design.columns[design.columns.duplicated()]]:
        raise InputError([f"the column {twice[0]!r} appears more than once in the design"])
    if isinstance(scenario, Scenario):
        design = _checked(scenario, design, problems)
    else:
        parts = [
            _checked(scenario[name], part.drop(columns=SCENARIO), problems).assign(**{SCENARIO: name})
            for name, part in _by_scenario(scenario, design)
        ]
        design = pd.concat(parts).sort_index()[list(design)]
    if "seed" not in design:
        problems.append("the design has no column 'seed' (`replicate`, or --replicates, makes seeds)")
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    if "society_seed" not in design:
        design["society_seed"] = design["seed"]
    return design


def _by_scenario(scenarios: Mapping[str, Scenario], design: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows of the design by the scenario that they change."""
    if SCENARIO not in design:
        raise InputError(
            [f"the design has no column {SCENARIO!r}, which says what a row changes: {', '.join(scenarios)}"]
        )
    wrong = ~design[SCENARIO].isin(list(scenarios))
    if wrong.any():
        given = str(design.loc[wrong, SCENARIO].iloc[0])
        raise InputError([_rows(design.index[wrong], SCENARIO, unknown(given, scenarios, "scenario of the design"))])
    return [(str(name), part) for name, part in design.groupby(SCENARIO, sort=False)]


def _checked(scenario: Scenario, design: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Rows that change one scenario, seeds as integers and numbers as numbers; what is wrong goes to `problems`."""
    problems += refusal(mark_of(design), scenario.name, scenario.description)
    before = len(problems)
    columns: dict[str, Any] = {}  # one table of all columns: setting them one by one is slow where there are many
    allowed = [key for key in scenario.settable() if not _unused(scenario, key)]
    for name in map(str, design):
        if name in SEEDS:
            columns[name] = _seeds(design[name], problems)
        elif name in NO_SETTINGS:
            columns[name] = _labels(design[name], problems)
        elif name not in allowed:
            problems.append(f"column {unknown(name, [*allowed, *SEEDS], 'key of the scenario')}")
        elif varies_in_block(name):
            columns[name] = _numbers(scenario, design[name], problems)
        elif design[name].isna().any():
            problems.append(_rows(design.index[design[name].isna()], name, "is missing"))
    mark = design.attrs
    design = pd.DataFrame({name: columns.get(str(name), design[name]) for name in design}, index=design.index)
    design.attrs = mark
    if len(problems) == before and {"service_share", "team_share"} & set(design):
        shares = np.zeros(len(design))
        for name in ("service_share", "team_share"):
            shares += design[name].to_numpy() if name in design else float(scenario.value(name))
        if (shares > 1).any():
            problems.append(_rows(design.index[shares > 1], "service_share", "with team_share exceeds 1"))
    return design


def _unused(scenario: Scenario, key: str) -> bool:
    """`set` of a change that scales, `scale` of one that sets."""
    at = parsed(key)
    return at.section == "changes" and at.field != "month" and scenario.read(key) is None


def _rows(rows: pd.Index, column: str, problem: str) -> str:
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:SHOWN]))}{more}, column {column!r}: {problem}"


def _seeds(column: pd.Series, problems: list[str]) -> pd.Series:
    if column.dtype.kind == "i" and column.min() >= 0:
        return column.astype(np.int64)
    whole = np.array(
        [isinstance(v, (int, np.integer)) and not isinstance(v, bool) and 0 <= v <= MAX_SEED for v in column.tolist()],
        bool,
    )
    if not whole.all():
        first = column.tolist()[int(np.flatnonzero(~whole)[0])]
        problems.append(
            _rows(column.index[~whole], str(column.name), f"{first!r}: expected a whole number from 0 to {MAX_SEED}")
        )
        return column
    return column.astype(np.int64)


def _labels(column: pd.Series, problems: list[str]) -> pd.Series:
    """Numbers of worlds and their weights: finite, from 0."""
    values = pd.to_numeric(column, errors="coerce")
    wrong = ~(np.isfinite(values.to_numpy(float)) & (values.to_numpy(float) >= 0))
    if wrong.any():
        problems.append(_rows(column.index[wrong], str(column.name), "expected a number from 0"))
        return column
    return values.astype(np.int64) if column.name == WORLD else values.astype(float)


def _numbers(scenario: Scenario, column: pd.Series, problems: list[str]) -> pd.Series:
    name = str(column.name)
    if column.dtype.kind in "fiu" and name != "alignment_level":  # a column of numbers needs no look at every cell
        values, booleans = column.astype(float), np.zeros(len(column), bool)
        return _within(scenario, column, values, pd.Series(False, column.index), booleans, problems)
    natural = column.isin(["natural"]) | column.isna() if name == "alignment_level" else pd.Series(False, column.index)
    values = pd.to_numeric(column.mask(natural), errors="coerce").astype(float)
    booleans = column.map(lambda v: isinstance(v, (bool, np.bool_))).to_numpy(bool)
    return _within(scenario, column, values, natural, booleans, problems)


def _within(
    scenario: Scenario,
    column: pd.Series,
    values: pd.Series,
    natural: pd.Series,
    booleans: np.ndarray,
    problems: list[str],
) -> pd.Series:
    name = str(column.name)
    wrong = (~np.isfinite(values.to_numpy()) & ~natural.to_numpy()) | booleans
    if wrong.any():
        given = column.tolist()[int(np.flatnonzero(wrong)[0])]
        problems.append(_rows(column.index[wrong], name, f"{given!r}: expected a finite number"))
    low, high, whole = _limits(scenario, name)
    out = ((values < low) | (values > high)).to_numpy()
    if out.any():
        problems.append(
            _rows(
                column.index[out],
                name,
                f"{values.iloc[np.flatnonzero(out)[0]]:g}: expected a number from {low:g} to {high:g}",
            )
        )
    if whole and (fraction := (values % 1 != 0).to_numpy() & ~wrong).any():
        problems.append(
            _rows(
                column.index[fraction], name, f"{values.iloc[np.flatnonzero(fraction)[0]]:g}: expected a whole number"
            )
        )
    return values
