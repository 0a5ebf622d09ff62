"""What a matching says: what rules out what, what is learned of each parameter, what left-out facts are predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from valign.results.summaries import weighted_quantiles

from ..abc.smc import ess, one_blas_thread
from ..patterns.pattern import Pattern
from .emulator import Emulator
from .problem import prior
from .sampling import log_normal, normalised, slice_sample
from .waves import CUT, Matching, prior_points

PRIOR_POINTS = 20_000
LOW, HIGH = 0.05, 0.95  # of intervals
CHAINS, STEPS = 600, 45  # where a fact is left out
UNMOVED = 0.05  # narrowing under which a parameter is as wide as before
TRADED = 0.2  # correlation from which two parameters trade off
HALVES = 10
REJECTED, LEFT_OUT, HALF = 11, 12, 13  # purposes of random streams


def implausibilities(patterns: Sequence[Pattern], found: Matching, seed: int) -> np.ndarray:
    """Of every pattern over the prior [points, p], by what the first wave teaches (the chance of one run included)."""
    emulator = found.emulator(0)
    u = prior_points(PRIOR_POINTS, found.waves[0].u.shape[1], [seed, REJECTED])
    return np.abs(found.away(emulator.mean(u))) / np.sqrt(np.diag(found.facts + emulator.left))


def ruled_out(patterns: Sequence[Pattern], found: Matching, seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """By pattern, the share of the space that it rules out and that it alone does; and of all of them together."""
    away = implausibilities(patterns, found, seed) > CUT
    count = away.sum(axis=1)
    table = pd.DataFrame(
        {
            "pattern": [each.name for each in patterns],
            "rules_out": away.mean(axis=0),
            "alone": (away & (count == 1)[:, None]).mean(axis=0),
        }
    )
    return table, {"any": float((count > 0).mean()), "two": float((count > 1).mean())}


def of_parameters(found: Matching) -> pd.DataFrame:
    """Prior against after, by parameter: range, median, 5 to 95 %, how much narrower (1 - SD after / SD before)."""
    known, weight, u = prior(), found.weight, found.waves[-1].u
    values, share = known.theta(u), ndtr(u)
    rows = []
    for j, name in enumerate(known.names):
        low, middle, high = weighted_quantiles(values[:, j], weight, [LOW, 0.5, HIGH])
        mean = weight @ share[:, j]
        rows.append(
            {
                "parameter": name,
                "from": known.low[j],
                "to": known.high[j],
                "low": low,
                "median": middle,
                "high": high,
                "narrower": 1 - np.sqrt(weight @ (share[:, j] - mean) ** 2 * 12),
                "moved": (mean - 0.5) * np.sqrt(12),
            }
        )
    return pd.DataFrame(rows)


def of_pairs(found: Matching) -> pd.DataFrame:
    """Pairs of parameters that trade off: correlation after matching of at least .2, or three of its errors."""
    known, weight, u = prior(), found.weight, found.waves[-1].u
    x = u - weight @ u
    covariance = (x * weight[:, None]).T @ x
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    a, b = np.triu_indices(len(known), 1)
    strong = np.abs(correlation[a, b]) >= max(TRADED, 3 / found.effective**0.5)
    table = pd.DataFrame(
        {"one": np.array(known.names)[a], "other": np.array(known.names)[b], "correlation": correlation[a, b]}
    )
    return table[strong].sort_values("correlation", key=np.abs, ascending=False, ignore_index=True)


def of_patterns(patterns: Sequence[Pattern], found: Matching) -> pd.DataFrame:
    """By pattern: the fact, what single runs of worlds from the prior give (5 to 95 %), what the worlds that agree give
    (mean, 5 to 95 % over worlds) and how far their mean is from the fact in standard deviations of all errors."""
    means, unknown = found.means, found.unknown()
    weight, first = found.weight, found.waves[0].mean
    rows = []
    for j, each in enumerate(patterns):
        before = np.nanquantile(first[:, j], [LOW, HIGH]) if np.isfinite(first[:, j]).any() else [np.nan, np.nan]
        after = weight @ means[:, j]
        low, high = weighted_quantiles(means[:, j], weight, [LOW, HIGH])
        away = float(each.away(np.array([after]))[0])
        rows.append(
            {
                "pattern": each.name,
                "fact": each.value,
                "fact_low": each.natural(each.target - 1.96 * each.error),
                "fact_high": each.natural(each.target + 1.96 * each.error),
                "prior_low": each.natural(before[0]),
                "prior_high": each.natural(before[1]),
                "after": each.natural(after),
                "after_low": each.natural(low),
                "after_high": each.natural(high),
                "away": away / np.sqrt(found.facts[j, j] + unknown[j, j]),
            }
        )
    return pd.DataFrame(rows)


@one_blas_thread()
def sampled(
    found: Matching, emulator: Emulator, chosen: np.ndarray, seed: Sequence[int], n: int = CHAINS
) -> np.ndarray:
    """Points [n, d] in proportion to prior x likelihood of these patterns alone (indices), by an emulator."""
    covariance = (found.facts + emulator.left)[np.ix_(chosen, chosen)]

    def likelihood(u: np.ndarray) -> np.ndarray:
        return log_normal(found.away(emulator.mean(u))[:, chosen], covariance)

    return slice_sample(likelihood, n, found.waves[0].u.shape[1], STEPS, np.random.SeedSequence(list(seed)))


def _predicted(
    patterns: Sequence[Pattern],
    found: Matching,
    emulator: Emulator,
    kept: np.ndarray,
    asked: Sequence[int],
    seed: Sequence[int],
) -> list[dict[str, object]]:
    """Facts predicted by worlds matched with the patterns `kept`: 90 % intervals, the fact's error, discrepancy and
    what the emulator leaves open included."""
    mean = emulator.mean(sampled(found, emulator, kept, seed))
    noise = np.random.default_rng([*seed, 1]).standard_normal(len(mean))
    rows: list[dict[str, object]] = []
    for j in asked:
        each = patterns[j]
        drawn = mean[:, j] + noise * np.sqrt(found.facts[j, j] + emulator.left[j, j])
        low, middle, high = np.quantile(drawn, [LOW, 0.5, HIGH])
        covered = {"": low <= each.target <= high, "at most": low <= each.target, "at least": high >= each.target}
        rows.append(
            {
                "pattern": each.name,
                "fact": each.value,
                "low": each.natural(low),
                "median": each.natural(middle),
                "high": each.natural(high),
                "covered": bool(covered[each.bound]),
                "bound": each.bound,
            }
        )
    return rows


def left_out(patterns: Sequence[Pattern], found: Matching, emulator: Emulator, seed: int) -> pd.DataFrame:
    """Each fact predicted by worlds matched without it, and without all patterns that use its data."""
    rows = []
    everything = np.arange(len(patterns))
    for j, each in enumerate(patterns):
        same = [set(each.data) & set(other.data) != set() for other in patterns]
        for left, gone in (("itself", everything == j), ("its data", np.array(same))):
            (row,) = _predicted(patterns, found, emulator, everything[~gone], [j], [seed, LEFT_OUT, j, len(left)])
            rows.append({"left_out": left, "patterns_left": int((~gone).sum()), **row})
    return pd.DataFrame(rows)


def halves(patterns: Sequence[Pattern], found: Matching, emulator: Emulator, seed: int) -> pd.DataFrame:
    """The facts of one half predicted by worlds matched with the other, in ten random halves."""
    rows = []
    for number in range(HALVES):
        order = np.random.default_rng([seed, HALF, number]).permutation(len(patterns))
        kept, gone = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
        for row in _predicted(patterns, found, emulator, kept, [int(j) for j in gone], [seed, HALF, number, 7]):
            rows.append({"half": number, **row})
    return pd.DataFrame(rows)


def coverage(table: pd.DataFrame) -> float:
    """Share of the facts that are no bounds which their predicted intervals hold."""
    return float(table.loc[table["bound"] == "", "covered"].mean())


def reweighted(found: Matching, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of the last wave's worlds under some patterns alone (indices), and what they are worth."""
    weight = normalised(found.log_weight(chosen))
    return weight, ess(weight)
