"""Scenarios, and runs of them: one situation, levels, comparisons, designs, reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..guarded import drawing, guarded
from ..options import in_worlds
from ..where import Where
from .apps import app
from .arguments import (
    Which,
    Runs,
    Societies,
    Seed,
    Chosen,
    Months,
    Settings,
    InWorlds,
    OverWorlds,
    AtDefaults,
    RunsInWorld,
    Out,
    Show,
    Quiet,
    Json,
    Threads,
    Workers,
    Cluster,
)


@app.command()
@guarded
def scenarios(quiet: Quiet = False, as_json: Json = False) -> None:
    """List the shipped scenarios."""
    from .. import listing

    listing.scenarios(as_json)


@app.command()
@guarded
def describe(scenario: Which, quiet: Quiet = False, as_json: Json = False) -> None:
    """Describe a scenario in words."""
    from .. import listing

    listing.describe(scenario, as_json)


@app.command()
@guarded
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A TOML file.")],
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Check a scenario file and list all its errors."""
    from .. import listing

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
    from .. import listing

    listing.parameters(search, style, as_json)


@app.command()
@drawing
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
    from .. import run

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
@drawing
def levels(
    scenario: Which,
    levels: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Levels of alignment (default: low, middle and high within reach)."),
    ] = None,
    worlds: OverWorlds = None,
    at_defaults: AtDefaults = False,
    innovation: Annotated[
        list[str] | None,
        typer.Option(metavar="SCENARIO|NAME:KEY=VALUE,…", help="Another innovation to run as well; repeatable."),
    ] = None,
    evidence: Annotated[str | None, typer.Option(metavar="A,B", help="Strengths of the evidence, 0 to 1.")] = None,
    runs: RunsInWorld = None,
    societies: Societies = None,
    seed: Seed = 1,
    months: Months = None,
    settings: Settings = None,
    record: Annotated[
        list[str] | None,
        typer.Option(metavar="decomposition", help="Also keep what moved alignment, in each run over all its months."),
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    out: Out = None,
    show: Show = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a scenario at several levels of alignment, in worlds that agree with what is known."""
    from .. import run

    where, changes = Where(None, workers, cluster, None, quiet, as_json), tuple(settings or ())
    over = in_worlds(worlds, at_defaults)
    options = run.EnsembleOptions(
        seed, months, changes, out, show, quiet, as_json, runs, societies, tuple(record or ()), where, over
    )
    run.levels(scenario, levels, tuple(innovation or ()), evidence, options)


@app.command()
@drawing
def compare(
    scenarios: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO...", help="Two or more; SCENARIO+KEY=VALUE is SCENARIO with one change."),
    ],
    worlds: OverWorlds = None,
    at_defaults: AtDefaults = False,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME=HALF_WIDTH", help="Say how many runs this takes (default: uptake_final=0.01)."),
    ] = None,
    runs: RunsInWorld = None,
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
    """Compare scenarios in pairs of runs with the same seeds, in worlds that agree with what is known."""
    from .. import run

    where, changes = Where(None, workers, cluster, None, quiet, as_json), tuple(settings or ())
    over = in_worlds(worlds, at_defaults)
    options = run.EnsembleOptions(
        seed, months, changes, out, show, quiet, as_json, runs, societies, tuple(record or ()), where, over
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

    from .. import job, terminal

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
    from .. import batch

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
    from .. import batch

    batch.resume(folder, Where(threads, workers, cluster, part, quiet, as_json))
