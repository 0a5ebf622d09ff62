"""Studies that can be named: what each would have seen in every world, from runs of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from valign.model.reading import parse_toml
from valign.model.constants import EVIDENCE_SCALE
from valign.model.errors import InputError

from ..design_outcomes import DesignOutcomes
from ..simulate import simulate_in_parts
from .options import Ground
from .worlds import Worlds

FILE = Path(__file__).with_name("studies.toml")
ROWS = 512  # runs at a time, whose services are held in memory
RETURNS = ("returned_financial", "returned_economic", "returned_social")


@dataclass(frozen=True)
class Study:
    """id, name, says : in words. unit : what its size counts. sizes : that are tried. months : until it tells.

    fixed, each : cost in £, of any size and by its unit.
    """

    id: str
    name: str
    says: str
    unit: str
    sizes: tuple[int, ...]
    months: int
    fixed: float
    each: float

    def cost(self, size: int) -> float:
        return self.fixed + self.each * size


def studies() -> list[Study]:
    """The studies that are tried."""
    raw = parse_toml(FILE.read_text("utf-8"))
    return [Study(id=name, **{**each, "sizes": tuple(each["sizes"])}) for name, each in raw.items()]


def possible_sizes(study: Study, ground: Ground) -> list[int]:
    """Sizes that a study can have here: no more services than use it, no more people than there are."""
    most = {"services": int(ground.using_each.sum()), "people": ground.people}.get(study.unit, 10**9)
    return [size for size in study.sizes if size <= most]


@dataclass(frozen=True, eq=False)
class Observed:
    """What studies may see of a run in each world: start [worlds x 2], at month -> services in use at the start
    [worlds x services x 3], returns by month -> [worlds x 3], clients and noise of a client and month [worlds].
    """

    start: np.ndarray
    services: dict[int, np.ndarray]
    returns: dict[int, np.ndarray]
    noise: np.ndarray


def observe(ground: Ground, worlds: Worlds, months: Sequence[int], threads: int | None = None) -> Observed:
    """One run in each world in which nothing is done, with seeds of its own: a study must not see the chance of the
    runs that a decision is judged by.
    """
    months = [month for month in months if month <= ground.scenario.months]
    drawn = worlds.parameters.reset_index(drop=True)
    order = np.argsort(worlds.societies, kind="stable")
    design = drawn.assign(seed=worlds.run_seeds[:, 0] ^ 0x5DEECE66D, society_seed=worlds.societies).iloc[order]
    using = np.flatnonzero(ground.using_each)

    def read(found: DesignOutcomes) -> list[np.ndarray]:
        n = len(found.design)
        start = np.full((n, 2), np.nan)
        seen, returned = np.full((len(months), n, len(using), 3), np.nan), np.full((len(months), n, 3), np.nan)
        for rows, part in found.parts:
            if failed := [reason for reason in part.failures if reason]:
                raise InputError([f"decide: a run failed: {failed[0]}"])
            start[rows] = part.runs[["alignment_start", "alignment_start_sd"]].to_numpy()
            for of, _, at in part.blocks_of_services():
                for k, name in enumerate(("engaged", "alignment", "climate")):
                    values = at(name)
                    for place, month in enumerate(months):
                        seen[place, rows[of], :, k] = values[month][using].T
            spent = np.cumsum(part.path("spending"), axis=0)
            for k, name in enumerate(RETURNS):
                total = np.cumsum(part.path(name), axis=0)
                for place, month in enumerate(months):
                    paid = spent[month]
                    returned[place, rows, k] = np.where(paid > 0, total[month] / np.where(paid > 0, paid, 1.0), 0.0)
        return [start, *seen, *returned]

    parts = simulate_in_parts(
        design.reset_index(drop=True), ROWS, read, base=ground.scenario, record=("services",), threads=threads
    )
    back = np.argsort(order)
    start, *rest = (np.concatenate(each)[back] for each in zip(*parts, strict=True))
    sd = (
        drawn["result_sd"].to_numpy(float)
        if "result_sd" in drawn
        else np.full(len(drawn), ground.scenario.value("result_sd"))
    )
    return Observed(
        start,
        dict(zip(months, rest[: len(months)], strict=True)),
        dict(zip(months, rest[len(months) :], strict=True)),
        sd,
    )


def seen_by(study: Study, size: int, observed: Observed, seed: int = 1) -> np.ndarray:
    """What a study of that size would have found in every world [worlds x numbers], with the chance of who is asked."""
    rng = np.random.default_rng([seed, size, *study.id.encode()])
    n = len(observed.start)
    if study.unit == "people":
        mean, sd = observed.start.T
        return np.column_stack(
            [mean + sd / np.sqrt(size) * rng.standard_normal(n), sd * (1 + rng.standard_normal(n) / np.sqrt(2 * size))]
        )
    if study.unit == "services":
        return observed.services[study.months][:, :size].mean(axis=1)
    noise = EVIDENCE_SCALE * (observed.noise / np.sqrt(size * study.months))[:, None]
    return observed.returns[study.months] + noise * rng.standard_normal((n, 3))


def table_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study", "name", "unit", "size", "months", "cost", "value", "error"])
