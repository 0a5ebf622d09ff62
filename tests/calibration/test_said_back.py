"""What was read is said back, and what went quietly wrong with real data is an error, a remark or a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.made_up import write as write_made_up
from valign.calibration.data import memory
from valign.calibration.data.reading import load
from valign.calibration.exported import posterior_design, to_netcdf
from valign.calibration.problem.cost import Cost, cost_of
from valign.calibration.problem.priors import Prior
from valign.calibration.problem.given import scenario_for, scenario_of
from valign.calibration.problem.problem import CalibrationProblem
from valign.experiments.design_check import check_design
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results import store
from valign.results.marks import mark_of, step_of
from valign.scenario_text import Observed, for_report

TOML = """
name = "farmers"
time_unit = "years"
[people]
file = "people.csv"
community = "village"
time = "year"
observed_until = 19
[orientation.openness]
column = "open"
innovation = 0.9
[ties]
file = "ties.csv"
"""


def people(n: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"p{k}" for k in range(n)],
            "village": [f"v{k % 5}" for k in range(n)],
            "year": [str(1 + k % 19) if k % 4 else "" for k in range(n)],
            "open": [round(0.2 + 0.015 * k, 3) for k in range(n)],
        }
    )


TIES = pd.DataFrame(
    {"from": ["p0", "p1", "p1", "p2", "p5"], "to": ["p1", "p0", "p2", "p3", "p9"], "how": list("aabbb")}
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def made(text: str = TOML, **tables: pd.DataFrame) -> Path:
        (tmp_path / "data.toml").write_text(text, "utf-8")
        for name, table in ({"people": people(), "ties": TIES} | tables).items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        return tmp_path

    return made


def test_everything_that_was_read_is_said(write: Callable[..., Path]) -> None:
    outsider = pd.DataFrame({"from": ["p3", "p4"], "to": ["x", "p4"], "how": ["a", "b"]})
    text = TOML + 'kind = "how"\ndangling = "drop"\nself_ties = "drop"\n'
    said = dict(load(write(text, ties=pd.concat([TIES, outsider]))).said)
    assert said["People"] == "40 (people.csv)"
    assert said["Adopted while observed"] == "30 (75.0 %), by year"
    assert said["Did not, as far as observed"] == "10"
    assert said["Communities"] == "5 (village), of 8 to 8 people"
    assert said["Observed until"] == "year 19; one step of the model is one year"
    assert said["openness (open)"].startswith("40 of 40 known, 0.20 to 0.79, mean 0.49 (0-1); 40 different values")
    assert said["Ties"].startswith("5 rows (ties.csv): 4 pairs of people, 1 of whom name each other; ")
    assert said["Ties by kind"] == "b 3, a 2"
    assert said["Ties left out"] == "1 with people who were not asked, 1 with themselves"
    assert said["People without ties"] == "34 (85.0 %)"


def test_adopters_are_not_lost_to_a_code_for_what_is_missing(write: Callable[..., Path]) -> None:
    """188 farmers became non-adopters because 9 meant "missing" in another column."""
    with pytest.raises(InputError, match=r"people\.csv, line 29: year = 9: is this period 9.* 1 who adopted"):
        load(write('missing = ["9"]\n' + TOML))
    by_column = load(write(TOML.replace("[people]", '[missing]\nopen = ["0.2"]\n[people]')))
    assert by_column.people is not None
    assert by_column.people["time"].notna().sum() == 30
    assert by_column.people["openness"].isna().sum() == 1
    meant = load(write('missing = ["9"]\n' + TOML.replace('"year"\n', '"year"\nnot_adopted = ["9"]\n')))
    assert meant.people is not None
    assert meant.people["time"].notna().sum() == 29
    with pytest.raises(InputError, match="expected a list of codes"):
        load(write('missing = "9"\n' + TOML))


def test_ties_of_people_with_themselves_are_named_by_the_lines_of_the_file(write: Callable[..., Path]) -> None:
    """After ties that are left out, too: the line is that of the file."""
    odd = pd.DataFrame({"from": ["x", "p4"], "to": ["p3", "p4"], "how": ["a", "b"]})
    with pytest.raises(InputError, match=r"ties\.csv, line 8: is a tie of a person with themselves.*self_ties"):
        load(write(TOML + 'dangling = "drop"\n', ties=pd.concat([TIES, odd])))


def test_who_names_whom_is_kept(write: Callable[..., Path]) -> None:
    """p5 names p9: one looks to the other, or the other way round, or both."""
    looks = {}
    for direction in ("both", "out", "in"):
        problem = CalibrationProblem.of(load(write(TOML + f'direction = "{direction}"\n')))
        layout, society = problem.layout, problem.society
        assert layout is not None
        assert society is not None
        assert len(layout.neighbour) == len(layout.weight) == layout.start[-1]
        looks[direction] = {
            who: {layout.ids[j] for j in layout.neighbour[layout.start[row] : layout.start[row + 1]]}
            for row, who in enumerate(layout.ids)
        }
    assert (looks["both"]["p5"], looks["both"]["p9"]) == ({"p9"}, {"p5"})
    assert (looks["out"]["p5"], looks["out"]["p9"]) == ({"p9"}, set())
    assert (looks["in"]["p5"], looks["in"]["p9"]) == (set(), {"p5"})
    assert looks["out"]["p1"] == looks["in"]["p1"] | {"p2"} == {"p0", "p2"}
    assert load(write()).digest != load(write(TOML + 'direction = "out"\n')).digest


def test_reports_say_what_was_simulated(write: Callable[..., Path]) -> None:
    """Not "11 services with 7,612 people", not "each with 1,000 staff", and 19 years are not 19 months."""
    data = load(write())
    problem = CalibrationProblem.of(data)
    society = problem.society
    assert society is not None
    text = for_report(problem.scenario, Observed(len(society.role), len(society.first) - 2, data.time_unit))
    assert "5 communities with 40 people, followed for 19 years." in text
    assert "One step of the model is one year: what is called monthly is per year." in text
    assert "month" not in text.split("\n\n")[1].replace("monthly", "")
    assert "staff" not in text.split("Switched off")[0]
    assert scenario_of(data).people() == 40
    assert "1 community with 40 people" in for_report(problem.scenario, Observed(40, 1, "month"))


def test_a_yearly_posterior_is_refused_where_steps_are_months(tmp_path: Path) -> None:
    draws = pd.DataFrame({"fit_effect": np.linspace(0.1, 0.6, 50)})
    draws.attrs["valign"] = {"data": "farmers", "scenario": "farmers", "time_unit": "year", "fits": False}
    store.write(tmp_path / "posterior.parquet", draws)
    with pytest.raises(InputError, match="in steps of a year, and 'two-services' runs in steps of a month"):
        posterior_design(tmp_path / "posterior.parquet", Scenario.load("two-services"), 20)
    with pytest.raises(InputError, match="in steps of a year"):
        check_design(Scenario.load("two-services"), draws.assign(seed=1))
    same = Scenario.load("two-services").replace({"name": "farmers"})
    design = posterior_design(tmp_path / "posterior.parquet", same, 20)
    assert mark_of(design)["fits"] is False
    draws.attrs["valign"]["time_unit"] = "month"
    store.write(tmp_path / "monthly.parquet", draws)
    assert len(posterior_design(tmp_path / "monthly.parquet", Scenario.load("two-services"), 20)) == 20


def test_a_monthly_posterior_is_refused_where_steps_are_years(write: Callable[..., Path], tmp_path: Path) -> None:
    """A scenario made of yearly data says what its step is, and so does its file; whoever writes one can say it too."""
    data = load(write())
    yearly = scenario_for(data, None)
    assert yearly.description == "Made from the description of farmers. A step is a year."
    assert scenario_for(data, yearly).description == yearly.description
    assert step_of(scenario_for(data, "two-services").description) == "year"
    assert scenario_for(replace(data, time_unit="month"), None).description == "Made from the description of farmers."
    yearly.to_toml(tmp_path / "scenario.toml")
    read = Scenario.load(tmp_path / "scenario.toml")
    draws = pd.DataFrame({"fit_effect": np.linspace(0.1, 0.6, 50)})
    for name in ("two-services", "farmers"):  # of another scenario, and of one that happens to have the same name
        draws.attrs["valign"] = {"data": "doctors", "scenario": name, "time_unit": "month"}
        store.write(tmp_path / "posterior.parquet", draws)
        with pytest.raises(InputError, match="in steps of a month, and 'farmers' runs in steps of a year"):
            posterior_design(tmp_path / "posterior.parquet", read, 20)
    draws.attrs["valign"] = {"data": "others", "scenario": "others", "time_unit": "year"}
    store.write(tmp_path / "posterior.parquet", draws)
    assert len(posterior_design(tmp_path / "posterior.parquet", read, 20)) == 20
    assert len(check_design(read, pd.DataFrame({"fit_effect": [0.2], "seed": [1]}))) == 1  # no posterior: any number
    with pytest.raises(InputError, match="runs in steps of a year, as its description says, and farmers is by month"):
        scenario_for(replace(data, time_unit="month"), read)


@pytest.mark.slow
def test_a_posterior_of_a_model_that_does_not_fit_says_so_where_it_is_used(valign: Callable, tmp_path: Path) -> None:
    draws = pd.DataFrame({"fit_effect": np.linspace(0.1, 0.6, 50)})
    draws.attrs["valign"] = {
        "data": "d",
        "time_unit": "month",
        "fits": False,
        "said": "The model does not fit: so and so.",
    }
    store.write(tmp_path / "posterior.parquet", draws)
    said = valign("run two-services --months 3 --runs 2 --parameters posterior.parquet --out out")
    assert said.code == 0, said.err
    assert "posterior.parquet is of a model that does not fit its data. The model does not fit: so and so." in said.err


def test_a_posterior_is_netcdf_that_arviz_opens(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    draws = pd.DataFrame({"a": np.linspace(0, 1, 200), "b": np.linspace(2, 3, 200)})
    draws.attrs["valign"] = {"data": "d", "fits": False, "time_unit": "year"}
    observed = pd.DataFrame({"summary": ["mean time", "spread"], "observed": [3.0, 1.0]})
    prior = Prior.of({"a": (0.0, 1.0), "b": (1.0, 4.0)})
    assert to_netcdf(tmp_path / "posterior.nc", draws, observed, prior)
    tree: Any = xarray.open_datatree(tmp_path / "posterior.nc", engine="h5netcdf")
    assert tree["posterior"]["a"].dims == ("chain", "draw")
    np.testing.assert_allclose(tree["posterior"]["b"].values[0], draws["b"])
    assert 1 <= float(tree["prior"]["b"].min()) <= float(tree["prior"]["b"].max()) <= 4
    assert tree["observed_data"]["summaries"].sel(summary="spread") == 1
    assert tree["posterior"].attrs["fits"] == "False"
    tree.close()
    arviz = pytest.importorskip("arviz_base")  # what ArviZ reads and keeps
    read = arviz.convert_to_datatree(str(tmp_path / "posterior.nc"))
    assert set(read.groups) == {"/", "/posterior", "/prior", "/observed_data"}
    assert arviz.extract(read, keep_dataset=True).sizes == {"sample": 200}
    assert set(read["posterior"].data_vars) == {"a", "b"}


def test_what_it_takes_is_estimated_before_it_is_spent(write: Callable[..., Path]) -> None:
    problem = CalibrationProblem.of(load(write()))
    few, many = cost_of(problem, 1000, True), cost_of(problem, 100_000, True)
    assert few.seconds > 0
    assert many.bytes == pytest.approx(100 * few.bytes)
    assert few.bytes == 1000 * (8 * (len(problem.names) + 5) + 2 * 40)
    assert few.problems() == []
    told = Cost(1.0, 1e15).problems()
    assert told == [] or "use fewer simulations" in told[0]


def test_a_table_that_memory_does_not_hold_is_refused_before_it_is_read(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write()
    size = (folder / "ties.csv").stat().st_size  # smaller than that of people
    monkeypatch.setattr(memory, "available", lambda: memory.READING * size / memory.SHARE - 1)
    with pytest.raises(
        InputError, match=r"people\.csv: to read its 0 MB would take about .* GB of memory, and 0\.0 GB"
    ):
        load(folder)
    monkeypatch.setattr(memory, "available", lambda: None)  # where the system does not say, it is tried
    assert load(folder).ties is not None


def test_what_no_diffusion_gives_is_said_first(valign: Callable, tmp_path: Path) -> None:
    """Nobody for two years, then nine in ten in one quarter: exit code 0, and the misfit is the first thing said."""
    folder = write_made_up(tmp_path / "data", people=60, periods=9)
    table = pd.read_csv(folder / "people.csv")
    table["month"] = pd.array([9 if k % 10 else None for k in range(60)], "Int64")
    table.to_csv(folder / "people.csv", index=False)
    asked = "calibrate data --simulations 1000 --out out --free base_staff=-6:0 --free fit_effect"
    said = valign(asked)
    assert said.code == 0, said.err
    assert said.out.startswith("The model does not fit: it cannot give data like these anywhere in the prior")
    assert "  Adopted while observed: 54 (90.0 %), by month" in said.err
    assert "MB of memory" in said.err
    assert "no posterior is written" in said.err
    assert not list((tmp_path / "out").glob("posterior*"))
    assert not (tmp_path / "out" / "summary.csv").exists()
    report = (tmp_path / "out" / "report.html").read_text()
    assert report.split('<p class="headline">', 1)[1].startswith("The model does not fit")
    assert "4 communities with 60 people, followed for 9 months." in report
    adopted, sizes = int(table["month"].notna().sum()), {*table.groupby("place").size()}
    said_of = {"people": {60, adopted, 60 - adopted, *sizes}, "communities": {table["place"].nunique()}, "months": {9}}
    sentences = re.sub(r"(?s)<table.*?</table>", "", report)  # tables tell of the evidence for parameters, too
    for number, what in re.findall(r"(?<![\d.])(\d[\d,]*) (people|communities|services|months|years)\b", sentences):
        assert int(number.replace(",", "")) in said_of.get(what, ()), f"{number} {what}"
    told = json.loads(valign(f"{asked} --json").out)
    assert next(iter(told)) == "said"
    assert told["fit"]["fits"] is False
