"""What was observed: a folder with a description (data.toml) and CSV tables; everything wrong is said at once.

docs/CALIBRATION.md shows a worked description.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd
from pydantic import ValidationError

from valign.model.errors import InputError, explain, unknown
from valign.model.reading import TomlError, parse_toml, read_text, reason
from valign.model.society.codebook import MISSING
from valign.model.society.tables import DATA_SETS, data_set_folder, missing_data

from . import medical_innovation
from .said_back import said_back
from .schema import Adoptions, Curve, Data, Differences, Orientation, Part, Pattern, People, Series, Ties
from .tables import CHANGING, FIRST, OTHERS, read_curve, read_people, read_ties

DESCRIPTION = "data.toml"
TEXTS = ("name", "title", "source", "time_unit")
SECTIONS = (*TEXTS, "missing", "people", "adoptions", "orientation", "ties", "series", "patterns", "fit")
UNITS = ("day", "week", "month", "quarter", "year")
DEFAULT_PERIODS = 60  # where patterns say nothing of time
OnePart = TypeVar("OnePart", bound=Part)


def load(what: str | Path) -> Data:
    """Read a folder with data.toml, or a public data set by its name.

    Raises
    ------
    InputError : with everything that is wrong in the description and the tables in `.problems`.
    """
    if str(what) in DATA_SETS:
        folder = data_set_folder(str(what))
        if not (folder / "nodes.csv").is_file():
            raise missing_data(str(what))
        return read(parse_toml(medical_innovation.DESCRIPTION), folder)
    folder = Path(what)
    if not folder.is_dir():
        raise InputError([f"{folder}: is not a folder of data, and {unknown(str(what), DATA_SETS, 'public data set')}"])
    try:
        given = parse_toml(read_text(folder / DESCRIPTION))
    except FileNotFoundError:
        raise InputError(
            [
                f"{folder}: has no {DESCRIPTION} that says what the columns mean "
                "(docs/CALIBRATION.md has one to start from)"
            ]
        ) from None
    except TomlError as error:
        raise InputError([f"{folder / DESCRIPTION}: {error}"]) from None
    except (OSError, ValueError) as error:
        raise InputError([f"{folder / DESCRIPTION}: cannot be read: {reason(error)}"]) from None
    return read(given, folder)


def read(given: Mapping[str, Any], folder: Path) -> Data:
    """Check a description and read the tables that it names; see `load`."""
    where = str(folder / DESCRIPTION)
    problems = [f"{where}: {unknown(key, SECTIONS, 'key')}" for key in given if key not in SECTIONS]
    text = _texts(given, folder, where, problems)
    missing = _missing(given.get("missing", ()), where, problems)
    people = _part(People, given.get("people"), f"{where}: people", problems)
    ties = _part(Ties, given.get("ties"), f"{where}: ties", problems)
    entries = _mapping(given.get("orientation", {}), f"{where}: orientation", problems)
    orientation = {
        str(key): found
        for key, entry in entries.items()
        if (found := _part(Orientation, entry, f"{where}: orientation.{key}", problems)) is not None
    }
    series = _parts(Series, given, "series", where, problems)
    patterns = _parts(Pattern, given, "patterns", where, problems)
    problems += [f"{where}: {lacking}" for lacking in _lacking(given, entries, patterns)]
    fit = _part(Differences, given.get("fit"), f"{where}: fit", problems)
    adoptions = _part(Adoptions, given.get("adoptions"), f"{where}: adoptions", problems)
    table = None if people is None else read_people(people, orientation, folder, missing, problems, adoptions)
    beside = {} if table is None else {name: table.attrs.pop(name) for name in (OTHERS, FIRST, CHANGING)}
    joined = None if ties is None else read_ties(ties, table, folder, missing, problems)
    curves = [found for each in series if (found := read_curve(each, folder, missing, problems)) is not None]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return Data(
        **text,
        folder=folder,
        people=table,
        ties=joined,
        orientation=orientation,
        series=tuple(curves),
        patterns=tuple(patterns),
        periods=_last_period(table, curves, patterns),
        remarks=tuple(_remarks(table, orientation, beside.get(CHANGING, 0))),
        direction="both" if ties is None else ties.direction,
        said=said_back(
            table, people, joined, ties, orientation, curves, patterns, text["time_unit"], beside.get(FIRST, 1)
        ),
        columns=beside.get(OTHERS),
        fit=fit or Differences(),
    )


def _missing(given: object, where: str, problems: list[str]) -> dict[str, set[str]]:
    """Codes for what is missing, by column ("": everywhere): a list for all columns, or a table by column."""
    found: dict[str, set[str]] = {"": set(MISSING)}
    by_column: Mapping[str, Any] = given if isinstance(given, Mapping) else {"": given}  # pyright: ignore
    for column, codes in by_column.items():
        if isinstance(codes, str) or not isinstance(codes, Sequence):
            problems.append(f"{where}: missing: expected a list of codes, or [missing] with COLUMN = [codes]")
            continue
        found.setdefault(str(column), set()).update(map(str, cast("Sequence[Any]", codes)))
    return found


def _lacking(given: Mapping[str, Any], orientation: Mapping[str, Any], patterns: Iterable[Pattern]) -> list[str]:
    """What parts of the description need of one another."""
    lacking: list[str] = []
    if not any(key in given for key in ("people", "series", "patterns")):
        lacking.append("describes nothing that was observed: expected [people], [[series]] or [[patterns]]")
    if "people" not in given:
        lacking += [f"{key} needs [people]" for key in ("ties", "orientation", "adoptions") if key in given]
    lacking += [
        f"patterns: {pattern.name}: {unknown(pattern.orientation, orientation, 'orientation')}"
        for pattern in patterns
        if pattern.orientation is not None and pattern.orientation not in orientation
    ]
    return lacking


def _last_period(people: pd.DataFrame | None, curves: Iterable[Curve], patterns: Iterable[Pattern]) -> int:
    """The last period of anything observed."""
    last = [] if people is None else [int(people["until"].max())]
    last += [int(each.time.max()) for each in curves] + [each.at for each in patterns if each.at is not None]
    return max(last, default=DEFAULT_PERIODS)


def _remarks(people: pd.DataFrame | None, orientation: Iterable[str], changing: int) -> list[str]:
    """How many did not say what they value, and for how many it changes."""
    if people is None:
        return []
    moved = f"{changing} of {len(people)} people have values that change over time: the first known ones are used"
    lacking = {name: int(people[name].isna().sum()) for name in orientation}
    return [moved] * bool(changing) + [
        f"{count} of {len(people)} people have no {name}: drawn from the profile in each run"
        for name, count in lacking.items()
        if count
    ]


def _texts(given: Mapping[str, Any], folder: Path, where: str, problems: list[str]) -> dict[str, str]:
    """Name, title, source and unit of time."""
    text: dict[str, str] = {}
    for key, default in (("name", folder.name), ("title", ""), ("source", ""), ("time_unit", "month")):
        word = given.get(key, default)
        if not isinstance(word, str):
            problems.append(f"{where}: {key} = {word!r}: expected text in quotes")
        text[key] = str(word)
    unit = text["time_unit"].strip().lower()
    unit = unit.removesuffix("s") if unit.removesuffix("s") in UNITS else unit
    return {**text, "time_unit": unit, "title": text["title"] or text["name"]}


def _mapping(given: object, where: str, problems: list[str]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return cast("Mapping[str, Any]", given)
    problems.append(f"{where}: expected a table")
    return {}


def _list(given: object, where: str, problems: list[str]) -> list[Any]:
    if isinstance(given, list):
        return cast("list[Any]", given)
    problems.append(f"{where}: expected a list of tables ([[...]])")
    return []


def _parts(kind: type[OnePart], given: Mapping[str, Any], key: str, where: str, problems: list[str]) -> list[OnePart]:
    """The parts of a list, those that are right."""
    return [
        found
        for n, entry in enumerate(_list(given.get(key, []), f"{where}: {key}", problems))
        if (found := _part(kind, entry, f"{where}: {key} {n + 1}", problems)) is not None
    ]


def _part(kind: type[OnePart], given: Any, where: str, problems: list[str]) -> OnePart | None:
    """A part of the description, or None with its problems noted."""
    if given is None:
        return None
    if isinstance(given, str) and kind is Orientation:
        given = {"column": given}
    if isinstance(given, Mapping):
        whole = cast("Mapping[str, Any]", given)
        if isinstance(whole.get("codes"), Mapping):
            given = {**whole, "codes": {str(key): value for key, value in whole["codes"].items()}}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fields = {"": [each.alias or name for name, each in kind.model_fields.items()]}
        problems += [f"{where}: {explain(each, fields)}" for each in error.errors()]
    return None
