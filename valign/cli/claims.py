"""`valign claims`: test claims over worlds that agree with published facts, save, draw, print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from valign.model.errors import InputError
from valign.results import store
from valign.results.checkpoint import Parts

from . import terminal
from .job import REPORT, UNFINISHED, Job, Tables, carried_out

DESCRIPTION = (
    "Every claim is tested over many worlds. A world is one set of values for the parameters of the model, with people "
    "and ties of its own; the worlds agree with published facts, and beside them plausible worlds fill the ranges of "
    "the parameters whatever the facts say. In every world the situation that the claim speaks of is simulated with "
    "and without what the claim is about, with the same chances."
)


@dataclass(frozen=True)
class ClaimOptions:
    """The options of `valign claims`."""

    worlds: int
    plausible: int | None
    seeds: int
    seed: int
    rivals: int
    variants: int
    out: Path | None
    quiet: bool
    as_json: bool
    scenario: str | None = None

    @property
    def beside(self) -> int:
        """In how many plausible worlds claims are tested as well."""
        return self.worlds if self.plausible is None else self.plausible


def listing(quiet: bool, as_json: bool) -> None:
    """The claims that ship."""
    from valign.experiments.claims.declaration import Claim, claim_ids

    found = [Claim.load(each) for each in claim_ids()]
    if as_json:
        terminal.as_json(
            [
                {
                    "id": each.id,
                    "title": each.title,
                    "grade": each.grade,
                    "statement": each.statement,
                    "scenario": each.scenario,
                }
                for each in found
            ]
        )
        return
    terminal.table(
        ["claim", "title", "grade", "scenario"],
        [[each.id, each.title, each.grade, each.scenario] for each in found],
        numbers_from=9,
    )
    terminal.say(
        "`valign claims C7` tests one, `valign claims` all, `valign claims my-claim.toml` one of your own.", quiet
    )


def claims(names: Sequence[str], options: ClaimOptions) -> None:
    """Test claims by id or file (none: all that ship)."""
    from valign.experiments.bases import tables_hash
    from valign.experiments.claims.declaration import Claim, claim_ids
    from valign.model.compiled.compiling import sources_hash
    from valign.model.scenario.scenario import Scenario

    from ..scenario_text import paragraphs
    from .options import scenario_name

    elsewhere = None if options.scenario is None else scenario_name(options.scenario)
    problems, chosen = [], []
    for name in names or claim_ids():
        try:
            claim = Claim.load(name)
            chosen.append(claim if elsewhere is None else claim.moved_to(elsewhere))
        except InputError as error:
            problems += error.problems
    ids = [each.id for each in chosen]
    problems += [f"{each!r} is given twice" for each in dict.fromkeys(ids) if ids.count(each) > 1]
    for name, value, least in (
        ("worlds", options.worlds, 2),
        ("seeds", options.seeds, 2),
        ("seed", options.seed, 0),
        ("plausible", options.plausible, 0),
        ("rivals", options.rivals, 0),
        ("variants", options.variants, 0),
    ):
        if value is not None and value < least:
            problems.append(f"--{name} {value}: expected a whole number of at least {least}")
    if problems:
        raise InputError(problems)
    named = {name: Scenario.load(name) for each in chosen for name in (each.scenario, *each.scenarios)}
    work = {
        "command": "claims",
        "claims": [each.model_dump(mode="json") for each in chosen],
        "scenarios": {name: each.to_toml() for name, each in named.items()},
        "tables": {name: tables_hash(each) for name, each in named.items()},
        "code": sources_hash(),
        **{
            name: value
            for name, value in asdict(options).items()
            if name not in ("out", "quiet", "as_json", "scenario")
        },
    }
    name = f"claims-{'-'.join(ids)}" if len(ids) <= 3 else "claims"
    folder = options.out or store.default_folder(name, work)
    quiet = options.quiet or options.as_json
    title = chosen[0].title if len(chosen) == 1 else f"{len(chosen)} claims, tested"
    stated = "\n".join(
        f"{each.id} {each.title}. {each.statement} Scenario: {named[each.scenario].name}." for each in chosen
    )
    situations = (part for each in named.values() for part in paragraphs(each)[:2])
    description = "\n\n".join((stated, DESCRIPTION, *situations))
    tables = carried_out(
        Job(
            work,
            folder,
            title,
            description,
            lambda: _tested(chosen, options, Parts(folder / UNFINISHED, work, "test of claims"), quiet),
            long=("effects",),
            begun=UNFINISHED,
        ),
        quiet,
    )
    _print(tables, folder, options)


def _tested(chosen: Sequence[Any], options: ClaimOptions, kept: Parts, quiet: bool) -> Tables:
    from valign.experiments.claims.results import claim_tables
    from valign.experiments.claims.testing import all_runs, corrected, evaluate, family_of, test_claim

    ways: list[tuple[int, dict[str, Any]]] = [
        (options.worlds, {"rival_worlds": options.rivals, "variant_worlds": options.variants}),
        *([(options.beside, {"plausible": True, "shipped_runs": 0})] if options.beside else []),
    ]
    runs = [
        [all_runs(each, options.worlds, options.seeds, options.rivals, options.variants) for each in chosen],
        *([[all_runs(each, options.beside, options.seeds, shipped=0) for each in chosen]] if options.beside else []),
    ]
    total, done = sum(map(sum, runs)), 0
    what = f"{chosen[0].id} {chosen[0].title}" if len(chosen) == 1 else f"{len(chosen)} claims"
    found: list[list[Any]] = []
    with terminal.progress(what, quiet, ahead=True) as told:
        for (worlds, how), counts in zip(ways, runs, strict=True):
            found.append([])
            for each, count in zip(chosen, counts, strict=True):
                progress = None if told is None else partial(_told, told, done, total)
                simulated = partial(evaluate, kept=kept)
                found[-1].append(
                    test_claim(
                        each,
                        worlds,
                        options.seeds,
                        options.seed,
                        progress=progress,
                        evaluate=simulated,
                        family=1,
                        **how,
                    )
                )
                done += count
    summary, tables = claim_tables(*(corrected(each, family_of(chosen)) for each in found))
    return {"claims": summary, **{name: table for name, table in tables.items() if len(table)}}


def _told(told: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    """Of all claims, what is done of one."""
    told(before + done, total)


def _print(tables: Tables, folder: Path, options: ClaimOptions) -> None:
    from valign.results.reports.claims import changed, changed_in_words, in_words, overview_rows

    summary = tables["claims"]
    if options.as_json:
        terminal.as_json(
            {
                "folder": str(folder),
                "claims": summary.to_dict("records"),
                **({"plausible": tables["plausible"].to_dict("records")} if "plausible" in tables else {}),
                **({"changed": changed(tables).to_dict("records")} if "plausible" in tables else {}),
                "tests": tables["tests"].to_dict("records"),
                "shipped": tables["shipped"].to_dict("records"),
            }
        )
        return
    columns, rows = overview_rows(summary)
    terminal.table(columns, rows, numbers_from=3)
    for row in summary.to_dict("records") if len(summary) <= 3 else ():
        terminal.say(f"{row['claim']}: {in_words(row)} {row['where']}", options.quiet)
    for sentence in changed_in_words(tables):
        terminal.say(sentence, options.quiet)
    terminal.say(f"Figure: {folder / 'claims.png'}; report: {folder / REPORT}; tables: {folder}", options.quiet)
