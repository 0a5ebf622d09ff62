"""Societies from a survey and a network: what comes in, and one report of all that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from valign.cli import claims, ensemble, sensitivity
from valign.cli.job import Job
from valign.experiments.simulate import simulate
from valign.model.errors import InputError
from valign.model.parameters import ROLES
from valign.model.run.initial import build
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import Society, build_society
from valign.model.society.tables import society_from_tables, society_of
from valign.model.society.ties import KINDS
from valign.model.state.scenario_arrays import lower
from valign.results import store

TWO = Scenario.load("two-services")

NODES = pd.DataFrame([
    ("m1", "hostel", "manager", None, None, "c1", 0.5), ("s1", "hostel", "staff", "day", "m1", "c1", 0.9),
    ("s2", "hostel", "staff", "night", "m1", "c1", None), ("p1", "hostel", "peer", None, None, "c1", 1.0),
    ("s3", "outreach", "staff", "x", None, "c2", 0.0), ("m2", "outreach", "manager", None, None, "c2", 0.4),
    ("c1", None, "commissioner", None, None, None, 0.3), ("c2", None, "commissioner", None, None, None, 0.2),
], columns=["id", "organisation", "role", "team", "manager", "commissioner", "client_agency"])  # fmt: skip
EDGES = pd.DataFrame([
    ("s1", "s2"), ("s2", "s1"), ("s1", "m1"), ("p1", "s1"), ("s1", "s3"), ("m1", "c1"), ("c1", "m2"), ("c1", "c2"),
    ("m2", "c2"),
], columns=["from", "to"])  # fmt: skip


def problems(*arguments: Any, **named: Any) -> list[str]:
    with pytest.raises(InputError) as error:
        society_from_tables(*arguments, **named)
    return error.value.problems


def ties_by_id(society: Society) -> dict[tuple[str, ...], str]:
    assert society.ids is not None
    return {
        tuple(sorted((society.ids[a], society.ids[b]))): KINDS[kind]
        for a, b, kind in zip(society.tie_a, society.tie_b, society.tie_kind, strict=True)
    }


def as_tables(society: Society, scenario: Scenario) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A society as tables; commissioners' names stand in for ids."""
    names, ids = [*society.service_names(scenario), None], [f"{row:04}" for row in range(len(society.role))]
    funders = np.append(society.commissioner, -1)[society.organisation]
    nodes = pd.DataFrame({
        "id": ids, "organisation": [names[o] for o in society.organisation], "role": [ROLES[r] for r in society.role],
        "team": [str(t) if t >= 0 else None for t in society.team],
        "manager": [ids[m] if m >= 0 else None for m in society.manager],
        "commissioner": [ids[c] if c >= 0 else None for c in funders],
    })  # fmt: skip
    ends = {"from": [ids[a] for a in society.tie_a], "to": [ids[b] for b in society.tie_b]}
    return nodes, pd.DataFrame(ends | {"kind": [KINDS[k] for k in society.tie_kind]})


def test_who_and_with_whom() -> None:
    society = society_from_tables(NODES, EDGES, scenario=TWO)
    assert society.ids == ["m1", "s1", "s2", "p1", "m2", "s3", "c1", "c2"]
    assert society.names == ["hostel", "outreach"]
    assert society.first.tolist() == [0, 4, 6, 8]
    assert society.role.tolist() == [1, 0, 0, 2, 1, 0, 3, 3]
    assert society.manager.tolist() == [-1, 0, 0, -1, -1, -1, -1, -1]
    assert society.team.tolist() == [-1, 0, 1, -1, -1, 0, -1, -1]
    assert society.commissioner.tolist() == [6, 7]
    assert ties_by_id(society) == {
        ("s1", "s2"): "team", ("m1", "s1"): "line", ("m1", "s2"): "line", ("p1", "s1"): "peer",
        ("s1", "s3"): "between", ("c1", "m1"): "commissioning", ("c1", "m2"): "between",
        ("c2", "m2"): "commissioning", ("c1", "c2"): "commissioners",
    }  # fmt: skip
    assert (society.line_tie >= 0).tolist() == [False, True, True, False, False, False, False, False]
    profiles = [TWO.profile_names[p] for p in society.profile]
    assert profiles == ["manager", "staff_staircase", "staff_staircase", "peer", "manager", "staff_generic",
                        "commissioner_narrow", "commissioner_narrow"]  # fmt: skip


def test_values_of_the_survey_are_those_at_the_start() -> None:
    society = society_from_tables(NODES, EDGES, scenario=TWO)
    assert society.values is not None
    given = society.values[:, 0]
    np.testing.assert_array_equal(given, [0.5, 0.9, np.nan, 1.0, 0.4, 0.0, 0.3, 0.2])
    assert np.isnan(society.values[:, 1:]).all()
    state = build(lower(TWO), society, [1, 2])
    asked = ~np.isnan(given)
    assert (state.values[asked, 0] == given[asked, None]).all()
    assert (state.values[~asked, 0, 0] != state.values[~asked, 0, 1]).all()  # drawn anew in every run


@pytest.mark.parametrize("name", ["two-services", "many"])
def test_a_generated_society_survives_the_round_trip(name: str) -> None:
    scenario = TWO
    if name == "many":
        raw = TWO.to_mapping()
        raw["organisations"] = [raw["organisations"][0] | {"count": 12, "managers": 3}, raw["organisations"][1]]
        raw["commissioners"]["count"] = 3
        scenario = Scenario.from_mapping(raw)
    made = build_society(scenario, 4)
    nodes, edges = as_tables(made, scenario)
    back = society_from_tables(nodes, edges, scenario=scenario)
    for field in ("organisation", "role", "profile", "team", "manager", "line_tie", "first", "key", "group",
                  "commissioner", "tie_a", "tie_b", "tie_kind", "tie_start", "neighbour", "tie_of"):  # fmt: skip
        np.testing.assert_array_equal(getattr(back, field), getattr(made, field), err_msg=field)
        assert getattr(back, field).dtype == getattr(made, field).dtype
    assert back.values is None


def test_order_of_rows_makes_no_difference(tmp_path: Path) -> None:
    plain = society_from_tables(NODES, EDGES, scenario=TWO)
    mixed = society_from_tables(NODES.sample(frac=1, random_state=1), EDGES[::-1], scenario=TWO)
    NODES.to_csv(tmp_path / "nodes.csv", index=False)
    EDGES.to_csv(tmp_path / "edges.csv", index=False)
    read = society_from_tables(tmp_path / "nodes.csv", str(tmp_path / "edges.csv"), scenario=TWO)
    for other in (mixed, read):
        for name, value in vars(plain).items():
            np.testing.assert_array_equal(getattr(other, name), value, err_msg=name)


def test_people_who_join_change_nobody_elses_draws() -> None:
    plain = society_from_tables(NODES, EDGES, scenario=TWO)
    more = pd.DataFrame({"id": ["a0", "m0", "s15"], "organisation": ["outreach", "hostel", "hostel"],
                         "role": ["staff", "manager", "staff"]})  # fmt: skip
    joined = society_from_tables(pd.concat([more, NODES]), EDGES, scenario=TWO)
    assert plain.ids is not None
    assert joined.ids is not None
    rows = [joined.ids.index(each) for each in plain.ids]
    assert (joined.post_low[rows] == plain.post_low).all()
    assert (joined.post_high[rows] == plain.post_high).all()
    assert len(set(zip(joined.post_low.tolist(), joined.post_high.tolist(), strict=True))) == len(joined.ids)


def test_codebook(tmp_path: Path) -> None:
    (tmp_path / "codebook.toml").write_text("""
id = "respondent"
organisation = "site"
role = "job"
missing = [-9]
[roles]
1 = "staff"
2 = "manager"
[organisations]
10 = "hostel"
20 = "night shelter"
[groups]
"night shelter" = "outreach"
[values.client_agency]
column = "q1"
low = 1
high = 5
[values.proof_of_effect]
column = "q2"
codes = { 1 = 0.9, 2 = 0.4 }
[edges]
from = "ego"
to = "alter"
kind = "relation"
dangling = "drop"
[kinds]
supervises = "line"
advises = "team"
""")
    nodes = pd.DataFrame({"respondent": [2, 1, 3], "site": [10.0, 10.0, 20.0], "job": [1, 2, 1], "q1": [5, 2, -9],
                          "q2": [1.0, None, 2.0], "age": [30, 40, 50]})  # fmt: skip
    edges = pd.DataFrame({"ego": [1, 1, 3], "alter": [2, 99, 1], "relation": ["supervises", "advises", None]})
    society = society_from_tables(nodes, edges, tmp_path / "codebook.toml", TWO)
    assert society.names == ["hostel", "night shelter"]
    assert society.ids == ["1", "2", "3"]
    assert society.group.tolist() == [0, 1]
    assert society.values is not None
    np.testing.assert_allclose(society.values[:, [0, 4]], [[0.25, np.nan], [1.0, 0.9], [np.nan, 0.4]])
    assert ties_by_id(society) == {("1", "2"): "line", ("1", "3"): "between"}
    assert society.manager.tolist() == [-1, 0, -1]


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "nodes.csv").write_text("""id,organisation,role,manager,commissioner,client_agency,proof_of_effect
a,hostel,staff,zz,,0.5,0.1
a,hostel,staff,,,1.5,0.1
b,hostle,staff,,,0.5,x
,hostel,staff,,,,
c,,nurse,b,,-1,
d,outreach,manager,d,b,0.5,inf
e,hostel,staff,d,,0.5,
f,hostel,,,,0.5,
""")
    (tmp_path / "edges.csv").write_text("""from,to,kind
a,b,friend
a,a,
e,nobody,
,e,
d,e,line
d,e,team
""")
    found = problems(tmp_path / "nodes.csv", tmp_path / "edges.csv", {"rolls": {}}, TWO)
    expected = [
        ("codebook", "did you mean 'roles'?"), ("nodes.csv, lines 2, 3", "'a'", "more than once"),
        ("nodes.csv, line 4", "'hostle'", "did you mean 'hostel'?"), ("nodes.csv, line 5", "has no id"),
        ("nodes.csv, line 6", "'nurse'", "role"), ("nodes.csv, line 6", "has no organisation"),
        ("nodes.csv, line 9", "has no role"), ("nodes.csv, line 2", "manager 'zz'"),
        ("nodes.csv, line 7", "manager", "themselves"), ("nodes.csv, line 8", "another organisation"),
        ("nodes.csv, line 6", "not somebody with the role manager"),
        ("nodes.csv, line 7", "not somebody with the role commissioner"),
        ("nodes.csv, line 3", "client_agency = 1.5", "0 to 1"), ("nodes.csv, line 6", "client_agency = -1", "0 to 1"),
        ("nodes.csv, line 4", "proof_of_effect = 'x'", "a number"), ("nodes.csv, line 7", "proof_of_effect = inf"),
        ("edges.csv, line 2", "'friend'", "kind of tie"), ("edges.csv, line 3", "with themselves"),
        ("edges.csv, line 4", "'nobody'", "nodes.csv"), ("edges.csv, line 5", "nobody at its end"),
        ("edges.csv, line 6", "'line'", "same organisation"), ("edges.csv, line 7", "'team'", "one organisation"),
    ]  # fmt: skip
    for words in expected:
        assert any(all(word in line for word in words) for line in found), (words, found)
    assert len(found) == len(expected), found


@pytest.mark.parametrize(("nodes", "edges", "book", "words"), [
    ("nowhere.csv", EDGES, None, "nowhere.csv: cannot be read"),
    (NODES, "nowhere.csv", None, "nowhere.csv: cannot be read"),
    (3, EDGES, None, "expected a CSV file or a DataFrame"),
    (NODES.drop(columns="id"), EDGES, None, "nodes: 'id' is not a column"),
    (NODES, EDGES.drop(columns="to"), None, "edges: 'to' is not a column"),
    (NODES.rename(columns={"client_agency": "client_agancy"}), EDGES, None, "did you mean 'client_agency'?"),
    (NODES[:0], EDGES[:0], None, "nobody to simulate"),
    (NODES[-2:], EDGES[:0], None, "nobody but commissioners"),
    (NODES, EDGES, {"rolls": {}}, "did you mean 'roles'?"),
    (NODES, EDGES, {"role": 3}, "expected text in quotes"),
    (NODES, EDGES, {"roles": {"1": "staf"}}, "did you mean 'staff'?"),
    (NODES, EDGES, {"values": {"client": "x"}}, "'client' is not a dimension"),
    (NODES, EDGES, {"values": {"client_agency": {"column": "client_agency", "low": 1}}}, "`low` and `high` together"),
    (NODES, EDGES, {"values": {"client_agency": {"column": "client_agency", "codes": {1: 7}}}}, "numbers in [0, 1]"),
    (NODES, EDGES, {"values": {"client_agency": {"column": "client_agancy"}}}, "did you mean 'client_agency'?"),
    (NODES, EDGES, {"organisations": {"hostel": "hostel"}}, "'outreach' is not a known organisation"),
    (NODES, EDGES, {"edges": {"dangling": "keep"}}, 'expected "drop"'),
    (NODES, EDGES, "nowhere.toml", "nowhere.toml: cannot be read"),
])  # fmt: skip
def test_single_problems(nodes: Any, edges: Any, book: Any, words: str) -> None:
    found = problems(nodes, edges, book, TWO)
    assert any(words in line for line in found), found


def test_columns_that_stand_twice_and_lines_that_are_too_long(tmp_path: Path) -> None:
    (tmp_path / "nodes.csv").write_text("id,organisation,role, id\na,hostel,staff,b\n")
    (tmp_path / "edges.csv").write_text("from,to\na,a,a\n")
    found = problems(tmp_path / "nodes.csv", tmp_path / "edges.csv", None, TWO)
    assert any("nodes.csv: the column 'id' appears more than once" in line for line in found), found
    assert any("edges.csv" in line and "Expected 2 fields in line 2, saw 3" in line for line in found), found


def test_two_line_managers_and_two_commissioners() -> None:
    nodes = pd.concat([NODES, pd.DataFrame({"id": ["m3"], "organisation": ["hostel"], "role": ["manager"]})])
    nodes.loc[nodes["id"] == "s2", "commissioner"] = "c2"
    edges = EDGES.assign(kind=None)
    edges.loc[len(edges)] = ("m3", "s1", "line")
    found = problems(nodes, edges, scenario=TWO)
    assert any("'s1' has another line manager" in line for line in found)
    assert any("others of the organisation name another one" in line for line in found)


def test_profiles_and_changes_must_fit_the_tables() -> None:
    raw = TWO.to_mapping()
    raw["organisations"] = [{"name": "hostel", "count": 2, "staff": 3, "managers": 0, "staff_profile": "staff_generic",
                             "client_profile": "peer", "peer_profile": "pear"}]  # fmt: skip
    raw["commissioners"] = {"count": 0, "profile": "nobody"}
    raw["changes"] = [{"month": 3, "parameter": "slack", "scale": 0.5, "organisations": ["hostel 2"]}]
    found = problems(NODES[["id", "organisation", "role"]], EDGES, scenario=Scenario.from_mapping(raw))
    for words in ("did you mean 'peer'?", "commissioners.profile", "changes: 'hostel 2'"):
        assert any(words in line for line in found), found


def test_the_only_commissioner_funds_everybody_and_the_only_group_takes_all() -> None:
    raw = TWO.to_mapping()
    raw["organisations"] = raw["organisations"][:1]
    nodes = NODES[NODES["id"] != "c2"].drop(columns="commissioner")
    society = society_from_tables(nodes, EDGES[:-2], scenario=Scenario.from_mapping(raw))
    assert society.names == ["hostel", "outreach"]
    assert society.group.tolist() == [0, 0]
    assert society.commissioner.tolist() == [6, 6]
    assert len(set(society.key.tolist())) == 2


def test_a_scenario_with_tables_beside_it(tmp_path: Path) -> None:
    NODES.to_csv(tmp_path / "survey.csv", index=False)
    EDGES.to_csv(tmp_path / "network.csv", index=False)
    path = tmp_path / "mine.toml"
    path.write_text(TWO.to_toml() + '\n[tables]\nnodes = "survey.csv"\nedges = "network.csv"\n')
    scenario = Scenario.load(path)
    first, second = society_of(scenario, 1), society_of(scenario, 2)
    assert first.ids is not None
    assert first.ids == second.ids
    assert (first.leadership_z == second.leadership_z).all()
    assert society_of(TWO, 3).ids is None
    outcomes = simulate(scenario, runs=3, seed=1, society=first)
    assert (outcomes.runs["uptake_final"].between(0, 1)).all()
    (tmp_path / "survey.csv").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        society_of(scenario, 1)


@pytest.mark.parametrize(("arguments", "edited"), [
    (("run", "mine.toml"), "nodes.csv"), (("compare", "mine.toml", "mine.toml+slack=0.5"), "edges.csv"),
    (("sensitivity", "mine.toml"), "nodes.csv"), (("claims", "claim.toml"), "nodes.csv"),
    (("claims", "claim.toml"), "mine.toml"), (("levels", "two-services", "--innovation", "mine.toml"), "mine.toml"),
])  # fmt: skip
def test_work_is_other_work_once_a_file_that_it_reads_has_changed(
    valign: Callable,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    edited: str,
) -> None:
    works: list[str] = []

    def begun(job: Job, quiet: bool) -> None:
        works.append(store.work_hash(job.work))
        raise InputError(["far enough"])

    for module in (claims, ensemble, sensitivity):
        monkeypatch.setattr(module, "carried_out", begun)
    tables = '[tables]\nnodes = "nodes.csv"\nedges = "edges.csv"\n'
    claim = (root / "examples" / "my-claim.toml").read_text("utf-8").replace('"two-services"', '"mine.toml"')
    texts = {"nodes.csv": NODES.to_csv(index=False), "edges.csv": EDGES.to_csv(index=False),
             "mine.toml": TWO.to_toml() + tables, "claim.toml": claim}  # fmt: skip
    others = {"nodes.csv": NODES.assign(client_agency=0.5).to_csv(index=False),
              "edges.csv": EDGES[2:].to_csv(index=False),
              "mine.toml": TWO.replace({"innovation.clarity": 0.9}).to_toml() + tables}  # fmt: skip
    for now in (texts, texts | {edited: others[edited]}, texts):
        for name, text in now.items():
            (tmp_path / name).write_text(text, "utf-8")
        assert "far enough" in valign(*arguments).err
    assert works[0] == works[2] != works[1]
