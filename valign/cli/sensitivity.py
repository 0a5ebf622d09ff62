"""`valign sensitivity`: which assumptions drive the outcomes; runs are kept, a study can be resumed and enlarged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError
from valign.results import store
from valign.results.checkpoint import locked

from ..scenario_text import for_report
from . import terminal
from .job import Job, Tables, carried_out, parameters_of, say_where
from .options import scenario_of

if TYPE_CHECKING:
    from valign.model.scenario.scenario import Scenario

SCREEN = "screen"


@dataclass(frozen=True)
class SensitivityOptions:
    """The options of `valign sensitivity`."""

    method: str
    n: int | None
    outcomes: tuple[str, ...]
    parameters: tuple[str, ...]
    curves: tuple[str, ...]
    group_by: str | None
    bounds: tuple[str, ...]
    replicates: int
    keep: int | None
    second_order: bool
    seed_factor: bool
    society_factor: bool
    fresh_seeds: bool
    drop: bool
    seed: int
    months: int | None
    settings: tuple[str, ...]
    out: Path | None
    show: bool
    quiet: bool
    as_json: bool


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


def arguments(options: SensitivityOptions) -> dict[str, Any]:
    """What `sensitivity` or `screen` is called with, beside the scenario, n and where runs are kept."""
    given: dict[str, Any] = {
        "outcomes": options.outcomes or None,
        "parameters": options.parameters or None,
        "curves": options.curves,
        "bounds": dict(map(bound, options.bounds)),
        "replicates": options.replicates,
        "seed": options.seed,
        "second_order": options.second_order,
        "seed_factor": options.seed_factor,
        "society_factor": options.society_factor,
        "common_seeds": not options.fresh_seeds,
        "missing": "drop" if options.drop else "refuse",
    }
    if options.method == SCREEN:
        if options.group_by:
            raise InputError(["--group-by: screening makes its own groups; use --method sobol for groups of your own"])
        return given | ({"keep": options.keep} if options.keep is not None else {})
    if options.keep is not None:
        raise InputError([f"--keep is only for --method {SCREEN}"])
    return given | {"method": options.method, "group_by": options.group_by}


def sensitivity(name: str, options: SensitivityOptions) -> None:
    from valign.experiments.bases import tables_hash
    from valign.experiments.sensitivity.samples import DEFAULT_N, METHODS
    from valign.model.compiled.compiling import sources_hash
    from valign.model.errors import unknown

    if options.method not in (*METHODS, SCREEN):
        raise InputError([f"--method: {unknown(options.method, (*METHODS, SCREEN), 'method')}"])
    given = arguments(options)
    scenario = scenario_of(name, options.settings, options.months)
    n = options.n if options.n is not None else DEFAULT_N["sobol" if options.method == SCREEN else options.method]
    toml = scenario.to_toml()
    asked = {
        "command": "sensitivity",
        "scenario": toml,
        "tables": tables_hash(scenario),
        "code": sources_hash(),
        **given,
        "method": options.method,
    }
    study = {key: value for key, value in asked.items() if key not in ("outcomes", "missing")}
    folder = options.out or store.default_folder(f"{scenario.name}-{options.method}", study)
    work, told = {**asked, "n": n}, options.quiet or options.as_json
    work = {key: list(value) if isinstance(value, tuple) else value for key, value in work.items()}
    work["bounds"] = {key: list(value) for key, value in given["bounds"].items()}
    results = folder / f"n{n}-{store.work_hash(work)}"

    def computed() -> Tables:
        return _computed(scenario, options, given, n, folder, told)

    job = Job(work, results, scenario.title or scenario.name, for_report(scenario), computed, toml)
    with locked(folder):  # whose runs studies of another size use as well
        tables = carried_out(job, told)
    _print(scenario, options, tables, results)


def _computed(
    scenario: Scenario, options: SensitivityOptions, given: dict[str, Any], n: int, folder: Path, quiet: bool
) -> Tables:
    import pandas as pd

    from valign.experiments.sensitivity import screen, sensitivity

    try:
        with terminal.progress(scenario.name, quiet, ahead=True) as progress:
            run = screen if options.method == SCREEN else sensitivity
            found = run(scenario, n=n, folder=folder / "runs", progress=progress, **given)
    except KeyboardInterrupt:
        told = f"interrupted; finished runs are kept in {folder / 'runs'}: run the same command to go on"
        raise KeyboardInterrupt(told) from None
    words = pd.DataFrame({"paragraph": found.words.strip().split("\n\n")})
    return {**found.tables, "words": words, "parameters": parameters_of(scenario)}


def _print(scenario: Scenario, options: SensitivityOptions, tables: Tables, results: Path) -> None:
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
    terminal.table(columns, rows, title=f"{scenario.title or scenario.name} · {options.method}")
    terminal.show("\n" + "\n\n".join(words))
    say_where(results, picture, options.show, options.quiet)
