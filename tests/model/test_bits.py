"""What is simulated stays the same to the last bit, whatever moves in the code."""

from __future__ import annotations

import pytest
from reference import bits

QUICK = ("two-services", "low-fit", *(f"random-{number}" for number in range(18)), "everybody", "imported", "world",
         "levels", "compare", "ablations", "sobol", "claim-C8", "batch", "first two-services",
         *(f"first random-{number}" for number in range(6)))  # fmt: skip


@pytest.mark.parametrize("name", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow)
                                  for each in bits.CASES])  # fmt: skip
def test_same_bits_as_when_they_were_written(name):
    assert bits.differences(name, bits.read()) == []
