"""A study: sample -> design -> outcomes -> tables. Runs are kept by row-block: a study can be resumed and enlarged.

Every row of a sample is a row of a design (`replicates` runs of it); rows that say the same twice, such as those of the
dummy, run once. What runs them is a function of a design, as a rule `simulator`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from valign.experiments.design import MAX_SEED
from valign.experiments.simulate import _whole, simulate
from valign.model.compiling import sources_hash
from valign.model.errors import InputError, unknown
from valign.model.observe import COMMISSIONER_SERIES, OUTCOMES, PEOPLE_SERIES, SERIES_ROLES, SERVICE_SERIES
from valign.model.scenario import Scenario
from valign.results import sensitivity_text

from .factors import EXTRA, REST, Problem, declared, make_problem, uncertain
from .indices import MAIN, NORMAL, Verdict, by_salib, sobol, table_of, variance_shares, verdict
from .samples import DEFAULT_N, METHODS, Sample, sampler_hash

Progress = Callable[[int, int], None]
Evaluate = Callable[[pd.DataFrame], pd.DataFrame]
RUNS_AT_ONCE = 32_768  # of a chunk: what is lost when a study is interrupted
SERIES_BYTES = 4e8  # of monthly series in memory at once
LEAST_BLOCKS = 8
DEFAULT_OUTCOMES = ("uptake_final", "spread_final", "continuous", "alignment_final")
SPOTS = np.array([0.01, 0.2, 0.45, 0.75, 0.99])  # where a distribution is looked at to tell it from another
MISSING = ("refuse", "drop")
KEPT_IN_SCREENING, SCREENING_N = 24, 16


# --- what runs a design ----------------------------------------------------------------------------------------------
def curve_pair(name: str) -> tuple[str, str]:
    """(role, variable) of a monthly curve: "engaged" (everybody), "staff.alignment", "in_use" (services)."""
    pairs = {f"{role}.{variable}": (role, variable) for role in SERIES_ROLES for variable in PEOPLE_SERIES}
    pairs |= {f"service.{variable}": ("service", variable) for variable in SERVICE_SERIES}
    pairs |= {f"commissioner.{variable}": ("commissioner", variable) for variable in COMMISSIONER_SERIES}
    short = {variable: ("all", variable) for variable in PEOPLE_SERIES}
    short |= {variable: ("service", variable) for variable in SERVICE_SERIES if variable not in short}
    if name not in pairs | short:
        raise InputError([unknown(name, [*short, *pairs], "monthly curve")])
    return (pairs | short)[name]


def simulator(scenario: Scenario, curves: Sequence[str] = (), threads: int | None = None) -> Evaluate:
    """What runs the designs of a study: a column for every outcome, `status`, and NAME@MONTH for every curve."""
    pairs = {name: curve_pair(name) for name in curves}

    def evaluate(design: pd.DataFrame) -> pd.DataFrame:
        parts = [some(design.iloc[start:start + at_once]) for start in range(0, len(design), at_once)]
        return pd.concat(parts, ignore_index=True)

    # a run that is asked for one monthly curve records all of them, which fills the memory
    at_once = max(64, int(SERIES_BYTES / (8 * 91 * (scenario.months + 1)))) if pairs else 10**9

    def some(design: pd.DataFrame) -> pd.DataFrame:
        found = simulate(design, base=scenario, record=("series",) if pairs else (), threads=threads)
        columns = ["status", *OUTCOMES] + [f"{name}@{month}" for name in pairs for month in range(scenario.months + 1)]
        tables = []
        for rows, outcomes in found.parts:
            monthly = [outcomes.curves(*pair).T for pair in pairs.values()]
            table = outcomes.runs[["status", *OUTCOMES]]
            tables.append(pd.DataFrame({**{name: table[name] for name in table},
                                        **dict(zip(columns[len(table.columns):], np.hstack(monthly).T, strict=True)
                                               if monthly else ())}).set_axis(rows))
        return (pd.concat(tables) if len(tables) > 1 else tables[0]).sort_index()

    return evaluate


# --- running ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Chunk:
    """Outcomes of some row-blocks: scalars [rows, replicates, S], means of curves [rows, M], what failed by row."""

    scalars: np.ndarray
    curves: np.ndarray
    failures: dict[int, str]
    simulated: int


@dataclass(eq=False)
class Runs:
    """Finished chunks by first row-block, in memory and, if there is a folder, on disk."""

    spec: Mapping[str, Any]
    folder: Path | None = None
    names: list[str] = field(default_factory=list)
    chunks: dict[int, Chunk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folder is None:
            return
        text = json.dumps(self.spec, sort_keys=True, indent=1, default=str)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "study.json"
        if not path.exists():
            _write(path, text.encode())
        elif path.read_text(encoding="utf-8") != text:
            before = json.loads(path.read_text(encoding="utf-8"))
            differing = sorted(key for key in {*before, *self.spec} if json.dumps(before.get(key), default=str)
                               != json.dumps(json.loads(text).get(key), default=str))
            raise InputError([f"{self.folder} keeps the runs of another study (it differs in: {', '.join(differing)}); "
                              "choose another folder"])

    def __contains__(self, start: int) -> bool:
        if start not in self.chunks and self.folder is not None and self._path(start).exists():
            with np.load(self._path(start), allow_pickle=False) as kept:
                self.names = kept["names"].tolist()
                self.chunks[start] = Chunk(kept["scalars"], kept["curves"], dict(zip(
                    kept["failed"].tolist(), kept["why"].tolist(), strict=True)), int(kept["simulated"]))
        return start in self.chunks

    def add(self, start: int, names: list[str], chunk: Chunk) -> None:
        self.names, self.chunks[start] = names, chunk
        if self.folder is not None:
            import io

            kept = io.BytesIO()
            np.savez(kept, names=np.array(names), scalars=chunk.scalars, curves=chunk.curves, simulated=chunk.simulated,
                     failed=np.array(list(chunk.failures), int), why=np.array(list(chunk.failures.values()), str))
            _write(self._path(start), kept.getvalue())

    def _path(self, start: int) -> Path:
        assert self.folder is not None
        return self.folder / f"row-blocks-{start:07d}.npz"


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    os.replace(partial, path)


def chunk_blocks(sample: Sample) -> int:
    """Row-blocks of a chunk: a power of two, so that a study of 2N has the chunks of the study of N."""
    fit = RUNS_AT_ONCE // (sample.rows * sample.replicates)
    return 2 ** max(0, fit.bit_length() - 1)


def design_rows(sample: Sample, start: int, stop: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The design of the row-blocks start … stop - 1, and for every row of the sample which rows of it are its runs.

    Rows of the sample that mean the same runs share them. Second value: [rows, replicates].
    """
    unit = sample.unit(start, stop)
    run, society = sample.seeds(start, stop, unit)
    settings, codes = {}, [run[:, :1].astype(np.int64), society[:, None]]
    for place, factor in enumerate(sample.problem.factors):
        if factor.name in EXTRA:
            continue
        values = factor.values(unit[:, place])
        number = np.unique(values, return_inverse=True)[1] if values.dtype == object else values.astype(float) + 0.0
        settings[factor.name] = values if values.dtype in (object, bool) else number
        codes.append(np.ascontiguousarray(number, float).view(np.int64)[:, None])
    keys = np.ascontiguousarray(np.hstack(codes))
    _, first, inverse = np.unique(keys.view(f"V{keys.shape[1] * 8}").ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    first, place = first[order], np.argsort(order, kind="stable")[inverse.ravel()]
    R = sample.replicates
    design = pd.DataFrame({name: np.repeat(column[first], R) for name, column in settings.items()})
    design["seed"], design["society_seed"] = run[first].ravel(), np.repeat(society[first], R)
    return design, place[:, None] * R + np.arange(R)


def run_sample(sample: Sample, evaluate: Evaluate, runs: Runs, progress: Progress | None = None) -> None:
    """Run what is not there yet."""
    size, each = chunk_blocks(sample), sample.rows * sample.replicates
    start = 0
    while start < sample.blocks:
        if start not in runs:
            stop = min(start + size - start % size, sample.blocks)
            names, chunk = run_chunk(sample, evaluate, start, stop)
            runs.add(start, names, chunk)
        start += len(runs.chunks[start].scalars) // sample.rows
        if progress is not None:
            progress(min(start, sample.blocks) * each, sample.blocks * each)


def run_chunk(sample: Sample, evaluate: Evaluate, start: int, stop: int) -> tuple[list[str], Chunk]:
    """Outcomes of the row-blocks start … stop - 1, and their names (scalars, then curves)."""
    design, place = design_rows(sample, start, stop)
    table = evaluate(design)
    if len(table) != len(design):
        raise InputError([f"what evaluates a design of {len(design)} rows gave {len(table)}"])
    names = [str(name) for name in table if name != "status" and name not in design]
    scalars, monthly = ([name for name in names if ("@" in name) == is_curve] for is_curve in (False, True))
    values = table[scalars].to_numpy(float)[place]
    curves = table[monthly].to_numpy(float)[place].mean(axis=1) if monthly else np.empty((len(place), 0))
    failures: dict[int, str] = {}
    if "status" in table:
        status = table["status"].to_numpy()
        bad = (status != "ok")[place]
        failures = {int(row): str(status[place[row, np.argmax(bad[row])]]) for row in np.flatnonzero(bad.any(axis=1))}
    return scalars + monthly, Chunk(values, curves, failures, len(design))


# --- what a study says -----------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Sensitivity:
    """A finished study. Tables are made when asked for; all from the same runs.

    outcomes : which scalars are analysed. curves : which monthly curves. missing : "refuse" (outcomes without a value
    and failed runs are an error that names them) or "drop" (their row-blocks are left out, see `dropped`).
    """

    sample: Sample
    runs: Runs
    evaluate: Evaluate
    outcomes: tuple[str, ...]
    curves: tuple[str, ...] = ()
    missing: str = "refuse"
    title: str = "the model"
    left_out: dict[str, list[str]] = field(default_factory=dict)

    # --- the runs
    @cached_property
    def _chunks(self) -> list[tuple[int, Chunk]]:
        found, start = [], 0
        while start < self.sample.blocks:
            found.append((start, self.runs.chunks[start]))
            start += len(found[-1][1].scalars) // self.sample.rows
        return found

    @property
    def simulated(self) -> int:
        """Number of runs simulated (rows that mean the same run count once)."""
        return sum(chunk.simulated for _, chunk in self._chunks)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Rows with a failed run: row-block, row (of the row-block), why."""
        rows = self.sample.rows
        found = [(start + row // rows, row % rows, why) for start, chunk in self._chunks
                 for row, why in chunk.failures.items() if start + row // rows < self.sample.blocks]
        return pd.DataFrame(found, columns=["row_block", "row", "why"])

    def values(self, outcome: str) -> np.ndarray:
        """Runs of an outcome [row-blocks, rows, replicates], as simulated."""
        scalars = [name for name in self.runs.names if "@" not in name]
        if outcome not in scalars:
            raise InputError([unknown(outcome, scalars, "known outcome")])
        parts = [chunk.scalars[:, :, scalars.index(outcome)] for _, chunk in self._chunks]
        shape = (self.sample.blocks, self.sample.rows, self.sample.replicates)
        return np.concatenate(parts)[:shape[0] * shape[1]].reshape(shape)

    def curve(self, name: str) -> np.ndarray:
        """A monthly curve [row-blocks, rows, months + 1], the mean over replicates."""
        monthly = [each for each in self.runs.names if "@" in each]
        wanted = [place for place, each in enumerate(monthly) if each.rpartition("@")[0] == name]
        if not wanted:
            raise InputError([unknown(name, sorted({each.rpartition("@")[0] for each in monthly}), "recorded curve")])
        parts = np.concatenate([chunk.curves[:, wanted] for _, chunk in self._chunks])
        return parts[:self.sample.blocks * self.sample.rows].reshape(self.sample.blocks, self.sample.rows, len(wanted))

    @cached_property
    def design(self) -> pd.DataFrame:
        """All runs as one design table, which `simulate` takes."""
        return design_rows(self.sample, 0, self.sample.blocks)[0]

    # --- what is missing
    def _usable(self, missing: np.ndarray, what: str) -> np.ndarray:
        """Row-blocks that can be used. missing : [row-blocks, rows], rows without any value."""
        failed = np.zeros(self.sample.blocks, bool)
        failed[self.failures["row_block"].to_numpy(int)] = True
        gone = failed | missing.any(axis=1)
        if not gone.any():
            return ~gone
        problems = []
        if failed.any():
            first = self.failures.iloc[0]
            problems.append(f"{len(self.failures):,} of {missing.size:,} rows failed, in {failed.sum():,} of "
                            f"{len(gone):,} row-blocks; the first (row-block {first['row_block']}, row "
                            f"{first['row']}): {first['why']}")
        if missing.any():
            block, row = np.argwhere(missing)[0]
            problems.append(f"{what} has no value in {missing.sum():,} of {missing.size:,} rows, in "
                            f"{missing.any(axis=1).sum():,} of {len(gone):,} row-blocks (the first: row-block {block}, "
                            f"row {row})")
        if self.missing == "refuse":
            problems[-1] += ("; no index is computed from what is not there: choose another outcome"
                             + ("" if self.sample.method == "fast" else
                                ", or leave those row-blocks out (missing='drop', --drop)"))
            raise InputError(problems)
        if self.sample.method == "fast" or (~gone).sum() < LEAST_BLOCKS:
            raise InputError([*problems, "too few row-blocks would be left" if self.sample.method != "fast" else
                              "fast needs every point of its curves"])
        return ~gone

    def _scalar(self, outcome: str) -> tuple[np.ndarray, np.ndarray]:
        """Means over replicates [row-blocks, rows] of the usable row-blocks, and which those are.

        With missing = "drop" a row's mean is over the replicates that have a value.
        """
        y = self.values(outcome)
        there = np.isfinite(y)
        none = np.asarray(~there.any(axis=2) if self.missing == "drop" else ~there.all(axis=2))
        kept = self._usable(none, outcome)
        sums, counts = np.where(there, y, 0.0).sum(axis=2), there.sum(axis=2)
        return (sums / np.maximum(counts, 1))[kept], kept

    @cached_property
    def dropped(self) -> pd.DataFrame:
        """By outcome: row-blocks left out and how many there are, and the share of runs without a value."""
        rows = []
        for outcome in self.outcomes:
            kept = self._scalar(outcome)[1]
            rows.append({"outcome": outcome, "dropped": int((~kept).sum()), "row_blocks": len(kept),
                         "without_value": float(np.isnan(self.values(outcome)).mean())})
        return pd.DataFrame(rows)

    # --- tables
    def _analysed(self, y: np.ndarray, kept: np.ndarray, second_order: bool = False) -> tuple[pd.DataFrame, Any]:
        """Tidy indices of one outcome from its row means, with what sobol found (else None)."""
        groups = self.sample.problem.groups
        if self.sample.method == "sobol":
            found = sobol(y[:, :, None], len(groups), second_order)
            return pd.concat([
                table_of(groups, "S1", found.first[0], NORMAL * found.first_sd[0]),
                table_of(groups, "ST", found.total[0], NORMAL * found.total_sd[0], 0.0)], ignore_index=True), found
        unit = self._unit.reshape(self.sample.blocks, self.sample.rows, -1)[:len(kept)][kept]
        return by_salib(self.sample, unit.reshape(-1, unit.shape[2]), y.ravel()), None

    def _first_n(self, outcome: str, n: int) -> tuple[pd.DataFrame, Any]:
        """`_analysed` from the first n row-blocks, done once."""
        if (outcome, n) not in self._done:
            y, kept = self._scalar(outcome)
            self._done[outcome, n] = self._analysed(y[:int(kept[:n].sum())], kept[:n])
        return self._done[outcome, n]

    @cached_property
    def _done(self) -> dict[tuple[str, int], tuple[pd.DataFrame, Any]]:
        return {}

    @cached_property
    def _unit(self) -> np.ndarray:
        return self.sample.unit()

    def _correlation(self, y: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
        """Correlation of every single factor (its point in the unit interval) with the outcome: which way it works."""
        method, groups = self.sample.method, self.sample.problem.groups
        if method == "sobol":
            unit = self._ends[kept]
            x, z = unit.reshape(-1, unit.shape[2]), y[:, [0, -1]].ravel()
        else:
            unit = self._unit.reshape(self.sample.blocks, self.sample.rows, -1)[kept]
            x, z = unit.reshape(-1, unit.shape[2]), y.ravel()
        x, z = x - x.mean(axis=0), z - z.mean()
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (x * z[:, None]).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (z**2).sum())
        alone = [self.sample.problem.membership.tolist().count(g) == 1 for g in range(len(groups))]
        values = [found[self.sample.problem.membership.tolist().index(g)] if alone[g] else np.nan
                  for g in range(len(groups))]
        points = 2 * len(y) if method == "sobol" else len(y)  # rows of a trajectory are no independent points
        return table_of(groups, "correlation", np.array(values), np.full(len(groups), NORMAL / np.sqrt(points)))

    @cached_property
    def _ends(self) -> np.ndarray:
        """Points A and B of every row-block of sobol [row-blocks, 2, D]."""
        return np.stack(np.split(self.sample._base, 2, axis=1), axis=1)

    @cached_property
    def indices(self) -> pd.DataFrame:
        """outcome, factor (or group), index, value, low, high (95 % interval); one row each.

        Index: S1 and ST (sobol), mu_star, mu, sigma (morris), ... and `correlation`: which way a factor works.
        """
        parts = []
        for outcome in self.outcomes:
            y, kept = self._scalar(outcome)
            parts.append(self._first_n(outcome, self.sample.blocks)[0].assign(outcome=outcome))
            if self.sample.method != "fast":  # whose factors move together along a curve
                parts.append(self._correlation(y, kept).assign(outcome=outcome))
        table = pd.concat(parts, ignore_index=True)
        return table[["outcome", "factor", "index", "value", "low", "high"]]

    @cached_property
    def second_order(self) -> pd.DataFrame:
        """outcome, factor, other, value, low, high: interactions of pairs (sobol with second_order)."""
        if not self.sample.second_order:
            raise InputError(["this study has no second order: ask for it with second_order=True"])
        groups, parts = self.sample.problem.groups, []
        j, k = np.triu_indices(len(groups), 1)
        for outcome in self.outcomes:
            y, kept = self._scalar(outcome)
            found = self._analysed(y, kept, second_order=True)[1]
            value, half = found.second[0][j, k], NORMAL * found.second_sd[0][j, k]
            parts.append(pd.DataFrame({"outcome": outcome, "factor": np.array(groups)[j], "other": np.array(groups)[k],
                                       "value": value, "low": value - half, "high": value + half}))
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def over_time(self) -> pd.DataFrame:
        """curve, month, factor, index, value, low, high: indices of monthly curves (NaN where nothing varies)."""
        parts, groups = [], self.sample.problem.groups
        for name in self.curves:
            y = self.curve(name)
            kept = self._usable(np.asarray(~np.isfinite(y).all(axis=2)), name)
            if self.sample.method == "sobol":
                found = sobol(y[kept], len(groups))
                for month in range(y.shape[2]):
                    for index, value, sd in (("S1", found.first, found.first_sd), ("ST", found.total, found.total_sd)):
                        floor = 0.0 if index == "ST" else None
                        parts.append(table_of(groups, index, value[month], NORMAL * sd[month], floor)
                                     .assign(curve=name, month=month))
            else:
                for month in range(y.shape[2]):
                    parts.append(self._analysed(y[kept][:, :, month], kept)[0].assign(curve=name, month=month))
        if not parts:
            return pd.DataFrame(columns=["curve", "month", "factor", "index", "value", "low", "high"])
        table = pd.concat(parts, ignore_index=True)
        return table[["curve", "month", "factor", "index", "value", "low", "high"]]

    @cached_property
    def shares(self) -> pd.DataFrame:
        """By outcome: variance between rows, and the shares of it due to `replicates` and `societies`, `single_run`.

        See `indices.variance_shares`. `replicates` is the noise floor of total indices.
        """
        rows = []
        for outcome in self.outcomes:
            kept = self._scalar(outcome)[1]
            y = self.values(outcome)[kept]
            compared = y[:, [0, -1]] if self.sample.method == "sobol" else y
            y = y[np.isfinite(compared).all(axis=(1, 2))]  # runs are compared in pairs here: both must have a value
            rows.append({"outcome": outcome, **variance_shares(y, self.sample)} if len(y) >= LEAST_BLOCKS else
                        {"outcome": outcome})
        return pd.DataFrame(rows)

    def _sizes(self) -> list[int]:
        if self.sample.method == "fast":
            return [self.sample.blocks]
        sizes, most = [self.sample.blocks], 5 if self.sample.method == "sobol" else 2  # SALib is slow
        while sizes[0] // 2 >= LEAST_BLOCKS and len(sizes) < most:
            sizes.insert(0, sizes[0] // 2)
        return sizes

    @cached_property
    def convergence(self) -> pd.DataFrame:
        """outcome, n, factor, index, value, low, high: the main indices from the first n row-blocks, n doubling."""
        parts = []
        for outcome in self.outcomes:
            kept = self._scalar(outcome)[1]
            for n in self._sizes():
                if kept[:n].sum() < LEAST_BLOCKS and self.sample.method != "fast":
                    continue
                found = self._first_n(outcome, n)[0]
                wanted = ("S1", "ST") if self.sample.method == "sobol" else (MAIN[self.sample.method],)
                parts.append(found[found["index"].isin(wanted)].assign(outcome=outcome, n=n))
        table = pd.concat(parts, ignore_index=True)
        return table[["outcome", "n", "factor", "index", "value", "low", "high"]]

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """By outcome: how much of the ranking of the parameters is settled. Empty where there is no half to compare."""
        names = [name for name in self.sample.problem.groups if name not in EXTRA]
        out = {}
        table = self.convergence[self.convergence["index"] == MAIN[self.sample.method]]
        for outcome in self.outcomes:
            of = table[table["outcome"] == outcome]
            sizes = sorted(of["n"].unique())
            now = of[of["n"] == sizes[-1]].set_index("factor").loc[names]
            if len(sizes) < 2 or now["value"].isna().any():
                continue
            half = of[of["n"] == sizes[-2]].set_index("factor").loc[names, "value"].to_numpy()
            resampled = None
            if self.sample.method == "sobol":
                found = self._first_n(outcome, self.sample.blocks)[1]
                resampled = found.resampled[:, [self.sample.problem.groups.index(name) for name in names]]
            width = (now["high"] - now["value"]).to_numpy()
            out[outcome] = verdict(names, now["value"].to_numpy(), half, width, resampled)
        return out

    @cached_property
    def settled(self) -> pd.DataFrame:
        """`verdicts` as a table: outcome, ordered, settled, beyond, order."""
        return pd.DataFrame([{"outcome": outcome, "ordered": each.ordered, "settled": each.settled,
                              "beyond": each.beyond, "order": " > ".join(each.order)}
                             for outcome, each in self.verdicts.items()],
                            columns=["outcome", "ordered", "settled", "beyond", "order"])

    @cached_property
    def factors(self) -> pd.DataFrame:
        """What was varied: name, group, distribution, meaning, apart (such runs share no block with others)."""
        apart = self.sample.problem.apart()
        return pd.DataFrame([{"name": f.name, "group": f.group, "distribution": f.described(),
                              "meaning": getattr(declared(f.name), "meaning", ""), "apart": f.name in apart}
                             for f in self.sample.problem.factors])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables, as they are saved."""
        found = {"indices": self.indices, "shares": self.shares, "convergence": self.convergence,
                 "settled": self.settled, "dropped": self.dropped, "factors": self.factors}
        if self.curves:
            found["over_time"] = self.over_time
        if self.sample.second_order:
            found["second_order"] = self.second_order
        return found

    @property
    def size(self) -> dict[str, Any]:
        """Method, n, factors, parameters, replicates, rows and runs."""
        sample = self.sample
        return {"title": self.title, "method": sample.method, "n": sample.n, "replicates": sample.replicates,
                "factors": sum(name not in EXTRA for name in sample.problem.groups),
                "parameters": sum(name not in EXTRA for name in sample.problem.names),
                "rows": sample.blocks * sample.rows, "runs": self.simulated, "common": sample.common}

    @property
    def words(self) -> str:
        """One paragraph for every outcome, generated from the tables."""
        return sensitivity_text.paragraphs(self.tables, self.size, MAIN[self.sample.method], self.left_out)

    # --- for others
    def salib(self, outcome: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        """(problem, X, Y) for SALib: its problem on the unit cube, all points and the means over replicates."""
        y, kept = self._scalar(outcome)
        unit = self._unit.reshape(self.sample.blocks, self.sample.rows, -1)[kept]
        return self.sample.problem.salib(), unit.reshape(-1, unit.shape[2]), y.ravel()

    def analysed(self, outcomes: Sequence[str] | None = None, missing: str | None = None) -> Sensitivity:
        """The same runs, asked for other outcomes or with another rule for missing values."""
        return replace(self, outcomes=tuple(outcomes or self.outcomes), missing=_missing(missing or self.missing))

    def enlarge(self, n: int | None = None, progress: Progress | None = None) -> Sensitivity:
        """The study with n base points (default: twice as many), all runs there are being used again.

        Raises InputError for fast, whose curves change with their length, and when n is smaller.
        """
        if self.sample.method == "fast":
            raise InputError(["fast: points lie elsewhere when there are more of them; a larger study is a new one"])
        sample = replace(self.sample, n=2 * self.sample.n if n is None else n)
        if sample.n < self.sample.n:
            raise InputError([f"n = {n}: the study has {self.sample.n} already"])
        run_sample(sample, self.evaluate, self.runs, progress)
        return replace(self, sample=sample)


def _missing(missing: str) -> str:
    if missing not in MISSING:
        raise InputError([unknown(missing, MISSING, "way to treat missing values")])
    return missing


def study(problem: Problem, evaluate: Evaluate, method: str = "sobol", n: int | None = None,
          outcomes: Sequence[str] | None = None, curves: Sequence[str] = (), *, replicates: int = 1, seed: int = 1,
          second_order: bool = False, common_seeds: bool = True, missing: str = "refuse", folder: Path | None = None,
          spec: Mapping[str, Any] | None = None, progress: Progress | None = None) -> Sensitivity:
    """A study of anything that turns a design into a table of outcomes.

    evaluate : takes a DataFrame with a column for every factor, `seed` and `society_seed`, gives one row for each of
        its rows: a column for every outcome, NAME@MONTH for monthly curves, perhaps `status` ("ok" or the error).
    folder : keeps the runs; the same study, or a larger one, goes on from there.
    spec : what, besides the sample, the runs depend on. Others: see `sensitivity`.
    """
    if method not in METHODS:
        raise InputError([unknown(method, METHODS, "method")])
    n = _whole("n", DEFAULT_N[method] if n is None else n, 1, 2**30)
    replicates = _whole("replicates", replicates, 1, 10_000)
    sample = Sample(method, problem, n, _whole("seed", seed, 0, MAX_SEED), replicates, second_order, common_seeds)
    needs_salib(method)
    missing = _missing(missing)
    runs = Runs({**(spec or {}), "sampler": sampler_hash(), "method": method, "seed": seed, "replicates": replicates,
                 "second_order": second_order, "common_seeds": common_seeds, "curves": list(curves),
                 **({"n": n} if method == "fast" else {}),
                 "factors": [[f.name, f.group, f.described(), [str(v) for v in f.values(SPOTS)]]
                             for f in problem.factors]}, folder)
    run_sample(sample, evaluate, runs, progress)
    scalars = tuple(name for name in runs.names if "@" not in name)
    return Sensitivity(sample, runs, evaluate, scalars if outcomes is None else tuple(outcomes), tuple(curves), missing)


def needs_salib(method: str) -> None:
    """Raises InputError when a method of SALib is asked for and it is not installed."""
    if method == "sobol":
        return
    try:
        import SALib  # noqa: F401
    except ImportError:
        raise InputError([f"{method} is computed with SALib, which is not installed: pip install 'valign[analysis]'"]) \
            from None


def sensitivity(
    scenario: Scenario | str, method: str = "sobol", n: int | None = None, outcomes: Sequence[str] | None = None,
    parameters: Sequence[str] | None = None, *, curves: Sequence[str] = (),
    group_by: str | Mapping[str, Sequence[str]] | None = None, bounds: Mapping[str, tuple[float, float]] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None, distributions: Mapping[str, Any] | None = None,
    replicates: int = 8, seed: int = 1, second_order: bool = False, seed_factor: bool = False,
    society_factor: bool = False, common_seeds: bool = True, missing: str = "refuse", folder: str | Path | None = None,
    threads: int | None = None, progress: Progress | None = None,
) -> Sensitivity:
    """Which assumptions drive the outcomes of a scenario, and which do not matter.

    Parameters
    ----------
    scenario : a Scenario, a shipped name or a path to TOML.
    method : "sobol" (share of variance: first and total indices), "morris" (screening), "pawn", "delta" (whole
        distributions), "fast", "rbd_fast" (first order from few runs), "dgsm" (derivatives), "shapley".
    n : base points (a power of 2 for sobol, pawn, delta, dgsm), trajectories (morris, shapley), or points of a curve
        (fast). Rows: sobol n * (groups + 2), morris n * (groups + 1), dgsm and shapley n * (factors + 1).
    outcomes : columns of `Outcomes.runs` (default: final uptake and spread, unbroken use, final alignment).
    parameters : keys of `Scenario.replace` (default: all uncertain parameters but those that shape the ties).
    curves : monthly curves ("engaged", "in_use", "staff.alignment") whose indices are followed over time.
    group_by : "mechanism", or {group: parameters}: a group is one factor (sobol and morris).
    bounds, levels, distributions : instead of the declared ranges; see `factors.make_problem`.
    replicates : runs of every parameter set, which share their society; indices are of their mean.
    seed_factor, society_factor : the chances (the people and ties) of a run as factors of their own, which makes their
        total index the noise floor. common_seeds : rows of a row-block share seeds and society.
    missing : "refuse" or "drop", see `Sensitivity`.
    folder : where runs are kept as they finish; the same study goes on from there, and so does one with a larger n.

    Raises
    ------
    InputError : wrong arguments; later, when a table is asked for, failed runs or outcomes without a value.
    """
    scenario = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    outcomes = DEFAULT_OUTCOMES if outcomes is None else tuple(outcomes)
    problems = [unknown(name, OUTCOMES, "known outcome") for name in outcomes if name not in OUTCOMES]
    for name in curves:
        try:
            curve_pair(name)
        except InputError as error:
            problems += error.problems
    if not outcomes:
        problems.append("outcomes: at least one is wanted")
    try:
        problem = make_problem(scenario, parameters, group_by=group_by, bounds=bounds, levels=levels,
                               distributions=distributions, seed_factor=seed_factor, society_factor=society_factor)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    spec = {"scenario": scenario.to_toml(), "code": sources_hash()}
    found = study(problem, simulator(scenario, curves, threads), method, n, outcomes, curves, replicates=replicates,
                  seed=seed, second_order=second_order, common_seeds=common_seeds, missing=missing,
                  folder=None if folder is None else Path(folder), spec=spec, progress=progress)
    found.title = scenario.title or scenario.name
    found.left_out = uncertain(scenario)[1] if parameters is None else {}
    return found


# --- screening, then Sobol' ------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Screening:
    """Two steps: `morris` over all parameters, `sobol` with the `kept` ones alone and all others as one factor.

    The total index of that one factor (`factors.REST`) is the share of variance neglected by whoever fixes the others.
    """

    morris: Sensitivity
    sobol: Sensitivity
    kept: list[str]
    rest: list[str]

    @cached_property
    def neglected(self) -> pd.DataFrame:
        """By outcome: total index of everything else with its interval."""
        table = self.sobol.indices
        found = table[(table["factor"] == REST) & (table["index"] == "ST")]
        return found[["outcome", "value", "low", "high"]].reset_index(drop=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the second step, with `screening` (indices of the first) and `neglected`."""
        return {**self.sobol.tables, "screening": self.morris.indices, "neglected": self.neglected}

    @property
    def words(self) -> str:
        return sensitivity_text.screening(self.morris.size, self.morris.outcomes, len(self.kept), len(self.rest),
                                          self.neglected) + "\n\n" + self.sobol.words


def rank_screened(indices: pd.DataFrame) -> pd.Series:
    """Factors by the largest share, over outcomes, of the largest mu* of the outcome; the largest first."""
    table = indices[(indices["index"] == "mu_star") & ~indices["factor"].isin(EXTRA)]
    share = table["value"] / table.groupby("outcome")["value"].transform("max")
    return share.groupby(table["factor"], sort=False).max().sort_values(ascending=False, kind="stable")


def _screenable(found: Sensitivity) -> list[str]:
    """Outcomes that enough trajectories have a value of; one missing row spoils a whole trajectory.

    Raises InputError when there is none, or when missing values are to be refused.
    """
    usable, problems = [], []
    for outcome in found.outcomes:
        try:
            found._scalar(outcome)
            usable.append(outcome)
        except InputError as error:
            problems += error.problems
    if problems and (found.missing == "refuse" or not usable):
        raise InputError(problems)
    return usable


def screen(scenario: Scenario | str, n: int | None = None, outcomes: Sequence[str] | None = None,
           parameters: Sequence[str] | None = None, *, keep: int = KEPT_IN_SCREENING, screening_n: int = SCREENING_N,
           folder: str | Path | None = None, progress: Progress | None = None, **others: Any) -> Screening:
    """Screen all parameters with Morris, then Sobol' on those that matter; what is neglected is measured, not assumed.

    keep : how many parameters stand for themselves in the second step (the largest mu*, relative to the largest of an
        outcome, over all outcomes). All others vary together as one factor.
    screening_n : trajectories of the first step. n : base points of the second.
    Others : as for `sensitivity`, but for method and group_by.

    Raises InputError.
    """
    keep = _whole("keep", keep, 1, 10_000)
    if wrong := [name for name in ("method", "group_by") if name in others]:
        raise InputError([f"{wrong[0]}: screening chooses it"])
    folder = None if folder is None else Path(folder)
    second = {name: others.pop(name) for name in ("curves", "second_order", "seed_factor", "society_factor")
              if name in others}
    first = sensitivity(scenario, "morris", screening_n, outcomes, parameters, progress=progress,
                        folder=folder and folder / "morris", **others)
    first = first.analysed(_screenable(first))
    ranked = rank_screened(first.indices).index.tolist()
    names = [name for name in first.sample.problem.names if name not in EXTRA]
    kept, rest = ranked[:keep], [name for name in names if name not in ranked[:keep]]
    if len(rest) < 1:
        raise InputError([f"keep = {keep}: there are {len(names)} parameters, so that nothing would be screened out"])
    found = sensitivity(scenario, "sobol", n, outcomes, [*kept, *rest], group_by={REST: rest}, progress=progress,
                        folder=folder and folder / "sobol", **others, **second)
    found.left_out = first.left_out
    return Screening(first, found, kept, rest)
