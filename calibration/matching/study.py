"""The worlds that agree with what is known, and what the matching teaches.

    python -m valign.calibration.matching.study [--worlds 1536,384,2048,2048] [--out DIR]      (`make worlds`)

Writes worlds.parquet and the tables of the folder worlds/ beside it. Stopped, the same command goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from valign.experiments.design import WEIGHT
from valign.experiments.worlds import WITHOUT, ordered
from valign.model.errors import InputError
from valign.results.checkpoint import Parts, locked, replace
from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder

from ..abc.smc import one_blas_thread
from ..patterns.asking import person_months
from ..patterns.pattern import Pattern, patterns
from . import findings
from .problem import away_from, covariance, prior, simulator, table_of, within, work
from .waves import Matching, Plan, matched
from .words import LEAST, as_markdown

OUT = Path(__file__).resolve().parents[2] / "results" / "reference"
LIGHTEST = 1e-4  # weight, as a share of the mean weight, under which a world is left out of the table


def ensemble(chosen: tuple[Pattern, ...], found: Matching, seed: int) -> pd.DataFrame:
    """The worlds of the last wave with their weights, in the order in which `worlds` gives them; beside, by data set,
    the weights that they have without its facts."""
    table = table_of(found.waves[-1].u).assign(weight=found.weight)
    for data in sorted({name for each in chosen for name in each.data}):
        others = np.array([j for j, each in enumerate(chosen) if data not in each.data])
        table[f"{WITHOUT}{data}"] = findings.reweighted(found, others)[0]
    weights = table[[name for name in table if name == WEIGHT or str(name).startswith(WITHOUT)]]
    heavy = (weights > LIGHTEST / len(table)).any(axis=1)
    return ordered(table[heavy].reset_index(drop=True), seed)


def agent_months(chosen: tuple[Pattern, ...], found: Matching) -> float:
    """Person-months simulated, what was asked last of those worlds alone of which it was asked."""
    total = 0.0
    last = np.array([each.question.last for each in chosen])
    for wave in found.waves:
        asked_last = np.isfinite(wave.estimates[:, :, last]).any(axis=(1, 2)).sum() if last.any() else 0
        total += wave.runs * (len(wave.u) * person_months(chosen, False) + asked_last * person_months(chosen, True))
    return total


@one_blas_thread()
def tables_of(chosen: tuple[Pattern, ...], found: Matching, plan: Plan) -> dict[str, pd.DataFrame]:
    """All findings, by name of their file."""
    by_pattern, together = findings.ruled_out(chosen, found, plan.seed)
    left = findings.left_out(chosen, found, found.used, plan.seed)
    half = findings.halves(chosen, found, found.used, plan.seed)
    parameters = findings.of_parameters(found)
    unmoved = (parameters["narrower"] < findings.UNMOVED) & (parameters["moved"].abs() < 4 * found.effective**-0.5)
    summary = {
        "worlds": len(found.waves[-1].u),
        "effective": found.effective,
        "simulated_worlds": sum(len(wave.u) for wave in found.waves),
        "person_months": agent_months(chosen, found),
        "ruled_out_by_two": together["two"],
        "ruled_out_by_one": together["any"],
        "parameters": len(parameters),
        "as_wide_as_before": int(unmoved.sum()),
        "covered_itself_left_out": findings.coverage(left[left["left_out"] == "itself"]),
        "covered_data_left_out": findings.coverage(left[left["left_out"] == "its data"]),
        "covered_half_left_out": findings.coverage(half),
    }
    return {
        "summary": pd.DataFrame([summary]),
        "patterns": findings.of_patterns(chosen, found).merge(by_pattern, on="pattern"),
        "parameters": parameters,
        "pairs": findings.of_pairs(found),
        "left_out": left,
        "halves": half,
    }


@contextmanager
def matching(chosen: tuple[Pattern, ...], plan: Plan, threads: int) -> Generator[Matching]:
    """The model matched with the patterns, while nobody else works on it; what was finished before is read."""
    said = work(chosen, plan)
    folder = default_folder("study-worlds", said)
    with locked(folder):
        yield matched(
            simulator(chosen),
            away_from(chosen),
            covariance(chosen),
            len(prior()),
            plan,
            early=np.array([not each.question.last for each in chosen]),
            within=within(chosen),
            kept=Parts(folder, said),
            threads=threads,
            progress=lambda done, of: print(f"{done:,} of {of:,} worlds", flush=True),
        )


def main(arguments: list[str] | None = None) -> None:
    """Match, and write the worlds and the tables."""
    parser = argparse.ArgumentParser(description="Match worlds with published facts.")
    plan = Plan()
    parser.add_argument("--worlds", default=",".join(map(str, plan.worlds)), help="worlds of each wave")
    parser.add_argument("--runs", default=",".join(map(str, plan.runs)), help="runs of each world, by wave")
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of worlds.parquet and worlds/")
    wish = parser.parse_args(arguments)
    plan = Plan(_numbers("worlds", wish.worlds), _numbers("runs", wish.runs), seed=wish.seed)
    if len(plan.worlds) != len(plan.runs) or min((*plan.worlds, *plan.runs)) < 1:
        raise InputError(["--worlds and --runs: expected as many numbers from 1 in both"])
    chosen = patterns()
    with matching(chosen, plan, wish.threads) as found:
        tables = tables_of(chosen, found, plan)
        write(wish.out, chosen, tables, ensemble(chosen, found, plan.seed), found.effective)


def write(
    out: Path, chosen: tuple[Pattern, ...], tables: dict[str, pd.DataFrame], worlds: pd.DataFrame, effective: float
) -> None:
    """Keep the tables, and the worlds where they are worth as many as they should be."""
    (out / "worlds").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        content = frame_as_cells(table).to_csv(index=False, float_format="%.5g").encode()
        replace(out / "worlds" / f"{name}.csv", content)
    text = as_markdown(chosen, tables)
    replace(out / "worlds" / "worlds.md", text.encode())
    print(text)
    if effective < LEAST:
        print(f"the worlds are worth {effective:.0f}, fewer than {LEAST:.0f}: they are not shipped", file=sys.stderr)
        return
    replace(out / "worlds.parquet", lambda path: worlds.to_parquet(path, compression="zstd", index=False))


def _numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError([f"--{name} {text}: expected whole numbers separated by commas, e.g. 1536,384,2048"]) from None


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
