"""The committed finding on known truths says what its tables say."""

from __future__ import annotations

from pathlib import Path


from valign.calibration.matching.known_truth import as_markdown
from valign.calibration.matching.problem import prior
from valign.experiments.worlds import finding

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference" / "worlds"


def test_the_page_says_what_the_tables_say() -> None:
    each, coverage = finding("known_truths"), finding("known_truth")
    assert (REFERENCE / "known_truth.md").read_text("utf-8") == as_markdown(each, coverage)


def test_a_hundred_truths_are_found_as_often_as_intervals_say() -> None:
    each, coverage = finding("known_truths"), finding("known_truth")
    assert coverage["parameter"].tolist() == list(prior().names)
    assert len(each) == coverage["truths"].unique().item() == 100
    assert (each["ruled_out_by"] < 2).mean() >= 0.95
    assert 0.85 <= coverage["covered"].mean() <= 0.95
