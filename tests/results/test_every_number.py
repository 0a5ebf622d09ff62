"""Every number of a report is in its tables, and what the tables sum up is recomputed from the runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_cases import COMMANDS

from tools.every_report import checked


@pytest.mark.parametrize("command", COMMANDS)
def test_every_number_of_a_report_is_in_its_tables(reports: dict[str, Path], command: str) -> None:
    found = checked(reports[command])
    assert found.unexplained == []
    assert found.differing == []
    assert found.empty == []
    assert found.numbers > 20
    assert found.noticed > 0.3, "a number made another is hardly ever noticed"
