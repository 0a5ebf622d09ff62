"""The worlds over which a decision is judged, and the seeds of the runs in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import checksum

from ..claims.worlds import WORLD_SEED
from ..design import RUN_SEED, SOCIETY_SEED, WEIGHT, stated
from ..worlds import SHIPPED, plausible_worlds, shipped, worlds

SOCIETIES = 32  # in which the worlds are nested, so that blocks are wide
DECLARED, AGREEING = "declared ranges", "worlds that agree with published facts"


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


def draw_worlds(
    n: int, seeds: int, seed: int, scenario: Scenario, *, fresh: bool = False, agreeing: bool | None = None
) -> Worlds:
    """n worlds in 32 societies: of those that agree with what is known, where such ship, else over declared ranges.

    Of those that agree, each is drawn about as often as its weight says (systematic resampling); every second is kept
    for judging, so that no world is both raced in and judged in. What the scenario says of a parameter counts more
    than they do. Over the declared ranges: Latin hypercube, strengths from 0, as the claims are tested.

    n : from 1. seeds : runs in each. seed : of all of it. fresh : those for judging. agreeing : which of the two sets.
    """
    if shipped() if agreeing is None else agreeing:
        table = worlds()
        half = table.iloc[int(fresh) :: 2]
        weight = np.cumsum(half[WEIGHT].to_numpy(float))
        rng = np.random.default_rng([seed, n])
        chosen = np.searchsorted(weight / weight[-1], (np.arange(n) + rng.random()) / n)
        drawn = half.iloc[rng.permutation(chosen)].reset_index(drop=True)
        own = [name for name in map(str, drawn) if name == WEIGHT or stated(scenario, name)]
        parameters, source = drawn.drop(columns=own), AGREEING
    else:
        parameters, source = plausible_worlds(n, seed), DECLARED
    runs = [
        [derive_seed(derive_seed(seed, world, WORLD_SEED), k, RUN_SEED) for k in range(seeds)] for world in range(n)
    ]
    societies = [derive_seed(seed, world % SOCIETIES, SOCIETY_SEED) for world in range(n)]
    return Worlds(parameters, np.array(runs, np.int64).reshape(n, seeds), np.array(societies, np.int64), source)


def worlds_key() -> str:
    """Stands for the worlds that decisions are judged over, in the description of a piece of work."""
    return checksum(SHIPPED) if shipped() else DECLARED
