"""The same scenario and seeds give the same bits, however a run is made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small import months, small, start
from strategies import random_scenario

from valign.experiments.design import run_seeds
from valign.experiments.blocks import group_into_blocks
from valign.experiments.simulate import Task, run_blocks, simulate
from valign.model.compiled import engine
from valign.model.compiled.randomness import exponential, logarithm, normal_quantile, philox
from valign.model.run import parts
from valign.model.run.block import run_block
from valign.model.scenario.scenario import Scenario
from valign.model.society.generate import build_society
from valign.model.world.world import World

ROOT = Path(__file__).resolve().parents[2]


def test_philox_known_answers():
    """Vectors published with Random123 (Salmon et al. 2011), philox4x32, 10 rounds."""
    ones = 0xFFFFFFFF
    cases = [
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ones, ones), (ones, ones, ones, ones), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0xA4093822, 0x299F31D0),
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ]
    for key, counter, expected in cases:
        assert philox(*map(np.uint64, key), *map(np.uint64, counter)) == expected


def test_elementary_functions_to_the_last_units():
    from scipy.special import ndtri

    x = np.concatenate([np.linspace(-40, 40, 4001), [-700, 700, 0.0, 1e-300]])
    ours = np.array([exponential(v) for v in x])
    assert (np.abs(ours - np.exp(x)) <= 2 * np.spacing(np.exp(x))).all()
    y = np.concatenate([np.geomspace(1e-300, 1e300, 4001), np.linspace(0.5, 2, 2001)])
    assert (np.abs(np.array([logarithm(v) for v in y]) - np.log(y)) <= 2 * np.spacing(np.abs(np.log(y)) + 1e-17)).all()
    p = (np.arange(0, 2**32, 1_000_003) + 0.5) / 2**32
    np.testing.assert_allclose([normal_quantile(v) for v in p], ndtri(p), rtol=3e-15, atol=1e-16)


@pytest.mark.parametrize("seed", [0, 5, 8])
def test_any_width_thread_count_and_order(seed):
    scenario = random_scenario(seed)
    seeds = run_seeds(seed, 7)
    tables = []
    for width, threads, order in ((7, 1, 1), (1, 2, 1), (3, 2, -1), (5, 1, -1)):
        blocks = group_into_blocks(seeds, [11] * 7, width)[::order]
        results = run_blocks(Task(scenario, ("series",)), blocks, 7, threads, None)
        outcomes = np.empty((7, len(results[0][1].outcomes)))
        series = np.empty((7, *results[0][1].people.shape[:-1]))
        for block, result in results:
            outcomes[block.rows] = result.outcomes.T
            series[block.rows] = np.moveaxis(result.people, -1, 0)
        tables.append((outcomes, series))
    for outcomes, series in tables[1:]:
        np.testing.assert_array_equal(outcomes, tables[0][0])
        np.testing.assert_array_equal(series, tables[0][1])


@pytest.mark.parametrize(("width", "record"), [(1, ()), (12, ("series", "decomposition"))])
def test_any_number_of_threads_that_share_a_society(width, record, monkeypatch):
    monkeypatch.setattr(parts, "PEOPLE_A_PART", 30)
    monkeypatch.setattr(engine.CHOICE, "only", engine.MACHINE_CODE)
    task = Task(Scenario.load("housing-first").replace({"months": 13}), record)
    block = group_into_blocks(run_seeds(1, width), [3] * width, width)[0]
    found = []
    for threads in (1, 2, 3):
        state = task.state(block)
        assert len(parts.parts_of(state, threads)) > 2 * threads
        found.append((state, run_block(task.lowered, state, threads=threads)))
    first, told = found[0]
    for state, recorded in found[1:]:
        for name, _ in state.headers():
            np.testing.assert_array_equal(getattr(state, name), getattr(first, name), err_msg=name)
        assert len(recorded.flows) == len(told.flows)
        for mine, theirs in zip(recorded.flows, told.flows, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("preset", ["two-services", random_scenario(2)])
def test_world_repeats_a_run_of_an_ensemble(preset):
    scenario = Scenario.load(preset) if isinstance(preset, str) else preset
    out = simulate(scenario, runs=3, seed=9)
    world = World(preset, rng=int(out.runs["seed"][1]))
    for _ in range(scenario.months):
        world.step()
    expected = out.runs.loc[1, list(world.outcomes)].to_numpy(float)
    np.testing.assert_array_equal(np.array(list(world.outcomes.values())), expected)
    mine = out.decomposition.query("run == 1").drop(columns="run").reset_index(drop=True)
    assert world.decomposition.drop(columns="run").equals(mine)
    curve = world.datacollector.get_model_vars_dataframe()["uptake"].to_numpy()
    np.testing.assert_allclose(curve, out.curves("all", "engaged")[:, 1], atol=1e-12)


def test_a_longer_ensemble_starts_with_a_shorter_one():
    short, long = (simulate("two-services", runs=n, seed=4, record=()).runs for n in (2, 5))
    assert long.head(2).equals(short)


PRINT_HASH = """
import hashlib, numpy as np
from valign.experiments.simulate import simulate
from valign.model.scenario.scenario import Scenario
scenario = Scenario.load("two-services").replace({
    "months": 30, "organisations.hostel.staff": 5, "organisations.outreach.staff": 3, "alignment_level": 0.75})
out = simulate(scenario, runs=2, seed=3, societies=1)
data = out.runs.drop(columns="status").to_numpy(float).tobytes() + out.series["value"].to_numpy(float).tobytes()
print(hashlib.sha256(data + out.decomposition["change"].to_numpy(float).tobytes()).hexdigest())
"""


def result_hash(**environment: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", PRINT_HASH],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=1200,
        env={**os.environ, **environment},
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout.strip()


def test_uncompiled_code_gives_the_same_bits():
    assert result_hash(NUMBA_DISABLE_JIT="1") == result_hash()


@pytest.mark.slow
def test_a_plain_processor_gives_the_same_bits(tmp_path):
    features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
    plain = result_hash(NUMBA_CPU_NAME="generic", NPY_DISABLE_CPU_FEATURES=features, VALIGN_CACHE=str(tmp_path))
    assert plain == result_hash()


def test_editing_a_mechanism_changes_the_name_of_the_cache(tmp_path):
    import shutil

    from valign.model.compiled.compiling import SOURCES, sources_hash

    shutil.copytree(SOURCES, tmp_path / "model", ignore=shutil.ignore_patterns("__pycache__"))
    assert sources_hash(tmp_path / "model") == sources_hash()
    edited = tmp_path / "model" / "mechanisms" / "anchoring" / "kernel.py"
    edited.write_text(edited.read_text().replace("S.anchoring", "S.relationship_rate"))
    assert sources_hash(tmp_path / "model") != sources_hash()


def person_state(S, rows) -> str:
    digest = hashlib.sha256()
    for name in ("values", "stage", "clarity", "identification", "belief", "holder", "practice"):
        digest.update(np.ascontiguousarray(getattr(S, name)[rows]).tobytes())
    return digest.hexdigest()


def test_an_added_service_changes_no_one_elses_draws():
    """Without ties between services or common commissioners, services do not touch: the others' lives stay the same."""
    scenario = Scenario.load("two-services").replace({"commissioners.count": 0, "ties.between": 0.0})
    more = Scenario.from_mapping(
        {
            **scenario.to_mapping(),
            "organisations": [
                {**scenario.to_mapping()["organisations"][0], "name": "new", "staff": 9},
                *scenario.to_mapping()["organisations"],
            ],
        }
    )
    blocks = [start(each, [4], society_seed=6) for each in (scenario, more)]
    for S, _ in blocks:
        months(S, 24)
    (S, small_society), (T, large) = blocks
    for name, other in (("hostel", 0), ("outreach", 1)):
        rows = slice(*small_society.first[other : other + 2])
        rows_of_more = slice(*large.first[other + 1 : other + 3])
        assert person_state(S, rows) == person_state(T, rows_of_more), name


def test_a_change_reaches_only_from_its_month_on():
    scenario = Scenario.load("two-services")
    changed = Scenario.from_mapping(
        {
            **scenario.to_mapping(),
            "changes": [
                {"month": 20, "parameter": "budget", "scale": 0.1},
                {"month": 30, "event": "new_leader", "profile": "peer"},
            ],
        }
    )
    before, after = (
        simulate(each, runs=4, seed=2, record="series").curves("all", "alignment") for each in (scenario, changed)
    )
    np.testing.assert_array_equal(before[:30], after[:30])
    assert (before[31:] != after[31:]).any()


@pytest.mark.parametrize(
    "mechanism",
    [
        ("relationships", {"relationship_rate": 0.5, "kernel_width": 0.1}),
        ("anchoring", {"anchoring": 0.9}),
        ("leadership", {"leadership_rate": 0.9, "articulation": 0.9}),
        ("coproduction", {"coproduction_intensity": 0.9, "coproduction_rate": 0.9, "adaptation_rate": 0.9}),
        ("identification", {"identification_growth": 0.9, "internalisation": 0.9}),
        ("climate", {"climate_rate": 0.9, "practice_rate": 0.9}),
        ("evidence", {"belief_sharing": 0.9, "result_sd": 0.5}),
        ("dialogue", {"dialogue": 12.0, "dialogue_rate": 0.9}),
        ("engagement", {"base_staff": 3.0, "lapse_base": 3.0}),
        ("organisations", {"adoption_base": 3.0, "abandon_within": 3.0}),
        ("commissioning", {"budget": 5.0, "reservation": -9.0}),
        ("turnover", {"turnover_staff": 0.9, "values_based_recruitment": 0.9}),
        ("awareness", {"broadcast": 0.9, "awareness_by_ties": 0.9}),
        ("tie_quality", {"tie_rate": 0.9, "tie_similarity": 0.1}),
    ],
    ids=lambda m: m[0],
)
def test_off_means_off(mechanism):
    name, settings = mechanism
    off = Scenario.load("two-services").replace({f"mechanisms.{name}": False, "months": 30})
    plain, changed = (simulate(each, runs=2, seed=5, societies=1) for each in (off, off.replace(settings)))
    assert changed.runs.equals(plain.runs)
    if name != "coproduction":  # its settings would show in the enacted values and workloads too
        assert changed.series.equals(plain.series)
    on = [
        simulate(each, runs=2, seed=5, societies=1, record="series").series
        for each in (
            Scenario.load("two-services").replace({"months": 30}),
            Scenario.load("two-services").replace({"months": 30, **settings}),
        )
    ]
    assert not on[0].equals(on[1])  # and switched on, they do matter


def test_everything_off_changes_nothing():
    S, _ = start(small(dimensions=3, group={"staff": 6, "managers": 1, "peers": 2}, commissioners=1), [1, 2])
    held = {
        name: getattr(S, name).copy() for name in ("values", "stage", "quality", "belief", "alignment", "service_stage")
    }
    months(S, 12)
    for name, array in held.items():
        np.testing.assert_array_equal(getattr(S, name), array, err_msg=name)


def test_societies_are_nested():
    runs = simulate("two-services", runs=6, seed=1, societies=2, record=()).runs
    assert runs["society_seed"].nunique() == 2
    assert runs["seed"].nunique() == 6
    own = simulate("two-services", runs=6, seed=1, record=()).runs
    assert (own["society_seed"] == own["seed"]).all()
    assert (
        build_society(Scenario.load("two-services"), int(own["seed"][0])).key.tolist()
        == build_society(Scenario.load("two-services"), int(own["seed"][1])).key.tolist()
    )
