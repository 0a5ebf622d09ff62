"""The page of a scenario as the machine serves it: the same as `valign page` makes, with what the machine adds.

What is too large for a browser gets a light page, whose bands the machine computes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from valign.experiments.actions.declaration import actions_from
from valign.experiments.claims.declaration import Claim, claim_ids
from valign.model.outcomes import OUTCOMES
from valign.model.parameters import PARAMETERS
from valign.model.scenario.scenario import Scenario, scenario_names
from valign.model.vocabulary import vocabulary

from ..page import build
from ..page.levers import MAIN, level_lever, parameter_lever
from .bands import RUNS
from .routes import TOKEN
from .situation import OWN

LIGHT = ("charts.js", "machine.js", "light.js")


def page_of(given: Mapping[str, Any], say: Callable[..., None]) -> dict[str, Any]:
    """Write `page.html` of a scenario. Raises InputError."""
    source = given["source"]
    if "folder" in source:
        shutil.copytree(source["folder"], ".", dirs_exist_ok=True)
    scenario = Scenario.load(OWN if "folder" in source else source["name"])
    say(told=f"{scenario.title or scenario.name}: the page is being made")
    light = scenario.people() > build.MOST_PEOPLE
    text = light_page(scenario) if light else build.page(scenario, worlds=build.worlds_shown(), extra=("machine.js",))
    Path("page.html").write_text(served(text, str(given["scenario"]), scenario.months), "utf-8")
    return {"title": scenario.title or scenario.name, "light": light}


def served(text: str, scenario: str, months: int) -> str:
    """The page with what the machine adds: leave to ask this server, a token, style, and what can be asked."""
    style = (build.STATIC / "machine.css").read_text("utf-8")
    offered = build.in_html(json.dumps({**catalogue(), "scenario": scenario, "years": min(20, -(-months // 12))}))
    script = '<script type="module">'
    for place, put in (
        ("connect-src ", "connect-src 'self' "),
        ("img-src data:", "img-src 'self' data:"),
        ("</style>", f"{style}</style>"),
        ("<body ", f'<body data-machine="{TOKEN}" '),
        (script, f'<script type="application/json" id="offered">{offered}</script>\n{script}'),
    ):
        if text.count(place) != 1:
            raise AssertionError(f"a page has {place!r} {text.count(place)} times")
        text = text.replace(place, put)
    return text


def catalogue() -> dict[str, Any]:
    """What can be asked for, in words."""
    words = vocabulary()["outcomes"]
    return {
        "scenarios": [{"name": each, "title": Scenario.load(each).title or each} for each in scenario_names()],
        "claims": [{"name": each, "title": f"{each}: {Claim.load(each).title}"} for each in claim_ids()],
        "actions": [{"name": each.id, "title": each.name} for each in actions_from(())],
        "outcomes": [{"name": each, "title": words[each]["label"]} for each in OUTCOMES],
        "settings": [{"name": each.name, "title": each.meaning} for each in PARAMETERS.values()],
    }


def light_page(scenario: Scenario) -> str:
    """A page without the model: levers, and places for what the machine computes."""
    levers = [level_lever(scenario), *(parameter_lever(scenario, name, label) for name, label in MAIN.items())]
    environment = Environment(
        loader=FileSystemLoader(build.STATIC), autoescape=select_autoescape(["j2", "html"]), undefined=StrictUndefined
    )
    services = sum(group.count for group in scenario.organisations)
    return environment.get_template("light.html.j2").render(
        title=scenario.title or scenario.name,
        name=scenario.name,
        innovation=scenario.innovation.name,
        services=services,
        people=scenario.people(),
        runs=RUNS,
        limits=build.limits(),
        colours={name: Markup(colour) for name, colour in build.COLOURS.items()},
        css=Markup((build.STATIC / "page.css").read_text("utf-8")),
        levers=Markup(build.in_html(json.dumps({"levers": levers, "innovation": scenario.innovation.name}))),
        script=Markup(build.in_html(build.script(LIGHT))),
    )
