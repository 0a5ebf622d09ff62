"""Every number of a report, and where it may come from: the stored tables, which the runs give again.

A number is explained by a cell of a table that has its value, rounded as it is written; numbers that stand together, as
a mean with its interval, by one row. Of which table: a figure's text of the data beside the figure, a row of a table of
the rows that it is about, a sentence of any table; a whole number without a unit may count rows. Numbers of fixed words
("95 % interval") are those of texts in the sources.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from valign.results.saved import load
from valign.results.vocabulary import label, setting_label, speaking

from .from_runs import summed_up

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"(?<![\w.])([+−-]?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?![\w]|\.\d)|(?<![\w])([+−-]?)(\.\d+)")
JOINED = re.compile(r"( %| points)?( \((not knowing:? )?|–| to | and |, interval )")
SHARE = re.compile(r"\)? ?(%|(percentage )?points?\b)")
ALWAYS = "*"  # what every row of a table may hold
NONE, WHOLE = np.zeros(0), (1.0,)
BIG = 400  # rows: a table in which every small number would be found
SKIPPED = ("What was simulated", "To do it again", "Words used here", "What it rests on")


@dataclass(frozen=True)
class Text:
    """A sentence or a row of a report. source : number of the figure whose text it is; heads : a row of headings."""

    words: str
    section: str
    source: str = ""
    heads: bool = False


class Reader(HTMLParser):
    """Texts of a report: sentences, rows of tables with their headings, and what is said of figures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self.sections: dict[str, int] = {}  # words in each
        self.section = self.words = ""
        self.skipped = 0
        self.figures = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skipped += tag in ("svg", "style", "pre", "code", "title")
        if tag in ("p", "li", "tr", "h1", "h2", "h3", "dt", "dd", "caption", "summary", "figure"):
            self.end()
        if tag in ("td", "th"):
            self.words += " | "
        if tag == "figure":
            self.texts.append(Text(dict(attrs)["aria-label"] or "", self.section, str(self.figures)))
            self.figures += 1

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in ("svg", "style", "pre", "code", "title")
        if tag == "thead":
            self.texts[-1] = replace(self.texts[-1], heads=True)
        if tag == "h2":
            self.section = self.words.strip()
            self.sections.setdefault(self.section, 0)
            self.words = ""
        elif tag in ("p", "li", "tr", "h1", "h3", "dt", "dd", "caption", "summary"):
            self.end()

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.words += data

    def end(self) -> None:
        words = " ".join(self.words.split())
        self.words = ""
        if words and self.section in self.sections:
            self.sections[self.section] += len(words.split())
        if words:
            self.texts.append(Text(words, self.section))


@cache
def fixed() -> dict[str, list[str]]:
    """Pieces of texts in the sources that hold a number themselves, by that number, the longest first."""
    found: dict[str, set[str]] = {}
    for room in ("results", "model", "experiments", "calibration"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for piece in re.split(r"[`{}]", node.value):
                        words = " ".join(piece.split())
                        first = re.search(r"\d+", words)
                        letters = sum(map(str.isalpha, words))
                        if first and (letters > 5 or words == "5 to 95 %") and len(words) < 600:
                            found.setdefault(first[0], set()).add(words)
    return {number: sorted(pieces, key=len, reverse=True) for number, pieces in found.items()}


def without_fixed(words: str) -> str:
    """A text in which what is fixed is dots."""
    for number in dict.fromkeys(re.findall(r"\d+", words)):
        for piece in fixed().get(number, ()):
            words = words.replace(piece, "·" * len(piece))
    return words


class Tables:
    """The stored tables of a folder, and the rows of which a text may take its numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.saved = folder, load(folder)
        self.tables = {name: self.saved[name] for name in self.saved.manifest["tables"]}
        self.page = (folder / "report.html").read_text("utf-8")
        self.names = re.findall(r' id="([a-z][a-z_0-9-]*)-figure_1"', self.page)
        self.rows: list[tuple[set[str], np.ndarray]] = []  # what a row is about, and its numbers
        with speaking(self.saved.vocabulary):
            for table in self.tables.values():
                if len(table) < BIG:
                    self.rows += list(keyed(table))
            if "runs" in self.tables and "summary" not in self.tables:
                self.rows += list(keyed(summed_up(self.tables["runs"], [])))
            for name in self.names:
                beside = pd.read_csv(folder / f"{name}.csv")
                self.rows += list(keyed(beside)) if len(beside) < BIG and "month" not in beside else []
        self.rows += [({ALWAYS}, cells) for cells in derived(self.tables)]
        self.counts = counts(self.tables)

    def of(self, text: Text) -> list[np.ndarray]:
        """Rows of which a text may take its numbers."""
        if text.source:
            return self.beside(text)
        if " | " in text.words:  # a row of a table says what it is about
            words = text.words.lower()
            named = {key for keys, _ in self.rows for key in keys if key in words}
            whole = {
                key for key in named if any(key in cell and 2 * len(key) > len(cell) for cell in words.split(" | "))
            }
            longest = {key for key in whole if not any(key != other and key in other for other in whole)}
            if longest and not text.heads:
                return [cells for keys, cells in self.rows if keys & {*longest, ALWAYS}]
        return [cells for _, cells in self.rows]

    def beside(self, text: Text) -> list[np.ndarray]:
        """The data beside a figure: ends and extremes of curves, all of what is not month by month; means of groups."""
        data = pd.read_csv(self.folder / f"{self.names[int(text.source)]}.csv")
        keys = [name for name in data if data[name].dtype.kind not in "biuf" or name in ("alignment_level", "at")]
        found = []
        for _, part in data.groupby(keys, dropna=False) if keys else [(0, data)]:
            numeric = part.select_dtypes("number")
            if "month" in part:
                for name in numeric:
                    if not numeric[name].isna().all():
                        rows = part.loc[[part.index[0], part.index[-1], numeric[name].idxmax(), numeric[name].idxmin()]]
                        found.append(rows[[name, "month"]].to_numpy(float).ravel())
            elif len(data) < BIG:
                found.append(numeric.to_numpy(float).ravel())
        if "snapshot" in self.tables:
            groups = self.tables["snapshot"].groupby("group")
            found += [*groups.mean(numeric_only=True).to_numpy(float)]
        words = text.words.lower()
        return found + [cells for keys, cells in self.rows if not keys or any(key in words for key in keys)]


def keyed(table: pd.DataFrame) -> Iterator[tuple[set[str], np.ndarray]]:
    """Rows with the words that they are about; a column of numbers that is an outcome's is about that outcome."""
    words = [name for name in table if table[name].dtype.kind not in "biuf"]
    numeric = table.select_dtypes("number").to_numpy(float)
    for n, row in enumerate(table[words].to_dict("records")):
        keys, cells = set(), [numeric[n]]
        if "happened" in table:
            cells.append(1 - table["happened"].to_numpy(float)[n : n + 1])
        for name, value in row.items():
            text = " ".join(str(value).split())
            cells.append(np.array([as_number(found) for found in NUMBER.finditer(text)]))
            if isinstance(value, str) and 3 < len(text) < 400:
                told = label(text).text if name == "outcome" else setting_label(text)
                keys |= {told.lower()} if name == "outcome" else {text.lower(), told.lower()}
        yield keys, np.concatenate(cells)


def derived(tables: dict[str, pd.DataFrame]) -> Iterator[np.ndarray]:
    """What reports work out: how much of a rise in fit is adaptation; of a decision, money left, all runs, and what
    studies are worth in pounds at what the chosen mix pays."""
    if "summary" in tables and list(tables["summary"])[:1] == ["outcome"]:
        mean = tables["summary"].set_index("outcome")["mean"]
        if {"fit_final", "fit_original_final", "alignment_start"} <= set(mean.index):
            rise = mean["fit_final"] - mean["alignment_start"]
            yield np.array([(mean["fit_final"] - mean["fit_original_final"]) / rise if rise else np.nan])
    if "finalists" not in tables:
        return
    asked, finalists = tables["asked"].iloc[0], tables["finalists"]
    chosen = finalists[finalists["recommended"]].iloc[0]
    rate = chosen["cost"] / chosen["gain"] if chosen["gain"] else np.nan
    yield np.array([asked["budget"] - chosen["cost"], asked["race_runs"] + asked["fresh_runs"], rate])
    yield from (tables["evsi"]["value"] * rate - tables["evsi"]["cost"]).to_numpy(float)[:, None]


def counts(tables: dict[str, pd.DataFrame]) -> np.ndarray:
    """How many rows, kinds, and rows of each kind."""
    found = [0.0]
    for table in tables.values():
        found += [len(table), *(table[name].nunique() for name in table)]
        for name in table:
            found += table[name].value_counts().head(12).tolist()
            found += [table[name].sum()] if table[name].dtype.kind in "iu" and len(table) < BIG else []
    return np.unique(np.array(found, float))


def as_number(found: re.Match[str]) -> float:
    sign, whole, part = found[1] or found[4] or "", (found[2] or "0").replace(",", ""), found[3] or found[5] or ""
    return float(whole + part) * (-1 if sign in ("-", "−") else 1)


@dataclass(frozen=True)
class Number:
    """A number as it is written. factors : from the tables' unit to its own; step : what it is rounded to."""

    value: float
    step: float
    factors: tuple[float, ...]

    def near(self, cells: np.ndarray, off: float = 0.0) -> bool:
        """Whether a cell has this value, rounded as it is written. off : of another value, in its last digit."""
        value, unit = abs(self.value + off * self.step), 0.5 * self.step * (1 + 1e-9)
        return any((np.abs(np.abs(cells * factor) - value) <= unit).any() for factor in self.factors)


@dataclass(frozen=True)
class Together:
    """Numbers that stand together, as a mean and its interval: all of them are of one row, or each counts something.

    listed : they are joined by "and", so that they may be of two rows.
    """

    numbers: tuple[Number, ...]
    text: Text
    rows: list[np.ndarray]
    counts: np.ndarray
    listed: bool

    def explained(self, changed: int = -1, off: float = 0.0) -> bool:
        """Whether they are in the tables. changed, off : one of them made another."""
        offs = [off * (n == changed) for n in range(len(self.numbers))]
        if any(all(number.near(row, by) for number, by in zip(self.numbers, offs, strict=True)) for row in self.rows):
            return True
        if self.listed:
            return all(any(n.near(row, by) for row in self.rows) for n, by in zip(self.numbers, offs, strict=True))
        return all(
            number.factors == WHOLE and number.step == 1 and abs(number.value) + by in self.counts
            for number, by in zip(self.numbers, offs, strict=True)
        )


def step_of(found: re.Match[str], pounds: bool) -> float:
    """What a number is rounded to: its last digit; of pounds, the last but zeros; of a bound ("> 99 %"), more."""
    if found.string[: found.start()].endswith(("< ", "> ")):
        return 3.0
    places, zeros = len((found[3] or found[5] or ".")[1:]), re.search(r"(?:,?0)*$", found[2] or "")
    rounded = pounds and not places and zeros is not None and zeros.start() > 0
    return 10.0 ** (zeros[0].count("0") if rounded and zeros else -places)


def numbers(folder: Path) -> Iterator[Together]:
    """All numbers of a report that fixed words do not hold."""
    tables = Tables(folder)
    described = " ".join(tables.saved.manifest.get("description", "").split())
    for text in Reader(tables.page).texts:
        if text.section in SKIPPED or text.words in described:
            continue
        title = tables.saved.manifest.get("title") or "-"
        left = without_fixed(text.words.replace(title, "·" * len(title)))
        found = list(NUMBER.finditer(left))
        parts: list[list[re.Match[str]]] = []
        for each in found:
            close = parts and JOINED.fullmatch(left[parts[-1][-1].end() : each.start()])
            parts[-1].append(each) if close else parts.append([each])
        rows = tables.of(text) if found else []
        for part in parts:
            pounds = left[max(0, part[0].start() - 1)] == "£"
            after = [found for n in part if (found := SHARE.match(left[n.end() :]))]
            factors = (
                ((100.0,) if "%" in after[0][0] else (100.0, 1.0)) if after else (1.0, 1000.0) if pounds else WHOLE
            )
            numbers = tuple(Number(as_number(n), step_of(n, pounds), factors) for n in part)
            counted = len(part) == 1 and not part[0][1] and re.match(r" [a-z]| ?·|[.,;:)]|$", left[part[0].end() :])
            listed = len(part) == 2 and left[part[0].end() : part[1].start()].endswith(" and ")
            yield Together(numbers, text, rows, tables.counts if counted else NONE, listed)
