"""What a study says: tables of indices, all from the same runs, made when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.model.scenario.settings import declared
from valign.results.reports import sensitivity as sensitivity_text

from .factors import EXTRA
from .indices import MAIN, NORMAL, Verdict, by_salib, sobol, table_of, variance_shares, verdict
from .runs import Progress, run_sample
from .values import LEAST_BLOCKS, StudyValues, known_missing


@dataclass(eq=False)
class Sensitivity(StudyValues):
    """A finished study. Tables are made when asked for; all from the same runs.

    sample, runs, evaluate, outcomes, curves, missing : as in `StudyValues`, which has the values behind the tables.
    title : of the scenario. left_out : uncertain parameters that were not varied, by reason.
    worlds : whether parameters varied as over the worlds that agree with published facts.

    Every table raises InputError where rows failed or have no value and missing = "refuse", or too few are left.
    """

    title: str = "the model"
    left_out: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    worlds: bool = False

    def _analysed(self, y: np.ndarray, kept: np.ndarray, second_order: bool = False) -> tuple[pd.DataFrame, Any]:
        """Tidy indices of one outcome from its row means, with what sobol found (else None)."""
        groups = self.sample.problem.groups
        if self.sample.method == "sobol":
            found = sobol(y[:, :, None], len(groups), second_order)
            return pd.concat(
                [
                    table_of(groups, "S1", found.first[0], NORMAL * found.first_sd[0]),
                    table_of(groups, "ST", found.total[0], NORMAL * found.total_sd[0], 0.0),
                ],
                ignore_index=True,
            ), found
        return by_salib(self.sample, self._points(kept), y.ravel()), None

    def _correlation(self, y: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
        """Correlation of every single factor (its point in the unit interval) with the outcome: which way it works."""
        method, groups = self.sample.method, self.sample.problem.groups
        if method == "sobol":
            unit = self._ends[kept]
            x, z = unit.reshape(-1, unit.shape[2]), y[:, [0, -1]].ravel()
        else:
            x, z = self._points(kept), y.ravel()
        x, z = x - x.mean(axis=0), z - z.mean()
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (x * z[:, None]).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (z**2).sum())
        alone = [self.sample.problem.membership.tolist().count(g) == 1 for g in range(len(groups))]
        values = [
            found[self.sample.problem.membership.tolist().index(g)] if alone[g] else np.nan for g in range(len(groups))
        ]
        points = 2 * len(y) if method == "sobol" else len(y)  # rows of a trajectory are no independent points
        return table_of(groups, "correlation", np.array(values), np.full(len(groups), NORMAL / np.sqrt(points)))

    def _first_n(self, outcome: str, n: int) -> tuple[pd.DataFrame, Any]:
        """`_analysed` from the first n row-blocks, done once."""
        if (outcome, n) not in self._done:
            y, kept = self.row_means(outcome)
            self._done[outcome, n] = self._analysed(y[: int(kept[:n].sum())], kept[:n])
        return self._done[outcome, n]

    @cached_property
    def _done(self) -> dict[tuple[str, int], tuple[pd.DataFrame, Any]]:
        return {}

    @cached_property
    def _ends(self) -> np.ndarray:
        """Points A and B of every row-block of sobol [row-blocks, 2, D]."""
        return np.stack(np.split(self.sample.base, 2, axis=1), axis=1)

    @cached_property
    def indices(self) -> pd.DataFrame:
        """outcome, factor (or group), index, value, low, high (95 % interval); one row each.

        Index: S1 and ST (sobol), mu_star, mu, sigma (morris), ... and `correlation`: which way a factor works.
        """
        parts: list[pd.DataFrame] = []
        for outcome in self.outcomes:
            y, kept = self.row_means(outcome)
            parts.append(self._first_n(outcome, self.sample.blocks)[0].assign(outcome=outcome))
            if self.sample.method != "fast":  # whose factors move together along a curve
                parts.append(self._correlation(y, kept).assign(outcome=outcome))
        table = pd.concat(parts, ignore_index=True)
        return table[["outcome", "factor", "index", "value", "low", "high"]]

    @cached_property
    def second_order(self) -> pd.DataFrame:
        """outcome, factor, other, value, low, high: interactions of pairs.

        Raises InputError where the study was run without second_order.
        """
        if not self.sample.second_order:
            raise InputError(["this study has no second order: ask for it with second_order=True"])
        groups = self.sample.problem.groups
        parts: list[pd.DataFrame] = []
        j, k = np.triu_indices(len(groups), 1)
        for outcome in self.outcomes:
            y, kept = self.row_means(outcome)
            found = self._analysed(y, kept, second_order=True)[1]
            value, half = found.second[0][j, k], NORMAL * found.second_sd[0][j, k]
            parts.append(
                pd.DataFrame(
                    {
                        "outcome": outcome,
                        "factor": np.array(groups)[j],
                        "other": np.array(groups)[k],
                        "value": value,
                        "low": value - half,
                        "high": value + half,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def over_time(self) -> pd.DataFrame:
        """curve, month, factor, index, value, low, high: indices of monthly curves (NaN where nothing varies)."""
        groups = self.sample.problem.groups
        parts: list[pd.DataFrame] = []
        for name in self.curves:
            y = self.curve(name)
            kept = self._usable(np.asarray(~np.isfinite(y).all(axis=2)), name)
            if self.sample.method == "sobol":
                found = sobol(y[kept], len(groups))
                for month in range(y.shape[2]):
                    for index, value, sd in (("S1", found.first, found.first_sd), ("ST", found.total, found.total_sd)):
                        floor = 0.0 if index == "ST" else None
                        parts.append(
                            table_of(groups, index, value[month], NORMAL * sd[month], floor).assign(
                                curve=name, month=month
                            )
                        )
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
        rows: list[dict[str, Any]] = []
        for outcome in self.outcomes:
            kept = self.row_means(outcome)[1]
            y = self.values(outcome)[kept]
            compared = y[:, [0, -1]] if self.sample.method == "sobol" else y
            y = y[np.isfinite(compared).all(axis=(1, 2))]  # runs are compared in pairs here: both must have a value
            rows.append(
                {"outcome": outcome, **variance_shares(y, self.sample)}
                if len(y) >= LEAST_BLOCKS
                else {"outcome": outcome}
            )
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
        parts: list[pd.DataFrame] = []
        for outcome in self.outcomes:
            kept = self.row_means(outcome)[1]
            for n in self._sizes():
                if n < self.sample.blocks and kept[:n].sum() < LEAST_BLOCKS:
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
        out: dict[str, Verdict] = {}
        table = self.convergence[self.convergence["index"] == MAIN[self.sample.method]]
        for outcome in self.outcomes:
            of = table[table["outcome"] == outcome]
            sizes: list[int] = sorted(of["n"].unique().tolist())
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
        return pd.DataFrame(
            [
                {
                    "outcome": outcome,
                    "ordered": each.ordered,
                    "settled": each.settled,
                    "beyond": each.beyond,
                    "order": " > ".join(each.order),
                }
                for outcome, each in self.verdicts.items()
            ],
            columns=["outcome", "ordered", "settled", "beyond", "order"],
        )

    @cached_property
    def factors(self) -> pd.DataFrame:
        """What was varied: name, group, distribution, meaning, apart (such runs share no block with others)."""
        apart = self.sample.problem.apart()
        return pd.DataFrame(
            [
                {
                    "name": f.name,
                    "group": f.group,
                    "distribution": f.described(),
                    "meaning": getattr(declared(f.name), "meaning", ""),
                    "apart": f.name in apart,
                }
                for f in self.sample.problem.factors
            ]
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables, as they are saved."""
        found = {
            "indices": self.indices,
            "shares": self.shares,
            "convergence": self.convergence,
            "settled": self.settled,
            "dropped": self.dropped,
            "factors": self.factors,
        }
        if self.curves:
            found["over_time"] = self.over_time
        if self.sample.second_order:
            found["second_order"] = self.second_order
        return found

    @property
    def size(self) -> dict[str, Any]:
        """Method, n, factors, parameters, replicates, rows and runs."""
        sample = self.sample
        return {
            "title": self.title,
            "method": sample.method,
            "n": sample.n,
            "replicates": sample.replicates,
            "factors": sum(name not in EXTRA for name in sample.problem.groups),
            "parameters": sum(name not in EXTRA for name in sample.problem.names),
            "rows": sample.blocks * sample.rows,
            "runs": self.simulated,
            "common": sample.common,
            "worlds": self.worlds,
        }

    @property
    def words(self) -> str:
        """One paragraph for every outcome, generated from the tables."""
        return sensitivity_text.paragraphs(self.tables, self.size, MAIN[self.sample.method], self.left_out)

    def salib(self, outcome: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        """(problem, X, Y) of an `outcome` for SALib: its problem on the unit cube, all points [n, D], means [n]."""
        y, kept = self.row_means(outcome)
        return self.sample.problem.salib(), self._points(kept), y.ravel()

    def analysed(self, outcomes: Sequence[str] | None = None, missing: str | None = None) -> Sensitivity:
        """The same runs, asked for other outcomes or with another rule for missing values."""
        return replace(self, outcomes=tuple(outcomes or self.outcomes), missing=known_missing(missing or self.missing))

    def enlarge(self, n: int | None = None, progress: Progress | None = None) -> Sensitivity:
        """The study with n base points (default: twice as many), all runs there are being used again.

        progress : called with (runs done, runs in all).

        Raises InputError for fast, whose curves change with their length, and when n is smaller.
        """
        if self.sample.method == "fast":
            raise InputError(["fast: a larger sample has other points, so a larger study is a new one"])
        sample = replace(self.sample, n=2 * self.sample.n if n is None else n)
        if sample.n < self.sample.n:
            raise InputError([f"n = {n}: the study has {self.sample.n} already"])
        run_sample(sample, self.evaluate, self.runs, progress)
        return replace(self, sample=sample)
