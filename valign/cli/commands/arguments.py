"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
OverWorlds = Annotated[
    int | None,
    typer.Option(
        "--worlds",
        metavar="N",
        help="Make the runs in each of N worlds that agree with published facts (`valign worlds`; default: 50).",
    ),
]
AtDefaults = Annotated[
    bool, typer.Option("--at-defaults", help="In one world instead: what is not known at its default.")
]
RunsInWorld = Annotated[
    int | None,
    typer.Option(
        "--runs", help="Runs in each world (default: 2); with --at-defaults, of all (default: the scenario's)."
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the results (default: runs/NAME-HASH).")]
Show = Annotated[bool, typer.Option("--show", help="Open the figure, if there is a display.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no remarks.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


Threads = Annotated[int | None, typer.Option(help="Threads of this process (default: one per core).")]
Workers = Annotated[int | None, typer.Option(help="Processes on this machine, instead of threads.")]
Cluster = Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, instead of threads.")]
