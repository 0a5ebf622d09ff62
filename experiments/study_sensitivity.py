"""The sensitivity study of the shipped scenarios: which assumptions drive uptake, spread, sustainment and alignment.

    python -m valign.experiments.study_sensitivity [SCENARIO ...]     writes results/reference/sensitivity (minutes)
    python -m valign.experiments.study_sensitivity low-fit --n 64 --replicates 2 --trajectories 4 --out DIR

For every scenario all uncertain parameters are screened (Morris); the 24 that matter most stand for themselves in a
Sobol' analysis in which all others vary together as one factor, so that nothing is held fixed. For two-services a
second analysis takes mechanisms as factors, with interactions. Runs are kept in runs/study-sensitivity: an interrupted
study goes on, and a larger n uses them again. docs/SENSITIVITY.md says what it teaches.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from valign.model.errors import InputError, unknown
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import locked
from valign.results.figures import sensitivity as figures_sensitivity
from valign.results.plain_text import frame_as_cells

from .sensitivity import Screening, Sensitivity, screen, sensitivity

OUT = Path(__file__).resolve().parents[1] / "results" / "reference" / "sensitivity"
RUNS = Path("runs") / "study-sensitivity"
SEED = 20261124
OUTCOMES = ("uptake_final", "spread_final", "continuous", "sustained_24", "alignment_final")
CURVES = ("engaged", "in_use")
# base points, runs of a parameter set and trajectories of the screening; smaller where there are more people
SIZES = {
    "two-services": {"n": 1024, "replicates": 8, "trajectories": 16},
    "low-fit": {"n": 512, "replicates": 4, "trajectories": 16},
    "social-prescribing": {"n": 256, "replicates": 4, "trajectories": 16},
    "housing-first": {"n": 128, "replicates": 4, "trajectories": 8},
}
BY_MECHANISM, MECHANISMS = "two-services", {"n": 256, "replicates": 8}
KEPT_TABLES = ("shares", "settled", "dropped", "neglected")  # all others stand beside their figures


def screened(name: str, size: Mapping[str, int], runs: Path = RUNS) -> Screening:
    """All uncertain parameters of a scenario, screened, then Sobol'."""
    return screen(
        name,
        size["n"],
        OUTCOMES,
        screening_n=size["trajectories"],
        replicates=size["replicates"],
        seed=SEED,
        seed_factor=True,
        curves=CURVES,
        missing="drop",
        folder=runs / name,
        progress=_told(name),
    )


def by_mechanism(name: str, size: Mapping[str, int], runs: Path = RUNS) -> Sensitivity:
    """Mechanisms as factors, with their interactions."""
    return sensitivity(
        name,
        "sobol",
        size["n"],
        OUTCOMES,
        group_by="mechanism",
        second_order=True,
        replicates=size["replicates"],
        seed=SEED,
        missing="drop",
        folder=runs / f"{name}-mechanisms",
        progress=_told(f"{name}, mechanisms"),
    )


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
        frame_as_cells(table).to_csv(folder / f"{name}.csv", index=False, float_format="%.4g", lineterminator="\n")
    (folder / "words.md").write_text(found.words + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Every study asked for, one after the other."""
    parser = argparse.ArgumentParser(description="Which assumptions drive the outcomes of the shipped scenarios.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SIZES)} (default: all)")
    for name, what in (
        ("n", "base points, a power of 2"),
        ("replicates", "runs of a parameter set"),
        ("trajectories", "of the screening"),
    ):
        parser.add_argument(f"--{name}", type=int, help=f"{what} (default: larger for smaller scenarios)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the tables and figures")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder in which runs are kept")
    wish = parser.parse_args(arguments)
    if wrong := [name for name in wish.scenarios if name not in SIZES]:
        raise InputError([unknown(name, SIZES, "scenario of the study") for name in wrong])
    wished = {key: value for key in ("n", "replicates", "trajectories") if (value := getattr(wish, key)) is not None}
    timed = []
    for name in wish.scenarios or SIZES:
        studies = [(name, screened, SIZES[name])]
        if name == BY_MECHANISM:
            studies.append((f"{name}-mechanisms", by_mechanism, MECHANISMS))
        for folder, study, size in studies:
            size = {**size, **wished}
            started = time.perf_counter()
            with locked(wish.runs / folder):
                found = study(name, size, wish.runs)
            remark = f"n = {size['n']:,}, {size['replicates']} runs a parameter set."
            write(found, Scenario.load(name).title, remark, wish.out / folder)
            parts = (found.morris, found.sobol) if isinstance(found, Screening) else (found,)
            timed.append(
                {
                    "study": folder,
                    "runs": sum(each.simulated for each in parts),
                    "seconds": time.perf_counter() - started,
                }
            )
    print(pd.DataFrame(timed).to_string(index=False))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
