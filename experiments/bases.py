"""What a design changes: one scenario, or several by name; and the imported societies that their runs share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society
from valign.model.society.tables import society_of

from .design import NO_SETTINGS, SCENARIO, over_worlds, replicate
from .design_check import varies_in_block
from .worlds import alike

Base = Scenario | str | Path | Mapping[str, Scenario]  # what a design changes: one scenario, or several by name
Societies = Society | Mapping[str, Society] | None  # an imported society that all runs share, or by name of scenario


def imported(scenario: Scenario, society: Society | None) -> Society | None:
    """The society that all runs share: the one given, or that of the scenario's tables."""
    return society_of(scenario, 0) if society is None and scenario.tables is not None else society


def society_in(society: Societies, name: object) -> Society | None:
    """The imported society of one of several scenarios."""
    return society.get(str(name)) if isinstance(society, Mapping) else society


def loaded(base: Base) -> Scenario | dict[str, Scenario]:
    """What a design changes, read where a name or a path was given."""
    return (
        {name: Scenario.load(each) for name, each in base.items()} if isinstance(base, Mapping) else Scenario.load(base)
    )


def with_common_seeds(
    points: pd.DataFrame,
    base: Scenario | Mapping[str, Scenario],
    runs: int,
    seed: int,
    societies: int | None,
    society: Societies = None,
    worlds: int | None = None,
) -> pd.DataFrame:
    """A design of an ensemble at every point, all with the same seeds (common random numbers): as `simulate` has them.

    points, base, society : as for a design. runs, seed, societies : of each point. worlds : the runs in each of so many
    worlds that agree with what is known. Where the society is imported, its seed is 0.
    """
    design = replicate(points, runs, seed, societies)
    given = {name: imported(each, society_in(society, name)) is not None for name, each in _named(base)}
    names = design[SCENARIO] if SCENARIO in design else pd.Series(next(iter(given)), design.index)
    design = design.assign(society_seed=design["society_seed"].mask(names.map(given).astype(bool), 0))
    return design if worlds is None else over_worlds(design, alike(worlds), base)


def scenarios_of(base: Scenario | Mapping[str, Scenario]) -> list[Scenario]:
    """The one scenario, or all of them in the order given."""
    return [each for _, each in _named(base)]


def shared_societies(base: Scenario | Mapping[str, Scenario], society: Societies) -> Societies:
    """The imported society that all runs share, or those of several scenarios by name; None where all are generated."""
    if isinstance(base, Scenario):
        return imported(base, society_in(society, base.name))
    found = {name: imported(each, society_in(society, name)) for name, each in base.items()}
    return {name: each for name, each in found.items() if each is not None} or None


def hash_of_societies(society: Societies) -> str | dict[str, str]:
    """Stands for imported societies; empty where all are generated."""
    return (
        {name: society_hash(each) for name, each in society.items()}
        if isinstance(society, Mapping)
        else society_hash(society)
    )


def most_people(base: Scenario | Mapping[str, Scenario], society: Societies) -> int:
    """Number of people of the largest scenario."""
    found = [(society_in(society, name), each) for name, each in _named(base)]
    return max(each.people() if own is None else len(own.role) for own, each in found)


def _named(base: Scenario | Mapping[str, Scenario]) -> list[tuple[str, Scenario]]:
    return list(base.items()) if isinstance(base, Mapping) else [(base.name, base)]


def variant(base: Scenario | Mapping[str, Scenario], settings: Mapping[str, Any]) -> Scenario:
    """The scenario with the settings of a row (no seeds). Raises InputError where they do not make a valid one."""
    own: dict[str, Any] = {
        name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()
    }
    if "alignment_level" in own and pd.isna(own["alignment_level"]):
        own["alignment_level"] = "natural"
    if isinstance(base, Mapping):
        base = base[own.pop(SCENARIO)]
    return base.replace(own) if own else base


def society_hash(society: Society | None) -> str:
    """Stands for an imported society; empty for generated ones, which their seeds name."""
    if society is None:
        return ""
    digest = hashlib.blake2b(digest_size=8)
    for each in fields(society):
        value: np.ndarray | list[str] | None = getattr(society, each.name)
        digest.update(
            each.name.encode()
            + (np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        )
    return digest.hexdigest()


def tables_hash(scenario: Scenario) -> str:
    """Stands for the tables of a scenario, which its TOML only names; empty where it has none."""
    return society_hash(imported(scenario, None))


def table_files(scenario: Scenario) -> dict[str, Path]:
    """The tables of an imported society that are named relative to the scenario, by that name."""
    if scenario.tables is None or scenario.tables.data is not None:
        return {}
    source = Path(scenario.folder)
    names = (scenario.tables.nodes, scenario.tables.edges, scenario.tables.codebook)
    return {
        name: source / name
        for name in names
        if name is not None and not Path(name).is_absolute() and ".." not in Path(name).parts
    }


def variants(base: Scenario | Mapping[str, Scenario], design: pd.DataFrame) -> list[tuple[np.ndarray, Scenario]]:
    """Rows of a (checked) design by scenario: those that differ in more than what may vary in a block run apart.

    Raises InputError with the row where settings do not make a valid scenario.
    """
    apart = [name for name in map(str, design) if name not in NO_SETTINGS and not varies_in_block(name)]
    if not apart:
        return [(np.arange(len(design)), variant(base, {}))]
    found: list[tuple[np.ndarray, Scenario]] = []
    problems: list[str] = []
    for settings, part in design.groupby(apart, sort=False, dropna=False):
        rows = part.index.to_numpy()
        try:
            found.append((rows, variant(base, dict(zip(apart, settings, strict=True)))))
        except InputError as error:
            problems += [f"row {rows[0]}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    return found
