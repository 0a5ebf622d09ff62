"""Whether a planned study names the right explanation as often as it says: `make studies` writes
results/reference/studies/.

    python -m valign.calibration.study_planning [--fresh 400] [--out DIR]

Ten designs, judged as `valign study` judges them; then, for each, as many studies again as are asked of each of the
five explanations, which no forest has learned from and no number was chosen by.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from valign.results.plain_text import frame_as_cells

from .planning.plan import Plan, read_plan
from .planning.studies import fresh_chance, plan_study
from .rivals.explanations import RIVAL_MODELS

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "studies"
DESIGNS = {
    "title": "Ten designs",
    "designs": {"services": [6, 12, 24, 48, 96], "people": 15, "months": 24, "waves": [4, 12]},
    "cost": {"service": 0, "person": 0, "interview": 1},
}


def planning_study(plan: Plan, fresh: int, seed: int = 1) -> pd.DataFrame:
    """One row per design: its chance with 95 % limits, that of fresh studies with its error, and how far apart.

    fresh : studies of each explanation. seconds : of processor time, for all designs, without the fresh studies.
    """
    start = time.process_time()
    planned = plan_study(plan, seed)
    seconds = time.process_time() - start
    found = np.array([fresh_chance(plan, planned, number, fresh, seed) for number in range(len(planned.designs))])
    table = planned.designs[["services", "people", "total", "months", "waves", "chance", "low", "high"]]
    return table.assign(
        studies=planned.studies * len(RIVAL_MODELS),
        fresh_studies=fresh * len(RIVAL_MODELS),
        fresh=found[:, 0],
        error=found[:, 1],
        apart=table["chance"] - found[:, 0],
        seconds=round(seconds),
    )


def main(arguments: list[str] | None = None) -> None:
    """The study as a table."""
    parser = argparse.ArgumentParser(description="Whether chances of planned studies are those of fresh studies.")
    parser.add_argument("--fresh", type=int, default=400, help="fresh studies of each explanation, for each design")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the table")
    wish = parser.parse_args(arguments)
    wish.out.mkdir(parents=True, exist_ok=True)
    table = planning_study(read_plan(DESIGNS), wish.fresh)
    frame_as_cells(table).to_csv(wish.out / "chances.csv", index=False, float_format="%.4g", lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
