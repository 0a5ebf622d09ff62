"""What jobs do: the commands of `valign`, typed by the page. A job's answer is what the command's report holds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from valign.cli.app import main as valign
from valign.experiments.claims.declaration import Claim
from valign.experiments.claims.worlds import arms_of
from valign.experiments.default_worlds import RUNS_IN_WORLD
from valign.experiments.sensitivity import uncertain
from valign.model.errors import InputError, unknown
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.results.reports import contents, render
from valign.results.saved import Saved
from valign.results.vocabulary import speaking

from . import pages, reading
from .bands import bands
from .situation import CHANGED, Asked, Situation, asked_of, situation

RESULTS = "results"
MOST_PEOPLE = 5_000  # of what takes thousands of runs
RUNS = 64
FACTORS = 8  # of a quick sensitivity study, unless some are named
MOST_FACTORS = 12
MINE = "claim.toml"
Say = Callable[..., None]


def answer(given: Mapping[str, Any], say: Say) -> dict[str, Any] | None:
    """What a job is told to do. Raises InputError."""
    say(told="begun")
    if given["kind"] == "page":
        return pages.page_of(given, say)
    asked = asked_of(given["body"])
    if asked.kind in ("read", "diagnose"):
        if asked.kind == "read":
            return reading.read(given)
        return _command("diagnose", *reading.surveys(given))
    if asked.kind not in COMMANDS and asked.kind != "bands":
        raise InputError([unknown(asked.kind, [*COMMANDS, "bands", "read", "diagnose"], "question")])
    at = situation(asked, given["source"])
    if asked.kind == "bands":
        return bands(at, say)
    return _command(*COMMANDS[asked.kind](asked, at))


# --- commands, as one would type them --------------------------------------------------------------------------------
def _run(_: Asked, at: Situation) -> list[str]:
    return ["run", *at.words, "--runs", str(at.runs(RUNS))]


def _levels(_: Asked, at: Situation) -> list[str]:
    return ["levels", *at.words, "--worlds", str(at.runs(RUNS // 2, 3 * RUNS_IN_WORLD))]


def _why(_: Asked, at: Situation) -> list[str]:
    _not_large(at, "saying what moved alignment")
    return ["run", *at.words, "--runs", str(at.runs(16)), "--record", "decomposition", "--record", "ablations"]


def _compare(_: Asked, at: Situation) -> list[str]:
    if not at.changed:
        raise InputError(["Nothing is set yet that could be compared with the scenario as it stands."])
    now = CHANGED if at.words[0] == CHANGED else "+".join([at.name, *at.words[2::2]])
    return ["compare", at.name, now, "--worlds", str(at.runs(RUNS // 2, 2 * RUNS_IN_WORLD))]


def _decide(asked: Asked, at: Situation) -> list[str]:
    _not_large(at, "a decision")
    never = [part for each in asked.never for part in ("--never", each)]
    wanted = ["--budget", f"{asked.budget:g}", "--goal", asked.goal, "--horizon", f"{asked.years}y", "--worlds", "200"]
    return ["decide", *at.words, *wanted, *never]


def _sensitivity(asked: Asked, at: Situation) -> list[str]:
    _not_large(at, "a sensitivity study")
    known = uncertain(at.now)[0]
    names = asked.factors or [name for name in MAIN_FACTORS if name in known][:FACTORS]
    problems = [unknown(name, known, "parameter that can be varied here") for name in names if name not in known]
    if len(names) > MOST_FACTORS:
        problems.append(f"{len(names)} parameters; at most {MOST_FACTORS} at once")
    if problems:
        raise InputError(problems)
    varied = [part for name in names for part in ("--parameter", name)]
    quick = ["--n", "32", "--replicates", "8", "--drop"]
    return ["sensitivity", *at.words, "--outcome", asked.outcome, *varied, *quick]


def _claim(asked: Asked, at: Situation) -> list[str]:
    claim = Claim.load(asked.claim) if asked.claim.isalnum() else None  # never a path
    if claim is None:
        raise InputError([f"{asked.claim}: there is no such claim"])
    if asked.here:
        _not_large(at, "a claim")
        _write_claim(claim, at)
        return ["claims", MINE, "--worlds", "60", "--seeds", "4"]
    return ["claims", claim.id, "--worlds", "60", "--seeds", "4"]


COMMANDS: Mapping[str, Callable[[Asked, Situation], list[str]]] = {
    "run": _run,
    "levels": _levels,
    "why": _why,
    "compare": _compare,
    "decide": _decide,
    "sensitivity": _sensitivity,
    "claim": _claim,
}
MAIN_FACTORS = tuple(
    dict.fromkeys(["fit_effect", "talk", *pages.MAIN, *(p.name for p in PARAMETERS.values() if p.grade == "assumed")])
)


def _not_large(at: Situation, what: str) -> None:
    if (people := at.now.people()) > MOST_PEOPLE:
        raise InputError(
            [
                f"{people:,} people: for {what}, this page takes at most {MOST_PEOPLE:,}; the command line takes any "
                "number"
            ]
        )


def _write_claim(claim: Claim, at: Situation) -> None:
    """The claim in the settings at hand, as a file of one's own: what is set stays, its changes come before others."""
    import tomli_w

    raw = at.now.to_mapping()
    raw["changes"] = [*claim.changes, *raw.get("changes", [])]
    Path(CHANGED).write_text(Scenario.from_mapping(raw, at.now.name, at.now.folder).to_toml(), "utf-8")
    fixed = {name: value for name, value in at.settings.items() if name in PARAMETERS}
    here = claim.model_dump(exclude_none=True) | {
        "id": f"{claim.id}-here", "title": f"{claim.title}, in your setting", "scenario": CHANGED, "scenarios": [],
        "settings": {**fixed, **claim.settings}, "sizes": {}, "changes": [],
    }  # fmt: skip
    Path(MINE).write_text(tomli_w.dumps(here), "utf-8")
    _check_arms(Claim.load(MINE))


def _check_arms(claim: Claim) -> None:
    """Raise InputError where a claim compares what is the same in these settings."""
    base = claim.base()
    for test in claim.tests:
        arms = arms_of(test)
        keys = list(dict.fromkeys(key for arm in arms for key in arm.settings))
        if len({tuple(arm.settings.get(key, base.read(key)) for key in keys) for arm in arms}) < len(arms):
            raise InputError(
                [
                    f"This claim cannot be tested here: two of the cases that it compares ({', '.join(test.of)}) are "
                    "the same in your setting."
                ]
            )


# --- what came of it -------------------------------------------------------------------------------------------------
def _command(*words: str) -> dict[str, Any] | None:
    """Carry out a command in the working folder; what its report says. None: it has complained."""
    if valign([*words, "--out", RESULTS]):
        return None
    folder = next(path.parent for path in sorted(Path(RESULTS).rglob("report.html")))
    if folder != Path(RESULTS):  # a study keeps its results by size
        shutil.move(folder, "found")
        shutil.rmtree(RESULTS)
        shutil.move("found", RESULTS)
    saved = Saved(Path(RESULTS))
    work = saved.manifest["work"]
    title = saved.manifest.get("title") or render.title_of(Path(RESULTS))
    with speaking(saved.vocabulary):
        page = contents.CONTENTS[work["command"]](title, render.shown(saved), work)
    shutil.make_archive(RESULTS, "zip", RESULTS)
    return {
        "title": title, "question": page.question, "findings": list(page.findings), "certainty": list(page.certainty),
        "cautions": list(page.cautions),
        "figures": [
            {"name": each.name, "alt": each.alt, "heading": each.heading} for each in sorted(page.figures, key=_order)
        ],
        "tables": [_table(each) for each in page.tables if not each.folded][:2],
        "command": saved.manifest["command"].replace(f" --out {RESULTS}", ""),
    }  # fmt: skip


def _order(figure: Any) -> bool:
    """What moved alignment comes first, where that was asked."""
    return not figure.name.startswith("attribution")


def _table(table: Any) -> dict[str, Any]:
    rows: Sequence[Sequence[str]] = table.rows
    return {
        "heading": table.heading,
        "columns": list(table.columns),
        "rows": [list(map(str, row)) for row in rows[:60]],
    }
