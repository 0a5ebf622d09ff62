"""Fits that allow for differences, against what is known: `make differences` writes results/reference/differences/.

    python -m valign.calibration.study_differences [--simulations 12500] [--data FOLDER] [--budget 20000] [--out DIR]

Recovery and simulation-based calibration with communities that differ and a baseline that moves, in made-up people of
stated size. With --data, besides, how explanations of these data predict communities that they have not seen, for each
of the fits below.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from valign.results.plain_text import frame_as_cells
from valign.results.store import default_folder

from .abc.recovery import recover, reference_table
from .calibrate import choose_model
from .data.reading import load
from .data.schema import Data
from .planning.people import planned_people
from .problem.problem import CalibrationProblem, Free

FOLDER = Path(__file__).resolve().parents[1] / "results" / "reference" / "differences"
COMMUNITIES, PEOPLE, PERIODS, TIES = 20, 15, 18, 5.0
BASE = (-6.0, 0.0)
RECOVERED: dict[str, tuple[Free, dict[str, object]]] = {
    "communities": ({"base_staff": BASE, "fit_effect": None, "peer_effect": None}, {"community_sd": True}),
    "communities and baseline": (
        {"base_staff": BASE, "fit_effect": None, "norm_effect": None},
        {"community_sd": True, "baseline": 3},
    ),
}
FITS: dict[str, tuple[Free | None, dict[str, object]]] = {
    "none": (None, {}),
    "communities": (None, {"community_sd": True}),
    "communities and baseline": (
        {"base_staff": BASE, "fit_effect": None, "peer_effect": None, "norm_effect": None},
        {"community_sd": True, "baseline": 4},
    ),
}


def recoveries(simulations: int, seed: int = 1) -> pd.DataFrame:
    """How well truths are found again, and whether intervals hold them as often as they say: a row per parameter."""
    data = planned_people(COMMUNITIES, PEOPLE, PERIODS, TIES, seed=seed)
    parts: list[pd.DataFrame] = []
    for name, (free, differences) in RECOVERED.items():
        problem = CalibrationProblem.of(data, free=free, differences=differences)
        found = recover(reference_table(problem, simulations, seed), seed=seed)
        parts.append(found.parameters.assign(allows=name, people=COMMUNITIES * PEOPLE, communities=COMMUNITIES))
    return pd.concat(parts, ignore_index=True)


def held_out(data: Data, budget: int) -> pd.DataFrame:
    """Scores of all explanations in communities not seen and in the last third of the time, for each fit."""
    parts: list[pd.DataFrame] = []
    for name, (free, differences) in FITS.items():
        folder = default_folder(f"differences-{data.name}", {"allows": name, "budget": budget, "data": data.digest})
        found = choose_model(data, free=free, simulations=budget, folder=folder, differences=differences)
        parts.append(found.scores.assign(allows=name))
    return pd.concat(parts, ignore_index=True)


def main(arguments: list[str] | None = None) -> None:
    """The study as tables."""
    parser = argparse.ArgumentParser(description="Whether what differs is found again, and what allowing for it gains.")
    parser.add_argument("--simulations", type=int, default=12_500, help="from the prior, for each recovery")
    parser.add_argument("--data", nargs="*", default=[], help="data sets whose explanations are scored")
    parser.add_argument("--budget", type=int, default=20_000, help="simulations of a comparison of explanations")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the tables")
    wish = parser.parse_args(arguments)
    wish.out.mkdir(parents=True, exist_ok=True)

    def keep(name: str, table: pd.DataFrame) -> None:
        file = wish.out / f"{name}.csv"
        frame_as_cells(table).to_csv(file, index=False, float_format="%.4g", lineterminator="\n")

    keep("recovery", recoveries(wish.simulations))
    for each in wish.data:
        data = load(each)
        keep(f"scores-{data.name}", held_out(data, wish.budget))


if __name__ == "__main__":
    main()
