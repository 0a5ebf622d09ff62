"""Spreadsheets and CSV files as cells of text, read within limits: what goes beyond them is refused in a sentence."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from valign.model.errors import InputError
from valign.model.reading import read_bytes, reason

MOST_FILE, MOST_UNPACKED, MOST_PARTS = 25_000_000, 30_000_000, 2_000
MOST_ROWS, MOST_COLUMNS, LONGEST = 20_000, 500, 2_000
DELIMITERS = (",", ";", "\t")
OLD = b"\xd0\xcf\x11\xe0"  # of .xls, and of workbooks with a password
DATE, FORMULA = "a date: ", "a formula without a value: "


@dataclass
class Sheet:
    """A table of texts: rows with the number a reader finds them by; empty cells are "". remarks : on what is there."""

    name: str
    rows: list[tuple[int, list[str]]]
    remarks: list[str] = field(default_factory=list[str])


def read_sheets(path: str | Path) -> list[Sheet]:
    """The sheets of a workbook, or the one of a CSV file. Raises InputError where neither can be read."""
    where = str(path)
    try:
        content = read_bytes(path, MOST_FILE)
    except (OSError, ValueError) as error:
        raise InputError([f"{where}: cannot be read: {reason(error)}"]) from None
    if content.startswith(b"PK"):
        return _workbook(content, where)
    if content.startswith(OLD):
        raise InputError([f"{where}: is an old .xls workbook, or has a password: save it as .xlsx without one"])
    return [_table(content, where)]


# --- workbooks -------------------------------------------------------------------------------------------------------
def _workbook(content: bytes, where: str) -> list[Sheet]:
    _check_archive(content, where)
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise InputError(
            [f"{where}: reading workbooks takes openpyxl: `pip install 'valign[survey]'`, or save it as CSV"]
        ) from None
    try:
        book = load_workbook(io.BytesIO(content), data_only=False)
        sheets: list[Sheet] = []
        formulas = False
        for sheet in book.worksheets:
            found = _cells(sheet, where)
            formulas |= any(text.startswith(FORMULA) for _, row in found.rows for text in row)
            sheets.append(found)
        if formulas:
            _fill_formulas(sheets, load_workbook(io.BytesIO(content), data_only=True))
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever a broken part of the file leads to
        raise _damaged(where, error) from None
    return sheets


def _check_archive(content: bytes, where: str) -> None:
    """Refuse what would take the machine's memory or time, before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            names = {part.filename for part in parts}
            if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
                raise InputError(
                    [
                        f"{where}: unpacks to {unpacked / 1e6:,.0f} MB in {len(parts):,} parts; at most "
                        f"{MOST_UNPACKED / 1e6:.0f} MB are read (about {MOST_ROWS // 2:,} people)"
                    ]
                )
            if not any(name.startswith("xl/") for name in names):
                raise InputError([f"{where}: is not an Excel workbook: save it as .xlsx or as CSV"])
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and b"<!ENTITY" in archive.read(part):
                    raise InputError([f"{where}: declares entities, which no spreadsheet does: it is not read"])
    except InputError:
        raise
    except Exception as error:  # a broken archive raises half a dozen things
        raise _damaged(where, error) from None


def _damaged(where: str, error: Exception) -> InputError:
    return InputError([f"{where}: is damaged or incomplete, or no workbook: save it again as .xlsx ({reason(error)})"])


def _cells(sheet: Any, where: str) -> Sheet:
    rows: list[tuple[int, list[str]]] = []
    for row in sheet.iter_rows(max_col=MOST_COLUMNS):
        texts = [_text(cell) for cell in row]
        if any(texts):
            rows.append((int(row[0].row), texts))
        if len(rows) > MOST_ROWS:
            raise InputError(
                [f"{where}: sheet {sheet.title!r} has more than {MOST_ROWS:,} rows: expected one a person"]
            )
    found = Sheet(sheet.title, rows)
    if merged := [str(each) for each in sheet.merged_cells.ranges]:
        found.remarks.append(
            f"cells are merged ({', '.join(merged[:3])}{' …' if len(merged) > 3 else ''}): only the first of each "
            f"holds an answer"
        )
    if (sheet.max_column or 0) > MOST_COLUMNS:
        found.remarks.append(f"only the first {MOST_COLUMNS} columns are read")
    return found


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return FORMULA + str(getattr(value, "text", value))[:60]
    return _written(value, "%" in str(cell.number_format or ""))


def _written(value: Any, percent: bool = False) -> str:
    """A value of a cell as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (datetime, date, time)):
        return f"{DATE}{value.isoformat()}"
    if isinstance(value, (int, float)):
        return f"{100 * value:.12g} %" if percent else f"{value:.15g}"
    return _clean(str(value))


def _fill_formulas(sheets: Iterable[Sheet], book: Any) -> None:
    """Formulas become the values that the spreadsheet program kept with them."""
    for sheet in sheets:
        kept = book[sheet.name]
        for number, row in sheet.rows:
            for column, text in enumerate(row):
                if text.startswith(FORMULA):
                    cell = kept.cell(number, column + 1)
                    if cell.value is not None:
                        row[column] = _written(cell.value, "%" in str(cell.number_format or ""))


# --- CSV -------------------------------------------------------------------------------------------------------------
def _table(content: bytes, where: str) -> Sheet:
    text = _decoded(content, where)
    if "\0" in text:
        raise InputError([f"{where}: is neither a workbook nor a text file (CSV)"])
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        before = 0
        for row in reader:
            texts = [_clean(each) for each in row]
            if any(texts):
                rows.append((before + 1, texts))
            before = reader.line_num
            if len(rows) > MOST_ROWS:
                raise InputError([f"{where}: has more than {MOST_ROWS:,} rows: expected one a person"])
            if len(row) > MOST_COLUMNS:
                raise InputError(
                    [f"{where}: line {rows[-1][0]} has {len(row):,} columns; at most {MOST_COLUMNS} are read"]
                )
    except csv.Error as error:
        raise InputError([f"{where}: cannot be read as CSV: {error}"]) from None
    return Sheet("", rows)


def _decoded(content: bytes, where: str) -> str:
    """UTF-8 with or without its mark, UTF-16 with one, else Windows' western letters."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        raise InputError([f"{where}: is neither a workbook nor text in UTF-8 or Windows' letters (cp1252)"]) from None


def _clean(text: str) -> str:
    """A cell's text on one line, without what cannot be seen."""
    return re.sub(r"\s+", " ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()[:LONGEST]
