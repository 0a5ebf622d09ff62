"""A small scenario, and functions whose sensitivity indices are known: Ishigami's, Sobol's g, one with noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from valign.experiments.sensitivity import EXTRA, Factor
from valign.model.scenario.scenario import Scenario

SMALL = Scenario.load("two-services").replace(
    {"months": 18, "organisations.hostel.staff": 8, "organisations.outreach.staff": 6}
)

NAMES = ["fit_effect", "base_staff", "pilot_months", "coproduction_intensity"]

ISHIGAMI = [Factor(f"x{n}", f"x{n}", -np.pi, np.pi) for n in (1, 2, 3)]

A, B = 7.0, 0.1

V1, V2, V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, B**2 * np.pi**8 * (1 / 18 - 1 / 50)

SD = 2.0  # of the noise of the stochastic one


def ishigami(design: pd.DataFrame) -> pd.DataFrame:
    x1, x2, x3 = (design[name].to_numpy() for name in ("x1", "x2", "x3"))
    return pd.DataFrame({"y": np.sin(x1) + A * np.sin(x2) ** 2 + B * x3**4 * np.sin(x1)})


def noise(seeds: pd.Series) -> np.ndarray:
    """A standard normal number for every seed."""
    mixed = (seeds.to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return stats.norm.ppf((mixed.astype(float) + 0.5) / 2**53)


def stochastic(design: pd.DataFrame) -> pd.DataFrame:
    return ishigami(design) + SD * noise(design["seed"])[:, None]


def ishigami_indices(replicates: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """First and total indices of the three factors, with the noise of the mean over replicates in the variance."""
    total = V1 + V2 + V13 + (0 if replicates is None else SD**2 / replicates)
    return np.array([V1, V2, 0]) / total, np.array([V1 + V13, V2, V13]) / total


WEIGHTS = np.array([0.0, 0.5, 1.0, 3.0, 9.0])


def g_function(design: pd.DataFrame) -> pd.DataFrame:
    x = design[[f"x{n}" for n in range(len(WEIGHTS))]].to_numpy()
    return pd.DataFrame({"y": np.prod((np.abs(4 * x - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1)})


def g_indices() -> tuple[np.ndarray, np.ndarray]:
    part = 1 / (3 * (1 + WEIGHTS) ** 2)
    total = np.prod(1 + part) - 1
    return part / total, part * (np.prod(1 + part) / (1 + part)) / total


G = [Factor(f"x{n}", f"x{n}") for n in range(len(WEIGHTS))]


def inside(table: pd.DataFrame, index: str, known: np.ndarray) -> np.ndarray:
    rows = table[(table["index"] == index) & ~table["factor"].isin(EXTRA)]
    return ((rows["low"] <= known) & (known <= rows["high"])).to_numpy()
