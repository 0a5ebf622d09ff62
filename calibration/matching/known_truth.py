"""Does the matching find a truth that is known?

    python -m valign.calibration.matching.known_truth [--truths 100] [--wrong 16] [--out DIR]     (in `make worlds`)

A truth is a world from the prior. Its facts are what the emulator of the last wave says of it, moved by what that
emulator leaves open and by the fact's error and the stated discrepancy (the error of a fact holds the chance of a study
of that size); bounds are taken for measured values. Worlds are then proposed by the emulator of the wave before,
"simulated" as the truth was, with the chance of a run, and weighted as `waves` does. Everything but the simulator
itself is so put to the test.

And is a wrong model noticed? In some truths the simulator itself makes the facts, with one mechanism removed; they are
matched by the model that has it. What is as far from all worlds as one in twenty right models is, or further, is
noticed.
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
from valign.results.summaries import weighted_quantiles
from valign.results.vocabulary import mechanism_label

from ..abc.smc import one_blas_thread
from ..patterns.asking import asked
from ..patterns.pattern import Pattern, Question, patterns
from .emulator import Emulator
from .findings import HIGH, LOW
from .problem import prior, table_of
from .sampling import log_normal, slice_sample
from .study import OUT, matching
from .waves import CUT, Matching, Plan, Wave, prior_points

TRUTHS, WRONG = 100, 32
CHAINS, STEPS = 500, 45
LEAST_COVERED, MOST_COVERED = 0.80, 0.98  # in which share of truths an interval of 90 % should hold one parameter
TRUE, FACTS, PROPOSED, SIMULATED, REMOVED = 21, 22, 23, 24, 25  # purposes of random streams
NOTHING = "nothing"  # removed: the model is right
REMOVABLE = (NOTHING, "turnover", "relationships", "leadership", "identification", "sensemaking", "climate", "evidence")
FACTS_OF = 16  # runs whose mean stands for a world: the error of a fact holds the chance of a study besides
ONE_IN, HALF = 0.05, 0.5


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


def without(mechanism: str, chosen: Sequence[Pattern]) -> list[Pattern]:
    """The patterns asked of a world in which a mechanism is removed; a question is made anew, with arms of its own."""
    if mechanism == NOTHING:
        return list(chosen)
    found: list[Pattern] = []
    for each in chosen:
        said = each.question.model_dump()
        said["settings"] = {**said["settings"], f"mechanisms.{mechanism}": False}
        found.append(each.model_copy(update={"question": Question(**said)}))
    return found


@one_blas_thread()
def wrong_models(found: Matching, chosen: Sequence[Pattern], n: int, seed: int) -> pd.DataFrame:
    """Worlds of the ensemble, up to 64, whose facts the simulator makes without a mechanism: a row a truth and
    mechanism, as `misfit`. What is asked last (England) is not asked."""
    rng = np.random.default_rng([seed, REMOVED])
    last = found.waves[-1]
    true = last.u[rng.choice(len(last.u), n, p=found.weight)]
    low, high = found.within
    rows: list[dict[str, object]] = []
    for k, mechanism in enumerate(REMOVABLE):
        seen = asked(without(mechanism, chosen), table_of(true), FACTS_OF, seed, last=False)
        seen = np.where(np.isfinite(seen), np.clip(seen, low, high), np.nan)
        value = seen.mean(axis=1) + _normal(rng, found.facts, n)
        for truth in range(n):
            u, _ = proposed(found, value[truth], [seed, REMOVED, k, truth])
            rows.append({"removed": mechanism, "truth": truth, **misfit(found, value[truth], u)})
    table = pd.DataFrame(rows)
    return table.assign(furthest=[chosen[place].name for place in table["furthest"]])


def noticed(wrong: pd.DataFrame, right: pd.DataFrame) -> pd.Series:
    """By mechanism removed, the share of truths that are noticed: their misfit is of the twentieth that are worst among
    right models."""
    limit = right["misfit"].quantile(ONE_IN)
    return (wrong["misfit"] < limit).groupby(wrong["removed"], sort=False).mean()


def main(arguments: list[str] | None = None) -> None:
    """Match known truths; write known_truth.csv and known_truths.csv beside the other tables."""
    parser = argparse.ArgumentParser(description="Is a known truth found?")
    parser.add_argument("--truths", type=int, default=TRUTHS)
    parser.add_argument("--wrong", type=int, default=WRONG, help="of each wrong model, 1 to 64")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of worlds/")
    wish = parser.parse_args(arguments)
    if wish.truths < 1:
        raise InputError([f"--truths {wish.truths}: expected a whole number from 1"])
    if not 1 <= wish.wrong <= 64:
        raise InputError([f"--wrong {wish.wrong}: expected a whole number from 1 to 64"])
    plan, chosen = Plan(), patterns()
    with matching(chosen, plan, os.cpu_count() or 1) as found:
        each, coverage = truths(found, wish.truths, plan.seed, prior().names)
        wrong = wrong_models(found, chosen, wish.wrong, plan.seed)
    write(wish.out, {"known_truths": each, "known_truth": coverage, "wrong_models": wrong})


def write(out: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Keep the tables and the page."""
    (out / "worlds").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        content = frame_as_cells(table).to_csv(index=False, float_format="%.5g").encode()
        replace(out / "worlds" / f"{name}.csv", content)
        tables[name] = pd.read_csv(io.BytesIO(content))
    text = as_markdown(*tables.values())
    replace(out / "worlds" / "known_truth.md", text.encode())
    print(text)


def as_markdown(each: pd.DataFrame, coverage: pd.DataFrame, wrong: pd.DataFrame | None = None) -> str:
    """The findings as a page. wrong : of `wrong_models`, where these were tried."""
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
    return "\n".join([*lines, "", *([] if wrong is None else _of_wrong_models(wrong, each))])


def _of_wrong_models(wrong: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    found = noticed(wrong, right)
    n, known = int(wrong.groupby("removed").size().iloc[0]), int(wrong["facts"].max())
    others, titles = found.drop(NOTHING), {each.name: each.title for each in patterns()}
    lines = [
        "## A wrong model",
        "",
        f"Of {n} worlds of the ensemble the simulator itself made the facts ({known} of them, without those of the "
        f"size "
        f"of England; means of {FACTS_OF} runs, with the error and the discrepancy of each fact), with one mechanism "
        "removed. The model that has the mechanism was matched with them. Noticed: the best world is as far from the "
        f"facts as in the worst {100 * ONE_IN:.0f} % of the right models above, or further. A right model is so called "
        f"wrong in {100 * found[NOTHING]:.0f} %, a wrong one in {100 * others.mean():.0f} %.",
        "",
        "| removed | noticed | what is furthest most often |",
        "|---|---:|---|",
    ]
    for mechanism, share in found.items():
        furthest = wrong.loc[wrong["removed"] == mechanism, "furthest"].value_counts().index[0]
        name = NOTHING if mechanism == NOTHING else mechanism_label(str(mechanism))
        lines.append(f"| {name} | {100 * share:.0f} % | {titles[furthest]} |")
    few = others.mean() < HALF
    lines += [
        "",
        "Facts with their errors and the discrepancy that is allowed for leave so much room that other settings of the "
        "model make up for most mechanisms: that worlds agree with the facts is no proof of the model."
        if few
        else "A model that lacks a mechanism of the world is noticed in most cases.",
        "",
    ]
    return lines


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
