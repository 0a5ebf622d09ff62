"""Rival explanations of the same data: values and peers (own ties and the share of the community), either alone,
broadcast, lasting differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from valign.model.errors import InputError, unknown
from valign.results.checkpoint import NOTHING_KEPT, Arrays, Parts

from ..abc.smc import batch_seeds, stream
from ..problem.known import KnownPrior
from ..problem.differences import is_difference
from ..problem.problem import CalibrationProblem, prior_of
from ..problem.summaries import Layout

NO_VALUES = {"fit_effect": 0.0, "lapse_fit": 0.0, "fit_climate": 0.0, "fit_peers": 0.0, "practice_alignment": 0.0}
NO_PEERS = {"peer_effect": 0.0, "norm_effect": 0.0, "awareness_by_ties": 0.0, "belief_sharing": 0.0, "fit_peers": 0.0}


@dataclass(frozen=True)
class Rival:
    """An explanation: what is switched off, and what is free besides what the full model leaves free."""

    title: str
    fixed: Mapping[str, float]
    free: Mapping[str, tuple[float, float] | None]

    @property
    def values(self) -> bool:
        """Whether values play a part."""
        return "fit_effect" not in self.fixed

    @property
    def peers(self) -> bool:
        """Whether peers play a part."""
        return "peer_effect" not in self.fixed


FULL = "full"
RIVAL_MODELS: dict[str, Rival] = {
    FULL: Rival("values and peers", {}, {}),
    "peers": Rival("peers only (contagion)", NO_VALUES, {}),
    "values": Rival("values only", NO_PEERS, {}),
    "broadcast": Rival("evidence and broadcast only", {**NO_VALUES, **NO_PEERS}, {"evidence_effect": None}),
    "selection": Rival("lasting differences nobody measured", {**NO_VALUES, **NO_PEERS}, {"frailty_sd": (0.0, 2.0)}),
}


def chosen_rivals(names: Sequence[str] | None) -> tuple[str, ...]:
    """The rivals asked for (None: all) in their order, with the full model, which the others are held against.

    Raises InputError for unknown names, or where the full model would have no rival.
    """
    if names is None:
        return tuple(RIVAL_MODELS)
    if isinstance(names, str) or not {*names} - {FULL}:
        raise InputError([f"rivals: expected a list of some of {', '.join(list(RIVAL_MODELS)[1:])}"])
    if wrong := [name for name in names if name not in RIVAL_MODELS]:
        raise InputError([f"rivals: {unknown(name, RIVAL_MODELS, 'rival')}" for name in wrong])
    return tuple(name for name in RIVAL_MODELS if name in (FULL, *names))


def rival_problem(problem: CalibrationProblem, name: str) -> CalibrationProblem:
    """The problem as a rival sees it: same data, people and summaries, other mechanisms and free parameters."""
    rival = RIVAL_MODELS[name]
    scenario = problem.scenario.replace(dict(rival.fixed)) if rival.fixed else problem.scenario
    bounds: dict[str, tuple[float, float] | None] = {
        parameter: (float(low), float(high))
        for parameter, low, high in zip(problem.prior.names, problem.prior.low, problem.prior.high, strict=True)
        if parameter not in rival.fixed
    }
    bounds |= {parameter: limits for parameter, limits in rival.free.items() if parameter not in bounds}
    offsets = problem.offsets
    if offsets is not None and not rival.values:
        offsets = offsets.without_values()
        bounds = {name: limits for name, limits in bounds.items() if name in offsets.bounds or not is_difference(name)}
    prior = prior_of(bounds, scenario, offsets)
    if isinstance(problem.prior, KnownPrior):
        prior = problem.prior.like(prior)
    return CalibrationProblem(
        problem.data, scenario, prior, problem.society, problem.threads, offsets, problem.covariates
    )


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulations of a rival from its prior."""

    problem: CalibrationProblem
    u: np.ndarray  # n x d
    summaries: np.ndarray  # n x s
    times: np.ndarray  # N x n int16


def histories_of(problem: CalibrationProblem) -> Layout:
    """People's histories, which tell rivals apart. Raises InputError for data without people and orientation."""
    if problem.layout is None or not problem.layout.orientations:
        raise InputError(["rivals are told apart by people's histories: the data need [people] and an [orientation]"])
    return problem.layout


def simulate_rivals(
    problem: CalibrationProblem,
    simulations: int,
    seed: int = 1,
    batch: int = 2048,
    progress: Callable[[int, int], None] | None = None,
    kept: Parts = NOTHING_KEPT,
    names: Sequence[str] = tuple(RIVAL_MODELS),
) -> dict[str, Simulated]:
    """`simulations` runs of every rival (or those of `names`) from its prior, in batches kept as they are finished.

    Raises InputError for data without people and orientation.
    """
    histories_of(problem)
    tables: dict[str, Simulated] = {}
    done = 0
    for name in names:
        number = list(RIVAL_MODELS).index(name)
        of = rival_problem(problem, name)
        parts: list[Arrays] = []
        for part, start in enumerate(range(0, simulations, batch)):
            size = min(batch, simulations - start)
            parts.append(
                kept.part(f"prior-{name}-{part:03d}", partial(_from_prior, of, seed, 30_000 + number, part, size))
            )
            done += size
            if progress is not None:
                progress(done, simulations * len(names))
        u, summaries, times = (
            np.concatenate([each[key] for each in parts], axis=axis)
            for key, axis in (("u", 0), ("summaries", 0), ("times", 1))
        )
        tables[name] = Simulated(of, u, summaries, times)
    return tables


def _from_prior(of: CalibrationProblem, seed: int, stage: int, part: int, size: int) -> dict[str, np.ndarray]:
    u = np.random.default_rng(stream(seed, stage, part, 0)).standard_normal((size, len(of.prior)))
    summaries, times = of.run(of.prior.theta(u), batch_seeds(seed, stage, part, size), times=True)
    assert times is not None
    known = np.isfinite(summaries).all(axis=1)
    return {"u": u[known], "summaries": summaries[known], "times": times[:, known]}
