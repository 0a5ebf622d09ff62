"""What a claim's arms come to in each world: designs in, arrays of outcomes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from valign.model.compiled.randomness import derive_seed
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.scenario.settings import parsed
from valign.results.checkpoint import NOTHING_KEPT, Parts, content_hash

from ..design import RUN_SEED, SOCIETY_SEED, run_seeds, society_seeds
from ..design_outcomes import DesignOutcomes
from ..simulate import simulate
from .declaration import ClaimTest, sets_a_change
from .measures import MEASURES, ServiceAccounts

WORLD_SEED = 203  # purpose of the seed of a world's runs
SOCIETIES = 8  # in which the runs of a shipped scenario are nested
CHUNK_BYTES, CHUNK_RUNS = 4e8, 4096
OTHER_VALUES, OTHER_EMPHASIS = 0.15, 0.5  # reach of the uncertainty of an innovation's values and emphasis (assumed)
PROFILE_UNIT = (0.55, 0.23)  # reference and unit of alignment by the profile metric (ODD §3)
IN_ALIGNMENT = (
    "alignment_final",
    "fit_final",
    "fit_original_final",
    "alignment_start",
    "centre_moved",
    "people_moved",
    "spread_of_change",
    "fit_by_taking_part",
)


def other_innovations(scenario: Scenario, n: int, seed: int) -> pd.DataFrame:
    """How values (added) and emphases (factors) of the innovation differ from the scenario's in n worlds."""
    rng = np.random.default_rng([seed, n])
    k = len(scenario.dimensions)
    added = rng.uniform(-OTHER_VALUES, OTHER_VALUES, (n, k))
    factors = rng.uniform(1 - OTHER_EMPHASIS, 1 + OTHER_EMPHASIS, (n, k))
    return pd.DataFrame(
        np.hstack([added, factors]),
        columns=[f"innovation.{part}.{d}" for part in ("values", "emphasis") for d in scenario.dimensions],
    )


@dataclass(frozen=True)
class Arm:
    """One setting of the levers, in every world."""

    settings: Mapping[str, Any]

    @property
    def key(self) -> str:
        return json.dumps(dict(sorted(self.settings.items())))


@dataclass(eq=False)
class Evaluated:
    """Outcomes by arm: values[arm key][outcome] = array [worlds, seeds]; failures: (world, first error) by world."""

    values: dict[str, dict[str, np.ndarray]]
    failures: dict[int, str]
    runs: int


def arms_of(
    test: ClaimTest, rival: Mapping[str, Any] | None = None, null: bool = False, metric: str = "distance"
) -> list[Arm]:
    """The arms of a test in the order of its contrast; later settings win: arm, null, rival."""
    taken = dict(test.null) if null else {}
    found = []
    for name in test.of:
        settings = {**test.arms[name], **taken, **(rival or {})}
        settings |= {
            key: rival[value]
            for key, value in settings.items()  # nor may a change bring it back
            if rival and isinstance(value, str) and parsed(key).section == "changes" and value in rival
        }
        if metric == "profile" and isinstance(settings.get("alignment_level"), float):
            settings["alignment_level"] = PROFILE_UNIT[0] + (settings["alignment_level"] - 0.75) / 0.1 * PROFILE_UNIT[1]
        found.append(Arm(settings))
    return found


def smallest_of(test: ClaimTest, metric: str = "distance") -> float:
    """Smallest effect of interest; in units of alignment it follows the metric's unit."""
    in_units = test.outcome in IN_ALIGNMENT and test.contrast != "log ratio"
    return test.smallest * PROFILE_UNIT[1] / 0.1 if metric == "profile" and in_units else test.smallest


def contrast(test: ClaimTest, values: Sequence[np.ndarray]) -> np.ndarray:
    """The effect, positive in the predicted direction, from the outcome in each arm of `of`."""
    if test.contrast == "value":
        found = values[0]
    elif test.contrast == "difference":
        found = values[0] - values[1]
    elif test.contrast == "log ratio":
        good = (values[0] > 0) & (values[1] > 0)
        found = np.log(np.where(good, values[0], np.nan) / np.where(good, values[1], np.nan))
    else:
        found = (values[0] - values[1]) - (values[2] - values[3])
    return found if test.direction == "higher" else -found


def world_seeds(n: int, seeds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Run seeds [worlds, seeds] and the society seed of each world: more worlds leave the seeds of the first alone."""
    societies = [derive_seed(seed, world, SOCIETY_SEED) for world in range(n)]
    runs = [
        [derive_seed(derive_seed(seed, world, WORLD_SEED), k, RUN_SEED) for k in range(seeds)] for world in range(n)
    ]
    return np.array(runs, np.int64).reshape(n, seeds), np.array(societies, np.int64)


def _run(
    design: pd.DataFrame, base: Scenario, record: tuple[str, ...], watcher: ServiceAccounts | None, threads: int | None
) -> DesignOutcomes:
    """The one place where claims are simulated."""
    return simulate(
        design, base=base, record=record, threads=threads, mechanisms=() if watcher is None else (watcher.insertion(),)
    )


def evaluate(
    base: Scenario,
    arms: Sequence[Arm],
    outcomes: Sequence[str],
    runs: np.ndarray,
    societies: np.ndarray,
    worlds: pd.DataFrame | None = None,
    *,
    own: Mapping[str, float] | None = None,
    other: pd.DataFrame | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    kept: Parts = NOTHING_KEPT,
) -> Evaluated:
    """Simulate every arm in every world with every seed; arms with the same settings once.

    base : the scenario with the claim's settings. runs, societies : seeds [worlds, seeds] and [worlds].
    worlds : parameters by world (None: the scenario's own); what `own` names is left to the claim.
    own : the claim's settings, and the values of parameters to which `changes.N.set` may refer where worlds have none.
    other : differences of the innovation by world (`other_innovations`). kept : worlds that are finished.
    """
    arms = list({arm.key: arm for arm in arms}.values())
    measures = [MEASURES[name] for name in outcomes if name in MEASURES]
    record = tuple(sorted({each for one in measures for each in one.record}))
    fixed = set(own or {})
    drawn = [] if worlds is None else [name for name in worlds if name not in fixed]
    levers = list(dict.fromkeys(key for arm in arms for key in arm.settings))
    n, seeds = runs.shape
    a_run = base.people() * base.months * 8 * (6 + len(base.dimensions)) * ("agents" in record) + 80_000
    step = max(1, int(min(CHUNK_BYTES / a_run, CHUNK_RUNS) // (len(arms) * seeds)))
    values = {arm.key: {name: np.full((n, seeds), np.nan) for name in outcomes} for arm in arms}
    failures: dict[int, str] = {}
    for first in range(0, n, step):
        chunk = np.arange(first, min(first + step, n))

        def simulated(chunk: np.ndarray = chunk) -> dict[str, np.ndarray]:
            design = _design(base, arms, levers, drawn, worlds, other, chunk, runs, societies)
            watcher = ServiceAccounts() if any(one.watch for one in measures) else None
            table = np.full((len(outcomes), len(design)), np.nan)
            status = np.empty(len(design), object)
            for rows, part in _run(design, base, record, watcher, threads).parts:
                of_part = part.runs
                status[rows] = of_part["status"]
                for place, name in enumerate(outcomes):
                    table[place, rows] = (
                        MEASURES[name].compute(part, watcher) if name in MEASURES else of_part[name].to_numpy(float)
                    )
            return {"outcomes": table, "status": status.astype(str)}

        spoken = json.dumps([base.to_toml(), [arm.key for arm in arms], list(outcomes), drawn]).encode()
        tables = [each.iloc[chunk] for each in (worlds, other) if each is not None]
        numbers = [runs[chunk], societies[chunk], *(pd.util.hash_pandas_object(each).to_numpy() for each in tables)]
        found = kept.part(content_hash(spoken, *(each.tobytes() for each in numbers)), simulated)
        blocks = found["outcomes"].reshape(len(outcomes), len(chunk), len(arms), seeds)
        for row in np.flatnonzero(found["status"] != "ok"):
            failures.setdefault(int(chunk[row // (len(arms) * seeds)]), str(found["status"][row]))
        for name, block in zip(outcomes, blocks, strict=True):
            for place, arm in enumerate(arms):
                values[arm.key][name][chunk] = block[:, place]
        if progress is not None:
            progress(len(found["status"]))
    return Evaluated(values, failures, n * seeds * len(arms))


def merged(parts: Sequence[Evaluated]) -> Evaluated:
    """Several evaluations of the same worlds as one."""
    values: dict[str, dict[str, np.ndarray]] = {}
    failures: dict[int, str] = {}
    for part in parts:
        for key, outcomes in part.values.items():
            values.setdefault(key, {}).update(outcomes)
        failures = {**part.failures, **failures}
    return Evaluated(values, failures, sum(part.runs for part in parts))


def _design(
    base: Scenario,
    arms: Sequence[Arm],
    levers: Sequence[str],
    drawn: Sequence[str],
    worlds: pd.DataFrame | None,
    other: pd.DataFrame | None,
    chunk: np.ndarray,
    runs: np.ndarray,
    societies: np.ndarray,
) -> pd.DataFrame:
    """Rows world by world, arm by arm, seed by seed, so that what shares a society stands together."""
    seeds = runs.shape[1]
    each = len(arms) * seeds

    def by_world(name: str) -> np.ndarray:
        return worlds[name].to_numpy()[chunk]  # type: ignore[index]

    columns: dict[str, np.ndarray] = {name: np.repeat(by_world(name), each) for name in drawn}
    for key in levers:
        parts = []
        for arm in arms:
            source = key if key in arm.settings else _behind(base, key)
            value = arm.settings.get(source)
            if source not in arm.settings:
                part = by_world(source) if source in drawn else base.read(key)
            elif isinstance(value, str) and sets_a_change(key):
                part = by_world(value) if worlds is not None else PARAMETERS[value].default
            else:
                part = value
            parts.append(part if isinstance(part, np.ndarray) else np.full(len(chunk), part, object))
        columns[key] = np.repeat(np.stack(parts, axis=1), seeds, axis=1).ravel()
    for key in other if other is not None else ():
        there = columns[key].astype(float) if key in columns else np.full(len(chunk) * each, base.read(key))
        change = np.repeat(other[key].to_numpy()[chunk], each)
        columns[key] = np.clip(there + change, 0, 1) if parsed(key).of == "values" else there * change
    columns["seed"] = np.broadcast_to(runs[chunk][:, None], (len(chunk), len(arms), seeds)).ravel()
    columns["society_seed"] = np.repeat(societies[chunk], each)
    return pd.DataFrame(columns).infer_objects()


def _behind(base: Scenario, key: str) -> str:
    """The setting that counts where an arm leaves `key` alone: of a group without a value of its own, all groups'."""
    at = parsed(key)
    if at.section != "organisations" or at.parameter is None:
        return key
    return key if at.field in base.organisations[base.group_names.index(at.of)].parameters else at.field


def shipped_seeds(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Seeds of about n replicates of a shipped scenario, nested in eight societies [societies, n / 8]."""
    seeds = run_seeds(seed, SOCIETIES * max(1, round(n / SOCIETIES)))
    societies = society_seeds(seed, seeds, SOCIETIES)
    return np.array(seeds, np.int64).reshape(-1, SOCIETIES).T, np.array(societies[:SOCIETIES], np.int64)
