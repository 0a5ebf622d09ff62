"""Parameters by name: views into the rows of `State.parameters`, as kernels read them.

S.fit_effect[r]: of a run. S.awareness_in_service[s, r]: by setting of the services. S.turnover[role, s, r],
S.reference[channel, r]: families. Names are those that users type, with underscores for dots, or a declared symbol.
A scheduled change writes into the rows, so that the views have it too.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..compiled.handle import Views
from ..parameter import members, shape
from ..parameters import FAMILIES, INDEX

# Rows of `parameters` behind the declared ones: m, emphasis, then the profiles, K rows each.
INNOVATION = len(INDEX)


class Where(NamedTuple):
    """Rows of a parameter or family: the first, lengths of the axes, and whether settings have their own."""

    first: int
    axes: tuple[int, ...]
    by_setting: bool


def _where() -> dict[str, Where]:
    found = {}
    for name, declared in FAMILIES.items():
        every = dict(members(name, declared))
        if not INDEX.keys() >= every.keys():
            continue  # it shapes the society
        by_setting = any(parameter.scope == "organisation" for parameter in every.values())
        found[declared.symbol or name.replace(".", "_")] = Where(INDEX[next(iter(every))], shape(declared), by_setting)
    return found


WHERE = _where()


@lru_cache(maxsize=64)
def parameter_views(shape: tuple[int, int, int], dimensions: int) -> Views:
    """Views into `parameters` [rows x S x W] of this shape, by symbol; with the innovation's values, emphasis and the profiles."""
    parameters = np.empty(shape)
    run, K = parameters[:, 0], dimensions
    views = {}
    for symbol, (first, axes, by_setting) in WHERE.items():
        rows = parameters if by_setting else run
        views[symbol] = rows[first : first + math.prod(axes)].reshape(*axes, *rows.shape[1:])
    views["innovation_values"] = run[INNOVATION : INNOVATION + K]
    views["innovation_emphasis"] = run[INNOVATION + K : INNOVATION + 2 * K]
    views["profiles"] = run[INNOVATION + 2 * K :].reshape(-1, K, shape[2])
    return Views("parameters", parameters, views)
