"""No fact counts twice: the worlds as a prior, weighted anew without the facts of the data that are fitted."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.calibration.data import medical_innovation
from valign.calibration.problem.known import KnownPrior, remark, with_worlds
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.data.reading import load
from valign.calibration.rivals.explanations import rival_problem
from valign.experiments.worlds import ordered, unknown_parameters, worlds
from valign.model.errors import InputError

MADE_UP = 2000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Worlds in which the doctors' facts speak for a high effect of fit, and the others do not."""
    rng = np.random.default_rng(4)
    columns = {name: rng.uniform(low, high, MADE_UP) for name, (low, high) in unknown_parameters().items()}
    high = columns["fit_effect"] > 0.5
    weights = {
        "weight": np.where(high, 0.99, 0.01),
        "without medical-innovation": np.ones(MADE_UP),
        "without bardi-2009": (np.arange(MADE_UP) < 20).astype(float),
    }
    path = tmp_path_factory.mktemp("known") / "worlds.parquet"
    ordered(pd.DataFrame(columns).assign(**weights), 5).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def problem(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[CalibrationProblem]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VALIGN_DATA", str(tmp_path_factory.mktemp("data")))
        medical_innovation.get("medical-innovation", published)
        yield CalibrationProblem.of(load("medical-innovation"), None, ["fit_effect", "peer_effect"])


def test_weights_without_a_data_set_are_its_own(table: Path) -> None:
    ranges = unknown_parameters()["fit_effect"]
    with_all, without = worlds(path=table), worlds(path=table, without="medical-innovation")
    assert "without medical-innovation" not in with_all
    assert np.average(with_all["fit_effect"], weights=with_all["weight"]) > 0.55
    assert np.average(without["fit_effect"], weights=without["weight"]) == pytest.approx(np.mean(ranges), abs=0.03)
    with pytest.raises(InputError, match="did you mean 'medical-innovation'"):
        worlds(path=table, without="medical-inovation")
    with pytest.raises(InputError, match="worth 20 of equal weight"):
        worlds(path=table, without="bardi-2009")


def test_the_prior_is_that_of_the_worlds_without_the_facts_of_the_data(
    table: Path, problem: CalibrationProblem
) -> None:
    known = with_worlds(problem, table)
    assert isinstance(known.prior, KnownPrior)
    u = np.random.default_rng(1).standard_normal((4000, 2))
    theta = known.prior.theta(u)
    expected = worlds(path=table, without="medical-innovation")
    for j, name in enumerate(known.prior.names):
        wanted = np.quantile(expected[name], [0.1, 0.5, 0.9])
        assert np.quantile(theta[:, j], [0.1, 0.5, 0.9]) == pytest.approx(wanted, abs=0.05 * np.ptp(expected[name]))
    assert known.prior.u(theta) == pytest.approx(u, abs=0.01)
    assert known.work != problem.work
    (said,) = remark(known.prior)
    assert "without the facts of medical-innovation" in said
    assert remark(problem.prior) == []


def test_a_rival_knows_what_the_model_knows(table: Path, problem: CalibrationProblem) -> None:
    rival = rival_problem(with_worlds(problem, table), "peers")
    assert isinstance(rival.prior, KnownPrior)
    assert rival.prior.left_out == "medical-innovation"
    assert set(rival.prior.quantiles) <= set(rival.prior.names)
    assert "fit_effect" not in rival.prior.quantiles


def test_data_of_which_no_fact_is_leave_all_facts(table: Path, problem: CalibrationProblem) -> None:
    known = with_worlds(replace(problem, data=replace(problem.data, name="somewhere-else")), table)
    assert known.prior.theta(np.zeros((1, 2)))[0, 0] > 0.5
    assert "with all facts" in remark(known.prior)[0]
