"""Does the matching find a truth that is known?

    python -m valign.calibration.matching.known_truth [--truths 100] [--out DIR]      (part of `make worlds`)

A truth is a world from the prior. Its facts are what the emulator of the last wave says of it, moved by what that
emulator leaves open and by the fact's error and the stated discrepancy (the error of a fact holds the chance of a study
of that size); bounds are taken for measured values. Worlds are then proposed by the emulator of the wave before,
"simulated" as the truth was, with the chance of a run, and weighted as `waves` does. Everything but the simulator
itself is so put to the test.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import chi2

from valign.model.errors import InputError
from valign.results.checkpoint import replace
from valign.results.plain_text import frame_as_cells

from ..abc.smc import one_blas_thread
from ..patterns.pattern import patterns
from .emulator import Emulator
from .findings import HIGH, LOW
from .problem import prior
from .sampling import log_normal, slice_sample, weighted_quantiles
from .study import OUT, matching
from .waves import CUT, Matching, Plan, Wave, prior_points

TRUTHS = 100
CHAINS, STEPS = 500, 45
LEAST_COVERED, MOST_COVERED = 0.80, 0.98  # in which share of truths an interval of 90 % should hold one parameter
TRUE, FACTS, PROPOSED, SIMULATED = 21, 22, 23, 24  # purposes of random streams


def proposed(found: Matching, value: np.ndarray, seed: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Worlds that the emulator before the last proposes for these facts [p] (NaN: not known), and their level."""
    before, known = found.emulator(len(found.waves) - 3), np.flatnonzero(np.isfinite(value))
    covariance = (found.facts + before.left)[np.ix_(known, known)]

    def likelihood(u: np.ndarray) -> np.ndarray:
        return log_normal(before.mean(u)[:, known] - value[known], covariance)

    d = found.waves[0].u.shape[1]
    u = slice_sample(likelihood, CHAINS, d, STEPS, np.random.SeedSequence([*seed, PROPOSED]))
    return u, likelihood(u)


def matched_again(found: Matching, value: np.ndarray, seed: Sequence[int]) -> Matching:
    """Match with other values of the facts [p]: proposed by the emulator before the last, simulated by the last."""
    last, p = found.used, len(value)
    u, level = proposed(found, value, seed)
    rng = np.random.default_rng([*seed, SIMULATED])
    estimates = simulated(last, u, rng) + _normal(rng, last.chance, len(u))
    wave = Wave(u, estimates[:, None], level)
    return Matching(found.facts, lambda y: y - value, np.ones(p, bool), found.within, [wave], learned={0: last})


def simulated(emulator: Emulator, u: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means of worlds [n, p]: the emulator's, moved by what it leaves open."""
    return emulator.mean(u) + _normal(rng, emulator.left, len(u))


def _normal(rng: np.random.Generator, covariance: np.ndarray, n: int) -> np.ndarray:
    value, vector = np.linalg.eigh(covariance)  # one put together from pairs may be a little short of a covariance
    return (rng.standard_normal((n, len(covariance))) * np.sqrt(np.maximum(value, 0))) @ vector.T


def misfit(found: Matching, value: np.ndarray, u: np.ndarray) -> dict[str, float]:
    """How far facts [p] are from the nearest of some worlds: chance of as much, were the model right (chi-square on as
    many degrees as there are facts; cautious, since parameters take some of them), and what is furthest."""
    last, known = found.used, np.flatnonzero(np.isfinite(value))
    covariance = (found.facts + last.left)[np.ix_(known, known)]
    away = last.mean(u)[:, known] - value[known]
    level = log_normal(away, covariance)
    nearest = np.abs(away[level.argmax()]) / np.sqrt(np.diag(covariance))
    return {
        "facts": len(known),
        "misfit": float(chi2.sf(-2 * level.max(), len(known))),
        "furthest": int(known[nearest.argmax()]),
        "away": float(nearest.max()),
    }


@one_blas_thread()
def truths(found: Matching, n: int, seed: int, names: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a truth (how many facts rule it out, what the worlds are worth, chance of the misfit), and a row a
    parameter (share of truths that its 90 % interval holds)."""
    last, d = found.used, found.waves[0].u.shape[1]
    true = prior_points(n, d, [seed, TRUE])
    rows, held = [], np.zeros(d)
    for k in range(n):
        rng = np.random.default_rng([seed, FACTS, k])
        value = (simulated(last, true[k : k + 1], rng) + _normal(rng, found.facts, 1))[0]
        again = matched_again(found, value, [seed, k])
        weight, u = again.weight, again.waves[-1].u
        away = np.abs(last.mean(true[k : k + 1])[0] - value) / np.sqrt(np.diag(found.facts + last.left))
        for j in range(d):
            low, high = weighted_quantiles(u[:, j], weight, [LOW, HIGH])
            held[j] += low <= true[k, j] <= high
        rows.append({"ruled_out_by": int((away > CUT).sum()), "effective": again.effective, **misfit(found, value, u)})
    return pd.DataFrame(rows), pd.DataFrame({"parameter": list(names), "truths": n, "covered": held / n})


def main(arguments: list[str] | None = None) -> None:
    """Match known truths; write known_truth.csv and known_truths.csv beside the other tables."""
    parser = argparse.ArgumentParser(description="Is a known truth found?")
    parser.add_argument("--truths", type=int, default=TRUTHS)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of worlds/")
    wish = parser.parse_args(arguments)
    if wish.truths < 1:
        raise InputError([f"--truths {wish.truths}: expected a whole number from 1"])
    plan, chosen = Plan(), patterns()
    with matching(chosen, plan, os.cpu_count() or 1) as found:
        each, coverage = truths(found, wish.truths, plan.seed, prior().names)
    (wish.out / "worlds").mkdir(parents=True, exist_ok=True)
    tables = {"known_truths": each, "known_truth": coverage}
    for name, table in tables.items():
        content = frame_as_cells(table).to_csv(index=False, float_format="%.5g").encode()
        replace(wish.out / "worlds" / f"{name}.csv", content)
        tables[name] = pd.read_csv(io.BytesIO(content))
    text = as_markdown(*tables.values())
    replace(wish.out / "worlds" / "known_truth.md", text.encode())
    print(text)


def as_markdown(each: pd.DataFrame, coverage: pd.DataFrame) -> str:
    """The findings as a page."""
    inside = coverage["covered"].between(LEAST_COVERED, MOST_COVERED)
    outside = coverage[~inside].sort_values("covered")
    n = len(each)
    lines = [
        "# A known truth",
        "",
        "Written by `python -m valign.calibration.matching.known_truth` (part of `make worlds`).",
        "",
        f"{n} truths were drawn from the prior. The facts of a truth are the emulator's, moved by what it leaves open, "
        "by the fact's error and by the stated discrepancy; the emulator stands for the simulator here. "
        f"{100 * (each['ruled_out_by'] < 2).mean():.0f} % of the truths are ruled out by fewer than two facts, "
        f"{100 * (each['ruled_out_by'] < 1).mean():.0f} % by none. Intervals of 90 % hold the truth in "
        f"{100 * coverage['covered'].mean():.1f} % of all {n * len(coverage):,} cases; of {len(coverage)} parameters "
        f"{int(inside.sum())} have it in {100 * LEAST_COVERED:.0f} to {100 * MOST_COVERED:.0f} % of the truths"
        + (
            ": all."
            if inside.all()
            else "; not " + ", ".join(f"{r.parameter} ({100 * r.covered:.0f} %)" for r in outside.itertuples()) + "."
        )
        + f" The worlds of a truth, {CHAINS} each, are worth {each['effective'].median():.0f} in the middle "
        f"({each['effective'].quantile(0.05):.0f} to {each['effective'].quantile(0.95):.0f}).",
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
