"""Fixtures of the calibration: a problem of people whom nobody met."""

from __future__ import annotations

import pytest
from made_up import FREE

from tests.made_up import made_up
from valign.calibration.problem.problem import CalibrationProblem


@pytest.fixture(scope="session")
def problem(tmp_path_factory) -> CalibrationProblem:
    return CalibrationProblem.of(made_up(tmp_path_factory.mktemp("made_up"), fit=1.3, level=-3.0), free=FREE)
