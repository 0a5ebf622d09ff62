"""The committed study of the fit gate says what the page says, and what is made with each kind of misfit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from valign.calibration.planning.people import planned_people
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.study_misfit import FOLDER, SIZES, WITH, histories

PAGE = Path(__file__).resolve().parents[2] / "docs" / "CALIBRATION.md"


def test_the_page_holds_the_committed_numbers() -> None:
    table, page = pd.read_csv(FOLDER / "misfit.csv"), PAGE.read_text()
    assert set(table["made with"]) == set(WITH)
    sizes = table[["communities", "people", "periods"]].drop_duplicates().to_numpy().tolist()
    assert sizes == [[communities, communities * people, periods] for communities, people, periods in SIZES]
    assert (table["cases"] == 200).all()
    for row in table.to_dict("records"):
        said = f"| {row['people']:,} | {row['periods']} | {row['made with']} | {100 * row['said not to fit']:.1f} % |"
        assert said in page


def test_the_gate_speaks_of_what_the_fit_lacks_and_seldom_of_the_model_itself() -> None:
    """A wrong network takes the larger of the two sizes to be noticed in nine data sets of ten."""
    table = pd.read_csv(FOLDER / "misfit.csv").set_index("made with")
    said = table["said not to fit"]
    assert (said["none (the model itself)"] <= 0.10).all()
    assert (said[["time trend", "communities differ"]] >= 0.90).all()
    largest = table[table["people"] == table["people"].max()]["said not to fit"]
    assert (largest.drop("none (the model itself)") >= 0.90).all()


def test_what_is_made_with_differences_between_communities_has_them() -> None:
    problem = CalibrationProblem.of(planned_people(12, 20, 12))
    layout = problem.layout
    assert layout is not None

    def spread(what: str) -> float:
        times = histories(problem, what, 6, 3)
        assert times.shape == (240, 6)
        shares = pd.DataFrame(times > 0).groupby(layout.community).mean()
        return float(np.mean(shares.std()))

    assert spread("communities differ") > 1.3 * spread("wrong network")
