"""People who might be asked: communities, what they value, whom they look to; nobody has a history yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..data.schema import Data, Orientation
from ..data.tables import ties_of_pairs

NAME = "values"  # of what people are asked they value


def planned_people(
    communities: int,
    people: int,
    periods: int,
    ties: float = 4.0,
    values: tuple[float, float] = (0.55, 0.175),
    innovation: float = 0.9,
    seed: int = 1,
) -> Data:
    """A data set without histories.

    people : in each community. ties : of each person, on average, all within the community. values : mean and standard
    deviation of what people value. innovation : what the innovation embodies of it. periods : of follow-up.
    """
    rng = np.random.default_rng([seed, 1])
    community = np.repeat(np.arange(communities), people)
    table = pd.DataFrame(
        {
            "id": [f"p{n}" for n in range(len(community))],
            "community": [f"c{c:04d}" for c in community],
            "time": np.where(rng.random(len(community)) < 0.5, 1.0, np.nan),  # a place to put histories
            "until": float(periods),
            NAME: np.clip(rng.normal(*values, len(community)), 0, 1),
        }
    )
    joined = ties_of_pairs(table, pairs_within(rng, community, round(ties * len(community) / 2)))
    orientation = {NAME: Orientation(column=NAME, innovation=innovation)}
    return Data("planned", "planned", "", "month", Path(), table, joined, orientation, (), (), periods)


def pairs_within(rng: np.random.Generator, community: np.ndarray, ties: int) -> np.ndarray:
    """Different pairs of people of one community [ties x 2] (fewer where there are not so many)."""
    first = np.searchsorted(community, community)
    size = np.bincount(community)[community]
    drawn = rng.integers(0, len(community), 8 * ties + 100)
    other = first[drawn] + rng.integers(0, size[drawn])
    pairs = np.sort(np.column_stack([drawn, other])[drawn != other], axis=1)
    pairs = np.unique(pairs, axis=0)
    return pairs[rng.permutation(len(pairs))[:ties]]
