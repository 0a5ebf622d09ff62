"""Indices from outcomes. Sobol' indices and their bootstrap are vectorised here; all other methods are SALib's.

The point values are SALib's (Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018; second order Saltelli 2002,
doi:10.1016/S0010-4655(02)00280-1), asserted equal in the tests; only the bootstrap is faster, by making it a product of
matrices. What varies in a bootstrap is the row-block: rows of one row-block share their chances.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed

from .factors import SEED, SOCIETY
from .samples import HARMONICS, LEVELS, SALIB, Sample

RESAMPLES = 1000
FEW = 25  # resamples for delta, of which SALib makes one in about 10 ms a factor
NORMAL = 1.959963984540054  # 97.5 % quantile


@dataclass(frozen=True, eq=False)
class Sobol:
    """Indices of K outcomes and G groups. *_sd: bootstrap standard deviations over row-blocks; NaN: nothing varies."""

    first: np.ndarray  # K x G
    first_sd: np.ndarray
    total: np.ndarray
    total_sd: np.ndarray
    second: np.ndarray | None  # K x G x G, upper triangle
    second_sd: np.ndarray | None
    resampled: np.ndarray  # total indices of every resample, resamples x G, of the first outcome


@lru_cache(maxsize=8)
def resampling(blocks: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often every row-block is drawn in every resample [resamples x blocks], read-only."""
    weights = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), resamples).astype(float)
    weights.setflags(write=False)
    return weights


def sobol(y: np.ndarray, groups: int, second_order: bool = False, resamples: int = RESAMPLES, seed: int = 0) -> Sobol:
    """First and total (and second) order indices.

    y : outcomes [row-blocks, rows of a row-block, K], the rows in SALib's order: A, AB by group, (BA by group,) B.
    """
    blocks, _, K = y.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        y = (y - y.mean(axis=(0, 1))) / y.std(axis=(0, 1))
    weights = resampling(blocks, resamples, seed)
    G = groups
    first, total, first_sd, total_sd = (np.full((K, G), np.nan) for _ in range(4))
    second = np.full((K, G, G), np.nan) if second_order else None
    second_sd = np.full((K, G, G), np.nan) if second_order else None
    resampled = np.full((resamples, G), np.nan)
    for k in range(K):
        A, AB, B = y[:, 0, k], y[:, 1 : G + 1, k], y[:, -1, k]
        if not np.isfinite(A).all() or np.ptp(np.r_[A, B]) <= np.finfo(float).eps:
            continue
        variance = np.var(np.r_[A, B])
        gain, change = B[:, None] * (AB - A[:, None]), 0.5 * (A[:, None] - AB) ** 2
        first[k], total[k] = gain.mean(axis=0) / variance, change.mean(axis=0) / variance
        means = weights @ np.column_stack([gain, change, A + B, A**2 + B**2]) / blocks
        again = means[:, -1] / 2 - (means[:, -2] / 2) ** 2
        again[again <= np.finfo(float).eps] = np.nan  # a resample in which nothing varies
        firsts, totals = means[:, :G] / again[:, None], means[:, G : 2 * G] / again[:, None]
        first_sd[k], total_sd[k] = np.nanstd(firsts, axis=0, ddof=1), np.nanstd(totals, axis=0, ddof=1)
        if k == 0:
            resampled = totals
        if second is not None and second_sd is not None:
            BA = y[:, G + 1 : 2 * G + 1, k]
            for j in range(G - 1):
                product = BA[:, j, None] * AB[:, j + 1 :] - (A * B)[:, None]
                second[k, j, j + 1 :] = product.mean(axis=0) / variance - first[k, j] - first[k, j + 1 :]
                pairs = weights @ product / blocks / again[:, None] - firsts[:, j, None] - firsts[:, j + 1 :]
                second_sd[k, j, j + 1 :] = np.nanstd(pairs, axis=0, ddof=1)
    return Sobol(first, first_sd, total, total_sd, second, second_sd, resampled)


def table_of(
    names: list[str], index: str, values: np.ndarray, half: np.ndarray | None = None, floor: float | None = None
) -> pd.DataFrame:
    """Tidy rows factor, index, value, low, high. half: half the width of the interval; floor: least possible value."""
    values = np.asarray(values, float)
    half = np.full(len(values), np.nan) if half is None else np.asarray(half, float)
    low = values - half if floor is None else np.maximum(floor, values - half)
    return pd.DataFrame({"factor": names, "index": index, "value": values, "low": low, "high": values + half})


@contextlib.contextmanager
def _untouched() -> Generator[None]:
    """SALib sets NumPy's global seed, and how warnings are shown, in places; nobody else should notice.

    Its many small systems of equations (delta) take up to 20 times as long when several threads share each.
    """
    from threadpoolctl import threadpool_limits

    state, shown = np.random.get_state(), warnings.formatwarning
    try:
        with warnings.catch_warnings(record=True), threadpool_limits(1):
            yield
    finally:
        np.random.set_state(state)
        warnings.formatwarning = shown


def by_salib(sample: Sample, unit: np.ndarray, y: np.ndarray, used: np.ndarray | None = None) -> pd.DataFrame:
    """Indices of one outcome with SALib, tidy.

    unit : points [rows, D] and y : outcomes [rows], in the order of the sample, dropped row-blocks left out of both.
    """
    from importlib import import_module

    analyze = import_module(f"SALib.analyze.{sample.method}").analyze

    problem, names = sample.problem.salib(), sample.problem.names
    seed = derive_seed(sample.seed, 1, SALIB) % (2**31 - 1) + 1  # never 0, which SALib takes for none
    if np.ptp(y) == 0:
        wanted = {
            "morris": ("mu_star", "mu", "sigma"),
            "pawn": ("median", "maximum"),
            "delta": ("delta", "S1"),
            "fast": ("S1", "ST"),
            "rbd_fast": ("S1",),
            "dgsm": ("dgsm", "vi"),
            "shapley": ("shapley",),
        }
        labels = sample.problem.groups if sample.method == "morris" else names
        return pd.concat(
            [table_of(labels, index, np.full(len(labels), np.nan)) for index in wanted[sample.method]],
            ignore_index=True,
        )
    with _untouched():
        np.random.seed(seed)
        if sample.method == "morris":
            found = analyze(problem, unit, y, num_levels=LEVELS, num_resamples=RESAMPLES, seed=seed)
            labels = list(found["names"])
            parts = [table_of(labels, "mu_star", found["mu_star"], found["mu_star_conf"], 0.0)]
            if not sample.problem.grouped:
                parts += [table_of(labels, "mu", found["mu"]), table_of(labels, "sigma", found["sigma"])]
        elif sample.method == "pawn":
            found = analyze(problem, unit, y, S=10, seed=seed)
            parts = [table_of(names, index, found[index]) for index in ("median", "maximum")]
        elif sample.method == "delta":
            found = analyze(problem, unit, y, num_resamples=FEW, seed=seed)
            parts = [
                table_of(names, "delta", found["delta_raw"], found["delta_raw_conf"], 0.0),
                table_of(names, "S1", found["S1"], found["S1_conf"]),
            ]
        elif sample.method == "fast":
            found = analyze(problem, y, M=HARMONICS, seed=seed)
            # SALib itself calls the intervals that it gives here unreliable: left out
            parts = [table_of(names, index, found[index]) for index in ("S1", "ST")]
        elif sample.method == "rbd_fast":
            found = analyze(problem, unit, y, seed=seed)
            parts = [table_of(names, "S1", found["S1"], found["S1_conf"])]
        elif sample.method == "dgsm":
            found = analyze(problem, unit, y, num_resamples=RESAMPLES, seed=seed)
            vi, dgsm = found["vi"], found["dgsm"]  # SALib 1.6 gives the interval of vi as that of dgsm
            scale = np.divide(dgsm, vi, out=np.zeros_like(vi), where=vi > 0)
            parts = [
                table_of(names, "dgsm", dgsm, found["dgsm_conf"] * scale, 0.0),
                table_of(names, "vi", vi, found["dgsm_conf"], 0.0),
            ]
        else:
            found = analyze(problem, unit, y)
            parts = [table_of(names, "shapley", found["shapley_normalized"], found["shapley_normalized_conf"])]
    return pd.concat(parts, ignore_index=True)


MAIN = {
    "sobol": "ST",
    "morris": "mu_star",
    "pawn": "median",
    "delta": "delta",
    "fast": "ST",
    "rbd_fast": "S1",
    "dgsm": "dgsm",
    "shapley": "shapley",
}


# --- where the variance comes from -----------------------------------------------------------------------------------
def variance_shares(y: np.ndarray, sample: Sample, resamples: int = RESAMPLES) -> dict[str, float]:
    """Shares of the variance of the mean over replicates that no parameter explains, measured directly.

    y : outcomes [row-blocks, rows, replicates].

    Returns variance (of rows) and three shares, each with _low and _high (bootstrap over row-blocks): `replicates` (the
    chances of single runs left in the mean: within-row variance / replicates), `societies` (main effect of people and
    ties, from runs of one row-block with different parameters *and* different seeds; only sobol, NaN elsewhere) and
    `single_run` (share of chance in the variance of single runs).
    """
    R = y.shape[2]
    ends = y[:, [0, -1]] if sample.method == "sobol" else y
    mean = ends.mean(axis=2)
    within = ends.var(axis=2, ddof=1) if R > 1 else np.full(mean.shape, np.nan)
    parts = [mean.mean(axis=1), (mean**2).mean(axis=1), within.mean(axis=1)]
    one_society = sample.method == "sobol" and sample.problem.column(SOCIETY) is None
    same_seeds = sample.problem.column(SEED) is None and sample.common
    if one_society and (R > 1 or not same_seeds):
        a, b = ends[:, 0], ends[:, 1]
        if same_seeds:  # pairs that share chances too are left out
            parts.append((a.sum(axis=1) * b.sum(axis=1) - (a * b).sum(axis=1)) / (R * (R - 1)))
        else:
            parts.append(a.mean(axis=1) * b.mean(axis=1))
    else:
        parts.append(np.full(len(y), np.nan))
    table = np.column_stack(parts)
    weights = np.vstack([np.ones(len(y)), resampling(len(y), resamples)])
    m, squares, noise, products = (weights @ table / len(y)).T
    variance = squares - m**2
    variance[variance <= np.finfo(float).eps * squares] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {
            "replicates": noise / R / variance,
            "societies": (products - m**2) / variance,
            "single_run": np.minimum(1.0, noise / (variance + noise * (1 - 1 / R))),
        }
    found: dict[str, float] = {"variance": float(variance[0])}
    for name, values in shares.items():
        sd = np.nanstd(values[1:], ddof=1) if np.isfinite(values[1:]).sum() > 1 else np.nan
        found |= {
            name: float(values[0]),
            f"{name}_low": float(max(0.0, values[0] - NORMAL * sd)),
            f"{name}_high": float(values[0] + NORMAL * sd),
        }
    return found


# --- how settled the order is ----------------------------------------------------------------------------------------
SURE = 0.95
MATTERS = 0.05  # of the largest index: which of the others comes first is no news


@dataclass(frozen=True)
class Verdict:
    """How much of a ranking is settled.

    order : groups, the largest index first. ordered : so many come in the same order with half the sample, each surely
    above the next. settled : the first so many (that have 5 % of the largest index) are the same with half the sample,
    and surely above all others.
    beyond : upper end of the intervals of all others. Surely: in 95 % of the resamples, or by intervals.
    """

    order: tuple[str, ...]
    ordered: int
    settled: int
    beyond: float


def verdict(
    names: list[str], value: np.ndarray, half: np.ndarray, width: np.ndarray, resampled: np.ndarray | None = None
) -> Verdict:
    """The verdict on a ranking.

    value : indices [G]; half : the same from half the row-blocks. width : half the width of their intervals (NaN: none
    is known, and orders alone are compared). resampled : indices of the bootstrap [resamples, G], where there are.
    """
    order, before = np.argsort(-value, kind="stable"), np.argsort(-half, kind="stable")
    width = np.nan_to_num(width)
    ordered = settled = 0

    def above(upper: np.ndarray, lower: np.ndarray) -> bool:
        """Whether all of `upper` are surely above all of `lower`."""
        if resampled is not None:
            return bool((resampled[:, upper].min(axis=1) > resampled[:, lower].max(axis=1)).mean() >= SURE)
        gap = value[upper][:, None] - value[lower][None, :]
        return bool((gap > np.hypot(width[upper][:, None], width[lower][None, :])).all())

    for k in range(1, len(order)):
        if not np.array_equal(order[:k], before[:k]) or not above(order[k - 1 : k], order[k : k + 1]):
            break
        ordered = k
    for k in range(1, len(order)):
        if value[order[k - 1]] < MATTERS * value[order[0]]:
            break
        if set(order[:k]) == set(before[:k]) and above(order[:k], order[k:]):
            settled = k
    others = order[max(ordered, settled) :]
    beyond = float(np.max(value[others] + width[others], initial=-np.inf))
    return Verdict(tuple(names[int(i)] for i in order), ordered, settled, beyond)
