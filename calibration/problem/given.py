"""The plain scenario and the society that a description of data stands for."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.tables import DATA_SETS, society_from_tables
from valign.results.marks import STEP, step_of, step_told

from ..data.schema import Data

OFF = (
    "turnover",
    "leadership",
    "coproduction",
    "session_knowledge",
    "sensemaking",  # what people are asked is their own orientation, not what they come to think together
    "dialogue",
    "organisations",
    "commissioning",
)


def scenario_of(data: Data) -> Scenario:
    """A plain scenario for a data set: everybody chooses alone, and what needs an organisation is switched off."""
    if data.people is None:
        raise InputError([f"{data.name}: has no people to make a scenario from: name a scenario (--scenario)"])
    if data.name in DATA_SETS:
        return Scenario.load(data.name)
    dimensions = list(data.orientation)
    if not dimensions:
        raise InputError(
            [f"{data.name}: has no [orientation]: name a scenario (--scenario) or describe a column of values"]
        )
    weight = sum(of.emphasis for of in data.orientation.values())
    profile = {name: round(float(np.nanmean(data.people[name])), 6) for name in dimensions}
    return Scenario.from_mapping(
        {
            "name": "".join(c if c.isalnum() else "-" for c in data.name.lower()).strip("-") or "data",
            "title": data.title,
            "description": f"Made from the description of {data.name}.",
            "months": data.periods,
            "dimensions": dimensions,
            "alignment_roles": ["staff"],
            "mechanisms": dict.fromkeys(OFF, False),
            "parameters": {"climate_gate": 0.0},  # nobody has a manager
            "innovation": {
                "name": data.name,
                "values": {name: of.innovation for name, of in data.orientation.items()},
                "emphasis": {name: of.emphasis / weight for name, of in data.orientation.items()},
            },
            "profiles": {"person": profile},
            "organisations": [
                {
                    "name": "community",
                    "count": int(data.people["community"].nunique()),
                    "staff": max(1, round(len(data.people) / data.people["community"].nunique())),
                    "managers": 0,
                    "peers": 0,
                    "stage": "commissioned",
                    "staff_profile": "person",
                    "client_profile": "person",
                }
            ],
        }
    )


def society_of_data(data: Data, scenario: Scenario, fill: bool = False) -> Society:
    """The people and ties of a data set as a society.

    fill : give those whose orientation is not known the mean, instead of drawing it in each run.
    """
    assert data.people is not None
    if lacking := [name for name in data.orientation if name not in scenario.dimensions]:
        raise InputError(
            [
                f"orientation {unknown(name, scenario.dimensions, 'dimension of ' + repr(scenario.name))}"
                for name in lacking
            ]
        )
    nodes = data.people.rename(columns={"community": "organisation"})
    nodes = nodes[["id", "organisation", *(["role"] if "role" in nodes else []), *data.orientation]]
    if fill:
        nodes = nodes.fillna({name: nodes[name].mean() for name in data.orientation})
    ties = pd.DataFrame({"from": [], "to": []}, dtype=object) if data.ties is None else data.ties
    book = {"values": {name: name for name in data.orientation}} if data.orientation else None
    groups = (
        {}
        if len(scenario.organisations) > 1
        else {"groups": {str(name): scenario.group_names[0] for name in nodes["organisation"].unique()}}
    )
    society = society_from_tables(nodes.astype(object), ties[["from", "to"]], {**(book or {}), **groups}, scenario)
    return society if data.direction == "both" else directed(society, ties, data.direction)


def directed(society: Society, ties: pd.DataFrame, direction: str) -> Society:
    """The same society in which people look only to those whom they name ("out"), or who name them ("in")."""
    assert society.ids is not None
    row = {text: n for n, text in enumerate(society.ids)}
    ends = [np.array([row[text] for text in ties[name]], np.int64) for name in ("from", "to")]
    who, whom = ends if direction == "out" else ends[::-1]
    people = len(society.ids)
    looks = np.unique(who * people + whom)
    ego = np.repeat(np.arange(people), np.diff(society.tie_start))
    kept = np.isin(ego * people + society.neighbour, looks)
    one_way = copy(society)
    start = np.concatenate([[0], np.cumsum(np.bincount(ego[kept], minlength=people))]).astype(np.int64)
    for name, array in (("tie_start", start), ("neighbour", society.neighbour[kept]), ("tie_of", society.tie_of[kept])):
        object.__setattr__(one_way, name, np.ascontiguousarray(array))
    return one_way


def scenario_for(data: Data, scenario: Scenario | str | Path | None) -> Scenario:
    """The scenario asked for, or a plain one of the description; it runs for as many months as periods observed.

    Where the data's unit of time is no month, its description says so: what is fitted is per that unit. Raises
    InputError for a scenario in steps of another unit than the data's.
    """
    made = scenario_of(data) if scenario is None else Scenario.load(scenario)
    changed: dict[str, object] = {"months": max(data.periods, 1)}
    step = step_of(made.description)
    if step not in (None, data.time_unit):
        raise InputError(
            [f"{made.name}: runs in steps of a {step}, as its description says, and {data.name} is by {data.time_unit}"]
        )
    if step is None and data.time_unit != STEP:
        changed["description"] = f"{made.description} {step_told(data.time_unit)}".strip()
    return made.replace(changed)
