"""One HTML file that holds the model, a scenario and all that the page is made of; it asks nobody for anything."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from valign.calibration.data.questionnaire import Questionnaire
from valign.calibration.data.workbook import has_questionnaire
from valign.calibration.data.workbook import page as questionnaire_page
from valign.calibration.diagnose.society import standing
from valign.experiments.actions.declaration import actions_from
from valign.experiments.worlds import shipped
from valign.experiments.worlds import worlds as known_worlds
from valign.model.compiled.kernel_sources import MODEL, stale
from valign.model.errors import InputError
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario
from valign.model.vocabulary import vocabulary
from valign.results import palette
from valign.results.reports import diagnosis
from valign.results.reports.diagnosis_text import groups
from valign.results.reports.findings import GRADES, LIMITS

from .image import image, kernels
from .levers import CLOSER, answered

STATIC = Path(__file__).with_name("static")
MODULES = (  # in the order in which they are put together
    "charts.js",
    "engine.js",
    "setting.js",
    "several.js",
    "store.js",
    "answers.js",
    "controls.js",
    "results.js",
    "society.js",
    "unknowns.js",
    "trials.js",
    "questions.js",
    "workshop.js",
    "page.js",
)
MOST_PEOPLE, MOST_SCENARIOS, WORLDS = 5000, 6, 200
NOTE = """\
What this folder needs
======================
index.html is all of it: put it on any web server that sends files, at any address, under any path. It needs no program
on the server, no database, no cookie, and asks for nothing else; whoever opens it runs the model in the browser
(Chrome or Edge from version 91, Firefox from 113, Safari from 16.4). Over https, if people are to trust it.

Packing (gzip or brotli), if the server does that, saves a quarter of the bytes. Nothing has to be kept from caches.

The page carries its own Content-Security-Policy. A server may send it as a header too, with more that only a header can
say. _headers is read by hosts that know such a file (Netlify, Cloudflare Pages) and ignored by others. What must be in
it: 'wasm-unsafe-eval', or the browser refuses the model; worker-src blob:, or it refuses to compute beside the page.
For nginx:

"""
COLOURS = {
    "ink": palette.INK,
    "muted": palette.MUTED,
    "grid": palette.GRID,
    "main": palette.MAIN,
    "light": palette.LIGHT,
    "pinned": palette.PINNED,
    "chosen": palette.CHOSEN,
    **{f"line-{n}": colour for n, colour in enumerate((palette.MAIN, *palette.ORDERED, palette.FURTHER[0]), 1)},
    **palette.STAGES,
}


def page(
    scenario: Scenario,
    *,
    societies: int | None = None,
    seed: int = 1,
    worlds: pd.DataFrame | None = None,
    repeat: str = "",
    extra: tuple[str, ...] = (),
    others: Mapping[str, Scenario] | None = None,
) -> str:
    """The page of a scenario, as HTML.

    societies, seed, worlds, repeat : as for `image`. extra : modules that the page has besides. others : scenarios that
    it can show instead, by the line that repeats them.

    Raises InputError where a scenario is too large for a page, two have one name, or the model for the browser is not
    there.
    """
    if why := stale():
        raise InputError([f"a page cannot be made: {why} (`make wasm` makes it anew)"])
    all_of_them = {repeat: scenario, **(others or {})}
    _check(list(all_of_them.values()))

    def made(line: str) -> str:
        return packed(image(all_of_them[line], societies=societies, seed=seed, worlds=worlds, repeat=line))

    several = [{"name": scenario.name, "title": scenario.title or scenario.name}] + [
        {
            "name": each.name,
            "title": each.title or each.name,
            "image": made(line),
            "further": _further(each, worlds),
            "fixed": _fixed(each),
        }
        for line, each in (others or {}).items()
    ]
    environment = Environment(
        loader=FileSystemLoader(STATIC), autoescape=select_autoescape(["j2", "html"]), undefined=StrictUndefined
    )
    return environment.get_template("page.html.j2").render(
        title=scenario.title or scenario.name,
        name=scenario.name,
        doubt=_doubt(worlds),
        limits=limits(),
        fixed=_fixed(scenario),
        about=_about(),
        licences=licences(),
        colours={name: Markup(colour) for name, colour in COLOURS.items()},
        kernels=kernels(),
        css=Markup((STATIC / "page.css").read_text("utf-8")),
        wasm=packed((MODEL / "compiled" / "month.wasm").read_bytes()),
        image=made(repeat),
        further=Markup(in_html(json.dumps(_further(scenario, worlds)))),
        several=Markup(in_html(json.dumps(several if others else []))),
        worker=Markup(in_html(json.dumps((STATIC / "worker.js").read_text("utf-8")))),
        script=Markup(in_html(script((*MODULES[:-1], *extra, MODULES[-1])))),
    )


def _check(scenarios: list[Scenario]) -> None:
    problems = [
        f"{each.name} has {each.people():,} people; a page holds at most {MOST_PEOPLE:,} "
        "(`valign run` takes any number)"
        for each in scenarios
        if each.people() > MOST_PEOPLE
    ]
    if len(scenarios) > MOST_SCENARIOS:
        problems.append(f"{len(scenarios)} scenarios: a page holds at most {MOST_SCENARIOS}")
    names = [each.name for each in scenarios]
    problems += [f"two scenarios are called {name}" for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise InputError(problems)


def _fixed(scenario: Scenario) -> list[tuple[str, str, str]]:
    """Settings that shape the society itself: name, meaning, value."""
    return [(name, p.meaning, f"{scenario.value(name):g}") for name, p in PARAMETERS.items() if p.scope == "society"]


def worlds_shown(count: int | None = None) -> pd.DataFrame | None:
    """Worlds that agree with what is known, for a page (None: as many as it can show, where there are any)."""
    count = (WORLDS if shipped() else 0) if count is None else count
    return known_worlds(count) if count else None


def _further(scenario: Scenario, worlds: pd.DataFrame | None) -> dict[str, Any]:
    """What a page needs beside the image: how far people are moved, words for what is not known, the questionnaire."""
    words = vocabulary()["parameters"]
    columns = [] if worlds is None else [str(name) for name in worlds if name in PARAMETERS]
    unknowns = {name: _unknown(name, words[name]) for name in columns}
    form = questionnaire_page(Questionnaire(scenario.innovation.name), []) if has_questionnaire(scenario) else ""
    stands = _standing(scenario)
    return {
        "closer": CLOSER, "unknowns": unknowns, "people": answered(scenario), "questionnaire": form, "stands": stands,
    }  # fmt: skip


def _standing(scenario: Scenario) -> dict[str, Any] | None:
    """Who stands where by a questionnaire: sentences and tables as its diagnosis has them; None without one."""
    tables = standing(scenario)
    if tables is None:
        return None
    found = [
        {"heading": each.heading, "columns": each.columns, "rows": each.rows} for each in diagnosis.standing(tables)
    ]
    return {"said": groups(tables), "tables": found}


def _unknown(name: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """What a parameter is, in words, and between which values it is thought to lie."""
    known = {"grade": GRADES[PARAMETERS[name].grade]}
    return {key: words[key] for key in ("label", "meaning", "unit", "low", "high")} | known


def site(text: str) -> dict[str, str]:
    """A page as the files of a folder for any web server: the page, headers, and a note on what it needs."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert found is not None
    headers = {
        "Content-Security-Policy": f"{found[1]}; frame-ancestors 'self'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return {
        "index.html": text,
        "_headers": "/*\n" + "".join(f"  {name}: {value}\n" for name, value in headers.items()),
        "NOTE.txt": NOTE + "".join(f'  add_header {name} "{value}" always;\n' for name, value in headers.items()),
    }


def packed(data: bytes) -> str:
    """gzip and base64: the same bytes for the same data."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def script(modules: tuple[str, ...] = MODULES) -> str:
    """The modules of the page as one: pages from disk cannot import modules."""
    parts = [(STATIC / name).read_text("utf-8") for name in modules]
    joined = "\n".join(re.sub(r"^import .*;\n", "", part, flags=re.M) for part in parts)
    joined = re.sub(r'import\("\./\w+\.js"\)\.', "", joined)  # in comments: names of types
    return re.sub(r"^export ", "", joined, flags=re.M)


def in_html(text: str) -> str:
    """Text within an element of a script, which it must not end."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def _doubt(worlds: pd.DataFrame | None) -> str:
    if worlds is None:
        return "What is not known about parameters is not in the bands."
    return (
        "Dotted: not knowing, over parameters that agree with published facts, chance included: the range to quote. "
        "Its middle may lie elsewhere, since the usual values are only one of those that may be true."
    )


def limits() -> tuple[str, ...]:
    """What not to conclude from a page."""
    return LIMITS[0], _not_covered(), _of_actions(), LIMITS[2]


def _not_covered() -> str:
    assumed = sum(p.grade == "assumed" for p in PARAMETERS.values())
    return (
        f"The bands do not cover what the model leaves out. {assumed} of its {len(PARAMETERS)} parameters are assumed "
        "rather than measured."
    )


def _of_actions() -> str:
    actions = actions_from()
    assumed = sum(each.grade == "assumed" for each in actions)
    inferred = sum(each.grade == "inferred" for each in actions)
    costs = sum(each.cost.source.startswith("assumed") for each in actions)
    return (
        f"Of {len(actions)} actions, the size of the effect is assumed for {assumed} and inferred from related studies "
        f"for {inferred}; the costs of {costs} are assumed. The ? beside each says more."
    )


def _about() -> list[str]:
    return [
        "This page holds the whole model: the same compiled code that valign runs on a computer, as WebAssembly. "
        "Nothing leaves your browser. On opening, it computes four runs and compares them with those that "
        "valign computed when the page was made; where they differ, it shows no numbers.",
        "What people and services do in a month is written down in the model's ODD (docs/ODD.md of valign), with a "
        "source and a grade for every parameter.",
    ]


def licences() -> dict[str, str]:
    """Licence texts of all that is in a page: valign, and Numba, of which compiled code holds parts."""
    return {
        "valign (MIT)": _own_licence(),
        "Numba (BSD 2-Clause), of which the compiled model holds parts": _licence("numba"),
    }


def _own_licence() -> str:
    beside = Path(__file__).resolve().parents[2] / "LICENSE"
    return beside.read_text("utf-8") if beside.is_file() else _licence("valign")


def _licence(name: str) -> str:
    try:
        files: Any = distribution(name).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name.upper().startswith("LICEN") and "third" not in file.name.lower():
            return file.read_text("utf-8")
    raise InputError([f"a page cannot be made: the licence of {name} was not found in its package"])
