"""`valign study`: would a planned study name the right explanation?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from valign.results import store

from . import terminal
from .job import REPORT, UNFINISHED, Job, Tables, carried_out


@dataclass(frozen=True)
class StudyOptions:
    studies: int
    seed: int
    out: Path | None
    quiet: bool
    as_json: bool


def study(file: Path, options: StudyOptions) -> None:
    from valign.calibration.planning.plan import designs_of, read_plan
    from valign.calibration.planning.studies import plan_study
    from valign.model.compiled.compiling import sources_hash
    from valign.results.reports import study as words

    plan = read_plan(file)
    quiet = options.quiet or options.as_json
    designs = len(designs_of(plan))
    terminal.say(f"Simulating {options.studies:,} studies of five explanations for each of {designs} designs", quiet)
    work = {
        "command": "study",
        "plan": plan.model_dump(mode="json"),
        "studies": options.studies,
        "seed": options.seed,
        "code": sources_hash(),
    }
    folder = options.out or store.default_folder(f"study-{file.stem}", work)

    def computed() -> Tables:
        with terminal.progress("study", quiet) as told:
            found = plan_study(plan, options.seed, studies=options.studies, folder=folder / UNFINISHED, progress=told)
        return {"designs": found.designs, "confusion": found.confusion}

    description = f"{plan.title}: {designs} designs, described in {file.name}."
    job = Job(work, folder, plan.title, description, computed, begun=UNFINISHED, beside={"plan.toml": file})
    tables = carried_out(job, quiet)
    told = words.findings(tables["designs"], plan.enough)
    if options.as_json:
        best = words.cheapest(tables["designs"], plan.enough)
        terminal.as_json(
            {
                "said": told[0],
                "cheapest": None if best is None else best.to_dict(),
                "folder": str(folder),
                "designs": tables["designs"].to_dict("records"),
            }
        )
        return
    terminal.show(told[0])
    terminal.table(*words.designs_table(tables["designs"]), title=f"{plan.title} · designs, the cheapest first")
    for sentence in told[1:]:
        terminal.say(sentence, options.quiet)
    terminal.say(f"Tables and figure: {folder}; report: {folder / REPORT}", options.quiet)
