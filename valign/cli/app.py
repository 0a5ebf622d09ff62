"""The command line. Everything heavy is imported inside the commands, so that help is there at once."""

from __future__ import annotations

import gc
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .guarded import guarded, usage
from .terminal import FAILED, INTERRUPTED, TYPED, WRONG_INPUT, complain
from .where import Where

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="How innovations spread in social care through the alignment of values.",
)
data_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None, help="Public data that scenarios use.")
app.add_typer(data_app, name="data")
survey_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A questionnaire on values and alignment.")
app.add_typer(survey_app, name="survey")

Which = Annotated[
    str,
    typer.Argument(metavar="SCENARIO", help="A shipped name (`valign scenarios`), a TOML file, or a filled-in survey."),
]
Runs = Annotated[int | None, typer.Option(help="Number of runs (default: what the scenario suggests).")]
Societies = Annotated[int | None, typer.Option(help="Number of societies for all runs (default: one for each run).")]
Seed = Annotated[int, typer.Option(help="0 to 2^63 - 1; the same seed gives the same numbers.")]
Chosen = Annotated[int | None, typer.Option(help="0 to 2^63 - 1; the same seed gives the same numbers (default: 1).")]
Months = Annotated[int | None, typer.Option(help="Months to simulate (default: the scenario's).")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter; repeatable.")
]
InWorlds = Annotated[
    int | None, typer.Option("--worlds", metavar="N", help="Make the runs in each of N worlds (`valign worlds`).")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results (default: runs/NAME-HASH).")]
Show = Annotated[bool, typer.Option("--show", help="Open the figure, if there is a display.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no remarks.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


Threads = Annotated[int | None, typer.Option(help="Threads of this process (default: one per core).")]
Workers = Annotated[int | None, typer.Option(help="Processes on this machine, instead of threads.")]
Cluster = Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, instead of threads.")]


@app.command()
@guarded
def scenarios(quiet: Quiet = False, as_json: Json = False) -> None:
    """List the shipped scenarios."""
    from . import listing

    listing.scenarios(as_json)


@app.command()
@guarded
def describe(scenario: Which, quiet: Quiet = False, as_json: Json = False) -> None:
    """Describe a scenario in words."""
    from . import listing

    listing.describe(scenario, as_json)


@app.command()
@guarded
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A TOML file.")],
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check a scenario file and list all its errors."""
    from . import listing

    listing.validate(file, as_json)


@app.command()
@guarded
def parameters(
    search: Annotated[str, typer.Argument(metavar="[TEXT]", help="Only parameters with TEXT in name or meaning.")] = "",
    style: Annotated[str | None, typer.Option("--format", metavar="md|csv|json", help="Print in full.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List the parameters with range, meaning and source."""
    from . import listing

    listing.parameters(search, style, as_json)


@app.command()
@guarded
def run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A shipped name (`valign scenarios`) or a TOML file.")
    ] = None,
    worlds: InWorlds = None,
    runs: Runs = None,
    societies: Societies = None,
    seed: Chosen = None,
    months: Months = None,
    settings: Settings = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="series|decomposition|events|services|agents|ablations",
            help=("What to record (default: series; ablations: what moved alignment); repeatable."),
        ),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Rerun one row of these results, recorded in full.")
    ] = None,
    row: Annotated[int | None, typer.Option(help="Which row of runs.csv to replay, from 0.")] = None,
    drawn: Annotated[
        Path | None,
        typer.Option(
            "--parameters",
            metavar="FILE",
            help=("A posterior (posterior.parquet of `valign calibrate`): each run draws its parameters from it."),
        ),
    ] = None,
    out: Out = None,
    show: Show = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a scenario and make a table, a figure and a report; or replay one run of earlier results."""
    from . import run

    chosen, changes, recorded = 1 if seed is None else seed, tuple(settings or ()), tuple(record or ())
    options = run.EnsembleOptions(
        chosen, months, changes, out, show, quiet, as_json, runs, societies, recorded, None, worlds
    )
    if replay is not None or row is not None:
        run.replay(scenario, replay, row, options, seed, drawn, worlds)
    elif scenario is None:
        from valign.model.errors import InputError

        raise InputError(["run: name a SCENARIO (`valign scenarios` lists the shipped ones)"])
    else:
        run.run(scenario, options, drawn)


@app.command()
@guarded
def levels(
    scenario: Which,
    levels: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Levels of alignment (default: low, middle and high within reach)."),
    ] = None,
    worlds: InWorlds = None,
    innovation: Annotated[
        list[str] | None,
        typer.Option(metavar="SCENARIO|NAME:KEY=VALUE,…", help="Another innovation to run as well; repeatable."),
    ] = None,
    evidence: Annotated[str | None, typer.Option(metavar="A,B", help="Strengths of the evidence, 0 to 1.")] = None,
    runs: Runs = None,
    societies: Societies = None,
    seed: Seed = 1,
    months: Months = None,
    settings: Settings = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: Out = None,
    show: Show = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a scenario at several levels of alignment."""
    from . import run

    where, changes = Where(None, workers, cluster, None, quiet, as_json), tuple(settings or ())
    options = run.EnsembleOptions(seed, months, changes, out, show, quiet, as_json, runs, societies, (), where, worlds)
    run.levels(scenario, levels, tuple(innovation or ()), evidence, options)


@app.command()
@guarded
def compare(
    scenarios: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO...", help="Two or more; SCENARIO+KEY=VALUE is SCENARIO with one change."),
    ],
    worlds: InWorlds = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME=HALF_WIDTH", help="Say how many runs this takes (default: uptake_final=0.01)."),
    ] = None,
    runs: Runs = None,
    societies: Societies = None,
    seed: Seed = 1,
    months: Months = None,
    settings: Settings = None,
    record: Annotated[
        list[str] | None, typer.Option(metavar="services", help="Also keep every service month by month.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: Out = None,
    show: Show = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare scenarios in pairs of runs with the same seeds."""
    from . import run

    where, changes = Where(None, workers, cluster, None, quiet, as_json), tuple(settings or ())
    options = run.EnsembleOptions(
        seed, months, changes, out, show, quiet, as_json, runs, societies, tuple(record or ()), where, worlds
    )
    run.compare(scenarios, tuple(precision or ()), options)


@app.command()
@guarded
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with results.")],
    netcdf: Annotated[Path | None, typer.Option(metavar="FILE", help="Also export to netCDF.")] = None,
    brief: Annotated[bool, typer.Option("--brief", help="Make one sheet of paper instead: brief.html.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Redraw figures and report from the tables in a folder, or make a brief of one page."""
    from valign.results.saved import load

    from . import job, terminal

    page = job.report(folder, brief)
    if netcdf is not None:
        load(folder).to_netcdf(netcdf)
    if as_json:
        terminal.as_json({"folder": str(folder), "report": str(page)} | ({"netcdf": str(netcdf)} if netcdf else {}))
    else:
        terminal.show(str(page))


Part = Annotated[str | None, typer.Option(metavar="I/N", help="Compute only every N-th shard, from the I-th.")]


@app.command()
@guarded
def batch(
    design: Annotated[Path, typer.Argument(metavar="DESIGN", help="CSV or Parquet: one row per run.")],
    scenario: Annotated[str, typer.Option(metavar="SCENARIO", help="The scenario that the design changes.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    replicates: Annotated[int | None, typer.Option(help="Runs per row, for a design without seeds.")] = None,
    worlds: InWorlds = None,
    seed: Chosen = None,
    societies: Societies = None,
    settings: Settings = None,
    record: Annotated[
        list[str] | None, typer.Option(metavar="series|decomposition", help="What to record besides outcomes.")
    ] = None,
    threads: Threads = None,
    workers: Workers = None,
    cluster: Cluster = None,
    prepare: Annotated[bool, typer.Option("--prepare", help="Only prepare; `valign resume` computes.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Simulate a design: many runs, saved as they finish."""
    from . import batch

    recorded, changes, seeds = tuple(record or ()), tuple(settings or ()), (replicates, seed, societies)
    where = Where(threads, workers, cluster, None, quiet, as_json)
    batch.batch(design, scenario, out, recorded, changes, seeds, worlds, prepare, where)


@app.command()
@guarded
def resume(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a batch, levels or compare that was stopped.")
    ],
    threads: Threads = None,
    workers: Workers = None,
    cluster: Cluster = None,
    part: Part = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Continue a batch that was stopped."""
    from . import batch

    batch.resume(folder, Where(threads, workers, cluster, part, quiet, as_json))


@app.command()
@guarded
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
    from . import sensitivity

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
@guarded
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
    from . import calibrate

    fitted = tuple(free or ())
    differing = calibrate.Differing(community_sd, baseline, tuple(covariate or ()), each_orientation, signed)
    calibrate.calibrate(
        calibrate.CalibrationOptions(
            data, scenario, fitted, simulations, seed, out, quiet, as_json, accept_misfit, differing, worlds
        )
    )


@app.command()
@guarded
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
    from . import calibrate

    fitted = tuple(free or ())
    differing = calibrate.Differing(community_sd, baseline, tuple(covariate or ()), each_orientation, signed)
    calibrate.rivals(
        calibrate.CalibrationOptions(
            data, scenario, fitted, simulations, seed, out, quiet, as_json, differences=differing, worlds=worlds
        )
    )


@app.command()
@guarded
def study(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What can be chosen, and what it costs.")],
    studies: Annotated[int, typer.Option(help="Simulated studies of each explanation for each design.")] = 400,
    seed: Seed = 1,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan a study: would it name the right explanation, and which design is the cheapest that would?"""
    from . import study

    study.study(plan, study.StudyOptions(studies, seed, out, quiet, as_json))


@app.command()
@guarded
def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID|FILE]...", help="Claims by id (C1 … C18) or TOML files of your own (default: all)."
        ),
    ] = None,
    worlds: Annotated[int, typer.Option(help="Plausible worlds.")] = 200,
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
    """Test claims over plausible worlds."""
    from . import claims

    if listing:
        claims.listing(quiet, as_json)
    else:
        claims.claims(
            names or (), claims.ClaimOptions(worlds, seeds, seed, rivals, variants, out, quiet, as_json, scenario)
        )


Own = Annotated[
    list[Path] | None,
    typer.Option("--action", metavar="FILE", help="A TOML file with an action of your own; repeatable."),
]


@app.command()
@guarded
def actions(own: Own = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """List what can be done, with what it costs."""
    from . import decide

    decide.actions(tuple(own or ()), as_json, quiet)


@app.command()
@guarded
def decide(
    scenario: Which,
    budget: Annotated[float, typer.Option(metavar="POUNDS", help="What may be spent over the whole time.")],
    goal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="use|sustained|value", help="What is to be gained (default: use); of several the first decides."
        ),
    ] = None,
    horizon: Annotated[str, typer.Option(metavar="6y|72m", help="How long what is gained counts.")] = "6y",
    must: Annotated[list[str] | None, typer.Option(metavar="ACTION", help="Has to be in it; repeatable.")] = None,
    never: Annotated[list[str] | None, typer.Option(metavar="ACTION", help="Must not be in it; repeatable.")] = None,
    own: Own = None,
    starts: Annotated[str, typer.Option(metavar="A,B,C", help="Months in which an action may begin.")] = "1,13,25",
    mixes: Annotated[int, typer.Option(help="How many mixes to compare at most.")] = 200,
    worlds: Annotated[int, typer.Option(help="Worlds over which they are compared.")] = 1000,
    pilots: Annotated[
        int | None, typer.Option(metavar="K", help="Also say in which K services to pilot first.")
    ] = None,
    seed: Seed = 1,
    settings: Settings = None,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Say what to do with a budget, and what would be worth knowing first."""
    from . import decide

    from valign.experiments.decide.question import Question

    question = Question(
        budget, tuple(goal or ("use",)), decide.months_of(horizon), tuple(must or ()), tuple(never or ()),
        tuple(own or ()), decide.starts_of(starts), mixes, worlds, seed, pilots,
    )  # fmt: skip
    options = decide.DecideOptions(seed, None, tuple(settings or ()), out, False, quiet, as_json, question)
    decide.decide(scenario, options)


@survey_app.command("new")
@guarded
def survey_new(
    innovation: Annotated[
        str, typer.Option(metavar="SCENARIO", help="What it asks about: a shipped name or a TOML file.")
    ] = "housing-first",
    services: Annotated[str, typer.Option(metavar="A,B,C", help="Names of the services.")] = "",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for workbook, page and codebook.")] = Path("survey"),
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the questionnaire: a workbook to fill in, a page to print, what each answer means."""
    from . import survey

    survey.new(innovation, services, out, quiet, as_json)


@app.command()
@guarded
def diagnose(
    before: Annotated[str, typer.Argument(metavar="SURVEY", help="A filled-in questionnaire, .xlsx or .csv.")],
    after: Annotated[str | None, typer.Argument(metavar="[LATER]", help="A later one of the same services.")] = None,
    innovation: Annotated[
        str | None, typer.Option(metavar="SCENARIO", help="What it is about, where the file does not say.")
    ] = None,
    runs: Annotated[
        int | None, typer.Option(help="Runs in each world for each thing that could be done (0: no simulation).")
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(metavar="N", help="Worlds in which they are made (0: the model's defaults alone).")
    ] = None,
    seed: Seed = 1,
    out: Out = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """From a questionnaire to where we stand; from two to what moved."""
    from . import diagnose

    diagnose.diagnose(before, after, diagnose.DiagnoseOptions(innovation, runs, seed, out, quiet, as_json, worlds))


@app.command()
@guarded
def patterns(
    runs: Annotated[int, typer.Option(help="Runs of each question at the defaults; 0 lists the facts alone.")] = 8,
    seed: Seed = 1,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List the published facts, with what the model gives at its defaults."""
    from . import worlds

    worlds.patterns(runs, seed, quiet, as_json)


@app.command()
@guarded
def worlds(quiet: Quiet = False, as_json: Json = False) -> None:
    """Tell what the worlds are that agree with the facts, and what rules out what."""
    from . import worlds

    worlds.worlds(quiet, as_json)


@app.command()
@guarded
def explore(
    scenario: Annotated[
        str, typer.Argument(metavar="[SCENARIO]", help="What is shown first: a shipped name or a TOML file.")
    ] = "two-services",
    survey: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Show the services of a filled-in questionnaire (.xlsx, .csv).")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to serve the page on.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but 127.0.0.1 lets other machines in.")
    ] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", help="A name by which other machines ask for the page; repeatable."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the page from this machine, with what takes Python: files, decisions, claims, scenarios of any size."""
    from ..machine import serve

    serve.explore(scenario, survey, host, port, show, tuple(names or ()))


@data_app.callback()
@guarded
def data(context: typer.Context, quiet: Quiet = False, as_json: Json = False) -> None:
    """Public data that scenarios use."""
    if context.invoked_subcommand is None:
        from . import listing

        listing.data_sets(as_json)


@app.command()
@guarded
def doctor(
    compile_now: Annotated[
        bool, typer.Option("--compile", help="Compile what is not compiled yet, and keep it.")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Say what computes here, what is kept, how fast it is and what is missing."""
    from . import doctor

    doctor.doctor(compile_now, as_json, quiet)


@app.command()
@guarded
def page(
    scenario: Which,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The page (default: NAME.html).")] = None,
    site: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder for any web server instead, with headers and a note.")
    ] = None,
    societies: Annotated[
        int | None, typer.Option(help="Number of societies for all runs, 2 to 8 (default: 4, or 2 of many people).")
    ] = None,
    seed: Seed = 1,
    worlds: Annotated[
        int | None,
        typer.Option(help="Worlds for the band of what is not known, 0: none (default: 200, where they ship)."),
    ] = None,
    settings: Settings = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a scenario as one HTML file that runs the model in a browser, without a server."""
    from . import page

    page.page(scenario, out, societies, seed, worlds, settings or [], show, quiet, as_json, site)


@data_app.command("get")
@guarded
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set (`valign data` lists them).")],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A local copy, instead of downloading it.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Download a data set, check it and keep it."""
    from . import listing

    listing.get_data(name, source, quiet, as_json)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        import valign

        print(valign.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `valign`; returns the exit code (and leaves with it when called as a command)."""
    gc.set_threshold(1_000_000, 20, 20)  # importing makes many objects and little garbage: a tenth of a short run
    if arguments is None:
        from valign.experiments.stopping import stop_on_signals

        settle_streams()
        stop_on_signals()
    words = sys.argv[1:] if arguments is None else arguments
    before = TYPED.set(words)
    try:
        code = app(words, prog_name="valign", standalone_mode=False) or 0
    except KeyboardInterrupt:
        complain("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # who read the output has gone; nothing more can be said
        code = FAILED
    except Exception as error:
        if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
            raise
        complain(*usage(error))
        code = WRONG_INPUT
    finally:
        TYPED.reset(before)
    if arguments is None:
        gc.freeze()  # else Python looks for garbage once more before it leaves: a tenth of a short run
        sys.exit(code)
    return int(code)


def settle_streams() -> None:
    """Output that was closed (`>&-`) goes nowhere; what the locale has no letter for is written as ?."""
    for name in ("stdin", "stdout", "stderr"):  # in the order of their numbers, which files would take otherwise
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
