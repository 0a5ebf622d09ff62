"""Does the world move: estimators on planted data, first starts against the table of services, the committed tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from valign.experiments import study_world
from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario
from valign.results.summaries import Interval

YEARS = np.arange(16)


def planted(p: float, q: float) -> np.ndarray:
    """Yearly shares of first starts of a Bass curve."""
    decay = np.exp(-(p + q) * YEARS)
    return np.diff((1 - decay) / (1 + q / p * decay))


@pytest.mark.parametrize(("p", "q"), [(0.03, 0.38), (0.02, 0.1), (0.01, 0.5)])
def test_the_bass_curve_is_found_again(p: float, q: float) -> None:
    assert study_world.bass(planted(p, q)) == pytest.approx((p, q), rel=1e-4)


def test_the_jackknife_of_a_mean_is_the_mean() -> None:
    values = np.random.default_rng(1).normal(size=(40, 3))
    found = study_world.pseudo(values, lambda x: float(x.mean()))
    assert found.mean() == pytest.approx(values.mean())
    assert len(found) == 20


def test_shares_of_variance_that_factors_explain() -> None:
    rng = np.random.default_rng(2)
    first, second = np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0])
    values = first[:, None] + second[None, :] + rng.normal(0, 1, (4000, 3, 3))
    parts = [2 / 3, 8 / 3, 1.0]
    for factor in (0, 1):
        assert study_world.explained(factor, (3, 3), values) == pytest.approx(parts[factor] / sum(parts), abs=0.01)


def test_first_starts_are_those_of_the_table_of_services() -> None:
    scenario = Scenario.load("housing-first").replace({"months": 24, "pilot_funds": 1.0, "adoption_base": -3.0})
    starts, areas, used = study_world.first_starts(scenario, 3, 7)
    table = simulate(scenario, 3, 7, record=("services",)).services
    using = table[table["stage"].isin(["piloting", "commissioned", "sustained"])]
    first = using.groupby(["run", "service"])["month"].min().unstack().to_numpy()
    np.testing.assert_array_equal(starts, np.where(first == 0, np.nan, first))
    assert np.isfinite(starts).any()
    assert set(areas[~np.isnan(areas)]) == set(table["commissioner"])
    np.testing.assert_allclose(used, using.groupby(["run", "month"]).size().unstack().to_numpy() / 20)
    shares = study_world.by_year(starts, areas, 24)
    np.testing.assert_allclose(shares.sum(axis=1), np.isfinite(starts).sum(axis=1) / 17)


def test_verdicts() -> None:
    for interval, said in (((0.1, 0.3), "yes"), ((-0.1, 0.3), "open"), ((-0.3, -0.1), "**no**")):
        assert study_world.verdict(Interval(sum(interval) / 2, *interval, 10), 0.0, np.inf) == said


def test_the_committed_tables_are_whole() -> None:
    table, starts = (pd.read_csv(study_world.OUT / f"{name}.csv") for name in ("world", "starts"))
    assert table["what"].is_unique
    assert set(table["part"]) == {"shape", "money", "leaders", "judgement"}
    assert not table[["model", "low", "high"]].isna().any(axis=None)
    assert starts.groupby("scenario").size().to_dict() == {"england": 10, "housing-first": 15}
    text = (study_world.OUT / "world.md").read_text("utf-8")
    assert all(what in text for what in table["what"])
