"""Whether a study is worth its money is said by its value less its cost, and only where that is told from chance."""

from __future__ import annotations

import pandas as pd
import pytest

from valign.results.reports.decide import worth_of_studies


COLUMNS = ["study", "name", "unit", "size", "months", "cost", "value", "error"]


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (2.0, 0.1, "Yes: Survey of values, with 25 people, is worth £14,000 more than it costs."),
        (
            0.9,
            0.2,
            "It cannot be told from these runs. What comes nearest is Survey of values, with 25 people: worth £3,000",
        ),
        (
            0.5,
            0.2,
            "It cannot be told from these runs. What comes nearest is Survey of values, with 25 people: worth £1,000 ",
        ),
        (0.1, 0.1, "No: none of those looked at (Survey of values; Pilot) is worth its cost."),
        (0.0, 0.0, "No: none of those looked at (Survey of values; Pilot) is worth its cost."),
    ],
)
def test_it_is_said_by_what_is_left_after_its_cost(value: float, error: float, says: str) -> None:
    rows = [
        ["survey", "Survey of values", "people", 25, 0, 6_000, value, error],
        ["pilot", "Pilot", "services", 1, 12, 40_000, 0.0, 0.01],
    ]
    (told,) = worth_of_studies(pd.DataFrame(rows, columns=COLUMNS), price=10_000.0)
    assert told.startswith(f"Is a study worth its money before this is decided? {says}")


def test_without_a_price_nothing_is_said() -> None:
    evsi = pd.DataFrame([["survey", "Survey", "people", 25, 0, 6_000, 2.0, 0.1]], columns=COLUMNS)
    assert worth_of_studies(evsi, price=float("nan")) == []
    assert worth_of_studies(evsi.iloc[:0], price=10_000.0) == []
