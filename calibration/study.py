"""The committed study of Medical Innovation: `make calibration` (minutes) writes results/reference/calibration/.

    python -m valign.calibration.study [--data FOLDER] [--simulations 50000] [--out DIR]

Tables and figures only; nothing in them stands for a single person. docs/CALIBRATION.md says what they mean.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from valign.experiments.design_check import check_design
from valign.experiments.simulate import plan, run_jobs
from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.results.checkpoint import Parts, locked
from valign.results.figures.calibration import (
    odds_figure,
    posterior_figure,
    predictive_figure,
    ranks_figure,
    rivals_figure,
)
from valign.results.figures.common import save
from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder

from .abc.recovery import Recovery, recover, reference_table
from .abc.smc import batch_seeds, smc
from .calibrate import calibrate, choose_model
from .data.reading import load
from .data.schema import Data
from .problem.priors import Prior
from .problem.problem import DEFAULT_FREE, CalibrationProblem
from .rivals.exact_check import agreement
from .rivals.model_choice import confusion_smc

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "calibration"
FREE_SETS: dict[str, Mapping[str, tuple[float, float] | None]] = {
    "three": {"base_staff": (-6.0, 0.0), "fit_effect": None, "peer_effect": None},
    "default": DEFAULT_FREE,
    "five": {**DEFAULT_FREE, "frailty_sd": None},
}
SIZES = {
    "simulations": (50_000, "of the sequential ABC, of each rival, and (three fifths) of the exact check"),
    "recovered": (20_000, "simulations from which 300 data sets are recovered"),
    "mistaken": (20, "data sets of each rival in the confusion matrix of the sequential ABC"),
    "timed": (10_240, "runs whose processor time is taken"),
    "repeats": (12, "times that they are run"),
}


def recoveries(data: Data, simulations: int, folder: Path) -> dict[str, Recovery]:
    """Recovery for every set of free parameters: 300 data sets each."""
    found: dict[str, Recovery] = {}
    for name, free in FREE_SETS.items():
        problem = CalibrationProblem.of(data, free=free)
        kept = Parts(folder / name, {**problem.work, "recovered": simulations}, "calibration")
        found[name] = recover(reference_table(problem, simulations, kept=kept))
    return found


def overhead(data: Data, runs: int, repeats: int) -> pd.DataFrame:
    """Processor seconds of plain kernels, of the same runs with checks and summaries, and of the loop around so many.

    The least of some repeats in turn, since other work on the machine only ever adds time.
    """
    problem = CalibrationProblem.of(data)
    prior: Prior = problem.prior
    theta = prior.theta(np.random.default_rng(1).standard_normal((runs, len(prior))))
    seeds = batch_seeds(1, 0, 0, runs)
    design = check_design(problem.scenario, problem.design(theta, seeds))
    jobs = [(task, block) for _, task, blocks in plan(problem.scenario, design, (), society=problem.society)
            for block in blocks]  # fmt: skip
    inside = 0.0

    def timed(part: np.ndarray, of: np.ndarray) -> np.ndarray:
        nonlocal inside
        start = time.process_time()
        found = problem.simulate(part, of)
        inside += time.process_time() - start
        return found

    spent: dict[str, list[float]] = {"kernels": [], "with checks and summaries": [], "loop around them": []}
    for _ in range(repeats):
        start = time.process_time()
        run_jobs(jobs, runs, None, None)
        spent["kernels"].append(time.process_time() - start)
        start = time.process_time()
        problem.simulate(theta, seeds)
        spent["with checks and summaries"].append(time.process_time() - start)
        inside, start = 0.0, time.process_time()
        smc(timed, prior, problem.observed, particles=500, simulations=runs, reduce=True)
        spent["loop around them"].append(time.process_time() - start - inside)
    least = {name: min(each) for name, each in spent.items()}
    return pd.DataFrame([{"what": name, "runs": runs, "seconds": each, "share_of_kernels": each / least["kernels"]}
                         for name, each in least.items()])  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Everything, in the order in which it should be believed."""
    parser = argparse.ArgumentParser(description="Fit people's histories, and say how far the fit can be believed.")
    parser.add_argument("--data", default="medical-innovation", help="a folder with data.toml")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the tables and figures")
    for name, (size, what) in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size, help=what)
    wish = parser.parse_args(arguments)
    work = {"data": wish.data, "simulations": wish.simulations, "recovered": wish.recovered, "code": sources_hash()}
    with locked(default_folder("study-calibration", work)):
        _study(wish, default_folder("study-calibration", work))


def _study(wish: argparse.Namespace, kept: Path) -> None:
    """kept : where finished parts are; a study that was stopped goes on from there."""
    data, folder, spent = load(wish.data), wish.out, {}
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, table: pd.DataFrame) -> None:
        frame_as_cells(table).to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")

    def lap(name: str, start: float) -> None:
        spent[name] = time.perf_counter() - start
        print(f"{name}: {spent[name]:.0f} s", flush=True)

    start = time.perf_counter()
    keep("agreement", agreement(data, simulations=3 * wish.simulations // 5))
    lap("exact check", start)
    start = time.perf_counter()
    found = recoveries(data, wish.recovered, kept / "recovery")
    keep("recovery", pd.concat([each.parameters.assign(free=name) for name, each in found.items()], ignore_index=True))
    save(
        ranks_figure(found["three"].estimates, "Three free parameters: ranks of 300 truths"),
        folder,
        "ranks",
        found["three"].estimates[["data_set", "parameter", "rank"]],
    )
    lap("recovery", start)
    start = time.perf_counter()
    fitted = calibrate(data, simulations=wish.simulations, accept_misfit=True, folder=kept / "posterior")
    lap("sequential ABC and estimators", start)
    assert fitted.result is not None
    for name in ("fit", "summary", "predictive", "checks"):
        keep(name, getattr(fitted, name))
    keep("fit_summaries", fitted.gate.summaries)
    keep("generations", fitted.result.report())
    keep("disagreement", fitted.disagreement())
    fitted.draws.to_parquet(folder / "posterior.parquet", index=False)
    title = data.title
    save(posterior_figure(fitted.summary, f"{title}: posterior"), folder, "posterior", fitted.summary)
    save(predictive_figure(fitted.predictive, f"{title}: fitted and observed"), folder, "fitted", fitted.predictive)
    start = time.perf_counter()
    choice = choose_model(data, simulations=wish.simulations, folder=kept / "rivals")
    lap("rivals", start)
    for name in ("shares", "confusion", "scores", "folds"):
        keep(name, getattr(choice, name))
    save(
        rivals_figure(choice.shares, choice.scores, choice.confusion, f"{title}: rivals"),
        folder,
        "rivals",
        choice.shares,
    )
    save(odds_figure(choice.odds, f"{title}: odds along the tolerance"), folder, "odds",
                 choice.odds)  # fmt: skip
    keep("overhead", overhead(data, wish.timed, wish.repeats))
    start = time.perf_counter()
    keep("confusion_smc", confusion_smc(choice.tables, wish.mistaken).assign(data_sets=wish.mistaken))
    lap("confusion by sequential ABC", start)
    keep("seconds", pd.DataFrame({"step": list(spent), "seconds": [round(each, 1) for each in spent.values()]}))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
