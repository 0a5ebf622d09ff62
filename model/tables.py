"""Society from tables: a survey of values (nodes) and a network (edges), with a codebook that says what is what.

Everything wrong in both tables is reported at once. The society depends on what the tables say, not on the order of
their rows: services stand in the scenario's order, then by name; people by role, then by id.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, unknown
from .parameters import ROLES
from .scenario import Scenario
from .society import (
    KINDS, Society, build_society, lasting_differences, name_key, pack_ties, profiles_of, service_keys, unpack_ties,
)
from .state import COMMISSIONER, MANAGER, PEER

if TYPE_CHECKING:
    import pandas as pd

DATA_SETS = ("medical-innovation",)
NODES = ("id", "organisation", "role", "team", "manager", "commissioner")
EDGES = ("from", "to", "kind")
SECTIONS = (*NODES, "missing", "roles", "organisations", "groups", "values", "edges", "kinds")
MISSING = ("", "NA", "N/A", "NaN", "nan", "<NA>", "None", ".")
ROW_ORDER = np.array([1, 0, 2, 3])  # managers, staff, peers; commissioners
SHOWN = 5  # rows named in a problem
_TEAM, _LINE, _BETWEEN, _PEER, _COMMISSIONING, _COMMISSIONERS = range(6)


def user_data_folder() -> Path:
    """Where data sets are kept: $VALIGN_DATA, else the platform's folder for a user's data."""
    if os.environ.get("VALIGN_DATA"):
        return Path(os.environ["VALIGN_DATA"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "valign" / "data"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "valign"


def data_set_folder(name: str) -> Path:
    """Folder of a data set, there or not."""
    return user_data_folder() / name


def missing_data(name: str) -> InputError:
    """What to say when a data set is not on this machine."""
    if name not in DATA_SETS:
        return InputError([f"tables.data: {unknown(name, DATA_SETS, 'data set')}"])
    return InputError([f"the data of {name!r} are not on this machine: fetch them once with `valign data get {name}`, "
                       f"or convert a copy with `valign data get {name} --from FILE`"])


def society_of(scenario: Scenario, seed: int) -> Society:
    """The society a scenario asks for: generated from `seed`, or, the same for every seed, imported from its tables."""
    tables = scenario.tables
    if tables is None:
        return build_society(scenario, seed)
    if tables.data is not None:
        folder = data_set_folder(tables.data)
        if tables.data not in DATA_SETS or not (folder / "codebook.toml").is_file():
            raise missing_data(tables.data)
        return society_from_tables(folder / "nodes.csv", folder / "edges.csv", folder / "codebook.toml", scenario)
    folder = Path(scenario.__dict__.get("folder", "."))
    codebook = None if tables.codebook is None else folder / tables.codebook
    return society_from_tables(folder / str(tables.nodes), folder / str(tables.edges), codebook, scenario)


def society_from_tables(
    nodes: str | Path | pd.DataFrame, edges: str | Path | pd.DataFrame,
    codebook: str | Path | Mapping[str, Any] | None = None, scenario: Scenario | str | None = None, seed: int = 0,
) -> Society:
    """A society from a survey and a network.

    Parameters
    ----------
    nodes : CSV file or DataFrame, one row per person. Columns, unless the codebook names others: `id`, `organisation`,
        `role` (staff, manager, peer or commissioner; without the column all are staff), and, where known, `team`,
        `manager` (id of the line manager) and `commissioner` (id of who funds the person's organisation; without it a
        commissioner who is the only one funds all). Values: a column for every dimension that was asked, in [0, 1].
        A missing value is drawn from the profile of the role. Commissioners need no organisation.
    edges : CSV file or DataFrame, one row per tie: `from`, `to` and perhaps `kind` (team, line, between, peer,
        commissioning, commissioners), else the kind follows from who the two are. Ties have no direction; the same tie
        twice is one tie. Line managers get a line tie if the edges have none; a manager's own manager is a colleague.
    codebook : TOML file or mapping: names of columns (`id = "respondent"`); further codes for "missing" (`missing`);
        tables `roles`, `organisations` and `kinds` from codes to names; `groups` from organisations to groups of the
        scenario; `values.DIMENSION` with `column`, and either `low` and `high` (ends of the scale, which become 0 and
        1) or `codes` (from codes to numbers in [0, 1]); `edges` with `from`, `to`, `kind` and dangling = "drop" to
        leave out ties to people who are not in the survey.
    scenario : the Scenario (or its name) that the society is for: it says which dimensions, profiles and groups of
        organisations there are. Default: two-services. An organisation belongs to the group of its own name, to what
        `groups` says, or to the only group.
    seed : of the services' lasting differences in leadership, slack and co-production.

    Returns
    -------
    Society : for `simulate(scenario, society=...)`.

    Raises
    ------
    InputError : with every problem found in the tables and the codebook in `.problems`.
    """
    if not isinstance(scenario, Scenario):
        scenario = Scenario.load(scenario or "two-services")
    problems: list[str] = []
    book = _codebook(codebook, scenario, problems)
    missing = {*MISSING, *map(str, book.get("missing", ()))}
    people, ties = _Table(nodes, "nodes", missing, problems), _Table(edges, "edges", missing, problems)
    if not (people.usable and ties.usable):
        _stop(problems)
    named = book["edges"]
    person = {name: people.column(book.get(name, name), name in book or name in NODES[:2]) for name in NODES}
    columns = {name: ties.column(named.get(name, name), name in named or name in EDGES[:2]) for name in EDGES}
    values = _values(people, book, scenario)
    if any(each is None for each in (person["id"], person["organisation"], columns["from"], columns["to"])):
        _stop(problems)
    return _Import(scenario, book, people, ties, person, columns, values, problems).society(seed)


def _stop(problems: list[str]) -> None:
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def _codebook(given: str | Path | Mapping[str, Any] | None, scenario: Scenario, problems: list[str]) -> dict[str, Any]:
    """The codebook with all its tables, wrong entries reported and left out."""
    where = "codebook" if given is None or isinstance(given, Mapping) else str(given)
    book: dict[str, Any] = {}
    if isinstance(given, Mapping):
        book = dict(given)
    elif given is not None:
        try:
            book = tomllib.loads(Path(given).read_text("utf-8"))
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{where}: not valid TOML: {error}")
        except (OSError, ValueError, RecursionError) as error:
            problems.append(f"{where}: cannot be read: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}")
    allowed = {"values": scenario.dimensions, "edges": (*EDGES, "dangling")}
    for name in [*book]:
        table = name in SECTIONS[7:]
        if name not in SECTIONS:
            problems.append(f"{where}: {unknown(name, SECTIONS, 'key')}")
        elif not isinstance(book[name], Mapping if table else list if name == "missing" else str):
            wanted = "table" if table else "list" if name == "missing" else "text"
            problems.append(f"{where}: {name} = {book[name]!r}: a {wanted} is wanted")
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
    for name in SECTIONS[7:]:
        book.setdefault(name, {})
    for code in [each for each, name in book["organisations"].items() if not isinstance(name, str)]:
        problems.append(f"{where}: organisations.{code} = {book['organisations'].pop(code)!r}: a text is wanted")
    for key in [each for each in EDGES if not isinstance(book["edges"].get(each, ""), str)]:
        problems.append(f"{where}: edges.{key} = {book['edges'].pop(key)!r}: a text is wanted")
    if book["edges"].get("dangling", "drop") != "drop":
        problems.append(f"{where}: edges.dangling = {book['edges']['dangling']!r}: allowed is \"drop\" "
                        "(or leave it out)")
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
        yield f"{entry!r}: the name of a column, or a table, is wanted"
        return
    for key in [each for each in entry if each not in ("column", "low", "high", "codes")]:
        yield unknown(key, ("column", "low", "high", "codes"), "key")
    if not isinstance(entry.get("column", ""), str):
        yield f"column = {entry['column']!r}: a text is wanted"
    codes = entry.get("codes", {})
    if not isinstance(codes, Mapping) or not all(_is_number(each) and 0 <= each <= 1 for each in codes.values()):
        yield "codes: a table from codes to numbers in [0, 1] is wanted"
    if ("low" in entry) != ("high" in entry) or ("codes" in entry and "low" in entry):
        yield "give either `codes`, or `low` and `high` together, or none of them"
    elif "low" in entry and not (_is_number(entry["low"]) and _is_number(entry["high"])
                                 and entry["low"] != entry["high"]):
        yield "low and high should be two different numbers"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e300 < value < 1e300


class _Table:
    """A table as text, with its name and row numbers for messages."""

    def __init__(self, given: Any, what: str, missing: set[str], problems: list[str]) -> None:
        import pandas as pd

        self.missing, self.problems, self.used = missing, problems, set()
        self.name, self.row, self.offset = what, "row", 0
        self.frame, self.usable = pd.DataFrame(), False
        if isinstance(given, pd.DataFrame):
            self.frame = given
        elif not isinstance(given, (str, Path)):
            problems.append(f"{what}: {type(given).__name__}: a CSV file or a DataFrame is wanted")
            return
        else:
            self.name, self.row, self.offset = str(given), "line", 2
            try:
                with open(given, encoding="utf-8-sig", newline="") as stream:
                    self.frame = pd.read_csv(stream, dtype=str, keep_default_na=False, skipinitialspace=True,
                                             index_col=False)
            except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
                reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[0]
                problems.append(f"{self.name}: cannot be read as CSV: {reason}")
                return
        self.frame = self.frame.rename(columns=lambda name: str(name).strip())
        twice = self.frame.columns[self.frame.columns.duplicated()].unique()
        problems += [f"{self.name}: the column {name!r} stands there more than once" for name in twice]
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

    def each(self, column: np.ndarray, wrong: np.ndarray, say: Any) -> None:
        """One problem for every distinct wrong text of a column."""
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(wrong):
            rows.setdefault(column[row], []).append(int(row))
        for text, where in rows.items():
            self.report(where, say(text))

    def coded(self, column: np.ndarray, codes: Mapping[str, Any], allowed: Iterable[str] | None,
              what: str) -> np.ndarray:
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


def _values(people: _Table, book: Mapping[str, Any], scenario: Scenario) -> np.ndarray:
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
        scale = f"allowed is {min(low, high):g} to {max(low, high):g}"
        wrong, out = np.zeros(len(people), bool), np.zeros(len(people), bool)
        for row, text in enumerate(column):
            if text is not None:
                try:
                    values[row, k] = number = (float(text) - low) / (high - low)
                except ValueError:
                    wrong[row] = True
                else:
                    out[row] = not 0.0 <= number <= 1.0
        people.each(column, wrong,
                    lambda text, name=name, scale=scale: f"{name} = {text!r}: a number is wanted; {scale}")
        people.each(column, out, lambda text, name=name, scale=scale: f"{name} = {text}: {scale}")
    if not book["values"]:
        for name in [each for each in people.frame if each not in people.used]:
            left = [dimension for dimension in scenario.dimensions if dimension not in people.used]
            guess = unknown(name, left, "dimension") if left else ""
            if "did you mean" in guess:
                people.problems.append(f"{people.name}: column {guess}")
    return values


class _Import:
    """Rows of both tables on their way to a society."""

    def __init__(self, scenario, book, people, ties, person, columns, values, problems) -> None:
        self.scenario, self.book, self.people, self.ties = scenario, book, people, ties
        self.person, self.columns, self.values, self.problems = person, columns, values, problems
        self.row_of = {text: row for row, text in reversed([*enumerate(person["id"])]) if text is not None}

    def society(self, seed: int) -> Society:
        """Check everything, say what is wrong; then order it and build."""
        role = self.roles()
        service, names, group = self.services(role)
        self.identities()
        manager = self.managers(role, service)
        funder = self.funders(role, service, len(names))
        a, b, kind = self.network(role, service, manager)
        self.profiles(role, service, group)
        _stop(self.problems)
        people, O = len(role), len(names)
        ids = self.person["id"]
        order = sorted(range(people), key=lambda n: (service[n], ROW_ORDER[role[n]], _natural(ids[n])))
        place = np.empty(people, np.int64)
        place[order] = np.arange(people)

        def moved(rows: np.ndarray) -> np.ndarray:
            return np.where(rows >= 0, place[rows], -1).astype(np.int32)

        role, organisation, ids = role[order], service[order], [ids[n] for n in order]
        commissioner = moved(funder)
        kind = _no_foreign_funding(place[a], place[b], kind, role, organisation, commissioner)
        tie_a, tie_b, tie_kind = unpack_ties(pack_ties(place[a], place[b], kind, people), people)
        key = _service_keys(self.scenario, names)
        post_low, post_high = _posts(role, organisation, ids, key)
        lasting = lasting_differences(seed, key)
        return Society(
            organisation=organisation, role=role, profile=profiles_of(self.scenario, role, organisation, group),
            team=self.teams(service)[order], manager=moved(manager)[order], post_low=post_low, post_high=post_high,
            first=np.searchsorted(organisation, np.arange(O + 2)).astype(np.int64), key=key, group=group,
            commissioner=commissioner, area=np.arange(O, dtype=np.int32), leadership_z=lasting[1], slack_z=lasting[2],
            coproduction_z=lasting[3], tie_a=tie_a, tie_b=tie_b, tie_kind=tie_kind,
            values=None if np.isnan(self.values).all() else np.ascontiguousarray(self.values[order]),
            ids=ids, names=names,
        )

    def identities(self) -> None:
        ids, people = self.person["id"], self.people
        people.report(np.flatnonzero(ids == None), "has no id")  # noqa: E711
        first = np.array([self.row_of.get(text, -1) for text in ids])
        people.each(ids, (first >= 0) & (np.bincount(first[first >= 0], minlength=len(ids))[first] > 1),
                    lambda text: f"the id {text!r} stands there more than once")

    def roles(self) -> np.ndarray:
        column = self.person["role"]
        if column is None:
            return np.zeros(len(self.people), np.int8)
        self.people.report(np.flatnonzero(column == None), "has no role")  # noqa: E711
        named = self.people.coded(column, self.book["roles"], ROLES, "role")
        return np.array([ROLES.index(name) if name in ROLES else 0 for name in named], np.int8)

    def services(self, role: np.ndarray) -> tuple[np.ndarray, list[str], np.ndarray]:
        """Service of everybody (commissioners: one past the last), names and groups of the services."""
        people, scenario, member = self.people, self.scenario, role != COMMISSIONER
        given = np.where(member, self.person["organisation"], None)
        people.report(np.flatnonzero((given == None) & member), "has no organisation")  # noqa: E711
        column = people.coded(given, self.book["organisations"], None, "known organisation")
        group: dict[str, int] = {}
        lost: list[str] = []
        for name in dict.fromkeys(each for each in column if each is not None):
            group[name] = self.group_of(name)
            lost += [name] if group[name] < 0 else []
        for name in lost:
            people.report(np.flatnonzero((column == name) & member),
                          f"{unknown(name, scenario.service_names(), 'service of ' + repr(scenario.name))}"
                          " Or name its group under [groups] of the codebook")
        if member.any() and not group and not self.problems:
            self.problems.append(f"{people.name}: has no organisations")
        if not member.any():
            self.problems.append(f"{people.name}: has nobody but commissioners")
        allowed = [*scenario.group_names, *group]
        for place in [each for change in scenario.changes for each in change.organisations or ()]:
            if place not in allowed:
                self.problems.append(f"changes: {unknown(place, allowed, 'service of the tables')}")
        order = {name: number for number, name in enumerate(scenario.service_names())}
        names = sorted(group, key=lambda name: (group[name], order.get(name, len(order)), _natural(name)))
        number = {name: o for o, name in enumerate(names)}
        service = [number.get(str(text), -1) if here else len(names) for text, here in zip(column, member, strict=True)]
        return np.array(service, np.int32), names, np.array([group[name] for name in names], np.int32)

    def group_of(self, name: str) -> int:
        groups = self.scenario.group_names
        if name in self.book["groups"]:
            return groups.index(self.book["groups"][name]) if self.book["groups"][name] in groups else 0
        try:
            return self.scenario.group_of_service(name)
        except KeyError:
            return 0 if len(groups) == 1 else -1

    def teams(self, service: np.ndarray) -> np.ndarray:
        """Numbers of teams in their service, in the order of their names."""
        team, column = np.full(len(service), -1, np.int32), self.person["team"]
        if column is not None:
            named = sorted({(service[n], _natural(text), text) for n, text in enumerate(column) if text is not None})
            number: dict[tuple[int, str], int] = {}
            start = {o: n for n, (o, _, _) in reversed([*enumerate(named)])}
            for n, (o, _, text) in enumerate(named):
                number[o, text] = n - start[o]
            team[:] = [number.get((o, text), -1) for o, text in zip(service, column, strict=True)]
        return team

    def references(self, column: str) -> np.ndarray:
        """Rows that a column of ids points to, -1 where it is empty."""
        texts = self.person[column]
        if texts is None:
            return np.full(len(self.people), -1, np.int64)
        self.people.each(texts, np.array([text is not None and text not in self.row_of for text in texts], bool),
                         lambda text: f"{column} {text!r} is not the id of anybody")
        return np.array([self.row_of.get(text, -1) for text in texts], np.int64)

    def managers(self, role: np.ndarray, service: np.ndarray) -> np.ndarray:
        manager = self.references("manager")
        given, people = manager >= 0, self.people
        people.report(np.flatnonzero(given & (role[manager] != MANAGER)),
                      "manager: is not somebody with the role manager")
        people.report(np.flatnonzero(given & (manager == np.arange(len(manager)))), "manager: is the person themselves")
        people.report(np.flatnonzero(given & (role[manager] == MANAGER) & (service[manager] != service)),
                      "manager: works in another organisation")
        return manager

    def funders(self, role: np.ndarray, service: np.ndarray, services: int) -> np.ndarray:
        """Row of the commissioner of every service, -1."""
        given, people = self.references("commissioner"), self.people
        people.report(np.flatnonzero((given >= 0) & (role[given] != COMMISSIONER)),
                      "commissioner: is not somebody with the role commissioner")
        every = np.flatnonzero(role == COMMISSIONER)
        funder = np.full(services, every[0] if len(every) == 1 else -1, np.int64)
        named = np.full(services, -1, np.int64)
        rows = np.flatnonzero((given >= 0) & (role != COMMISSIONER) & (service >= 0))
        named[service[rows]] = given[rows]
        people.report([row for row in rows if named[service[row]] != given[row]],
                      "commissioner: others of the organisation name another one")
        return np.where(named >= 0, named, funder)

    def network(self, role, service, manager) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ends (rows of nodes) and kinds of the ties; `manager` gets what line ties say."""
        table, ends, dropped = self.ties, [], np.zeros(len(self.ties), bool)
        for name in ("from", "to"):
            column = self.columns[name]
            table.report(np.flatnonzero(column == None), f"has nobody at its end ({name!r})")  # noqa: E711
            strange = np.array([text is not None and text not in self.row_of for text in column], bool)
            if self.book["edges"].get("dangling") == "drop":
                dropped |= strange
            else:
                table.each(column, strange, lambda text: f"{text!r} is not in {self.people.name}")
            ends.append(np.array([self.row_of.get(text, -1) for text in column], np.int64))
        a, b = ends
        table.report(np.flatnonzero((a == b) & (a >= 0)), "is a tie of a person with themselves")
        usable = (a >= 0) & (b >= 0) & (a != b) & ~dropped
        kind = _kinds(a, b, role, service)
        if self.columns["kind"] is not None:
            named = table.coded(self.columns["kind"], self.book["kinds"], KINDS, "kind of tie")
            for number, name in enumerate(KINDS):
                rows = usable & (named == name)
                table.report(np.flatnonzero(rows & ~_possible(number, a, b, role, service)),
                             f"cannot be a tie of kind {name!r}: {NEEDS[number]}")
                kind[rows] = number
        for row in np.flatnonzero(usable & (kind == _LINE)):
            follower, leader = (a[row], b[row]) if role[b[row]] == MANAGER else (b[row], a[row])
            if manager[follower] not in (-1, leader):
                table.report([row], f"{self.person['id'][follower]!r} has another line manager already")
            manager[follower] = leader
        led = np.flatnonzero(manager >= 0)
        line = np.where(role[led] == MANAGER, _TEAM, _LINE)
        ends = np.concatenate([a[usable], led]), np.concatenate([b[usable], manager[led]])
        manager[role == MANAGER] = -1
        return *ends, np.concatenate([kind[usable], line])

    def profiles(self, role: np.ndarray, service: np.ndarray, group: np.ndarray) -> None:
        """Everybody needs a value profile in the scenario."""
        scenario = self.scenario
        for number, profile in enumerate(("staff_profile", "manager_profile", "peer_profile")):
            for g in np.unique(group[service[(role == number) & (service >= 0)]]):
                name = getattr(scenario.organisations[g], profile)
                if name not in scenario.profiles:
                    self.problems.append(f"{scenario.name}: organisations[{g}].{profile}: "
                                         f"{unknown(name, scenario.profiles, 'profile')}")
        if (role == COMMISSIONER).any() and scenario.commissioners.profile not in scenario.profiles:
            self.problems.append(f"{scenario.name}: commissioners.profile: "
                                 f"{unknown(scenario.commissioners.profile, scenario.profiles, 'profile')}")


NEEDS = ("two members of one organisation are needed", "a manager and a member of the same organisation are needed",
         "members of two organisations are needed", "a peer and another member of the organisation are needed",
         "a commissioner and a member of an organisation are needed", "two commissioners are needed")


def _possible(kind: int, a: np.ndarray, b: np.ndarray, role: np.ndarray, service: np.ndarray) -> np.ndarray:
    """Which ties could be of a kind."""
    commissioners = (role[a] == COMMISSIONER).astype(int) + (role[b] == COMMISSIONER)
    members = commissioners == 0
    same = members & (service[a] == service[b])
    led = same & ((role[a] == MANAGER) != (role[b] == MANAGER))
    with_peer = same & ((role[a] == PEER) | (role[b] == PEER))
    return (same, led, members & ~same, with_peer, commissioners == 1, commissioners == 2)[kind]


def _kinds(a: np.ndarray, b: np.ndarray, role: np.ndarray, service: np.ndarray) -> np.ndarray:
    """What ties are, by who the two are."""
    kind = np.full(len(a), _TEAM, np.int8)
    for number in (_PEER, _BETWEEN, _COMMISSIONING, _COMMISSIONERS):
        kind[_possible(number, a, b, role, service)] = number
    return kind


def _no_foreign_funding(a, b, kind, role, organisation, commissioner) -> np.ndarray:
    """Commissioning ties join a manager and the commissioner of their service; others with commissioners: contacts."""
    low, high = np.minimum(a, b), np.maximum(a, b)  # commissioners stand last
    funds = kind == _COMMISSIONING
    funds[funds] = (role[low[funds]] == MANAGER) & (commissioner[organisation[low[funds]]] == high[funds])
    return np.where((kind == _COMMISSIONING) & ~funds, _BETWEEN, kind)


def _natural(text: str) -> tuple[int, int, str]:
    """Numbers by size, before words."""
    return (0, int(text), text) if text.isascii() and text.isdigit() and len(text) < 19 else (1, 0, text)


def _distinct(names: Iterable[tuple[Any, str]], bits: int, taken: set[tuple[Any, int]] | None = None) -> list[int]:
    """Numbers of some bits from names, distinct within each name's scope (the first of the pair)."""
    taken, numbers = taken or set(), []
    for scope, name in names:
        salt = 0
        while True:
            digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8, salt=salt.to_bytes(8, "big"))
            number = int.from_bytes(digest.digest(), "big") >> (64 - bits)
            if (scope, number) not in taken:
                break
            salt += 1
        taken.add((scope, number))
        numbers.append(number)
    return numbers


def _service_keys(scenario: Scenario, names: list[str]) -> np.ndarray:
    """Keys of imported services: those of generated ones where they have the same name, else from the name."""
    known = dict(zip(scenario.service_names(), service_keys(scenario)[0].tolist(), strict=True))
    fresh = [name for name in names if name not in known]
    taken = {(0, name_key("commissioners") << 16), *((0, known[name]) for name in names if name in known)}
    known |= dict(zip(fresh, _distinct(((0, name) for name in fresh), 32, taken), strict=True))
    return np.array([known[name] for name in names], np.uint64)


def _posts(role: np.ndarray, organisation: np.ndarray, ids: list[str],
           key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids of posts: from role and id, so that others in the tables make no difference."""
    scopes = ((o, r) for o, r in zip(organisation.tolist(), role.tolist(), strict=True))
    low = np.array(_distinct(zip(scopes, ids, strict=True), 24), np.uint64)
    keys = np.append(key, np.uint64(name_key("commissioners") << 16))
    return role.astype(np.uint64) << np.uint64(24) | low, keys[organisation]
