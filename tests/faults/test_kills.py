"""A short `make chaos`: commands killed at random moments lose nothing finished and end with the same tables."""

from __future__ import annotations

import os

import pytest

from tests.faults.kills import COMMANDS, kill, summary


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
@pytest.mark.parametrize("name", COMMANDS)
def test_kills_at_random_moments_lose_nothing(name: str) -> None:
    found = kill(name, 3, compiled=True)  # the tests compile before they begin
    assert len(found) == 3
    assert found["identical"].all()
    assert found["rounds"].min() >= 1
    assert summary(found)["kills"].sum() == 3
