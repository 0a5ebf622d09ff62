"""WebAssembly computes what machine code computes, and is chosen where that is sooner."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import strategies
from page.three_engines import Case, compared, only

import valign as va
from valign.experiments.simulate import simulate
from valign.model.compiled import engine, kernel_sources, webassembly
from valign.model.compiled.engine import MACHINE_CODE, WEBASSEMBLY
from valign.model.compiled.handle import name_of
from valign.model.parameters import MECHANISMS
from valign.model.run.kernels import SOCIETY, STEPS
from valign.model.run.month import month_steps
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.world.world import World

if engine.why_not_webassembly():
    pytest.skip(f"no WebAssembly: {engine.why_not_webassembly()}", allow_module_level=True)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[engine._Choice]:
    """As where nothing has been compiled."""
    made = engine._Choice()
    monkeypatch.setattr(engine, "CHOICE", made)
    monkeypatch.setattr(engine, "has_machine_code", lambda kind: False)
    yield made
    if made.compiler is not None:
        engine._end(made.compiler)


@pytest.mark.parametrize(("seed", "width"), [(1, 1), (2, 4), (3, 16)])
def test_every_array_is_the_same(seed: int, width: int) -> None:
    assert compared(Case(strategies.random_scenario(seed), width, seed % 2 == 0)) == {"wasmtime": []}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [seed for seed in range(100, 118) if seed != 115])  # a level out of reach
def test_every_array_of_more_scenarios_is_the_same(seed: int) -> None:
    assert compared(Case(strategies.random_scenario(seed), (1, 4, 16, 64)[seed % 4], seed % 8 >= 4)) == {"wasmtime": []}


def test_the_comparison_on_all_engines_that_is_kept_found_no_difference(root: Path) -> None:
    found = pd.read_csv(root / "results" / "reference" / "page-bits.csv")
    assert found["case"].str.startswith("random").sum() == 220
    assert set(found.loc[~found["case"].str.startswith("random"), "case"]) == {
        "two-services",
        "housing-first",
        "social-prescribing",
        "low-fit",
    }
    for width in (1, 4, 16, 64):
        assert (found["runs"] == width).sum() == 59
    assert not found[["arrays_wasmtime", "arrays_browser"]].to_numpy().any()


def test_a_difference_would_be_seen() -> None:
    one, other = (strategies.random_scenario(5).replace({"fit_effect": value}) for value in (0.3, 0.31))
    from page.three_engines import differing, simulated

    with only(WEBASSEMBLY):
        assert "parameters" in differing(simulated(Case(one, 2, False)), simulated(Case(other, 2, False)))


def test_societies_are_the_same() -> None:
    scenario = Scenario.load("housing-first")
    with only(MACHINE_CODE):
        expected = build_society(scenario, 7)
    with only(WEBASSEMBLY):
        found = build_society(scenario, 7)
    for name in (
        "tie_a",
        "tie_b",
        "tie_kind",
        "manager",
        "post_low",
        "post_high",
        "neighbour",
        "line_tie",
        "leadership_z",
    ):
        assert np.array_equal(getattr(expected, name), getattr(found, name)), name


def test_a_world_steps_in_webassembly_with_a_rule_of_ones_own() -> None:
    def louder(S, t):
        S.voice[:, 0] = np.minimum(1.5, S.voice[:, 0] * 1.01)

    told = []
    for name in (MACHINE_CODE, WEBASSEMBLY):
        with only(name):
            world = World("two-services", rng=3, months=6)
            world.insert_mechanism(louder, before="relationships")
            world.agents[0].values[:] = 0.5
            for _ in range(6):
                world.step()
            assert (world.state.host is not None) == (name == WEBASSEMBLY)
            told.append((world.outcomes, world.state.values.copy()))
    np.testing.assert_equal(told[0][0], told[1][0])
    assert np.array_equal(told[0][1], told[1][1])


def test_every_step_that_a_month_may_have_is_in_the_module() -> None:
    rng = random.Random(1)
    for _ in range(200):
        switches = [rng.random() < 0.6 for _ in MECHANISMS]
        for step in month_steps(switches, rng.random() < 0.5, touched=rng.random() < 0.5):
            assert name_of(step.function) in STEPS
    assert list(STEPS) == list(webassembly.module().step)
    assert set(SOCIETY) == {name.partition("(")[0] for name in webassembly.module().society}


def test_what_is_small_compiles_nothing(fresh: engine._Choice) -> None:
    engine.expect(50.0 / engine.SECONDS_PER_PERSON_MONTH, threads=1)
    assert fresh.compiler is None
    engine.expect(20.0 / engine.SECONDS_PER_PERSON_MONTH, threads=1)  # as much again is more than compiling takes
    assert fresh.compiler is not None
    engine._end(fresh.compiler)
    assert fresh.compiler.poll() is not None


def test_a_command_leaves_no_process_behind(tmp_path: Path, root: Path) -> None:
    code = (
        "from valign.model.compiled import engine; engine.expect(1e12, 1); "
        "print(engine.CHOICE.compiler.pid, flush=True); "
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    env = {"VALIGN_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, timeout=60)
    child = int(done.stdout)
    for _ in range(200):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True).stdout.strip()
        if not state or state.startswith("Z"):
            return
        subprocess.run(["sleep", "0.1"])
    pytest.fail("the process that compiles outlived the command")


def test_too_much_for_webassembly_is_left_to_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webassembly, "MOST_BYTES", 1e5)
    with only(WEBASSEMBLY):
        world = World("two-services", rng=1, months=1)
    assert world.state.host is None


def test_a_failing_run_says_so_and_others_go_on() -> None:
    design = va.design.replicate(va.design.factorial({"alignment_level": [0.7, 0.99]}), 1)
    with only(WEBASSEMBLY):
        runs = simulate(design, base="two-services").runs
    assert list(runs["status"].str.startswith("ok")) == [True, False]


def test_words_do_not_make_the_module_stale_and_equations_do(tmp_path: Path) -> None:
    import shutil

    model = tmp_path / "model"
    shutil.copytree(kernel_sources.MODEL, model, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
    before = kernel_sources.kernels_hash(model)
    assert kernel_sources.stale(model / "compiled") == ""
    kernel = model / "mechanisms" / "anchoring" / "kernel.py"
    text = kernel.read_text()
    kernel.write_text(text.replace('"""', '"""Something else. ', 1) + "\n# a remark\n")
    assert kernel_sources.kernels_hash(model) == before
    kernel.write_text(text.replace("S.anchoring", "S.relationship_rate", 1))
    assert "other kernels" in kernel_sources.stale(model / "compiled")
    (model / "compiled" / "month.wasm").unlink()
    assert kernel_sources.stale(model / "compiled")


def test_no_wheel_is_built_with_a_stale_module(tmp_path: Path, root: Path) -> None:
    import importlib.util

    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", root / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    assert build._stale(root / "model" / "compiled") == ""
    (tmp_path / "model" / "compiled").mkdir(parents=True)
    (tmp_path / "model" / "compiled" / "kernel_sources.py").write_bytes(
        (root / "model" / "compiled" / "kernel_sources.py").read_bytes()
    )
    assert build._stale(tmp_path / "model" / "compiled") == "there is no month.wasm"
