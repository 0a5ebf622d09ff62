"""The command line lists, describes and checks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.small import imported_society
from valign.model.parameters import PARAMETERS

SHIPPED = ("two-services", "housing-first", "social-prescribing", "low-fit", "england", "medical-innovation")

SMALL = ("--runs", 4, "--months", 6, "--quiet")


def test_help_lists_the_commands_and_loads_nothing_heavy(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from valign.cli.app import main; main(['--help']); heavy = {'numpy', 'numba', 'pandas', "
        "'pydantic', 'matplotlib', 'mesa'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name in ("scenarios", "describe", "validate", "parameters", "data", "run", "levels"):
        assert name in done.stdout


def test_no_command_shows_the_help(valign: Callable) -> None:
    assert "Commands" in valign().out


def test_scenarios(valign: Callable) -> None:
    said = valign("scenarios")
    assert said.code == 0
    assert all(name in said.out for name in SHIPPED)
    assert {each["name"] for each in json.loads(valign("scenarios", "--json").out)} == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_describe(valign: Callable, name: str) -> None:
    said = valign("describe", name)
    assert said.code == 0, said.err
    assert name in said.out
    assert "people" in said.out
    assert json.loads(valign("describe", name, "--json").out)["name"] == name


def test_describe_tells_what_is_unlike_the_defaults(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    text = (
        Scenario.load("two-services")
        .replace(
            {
                "months": 25,
                "alignment_level": 0.7,
                "alignment_metric": "profile",
                "slack": 0.35,
                "mechanisms.dialogue": False,
            }
        )
        .to_toml()
    )
    changes = (
        "month = 6\nevent = 'new_leader'\nprofile = 'manager'\norganisations = ['hostel']",
        "month = 12\nparameter = 'slack'\nscale = 0.5",
        "month = 18\nparameter = 'slack'\nset = 0.2",
    )
    (tmp_path / "mine.toml").write_text(text + "".join(f"\n[[changes]]\n{each}\n" for each in changes))
    said = valign("describe", "mine.toml")
    assert said.code == 0, said.err
    for words in (
        "followed for 25 months.",
        "month 6: new leader with profile manager, in hostel",
        f"month 12: {PARAMETERS['slack'].label} is multiplied by 0.5, everywhere",
        f"month 18: {PARAMETERS['slack'].label} becomes 0.2, everywhere",
        "the mean alignment at the start is 0.7",
        "Switched off: dialogue",
        f"{PARAMETERS['slack'].meaning}: 0.35 instead of",
        "alignment_metric = profile",
    ):
        assert words in said.out, words


def test_parameters(valign: Callable, root: Path) -> None:
    assert all(name in valign("parameters").out for name in PARAMETERS)
    assert valign("parameters", "--format", "md").out == (root / "docs" / "PARAMETERS.md").read_text(encoding="utf-8")
    assert "tie_rate" in valign("parameters", "TIE_R", "--format", "csv").out


def test_version_and_data_sets(valign: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import valign as va

    assert valign("--version").out.strip() == va.__version__
    monkeypatch.setenv("VALIGN_DATA", str(tmp_path / "data"))
    assert "not here yet: valign data get medical-innovation" in valign("data").out
    (tmp_path / "data" / "medical-innovation").mkdir(parents=True)
    (tmp_path / "data" / "medical-innovation" / "codebook.toml").write_text("")
    assert str(tmp_path / "data" / "medical-innovation") in valign("data").out


def test_validate(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    assert valign("validate", "mine.toml").code == 0


def test_every_command_can_be_quiet_and_speak_json() -> None:
    from typer.main import get_command

    from valign.cli.app import app

    commands = get_command(app).commands
    del commands["explore"]  # it has no result and does not end
    groups = {name: each.commands for name, each in commands.items() if hasattr(each, "commands")}
    del commands["survey"]  # by itself it says what there is
    commands |= {f"{name} {inner}": each for name, group in groups.items() for inner, each in group.items()}
    for name, each in commands.items():
        assert {"--quiet", "--json"} <= {option for parameter in each.params for option in parameter.opts}, name


def test_json_of_listings_and_checks(valign: Callable, tmp_path: Path) -> None:
    from valign.model.scenario.scenario import Scenario

    Scenario.load("two-services").to_toml(tmp_path / "mine.toml")
    found = json.loads(valign("validate", "mine.toml", "--json").out)
    assert (found["name"], found["services"], found["months"]) == ("two-services", 2, 72)
    assert {each["name"] for each in json.loads(valign("parameters", "--json").out)} == set(PARAMETERS)
    people = {each["name"]: each["people"] for each in json.loads(valign("scenarios", "--json").out)}
    assert (people["two-services"], people["medical-innovation"]) == (55, None)  # the latter: of the data
    assert "choose one" in valign("parameters", "--json", "--format", "md").err
    assert [each["name"] for each in json.loads(valign("data", "--json").out)] == ["medical-innovation"]
    assert valign("claims", "--list", "--quiet").err == ""
    assert valign("run", "two-services", *SMALL, "--out", "out").code == 0
    assert json.loads(valign("report", "out", "--json").out)["report"] == "out/report.html"


def test_a_scenario_is_valid_with_its_tables_only(valign: Callable, tmp_path: Path) -> None:
    imported_society(tmp_path)
    assert "1 services, 3 people" in valign("validate", "mine.toml").out
    (tmp_path / "nodes.csv").unlink()
    said = valign("validate", "mine.toml")
    assert said.code == 2
    assert "nodes.csv" in said.err


@pytest.mark.slow
def test_patterns_lists_the_facts_and_what_the_defaults_give(valign: Callable) -> None:
    said = valign("patterns")
    assert said.code == 0, said.err
    assert re.search(r"\d+ published facts", said.out)
    listed = json.loads(valign("patterns", "--json").out)
    assert {"title", "unit", "value"} <= set(listed[0])
    asked = valign("patterns", "--runs", 1)
    assert asked.code == 0, asked.err
    assert "asking the model each question once, at its defaults" in asked.err
    assert len(re.findall(r"[+−-]\d+\.\d$", asked.out, re.M)) > len(listed) / 2  # how far away the model is
    assert valign("patterns", "--runs", -1).code == 2


def test_worlds_says_what_agrees_and_what_rules_out_what(valign: Callable) -> None:
    said = valign("worlds")
    assert said.code == 0, said.err
    found = json.loads(valign("worlds", "--json").out)
    assert f"{found['summary'][0]['worlds']:,.0f} worlds were matched with {len(found['patterns'])}" in said.out
    assert len(re.findall(r" \d+ %$", said.out, re.M)) >= len(found["patterns"]) + 20
