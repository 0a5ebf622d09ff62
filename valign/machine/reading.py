"""Files of a visitor: a scenario, a filled-in questionnaire, a survey with its network; made into what commands read.

A file lies in a folder that the server has chosen, under the name it came with; it is read here, in a job's process.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valign.calibration.data.cells import DATE, Sheet, read_sheets
from valign.calibration.data.survey import read_survey
from valign.calibration.diagnose.diagnosis import Diagnosis
from valign.experiments.bases import society_of, table_files
from valign.model.errors import InputError
from valign.model.reading import read_text
from valign.model.scenario.scenario import Scenario

from ..cli.survey import is_survey
from .situation import OWN, check_size

SOCIETY = "society"  # a folder with the scenario and its tables
MOST_TOML = 200_000
TABLES = {"people": "nodes.csv", "ties": "edges.csv"}
KINDS = {"people": "table of people", "ties": "table of who talks to whom"}
EITHER_WAY = re.compile(r"\s*(0?[1-9]|1[0-2])[/.-](0?[1-9]|1[0-2])[/.-](\d{4}|\d{2})\s*")


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Make a folder that holds a scenario, of what was uploaded; what was read, in words. Raises InputError."""
    files = {kind: Path(path) for kind, path in given["files"].items()}
    Path(SOCIETY).mkdir(exist_ok=True)
    if "survey" in files:
        said = _from_survey(files["survey"])
    elif "scenario" in files:
        said = _from_toml(files["scenario"], bool(given.get("owner")))
    else:
        said = _from_tables(files, given["source"])
    scenario = Scenario.load(Path(SOCIETY) / OWN)
    check_size(scenario)
    services = sum(group.count for group in scenario.organisations)
    people = f"about {scenario.people():,}"
    if scenario.tables is not None and scenario.tables.nodes:  # as the page counts them: in services
        society = society_of(scenario, 0)
        people = f"{int(society.first[len(society.key)]):,}"
    return {
        "title": scenario.title or scenario.name,
        "said": [f"{services:,} services, {people} people, {scenario.months} months.", *said],
    }


def surveys(given: Mapping[str, Any]) -> list[str]:
    """One or two filled-in questionnaires, under their own names in the working folder. Raises InputError."""
    names: list[str] = []
    for kind in ("before", "after"):
        if kind in given["files"]:
            path = Path(given["files"][kind])
            name = path.name if path.name not in names else f"later-{path.name}"
            shutil.copy(path, name)
            names.append(name)
    if not names:
        raise InputError(["No questionnaire has been chosen yet."])
    return names


def _from_survey(path: Path) -> list[str]:
    answers = _in_own_words(path, lambda: read_survey(path))
    Diagnosis(answers, runs=0).write_society(SOCIETY)
    return [
        f"{path.name}: {len(answers):,} people in {len(answers.services)} services; {answers.used:,} of "
        f"{answers.given:,} answers used.",
        *(f"Not used: {of.answers:,}: {of.why} ({of.where})." for of in answers.unused),
        *answers.remarks,
    ]


def _from_toml(path: Path, owner: bool) -> list[str]:
    if owner:
        if is_survey(path.name):
            return _from_survey(path)
        scenario = Scenario.load(path)
        for name, table in table_files(scenario).items():
            (Path(SOCIETY) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(table, Path(SOCIETY) / name)
    else:
        try:
            text = read_text(path, MOST_TOML)
        except ValueError as error:
            raise InputError([f"{path.name}: {error}"]) from None
        if not text.strip():
            raise InputError([f"{path.name}: the file is empty"])
        scenario = Scenario.from_toml(text, path.name)
        if scenario.tables is not None and scenario.tables.data is None:
            raise InputError(
                [
                    f"{path.name}: [tables] names files, which this page does not read: take the section out and "
                    "upload the tables beside the scenario"
                ]
            )
        check_size(scenario)
    (Path(SOCIETY) / OWN).write_text(scenario.to_toml(), "utf-8")
    return []


def _from_tables(files: Mapping[str, Path], source: Mapping[str, str]) -> list[str]:
    """A survey and its network in the place of the society of a scenario."""
    if missing := [KINDS[kind] for kind in TABLES if kind not in files]:
        raise InputError([f"People and ties go together: still missing is the {missing[0]}."])
    remarks: list[str] = []
    for kind, name in TABLES.items():
        path = files[kind]
        sheet = _in_own_words(path, lambda path=path: read_sheets(path)[0])
        remarks += _dates(sheet, path.name)
        with (Path(SOCIETY) / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(row for _, row in sheet.rows)
    tables = {"nodes": TABLES["people"], "edges": TABLES["ties"]}
    if "codebook" in files:
        (Path(SOCIETY) / "codebook.toml").write_bytes(files["codebook"].read_bytes())
        tables["codebook"] = "codebook.toml"
    base = Scenario.load(Path(source["folder"]) / OWN) if "folder" in source else Scenario.load(source["name"])
    raw = {**base.to_mapping(), "tables": tables}
    made = Scenario.from_mapping(raw, base.name, SOCIETY)
    (Path(SOCIETY) / OWN).write_text(made.to_toml(), "utf-8")
    kept = {f"{SOCIETY}/{TABLES[kind]}": files[kind].name for kind in TABLES}
    kept |= {f"{SOCIETY}/codebook.toml": files["codebook"].name} if "codebook" in files else {}
    society = _called(kept, lambda: society_of(Scenario.load(Path(SOCIETY) / OWN), 0))
    return [f"From the tables: {len(society.role):,} people in {len(society.key):,} services.", *remarks]


def _dates(sheet: Sheet, name: str) -> list[str]:
    """What is to be asked about dates: nothing of a table of people is a date, so none is guessed."""
    header = sheet.rows[0][1] if sheet.rows else []
    made, either = {}, {}
    for number, row in sheet.rows[1:]:
        for place, text in enumerate(row):
            column = header[place] if place < len(header) else str(place + 1)
            if text.startswith(DATE):
                made.setdefault(column, number)
            elif EITHER_WAY.fullmatch(text):
                either.setdefault(column, (number, text.strip()))
    return [
        *(
            f"{name}, column {column!r}: row {number} holds a date. Was that a number or a name that the spreadsheet "
            "has made a date of? Then write it as text, and upload it again."
            for column, number in made.items()
        ),
        *(
            f"{name}, column {column!r}: is {text} (row {number}) the day or the month first? No date of this table is "
            "used, so nothing was guessed; if it is no date, write it in words."
            for column, (number, text) in either.items()
        ),
    ]


def _in_own_words(path: Path, call: Any) -> Any:
    """What is wrong with a file, without the folder in which the server keeps it."""
    return _called({str(path): path.name}, call)


def _called(names: Mapping[str, str], call: Any) -> Any:
    """What is wrong, with files called as whoever has chosen them calls them."""
    try:
        return call()
    except InputError as error:
        problems = error.problems
        for kept, own in names.items():
            problems = [each.replace(kept, own) for each in problems]
        raise InputError(problems) from None
