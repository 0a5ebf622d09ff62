"""Claims: planted truths get the right verdict, wrong files are explained, a real one runs the same however run."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from valign.cli.app import main
from valign.experiments.attribution import attribution
from valign.experiments.ablation import ablations
from valign.experiments.claims import verdict as v
from valign.experiments.claims.declaration import Claim, claim_ids
from valign.experiments.claims.explanation import where
from valign.experiments.claims.testing import RIVALS, claim_tables, test_claim, test_claims
from valign.experiments.claims.worlds import (
    FROM_ZERO,
    Arm,
    Evaluated,
    arms_of,
    contrast,
    evaluate,
    plausible_worlds,
    shipped_seeds,
    value_of,
    world_parameters,
    world_seeds,
)
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results.reports import claims as paper

EXAMPLE = "examples/my-claim.toml"
REPETITIONS = 100


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


@cache
def example() -> Claim:
    return Claim.load(EXAMPLE)


# --- planted truths --------------------------------------------------------------------------------------------------
def planted(truth, noise: float, rng: np.random.Generator):
    """What stands in for the simulator: a toy world where the first arm is better by `truth(worlds)`; 0 in the null."""

    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        n, seeds = runs.shape
        common = rng.normal(0, 1, (n, seeds))
        effect = truth(worlds if worlds is not None else plausible_worlds(n, 1))
        values = {}
        for arm in arms:
            better = (arm.settings["slack"] > 0.3) * (arm.settings.get("slack_effect") != 0.0)
            outcome = common + better * effect[:, None] + rng.normal(0, noise / np.sqrt(2), (n, seeds))
            values[arm.key] = dict.fromkeys(outcomes, outcome)
        return Evaluated(values, {}, n * seeds * len(arms))

    return toy


TRUTHS = {
    "supported": lambda worlds: 0.06 + 0.2 * worlds["peer_effect"].to_numpy(),
    "not supported": lambda worlds: np.zeros(len(worlds)),
    "reversed": lambda worlds: -0.06 - 0.2 * worlds["peer_effect"].to_numpy(),
    "supported conditionally": lambda worlds: np.where(worlds["peer_effect"] > 0.56, 0.15, 0.0),
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_planted_truths_get_their_verdict(truth):
    rng = np.random.default_rng(1)
    found = [
        test_claim(example(), 100, 8, repetition, evaluate=planted(TRUTHS[truth], 0.06, rng), shipped_runs=0)
        for repetition in range(REPETITIONS)
    ]
    assert sum(each.verdict == truth for each in found) >= 95
    # The null, where the planted effect is taken away, must not be called supported in more than 5 %.
    assert sum(each.null.says.startswith("supported") for each in found) <= 5


def test_a_null_that_shows_the_effect_too_takes_the_support_away():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        values = {
            arm.key: dict.fromkeys(outcomes, (arm.settings["slack"] > 0.3) * 0.2 + np.zeros(runs.shape)) for arm in arms
        }
        return Evaluated(values, {}, 0)

    found = test_claim(example(), 60, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.says, found.null.says, found.verdict) == ("supported", "supported", "not supported")


def test_an_assumed_claim_is_quantified_never_supported():
    claim = example().model_copy(update={"grade": "assumed"})
    toy = planted(TRUTHS["supported"], 0.02, np.random.default_rng(1))
    assert test_claim(claim, 60, 4, evaluate=toy, shipped_runs=0).verdict == "quantified"


def test_too_few_worlds_leave_it_undecided_and_say_how_many_more():
    toy = planted(TRUTHS["supported conditionally"], 0.02, np.random.default_rng(2))
    found = test_claim(example(), 12, 4, evaluate=toy, shipped_runs=0)
    assert found.verdict == "undecided"
    assert found.more_worlds > 0


def test_worlds_that_fail_are_counted_and_named():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        values = {
            arm.key: {
                name: np.where(np.arange(len(runs))[:, None] < 5, np.nan, 0.3) + np.zeros(runs.shape)
                for name in outcomes
            }
            for arm in arms
        }
        return Evaluated(values, {world: "no such level" for world in range(5)}, 0)

    found = test_claim(example(), 50, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.worlds, found.judged.failed) == (45, 5)
    assert (found.judged.classes[:5] == -1).all()
    _, tables = claim_tables([found])
    assert tables["failures"]["world"].tolist() == [0, 1, 2, 3, 4]


def test_a_claim_that_no_world_can_test_stays_undecided():
    def toy(base, arms, outcomes, runs, societies, worlds=None, **_):
        return Evaluated({arm.key: dict.fromkeys(outcomes, np.full(runs.shape, np.nan)) for arm in arms}, {}, 0)

    found = test_claim(example(), 10, 4, evaluate=toy, shipped_runs=0)
    assert (found.judged.worlds, found.judged.failed, found.verdict) == (0, 10, "undecided")
    assert found.more_worlds is None
    assert found.table["effect"].isna().all()
    assert "too few worlds" in found.where.words()
    summary, tables = claim_tables([found])
    assert len(tables["failures"]) == 10
    assert "too near a limit for any number of worlds" in paper.in_words(summary.iloc[0].to_dict())


# --- statistics ------------------------------------------------------------------------------------------------------
def test_noise_is_taken_out_of_the_shares():
    """True effects 0 with noise as large as half the smallest effect: classed by their means, 2 in 100 would pass."""
    rng = np.random.default_rng(3)
    judged = v.judge([rng.normal(0, 0.5 * 0.05 * np.sqrt(8), (2000, 8))], [0.05])
    naive = (v.world_effects(rng.normal(0, 0.5 * 0.05 * np.sqrt(8), (2000, 8)))[0] >= 0.05).mean()
    assert naive > 0.015
    assert judged.predicted < 0.005
    assert judged.reversed < 0.005


def test_shares_of_known_worlds():
    effects = np.repeat([0.2, 0.0, -0.2], [60, 30, 10])[:, None] + np.random.default_rng(4).normal(0, 0.02, (100, 8))
    judged = v.judge([effects], [0.05])
    assert (judged.predicted, judged.absent, judged.reversed) == pytest.approx((0.6, 0.3, 0.1), abs=0.005)
    assert np.bincount(judged.classes).tolist() == [60, 30, 10]


def test_wilson_as_published():
    """Newcombe 1998, table I, method 3: 81 of 263, and 0 of 20."""
    assert v.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert v.wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_holm():
    assert v.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert v.holm([0.01], family=18) == pytest.approx([0.18])


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ((0.95, 0.0), "supported"),
        ((0.0, 0.9), "reversed"),
        ((0.02, 0.02), "not supported"),
        ((0.3, 0.3), "supported conditionally"),
        ((0.7, 0.3), "supported conditionally"),
        ((0.5, 0.0), "undecided"),
    ],
)
def test_readings(shares, says):
    assert v.decide(*shares, 500) == says


def test_the_level_at_which_it_is_decided_is_that_level():
    level = v.decisive_level(0.6, 0.0, 200)
    assert v.decide(0.6, 0.0, 200, level * 1.01) == "supported"
    assert v.decide(0.6, 0.0, 200, level * 0.99) == "undecided"
    more = v.worlds_needed(0.55, 0.0, 100)
    assert v.decide(0.55, 0.0, 100 + more) == "supported"
    assert v.decide(0.55, 0.0, 100) == "undecided"


# --- where it fails --------------------------------------------------------------------------------------------------
def test_the_tree_finds_a_planted_condition_and_admits_when_there_is_none():
    worlds = plausible_worlds(200, 1)
    planted_in = np.where((worlds["peer_effect"] > 0.4) & (worlds["dialogue"] > 6), 0, 1)
    found = where(worlds, planted_in)
    assert found.told
    assert found.accuracy > 0.93 > found.base_rate
    assert "peer_effect" in found.words()
    assert "dialogue" in found.words()
    chance = where(worlds, np.random.default_rng(1).permutation(planted_in))
    assert not chance.told
    assert "No simple condition" in chance.words()


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
    assert {"mandate", "funding", "ties.between"}.isdisjoint(worlds)
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
    assert value_of(base, "alignment_level") == "natural"
    assert value_of(base, "profiles.manager.client_agency") == 0.55
    assert value_of(base, "innovation.values.client_agency") == 0.9
    assert value_of(base, "organisations.hostel.staff") == 28
    assert value_of(base, "organisations.hostel.slack") == 0.3
    assert value_of(base, "mechanisms.leadership") is True
    assert value_of(base, "commissioners.count") == 1


def test_contrasts():
    a, b, c, d = (np.array([[float(x)]]) for x in (8, 2, 5, 3))
    made = example().tests[0]
    assert contrast(made, [a, b]) == 6
    assert contrast(made.model_copy(update={"direction": "lower"}), [a, b]) == -6
    assert contrast(made.model_copy(update={"contrast": "log ratio"}), [a, b]) == pytest.approx(np.log(4))
    assert np.isnan(contrast(made.model_copy(update={"contrast": "log ratio"}), [a, -b]))
    assert contrast(made.model_copy(update={"contrast": "difference of differences"}), [a, b, c, d]) == 4


# --- the whole -------------------------------------------------------------------------------------------------------
def test_a_real_claim_small():
    found = test_claims(["C1"], 6, 4, 3, rival_worlds=2, variant_worlds=2, shipped_runs=8)[0]
    assert found.tests[0].effects.shape == (6, 4)
    assert set(found.rivals["rival"]) == set(RIVALS)
    assert len(found.variants) == 4
    assert (found.shipped["effect"] > 0).all()  # fit effects are above 0 at the defaults: arithmetic, not a finding
    assert found.failures == {}
    again = test_claim("C1", 6, 4, 3, shipped_runs=0, threads=1)
    assert (again.tests[0].effects == found.tests[0].effects).all()
    wider = test_claim("C1", 6, 6, 3, shipped_runs=0)
    assert (wider.tests[0].effects[:, :4] == found.tests[0].effects).all()
    summary, tables = claim_tables([found])
    page = paper.page(summary, tables, "how")
    assert "## C1 Fit and engagement" in page
    assert "nan" not in page


def test_shipped_seeds_nest_runs_in_eight_societies():
    runs, societies = shipped_seeds(64, 1)
    assert runs.shape == (8, 8)
    assert len(set(runs.ravel())) == 64
    assert len(set(societies)) == 8


def test_attribution_agrees_with_the_ablations():
    table = attribution("two-services", 4, 3, flexibilities=[0.1], mechanisms=["leadership"])
    plain = ablations("two-services", 4, 3, mechanisms=["leadership"]).iloc[0]
    whole = table.query("episode == 'all' and role == 'all' and part == 'all' and mechanism == 'leadership'").iloc[0]
    for name in ("booked", "booked_low", "ablation", "ablation_high"):
        assert whole[name] == pytest.approx(plain[name], abs=1e-10)
    episodes = table.query("episode != 'all' and role == 'all' and part == 'all' and mechanism == 'all'")
    total = table.query("episode == 'all' and role == 'all' and mechanism == 'all'")
    assert episodes["booked"].sum() == pytest.approx(total["booked"].iloc[0])


def test_the_command(tmp_path, capsys):
    out = tmp_path / "mine"
    arguments = ["claims", EXAMPLE, "--worlds", "4", "--seeds", "2", "--out", str(out), "--json"]
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["claims"][0]["claim"] == "mine"
    assert {"report.html", "claims.png", "claims.csv", "tests.csv", "manifest.json"} <= {f.name for f in out.iterdir()}
    assert main(arguments) == 0  # read, not computed
    assert json.loads(capsys.readouterr().out)["claims"] == told["claims"]
    assert main(["claims", "--list"]) == 0
    assert "C18" in capsys.readouterr().out
    assert main([*arguments[:-3], "--out", str(tmp_path / "again")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"mine {told['claims'][0]['title']}: {told['claims'][0]['runs']:,} runs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["C19"], "did you mean"),
        (["C1", "c01"], "given twice"),
        (["C1", "--worlds", "1"], "--worlds 1"),
        (["C1", "--worlds", "9999999"], "valign: worlds = 9999999: expected a whole number from 2 to 1000000\n"),
    ],
)
def test_wrong_commands(arguments, message, capsys):
    assert main(["claims", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("valign: ")  # before anything else is said


def test_without_scikit_learn_only_the_tree_is_missing(monkeypatch):
    import sys

    toy = planted(TRUTHS["supported conditionally"], 0.02, np.random.default_rng(5))
    found = test_claim(example(), 60, 4, evaluate=toy, shipped_runs=0)
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    summary, _ = claim_tables([found])
    assert "needs scikit-learn" in summary["where"][0]


def test_tables_are_looked_for_beside_the_scenario_whatever_the_claim_changes(tmp_path):
    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    changed = {"scenario": str(tmp_path / "mine.toml"), "changes": [{"month": 3, "parameter": "slack", "set": 0.1}]}
    assert example().model_copy(update=changed).base().folder == str(tmp_path)


def test_a_rival_is_not_undone_by_a_scheduled_change():
    """C11 brings the world's effect of fit back when funding ends; under a rival without fit it must stay away."""
    test = Claim.load("C11").tests[0]
    assert all(arm.settings["changes.1.set"] == "fit_effect" for arm in arms_of(test))
    assert all(arm.settings["changes.1.set"] == 0.0 for arm in arms_of(test, rival={"fit_effect": 0.0}))


def test_worlds_near_the_smallest_effect_are_told_apart_where_they_are_known_well():
    mean = np.repeat([0.045, 0.055], 40)
    found = v.probabilities(mean, np.zeros(80), 0.05)
    assert (found[:40, 1] > 0.95).all()
    assert (found[40:, 0] > 0.95).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-9)
