"""The alignment decomposition beside paired ablations (docs/ODD.md §6).

Closing to rounding proves nothing about attribution: an entry says what a mechanism did along the path that was taken,
an ablation what would have been without it, with the same seeds. Mechanisms of convergence book several times what
their ablation takes away, since others do the work when they are off. Read both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.ledger.decomposition import BALANCES, ENTRIES
from valign.model.parameters import MECHANISMS
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import mean_interval

from .bases import with_common_seeds
from .batch.executors import How
from .batch.kept import simulate_or_keep
from .design import checked_ensemble
from .design_outcomes import OutcomesOfDesign
from .outcomes import check_possible

BOOKED = tuple(dict.fromkeys(name for name, _ in ENTRIES if name in MECHANISMS))


def moving(scenario: Scenario, mechanisms: Sequence[str] | None) -> list[str]:
    """The mechanisms that are asked for, or all that move alignment and are on. Raises InputError for unknown ones."""
    if mechanisms is None:
        return [name for name in BOOKED if scenario.mechanisms[name] and (name != "changes" or scenario.changes)]
    if wrong := [name for name in mechanisms if name not in BOOKED]:
        raise InputError([unknown(name, BOOKED, "mechanism that moves alignment") for name in wrong])
    return list(mechanisms)


def ablations(
    scenario: Scenario | str | Path,
    runs: int | None = None,
    seed: int = 1,
    societies: int | None = None,
    mechanisms: Sequence[str] | None = None,
    *,
    folder: str | Path | None = None,
    how: How = How(),
) -> pd.DataFrame:
    """What each mechanism did to the mean alignment of staff, managers and peers: as booked, and by ablation.

    Parameters
    ----------
    scenario, runs, seed, societies : as for `simulate`.
    mechanisms : which (default: all that move alignment and are on).
    folder, how : as for `levels`; two batches, `with-all` and `without-each`, are kept in the folder.

    Returns
    -------
    One row per balance ("fit" of people's own values, "alignment" as they judge it) and mechanism: `booked` (mean over
    runs of its entries, per person, over the whole run) and `ablation` (mean at the end with it less without it, the
    same seeds), each with a 95 % interval `_low`, `_high` that respects societies; `runs`.

    Raises InputError for unknown mechanisms and whatever `simulate` raises.
    """
    scenario = Scenario.load(scenario)
    mechanisms = moving(scenario, mechanisms)
    runs, seed, societies = checked_ensemble(scenario.runs if runs is None else runs, seed, societies)
    design = with_common_seeds(without_each(scenario, mechanisms), scenario, runs, seed, societies)
    whole, off = (None, None) if folder is None else (Path(folder) / name for name in ("with-all", "without-each"))
    base = simulate_or_keep(design.iloc[:runs], scenario, "booked" if whole else "decomposition", whole, how)
    booked = booked_per_person(base)
    table = design.iloc[runs:]
    table = simulate_or_keep(table, scenario, (), off, how).runs if len(table) else table
    without = by_mechanism(scenario, mechanisms, table, base.runs)
    for each in (base.runs, *without.values()):
        check_possible(each)
    of_these = booked.loc[:, booked.columns.get_level_values(1).isin(mechanisms)]
    return compared(of_these, base.runs, without)


def without_each(scenario: Scenario, mechanisms: Sequence[str]) -> pd.DataFrame:
    """Points of a design: the scenario as it is, then without each of the mechanisms that are on, in turn."""
    switches = {f"mechanisms.{name}": scenario.mechanisms[name] for name in mechanisms}
    off = [switches | {name: False} for name, on in switches.items() if on]
    return pd.DataFrame([switches, *off], index=range(1 + len(off)))


def by_mechanism(
    scenario: Scenario, mechanisms: Sequence[str], without: pd.DataFrame, base: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Outcomes of the runs without each mechanism; one that is off in the scenario makes no difference to `base`."""
    off = {name: without[~without[f"mechanisms.{name}"].astype(bool)] for name in mechanisms}
    return {name: part if scenario.mechanisms[name] else base for name, part in off.items()}


def compared(booked: pd.DataFrame, base: pd.DataFrame, without: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What was booked beside what the ablations say, a row for each balance and mechanism (columns of `booked`).

    booked : per person, run by run (`booked_per_person`). base, without : `runs` with all mechanisms and without each.
    """
    clusters = base["society_seed"].to_numpy()
    rows: list[dict[str, object]] = []
    for balance, name in booked.columns:
        row: dict[str, object] = {"balance": balance, "mechanism": name}
        row |= with_interval("booked", booked[balance, name].to_numpy(), clusters)
        if name in without:
            final = f"{balance}_final"
            difference = base[final].to_numpy() - without[name][final].to_numpy()
            row |= with_interval("ablation", difference, clusters) | {"runs": int(np.isfinite(difference).sum())}
        rows.append(row)
    return pd.DataFrame(rows)


def booked_per_person(found: OutcomesOfDesign) -> pd.DataFrame:
    """What each mechanism did to staff, managers and peers over the whole run, by row of the design (NaN where it
    failed). Columns: balance and mechanism.
    """
    each = found.booked()[0].sum(axis=(2, 3)) / found.members
    entries: dict[str, list[int]] = {}
    for n, (mechanism, _) in enumerate(ENTRIES):
        entries.setdefault(mechanism, []).append(n)
    columns = {
        (balance, mechanism): each[b, of].sum(axis=0)
        for b, balance in enumerate(BALANCES)
        for mechanism, of in entries.items()
    }
    return pd.DataFrame(columns, index=found.runs["run"])


def with_interval(name: str, values: np.ndarray, clusters: np.ndarray | None) -> dict[str, float]:
    """Mean over runs and its 95 % interval, as the columns name, name_low and name_high."""
    found = mean_interval(values, clusters)
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
