"""The machine code that is kept: whole, chosen where it is there, with the bits of Numba, and no compiler for a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small
import strategies
from page.three_engines import Case, differing, only, simulated

from valign.model.compiled import calling, engine, machine_code
from valign.model.compiled.compiling import COMPILED, compiled
from valign.model.compiled.engine import MACHINE_CODE, NUMBA
from valign.model.compiled.machine_code import Library
from valign.model.run.kernels import SOCIETY, STEPS
from valign.model.run.step import Step
from valign.model.scenario.scenario import Scenario
from valign.model.society import ties
from valign.model.world.world import World

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled here")


def kept_file(kind: str = "blocks") -> Path:
    path = engine.code_file(kind)
    assert path is not None
    return path


@pytest.mark.parametrize("width", [1, 2])
def test_every_kernel_is_in_it(width: int) -> None:
    library = engine.kept(width == 1)
    assert library is not None
    S, _ = small.start(Scenario.load("two-services"), list(range(width)))
    for function in (*STEPS.values(), calling.months):
        assert library.address(calling.symbol(function, S.layout)), function
    assert library.address("nobody") == 0


def test_what_makes_a_society_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    usual = Library.call
    monkeypatch.setattr(Library, "call", lambda self, name, *rest: called.append(name) or usual(self, name, *rest))
    small.build_society(Scenario.load("housing-first"), 12345)
    assert {name.partition("(")[0] for name in called} == set(SOCIETY)


@pytest.mark.slow  # where Numba's own files are not there, it compiles for two minutes
@pytest.mark.parametrize(("seed", "width"), [(1, 1), (2, 4), (3, 9)])
def test_it_computes_the_bits_of_numba(seed: int, width: int) -> None:
    case, found = Case(strategies.random_scenario(seed), width, seed % 2 == 0), []
    for name in (MACHINE_CODE, NUMBA):
        with only(name):
            assert (engine.kept(width == 1) is not None) == (name == MACHINE_CODE)
            found.append(simulated(case))
    assert differing(*found) == []


def test_a_run_needs_no_compiler(root: Path) -> None:
    code = (
        "import sys; from valign.experiments.simulate import simulate; simulate('two-services', runs=9, societies=3); "
        "simulate('two-services', runs=1); print('numba.np.arraymath' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False", "Numba has made itself ready to compile, which takes half a second"


def test_a_function_of_ones_own_takes_the_state_and_calls_kernels(root: Path) -> None:
    code = (
        "import numba; from valign.model.alignment import clip; from valign.model.world.world import World\n"
        "@numba.njit\n"
        "def louder(S, t):\n"
        "    S.clarity[0, 0] = clip(S.clarity[0, 0] + 2.0 * t)\n"
        "world = World('two-services', rng=1, months=2)\n"
        "louder(world.state, 1)\n"
        "print(world.state.clarity[0, 0])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1.0"


@pytest.mark.parametrize("content", [b"", b"short", "cut", "changed"])
def test_a_file_that_is_not_whole_is_not_used(
    content: bytes | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kept_file().read_bytes()
    path = tmp_path / "blocks.code"
    path.write_bytes(
        content
        if isinstance(content, bytes)
        else whole[:-1000]
        if content == "cut"
        else whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    )
    with pytest.raises(ValueError, match="not whole"):
        Library(path)
    monkeypatch.setattr(engine, "CHOICE", engine._Choice())
    monkeypatch.setattr(engine, "code_file", lambda kind: path)
    assert engine.has_machine_code("blocks")
    assert engine.kept(False) is None  # so Numba's own files are used


def unlinkable(results: object) -> None:
    raise NameError("no such function")


@pytest.mark.parametrize("linked", [unlinkable, lambda results: None])
def test_code_that_cannot_be_loaded_is_not_kept(
    linked: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_code, "linked", linked)
    monkeypatch.setattr(machine_code, "emitted", lambda module, kept: b"no machine code")
    path = tmp_path / "blocks.code"
    machine_code.write(path, {"a": None})
    assert path.read_bytes() == b""
    assert list(tmp_path.iterdir()) == [path]
    assert machine_code.library(path) is None


def test_it_is_of_this_processor_and_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine_code.file_of("blocks", tmp_path)
    told = set()
    for name, value in (("NUMBA_CPU_NAME", "generic"), ("NUMBA_CPU_FEATURES", "+sse2")):
        machine_code._made_by.cache_clear()
        with monkeypatch.context() as other:
            other.setenv(name, value)
            told.add(machine_code.file_of("blocks", tmp_path))
    machine_code._made_by.cache_clear()
    assert len({here, *told}) == 3
    assert machine_code.file_of("blocks", tmp_path) == here


def test_a_step_that_fails_is_an_error() -> None:
    @compiled
    def broken(S, t):
        if t == 2:
            raise ValueError("no")

    S, _ = small.start(Scenario.load("two-services"), [1, 2])
    calling.run(S, 1, 2, [Step("own", broken)])
    with pytest.raises(FloatingPointError, match="status"):
        calling.run(S, 2, 3, [Step("own", broken)])


@pytest.mark.slow
def test_steps_of_ones_own_stand_between_kept_ones() -> None:
    seen = []

    def own(S, t):
        seen.append((t, float(S.values.sum())))
        S.values *= 0.999

    told = []
    for name in (MACHINE_CODE, NUMBA):
        with only(name):
            world = World("two-services", rng=5, months=3)
            world.insert_mechanism(own, before="leadership")
            for _ in range(3):
                world.step()
            told.append((world.outcomes, world.state.values.copy()))
    assert [t for t, _ in seen] == [1, 2, 3, 1, 2, 3]
    assert seen[:3] == seen[3:]
    np.testing.assert_equal(told[0][0], told[1][0])
    assert np.array_equal(told[0][1], told[1][1])


def test_arrays_that_are_not_contiguous_are_left_to_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.CHOICE, "only", MACHINE_CODE)
    expected, out = np.zeros((4, 3)), np.zeros((4, 6))[:, ::2]
    keys = np.arange(3, dtype=np.uint64)
    engine.through(ties.lasting_normals, (np.uint64(1), np.uint64(2)), keys, expected)
    engine.through(ties.lasting_normals, (np.uint64(1), np.uint64(2)), keys, out)
    assert expected.any()
    assert np.array_equal(out, expected)
