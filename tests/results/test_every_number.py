"""Every number of a report is in its tables, and what the tables sum up is recomputed from the runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from report_cases import COMMANDS

from tools.every_report import SURVEY, WHERE, checked
from valign.model.scenario.scenario import scenario_names


@pytest.mark.parametrize("command", COMMANDS)
def test_every_number_of_a_report_is_in_its_tables(reports: dict[str, Path], command: str) -> None:
    found = checked(reports[command])
    assert found.unexplained == []
    assert found.differing == []
    assert found.empty == []
    assert found.numbers > 20
    assert found.noticed > 0.3, "a number made another is hardly ever noticed"


def test_every_number_of_every_scenario_was_found() -> None:
    """What `make reports` last found: all commands, all shipped scenarios and an imported survey."""
    found = pd.read_csv(WHERE)
    assert found[["unexplained", "differing", "empty"]].to_numpy().max() == 0
    assert found["noticed"].mean() > 0.6
    made = set(found[["command", "scenario"]].itertuples(index=False, name=None))
    scenarios = (*scenario_names(), SURVEY.name)
    assert {(command, each) for command in ("run", "levels", "compare", "batch") for each in scenarios} <= made
    assert set(found["command"]) >= {"sensitivity", "claims", "decide", "diagnose"}
