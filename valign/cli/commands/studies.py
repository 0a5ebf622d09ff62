"""What one learns from many runs: sensitivity, calibration, rivals, claims, published facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..guarded import drawing, guarded
from .apps import app
from .arguments import Which, Seed, Months, Settings, Out, Show, Quiet, Json


@app.command()
@drawing
def sensitivity(
    scenario: Which,
    method: Annotated[
        str,
        typer.Option(help="sobol, morris, pawn, delta, fast, rbd_fast, dgsm, shapley; or screen: morris, then sobol."),
    ] = "sobol",
    n: Annotated[
        int | None,
        typer.Option(help="Base points (sobol: a power of 2) or trajectories (default: 512 for sobol, 32 for morris)."),
    ] = None,
    outcome: Annotated[list[str] | None, typer.Option(help="A column of the table of runs; repeatable.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="What to vary (default: all uncertain parameters); repeatable.")
    ] = None,
    curve: Annotated[
        list[str] | None,
        typer.Option(help="A monthly curve to follow over time (engaged, in_use, staff.alignment); repeatable."),
    ] = None,
    group_by: Annotated[str | None, typer.Option(metavar="mechanism", help="Each mechanism as one factor.")] = None,
    bound: Annotated[
        list[str] | None, typer.Option(metavar="NAME=LOW,HIGH", help="A range of your own; repeatable.")
    ] = None,
    worlds: Annotated[
        bool,
        typer.Option(
            "--worlds",
            help="Vary parameters as over the worlds that agree with published facts, not over their whole ranges.",
        ),
    ] = False,
    replicates: Annotated[int, typer.Option(help="Runs per parameter set.")] = 8,
    keep: Annotated[int | None, typer.Option(help="How many parameters to keep after screening.")] = None,
    second_order: Annotated[bool, typer.Option("--second-order", help="Also interactions of pairs (sobol).")] = False,
    seed_factor: Annotated[bool, typer.Option("--seed-factor", help="Chance as a factor: the noise floor.")] = False,
    society_factor: Annotated[bool, typer.Option("--society-factor", help="People and ties as a factor.")] = False,
    fresh_seeds: Annotated[bool, typer.Option("--fresh-seeds", help="Use no common random numbers.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Leave out row-blocks without a value.")] = False,
    seed: Seed = 1,
    months: Months = None,
    settings: Settings = None,
    out: Out = None,
    show: Show = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find which assumptions drive the outcomes; a larger n reuses all runs."""
    from .. import sensitivity

    options = sensitivity.Options(seed, months, tuple(settings or ()), out, show, quiet, as_json)
    given = {
        "outcomes": tuple(outcome or ()) or None,
        "parameters": tuple(parameter or ()) or None,
        "curves": tuple(curve or ()),
        "bounds": dict(map(sensitivity.bound, bound or ())),
        "replicates": replicates,
        "seed": seed,
        "second_order": second_order,
        "seed_factor": seed_factor,
        "society_factor": society_factor,
        "common_seeds": not fresh_seeds,
        "missing": "drop" if drop else "refuse",
        **({"worlds": True} if worlds else {}),
    }
    sensitivity.sensitivity(scenario, method, n, group_by, keep, given, options)


Data = Annotated[str, typer.Argument(metavar="DATA", help="A folder with data.toml, or medical-innovation.")]
Base = Annotated[str | None, typer.Option(metavar="SCENARIO", help="The scenario to fit (default: a plain one).")]
Free = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[=LOW:HIGH]",
        help="A parameter to fit; repeatable. With screen, or more than eight, those that matter most are chosen.",
    ),
]
Simulations = Annotated[int, typer.Option(help="How many simulations to make at most.")]
CommunitySd = Annotated[
    bool, typer.Option("--community-sd", help="Communities differ: the SD of their log-odds is free (community_sd).")
]
Baseline = Annotated[
    int | None, typer.Option(metavar="PIECES", help="Log-odds differ between so many pieces of the time observed.")
]
Covariate = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column of people with an effect of its own; repeatable.")
]
EachOrientation = Annotated[
    bool, typer.Option("--each-orientation", help="An effect for each orientation instead of one of their sum.")
]
Signed = Annotated[
    bool, typer.Option("--signed", help="Effects may be negative: ranges on both sides of zero, unless given.")
]


AsPrior = Annotated[
    bool,
    typer.Option("--worlds", help="Prior: worlds that agree with published facts, without those of the data at hand."),
]


@app.command()
@drawing
def calibrate(
    data: Data,
    scenario: Base = None,
    free: Free = None,
    simulations: Simulations = 50_000,
    seed: Seed = 1,
    accept_misfit: Annotated[
        bool, typer.Option("--accept-misfit", help="Make a posterior, with a mark, although the model does not fit.")
    ] = False,
    community_sd: CommunitySd = False,
    baseline: Baseline = None,
    covariate: Covariate = None,
    each_orientation: EachOrientation = False,
    signed: Signed = False,
    worlds: AsPrior = False,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a scenario to observed data, and say whether it fits and how sure that is."""
    from .. import calibrate

    fitted = tuple(free or ())
    differing = calibrate.differences(community_sd, baseline, covariate, each_orientation, signed)
    calibrate.calibrate(
        calibrate.CalibrationOptions(
            data, scenario, fitted, simulations, seed, out, quiet, as_json, accept_misfit, differing, worlds
        )
    )


@app.command()
@drawing
def rivals(
    data: Data,
    scenario: Base = None,
    free: Free = None,
    simulations: Simulations = 50_000,
    seed: Seed = 1,
    community_sd: CommunitySd = False,
    baseline: Baseline = None,
    covariate: Covariate = None,
    each_orientation: EachOrientation = False,
    signed: Signed = False,
    worlds: AsPrior = False,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare explanations of what was observed: are values needed at all?"""
    from .. import calibrate

    fitted = tuple(free or ())
    differing = calibrate.differences(community_sd, baseline, covariate, each_orientation, signed)
    calibrate.rivals(
        calibrate.CalibrationOptions(
            data, scenario, fitted, simulations, seed, out, quiet, as_json, differences=differing, worlds=worlds
        )
    )


@app.command()
@drawing
def study(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What can be chosen, and what it costs.")],
    studies: Annotated[int, typer.Option(help="Simulated studies of each explanation for each design.")] = 400,
    seed: Seed = 1,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan a study: would it name the right explanation, and which design is the cheapest that would?"""
    from .. import study

    study.study(plan, study.StudyOptions(studies, seed, out, quiet, as_json))


@app.command()
@drawing
def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID|FILE]...", help="Claims by id (C1 … C18) or TOML files of your own (default: all)."
        ),
    ] = None,
    worlds: Annotated[int, typer.Option(help="Worlds that agree with published facts (`valign worlds`).")] = 200,
    plausible: Annotated[
        int | None,
        typer.Option(help="Worlds beside that fill the plausible ranges, whatever the facts say (default: as many)."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs per arm and world.")] = 8,
    seed: Seed = 1,
    rivals: Annotated[int, typer.Option(help="Worlds in which to try rival explanations alone.")] = 0,
    variants: Annotated[int, typer.Option(help="Worlds with other metrics and an uncertain innovation.")] = 0,
    scenario: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="Test in this scenario or survey (default: the claim's own).")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only list the claims.")] = False,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Test claims over worlds that agree with published facts, plausible ones beside."""
    from .. import claims

    if listing:
        claims.listing(quiet, as_json)
    else:
        claims.claims(
            names or (),
            claims.ClaimOptions(worlds, plausible, seeds, seed, rivals, variants, out, quiet, as_json, scenario),
        )


@app.command()
@guarded
def patterns(
    runs: Annotated[int, typer.Option(help="Runs of each question at the defaults; 0 lists the facts alone.")] = 8,
    seed: Seed = 1,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List the published facts, with what the model gives at its defaults."""
    from .. import worlds

    worlds.patterns(runs, seed, quiet, as_json)


@app.command()
@guarded
def worlds(quiet: Quiet = False, as_json: Json = False) -> None:
    """Tell what the worlds are that agree with the facts, and what rules out what."""
    from .. import worlds

    worlds.worlds(quiet, as_json)
