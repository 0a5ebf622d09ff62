"""Measures of claims: against values known by hand, and against the tables of a simulation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.experiments.claims.declaration import Claim
from valign.experiments.claims.measures import MEASURES, ServiceAccounts
from valign.experiments.claims.worlds import arms_of, evaluate, world_seeds
from valign.experiments.worlds import plausible_worlds
from valign.experiments.simulate import simulate
from valign.model.parameters import ROLES
from valign.model.scenario.scenario import Scenario
from valign.model.state.arrays import STAGES


def measured(name: str, accounts: Any = None, **outcomes: Any) -> list[float]:
    """A measure of made-up outcomes."""
    return MEASURES[name].compute(SimpleNamespace(**outcomes), accounts).tolist()


# --- by hand ---------------------------------------------------------------------------------------------------------
def test_measures_of_the_table_of_runs() -> None:
    runs = pd.DataFrame({"uptake_mean": [0.0, 0.5, 0.8, 1.0, np.nan]})
    expected = [-np.log(199), 0, np.log(4), np.log(199), np.nan]  # nobody counts as .005, everybody as .995
    assert measured("uptake_log_odds", runs=runs) == pytest.approx(expected, nan_ok=True)
    runs = pd.DataFrame({"status": ["ok"] * 4 + ["failed"], "first_recommissioned": [1, 36, 37, np.nan, np.nan]})
    assert measured("recommissioned_by_36", runs=runs) == pytest.approx([1, 1, 0, 0, np.nan], nan_ok=True)
    net = pd.DataFrame(
        [[0, 0, 1], [0, 0, 0], [-0.1, 5, 5], [1, 1, 1], [1, np.nan, 1]],
        columns=["value_commissioners", "value_clients", "value_providers"],
    )
    assert measured("nobody_loses", runs=net) == pytest.approx([1, 0, 0, 1, np.nan], nan_ok=True)


def test_measures_of_the_months() -> None:
    by_month = np.array([[9.0, 9.0], [0.2, 0.0], [0.4, 0.6]])
    assert measured("spread_mean", path={"in_use": by_month}.get) == pytest.approx([0.3, 0.3])  # not the start
    curves = {("service", "tie_quality"): by_month, ("commissioner", "breadth"): 2 * by_month}
    for name, expected in (("tie_quality_final", [0.4, 0.6]), ("breadth_final", [0.8, 1.2])):
        assert measured(name, curves=lambda *pair: curves[pair]) == expected


def people(history: dict[str, np.ndarray], role: list[str], service: list[int]) -> dict[str, Any]:
    """What `Outcomes` gives of people, in one block, from [months, people, runs]."""
    runs = next(iter(history.values())).shape[2]
    block = (
        np.arange(runs)[::-1],
        np.array([ROLES.index(each) for each in role]),
        np.array(service),
        lambda name, month: history[name][month],
    )
    return {"runs": pd.DataFrame(index=range(runs)), "blocks_of_people": lambda: iter([block])}


def test_measures_of_people_who_stay() -> None:
    """Eight people, two runs (in the reverse order of the table): 37 months, and one more that nothing may look at."""
    role = ["staff", "staff", "staff", "staff", "manager", "peer", "peer", "commissioner"]
    history = {name: np.zeros((38, 8, 2)) for name in ("holder", "stage", "alignment", "fit", "identification")}
    agency = np.zeros((38, 8, 2))
    agency[-1, :, 0], agency[-1, :, 1] = [0.1, 0.2, 0.3, 0.6, 9, 9, 9, 9], 0.5
    outcomes = people(history | {"client_agency": agency}, role, [0, 0, 0, 1, 1, 1, 1, 0])
    assert measured("staff_agency_final", **outcomes) == pytest.approx([0.5, 0.3])
    history["alignment"][0] = 0.5
    history["alignment"][36] = 0.5 + np.array([[1, 2, 9, 4, 5, 6, 9, 7], [0, 0, 0, 0, 0, 3, 5, 0]]).T / 100
    history["fit"][:] = history["alignment"]
    history["identification"][36] = 2 * history["alignment"][36]
    for name in ("alignment", "fit", "identification"):
        history[name][37] = 99
    history["holder"][36, 2, 0] = history["holder"][36, 6, 0] = 1  # they left by month 36
    history["holder"][36, 4, 1] = 1
    history["holder"][37] = 1
    # run 0: staff of service 0 change by 1 and 2 (the third left); of other roles and services only one stays
    # run 1: only the manager left; staff of service 0 alike; peers of service 1 change by 3 and 5
    found = measured("spread_of_change", **outcomes)
    assert found == pytest.approx([np.sqrt((0 + 2) / 3) / 100, np.sqrt(0.5) / 100])
    kept = history["alignment"].copy()
    history["alignment"][0, :, 1] += np.arange(8) / 100
    history["alignment"][36, :, 1] = (
        0.7  # run 1: unlike at first, they come to agree: each changes by what they differed
    )
    assert measured("spread_of_change", **outcomes)[0] == pytest.approx(0, abs=1e-9)
    history["alignment"][:] = kept
    engaged = STAGES.index("engaged")
    history["stage"][0, 0, 0] = history["stage"][35, 3, 0] = engaged  # at the first, at the last month that counts
    history["stage"][36, 1, 0] = history["stage"][5, 6:, 0] = engaged  # too late; left; a commissioner
    history["stage"][1:9, 5, 0] = engaged + 1
    by = np.mean([1, 4]) - np.mean([2, 5, 6])
    for name, expected in (("fit_by_taking_part", by / 100), ("identification_by_taking_part", by / 50)):
        assert measured(name, **outcomes) == pytest.approx([np.nan, expected], nan_ok=True)


def accounts_of(*halves: list[list[list[float]]]) -> tuple[ServiceAccounts, dict[str, Any]]:
    """Accounts and outcomes of one run: [half][account][service]."""
    path = np.zeros(1)
    accounts = ServiceAccounts({id(path): np.array(halves)[..., None]})
    return accounts, {"runs": pd.DataFrame(index=range(2)), "paths": lambda: iter([(np.array([1]), path)])}


def test_ranks_of_services_by_two_accounts() -> None:
    """Per pound: cashable 1, 2, 3; economic 9, 9, 0; clients 0, 0, 0; the fourth costs nothing and is left out.

    In units of their spread (SD .816 and 4.24) they add up to 3.35, 4.57, 3.67: the second and the third change places.
    """
    first = [[10, 40, 0, 5], [90, 180, 0, 5], [0, 0, 0, 5], [10, 20, 1, 0]]
    second = [[0, 0, 3, 5], [0, 0, 0, 5], [0, 0, 0, 5], [0, 0, 0, 0]]
    accounts, outcomes = accounts_of(first, second)
    assert measured("rank_changes", accounts, **outcomes) == pytest.approx([np.nan, 1 / 3], nan_ok=True)
    first[2][0] = 30  # clients of the first gain 3 a pound, 2.12 times the spread: 5.47, the order is turned round
    accounts, outcomes = accounts_of(first, second)
    assert measured("rank_changes", accounts, **outcomes)[1] == 1.0


def test_ranks_of_services_in_odd_and_even_months() -> None:
    other = [[0.0] * 4] * 2
    odd = [[10, 20, 30, 5], *other, [10, 10, 10, 0]]
    even = [[40, 10, 60, 7], *other, [20, 10, 20, 1]]  # 2, 1, 3: one pair is turned round
    accounts, outcomes = accounts_of(odd, even)
    assert measured("rank_changes_by_noise", accounts, **outcomes) == pytest.approx([np.nan, 1 / 3], nan_ok=True)
    accounts, outcomes = accounts_of([[1, 1, 0, 0], *other, [1, 1, 0, 0]], [[1, 2, 0, 0], *other, [1, 1, 0, 0]])
    assert measured("rank_changes_by_noise", accounts, **outcomes)[1] == 0.0  # who are level are not turned round
    accounts, outcomes = accounts_of([[1, 1, 0, 0], *other, [1, 0, 0, 0]], [[1, 1, 0, 0], *other, [1, 1, 0, 0]])
    assert np.isnan(measured("rank_changes_by_noise", accounts, **outcomes)).all()  # no pair


def test_accounts_add_up_what_services_in_use_bring() -> None:
    """Four months of four services (outside, in use twice, in use without results) in two runs, added up one by one."""
    rng = np.random.default_rng(1)
    settings, services, runs = 3, 4, 2
    S = SimpleNamespace(
        setting=np.array([0, 2, 1, 1]),
        runs=np.arange(runs),
        path=np.zeros(1),
        posts=np.array([4, 9, 6, 5]),
        service_stage=np.array([[0, 1], [1, 2], [3, 4], [2, 3]]),
        innovation_cost=rng.random(runs),
        result_sd=rng.random(runs),
        workload_cost=rng.random(runs),
        coproduction_time=rng.random((settings, runs)),
    )
    price, sd, work, time = S.innovation_cost, S.result_sd, S.workload_cost, S.coproduction_time
    accounts = ServiceAccounts()
    expected = np.zeros((2, 4, services, runs))
    for month in range(1, 5):
        S.result_precision = rng.random((services, runs))
        S.result_precision[3] = 0.0
        S.result, S.session_share = rng.normal(size=(services, 3, runs)), rng.random((services, runs))
        accounts(S, month)
        for o in range(services):
            for r in range(runs):
                if S.service_stage[o, r] not in (1, 2, 3) or o == 3:
                    continue
                cost = price[r] * S.posts[o] / 12  # £1,000 a month
                hours = time[S.setting[o], r] * S.session_share[o, r] * S.posts[o]
                clients = S.result_precision[o, r] * sd[r] ** 2
                expected[month % 2, :, o, r] += (
                    cost * S.result[o, 0, r],
                    cost * S.result[o, 1, r] - work[r] * hours / 12,
                    clients * S.result[o, 2, r] / 12,
                    cost,
                )
    np.testing.assert_allclose(accounts.sums[id(S.path)], expected, rtol=1e-12)
    accounts(S, 1)  # another batch begins
    assert (accounts.sums[id(S.path)][0] == 0).all()


# --- against tables --------------------------------------------------------------------------------------------------
def test_measures_from_people_agree_with_the_table_of_agents():
    out = simulate(Scenario.load("two-services").replace({"months": 40}), 2, 3, record="agents")
    agents = out.agents
    staff = agents[(agents["month"] == 40) & (agents["role"] == "staff")].groupby("run")["client_agency"].mean()
    assert MEASURES["staff_agency_final"].compute(out, None) == pytest.approx(staff.to_numpy())
    members = agents[agents["role"] != "commissioner"]
    late = members[(members["month"] == 36) & (members["holder"] == 0)].set_index(["run", "person"])
    early = members[members["month"] == 0].set_index(["run", "person"])
    change = (late["alignment"] - early["alignment"]).dropna()
    of_fit = (late["fit"] - early["fit"]).dropna()
    groups = late.loc[change.index, ["organisation", "role"]].astype(str).agg(" ".join, axis=1)
    for run in (0, 1):
        start = early["alignment"][run].loc[change[run].index]
        known = pd.get_dummies(groups[run], dtype=float).assign(start=start).to_numpy()
        left = change[run] - known @ np.linalg.lstsq(known, change[run].to_numpy())[0]
        expected = np.sqrt((left**2).sum() / (len(left) - known.shape[1]))
        assert MEASURES["spread_of_change"].compute(out, None)[run] == pytest.approx(expected)
        before = members[(members["run"] == run) & (members["month"] < 36) & (members["stage"] == "engaged")]["person"]
        part = change[run].index.isin(before.unique())
        expected = of_fit[run][part].mean() - of_fit[run][~part].mean()
        assert MEASURES["fit_by_taking_part"].compute(out, None)[run] == pytest.approx(expected)


def test_centre_moved_agrees_with_the_decomposition():
    out = simulate("two-services", 3, 3, record=("decomposition", "series"))
    centre = out.decomposition.query("balance == 'fit' and part == 'centre' and organisation != 'commissioners'")
    expected = centre.groupby("run")["change"].sum().to_numpy() / out.members
    assert MEASURES["centre_moved"].compute(out, None) == pytest.approx(expected)
    series = out.series.query("month == 72 and role == 'all'").pivot(index="run", columns="variable", values="value")
    assert MEASURES["people_moved"].compute(out, None) == pytest.approx(expected + series["alignment"] - series["fit"])
    assert abs(series["alignment"] - series["fit"]).max() > 0.001


def test_without_sensemaking_people_move_by_their_values_alone():
    first_edition = Scenario.load("two-services").replace({"mechanisms.sensemaking": False, "months": 24})
    out = simulate(first_edition, 3, 3, record="decomposition")
    np.testing.assert_array_equal(
        MEASURES["people_moved"].compute(out, None), MEASURES["centre_moved"].compute(out, None)
    )


def test_accounts_of_services_look_on_without_touching_anything():
    claim = Claim.load("C16")
    runs, societies = world_seeds(2, 2, 1)
    arms = arms_of(claim.tests[0])
    worlds = plausible_worlds(2, 1)
    seen = evaluate(claim.base(), arms, ["uptake_mean", "rank_changes"], runs, societies, worlds, own=claim.settings)
    plain = evaluate(claim.base(), arms, ["uptake_mean"], runs, societies, worlds, own=claim.settings)
    key = arms[0].key
    assert (seen.values[key]["uptake_mean"] == plain.values[key]["uptake_mean"]).all()
    assert ((seen.values[key]["rank_changes"] >= 0) & (seen.values[key]["rank_changes"] <= 1)).all()
