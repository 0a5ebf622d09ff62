"""Figures and report.html of a folder of results, from its tables alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from . import figures, report, store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT = ("engaged", "ever_engaged", "in_use", "alignment")  # variables whose numbers are kept beside the figures
SHOWN = ("runs", "summary", "curves", "differences", "difference_curves", "observed", "parameters", "precision")
QUESTION = {
    "run": "What happens in this scenario, and how much do single runs differ?",
    "levels": "How do uptake and spread differ under different levels of alignment?",
    "compare": "What changes from the first scenario to the others?",
    "batch": "What came of the runs of a design?",
}


@dataclass(frozen=True)
class Drawn:
    """A figure with the name of its files, a text for those who cannot see it, and its data."""

    name: str
    figure: Figure
    alt: str
    data: pd.DataFrame


def draw(command: str, title: str, tables: Mapping[str, pd.DataFrame]) -> list[Drawn]:
    """The figures of a command's tables."""
    if command == "batch":
        return []
    curves, runs = tables["curves"], tables["runs"]
    data = curves[curves["variable"].isin(KEPT)]
    if command == "compare":
        count = len(runs) // runs["scenario"].nunique()
        return [Drawn(name, figures.comparison_figure(curves, tables["difference_curves"], f"{title}: {words}", count,
                                                      variable),
                      f"Lines over months for each scenario, and the paired differences from the first: {words}.", data)
                for name, variable, words in (("compare", "engaged", "uptake"), ("compare-spread", "in_use", "spread"))]
    if command == "levels":
        factors = [name for name in ("innovation", "evidence_strength") if name in runs]
        first = curves
        for name in factors:
            first = first[first[name] == runs[name].iloc[0]]
        each = len(runs) // len(runs.groupby(["alignment_level", *factors]))
        of = ", ".join(str(runs[name].iloc[0]) if name == "innovation" else
                       f"evidence strength {runs[name].iloc[0]:g}" for name in factors)
        words = f"{title}: what the level of alignment does" + (f" ({of})" if of else "")
        drawn = [Drawn("levels", figures.levels_figure(first, words, each),
                       "Uptake and spread over months, one line for each level of alignment.", data)]
        if factors:
            drawn.append(Drawn("levels-by", figures.factors_figure(tables["summary"], title, each),
                               "Uptake and spread at the end by strength of evidence and innovation, one line for each "
                               "level of alignment.", tables["summary"]))
        return drawn
    if "observed" in tables:
        figure = figures.observed_figure(curves, tables["observed"], f"{title}: simulated and observed", len(runs))
        return [Drawn("run", figure, "Simulated uptake with its band, and the observed curve over it.", data)]
    return [Drawn("run", figures.run_figure(curves, title, len(runs)),
                  "Uptake with bands, spread with its interval, and alignment by role, over months.", data)]


def publish(folder: Path, command: str, title: str, tables: Mapping[str, pd.DataFrame]) -> list[Drawn]:
    """Draw and save the figures of a folder. Raises StoreError where it cannot be written."""
    drawn = draw(command, title, tables)
    try:
        for each in drawn:
            figures.save(each.figure, folder, each.name, each.data)
    except OSError as error:
        raise store.StoreError(f"cannot write to {folder}: {error.strerror or error}") from None
    return drawn


def title_of(folder: Path) -> str:
    """Title of the scenario of a folder."""
    try:
        raw = tomllib.loads((folder / "scenario.toml").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise store.StoreError(f"{folder / 'scenario.toml'} cannot be read: {error}") from None
    return str(raw.get("title") or raw.get("name") or "scenario")


def rebuild(folder: Path) -> Path:
    """Draw the figures and write report.html anew from the tables of a folder; the path of the report.

    Raises StoreError where the folder holds no finished results or cannot be written.
    """
    saved = store.load(folder)
    if saved.manifest["status"] != "done":
        raise store.StoreError(f"{folder} is not finished: `valign resume {folder}` goes on")
    command = saved.manifest["work"].get("command", "run")
    if command not in QUESTION:
        raise store.StoreError(f"{folder} holds results of {command!r}, of which this version makes no report")
    tables = {name: saved[name] for name in saved.manifest["tables"] if name in SHOWN}
    title = title_of(folder)
    return write(folder, saved.manifest, title, tables, publish(folder, command, title, tables))


def write(folder: Path, manifest: Mapping[str, Any], title: str, tables: Mapping[str, pd.DataFrame],
          drawn: list[Drawn]) -> Path:
    """report.html: one file that opens anywhere, without a network."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    command = manifest["work"].get("command", "run")
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.get_template("report.html.j2").render(
        title=title, question=QUESTION[command], manifest=manifest, command=command,
        pictures=[{"name": each.name, "alt": each.alt, "svg": _inline(folder / f"{each.name}.svg", each.name)}
                  for each in drawn],
        findings=report.findings(command, tables), limits=report.LIMITS, remarks=report.remarks(tables["runs"]),
        table=report.main_table(command, tables), differences=report.detail_table(tables),
        parameters=tables["parameters"].to_dict("records") if "parameters" in tables else [],
        description=manifest.get("description", ""),
    )
    try:
        store.replace(folder / "report.html", text.encode("utf-8"))
    except OSError as error:
        raise store.StoreError(f"cannot write to {folder}: {error.strerror or error}") from None
    return folder / "report.html"


def _inline(path: Path, name: str) -> str:
    """An SVG to stand in a page: without its prologue, its identifiers made its own."""
    text = path.read_text("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg"):], count=1, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{name}-", text)
    for size in ("width", "height"):
        text = re.sub(rf'<svg ([^>]*?){size}="[^"]*" ?', r"<svg \1", text, count=1)
    return text
