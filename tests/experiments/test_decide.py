"""Mixes as designs, and a decision from its question to its report."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from valign.cli.app import main
from valign.experiments.actions.declaration import actions_from
from valign.experiments.decide.candidates import Candidates
from valign.experiments.decide import __main__ as study
from valign.experiments.decide.decide import decide
from valign.experiments.decide.evaluation import evaluate
from valign.experiments.decide.goals import GOALS, OBSERVED
from valign.experiments.decide.options import (
    NOTHING,
    Ground,
    Option,
    mix_key,
    mix_label,
    mixes_of,
    options_of,
    with_horizon,
)
from valign.experiments.decide.pilots import Search, in_one_society
from valign.experiments.decide.schedule import Schedule
from valign.experiments.decide.worlds import draw_worlds
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario

BY_ID = {each.id: each for each in actions_from()}


def ground(name: str = "two-services", months: int = 24) -> Ground:
    return Ground.of(with_horizon(Scenario.load(name), months))


def option(of: Ground, name: str, intensity: int = -1, start: int = 1, place: int = 0) -> Option:
    action = BY_ID[name]
    return Option(action, intensity % len(action.intensities), of.places(action)[place], start)


def test_costs_are_by_what_they_are_counted_by():
    of = ground(months=72)
    assert of.cost(option(of, "leadership-programme")) == (8000.0, 16000.0, 30000.0)  # two services for a year
    assert of.cost(option(of, "leadership-programme", 0))[1] == 8000.0  # half of it
    assert of.cost(option(of, "protected-time"))[1] == 1500.0 * 43 * 2
    assert of.cost(option(of, "evidence-meetings"))[1] == 4000.0 * 3
    assert of.cost(option(of, "plain-statement"))[1] == 15000.0
    assert of.cost(option(of, "values-based-recruitment", start=13))[1] == 2000.0 * 2 * 5  # to the end
    city = ground("housing-first", 72)
    assert city.cost(option(city, "pilot-fund", place=2))[1] == 3 * 25 * 2000.0 * 2
    assert city.cost_of_mix(NOTHING) == (0.0, 0.0, 0.0)


def test_places_and_their_words():
    city = ground("housing-first")
    assert [place.name for place in city.places(BY_ID["leadership-programme"])][:2] == [
        "in all 20 services",
        "in all 3 services using it",
    ]
    assert [len(place.services) for place in city.places(BY_ID["pilot-fund"])] == [1, 2, 3, 5, 10, 17]
    assert ground().places(BY_ID["pilot-fund"]) == []
    mix = (option(city, "leadership-programme"), option(city, "briefings"), option(city, "plain-statement", start=13))
    assert mix_label(mix) == (
        "Leadership programme (full) and Briefings (repeated), in all 20 services, from month 1; Plain statement of "
        "what it is "
        "for (worked through) from month 13"
    )


def test_a_mix_is_the_scenario_with_its_changes():
    """The columns of a design give the same bits as the changes written into a scenario of its own, and doing nothing
    the bits of the scenario as it was.
    """
    of = ground()
    leaders, statement = option(of, "leadership-programme"), option(of, "plain-statement", start=13)
    support = option(of, "implementation-support", start=1)
    worlds = draw_worlds(2, 1, 5, of.scenario, agreeing=False)
    mixes = [NOTHING, (leaders, statement), (support,)]
    found = evaluate(of, mixes, worlds, 0, 2)
    uptake = found[OBSERVED.index("uptake_mean"), :, :, 0]
    for world in range(2):
        parameters = worlds.parameters.iloc[[world]].reset_index(drop=True)
        seeds = parameters.assign(seed=worlds.run_seeds[world, 0], society_seed=worlds.societies[world])
        strength, clarity = parameters["leadership_strength"][0], parameters["innovation.clarity"][0]
        changes = [
            {"month": 7, "parameter": "leadership_strength", "set": min(1.0, strength + 0.25)},
            {"month": 14, "parameter": "innovation.clarity", "set": min(1.0, clarity + 0.3)},
        ]
        assert simulate(seeds, base=of.scenario).runs["uptake_mean"][0] == uptake[0, world]
        changed = of.scenario.replace({"changes": changes})
        assert simulate(seeds, base=changed).runs["uptake_mean"][0] == uptake[1, world]
    assert (uptake[1] != uptake[0]).any()
    assert (uptake[2] != uptake[0]).any()


def test_an_effect_ends_when_it_is_no_longer_paid():
    of = ground(months=60)
    schedule = Schedule(of.scenario, [(option(of, "implementation-support"),)])
    columns = schedule.columns([0], {})
    changes = schedule.scenario.changes
    when = {
        (change.parameter, change.organisations, columns[f"changes.{n}.month"][0]): columns[f"changes.{n}.set"][0]
        for n, change in enumerate(changes)
    }
    assert when[("funding_support", ("hostel",), 3.0)] == pytest.approx(0.35)
    assert when[("funding_support", ("hostel",), 27.0)] == pytest.approx(0.1)
    assert when[("workload", ("outreach",), 3.0)] == pytest.approx(0.25)


def test_a_fund_lets_services_start_and_no_others():
    of = ground("housing-first", 36)
    fund = option(of, "pilot-fund", place=3)
    worlds = draw_worlds(4, 1, 2, of.scenario, agreeing=False)
    mixes = [NOTHING, (fund,)]
    design = Schedule(of.scenario, mixes)
    table = pd.concat([worlds.parameters] * 2, ignore_index=True)
    table = pd.concat([table, design.columns([0] * 4 + [1] * 4, {str(n): table[n].to_numpy() for n in table})], axis=1)
    table["seed"], table["society_seed"] = np.tile(worlds.run_seeds[:, 0], 2), np.tile(worlds.societies, 2)
    services = simulate(table, base=design.scenario, record="services").services
    begun = services[services["month"] == 2].assign(started=lambda t: t["stage"] == "piloting")
    begun = begun.pivot(index="run", columns="service", values="started")
    funded = [of.services.index(name) for name in fund.place.services]
    assert begun.loc[4:, funded].to_numpy().all()
    assert begun.loc[:3, funded].to_numpy().mean() < 0.2
    others = [n for n in range(len(of.services)) if n not in funded]
    assert (begun.loc[4:, others].to_numpy() == begun.loc[:3, others].to_numpy()).all()


def test_sets_of_services_come_to_the_same_with_changes_that_they_share():
    of = ground("housing-first", 12)
    worlds = in_one_society(draw_worlds(3, 1, 5, of.scenario, agreeing=False), 7)
    search = Search(of, BY_ID["pilot-fund"], 1, worlds, GOALS["use"], 1)
    free = [n for n, using in enumerate(of.using) if not using][:3]
    sets = [(), (free[0],), tuple(free[:2]), (free[0], free[2])]
    together = evaluate(of, [search.mix(each) for each in sets], worlds, 0, 3, threads=1)
    found = search.in_first_worlds(sets, 2)
    found = search.in_first_worlds([*sets[::-1], (free[2],)], 3)[:4][::-1]
    assert (found == 100 * together[OBSERVED.index("uptake_mean"), ..., 0]).all()
    assert search.runs == 4 * 2 + 4 + 3, "what is known is not run again"
    apart = Schedule(of.scenario, [search.mix(each) for each in sets], of.services, apart=True)
    assert {slot.services for slot in apart.slots} == {(of.services[n],) for n in free}


@pytest.mark.parametrize("named", [True, False])
def test_services_of_tables_are_priced_as_they_are(tmp_path, named):
    """Three services of the tables, two of them outreach; the scenario that they are mapped onto has one of each."""
    services = ("outreach 1", "outreach 2") if named else ("Northside", "Quay")
    people = [("m", "hostel", "manager"), *((f"h{n}", "hostel", "staff") for n in range(5))]
    people += [
        (f"{place[-1]}{n}", place, "staff") for place, n in ((services[0], 0), (services[1], 0), (services[1], 1))
    ]
    people += [(f"c{n}", None, "commissioner") for n in range(2)]
    pd.DataFrame(people, columns=["id", "organisation", "role"]).to_csv(tmp_path / "nodes.csv", index=False)
    pd.DataFrame([("h0", "h1"), ("m", "h0")], columns=["from", "to"]).to_csv(tmp_path / "edges.csv", index=False)
    (tmp_path / "book.toml").write_text("".join(["[groups]\n", *(f'"{place}" = "outreach"\n' for place in services)]))
    text = Scenario.load("two-services").replace({"organisations.outreach.count": 2 if named else 1, "months": 24})
    tables = '\n[tables]\nnodes = "nodes.csv"\nedges = "edges.csv"\ncodebook = "book.toml"\n'
    (tmp_path / "mine.toml").write_text(text.to_toml() + tables)
    of = Ground.of(with_horizon(Scenario.load(tmp_path / "mine.toml"), 24))
    assert (of.services, of.many, of.staff) == (
        (("hostel", *services), (1, 1, 1), (5, 1, 2)) if named else (("hostel", "outreach"), (1, 2), (5, 3))
    )
    programme = option(of, "leadership-programme")
    assert programme.place.name == "in all 3 services"
    assert of.cost(programme)[1] == 3 * BY_ID["leadership-programme"].cost.likely
    assert of.cost(option(of, "protected-time"))[1] == 1500.0 * 8 * 2
    assert of.commissioners == 2
    assert of.people == 11
    worlds = draw_worlds(4, 1, 2, of.scenario, agreeing=False)
    mixes = [NOTHING, (programme,), (option(of, "plain-statement"),)]
    found = evaluate(of, mixes, worlds, 0, 4, threads=1)[OBSERVED.index("uptake_mean"), ..., 0]
    assert (found[1] != found[0]).any(), "what is done reaches the services of the tables"


def test_only_possible_mixes_are_made():
    of = ground("housing-first", 72)
    options = options_of(of, [BY_ID["pilot-fund"], BY_ID["mandate"], BY_ID["briefings"]], [1], 900_000)
    found = list(mixes_of(of, options, 900_000))
    assert found[0] == NOTHING
    for mix in found:
        ids = [each.action.id for each in mix]
        assert len(set(ids)) == len(ids)
        assert not {"pilot-fund", "mandate"} <= set(ids)
        assert of.cost_of_mix(mix)[1] <= 900_000
    assert len({mix_key(mix) for mix in found}) == len(found)


def test_mixes_grow_from_those_that_keep_up():
    of = ground("housing-first", 72)
    options = options_of(of, list(BY_ID.values()), [1, 13], 300_000)
    made = Candidates(of, options, [], 300_000, 60)
    assert not made.complete
    assert {len(mix) for mix in made.mixes} == {0, 1}
    fresh = made.grow([3, 5, 1])
    joined = made.mixes[fresh[0]]
    assert {each.key for each in joined} == {made.mixes[3][0].key, made.mixes[5][0].key}
    assert len(made.mixes) <= 61
    gains = np.zeros(len(made.mixes))
    gains[[2, 7]] = 1.0, 0.9  # neither of them keeps up by itself
    promising = made.mixes[made.grow([3, 5, 1], gains)[0]]
    assert {each.key for each in promising} == {made.mixes[2][0].key, made.mixes[7][0].key}
    needed = Candidates(of, options, [BY_ID["briefings"]], 300_000, 40)
    needed.grow(list(range(1, 8)))
    assert all(any(each.action.id == "briefings" for each in mix) for mix in needed.mixes[1:])


ASKED = {"budget": 30_000, "horizon": 24, "mixes": 12, "worlds": 40, "starts": (1,)}


@pytest.mark.slow
def test_a_decision_stopped_and_resumed_is_the_same(tmp_path):
    told = []

    class Stopped(Exception):
        pass

    def stop(done, total):
        told.append((done, total))
        if done > 200:
            raise Stopped

    with pytest.raises(Stopped):
        decide("two-services", **ASKED, folder=tmp_path / "kept", progress=stop)
    assert told[0][0] == 0
    assert list((tmp_path / "kept").glob("*.kept"))
    resumed = decide("two-services", **ASKED, folder=tmp_path / "kept")
    plain = decide("two-services", **ASKED, threads=1)
    for name, table in plain.tables().items():
        pd.testing.assert_frame_equal(table, resumed.tables()[name])
    assert plain.best == resumed.best
    assert set(plain.front["mix"]) <= set(plain.finalists["mix"])
    best = plain.finalists[plain.finalists["recommended"]].iloc[0]
    assert best["cost"] <= 30_000
    assert plain.finalists["chance_best"].sum() == pytest.approx(1)
    assert best["world_low"] < best["low"] < best["gain"] < best["high"] < best["world_high"], "worlds differ more"
    nothing = plain.finalists.query("mix == 'nothing'")
    assert (nothing[["world_low", "gain", "world_high"]] == 0).all(axis=None)
    assert (plain.regret["regret"] >= 0).all()
    assert plain.asked["race_runs"][0] + plain.asked["fresh_runs"][0] > 500


@pytest.mark.usefixtures("in_the_checkout")
def test_the_command(tmp_path, capsys):
    out = tmp_path / "mine"
    arguments = ["decide", "two-services", "--budget", "30000", "--horizon", "2y", "--mixes", "8", "--worlds", "40"]
    arguments += ["--starts", "1", "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"report.html", "decide.png", "regret.png", "finalists.csv", "evsi.csv"} <= {f.name for f in out.iterdir()}
    assert sum(row["recommended"] for row in told["finalists"]) == 1
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert said.out.startswith("With £30,000 over 24 months")
    assert "nan" not in said.out
    page = (out / "report.html").read_text()
    assert "What should £30,000 buy" in page
    assert "What not to conclude" in page or "not to conclude" in page.lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "100"], "buys nothing; the cheapest"),
        (["--budget", "nan"], "expected a number of pounds above 0"),
        (["--budget", "-5"], "expected a number of pounds above 0"),
        (["--budget", "few"], "--budget"),
        (["--budget", "3e5", "--must", "leadership"], "did you mean 'leadership-programme'?"),
        (["--budget", "3e5", "--must", "mandate", "--must", "pilot-fund"], "one excludes the other"),
        (["--budget", "3e5", "--must", "briefings", "--never", "briefings"], "with --must and with --never"),
        (["--budget", "3e5", "--must", "pilot-fund"], "no service can take it"),
        (["--budget", "5e3", "--must", "retention"], "the budget is £5,000"),
        (["--budget", "3e5", "--goal", "usage"], "did you mean 'use'?"),
        (["--budget", "3e5", "--horizon", "soon"], "e.g. 6y or 72m"),
        (["--budget", "3e5", "--horizon", "3m"], "horizon = 3"),
        (["--budget", "3e5", "--starts", "now"], "e.g. 1,13,25"),
        (["--budget", "3e5", "--worlds", "1"], "worlds = 1"),
        (["--budget", "3e5", "--mixes", "0"], "mixes = 0"),
        (["--budget", "3e5", "--action", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_what_cannot_be_decided(arguments, message, capsys):
    assert main(["decide", "two-services", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("valign:") == 1
    assert "Traceback" not in said


def test_worlds_that_agree_are_drawn_by_weight_and_never_both_raced_and_judged_in(monkeypatch):
    table = pd.DataFrame(
        {"talk": np.linspace(0, 0.3, 40), "budget": 0.5, "weight": np.r_[np.full(38, 0.01), 0.31, 0.31]}
    )
    monkeypatch.setattr("valign.experiments.decide.worlds.worlds", lambda: table)
    scenario = Scenario.load("two-services").replace({"budget": 0.7})
    raced, judged = (draw_worlds(400, 1, 3, scenario, fresh=fresh, agreeing=True) for fresh in (False, True))
    assert "weight" not in raced.parameters
    assert "budget" not in raced.parameters, "the scenario says it"
    assert not set(raced.parameters["talk"]) & set(judged.parameters["talk"])
    heavy = (raced.parameters["talk"] == table["talk"][38]).mean()
    assert heavy == pytest.approx(0.31 / 0.5, abs=0.01)
    assert len(set(raced.societies)) == 32


def test_the_committed_finding_is_what_its_tables_say():
    parts = [
        (name, budget, study.kept(study.OUT, name, budget)) for name in study.SCENARIOS for budget in study.BUDGETS
    ]
    said = (study.OUT / "decisions.md").read_text("utf-8")
    assert study.in_words(parts) == said
    assert said.count("**What not to conclude.**") == len(parts) == 6
    for name, budget, tables in parts:
        best = tables["finalists"].query("recommended").iloc[0]
        assert 0 < best["cost"] <= budget, name
        assert best["low"] > 0
        assert tables["asked"]["fresh_worlds"].iloc[0] >= 200
        assert (tables["evppi"]["error"] >= 0).all()
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", said):
        assert (study.OUT / picture).is_file()


def test_racing_and_greedy_choice_fall_little_short_of_running_everything():
    """The committed check (`make decisions`), on worlds and runs that chose neither."""
    assert study.method_in_words(study.OUT) == (study.OUT / "method.md").read_text("utf-8")
    raced = pd.read_csv(study.OUT / "race.csv")
    assert set(raced["scenario"]) == set(study.CHECKED)
    assert (raced["runs_of_race"] <= raced["runs_of_all"] / 10).all()
    assert (raced["hypervolume_share"] >= 0.99).all()
    assert (raced["stays_on_front"] >= 0.95).all()
    (greedy,) = pd.read_csv(study.OUT / "greedy.csv").to_dict("records")
    assert greedy["worlds_best"] >= 600
    assert greedy["difference"] >= -max(0.02 * greedy["gain_best"], 1.96 * greedy["error"])
    assert greedy["core_seconds_greedy"] <= 120  # sixty seconds on two cores


def test_unknown_goals_are_refused():
    with pytest.raises(InputError, match="different goals"):
        decide("two-services", 30_000, goal=())
