"""The parts of benchmarks/peers that need none of the peers: the tasks, the book that resumes, the table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import __main__ as harness
from benchmarks.peers import table as tables
from benchmarks.peers.tasks import HAZARD, MONTHS, RATE, START, WIDTH, read_network, society_for, write_network
from benchmarks.peers.tools import TOOLS

PEERS = Path(harness.__file__).parent
FIXED = {"months": MONTHS, "note": "", "ceilings": "30 s", "machine": "one"}


def adjacency(task: str, people: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Ties as a matrix, and start values, from the file that the peers get."""
    write_network(task, people, folder / "network.npz")
    network = read_network(folder / "network.npz")
    ties = np.zeros((people, people))
    ties[network["a"], network["b"]] = ties[network["b"], network["a"]] = 1.0
    return ties, network["start"]


def test_valign_does_the_uptake_task_as_numpy_does(tmp_path: Path) -> None:
    ties, _ = adjacency("uptake", 100, tmp_path)
    rng, runs = np.random.default_rng(7), 1500
    state = rng.random((100, runs)) < START
    curve = [state.mean(axis=0)]
    for _ in range(MONTHS):
        state = state | (rng.random(state.shape) < 1.0 - (1.0 - HAZARD) ** (ties @ state))
        curve.append(state.mean(axis=0))
    ours = np.asarray(TOOLS["valign"].prepare("uptake", 100, tmp_path).ensemble(runs))
    theirs = np.array(curve)
    assert ours.shape == theirs.shape == (MONTHS + 1, runs)
    error = np.sqrt((ours.var(axis=1, ddof=1) + theirs.var(axis=1, ddof=1)) / runs)
    assert np.all(np.abs(ours.mean(axis=1) - theirs.mean(axis=1)) < 4.0 * error)
    assert ours[-1].mean() > 10 * START  # something spreads


def test_valign_does_the_values_task_as_numpy_does(tmp_path: Path) -> None:
    ties, values = adjacency("values", 200, tmp_path)
    first = values
    for _ in range(MONTHS):
        away = values[None, :] - values[:, None]
        pull = (ties * np.maximum(0.0, 1.0 - (away / WIDTH) ** 2) * away).sum(axis=1)
        values = values + RATE * pull / np.maximum(1.0, ties.sum(axis=1))
    final = TOOLS["valign"].prepare("values", 200, tmp_path).final
    assert final is not None
    np.testing.assert_allclose(final(), values, atol=1e-12)
    assert values.std() < 0.9 * first.std()


def test_everybody_gets_the_same_network(tmp_path: Path) -> None:
    ties, start = adjacency("values", 100, tmp_path)
    society = society_for("values", 100)
    assert ties.sum() == 2 * len(society.tie_a) > 0
    np.testing.assert_array_equal(start, society.values[:, 0])


def test_the_plan_names_what_the_tools_can_do() -> None:
    assert {name: set(tools) for name, tools in harness.ABLE.items()} == {
        task: {tool.name for tool in TOOLS.values() if task in tool.tasks} for task in harness.ABLE
    }


def answering(calls: list[tuple[object, ...]], stop_after: int | None = None) -> Callable[..., object]:
    """A worker that measures nothing: a run takes people / 1,000 seconds."""

    def worker(measure: str, task: str, tool: str, size: int, network: object, *rest: object) -> object:
        if measure == "network":
            Path(network[0]).touch()  # type: ignore[index]
            return [], "ok"
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        calls.append((measure, task, tool, size))
        return [
            {
                "people": size,
                "repeat": 0,
                "runs": 1,
                "setup_cpu": 0.0,
                "cpu": size / 1000,
                "start_MB": 1.0,
                "peak_MB": 2.0,
            }
        ], "ok"

    return worker


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def book(name: str, **other: str) -> harness.Book:
        return harness.Book(tmp_path / name, {**FIXED, **other})

    def plan(of: harness.Book) -> None:
        harness.run(of, 30.0, 4.0, 4.0, 100_000)

    whole: list[tuple[object, ...]] = []
    monkeypatch.setattr(harness, "worker", answering(whole))
    plan(book("whole.csv"))
    parts: list[tuple[object, ...]] = []
    monkeypatch.setattr(harness, "worker", answering(parts, stop_after=17))
    with pytest.raises(KeyboardInterrupt):
        plan(book("parts.csv"))
    monkeypatch.setattr(harness, "worker", answering(parts))
    plan(book("parts.csv"))
    assert parts == whole
    counted = [call for call in whole if call[0] != "start"]  # starts are made twice: cold and warm
    assert len(counted) == len(set(counted)) > 17
    assert ("ensemble", "values", "Mesa", 1_000) in whole
    sizes = [call[3] for call in whole if call[:3] == ("single", "values", "Mesa")]
    assert sizes == [1_000, 10_000]  # 100,000 people would take 100 s
    left = pd.read_csv(tmp_path / "parts.csv")
    same = pd.read_csv(tmp_path / "whole.csv")
    changing = ["load", "seconds"]  # of starts: timed from outside
    pd.testing.assert_frame_equal(left.drop(columns=changing), same.drop(columns=changing))
    assert book("parts.csv", ceilings="60 s").rows == []  # measured under other limits


def test_too_much() -> None:
    row = {"status": "ok", "setup_cpu": 1.0, "cpu": 2.0, "start_MB": 100.0, "peak_MB": 600.0}
    assert harness.too_much([], 1.0, 1.0) == ""
    assert harness.too_much([row], 30.0, 5.0) == ""
    assert "30 s expected, 29 s allowed" in harness.too_much([row], 29.0, 5.0)
    assert "5 GB expected" in harness.too_much([row], 30.0, 4.9)
    assert "before was too large" in harness.too_much([{**row, "status": "stopped after 9 s"}], 30.0, 5.0)


def test_too_slow_for_an_ensemble() -> None:
    row = {"status": "ok", "cpu": "5.0"}
    assert harness.too_slow([{"status": "ok", "cpu": "9.0"}, row], 10.0) == ""
    assert "10 s expected for two runs" in harness.too_slow([row], 9.9)
    assert "no single run" in harness.too_slow([], 10.0)
    assert "no single run" in harness.too_slow([{"status": "not tried: too long"}], 10.0)


def test_what_a_process_says_when_it_fails() -> None:
    rows, status = harness.worker("single", "uptake", "nobody", 100, ("-", "-"), 1.0, 60.0, {})
    assert (rows, status) == ([], "failed: KeyError: 'nobody'")


def made_up() -> pd.DataFrame:
    """Raw rows with known medians, ratios and z."""
    rows = []
    for tool, seconds, mean in (("valign", (1.0, 2.0, 9.0), 0.50), ("ndlib", (30.0, 10.0, 20.0), 0.53)):
        rows += [
            {
                "measure": "single",
                "repeat": n,
                "cpu": each,
                "setup_cpu": 0.5,
                "start_MB": 100,
                "tool": tool,
                "peak_MB": 150 if n == 0 else np.nan,
                "size": 1000,
                "people": 1000,
                "ties": 5000,
            }
            for n, each in enumerate(seconds)
        ]
        rows += [
            {"measure": "check", "month": month, "mean": mean, "sd": 0.1, "runs": 50, "tool": tool}
            for month in range(61)
        ]
        rows.append(
            {
                "measure": "ensemble",
                "cpu": 6.0 if tool == "ndlib" else 10.0,
                "size": 1000,
                "people": 1000,
                "runs": 3 if tool == "ndlib" else 1000,
                "tool": tool,
            }
        )
        rows.append(
            {"measure": "start-cold", "seconds": 3.0, "size": 100, "people": 100, "tool": tool, "version": "1.2"}
        )
    rows.append({"measure": "single", "tool": "ndlib", "size": 10_000, "status": "not tried: too long"})
    raw = pd.DataFrame(rows).reindex(columns=list(harness.COLUMNS))
    fixed = {**FIXED, "task": "uptake", "load": 3.5, "note": "busy"}
    return raw.assign(**fixed, status=raw["status"].fillna("ok"))


def test_the_table_of_known_rows() -> None:
    raw = made_up()
    single = tables.medians(raw).set_index("tool")
    assert single["seconds"].to_dict() == {"valign": 2.0, "ndlib": 20.0}
    assert single["ratio"].to_dict() == pytest.approx({"valign": 1.0, "ndlib": 10.0})
    assert single.loc["ndlib", "nanoseconds"] == pytest.approx(20 / 60_000 * 1e9)
    assert single.loc["ndlib", "above"] == 50
    many = tables.ensembles(raw).set_index("tool")
    assert many.loc["ndlib", "ratio"] == pytest.approx(200.0)
    found, bound = tables.agreement(raw)
    z = found[found["tool"] == "ndlib"]["z"]
    assert len(z) == len(tables.CHECKED)
    np.testing.assert_allclose(z, 0.03 / math.hypot(0.1, 0.1) * math.sqrt(50))
    assert bound == pytest.approx(2.5758, abs=1e-4)  # 5 % over five comparisons
    text = tables.document(raw)
    assert "20.0 (10.0 to 30.0, 3)" in text
    assert "*not tried: too long*" in text
    assert "1.50: within" in text
    assert "busy" in text


def test_the_table_and_figure_are_written(tmp_path: Path) -> None:
    made_up().to_csv(tmp_path / "raw.csv", index=False)
    tables.write(tmp_path / "raw.csv", tmp_path)
    assert {"RESULTS.md", "cost.svg", "cost.png", "cost.csv"} <= {path.name for path in tmp_path.iterdir()}


def test_committed_results_are_those_of_the_raw_numbers() -> None:
    optimiser = pd.read_csv(PEERS / "optimiser.csv")
    assert tables.document(tables.read(PEERS / "raw.csv"), optimiser) == (PEERS / "RESULTS.md").read_text("utf-8")
    assert optimiser["runs"].max() <= 1.01 * optimiser["runs"].min()  # equal runs


def test_requirements_name_one_version_each() -> None:
    lines = [line for line in (PEERS / "requirements.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert {"starsim", "ndlib", "mesa"} <= {line.split("==")[0] for line in lines}
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+(; python_version (<|>=) \"3\.12\")?", line) for line in lines)
