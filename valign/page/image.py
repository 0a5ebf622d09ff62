"""A scenario as a file for the browser: the arrays of a block before it starts, and what each lever writes into them.

A file holds `MAGIC`, the length of a header, a checksum, the header as JSON and the arrays it names. The page refuses
one that was made for other kernels (`kernels`), and one of another `FORMAT`.

The run axis is left to the page: headers of arrays are straight lines in the number of runs, a + b W, and an array that
differs by run holds the same for all runs until the start is drawn.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.actions.declaration import Action
from valign.experiments.bases import imported
from valign.experiments.design import run_seeds, society_seeds
from valign.experiments.simulate import simulate, society_from
from valign.model.compiled.kernel_sources import MODEL
from valign.model.errors import InputError
from valign.model.ledger.decomposition import BALANCES, ENTRIES, cells, flows_a_month
from valign.model.outcomes import AGENT_SERIES, OUTCOMES, PATH_SERIES, PLACE_SERIES
from valign.model.parameters import PARAMETERS, ROLES, TERMS
from valign.model.run.initial import unstarted
from valign.model.run.kernels import STEPS
from valign.model.run.month import month_steps
from valign.model.run.start import END, OBSERVE_START, START
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.state.arrays import SERVICE_STAGES, SERVICE_TERM, STAGES, WITHOUT_RUNS, State
from valign.model.state.scenario_arrays import Lowered, lower
from valign.model.vocabulary import mechanism_labels, vocabulary

from .actions import Actions, actions_of, in_worlds, told
from .levers import EVENTS, MAIN, Event, answer_levers, event_lever, level_lever, parameter_lever, with_events
from .questions import CARDS, GOALS, OPENING, QUESTIONS, WHY_START

MAGIC, FORMAT, START_OF_HEADER = b"VALIGN\x00\x01", 3, 16
MODES: Mapping[str, Mapping[str, bool]] = {
    "bands": {},
    "parts": {"accounting": True},  # what moved alignment
    "one": {"services": True, "agents": True},  # one run in detail
}
MOST_SOCIETIES, MOST_RUNS, TESTED = 8, 256, 4
SOCIETIES, MANY = 4, 300
BUDGET = 300_000  # £, until somebody says how much there is


class Blob:
    """Arrays one after the other, equal ones once."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.known: dict[tuple[str, bytes], int] = {}

    def add(self, array: np.ndarray) -> int:
        data = np.ascontiguousarray(array).tobytes()
        key = (array.dtype.str, data)
        if key not in self.known:
            padding = -self.size % 8
            self.parts += [b"\0" * padding, data]
            self.known[key] = self.size + padding
            self.size += padding + len(data)
        return self.known[key]


def image(
    scenario: Scenario,
    *,
    societies: int | None = None,
    seed: int = 1,
    runs: int = MOST_RUNS,
    levers: Mapping[str, str] = MAIN,
    events: Sequence[Event] = EVENTS,
    actions: Sequence[Action] | None = None,
    worlds: pd.DataFrame | None = None,
    repeat: str = "",
) -> bytes:
    """A scenario for the browser.

    Parameters
    ----------
    scenario : what is simulated. societies : in which the runs are nested, in turn, 2 to 8 (None: 4, or 2 of many
    people; an imported society is the only one).
    seed, runs : of which the seeds of the runs are derived, as by `simulate`.
    levers : parameters that can be moved, with what they are called; those that shape a society cannot.
    events : changes that can be scheduled beside the scenario's own. actions : what can be done (None: what ships).
    repeat : the beginning of the command that simulates the scenario (default: by its name).
    worlds : a row a world, columns of parameters and perhaps `weight` (`valign.worlds()`); None: the defaults alone.

    Returns
    -------
    The file (see the top of this module), not packed.

    Raises
    ------
    InputError : the number of societies, or a lever that shapes the society.
    """
    if societies is None:
        societies = SOCIETIES if scenario.people() < MANY else SOCIETIES // 2
    if not 2 <= societies <= MOST_SOCIETIES:
        raise InputError([f"societies = {societies}: expected 2 to {MOST_SOCIETIES}"])
    if fixed := [name for name in levers if PARAMETERS[name].scope == "society"]:
        raise InputError(
            [f"{fixed[0]}: shapes the society, so a page cannot change it (make a page of another scenario)"]
        )
    full = with_events(scenario, tuple(events))
    given = imported(scenario, None)
    offered = actions_of(full, actions, given)
    lowered = lower(offered.scenario)
    societies = 1 if given is not None else societies
    seeds = run_seeds(seed, runs)
    of_society = society_seeds(seed, seeds, societies)[:societies]
    own = len(full.changes) - len(events)
    off = {f"changes.{own + n}.month": 0.0 for n in range(len(events))} | offered.never()
    blob = Blob()
    made = [given or society_from(scenario, each) for each in of_society]
    arrays = [_society(lowered, society, off, blob) for society in made]
    shown = [level_lever(scenario), *(parameter_lever(scenario, *each) for each in levers.items())]
    shown += _event_levers(full, own, tuple(events))
    for lever in shown:
        lever["writes"] = _writes(lowered, made[0], lever, off)
    shown += answer_levers(scenario, lowered, given)
    doing = told(offered, lowered, made[0], off)
    header = {
        "format": FORMAT,
        "kernels": kernels(),
        "scenario": {**_told(scenario, societies, seed, made), "repeat": repeat or f"valign run {scenario.name}"},
        "steps": _steps(lowered, made[0]),
        "modes": list(MODES),
        "seeds": [str(each) for each in seeds],
        "societies": arrays,
        "levers": shown,
        "actions": doing,
        "changes": _changes(offered),
        "budget": BUDGET,
        "worlds": _worlds(lowered, worlds, offered, doing, blob),
        "questions": QUESTIONS,
        "opening": OPENING,
        "goals": GOALS,
        "cards": CARDS,
        "words": _words(),
        "expected": _expected(scenario, societies, seed),
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    rest = b"".join([text, *blob.parts])
    return MAGIC + struct.pack("<II", len(text), zlib.crc32(rest)) + rest


def read_header(file: bytes) -> dict[str, Any]:
    """The header of a file that `image` made."""
    (length,) = struct.unpack("<I", file[8:12])
    return json.loads(file[START_OF_HEADER : START_OF_HEADER + length])


def kernels() -> str:
    """The hash of the kernels that month.wasm was made from."""
    return json.loads((MODEL / "compiled" / "month.json").read_text("utf-8"))["kernels_hash"]


def _state(lowered: Lowered, society: Society, width: int, off: Mapping[str, float], mode: str) -> State:
    overrides = {name: np.full(width, value) for name, value in off.items()}
    return unstarted(lowered, society, range(1, width + 1), overrides, **MODES[mode])


def _society(lowered: Lowered, society: Society, off: Mapping[str, float], blob: Blob) -> dict[str, Any]:
    """Fields of a block by mode: header a + b W; where its numbers are (none: zeros); `runs`: the same for all runs."""
    modes, groups = {}, len(lowered.scenario.group_names)
    for mode in MODES:
        two, three, five = (_state(lowered, society, width, off, mode) for width in (2, 3, 5))
        fields = []
        for (name, a), (_, b), (_, c), at in zip(
            two.headers(), three.headers(), five.headers(), two.layout.fields, strict=True
        ):
            a, b, c = (_header(S, name, header, mode, groups) for S, header in ((two, a), (three, b), (five, c)))
            slope = b - a
            start = a - 2 * slope
            if not (start + 5 * slope == c).all():
                raise AssertionError(f"{name}: its header is no straight line in the number of runs")
            field = {"name": name, "word": at.word, "kind": at.kind, "a": start.tolist(), "b": slope.tolist()}
            fields.append(field | _numbers(name, two, three, blob))
        modes[mode] = fields if mode == "bands" else [each for each in fields if each not in modes["bands"]]
    return {
        "modes": modes,
        "cells": len(cells(groups)),
        "people": int(society.first[len(society.key)]),
        "services": len(society.key),
    }


def _header(S: State, name: str, header: list[int], mode: str, groups: int) -> np.ndarray:
    """Size, shape and strides; in front of a view its distance from `parameters`."""
    found = np.array(header, np.int64)
    found[0] = header[0] - dict(S.headers())["parameters"][0] if name in S.views else 0
    if name in ("flow_position", "flow_change") and mode == "parts":  # the page reads them every month
        found[1] = found[2] = flows_a_month(groups, len(S.runs)) + 1
    return found


def _numbers(name: str, two: State, three: State, blob: Blob) -> dict[str, Any]:
    if name in two.views:
        return {"of": "parameters"}
    if name in ("runs", "key_low", "key_high"):
        return {"filled": True}  # by the page
    array = np.asarray(getattr(two, name))
    if array.shape == np.asarray(getattr(three, name)).shape or name in WITHOUT_RUNS:
        return {"at": blob.add(array), "bytes": array.nbytes} if array.any() else {}
    if not array.any():
        return {}
    if not np.array_equal(array[..., 0], array[..., 1], equal_nan=array.dtype.kind == "f"):
        raise AssertionError(f"{name}: differs between runs before the start")
    first = np.ascontiguousarray(array[..., 0])
    return {"at": blob.add(first), "bytes": first.nbytes, "runs": True}


def _steps(lowered: Lowered, society: Society) -> dict[str, list[list[int]]]:
    """The order of steps: kernel of month.wasm, argument (-1: the month)."""
    number = {function: n for n, function in enumerate(STEPS.values())}
    switches = _state(lowered, society, 2, {}, "bands").switches

    def listed(steps: Any) -> list[list[int]]:
        return [[number[step.function], int(step.argument)] for step in steps]

    return {
        "start": listed((*START, *OBSERVE_START)),
        "month": listed(month_steps(switches, False)),
        "month_parts": listed(month_steps(switches, True)),
        "end": listed(END),
    }


def _writes(lowered: Lowered, society: Society, lever: Mapping[str, Any], off: Mapping[str, float]) -> list[Any]:
    """Where a lever writes its value, found by lowering the scenario with two: [field, positions without runs]."""
    if lever["kind"] == "level":
        return [["level", [0]]]
    found = []
    before, after = (
        unstarted(
            lowered, society, [1, 2], {**{k: np.full(2, v) for k, v in off.items()}, lever["key"]: np.full(2, value)}
        )
        for value in (float(lever["low"]), float(lever["high"]))
    )
    for name, _ in before.headers():
        if name in before.views or name == "runs":
            continue
        a, b = (np.asarray(getattr(S, name)) for S in (before, after))
        different = (a != b) & ~(np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else a != b
        if different.any():
            positions = np.flatnonzero(different[..., 0])
            if not (b[..., 0].ravel()[positions] == lever["high"]).all():
                raise AssertionError(f"{lever['key']} writes something else than its value into {name}")
            found.append([name, positions.tolist()])
    return found


def _event_levers(full: Scenario, own: int, events: tuple[Event, ...]) -> list[dict[str, Any]]:
    found = []
    for number, change in enumerate(full.changes):
        if number < own and change.when is not None:
            continue  # it waits for something: no month can be said beforehand
        if number < own:
            known = PARAMETERS.get(change.parameter or "")
            label = "New managers" if change.event else f"A change: {known.meaning if known else change.parameter}"
            found.append(event_lever(full, number, label, max(1, change.month), change.month > 0))
        else:
            event = events[number - own]
            made = {"parameter": event.parameter, "set": event.to}
            found.append(event_lever(full, number, event.label, change.month, False, made))
    return found


def _changes(actions: Actions) -> list[dict[str, Any]]:
    """What the changes that actions make are about, by number; those before them are no action's."""
    before: list[dict[str, Any]] = [{"parameter": "", "services": []} for _ in range(actions.own)]
    return before + [{"parameter": slot.parameter, "services": list(slot.services)} for slot in actions.schedule.slots]


def evenly_begun(n: int) -> np.ndarray:
    """0 … n - 1, of which every beginning is spread evenly (van der Corput 1935): bits from right to left."""
    bits = (n - 1).bit_length()
    found = np.array([int(f"{each:0{bits}b}"[::-1], 2) for each in range(1 << bits)])
    return found[found < n]


def _worlds(
    lowered: Lowered, worlds: pd.DataFrame | None, actions: Actions, doing: list[dict[str, Any]], blob: Blob
) -> dict[str, Any] | None:
    """Columns of parameters: where each is written, its values by world; drawn by weight: all count the same,
    and the first runs of a page see worlds as all of them do.

    doing : the actions as the page has them; what they write gets a column of its own where it differs between worlds.
    """
    if worlds is None:
        return None
    weight = worlds["weight"].to_numpy(float) if "weight" in worlds else np.ones(len(worlds))
    columns = [str(name) for name in worlds if name in lowered.rows]
    edges = (evenly_begun(MOST_RUNS) + 0.5) / MOST_RUNS
    chosen = np.searchsorted(np.cumsum(weight) / weight.sum(), edges)
    values = worlds[columns].to_numpy(float)[chosen]
    if not np.isfinite(values).all():
        raise InputError(["worlds: every parameter needs a number in every world"])
    settings = lowered.parameters.shape[1]
    at = [
        [int(lowered.rows[name] * settings + s) for s in np.flatnonzero(~lowered.own[lowered.rows[name]])]
        for name in columns
    ]
    differing = in_worlds(actions, {name: values[:, n] for n, name in enumerate(columns)})
    rows = [row for each in doing for step in each["changes"] for row in step]
    for n, by_change in differing.items():
        for move in rows[n]:
            if move[0] in by_change:
                move.append(blob.add(by_change[move[0]]))
    return {"keys": columns, "at": at, "count": len(chosen), "values": blob.add(values), "bytes": values.nbytes}


def _told(scenario: Scenario, societies: int, seed: int, made: Sequence[Society]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "title": scenario.title or scenario.name,
        "description": scenario.description,
        "innovation": scenario.innovation.name,
        "months": scenario.months,
        "societies": societies,
        "seed": seed,
        "people": round(float(np.mean([each.first[len(each.key)] for each in made]))),
        "services": len(made[0].key),
        "service_names": [made[0].service_names(scenario), *(each.service_names(scenario) for each in made[1:])],
        "beside": Path(scenario.folder).name if scenario.tables and scenario.tables.nodes and scenario.folder else "",
        "toml": (scenario if scenario.mechanisms["changes"] else with_events(scenario, ())).to_toml(),
    }


def _words() -> dict[str, Any]:
    """What columns and codes are called: from the one vocabulary."""
    words = vocabulary()
    terms = TERMS["organisations"]
    return {
        "outcomes": [{"name": name, **words["outcomes"][name]} for name in OUTCOMES],
        "path": [
            {"name": name, "label": each.label, "unit": each.unit, "kind": each.kind}
            for name, each in PATH_SERIES.items()
        ],
        "person": list(AGENT_SERIES),
        "place": list(PLACE_SERIES),
        "stages": list(STAGES),
        "service_stages": list(SERVICE_STAGES),
        "service_stage_labels": [words["series"][name]["label"] for name in SERVICE_STAGES],
        "roles": [words["roles"][role] for role in ROLES],
        "service_terms": [
            {"name": name, "label": WHY_START.get(name, terms[name].meaning), "unit": terms[name].unit}
            for name in SERVICE_TERM._fields
        ],
        "entries": [mechanism_labels().get(name, name) for name, _ in ENTRIES],
        "parts": [part for _, part in ENTRIES],
        "balances": list(BALANCES),
    }


def _expected(scenario: Scenario, societies: int, seed: int) -> dict[str, Any]:
    """The hash of the outcomes of some runs, all of one society, so that a page has them in its first block.

    A page that computes others shows no numbers.
    """
    tested = [n * societies for n in range(TESTED)]
    runs = simulate(scenario, runs=tested[-1] + 1, seed=seed, societies=societies, record=()).runs
    return {"runs": tested, "hash": outcomes_hash(runs[list(OUTCOMES)].to_numpy(float)[tested])}


def outcomes_hash(outcomes: np.ndarray) -> str:
    """FNV-1a (64 bits) over float64 numbers, run by run; all that are no number count the same."""
    numbers = np.ascontiguousarray(outcomes, "<f8").copy()
    numbers[np.isnan(numbers)] = np.nan
    numbers.view("<u8")[np.isnan(numbers)] = 0x7FF8000000000000
    digest = 0xCBF29CE484222325
    for byte in numbers.tobytes():
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"{digest:016x}"
