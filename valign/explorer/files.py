"""What comes in and goes out: one's own scenario, survey and network; TOML, tables, figures and report."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from valign.experiments.compare import compare
from valign.experiments.simulate import simulate
from valign.model.compiled.compiling import sources_hash
from valign.model.errors import InputError
from valign.model.reading import TomlError, decoded, parse_toml, read_csv, reason
from valign.model.society.generate import Society
from valign.model.society.tables import society_from_tables
from valign.results import store
from valign.results.reports import render

from ..cli.job import parameters_of
from ..scenario_text import in_words
from .state import MOST_PEOPLE, MOST_SERVICES, MOST_TOML, SEED, SOCIETIES, Settings
from .work import Ensemble

MOST_TABLE, MOST_TIES = 5_000_000, 400_000  # bytes of a table; rows of a network
KINDS = {
    "scenario": "scenario (TOML)",
    "nodes": "survey: people (CSV)",
    "edges": "network: ties (CSV)",
    "codebook": "codebook (TOML), if columns need one",
}


def _text(content: bytes, what: str, most: int) -> str:
    if len(content) > most:
        raise InputError([f"{what}: {len(content):,} bytes; at most {most:,} are taken"])
    try:
        return decoded(content)
    except ValueError as error:
        raise InputError([f"{what}: {error}"]) from None


def own_scenario(content: bytes) -> Settings:
    """Settings of an uploaded scenario. Raises InputError with everything that is wrong with it."""
    text = _text(content, "scenario", MOST_TOML)
    settings = Settings("uploaded scenario", text)
    if not text.strip():
        raise InputError(["scenario: the file is empty"])
    return replace(settings, scenario=settings.whole().name)


def own_society(files: Mapping[str, bytes], settings: Settings) -> Society:
    """The society of an uploaded survey and network, for the scenario at hand.

    files : "nodes" and "edges" (CSV), perhaps "codebook" (TOML). Raises InputError with everything that is wrong.
    """
    if missing := [KINDS[name] for name in ("nodes", "edges") if name not in files]:
        raise InputError([f"survey and network go together: still missing is the {missing[0]}"])
    book = None
    if "codebook" in files:
        try:
            book = parse_toml(_text(files["codebook"], "codebook", MOST_TOML))
        except TomlError as error:
            raise InputError([f"codebook: {error}"]) from None
    nodes, edges = (_table(files[name], name, most) for name, most in (("nodes", MOST_PEOPLE), ("edges", MOST_TIES)))
    society = society_from_tables(nodes, edges, book, settings.base())
    if len(society.key) > MOST_SERVICES:
        raise InputError([f"survey: {len(society.key):,} organisations; at most {MOST_SERVICES:,} are taken"])
    return society


def _table(content: bytes, what: str, most: int) -> pd.DataFrame:
    text = _text(content, what, MOST_TABLE)
    try:
        table = read_csv(text, dtype=str, keep_default_na=False)
    except (ValueError, OverflowError, RecursionError) as error:  # pandas' parser errors are ValueErrors
        raise InputError([f"{what}: cannot be read as CSV: {reason(error)}"]) from None
    if len(table) > most:
        raise InputError([f"{what}: more than {most:,} rows"])
    return table


def scenario_file(settings: Settings) -> bytes:
    """The scenario with all settings as TOML."""
    return settings.whole().to_toml().encode()


def bundle(found: Ensemble, pinned: Ensemble | None) -> bytes:
    """A zip with report.html, figures, tables and the scenario: what `valign run` or `compare` leave in a folder."""
    scenario, society = found.scenario, found.question.society
    shown = [found] if pinned is None else [pinned, found]
    runs = min(len(each.runs) for each in shown)
    societies = None if society is not None else min(SOCIETIES, runs)

    started = datetime.now(UTC)
    if pinned is not None:
        command = "compare"
        both = dict(zip(("pinned", "now"), shown, strict=True))
        own = {name: each.question.society for name, each in both.items() if each.question.society is not None}
        scenarios = {name: each.scenario for name, each in both.items()}
        tables = compare(scenarios, runs, SEED, min(SOCIETIES, runs), ("series",), society=own).tables(
            {"uptake_final": 0.01}
        )
        asked: dict[str, Any] = {"scenarios": {name: each.scenario.to_toml() for name, each in both.items()}}
    else:
        command, asked = "run", {}
        tables = simulate(scenario, runs, SEED, societies, ("series",), threads=1, society=society).tables()
    tables["parameters"] = parameters_of(scenario)
    toml, title = scenario.to_toml(), scenario.title or scenario.name
    if any(each.question.society is not None for each in shown):
        title += " (uploaded survey and network)"
    work = {
        "command": command,
        "scenario": toml,
        "runs": runs,
        "seed": SEED,
        "societies": societies,
        "code": sources_hash(),
        **asked,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = render.publish(folder, command, title, tables)
        manifest = store.save(
            folder,
            tables,
            work,
            scenario=toml,
            started=started,
            description=in_words(scenario),
            command="valign explore",
        )
        render.write(folder, manifest, title, tables, drawn)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        return packed.getvalue()
