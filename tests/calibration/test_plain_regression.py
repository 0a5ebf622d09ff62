"""The plain regression: statsmodels' coefficients, errors for few communities, and a rival that can be simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from tests.made_up import made_up
from valign.calibration.problem.problem import CalibrationProblem
from valign.calibration.problem.summaries import Layout
from valign.calibration.rivals.curves import constant, fit_baseline
from valign.calibration.rivals.regression import regression, regression_rows, simulated_by_regression, terms_of
from valign.results.reports.calibration import regression_sentences, regression_table, rival_findings


def layout_of(folder: Path, **options: float) -> Layout:
    found = CalibrationProblem.of(made_up(folder, **options)).layout
    assert found is not None
    return found


def test_coefficients_are_those_of_a_direct_fit(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, places=8, people=240)
    rows = regression_rows(layout)
    place = {text: n for n, text in enumerate(layout.ids)}
    first = rows[(rows["person"] == place["p3"]) & (rows["period"] == 5)].iloc[0]
    mine = layout.community == layout.community[place["p3"]]
    assert first["community"] == pytest.approx(((layout.time[mine] > 0) & (layout.time[mine] < 5)).mean())
    x = np.column_stack(
        [np.ones(len(rows)), rows["period"] / 18, rows["exposure"], rows["community"], rows["z_openness"]]
    )
    direct = sm.Logit(rows["adopts"].to_numpy(float), x).fit(disp=0)
    found = regression(layout)
    np.testing.assert_allclose(found.table["coefficient"], direct.params, atol=1e-6)
    assert (found.method, found.communities) == ("CR2", 8)
    row = found.table.set_index("term").loc["openness"]
    assert row["odds_ratio"] == pytest.approx(np.exp(row["coefficient"] * x[:, 4].std()))
    assert row["low"] < row["odds_ratio"] < row["high"]
    assert 1 < row["freedom"] < 8


def test_errors_depend_on_how_many_communities_there_are(tmp_path: Path) -> None:
    few = regression(layout_of(tmp_path / "few", places=4))
    assert few.method == "none"
    assert few.table["low"].isna().all()
    assert regression_table(few.table)[1][1][2] == "not known"
    told = few.table.assign(errors=few.method, communities=few.communities)
    assert "It has no intervals: 4 communities are too few" in regression_sentences(told)[0]
    layout = layout_of(tmp_path / "many", places=40, people=400)
    many, rows = regression(layout), regression_rows(layout)
    x, groups = terms_of(rows, layout), layout.community[rows["person"]]
    robust = sm.GLM(rows["adopts"].to_numpy(float), x, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    assert many.method == "sandwich"
    np.testing.assert_allclose(many.table["error"], robust.bse, rtol=1e-6)


def test_corrected_errors_are_those_of_the_definition(tmp_path: Path) -> None:
    """CR2 once more, with the matrices that `_corrected` avoids."""
    from scipy.linalg import fractional_matrix_power

    from valign.calibration.rivals.regression import _corrected

    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(7), 6)
    x = np.column_stack([np.ones(42), rng.standard_normal(42), rng.standard_normal(7)[cluster]])
    left, bread = rng.standard_normal(42), np.linalg.inv(x.T @ x)
    parts = [np.flatnonzero(cluster == g) for g in range(7)]
    hat = x @ bread @ x.T
    meat, weighted = np.zeros((3, 3)), []
    for rows in parts:
        root = np.real(fractional_matrix_power(np.eye(6) - hat[np.ix_(rows, rows)], -0.5))
        score = x[rows].T @ root @ left[rows]
        meat += np.outer(score, score)
        weighted.append(root @ x[rows] @ bread)
    covariance, freedom = _corrected(x, left, bread, parts)
    np.testing.assert_allclose(covariance, bread @ meat @ bread, rtol=1e-8)
    for k in range(3):
        p = np.array(
            [
                [
                    weighted[g][:, k] @ (np.eye(42) - hat)[np.ix_(parts[g], parts[h])] @ weighted[h][:, k]
                    for h in range(7)
                ]
                for g in range(7)
            ]
        )
        assert freedom[k] == pytest.approx(np.trace(p) ** 2 / (p**2).sum())


def test_the_regression_simulates_what_it_was_fitted_to(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, places=8, people=400)
    times = simulated_by_regression(layout, layout, 200, 1)
    assert times.shape == (400, 200)
    for period in (6, 12, 18):
        share = ((times > 0) & (times <= period)).mean()
        assert share == pytest.approx(((layout.time > 0) & (layout.time <= period)).mean(), abs=0.06)
    assert not np.array_equal(times, simulated_by_regression(layout, layout, 200, 2))


def test_a_constant_chance_is_found_again() -> None:
    chance = constant(np.array([-2.0]), 12)
    time = np.random.default_rng(1).choice(13, 5000, p=[*chance, 1 - chance.sum()]) + 1
    time[time > 12] = 0
    assert fit_baseline("constant", time, np.full(5000, 12)).estimate[0] == pytest.approx(-2.0, abs=0.06)


def test_explanations_that_predict_worse_than_a_curve_are_said_to() -> None:
    import pandas as pd

    def findings(ours: float, plain: float) -> str:
        rows = [
            {
                "kind": "communities",
                "score": "log_score",
                "model": model,
                "mean": mean,
                "reference": "bass",
                "low": -1.0,
            }
            for model, mean in (("full", ours), ("values", ours - 1), ("logit", plain), ("constant", plain - 1))
        ]
        shares = pd.DataFrame(
            [{"method": m, "model": n, "share": 0.5} for m in ("smc", "forest") for n in ("full", "values")]
        )
        return rival_findings({"scores": pd.DataFrame(rows), "shares": shares})[-1]

    assert "at least as good" in findings(-2.0, -2.5)
    assert "within 0.03 of it" in findings(-2.52, -2.5)
    assert "“plain regression”, has -2.50: none of the explanations predicts as well" in findings(-2.6, -2.5)
