"""Data that nobody collected: people, ties and histories, for tests of the calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from valign.calibration.data.reading import load
from valign.calibration.data.schema import Data

FREE = {"base_staff": (-5.0, -1.0), "fit_effect": None, "peer_effect": None}  # of a calibration to such data
TOML = """
name = "made-up"
source = "simulated"
time_unit = "month"
[people]
file = "people.csv"
community = "place"
time = "month"
observed_until = {periods}
[orientation.openness]
column = "open"
low = 1
high = 7
innovation = 0.9
[ties]
file = "ties.csv"
"""


def write(
    folder: Path,
    people: int = 200,
    places: int = 4,
    periods: int = 18,
    fit: float = 0.6,
    peers: float = 0.0,
    level: float = -2.8,
    seed: int = 1,
) -> Path:
    """A folder with people who adopt by a logit of their openness and of the share of their ties who have."""
    rng = np.random.default_rng(seed)
    place, openness = np.arange(people) % places, np.clip(rng.normal(4, 1.4, people), 1, 7).round(2)
    pairs = {
        tuple(sorted(pair))
        for pair in rng.integers(0, people, (6 * people, 2)).tolist()
        if pair[0] != pair[1] and pair[0] % places == pair[1] % places
    }
    ties = np.array(sorted(pairs))[rng.permutation(len(pairs))[: 3 * people]]
    month = np.full(people, np.nan)
    for now in range(1, periods + 1):
        has, linked = (month < now).astype(float), np.zeros(people)
        count = np.bincount(ties.ravel(), minlength=people)
        np.add.at(linked, ties[:, 0], has[ties[:, 1]])
        np.add.at(linked, ties[:, 1], has[ties[:, 0]])
        eta = level + fit * (openness - 4) / 1.4 + peers * linked / np.maximum(count, 1)
        month[np.isnan(month) & (rng.random(people) < 1 / (1 + np.exp(-eta)))] = now
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(
        {
            "id": [f"p{n}" for n in range(people)],
            "place": [f"town {p}" for p in place],
            "open": openness,
            "month": pd.array(month, "Int64"),
        }
    ).to_csv(folder / "people.csv", index=False)
    pd.DataFrame({"from": [f"p{n}" for n in ties[:, 0]], "to": [f"p{n}" for n in ties[:, 1]]}).to_csv(
        folder / "ties.csv", index=False
    )
    (folder / "data.toml").write_text(TOML.format(periods=periods), "utf-8")
    return folder


def made_up(folder: Path, **options: float) -> Data:
    return load(write(folder, **options))
