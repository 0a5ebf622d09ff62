"""Figures and report.html of a folder of results, from its tables alone: one way and one template for every command."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from .. import store
from ..figures.drawing import Helper, save_all
from ..page import Page, Table
from ..plain_text import escape, visible
from ..saved import Saved, load
from ..vocabulary import speaking
from . import contents
from .findings import GRADES

# Tables that no report needs.
LONG = ("series", "decomposition", "events", "services", "agents", "effects", "reference", "posterior")
BRIEF = "brief.html"  # one sheet of paper, with one figure


def publish(
    folder: Path,
    command: str,
    title: str,
    tables: Mapping[str, pd.DataFrame],
    work: Mapping[str, Any] | None = None,
    helper: Helper | None = None,
    first: bool = False,
) -> Page:
    """Draw and save the figures of a folder; what its report holds. Raises StoreError where it cannot be written.

    helper : draws some of them. first : only the first figure is drawn, and is in the page.
    """
    page = contents.CONTENTS[command](title, tables, work or {})
    if first:
        page = replace(page, figures=page.figure_of_sheet)
    try:
        save_all(page.figures, folder, tables, helper)
    except OSError as error:
        raise store.cannot_write(folder, error) from None
    return page


def rebuild(
    folder: Path,
    tables: Mapping[str, pd.DataFrame] | None = None,
    helper: Helper | None = None,
    name: str = "report.html",
) -> Path:
    """Draw the figures and write the report (anew) from the tables of a folder; its path.

    tables: those of the folder, where they are at hand. helper: draws some of the figures. name: a template's, without
    its ending: report.html, or brief.html for one sheet of paper.
    Raises StoreError where the folder holds no finished results or cannot be written.
    """
    saved = load(folder)
    if tables is None:
        saved.check()
    work = saved.manifest["work"]
    command = work.get("command", "run")
    if command not in contents.CONTENTS:
        raise store.StoreError(f"{folder} holds results of {command!r}, which this version of valign cannot report on")
    title = saved.manifest.get("title") or title_of(folder)
    tables = shown(saved) if tables is None else tables
    with speaking(saved.vocabulary):
        page = publish(folder, command, title, tables, work, helper, name == BRIEF)
        return write(folder, saved.manifest, title, tables, page, name)


def shown(saved: Saved) -> dict[str, pd.DataFrame]:
    """The tables that a report may need."""
    return {name: saved[name] for name in saved.manifest["tables"] if name not in LONG}


def title_of(folder: Path) -> str:
    """Title of the scenario of a folder."""
    raw = _scenario(folder)
    return str(raw.get("title") or raw.get("name") or "scenario")


def _scenario(folder: Path) -> dict[str, Any]:
    try:
        return _parsed((folder / "scenario.toml").read_text("utf-8"), str(folder / "scenario.toml"))
    except (OSError, UnicodeDecodeError) as error:
        raise store.StoreError(f"{folder / 'scenario.toml'} cannot be read: {error}") from None


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise store.StoreError(f"{where} cannot be read: {error}") from None


def write(
    folder: Path,
    manifest: Mapping[str, Any],
    title: str,
    tables: Mapping[str, pd.DataFrame],
    page: Page,
    name: str = "report.html",
) -> Path:
    """One file that opens anywhere, without a network."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(coded=_coded, shortened=_shortened)
    parts = [part.strip("\n") for part in manifest.get("description", "").split("\n\n") if part.strip()]
    asked = 2 if len(parts) > 2 else 1  # what is told beside the question; the rest is what was simulated
    text = environment.get_template(f"{name}.j2").render(
        title=title,
        page=page,
        manifest=manifest,
        scenario=manifest["work"].get("scenario", ""),
        figures=[
            {
                "name": each.name,
                "heading": each.heading,
                "alt": each.alt,
                "svg": _inline(folder / f"{each.name}.svg", each.name),
            }
            for each in page.figures
        ],
        numbers=[each for each in page.tables if not each.folded],
        folded=[each for each in page.tables if each.folded],
        values=_values(manifest["work"].get("scenario", "")),
        assumptions=_assumptions(tables.get("parameters")),
        grades=_grades(tables.get("parameters")),
        asked=parts[:asked],
        simulated=parts[asked:],
    )
    try:
        store.replace(folder / name, text.encode("utf-8"))
        store.write_crate(folder, manifest)
    except OSError as error:
        raise store.cannot_write(folder, error) from None
    return folder / name


def _coded(sentence: str) -> str:
    """A sentence as HTML, `code` marked as such."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence, quote=False))


def _shortened(text: str, most: int) -> str:
    """As many whole sentences of a text as have room in so many characters, at least one."""
    sentences = re.split(r"(?<=[.:;]) ", " ".join(text.split()))
    while len(sentences) > 1 and len(" ".join(sentences)) > most:
        sentences.pop()
    return " ".join(sentences)


def _shown(value: Any) -> Any:
    """What a template shows: texts without hidden characters; what is HTML already as it is."""
    return visible(value, "\n\t") if type(value) is str else value


def _assumptions(parameters: pd.DataFrame | None) -> Table | None:
    """Every parameter with its value, where it comes from and how well it is known."""
    if parameters is None or parameters.empty:
        return None
    rows = [
        [
            p["name"],
            f"{p['value']:g}",
            f"{p['low']:g} to {p['high']:g}",
            p["unit"],
            p["meaning"],
            p["grade"],
            p["source"],
        ]
        for p in parameters.to_dict("records")
    ]
    return Table(
        "Parameters", ("parameter", "value", "plausible range", "unit", "meaning", "grade", "source"), rows, words=True
    )


def _values(scenario: str) -> Table | None:
    """What the innovation stands for beside what people value, the values that count most first."""
    raw = _parsed(scenario, f"the scenario in {store.MANIFEST}")
    innovation, profiles = raw.get("innovation", {}), raw.get("profiles", {})
    emphasis = innovation.get("emphasis", {})
    if not emphasis or not profiles:
        return None
    rows = [
        [
            name.replace("_", " "),
            f"{100 * weight:.0f} %",
            f"{innovation['values'].get(name, math.nan):g}",
            *(f"{profile.get(name, math.nan):g}" for profile in profiles.values()),
        ]
        for name, weight in sorted(emphasis.items(), key=lambda pair: -pair[1])
    ]
    return Table(
        "What the innovation stands for, and what people value (0: not at all, 1: wholly)",
        (
            "value",
            "counts for fit",
            innovation.get("name") or "innovation",
            *(name.replace("_", " ") for name in profiles),
        ),
        rows,
    )


def _grades(parameters: pd.DataFrame | None) -> str:
    """How many parameters are measured, inferred and assumed."""
    if parameters is None or parameters.empty:
        return ""
    counts = parameters["grade"].value_counts()
    told = [f"{counts[grade]} are {words}" for grade, words in GRADES.items() if grade in counts]
    return (
        f"The model has {len(parameters)} parameters. Of these, {', '.join(told[:-1])} and {told[-1]}."
        if len(told) > 1
        else f"The model has {len(parameters)} parameters: {told[0]}."
    )


def _inline(path: Path, name: str) -> str:
    """An SVG to stand in a page: without its prologue, its identifiers made its own."""
    text = path.read_text("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{name}-", text)
    for size in ("width", "height"):
        text = re.sub(rf'<svg ([^>]*?){size}="[^"]*" ?', r"<svg \1", text, count=1)
    width = float(text.split('viewBox="', 1)[1].split('"', 1)[0].split()[2])  # in points; letters near their true size
    return text.replace("<svg ", f'<svg style="max-width: {1.45 * width:.0f}px" ', 1)
