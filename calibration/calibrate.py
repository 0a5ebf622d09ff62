"""Calibration from end to end: the fit gate, recovery, sequential ABC, estimates side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from valign.experiments.design import MAX_SEED, whole
from valign.model.errors import InputError
from valign.model.scenario.scenario import Scenario
from valign.results.checkpoint import Parts, begun_with
from valign.results.reports.calibration import REPORTED

from .abc.fit_gate import Compared, fit_gate
from .abc.posterior import ESTIMATORS, estimate, sklearn_ensemble
from .abc.recovery import recover, reference_table
from .abc.screening import Screened, screened_problem
from .abc.smc import smc
from .data.schema import Data
from .fitted import Calibration
from .problem.problem import CalibrationProblem, Free
from .rivals.compare import Choice, choose
from .rivals.explanations import chosen_rivals

NEARBY = 100  # simulated data sets most like the data, of which recovery is asked


def calibrate(
    data: Data | str | Path,
    scenario: Scenario | str | Path | None = None,
    free: Free | None = None,
    seed: int = 1,
    *,
    simulations: int = 50_000,
    particles: int = 500,
    methods: Sequence[str] = ESTIMATORS,
    accept_misfit: bool = False,
    folder: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    differences: Mapping[str, object] | None = None,
) -> Calibration:
    """Fit a scenario to data, and say whether it fits and how certain that is.

    Sequential approximate Bayesian computation (Toni et al. 2009; Filippi et al. 2013), adjusted by regression
    (Beaumont, Zhang & Balding 2002; Fearnhead & Prangle 2012). First: whether the model can give data like these at
    all (`abc.fit_gate`), and whether simulated truths are recovered (Talts et al. 2018).

    Parameters
    ----------
    data : what `calibration.data.reading.load` gives, a folder with data.toml, or "medical-innovation".
    scenario : the scenario whose parameters are fitted (default: a plain one made from the description, in which people
        choose alone). Its months become the periods observed.
    free : names of parameters, or a mapping from names to ranges (None: the plausible range declared). Of more than
        eight, or of all that are uncertain ("screen" in the place of a name), `screening.screen_free` chooses eight.
        Default: base_staff (-6 to 0), fit_effect, peer_effect, norm_effect, awareness_in_service.
    seed : the same seed gives the same numbers.
    simulations : budget of the sequential ABC; a fourth as many more, from the prior, are for the recovery.
    particles : how many make a generation.
    methods : of "regression" (reported), "forest", "smc".
    accept_misfit : make a posterior although the model does not fit the data; it carries a mark. Otherwise a model that
        does not fit ends with what it misses.
    folder : keeps what is finished (batches, generations); called again with the same arguments, or with more
        simulations, it goes on from there. How many are simulated from the prior stays as it was begun.
    threads : blocks at once; results do not depend on them.
    progress : called with (simulations done, in all).
    differences : what the fit allows for besides the scenario, each a free parameter (default: what the description of
        the data says under [fit]). {"community_sd": True}: communities differ, "baseline": 4: pieces over time,
        "covariates": ["school"]: columns of people, "each_orientation": True: an effect for each orientation instead
        of one of their sum, "signed": True: ranges of effects on both sides of zero.

    Returns
    -------
    Calibration: posteriors by method, how well recovery finds each parameter again, predictions, and all simulations.

    Raises
    ------
    InputError : everything wrong with data, scenario or free parameters.
    """
    _check_methods(methods)  # before a screening simulates
    problem, screened = screened_problem(data, scenario, free, seed, threads=threads, differences=differences)
    return fit(
        problem,
        seed,
        simulations=simulations,
        particles=particles,
        methods=methods,
        accept_misfit=accept_misfit,
        folder=folder,
        progress=progress,
        screened=screened,
    )


def _check_methods(methods: Sequence[str]) -> None:
    """Raises InputError where the reported method is left out, or a library is missing."""
    if REPORTED not in methods:
        raise InputError([f"methods: must include {REPORTED!r}, the one that is reported"])
    if "forest" in methods:
        sklearn_ensemble()


def fit(
    problem: CalibrationProblem,
    seed: int = 1,
    *,
    simulations: int = 50_000,
    particles: int = 500,
    methods: Sequence[str] = ESTIMATORS,
    accept_misfit: bool = False,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    screened: Screened | None = None,
) -> Calibration:
    """Solve a calibration problem: fit gate, recovery, sequential ABC, estimates. Options: see `calibrate`.

    screened : what a screening chose, where the free parameters come from one (`screening.screened_problem`).
    """
    _check_methods(methods)
    seed = whole("seed", seed, 0, MAX_SEED)
    place = None if folder is None else folder / "recovery"
    extra = int(begun_with(place).get("recovered", max(6000, simulations // 4)))

    def told(done: int, _: int, before: int = 0) -> None:
        if progress is not None:
            progress(before + done, simulations + extra)

    work = {**problem.work, "recovered": extra, "seed": seed}
    kept = Parts(place, work, "calibration", lambda text: InputError([text]))
    table = reference_table(problem, extra, seed, progress=told, kept=kept)
    assert table.gate is not None
    gate = fit_gate(Compared(table.u, table.gate), problem.gate_observed, problem.gate_names)
    found = Calibration(
        problem,
        gate,
        recover(table, seed=seed),
        recover(table, NEARBY, seed=seed, near=problem.observed),
        seed,
        screened=screened,
    )
    if not (gate.fits or accept_misfit):
        return found
    result = smc(
        problem.simulate,
        problem.prior,
        problem.observed,
        particles=particles,
        simulations=simulations,
        seed=seed,
        reduce=True,
        folder=None if folder is None else folder / "generations",
        work=work,
        progress=lambda done, total: told(done, total, extra),
    )
    return replace(found, result=result, posteriors=estimate(result, tuple(methods)))


def choose_model(
    data: Data | str | Path,
    scenario: Scenario | str | Path | None = None,
    free: Free | None = None,
    seed: int = 1,
    *,
    rivals: Sequence[str] | None = None,
    simulations: int = 50_000,
    folder: Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    differences: Mapping[str, object] | None = None,
) -> Choice:
    """Compare rival explanations of histories: odds by two methods, confusion, predictions of what was held out.

    Parameters
    ----------
    data : as for `calibrate`, with people and an orientation.
    scenario, free, seed, simulations, folder, threads, progress, differences : as for `calibrate`.
    rivals : which explanations are held against the full model (values and peers): of "peers", "values", "broadcast",
        "selection" (default: all).

    Returns
    -------
    Choice: shares of the explanations (0-1) by two methods, odds along the tolerance, confusion, scores of what was
    held out.

    Raises
    ------
    InputError : everything wrong with data, scenario or free parameters; unknown rivals.
    """
    chosen_rivals(rivals)  # before a screening simulates
    problem, screened = screened_problem(data, scenario, free, seed, threads=threads, differences=differences)
    return choose(problem, simulations, seed, progress, folder=folder, rivals=rivals, screened=screened)
