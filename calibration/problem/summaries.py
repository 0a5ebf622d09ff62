"""Histories of adoption in a network: who is at risk when, exposed to whom, and what of it is summarised.

All of it works on periods of adoption [people x runs] (0: not adopted while observed), so that observed and simulated
histories are summarised by the same code, whole or in part (a community held out has `until` 0).

The summaries include the score of a discrete-time logit (its gradient at the fit to the observed data): nearly
sufficient for how adoption depends on orientation, exposure and time, at the price of one pass (Gleim & Pigorsch 2013;
Ruli, Sartori & Ventura 2016).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from valign.model.compiled.compiling import compiled
from valign.model.compiled.randomness import exponential
from valign.model.constants import BASE_QUALITY
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society

from ..data.schema import Data

KNOTS = 6


class Seen(NamedTuple):
    """The arrays of a `Layout` that its summaries depend on."""

    until: np.ndarray
    z: np.ndarray
    high: np.ndarray
    community: np.ndarray
    communities: int
    start: np.ndarray
    neighbour: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Layout:
    """People in the rows of the society: N people, D orientations, C communities."""

    ids: list[str]
    time: np.ndarray  # N int32: observed period of adoption, 0: none
    until: np.ndarray  # N int32: last period observed; 0: not observed at all
    z: np.ndarray  # N x D: nearness to what the innovation embodies, mean 0 and SD 1, 0 where not known; covariates
    high: np.ndarray  # N x D int8: 1 high, 0 low, -1 not known
    community: np.ndarray  # N int64
    communities: list[str]
    orientations: list[str]
    start: np.ndarray  # N + 1: ties of person i are start[i] ... start[i + 1] - 1
    neighbour: np.ndarray
    weight: np.ndarray  # of ties: their base quality
    covariates: tuple[str, ...] = ()  # in the last columns of z and high

    @classmethod
    def of(cls, data: Data, society: Society, scenario: Scenario, covariates: pd.DataFrame | None = None) -> Layout:
        """The observed people in the order of the society that was made of them.

        covariates : columns of mean 0, in the rows of the data's people.
        """
        assert data.people is not None
        assert society.ids is not None
        people = data.people.set_index("id").loc[list(society.ids)].reset_index()
        place = {text: row for row, text in enumerate(data.people["id"])}
        rows = [place[text] for text in society.ids]
        names, community = np.unique(people["community"].astype(str), return_inverse=True)
        orientations = list(data.orientation)
        z, high = np.zeros((len(people), len(orientations))), np.zeros((len(people), len(orientations)), np.int8)
        for k, name in enumerate(orientations):
            fit = -np.abs(people[name].to_numpy(float) - data.orientation[name].innovation)
            spread = np.nanstd(fit)
            z[:, k] = np.nan_to_num((fit - np.nanmean(fit)) / (spread if spread > 0 else 1.0))
            high[:, k] = data.high(name)[rows]
        if covariates is not None:
            known = covariates.to_numpy(float)[rows]
            z = np.concatenate([z, known], axis=1)
            high = np.concatenate([high, (known > np.median(known, axis=0)).astype(np.int8)], axis=1)
        quality = np.minimum(1.0, BASE_QUALITY * scenario.value("tie_quality"))
        return cls(
            list(society.ids),
            np.nan_to_num(people["time"].to_numpy(float)).astype(np.int32),
            people["until"].to_numpy().astype(np.int32),
            z,
            high,
            community.astype(np.int64),
            names.tolist(),
            orientations,
            np.asarray(society.tie_start),
            np.asarray(society.neighbour),
            quality[np.asarray(society.tie_kind)[np.asarray(society.tie_of)]],
            () if covariates is None else tuple(map(str, covariates)),
        )

    @property
    def columns(self) -> list[str]:
        """What the columns of z are."""
        return [*self.orientations, *self.covariates]

    @cached_property
    def seen(self) -> Seen:
        """What kernels read of it."""
        return Seen(
            self.until,
            self.z,
            self.high,
            self.community,
            len(self.communities),
            self.start,
            self.neighbour,
            self.weight,
        )

    @property
    def periods(self) -> int:
        return int(self.until.max())

    def only(self, people: np.ndarray | None = None, until: int | None = None) -> Layout:
        """Observed in part: these people (bool) alone, and not beyond a period."""
        limit = self.until if until is None else np.minimum(self.until, until)
        limit = limit if people is None else np.where(people, limit, 0)
        return replace(
            self, until=limit.astype(np.int32), time=np.where(self.time > limit, 0, self.time).astype(np.int32)
        )


def person_periods(layout: Layout, time: np.ndarray | None = None) -> pd.DataFrame:
    """One row per person and period at risk: person (row), period, adopts (0 or 1), exposure, z by orientation.

    exposure : share of ties, weighted by quality, who had adopted before the period. time : periods of adoption [N]
    (default: observed).
    """
    time = layout.time if time is None else time
    time = np.where((time >= 1) & (time <= layout.until), time, 0)
    parts = []
    for i in np.flatnonzero(layout.until > 0):
        last = time[i] or layout.until[i]
        period = np.arange(1, last + 1)
        ties = slice(layout.start[i], layout.start[i + 1])
        others, weight = time[layout.neighbour[ties]], layout.weight[ties]
        total = weight.sum()
        before = (others[:, None] > 0) & (others[:, None] < period)
        exposure = weight @ before / total if total > 0 else np.zeros(len(period))
        parts.append(np.column_stack([np.full(last, i), period, period == time[i], exposure]))
    rows = np.concatenate(parts)
    table = pd.DataFrame(
        {
            "person": rows[:, 0].astype(int),
            "period": rows[:, 1].astype(int),
            "adopts": rows[:, 2].astype(int),
            "exposure": rows[:, 3],
        }
    )
    for k, name in enumerate(layout.columns):
        table[f"z_{name}"] = layout.z[table["person"], k]
    return table


def auxiliary_fit(layout: Layout, values: bool = True, peers: bool = True) -> np.ndarray:
    """Coefficients of the auxiliary logit at the observed data: constant, period / periods, exposure, orientations.

    values, peers : whether orientations and exposure play a part (else their coefficients are 0).
    Slightly penalised (a normal prior of SD 10), so that it exists for any data; 30 Newton steps at most.
    """
    table = person_periods(layout)
    x = np.column_stack(
        [
            np.ones(len(table)),
            table["period"] / layout.periods,
            table["exposure"],
            *(table[f"z_{name}"] for name in layout.columns),
        ]
    )
    x[:, 2] *= peers
    x[:, 3 : 3 + len(layout.orientations)] *= values
    y, beta = table["adopts"].to_numpy(float), np.zeros(x.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-x @ beta))
        step = np.linalg.solve(
            (x * (p * (1 - p))[:, None]).T @ x + 0.01 * np.eye(len(beta)), x.T @ (y - p) - 0.01 * beta
        )
        beta += np.clip(step, -3, 3)
        if np.abs(step).max() < 1e-10:
            break
    return beta


def knots(periods: int) -> np.ndarray:
    """Up to six periods, evenly spread, the last of them the end."""
    return np.unique(np.round(np.linspace(periods / KNOTS, periods, KNOTS)).astype(np.int64).clip(1))


class Summariser:
    """Summaries of histories: what an observation of this layout would say.

    values, peers : whether whoever looks at them knows of an effect of values and of peers. One who does not has an
    auxiliary logit without it, and `relevant` leaves out the summaries that are about it: an explanation is fitted by
    what it speaks of.
    """

    def __init__(self, layout: Layout, values: bool = True, peers: bool = True) -> None:
        self.layout, self.coefficients = layout, auxiliary_fit(layout, values, peers)
        self.knots = knots(layout.periods)
        orientations, columns = layout.orientations, layout.columns
        self.names = (
            *(f"share adopted by {knot}" for knot in self.knots),
            "mean time",
            "spread of communities",
            "likeness of ties",
            *(f"{name}: later if low" for name in columns),
            *(f"{name}: more if high" for name in columns),
            "score: level",
            "score: period",
            "score: exposure",
            *(f"score: {name}" for name in columns),
        )
        about_values = {f"{name}: {what}" for name in orientations for what in ("later if low", "more if high")}
        about_values |= {f"score: {name}" for name in orientations}
        left_out = (set() if values else about_values) | (set() if peers else {"likeness of ties", "score: exposure"})
        self.relevant = np.array([name not in left_out for name in self.names])
        self.observed = self(layout.time[:, None].astype(np.int32))[:, 0]

    def __call__(self, time: np.ndarray) -> np.ndarray:
        """Periods of adoption [N x W] (below 1: never) -> summaries [s x W]."""
        out = np.zeros((len(self.names), time.shape[1]))
        summarise(np.ascontiguousarray(time, np.int32), self.layout.seen, self.coefficients, self.knots, out)
        return out


# --- compiled --------------------------------------------------------------------------------------------------------
# `t`: periods of adoption [N] of one run, 0: not while observed. `out` [s x W], of which column r is filled. With K
# knots and D orientations, its rows are the curve (K), mean, spread and likeness (3), orientations (2 D), score (3+D).
@compiled
def summarise(time, seen, beta, knots, out):
    """All summaries [s x W] of periods of adoption [N x W]."""
    N, W, D, K = time.shape[0], time.shape[1], seen.z.shape[1], knots.shape[0]
    T = 0
    for i in range(N):
        T = max(T, seen.until[i])
    odds, by_month = _factors_of_odds(seen, beta, T)
    t = np.zeros(N, np.int64)
    for r in range(W):
        for i in range(N):
            t[i] = time[i, r] if 1 <= time[i, r] <= seen.until[i] else 0
        _summarise_curve(t, seen, T, knots, out, r)
        for d in range(D):
            _summarise_orientation(t, seen, d, K, out, r)
        _summarise_ties_and_score(t, seen, beta, odds, by_month, K, out, r)


@compiled
def _factors_of_odds(seen, beta, T):
    """What people and time do to the odds of the auxiliary logit: exp only where something changes."""
    N, D = seen.z.shape
    odds, by_month = np.zeros(N), np.zeros(T + 1)
    for i in range(N):
        eta = beta[0]
        for d in range(D):
            eta += beta[3 + d] * seen.z[i, d]
        odds[i] = exponential(eta)
    for month in range(T + 1):
        by_month[month] = exponential(beta[1] * month / T)
    return odds, by_month


@compiled
def _restricted(t, until):
    """Period of adoption, or the one after the last observed."""
    return np.float64(t if t > 0 else until + 1)


@compiled
def _summarise_curve(t, seen, T, knots, out, r):
    """Share adopted by each knot, mean time, and how far communities lie apart."""
    adopted, sums, counts = np.zeros(T + 2), np.zeros(seen.communities), np.zeros(seen.communities)
    people, total = 0, 0.0
    for i in range(len(t)):
        if seen.until[i] > 0:
            restricted = _restricted(t[i], seen.until[i])
            people += 1
            total += restricted
            sums[seen.community[i]] += restricted
            counts[seen.community[i]] += 1.0
            adopted[t[i]] += 1.0
    K, so_far, k = knots.shape[0], 0.0, 0
    for month in range(1, T + 1):
        so_far += adopted[month]
        if k < K and month == knots[k]:
            out[k, r] = so_far / people
            k += 1
    mean = total / people
    out[K, r] = mean
    spread, used = 0.0, 0.0
    for c in range(seen.communities):
        if counts[c] > 0.0:
            spread += counts[c] * (sums[c] / counts[c] - mean) ** 2
            used += counts[c]
    out[K + 1, r] = np.sqrt(spread / used)


@compiled
def _summarise_orientation(t, seen, d, K, out, r):
    """How much later, and by how much fewer, those low in an orientation adopt than those high in it."""
    D = seen.z.shape[1]
    time_high, n_high, time_low, n_low, made_high, made_low = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(t)):
        if seen.until[i] > 0 and seen.high[i, d] >= 0:
            restricted = _restricted(t[i], seen.until[i])
            early = 1.0 if t[i] > 0 else 0.0
            if seen.high[i, d] == 1:
                time_high += restricted
                made_high += early
                n_high += 1.0
            else:
                time_low += restricted
                made_low += early
                n_low += 1.0
    if n_high > 0.0 and n_low > 0.0:
        out[K + 3 + d, r] = time_low / n_low - time_high / n_high
        out[K + 3 + D + d, r] = made_high / n_high - made_low / n_low


@compiled
def _summarise_ties_and_score(t, seen, beta, odds, by_month, K, out, r):
    """How much later one of two who are tied adopts than the other, and the score of the auxiliary logit."""
    T, D = len(by_month) - 1, seen.z.shape[1]
    first = K + 3 + 2 * D
    inc, apart, pairs = np.zeros(T + 2), 0.0, 0.0
    for i in range(len(t)):
        if seen.until[i] == 0:
            continue
        last = t[i] if t[i] > 0 else seen.until[i]
        inc[: last + 1] = 0.0
        whole = 0.0
        mine = _restricted(t[i], seen.until[i])
        for n in range(seen.start[i], seen.start[i + 1]):
            j = seen.neighbour[n]
            whole += seen.weight[n]
            if 0 < t[j] < last:
                inc[t[j] + 1] += seen.weight[n]
            if seen.until[j] > 0:
                apart += abs(mine - _restricted(t[j], seen.until[j]))
                pairs += 1.0
        exposed, x, now = 0.0, 0.0, odds[i]
        level, by_time, by_exposure = 0.0, 0.0, 0.0
        for month in range(1, last + 1):
            if inc[month] > 0.0:
                exposed += inc[month]
                x = exposed / whole
                now = odds[i] * exponential(beta[2] * x)
            chance = now * by_month[month]
            chance /= 1.0 + chance
            level -= chance
            by_time -= chance * month
            by_exposure -= chance * x
        if t[i] > 0:
            level += 1.0
            by_time += last
            by_exposure += x
        out[first, r] += level
        out[first + 1, r] += by_time / T
        out[first + 2, r] += by_exposure
        for d in range(D):
            out[first + 3 + d, r] += level * seen.z[i, d]
    out[K + 2, r] = apart / pairs if pairs > 0.0 else 0.0
