"""A survey and a network as tables of text: columns, codes, values; everything wrong is collected, not raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, unknown
from ..parameters import ROLES
from ..reading import MOST_TABLE, TomlError, parse_toml, read_csv, read_text, reason
from .ties import KINDS

if TYPE_CHECKING:
    from ..scenario.scenario import Scenario

NODES = ("id", "organisation", "role", "team", "manager", "commissioner", "stage")
EDGES = ("from", "to", "kind")
TABLES = ("roles", "organisations", "groups", "values", "edges", "kinds")
SECTIONS = (*NODES, "missing", *TABLES)
MISSING = ("", "NA", "N/A", "NaN", "nan", "<NA>", "None", ".")
SHOWN = 5  # rows named in a problem


def stop(problems: list[str]) -> None:
    """Raise InputError if there are problems."""
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def read_codebook(
    given: str | Path | Mapping[str, Any] | None, scenario: Scenario, problems: list[str]
) -> dict[str, Any]:
    """The codebook with all its tables, wrong entries reported and left out."""
    where = "codebook" if given is None or isinstance(given, Mapping) else str(given)
    book: dict[str, Any] = {}
    if isinstance(given, Mapping):
        book = dict(given)
    elif given is not None:
        try:
            book = parse_toml(read_text(given))
        except TomlError as error:
            problems.append(f"{where}: {error}")
        except (OSError, ValueError) as error:
            problems.append(f"{where}: cannot be read: {reason(error)}")
    allowed = {"values": scenario.dimensions, "edges": (*EDGES, "dangling")}
    for name in [*book]:
        table = name in TABLES
        if name not in SECTIONS:
            problems.append(f"{where}: {unknown(name, SECTIONS, 'key')}")
        elif not isinstance(book[name], Mapping if table else list if name == "missing" else str):
            wanted = "a table" if table else "a list" if name == "missing" else "text in quotes"
            problems.append(f"{where}: {name} = {book[name]!r}: expected {wanted}")
            del book[name]
        elif table:
            book[name] = {str(key): value for key, value in book[name].items()}
            for key in [each for each in book[name] if name in allowed and each not in allowed[name]]:
                what = "dimension" if name == "values" else "key"
                problems.append(f"{where}: {name}: {unknown(key, allowed[name], what)}")
                del book[name][key]
    for section, names in (("roles", ROLES), ("kinds", KINDS), ("groups", scenario.group_names)):
        for value in book.get(section, {}).values():
            if not isinstance(value, str) or value not in names:
                problems.append(f"{where}: {section}: {unknown(value, names, section[:-1])}")
    for name in TABLES:
        book.setdefault(name, {})
    for code in [each for each, name in book["organisations"].items() if not isinstance(name, str)]:
        problems.append(f"{where}: organisations.{code} = {book['organisations'].pop(code)!r}: expected text in quotes")
    for key in [each for each in EDGES if not isinstance(book["edges"].get(each, ""), str)]:
        problems.append(f"{where}: edges.{key} = {book['edges'].pop(key)!r}: expected text in quotes")
    if book["edges"].get("dangling", "drop") != "drop":
        problems.append(f'{where}: edges.dangling = {book["edges"]["dangling"]!r}: expected "drop" (or leave it out)')
    for dimension, entry in [*book["values"].items()]:
        if wrong := [f"{where}: values.{dimension}: {problem}" for problem in _wrong_scale(entry)]:
            problems += wrong
            del book["values"][dimension]
    return book


def _wrong_scale(entry: Any) -> Iterable[str]:
    """What is wrong with an entry of the codebook's values."""
    if isinstance(entry, str):
        return
    if not isinstance(entry, Mapping):
        yield f"{entry!r}: expected the name of a column, or a table"
        return
    for key in [each for each in entry if each not in ("column", "low", "high", "codes")]:
        yield unknown(key, ("column", "low", "high", "codes"), "key")
    if not isinstance(entry.get("column", ""), str):
        yield f"column = {entry['column']!r}: expected text in quotes"
    codes = entry.get("codes", {})
    if not isinstance(codes, Mapping) or not all(_is_number(each) and 0 <= each <= 1 for each in codes.values()):
        yield "codes: expected a table from codes to numbers in [0, 1]"
    if ("low" in entry) != ("high" in entry) or ("codes" in entry and "low" in entry):
        yield "give either `codes`, or `low` and `high` together, or none of them"
    elif "low" in entry and not (
        _is_number(entry["low"]) and _is_number(entry["high"]) and entry["low"] != entry["high"]
    ):
        yield "low and high should be two different numbers"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e300 < value < 1e300


class Table:
    """A table as text, with its name and row numbers for messages."""

    def __init__(self, given: Any, what: str, missing: set[str], problems: list[str]) -> None:
        import pandas as pd

        self.missing, self.problems, self.used = missing, problems, set()
        self.name, self.row, self.offset = what, "row", 0
        self.frame, self.usable = pd.DataFrame(), False
        if isinstance(given, pd.DataFrame):
            self.frame = given
        elif not isinstance(given, (str, Path)):
            problems.append(f"{what}: {type(given).__name__}: expected a CSV file or a DataFrame")
            return
        else:
            self.name, self.row, self.offset = str(given), "line", 2
            try:
                text = read_text(given, MOST_TABLE)
                self.frame = read_csv(text, dtype=str, keep_default_na=False, skipinitialspace=True)
            except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
                problems.append(f"{self.name}: cannot be read as CSV: {reason(error)}")
                return
        self.frame = self.frame.rename(columns=lambda name: str(name).strip())
        twice = self.frame.columns[self.frame.columns.duplicated()].unique()
        problems += [f"{self.name}: the column {name!r} appears more than once" for name in twice]
        empty = what == "nodes" and not len(self.frame)
        problems += [f"{self.name}: has no rows: nobody to simulate"] if empty else []
        self.usable = not (len(twice) or empty)

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str, needed: bool) -> np.ndarray | None:
        """A column as text, None where missing; no column, if it is not needed, is None."""
        if name not in self.frame:
            if needed:
                self.problems.append(f"{self.name}: {unknown(name, list(self.frame), 'column')}")
            return None
        self.used.add(name)
        out = np.empty(len(self.frame), object)
        for n, cell in enumerate(self.frame[name].tolist()):
            text = str(cell).strip()
            whole = text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text
            out[n] = None if text in self.missing or whole in self.missing else whole
        return out

    def report(self, rows: Iterable[int], problem: str) -> None:
        """Note a problem of rows."""
        rows = [int(row) + self.offset for row in rows]
        if rows:
            more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
            which = f"{self.row}{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:SHOWN]))}{more}"
            self.problems.append(f"{self.name}, {which}: {problem}")

    def each(self, column: np.ndarray, wrong: np.ndarray, say: Callable[[str], str]) -> None:
        """One problem for every distinct wrong text of a column."""
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(wrong):
            rows.setdefault(column[row], []).append(int(row))
        for text, where in rows.items():
            self.report(where, say(text))

    def coded(
        self, column: np.ndarray, codes: Mapping[str, Any], allowed: Iterable[str] | None, what: str
    ) -> np.ndarray:
        """Texts by code (or, without codes, as they are), those that are not allowed reported."""
        out = column.copy()
        if codes:
            out = np.array([None if text is None else codes.get(text) for text in column], object)
            names = codes
        elif allowed is None:
            return out
        else:
            names = set(allowed)
            lower = {name.lower(): name for name in names}
            out = np.array([None if text is None else lower.get(text.lower()) for text in column], object)
        wrong = np.array([text is not None and found is None for text, found in zip(column, out, strict=True)], bool)
        self.each(column, wrong, lambda text: unknown(text, names, what))
        return out


def read_values(people: Table, book: Mapping[str, Any], scenario: Scenario) -> np.ndarray:
    """Values [people x dimensions] in [0, 1], NaN where missing."""
    values = np.full((len(people), len(scenario.dimensions)), np.nan)
    for k, dimension in enumerate(scenario.dimensions):
        given = book["values"].get(dimension, {})
        entry: dict[str, Any] = {"column": given} if isinstance(given, str) else dict(given)
        name = entry.get("column", dimension)
        column = people.column(name, dimension in book["values"])
        if column is None:
            continue
        if "codes" in entry:
            codes = {str(code): float(value) for code, value in entry["codes"].items()}
            values[:, k] = [np.nan if v is None else v for v in people.coded(column, codes, None, f"code of {name!r}")]
            continue
        low, high = entry.get("low", 0.0), entry.get("high", 1.0)
        scale = f"from {min(low, high):g} to {max(low, high):g}"
        wrong, out = np.zeros(len(people), bool), np.zeros(len(people), bool)
        for row, text in enumerate(column):
            if text is not None:
                try:
                    values[row, k] = number = (float(text) - low) / (high - low)
                except ValueError:
                    wrong[row] = True
                else:
                    out[row] = not 0.0 <= number <= 1.0
        people.each(column, wrong, lambda text, name=name, scale=scale: f"{name} = {text!r}: expected a number {scale}")
        people.each(column, out, lambda text, name=name, scale=scale: f"{name} = {text}: expected a number {scale}")
    if not book["values"]:
        for name in [each for each in people.frame if each not in people.used]:
            left = [dimension for dimension in scenario.dimensions if dimension not in people.used]
            guess = unknown(name, left, "dimension") if left else ""
            if "did you mean" in guess:
                people.problems.append(f"{people.name}: column {guess}")
    return values
