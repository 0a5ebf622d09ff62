"""A filled-in questionnaire, from a workbook or a CSV file, as `Answers`.

Nothing is lost silently: every cell below the header is used, or counted and named among the answers not used.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from valign.model.errors import InputError, nearest
from valign.model.parameters import ROLES as MODEL_ROLES
from valign.model.scenario.scenario import DIMENSIONS
from valign.model.state.arrays import STAGES as MODEL_STAGES

from .answers import NOT_SAID, Answers, Unused
from .cells import Sheet, read_sheets
from .questionnaire import AGREES, CONSENT, MATTERS, ROLES, USE, Item, Questionnaire, plain
from .scales import MISSING, choice, scaled
from .sheets import SERVICES, innovation_of, named_innovation, scenario_of, services_of

ANSWERS = "Answers"  # the sheet
SYNONYMS = {"id": "person", "respondent": "person", "number": "person", "organisation": "service", "team": "service"}
SHOWN = 5
HEADER_ROWS = 20


@dataclass
class Reading:
    """What is not used of a file, by reason: cells and where they are."""

    where: str
    cells: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    places: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    used: int = 0

    def drop(self, why: str, place: str, cells: int = 1) -> None:
        if cells:
            self.cells[why] += cells
            if place not in self.places[why][-1:]:
                self.places[why].append(place)

    def unused(self) -> list[Unused]:
        """By reason, most cells first."""
        out: list[Unused] = []
        for why, count in sorted(self.cells.items(), key=lambda pair: -pair[1]):
            places = self.places[why]
            more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
            out.append(Unused(count, ", ".join(places[:SHOWN]) + more, why))
        return out


def read_survey(path: str | Path, innovation: str | None = None) -> Answers:
    """Answers to the questionnaire (`valign survey new`).

    Parameters
    ----------
    path : a workbook (.xlsx) with a sheet "Answers", and perhaps "Services" and "Innovation"; or a CSV file with
        commas, semicolons or tabs, in UTF-8 or cp1252. Columns are found by their name, or by the number of their
        question. Answers are 1 to 5, a word of the scale, or a percentage with its sign.
    innovation : what it is about: a shipped scenario or a TOML file; default: what the workbook says, or, in a CSV
        file, a column `innovation`.

    Returns
    -------
    Answers, with what was not used counted and named.

    Raises
    ------
    InputError : the file cannot be read, is no questionnaire, or holds no usable answers.
    """
    where = str(path)
    sheets = read_sheets(path)
    sheet, header, columns, unknown = _find_answers(sheets, where)
    reading = Reading(where)
    rows = sheet.rows[header + 1 :]
    name = innovation or named_innovation(sheets, sheet.rows[header][1], rows, where)
    scenario = scenario_of(name, where)
    intended, emphasis, title, remarks = innovation_of(sheets, scenario, where)
    remarks = [*sheet.remarks, *_lost(columns), *remarks]
    _drop_unknown(reading, sheet, header, rows, columns, unknown)
    people = _people(rows, columns, reading)
    if not people:
        raise InputError(
            [f"{where}: holds no answers that can be used"] + [f"{u.why} ({u.where})" for u in reading.unused()]
        )
    services, known, stage, more = services_of(sheets, where)
    answers = _collected(people, columns, reading, services, remarks)
    answers.innovation, answers.scenario = title, name
    answers.intended, answers.emphasis = intended, emphasis
    G = len(answers.services)
    counts = np.bincount(answers.service[answers.service >= 0], minlength=G)
    answers.people = np.array([max(known.get(plain(s), np.inf), counts[g]) for g, s in enumerate(answers.services)])
    answers.stage = [stage.get(plain(s), "") for s in answers.services]
    if short := [s for g, s in enumerate(answers.services) if known.get(plain(s), np.inf) < counts[g]]:
        more.append(f"more people answered than work there by sheet {SERVICES!r}: {', '.join(short)}")
    answers.given = sum(bool(text) for _, row in rows for text in row)
    answers.used, answers.unused = reading.used, reading.unused()
    answers.remarks = [*remarks, *more]
    answers.name = Path(path).stem
    return answers


# --- finding what is where -------------------------------------------------------------------------------------------
def column_of(header: str) -> str | None:
    """The column that a header stands for: its name, its number, its question, or nothing."""
    words = plain(header)
    found = _HEADERS.get(words) or SYNONYMS.get(words)
    if found is None and words:
        number = words.split()[0]
        found = _NUMBERS.get(number) if len(words.split()) > 1 or not number.isdigit() else None
    return found


_PLAIN = Questionnaire()
_HEADERS = {plain(each.column): each.column for each in _PLAIN.items} | {
    plain(each.text): each.column for each in _PLAIN.items
}
_NUMBERS = {plain(each.number): each.column for each in _PLAIN.items}


def _find_answers(sheets: list[Sheet], where: str) -> tuple[Sheet, int, dict[str, int], list[int]]:
    """The sheet with answers, the place of its header, the columns by name and those that are unknown."""
    best: tuple[int, Sheet, int] | None = None
    for sheet in sorted(sheets, key=lambda each: plain(each.name) != plain(ANSWERS)):
        for place, (_, row) in enumerate(sheet.rows[:HEADER_ROWS]):
            known = {column_of(text) for text in row} - {None}
            if best is None or len(known) > best[0]:
                best = (len(known), sheet, place)
    items = {each.column for each in _PLAIN.items if each.kind in ("matters", "agrees")}
    row = best[1].rows[best[2]][1] if best else []
    if best is None or best[0] < 3 or not items & {column_of(text) for text in row}:
        named = (
            f" (it has the sheets {', '.join(repr(s.name) for s in sheets[:8])})" if sheets and sheets[0].name else ""
        )
        raise InputError(
            [
                f"{where}: has no header of the questionnaire{named}: expected columns such as person, service, role, "
                "A1, A2, …; `valign survey new` writes a workbook that has them"
            ]
        )
    columns: dict[str, int] = {}
    unknown: list[int] = []
    twice: list[str] = []
    for place, text in enumerate(row):
        found = column_of(text)
        if found in columns:
            twice.append(text)
        elif found is not None:
            columns[found] = place
        else:
            unknown.append(place)
    if twice:
        raise InputError([f"{where}: the column {text!r} appears more than once" for text in dict.fromkeys(twice)])
    needed = [f"no column {name!r}" for name in ("service",) if name not in columns]
    needed += [
        f"no column for {words}: expected {letter}1 to {letter}14"
        for block, letter, words in (
            ("own", "A", "what matters to people"),
            ("reads", "B", "how they read the innovation"),
        )
        if not any(name.startswith(block + " ") for name in columns)
    ]
    if needed:
        unnamed = [row[place] for place in unknown if row[place]]
        near = {text: nearest(plain(text), list(_HEADERS)) for text in unnamed[:50]}
        hints = [f"the column {text!r} is not known; did you mean {hit!r}?" for text, hit in near.items() if hit]
        raise InputError([f"{where}: {problem}" for problem in (*needed, *hints[:5])])
    return best[1], best[2], columns, unknown


def _lost(columns: dict[str, int]) -> list[str]:
    """Columns of the questionnaire that the file does not have."""
    lost = [each for each in _PLAIN.items if each.column not in columns and each.kind != "contact"]
    if not any(name.startswith("contact") for name in columns):
        lost.append(Item("D1 to D5", "contact", "", "contact"))
    if not lost:
        return []
    said = f"the file has no column for {', '.join(each.number + ' (' + each.column + ')' for each in lost[:8])}"
    return [said + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")]


def _drop_unknown(
    reading: Reading,
    sheet: Sheet,
    header: int,
    rows: list[tuple[int, list[str]]],
    columns: dict[str, int],
    unknown: list[int],
) -> None:
    width = len(sheet.rows[header][1])
    for place in unknown:
        text = sheet.rows[header][1][place]
        if plain(text) == "innovation":
            reading.used += sum(place < len(row) and bool(row[place]) for _, row in rows)
            continue
        filled = sum(place < len(row) and bool(row[place]) for _, row in rows)
        near = nearest(plain(text), [name for name in _HEADERS if _HEADERS[name] not in columns]) if text else None
        hint = f"; did you mean {near!r}?" if near else ""
        reading.drop(
            "the column is not part of the questionnaire" + hint,
            f"column {text!r}" if text else f"column {place + 1}",
            filled,
        )
    for number, row in rows:
        reading.drop("there is no header above", f"row {number}", sum(bool(text) for text in row[width:]))


# --- people ----------------------------------------------------------------------------------------------------------
def _people(
    rows: list[tuple[int, list[str]]], columns: dict[str, int], reading: Reading
) -> list[tuple[int, dict[str, str]]]:
    """Rows that can be used, by the name of the column."""
    found: list[tuple[int, dict[str, str]]] = []
    seen: dict[str, int] = {}
    for number, row in rows:
        cells = {name: row[place] for name, place in columns.items() if place < len(row) and row[place]}
        place, count = f"row {number}", len(cells)
        person = plain(cells.get("person", ""))
        if "consent" in columns and choice(cells.get("consent", ""), CONSENT) != "yes":
            said = choice(cells.get("consent", ""), CONSENT)
            reading.drop("the person did not agree" if said == "no" else "no agreement is recorded", place, count)
        elif plain(cells.get("service", "")) in MISSING and choice(cells.get("role", ""), ROLES) != "commissioner":
            reading.drop("no service is named", place, count)
        elif person and person in seen:
            reading.drop(
                "the same person answered before; the first row counts", f"{place} (as row {seen[person]})", count
            )
        elif not any(_answered(name, text) for name, text in cells.items()):
            reading.drop("nothing was answered but who this is", place, count)
        else:
            if person:
                seen[person] = number
            found.append((number, cells))
    return found


def _answered(name: str, text: str) -> bool:
    return name.split()[0] in ("own", "reads", "fits", "clear", "identify", "climate") and plain(text) not in MISSING


def _collected(
    people: list[tuple[int, dict[str, str]]],
    columns: dict[str, int],
    reading: Reading,
    services: list[str],
    remarks: list[str],
) -> Answers:
    N, K = len(people), len(DIMENSIONS)
    sizes = {"fits": 2, "clear": 2, "identify": 2, "climate": 3}
    scales = {name: np.full((N, count), np.nan) for name, count in sizes.items()}
    own, reads = np.full((N, K, 2), np.nan), np.full((N, K, 2), np.nan)
    role, use = np.full(N, NOT_SAID), np.full(N, NOT_SAID)
    for n, (number, cells) in enumerate(people):
        place = f"row {number}"
        for name, text in cells.items():
            kind = _PLAIN.columns[name].kind
            if kind in ("matters", "agrees"):
                value = _answer(
                    text, MATTERS if kind == "matters" else AGREES, f"{place} ({_PLAIN.columns[name].number})", reading
                )
                block, *rest = name.split()
                if block in scales:
                    scales[block][n, int(rest[0]) - 1] = value
                else:
                    (own if block == "own" else reads)[n, DIMENSIONS.index(rest[0]), int(rest[1]) - 1] = value
            elif kind in ("role", "use"):
                chosen = choice(text, ROLES if kind == "role" else USE)
                names = MODEL_ROLES if kind == "role" else MODEL_STAGES
                if chosen is None:
                    reading.drop(f"{text!r} is not known as an answer to {name!r}", place)
                else:
                    (role if kind == "role" else use)[n] = [*map(str, names)].index(chosen)
                    reading.used += 1
            elif kind != "contact":
                reading.used += 1
    names, service = _service_of(people, services, role, remarks)
    return Answers(
        "", "", list(DIMENSIONS), np.zeros(K), np.ones(K), [cells.get("person", "") for _, cells in people],
        service, names, role, own, reads, scales["fits"], scales["clear"], scales["identify"], scales["climate"],
        use, _contacts(people, reading), np.zeros(0), [],
    )  # fmt: skip


def _service_of(
    people: list[tuple[int, dict[str, str]]], services: list[str], role: np.ndarray, remarks: list[str]
) -> tuple[list[str], np.ndarray]:
    """Names of services that somebody answered from, and the service of everybody (−1: commissioners)."""
    commissioner = list(MODEL_ROLES).index("commissioner")
    listed = {plain(name): name for name in services}
    first: dict[str, str] = {}
    for (_, cells), r in zip(people, role, strict=True):
        if r != commissioner:
            first.setdefault(plain(cells["service"]), cells["service"])
    order = [key for key in listed if key in first] + sorted(key for key in first if key not in listed)
    for key in [key for key in order if key not in listed]:
        near = difflib.get_close_matches(key, [other for other in order if other != key], 1, 0.85)
        if near and (services or len(key) > 3) and key.translate(_NO_DIGITS) != near[0].translate(_NO_DIGITS):
            remarks.append(
                f"{first[key]!r} counts as a service of its own; if it is {first[near[0]]!r}, write it the same"
            )
    if services and (silent := [name for key, name in listed.items() if key not in first]):
        remarks.append(f"nobody answered from {', '.join(silent[:5])}" + (" …" if len(silent) > 5 else ""))
    number = {key: g for g, key in enumerate(order)}
    service = [
        NOT_SAID if r == commissioner else number[plain(cells["service"])]
        for (_, cells), r in zip(people, role, strict=True)
    ]
    return [listed.get(key, first[key])[:100] for key in order], np.array(service, np.int64)


_NO_DIGITS = str.maketrans("", "", "0123456789 ")


def _contacts(people: list[tuple[int, dict[str, str]]], reading: Reading) -> list[list[int]]:
    """Rows of the people whom everybody names."""
    row_of = {plain(cells["person"]): n for n, (_, cells) in enumerate(people) if plain(cells.get("person", ""))}
    out: list[list[int]] = []
    for n, (number, cells) in enumerate(people):
        named: list[int] = []
        for name, text in cells.items():
            if not name.startswith("contact") or plain(text) in MISSING:
                reading.used += name.startswith("contact")
                continue
            other = row_of.get(plain(text))
            if other is None:
                reading.drop("the contact did not answer, or is written differently", f"row {number}")
            elif other == n or other in named:
                reading.drop("the contact is the person themselves, or named twice", f"row {number}")
            else:
                named.append(other)
                reading.used += 1
        out.append(named)
    return out


def _answer(text: str, words: tuple[str, ...], place: str, reading: Reading) -> float:
    """An answer on a scale, NaN where it is missing or cannot be used, which is noted."""
    value = scaled(text, words)
    if value is None:
        reading.drop(f"{text[:40]!r} is none of 1 to 5, {words[0]!r} to {words[-1]!r}, or a percentage", place)
        return float("nan")
    reading.used += 1
    return value
