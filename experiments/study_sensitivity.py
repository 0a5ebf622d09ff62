"""The sensitivity study of the shipped scenarios: which assumptions drive uptake, spread, sustainment and alignment.

    python -m valign.experiments.study_sensitivity [SCENARIO ...]     writes results/reference/sensitivity (minutes)

For every scenario all uncertain parameters are screened (Morris); the 24 that matter most stand for themselves in a
Sobol' analysis in which all others vary together as one factor, so that nothing is held fixed. For two-services a
second analysis takes mechanisms as factors, with interactions. Runs are kept in runs/study-sensitivity: an interrupted
study goes on, and a larger n uses them again. docs/SENSITIVITY.md says what it teaches.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.scenario import Scenario
from valign.results import figures_sensitivity

from .sensitivity import Screening, Sensitivity, screen, sensitivity

OUT = Path(__file__).resolve().parents[1] / "results" / "reference" / "sensitivity"
RUNS = Path("runs") / "study-sensitivity"
SEED = 20261124
OUTCOMES = ("uptake_final", "spread_final", "continuous", "sustained_24", "alignment_final")
CURVES = ("engaged", "in_use")
# scenario: base points, replicates and trajectories of the screening; smaller where there are more people
SIZES = {"two-services": (1024, 8, 16), "low-fit": (512, 4, 16), "social-prescribing": (256, 4, 16),
         "housing-first": (128, 4, 8)}
MECHANISMS = ("two-services", 256, 8)
KEPT_TABLES = ("shares", "settled", "dropped", "neglected")  # all others stand beside their figures


def screened(name: str, runs: Path = RUNS) -> Screening:
    """All uncertain parameters of a scenario, screened, then Sobol'."""
    n, replicates, trajectories = SIZES[name]
    return screen(name, n, OUTCOMES, screening_n=trajectories, replicates=replicates, seed=SEED, seed_factor=True,
                  curves=CURVES, missing="drop", folder=runs / name, progress=_told(name))


def by_mechanism(runs: Path = RUNS) -> Sensitivity:
    """Mechanisms as factors, with their interactions."""
    name, n, replicates = MECHANISMS
    return sensitivity(name, "sobol", n, OUTCOMES, group_by="mechanism", second_order=True, replicates=replicates,
                       seed=SEED, missing="drop", folder=runs / f"{name}-mechanisms",
                       progress=_told(f"{name}, mechanisms"))


def _told(what: str):
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > 20:
            last = time.monotonic()
            print(f"{what}: {done:,} of {total:,} runs", file=sys.stderr, flush=True)

    return progress


def write(found: Screening | Sensitivity, title: str, remark: str, folder: Path) -> None:
    """Figures (PNG, with their data), small tables and the paragraphs of one study."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = found.tables
    for picture in figures_sensitivity.draw(tables, title, "ST", remark, folder):
        picture.with_suffix(".svg").unlink()
    kept = {name: tables[name] for name in KEPT_TABLES if name in tables}
    if "screening" in tables:
        kept["screening"] = tables["screening"].query("index == 'mu_star'").drop(columns="index")
    for name, table in kept.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.4g", lineterminator="\n")
    (folder / "words.md").write_text(found.words + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    if wrong := [name for name in names if name not in SIZES]:
        raise InputError([unknown(name, SIZES, "scenario of the study") for name in wrong])
    timed = []
    for name in names or SIZES:
        jobs = [(name, lambda name=name: screened(name), SIZES[name][:2])]
        if name == MECHANISMS[0]:
            jobs.append((f"{name}-mechanisms", by_mechanism, MECHANISMS[1:]))
        for folder, job, (n, replicates) in jobs:
            started = time.perf_counter()
            found = job()
            remark = f"n = {n:,}, {replicates} runs a parameter set."
            write(found, Scenario.load(name).title, remark, OUT / folder)
            studies = (found.morris, found.sobol) if isinstance(found, Screening) else (found,)
            timed.append({"study": folder, "runs": sum(each.simulated for each in studies),
                          "seconds": time.perf_counter() - started})
    print(pd.DataFrame(timed).to_string(index=False))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
