"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("batch", ["two-services", "low-fit", "uptake"]), ("own_rule", ["as it is", "shadowing", "newsletter"])],
)
def test_example(name, expected):
    found = subprocess.run(
        [sys.executable, f"examples/{name}.py"], cwd=ROOT, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert all(each in found.stdout for each in expected), found.stdout


def test_what_the_rules_of_ones_own_did():
    sys.path.insert(0, str(ROOT / "examples"))
    from own_rule import Shadowing, newsletter

    from valign.model.world.world import World

    plain, shadowing, informed = World(rng=1), Shadowing(rng=1), World(rng=1)
    informed.insert_mechanism(newsletter, before="leadership")
    for world in (plain, shadowing, informed):
        for _ in range(24):
            world.step()
    outside = [
        world.decomposition.query("mechanism == 'outside'")["change"].sum() for world in (plain, shadowing, informed)
    ]
    assert outside[0] == 0.0
    assert outside[1] > 0.0
    assert outside[2] > 0.0
