"""The committed finding on known truths says what its tables say."""

from __future__ import annotations

from pathlib import Path


from valign.calibration.matching.known_truth import NOTHING, REMOVABLE, WRONG, as_markdown, noticed
from valign.calibration.matching.problem import prior
from valign.experiments.worlds import finding

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference" / "worlds"


def test_the_page_says_what_the_tables_say() -> None:
    tables = (finding(name) for name in ("known_truths", "known_truth", "wrong_models"))
    assert (REFERENCE / "known_truth.md").read_text("utf-8") == as_markdown(*tables)


def test_a_right_model_is_seldom_called_wrong_and_one_without_turnover_is_noticed() -> None:
    """Other mechanisms that the world lacks are hardly noticed: the page says so."""
    found = noticed(finding("wrong_models"), finding("known_truths"))
    assert set(found.index) == set(REMOVABLE)
    assert found[NOTHING] <= 0.10
    assert found["turnover"] >= 0.90
    assert (finding("wrong_models").groupby("removed").size() == WRONG).all()


def test_a_hundred_truths_are_found_as_often_as_intervals_say() -> None:
    each, coverage = finding("known_truths"), finding("known_truth")
    assert coverage["parameter"].tolist() == list(prior().names)
    assert len(each) == coverage["truths"].unique().item() == 100
    assert (each["ruled_out_by"] < 2).mean() >= 0.95
    assert 0.85 <= coverage["covered"].mean() <= 0.95
