"""All that may have to be computed for a run, by name: what is compiled ahead of a first run, and what month.wasm holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..compiled.handle import name_of
from ..society import ties
from .month import MONTH_FUNCTIONS
from .start import END, OBSERVE_START, REACH, START

_OTHERS = (*START, *REACH, *OBSERVE_START, *END)

# Kernels(S, number): steps of the start, of the month and of the end
STEPS: dict[str, Callable[..., Any]] = {
    name_of(function): function for function in dict.fromkeys((*(step.function for step in _OTHERS), *MONTH_FUNCTIONS))
}
# Functions of plain arrays and numbers, which make a society
SOCIETY: dict[str, Callable[..., Any]] = {
    name_of(function): function
    for function in (
        ties.adjacency,
        ties.lasting_normals,
        ties.sizes,
        ties.ring_positions,
        ties.people_of,
        ties.staff_ties,
        ties.other_ties,
        ties.sociability,
        ties.between_ties,
        ties.funding_ties,
    )
}
