"""Designs: tables with one row per run. Columns are what `Scenario.replace` accepts, `seed` and `society_seed`.

What differs in more than settings is several scenarios by name, of which the column `scenario` names one in each row
(`base={"a": …, "b": …}` of `simulate` and `run_batch`). The same table always means the same runs: a row's result
depends on its scenario and its two seeds alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed
from valign.model.errors import InputError, unknown
from valign.model.parameters import PARAMETERS
from valign.model.reading import MOST_COLUMNS, MOST_TABLE, decoded, read_bytes, read_csv, reason
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import section_of
from valign.results.manifest import check_if_result
from valign.results.marks import marked

SEEDS = ("seed", "society_seed")
WORLD, WEIGHT = "world", "weight"  # which world a row is of, and what it counts for (`over_worlds`)
NO_SETTINGS = (*SEEDS, WORLD, WEIGHT)  # columns of a design that set nothing
SCENARIO = "scenario"  # the column that names one of several scenarios
RUN_SEED, SOCIETY_SEED, SEED_IN_WORLD = 201, 202, 204  # purposes of derived seeds
MAX_SEED = 2**63 - 1
MOST_RUNS = 10**9
MOST_CELLS = 200_000_000  # of a design


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` where it is a whole number from `low` to `high`. Raises InputError, which says `name`, for all else."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InputError([f"{name} = {value!r}: expected a whole number from {low} to {high}"])
    return int(value)


def checked_ensemble(runs: object, seed: object, societies: object) -> tuple[int, int, int | None]:
    """Number of runs, seed and number of societies (None: one for each run). Raises InputError for what cannot be."""
    count = whole("runs", runs, 1, MOST_RUNS)
    nested = None if societies is None else whole("societies", societies, 1, count)
    return count, whole("seed", seed, 0, MAX_SEED), nested


# --- making designs --------------------------------------------------------------------------------------------------
def factorial(levels: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """All combinations of the levels, the last factor fastest: a full factorial design.

    levels : values by setting (dotted names, as `Scenario.replace` takes them), at least one setting. As many rows as
    combinations.
    """
    return pd.MultiIndex.from_product(list(levels.values()), names=list(levels)).to_frame(index=False)


def bounds_of(names: Sequence[str] | Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Bounds (low, high) by parameter, in its unit: those given, else the plausible range declared for it.

    Raises InputError for names that are no parameters.
    """
    if isinstance(names, Mapping):
        return {name: (float(low), float(high)) for name, (low, high) in names.items()}
    if wrong := [name for name in names if name not in PARAMETERS]:
        raise InputError([unknown(name, PARAMETERS, "parameter") for name in wrong])
    return {name: (PARAMETERS[name].low, PARAMETERS[name].high) for name in names}


def _scaled(unit: np.ndarray, bounds: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    low, high = (np.array(side) for side in zip(*bounds.values(), strict=True))
    table = pd.DataFrame(low + unit * (high - low), columns=list(bounds))
    for name in [name for name in bounds if name in PARAMETERS and PARAMETERS[name].integer]:
        table[name] = table[name].round()
    return table


def latin_hypercube(names: Sequence[str] | Mapping[str, tuple[float, float]], n: int, seed: int = 1) -> pd.DataFrame:
    """n points, each parameter's range cut into n equal parts with one point in each (McKay, Beckman & Conover 1979).

    Parameters
    ----------
    names : parameters, at least one, over their plausible ranges; or (low, high) by setting, in its unit.
    n : rows, from 1. seed : of the points, 0 or more; it is no seed of a run.

    Returns
    -------
    One row per point, one column per parameter; whole-number parameters are rounded.

    Raises
    ------
    InputError : names that are no parameters.
    """
    from scipy.stats import qmc

    bounds = bounds_of(names)
    return _scaled(qmc.LatinHypercube(len(bounds), rng=np.random.default_rng(seed)).random(n), bounds)


def sobol(names: Sequence[str] | Mapping[str, tuple[float, float]], n: int, seed: int = 1) -> pd.DataFrame:
    """n points of a scrambled Sobol' sequence (Sobol' 1967; Owen 1998): more even than a Latin hypercube.

    Parameters
    ----------
    names, seed : as for `latin_hypercube`.
    n : a power of 2.

    Returns
    -------
    One row per point, one column per parameter.

    Raises
    ------
    InputError : n is no power of 2, or names that are no parameters.
    """
    from scipy.stats import qmc

    if n < 1 or n & (n - 1):
        near = 2 ** max(0, n.bit_length())
        raise InputError([f"n = {n}: a Sobol' sequence is balanced for powers of 2, such as {near}"])
    bounds = bounds_of(names)
    return _scaled(qmc.Sobol(len(bounds), rng=np.random.default_rng(seed)).random(n), bounds)


def one_at_a_time(base: Scenario, levels: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """The base, then every factor on its own at each of its levels; what a row leaves alone holds the base's value.

    base : the Scenario that the design changes. levels : values by parameter. 1 + the number of levels rows.

    Raises KeyError for names that are no declared parameters.
    """
    rest = {name: base.value(name) for name in levels}
    return pd.DataFrame([rest, *({**rest, name: level} for name, column in levels.items() for level in column)])


def product(*designs: pd.DataFrame) -> pd.DataFrame:
    """Every row of one with every row of the others.

    designs : at least one. Raises InputError where two have a column of one name.
    """
    table = designs[0]
    for other in designs[1:]:
        if both := set(map(str, table)) & set(map(str, other)):
            raise InputError([f"product: both designs have a column {sorted(both)[0]!r}"])
        table = table.merge(other, how="cross")
    return table


def concatenate(*designs: pd.DataFrame) -> pd.DataFrame:
    """Rows of all designs, one after the other.

    designs : at least one. Raises InputError where columns differ.
    """
    for other in designs[1:]:
        if set(other) != set(designs[0]):
            odd = sorted(set(map(str, other)) ^ set(map(str, designs[0])))
            raise InputError([f"concatenate: not all designs have a column {odd[0]!r}"])
    return pd.concat(designs, ignore_index=True)


def run_seeds(seed: int, runs: int) -> list[int]:
    """The run seeds of an ensemble of so many `runs`, derived from `seed` (0 to 2^63 - 1).

    `World(rng=...)` with one of them repeats that run. The first seeds of a larger ensemble are those of a smaller one.
    """
    return [derive_seed(seed, index, RUN_SEED) for index in range(runs)]


def society_seeds(seed: int, runs: Sequence[int], societies: int | None) -> list[int]:
    """Society seed of every run: its own (the run's seed), or one of `societies`, in turn.

    seed : of the societies, 0 to 2^63 - 1. runs : the run seeds.
    """
    if societies is None:
        return list(runs)
    return [derive_seed(seed, index % societies, SOCIETY_SEED) for index in range(len(runs))]


def replicate(design: pd.DataFrame, runs: int, seed: int = 1, societies: int | None = None) -> pd.DataFrame:
    """Every row `runs` times, with the same seeds for every row (common random numbers).

    Parameters
    ----------
    design : points, without columns `seed` and `society_seed`.
    runs : replicates of every row. seed : 0 to 2^63 - 1, of which theirs are derived.
    societies : None gives every replicate a society of its own; a number nests the replicates in so many.

    Returns
    -------
    rows x runs rows: the columns of the design, `seed` and `society_seed`.

    Raises
    ------
    InputError : fewer than one run, a seed out of range, more societies than runs, or a design that has seeds.
    """
    runs, seed, societies = checked_ensemble(runs, seed, societies)
    seeds = run_seeds(seed, runs)
    replicates = pd.DataFrame({"seed": seeds, "society_seed": society_seeds(seed, seeds, societies)})
    return product(design, replicates)


def over_worlds(
    design: pd.DataFrame, worlds: pd.DataFrame, base: Scenario | Mapping[str, Scenario] | None = None
) -> pd.DataFrame:
    """Every row of a design in every world.

    In each world a row's seeds are derived from the row's own and the number of the world, so rows that share seeds
    (the cells of a comparison) share them in every world too, and no two worlds have the same chances. Societies that
    several rows share stay as they are.

    Parameters
    ----------
    design : points with seeds (`replicate`).
    worlds : parameters by world, and `weight` (`experiments.worlds.worlds`).
    base : what the design changes; what its scenarios say of a parameter themselves, and what the design has a column
        for, counts more than the world. None: only the design's columns do.

    Returns
    -------
    rows x worlds rows: the design's columns, those of the worlds, `world` (its number, from 0) and `weight`.

    Raises
    ------
    InputError : a design without seeds, or that has worlds already.
    """
    if "seed" not in design:
        raise InputError(["over_worlds: the design has no column 'seed' (`replicate` makes seeds)"])
    if WORLD in design:
        raise InputError(["over_worlds: the design has worlds already"])
    rows, count = len(design), len(worlds)
    table = design.loc[design.index.repeat(count)].reset_index(drop=True)
    number = np.tile(np.arange(count), rows)
    columns: dict[str, np.ndarray] = {}
    for name in (name for name in map(str, worlds) if name not in (*design, *NO_SETTINGS)):
        column = np.tile(worlds[name].to_numpy(float), rows)
        for scenario, of in _stated(name, table, base):
            column[of] = scenario.value(name)
        columns[name] = column
    own = (table["society_seed"] == table["seed"]).to_numpy() if "society_seed" in table else np.ones(len(table), bool)
    seeds = [derive_seed(seed, world, SEED_IN_WORLD) for seed, world in zip(table["seed"], number, strict=True)]
    societies = np.where(own, seeds, table.get("society_seed", table["seed"]))
    weight = np.tile(worlds[WEIGHT].to_numpy(float), rows) if WEIGHT in worlds else np.full(rows * count, 1 / count)
    settings = table.drop(columns=list(SEEDS), errors="ignore")
    beside = {"seed": seeds, "society_seed": societies, WORLD: number, WEIGHT: weight}
    return pd.concat([settings, pd.DataFrame(columns | beside)], axis=1)


def stated(scenario: Scenario, name: str) -> bool:
    """Whether a scenario says itself what the parameter `name` is, and does not leave it at its default."""
    section, short = section_of(name)
    own = {"innovation": scenario.innovation.parameters, "ties": scenario.ties, "parameters": scenario.parameters}
    return short in own[section]


def _stated(
    name: str, table: pd.DataFrame, base: Scenario | Mapping[str, Scenario] | None
) -> list[tuple[Scenario, np.ndarray]]:
    """Scenarios that say themselves what a parameter is, with the rows that are theirs."""
    named = {} if base is None else {"": base} if isinstance(base, Scenario) else dict(base)
    of = table[SCENARIO].to_numpy() if SCENARIO in table else np.full(len(table), "", object)
    return [(each, of == key) for key, each in named.items() if stated(each, name)]


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError([f"{path}: cannot be read as a design: {reason(error)}"])


def _parquet(content: bytes) -> pd.DataFrame:
    from pyarrow import parquet

    told = parquet.read_metadata(io.BytesIO(content))
    if told.num_columns > MOST_COLUMNS or told.num_rows * told.num_columns > MOST_CELLS:
        raise ValueError(f"has {told.num_rows:,} rows of {told.num_columns:,} columns, more than can be read")
    return marked(pd.read_parquet(io.BytesIO(content)), told.metadata)


def read_design(path: str | Path) -> pd.DataFrame:
    """A design from a file at `path`: CSV (commas, decimal points) or Parquet.

    Raises InputError when it cannot be read, StoreError when it is a damaged table of earlier results.
    """
    path = Path(path)
    check_if_result(path)
    try:
        content = read_bytes(path, MOST_TABLE)
        if path.suffix == ".parquet":
            table = _parquet(content)
        else:
            text = decoded(content)
            first = text[: text.find("\n")]
            if mark := "semicolons" if ";" in first else "tabs" if "\t" in first else "":
                raise InputError(
                    [f"{path}: columns are separated by {mark}: use commas, and a decimal point in numbers"]
                )
            table = read_csv(text)
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if twice := list(table.columns[table.columns.duplicated()].unique()):
        raise InputError([f"{path}: the column {name!r} appears more than once" for name in twice])
    return table
