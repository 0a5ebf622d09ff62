"""Declared claims: the shipped ones, wrong files, and the worlds and arms made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claim_cases import EXAMPLE, example

from valign.experiments.claims.declaration import Claim, claim_ids
from valign.experiments.claims.testing import RIVALS
from valign.experiments.claims.worlds import Arm, arms_of, contrast, evaluate, world_seeds
from valign.experiments.simulate import simulate
from valign.experiments.worlds import FROM_ZERO, plausible_worlds, world_parameters
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

pytestmark = pytest.mark.usefixtures("in_the_checkout")


# --- files -----------------------------------------------------------------------------------------------------------
def test_eighteen_claims_ship_and_are_complete():
    assert claim_ids() == [f"C{n}" for n in range(1, 19)]
    for name in claim_ids():
        claim = Claim.load(name)
        assert claim.id == name
        assert all(test.null or test.null_outcome for test in claim.tests), name
    grades = [Claim.load(name).grade for name in claim_ids()]
    assert [grades.count(each) for each in ("assumed", "partly", "emergent")] == [3, 10, 5]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('outcome = "uptake_mean"', 'outcome = "uptake_men"', "did you mean 'uptake_mean'"),
        ("ample = { slack", "ample = { slakc", "did you mean 'slack'"),
        ('grade = "partly"', 'grade = "prtly"', "should be 'assumed', 'partly' or 'emergent'"),
        ('of = ["ample", "scarce"]', 'of = ["ample"]', "a difference takes 2 arms"),
        ('mechanisms = ["coproduction"', 'mechanisms = ["coprodction"', "did you mean 'coproduction'"),
        ('title = "Slack protects uptake"', 'titel = "x"', "did you mean 'title'"),
        ("workload_effect = 0.0", "workload_effect = 900", "expected a number from"),
        ("scarce = { slack = 0.1 }", "scarce = { slack = 0.6 }", "the same settings"),
        (
            'of = ["ample", "scarce"]',
            'of = ["ample", "none"]',
            "'none' is not an arm of this test; allowed: ample, scarce",
        ),
        ("smallest = 0.05", "smallest = 0", "greater than 0"),
        ("workload_effect = 0.0", '"changes.0.set" = "slack"', "'changes.0.set' is not a key"),
    ],
)
def test_wrong_files_are_explained(old, new, message, request):
    text = (request.config.rootpath / EXAMPLE).read_text("utf-8")
    assert old in text
    with pytest.raises(InputError) as error:
        Claim.from_toml(text.replace(old, new), "mine.toml")
    assert message in str(error.value)
    assert all(problem.startswith("mine.toml: ") for problem in error.value.problems)


def test_outcomes_read_at_a_month_need_as_many_months(request):
    text = (request.config.rootpath / EXAMPLE).read_text("utf-8").replace('"uptake_mean"', '"spread_of_change"')
    Claim.from_toml(text + "\n[settings]\nmonths = 36\n")
    with pytest.raises(InputError, match="spread_of_change is read at month 36; 'two-services' ends after 24"):
        Claim.from_toml(text + "\n[settings]\nmonths = 24\n")


def test_all_problems_at_once(request):
    text = (request.config.rootpath / EXAMPLE).read_text("utf-8")
    for old, new in (
        ('outcome = "uptake_mean"', 'outcome = "uptake_men"'),
        ("{ slack = 0.6 }", "{ slakc = 0.6 }"),
        ('["coproduction"', '["coprodction"'),
    ):
        text = text.replace(old, new)
    with pytest.raises(InputError) as error:
        Claim.from_toml(text)
    assert len(error.value.problems) == 3


def test_a_scenario_that_is_not_there_is_told_once(request):
    text = (request.config.rootpath / EXAMPLE).read_text("utf-8").replace('"two-services"', '"two-servces"')
    with pytest.raises(InputError, match="did you mean 'two-services'") as error:
        Claim.from_toml(text)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    ("name", "message"), [("C19", "did you mean 'C"), ("nothing.toml", "cannot be read"), ("", "is not a claim")]
)
def test_unknown_claims(name, message):
    with pytest.raises(InputError, match=message):
        Claim.load(name)


# --- worlds ----------------------------------------------------------------------------------------------------------
def test_worlds_cover_plausible_ranges_and_strengths_from_zero():
    worlds, ranges = plausible_worlds(50, 1), world_parameters()
    assert list(worlds) == list(ranges)
    assert {"mandate", "funding", "initial_engagement", "ties.between"}.isdisjoint(worlds)
    for name in FROM_ZERO:
        assert worlds[name].min() < 0.05 * ranges[name][1], name
    for rival, kept in RIVALS.items():
        assert set(kept) <= set(worlds), rival


def test_arms_and_seeds_reach_the_simulator_as_declared():
    """An arm in a world is that very run: same settings, same seeds, by the plain way."""
    claim = Claim.load("C1")
    base, worlds = claim.base(), plausible_worlds(3, 5)
    runs, societies = world_seeds(3, 2, 5)
    arms = arms_of(claim.tests[0])
    found = evaluate(base, arms, ["uptake_mean"], runs, societies, worlds)
    design = pd.DataFrame(
        {
            **{name: [worlds[name][2]] for name in worlds},
            "alignment_level": [0.72],
            "seed": [runs[2, 1]],
            "society_seed": [societies[2]],
        }
    )
    alone = simulate(design, base=base).runs["uptake_mean"][0]
    assert found.values[arms[0].key]["uptake_mean"][2, 1] == alone
    more = world_seeds(5, 2, 5)
    assert (more[0][:3] == runs).all()
    assert (more[1][:3] == societies).all()


def test_a_word_in_changes_stands_for_the_worlds_own_value():
    """C11: with the world's own effect of fit written out by hand, the same numbers."""
    claim = Claim.load("C11")
    base, worlds = claim.base(), plausible_worlds(2, 5)
    runs, societies = world_seeds(2, 2, 5)
    arms = arms_of(claim.tests[0])
    found = evaluate(base, arms, ["uptake_final"], runs, societies, worlds, own=claim.settings)
    by_hand = [
        each.settings | {"changes.1.set": worlds["fit_effect"][1], "changes.2.set": worlds["lapse_fit"][1]}
        for each in arms
    ]
    again = evaluate(
        base,
        [type(arms[0])(each) for each in by_hand],
        ["uptake_final"],
        runs[1:],
        societies[1:],
        worlds.iloc[1:].reset_index(drop=True),
        own=claim.settings,
    )
    for first, second in zip(found.values.values(), again.values.values(), strict=True):
        assert (first["uptake_final"][1] == second["uptake_final"][0]).all()


@pytest.mark.parametrize("plain", [{}, {"slack": 0.8}])
def test_an_arm_that_leaves_a_group_alone_is_the_arm_by_itself(plain):
    """Beside an arm that sets a group's slack, the group keeps the world's own slack, or what the arm says for all."""
    base, worlds = Scenario.load("two-services").replace({"months": 12}), plausible_worlds(3, 5)
    runs, societies = world_seeds(3, 1, 5)
    other = Arm({"organisations.hostel.slack": 0.9})
    both, alone = (
        evaluate(base, arms, ["uptake_mean"], runs, societies, worlds).values
        for arms in ([other, Arm(plain)], [Arm(plain)])
    )
    np.testing.assert_array_equal(both[Arm(plain).key]["uptake_mean"], alone[Arm(plain).key]["uptake_mean"])
    assert not np.array_equal(both[other.key]["uptake_mean"], alone[Arm(plain).key]["uptake_mean"])


def test_values_of_a_scenario_by_dotted_name():
    base = Scenario.load("two-services")
    assert base.read("alignment_level") == "natural"
    assert base.read("profiles.manager.client_agency") == 0.55
    assert base.read("innovation.values.client_agency") == 0.9
    assert base.read("organisations.hostel.staff") == 28
    assert base.read("organisations.hostel.slack") == 0.3
    assert base.read("mechanisms.leadership") is True
    assert base.read("commissioners.count") == 1


def test_contrasts():
    a, b, c, d = (np.array([[float(x)]]) for x in (8, 2, 5, 3))
    made = example().tests[0]
    assert contrast(made, [a, b]) == 6
    assert contrast(made.model_copy(update={"direction": "lower"}), [a, b]) == -6
    assert contrast(made.model_copy(update={"contrast": "log ratio"}), [a, b]) == pytest.approx(np.log(4))
    assert np.isnan(contrast(made.model_copy(update={"contrast": "log ratio"}), [a, -b]))
    assert contrast(made.model_copy(update={"contrast": "difference of differences"}), [a, b, c, d]) == 4


# --- the whole -------------------------------------------------------------------------------------------------------
def test_tables_are_looked_for_beside_the_scenario_whatever_the_claim_changes(tmp_path):
    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    changed = {"scenario": str(tmp_path / "mine.toml"), "changes": [{"month": 3, "parameter": "slack", "set": 0.1}]}
    assert example().model_copy(update=changed).base().folder == str(tmp_path)


def test_a_rival_is_not_undone_by_a_scheduled_change():
    """C11 brings the world's effect of fit back when funding ends; under a rival without fit it must stay away."""
    test = Claim.load("C11").tests[0]
    assert all(arm.settings["changes.1.set"] == "fit_effect" for arm in arms_of(test))
    assert all(arm.settings["changes.1.set"] == 0.0 for arm in arms_of(test, rival={"fit_effect": 0.0}))
