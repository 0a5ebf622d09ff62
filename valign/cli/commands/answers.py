"""What is asked by those who decide: actions, budgets, questionnaires, pages; and what is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..guarded import drawing, guarded
from .apps import app, data_app, survey_app
from .arguments import Which, Seed, Settings, Out, Quiet, Json


Own = Annotated[
    list[Path] | None,
    typer.Option("--action", metavar="FILE", help="A TOML file with an action of your own; repeatable."),
]


@app.command()
@guarded
def actions(own: Own = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """List what can be done, with what it costs."""
    from .. import decide

    decide.actions(tuple(own or ()), as_json, quiet)


@app.command()
@drawing
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
    from .. import decide

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
    from .. import survey

    survey.new(innovation, services, out, quiet, as_json)


@app.command()
@drawing
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
    from .. import diagnose

    diagnose.diagnose(before, after, diagnose.DiagnoseOptions(innovation, runs, seed, out, quiet, as_json, worlds))


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
    from ...machine import serve

    serve.explore(scenario, survey, host, port, show, tuple(names or ()))


@data_app.callback()
@guarded
def data(context: typer.Context, quiet: Quiet = False, as_json: Json = False) -> None:
    """Public data that scenarios use."""
    if context.invoked_subcommand is None:
        from .. import listing

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
    from .. import doctor

    doctor.doctor(compile_now, as_json, quiet)


@app.command()
@guarded
def page(
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO...", help="Shipped names, TOML files, or filled-in surveys; up to six in one page."
        ),
    ],
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
    """Write scenarios as one HTML file that runs the model in a browser, without a server."""
    from .. import page

    page.page(scenarios, out, societies, seed, worlds, settings or [], show, quiet, as_json, site)


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
    from .. import listing

    listing.get_data(name, source, quiet, as_json)
