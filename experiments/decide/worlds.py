"""The worlds over which a decision is judged, and the seeds of the runs in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed

from ..claims.worlds import WORLD_SEED, plausible_worlds
from ..design import RUN_SEED, SOCIETY_SEED

SOCIETIES = 32  # in which the worlds are nested, so that blocks are wide
DECLARED = "declared ranges"


@dataclass(frozen=True, eq=False)
class Worlds:
    """Worlds in the order in which they are used. parameters : a row a world. run_seeds : [worlds x seeds]. societies
    : the society seed of each. source : where they come from, in words.
    """

    parameters: pd.DataFrame
    run_seeds: np.ndarray
    societies: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.parameters)


def draw_worlds(n: int, seeds: int, seed: int, fixed: tuple[str, ...] = ()) -> Worlds:
    """n worlds, each parameter over its declared plausible range (Latin hypercube; strengths from 0), in 32 societies.

    n : from 1. seeds : runs in each. seed : of all of it. fixed : parameters that stay as the scenario has them.
    """
    parameters = plausible_worlds(n, seed).drop(columns=list(fixed), errors="ignore")
    runs = [
        [derive_seed(derive_seed(seed, world, WORLD_SEED), k, RUN_SEED) for k in range(seeds)] for world in range(n)
    ]
    societies = [derive_seed(seed, world % SOCIETIES, SOCIETY_SEED) for world in range(n)]
    return Worlds(parameters, np.array(runs, np.int64).reshape(n, seeds), np.array(societies, np.int64), DECLARED)
