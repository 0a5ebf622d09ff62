"""Questionnaires as they come back: spoiled in fifty ways, one to three at a time.

`python -m tests.faults.mangled` reads five hundred; every one has to give one clear message or a result in which
every answer is used, or counted and named. `make mangled` writes what came of them to results/reference/diagnosis.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook, load_workbook

from valign.calibration.data.survey import read_survey
from valign.calibration.diagnose.diagnosis import Diagnosis
from valign.model.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "examples" / "survey" / "before.xlsx"
OUT = ROOT / "results" / "reference" / "diagnosis"
Rng = np.random.Generator
LONGEST = 600  # letters of a problem

Cells = list[list[Any]]  # of the sheet with answers, header first


def base_cells() -> Cells:
    """The example's answers."""
    return [list(row) for row in load_workbook(BASE)["Answers"].iter_rows(values_only=True)]


def some(rng: Rng, cells: Cells, count: int = 8, first: int = 4, last: int | None = None) -> list[tuple[int, int]]:
    """Places of answers."""
    last = len(cells[0]) if last is None else last
    return [(int(rng.integers(1, len(cells))), int(rng.integers(first, last))) for _ in range(count)]


def put(value: Callable[[Rng, Any], Any], first: int = 4, last: int | None = 36) -> Callable[[Rng, Cells], Cells]:
    """A fault of single cells."""

    def spoil(rng: Rng, cells: Cells) -> Cells:
        for row, column in some(rng, cells, int(rng.integers(1, 20)), first, last):
            if row < len(cells) and column < len(cells[row]):
                cells[row][column] = value(rng, cells[row][column])
        return cells

    return spoil


def _column(rng: Rng, cells: Cells) -> int:
    return int(rng.integers(0, len(cells[0])))


def lose_column(rng: Rng, cells: Cells) -> Cells:
    at = _column(rng, cells)
    return [row[:at] + row[at + 1 :] for row in cells]


def rename(rng: Rng, cells: Cells) -> Cells:
    cells[0][_column(rng, cells)] = str(
        rng.choice(["sevrice", "A99", "", "own client agencyy 1", "🙂", "=1+1", "Notes"])
    )
    return cells


def add_column(rng: Rng, cells: Cells) -> Cells:
    for n, row in enumerate(cells):
        row.append("Remarks" if n == 0 else str(rng.choice(["fine", "", "see over", "😀"])))
    return cells


def twice(rng: Rng, cells: Cells) -> Cells:
    for _ in range(int(rng.integers(1, 6))):
        cells.append(list(cells[int(rng.integers(1, len(cells)))]))
    return cells


def same_column(rng: Rng, cells: Cells) -> Cells:
    at = _column(rng, cells)
    return [[*row, row[at]] for row in cells]


def blank_rows(rng: Rng, cells: Cells) -> Cells:
    for _ in range(int(rng.integers(1, 8))):
        cells.insert(int(rng.integers(1, len(cells))), [None] * len(cells[0]))
    return cells


def titles(rng: Rng, cells: Cells) -> Cells:
    return [["Our survey", *[None] * 3], [None], ["please return by Friday"], *cells]


def transposed(rng: Rng, cells: Cells) -> Cells:
    return [list(row) for row in zip(*cells, strict=True)]


def shuffle_rows(rng: Rng, cells: Cells) -> Cells:
    return [cells[0], *[cells[1:][n] for n in rng.permutation(len(cells) - 1)]]


def shuffle_columns(rng: Rng, cells: Cells) -> Cells:
    order = rng.permutation(len(cells[0]))
    return [[row[n] if n < len(row) else None for n in order] for row in cells]


def empty_column(rng: Rng, cells: Cells) -> Cells:
    at = _column(rng, cells)
    return [row if n == 0 else [*row[:at], None, *row[at + 1 :]] for n, row in enumerate(cells)]


def ragged(rng: Rng, cells: Cells) -> Cells:
    for _ in range(6):
        row = cells[int(rng.integers(1, len(cells)))]
        row += ["4", "x"] if rng.random() < 0.5 else []
        del row[int(rng.integers(5, max(6, len(row)))) :]
    return cells


def few(rng: Rng, cells: Cells) -> Cells:
    return cells[: int(rng.integers(0, 6))]


def many_services(rng: Rng, cells: Cells) -> Cells:
    for n, row in enumerate(cells[1:]):
        row[2] = f"Team {n}"
    return cells


def hundred_thousand(rng: Rng, cells: Cells) -> Cells:
    rows = cells[1:]
    return [cells[0][:8], *[[f"x{n}", *rows[n % len(rows)][1:8]] for n in range(100_000)]]


WORDS = ("not at all", "A little", "SOMEWHAT", " much ", "Very  much")
SPOILED: dict[str, Callable[[Rng, Cells], Cells]] = {
    "a column lost": lose_column,
    "a column renamed": rename,
    "a column added": add_column,
    "a column twice": same_column,
    "a column empty": empty_column,
    "rows twice": twice,
    "empty rows": blank_rows,
    "titles above": titles,
    "turned on its side": transposed,
    "rows in another order": shuffle_rows,
    "columns in another order": shuffle_columns,
    "ragged rows": ragged,
    "hardly anybody": few,
    "everybody a service": many_services,
    "out of range": put(lambda r, v: int(r.choice([0, 6, 7, -1, 99]))),
    "words": put(lambda r, v: WORDS[int(r.integers(5))], 4, 32),
    "number and word": put(lambda r, v: "4 - much", 4, 32),
    "percent": put(lambda r, v: str(r.choice(["75 %", "0%", "100%", "33,3 %", "120 %", "%"]))),
    "decimal comma": put(lambda r, v: "3,5"),
    "numbers as text": put(lambda r, v: f" {int(r.integers(1, 6))} "),
    "emoji": put(lambda r, v: "👍", 0, None),
    "dates": put(lambda r, v: pd.Timestamp("2024-04-05").to_pydatetime()),
    "dates as text": put(lambda r, v: "05/04/2024"),
    "formulas": put(lambda r, v: "=AVERAGE(A1:A3)"),
    "formulas that steal": put(lambda r, v: '=HYPERLINK("http://x","y")', 0, None),
    "errors": put(lambda r, v: "#REF!"),
    "infinite": put(lambda r, v: str(r.choice(["inf", "nan", "1e308", "-inf"]))),
    "true and false": put(lambda r, v: bool(r.integers(2)), 0, None),
    "long text": put(lambda r, v: "x" * 30_000, 0, None),
    "markup": put(lambda r, v: "<script>alert(1)</script>", 0, 4),
    "hidden letters": put(lambda r, v: "\u200b4\u202e", 0, None),
    "no consent": put(lambda r, v: str(r.choice(["no", "", "perhaps"])), 1, 2),
    "no service": put(lambda r, v: None, 2, 3),
    "services in other letters": put(lambda r, v: f"  {str(v).upper()} ", 2, 3),
    "services misspelt": put(lambda r, v: f"{str(v)[:-1]}", 2, 3),
    "unknown roles": put(lambda r, v: str(r.choice(["boss", "?", "Volunteer"])), 3, 4),
    "no roles": put(lambda r, v: None, 3, 4),
    "nobody has a number": put(lambda r, v: None, 0, 1),
    "unknown contacts": put(lambda r, v: "Kim", 42, None),
    "commissioners": put(lambda r, v: "commissioner", 3, 4),
    "unanswered": put(lambda r, v: str(r.choice(["n/a", "-", "", "none"])), 4, None),
}
HARMLESS = {"rows in another order", "columns in another order", "empty rows", "titles above"}


# --- how it is saved -------------------------------------------------------------------------------------------------
def as_workbook(cells: Cells, rng: Rng, path: Path, fault: str = "") -> Path:
    book = load_workbook(BASE)
    del book["Answers"]
    sheet = book.create_sheet("Sheet1" if fault == "another sheet" else "Answers", 0 if rng.random() < 0.5 else 1)
    for row in cells:
        sheet.append([each if not isinstance(each, str) else each.replace("\0", "") for each in row])
    if fault == "merged cells" and len(cells) > 8:
        sheet.merge_cells("C3:C6")
        sheet.merge_cells("F4:H5")
    if fault == "only a wrong sheet":
        book = Workbook()
        book.active.append(["Month", "Visits", "Cost"])
        book.active.append([1, 2, 3])
    path = path.with_suffix(".xlsx")
    book.save(path)
    content = bytearray(path.read_bytes())
    if fault == "cut off":
        del content[int(rng.integers(1, len(content))) :]
    if fault == "bytes flipped":
        for _ in range(20):
            content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    if fault == "an old workbook":
        content[:4] = b"\xd0\xcf\x11\xe0"
    path.write_bytes(content)
    return path


def as_csv(cells: Cells, rng: Rng, path: Path, fault: str = "") -> Path:
    text = io.StringIO()
    delimiter = str(rng.choice([",", ";", "\t"]))
    rows = [[*row, "innovation" if n == 0 else "housing-first"] for n, row in enumerate(cells)]
    csv.writer(text, delimiter=delimiter, lineterminator=str(rng.choice(["\n", "\r\n"]))).writerows(rows)
    encoding = {"cp1252": "cp1252", "with its mark": "utf-8-sig", "utf-16": "utf-16"}.get(fault, "utf-8")
    content = bytearray(text.getvalue().encode(encoding, "replace"))
    if fault == "quotes left open":
        content.insert(int(rng.integers(len(content) // 2, len(content))) if content else 0, ord('"'))
    if fault == "zero bytes":
        content[len(content) // 2 : len(content) // 2] = b"\0\0"
    if fault == "cut off":
        del content[int(rng.integers(0, len(content) or 1)) :]
    path = path.with_suffix(".csv")
    path.write_bytes(content)
    return path


def bomb(path: Path, size: int = 1_000_000_000) -> Path:
    """A workbook of a gigabyte of zeros."""
    path = path.with_suffix(".xlsx")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(size // 1_000_000):
            part.write(b"\0" * 1_000_000)
    return path


def entities(path: Path) -> Path:
    """A workbook whose text would unfold without end."""
    path = path.with_suffix(".xlsx")
    with zipfile.ZipFile(BASE) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/workbook.xml":
                content = content.replace(b"<workbook", b'<!DOCTYPE w [<!ENTITY a "aaaa">]><workbook', 1)
            new.writestr(part, content)
    return path


SAVED = (
    *((as_workbook, fault) for fault in ("", "", "", "another sheet", "merged cells", "cut off", "bytes flipped")),
    *((as_workbook, fault) for fault in ("an old workbook", "only a wrong sheet")),
    *(
        (as_csv, fault)
        for fault in ("", "", "cp1252", "with its mark", "utf-16", "quotes left open", "zero bytes", "cut off")
    ),
)


def mangled(case: int, folder: Path) -> tuple[Path, list[str]]:
    """The file of a case, and its faults."""
    rng = np.random.default_rng([22, case])
    path = folder / f"case-{case}"
    if case % 100 == 97:
        return bomb(path), ["a zip bomb"]
    if case % 100 == 98:
        return entities(path), ["entities"]
    cells = base_cells()
    if case % 100 == 99:
        save = (as_workbook, as_csv)[case // 100 % 2]
        return save(hundred_thousand(rng, cells), rng, path), ["a hundred thousand rows"]
    names = [str(each) for each in rng.choice(list(SPOILED), int(rng.integers(1, 4)), replace=False)]
    for name in names:
        if len(cells) > 2:
            cells = SPOILED[name](rng, cells)
    save, fault = SAVED[int(rng.integers(len(SAVED)))]
    return save(cells, rng, path, fault), [
        *names,
        *([f"{save.__name__[3:]}: {fault}"] if fault else [save.__name__[3:]]),
    ]


def outcome(path: Path, faults: list[str]) -> dict[str, Any]:
    """What comes of reading and diagnosing a file; AssertionError where it is neither message nor right result."""
    try:
        answers = read_survey(path)
        unused = sum(each.answers for each in answers.unused)
        assert answers.given == answers.used + unused, f"{answers.given} given, {answers.used} used, {unused} named"
        assert all(each.why and each.where for each in answers.unused)
        found = {"people": len(answers), "given": answers.given, "used": answers.used, "unused": unused}
        tables = Diagnosis(answers, runs=0).tables
        fit = tables["overview"].set_index("measure").loc["fit"]
        assert 0 <= fit["low"] <= fit["estimate"] <= fit["high"] <= 1
        if set(faults[:-1]) <= HARMLESS and faults[-1] in ("workbook", "csv"):
            base = read_survey(BASE)
            assert np.isclose(np.nanmean(answers.own), np.nanmean(base.own))
            assert answers.used == base.used + (len(base) if faults[-1] == "csv" else 0)
    except InputError as error:
        if not error.problems or not all(0 < len(each) < LONGEST and "\n" not in each for each in error.problems):
            raise AssertionError(f"no clear message: {error.problems}") from None
        return {"result": "message", "message": error.problems[0].replace(str(path), path.name)[:160]}
    return {"result": "read", **found}


def run(cases: list[int]) -> pd.DataFrame:
    """One row a case."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            path, faults = mangled(case, Path(folder))
            row: dict[str, Any] = {"case": case, "faults": "; ".join(faults)}
            try:
                row |= outcome(path, faults)
            except Exception as error:
                row |= {"result": "WRONG", "message": f"{type(error).__name__}: {error}"[:300]}
            rows.append(row)
            path.unlink()
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Read spoiled questionnaires.")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = run(list(range(options.cases)))
    options.out.mkdir(parents=True, exist_ok=True)
    whole = ["people", "given", "used", "unused"]
    found[[name for name in whole if name in found]] = found[[name for name in whole if name in found]].astype("Int64")
    found.to_csv(options.out / "mangled.csv", index=False, lineterminator="\n")
    print(found["result"].value_counts().to_string())
    print(found[found["result"] == "WRONG"].to_string())
    sys.exit(int((found["result"] == "WRONG").any()))


if __name__ == "__main__":
    main()
