"""The compiled model agrees with the reference model written from the ODD, on random scenarios, every month."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from agreement import compare
from strategies import random_scenario

CASES, BATCH = 220, 20
QUICK = 40  # of `make test`


@pytest.mark.parametrize(
    "first",
    [first if first < QUICK else pytest.param(first, marks=pytest.mark.slow) for first in range(0, CASES, BATCH)],
)
def test_blocks_and_single_runs_agree_with_the_reference(first):
    verdicts = {seed: compare(random_scenario(seed), seed) for seed in range(first, first + BATCH)}
    assert {seed: verdict.differences for seed, verdict in verdicts.items() if verdict.differences} == {}
    assert sum(verdict.close for verdict in verdicts.values()) <= 1  # decisions too close to call end a comparison


@pytest.mark.slow
def test_uncompiled_kernels_agree_too():
    """As stepped through in a debugger, and traced for coverage: numbers are then NumPy's, not the compiler's."""
    code = "import agreement, strategies\n" + (
        f"for n in range({BATCH}): assert agreement.compare(strategies.random_scenario(n), n).differences == (), n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_wrong_model_would_be_caught(monkeypatch):
    """The comparison is not empty: a reference that anchors a little more is found out."""
    from reference import values

    scenario = random_scenario(3).replace({"mechanisms.anchoring": True, "anchoring": 0.05})
    assert compare(scenario, 3).differences == ()
    original = values.anchoring

    def more(model):
        model.parameters["anchoring"] += 1e-6
        original(model)
        model.parameters["anchoring"] -= 1e-6

    monkeypatch.setattr(
        "reference.model.MONTH",
        tuple(
            (name, more if name == "anchoring" else step) for name, step in __import__("reference.model").model.MONTH
        ),
    )
    assert any("values" in each for each in compare(scenario, 3).differences)
