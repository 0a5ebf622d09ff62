"""The estimators of the facts on planted data, and the committed table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valign.experiments import facts
from valign.model.scenario.scenario import Scenario

TWO = Scenario.load("two-services")


def planted(log_odds: float, people: int = 3000, months: int = 24, seed: int = 1) -> pd.DataFrame:
    """Persons by month who engage with a hazard of logit -3 + log_odds × fit (per SD)."""
    rng = np.random.default_rng(seed)
    fit = rng.normal(size=people)
    fit = (fit - fit.mean()) / fit.std(ddof=1)
    stage = np.zeros((months + 1, people), int)
    for t in range(1, months + 1):
        p = 1 / (1 + np.exp(3 - log_odds * fit))
        stage[t] = np.where(stage[t - 1] == 1, 1, rng.random(people) < p)
    month, person = np.indices(stage.shape)
    return pd.DataFrame({
        "run": 0, "month": month.ravel(), "person": person.ravel(), "organisation": person.ravel() % 2,
        "role": pd.Categorical(np.where(person.ravel() % 3, "staff", "peer")), "holder": 0,
        "stage": pd.Categorical.from_codes(stage.ravel(), ["aware", "engaged"]),
        "alignment": np.tile(0.75 + 0.1 * fit, months + 1), "exposure": rng.random(stage.size),
    })  # fmt: skip


@pytest.mark.parametrize("log_odds", [0.0, 0.4, -0.3])
def test_the_hazard_odds_ratio_is_recovered(log_odds):
    table = planted(log_odds)
    assert np.log(facts.hazard_odds_ratio("fit")(table, None, TWO)) == pytest.approx(log_odds, abs=0.1)
    assert np.log(facts.hazard_odds_ratio("exposure")(table, None, TWO)) == pytest.approx(0.0, abs=0.1)


def test_too_few_adoptions_have_no_odds_ratio():
    few = planted(0.4, people=12, months=2)
    assert few.query("stage == 'engaged' and month == 2")["person"].nunique() < 10
    assert np.isnan(facts.hazard_odds_ratio("fit")(few, None, TWO))


def test_auc_and_spearman_against_scipy():
    from scipy.stats import mannwhitneyu, spearmanr

    table = planted(0.4)
    scenario = TWO.replace({"months": 24})
    end = table[table["month"] == 24].set_index("person")
    fit, adopted = end["alignment"], end["stage"] == "engaged"
    expected = mannwhitneyu(fit[adopted], fit[~adopted]).statistic / (adopted.sum() * (~adopted).sum())
    assert facts.auc(table, None, scenario) == pytest.approx(expected)
    time = table[table["stage"] == "engaged"].groupby("person")["month"].min().reindex(end.index).fillna(25)
    assert facts.spearman(table, None, scenario) == pytest.approx(spearmanr(fit, time).statistic)
    assert facts.spearman(planted(0.0), None, scenario) == pytest.approx(0.0, abs=0.06)


def test_who_leaves_is_censored():
    table = planted(0.4)
    table.loc[(table["person"] == 0) & (table["month"] >= 3), "holder"] = 1
    table.loc[(table["person"] == 0) & (table["month"] < 3), "stage"] = "aware"
    row = facts.adoption(table).loc[0]
    assert (row["month"], row["adopted"]) == (2, False)


def test_a_few_runs_of_the_model():
    found = facts.estimate(TWO.replace({"months": 36}), runs=4, chunk=2)
    assert set(found) == {fact.name for fact in facts.FACTS}
    assert 0.0 < found["staff leaving in a year"].mean < 1.0
    assert found["AUC of alignment alone, uptake in 24 months"].n >= 3  # in some run nobody may take it up


def test_the_committed_table_is_whole():
    table = pd.read_csv(Path(facts.OUT) / "facts.csv")
    assert set(table["scenario"]) == set(facts.SCENARIOS)
    assert set(table["fact"]) == {fact.name for fact in (*facts.FACTS, *facts.SERVICE_FACTS)}
    inside = table["model"].between(table["evidence_low"], table["evidence_high"])
    assert ((table["verdict"] == "yes") == inside).all()
    assert (table["verdict"] == "yes").sum() >= 12  # the rest is stated in the README
    assert (table["runs"] >= 50).all()
    text = (Path(facts.OUT) / "facts.md").read_text("utf-8")
    assert all(name in text for name in table["fact"])
