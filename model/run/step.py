"""A step of the month, of the start or of the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..state.arrays import State

Function = Callable[[State, int], None]


class Step(NamedTuple):
    """A step of the month: `function(state, month)`, or `function(state, argument)`."""

    mechanism: str
    function: Function
    argument: int = -1  # -1: the month
