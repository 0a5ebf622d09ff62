"""The compiled model agrees with the reference model written from the ODD, on random scenarios, every month."""

from __future__ import annotations

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
