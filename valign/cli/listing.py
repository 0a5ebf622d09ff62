"""What the listing commands do."""

from __future__ import annotations

import sys
from pathlib import Path

from valign.model.errors import InputError, nearest
from valign.model.parameters import PARAMETERS

from . import terminal
from .parameters import FORMATS


def scenarios(as_json: bool) -> None:
    from valign.model.scenario.scenario import Scenario, scenario_names

    found = [Scenario.load(name) for name in scenario_names()]
    # who is there where a scenario is built on public data, only these know
    people = [None if s.tables is not None and s.tables.data is not None else s.people() for s in found]
    if as_json:
        terminal.as_json(
            [
                {
                    "name": s.name,
                    "title": s.title,
                    "people": count,
                    "services": len(s.service_names()),
                    "months": s.months,
                }
                for s, count in zip(found, people, strict=True)
            ]
        )
        return
    terminal.table(
        ("scenario", "what it is", "services", "people", "months"),
        [
            (
                s.name,
                s.title,
                f"{len(s.service_names()):,}",
                "from data" if count is None else f"{count:,.0f}",
                str(s.months),
            )
            for s, count in zip(found, people, strict=True)
        ],
        numbers_from=2,
    )


def describe(name: str, as_json: bool) -> None:
    from ..scenario_text import description, in_words
    from .options import loaded

    scenario = loaded(name)
    if as_json:
        terminal.as_json(description(scenario))
    else:
        terminal.show(in_words(scenario))


def validate(file: str, as_json: bool) -> None:
    from valign.model.society.tables import society_of

    from .options import loaded

    scenario = loaded(file)
    services, people, about = len(scenario.service_names()), scenario.people(), "about "
    if scenario.tables is not None and scenario.tables.data is None:  # its files are part of the scenario
        society = society_of(scenario, 0)
        services, people, about = len(society.key), len(society.role), ""
    if as_json:
        terminal.as_json(
            {
                "file": file,
                "valid": True,
                "name": scenario.name,
                "services": services,
                "people": people,
                "months": scenario.months,
            }
        )
        return
    terminal.show(
        f"{file} is a valid scenario: {scenario.name}, {services:,} services, {about}{people:,.0f} people, "
        f"{scenario.months} months"
    )


def parameters(search: str, style: str | None, as_json: bool) -> None:
    if as_json and style not in (None, "json"):
        raise InputError([f"--format {style} and --json: choose one"])
    style = "json" if as_json else style
    if style is not None and style not in FORMATS:
        near = nearest(style, list(FORMATS))
        raise InputError(
            [f"--format {style}: expected one of {', '.join(FORMATS)}" + (f" (did you mean {near}?)" if near else "")]
        )
    found = [p for p in PARAMETERS.values() if search.lower() in f"{p.name} {p.in_full} {p.mechanism}".lower()]
    if not found:
        near = nearest(search, list(PARAMETERS))
        raise InputError(
            [f"no parameter has {search!r} in its name or meaning" + (f"; did you mean {near}?" if near else "")]
        )
    if style is not None:
        sys.stdout.write(FORMATS[style](found))
        return
    terminal.table(
        ("parameter", "meaning", "unit", "grade", "default", "range"),
        [(p.name, p.in_full, p.unit, p.grade, f"{p.default:g}", f"{p.low:g} … {p.high:g}") for p in found],
        numbers_from=4,
    )


def data_sets(as_json: bool) -> None:
    from valign.calibration.data.medical_innovation import WHAT, available

    if as_json:
        terminal.as_json(
            [
                {"name": name, "folder": None if folder is None else str(folder), "title": WHAT[name]}
                for name, folder in available().items()
            ]
        )
        return
    rows = [
        (name, str(folder or f"not here yet: valign data get {name}"), WHAT[name])
        for name, folder in available().items()
    ]
    terminal.table(("data set", "where", "what it is"), rows, numbers_from=9)


def get_data(name: str, source: Path | None, quiet: bool, as_json: bool) -> None:
    from valign.calibration.data.medical_innovation import get

    where = get(name, source)
    if as_json:
        terminal.as_json({"name": name, "folder": str(where)})
        return
    terminal.say(f"{name} is at {where}", quiet)
