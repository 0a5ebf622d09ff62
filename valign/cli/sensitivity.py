"""`valign sensitivity`: which assumptions drive the outcomes; runs are kept, a study can be resumed and enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store
from valign.results.checkpoint import locked

from ..scenario_text import for_report
from . import terminal
from .job import Job, Tables, carried_out, parameters_of, say_where
from .options import Options

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario

SCREEN = "screen"


def bound(text: str) -> tuple[str, tuple[float, float]]:
    """NAME=LOW,HIGH as typed."""
    name, equals, ends = text.partition("=")
    try:
        low, high = (float(end) for end in ends.split(","))
    except ValueError:
        equals = ""
    if not equals:
        raise InputError([f"--bound {text}: expected NAME=LOW,HIGH, e.g. --bound fit_effect=0.1,0.5"])
    return name.strip(), (low, high)


def _added(method: str, group_by: str | None, keep: int | None) -> dict[str, Any]:
    """What `screen` takes beside the arguments of every study, or what `sensitivity` does."""
    if method == SCREEN:
        if group_by:
            raise InputError(["--group-by: screening makes its own groups; use --method sobol for groups of your own"])
        return {} if keep is None else {"keep": keep}
    if keep is not None:
        raise InputError([f"--keep is only for --method {SCREEN}"])
    return {"method": method, "group_by": group_by}


def sensitivity(
    name: str,
    method: str,
    n: int | None,
    group_by: str | None,
    keep: int | None,
    given: dict[str, Any],
    options: Options,
) -> None:
    """given : what `sensitivity` or `screen` is called with, beside the scenario, n and where runs are kept."""
    from valign.experiments.bases import tables_hash
    from valign.experiments.sensitivity.samples import DEFAULT_N, METHODS
    from valign.model.compiled.compiling import sources_hash
    from valign.model.errors import unknown

    if method not in (*METHODS, SCREEN):
        raise InputError([f"--method: {unknown(method, (*METHODS, SCREEN), 'method')}"])
    given = given | _added(method, group_by, keep)
    scenario = options.scenario(name)
    n = n if n is not None else DEFAULT_N["sobol" if method == SCREEN else method]
    toml = scenario.to_toml()
    asked = {
        "command": "sensitivity",
        "scenario": toml,
        "tables": tables_hash(scenario),
        "code": sources_hash(),
        **given,
        "method": method,
    }
    study = {key: value for key, value in asked.items() if key not in ("outcomes", "missing")}
    folder = options.out or store.default_folder(f"{scenario.name}-{method}", study)
    work = {key: list(value) if isinstance(value, tuple) else value for key, value in {**asked, "n": n}.items()}
    work["bounds"] = {key: list(value) for key, value in given["bounds"].items()}
    results = folder / f"n{n}-{store.work_hash(work)}"

    def computed() -> Tables:
        return _computed(scenario, given, n, folder, options.silent)

    job = Job(work, results, scenario.title or scenario.name, for_report(scenario), computed, toml)
    with locked(folder):  # whose runs studies of another size use as well
        tables = carried_out(job, options.silent)
    _print(scenario, method, options, tables, results)


def _computed(scenario: Scenario, given: dict[str, Any], n: int, folder: Path, quiet: bool) -> Tables:
    import pandas as pd

    from valign.experiments.sensitivity import screen, sensitivity

    try:
        with terminal.progress(scenario.name, quiet, ahead=True) as progress:
            run = sensitivity if "method" in given else screen
            found = run(scenario, n=n, folder=folder / "runs", progress=progress, **given)
    except KeyboardInterrupt:
        told = f"interrupted; finished runs are kept in {folder / 'runs'}: run the same command to go on"
        raise KeyboardInterrupt(told) from None
    words = pd.DataFrame({"paragraph": found.words.strip().split("\n\n")})
    return {**found.tables, "words": words, "parameters": parameters_of(scenario)}


def _print(scenario: Scenario, method: str, options: Options, tables: Tables, results: Path) -> None:
    from valign.results.reports.sensitivity import main_index, ranking

    picture = results / "ranking.png"
    words = tables["words"]["paragraph"].tolist()
    if options.as_json:
        terminal.as_json(
            {
                "scenario": scenario.name,
                "folder": str(results),
                "figure": str(picture),
                "words": words,
                **{
                    key: tables[key].to_dict("records")
                    for key in ("indices", "shares", "settled", "dropped", "neglected")
                    if key in tables
                },
            }
        )
        return
    columns, rows = ranking(tables["indices"], main_index(tables["indices"]))
    terminal.table(columns, rows, title=f"{scenario.title or scenario.name} · {method}")
    terminal.show("\n" + "\n\n".join(words))
    say_where(results, picture, options.show, options.quiet)
