"""Actions: those that ship, one's own, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from valign.cli.app import main
from valign.experiments.actions.declaration import Action, actions, actions_from, shipped_ids
from valign.model.errors import InputError

MINE = """
name = "Lunch together"
says = "Teams eat together once a week."
mechanism = "Talk."
evidence = "Assumed."
grade = "assumed"
cost = {low = 100, likely = 200, high = 400, per = "service and year", source = "assumed", price_year = 2025}
intensities = [{name = "weekly", effects = [{parameter = "workload", add = -0.02}]}]
"""


def test_at_least_twelve_ship_and_say_what_they_rest_on():
    found = actions_from()
    assert len(found) >= 12
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert each.grade in ("measured", "inferred", "assumed")
        assert each.cost.source
        assert each.cost.low < each.cost.likely < each.cost.high
        shares = [step.cost for step in each.intensities]
        assert shares == sorted(shares)
    assert list(actions()["id"]) == shipped_ids()


def test_an_action_of_ones_own(tmp_path: Path, capsys):
    path = tmp_path / "lunch-together.toml"
    path.write_text(MINE)
    assert actions_from([path])[-1].id == "lunch-together"
    assert main(["actions", "--action", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["cost"]["likely"] == 200
    assert main(["actions", "--action", str(path), "--quiet"]) == 0
    assert "Lunch together" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("low = 100", "low = 300", "expected them in rising order"),
        ("likely = 200", "likely = nan", "finite"),
        ("low = 100", "low = -1", "greater than or equal to 0"),
        ("workload", "worklod", "did you mean 'workload'?"),
        ('"workload", add', '"ties.between", add', "shapes the society"),
        ('"workload", add', '"talk", add', 'use reach = "everywhere"'),
        ("add = -0.02", "add = 0.1, set = 0.2", "one of `add`, `scale` and `set`"),
        ("add = -0.02", "set = 7", "expected a number from 0 to 1"),
        ('grade = "assumed"', 'grade = "guessed"', "grade"),
        ('says = "Teams eat together once a week."', "", "says is missing"),
        ("mechanism", "mechnism", "did you mean 'mechanism'?"),
        ('grade = "assumed"', 'grade = "assumed"\nexcludes = ["mandat"]', "did you mean 'mandate'?"),
        ('grade = "assumed"', 'grade = "assumed"\nexcludes = ["lunch"]', "cannot exclude itself"),
    ],
)
def test_a_wrong_file_is_told_so(tmp_path: Path, old: str, new: str, message: str):
    assert old in MINE
    path = tmp_path / "lunch.toml"
    path.write_text(MINE.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        actions_from([path])
    assert message in str(error.value)
    assert "lunch" in str(error.value)


def test_a_file_that_is_not_there():
    with pytest.raises(InputError, match="cannot be read"):
        Action.load("nowhere.toml")
    with pytest.raises(InputError, match="not valid TOML"):
        Action.from_toml("name = ")
