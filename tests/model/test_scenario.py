"""Scenario files: what ships, the round trip, and every problem of a file at once, with the nearest valid name."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from valign.model.scenario.scenario import Scenario, ScenarioError, scenario_names

TWO = Scenario.load("two-services")
SHIPPED = ["england", "housing-first", "low-fit", "medical-innovation", "social-prescribing", "two-services"]


def problems(text_or_settings: str | dict) -> list[str]:
    """What is found wrong with TOML text, or with other settings for two-services."""
    read = (
        TWO.replace if isinstance(text_or_settings, dict) else lambda text: Scenario.from_toml(text, where="mine.toml")
    )
    with pytest.raises(ScenarioError) as caught:
        read(text_or_settings)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_six_scenarios_ship():
    assert scenario_names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_round_trip(name, tmp_path):
    scenario = Scenario.load(name)
    text = scenario.to_toml(tmp_path / "copy.toml")
    assert Scenario.load(tmp_path / "copy.toml") == scenario
    assert (tmp_path / "copy.toml").read_text("utf-8") == text
    assert scenario.title
    assert scenario.description
    written = Scenario.from_mapping(scenario.to_mapping())  # without the text it was read from
    assert written == scenario
    anew = written.to_toml()
    assert Scenario.from_toml(anew) == scenario
    assert Scenario.from_mapping(Scenario.from_toml(anew).to_mapping()).to_toml() == anew


@pytest.mark.parametrize(
    ("name", "people", "services", "commissioners", "months"),
    [
        ("two-services", (50, 60), 2, 1, 72),
        ("housing-first", (550, 650), 20, 2, 180),
        ("england", (37_000, 43_000), 1300, 150, 120),
    ],
)
def test_sizes(name, people, services, commissioners, months):
    scenario = Scenario.load(name)
    assert people[0] <= scenario.people() <= people[1]
    assert len(scenario.service_names()) == services
    assert (scenario.commissioners.count, scenario.months) == (commissioners, months)


def test_low_fit_fits_worse_and_has_stronger_evidence_than_housing_first():
    from valign.experiments.simulate import simulate

    low, high = (simulate(name, runs=2, seed=1, record=()).runs for name in ("low-fit", "housing-first"))
    assert low["alignment_start"].max() < high["alignment_start"].min() - 0.1
    assert Scenario.load("low-fit").value("innovation.evidence_strength") > TWO.value("innovation.evidence_strength")


def test_the_observed_return_of_social_prescribing_is_about_half_a_pound():
    from valign.experiments.simulate import simulate

    runs = simulate("social-prescribing", runs=20, seed=1, record=()).runs
    assert 0.35 < runs["value_per_pound_financial"].mean() < 0.65


def test_all_problems_of_a_file_at_once_with_file_and_key():
    text = TWO.to_toml().replace("months = 72", "monhts = 72\nruns_ = 3").replace("staff = 28", "staff = -28")
    text = text.replace('managers = 1\npeers = 4\nstage = "piloting"', 'managers = 1\nstage = "pilotting"')
    text += (
        '\n[parameters]\ncoproduction_intensty = 0.3\nvalue_sd = 7\nfit_effect = "x"\n[mechanisms]\nleadrship = false\n'
    )
    found = problems(text)
    assert all(each.startswith("mine.toml: ") for each in found)
    for expected in (
        "'monhts' is not a key; did you mean 'months'",
        "did you mean 'runs'",
        "organisations[0].staff = -28",
        "did you mean 'coproduction_intensity'",
        "parameters.value_sd = 7: expected a number from 0 to 0.5",
        "parameters.fit_effect = 'x': expected a number",
        "did you mean 'leadership'",
        "organisations[1].stage = 'pilotting'",
    ):
        assert any(expected in each for each in found), (expected, found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"claritty": 1}, "did you mean"),
        ({"innovation.claritty": 1}, "did you mean 'innovation.clarity'"),
        ({"innovation.clarity": 1.5}, "expected a number from 0 to 1 (share)"),
        ({"innovation.clarity": float("nan")}, "expected a finite number"),
        ({"innovation.clarity": True}, "expected a number"),
        ({"innovation.clarity": float("inf")}, "expected a finite number"),
        ({"pilot_months": 2.5}, "expected a whole number"),
        ({"months": 0}, "greater than or equal to 1"),
        ({"months": 1.5}, "months"),
        ({"organisations.hostle.slack": 0.5}, "organisations.hostel.slack"),
        ({"organisations.hostel.fit_effect": 0.5}, "is not a key"),
        ({"organisations.hostel.staff": -1}, "greater than or equal to 0"),
        ({"innovation.emphasis.client_agency": 0.9}, "sums to 1.55"),
        ({"profiles.peer.client_agency": 2.0}, "less than or equal to 1"),
        ({"alignment_level": 1.2}, "less than or equal to 1"),
        ({"alignment_metric": "euclid"}, "'distance', 'centred' or 'profile'"),
        ({"service_share": 0.8, "team_share": 0.5}, "must not exceed 1"),
        ({"commissioners.profile": "commisioner_narrow"}, "did you mean 'commissioner_narrow'"),
        ({"organisations.hostel.staff_profile": "staff"}, "is not a profile"),
    ],
)
def test_wrong_settings(settings, expected):
    assert any(expected in each for each in problems(settings)), problems(settings)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"month": 3, "parameter": "budgett", "scale": 0.5}, "did you mean 'budget'"),
        ({"month": 300, "parameter": "budget", "scale": 0.5}, "after the horizon of 72 months"),
        ({"month": 3, "parameter": "budget"}, "either `set` or `scale`"),
        ({"month": 3, "parameter": "budget", "scale": 0.5, "set": 1.0}, "either `set` or `scale`"),
        ({"month": 3, "parameter": "slack", "set": 2.0}, "expected a number from 0 to 1"),
        (
            {"month": 3, "parameter": "budget", "set": 1.0, "organisations": ["hostel"]},
            "cannot differ between organisations",
        ),
        ({"month": 3, "parameter": "ties.peer", "set": 1.0}, "shapes the society"),
        ({"month": 3, "event": "new_leader"}, "needs `profile`"),
        ({"month": 3, "event": "new_leader", "profile": "nobody"}, "is not a profile"),
        ({"month": 3, "event": "new_leader", "profile": "peer", "organisations": ["hostl"]}, "did you mean 'hostel'"),
        ({"month": -1, "parameter": "budget", "scale": 0.5}, "greater than or equal to 0"),
    ],
)
def test_wrong_changes(change, expected):
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_mapping({**TWO.to_mapping(), "changes": [change]})
    assert expected in str(caught.value)


def test_replace_reaches_everything():
    changed = Scenario.from_mapping(
        {**TWO.to_mapping(), "changes": [{"month": 3, "parameter": "budget", "scale": 0.5}]}
    )
    settings = {
        "months": 12,
        "coproduction_intensity": 0.4,
        "innovation.clarity": 0.9,
        "ties.peer": 3.0,
        "tie_quality": 0.8,
        "mechanisms.leadership": False,
        "innovation.values.client_agency": 0.1,
        "profiles.peer.client_agency": 0.2,
        "organisations.hostel.staff": 3,
        "organisations.hostel.slack": 0.9,
        "commissioners.count": 2,
        "changes.0.month": 5,
        "changes.0.set": 1.0,
        "alignment_level": 0.7,
        "evidence_weights.commissioner.financial": 0.5,
        "innovation.effects.social": 0.9,
    }
    s = changed.replace(settings)
    assert (s.months, s.value("coproduction_intensity"), s.value("innovation.clarity"), s.value("ties.peer")) == (
        12,
        0.4,
        0.9,
        3,
    )
    assert (s.mechanisms["leadership"], s.innovation.values["client_agency"]) == (False, 0.1)
    assert (s.organisations[0].staff, s.setting(0, "slack"), s.setting(1, "slack")) == (3, 0.9, 0.3)
    assert (s.changes[0].month, s.changes[0].set, s.changes[0].scale) == (5, 1.0, None)
    assert (s.alignment_level, s.replace({"alignment_level": "natural"}).alignment_level) == (0.7, None)
    assert changed.months == 72  # the original is what it was
    assert set(settings) <= set(changed.settable())


def test_scheduled_changes_can_be_added():
    scenario = Scenario.load("two-services")
    mandate, leader = (
        {"month": 12, "parameter": "mandate", "set": 1.0},
        {"month": 24, "event": "new_leader", "profile": "peer", "organisations": ["hostel"]},
    )
    both = scenario.replace({"changes": [mandate, leader]})
    assert [change.month for change in both.changes] == [12, 24]
    one_by_one = scenario.replace({"changes.0": mandate}).replace({"changes.1": leader})
    assert one_by_one.to_mapping() == both.to_mapping()
    assert both.replace({"changes": []}).to_mapping() == scenario.to_mapping()
    assert both.replace({"changes.0": leader}).changes[0].event == "new_leader"
    with pytest.raises(ScenarioError, match="needs either `set` or `scale`"):
        scenario.replace({"changes.0": {"month": 3, "parameter": "mandate"}})
    for skipped in ({"changes.3": mandate}, {"changes.1": mandate, "changes.0": leader}):  # no change may get lost
        with pytest.raises(ScenarioError, match=next(iter(skipped)).replace(".", r"\.")):
            scenario.replace(skipped)


def test_scenarios_do_not_change():
    with pytest.raises(ValidationError):
        TWO.months = 3


def test_names_of_services():
    scenario = Scenario.load("housing-first")
    assert scenario.group_of_service("pilot 3") == 0
    assert scenario.group_of_service("staircase 17") == 1
    for wrong in ("pilot", "pilot 4", "pilot 0", "staircase 18", "staircase x", "nobody"):
        if wrong != "pilot":
            with pytest.raises(KeyError):
                scenario.group_of_service(wrong)


def test_two_services_cannot_have_one_name():
    raw = TWO.to_mapping()
    hostel = raw["organisations"][0]
    raw["organisations"] = [{**hostel, "count": 2}, {**hostel, "name": "hostel 3"}]
    assert Scenario.from_mapping(raw).service_names() == ["hostel 1", "hostel 2", "hostel 3"]
    raw["organisations"].append({**hostel, "name": "hostel 1"})
    with pytest.raises(ScenarioError, match="'hostel 1' is the name of a service of 'hostel' already"):
        Scenario.from_mapping(raw)


def test_too_many_people_are_refused_with_the_memory_they_would_need():
    found = problems({"organisations.hostel.staff": 10**12})
    assert any("1,000,000,000,027 people would need about 1,500,000 GB of memory" in each for each in found), found


@pytest.mark.parametrize("name", ["two-servces", "", "nowhere/to/be.toml", "\0", "mine.toml"])
def test_unknown_scenarios(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(name)
    assert "two-services" in str(caught.value) or name in str(caught.value)


def test_files_that_cannot_be_read_or_written(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes('name = "Größe"'.encode("latin-1"))
    (tmp_path / "bad.toml").write_text("name = [")
    (tmp_path / "long.toml").write_text("#" * 10_000_001)
    for file, expected in (
        ("folder.toml", "cannot be read"),
        ("latin.toml", "UTF-8"),
        ("bad.toml", "not valid TOML"),
        ("long.toml", "longer than 10 MB"),
    ):
        with pytest.raises(ScenarioError, match=expected):
            Scenario.load(tmp_path / file)
    with pytest.raises(ScenarioError, match="cannot be written"):
        TWO.to_toml(tmp_path / "no" / "folder.toml")
    if os.geteuid() != 0:
        (tmp_path / "secret.toml").write_text("x = 1")
        (tmp_path / "secret.toml").chmod(0)
        with pytest.raises(ScenarioError, match="cannot be read"):
            Scenario.load(tmp_path / "secret.toml")
