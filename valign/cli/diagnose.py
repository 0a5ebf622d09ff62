"""`valign diagnose`: from one questionnaire to where we stand, from two to what moved."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valign.model.errors import InputError

from . import terminal
from .job import REPORT, Job, Tables, carried_out, parameters_of

if TYPE_CHECKING:
    from valign.calibration.diagnose.diagnosis import Diagnosis
    from valign.model.scenario.scenario import Scenario

MOST_RUNS, MOST_WORLDS = 1_000, 1_000
TABLES = ("nodes.csv", "edges.csv")


@dataclass(frozen=True)
class DiagnoseOptions:
    """The options of the command. runs: of each lever in each world; worlds: 0 for none (None: what is usual)."""

    innovation: str | None
    runs: int | None
    seed: int
    out: Path | None
    quiet: bool
    as_json: bool
    worlds: int | None = None


def diagnose(before: str, after: str | None, options: DiagnoseOptions) -> None:
    """Read, estimate, simulate what follows; save, draw, print."""
    from valign.calibration.data.survey import read_survey
    from valign.calibration.diagnose import diagnosis
    from valign.calibration.diagnose.follow import RUNS, WORLDS
    from valign.experiments.decide.worlds import worlds_key
    from valign.model.compiled.compiling import sources_hash
    from valign.model.scenario.scenario import Scenario
    from valign.results import store

    runs = RUNS if options.runs is None else options.runs
    if runs != 0 and not 2 <= runs <= MOST_RUNS:
        raise InputError([f"--runs {runs}: expected 2 to {MOST_RUNS:,}, or 0 for no simulation"])
    worlds = WORLDS if options.worlds is None else options.worlds
    if worlds != 0 and not 2 <= worlds <= MOST_WORLDS:
        raise InputError([f"--worlds {worlds}: expected 2 to {MOST_WORLDS:,}, or 0 for the model's defaults alone"])
    files = [before, *([] if after is None else [after])]
    answers = [read_survey(each, options.innovation) for each in files]
    quiet = options.quiet or options.as_json
    found = diagnosis.diagnose(*answers, runs=runs, seed=options.seed, worlds=worlds or None)
    _say_what_was_read(found, quiet)
    work: dict[str, Any] = {
        "command": "diagnose",
        "files": {each: hashlib.blake2b(Path(each).read_bytes(), digest_size=8).hexdigest() for each in files},
        "innovation": found.answers.innovation,
        "emphasis": found.answers.emphasis.tolist(),
        "runs": runs,
        "worlds": worlds,
        "drawn_from": worlds_key(),
        "seed": options.seed,
        "code": sources_hash(),
    }
    folder = options.out or store.default_folder(f"diagnose-{found.answers.name}", work)
    title = f"{found.answers.innovation}: {found.answers.name}" + (
        f", compared with {answers[0].name}" if after else ""
    )

    def computed() -> Tables:
        with terminal.progress("What follows", quiet) as told:
            found.progress = told
            return {**found.tables, "parameters": parameters_of(found.scenario)}

    with tempfile.TemporaryDirectory() as aside:
        written = found.write_society(aside)
        beside = {name: Path(aside) / name for name in TABLES}
        described = _description(found, files, Scenario.load(written))
        job = Job(work, folder, title, described, computed, written.read_text("utf-8"), beside=beside)
        tables = carried_out(job, quiet)
    _print(tables, folder, found, options)


def _say_what_was_read(found: Diagnosis, quiet: bool) -> None:
    for each in (found.before, found.answers):
        if each is not None:
            terminal.say(
                f"{each.name}: {len(each):,} people in {len(each.services)} services; {each.used:,} of "
                f"{each.given:,} answers used",
                quiet,
            )
            for of in each.unused:
                terminal.say(f"  not used: {of.answers:,}: {of.why} ({of.where})", quiet)
            for remark in each.remarks:
                terminal.say(f"  {remark}", quiet)


def _description(found: Diagnosis, files: list[str], simulated: Scenario) -> str:
    from valign.calibration.diagnose.follow import MONTHS

    from ..scenario_text import for_report

    names = " and ".join(Path(each).name for each in files)
    months = min(simulated.months, MONTHS)
    read = f"What was read: {names}, the questionnaire of `valign survey new` on {found.answers.innovation}."
    if not found.runs:
        return f"{read}\n\nNothing was simulated."
    return (
        f"{read}\n\nWhat was simulated: {len(found.answers.services)} services with {len(found.society.role):,} "
        f"people, managers and who funds them included, made from the {len(found.answers):,} people who answered; "
        f"followed for {months} months. scenario.toml, nodes.csv and edges.csv in this folder hold them: `valign run` "
        "takes scenario.toml.\n\n" + for_report(simulated.replace({"months": months}))
    )


def _print(tables: Tables, folder: Path, found: Diagnosis, options: DiagnoseOptions) -> None:
    from valign.results.reports import diagnosis_text

    if options.as_json:
        shown = ("overview", "by_service", "by_role", "change", "follows", "pilots", "answers")
        terminal.as_json(
            {
                "innovation": found.answers.innovation,
                "folder": str(folder),
                "report": str(folder / REPORT),
                **{name: tables[name].to_dict("records") for name in shown if name in tables},
            }
        )
        return
    import textwrap

    said = [*diagnosis_text.findings(tables, found.answers.innovation), *diagnosis_text.certainty(tables)]
    for sentence in said:
        terminal.show(textwrap.fill(sentence, 100, initial_indent="- ", subsequent_indent="  "))
    terminal.say(f"Report: {folder / REPORT}; tables and figures: {folder}", options.quiet)
