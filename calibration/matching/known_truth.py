"""Does the matching find a truth that is known?

    python -m valign.calibration.matching.known_truth [--truths 100] [--out DIR]   (after `make worlds`: it uses its runs)

Truths are worlds of the first wave, drawn from the prior. Facts are drawn for each: what one run of it gave (so
with the chance of a study of that size), plus the facts' errors and the discrepancy. Worlds are then matched with these
facts by an emulator of the whole prior, with the same three variances; no world is simulated anew. Patterns that are
asked last are left out, since not all worlds of the first wave were asked them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.errors import InputError
from valign.results.checkpoint import Parts, replace
from valign.results.store import default_folder

from ..abc.smc import one_blas_thread
from ..patterns.pattern import patterns
from .emulator import Emulator
from .problem import away_from, covariance, prior, simulator, within, work
from .sampling import log_normal, slice_sample
from .study import OUT
from .waves import CUT, Matching, Plan, matched

CHAINS, STEPS = 400, 45
LOW, HIGH = 0.05, 0.95
TRUTH = 41  # purpose of a random stream


def prior_wide(found: Matching) -> Emulator:
    """The emulator from all waves, with what it leaves open measured over the prior."""
    u, y = (np.concatenate([getattr(wave, name) for wave in found.waves]) for name in ("u", "mean"))
    runs = np.concatenate([np.full(len(wave.u), wave.runs) for wave in found.waves])
    local = np.arange(len(u)) < len(found.waves[0].u)
    return Emulator.fit(u, y, runs, found.emulators[-1].chance, local)


@one_blas_thread()
def recovered(found: Matching, truths: int, seed: int) -> pd.DataFrame:
    """One row a truth: whether it is ruled out by its own facts, and the share of parameters whose 90 % interval holds
    it; columns `parameter.NAME` say so by parameter."""
    chosen, emulator = patterns(), prior_wide(found)
    early = np.flatnonzero(found.early)
    facts = found.facts[np.ix_(early, early)]
    whole = facts + (emulator.left + emulator.chance / found.waves[0].runs)[np.ix_(early, early)]
    bounds = np.array([chosen[j].bound != "" for j in early])
    names, first = prior().names, found.waves[0]
    known = np.flatnonzero(np.isfinite(first.mean[:, early]).all(axis=1))
    rows = []
    for n, world in enumerate(np.random.default_rng([seed, TRUTH]).choice(known, truths, replace=False)):
        rng = np.random.default_rng([seed, TRUTH, n])
        fact = first.mean[world, early] + rng.multivariate_normal(np.zeros(len(early)), facts)

        def away(u: np.ndarray, fact: np.ndarray = fact) -> np.ndarray:
            return np.where(bounds, 0.0, emulator.mean(u)[:, early] - fact)

        u = slice_sample(
            lambda u: log_normal(away(u), whole),
            CHAINS,
            first.u.shape[1],
            STEPS,
            np.random.SeedSequence([seed, TRUTH, n]),
        )
        low, high = np.quantile(u, [LOW, HIGH], axis=0)
        truth = first.u[world]
        held = (low <= truth) & (truth <= high)
        far = np.sort(np.abs(away(truth[None])[0]) / np.sqrt(np.diag(whole)))
        ruled = {"ruled_out": bool(far[-2] > CUT), "held": float(held.mean())}
        rows.append(ruled | {f"parameter.{name}": bool(each) for name, each in zip(names, held, strict=True)})
    return pd.DataFrame(rows)


def summary_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Truths not ruled out, pooled coverage of 90 % intervals, and how many parameters lie outside 80 to 98 %."""
    by_parameter = rows[[name for name in rows if name.startswith("parameter.")]].mean()
    return pd.DataFrame(
        [
            {
                "truths": len(rows),
                "not_ruled_out": 1 - rows["ruled_out"].mean(),
                "held": rows["held"].mean(),
                "lowest_parameter": by_parameter.min(),
                "highest_parameter": by_parameter.max(),
                "below_80": int((by_parameter < 0.8).sum()),
                "above_98": int((by_parameter > 0.98).sum()),
                "parameters": len(by_parameter),
            }
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Write known_truth.csv beside the other findings."""
    parser = argparse.ArgumentParser(description="Does the matching find a truth that is known?")
    parser.add_argument("--truths", type=int, default=100)
    parser.add_argument("--out", type=Path, default=OUT)
    wish = parser.parse_args(arguments)
    plan, chosen = Plan(), patterns()
    said = work(chosen, plan)
    plan = Plan(plan.worlds[:-1], plan.runs[:-1])
    if not 2 <= wish.truths <= plan.worlds[0]:
        raise InputError([f"--truths {wish.truths}: expected a whole number from 2 to {plan.worlds[0]}"])
    found = matched(
        simulator(chosen),
        away_from(chosen),
        covariance(chosen),
        len(prior()),
        plan,
        early=np.array([not each.question.last for each in chosen]),
        within=within(chosen),
        kept=Parts(default_folder("study-worlds", said), said),
    )
    table = summary_of(recovered(found, wish.truths, plan.seed))
    (wish.out / "worlds").mkdir(parents=True, exist_ok=True)
    replace(wish.out / "worlds" / "known_truth.csv", table.to_csv(index=False, float_format="%.5g").encode())
    print(table.to_string(index=False))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
