"""Society from tables: a survey of values (nodes) and a network (edges), with a codebook that says what is what.

Everything wrong in both tables is reported at once. The society depends on what the tables say, not on the order of
their rows: services stand in the scenario's order, then by name; people by role, then by id.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, unknown
from ..scenario.scenario import Scenario
from .codebook import EDGES, MISSING, NODES, Table, read_codebook, read_values, stop
from .generate import Society, build_society
from .importing import Import

if TYPE_CHECKING:
    import pandas as pd

DATA_SETS = ("medical-innovation",)


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
    return InputError(
        [
            f"the data of {name!r} are not on this machine: fetch them once with `valign data get {name}`, "
            f"or convert a copy with `valign data get {name} --from FILE`"
        ]
    )


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
    folder = Path(scenario.folder)
    codebook = None if tables.codebook is None else folder / tables.codebook
    return society_from_tables(folder / str(tables.nodes), folder / str(tables.edges), codebook, scenario)


def society_from_tables(
    nodes: str | Path | pd.DataFrame,
    edges: str | Path | pd.DataFrame,
    codebook: str | Path | Mapping[str, Any] | None = None,
    scenario: Scenario | str | None = None,
    seed: int = 0,
) -> Society:
    """A society from a survey and a network.

    Parameters
    ----------
    nodes : CSV file or DataFrame, one row per person. Columns, unless the codebook names others: `id`, `organisation`,
        `role` (staff, manager, peer or commissioner; without the column all are staff), and, where known, `team`,
        `manager` (id of the line manager) and `commissioner` (id of who funds the person's organisation; without it a
        commissioner who is the only one funds all) and `stage` (unaware, aware, engaged or lapsed at the start). Values: a column for every dimension that was asked, in [0, 1].
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
    book = read_codebook(codebook, scenario, problems)
    missing = {*MISSING, *map(str, book.get("missing", ()))}
    people, ties = Table(nodes, "nodes", missing, problems), Table(edges, "edges", missing, problems)
    if not (people.usable and ties.usable):
        stop(problems)
    named = book["edges"]
    person = {name: people.column(book.get(name, name), name in book or name in NODES[:2]) for name in NODES}
    columns = {name: ties.column(named.get(name, name), name in named or name in EDGES[:2]) for name in EDGES}
    values = read_values(people, book, scenario)
    if any(each is None for each in (person["id"], person["organisation"], columns["from"], columns["to"])):
        stop(problems)
    return Import(scenario, book, people, ties, person, columns, values, problems).society(seed)
