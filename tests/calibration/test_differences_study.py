"""The committed study of fits that allow for differences says what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from valign.calibration.study_differences import COMMUNITIES, FOLDER, PEOPLE, RECOVERED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "CALIBRATION.md"


def test_what_differs_is_found_again() -> None:
    table, page = pd.read_csv(FOLDER / "recovery.csv"), PAGE.read_text()
    assert set(table["allows"]) == set(RECOVERED)
    assert (table["data_sets"] == 300).all()
    assert (table["people"] == COMMUNITIES * PEOPLE).all()
    assert table["calibrated"].all()
    assert table.loc[table["parameter"] == "community_sd", "identified"].all()
    for row in table[table["parameter"] == "community_sd"].itertuples():
        found = f".{100 * row.correlation:.0f} | {100 * row.contraction:.0f} % | {100 * row.coverage_90:.0f} %"
        assert f"| {row.allows} | `community_sd` | {found} |" in page


def test_the_page_holds_the_scores_of_the_farmers() -> None:
    table, page = pd.read_csv(FOLDER / "scores-brazilian-farmers.csv"), PAGE.read_text()
    scores = table[(table["kind"] == "communities") & (table["score"] == "log_score")].groupby("model")["mean"].first()
    part = page[page.index("## Farmers") : page.index("## What these data")]
    for model, title in (("full", "values and peers"), ("values", "values only"), ("logit", "plain regression")):
        row = re.search(rf"^\| {title} \|(.*)$", part, re.MULTILINE)
        assert row is not None
        assert f"{scores[model]:.2f}" in row[1].split("|")[2]
