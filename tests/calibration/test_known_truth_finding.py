"""The committed finding on known truths and wrong models says what its tables say."""

from __future__ import annotations

from pathlib import Path


from valign.calibration.matching.known_truth import as_markdown
from valign.calibration.matching.problem import prior
from valign.experiments.worlds import finding

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference" / "worlds"


def test_the_page_says_what_the_tables_say() -> None:
    each, coverage, wrong = (finding(name) for name in ("known_truths", "known_truth", "wrong_models"))
    assert (REFERENCE / "known_truth.md").read_text("utf-8") == as_markdown(each, coverage, wrong)


def test_a_hundred_truths_are_found_as_often_as_intervals_say() -> None:
    each, coverage = finding("known_truths"), finding("known_truth")
    assert coverage["parameter"].tolist() == list(prior().names)
    assert len(each) == coverage["truths"].unique().item() == 100
    assert (each["ruled_out_by"] < 2).mean() >= 0.95
    assert 0.85 <= coverage["covered"].mean() <= 0.95


def test_a_missing_mechanism_is_noticed_more_often_than_none() -> None:
    wrong, limit = finding("wrong_models"), finding("known_truths")["misfit"].quantile(0.05)
    share = (wrong["misfit"] < limit).groupby(wrong["off"]).mean()
    assert share["none"] < 0.25
    assert share.drop("none").max() > 0.9
